/* A booking as its owner sees it, and finding it as a guest. */
#include "base/clock.h"
#include "cancellation.h"
#include "consent.h"
#include "guest.h"
#include "handlers.h"
#include "page.h"
#include "payment.h"

/* What a try to pay is called; the first line of each is its beginning. */
static shop_msg_t step_msg(pay_state_t state)
{
    switch (state) {
    case PAY_CAPTURED:
        return SHOP_MSG_PAYMENT_CAPTURED;
    case PAY_DECLINED:
        return SHOP_MSG_PAYMENT_DECLINED;
    case PAY_ABANDONED:
        return SHOP_MSG_PAYMENT_ABANDONED;
    case PAY_EXPIRED:
        return SHOP_MSG_PAYMENT_EXPIRED;
    case PAY_REFUNDED:
        return SHOP_MSG_PAYMENT_REFUNDED;
    case PAY_UNKNOWN:
        return SHOP_MSG_PAYMENT_UNKNOWN;
    case PAY_CREATED:
    case PAY_REDIRECTED:
    case PAY_AUTHORIZED:
        break;
    }
    return SHOP_MSG_NONE;
}

static err_t payments_of(db_t *db, arena_t *a, const booking_t *b, struct tpl_booking_args *p)
{
    attempt_row_t *tries;
    size_t n, out = 0;
    TRY(payment_attempts(db, a, b->id, &tries, &n));
    struct tpl_booking_payments *rows = ARENA_ARRAY(a, struct tpl_booking_payments, 2 * n + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        shop_msg_t what = step_msg(tries[i].state);
        rows[out++] = (struct tpl_booking_payments){tries[i].created_us, SHOP_MSG_PAYMENT_STARTED,
                                                    tries[i].amount};
        if (what != SHOP_MSG_NONE) {
            rows[out++] = (struct tpl_booking_payments){tries[i].changed_us, what, 0};
        }
    }
    p->payments = rows;
    p->payments_count = out;
    return OK;
}

static err_t cancellations_of(db_t *db, arena_t *a, const booking_t *b, struct tpl_booking_args *p)
{
    cancellation_t *rows;
    size_t n;
    TRY(cancellation_list(db, a, b->id, &rows, &n));
    struct tpl_booking_cancellations *out = ARENA_ARRAY(a, struct tpl_booking_cancellations, n + 1);
    ENSURE(out, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct tpl_booking_cancellations){
            rows[i].at_us, rows[i].adults + rows[i].children, rows[i].fee_yen, rows[i].refund_yen};
    }
    p->cancellations = out;
    p->cancellations_count = n;
    return OK;
}

static err_t people_of(shop_t *shop, db_t *db, web_req_t *req, const booking_t *b,
                       struct tpl_booking_args *p)
{
    vault_context_t ctx;
    people_t people;
    bool exist;
    TRY(people_exist(db, b->id, &exist));
    if (!exist) {
        return OK;
    }
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

static err_t next_step(web_req_t *req, const booking_t *b, struct tpl_booking_args *p)
{
    bool holds = booking_state_holds(b->state);
    bool alive = holds && b->hold_expires_us > req->now_us;
    p->can_cancel = holds;
    p->can_ask = b->state == BOOKING_CONFIRMED;
    p->need_travellers = alive && b->state == BOOKING_DRAFT;
    p->can_pay = alive && !p->need_travellers;
    TRY(page_booking_href(req->arena, b->id, "/cancel", &p->cancel_action));
    return page_booking_href(req->arena, b->id,
                             p->need_travellers          ? "/travellers"
                             : b->state == BOOKING_READY ? "/confirm"
                                                         : "/pay",
                             &p->next_href);
}

err_t handle_booking(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    arena_t *a = req->arena;
    booking_t b;
    booking_parts_t parts;
    struct tpl_booking_args p = {0};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    err_t e = page_own_booking(lease.db, req, &b);
    if (err_is(e, ERR_NOT_FOUND)) { /* from a letter, on another device: the same for every id */
        return web_redirect(res, 303, SLICE("/lookup"));
    }
    TRY(e);
    TRY(page_fill(shop, req, "my", &p.page));
    TRY(page_booking_parts(lease.db, a, page_lang(req), &b, req->now_us, &p.b, &parts));
    p.meeting = parts.departure.meeting;
    p.fresh = b.state == BOOKING_CONFIRMED && req->now_us - b.created_us < CLOCK_DAY_US;
    TRY(payments_of(lease.db, a, &b, &p));
    TRY(cancellations_of(lease.db, a, &b, &p));
    page_fees_of_t of = {.tour = &parts.tour, .departure = parts.departure.day};
    TRY(consent_day(lease.db, a, &b, &of.contract));
    TRY(page_fees(lease.db, a, page_lang(req), &of, &p.fees, &p.fees_count));
    TRY(agency_office_page(a, agency_office(&shop->agency, parts.departure.office), page_lang(req),
                           req->now_us, &p.office));
    TRY(next_step(req, &b, &p));
    TRY(page_papers(a, &b, &p.papers, &p.papers_count));
    TRY(web_csrf(req, res, &p.csrf));
    TRY(people_of(shop, lease.db, req, &b, &p));
    tpl_booking(web_html(res, 200), page_lang(req), &p);
    return OK;
}

/* --- guests ----------------------------------------------------------------------------------- */

enum { L_NUMBER, L_EMAIL, L_COUNT };
static const web_field_t LOOKUP[L_COUNT] = {
    [L_NUMBER] = {.name = "number", .kind = WEB_KIND_TEXT, .min = 1, .max = 24, .required = true},
    [L_EMAIL] = {.name = "email", .kind = WEB_KIND_EMAIL, .required = true},
};

static err_t show_lookup(shop_t *shop, web_req_t *req, web_res_t *res, const web_value_t v[L_COUNT],
                         form_errors_t *errors, int status)
{
    struct tpl_lookup_args p = {0};
    TRY(page_fill(shop, req, "my", &p.page));
    TRY(web_csrf(req, res, &p.csrf));
    p.number = form_field(req, "number", &v[L_NUMBER], errors);
    p.email = form_field(req, "email", &v[L_EMAIL], errors);
    p.errors = form_errors_named(req, errors);
    p.errors_count = errors->n;
    tpl_lookup(web_html(res, status), page_lang(req), &p);
    return OK;
}

static err_t find_guest(shop_t *shop, web_req_t *req, const web_value_t v[L_COUNT],
                        booking_t *ret_booking)
{
    guest_query_t q = {.number = v[L_NUMBER].text,
                       .email = v[L_EMAIL].text,
                       .client = req->client,
                       .request = req->id,
                       .now_us = req->now_us};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    return guest_find(lease.db, shop->vault, &shop->lookups, &shop->way, req->arena, &q,
                      ret_booking);
}

err_t handle_lookup(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    web_value_t v[L_COUNT] = {0};
    form_errors_t errors = {.n = 0};
    booking_t b;
    slice_t href;
    bool ok;
    if (req->method != WEB_POST) {
        return show_lookup(shop, req, res, v, &errors, 200);
    }
    TRY(web_fields_read(LOOKUP, L_COUNT, req, SLICE_EMPTY, v, &ok));
    if (!ok) {
        return show_lookup(shop, req, res, v, &errors, 422);
    }
    err_t e = find_guest(shop, req, v, &b);
    if (err_is(e, ERR_TOO_MANY) || err_is(e, ERR_NOT_FOUND)) {
        bool often = err_is(e, ERR_TOO_MANY);
        TRY(web_header(res, SLICE(WEB_HEADER_KEEP), SLICE("lookup")));
        form_error_add(
            &errors, SLICE("number"),
            page_msg(req, often ? SHOP_MSG_FORM_LOOKUP_OFTEN : SHOP_MSG_FORM_LOOKUP_WRONG));
        return show_lookup(shop, req, res, v, &errors, often ? 429 : 422);
    }
    TRY(e);
    TRY(page_own_add(req, res, b.id));
    TRY(page_booking_href(req->arena, b.id, "", &href));
    return web_redirect(res, 303, href);
}
