#include "link.h"

#include "inbox.h"
#include "pay_pages.h"
#include "text/html.h"

enum { FORM_BYTES = 32 * 1024 };

static void hidden_put(buf_t *b, const char *name, slice_t value)
{
    html_put(b, HTML("<input type=\"hidden\" name=\""));
    html_put_attr(b, slice_cstr_in(name));
    html_put(b, HTML("\" value=\""));
    html_put_attr(b, value);
    html_put(b, HTML("\">\n"));
}

/* The browser writes the values in the provider's charset. */
static err_t form_html(arena_t *a, const adapter_form_t *f, i18n_lang_t lang, html_t *ret_html)
{
    buf_t b;
    TRY(arena_buf(a, FORM_BYTES, &b));
    html_put(&b, HTML("<form class=\"form\" method=\"post\" action=\""));
    html_put_url(&b, f->action);
    html_put(&b, HTML("\" accept-charset=\""));
    html_put_attr(&b, slice_cstr_in(f->charset));
    html_put(&b, HTML("\">\n"));
    for (size_t i = 0; i < f->n; i++) {
        hidden_put(&b, f->fields[i].name, f->fields[i].value);
    }
    html_put(&b, HTML("<p><button class=\"button button-main button-wide\" type=\"submit\">"));
    html_put_text(&b, i18n_text(&pay_catalog, lang, PAY_MSG_LINK_BUTTON));
    html_put(&b, HTML("</button></p>\n</form>"));
    TRY(buf_check(&b));
    *ret_html = (html_t){buf_slice(&b)};
    return OK;
}

static void over_show(web_req_t *req, web_res_t *res, slice_t back, bool stopped)
{
    tpl_pay_over(web_html(res, stopped ? 503 : 410), req->lang,
                 &(struct tpl_pay_over_args){.stopped = stopped, .back = back});
}

err_t link_handle(void *room, web_req_t *req, web_res_t *res)
{
    inbox_t *inbox = room;
    attempt_t t = {0};
    adapter_form_t *f = ARENA_NEW(req->arena, adapter_form_t);
    slice_t token = web_req_param(req, "token"), back;
    html_t form;
    ENSURE(f, ERR_MEMORY);
    err_t e = cashier_form(inbox->cashier, req->arena, token, f, &t);
    ENSURE(!err_is(e, ERR_DENIED), ERR_NOT_FOUND); /* a wrong token is no page */
    if (err_is(e, ERR_STOPPED) || err_is(e, ERR_EXPIRED)) {
        TRY(arena_printf(req->arena, &back, "/pay/return/%.*s", SLICE_FMT(token)));
        over_show(req, res, back, err_is(e, ERR_STOPPED));
        return OK;
    }
    TRY(e);
    i18n_lang_t lang = t.lang ? I18N_EN : I18N_JA;
    TRY(form_html(req->arena, f, lang, &form));
    tpl_pay_link(web_html(res, 200), lang,
                 &(struct tpl_pay_link_args){
                     .description = t.description, .amount = t.view.amount_minor, .form = form});
    return OK;
}
