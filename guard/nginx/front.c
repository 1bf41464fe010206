/* A request's first moment: its id (law 7), its host, and what is refused before anything else. */
#include "rules.h"

#include "text/hex.h"

/* Marks the context in the request's pool: nginx forgets module contexts at an internal redirect,
 * and the id must stay the same. */
static void ctx_mark(void *ctx_any)
{
    guard_ctx_t *ctx = ctx_any;
    if (ctx->judge) {
        arena_deinit(&ctx->judge->arena);
        guard_hold_change(&ctx->judge->held, 0);
    }
    guard_sender_closed();
}

guard_ctx_t *guard_ctx_find(ngx_http_request_t *r)
{
    guard_ctx_t *ctx = ngx_http_get_module_ctx(r->main, ngx_http_sekisho_module);
    ngx_pool_cleanup_t *c = ctx ? NULL : r->main->pool->cleanup;
    for (; c; c = c->next) {
        if (c->handler == ctx_mark) {
            ctx = c->data;
            ngx_http_set_ctx(r->main, ctx, ngx_http_sekisho_module);
            break;
        }
    }
    return ctx;
}

guard_ctx_t *guard_ctx(ngx_http_request_t *r)
{
    guard_ctx_t *ctx = guard_ctx_find(r);
    if (ctx) {
        return ctx;
    }
    ngx_pool_cleanup_t *mark = ngx_pool_cleanup_add(r->main->pool, sizeof *ctx);
    if (!mark) {
        return NULL;
    }
    ctx = mark->data;
    *ctx = (guard_ctx_t){.id = id_new()};
    id_encode(ctx->id, ctx->id_text);
    mark->handler = ctx_mark;
    guard_sender_opened();
    ngx_http_set_ctx(r->main, ctx, ngx_http_sekisho_module);
    return ctx;
}

slice_t guard_header(ngx_http_request_t *r, const char *name, size_t *ret_count)
{
    slice_t first = SLICE_EMPTY, want = slice_cstr_in(name);
    size_t count = 0;
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
        ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (slice_eq_nocase(guard_slice(h[i].key), want) && count++ == 0) {
                first = guard_slice(h[i].value);
            }
        }
    }
    *ret_count = count;
    return first;
}

static bool is_digits(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

/* The Host line must name the very server that answers: it is handed on as it is, and rooms make
 * addresses of it. (With an absolute target nginx chooses the server by that, so the two can
 * differ.) */
static bool host_fits(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    slice_t host = r->headers_in.host ? guard_slice(r->headers_in.host->value) : SLICE_EMPTY;
    size_t colon = slice_find_byte(host, ':');
    return slice_eq_nocase(slice_sub(host, 0, colon), guard_slice(server->server_name)) &&
           (colon == SIZE_MAX || is_digits(slice_from(host, colon + 1)));
}

static bool asks_websocket(ngx_http_request_t *r)
{
    slice_t list = r->headers_in.upgrade ? guard_slice(r->headers_in.upgrade->value) : SLICE_EMPTY;
    slice_t one;
    while (slice_split(&list, ',', &one)) {
        if (slice_eq_nocase(slice_sub(slice_trim(one), 0, 9), SLICE("websocket"))) {
            return true;
        }
    }
    return false;
}

/* ---- the target as the origin gets it ---- */

static bool is_dots(slice_t segment)
{
    return slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."));
}

/* One step of percent-decoding, on the fly. */
static uint8_t decoded_take(slice_t *rest)
{
    int pair = rest->ptr[0] == '%' ? hex_pair(slice_from(*rest, 1)) : -1;
    uint8_t c = pair >= 0 ? (uint8_t)pair : rest->ptr[0];
    *rest = slice_from(*rest, pair >= 0 ? 3 : 1);
    return c;
}

/* A fragment, or a segment `.` or `..` however it is written: nginx reads the path without them,
 * and chooses the server's place and its rules by that. */
static bool is_roundabout(slice_t target)
{
    uint8_t mem[3]; /* the segment's beginning: two bytes, and whether there are more */
    size_t len = 0;
    if (slice_find_byte(target, '#') != SIZE_MAX) {
        return true;
    }
    for (slice_t rest = slice_sub(target, 0, slice_find_byte(target, '?')); rest.len;) {
        uint8_t c = decoded_take(&rest);
        if (c == '/') {
            if (is_dots(slice_make(mem, len))) {
                return true;
            }
            len = 0;
        } else if (len < sizeof mem) {
            mem[len++] = c;
        }
    }
    return is_dots(slice_make(mem, len));
}

ngx_int_t guard_front_handler(ngx_http_request_t *r)
{
    if (r != r->main || r->internal) {
        return NGX_DECLINED;
    }
    guard_ctx_t *ctx = guard_ctx(r);
    if (!ctx) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    guard_quiet_learn(r);
    if (guard_headers_keep(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (is_roundabout(guard_slice(r->unparsed_uri))) {
        r->valid_unparsed_uri =
            0; /* the origin gets the path by which its place and rules are chosen */
    }
    if (conf->host_check && !host_fits(r)) {
        ctx->note = "host";
        return NGX_HTTP_MISDIRECTED_REQUEST;
    }
    if (conf->upgrade) {
        return NGX_DECLINED;
    }
    if (asks_websocket(r)) {
        ctx->note = "upgrade";
        return NGX_HTTP_BAD_REQUEST;
    }
    r->headers_in.upgrade = NULL; /* whatever a room answers, no tunnel opens */
    return NGX_DECLINED;
}

/* Ways to write `..` that nginx does not know and other servers do: with a backslash, with a path
 * parameter, encoded twice. They are no name of a file. */
bool guard_path_is_two_faced(slice_t path)
{
    static const char *const SIGNS[] = {"\\",  "..;", "/.;", "%2e", "%2E",
                                        "%2f", "%2F", "%5c", "%5C"};
    for (size_t i = 0; i < BASE_COUNT(SIGNS); i++) {
        if (slice_find(path, slice_cstr_in(SIGNS[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* ---- $sekisho_id ---- */

static ngx_int_t id_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    guard_ctx_t *ctx = guard_ctx(r);
    if (!ctx) {
        return NGX_ERROR;
    }
    union { /* the variable is not const, but nothing writes through it */
        char *text;
        u_char *bytes;
    } at = {.text = ctx->id_text};
    v->len = ID_TEXT;
    v->data = at.bytes;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    return NGX_OK;
}

ngx_int_t guard_front_variables(ngx_conf_t *cf)
{
    static ngx_str_t name = ngx_string("sekisho_id");
    ngx_http_variable_t *var = ngx_http_add_variable(cf, &name, 0);
    if (!var) {
        return NGX_ERROR;
    }
    var->get_handler = id_variable;
    return NGX_OK;
}

/* ---- the answer's headers ---- */

static ngx_http_output_header_filter_pt next_header_filter;

/* No "Server:" line: nginx writes its own only when there is none, and prints none with hash 0. A
 * room that says 101 is not believed: the connection ends. */
static ngx_int_t header_filter(ngx_http_request_t *r)
{
    static ngx_table_elt_t nameless;
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    if (!conf->upgrade && r->headers_out.status >= NGX_HTTP_CONTINUE &&
        r->headers_out.status < NGX_HTTP_OK) {
        return NGX_ERROR;
    }
    if (r == r->main) {
        guard_ctx_t *ctx = guard_ctx_find(r);
        r->headers_out.server = &nameless;
        if (ctx) {
            guard_keep_asked(r, ctx);
        }
    }
    return next_header_filter(r);
}

void guard_front_filters(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;
}
