/* Domain rows as template records. */
#include "page.h"
#include "room.h"
#include "text/time.h"

static const shop_msg_t STATUS_MSGS[] = {
#define STATUS_ROW(name, number, code, msg, bookable, ja) [(number)] = SHOP_MSG_##msg,
#include "status_table.h"
#undef STATUS_ROW
};

static const shop_msg_t BOOKING_MSGS[] = {
#define BOOKING_ROW(name, number, code, msg) [(number)] = SHOP_MSG_##msg,
#include "booking_table.h"
#undef BOOKING_ROW
};

shop_msg_t page_booking_msg(booking_state_t state)
{
    return BOOKING_MSGS[state];
}

err_t page_departure(arena_t *a, const departure_t *d, int64_t tour_days, int64_t now_us,
                     struct tpl_departure *ret_row)
{
    char id[ID_TEXT];
    status_t status = status_of(&d->seats, now_us);
    id_encode(d->id, id);
    *ret_row = (struct tpl_departure){.day = d->day,
                                      .back_day = d->day + tour_days - 1,
                                      .city = d->city_name,
                                      .adult = d->adult,
                                      .child = d->child,
                                      .status = STATUS_MSGS[status],
                                      .status_code = slice_cstr_in(status_code(status)),
                                      .seats = seats_left(&d->seats),
                                      .bookable = status_bookable(status)};
    return arena_printf(a, &ret_row->href, "/departures/%.*s", ID_TEXT, id);
}

int64_t page_decide(const departure_t *d)
{
    bool open = !(d->seats.flags & (SHOP_FLAG_DECIDED | SHOP_FLAG_CALLED_OFF));
    return open && d->decide_us > 0 ? tokyo_date(d->decide_us) : 0;
}

/* "東京・札幌" of the departures shown, each once. */
static err_t cities_of(arena_t *a, i18n_lang_t lang, const departure_t *rows, size_t n,
                       slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, 256, &b));
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            again = again || slice_eq(rows[k].city, rows[i].city);
        }
        if (!again) {
            buf_cstr(&b, b.len == 0 ? "" : lang == I18N_JA ? "・" : ", ");
            buf_put(&b, rows[i].city_name);
        }
    }
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

err_t page_card(db_t *db, const web_req_t *req, const tour_t *tour, const search_t *narrow,
                struct tpl_tour_card *ret_card)
{
    departure_t *rows;
    size_t n;
    i18n_lang_t lang = page_lang(req);
    TRY(catalogue_departures(db, req->arena, lang, tour->id, tokyo_date(req->now_us), narrow, &rows,
                             &n));
    struct tpl_tour_card c = {.picture = tour->picture,
                              .alt = tour->alt,
                              .title = tour->title,
                              .lead = tour->lead,
                              .place = tour->place_name,
                              .days = tour->days,
                              .nights = tour->nights,
                              .status = STATUS_MSGS[STATUS_CLOSED],
                              .status_code = slice_cstr_in(status_code(STATUS_CLOSED))};
    const departure_t *next = NULL; /* the first that can be booked, else the first */
    for (size_t i = 0; i < n; i++) {
        c.price = c.price == 0 || rows[i].adult < c.price ? rows[i].adult : c.price;
        if (!next && status_bookable(status_of(&rows[i].seats, req->now_us))) {
            next = &rows[i];
        }
    }
    next = !next && n > 0 ? &rows[0] : next;
    if (next) {
        status_t status = status_of(&next->seats, req->now_us);
        c.next_day = next->day;
        c.status = STATUS_MSGS[status];
        c.status_code = slice_cstr_in(status_code(status));
    }
    TRY(cities_of(req->arena, lang, rows, n, &c.cities));
    TRY(arena_printf(req->arena, &c.href, "/tours/%.*s", SLICE_FMT(tour->slug)));
    *ret_card = c;
    return OK;
}

err_t page_fees(arena_t *a, date_t departure_day, int64_t days, const struct tpl_fee **ret_fees,
                size_t *ret_n)
{
    static const shop_msg_t NAMES[FEE_COUNT] = {[FEE_FREE] = SHOP_MSG_FEE_FREE,
                                                [FEE_D20] = SHOP_MSG_FEE_D20,
                                                [FEE_D7] = SHOP_MSG_FEE_D7,
                                                [FEE_EVE] = SHOP_MSG_FEE_EVE,
                                                [FEE_SAME_DAY] = SHOP_MSG_FEE_SAME_DAY,
                                                [FEE_AFTER_START] = SHOP_MSG_FEE_AFTER_START};
    /* A day trip's first two tiers begin later, and are called otherwise. */
    static const shop_msg_t TRIP_NAMES[FEE_COUNT] = {
        [FEE_FREE] = SHOP_MSG_FEE_FREE_DAY, [FEE_D20] = SHOP_MSG_FEE_D10};
    fee_tier_t tiers[FEE_COUNT];
    struct tpl_fee *rows = ARENA_ARRAY(a, struct tpl_fee, FEE_COUNT);
    ENSURE(rows, ERR_MEMORY);
    fee_tiers(departure_day, days, tiers);
    for (size_t i = 0; i < FEE_COUNT; i++) {
        fee_name_t name = tiers[i].name;
        bool trip_name = days == 1 && TRIP_NAMES[name] != SHOP_MSG_NONE;
        rows[i] = (struct tpl_fee){.label = trip_name ? TRIP_NAMES[name] : NAMES[name],
                                   .rate = tiers[i].rate,
                                   .from_day = tiers[i].first,
                                   .to_day = tiers[i].last};
    }
    *ret_fees = rows;
    *ret_n = FEE_COUNT;
    return OK;
}

/* They add up to the total: all of it was counted from these numbers when the seats were held. */
static err_t price_lines(db_t *db, arena_t *a, i18n_lang_t lang, const booking_t *b,
                         struct tpl_booking *row)
{
    room_taken_t *rooms;
    size_t n_rooms, n = 0;
    TRY(room_taken(db, a, lang, b->id, &rooms, &n_rooms));
    struct tpl_price_line *lines = ARENA_ARRAY(a, struct tpl_price_line, 2 + n_rooms);
    ENSURE(lines, ERR_MEMORY);
    lines[n++] = (struct tpl_price_line){SHOP_MSG_PRICE_ADULT, b->adults, b->adult_price,
                                         b->adults * b->adult_price};
    if (b->children > 0) {
        lines[n++] = (struct tpl_price_line){SHOP_MSG_PRICE_CHILD, b->children, b->child_price,
                                             b->children * b->child_price};
    }
    for (size_t i = 0; i < n_rooms; i++) {
        lines[n++] = (struct tpl_price_line){.count = rooms[i].rooms,
                                             .each = rooms[i].extra,
                                             .amount = rooms[i].rooms * rooms[i].extra,
                                             .room = rooms[i].name,
                                             .guests = rooms[i].guests};
    }
    row->lines = lines;
    row->lines_count = n;
    return OK;
}

err_t page_booking_parts(db_t *db, arena_t *a, i18n_lang_t lang, const booking_t *b, int64_t now_us,
                         struct tpl_booking *ret_row, booking_parts_t *ret_parts)
{
    departure_t *d = &ret_parts->departure;
    tour_t *t = &ret_parts->tour;
    TRY(catalogue_departure(db, a, lang, b->departure, d));
    TRY(catalogue_tour_by_id(db, a, lang, d->tour, t));
    status_t status = status_of(&d->seats, now_us);
    struct tpl_booking row = {.state = BOOKING_MSGS[b->state],
                              .state_code = slice_cstr_in(booking_state_code(b->state)),
                              .tour_title = t->title,
                              .picture = t->picture,
                              .alt = t->alt,
                              .day = d->day,
                              .back_day = d->day + t->days - 1,
                              .days = t->days,
                              .nights = t->nights,
                              .city = d->city_name,
                              .status = STATUS_MSGS[status],
                              .status_code = slice_cstr_in(status_code(status)),
                              .adults = b->adults,
                              .children = b->children,
                              .total = b->total,
                              .hold_until = booking_state_holds(b->state) ? b->hold_expires_us : 0};
    TRY(booking_number(a, b, &row.number));
    TRY(page_booking_href(a, b->id, "", &row.href));
    TRY(arena_printf(a, &row.tour_href, "/tours/%.*s", SLICE_FMT(t->slug)));
    TRY(price_lines(db, a, lang, b, &row));
    *ret_row = row;
    return OK;
}

err_t page_booking(db_t *db, arena_t *a, i18n_lang_t lang, const booking_t *b, int64_t now_us,
                   struct tpl_booking *ret_row)
{
    booking_parts_t parts;
    return page_booking_parts(db, a, lang, b, now_us, ret_row, &parts);
}

enum { SECTIONS_MAX = 80, PARAS_MAX = 200 };

err_t page_document(arena_t *a, const document_t *doc, struct tpl_document *ret_row)
{
    struct tpl_section *sections = ARENA_ARRAY(a, struct tpl_section, SECTIONS_MAX);
    struct tpl_para *paras = ARENA_ARRAY(a, struct tpl_para, PARAS_MAX);
    ENSURE(sections && paras, ERR_MEMORY);
    slice_t text = doc->text, block;
    bool heading;
    size_t n = 0, p = 0;
    buf_t hex;
    *ret_row = (struct tpl_document){.kind = doc->kind, .version = doc->version};
    (void)document_block(&text, &heading, &ret_row->title);
    while (document_block(&text, &heading, &block)) {
        ENSURE(n < SECTIONS_MAX && p < PARAS_MAX, ERR_LIMIT);
        if (heading || n == 0) {
            sections[n++] =
                (struct tpl_section){.heading = heading ? block : SLICE_EMPTY, .paras = &paras[p]};
        }
        if (!heading) {
            paras[p++] = (struct tpl_para){block};
            sections[n - 1].paras_count++;
        }
    }
    TRY(arena_buf(a, DOCUMENT_SHA_BYTES * 2, &hex));
    buf_hex(&hex, slice_make(doc->sha256, sizeof doc->sha256));
    ret_row->sha256 = buf_slice(&hex);
    ret_row->sections = sections;
    ret_row->sections_count = n;
    return OK;
}

static shop_msg_t sex_msg(slice_t sex)
{
    return slice_eq(sex, SLICE("f"))   ? SHOP_MSG_SEX_F
           : slice_eq(sex, SLICE("m")) ? SHOP_MSG_SEX_M
           : slice_eq(sex, SLICE("x")) ? SHOP_MSG_SEX_X
                                       : SHOP_MSG_NONE;
}

/* "1000001" as people write it: "100-0001". */
static err_t postcode_shown(arena_t *a, slice_t digits, slice_t *ret_text)
{
    *ret_text = digits;
    return digits.len == 7 ? arena_printf(a, ret_text, "%.3s-%.4s", (const char *)digits.ptr,
                                          (const char *)digits.ptr + 3)
                           : OK;
}

err_t page_people(arena_t *a, const people_t *people, struct tpl_person *ret_rep,
                  const struct tpl_traveller **ret_rows, size_t *ret_n)
{
    const person_t *r = &people->rep;
    struct tpl_traveller *rows = ARENA_ARRAY(a, struct tpl_traveller, people->n + 1);
    ENSURE(rows, ERR_MEMORY);
    *ret_rep = (struct tpl_person){.name = r->name,
                                   .kana = r->kana,
                                   .email = r->email,
                                   .phone = r->phone,
                                   .address = r->address};
    TRY(postcode_shown(a, r->postcode, &ret_rep->postal));
    for (size_t i = 0; i < people->n; i++) {
        const traveller_t *t = &people->at[i];
        date_t birth = 0;
        if (err_failed(date_parse(t->birth, &birth))) {
            birth = 0;
        }
        rows[i] = (struct tpl_traveller){.n = (int64_t)i + 1,
                                         .adult = !t->child,
                                         .name = t->name,
                                         .kana = t->kana,
                                         .birth = birth,
                                         .sex = sex_msg(t->sex)};
    }
    *ret_rows = rows;
    *ret_n = people->n;
    return OK;
}
