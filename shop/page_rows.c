/* Domain rows as template records. */
#include "fee_words.h"
#include "page.h"
#include "text/time.h"
#include "tour_fees.h"

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

static err_t fee_row(arena_t *a, i18n_lang_t lang, const fee_tier_t *t, struct tpl_fee *ret_row)
{
    bool free_of_charge = t->cap_yen == 0 || (t->fixed ? t->yen : t->percent) == 0;
    *ret_row = (struct tpl_fee){.rate = t->fixed || free_of_charge ? 0 : t->percent,
                                .yen = t->fixed && !free_of_charge ? t->yen : 0,
                                .cap = t->cap_yen > 0 && !free_of_charge ? t->cap_yen : 0,
                                .from_day = t->first,
                                .to_day = t->last};
    return fee_words_days(a, lang, t->from_day, t->to_day, &ret_row->label);
}

err_t page_fees(db_t *db, arena_t *a, i18n_lang_t lang, const page_fees_of_t *of,
                const struct tpl_fee **ret_fees, size_t *ret_n)
{
    fee_tier_t tiers[FEE_TIERS_MAX];
    tour_fees_t *fees = ARENA_NEW(a, tour_fees_t);
    const fee_own_t *own = NULL;
    size_t n;
    ENSURE(fees, ERR_MEMORY);
    fees->product = FEE_DOMESTIC;
    if (of->tour) {
        TRY(tour_fees_load(db, a, of->tour->id, fees));
        TRY(fee_own_in_force(fees->own, fees->n_own, of->contract, &own));
    }
    fee_tiers(fees->product, of->tour && of->tour->days <= 1, of->departure, of->contract, own,
              tiers, &n);
    struct tpl_fee *rows = ARENA_ARRAY(a, struct tpl_fee, n + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        TRY(fee_row(a, lang, &tiers[i], &rows[i]));
    }
    *ret_fees = rows;
    *ret_n = n;
    return OK;
}

static err_t price_lines(arena_t *a, const booking_t *b, struct tpl_booking *row)
{
    struct tpl_price_line *lines = ARENA_ARRAY(a, struct tpl_price_line, 2);
    ENSURE(lines, ERR_MEMORY);
    size_t n = 0;
    lines[n++] = (struct tpl_price_line){SHOP_MSG_PRICE_ADULT, b->adults, b->adult_price,
                                         b->adults * b->adult_price};
    if (b->children > 0) {
        lines[n++] = (struct tpl_price_line){SHOP_MSG_PRICE_CHILD, b->children, b->child_price,
                                             b->children * b->child_price};
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
    TRY(price_lines(a, b, &row));
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
