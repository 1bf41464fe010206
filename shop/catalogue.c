/* Reading tours and departures. */
#include "catalogue.h"

/* Columns of tour_t, both languages; place name joined as p. */
#define TOUR_COLUMNS                                                                               \
    "t.id, t.slug, t.place, t.picture, t.days, t.nights, p.ja, p.en, t.title_ja, t.title_en, "     \
    "t.lead_ja, t.lead_en, t.alt_ja, t.alt_en, t.includes_ja, t.includes_en, t.excludes_ja, "      \
    "t.excludes_en, t.hotel_ja, t.hotel_en, t.guide_ja, t.guide_en"
#define DEPARTURE_COLUMNS                                                                          \
    "d.id, d.tour, d.city, c.ja, c.en, d.office, d.meeting_ja, d.meeting_en, d.day, d.adult, "     \
    "d.child, i.cap, i.taken, i.held, d.min_pax, d.flags, d.deadline_us, "                         \
    "CASE WHEN (d.flags & 8) = 0 THEN 0 ELSE (SELECT CAST(COALESCE(SUM((ri.cap - ri.taken) * "     \
    "(SELECT MAX(p.guests) FROM room_price p WHERE p.departure = r.departure AND p.n = r.n)), 0) " \
    "AS BIGINT) FROM room r JOIN inventory ri ON ri.id = r.inventory "                             \
    "WHERE r.departure = d.id) END, d.decide_us"

static slice_t pick(const db_rows_t *r, size_t ja, int64_t lang)
{
    return db_col_text(r, lang == 0 ? ja : ja + 1);
}

static tour_t tour_from(const db_rows_t *r, int64_t lang)
{
    return (tour_t){.id = db_col_id(r, 0),
                    .slug = db_col_text(r, 1),
                    .place = db_col_text(r, 2),
                    .picture = db_col_text(r, 3),
                    .days = db_col_i64(r, 4),
                    .nights = db_col_i64(r, 5),
                    .place_name = pick(r, 6, lang),
                    .title = pick(r, 8, lang),
                    .lead = pick(r, 10, lang),
                    .alt = pick(r, 12, lang),
                    .includes = pick(r, 14, lang),
                    .excludes = pick(r, 16, lang),
                    .hotel = pick(r, 18, lang),
                    .guide = pick(r, 20, lang)};
}

static departure_t departure_from(const db_rows_t *r, int64_t lang)
{
    return (departure_t){.id = db_col_id(r, 0),
                         .tour = db_col_id(r, 1),
                         .city = db_col_text(r, 2),
                         .city_name = pick(r, 3, lang),
                         .office = db_col_text(r, 5),
                         .meeting = pick(r, 6, lang),
                         .day = (date_t)db_col_i64(r, 8),
                         .adult = db_col_i64(r, 9),
                         .child = db_col_i64(r, 10),
                         .decide_us = db_col_i64(r, 18),
                         .seats = {.cap = db_col_i64(r, 11),
                                   .taken = db_col_i64(r, 12),
                                   .held = db_col_i64(r, 13),
                                   .min_pax = db_col_i64(r, 14),
                                   .flags = db_col_i64(r, 15),
                                   .deadline_us = db_col_i64(r, 16),
                                   .start_us = tokyo_instant((date_t)db_col_i64(r, 8), 0),
                                   .in_rooms = (db_col_i64(r, 15) & SHOP_FLAG_ROOMS) != 0,
                                   .beds = db_col_i64(r, 17)}};
}

static err_t tours_from(arena_t *a, db_rows_t *r, int64_t lang, tour_t **ret_tours, size_t *ret_n)
{
    tour_t *tours = ARENA_ARRAY(a, tour_t, r->count + 1);
    ENSURE(tours, ERR_MEMORY);
    size_t n = 0;
    while (db_next(r)) {
        tours[n++] = tour_from(r, lang);
    }
    *ret_tours = tours;
    *ret_n = n;
    return OK;
}

err_t catalogue_tour(db_t *db, arena_t *a, int64_t lang, slice_t slug, tour_t *ret_tour)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT " TOUR_COLUMNS " FROM tour t JOIN place p ON p.code = t.place "
                         "WHERE t.slug = ?1"),
                     DB_ARGS(db_text(slug)), &r));
    *ret_tour = tour_from(&r, lang);
    return OK;
}

err_t catalogue_tour_by_id(db_t *db, arena_t *a, int64_t lang, id128_t id, tour_t *ret_tour)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT " TOUR_COLUMNS " FROM tour t JOIN place p ON p.code = t.place "
                         "WHERE t.id = ?1"),
                     DB_ARGS(db_id(&id)), &r));
    *ret_tour = tour_from(&r, lang);
    return OK;
}

err_t catalogue_texts(db_t *db, arena_t *a, int64_t lang, id128_t tour, slice_t kind,
                      tour_text_t **ret_texts, size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT ja, en, meals, n FROM tour_text WHERE tour = ?1 AND kind = ?2 "
                     "ORDER BY n"),
                 DB_ARGS(db_id(&tour), db_text(kind)), &r));
    tour_text_t *texts = ARENA_ARRAY(a, tour_text_t, r.count + 1);
    ENSURE(texts, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        texts[n++] = (tour_text_t){pick(&r, 0, lang), db_col_text(&r, 2), db_col_i64(&r, 3)};
    }
    *ret_texts = texts;
    *ret_n = n;
    return OK;
}

err_t catalogue_departure(db_t *db, arena_t *a, int64_t lang, id128_t id,
                          departure_t *ret_departure)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT " DEPARTURE_COLUMNS " FROM departure d "
                         "JOIN inventory i ON i.id = d.inventory JOIN city c ON c.code = d.city "
                         "WHERE d.id = ?1"),
                     DB_ARGS(db_id(&id)), &r));
    *ret_departure = departure_from(&r, lang);
    return OK;
}

err_t catalogue_departures(db_t *db, arena_t *a, int64_t lang, id128_t tour, date_t today,
                           const search_t *narrow, departure_t **ret_rows, size_t *ret_n)
{
    static const search_t ANY = {0};
    const search_t *s = narrow ? narrow : &ANY;
    db_rows_t r;
    date_t from = s->from > today ? s->from : today, to = s->to ? s->to : DATE_MAX;
    int64_t max = s->max_yen ? s->max_yen : INT64_MAX;
    TRY(db_query(
        db, a,
        SQL("SELECT " DEPARTURE_COLUMNS " FROM departure d "
            "JOIN inventory i ON i.id = d.inventory JOIN city c ON c.code = d.city "
            "WHERE d.tour = ?1 AND d.day BETWEEN ?2 AND ?3 AND d.adult <= ?4 "
            "AND (CAST(?5 AS TEXT) IS NULL OR d.city = ?5) ORDER BY d.day, d.city"),
        DB_ARGS(db_id(&tour), db_i64(from), db_i64(to), db_i64(max), db_text_or_null(s->city)),
        &r));
    departure_t *rows = ARENA_ARRAY(a, departure_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        rows[n++] = departure_from(&r, lang);
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

err_t catalogue_featured(db_t *db, arena_t *a, int64_t lang, date_t today, tour_t **ret_tours,
                         size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT " TOUR_COLUMNS " FROM tour t JOIN place p ON p.code = t.place "
                     "WHERE t.featured = 1 AND EXISTS "
                     "(SELECT 1 FROM departure d WHERE d.tour = t.id AND d.day >= ?1) "
                     "ORDER BY t.sort LIMIT 6"),
                 DB_ARGS(db_i64(today)), &r));
    return tours_from(a, &r, lang, ret_tours, ret_n);
}

static err_t choices_from(arena_t *a, db_rows_t *r, int64_t lang, catalogue_choice_t **ret_rows,
                          size_t *ret_n)
{
    catalogue_choice_t *rows = ARENA_ARRAY(a, catalogue_choice_t, r->count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(r)) {
        rows[n++] = (catalogue_choice_t){db_col_text(r, 0), pick(r, 1, lang)};
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

err_t catalogue_places(db_t *db, arena_t *a, int64_t lang, catalogue_choice_t **ret_rows,
                       size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a, SQL("SELECT code, ja, en FROM place ORDER BY sort"), DB_NO_ARGS, &r));
    return choices_from(a, &r, lang, ret_rows, ret_n);
}

err_t catalogue_cities(db_t *db, arena_t *a, int64_t lang, catalogue_choice_t **ret_rows,
                       size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a, SQL("SELECT code, ja, en FROM city ORDER BY sort"), DB_NO_ARGS, &r));
    return choices_from(a, &r, lang, ret_rows, ret_n);
}

/* The same conditions for the page and for the count. Optional ones are NULL when not asked for. */
#define SEARCH_WHERE                                                                               \
    "d.day BETWEEN ?1 AND ?2 AND d.adult <= ?3 AND (d.flags & 4) = 0 AND d.deadline_us > ?4 "      \
    "AND (CAST(?5 AS TEXT) IS NULL OR d.city = ?5) "                                               \
    "AND (CAST(?6 AS TEXT) IS NULL OR t.place = ?6) "                                              \
    "AND (CAST(?7 AS TEXT) IS NULL OR t.search LIKE ?7 ESCAPE '!') "                               \
    "AND (CAST(?8 AS TEXT) IS NULL OR t.search LIKE ?8 ESCAPE '!') "                               \
    "AND (CAST(?9 AS TEXT) IS NULL OR t.search LIKE ?9 ESCAPE '!') "

static err_t like_pattern(arena_t *a, slice_t word, slice_t *ret_pattern)
{
    buf_t b;
    if (word.len == 0) {
        *ret_pattern = SLICE_EMPTY;
        return OK;
    }
    TRY(arena_buf(a, word.len * 2 + 2, &b));
    buf_u8(&b, '%');
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        if (c == '%' || c == '_' || c == '!') {
            buf_u8(&b, '!');
        }
        buf_u8(&b, c);
    }
    buf_u8(&b, '%');
    TRY(buf_check(&b));
    *ret_pattern = buf_slice(&b);
    return OK;
}

err_t search_tours(db_t *db, arena_t *a, int64_t lang, const search_t *s, tour_t **ret_tours,
                   size_t *ret_n, int64_t *ret_total)
{
    slice_t like[3];
    for (size_t i = 0; i < 3; i++) {
        TRY(like_pattern(a, s->words[i], &like[i]));
    }
    date_t today = tokyo_date(s->now_us);
    date_t from = s->from > today ? s->from : today, to = s->to ? s->to : DATE_MAX;
    db_value_t args[12] = {db_i64(from),
                           db_i64(to),
                           db_i64(s->max_yen ? s->max_yen : INT64_MAX),
                           db_i64(s->now_us),
                           db_text_or_null(s->city),
                           db_text_or_null(s->place),
                           db_text_or_null(like[0]),
                           db_text_or_null(like[1]),
                           db_text_or_null(like[2]),
                           db_i64(s->sort),
                           db_i64((s->page - 1) * SHOP_PAGE_ROWS),
                           db_i64(SHOP_PAGE_ROWS)};
    db_rows_t r;
    TRY(db_query_i64(db,
                     SQL("SELECT COUNT(DISTINCT t.id) FROM tour t "
                         "JOIN departure d ON d.tour = t.id WHERE " SEARCH_WHERE),
                     (db_args_t){args, 9}, ret_total));
    TRY(db_query(db, a,
                 SQL("SELECT " TOUR_COLUMNS ", MIN(d.day), MIN(d.adult) FROM tour t "
                     "JOIN place p ON p.code = t.place JOIN departure d ON d.tour = t.id "
                     "WHERE " SEARCH_WHERE "GROUP BY t.id, p.code "
                     "ORDER BY CASE CAST(?10 AS BIGINT) WHEN 0 THEN MIN(d.day) "
                     "WHEN 1 THEN MIN(d.adult) WHEN 2 THEN -MIN(d.adult) ELSE t.days END, t.sort "
                     "LIMIT ?12 OFFSET ?11"),
                 (db_args_t){args, 12}, &r));
    return tours_from(a, &r, lang, ret_tours, ret_n);
}
