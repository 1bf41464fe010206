/* The request body in one piece of memory. nginx itself would write a body to a file when its read
 * buffer is full before the body ends, which a client can bring about with small chunks; here the
 * bytes are taken out of that buffer as they come, so nothing is ever written (law 5). nginx has
 * bounded the body before (client_max_body_size), and the rules may bound it further: past their
 * limit the body is refused, or only its beginning is looked at and the rest goes nginx's own way.
 */
#include "rules.h"

enum { GATHER_FIRST_BYTES = 4096 };

static ngx_http_request_body_filter_pt next_body_filter;

/* ---- gathering ---- */

static void gather_mark(void *gather_any)
{
    guard_gather_t *g = gather_any;
    if (g->mem) {
        explicit_bzero(g->mem, g->len); /* names and passwords are not left in free memory */
    }
    guard_hold_change(&g->cap, 0);
}

guard_gather_t *guard_gather_new(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *mark = ngx_pool_cleanup_add(r->pool, sizeof(guard_gather_t));
    if (!mark) {
        return NULL;
    }
    mark->handler = gather_mark;
    ngx_memzero(mark->data, sizeof(guard_gather_t));
    return mark->data;
}

static ngx_int_t gather_room(ngx_http_request_t *r, guard_gather_t *g, size_t more)
{
    size_t need = g->len + more, cap = g->cap ? g->cap : GATHER_FIRST_BYTES;
    if (need <= g->cap) {
        return NGX_OK;
    }
    while (cap < need) {
        cap *= 2;
    }
    if (cap > GATHER_FIRST_BYTES && !guard_hold_has_room(cap)) {
        return NGX_BUSY;
    }
    u_char *mem = ngx_pnalloc(r->pool, cap);
    if (!mem) {
        return NGX_ERROR;
    }
    if (g->mem) {
        ngx_memcpy(mem, g->mem, g->len);
        explicit_bzero(g->mem, g->len);
        ngx_pfree(r->pool, g->mem);
    }
    g->mem = mem;
    guard_hold_change(&g->cap, cap);
    return NGX_OK;
}

ngx_int_t guard_gather_add(ngx_http_request_t *r, guard_gather_t *to, const u_char *bytes,
                           size_t len)
{
    if (len == 0) {
        return NGX_OK;
    }
    ngx_int_t rc = gather_room(r, to, len);
    if (rc != NGX_OK) {
        return rc;
    }
    ngx_memcpy(to->mem + to->len, bytes, len);
    to->len += len;
    return NGX_OK;
}

/* ---- the request's body ---- */

/* Found by its cleanup mark as the context is: an internal redirect must not lose it. The answer
 * may be gathered too, so the body's own is marked by its data. */
typedef struct body {
    guard_gather_t *gather;
    bool whole;  /* the last byte has come */
    bool opened; /* past the limit: bytes go on as they come */
} body_t;

static void body_mark(void *body)
{
}

static body_t *body_find(ngx_http_request_t *r, bool make)
{
    for (ngx_pool_cleanup_t *c = r->pool->cleanup; c; c = c->next) {
        if (c->handler == body_mark) {
            return c->data;
        }
    }
    ngx_pool_cleanup_t *mark = make ? ngx_pool_cleanup_add(r->pool, sizeof(body_t)) : NULL;
    if (!mark) {
        return NULL;
    }
    mark->handler = body_mark;
    *(body_t *)mark->data = (body_t){.gather = guard_gather_new(r)};
    return ((body_t *)mark->data)->gather ? mark->data : NULL;
}

/* What was gathered as one buffer to whoever comes next, and the rest behind it. */
static ngx_int_t body_hand_on(ngx_http_request_t *r, const body_t *body, ngx_chain_t *rest,
                              bool ends)
{
    ngx_chain_t *out = ngx_alloc_chain_link(r->pool);
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    if (!out || !b) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    b->start = b->pos = body->gather->mem;
    b->end = b->last = body->gather->mem + body->gather->len;
    b->temporary = body->gather->len > 0;
    b->last_buf = ends;
    out->buf = b;
    out->next = rest;
    return next_body_filter(r, out);
}

/* Bytes of one buffer, up to the limit. */
static ngx_int_t body_take(ngx_http_request_t *r, const guard_ctx_t *ctx, body_t *body,
                           ngx_buf_t *b)
{
    size_t n = (size_t)(b->last - b->pos), left = SIZE_MAX;
    if (ctx && ctx->body_limit) {
        left = ctx->body_limit - body->gather->len;
    }
    size_t taken = n < left ? n : left;
    ngx_int_t rc = guard_gather_add(r, body->gather, b->pos, taken);
    if (rc != NGX_OK) {
        return rc == NGX_BUSY ? NGX_BUSY : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    b->pos += taken;
    body->opened = taken < n;
    return NGX_OK;
}

static bool is_gathered(ngx_http_request_t *r, const guard_ctx_t *ctx)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    return conf->body_in_memory || (ctx && ctx->body_gathered);
}

static ngx_int_t body_refuse(guard_ctx_t *ctx)
{
    ctx->note = "body";
    guard_count_add(GUARD_COUNT_BODY_REFUSED, 1);
    return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
}

/* No memory to look at all of it: as the site has chosen for what cannot be judged. */
static ngx_int_t body_busy(ngx_http_request_t *r, guard_ctx_t *ctx, body_t *body, ngx_chain_t *rest)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    bool open = ctx && ctx->judge && guard_judge_fail(r, ctx, ctx->judge);
    guard_count_add(GUARD_COUNT_BODY_BUSY, 1);
    if (open && !conf->body_in_memory && !conf->card_check) {
        body->opened = true;
        return body_hand_on(r, body, rest, false);
    }
    if (ctx) {
        ctx->note = "busy";
    }
    return NGX_HTTP_SERVICE_UNAVAILABLE;
}

static ngx_int_t body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    guard_ctx_t *ctx = guard_ctx_find(r);
    if (!in || r != r->main || !is_gathered(r, ctx)) {
        return next_body_filter(r, in);
    }
    body_t *body = body_find(r, true);
    if (!body) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (body->opened) {
        return next_body_filter(r, in);
    }
    for (ngx_chain_t *c = in; c; c = c->next) {
        ngx_int_t rc = body_take(r, ctx, body, c->buf);
        if (rc != NGX_OK) {
            return rc == NGX_BUSY ? body_busy(r, ctx, body, c) : rc;
        }
        if (body->opened) {
            return ctx->body_limit_refuses ? body_refuse(ctx) : body_hand_on(r, body, c, false);
        }
        body->whole = body->whole || c->buf->last_buf;
    }
    return body->whole ? body_hand_on(r, body, NULL, true)
                       : next_body_filter(r, NULL); /* an empty body ends as well */
}

void guard_body_filters(void)
{
    next_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = body_filter;
}

/* nginx's way to wait for a body in a phase: the phases are run again when it is there. */
static void on_body(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}

ngx_int_t guard_body_read(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    if (ctx->body_asked) {
        return NGX_DECLINED;
    }
    ctx->body_asked = true;
    ctx->body_gathered = true;
    if (ctx->body_limit && ctx->body_limit_refuses &&
        r->headers_in.content_length_n > (off_t)ctx->body_limit) {
        return body_refuse(ctx); /* without reading any of it */
    }
    ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }
    ngx_http_finalize_request(r, NGX_DONE); /* gives back the count that the reading took */
    return NGX_DONE;
}

ngx_int_t guard_body_of(ngx_http_request_t *r, slice_t *ret_body)
{
    const body_t *body = body_find(r, false);
    *ret_body = body ? slice_make(body->gather->mem, body->gather->len) : SLICE_EMPTY;
    guard_ctx_t *ctx = guard_ctx_find(r);
    if (ctx) {
        ctx->body_whole = !body || !body->opened;
    }
    /* nothing was gathered, yet there is a body: it cannot be, the filter above is in its way */
    return !body && r->request_body && r->request_body->bufs ? NGX_ERROR : NGX_OK;
}
