/* Home, search and tour pages: public, no personal data. */
#include "handlers.h"
#include "notice.h"
#include "page.h"
#include "text/url.h"

static const int64_t PRICES[] = {10000, 20000, 30000, 50000, 80000, 120000};

typedef struct tpl_option option_t;

static err_t options_of(arena_t *a, const catalogue_choice_t *rows, size_t n, slice_t chosen,
                        const option_t **ret_options)
{
    option_t *o = ARENA_ARRAY(a, option_t, n + 1);
    ENSURE(o, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        o[i] = (option_t){rows[i].code, rows[i].name, slice_eq(rows[i].code, chosen)};
    }
    *ret_options = o;
    return OK;
}

static err_t price_options(arena_t *a, i18n_lang_t lang, int64_t chosen,
                           const option_t **ret_options)
{
    option_t *o = ARENA_ARRAY(a, option_t, BASE_COUNT(PRICES));
    ENSURE(o, ERR_MEMORY);
    for (size_t i = 0; i < BASE_COUNT(PRICES); i++) {
        buf_t label;
        TRY(arena_buf(a, 80, &label));
        shop_msg_price_up_to(&label, lang, PRICES[i]);
        TRY(buf_check(&label));
        o[i].label = buf_slice(&label);
        o[i].selected = PRICES[i] == chosen;
        TRY(arena_printf(a, &o[i].value, "%lld", (long long)PRICES[i]));
    }
    *ret_options = o;
    return OK;
}

static err_t iso_day(arena_t *a, date_t day, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(a, 12, &b));
    date_put(&b, day);
    *ret_text = buf_slice(&b);
    return OK;
}

static err_t cards_of(db_t *db, web_req_t *req, const tour_t *tours, size_t n,
                      const search_t *narrow, const struct tpl_tour_card **ret_cards)
{
    struct tpl_tour_card *cards = ARENA_ARRAY(req->arena, struct tpl_tour_card, n + 1);
    ENSURE(cards, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        TRY(page_card(db, req, &tours[i], narrow, &cards[i]));
    }
    *ret_cards = cards;
    return OK;
}

err_t handle_home(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    arena_t *a = req->arena;
    i18n_lang_t lang = page_lang(req);
    catalogue_choice_t *rows;
    tour_t *tours;
    size_t n;
    struct tpl_home_args p = {.prices_count = BASE_COUNT(PRICES)};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_fill(shop, req, "", &p.page));
    TRY(catalogue_places(lease.db, a, lang, &rows, &p.places_count));
    TRY(options_of(a, rows, p.places_count, SLICE_EMPTY, &p.places));
    TRY(catalogue_cities(lease.db, a, lang, &rows, &p.cities_count));
    TRY(options_of(a, rows, p.cities_count, SLICE_EMPTY, &p.cities));
    TRY(price_options(a, lang, 0, &p.prices));
    TRY(iso_day(a, tokyo_date(req->now_us), &p.min_day));
    TRY(catalogue_featured(lease.db, a, lang, tokyo_date(req->now_us), &tours, &n));
    TRY(cards_of(lease.db, req, tours, n, NULL, &p.featured));
    p.featured_count = n;
    TRY(notice_list(lease.db, a, lang, 4, &p.notices, &p.notices_count));
    tpl_home(web_html(res, 200), lang, &p);
    return OK;
}

/* --- search ----------------------------------------------------------------------------------- */

static const char *const SORTS[] = {"date", "price", "price_desc", "days"};
static const shop_msg_t SORT_MSGS[] = {SHOP_MSG_SORT_DATE, SHOP_MSG_SORT_PRICE,
                                       SHOP_MSG_SORT_PRICE_DESC, SHOP_MSG_SORT_DAYS};

enum { Q_TEXT, Q_PLACE, Q_CITY, Q_FROM, Q_TO, Q_MAX, Q_SORT, Q_PAGE, Q_COUNT };
static const web_field_t QUERY[Q_COUNT] = {
    [Q_TEXT] = {.name = "q", .kind = WEB_KIND_TEXT, .max = 100},
    [Q_PLACE] = {.name = "place", .kind = WEB_KIND_TEXT, .max = 40},
    [Q_CITY] = {.name = "city", .kind = WEB_KIND_TEXT, .max = 40},
    [Q_FROM] = {.name = "from", .kind = WEB_KIND_DATE},
    [Q_TO] = {.name = "to", .kind = WEB_KIND_DATE},
    [Q_MAX] = {.name = "max", .kind = WEB_KIND_INT, .min = 0, .max = 100000000},
    [Q_SORT] = {.name = "sort",
                .kind = WEB_KIND_CHOICE,
                .choices = SORTS,
                .n_choices = BASE_COUNT(SORTS)},
    [Q_PAGE] = {.name = "page", .kind = WEB_KIND_INT, .min = 1, .max = 1000},
};

/* What was not understood counts as not asked for; dates the wrong way round say so. */
static err_t search_from(web_req_t *req, web_value_t v[Q_COUNT], search_t *ret_search,
                         slice_t *ret_wrong)
{
    bool ok;
    TRY(web_fields_read_pairs(QUERY, Q_COUNT, req->query, req->arena, SLICE_EMPTY, v, &ok));
    for (size_t i = 0; i < Q_COUNT; i++) {
        if (v[i].problem != WEB_PROBLEM_NONE) {
            v[i].number = 0;
            *ret_wrong = v[i].present ? web_problem_text(req->lang, v[i].problem) : SLICE_EMPTY;
        }
    }
    search_t s = {.place = v[Q_PLACE].text,
                  .city = v[Q_CITY].text,
                  .from = (date_t)v[Q_FROM].number,
                  .to = (date_t)v[Q_TO].number,
                  .max_yen = v[Q_MAX].number,
                  .sort = v[Q_SORT].number,
                  .page = v[Q_PAGE].number < 1 ? 1 : v[Q_PAGE].number,
                  .now_us = req->now_us};
    TRY(search_words(req->arena, v[Q_TEXT].text, s.words));
    if (s.from && s.to && s.to < s.from) {
        *ret_wrong = page_msg(req, SHOP_MSG_FORM_DATES_TURNED);
        s.to = 0;
    }
    *ret_search = s;
    return OK;
}

/* The same search on another page. */
static err_t page_href(arena_t *a, const web_value_t v[Q_COUNT], int64_t page, slice_t *ret_href)
{
    buf_t b;
    TRY(arena_buf(a, 2048, &b));
    buf_cstr(&b, "/tours?");
    for (size_t i = 0; i < Q_PAGE; i++) {
        if (v[i].text.len > 0) {
            buf_cstr(&b, QUERY[i].name);
            buf_u8(&b, '=');
            url_put_component(&b, v[i].text);
            buf_u8(&b, '&');
        }
    }
    buf_cstr(&b, "page=");
    buf_dec(&b, page);
    TRY(buf_check(&b));
    *ret_href = buf_slice(&b);
    return OK;
}

static err_t paging(arena_t *a, const web_value_t v[Q_COUNT], int64_t page,
                    struct tpl_tours_args *p)
{
    int64_t pages = (p->total + SHOP_PAGE_ROWS - 1) / SHOP_PAGE_ROWS;
    size_t shown = pages > 50 ? 50 : (size_t)pages;
    struct tpl_tours_pages *rows = ARENA_ARRAY(a, struct tpl_tours_pages, shown + 1);
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < shown; i++) {
        rows[i].n = (int64_t)i + 1;
        rows[i].current = rows[i].n == page;
        TRY(page_href(a, v, rows[i].n, &rows[i].href));
    }
    p->pages = rows;
    p->pages_count = shown;
    if (page > 1) {
        TRY(page_href(a, v, page - 1, &p->prev_href));
    }
    if (page < pages) {
        TRY(page_href(a, v, page + 1, &p->next_href));
    }
    return OK;
}

static err_t search_options(shop_t *shop, db_t *db, web_req_t *req, const search_t *s,
                            struct tpl_tours_args *p)
{
    arena_t *a = req->arena;
    i18n_lang_t lang = page_lang(req);
    catalogue_choice_t *rows;
    TRY(page_fill(shop, req, "tours", &p->page));
    TRY(catalogue_places(db, a, lang, &rows, &p->places_count));
    TRY(options_of(a, rows, p->places_count, s->place, &p->places));
    TRY(catalogue_cities(db, a, lang, &rows, &p->cities_count));
    TRY(options_of(a, rows, p->cities_count, s->city, &p->cities));
    TRY(price_options(a, lang, s->max_yen, &p->prices));
    p->prices_count = BASE_COUNT(PRICES);
    option_t *sorts = ARENA_ARRAY(a, option_t, BASE_COUNT(SORTS));
    ENSURE(sorts, ERR_MEMORY);
    for (size_t i = 0; i < BASE_COUNT(SORTS); i++) {
        sorts[i] =
            (option_t){slice_cstr_in(SORTS[i]), page_msg(req, SORT_MSGS[i]), (int64_t)i == s->sort};
    }
    p->sorts = sorts;
    p->sorts_count = BASE_COUNT(SORTS);
    return iso_day(a, tokyo_date(req->now_us), &p->min_day);
}

err_t handle_tours(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    arena_t *a = req->arena;
    i18n_lang_t lang = page_lang(req);
    web_value_t v[Q_COUNT];
    search_t s;
    tour_t *tours;
    size_t n;
    struct tpl_tours_args p = {0};
    TRY(search_from(req, v, &s, &p.wrong));
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(search_options(shop, lease.db, req, &s, &p));
    TRY(search_tours(lease.db, a, lang, &s, &tours, &n, &p.total));
    TRY(cards_of(lease.db, req, tours, n, &s, &p.tours));
    p.tours_count = n;
    p.q = v[Q_TEXT].text;
    p.from = v[Q_FROM].text;
    p.to = v[Q_TO].text;
    TRY(paging(a, v, s.page, &p));
    tpl_tours(web_html(res, 200), lang, &p);
    return OK;
}

/* --- a tour ----------------------------------------------------------------------------------- */

static err_t paras_of(db_t *db, arena_t *a, i18n_lang_t lang, id128_t tour, slice_t kind,
                      const struct tpl_para **ret_paras, size_t *ret_n)
{
    tour_text_t *texts;
    TRY(catalogue_texts(db, a, lang, tour, kind, &texts, ret_n));
    struct tpl_para *paras = ARENA_ARRAY(a, struct tpl_para, *ret_n + 1);
    ENSURE(paras, ERR_MEMORY);
    for (size_t i = 0; i < *ret_n; i++) {
        paras[i].text = texts[i].text;
    }
    *ret_paras = paras;
    return OK;
}

static bool has_meal(slice_t meals, uint8_t letter)
{
    return slice_find_byte(meals, letter) != SIZE_MAX;
}

static err_t itinerary(db_t *db, arena_t *a, i18n_lang_t lang, id128_t tour,
                       struct tpl_tour_args *p)
{
    tour_text_t *texts;
    TRY(catalogue_texts(db, a, lang, tour, SLICE("day"), &texts, &p->itinerary_count));
    struct tpl_itinerary_day *days =
        ARENA_ARRAY(a, struct tpl_itinerary_day, p->itinerary_count + 1);
    ENSURE(days, ERR_MEMORY);
    for (size_t i = 0; i < p->itinerary_count; i++) {
        days[i] = (struct tpl_itinerary_day){.day = texts[i].n,
                                             .text = texts[i].text,
                                             .breakfast = has_meal(texts[i].meals, 'B'),
                                             .lunch = has_meal(texts[i].meals, 'L'),
                                             .dinner = has_meal(texts[i].meals, 'D')};
    }
    p->itinerary = days;
    return OK;
}

/* Departures, and once for each city where its travellers meet. */
static err_t departures_of(arena_t *a, const tour_t *tour, const departure_t *rows, size_t n,
                           int64_t now_us, struct tpl_tour_args *p)
{
    struct tpl_departure *out = ARENA_ARRAY(a, struct tpl_departure, n + 1);
    struct tpl_tour_meetings *meet = ARENA_ARRAY(a, struct tpl_tour_meetings, n + 1);
    ENSURE(out && meet, ERR_MEMORY);
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        TRY(page_departure(a, &rows[i], tour->days, now_us, &out[i]));
        for (size_t k = 0; k < p->meetings_count; k++) {
            again = again || slice_eq(meet[k].city, rows[i].city_name);
        }
        if (!again) {
            meet[p->meetings_count++] =
                (struct tpl_tour_meetings){rows[i].city_name, rows[i].meeting};
        }
        p->min_people = p->min_people == 0 || rows[i].seats.min_pax < p->min_people
                            ? rows[i].seats.min_pax
                            : p->min_people;
    }
    p->departures = out;
    p->departures_count = n;
    p->meetings = meet;
    return OK;
}

err_t handle_tour(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    arena_t *a = req->arena;
    i18n_lang_t lang = page_lang(req);
    tour_t t;
    departure_t *rows;
    size_t n;
    struct tpl_tour_card card;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(catalogue_tour(lease.db, a, lang, web_req_param(req, "slug"), &t));
    TRY(page_card(lease.db, req, &t, NULL, &card));
    struct tpl_tour_args p = {.title = t.title,
                              .lead = t.lead,
                              .place = t.place_name,
                              .cities = card.cities,
                              .picture = t.picture,
                              .alt = t.alt,
                              .days = t.days,
                              .nights = t.nights,
                              .price = card.price,
                              .includes = t.includes,
                              .excludes = t.excludes,
                              .hotel = t.hotel,
                              .guide = t.guide};
    TRY(page_fill(shop, req, "tours", &p.page));
    TRY(arena_printf(a, &p.place_href, "/tours?place=%.*s", SLICE_FMT(t.place)));
    TRY(paras_of(lease.db, a, lang, t.id, SLICE("body"), &p.body, &p.body_count));
    TRY(paras_of(lease.db, a, lang, t.id, SLICE("point"), &p.points, &p.points_count));
    TRY(itinerary(lease.db, a, lang, t.id, &p));
    TRY(catalogue_departures(lease.db, a, lang, t.id, tokyo_date(req->now_us), NULL, &rows, &n));
    TRY(departures_of(a, &t, rows, n, req->now_us, &p));
    page_fees_of_t of = {.tour = &t, .contract = tokyo_date(req->now_us)};
    TRY(page_fees(lease.db, a, lang, &of, &p.fees, &p.fees_count));
    tpl_tour(web_html(res, 200), lang, &p);
    return OK;
}
