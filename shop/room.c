/* Rows of room, room_price and booking_room. */
#include "room.h"

err_t room_offers(db_t *db, arena_t *a, int64_t lang, id128_t departure, room_offer_t **ret_rows,
                  size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT r.n, p.guests, p.extra, i.cap - i.taken, r.inventory, r.ja, r.en "
                     "FROM room r JOIN room_price p ON p.departure = r.departure AND p.n = r.n "
                     "JOIN inventory i ON i.id = r.inventory WHERE r.departure = ?1 "
                     "ORDER BY r.n, p.guests"),
                 DB_ARGS(db_id(&departure)), &r));
    room_offer_t *rows = ARENA_ARRAY(a, room_offer_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        rows[n++] = (room_offer_t){.n = db_col_i64(&r, 0),
                                   .guests = db_col_i64(&r, 1),
                                   .extra = db_col_i64(&r, 2),
                                   .left = db_col_i64(&r, 3),
                                   .inventory = db_col_id(&r, 4),
                                   .name = db_col_text(&r, lang == 0 ? 5 : 6)};
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

const room_offer_t *room_offer_find(const room_offer_t *offers, size_t n, const room_ask_t *ask)
{
    for (size_t i = 0; i < n; i++) {
        if (offers[i].n == ask->n && offers[i].guests == ask->guests) {
            return &offers[i];
        }
    }
    return NULL;
}

err_t room_guests(const room_ask_t *asks, size_t n, int64_t *ret_people)
{
    int64_t people = 0;
    ENSURE(n >= 1 && n <= ROOM_ASKS_MAX, ERR_RANGE);
    for (size_t i = 0; i < n; i++) {
        const room_ask_t *ask = &asks[i];
        ENSURE(ask->n >= 1 && ask->n <= ROOM_KINDS_MAX, ERR_RANGE);
        ENSURE(ask->guests >= 1 && ask->guests <= ROOM_GUESTS_MAX, ERR_RANGE);
        ENSURE(ask->rooms >= 1 && ask->rooms <= SHOP_PAX_MAX, ERR_RANGE);
        people += ask->guests * ask->rooms;
    }
    *ret_people = people;
    return OK;
}

err_t room_store(db_t *db, id128_t booking, id128_t departure, const room_ask_t *ask)
{
    int64_t changes = 0;
    TRY(db_run(db,
               SQL("INSERT INTO booking_room (booking, n, guests, rooms, extra, ja, en) "
                   "SELECT ?1, r.n, p.guests, ?5, p.extra, r.ja, r.en FROM room r "
                   "JOIN room_price p ON p.departure = r.departure AND p.n = r.n "
                   "WHERE r.departure = ?2 AND r.n = ?3 AND p.guests = ?4"),
               DB_ARGS(db_id(&booking), db_id(&departure), db_i64(ask->n), db_i64(ask->guests),
                       db_i64(ask->rooms)),
               &changes));
    ENSURE(changes == 1, ERR_NOT_FOUND);
    return OK;
}

err_t room_taken(db_t *db, arena_t *a, int64_t lang, id128_t booking, room_taken_t **ret_rows,
                 size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT guests, rooms, extra, ja, en FROM booking_room WHERE booking = ?1 "
                     "ORDER BY n, guests"),
                 DB_ARGS(db_id(&booking)), &r));
    room_taken_t *rows = ARENA_ARRAY(a, room_taken_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        rows[n++] = (room_taken_t){.guests = db_col_i64(&r, 0),
                                   .rooms = db_col_i64(&r, 1),
                                   .extra = db_col_i64(&r, 2),
                                   .name = db_col_text(&r, lang == 0 ? 3 : 4)};
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}
