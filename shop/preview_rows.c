/* Sample rows for the preview (development only). */
#include "preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/time.h"

json_t *preview_cat;
arena_t preview_arena;
i18n_lang_t preview_lang;
int64_t preview_today, preview_now_us;

slice_t preview_str(const json_t *obj, const char *key)
{
    const json_t *v = key ? json_object_get(obj, key) : obj;
    if (json_is_object(v)) {
        v = json_object_get(v, preview_lang == I18N_JA ? "ja" : "en");
    }
    return slice_cstr_in(json_string_value(v));
}

int64_t preview_num(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

slice_t preview_msg(shop_msg_t m)
{
    return i18n_text(&shop_catalog, preview_lang, m);
}

static slice_t join(const char *a, slice_t b)
{
    slice_t text = SLICE_EMPTY;
    if (err_failed(arena_printf(&preview_arena, &text, "%s%.*s", a, SLICE_FMT(b)))) {
        abort();
    }
    return text;
}

size_t preview_paras(const json_t *list, struct tpl_para *ret)
{
    size_t n = 0;
    const json_t *v;
    size_t i;
    json_array_foreach(list, i, v)
    {
        ret[n++].text = preview_str(v, NULL);
    }
    return n;
}

const json_t *preview_in_lang(const json_t *obj, const char *key)
{
    return json_object_get(json_object_get(obj, key), preview_lang == I18N_JA ? "ja" : "en");
}

static int64_t iso_day(const json_t *obj, const char *key)
{
    date_t day = 0;
    err_ignore(date_parse(preview_str(obj, key), &day));
    return day;
}

/* --- records --- */

struct tpl_agency preview_agency_of(void)
{
    const json_t *a = json_object_get(preview_cat, "agency");
    return (struct tpl_agency){
        .name = preview_str(a, "name"),
        .tagline = preview_str(a, "tagline"),
        .logo = preview_str(a, "logo"),
        .company = preview_str(a, "company"),
        .representative = preview_str(a, "representative"),
        .postal = preview_str(a, "postal"),
        .address = preview_str(a, "address"),
        .phone = preview_str(a, "phone"),
        .registrar = preview_str(a, "registrar"),
        .reg_class = preview_str(a, "reg_class"),
        .reg_no = preview_str(a, "reg_no"),
        .reg_day = iso_day(a, "reg_day"),
        .reg_from = iso_day(a, "reg_from"),
        .reg_until = iso_day(a, "reg_until"),
        .association = preview_str(a, "association"),
        .guarantee = preview_str(a, "guarantee"),
        .consigners = preview_str(a, "consigners"),
        .privacy_officer = preview_str(a, "privacy_officer"),
        .founded = preview_str(a, "founded"),
    };
}

struct tpl_office preview_office_of(size_t i)
{
    static struct tpl_hours hours[4][1];
    const json_t *o = json_array_get(json_object_get(preview_cat, "offices"), i);
    const json_t *h = json_object_get(o, "hours");
    slice_t times = SLICE_EMPTY;
    if (err_failed(arena_printf(&preview_arena, &times, "%s–%s / %s–%s",
                                json_string_value(json_object_get(json_array_get(h, 0), "from")),
                                json_string_value(json_object_get(json_array_get(h, 0), "to")),
                                json_string_value(json_object_get(json_array_get(h, 1), "from")),
                                json_string_value(json_object_get(json_array_get(h, 1), "to"))))) {
        abort();
    }
    buf_t next;
    if (err_failed(arena_buf(&preview_arena, 200, &next))) {
        abort();
    }
    if (i == 0) {
        shop_msg_office_open_until(&next, preview_lang, SLICE("14:00"));
    } else {
        shop_msg_office_opens_at(&next, preview_lang, preview_today + 1, SLICE("09:00"));
    }
    size_t slot = (size_t)preview_lang * 2 + i;
    hours[slot][0] = (struct tpl_hours){preview_msg(SHOP_MSG_DAYS_WEEKDAYS), times};
    return (struct tpl_office){
        .code = preview_str(o, "code"),
        .name = preview_str(o, "name"),
        .postal = preview_str(o, "postal"),
        .address = preview_str(o, "address"),
        .phone = preview_str(o, "phone"),
        .phone_href = join("tel:", preview_str(o, "phone")),
        .email = preview_str(o, "email"),
        .email_href = join("mailto:", preview_str(o, "email")),
        .hours = hours[slot],
        .hours_count = 1,
        .closed = preview_str(o, "closed"),
        .languages = preview_str(o, "languages"),
        .access = preview_str(o, "access"),
        .manager = preview_str(o, "manager"),
        .open = i == 0,
        .next = buf_slice(&next),
    };
}

struct tpl_page preview_page_of(slice_t nav, const char *file)
{
    static struct tpl_office offices[2][2];
    offices[preview_lang][0] = preview_office_of(0);
    offices[preview_lang][1] = preview_office_of(1);
    slice_t there = SLICE_EMPTY;
    if (err_failed(arena_printf(&preview_arena, &there, "/%s/%s.html",
                                preview_lang == I18N_JA ? "en" : "ja", file))) {
        abort();
    }
    return (struct tpl_page){
        preview_agency_of(), offices[preview_lang], 2, nav, there, SLICE("1"), false, false, false};
}

static const struct {
    shop_msg_t name;
    const char *code;
} statuses[] = {
    {SHOP_MSG_DEPT_RUN, "run"},   {SHOP_MSG_DEPT_NEAR, "near"}, {SHOP_MSG_DEPT_OPEN, "open"},
    {SHOP_MSG_DEPT_WAIT, "wait"}, {SHOP_MSG_DEPT_FULL, "full"}, {SHOP_MSG_DEPT_CLOSED, "closed"},
};

static slice_t named(const char *list, slice_t code)
{
    const json_t *v;
    size_t i;
    json_array_foreach(json_object_get(preview_cat, list), i, v)
    {
        if (slice_eq(preview_str(v, "code"), code)) {
            return preview_str(v, NULL);
        }
    }
    return SLICE_EMPTY;
}

static slice_t cities_of(const json_t *tour)
{
    const json_t *series = json_object_get(tour, "series"), *v;
    slice_t first = SLICE_EMPTY, text = SLICE_EMPTY;
    size_t i;
    json_array_foreach(series, i, v)
    {
        slice_t city = named("cities", preview_str(v, "city"));
        if (first.len == 0) {
            first = text = city;
        } else if (!slice_eq(first, city) &&
                   err_failed(arena_printf(&preview_arena, &text, "%.*s%s%.*s", SLICE_FMT(first),
                                           preview_lang == I18N_JA ? "・" : ", ",
                                           SLICE_FMT(city)))) {
            abort();
        }
    }
    return text;
}

struct tpl_tour_card preview_card_of(const json_t *t, size_t i)
{
    const json_t *s = json_array_get(json_object_get(t, "series"), 0);
    return (struct tpl_tour_card){
        .href = join(preview_lang == I18N_JA ? "/ja/tour-" : "/en/tour-", preview_str(t, "slug")),
        .picture = preview_str(t, "picture"),
        .alt = preview_str(t, "alt"),
        .title = preview_str(t, "title"),
        .lead = preview_str(t, "lead"),
        .place = named("places", preview_str(t, "place")),
        .cities = cities_of(t),
        .days = preview_num(t, "days"),
        .nights = preview_num(t, "nights"),
        .price = preview_num(s, "adult"),
        .next_day = preview_today + preview_num(s, "first_in_days"),
        .status = statuses[i % 6].name,
        .status_code = slice_cstr_in(statuses[i % 6].code),
    };
}

size_t preview_departures_of(const json_t *t, struct tpl_departure *ret)
{
    const json_t *s = json_array_get(json_object_get(t, "series"), 0);
    size_t n = (size_t)preview_num(s, "count");
    for (size_t i = 0; i < n && i < PREVIEW_MAX; i++) {
        size_t k = (i * 5 + 3) % 6;
        int64_t day = preview_today + preview_num(s, "first_in_days") +
                      (int64_t)i * preview_num(s, "every_days");
        ret[i] = (struct tpl_departure){
            .href = SLICE("/departures/bcdfghjklmnpqrst"),
            .day = day,
            .back_day = day + preview_num(t, "nights"),
            .city = named("cities", preview_str(s, "city")),
            .adult = preview_num(s, "adult"),
            .child = preview_num(s, "child"),
            .status = statuses[k].name,
            .status_code = slice_cstr_in(statuses[k].code),
            .seats = k < 3 ? (int64_t)(i * 3 % 14) + 1 : 0,
            .bookable = k < 3,
        };
    }
    return n < PREVIEW_MAX ? n : PREVIEW_MAX;
}

size_t preview_fees_of(struct tpl_fee *ret, int64_t day)
{
    static const struct {
        shop_msg_t label;
        int64_t rate, from, to;
    } rows[] = {{SHOP_MSG_FEE_FREE, 0, 0, 21},     {SHOP_MSG_FEE_D20, 20, 20, 8},
                {SHOP_MSG_FEE_D7, 30, 7, 2},       {SHOP_MSG_FEE_EVE, 40, 1, 1},
                {SHOP_MSG_FEE_SAME_DAY, 50, 0, 0}, {SHOP_MSG_FEE_AFTER_START, 100, -1, -1}};
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        bool after = rows[i].from < 0;
        ret[i] = (struct tpl_fee){rows[i].label, rows[i].rate,
                                  day && !after && i > 0 ? day - rows[i].from : 0,
                                  day && !after ? day - rows[i].to : 0};
    }
    return BASE_COUNT(rows);
}

const json_t *preview_tour_at(size_t i)
{
    return json_array_get(json_object_get(preview_cat, "tours"), i);
}

struct tpl_booking preview_booking_of(size_t i, shop_msg_t state, const char *code)
{
    static struct tpl_price_line lines[3];
    const json_t *t = preview_tour_at(i), *s = json_array_get(json_object_get(t, "series"), 0);
    int64_t day = preview_today + preview_num(s, "first_in_days") + 14;
    lines[0] = (struct tpl_price_line){SHOP_MSG_PRICE_ADULT, 2, preview_num(s, "adult"),
                                       2 * preview_num(s, "adult")};
    lines[1] = (struct tpl_price_line){SHOP_MSG_PRICE_CHILD, 1, preview_num(s, "child"),
                                       preview_num(s, "child")};
    lines[2] = (struct tpl_price_line){.count = 1,
                                       .each = 6600,
                                       .amount = 6600,
                                       .room = preview_lang == I18N_JA ? SLICE("洋室ツイン")
                                                                       : SLICE("Twin room"),
                                       .guests = 1};
    return (struct tpl_booking){
        .number = SLICE("SKS-BCDF-GHJK"),
        .href = SLICE("/bookings/bcdfghjklmnpqrst"),
        .state = state,
        .state_code = slice_cstr_in(code),
        .tour_title = preview_str(t, "title"),
        .tour_href = SLICE("/tours/x"),
        .picture = preview_str(t, "picture"),
        .alt = preview_str(t, "alt"),
        .day = day,
        .back_day = day + preview_num(t, "nights"),
        .days = preview_num(t, "days"),
        .nights = preview_num(t, "nights"),
        .city = named("cities", preview_str(s, "city")),
        .status = SHOP_MSG_DEPT_RUN,
        .status_code = SLICE("run"),
        .adults = 2,
        .children = 1,
        .lines = lines,
        .lines_count = 3,
        .total = lines[0].amount + lines[1].amount + lines[2].amount,
        .hold_until = strcmp(code, "confirmed") ? preview_now_us + 45 * INT64_C(60000000) : 0,
    };
}

static size_t sections_of(const json_t *list, struct tpl_section *ret)
{
    static struct tpl_para text[4 * PREVIEW_MAX * 4];
    static size_t used;
    used = used > 2 * PREVIEW_MAX * 4 ? 0 : used;
    size_t n = 0, i;
    const json_t *v;
    json_array_foreach(list, i, v)
    {
        size_t m = preview_paras(json_object_get(v, "p"), text + used);
        ret[n++] = (struct tpl_section){preview_str(v, "h"), text + used, m};
        used += m;
    }
    return n;
}

struct tpl_document preview_document_of(size_t i, struct tpl_section *sections)
{
    const json_t *d = json_array_get(json_object_get(preview_cat, "documents"), i);
    size_t n = sections_of(json_object_get(d, preview_lang == I18N_JA ? "ja" : "en"), sections);
    return (struct tpl_document){
        preview_str(d, "kind"),
        preview_str(d, "title"),
        preview_str(d, "version"),
        SLICE("9f2c4e5f1a0b7d6e3c8f9a1b2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6"),
        sections,
        n};
}

size_t preview_notices_of(struct tpl_notice_item *ret)
{
    const json_t *v;
    size_t i;
    json_array_foreach(json_object_get(preview_cat, "notices"), i, v)
    {
        int64_t revised = preview_num(v, "revised_days_ago");
        ret[i] = (struct tpl_notice_item){join("/notices/", preview_str(v, "id")),
                                          preview_str(v, "title"),
                                          preview_today - preview_num(v, "date_days_ago"),
                                          revised >= 0 ? preview_today - revised : 0,
                                          slice_eq(preview_str(v, "kind"), SLICE("important"))};
    }
    return i;
}

size_t preview_options_of(const char *list, struct tpl_option *ret)
{
    const json_t *v;
    size_t i;
    json_array_foreach(json_object_get(preview_cat, list), i, v)
    {
        ret[i] = (struct tpl_option){preview_str(v, "code"), preview_str(v, NULL), false};
    }
    return i;
}

size_t preview_numbers_of(struct tpl_option *ret, int64_t from, int64_t to)
{
    size_t n = 0;
    for (int64_t i = from; i <= to; i++, n++) {
        buf_t label;
        slice_t value;
        if (err_failed(arena_buf(&preview_arena, 32, &label)) ||
            err_failed(arena_printf(&preview_arena, &value, "%lld", (long long)i))) {
            abort();
        }
        shop_msg_people_n(&label, preview_lang, i);
        ret[n] = (struct tpl_option){value, buf_slice(&label), i == 2};
    }
    return n;
}

/* The series' rooms by how many share one; the first kind has few left, the last none. */
size_t preview_rooms_of(const json_t *series, struct tpl_room *ret)
{
    static struct tpl_option options[PREVIEW_MAX][5];
    const json_t *rooms = json_object_get(series, "rooms"), *extra;
    const char *guests;
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(rooms); i++) {
        const json_t *room = json_array_get(rooms, i);
        json_object_foreach((json_t *)(uintptr_t)json_object_get(room, "extra"), guests, extra)
        {
            ret[n] =
                (struct tpl_room){.name = preview_str(room, preview_lang == I18N_JA ? "ja" : "en"),
                                  .guests = guests[0] - '0',
                                  .extra = json_integer_value(extra),
                                  .left = i == 0                           ? 3
                                          : i + 1 < json_array_size(rooms) ? 9
                                                                           : 0,
                                  .options = options[n]};
            if (err_failed(arena_printf(&preview_arena, &ret[n].field, "r%zu_%s", i + 1, guests))) {
                abort();
            }
            for (int64_t k = 0; k < 5; k++) {
                buf_t label;
                struct tpl_option *o = &options[n][k];
                if (err_failed(arena_buf(&preview_arena, 32, &label)) ||
                    err_failed(arena_printf(&preview_arena, &o->value, "%lld", (long long)k))) {
                    abort();
                }
                shop_msg_rooms_n(&label, preview_lang, k);
                o->label = buf_slice(&label);
                o->selected = k == (n == 1);
            }
            ret[n].options_count = ret[n].left ? 5 : 1;
            n++;
        }
    }
    return n;
}

struct tpl_person preview_person_of(void)
{
    return (struct tpl_person){SLICE("関所 花子"),         SLICE("セキショ ハナコ"),
                               SLICE("hanako@example.jp"), SLICE("090-0000-0000"),
                               SLICE("100-0000"),          SLICE("東京都千代田区関所町1-2-3")};
}

size_t preview_travellers_of(struct tpl_traveller *ret)
{
    ret[0] = (struct tpl_traveller){
        1, true, SLICE("関所 花子"), SLICE("セキショ ハナコ"), 1900, SHOP_MSG_SEX_F};
    ret[1] = (struct tpl_traveller){
        2, true, SLICE("関所 太郎"), SLICE("セキショ タロウ"), 1500, SHOP_MSG_SEX_M};
    ret[2] = (struct tpl_traveller){
        3, false, SLICE("関所 みちる"), SLICE("セキショ ミチル"), 17300, SHOP_MSG_NONE};
    return 3;
}
