/* Holding seats and rooms. The guard of each pool is one condition in one UPDATE (and the table's
 * CHECK behind it), so no number of shopd processes can sell a seat twice. Who needs several pools
 * takes them by ascending id, all or none. */
#include "hold.h"
#include "base/clock.h"
#include "outbox.h"
#include "price.h"
#include "status.h"
#include "text/time.h"

/* A negative control of the tests compiles this file without the guard; it must then oversell. */
#ifdef SHOP_HOLD_UNGUARDED
#define TAKE_SQL                                                                                   \
    "UPDATE inventory SET taken = taken + ?2, held = held + ?3 WHERE id = ?1 AND ?2 > 0"
#else
#define TAKE_SQL                                                                                   \
    "UPDATE inventory SET taken = taken + ?2, held = held + ?3 WHERE id = ?1 AND taken + ?2 <= "   \
    "cap"
#endif

enum { CODE_TRIES = 4, POOLS_MAX = 1 + ROOM_ASKS_MAX, POOLS_SAVEPOINT = 2 };

typedef struct take {
    const hold_request_t *req;
    hold_made_t made;
} take_t;

/* What a booking needs of one inventory. */
typedef struct pool {
    id128_t inventory;
    int64_t n;
} pool_t;

typedef struct pools {
    pool_t at[POOLS_MAX]; /* ascending by inventory, each once */
    size_t n;
} pools_t;

typedef struct departure_row {
    id128_t inventory;
    seats_t seats;
    int64_t adult, child;
    int64_t total; /* of the booking that is made */
    pools_t pools; /* that it needs */
} departure_row_t;

static void pools_add(pools_t *p, id128_t inventory, int64_t n)
{
    size_t i = 0;
    while (i < p->n && memcmp(&p->at[i].inventory, &inventory, sizeof inventory) < 0) {
        i++;
    }
    if (i < p->n && id_eq(p->at[i].inventory, inventory)) {
        p->at[i].n += n;
        return;
    }
    CHECK(p->n < POOLS_MAX);
    memmove(&p->at[i + 1], &p->at[i], (p->n - i) * sizeof p->at[0]);
    p->at[i] = (pool_t){inventory, n};
    p->n++;
}

static err_t load_departure(db_t *db, arena_t *a, const id128_t *id, departure_row_t *ret_row)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT d.inventory, i.cap, i.taken, i.held, d.min_pax, d.flags, "
                         "d.deadline_us, d.adult, d.child FROM departure d "
                         "JOIN inventory i ON i.id = d.inventory WHERE d.id = ?1"),
                     DB_ARGS(db_id(id)), &r));
    *ret_row = (departure_row_t){.inventory = db_col_id(&r, 0),
                                 .seats = {.cap = db_col_i64(&r, 1),
                                           .taken = db_col_i64(&r, 2),
                                           .held = db_col_i64(&r, 3),
                                           .min_pax = db_col_i64(&r, 4),
                                           .flags = db_col_i64(&r, 5),
                                           .deadline_us = db_col_i64(&r, 6)},
                                 .adult = db_col_i64(&r, 7),
                                 .child = db_col_i64(&r, 8)};
    return OK;
}

/* held: how many of them are only on hold. */
static err_t guarded_take(db_t *db, const pool_t *pool, int64_t held)
{
    int64_t changes = 0;
    err_t e = db_run(db, SQL(TAKE_SQL),
                     DB_ARGS(db_id(&pool->inventory), db_i64(pool->n), db_i64(held)), &changes);
    if (err_is(e, ERR_CONFLICT)) {
        return FAIL(ERR_FULL); /* the table's own CHECK */
    }
    TRY(e);
    ENSURE(changes == 1, ERR_FULL);
    return OK;
}

static err_t take_each(db_t *db, const pools_t *p, bool held)
{
    for (size_t i = 0; i < p->n; i++) {
        TRY(guarded_take(db, &p->at[i], held ? p->at[i].n : 0));
    }
    return OK;
}

/* All or none: the job may go on after FULL, so what was taken before it must be undone here. One
 * pool, which is what most departures have, needs no savepoint for that. */
static err_t pools_take(db_t *db, const pools_t *p, bool held)
{
    if (p->n == 1) {
        return take_each(db, p, held);
    }
    TRY(db_savepoint(db, POOLS_SAVEPOINT));
    err_t e = take_each(db, p, held);
    TRY(err_failed(e) ? db_savepoint_undo(db, POOLS_SAVEPOINT)
                      : db_savepoint_keep(db, POOLS_SAVEPOINT));
    return e;
}

/* 32 random bits; that nobody has the number already is the table's to say. */
static void fresh_code(char ret_code[SHOP_CODE_LETTERS])
{
    random_letters(ret_code, SHOP_CODE_LETTERS);
    for (size_t k = 0; k < SHOP_CODE_LETTERS; k++) {
        ret_code[k] = (char)(ret_code[k] - 'a' + 'A');
    }
}

static err_t insert_booking(db_t *db, const hold_request_t *q, const departure_row_t *d,
                            id128_t booking)
{
    char code[SHOP_CODE_LETTERS];
    fresh_code(code);
    return db_run(
        db,
        SQL("INSERT INTO booking (id, code, departure, state, lang, adults, children, adult_price, "
            "child_price, total, currency, subject, pseudonym, account, client_token, "
            "hold_expires_us, created_us, changed_us, request) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, "
            "?7, ?8, ?9, 'JPY', ?10, ?11, ?10, ?12, ?13, ?14, ?14, ?15)"),
        DB_ARGS(db_id(&booking), db_text(slice_make(code, sizeof code)), db_id(&q->departure),
                db_i64(q->lang), db_i64(q->adults), db_i64(q->children), db_i64(d->adult),
                db_i64(d->child), db_i64(d->total), db_id_or_null(&q->account),
                db_id_or_null(&q->pseudonym), db_text(q->client_token),
                db_i64(q->now_us + q->hold_s * CLOCK_SECOND_US), db_i64(q->now_us),
                db_id(&q->request)),
        NULL);
}

static err_t insert_hold(db_t *db, const hold_request_t *q, id128_t booking, const pool_t *pool)
{
    id128_t id = id_new();
    return db_run(
        db,
        SQL("INSERT INTO hold (id, booking, inventory, seats, state, expires_us, request) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        DB_ARGS(db_id(&id), db_id(&booking), db_id(&pool->inventory), db_i64(pool->n),
                db_i64(HOLD_HELD), db_i64(q->now_us + q->hold_s * CLOCK_SECOND_US),
                db_id(&q->request)),
        NULL);
}

static void record_taken(job_t *job, const hold_request_t *q, id128_t booking)
{
    int64_t rooms = 0;
    ledger_record_t *rec = record_add(&job->records, LEDGER_BOOKING_CREATED, q->request, booking);
    rec->parent = q->departure;
    rec->subject = rec->actor = q->pseudonym;
    rec->count = (uint32_t)(q->adults + q->children);
    record_fact_i64(&job->records, "adults", q->adults);
    record_fact_i64(&job->records, "children", q->children);
    rec = record_add(&job->records, LEDGER_HOLD_TAKEN, q->request, booking);
    rec->parent = q->departure;
    rec->subject = rec->actor = q->pseudonym;
    rec->count = (uint32_t)(q->adults + q->children);
    record_fact_i64(&job->records, "until_us", q->now_us + q->hold_s * CLOCK_SECOND_US);
    for (size_t i = 0; i < q->n_rooms; i++) {
        rooms += q->rooms[i].rooms;
    }
    if (rooms > 0) {
        record_fact_i64(&job->records, "rooms", rooms);
    }
}

/* The booking that this form has made before; NOT_FOUND. */
static err_t same_form(db_t *db, arena_t *a, const hold_request_t *q, hold_made_t *ret_made)
{
    db_rows_t same;
    TRY(db_query(db, a, SQL("SELECT id FROM booking WHERE client_token = ?1"),
                 DB_ARGS(db_text(q->client_token)), &same));
    ENSURE(db_next(&same), ERR_NOT_FOUND);
    *ret_made = (hold_made_t){.booking = db_col_id(&same, 0), .existed = true};
    return OK;
}

/* Rooms asked for, as pools and as money. RANGE: they are none of this departure's, or do not give
 * each person one bed. */
static err_t add_rooms(db_t *db, arena_t *a, const hold_request_t *q, departure_row_t *d)
{
    room_offer_t *offers;
    size_t n;
    int64_t people = 0;
    TRY(room_guests(q->rooms, q->n_rooms, &people));
    ENSURE(people == q->adults + q->children, ERR_RANGE);
    TRY(room_offers(db, a, q->lang, q->departure, &offers, &n));
    for (size_t i = 0; i < q->n_rooms; i++) {
        const room_offer_t *offer = room_offer_find(offers, n, &q->rooms[i]);
        ENSURE(offer, ERR_RANGE);
        pools_add(&d->pools, offer->inventory, q->rooms[i].rooms);
        TRY(price_add(&d->total, q->rooms[i].rooms, offer->extra));
    }
    return OK;
}

static err_t take_seats(db_t *db, arena_t *a, const hold_request_t *q, departure_row_t *ret_d)
{
    TRY(load_departure(db, a, &q->departure, ret_d));
    status_t status = status_of(&ret_d->seats, q->now_us);
    ENSURE(status != STATUS_CLOSED && status != STATUS_STOPPED, ERR_CONFLICT);
#ifndef SHOP_HOLD_UNGUARDED
    ENSURE(status_bookable(status), ERR_FULL);
#endif
    TRY(price_total(q->adults, q->children, ret_d->adult, ret_d->child, &ret_d->total));
    pools_add(&ret_d->pools, ret_d->inventory, q->adults + q->children);
    ENSURE((ret_d->seats.flags & SHOP_FLAG_ROOMS) ? q->n_rooms > 0 : q->n_rooms == 0, ERR_RANGE);
    if (q->n_rooms > 0) {
        TRY(add_rooms(db, a, q, ret_d));
    }
    return pools_take(db, &ret_d->pools, true);
}

static err_t insert_all(db_t *db, const hold_request_t *q, const departure_row_t *d,
                        id128_t booking)
{
    TRY(insert_booking(db, q, d, booking));
    for (size_t i = 0; i < d->pools.n; i++) {
        TRY(insert_hold(db, q, booking, &d->pools.at[i]));
    }
    for (size_t i = 0; i < q->n_rooms; i++) {
        TRY(room_store(db, booking, q->departure, &q->rooms[i]));
    }
    return OK;
}

/* Four statements for a form that is new and needs seats alone, which is what most are. */
static err_t take_job(job_t *job, db_t *db)
{
    take_t *t = job->ctx;
    const hold_request_t *q = t->req;
    departure_row_t d;
    err_t e = take_seats(db, job->arena, q, &d);
    if (err_is(e, ERR_FULL) || err_is(e, ERR_CONFLICT)) { /* perhaps by this very form */
        return err_failed(same_form(db, job->arena, q, &t->made)) ? e : OK;
    }
    TRY(e);
    t->made = (hold_made_t){.booking = id_new(), .existed = false};
    TRY(insert_all(db, q, &d, t->made.booking));
    record_taken(job, q, t->made.booking);
    return OK;
}

static err_t same_job(job_t *job, db_t *db)
{
    take_t *t = job->ctx;
    return same_form(db, job->arena, t->req, &t->made);
}

err_t hold_take(writer_t *w, arena_t *a, const hold_request_t *request, hold_made_t *ret_made)
{
    int64_t nothing = 0;
    TRY(price_total(request->adults, request->children, 0, 0, &nothing));
    ENSURE(request->client_token.len == SHOP_TOKEN_LETTERS, ERR_SYNTAX);
    take_t t = {.req = request};
    err_t e = FAIL(ERR_EXISTS);
    for (int i = 0; i < CODE_TRIES && err_is(e, ERR_EXISTS); i++) {
        e = writer_run(w, a, take_job, &t);
        if (err_is(e, ERR_EXISTS)) { /* the same form again, or a number that somebody has */
            err_t same = writer_run(w, a, same_job, &t);
            e = err_is(same, ERR_NOT_FOUND) ? e : same;
        }
    }
    TRY(e);
    *ret_made = t.made;
    return OK;
}

typedef struct change {
    hold_state_t from, to;
    int64_t taken, held; /* what each seat adds to the counters */
} change_t;

/* The idempotent change of state: only rows that really change touch their counters. Seats are one
 * for each person and rooms never more than that, so the largest pool is the people's. */
static err_t change_holds(db_t *db, arena_t *a, const id128_t *booking, const change_t *c,
                          int64_t *ret_seats)
{
    db_rows_t rows;
    pools_t pools = {.n = 0};
    int64_t most = 0;
    TRY(db_query(db, a,
                 SQL("UPDATE hold SET state = ?3 WHERE booking = ?1 AND state = ?2 "
                     "RETURNING inventory, seats"),
                 DB_ARGS(db_id(booking), db_i64(c->from), db_i64(c->to)), &rows));
    while (db_next(&rows)) {
        pools_add(&pools, db_col_id(&rows, 0), db_col_i64(&rows, 1));
    }
    for (size_t i = 0; i < pools.n; i++) {
        const pool_t *p = &pools.at[i];
        int64_t changes = 0;
        TRY(db_run(db,
                   SQL("UPDATE inventory SET taken = taken + ?2, held = held + ?3 WHERE id = ?1"),
                   DB_ARGS(db_id(&p->inventory), db_i64(c->taken * p->n), db_i64(c->held * p->n)),
                   &changes));
        ENSURE(changes == 1, ERR_CORRUPT);
        most = p->n > most ? p->n : most;
    }
    *ret_seats = most;
    return OK;
}

err_t hold_release(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats)
{
    change_t c = {.from = HOLD_HELD, .to = HOLD_RELEASED, .taken = -1, .held = -1};
    return change_holds(db, a, &booking, &c, ret_seats);
}

err_t hold_keep(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats)
{
    change_t c = {.from = HOLD_HELD, .to = HOLD_TAKEN, .taken = 0, .held = -1};
    return change_holds(db, a, &booking, &c, ret_seats);
}

err_t hold_give_up(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats)
{
    change_t c = {.from = HOLD_TAKEN, .to = HOLD_RELEASED, .taken = -1, .held = 0};
    return change_holds(db, a, &booking, &c, ret_seats);
}

err_t hold_reacquire(db_t *db, arena_t *a, const booking_t *booking, id128_t request,
                     int64_t now_us)
{
    db_rows_t r;
    pools_t pools = {.n = 0};
    int64_t changes = 0;
    TRY(db_query_one(db, a, SQL("SELECT flags, day FROM departure WHERE id = ?1"),
                     DB_ARGS(db_id(&booking->departure)), &r));
    ENSURE(!(db_col_i64(&r, 0) & SHOP_FLAG_CLOSED), ERR_FULL);
    ENSURE(now_us < db_col_i64(&r, 1) * CLOCK_DAY_US - TOKYO_OFFSET_US, ERR_FULL);
    TRY(db_query(db, a, SQL("SELECT inventory, seats FROM hold WHERE booking = ?1 AND state = 3"),
                 DB_ARGS(db_id(&booking->id)), &r));
    while (db_next(&r)) {
        pools_add(&pools, db_col_id(&r, 0), db_col_i64(&r, 1));
    }
    ENSURE(pools.n > 0, ERR_CORRUPT);
    TRY(pools_take(db, &pools, false));
    TRY(db_run(db,
               SQL("UPDATE hold SET state = 2, expires_us = ?2, request = ?3 "
                   "WHERE booking = ?1 AND state = 3"),
               DB_ARGS(db_id(&booking->id), db_i64(now_us), db_id(&request)), &changes));
    ENSURE(changes == (int64_t)pools.n, ERR_CORRUPT);
    return OK;
}

typedef struct ending {
    id128_t booking, request;
    int64_t now_us;
    bool by_customer;
    bool ended;
} ending_t;

static void record_ended(job_t *job, const ending_t *e, const booking_t *b, int64_t seats)
{
    ledger_record_t *rec;
    if (e->by_customer) {
        rec = record_add(&job->records, LEDGER_BOOKING_CANCELLED, e->request, b->id);
        rec->subject = rec->actor = b->pseudonym;
        record_fact(&job->records, "by", SLICE("customer"));
    }
    rec = record_add(&job->records, LEDGER_HOLD_ENDED, e->request, b->id);
    rec->parent = b->departure;
    rec->subject = b->pseudonym;
    rec->count = (uint32_t)seats;
    record_fact(&job->records, "why", e->by_customer ? SLICE("given_back") : SLICE("ran_out"));
}

static err_t end_job(job_t *job, db_t *db)
{
    ending_t *e = job->ctx;
    booking_t b;
    int64_t seats = 0;
    e->ended = false;
    TRY(booking_load(db, job->arena, e->booking, &b));
    if (!e->by_customer) {
        e->request = b.request;
        if (!booking_state_holds(b.state) || b.hold_expires_us > e->now_us) {
            return OK; /* somebody was faster */
        }
    }
    TRY(booking_take_step(db, &b, e->by_customer ? STEP_CANCEL : STEP_HOLD_END, e->now_us));
    TRY(hold_release(db, job->arena, b.id, &seats));
    TRY(booking_cancel_attempts(db, job->arena, &b, id_zero(), e->request, e->now_us));
    record_ended(job, e, &b, seats);
    if (!e->by_customer) {
        TRY(outbox_queue(job, db, &b, MAIL_EXPIRED, b.id, e->request, e->now_us));
    }
    e->ended = true;
    return OK;
}

err_t hold_cancel(writer_t *w, arena_t *a, id128_t booking, id128_t request, int64_t now_us)
{
    ending_t e = {.booking = booking, .request = request, .now_us = now_us, .by_customer = true};
    return writer_run(w, a, end_job, &e);
}

err_t holds_expire(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_ended)
{
    db_rows_t rows;
    *ret_ended = 0;
    TRY(db_query(db, a,
                 SQL("SELECT booking FROM hold WHERE state = 1 AND expires_us <= ?1 "
                     "ORDER BY expires_us LIMIT 64"),
                 DB_ARGS(db_i64(now_us)), &rows));
    while (db_next(&rows)) {
        ending_t e = {.booking = db_col_id(&rows, 0), .now_us = now_us};
        TRY(writer_run(w, a, end_job, &e));
        *ret_ended += e.ended ? 1 : 0;
    }
    return OK;
}
