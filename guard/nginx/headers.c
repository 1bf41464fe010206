/* Two views of the request's header lines. The rules see all that was sent. The origin gets what
 * nginx would let through by itself: lines with '_' or odd signs in their names are left out as
 * underscores_in_headers and ignore_invalid_headers say; and lines with control signs in their
 * values. nginx is made to read all of them, and here the others are taken out again at the first
 * moment, before anything else looks at the list: no variable, no module and no origin ever sees
 * what it would not have seen without the guard.
 *
 * Only names of plain letters, digits and '-' have a meaning for nginx (Content-Length, Host ...),
 * so a line that is hidden here has never been obeyed. */
#include "rules.h"

#include "io/fd.h"

enum { KEY_MIN = 16, KEY_MAX = 256 };

/* ---- reading everything ---- */

ngx_int_t guard_headers_see_all(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_core_srv_conf_t **servers = core->servers.elts;
    for (ngx_uint_t i = 0; i < core->servers.nelts; i++) {
        guard_srv_conf_t *ours = servers[i]->ctx->srv_conf[ngx_http_sekisho_module.ctx_index];
        ours->underscores = servers[i]->underscores_in_headers;
        ours->ignore_invalid = servers[i]->ignore_invalid_headers;
        servers[i]->underscores_in_headers = 1;
        servers[i]->ignore_invalid_headers = 0;
    }
    return NGX_OK;
}

/* ---- hiding ---- */

typedef bool hidden_fn(const void *user, const ngx_table_elt_t *line);

/* nginx's list as it is being made anew: runs of what stays share the old elements, so pointers
 * into them (headers_in.host ...) stay right. */
typedef struct hiding {
    ngx_http_request_t *r;
    ngx_list_part_t *last; /* of the new chain; NULL: nothing yet */
    ngx_list_part_t first;
    bool failed;
} hiding_t;

static void run_keep(hiding_t *h, ngx_table_elt_t *from, ngx_uint_t n)
{
    ngx_list_part_t *part = &h->first;
    if (n == 0 || h->failed) {
        return;
    }
    if (h->last) {
        part = ngx_palloc(h->r->pool, sizeof *part);
        if (!part) {
            h->failed = true;
            return;
        }
        h->last->next = part;
    }
    *part = (ngx_list_part_t){.elts = from, .nelts = n};
    h->last = part;
}

/* The last part must be able to take further lines, and no part but the first may be empty. */
static ngx_int_t chain_take(hiding_t *h)
{
    ngx_list_t *list = &h->r->headers_in.headers;
    ngx_table_elt_t *fresh = ngx_palloc(h->r->pool, list->nalloc * sizeof *fresh);
    if (!fresh || h->failed) {
        return NGX_ERROR;
    }
    if (!h->last) {
        h->last = &h->first;
        h->first = (ngx_list_part_t){0};
    } else {
        ngx_memcpy(fresh, h->last->elts, h->last->nelts * sizeof *fresh);
    }
    h->last->elts = fresh;
    bool single = h->last == &h->first;
    list->part = h->first;
    list->last = single ? &list->part : h->last;
    return NGX_OK;
}

static bool any_hidden(const ngx_list_part_t *part, hidden_fn *is_hidden, const void *user)
{
    for (; part; part = part->next) {
        const ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (is_hidden(user, &h[i])) {
                return true;
            }
        }
    }
    return false;
}

/* The list anew, of memory of its own where lines are added. */
static ngx_int_t rebuild(ngx_http_request_t *r, hidden_fn *is_hidden, const void *user)
{
    hiding_t hiding = {.r = r};
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
        ngx_table_elt_t *h = part->elts;
        ngx_uint_t from = 0;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (is_hidden(user, &h[i])) {
                run_keep(&hiding, h + from, i - from);
                from = i + 1;
            }
        }
        run_keep(&hiding, h + from, part->nelts - from);
    }
    return chain_take(&hiding);
}

static ngx_int_t hide(ngx_http_request_t *r, hidden_fn *is_hidden, const void *user)
{
    return any_hidden(&r->headers_in.headers.part, is_hidden, user) ? rebuild(r, is_hidden, user)
                                                                    : NGX_OK;
}

static bool is_unfit_name(const guard_srv_conf_t *conf, slice_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        bool allowed = plain || (c == '_' && conf->underscores);
        if (!allowed && conf->ignore_invalid) {
            return true;
        }
    }
    return false;
}

/* Signs that readers disagree about: some end a line or a word at them (RFC 9110 5.5). */
static bool has_control(slice_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_unfit(const void *conf, const ngx_table_elt_t *line)
{
    return is_unfit_name(conf, guard_slice(line->key)) || has_control(guard_slice(line->value));
}

ngx_int_t guard_headers_keep(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    guard_main_conf_t *main = ngx_http_get_module_main_conf(r, ngx_http_sekisho_module);
    if (ctx->headers_kept) {
        return NGX_OK;
    }
    ctx->headers_kept = true;
    ctx->sent = r->headers_in.headers.part;
    if (main->rule_lists.nelts == 0) {
        return NGX_OK;
    }
    /* nginx obeys the address's default server here: the Host line is not yet known */
    ngx_http_core_srv_conf_t *core = r->http_connection->addr_conf->default_server;
    guard_srv_conf_t *conf = core->ctx->srv_conf[ngx_http_sekisho_module.ctx_index];
    return hide(r, is_unfit, conf);
}

static bool is_named(const void *name, const ngx_table_elt_t *line)
{
    return slice_eq_nocase(*(const slice_t *)name, guard_slice(line->key));
}

ngx_int_t guard_headers_hide(ngx_http_request_t *r, const char *name)
{
    slice_t want = slice_cstr_in(name);
    return hide(r, is_named, &want);
}

ngx_int_t guard_headers_each(const guard_ctx_t *ctx, void *user,
                             ngx_int_t (*fn)(void *user, slice_t name, slice_t value))
{
    for (const ngx_list_part_t *part = &ctx->sent; part; part = part->next) {
        const ngx_table_elt_t *h = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            ngx_int_t rc = fn(user, guard_slice(h[i].key), guard_slice(h[i].value));
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }
    return NGX_OK;
}

/* ---- the origin's key ---- */

static ngx_int_t key_push(ngx_http_request_t *r, const guard_loc_conf_t *conf)
{
    ngx_table_elt_t *h = ngx_list_push(&r->headers_in.headers);
    u_char *lower = ngx_pnalloc(r->pool, conf->origin_key_name.len);
    if (!h || !lower) {
        return NGX_ERROR;
    }
    ngx_uint_t hash = ngx_hash_strlow(lower, conf->origin_key_name.data, conf->origin_key_name.len);
    *h = (ngx_table_elt_t){.hash = hash,
                           .key = conf->origin_key_name,
                           .value = conf->origin_key,
                           .lowcase_key = lower};
    return NGX_OK;
}

/* A secret that only the guard and one origin know: the origin refuses requests without it, so
 * nobody can go past the guard. A line of this name that a client sent never passes. */
ngx_int_t guard_headers_origin_key(ngx_http_request_t *r, guard_ctx_t *ctx)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    slice_t name = guard_slice(conf->origin_key_name);
    if (conf->origin_key.len == 0) {
        return NGX_OK;
    }
    return hide(r, is_named, &name) == NGX_OK ? key_push(r, conf) : NGX_ERROR;
}

static bool is_named_either(const void *names_any, const ngx_table_elt_t *line)
{
    const slice_t *names = names_any, key = guard_slice(line->key);
    return (names[0].len && slice_eq_nocase(names[0], key)) ||
           (names[1].len && slice_eq_nocase(names[1], key));
}

/* Its list of lines is the main request's: it is made anew before anything is added. */
ngx_int_t guard_headers_subrequest_key(ngx_http_request_t *r)
{
    guard_loc_conf_t *conf = ngx_http_get_module_loc_conf(r, ngx_http_sekisho_module);
    guard_loc_conf_t *main = ngx_http_get_module_loc_conf(r->main, ngx_http_sekisho_module);
    const slice_t names[2] = {guard_slice(main->origin_key_name),
                              guard_slice(conf->origin_key_name)};
    if (main->origin_key.len == 0 && conf->origin_key.len == 0) {
        return NGX_OK;
    }
    if (rebuild(r, is_named_either, names) != NGX_OK) {
        return NGX_ERROR;
    }
    return conf->origin_key.len ? key_push(r, conf) : NGX_OK;
}

static bool is_visible(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return s.len >= KEY_MIN && s.len <= KEY_MAX;
}

static err_t key_read(arena_t *a, slice_t name, slice_t *ret_key)
{
    path_t path;
    struct stat st;
    FD_SCOPED int fd = -1;
    TRY(path_from_conf(a, name, &path));
    TRY(fd_open(path, O_RDONLY, 0, &fd));
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 077), ERR_DENIED);
    slice_t bytes;
    TRY(file_read(a, path, KEY_MAX + 2, &bytes));
    *ret_key = slice_trim(bytes);
    ENSURE(is_visible(*ret_key), ERR_SYNTAX);
    return OK;
}

static ngx_int_t name_set(guard_loc_conf_t *conf, const ngx_str_t *word)
{
    static ngx_str_t usual = ngx_string("X-Sekisho-Origin-Key");
    guard_srv_conf_t plain = {.underscores = false, .ignore_invalid = true};
    conf->origin_key_name = word ? *word : usual;
    return conf->origin_key_name.len && !is_unfit_name(&plain, guard_slice(conf->origin_key_name))
               ? NGX_OK
               : NGX_ERROR;
}

/* sekisho_origin_key FILE [HEADER]; */
char *guard_origin_key_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf_any)
{
    static char twice[] = "is duplicate", bad_name[] = "has a header name with odd signs",
                bad[] =
                    "names a file that is not there, that others may read, or whose text is not "
                    "16 to 256 visible ASCII characters";
    guard_loc_conf_t *conf = conf_any;
    ngx_str_t *words = cf->args->elts, file = words[1];
    arena_t a BASE_CLEANUP(arena_deinit) = {0};
    slice_t key;
    if (conf->origin_key.data) {
        return twice;
    }
    if (name_set(conf, cf->args->nelts > 2 ? &words[2] : NULL) != NGX_OK) {
        return bad_name;
    }
    arena_init(&a, 64 * 1024);
    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK ||
        err_failed(key_read(&a, guard_slice(file), &key))) {
        return bad;
    }
    conf->origin_key.data = ngx_pnalloc(cf->pool, key.len);
    if (!conf->origin_key.data) {
        return NGX_CONF_ERROR;
    }
    ngx_memcpy(conf->origin_key.data, key.ptr, key.len);
    conf->origin_key.len = key.len;
    return NGX_CONF_OK;
}
