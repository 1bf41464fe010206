/* Several pools for one booking: all or none, whoever comes at the same moment; a model keeps count
 * of every answer and the tables must agree with it. */
#include "test_base.h"

enum { THREADS = 64, SEATS = 60, TWINS = 9, SINGLES = 5, TRIES = 6, KINDS = 3 };

static id128_t inventory_new(test_shop_t *s, int64_t cap)
{
    id128_t id = id_new();
    GOOD(db_run(s->db, SQL("INSERT INTO inventory (id, cap, taken, held) VALUES (?1, ?2, 0, 0)"),
                DB_ARGS(db_id(&id), db_i64(cap)), NULL));
    return id;
}

static void room_new(test_shop_t *s, id128_t departure, int64_t n, id128_t inventory, int64_t most)
{
    GOOD(db_run(s->db, SQL("UPDATE departure SET flags = flags | 8 WHERE id = ?1"),
                DB_ARGS(db_id(&departure)), NULL));
    GOOD(db_run(
        s->db,
        SQL("INSERT INTO room (departure, n, inventory, ja, en) VALUES (?1, ?2, ?3, 'j', 'e')"),
        DB_ARGS(db_id(&departure), db_i64(n), db_id(&inventory)), NULL));
    for (int64_t guests = 1; guests <= most; guests++) {
        GOOD(db_run(
            s->db,
            SQL("INSERT INTO room_price (departure, n, guests, extra) "
                "VALUES (?1, ?2, ?3, ?4)"),
            DB_ARGS(db_id(&departure), db_i64(n), db_i64(guests), db_i64((most - guests) * 3000)),
            NULL));
    }
}

typedef struct fixture {
    id128_t departure;
    id128_t pools[KINDS]; /* seats, twins, singles */
} fixture_t;

/* Seats, twins (room 1, one or two in it) and singles (room 2). Ids grow with time: every second
 * fixture has its rooms made before its seats, so that they are taken in the other order. */
static fixture_t fixture(test_shop_t *s, int64_t seats, int64_t twins, int64_t singles)
{
    static bool rooms_first;
    fixture_t f = {0};
    db_rows_t r;
    rooms_first = !rooms_first;
    if (rooms_first) {
        f.pools[1] = inventory_new(s, twins);
        f.pools[2] = inventory_new(s, singles);
    }
    f.departure = test_departure(s, seats, 0, 0);
    if (!rooms_first) {
        f.pools[1] = inventory_new(s, twins);
        f.pools[2] = inventory_new(s, singles);
    }
    GOOD(db_query_one(s->db, &s->arena, SQL("SELECT inventory FROM departure WHERE id = ?1"),
                      DB_ARGS(db_id(&f.departure)), &r));
    f.pools[0] = db_col_id(&r, 0);
    room_new(s, f.departure, 1, f.pools[1], 2);
    room_new(s, f.departure, 2, f.pools[2], 1);
    return f;
}

static int64_t taken_of(test_shop_t *s, id128_t inventory)
{
    return test_i64(s, SQL("SELECT taken FROM inventory WHERE id = ?1"),
                    DB_ARGS(db_id(&inventory)));
}

static void expect(test_shop_t *s, const fixture_t *f, int64_t seats, int64_t twins,
                   int64_t singles)
{
    assert_int_equal(taken_of(s, f->pools[0]), seats);
    assert_int_equal(taken_of(s, f->pools[1]), twins);
    assert_int_equal(taken_of(s, f->pools[2]), singles);
}

/* A buyer's wish: twins for two, twins for one, singles; what it needs of each pool. */
typedef struct wish {
    int64_t pairs, alone, singles;
} wish_t;

static int64_t people(const wish_t *w)
{
    return 2 * w->pairs + w->alone + w->singles;
}

static void need(const wish_t *w, int64_t ret[KINDS])
{
    ret[0] = people(w);
    ret[1] = w->pairs + w->alone;
    ret[2] = w->singles;
}

static hold_request_t request(const fixture_t *f, const wish_t *w, room_ask_t asks[KINDS])
{
    hold_request_t q = test_request(f->departure, people(w), TEST_NOW);
    const room_ask_t all[KINDS] = {{1, 2, w->pairs}, {1, 1, w->alone}, {2, 1, w->singles}};
    for (size_t i = 0; i < KINDS; i++) {
        if (all[i].rooms > 0) {
            asks[q.n_rooms++] = all[i];
        }
    }
    q.rooms = asks;
    return q;
}

#ifndef SHOP_HOLD_UNGUARDED

static int64_t held_of(test_shop_t *s, id128_t inventory)
{
    return test_i64(s, SQL("SELECT held FROM inventory WHERE id = ?1"), DB_ARGS(db_id(&inventory)));
}

static void test_price_and_lines(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made, again;
    room_ask_t asks[KINDS];
    room_taken_t *rows;
    size_t n;
    int64_t other;
    fixture_t f = fixture(s, 10, 3, 2);
    hold_request_t q = request(&f, &(wish_t){1, 1, 1}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    expect(s, &f, 4, 2, 1);
    assert_int_equal(test_load(s, made.booking).total, 4 * 10000 + 3000);
    GOOD(room_taken(s->db, &s->arena, 0, made.booking, &rows, &n));
    assert_int_equal(n, 3);
    int64_t sum = 0, beds = 0;
    for (size_t i = 0; i < n; i++) {
        sum += rows[i].rooms * rows[i].extra;
        beds += rows[i].rooms * rows[i].guests;
    }
    assert_int_equal(sum, 3000);
    assert_int_equal(beds, 4);
    /* the catalogue changes afterwards: the booking stays what it was */
    GOOD(db_run(s->db, SQL("UPDATE room_price SET extra = 9"), DB_NO_ARGS, NULL));
    GOOD(room_taken(s->db, &s->arena, 1, made.booking, &rows, &n));
    assert_int_equal(rows[0].extra, 3000);
    assert_true(slice_eq(rows[0].name, SLICE("e")));
    /* the same form is the same booking, also when a pool is empty by now */
    GOOD(hold_take(s->writer, &s->arena, &q, &again));
    assert_true(again.existed && id_eq(again.booking, made.booking));
    expect(s, &f, 4, 2, 1);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM hold WHERE booking = ?1 AND state = 1"),
                              DB_ARGS(db_id(&made.booking))),
                     KINDS);
    int64_t held;
    test_seats(s, f.departure, &other, &held);
    assert_int_equal(other, 4);
}

static void refused(test_shop_t *s, const fixture_t *f, int64_t adults, const room_ask_t *asks,
                    size_t n, uint16_t code)
{
    hold_made_t made;
    hold_request_t q = test_request(f->departure, adults, TEST_NOW);
    q.rooms = asks;
    q.n_rooms = n;
    err_t e = hold_take(s->writer, &s->arena, &q, &made);
    if (e.code != code) {
        fail_msg("%s, not %s", err_name(e.code), err_name(code));
    }
    expect(s, f, 0, 0, 0);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM booking"), DB_NO_ARGS), 0);
}

static void test_refusals(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    room_ask_t many[ROOM_ASKS_MAX + 1];
    fixture_t f = fixture(s, 10, 3, 2);
    for (size_t i = 0; i <= ROOM_ASKS_MAX; i++) {
        many[i] = (room_ask_t){2, 1, 1};
    }
    refused(s, &f, 2, NULL, 0, ERR_RANGE);                                   /* beds are needed */
    refused(s, &f, 3, &(room_ask_t){1, 2, 1}, 1, ERR_RANGE);                 /* one has no bed */
    refused(s, &f, 1, &(room_ask_t){1, 2, 1}, 1, ERR_RANGE);                 /* a bed too many */
    refused(s, &f, 3, &(room_ask_t){1, 3, 1}, 1, ERR_RANGE);                 /* three in a twin */
    refused(s, &f, 1, &(room_ask_t){3, 1, 1}, 1, ERR_RANGE);                 /* no such room */
    refused(s, &f, 1, &(room_ask_t){2, 1, -1}, 1, ERR_RANGE);                /* fewer than none */
    refused(s, &f, 4, &(room_ask_t){2, INT64_MAX, INT64_MAX}, 1, ERR_RANGE); /* overflow */
    refused(s, &f, 8, many, ROOM_ASKS_MAX + 1, ERR_RANGE);
    refused(s, &f, 8, &(room_ask_t){1, 2, 4}, 1, ERR_FULL); /* four twins of three */
    refused(s, &f, 3, &(room_ask_t){2, 1, 3}, 1, ERR_FULL); /* three singles of two */
    /* rooms where there are none */
    hold_request_t q = test_request(test_departure(s, 9, 0, 0), 2, TEST_NOW);
    q.rooms = &(room_ask_t){1, 2, 1};
    q.n_rooms = 1;
    BAD(RANGE, hold_take(s->writer, &s->arena, &q, &made));
}

/* The form that comes again after its pools ran out says which booking it was, and takes nothing:
 * seats are free still, rooms are not, and what was taken before the full pool goes back. */
static void test_same_form_when_full(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made, again;
    room_ask_t asks[KINDS];
    for (int round = 0; round < 2; round++) {
        fixture_t f = fixture(s, 20, 1, 1);
        hold_request_t q = request(&f, &(wish_t){1, 0, 1}, asks);
        GOOD(hold_take(s->writer, &s->arena, &q, &made));
        GOOD(hold_take(s->writer, &s->arena, &q, &again));
        assert_true(again.existed && id_eq(again.booking, made.booking));
        expect(s, &f, 3, 1, 1);
    }
}

static void test_ends_once(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    room_ask_t asks[KINDS];
    size_t ended;
    int64_t end = TEST_NOW + 2700 * CLOCK_SECOND_US;
    fixture_t f = fixture(s, 10, 3, 2);
    hold_request_t q = request(&f, &(wish_t){1, 0, 1}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    expect(s, &f, 3, 1, 1);
    GOOD(hold_cancel(s->writer, &s->arena, made.booking, id_new(), TEST_NOW));
    BAD(CONFLICT, hold_cancel(s->writer, &s->arena, made.booking, id_new(), TEST_NOW));
    expect(s, &f, 0, 0, 0);
    q = request(&f, &(wish_t){1, 1, 0}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    GOOD(holds_expire(s->db, s->writer, &s->arena, end, &ended));
    assert_int_equal(ended, 1); /* a booking, however many pools */
    GOOD(holds_expire(s->db, s->writer, &s->arena, end, &ended));
    assert_int_equal(ended, 0);
    expect(s, &f, 0, 0, 0);
    assert_int_equal(held_of(s, f.pools[1]), 0);
}

static payment_effect_t captured(test_shop_t *s, uint64_t seq, id128_t booking, int64_t now_us)
{
    payment_effect_t effect = 0;
    pay_event_t e = test_event(s, seq, booking, id_new(), PAY_CAPTURED);
    GOOD(payment_apply(s->writer, &s->arena, &e, now_us, &effect));
    return effect;
}

/* Consent given, as a booking of one twin for two. */
static id128_t awaiting(test_shop_t *s, const fixture_t *f)
{
    hold_made_t made;
    room_ask_t asks[KINDS];
    hold_request_t q = request(f, &(wish_t){1, 0, 0}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    GOOD(db_run(s->db, SQL("UPDATE booking SET state = 3 WHERE id = ?1"),
                DB_ARGS(db_id(&made.booking)), NULL));
    return made.booking;
}

static void test_late_payment(void **state)
{
    test_shop_t *s = *state;
    size_t ended;
    int64_t late = TEST_NOW + 2701 * CLOCK_SECOND_US;
    hold_made_t made;
    room_ask_t asks[KINDS];
    for (int round = 0; round < 4; round++) {
        fixture_t f = fixture(s, 10, 2, 2);
        uint64_t seq = (uint64_t)round * 2 + 1;
        /* all pools are taken again, in the same rows */
        id128_t first = awaiting(s, &f), second = awaiting(s, &f);
        GOOD(holds_expire(s->db, s->writer, &s->arena, late, &ended));
        assert_int_equal(ended, round == 0 ? 2 : 3); /* and what the round before left on hold */
        assert_int_equal(captured(s, seq, first, late), PAYMENT_REACQUIRED);
        expect(s, &f, 2, 1, 0);
        assert_int_equal(held_of(s, f.pools[0]) + held_of(s, f.pools[1]), 0);
        /* seats are there, the twin is not: money back, and no seat stays taken */
        hold_request_t q = request(&f, &(wish_t){0, 1, 0}, asks);
        GOOD(hold_take(s->writer, &s->arena, &q, &made));
        expect(s, &f, 3, 2, 0);
        assert_int_equal(captured(s, seq + 1, second, late), PAYMENT_REFUND_LATE);
        expect(s, &f, 3, 2, 0);
        assert_int_equal(test_load(s, second).state, BOOKING_REFUNDED_LATE);
    }
}

#endif

/* ---- the rush ---- */

typedef struct buyer {
    test_shop_t *shop;
    const fixture_t *f;
    pthread_barrier_t *gate;
    uint64_t dice;
    bool keeps;         /* gives nothing back */
    int64_t has[KINDS]; /* what she holds at the end, by what she was answered */
    int64_t bookings, full, other;
} buyer_t;

static uint64_t roll(buyer_t *b, uint64_t sides)
{
    b->dice = b->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (b->dice >> 33) % sides;
}

static void try_once(buyer_t *b, arena_t *a)
{
    static const wish_t WISHES[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1},
                                    {1, 0, 1}, {2, 1, 1}, {0, 1, 2}};
    hold_made_t made;
    room_ask_t asks[KINDS];
    int64_t n[KINDS];
    const wish_t *w = &WISHES[roll(b, BASE_COUNT(WISHES))];
    hold_request_t q = request(b->f, w, asks);
    err_t e = hold_take(b->shop->writer, a, &q, &made);
    b->full += err_is(e, ERR_FULL);
    b->other += err_failed(e) && !err_is(e, ERR_FULL);
    if (err_failed(e)) {
        return;
    }
    if (!b->keeps && roll(b, 3) == 0) {
        e = hold_cancel(b->shop->writer, a, made.booking, id_new(), TEST_NOW);
        b->other += err_failed(e);
        return;
    }
    need(w, n);
    b->bookings++;
    for (size_t i = 0; i < KINDS; i++) {
        b->has[i] += n[i];
    }
}

static void *buy(void *arg)
{
    buyer_t *b = arg;
    arena_t a;
    arena_init(&a, 16 * 1024 * 1024);
    pthread_barrier_wait(b->gate);
    for (int i = 0; i < TRIES; i++) {
        try_once(b, &a);
    }
    arena_deinit(&a);
    return NULL;
}

/* What all buyers together were told that they have. */
static buyer_t rush(test_shop_t *s, const fixture_t *f, uint64_t seed, bool keeps)
{
    static buyer_t buyers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t gate;
    buyer_t sum = {.shop = s};
    pthread_barrier_init(&gate, NULL, THREADS);
    for (uint64_t i = 0; i < THREADS; i++) {
        buyers[i] =
            (buyer_t){.shop = s, .f = f, .gate = &gate, .dice = seed * 1000 + i, .keeps = keeps};
        assert_int_equal(pthread_create(&threads[i], NULL, buy, &buyers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.bookings += buyers[i].bookings;
        sum.full += buyers[i].full;
        sum.other += buyers[i].other;
        for (size_t k = 0; k < KINDS; k++) {
            sum.has[k] += buyers[i].has[k];
        }
    }
    pthread_barrier_destroy(&gate);
    return sum;
}

#ifndef SHOP_HOLD_UNGUARDED

/* Every booking that lives has each of its pools exactly once, and the counters are their sums. */
static void check_rows(test_shop_t *s, const fixture_t *f, int64_t bookings)
{
    for (size_t i = 0; i < KINDS; i++) {
        int64_t sum = test_i64(s,
                               SQL("SELECT CAST(COALESCE(SUM(seats), 0) AS BIGINT) FROM hold "
                                   "WHERE inventory = ?1 AND state < 3"),
                               DB_ARGS(db_id(&f->pools[i])));
        assert_int_equal(taken_of(s, f->pools[i]), sum);
        assert_int_equal(held_of(s, f->pools[i]), sum);
    }
    assert_int_equal(test_i64(s,
                              SQL("SELECT COUNT(*) FROM booking b WHERE b.departure = ?1 "
                                  "AND b.state = 1 AND b.adults = (SELECT h.seats FROM hold h "
                                  "JOIN departure d ON d.inventory = h.inventory "
                                  "WHERE h.booking = b.id AND h.state = 1 AND d.id = b.departure) "
                                  "AND b.adults = (SELECT SUM(r.guests * r.rooms) "
                                  "FROM booking_room r WHERE r.booking = b.id)"),
                              DB_ARGS(db_id(&f->departure))),
                     bookings);
}

static void judged(test_shop_t *s, const fixture_t *f, const buyer_t *told)
{
    static const int64_t CAPS[KINDS] = {SEATS, TWINS, SINGLES};
    assert_int_equal(told->other, 0);
    assert_true(told->full > 0);
    for (size_t i = 0; i < KINDS; i++) {
        assert_int_equal(taken_of(s, f->pools[i]), told->has[i]);
        assert_true(told->has[i] <= CAPS[i]);
    }
    check_rows(s, f, told->bookings);
}

static void test_rush(void **state)
{
    test_shop_t *s = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        fixture_t f = fixture(s, SEATS, TWINS, SINGLES);
        buyer_t told = rush(s, &f, seed, seed == 1);
        judged(s, &f, &told);
        if (seed == 1) { /* nobody gave anything back: who asked for one more would have got it */
            assert_int_equal(told.has[1], TWINS);
            assert_int_equal(told.has[2], SINGLES);
        }
    }
}

/* Seats are the narrow pool; rooms taken for nothing must all come back. */
static void test_rush_on_seats(void **state)
{
    test_shop_t *s = *state;
    fixture_t f = fixture(s, 7, 99, 99);
    buyer_t told = rush(s, &f, 9, true);
    assert_int_equal(told.other, 0);
    assert_int_equal(told.has[0], 7);
    for (size_t i = 0; i < KINDS; i++) {
        assert_int_equal(taken_of(s, f.pools[i]), told.has[i]);
    }
    check_rows(s, &f, told.bookings);
}

/* Two departures share a block of rooms. */
static void test_shared_block(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    room_ask_t asks[KINDS];
    fixture_t f = fixture(s, 10, 2, 2), g = {.departure = test_departure(s, 10, 0, 0)};
    room_new(s, g.departure, 1, f.pools[1], 2);
    hold_request_t q = request(&f, &(wish_t){1, 0, 0}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    q = request(&g, &(wish_t){1, 0, 0}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    q = request(&f, &(wish_t){0, 1, 0}, asks);
    BAD(FULL, hold_take(s->writer, &s->arena, &q, &made));
    assert_int_equal(taken_of(s, f.pools[1]), 2);
}

/* The tables refuse by themselves what a fault above might ask of them. */
static void test_tables_refuse(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    room_ask_t asks[KINDS];
    fixture_t f = fixture(s, 10, 1, 1);
    hold_request_t q = request(&f, &(wish_t){1, 0, 0}, asks);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    BAD(CONFLICT, db_run(s->db, SQL("UPDATE inventory SET taken = taken + 1 WHERE id = ?1"),
                         DB_ARGS(db_id(&f.pools[1])), NULL));
    BAD(CONFLICT, db_run(s->db, SQL("UPDATE inventory SET taken = -1, held = -1 WHERE id = ?1"),
                         DB_ARGS(db_id(&f.pools[2])), NULL));
    BAD(EXISTS,
        db_run(s->db,
               SQL("INSERT INTO hold (id, booking, inventory, seats, state, expires_us, "
                   "request) SELECT ?2, booking, inventory, seats, 2, 0, request "
                   "FROM hold WHERE booking = ?1 AND inventory = ?3"),
               DB_ARGS(db_id(&made.booking), db_id(&made.booking), db_id(&f.pools[1])), NULL));
    BAD(CONFLICT, db_run(s->db, SQL("UPDATE booking_room SET rooms = 0"), DB_NO_ARGS, NULL));
    BAD(CONFLICT, db_run(s->db, SQL("UPDATE room_price SET guests = 5"), DB_NO_ARGS, NULL));
    expect(s, &f, 2, 1, 0);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_price_and_lines),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_same_form_when_full), cmocka_unit_test(test_ends_once),
        cmocka_unit_test(test_late_payment),        cmocka_unit_test(test_rush),
        cmocka_unit_test(test_rush_on_seats),       cmocka_unit_test(test_shared_block),
        cmocka_unit_test(test_tables_refuse),
    };
    return test_both("pools", cases, BASE_COUNT(cases));
}

#else

/* Negative control: compiled with hold.c's guard taken out. With the table's CHECK gone, too, rooms
 * are sold that do not exist; with it the table itself refuses, and nothing is half taken. */
static void test_unguarded_oversells(void **state)
{
    test_shop_t *s = *state;
    bool pg = db_kind(s->db) == DB_POSTGRES;
    GOOD(db_run(s->db, pg ? SQL("DROP TABLE inventory CASCADE") : SQL("DROP TABLE inventory"),
                DB_NO_ARGS, NULL));
    GOOD(db_run(s->db,
                pg ? SQL("CREATE TABLE inventory (id BYTEA PRIMARY KEY, cap BIGINT, taken BIGINT, "
                         "held BIGINT)")
                   : SQL("CREATE TABLE inventory (id BLOB PRIMARY KEY, cap INTEGER, taken INTEGER, "
                         "held INTEGER)"),
                DB_NO_ARGS, NULL));
    fixture_t f = fixture(s, SEATS, TWINS, SINGLES);
    buyer_t told = rush(s, &f, 1, true);
    assert_int_equal(told.full, 0);
    assert_true(told.has[0] > SEATS && told.has[1] > TWINS && told.has[2] > SINGLES);
}

static void test_table_refuses(void **state)
{
    test_shop_t *s = *state;
    fixture_t f = fixture(s, SEATS, TWINS, SINGLES);
    buyer_t told = rush(s, &f, 1, true);
    assert_int_equal(told.other, 0);
    assert_int_equal(told.has[1], TWINS);
    assert_int_equal(told.has[2], SINGLES);
    expect(s, &f, told.has[0], TWINS, SINGLES);
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(test_unguarded_oversells),
                                       cmocka_unit_test(test_table_refuses)};
    return test_both("pools without the guard", cases, BASE_COUNT(cases));
}

#endif
