/* From a failure to an error page: which status, which text, and the page of last resort. */
#include "text/html.h"
#include "text/json.h"
#include "web/priv.h"
#include "web_text.h"

static const struct {
    web_msg_t title, text;
} TEXTS[WEB_WHY_COUNT] = {
#define WHY(name) [WEB_WHY_##name] = {WEB_MSG_WHY_##name##_TITLE, WEB_MSG_WHY_##name##_TEXT}
    WHY(INTERNAL),    WHY(BAD_REQUEST), WHY(LOGIN),     WHY(DENIED),   WHY(CSRF),
    WHY(NOT_FOUND),   WHY(METHOD),      WHY(CONFLICT),  WHY(FULL),     WHY(EXPIRED),
    WHY(TOO_LARGE),   WHY(MEDIA_TYPE),  WHY(CARD_DATA), WHY(TOO_MANY), WHY(UPSTREAM),
    WHY(UNAVAILABLE), WHY(STOPPED),
#undef WHY
};

slice_t web_error_title(i18n_lang_t lang, web_why_t why)
{
    return i18n_text(&web_catalog, lang, TEXTS[why < WEB_WHY_COUNT ? why : 0].title);
}

slice_t web_error_text(i18n_lang_t lang, web_why_t why)
{
    return i18n_text(&web_catalog, lang, TEXTS[why < WEB_WHY_COUNT ? why : 0].text);
}

static web_why_t why_of_status(int status)
{
    static const struct {
        int status;
        web_why_t why;
    } ROWS[] = {
        {400, WEB_WHY_BAD_REQUEST}, {401, WEB_WHY_LOGIN},     {403, WEB_WHY_DENIED},
        {404, WEB_WHY_NOT_FOUND},   {405, WEB_WHY_METHOD},    {409, WEB_WHY_CONFLICT},
        {410, WEB_WHY_EXPIRED},     {413, WEB_WHY_TOO_LARGE}, {414, WEB_WHY_TOO_LARGE},
        {415, WEB_WHY_MEDIA_TYPE},  {422, WEB_WHY_CARD_DATA}, {429, WEB_WHY_TOO_MANY},
        {431, WEB_WHY_TOO_LARGE},   {502, WEB_WHY_UPSTREAM},  {503, WEB_WHY_UNAVAILABLE},
        {507, WEB_WHY_UNAVAILABLE},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (ROWS[i].status == status) {
            return ROWS[i].why;
        }
    }
    return WEB_WHY_INTERNAL;
}

web_fault_t web_fault(err_t err, int status, web_why_t why)
{
    return (web_fault_t){err, status, why};
}

web_fault_t web_fault_of(err_t err)
{
    if (!err_failed(err)) {
        return WEB_FINE;
    }
    int status = err_http(err.code);
    web_why_t why = err_is(err, ERR_FULL)      ? WEB_WHY_FULL
                    : err_is(err, ERR_STOPPED) ? WEB_WHY_STOPPED
                                               : why_of_status(status);
    return web_fault(err, status, why);
}

/* No catalogue of the agency's, no template: just the words. */
static void plain_page(const web_req_t *req, const web_fault_t *fault, web_res_t *res)
{
    buf_t *out = web_html(res, fault->status);
    slice_t title = web_error_title(req->lang, fault->why);
    buf_cstr(out, "<!doctype html>\n<html lang=\"");
    buf_put(out, i18n_lang_code(req->lang));
    buf_cstr(out, "\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    html_put_text(out, title);
    buf_cstr(out, "</title></head><body><main><h1>");
    html_put_text(out, title);
    buf_cstr(out, "</h1><p>");
    html_put_text(out, web_error_text(req->lang, fault->why));
    buf_cstr(out, "</p><p>");
    html_put_text(out, i18n_text(&web_catalog, req->lang, WEB_MSG_ERROR_ID));
    buf_cstr(out, " <code>");
    html_put_text(out, req->id_text);
    buf_cstr(out, "</code></p></main></body></html>\n");
}

static void json_page(const web_req_t *req, const web_fault_t *fault, web_res_t *res)
{
    buf_t *out = web_json(res, fault->status);
    buf_cstr(out, "{\"error\":");
    json_put_string(out, slice_cstr_in(err_name(fault->err.code)));
    buf_cstr(out, ",\"text\":");
    json_put_string(out, web_error_text(req->lang, fault->why));
    buf_cstr(out, ",\"id\":");
    json_put_string(out, req->id_text);
    buf_cstr(out, "}\n");
}

static bool page_is_good(err_t e, const web_res_t *res)
{
    return !err_failed(e) && res->is_set && !res->body.full;
}

void web_error_answer(web_req_t *req, const web_fault_t *fault, web_res_t *res)
{
    const web_config_t *config = web_app_config(req->app);
    web_res_clear(res);
    if (req->route && (req->route->flags & WEB_JSON_BODY)) {
        json_page(req, fault, res);
    } else if (config->render_error) {
        web_error_t error = {fault->err, fault->status, fault->why};
        err_t e = config->render_error(config->room, req, &error, res);
        res->status = fault->status;
        if (!page_is_good(e, res)) {
            web_res_clear(res);
            plain_page(req, fault, res);
        }
    } else {
        plain_page(req, fault, res);
    }
    if (fault->status == 429 || fault->status == 503) {
        err_ignore(web_header(res, SLICE("Retry-After"), SLICE("10"))); /* only advice */
    }
}
