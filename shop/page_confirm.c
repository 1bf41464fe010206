/* The last page before payment: everything once more, the conditions, consent (recorded before the
 * payment attempt exists), and the way to the provider's page. */
#include "base/clock.h"
#include "consent.h"
#include "handlers.h"
#include "pay_begin.h"
#include "payment.h"
#include "text/utf8.h"

/* --- the way to the provider ------------------------------------------------------------------ */

err_t pay_form_token(const web_req_t *req, slice_t *ret_token)
{
    id128_t id;
    slice_t token = web_req_form(req, "token");
    TRY(id_decode(token, &id)); /* the same letters, the same length */
    *ret_token = token;
    return OK;
}

err_t pay_description(arena_t *a, const struct tpl_booking *row, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, 4 * PAY_TEXT_MAX, &b));
    buf_put(&b, row->number);
    buf_u8(&b, ' ');
    buf_put(&b, utf8_truncate(row->tour_title, PAY_TEXT_MAX - b.len));
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

err_t pay_show_stopped(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res,
                       const booking_t *booking)
{
    struct tpl_payments_stopped_args p = {0};
    TRY(page_fill(shop, req, "", &p.page));
    TRY(page_booking(db, req->arena, page_lang(req), booking, req->now_us, &p.b));
    p.page.payments_stopped = true;
    tpl_payments_stopped(web_html(res, 503), page_lang(req), &p);
    return OK;
}

err_t pay_begin(shop_t *shop, web_req_t *req, web_res_t *res, const booking_t *booking,
                slice_t description, slice_t token)
{
    id128_t attempt;
    slice_t url;
    bool open;
    char reason[32];
    int64_t now = clock_wall_us();
    pay_order_t order = {.request = req->id,
                         .booking = booking->id,
                         .amount_minor = booking->total,
                         .currency = {'J', 'P', 'Y'},
                         .lang = (uint8_t)page_lang(req),
                         .description = description,
                         .client_token = token};
    ENSURE(shop_payments_open(shop, true), ERR_STOPPED);
    TRY(payment_session_end(booking, now, &order.expires_us));
    /* A payd that stands still is found out in a moment; making a page may take long. It says
     * itself why it is closed. */
    TRY(pay_open(shop->pay, &open, reason));
    TRY(pay_create(shop->pay, req->arena, &order, &attempt, &url));
    TRY(payment_attempt_store(shop->writer, req->arena, booking, attempt, req->id, now));
    return web_redirect(res, 303, url);
}

/* --- the page --------------------------------------------------------------------------------- */

static err_t reveal(shop_t *shop, db_t *db, web_req_t *req, const booking_t *b,
                    struct tpl_confirm_args *p)
{
    vault_context_t ctx;
    people_t people;
    TRY(page_vault_context(db, req, b, &ctx));
    err_t e = people_reveal(db, shop->vault, req->arena, &ctx, b, &people);
    if (page_reveal_rests(e)) {
        atomic_fetch_add(&shop->counts.reveals_refused, 1);
        p->hidden = true;
        return OK;
    }
    TRY(e);
    return page_people(req->arena, &people, &p->rep, &p->travellers, &p->travellers_count);
}

static err_t fill_parts(shop_t *shop, web_req_t *req, const booking_parts_t *parts,
                        struct tpl_confirm_args *p)
{
    const departure_t *d = &parts->departure;
    p->meeting = d->meeting;
    p->includes = parts->tour.includes;
    p->excludes = parts->tour.excludes;
    p->hotel = parts->tour.hotel;
    p->guide = parts->tour.guide;
    p->min_people = d->seats.min_pax;
    p->decide = page_decide(d);
    p->provider = slice_cstr_in(shop->conf->provider_name);
    TRY(page_fees(req->arena, d->day, parts->tour.days, &p->fees, &p->fees_count));
    return agency_office_page(req->arena, agency_office(&shop->agency, d->office), page_lang(req),
                              req->now_us, &p->office);
}

static err_t show(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res, const booking_t *b,
                  const form_errors_t *errors, int status)
{
    arena_t *a = req->arena;
    document_t doc;
    booking_parts_t parts;
    struct tpl_confirm_args p = {.errors = errors->at, .errors_count = errors->n};
    TRY(page_fill(shop, req, "", &p.page));
    TRY(page_booking_parts(db, a, page_lang(req), b, req->now_us, &p.b, &parts));
    TRY(fill_parts(shop, req, &parts, &p));
    TRY(document_current(db, a, SLICE("conditions"), page_lang(req), &doc));
    TRY(page_document(a, &doc, &p.terms));
    TRY(page_booking_href(a, b->id, "/confirm", &p.action));
    TRY(page_booking_href(a, b->id, "/travellers", &p.back_href));
    TRY(page_booking_href(a, b->id, "/cancel", &p.cancel_action));
    TRY(page_token(a, &p.token));
    TRY(web_csrf(req, res, &p.csrf));
    TRY(reveal(shop, db, req, b, &p));
    tpl_confirm(web_html(res, status), page_lang(req), &p);
    return OK;
}

/* One sentence above the form. */
static err_t show_wrong(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res, const booking_t *b,
                        shop_msg_t why, int status)
{
    form_errors_t errors = {.n = 0};
    form_error_add(&errors, SLICE("consent"), page_msg(req, why));
    return show(shop, db, req, res, b, &errors, status);
}

/* Ends the lease: who waits for the record and the writer keeps no connection from those who read.
 */
static err_t give(shop_t *shop, db_lease_t *lease, web_req_t *req, booking_t *b)
{
    document_t doc;
    id128_t account, pseudonym;
    consent_t c = {.version = web_req_form(req, "version"),
                   .lang = page_lang(req),
                   .request = req->id,
                   .now_us = clock_wall_us()};
    TRY(document_current(lease->db, req->arena, SLICE("conditions"), page_lang(req), &doc));
    TRY(page_account(lease->db, req, &account, &pseudonym));
    db_lease_end(lease);
    c.actor = id_is_zero(pseudonym) ? web_session_id(req) : pseudonym;
    return consent_give(shop->writer, &shop->way, req->arena, b, &doc, &c);
}

/* After consent: to the provider, or to the pay page, which says what is the matter. */
static err_t go_on(shop_t *shop, web_req_t *req, web_res_t *res, const booking_t *b,
                   slice_t description, slice_t token)
{
    slice_t href;
    err_t e = pay_begin(shop, req, res, b, description, token);
    if (err_is(e, ERR_UPSTREAM) || err_is(e, ERR_TIMEOUT) || err_is(e, ERR_UNAVAILABLE) ||
        err_is(e, ERR_CLOSED) || err_is(e, ERR_NOT_RECORDED)) {
        TRY(page_booking_href(req->arena, b->id, "/pay?down=1", &href));
        return web_redirect(res, 303, href);
    }
    if (err_is(e, ERR_STOPPED) || err_is(e, ERR_CONFLICT)) {
        TRY(page_booking_href(req->arena, b->id, err_is(e, ERR_STOPPED) ? "/pay" : "", &href));
        return web_redirect(res, 303, href);
    }
    return e;
}

static err_t post(shop_t *shop, db_lease_t *lease, web_req_t *req, web_res_t *res, booking_t *b)
{
    slice_t token, description;
    struct tpl_booking row;
    int64_t end;
    TRY(pay_form_token(req, &token));
    if (!shop_payments_open(shop, true)) {
        return pay_show_stopped(shop, lease->db, req, res, b);
    }
    if (!slice_eq(web_req_form(req, "consent"), SLICE("1"))) {
        return show_wrong(shop, lease->db, req, res, b, SHOP_MSG_FORM_CONSENT_NEEDED, 422);
    }
    if (err_failed(payment_session_end(b, clock_wall_us(), &end))) {
        return show_wrong(shop, lease->db, req, res, b, SHOP_MSG_FORM_TIME_SHORT, 409);
    }
    err_t e = give(shop, lease, req, b);
    db_lease_end(lease);
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, lease));
    if (err_is(e, ERR_CONFLICT)) {
        return show_wrong(shop, lease->db, req, res, b, SHOP_MSG_FORM_TERMS_CHANGED, 409);
    }
    if (err_is(e, ERR_NOT_RECORDED) || err_is(e, ERR_UNAVAILABLE)) {
        return show_wrong(shop, lease->db, req, res, b, SHOP_MSG_FORM_NOT_RECORDED, 503);
    }
    TRY(e);
    TRY(page_booking(lease->db, req->arena, page_lang(req), b, req->now_us, &row));
    TRY(pay_description(req->arena, &row, &description));
    db_lease_end(lease);
    return go_on(shop, req, res, b, description, token);
}

err_t handle_confirm(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    booking_t b;
    slice_t href;
    static const form_errors_t NONE = {.n = 0};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_own_booking(lease.db, req, &b));
    bool open = booking_state_holds(b.state) && b.hold_expires_us > req->now_us;
    if (!open || b.state == BOOKING_DRAFT) {
        TRY(page_booking_href(req->arena, b.id, open ? "/travellers" : "", &href));
        return web_redirect(res, 303, href);
    }
    return req->method == WEB_POST ? post(shop, &lease, req, res, &b)
                                   : show(shop, lease.db, req, res, &b, &NONE, 200);
}
