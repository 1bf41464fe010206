/* Filling a response. Bodies are written into memory that the app keeps between requests; it is
 * wiped as far as it was written, for pages hold personal data. */
#include "text/url.h"
#include "text/utf8.h"
#include "web/priv.h"

static uint8_t *pool_take(web_pool_t *pool)
{
    uint8_t *mem = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->n) {
        mem = pool->kept[--pool->n];
    }
    pthread_mutex_unlock(&pool->lock);
    return mem ? mem : malloc(WEB_BODY_BYTES);
}

static void pool_give(web_pool_t *pool, uint8_t *mem)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->n < WEB_POOL_KEPT) {
        pool->kept[pool->n++] = mem;
        mem = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    free(mem);
}

void web_pool_deinit(web_pool_t *pool)
{
    while (pool->n) {
        free(pool->kept[--pool->n]);
    }
    pthread_mutex_destroy(&pool->lock);
}

void web_res_init(web_res_t *res, web_req_t *req)
{
    *res = (web_res_t){.status = 200, .public_s = -1, .req = req};
}

static void wipe_body(web_res_t *res)
{
    if (res->pool) {
        explicit_bzero(res->pool, res->body.len);
    }
    res->body = buf_on(res->pool, res->pool ? (size_t)WEB_BODY_BYTES : 0);
}

void web_res_clear(web_res_t *res)
{
    wipe_body(res);
    *res = (web_res_t){
        .status = 200, .public_s = -1, .req = res->req, .pool = res->pool, .body = res->body};
}

void web_res_give_back(web_res_t *res)
{
    wipe_body(res);
    if (res->pool) {
        pool_give(&((web_app_t *)(uintptr_t)res->req->app)->pool, res->pool);
    }
    res->pool = NULL;
}

/* Without memory the buffer has no room: the page does not fit, and an error page follows. */
static buf_t *start(web_res_t *res, int status, slice_t content_type)
{
    if (!res->pool) {
        res->pool = pool_take(&((web_app_t *)(uintptr_t)res->req->app)->pool);
    }
    wipe_body(res);
    res->status = status;
    res->content_type = content_type;
    res->borrowed = SLICE_EMPTY;
    res->is_set = true;
    return &res->body;
}

buf_t *web_html(web_res_t *res, int status)
{
    return start(res, status, SLICE("text/html; charset=utf-8"));
}

buf_t *web_json(web_res_t *res, int status)
{
    return start(res, status, SLICE("application/json"));
}

buf_t *web_text(web_res_t *res, int status)
{
    return start(res, status, SLICE("text/plain; charset=utf-8"));
}

void web_bytes(web_res_t *res, int status, slice_t content_type, slice_t bytes)
{
    wipe_body(res);
    res->status = status;
    res->content_type = content_type;
    res->borrowed = bytes;
    res->is_set = true;
}

void web_empty(web_res_t *res, int status)
{
    web_bytes(res, status, SLICE_EMPTY, SLICE_EMPTY);
}

static err_t header_add(web_res_t *res, slice_t name, slice_t value)
{
    ENSURE(res->n_headers < BASE_COUNT(res->headers), ERR_LIMIT);
    const char *n, *v;
    TRY(arena_cstr(res->req->arena, name, &n));
    TRY(arena_cstr(res->req->arena, value, &v));
    res->headers[res->n_headers++] =
        (web_pair_t){slice_make(n, name.len), slice_make(v, value.len)};
    return OK;
}

/* Written by the floor for every response, or by calls of their own. */
static bool name_is_ours(slice_t name)
{
    static const char *const OURS[] = {
        "set-cookie",
        "content-type",
        "content-length",
        "content-security-policy",
        "connection",
        "x-content-type-options",
        "date",
        "referrer-policy",
        "location",
        "cross-origin-opener-policy",
        "cache-control",
        "cross-origin-resource-policy",
        "vary",
        "permissions-policy",
        "transfer-encoding",
        "strict-transport-security",
        "content-disposition",
        "x-frame-options",
        "keep-alive",
        "upgrade",
    };
    for (size_t i = 0; i < BASE_COUNT(OURS); i++) {
        if (slice_eq_nocase(name, slice_cstr_in(OURS[i]))) {
            return true;
        }
    }
    return false;
}

err_t web_header(web_res_t *res, slice_t name, slice_t value)
{
    /* the server library takes no empty value */
    ENSURE(web_is_token(name) && web_header_value_ok(value) && value.len, ERR_SYNTAX);
    ENSURE(!name_is_ours(name), ERR_DENIED);
    return header_add(res, name, value);
}

bool web_local_url_ok(slice_t url)
{
    if (!url.len || url.len > WEB_TARGET_BYTES || url.ptr[0] != '/' ||
        (url.len > 1 && (url.ptr[1] == '/' || url.ptr[1] == '\\'))) {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= 0x20 || url.ptr[i] >= 0x7f || strchr("\"<>\\^`{|}", url.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* "https://host:port" of an absolute URL, the empty slice when it has another form. */
static slice_t origin_of(slice_t url)
{
    size_t at = slice_find(url, SLICE("://"));
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    size_t end = at + 3;
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#') {
        end++;
    }
    return slice_sub(url, 0, end);
}

static bool handoff_ok(const web_res_t *res, slice_t url)
{
    const web_req_t *req = res->req;
    if (!req->route || !(req->route->flags & WEB_HANDOFF)) {
        return false;
    }
    const web_config_t *config = web_app_config(req->app);
    slice_t origin = origin_of(url);
    for (size_t i = 0; origin.len && i < config->n_handoff_origins; i++) {
        /* what follows the origin is checked as if it were ours */
        slice_t rest = slice_from(url, origin.len);
        if (slice_eq(origin, config->handoff_origins[i]) &&
            (!rest.len || web_local_url_ok(rest) || rest.ptr[0] == '?')) {
            return web_header_value_ok(url);
        }
    }
    return false;
}

err_t web_redirect(web_res_t *res, int status, slice_t url)
{
    ENSURE(status == 301 || status == 302 || status == 303 || status == 307 || status == 308,
           ERR_USAGE);
    ENSURE(web_local_url_ok(url) || handoff_ok(res, url), ERR_DENIED);
    web_empty(res, status);
    return header_add(res, SLICE("Location"), url);
}

err_t web_attachment(web_res_t *res, slice_t filename)
{
    ENSURE(utf8_is_text(filename, false) && filename.len <= 200, ERR_SYNTAX);
    buf_t out;
    TRY(arena_buf(res->req->arena, 64 + filename.len * 4, &out));
    buf_cstr(&out, "attachment; filename=\"");
    for (size_t i = 0; i < filename.len; i++) {
        uint8_t c = filename.ptr[i];
        bool plain = c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%' && c != '/';
        buf_u8(&out, plain ? c : '_');
    }
    buf_cstr(&out, "\"; filename*=UTF-8''");
    url_put_component(&out, filename);
    TRY(buf_check(&out));
    return header_add(res, SLICE("Content-Disposition"), buf_slice(&out));
}

err_t web_set_cookie(web_res_t *res, slice_t name, slice_t value, int32_t max_age_s)
{
    const web_config_t *config = web_app_config(res->req->app);
    buf_t out;
    TRY(arena_buf(res->req->arena, name.len + value.len + 128, &out));
    buf_put(&out, name);
    buf_u8(&out, '=');
    buf_put(&out, value);
    buf_cstr(&out, "; Path=/; HttpOnly; SameSite=Lax");
    buf_cstr(&out, config->tls ? "; Secure" : "");
    if (max_age_s) {
        buf_cstr(&out, "; Max-Age=");
        buf_dec(&out, max_age_s < 0 ? 0 : max_age_s);
    }
    TRY(buf_check(&out));
    return header_add(res, SLICE("Set-Cookie"), buf_slice(&out));
}

err_t web_cookie(web_res_t *res, slice_t name, slice_t value, int32_t max_age_s)
{
    ENSURE(web_is_token(name) && name.len <= 64 && value.len <= 1024, ERR_SYNTAX);
    ENSURE(!slice_eq(name, SLICE("sks")) && !slice_eq(name, SLICE("__Host-sks")), ERR_DENIED);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        ENSURE(alnum || c == '-' || c == '_' || c == '.', ERR_SYNTAX);
    }
    return web_set_cookie(res, name, value, max_age_s);
}

void web_public(web_res_t *res, int32_t seconds)
{
    res->public_s = seconds < 0 ? -1 : seconds;
}
