/* One departure: how many people, in which rooms, and the hold. */
#include "base/clock.h"
#include "handlers.h"
#include "hold.h"
#include "page.h"

enum { F_ADULTS, F_CHILDREN, F_TOKEN, F_COUNT };
static const web_field_t FORM[F_COUNT] = {
    [F_ADULTS] =
        {.name = "adults", .kind = WEB_KIND_INT, .min = 0, .max = SHOP_PAX_MAX, .required = true},
    [F_CHILDREN] = {.name = "children", .kind = WEB_KIND_INT, .min = 0, .max = SHOP_PAX_MAX},
    [F_TOKEN] = {.name = "token", .kind = WEB_KIND_ID, .required = true},
};

/* What was asked for: people, and rooms by field. */
typedef struct wish {
    int64_t adults, children;
    room_ask_t rooms[ROOM_ASKS_MAX];
    size_t n_rooms;
} wish_t;

static err_t number_options(arena_t *a, i18n_lang_t lang, bool rooms, int64_t from, int64_t to,
                            int64_t chosen, const struct tpl_option **ret_options, size_t *ret_n)
{
    struct tpl_option *o = ARENA_ARRAY(a, struct tpl_option, SHOP_PAX_MAX + 1);
    ENSURE(o, ERR_MEMORY);
    size_t n = 0;
    for (int64_t i = from; i <= to; i++) {
        buf_t label;
        TRY(arena_buf(a, 40, &label));
        if (rooms) {
            shop_msg_rooms_n(&label, lang, i);
        } else {
            shop_msg_people_n(&label, lang, i);
        }
        TRY(buf_check(&label));
        o[n].label = buf_slice(&label);
        o[n].selected = i == chosen;
        TRY(arena_printf(a, &o[n++].value, "%lld", (long long)i));
    }
    *ret_options = o;
    *ret_n = n;
    return OK;
}

/* "r1_2": kind 1, two in each. */
static err_t room_field(arena_t *a, const room_offer_t *offer, slice_t *ret_name)
{
    return arena_printf(a, ret_name, "r%d_%d", (int)offer->n, (int)offer->guests);
}

static err_t fill_rooms(db_t *db, arena_t *a, i18n_lang_t lang, id128_t departure,
                        const wish_t *wish, struct tpl_departure_args *p)
{
    room_offer_t *offers;
    size_t n;
    TRY(room_offers(db, a, lang, departure, &offers, &n));
    struct tpl_room *rows = ARENA_ARRAY(a, struct tpl_room, n + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        const room_offer_t *o = &offers[i];
        int64_t chosen = 0, most = SHOP_PAX_MAX / o->guests;
        for (size_t k = 0; k < wish->n_rooms; k++) {
            const room_ask_t *ask = &wish->rooms[k];
            chosen = ask->n == o->n && ask->guests == o->guests ? ask->rooms : chosen;
        }
        most = o->left < most ? o->left : most;
        rows[i] = (struct tpl_room){
            .name = o->name, .guests = o->guests, .extra = o->extra, .left = o->left};
        TRY(room_field(a, o, &rows[i].field));
        TRY(number_options(a, lang, true, 0, most, chosen, &rows[i].options,
                           &rows[i].options_count));
    }
    p->rooms = rows;
    p->rooms_count = n;
    return OK;
}

/* The page, also after a refused form (errors, status). */
static err_t show(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res, id128_t id, int status,
                  const form_errors_t *errors, const wish_t *wish)
{
    arena_t *a = req->arena;
    i18n_lang_t lang = page_lang(req);
    departure_t d;
    tour_t t;
    struct tpl_departure_args p = {
        .hold_minutes = shop->conf->hold_minutes, .errors = errors->at, .errors_count = errors->n};
    TRY(catalogue_departure(db, a, lang, id, &d));
    TRY(catalogue_tour_by_id(db, a, lang, d.tour, &t));
    TRY(page_fill(shop, req, "tours", &p.page));
    TRY(page_departure(a, &d, t.days, req->now_us, &p.d));
    TRY(arena_printf(a, &p.tour_href, "/tours/%.*s", SLICE_FMT(t.slug)));
    TRY(arena_printf(a, &p.action, "%.*s/hold", SLICE_FMT(p.d.href)));
    TRY(page_token(a, &p.token));
    TRY(web_csrf(req, res, &p.csrf));
    TRY(agency_office_page(a, agency_office(&shop->agency, d.office), lang, req->now_us,
                           &p.office));
    TRY(number_options(a, lang, false, 1, SHOP_PAX_MAX, wish->adults, &p.adults, &p.adults_count));
    TRY(number_options(a, lang, false, 0, SHOP_PAX_MAX - 1, wish->children, &p.children,
                       &p.children_count));
    TRY(fill_rooms(db, a, lang, id, wish, &p));
    TRY(page_fees(a, d.day, t.days, &p.fees, &p.fees_count));
    p.tour_title = t.title;
    p.picture = t.picture;
    p.alt = t.alt;
    p.days = t.days;
    p.nights = t.nights;
    p.min_people = d.seats.min_pax;
    p.decide = page_decide(&d);
    p.deadline = tokyo_date(d.seats.deadline_us);
    p.meeting = d.meeting;
    tpl_departure(web_html(res, status), lang, &p);
    return OK;
}

static err_t departure_id(const web_req_t *req, id128_t *ret_id)
{
    return err_failed(id_decode(web_req_param(req, "id"), ret_id)) ? FAIL(ERR_NOT_FOUND) : OK;
}

err_t handle_departure(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    id128_t id;
    form_errors_t none = {.n = 0};
    TRY(departure_id(req, &id));
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    return show(shop, lease.db, req, res, id, 200, &none, &(wish_t){.adults = 2});
}

static void check_people(web_req_t *req, const web_value_t v[F_COUNT], form_errors_t *errors)
{
    for (size_t i = 0; i < F_TOKEN; i++) {
        if (v[i].problem != WEB_PROBLEM_NONE) {
            form_error_add(errors, slice_cstr_in(FORM[i].name),
                           web_problem_text(req->lang, v[i].problem));
        }
    }
    int64_t n = v[F_ADULTS].number + v[F_CHILDREN].number;
    if (errors->n == 0 && v[F_ADULTS].number < 1) {
        form_error_add(errors, SLICE("adults"), page_msg(req, SHOP_MSG_FORM_ADULTS_NEEDED));
    } else if (errors->n == 0 && n > SHOP_PAX_MAX) {
        form_error_add(errors, SLICE("children"), page_msg(req, SHOP_MSG_FORM_PEOPLE_MANY));
    }
}

/* Rooms of the form, told by the departure's own offers; nothing where the form has none. */
static err_t read_rooms(db_t *db, const web_req_t *req, id128_t departure, wish_t *wish)
{
    room_offer_t *offers;
    size_t n;
    TRY(room_offers(db, req->arena, page_lang(req), departure, &offers, &n));
    for (size_t i = 0; i < n; i++) {
        slice_t name, text;
        int64_t rooms = 0;
        TRY(room_field(req->arena, &offers[i], &name));
        text = web_req_form(req, (const char *)name.ptr);
        if (text.len > 0) {
            TRY(slice_parse_i64(text, 0, SHOP_PAX_MAX, &rooms));
        }
        if (rooms > 0) {
            ENSURE(wish->n_rooms < ROOM_ASKS_MAX, ERR_RANGE);
            wish->rooms[wish->n_rooms++] = (room_ask_t){offers[i].n, offers[i].guests, rooms};
        }
    }
    return OK;
}

/* Each person needs a bed, and no bed stays empty. */
static err_t rooms_wrong(web_req_t *req, const wish_t *wish, form_errors_t *errors)
{
    buf_t text;
    int64_t beds = 0;
    for (size_t i = 0; i < wish->n_rooms; i++) {
        beds += wish->rooms[i].guests * wish->rooms[i].rooms;
    }
    TRY(arena_buf(req->arena, 400, &text));
    shop_msg_form_rooms_wrong(&text, page_lang(req), beds, wish->adults + wish->children);
    TRY(buf_check(&text));
    form_error_add(errors, SLICE("rooms"), buf_slice(&text));
    return OK;
}

static err_t check_rooms(db_t *db, web_req_t *req, id128_t departure, wish_t *wish,
                         form_errors_t *errors)
{
    int64_t beds = 0;
    TRY(read_rooms(db, req, departure, wish));
    for (size_t i = 0; i < wish->n_rooms; i++) {
        beds += wish->rooms[i].guests * wish->rooms[i].rooms;
    }
    return beds != wish->adults + wish->children && errors->n == 0 ? rooms_wrong(req, wish, errors)
                                                                   : OK;
}

/* Ends the lease: who waits for the writer keeps no connection from those who read, and as many can
 * wait as the writer takes at once. */
static err_t take(shop_t *shop, db_lease_t *lease, web_req_t *req, id128_t departure,
                  slice_t form_token, const wish_t *wish, hold_made_t *ret_made)
{
    char token[ID_TEXT]; /* bound to this visitor: knowing another's form finds nothing */
    TRY(web_session_bind(req, "hold", form_token, token));
    hold_request_t q = {.departure = departure,
                        .adults = wish->adults,
                        .children = wish->children,
                        .rooms = wish->rooms,
                        .n_rooms = wish->n_rooms,
                        .client_token = slice_make(token, sizeof token),
                        .lang = page_lang(req),
                        .request = req->id,
                        .now_us = clock_wall_us(),
                        .hold_s = shop->conf->hold_minutes * 60};
    TRY(page_account(lease->db, req, &q.account, &q.pseudonym));
    db_lease_end(lease);
    return hold_take(shop->writer, req->arena, &q, ret_made);
}

/* Nobody keeps a whole house of seats from others. */
static err_t not_hoarding(shop_t *shop, const web_req_t *req)
{
    bool tests = shop->profile == PROFILE_TEST;
    return req->client.len == 0
               ? OK
               : throttle_try(&shop->holds, req->client, tests ? 1000 : 1, req->now_us);
}

err_t handle_hold(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    id128_t id;
    web_value_t v[F_COUNT];
    bool ok;
    slice_t href;
    form_errors_t errors = {.n = 0};
    hold_made_t made;
    TRY(departure_id(req, &id));
    ENSURE(shop_bookings_open(shop), ERR_STOPPED);
    TRY(web_fields_read(FORM, F_COUNT, req, SLICE_EMPTY, v, &ok));
    ENSURE(v[F_TOKEN].problem == WEB_PROBLEM_NONE, ERR_SYNTAX);
    check_people(req, v, &errors);
    wish_t wish = {.adults = v[F_ADULTS].number, .children = v[F_CHILDREN].number};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    if (web_req_form(req, "rooms").len > 0) { /* others are spared the question */
        TRY(check_rooms(lease.db, req, id, &wish, &errors));
    }
    if (errors.n > 0) {
        return show(shop, lease.db, req, res, id, 422, &errors, &wish);
    }
    TRY(not_hoarding(shop, req));
    err_t e = take(shop, &lease, req, id, v[F_TOKEN].text, &wish, &made);
    if (err_is(e, ERR_FULL) || err_is(e, ERR_CONFLICT)) {
        atomic_fetch_add(&shop->counts.holds_full, 1);
        form_error_add(
            &errors, wish.n_rooms > 0 ? SLICE("rooms") : SLICE("adults"),
            page_msg(req, wish.n_rooms > 0 ? SHOP_MSG_FORM_ROOMS_GONE : SHOP_MSG_FORM_SEATS_GONE));
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
        return show(shop, lease.db, req, res, id, 409, &errors, &wish);
    }
    if (err_is(e, ERR_RANGE)) { /* a form older than the rooms, or made by hand */
        TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
        TRY(rooms_wrong(req, &wish, &errors));
        return show(shop, lease.db, req, res, id, 422, &errors, &wish);
    }
    TRY(e);
    atomic_fetch_add(&shop->counts.holds, made.existed ? 0 : 1);
    TRY(page_own_add(req, res, made.booking));
    TRY(page_booking_href(req->arena, made.booking, "/travellers", &href));
    return web_redirect(res, 303, href);
}
