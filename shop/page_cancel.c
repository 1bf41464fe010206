/* Giving a booking back: unpaid, at once; paid, after the fee was shown line by line for the people
 * chosen. */
#include "base/clock.h"
#include "cancellation.h"
#include "consent.h"
#include "fee_words.h"
#include "handlers.h"
#include "hold.h"
#include "page.h"

enum { EXPLANATION_MAX = 16 * 1024 };

typedef struct view {
    shop_t *shop;
    db_t *db;
    web_req_t *req;
    const booking_t *b;
    booking_parts_t parts;
    tour_fees_t *fees;
    cancel_pax_t pax[SHOP_PAX_MAX];
    size_t n_pax;
    uint32_t chosen; /* bit n-1: person n */
    bool quoted;
    cancel_quote_t quote;
    int64_t at_us;
} view_t;

/* "p2=1" in the query, or in the form when that was sent. */
static bool is_chosen(const view_t *v, int64_t n)
{
    char name[] = {'p', (char)('0' + n), 0};
    slice_t value =
        v->req->method == WEB_POST ? web_req_form(v->req, name) : web_req_query(v->req, name);
    return slice_eq(value, SLICE("1"));
}

static void choose(view_t *v)
{
    bool asked =
        v->req->method == WEB_POST || slice_eq(web_req_query(v->req, "chosen"), SLICE("1"));
    for (size_t i = 0; i < v->n_pax; i++) {
        const cancel_pax_t *p = &v->pax[i];
        if (!p->gone && p->n >= 1 && p->n <= SHOP_PAX_MAX && (!asked || is_chosen(v, p->n))) {
            v->chosen |= 1U << (p->n - 1);
        }
    }
}

static void quote(view_t *v, const office_t *office, date_t contract)
{
    cancel_case_t c = {.booking = v->b,
                       .departure = &v->parts.departure,
                       .tour_days = v->parts.tour.days,
                       .fees = v->fees,
                       .office = &office->hours,
                       .contract = contract,
                       .channel = FEE_BY_WEB,
                       .request_us = v->at_us};
    for (size_t i = 0; i < v->n_pax; i++) {
        if (v->chosen & (1U << (v->pax[i].n - 1))) {
            c.adults += v->pax[i].child ? 0 : 1;
            c.children += v->pax[i].child ? 1 : 0;
        }
    }
    v->quoted = cancellation_quote(&c, &v->quote) == FEE_SOUND;
}

static err_t view_fill(view_t *v, struct tpl_cancel_args *p)
{
    arena_t *a = v->req->arena;
    date_t contract;
    v->at_us = clock_wall_us();
    v->fees = ARENA_NEW(a, tour_fees_t);
    ENSURE(v->fees, ERR_MEMORY);
    TRY(page_booking_parts(v->db, a, page_lang(v->req), v->b, v->req->now_us, &p->b, &v->parts));
    TRY(tour_fees_load(v->db, a, v->parts.tour.id, v->fees));
    TRY(consent_day(v->db, a, v->b, &contract));
    TRY(cancellation_people(v->db, a, v->b->id, v->pax, &v->n_pax));
    choose(v);
    quote(v, agency_office(&v->shop->agency, v->parts.departure.office), contract);
    return OK;
}

/* The quote of some who are cancelled: grown-ups' when there are any. */
static const fee_quote_t *first_quote(const view_t *v)
{
    return v->quote.adults ? &v->quote.adult : &v->quote.child;
}

/* After the start nothing is cancelled by a click: a person helps. */
static bool may_go(const view_t *v)
{
    return v->quoted && first_quote(v)->phase <= FEE_DEPARTURE_DAY;
}

static err_t lines_of(view_t *v, const fee_quote_t *q, bool shared,
                      const struct tpl_para **ret_lines, size_t *ret_n)
{
    struct tpl_para *rows = ARENA_ARRAY(v->req->arena, struct tpl_para, FEE_LINES_MAX);
    size_t n = 0;
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < q->n_lines; i++) {
        if (fee_line_is_shared(&q->lines[i]) == shared) {
            TRY(fee_words_line(v->req->arena, page_lang(v->req), &q->lines[i], &rows[n++].text));
        }
    }
    *ret_lines = rows;
    *ret_n = n;
    return OK;
}

static err_t explain(view_t *v, struct tpl_cancel_args *p)
{
    struct tpl_fee_part *parts = ARENA_ARRAY(v->req->arena, struct tpl_fee_part, 2);
    size_t n = 0;
    ENSURE(parts, ERR_MEMORY);
    TRY(lines_of(v, first_quote(v), true, &p->lines, &p->lines_count));
    if (v->quote.adults) {
        parts[n] = (struct tpl_fee_part){.label = SHOP_MSG_PRICE_ADULT};
        TRY(lines_of(v, &v->quote.adult, false, &parts[n].lines, &parts[n].lines_count));
        n++;
    }
    if (v->quote.children) {
        parts[n] = (struct tpl_fee_part){.label = SHOP_MSG_PRICE_CHILD};
        TRY(lines_of(v, &v->quote.child, false, &parts[n].lines, &parts[n].lines_count));
        n++;
    }
    p->parts = parts;
    p->parts_count = n;
    p->price = v->quote.price_yen;
    p->fee = v->quote.fee_yen;
    p->refund = v->quote.refund_yen;
    return OK;
}

/* Names beside the boxes where they can be opened, else "the second person". */
static err_t names(view_t *v, struct tpl_cancel_args *p)
{
    vault_context_t ctx;
    people_t people = {.n = 0};
    struct tpl_cancel_people *rows =
        ARENA_ARRAY(v->req->arena, struct tpl_cancel_people, SHOP_PAX_MAX);
    ENSURE(rows, ERR_MEMORY);
    TRY(page_vault_context(v->db, v->req, v->b, &ctx));
    err_t e = people_reveal(v->db, v->shop->vault, v->req->arena, &ctx, v->b, &people);
    if (page_reveal_rests(e)) {
        atomic_fetch_add(&v->shop->counts.reveals_refused, 1);
    } else {
        TRY(e);
    }
    for (size_t i = 0; i < v->n_pax; i++) {
        const cancel_pax_t *x = &v->pax[i];
        rows[i] =
            (struct tpl_cancel_people){.n = x->n,
                                       .adult = !x->child,
                                       .gone = x->gone,
                                       .chosen = (v->chosen & (1U << (x->n - 1))) != 0,
                                       .name = i < people.n ? people.at[i].name : SLICE_EMPTY};
    }
    p->people = rows;
    p->people_count = v->n_pax;
    return OK;
}

static err_t show(view_t *v, web_res_t *res, struct tpl_cancel_args *p, int status)
{
    arena_t *a = v->req->arena;
    const office_t *office = agency_office(&v->shop->agency, v->parts.departure.office);
    TRY(page_fill(v->shop, v->req, "my", &p->page));
    TRY(agency_office_page(a, office, page_lang(v->req), v->req->now_us, &p->office));
    TRY(page_booking_href(a, v->b->id, "/cancel", &p->action));
    TRY(page_booking_href(a, v->b->id, "", &p->back_href));
    TRY(web_csrf(v->req, res, &p->csrf));
    p->at = v->at_us;
    p->nobody = v->chosen == 0;
    p->can_go = may_go(v);
    if (v->quoted) {
        TRY(explain(v, p));
    }
    TRY(names(v, p));
    tpl_cancel(web_html(res, status), page_lang(v->req), p);
    return OK;
}

static void sentences(buf_t *b, const struct tpl_para *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_put(b, lines[i].text);
        buf_u8(b, '\n');
    }
}

/* What the customer saw, kept with the cancellation. */
static err_t explanation(view_t *v, struct tpl_cancel_args *p, slice_t *ret_text)
{
    buf_t b;
    TRY(explain(v, p));
    TRY(arena_buf(v->req->arena, EXPLANATION_MAX, &b));
    sentences(&b, p->lines, p->lines_count);
    for (size_t i = 0; i < p->parts_count; i++) {
        buf_put(&b, page_msg(v->req, p->parts[i].label));
        buf_u8(&b, '\n');
        sentences(&b, p->parts[i].lines, p->parts[i].lines_count);
    }
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

static err_t apply(view_t *v, struct tpl_cancel_args *p)
{
    const fee_quote_t *q = first_quote(v);
    cancellation_t c = {.id = id_new(),
                        .booking = v->b->id,
                        .request = v->req->id,
                        .at_us = v->at_us,
                        .adults = v->quote.adults,
                        .children = v->quote.children,
                        .fee_yen = v->quote.fee_yen,
                        .refund_yen = v->quote.refund_yen,
                        .lang = page_lang(v->req),
                        .effective = q->effective,
                        .rule = q->has_rule ? q->rule.id : SLICE("none")};
    TRY(explanation(v, p, &c.explanation));
    return cancellation_apply(v->shop->writer, v->req->arena, &c, v->chosen);
}

/* Never more than the page said: a fee that rose between looking and clicking is shown again. */
static bool rose(const view_t *v)
{
    int64_t shown = -1;
    err_t e = slice_parse_i64(web_req_form(v->req, "fee"), 0, INT64_MAX, &shown);
    return err_failed(e) || v->quote.fee_yen > shown;
}

static err_t cancel_paid(shop_t *shop, db_lease_t *lease, web_req_t *req, web_res_t *res,
                         const booking_t *b)
{
    struct tpl_cancel_args p = {0};
    view_t v = {.shop = shop, .db = lease->db, .req = req, .b = b};
    slice_t href;
    TRY(view_fill(&v, &p));
    if (req->method != WEB_POST) {
        return show(&v, res, &p, 200);
    }
    if (v.chosen == 0) { /* the same form twice: they are cancelled */
        TRY(page_booking_href(req->arena, b->id, "", &href));
        return web_redirect(res, 303, href);
    }
    if (!may_go(&v) || rose(&v)) {
        p.rose = may_go(&v);
        return show(&v, res, &p, p.rose ? 409 : 422);
    }
    db_lease_end(lease); /* who waits for the writer keeps no reader */
    err_t e = apply(&v, &p);
    if (!err_is(e, ERR_CONFLICT)) { /* cancelled meanwhile: the booking page says so */
        TRY(e);
    }
    TRY(page_booking_href(req->arena, b->id, "", &href));
    return web_redirect(res, 303, href);
}

static err_t cancel_unpaid(shop_t *shop, web_req_t *req, web_res_t *res, const booking_t *b)
{
    slice_t href;
    if (req->method == WEB_POST) {
        err_t e = hold_cancel(shop->writer, req->arena, b->id, req->id, clock_wall_us());
        if (!err_is(e, ERR_CONFLICT)) { /* paid or over meanwhile: the booking page says which */
            TRY(e);
        }
    }
    TRY(page_booking_href(req->arena, b->id, "", &href));
    return web_redirect(res, 303, href);
}

err_t handle_cancel(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    booking_t b;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_own_booking(lease.db, req, &b));
    return b.state == BOOKING_CONFIRMED ? cancel_paid(shop, &lease, req, res, &b)
                                        : cancel_unpaid(shop, req, res, &b);
}
