/* Queries that both back ends understand (common/db/README.md). */
#include "house/seats.h"

/* Of shop/model.h, which is the shop's inside: departure.flags "waiting list" and nothing else;
 * booking.state and attempt.state of shop/booking_table.h and pay/api.h. */
enum { BOOKING_CONFIRMED = 4, ATTEMPT_CAPTURED = 4, ARENA_BYTES = 8 * 1024 * 1024 };

err_t seats_prepare(db_t *db, size_t nth, int64_t cap, char ret_departure[SEATS_ID])
{
    arena_t a BASE_CLEANUP(arena_deinit);
    db_rows_t r;
    int64_t changes = 0;
    arena_init(&a, ARENA_BYTES);
    TRY(db_query_one(
        db, &a,
        SQL("SELECT d.id, d.inventory FROM departure d JOIN inventory i ON i.id = d.inventory "
            "WHERE i.taken = 0 AND d.flags = 2 ORDER BY d.day DESC, d.id LIMIT 1 OFFSET ?1"),
        DB_ARGS(db_i64((int64_t)nth)), &r));
    id128_t departure = db_col_id(&r, 0), inventory = db_col_id(&r, 1);
    TRY(db_run(db, SQL("UPDATE inventory SET cap = ?2 WHERE id = ?1"),
               DB_ARGS(db_id(&inventory), db_i64(cap)), &changes));
    ENSURE(changes == 1, ERR_NOT_FOUND);
    id_encode(departure, ret_departure);
    ret_departure[ID_TEXT] = 0;
    return OK;
}

static err_t unguard_sqlite(db_t *db)
{
    TRY(db_run(db, SQL("PRAGMA foreign_keys = OFF"), DB_NO_ARGS, NULL));
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin(db, &tx));
    TRY(db_run(db, SQL("CREATE TABLE inventory_kept AS SELECT id, cap, taken, held FROM inventory"),
               DB_NO_ARGS, NULL));
    TRY(db_run(db, SQL("DROP TABLE inventory"), DB_NO_ARGS, NULL));
    TRY(db_run(db,
               SQL("CREATE TABLE inventory (id BLOB PRIMARY KEY, cap INTEGER NOT NULL, taken "
                   "INTEGER NOT NULL, "
                   "held INTEGER NOT NULL) STRICT"),
               DB_NO_ARGS, NULL));
    TRY(db_run(db, SQL("INSERT INTO inventory SELECT id, cap, taken, held FROM inventory_kept"),
               DB_NO_ARGS, NULL));
    TRY(db_run(db, SQL("DROP TABLE inventory_kept"), DB_NO_ARGS, NULL));
    return db_commit(&tx);
}

err_t seats_unguard(db_t *db)
{
    if (db_kind(db) == DB_SQLITE) {
        return unguard_sqlite(db);
    }
    return db_run(db,
                  SQL("ALTER TABLE inventory DROP CONSTRAINT inventory_check, DROP CONSTRAINT "
                      "inventory_check1"),
                  DB_NO_ARGS, NULL);
}

static err_t counter(db_t *db, arena_t *a, const id128_t *departure, seats_count_t *c)
{
    db_rows_t r;
    TRY(db_query_one(
        db, a,
        SQL("SELECT i.cap, i.taken, i.held FROM departure d JOIN inventory i ON i.id = d.inventory "
            "WHERE d.id = ?1"),
        DB_ARGS(db_id(departure)), &r));
    c->cap = db_col_i64(&r, 0);
    c->taken = db_col_i64(&r, 1);
    c->held = db_col_i64(&r, 2);
    return OK;
}

static err_t holds(db_t *db, arena_t *a, const id128_t *departure, seats_count_t *c)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT h.state, h.seats FROM hold h JOIN booking b ON b.id = h.booking WHERE "
                     "b.departure = ?1"),
                 DB_ARGS(db_id(departure)), &r));
    while (db_next(&r)) {
        int64_t state = db_col_i64(&r, 0);
        ENSURE(state >= 1 && state <= 3, ERR_CORRUPT);
        c->hold_seats[state] += db_col_i64(&r, 1);
    }
    return OK;
}

static err_t bookings(db_t *db, arena_t *a, const char *departure, seats_count_t *c)
{
    seats_booking_t *rows;
    size_t n;
    TRY(seats_bookings(db, a, departure, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        ENSURE(rows[i].state >= 0 && rows[i].state < SEATS_STATES, ERR_CORRUPT);
        c->bookings[rows[i].state]++;
        c->confirmed_seats += rows[i].state == BOOKING_CONFIRMED ? rows[i].seats : 0;
    }
    return OK;
}

static err_t disagreements(db_t *db, const id128_t *departure, seats_count_t *c)
{
    TRY(db_query_i64(
        db,
        SQL("SELECT COUNT(*) FROM booking b WHERE b.departure = ?1 AND b.state = ?2 AND NOT EXISTS "
            "(SELECT 1 FROM hold h WHERE h.booking = b.id AND h.state = 2 "
            "AND h.seats = b.adults + b.children)"),
        DB_ARGS(db_id(departure), db_i64(BOOKING_CONFIRMED)), &c->confirmed_without_seat));
    TRY(db_query_i64(db,
                     SQL("SELECT COUNT(*) FROM booking b JOIN hold h ON h.booking = b.id "
                         "WHERE b.departure = ?1 AND h.state = 2 AND b.state <> ?2"),
                     DB_ARGS(db_id(departure), db_i64(BOOKING_CONFIRMED)), &c->seated_unconfirmed));
    TRY(db_query_i64(
        db,
        SQL("SELECT COUNT(*) FROM attempt t JOIN booking b ON b.id = t.booking WHERE b.departure = "
            "?1 "
            "AND t.state = ?2 AND (b.state <> ?3 OR b.paid_attempt <> t.id) AND NOT EXISTS "
            "(SELECT 1 FROM pay_order o WHERE o.kind = 1 AND o.attempt = t.id AND o.done <> 2)"),
        DB_ARGS(db_id(departure), db_i64(ATTEMPT_CAPTURED), db_i64(BOOKING_CONFIRMED)),
        &c->captured_without_seat));
    TRY(db_query_i64(db,
                     SQL("SELECT COUNT(*) FROM pay_order o JOIN booking b ON b.id = o.booking "
                         "WHERE b.departure = ?1 AND o.done = 0"),
                     DB_ARGS(db_id(departure)), &c->orders_open));
    return db_query_i64(db,
                        SQL("SELECT COUNT(*) FROM pay_order o JOIN booking b ON b.id = o.booking "
                            "WHERE b.departure = ?1 AND o.done = 2 AND o.kind = 1"),
                        DB_ARGS(db_id(departure)), &c->orders_given_up);
}

err_t seats_count(db_t *db, const char *departure, seats_count_t *ret_count)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    seats_count_t c = {0};
    id128_t id;
    arena_init(&a, 4 * ARENA_BYTES);
    TRY(id_decode(slice_cstr_in(departure), &id));
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin_read(db, &tx));
    TRY(counter(db, &a, &id, &c));
    TRY(holds(db, &a, &id, &c));
    TRY(bookings(db, &a, departure, &c));
    TRY(disagreements(db, &id, &c));
    *ret_count = c;
    return OK;
}

err_t seats_bookings(db_t *db, arena_t *a, const char *departure, seats_booking_t **ret_rows,
                     size_t *ret_n)
{
    db_rows_t r;
    id128_t id;
    size_t n = 0;
    TRY(id_decode(slice_cstr_in(departure), &id));
    TRY(db_query(db, a,
                 SQL("SELECT id, state, adults + children FROM booking WHERE departure = ?1 ORDER "
                     "BY created_us, id"),
                 DB_ARGS(db_id(&id)), &r));
    seats_booking_t *rows = ARENA_ARRAY(a, seats_booking_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    while (db_next(&r)) {
        rows[n++] = (seats_booking_t){db_col_id(&r, 0), db_col_i64(&r, 1), db_col_i64(&r, 2)};
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}
