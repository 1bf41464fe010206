/* The answer's way through the rules: phase 3 on its header, phase 4 on its body when SecRules ask
 * for it and the type is listed - the header is kept back until then, so that a block still has a
 * status of its own. A block replaces the answer by the guard's page in place; what the origin goes
 * on to send is thrown away. Everything else passes without a copy. */
#include "rules.h"

static ngx_http_output_header_filter_pt next_header_filter;
static ngx_http_output_body_filter_pt next_body_filter;

/* ---- replacing ---- */

/* As a line of ModSecurity's log; what a header may not hold is '?'. */
static void match_put(const engine_match_t *m, buf_t *out)
{
    buf_cstr(out, "[id \"");
    buf_dec(out, m->id);
    buf_cstr(out, "\"] [msg \"");
    buf_put(out, slice_sub(m->msg, 0, 300));
    buf_cstr(out, "\"] [data \"");
    buf_put(out, slice_sub(m->logdata, 0, 1500));
    buf_cstr(out, "\"]");
    for (size_t i = 0; i < out->len; i++) {
        out->ptr[i] = out->ptr[i] < 0x20 || out->ptr[i] > 0x7e ? '?' : out->ptr[i];
    }
}

static ngx_int_t matches_show(ngx_http_request_t *r, const guard_judge_t *j)
{
    enum { CAP = 2000 };
    for (size_t i = 0; i < engine_tx_matches(j->tx); i++) {
        const engine_match_t *m = engine_tx_match(j->tx, i);
        u_char *mem = m->log ? ngx_pnalloc(r->pool, CAP) : NULL;
        if (!m->log) {
            continue;
        }
        if (!mem) {
            return NGX_ERROR;
        }
        buf_t line = buf_on(mem, CAP);
        match_put(m, &line);
        if (guard_answer_header(r, "X-Sekisho-Match", buf_slice(&line)) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

/* For the tests' runner, and only where the configuration is one of tests. */
static ngx_int_t rules_show(ngx_http_request_t *r, const guard_judge_t *j)
{
    enum { CAP = 2000 };
    if (!j || !j->tx || !j->conf->show_rules) {
        return NGX_OK;
    }
    if (matches_show(r, j) != NGX_OK) {
        return NGX_ERROR;
    }
    u_char *mem = ngx_pnalloc(r->pool, CAP);
    if (!mem) {
        return NGX_ERROR;
    }
    buf_t ids = buf_on(mem, CAP);
    guard_rule_ids_put(j, true, &ids);
    return guard_answer_header(r, "X-Sekisho-Rules", buf_slice(&ids));
}

static ngx_int_t replace_by_redirect(ngx_http_request_t *r, const guard_judge_t *j)
{
    r->headers_out.status = guard_judge_status(j);
    r->headers_out.content_length_n = 0;
    if (guard_answer_header(r, "Location", j->verdict.url) != NGX_OK) {
        return NGX_ERROR;
    }
    ngx_int_t rc = next_header_filter(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    if (!b) {
        return NGX_ERROR;
    }
    b->last_buf = 1;
    b->last_in_chain = 1;
    ngx_chain_t out = {.buf = b, .next = NULL};
    return next_body_filter(r, &out);
}

/* Nothing of the answer has been sent. */
static ngx_int_t replace(ngx_http_request_t *r, guard_judge_t *j)
{
    ngx_buf_t *page;
    ngx_uint_t status = guard_judge_status(j);
    j->holds = false;
    j->swallows = true;
    if (status == 0) {
        return NGX_ERROR; /* closes the connection */
    }
    ngx_http_clean_header(r);
    r->allow_ranges = 0;
    r->disable_not_modified = 1;
    if (rules_show(r, j) != NGX_OK) {
        return NGX_ERROR;
    }
    if (!j->failed && j->verdict.decision == ENGINE_REDIRECT) {
        return replace_by_redirect(r, j);
    }
    if (guard_answer_make(r, status, &page) != NGX_OK) {
        return NGX_ERROR;
    }
    ngx_int_t rc = next_header_filter(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only || slice_eq(j->method, SLICE("HEAD"))) {
        return rc;
    }
    ngx_chain_t out = {.buf = page, .next = NULL};
    return next_body_filter(r, &out);
}

/* ---- the header ---- */

static err_t listed_headers_give(ngx_http_request_t *r, engine_tx_t *tx)
{
    for (ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
        ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (h[i].hash) {
                TRY(engine_tx_response_header(tx, guard_slice(h[i].key), guard_slice(h[i].value)));
            }
        }
    }
    return OK;
}

/* Those that nginx keeps beside its list. */
static err_t known_headers_give(ngx_http_request_t *r, guard_judge_t *j)
{
    if (r->headers_out.content_type.len) {
        TRY(engine_tx_response_header(j->tx, SLICE("Content-Type"),
                                      guard_slice(r->headers_out.content_type)));
    }
    if (r->headers_out.content_length_n >= 0 && !r->headers_out.content_length) {
        slice_t text;
        TRY(arena_printf(&j->arena, &text, "%lld", (long long)r->headers_out.content_length_n));
        TRY(engine_tx_response_header(j->tx, SLICE("Content-Length"), text));
    }
    return OK;
}

static err_t header_give(ngx_http_request_t *r, guard_judge_t *j)
{
    TRY(engine_tx_response(j->tx, (unsigned)r->headers_out.status,
                           r->http_protocol.len ? guard_slice(r->http_protocol)
                                                : SLICE("HTTP/0.9")));
    TRY(known_headers_give(r, j));
    return listed_headers_give(r, j->tx);
}

static ngx_int_t header_pass(ngx_http_request_t *r, const guard_judge_t *j)
{
    return rules_show(r, j) == NGX_OK ? next_header_filter(r) : NGX_ERROR;
}

static bool has_body(ngx_http_request_t *r, const guard_judge_t *j)
{
    ngx_uint_t status = r->headers_out.status;
    return !r->header_only && !slice_eq(j->method, SLICE("HEAD")) &&
           r->headers_out.content_length_n != 0 && status >= 200 && status != 204 && status != 304;
}

/* Keeps the header back; the body filter goes on. */
static ngx_int_t hold(ngx_http_request_t *r, guard_judge_t *j)
{
    uint64_t limit = engine_tx_settings(j->tx)->response_body_limit;
    j->answer = guard_gather_new(r);
    if (!j->answer) {
        return NGX_ERROR;
    }
    j->answer_limit = limit < SIZE_MAX / 2 ? (size_t)limit : SIZE_MAX / 2;
    j->holds = true;
    r->filter_need_in_memory = 1;
    r->allow_ranges = 0; /* a part of it could not be judged */
    ngx_http_clear_accept_ranges(r);
    return NGX_OK;
}

/* Phases 1 and 2 where they had no chance, then 3, and 4 when there is no body to wait for. */
static ngx_int_t header_judge(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j)
{
    if (!guard_judge_upto(r, ctx, j, ENGINE_REQUEST_BODY)) {
        return replace(r, j);
    }
    if (j->ended) {
        return header_pass(r, j);
    }
    j->answer_status = (unsigned)r->headers_out.status;
    if (err_failed(header_give(r, j)) && !guard_judge_fail(r, ctx, j)) {
        return replace(r, j);
    }
    if (!guard_judge_upto(r, ctx, j, ENGINE_RESPONSE_HEADERS)) {
        return replace(r, j);
    }
    if (j->ended) {
        return header_pass(r, j);
    }
    if (engine_tx_wants_response_body(j->tx) && has_body(r, j)) {
        return hold(r, j);
    }
    return guard_judge_upto(r, ctx, j, ENGINE_RESPONSE_BODY) ? header_pass(r, j) : replace(r, j);
}

static ngx_int_t header_filter(ngx_http_request_t *r)
{
    guard_ctx_t *ctx = r == r->main ? guard_ctx(r) : NULL;
    guard_judge_t *j = ctx ? guard_judge_of(r, ctx) : NULL;
    if (!j || j->swallows || (j->done & (1U << ENGINE_RESPONSE_HEADERS))) {
        return next_header_filter(r);
    }
    if (j->ended) {
        return header_pass(r, j);
    }
    return header_judge(r, ctx, j);
}

/* ---- the body ---- */

static void drain(ngx_chain_t *in)
{
    for (; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}

/* The kept header and bytes, then `rest`. */
static ngx_int_t release(ngx_http_request_t *r, guard_judge_t *j, ngx_chain_t *rest, bool ends)
{
    ngx_int_t rc = header_pass(r, j);
    j->holds = false;
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        j->swallows = true;
        return rc;
    }
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    ngx_chain_t *out = ngx_alloc_chain_link(r->pool);
    if (!b || !out) {
        return NGX_ERROR;
    }
    b->start = b->pos = j->answer->mem;
    b->end = b->last = j->answer->mem + j->answer->len;
    b->temporary = j->answer->len > 0;
    b->last_buf = ends;
    b->last_in_chain = ends;
    b->sync = !ends && j->answer->len == 0;
    out->buf = b;
    out->next = rest;
    return next_body_filter(r, out);
}

/* The body is whole, or goes past the limit: `rest` is what was not taken. */
static ngx_int_t body_judge(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                            ngx_chain_t *rest)
{
    slice_t body = slice_make(j->answer->mem, j->answer->len);
    const engine_settings_t *settings = engine_tx_settings(j->tx);
    bool refuses = rest && settings->response_limit_reject && settings->mode == ENGINE_ON;
    if (rest) {
        engine_tx_response_body_cut(j->tx);
    }
    j->arena.max_bytes += 64 * body.len;
    err_t e = engine_tx_response_body(j->tx, body);
    bool passes = err_failed(e) ? guard_judge_fail(r, ctx, j)
                                : guard_judge_upto(r, ctx, j, ENGINE_RESPONSE_BODY);
    if (passes && refuses) {
        j->verdict = (engine_verdict_t){.decision = ENGINE_DENY,
                                        .status = NGX_HTTP_INTERNAL_SERVER_ERROR,
                                        .phase = ENGINE_RESPONSE_BODY};
        ctx->note = "answer";
        j->ended = true;
        passes = false;
    }
    if (passes) {
        return release(r, j, rest, !rest);
    }
    drain(rest);
    return replace(r, j);
}

/* Takes bytes of one buffer up to the limit; NGX_AGAIN: more than that, some are left. */
static ngx_int_t body_take(ngx_http_request_t *r, guard_judge_t *j, ngx_buf_t *b)
{
    size_t n = ngx_buf_in_memory(b) ? (size_t)(b->last - b->pos) : 0;
    size_t left = j->answer_limit - j->answer->len, taken = n < left ? n : left;
    if (!ngx_buf_in_memory(b) && b->in_file) {
        return NGX_ERROR; /* the filter before was told to read it */
    }
    ngx_int_t rc = guard_gather_add(r, j->answer, b->pos, taken);
    if (rc != NGX_OK) { /* BUSY: judged by what there is, as past the limit: the origin has acted
                           already */
        return rc == NGX_BUSY ? NGX_AGAIN : NGX_ERROR;
    }
    if (taken) {
        b->pos += taken;
    }
    if (taken == n) {
        b->file_pos = b->file_last;
        return NGX_OK;
    }
    return NGX_AGAIN;
}

static ngx_int_t body_hold(ngx_http_request_t *r, guard_ctx_t *ctx, guard_judge_t *j,
                           ngx_chain_t *in)
{
    for (ngx_chain_t *c = in; c; c = c->next) {
        ngx_int_t rc = body_take(r, j, c->buf);
        if (rc == NGX_AGAIN) {
            return body_judge(r, ctx, j, c);
        }
        if (rc != NGX_OK) {
            if (guard_judge_fail(r, ctx, j)) {
                return release(r, j, c, false);
            }
            drain(c);
            return replace(r, j);
        }
        if (c->buf->last_buf) {
            return body_judge(r, ctx, j, NULL);
        }
    }
    return NGX_OK;
}

static ngx_int_t body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    guard_ctx_t *ctx = r == r->main ? guard_ctx_find(r) : NULL;
    guard_judge_t *j = ctx ? ctx->judge : NULL;
    if (j && j->swallows) {
        drain(in);
        return in ? NGX_OK : next_body_filter(r, NULL); /* what is under way goes on */
    }
    if (!j || !j->holds || !in) {
        return j && j->holds ? NGX_OK : next_body_filter(r, in);
    }
    return body_hold(r, ctx, j, in);
}

void guard_response_filters(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;
}
