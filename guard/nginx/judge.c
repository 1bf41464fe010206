/* One request's judgement: phase 1 before anything acts on the request (and before `return` and
 * `rewrite`), phase 2 when the body is there, each once per main request whatever internal
 * redirects and subrequests follow. Where a phase had no chance - an answer that nginx made by
 * itself - it is run before that answer's first byte (response.c). */
#include "rules.h"

#include "base/clock.h"

enum { ARENA_PER_BYTE = 64 };

/* ---- beginning ---- */

/* As it was sent: an error page turns nginx's own method into GET. */
static slice_t method_sent(ngx_http_request_t *r)
{
    slice_t line = guard_slice(r->request_line);
    slice_t word = slice_sub(line, 0, slice_find_byte(line, ' '));
    return word.len ? word : guard_slice(r->method_name);
}

static slice_t protocol_of(ngx_http_request_t *r)
{
    return r->http_protocol.len ? guard_slice(r->http_protocol) : SLICE("HTTP/0.9");
}

static ngx_int_t header_give(void *tx, slice_t name, slice_t value)
{
    return err_failed(engine_tx_request_header(tx, name, value)) ? NGX_ERROR : NGX_OK;
}

static err_t connection_give(ngx_http_request_t *r, guard_judge_t *j)
{
    ngx_str_t at = ngx_null_string;
    at.data = arena_alloc(&j->arena, NGX_SOCKADDR_STRLEN);
    at.len = NGX_SOCKADDR_STRLEN;
    ENSURE(at.data, ERR_MEMORY);
    uint16_t port = 0;
    if (ngx_connection_local_sockaddr(r->connection, &at, 0) == NGX_OK) {
        port = (uint16_t)ngx_inet_get_port(r->connection->local_sockaddr);
    } else {
        at.len = 0;
    }
    return engine_tx_connection(j->tx, guard_slice(r->connection->addr_text),
                                (uint16_t)ngx_inet_get_port(r->connection->sockaddr),
                                guard_slice(at), port);
}

static err_t request_give(ngx_http_request_t *r, const guard_ctx_t *ctx, guard_judge_t *j)
{
    TRY(connection_give(r, j));
    TRY(engine_tx_request_line(j->tx, j->method, guard_slice(r->unparsed_uri), protocol_of(r),
                               guard_slice(r->request_line)));
    ENSURE(guard_headers_each(ctx, j->tx, header_give) == NGX_OK, ERR_MEMORY);
    return OK;
}

static slice_t unique_id_of(ngx_http_request_t *r, const guard_ctx_t *ctx,
                            const guard_loc_conf_t *conf)
{
    ngx_str_t id;
    if (conf->transaction_id && ngx_http_complex_value(r, conf->transaction_id, &id) == NGX_OK &&
        id.len) {
        return guard_slice(id);
    }
    return slice_make(ctx->id_text, ID_TEXT);
}

guard_judge_t *guard_judge_of(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (ctx->judge || ctx->note || conf->mode == GUARD_OFF || !conf->rules) {
        return ctx->judge; /* what the guard has refused by itself is not asked about again */
    }
    guard_judge_t *j = ngx_pcalloc(r->main->pool, sizeof *j);
    if (!j) {
        return NULL;
    }
    *j = (guard_judge_t){.rules = conf->rules, .conf = conf, .method = method_sent(r)};
    ctx->judge = j;
    arena_init(&j->arena, conf->memory);
    if (guard_headers_keep(r, ctx) != NGX_OK) {
        return j;
    }
    j->unique_id = unique_id_of(r, ctx, conf);
    err_t e = engine_tx_new(conf->rules->set, conf->rules->worker, guard_world(), j->unique_id,
                            &j->arena, &j->tx);
    if (!err_failed(e) && conf->mode != GUARD_AS_RULES) {
        engine_tx_mode(j->tx, conf->mode == GUARD_ON ? ENGINE_ON : ENGINE_DETECT);
    }
    if (!err_failed(e)) {
        e = request_give(r, ctx, j);
    }
    if (err_failed(e)) {
        j->tx = NULL;
    }
    return j;
}

/* ---- running ---- */

static void fail_record(ngx_http_request_t *r, const guard_ctx_t *ctx, bool open)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    guard_main_conf_t *conf = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    ledger_fact(&facts, "passed", open ? SLICE("1") : SLICE("0"));
    guard_sender_add(&(ledger_record_t){
        .type = LEDGER_RULE_UNJUDGED,
        .request = ctx->id,
        .address = guard_pseudonym(conf, "address", guard_slice(r->connection->addr_text)),
        .count = 1,
        .facts = buf_slice(&facts)});
}

bool guard_judge_fail(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j)
{
    bool open = j->conf->fail_open;
    if (!j->failed) {
        fail_record(r, ctx, open);
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sekisho: a request could not be judged, it is %s",
                      open ? "let pass" : "refused");
    }
    j->failed = true;
    j->ended = true;
    if (!open) {
        ctx->note = "unjudged";
    }
    return open;
}

static err_t body_give(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j)
{
    slice_t body;
    const engine_settings_t *settings = engine_tx_settings(j->tx);
    if (!settings->request_body_access || !ctx->body_asked) {
        return OK;
    }
    ENSURE(guard_body_of(r, &body) == NGX_OK, ERR_IO);
    j->arena.max_bytes += ARENA_PER_BYTE * body.len;
    if (!ctx->body_whole || body.len > j->body_limit) {
        body = slice_sub(body, 0, j->body_limit);
        engine_tx_request_body_cut(j->tx);
        guard_count_add(GUARD_COUNT_BODY_CUT, !ctx->body_limit_refuses);
    }
    return body.len ? engine_tx_request_body(j->tx, body) : OK;
}

static void verdict_take(guard_ctx_t *ctx, guard_judge_t *j, const engine_verdict_t *v)
{
    bool blocks =
        v->decision == ENGINE_DENY || v->decision == ENGINE_DROP || v->decision == ENGINE_REDIRECT;
    if (!blocks || (j->verdict.decision != ENGINE_PASS && v->detect_only)) {
        return;
    }
    j->verdict = *v;
    if (!v->detect_only) {
        j->ended = true;
        ctx->is_blocked = true;
        ctx->note = "rule";
    }
}

static uint64_t now_us(void)
{
    return (uint64_t)clock_wait_us();
}

static bool phase_run(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                      engine_phase_t phase)
{
    uint64_t from = now_us();
    engine_verdict_t verdict = {0};
    bool fits =
        phase != ENGINE_REQUEST_BODY || !guard_hold_is_full(); /* the origin has not acted yet */
    err_t e = j->tx && fits ? OK : FAIL(ERR_MEMORY);
    j->done |= 1U << phase;
    if (!err_failed(e) && phase == ENGINE_REQUEST_BODY) {
        e = body_give(r, ctx, j);
    }
    if (!err_failed(e)) {
        e = engine_tx_run(j->tx, phase, &verdict);
    }
    j->took_us += now_us() - from;
    guard_hold_change(&j->held, j->arena.used);
    if (err_failed(e)) {
        return guard_judge_fail(r, ctx, j);
    }
    verdict_take(ctx, j, &verdict);
    return !j->ended;
}

bool guard_judge_upto(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                      engine_phase_t phase)
{
    for (unsigned p = ENGINE_REQUEST_HEADERS; p <= (unsigned)phase; p++) {
        if (j->ended) {
            return j->failed && j->conf->fail_open;
        }
        if (!(j->done & (1U << p)) && !phase_run(r, ctx, j, (engine_phase_t)p)) {
            return false;
        }
    }
    return true;
}

/* ---- the verdict ---- */

ngx_uint_t guard_judge_status(const guard_judge_t *j)
{
    if (j->failed) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    unsigned status = j->verdict.status;
    switch (j->verdict.decision) {
    case ENGINE_DROP:
        return 0;
    case ENGINE_REDIRECT:
        return status == 301 || status == 303 || status == 307 || status == 308 ? status : 302;
    case ENGINE_DENY:
    case ENGINE_PASS:
    case ENGINE_ALLOW:
    default:
        return status >= 400 && status <= 599 && status != NGX_HTTP_CLOSE ? status
                                                                          : NGX_HTTP_FORBIDDEN;
    }
}

guard_verdict_t guard_verdict_of(const guard_judge_t *j)
{
    if (j->failed) {
        return GUARD_VERDICT_UNJUDGED;
    }
    if (j->verdict.decision == ENGINE_PASS || j->verdict.decision == ENGINE_ALLOW) {
        return GUARD_VERDICT_PASS;
    }
    return j->verdict.detect_only                   ? GUARD_VERDICT_DETECT
           : j->verdict.decision == ENGINE_DROP     ? GUARD_VERDICT_DROP
           : j->verdict.decision == ENGINE_REDIRECT ? GUARD_VERDICT_REDIRECT
                                                    : GUARD_VERDICT_DENY;
}

const char *guard_verdict_name(guard_verdict_t v)
{
    static const char *const NAMES[] = {"pass", "detect", "deny", "drop", "redirect", "unjudged"};
    return (unsigned)v < BASE_COUNT(NAMES) ? NAMES[v] : "off";
}

/* Acts on a block in a phase; ends the request. */
static ngx_int_t act(ngx_http_request_t *r, guard_judge_t *j)
{
    ngx_uint_t status = guard_judge_status(j);
    if (status == 0) {
        return guard_answer_now(r, NGX_HTTP_CLOSE);
    }
    if (!j->failed && j->verdict.decision == ENGINE_REDIRECT) {
        ngx_table_elt_t *location = ngx_list_push(&r->headers_out.headers);
        if (!location) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
        union { /* lives in the judgement's arena, as long as the request */
            const uint8_t *ro;
            u_char *rw;
        } url = {.ro = j->verdict.url.ptr};
        *location = (ngx_table_elt_t){
            .hash = 1, .key = ngx_string("Location"), .value = {j->verdict.url.len, url.rw}};
        r->headers_out.location = location;
    }
    return guard_answer_now(r, status);
}

/* ---- phases ---- */

/* The style sheet of the guard's pages, where the configuration has no place for it. */
static bool is_style(ngx_http_request_t *r)
{
    return slice_eq(guard_slice(r->uri), SLICE("/.guard/guard.css")) &&
           (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD));
}

/* The limit of the body that the rules look at, from their settings. The card gate always wants the
 * whole body. */
static void limit_set(guard_ctx_t *ctx, guard_judge_t *j, slice_t content_type, bool cards)
{
    const engine_settings_t *s = engine_tx_settings(j->tx);
    uint64_t limit = s->request_body_limit;
    bool multipart = slice_starts(content_type, SLICE("multipart/"));
    if (!multipart && s->request_body_no_files_limit && s->request_body_no_files_limit < limit) {
        limit = s->request_body_no_files_limit;
    }
    j->body_limit = limit < SIZE_MAX ? (size_t)limit : SIZE_MAX - 1;
    ctx->body_limit_refuses = s->request_limit_reject && s->mode == ENGINE_ON;
    ctx->body_limit = cards && !ctx->body_limit_refuses ? 0 : j->body_limit;
}

static bool wants_body(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j, bool cards)
{
    if (!j || j->ended || !j->tx || (j->done & (1U << ENGINE_REQUEST_BODY))) {
        return false;
    }
    const engine_settings_t *s = engine_tx_settings(j->tx);
    if (!s->request_body_access || s->mode == ENGINE_OFF) {
        return false;
    }
    if (!ctx->body_asked) {
        size_t count;
        limit_set(ctx, j, guard_header(r, "content-type", &count), cards);
    }
    return true;
}

static ngx_int_t phase_two(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j)
{
    return guard_judge_upto(r, ctx, j, ENGINE_REQUEST_BODY) ? NGX_DECLINED : act(r, j);
}

/* By a rule, or by the guard itself. Such a request may end at the site's own page - a file, a
 * `return` - but an error page that leads to an origin would bring it there after all. */
static bool is_refused(const guard_ctx_t *ctx)
{
    return ctx->is_blocked || ctx->note;
}

/* nginx could not read this request: there is no body to wait for, and its answer's header is where
 * the rules see what there is. */
static bool is_broken(ngx_http_request_t *r)
{
    switch (r->err_status) {
    case 0:
        return false;
    case 400:
    case 408:
    case 411:
    case 413:
    case 414:
    case 431:
    case 501:
    case 505:
        return true;
    default:
        return r->err_status >= 494 && r->err_status <= 499;
    }
}

/* Before the rewrite module: `return` and `rewrite` come after the rules. Where no handler will
 * want the body (files, `return`) phase 2 is due here as well. */
static ngx_int_t rewrite_judge(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j)
{
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (is_broken(r)) { /* an error page may lead to an origin: it gets no line unjudged */
        return phase_two(r, ctx, j);
    }
    if (is_style(r)) {
        r->content_handler = guard_answer_style;
    }
    if (!guard_judge_upto(r, ctx, j, ENGINE_REQUEST_HEADERS)) {
        return act(r, j);
    }
    if (core->handler || j->ended || conf->card_check) { /* cards first: access phase */
        return NGX_DECLINED;
    }
    if (wants_body(r, ctx, j, false)) {
        ngx_int_t rc = guard_body_read(r, ctx);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }
    return phase_two(r, ctx, j);
}

ngx_int_t guard_rewrite_handler(ngx_http_request_t *r)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (r != r->main) {
        return guard_headers_subrequest_key(r) == NGX_OK ? NGX_DECLINED
                                                         : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    guard_ctx_t *ctx = guard_ctx(r);
    if (!ctx || guard_headers_keep(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (conf->is_apart && guard_path_is_two_faced(guard_slice(r->uri)) && !is_refused(ctx)) {
        ctx->note = "path";
        return NGX_HTTP_BAD_REQUEST;
    }
    guard_judge_t *j = guard_judge_of(r, ctx);
    return j && !j->ended ? rewrite_judge(r, ctx, j) : NGX_DECLINED;
}

/* The body, as far as somebody wants it; the cards; the rules. NGX_DECLINED: passed. */
static ngx_int_t request_judge(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                               bool cards)
{
    ngx_int_t rc = NGX_DECLINED;
    if (wants_body(r, ctx, j, cards) || cards) {
        rc = guard_body_read(r, ctx);
    }
    if (rc == NGX_DECLINED && cards) { /* what they refuse reaches no rule and no audit log */
        rc = guard_card_judge(r, ctx);
    }
    if (rc == NGX_DECLINED && j && !j->ended) {
        rc = phase_two(r, ctx, j);
    }
    return rc;
}

/* An answer that comes packed could not be judged: the origin is not told that the client would
 * take it so. (nginx itself goes on packing: it looks at headers_in.) */
static ngx_int_t packing_refuse(ngx_http_request_t *r, const guard_judge_t *j)
{
    if (!j->tx || j->ended || !engine_tx_settings(j->tx)->response_body_access) {
        return NGX_OK;
    }
    return guard_headers_hide(r, "accept-encoding");
}

/* What it was refused with; `error_page ... =` may have made nginx forget it. */
static ngx_uint_t refused_status(ngx_http_request_t *r, const guard_ctx_t *ctx)
{
    static const struct {
        const char *note;
        ngx_uint_t status;
    } ROWS[] = {{"card", 422}, {"body", 413}, {"busy", 503}, {"host", 421}, {"unlooked", 500}};
    if (ctx->judge && (ctx->is_blocked || ctx->judge->failed)) {
        ngx_uint_t status = guard_judge_status(ctx->judge);
        return status >= 400 ? status : NGX_HTTP_FORBIDDEN;
    }
    for (size_t i = 0; ctx->note && i < BASE_COUNT(ROWS); i++) {
        if (strcmp(ctx->note, ROWS[i].note) == 0) {
            return ROWS[i].status;
        }
    }
    return r->err_status >= 400 ? r->err_status : NGX_HTTP_BAD_REQUEST;
}

ngx_int_t guard_access_handler(ngx_http_request_t *r)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (r != r->main) {
        return NGX_DECLINED;
    }
    guard_ctx_t *ctx = guard_ctx(r);
    if (!ctx) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (is_refused(ctx) && r->content_handler && !guard_answer_is_ours(r->content_handler)) {
        return guard_answer_now(r, refused_status(r, ctx));
    }
    if (!ctx->is_blocked && !is_broken(r)) {
        bool cards = conf->card_check && !conf->is_static && !ctx->cards_judged;
        guard_judge_t *j = guard_judge_of(r, ctx);
        ngx_int_t rc = request_judge(r, ctx, j, cards);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }
    if (ctx->judge && packing_refuse(r, ctx->judge) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return guard_headers_origin_key(r, ctx) == NGX_OK ? NGX_DECLINED
                                                      : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
