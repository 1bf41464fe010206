/* What is left of a judged request: records for the ledger, entries of ModSecurity's audit log and
 * lines of nginx's error log where they are asked for, figures, and variables for access logs.
 *
 * Records name rules, variables and lengths. The bytes that matched are kept sealed (keep.c), and
 * in an audit log, if one is configured; cut by law 5 in both. */
#include "rules.h"

#include "../audit/audit.h"
#include "../record/facts.h"
#include "base/clock.h"

enum {
    HEADERS_MAX = 200,
    MATCHES_MAX = 500,
    SCRATCH_MIN = 1024 * 1024,
    SCRATCH_FACTOR = 40,
    ENTRY_LINE_BYTES = 8 * 1024
};

/* ---- matches ---- */

void guard_rule_ids_put(const guard_judge_t *j, bool logged_only, buf_t *out)
{
    size_t count = j->tx ? engine_tx_matches(j->tx) : 0;
    bool first = true;
    for (size_t i = 0; i < count && out->cap - out->len > 12; i++) {
        const engine_match_t *m = engine_tx_match(j->tx, i);
        if (logged_only && !m->log) {
            continue;
        }
        buf_cstr(out, first ? "" : ",");
        buf_dec(out, m->id);
        first = false;
    }
}

size_t guard_matches_logged(const guard_judge_t *j)
{
    size_t n = 0;
    for (size_t i = 0; j->tx && i < engine_tx_matches(j->tx); i++) {
        n += engine_tx_match(j->tx, i)->log;
    }
    return n;
}

/* The anomaly score of CRS 3 and 4; false without one. */
static bool score_of(guard_judge_t *j, int64_t *ret_score)
{
    static const char *const NAMES[] = {"TX:blocking_inbound_anomaly_score", "TX:anomaly_score",
                                        "TX:inbound_anomaly_score"};
    for (size_t i = 0; j->tx && i < BASE_COUNT(NAMES); i++) {
        slice_t text;
        if (!err_failed(engine_tx_variable(j->tx, slice_cstr_in(NAMES[i]), &text)) &&
            !err_failed(slice_parse_i64(text, 0, 1000000, ret_score))) {
            return true;
        }
    }
    return false;
}

/* ---- records ---- */

static void record_add(ngx_http_request_t *r, const guard_ctx_t *ctx, ledger_type_t type,
                       size_t count, const buf_t *facts)
{
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    guard_sender_add(&(ledger_record_t){
        .type = type,
        .request = ctx->id,
        .address = guard_pseudonym(conf, "address", guard_slice(r->connection->addr_text)),
        .count = (uint32_t)count,
        .facts = buf_slice(facts)});
}

static void matched_record(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j,
                           size_t logged)
{
    uint8_t mem[FACTS_RULES_BYTES];
    buf_t facts = BUF_ON_ARRAY(mem);
    int64_t score = -1;
    (void)score_of(j, &score);
    facts_rules_begin(&facts, guard_verdict_name(guard_verdict_of(j)), score);
    for (size_t i = 0; i < engine_tx_matches(j->tx); i++) {
        const engine_match_t *m = engine_tx_match(j->tx, i);
        if (m->log) {
            facts_rule_put(&facts, m->id, m->var, m->raw.len, m->severity);
        }
    }
    record_add(r, ctx, LEDGER_RULE_MATCHED, logged, &facts);
}

static void blocked_record(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j)
{
    uint8_t mem[160];
    buf_t facts = BUF_ON_ARRAY(mem);
    int64_t score;
    ledger_fact_i64(&facts, "rule", j->verdict.rule_id);
    ledger_fact_i64(&facts, "phase", j->verdict.phase);
    ledger_fact(&facts, "how", slice_cstr_in(guard_verdict_name(guard_verdict_of(j))));
    ledger_fact_i64(&facts, "status", (int64_t)guard_judge_status(j));
    if (score_of(j, &score)) {
        ledger_fact_i64(&facts, "score", score);
    }
    record_add(r, ctx, LEDGER_RULE_BLOCKED, 1, &facts);
}

/* ---- audit log and error log ---- */

typedef struct listing {
    audit_header_t *at;
    size_t n;
} listing_t;

static ngx_int_t header_list(void *user, slice_t name, slice_t value)
{
    listing_t *l = user;
    if (l->n < HEADERS_MAX) {
        l->at[l->n++] = (audit_header_t){name, value};
    }
    return NGX_OK;
}

static void answer_headers_list(ngx_http_request_t *r, listing_t *l)
{
    if (r->headers_out.content_type.len) {
        (void)header_list(l, SLICE("Content-Type"), guard_slice(r->headers_out.content_type));
    }
    for (ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
        ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (h[i].hash) {
                (void)header_list(l, guard_slice(h[i].key), guard_slice(h[i].value));
            }
        }
    }
}

static void addresses_put(ngx_http_request_t *r, arena_t *a, audit_entry_t *e)
{
    ngx_str_t at = ngx_null_string;
    e->client_addr = guard_slice(r->connection->addr_text);
    e->client_port = (uint16_t)ngx_inet_get_port(r->connection->sockaddr);
    at.data = arena_alloc(a, NGX_SOCKADDR_STRLEN);
    at.len = NGX_SOCKADDR_STRLEN;
    if (at.data && ngx_connection_local_sockaddr(r->connection, &at, 0) == NGX_OK) {
        e->server_addr = guard_slice(at);
        e->server_port = (uint16_t)ngx_inet_get_port(r->connection->local_sockaddr);
    }
}

/* Everything of the request that an entry can show. False without memory. */
static bool entry_fill(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j, arena_t *a,
                       bool audited, audit_entry_t *e)
{
    ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    listing_t in = {.at = ARENA_ARRAY(a, audit_header_t, HEADERS_MAX)},
              out = {.at = ARENA_ARRAY(a, audit_header_t, HEADERS_MAX)};
    const engine_match_t **matches = ARENA_ARRAY(a, const engine_match_t *, MATCHES_MAX);
    size_t n = 0, count;
    if (!in.at || !out.at || !matches) {
        return false;
    }
    for (size_t i = 0; i < engine_tx_matches(j->tx) && n < MATCHES_MAX; i++) {
        const engine_match_t *m = engine_tx_match(j->tx, i);
        if (audited ? m->audit : m->log) {
            matches[n++] = m;
        }
    }
    (void)guard_headers_each(ctx, &in, header_list);
    answer_headers_list(r, &out);
    const engine_settings_t *settings = engine_tx_settings(j->tx);
    *e = (audit_entry_t){.id = j->unique_id,
                         .host = guard_slice(server->server_name),
                         .wall_us = clock_wall_us(),
                         .method = j->method,
                         .uri = guard_slice(r->unparsed_uri),
                         .protocol = guard_slice(r->http_protocol),
                         .request_headers = in.at,
                         .request_header_count = in.n,
                         .request_type = guard_header(r, "content-type", &count),
                         .status = (unsigned)r->headers_out.status,
                         .response_headers = out.at,
                         .response_header_count = out.n,
                         .response_type = guard_slice(r->headers_out.content_type),
                         .matches = matches,
                         .match_count = n,
                         .mode = settings->mode,
                         .parts = settings->audit_parts};
    if (guard_verdict_of(j) != GUARD_VERDICT_DETECT) {
        e->blocking_rule = j->verdict.rule_id;
        e->blocking_phase = j->verdict.phase;
        e->blocking_status = (unsigned)guard_judge_status(j);
    }
    if (ctx->body_asked) {
        (void)guard_body_of(r, &e->request_body);
    }
    if (j->answer && !j->swallows) {
        e->response_body = slice_make(j->answer->mem, j->answer->len);
    }
    addresses_put(r, a, e);
    return true;
}

/* One write: entries of several workers never mix. A full disk loses entries, counted, and never
 * holds a request up. */
static void audit_write(ngx_http_request_t *r, const guard_judge_t *j, slice_t text)
{
    union {
        const uint8_t *ro;
        u_char *rw;
    } at = {.ro = text.ptr};
    ssize_t n = ngx_write_fd(j->rules->audit_log->fd, at.rw, text.len);
    if (n != (ssize_t)text.len) {
        guard_count_add(GUARD_COUNT_AUDIT_LOST, 1);
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, n < 0 ? ngx_errno : 0,
                      "sekisho: an audit entry could not be written");
    }
}

static void audit_log(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j, arena_t *a)
{
    audit_entry_t entry;
    buf_t out;
    bool made = entry_fill(r, ctx, j, a, true, &entry);
    size_t bytes = made ? audit_bytes_max(&entry) : 0;
    a->max_bytes += bytes + SCRATCH_FACTOR * bytes / 16;
    err_t e = made ? arena_buf(a, bytes, &out) : FAIL(ERR_MEMORY);
    if (!err_failed(e)) {
        e = engine_tx_settings(j->tx)->audit_json ? audit_json_put(&entry, a, &out)
                                                  : audit_serial_put(&entry, a, &out);
    }
    if (err_failed(e)) {
        guard_count_add(GUARD_COUNT_AUDIT_LOST, 1);
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "sekisho: an audit entry could not be made: %s", err_text(e.code));
        return;
    }
    audit_write(r, j, buf_slice(&out));
}

/* Warnings at level info, blocks at level error, as ModSecurity's own module writes them. */
static void error_log(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j, arena_t *a)
{
    audit_entry_t entry;
    if (!entry_fill(r, ctx, j, a, false, &entry)) {
        return;
    }
    for (size_t i = 0; i < entry.match_count; i++) {
        buf_t line;
        const engine_match_t *m = entry.matches[i];
        ngx_uint_t level =
            entry.blocking_rule && m->id == entry.blocking_rule ? NGX_LOG_ERR : NGX_LOG_INFO;
        if (err_failed(arena_buf(a, ENTRY_LINE_BYTES, &line))) {
            return;
        }
        audit_match_put(&entry, m, a, &line);
        ngx_log_error(level, r->connection->log, 0, "%*s", line.len, line.ptr);
    }
}

static bool error_log_listens(ngx_http_request_t *r, const guard_judge_t *j)
{
    ngx_uint_t level = r->connection->log->log_level;
    return j->conf->error_log &&
           (level >= NGX_LOG_INFO || (level >= NGX_LOG_ERR && j->verdict.rule_id != 0));
}

static void logs_write(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j,
                       size_t logged)
{
    arena_t a BASE_CLEANUP(arena_deinit) = {0};
    bool audited = j->rules->audit_log && engine_tx_audit(j->tx);
    bool lined = logged && error_log_listens(r, j);
    if (!audited && !lined) {
        return;
    }
    arena_init(&a, SCRATCH_MIN + SCRATCH_FACTOR * (size_t)r->request_length +
                       (size_t)ENTRY_LINE_BYTES * 8 * MATCHES_MAX);
    if (audited) {
        audit_log(r, ctx, j, &a);
    }
    if (lined) {
        error_log(r, ctx, j, &a);
    }
}

/* ---- figures ---- */

static void figures_add(const guard_judge_t *j, size_t logged)
{
    guard_count_add(GUARD_COUNT_VERDICT + (unsigned)guard_verdict_of(j), 1);
    guard_count_add(GUARD_COUNT_MATCHES, logged);
    guard_count_add(GUARD_COUNT_ANSWER_BLOCKS,
                    !j->verdict.detect_only && j->verdict.phase >= ENGINE_RESPONSE_HEADERS);
    guard_count_add(GUARD_COUNT_JUDGE_US, j->took_us);
    if (j->tx) {
        engine_stats_t s = engine_tx_stats(j->tx);
        guard_count_add(GUARD_COUNT_RULES, s.rules);
        guard_count_add(GUARD_COUNT_VALUES, s.values);
        guard_count_add(GUARD_COUNT_REGEXES, s.regexes);
        guard_count_add(GUARD_COUNT_REGEX_LIMITS, s.regex_limits);
        guard_count_add(GUARD_COUNT_TRANSFORMS, s.transforms);
        guard_count_add(GUARD_COUNT_SCANNED, s.scanned_bytes);
    }
}

void guard_after(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    guard_judge_t *j = ctx->judge;
    if (!j || (j->done & (1U << ENGINE_LOGGING))) {
        return;
    }
    j->done |= 1U << ENGINE_LOGGING;
    engine_verdict_t ignored;
    if (j->tx && err_failed(engine_tx_run(j->tx, ENGINE_LOGGING, &ignored))) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sekisho: the rules of the logging phase could not be run");
    }
    size_t logged = guard_matches_logged(j);
    guard_verdict_t verdict = guard_verdict_of(j);
    if (logged) {
        matched_record(r, ctx, j, logged);
    }
    if (verdict == GUARD_VERDICT_DENY || verdict == GUARD_VERDICT_DROP ||
        verdict == GUARD_VERDICT_REDIRECT) {
        blocked_record(r, ctx, j);
    }
    if (j->tx) {
        logs_write(r, ctx, j, logged);
    }
    figures_add(j, logged);
}

/* ---- $sekisho_verdict, $sekisho_rules, $sekisho_score ---- */

typedef enum var_kind { VAR_VERDICT, VAR_RULES, VAR_SCORE } var_kind_t;

static void var_put(guard_judge_t *j, var_kind_t kind, buf_t *out)
{
    int64_t score;
    switch (kind) {
    case VAR_VERDICT:
        buf_cstr(out, guard_verdict_name(j ? guard_verdict_of(j) : GUARD_VERDICTS));
        return;
    case VAR_RULES:
        if (j) {
            guard_rule_ids_put(j, true, out);
        }
        return;
    case VAR_SCORE:
    default:
        if (j && score_of(j, &score)) {
            buf_dec(out, score);
        }
    }
}

static ngx_int_t var_get(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    enum { CAP = 1000 };
    guard_ctx_t *ctx = guard_ctx_find(r);
    u_char *mem = ngx_pnalloc(r->pool, CAP);
    if (!mem) {
        return NGX_ERROR;
    }
    buf_t out = buf_on(mem, CAP);
    var_put(ctx ? ctx->judge : NULL, (var_kind_t)data, &out);
    v->data = mem;
    v->len = (unsigned)out.len & 0xfffffff;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = out.len == 0;
    return NGX_OK;
}

ngx_int_t guard_after_variables(ngx_conf_t *cf)
{
    static ngx_str_t names[] = {ngx_string("sekisho_verdict"), ngx_string("sekisho_rules"),
                                ngx_string("sekisho_score")};
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        ngx_http_variable_t *var = ngx_http_add_variable(cf, &names[i], NGX_HTTP_VAR_NOCACHEABLE);
        if (!var) {
            return NGX_ERROR;
        }
        var->get_handler = var_get;
        var->data = i;
    }
    return NGX_OK;
}
