/* The demo catalogue's way into the tables: one transaction. */
#include "demo.h"
#include "base/clock.h"
#include "decision.h"
#include "document.h"
#include "jsonconf.h"
#include "model.h"
#include "room.h"
#include "text/fold.h"
#include "text/time.h"

enum { CATALOGUE_BYTES = 4 * 1024 * 1024, SERIES_MAX = 200, LOOK_DAYS = 900 };

typedef struct load {
    db_t *db;
    arena_t *a;
    date_t today;
    int64_t now_us;
    size_t departures;
    slice_t *fault;
} load_t;

static err_t names_load(load_t *l, const json_t *rows, bool cities)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        slice_t code, ja, en;
        const json_t *row = json_array_get(rows, i);
        TRY(jsonconf_text(l->a, row, "code", &code));
        TRY(jsonconf_text(l->a, row, "ja", &ja));
        TRY(jsonconf_text(l->a, row, "en", &en));
        TRY(db_run(l->db,
                   cities ? SQL("INSERT INTO city (code, ja, en, sort) VALUES (?1, ?2, ?3, ?4)")
                          : SQL("INSERT INTO place (code, ja, en, sort) VALUES (?1, ?2, ?3, ?4)"),
                   DB_ARGS(db_text(code), db_text(ja), db_text(en), db_i64((int64_t)i)), NULL));
    }
    return OK;
}

static err_t text_insert(load_t *l, id128_t tour, slice_t kind, int64_t n, const slice_t two[2],
                         slice_t meals)
{
    return db_run(l->db,
                  SQL("INSERT INTO tour_text (tour, kind, n, ja, en, meals) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
                  DB_ARGS(db_id(&tour), db_text(kind), db_i64(n), db_text(two[0]), db_text(two[1]),
                          db_text(meals)),
                  NULL);
}

static err_t array_text(load_t *l, const json_t *rows, size_t i, slice_t *ret_text)
{
    const json_t *s = json_array_get(rows, i);
    ENSURE(json_is_string(s), ERR_SYNTAX);
    return arena_copy(l->a, slice_make(json_string_value(s), json_string_length(s)), ret_text);
}

/* {"ja": [..], "en": [..]} of equal length. */
static err_t paras_load(load_t *l, id128_t tour, const json_t *obj, slice_t kind)
{
    const json_t *ja = json_object_get(obj, "ja"), *en = json_object_get(obj, "en");
    ENSURE(json_array_size(ja) == json_array_size(en), ERR_SYNTAX);
    for (size_t i = 0; i < json_array_size(ja); i++) {
        slice_t two[2];
        TRY(array_text(l, ja, i, &two[0]));
        TRY(array_text(l, en, i, &two[1]));
        TRY(text_insert(l, tour, kind, (int64_t)i, two, SLICE_EMPTY));
    }
    return OK;
}

static err_t itinerary_load(load_t *l, id128_t tour, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        slice_t two[2], meals;
        int64_t day;
        const json_t *row = json_array_get(rows, i);
        TRY(jsonconf_i64(row, "day", 1, 60, &day));
        TRY(jsonconf_text(l->a, row, "ja", &two[0]));
        TRY(jsonconf_text(l->a, row, "en", &two[1]));
        TRY(jsonconf_text(l->a, row, "meals", &meals));
        TRY(text_insert(l, tour, SLICE("day"), day, two, meals));
    }
    return OK;
}

static err_t search_text(load_t *l, const slice_t *parts, size_t n, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(l->a, 32 * 1024, &b));
    for (size_t i = 0; i < n; i++) {
        slice_t folded;
        TRY(text_kana_fold(l->a, parts[i], &folded));
        buf_put(&b, folded);
        buf_u8(&b, '|');
    }
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

typedef struct series {
    slice_t city, office, meeting[2];
    int64_t adult, child, cap, min, deadline_days, decide_days;
    const json_t *rooms; /* kinds, or NULL */
} series_t;

/* {"ja", "en", "cap", "extra": {"1": 8000, "2": 0}}: as many rooms, and what one costs more by how
 * many share it. sold: of a thousand seats; as large a part of the rooms is gone. At least one
 * price is nothing more, so that the fare shown first can be had. */
static err_t room_load(load_t *l, id128_t departure, const json_t *row, int64_t n, int64_t sold,
                       bool *io_free)
{
    static const char *const GUESTS[ROOM_GUESTS_MAX] = {"1", "2", "3", "4"};
    id128_t inventory = id_new();
    slice_t name[2];
    int64_t cap;
    const json_t *extras = json_object_get(row, "extra");
    TRY(jsonconf_text(l->a, row, "ja", &name[0]));
    TRY(jsonconf_text(l->a, row, "en", &name[1]));
    TRY(jsonconf_i64(row, "cap", 1, 10000, &cap));
    ENSURE(json_object_size(extras) > 0, ERR_SYNTAX);
    TRY(db_run(l->db, SQL("INSERT INTO inventory (id, cap, taken, held) VALUES (?1, ?2, ?3, 0)"),
               DB_ARGS(db_id(&inventory), db_i64(cap), db_i64(cap * sold / 1000)), NULL));
    TRY(db_run(
        l->db,
        SQL("INSERT INTO room (departure, n, inventory, ja, en) VALUES (?1, ?2, ?3, ?4, ?5)"),
        DB_ARGS(db_id(&departure), db_i64(n), db_id(&inventory), db_text(name[0]),
                db_text(name[1])),
        NULL));
    for (int64_t guests = 1; guests <= ROOM_GUESTS_MAX; guests++) {
        int64_t extra;
        if (!json_object_get(extras, GUESTS[guests - 1])) {
            continue;
        }
        TRY(jsonconf_i64(extras, GUESTS[guests - 1], 0, ROOM_EXTRA_MAX, &extra));
        *io_free = *io_free || extra == 0;
        TRY(db_run(l->db,
                   SQL("INSERT INTO room_price (departure, n, guests, extra) "
                       "VALUES (?1, ?2, ?3, ?4)"),
                   DB_ARGS(db_id(&departure), db_i64(n), db_i64(guests), db_i64(extra)), NULL));
    }
    return OK;
}

static err_t rooms_load(load_t *l, id128_t departure, const json_t *rooms, int64_t sold)
{
    bool has_free = false;
    ENSURE(json_array_size(rooms) <= ROOM_KINDS_MAX, ERR_RANGE);
    for (size_t i = 0; i < json_array_size(rooms); i++) {
        TRY(room_load(l, departure, json_array_get(rooms, i), (int64_t)i + 1, sold, &has_free));
    }
    ENSURE(has_free, ERR_SYNTAX);
    return OK;
}

static err_t departure_insert(load_t *l, id128_t tour, const series_t *s, date_t day, int64_t taken,
                              int64_t flags)
{
    id128_t id = id_new(), inventory = id_new();
    int64_t seats = taken < 0 ? 0 : taken > s->cap ? s->cap : taken;
    int64_t decide_us = tokyo_instant(day - (date_t)s->decide_days, 18 * 60);
    flags |= s->rooms ? SHOP_FLAG_ROOMS : 0;
    if (decide_us <= l->now_us || seats >= s->min ||
        (flags & SHOP_FLAG_CLOSED)) { /* was decided before */
        flags |= (flags & SHOP_FLAG_CLOSED) ? 0 : SHOP_FLAG_DECIDED;
        decide_us = 0;
    }
    TRY(db_run(l->db, SQL("INSERT INTO inventory (id, cap, taken, held) VALUES (?1, ?2, ?3, 0)"),
               DB_ARGS(db_id(&inventory), db_i64(s->cap), db_i64(seats)), NULL));
    TRY(db_run(l->db,
               SQL("INSERT INTO departure (id, tour, city, office, inventory, day, deadline_us, "
                   "adult, child, min_pax, flags, meeting_ja, meeting_en, decide_us) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
               DB_ARGS(db_id(&id), db_id(&tour), db_text(s->city), db_text(s->office),
                       db_id(&inventory), db_i64(day),
                       db_i64(tokyo_instant(day - (date_t)s->deadline_days, 18 * 60)),
                       db_i64(s->adult), db_i64(s->child), db_i64(s->min), db_i64(flags),
                       db_text(s->meeting[0]), db_text(s->meeting[1]), db_i64(decide_us)),
               NULL));
    l->departures++;
    return s->rooms ? rooms_load(l, id, s->rooms, seats * 1000 / s->cap) : OK;
}

static bool month_counts(const json_t *months, date_t day)
{
    if (!json_is_array(months)) {
        return true;
    }
    int month = date_to_ymd(day).month;
    for (size_t i = 0; i < json_array_size(months); i++) {
        if (json_integer_value(json_array_get(months, i)) == month) {
            return true;
        }
    }
    return false;
}

static int64_t flags_of(const json_t *row, size_t i)
{
    const json_t *flag = json_array_get(json_object_get(row, "flags"), i);
    slice_t s = slice_cstr_in(json_string_value(flag));
    int64_t flags = SHOP_FLAG_WAITLIST;
    flags |= slice_find(s, SLICE("run")) != SIZE_MAX ? SHOP_FLAG_DECIDED : 0;
    flags |= slice_find(s, SLICE("stop")) != SIZE_MAX ? SHOP_FLAG_CLOSED : 0;
    flags |= slice_find(s, SLICE("off")) != SIZE_MAX ? SHOP_FLAG_CALLED_OFF | SHOP_FLAG_CLOSED : 0;
    return slice_find(s, SLICE("nowait")) != SIZE_MAX ? flags & ~SHOP_FLAG_WAITLIST : flags;
}

static date_t first_day(const load_t *l, const json_t *row)
{
    date_t day = l->today + (date_t)jsonconf_i64_or(row, "first_in_days", 14);
    int64_t weekday = jsonconf_i64_or(row, "weekday", 0); /* ISO 1..7; 0 = any */
    while (weekday >= 1 && weekday <= 7 && date_weekday(day) != (unsigned)(weekday % 7)) {
        day++;
    }
    return day;
}

/* decide_days before departure, at 18:00, it is decided whether a departure runs: never later than
 * the terms allow to call it off. */
static err_t series_load(load_t *l, id128_t tour, const json_t *row, int64_t days)
{
    int64_t latest = days == 1 ? DECISION_DAYS_DAY_TRIP : DECISION_DAYS;
    series_t s = {.deadline_days = jsonconf_i64_or(row, "deadline_days", 4),
                  .rooms = json_object_get(row, "rooms")};
    int64_t every, count;
    s.decide_days = jsonconf_i64_or(row, "decide_days", latest);
    ENSURE(s.decide_days >= latest, ERR_RANGE);
    TRY(jsonconf_text(l->a, row, "city", &s.city));
    TRY(jsonconf_text(l->a, row, "office", &s.office));
    TRY(jsonconf_two_or_empty(l->a, row, "meeting", s.meeting));
    TRY(jsonconf_i64(row, "adult", 0, 10000000, &s.adult));
    TRY(jsonconf_i64(row, "child", 0, 10000000, &s.child));
    TRY(jsonconf_i64(row, "cap", 1, 10000, &s.cap));
    TRY(jsonconf_i64(row, "min", 1, 10000, &s.min));
    TRY(jsonconf_i64(row, "every_days", 1, 366, &every));
    TRY(jsonconf_i64(row, "count", 1, SERIES_MAX, &count));
    const json_t *taken = json_object_get(row, "taken"), *months = json_object_get(row, "months");
    date_t day = first_day(l, row), end = l->today + LOOK_DAYS;
    for (size_t i = 0; i < (size_t)count && day < end; day += (date_t)every) {
        if (month_counts(months, day)) {
            int64_t n = (int64_t)json_integer_value(json_array_get(taken, i));
            TRY(departure_insert(l, tour, &s, day, n, flags_of(row, i)));
            i++;
        }
    }
    return OK;
}

static err_t tour_insert(load_t *l, const json_t *row, id128_t id, int64_t sort)
{
    slice_t slug, place, picture, title[2], lead[2], alt[2], inc[2], exc[2], hotel[2], guide[2];
    int64_t days, nights;
    TRY(jsonconf_text(l->a, row, "slug", &slug));
    *l->fault = slug;
    TRY(jsonconf_text(l->a, row, "place", &place));
    TRY(jsonconf_text(l->a, row, "picture", &picture));
    TRY(jsonconf_i64(row, "days", 1, 60, &days));
    TRY(jsonconf_i64(row, "nights", 0, 60, &nights));
    TRY(jsonconf_two(l->a, row, "title", title));
    TRY(jsonconf_two(l->a, row, "lead", lead));
    TRY(jsonconf_two(l->a, row, "alt", alt));
    TRY(jsonconf_two(l->a, row, "includes", inc));
    TRY(jsonconf_two(l->a, row, "excludes", exc));
    TRY(jsonconf_two_or_empty(l->a, row, "hotel", hotel));
    TRY(jsonconf_two_or_empty(l->a, row, "guide", guide));
    slice_t words,
        parts[] = {title[0], title[1], lead[0], lead[1], inc[0], inc[1], hotel[0], hotel[1]};
    TRY(search_text(l, parts, BASE_COUNT(parts), &words));
    return db_run(
        l->db,
        SQL("INSERT INTO tour (id, slug, place, picture, days, nights, featured, sort, "
            "title_ja, title_en, lead_ja, lead_en, alt_ja, alt_en, includes_ja, "
            "includes_en, excludes_ja, excludes_en, hotel_ja, hotel_en, guide_ja, guide_en, "
            "search) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
            "?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"),
        DB_ARGS(db_id(&id), db_text(slug), db_text(place), db_text(picture), db_i64(days),
                db_i64(nights), db_i64(json_is_true(json_object_get(row, "featured"))),
                db_i64(sort), db_text(title[0]), db_text(title[1]), db_text(lead[0]),
                db_text(lead[1]), db_text(alt[0]), db_text(alt[1]), db_text(inc[0]),
                db_text(inc[1]), db_text(exc[0]), db_text(exc[1]), db_text(hotel[0]),
                db_text(hotel[1]), db_text(guide[0]), db_text(guide[1]), db_text(words)),
        NULL);
}

static err_t tour_load(load_t *l, const json_t *row, int64_t sort)
{
    id128_t id = id_new();
    int64_t days;
    const json_t *series = json_object_get(row, "series");
    TRY(jsonconf_i64(row, "days", 1, 60, &days));
    TRY(tour_insert(l, row, id, sort));
    TRY(paras_load(l, id, json_object_get(row, "body"), SLICE("body")));
    TRY(paras_load(l, id, json_object_get(row, "points"), SLICE("point")));
    TRY(itinerary_load(l, id, json_object_get(row, "itinerary")));
    for (size_t i = 0; i < json_array_size(series); i++) {
        TRY(series_load(l, id, json_array_get(series, i), days));
    }
    return OK;
}

/* Paragraphs joined by an empty line; a plain string is one paragraph. */
static err_t joined(load_t *l, const json_t *v, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(l->a, 32 * 1024, &b));
    if (json_is_string(v)) {
        buf_cstr(&b, json_string_value(v));
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        slice_t part;
        TRY(array_text(l, v, i, &part));
        buf_cstr(&b, b.len ? "\n\n" : "");
        buf_put(&b, part);
    }
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

static err_t revisions_load(load_t *l, const json_t *rows, slice_t notice)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        slice_t ja, en;
        int64_t ago;
        const json_t *row = json_array_get(rows, i);
        TRY(jsonconf_i64(row, "days_ago", 0, 5000, &ago));
        TRY(jsonconf_text(l->a, row, "ja", &ja));
        TRY(jsonconf_text(l->a, row, "en", &en));
        TRY(db_run(
            l->db, SQL("INSERT INTO notice_revision (notice, day, ja, en) VALUES (?1, ?2, ?3, ?4)"),
            DB_ARGS(db_text(notice), db_i64(l->today - ago), db_text(ja), db_text(en)), NULL));
    }
    return OK;
}

static err_t notice_load(load_t *l, const json_t *row)
{
    slice_t id, kind, title[2], body[2];
    int64_t ago, revised = jsonconf_i64_or(row, "revised_days_ago", -1);
    const json_t *text = json_object_get(row, "body");
    TRY(jsonconf_text(l->a, row, "id", &id));
    TRY(jsonconf_text(l->a, row, "kind", &kind));
    TRY(jsonconf_i64(row, "date_days_ago", 0, 5000, &ago));
    TRY(jsonconf_two(l->a, row, "title", title));
    TRY(joined(l, json_object_get(text, "ja"), &body[0]));
    TRY(joined(l, json_object_get(text, "en"), &body[1]));
    TRY(db_run(l->db,
               SQL("INSERT INTO notice (id, kind, day, revised_day, title_ja, title_en, body_ja, "
                   "body_en) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
               DB_ARGS(db_text(id), db_text(kind), db_i64(l->today - ago),
                       db_i64(revised < 0 ? 0 : l->today - revised), db_text(title[0]),
                       db_text(title[1]), db_text(body[0]), db_text(body[1])),
               NULL));
    return revisions_load(l, json_object_get(row, "revisions"), id);
}

/* Title, then "# heading" and paragraphs: the text that is hashed and agreed to. */
static err_t document_text(load_t *l, slice_t title, const json_t *sections, slice_t *ret_text)
{
    buf_t b;
    TRY(arena_buf(l->a, 128 * 1024, &b));
    buf_put(&b, title);
    for (size_t i = 0; i < json_array_size(sections); i++) {
        const json_t *s = json_array_get(sections, i);
        slice_t paras;
        buf_cstr(&b, "\n\n# ");
        buf_cstr(&b, json_string_value(json_object_get(s, "h")));
        TRY(joined(l, json_object_get(s, "p"), &paras));
        buf_cstr(&b, "\n\n");
        buf_put(&b, paras);
    }
    TRY(buf_check(&b));
    *ret_text = buf_slice(&b);
    return OK;
}

static err_t document_load(load_t *l, const json_t *row)
{
    slice_t kind, version, title[2], text;
    static const char *const KEYS[] = {"ja", "en"};
    TRY(jsonconf_text(l->a, row, "kind", &kind));
    TRY(jsonconf_text(l->a, row, "version", &version));
    TRY(jsonconf_two(l->a, row, "title", title));
    for (size_t lang = 0; lang < 2; lang++) {
        uint8_t sha[DOCUMENT_SHA_BYTES];
        TRY(document_text(l, title[lang], json_object_get(row, KEYS[lang]), &text));
        document_sha256(text, sha);
        TRY(db_run(l->db,
                   SQL("INSERT INTO document (kind, version, lang, sha256, text) "
                       "VALUES (?1, ?2, ?3, ?4, ?5)"),
                   DB_ARGS(db_text(kind), db_text(version), db_i64((int64_t)lang),
                           db_blob(slice_make(sha, sizeof sha)), db_text(text)),
                   NULL));
    }
    return OK;
}

static err_t load_all(load_t *l, const json_t *doc)
{
    const json_t *tours = json_object_get(doc, "tours"), *notices = json_object_get(doc, "notices"),
                 *documents = json_object_get(doc, "documents");
    *l->fault = SLICE("places");
    TRY(names_load(l, json_object_get(doc, "places"), false));
    *l->fault = SLICE("cities");
    TRY(names_load(l, json_object_get(doc, "cities"), true));
    for (size_t i = 0; i < json_array_size(tours); i++) {
        TRY(tour_load(l, json_array_get(tours, i), (int64_t)i));
    }
    *l->fault = SLICE("notices");
    for (size_t i = 0; i < json_array_size(notices); i++) {
        TRY(notice_load(l, json_array_get(notices, i)));
    }
    *l->fault = SLICE("documents");
    for (size_t i = 0; i < json_array_size(documents); i++) {
        TRY(document_load(l, json_array_get(documents, i)));
    }
    return OK;
}

err_t demo_load(db_t *db, arena_t *a, path_t catalogue, int64_t now_us, size_t *ret_departures,
                slice_t *ret_fault)
{
    JSONCONF_SCOPED json_t *doc = NULL;
    DB_TX_SCOPED db_tx_t tx = {0};
    load_t l = {
        .db = db, .a = a, .today = tokyo_date(now_us), .now_us = now_us, .fault = ret_fault};
    int64_t tours = 0;
    *ret_fault = SLICE("file");
    *ret_departures = 0;
    TRY(db_query_i64(db, SQL("SELECT COUNT(*) FROM tour"), DB_NO_ARGS, &tours));
    if (tours > 0) {
        return OK;
    }
    TRY(jsonconf_load(a, catalogue, CATALOGUE_BYTES, &doc, ret_fault));
    TRY(db_begin(db, &tx));
    TRY(load_all(&l, doc));
    TRY(db_commit(&tx));
    *ret_departures = l.departures;
    return OK;
}
