/* Reading a request: what handlers call. */
#include "text/form.h"
#include "web/priv.h"

bool web_pairs_has(web_pairs_t pairs, const char *name)
{
    for (size_t i = 0; i < pairs.n; i++) {
        if (slice_eq(pairs.at[i].name, slice_cstr_in(name))) {
            return true;
        }
    }
    return false;
}

slice_t web_pairs_get(web_pairs_t pairs, const char *name)
{
    for (size_t i = 0; i < pairs.n; i++) {
        if (slice_eq(pairs.at[i].name, slice_cstr_in(name))) {
            return pairs.at[i].value;
        }
    }
    return SLICE_EMPTY;
}

slice_t web_req_param(const web_req_t *req, const char *name)
{
    return web_pairs_get(req->params, name);
}

slice_t web_req_query(const web_req_t *req, const char *name)
{
    return web_pairs_get(req->query, name);
}

slice_t web_req_form(const web_req_t *req, const char *name)
{
    return web_pairs_get(req->form, name);
}

slice_t web_req_header(const web_req_t *req, const char *lower_case_name)
{
    return web_pairs_get(req->headers, lower_case_name);
}

slice_t web_req_cookie(const web_req_t *req, const char *name)
{
    return web_pairs_get(req->cookies, name);
}

err_t web_req_may_reveal(const web_req_t *req)
{
    ENSURE(req->route && (req->route->flags & WEB_REVEALS), ERR_DENIED);
    return OK;
}

err_t web_req_lang_url(const web_req_t *req, i18n_lang_t lang, slice_t *ret_url)
{
    buf_t out;
    size_t q = slice_find_byte(req->target, '?');
    TRY(arena_buf(req->arena, req->target.len + 16, &out));
    buf_put(&out, slice_sub(req->target, 0, q));
    buf_u8(&out, '?');
    form_cursor_t c = form_on(q == SIZE_MAX ? SLICE_EMPTY : slice_from(req->target, q + 1),
                              WEB_FIELDS_MAX, FORM_STRICT);
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, req->arena, &name, &value));
        if (slice_eq(name, SLICE("lang"))) {
            continue;
        }
        buf_put(&out, c.raw_name);
        buf_u8(&out, '=');
        buf_put(&out, c.raw_value);
        buf_u8(&out, '&');
    }
    buf_cstr(&out, "lang=");
    buf_put(&out, i18n_lang_code(lang));
    TRY(buf_check(&out));
    *ret_url = buf_slice(&out);
    return OK;
}

err_t web_req_origin(const web_req_t *req, slice_t *ret_origin)
{
    ENSURE(req->host.len, ERR_NOT_FOUND);
    return arena_printf(req->arena, ret_origin, "%s://%.*s",
                        req->app->config.tls ? "https" : "http", SLICE_FMT(req->host));
}
