/* Paying again after a try that did not succeed, and where the provider sends the browser back to.
 * The return confirms nothing: it shows what payd and the shop's own table know. */
#include "handlers.h"
#include "pay_begin.h"
#include "payment.h"

static shop_msg_t outcome_of(pay_state_t last)
{
    return last == PAY_DECLINED    ? SHOP_MSG_PAY_DECLINED
           : last == PAY_ABANDONED ? SHOP_MSG_PAY_ABANDONED
           : last == PAY_EXPIRED   ? SHOP_MSG_PAY_EXPIRED
                                   : SHOP_MSG_NONE;
}

static err_t show(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res, const booking_t *b,
                  bool down, int status)
{
    arena_t *a = req->arena;
    attempt_row_t *tries;
    size_t n;
    booking_parts_t parts;
    struct tpl_pay_args p = {.provider = slice_cstr_in(shop->conf->provider_name)};
    TRY(page_fill(shop, req, "", &p.page));
    TRY(page_booking_parts(db, a, page_lang(req), b, req->now_us, &p.b, &parts));
    TRY(page_booking_href(a, b->id, "/pay", &p.action));
    TRY(page_booking_href(a, b->id, "/cancel", &p.cancel_action));
    TRY(page_token(a, &p.token));
    TRY(web_csrf(req, res, &p.csrf));
    TRY(payment_attempts(db, a, b->id, &tries, &n));
    p.outcome = down    ? SHOP_MSG_PAY_PROVIDER_DOWN
                : n > 0 ? outcome_of(tries[n - 1].state)
                        : SHOP_MSG_NONE;
    p.failed = p.outcome != SHOP_MSG_NONE;
    TRY(agency_office_page(a, agency_office(&shop->agency, parts.departure.office), page_lang(req),
                           req->now_us, &p.office));
    tpl_pay(web_html(res, status), page_lang(req), &p);
    return OK;
}

static err_t post(shop_t *shop, db_lease_t *lease, web_req_t *req, web_res_t *res,
                  const booking_t *b)
{
    slice_t token, description, href;
    struct tpl_booking row;
    TRY(pay_form_token(req, &token));
    TRY(page_booking(lease->db, req->arena, page_lang(req), b, req->now_us, &row));
    TRY(pay_description(req->arena, &row, &description));
    db_lease_end(lease);
    err_t e = pay_begin(shop, req, res, b, description, token);
    if (!err_failed(e)) {
        return OK;
    }
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, lease));
    if (err_is(e, ERR_STOPPED)) {
        return pay_show_stopped(shop, lease->db, req, res, b);
    }
    if (err_is(e, ERR_EXPIRED) || err_is(e, ERR_CONFLICT)) {
        TRY(page_booking_href(req->arena, b->id, "", &href));
        return web_redirect(res, 303, href);
    }
    if (err_is(e, ERR_UPSTREAM) || err_is(e, ERR_TIMEOUT) || err_is(e, ERR_UNAVAILABLE) ||
        err_is(e, ERR_CLOSED) || err_is(e, ERR_NOT_RECORDED)) {
        return show(shop, lease->db, req, res, b, true, 503);
    }
    return e;
}

err_t handle_pay(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    booking_t b;
    slice_t href;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_own_booking(lease.db, req, &b));
    if (!booking_state_may_pay(b.state) || b.hold_expires_us <= req->now_us) {
        TRY(page_booking_href(req->arena, b.id, b.state == BOOKING_READY ? "/confirm" : "", &href));
        return web_redirect(res, 303, href);
    }
    if (!shop_payments_open(shop, true)) {
        return pay_show_stopped(shop, lease.db, req, res, &b);
    }
    return req->method == WEB_POST
               ? post(shop, &lease, req, res, &b)
               : show(shop, lease.db, req, res, &b, web_req_query(req, "down").len > 0, 200);
}

/* --- coming back ------------------------------------------------------------------------------ */

static const char *state_of(const booking_t *b, pay_state_t attempt, int64_t now_us)
{
    switch (b->state) {
    case BOOKING_CONFIRMED:
        return "confirmed";
    case BOOKING_REFUNDED_LATE:
    case BOOKING_REFUNDED:
    case BOOKING_CALLED_OFF:
        return "refunded";
    case BOOKING_EXPIRED:
    case BOOKING_CANCELLED:
        return attempt == PAY_CAPTURED ? "processing" : "expired";
    case BOOKING_DRAFT:
    case BOOKING_READY:
    case BOOKING_AWAITING_PAYMENT:
        break;
    }
    bool held = b->hold_expires_us > now_us;
    switch (attempt) {
    case PAY_DECLINED:
        return held ? "declined" : "expired";
    case PAY_ABANDONED:
        return held ? "abandoned" : "expired";
    case PAY_EXPIRED:
        return held ? "abandoned" : "expired";
    case PAY_REFUNDED:
        return "refunded";
    case PAY_CREATED:
    case PAY_REDIRECTED:
    case PAY_AUTHORIZED:
    case PAY_CAPTURED:
    case PAY_UNKNOWN:
        break;
    }
    return "processing";
}

static err_t fill_booking(shop_t *shop, web_req_t *req, const pay_attempt_view_t *view,
                          struct tpl_payment_return_args *p)
{
    booking_t b;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(booking_load(lease.db, req->arena, view->booking, &b));
    p->state = slice_cstr_in(state_of(&b, view->state, req->now_us));
    p->hold_until = booking_state_holds(b.state) ? b.hold_expires_us : 0;
    TRY(booking_number(req->arena, &b, &p->number));
    TRY(page_booking_href(req->arena, b.id, "", &p->booking_href));
    return page_booking_href(req->arena, b.id, "/pay", &p->pay_href);
}

err_t handle_return(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    slice_t token = web_req_param(req, "token");
    pay_attempt_view_t view;
    struct tpl_payment_return_args p = {.state = SLICE("processing")};
    ENSURE(token.len <= PAY_TOKEN_MAX, ERR_NOT_FOUND);
    err_t e = pay_look_token(shop->pay, token, &view);
    if (err_is(e, ERR_DENIED) || err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_SYNTAX)) {
        return FAIL(ERR_NOT_FOUND);
    }
    TRY(page_fill(shop, req, "", &p.page));
    if (!err_failed(e)) { /* else payd rests: the page waits */
        TRY(fill_booking(shop, req, &view, &p));
    }
    if (slice_eq(p.state, SLICE("processing"))) {
        slice_t again;
        TRY(arena_printf(req->arena, &again, "5; url=%.*s", SLICE_FMT(req->path)));
        TRY(web_header(res, SLICE("Refresh"), again));
    }
    tpl_payment_return(web_html(res, 200), page_lang(req), &p);
    return OK;
}
