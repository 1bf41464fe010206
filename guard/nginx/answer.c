/* The guard's own pages (guard/page) as content handlers: where nginx or the gate ends a request,
 * error_page leads here. */
#include "guard.h"

#include "../page/page.h"

enum { PAGE_BYTES = 16 * 1024 };

ngx_int_t guard_answer_header(ngx_http_request_t *r, const char *name, slice_t value)
{
    ngx_table_elt_t *h = ngx_list_push(&r->headers_out.headers);
    if (!h) {
        return NGX_ERROR;
    }
    union { /* ngx_str_t is not const, but nothing writes through it */
        const char *text;
        const uint8_t *ro;
        u_char *rw;
    } n = {.text = name}, v = {.ro = value.ptr};
    *h = (ngx_table_elt_t){.hash = 1, .key = {strlen(name), n.rw}, .value = {value.len, v.rw}};
    return NGX_OK;
}

static ngx_int_t headers_add(ngx_http_request_t *r, const char *const (*rows)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (guard_answer_header(r, rows[i][0], slice_cstr_in(rows[i][1])) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}

static ngx_buf_t *bytes_buf(ngx_http_request_t *r, slice_t bytes)
{
    ngx_buf_t *b = ngx_calloc_buf(r->pool);
    if (!b) {
        return NULL;
    }
    union { /* memory, not temporary: no filter writes into it */
        const uint8_t *ro;
        u_char *rw;
    } at = {.ro = bytes.ptr};
    b->start = b->pos = at.rw;
    b->end = b->last = at.rw + bytes.len;
    b->memory = 1;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;
    return b;
}

/* Header, then the buffer. */
static ngx_int_t buf_send(ngx_http_request_t *r, ngx_buf_t *b)
{
    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    ngx_chain_t out = {.buf = b, .next = NULL};
    return ngx_http_output_filter(r, &out);
}

static slice_t language_of(ngx_http_request_t *r)
{
    static ngx_str_t name = ngx_string("lang");
    ngx_str_t lang = ngx_null_string;
    if (r->headers_in.cookies.elts) {
        (void)ngx_http_parse_multi_header_lines(&r->headers_in.cookies, &name, &lang);
    }
    return guard_slice(lang);
}

ngx_int_t guard_answer_make(ngx_http_request_t *r, ngx_uint_t status, ngx_buf_t **ret_page)
{
    static const char *const HEADERS[][2] = {
        {"Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; "
                                    "form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-store"},
    };
    size_t count;
    guard_ctx_t *ctx = guard_ctx(r);
    u_char *mem = ngx_palloc(r->pool, PAGE_BYTES);
    if (!ctx || !mem) {
        return NGX_ERROR;
    }
    buf_t page = buf_on(mem, PAGE_BYTES);
    guard_page_put(&page,
                   ctx->is_blocked && status >= 400 && status < 500
                       ? GUARD_PAGE_BLOCKED
                       : guard_page_of((unsigned)status, ctx->is_card),
                   language_of(r), guard_header(r, "accept-language", &count),
                   slice_make(ctx->id_text, ID_TEXT));
    if (err_failed(buf_check(&page)) || headers_add(r, HEADERS, BASE_COUNT(HEADERS)) != NGX_OK) {
        return NGX_ERROR;
    }
    if (status == 503 || status == 502 || status == 504) {
        (void)guard_answer_header(r, "Retry-After", SLICE("30"));
    }
    r->headers_out.status = status;
    ngx_str_set(&r->headers_out.content_type, "text/html");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_set(&r->headers_out.charset, "utf-8");
    r->headers_out.content_length_n = (off_t)page.len;
    *ret_page = bytes_buf(r, buf_slice(&page));
    return *ret_page ? NGX_OK : NGX_ERROR;
}

static ngx_int_t page_send(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_buf_t *page;
    if (ngx_http_discard_request_body(r) != NGX_OK ||
        guard_answer_make(r, status, &page) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return buf_send(r, page);
}

static ngx_int_t page_handler(ngx_http_request_t *r)
{
    return page_send(r, r->err_status);
}

bool guard_answer_is_ours(ngx_http_handler_pt handler)
{
    return handler == page_handler || handler == guard_answer_style;
}

/* It leads nowhere once nginx is on the way to an error's page. */
static bool has_own_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_http_err_page_t *pages = core->error_pages ? core->error_pages->elts : NULL;
    for (ngx_uint_t i = 0; pages && !r->error_page && i < core->error_pages->nelts; i++) {
        if (pages[i].status == (ngx_int_t)status) {
            return true;
        }
    }
    return false;
}

/* Ended here rather than by a status that the phase judges: with `satisfy any` another module could
 * let pass what was refused with 403. */
ngx_int_t guard_answer_now(ngx_http_request_t *r, ngx_uint_t status)
{
    bool plain = status < 400 || status == NGX_HTTP_CLOSE || has_own_page(r, status);
    ngx_http_finalize_request(r, plain ? (ngx_int_t)status : page_send(r, status));
    return NGX_DONE;
}

ngx_int_t guard_answer_style(ngx_http_request_t *r)
{
    static const char *const HEADERS[][2] = {
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Cache-Control", "public, max-age=3600"},
    };
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }
    if (ngx_http_discard_request_body(r) != NGX_OK ||
        headers_add(r, HEADERS, BASE_COUNT(HEADERS)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/css");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    ngx_str_set(&r->headers_out.charset, "utf-8");
    r->headers_out.content_length_n = (off_t)guard_page_style().len;
    ngx_buf_t *b = bytes_buf(r, guard_page_style());
    return b ? buf_send(r, b) : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

/* sekisho_answer page | style; */
char *guard_answer_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    static char unknown[] = "is neither page nor style";
    ngx_str_t *words = cf->args->elts;
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (slice_eq(guard_slice(words[1]), SLICE("page"))) {
        core->handler = page_handler;
    } else if (slice_eq(guard_slice(words[1]), SLICE("style"))) {
        core->handler = guard_answer_style;
    } else {
        return unknown;
    }
    return NGX_CONF_OK;
}
