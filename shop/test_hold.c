/* Seats: no number of buyers sells one twice; the same form is one booking; holds end once. */
#include "test_base.h"

enum { THREADS = 64, CAP = 40, ROUNDS = 3, TRIES = 3 };

typedef struct buyer {
    test_shop_t *shop;
    id128_t departure;
    pthread_barrier_t *gate;
    int64_t got, full, other;
} buyer_t;

static void *buy(void *arg)
{
    buyer_t *b = arg;
    arena_t a;
    arena_init(&a, 4 * 1024 * 1024);
    pthread_barrier_wait(b->gate);
    for (int i = 0; i < TRIES; i++) {
        hold_made_t made;
        hold_request_t q = test_request(b->departure, 1, TEST_NOW);
        err_t e = hold_take(b->shop->writer, &a, &q, &made);
        b->got += !err_failed(e);
        b->full += err_is(e, ERR_FULL);
        b->other += err_failed(e) && !err_is(e, ERR_FULL);
    }
    arena_deinit(&a);
    return NULL;
}

/* 64 buyers at once, three tries each, on CAP seats; how many got one. */
static int64_t rush(test_shop_t *s, id128_t departure, int64_t *ret_other)
{
    pthread_t threads[THREADS];
    buyer_t buyers[THREADS];
    pthread_barrier_t gate;
    int64_t got = 0;
    *ret_other = 0;
    pthread_barrier_init(&gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        buyers[i] = (buyer_t){.shop = s, .departure = departure, .gate = &gate};
        assert_int_equal(pthread_create(&threads[i], NULL, buy, &buyers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        got += buyers[i].got;
        *ret_other += buyers[i].other;
    }
    pthread_barrier_destroy(&gate);
    return got;
}

#ifndef SHOP_HOLD_UNGUARDED

static void test_rush(void **state)
{
    test_shop_t *s = *state;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t other, taken, held;
        id128_t d = test_departure(s, CAP, 0, 0);
        assert_int_equal(rush(s, d, &other), CAP);
        assert_int_equal(other, 0);
        test_seats(s, d, &taken, &held);
        assert_int_equal(taken, CAP);
        assert_int_equal(held, CAP);
    }
    assert_int_equal(s->records[LEDGER_BOOKING_CREATED], CAP * ROUNDS);
    assert_int_equal(s->records[LEDGER_HOLD_TAKEN], CAP * ROUNDS);
    writer_counts_t c = writer_counts(s->writer);
    assert_true(c.batches < c.jobs); /* commits were shared */
}

/* Two processes (two writers) on one database. */
static void test_two_writers(void **state)
{
    test_shop_t *s = *state, other = *s;
    int64_t a_other, b_other, taken, held;
    id128_t d = test_departure(s, CAP, 0, 0);
    GOOD(writer_start(s->url, &s->way, &other.writer));
    int64_t got = rush(s, d, &a_other) + rush(&other, d, &b_other);
    writer_stop(other.writer);
    assert_int_equal(got, CAP);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, CAP);
}

static void test_same_form(void **state)
{
    test_shop_t *s = *state;
    hold_made_t first, second;
    int64_t taken, held;
    id128_t d = test_departure(s, 10, 0, 0);
    hold_request_t q = test_request(d, 3, TEST_NOW);
    GOOD(hold_take(s->writer, &s->arena, &q, &first));
    GOOD(hold_take(s->writer, &s->arena, &q, &second));
    assert_false(first.existed);
    assert_true(second.existed);
    assert_true(id_eq(first.booking, second.booking));
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 3);
    booking_t b = test_load(s, first.booking), again;
    slice_t number;
    GOOD(booking_number(&s->arena, &b, &number));
    assert_int_equal(number.len, SHOP_CODE_TEXT);
    GOOD(booking_by_number(s->db, &s->arena, number, &again));
    assert_true(id_eq(again.id, b.id));
    assert_int_equal(b.total, 30000);
    /* also when its own seats were the last ones, and when the departure is closed meanwhile */
    d = test_departure(s, 3, 0, 0);
    q = test_request(d, 3, TEST_NOW);
    GOOD(hold_take(s->writer, &s->arena, &q, &first));
    GOOD(hold_take(s->writer, &s->arena, &q, &second));
    assert_true(second.existed && id_eq(first.booking, second.booking));
    q.now_us += 56 * CLOCK_DAY_US;
    GOOD(hold_take(s->writer, &s->arena, &q, &second));
    assert_true(second.existed && id_eq(first.booking, second.booking));
    q = test_request(d, 1, TEST_NOW);
    BAD(FULL, hold_take(s->writer, &s->arena, &q, &second));
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 3);
    BAD(NOT_FOUND, booking_by_number(s->db, &s->arena, SLICE("SKS-BBBB-BBBB"), &again));
    BAD(SYNTAX, booking_by_number(s->db, &s->arena, SLICE("SKS-1234-5678"), &again));
}

static void test_refusals(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    hold_request_t q = test_request(test_departure(s, 10, 8, 0), 3, TEST_NOW);
    BAD(FULL, hold_take(s->writer, &s->arena, &q, &made));
    q = test_request(test_departure(s, 10, 10, SHOP_FLAG_WAITLIST), 1, TEST_NOW);
    BAD(FULL, hold_take(s->writer, &s->arena, &q, &made));
    q = test_request(test_departure(s, 10, 0, SHOP_FLAG_CLOSED), 1, TEST_NOW);
    BAD(CONFLICT, hold_take(s->writer, &s->arena, &q, &made));
    q = test_request(test_departure(s, 10, 0, 0), 1, TEST_NOW + 56 * CLOCK_DAY_US);
    BAD(CONFLICT, hold_take(s->writer, &s->arena, &q, &made)); /* past the deadline */
    q = test_request(test_departure(s, 99, 0, 0), SHOP_PAX_MAX + 1, TEST_NOW);
    BAD(RANGE, hold_take(s->writer, &s->arena, &q, &made));
    q = test_request(id_new(), 1, TEST_NOW);
    BAD(NOT_FOUND, hold_take(s->writer, &s->arena, &q, &made));
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM booking"), DB_NO_ARGS), 0);
    assert_int_equal(s->records[LEDGER_BOOKING_CREATED], 0);
}

static void test_no_record_no_hold(void **state)
{
    test_shop_t *s = *state;
    hold_made_t made;
    int64_t taken, held;
    id128_t d = test_departure(s, 10, 0, 0);
    hold_request_t q = test_request(d, 2, TEST_NOW);
    s->refuse = true;
    BAD(NOT_RECORDED, hold_take(s->writer, &s->arena, &q, &made));
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM booking"), DB_NO_ARGS), 0);
    s->refuse = false;
    GOOD(hold_take(s->writer, &s->arena, &q, &made)); /* the same form, when the record is back */
    assert_false(made.existed);
}

/* In one batch, a job that needs no record goes on while one that needs it is refused. */
static err_t slow_job(job_t *job, db_t *db)
{
    (void)db;
    struct timespec t = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&t, NULL);
    *(int *)job->ctx += 1;
    return OK;
}

static err_t touch_job(job_t *job, db_t *db)
{
    return db_run(db, SQL("UPDATE pay_cursor SET seq = ?1 WHERE one = 1"),
                  DB_ARGS(db_i64(*(int64_t *)job->ctx)), NULL);
}

typedef struct side {
    test_shop_t *shop;
    err_t result;
    int64_t value;
    id128_t departure;
} side_t;

static void *run_slow(void *arg)
{
    side_t *x = arg;
    int n = 0;
    x->result = writer_run(x->shop->writer, NULL, slow_job, &n);
    return NULL;
}

static void *run_touch(void *arg)
{
    side_t *x = arg;
    x->result = writer_run(x->shop->writer, NULL, touch_job, &x->value);
    return NULL;
}

static void *run_hold(void *arg)
{
    side_t *x = arg;
    arena_t a;
    hold_made_t made;
    arena_init(&a, 1024 * 1024);
    hold_request_t q = test_request(x->departure, 1, TEST_NOW);
    x->result = hold_take(x->shop->writer, &a, &q, &made);
    arena_deinit(&a);
    return NULL;
}

static void test_mixed_batch(void **state)
{
    test_shop_t *s = *state;
    side_t sides[3] = {{.shop = s}, {.shop = s, .value = 41}, {.shop = s}};
    void *(*const runs[3])(void *) = {run_slow, run_touch, run_hold};
    pthread_t t[3];
    sides[2].departure = test_departure(s, 5, 0, 0);
    s->refuse = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, runs[i], &sides[i]), 0);
        struct timespec gap = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&gap, NULL); /* the slow one is at work, the others meet in the next batch */
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
    }
    GOOD(sides[0].result);
    GOOD(sides[1].result);
    BAD(NOT_RECORDED, sides[2].result);
    assert_int_equal(test_i64(s, SQL("SELECT seq FROM pay_cursor WHERE one = 1"), DB_NO_ARGS), 41);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM booking"), DB_NO_ARGS), 0);
}

static void test_expire(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    size_t ended;
    id128_t d = test_departure(s, 10, 0, 0);
    id128_t b = test_booking(s, d, 2, TEST_NOW);
    int64_t end = TEST_NOW + 2700 * CLOCK_SECOND_US;
    GOOD(holds_expire(s->db, s->writer, &s->arena, end - 1, &ended));
    assert_int_equal(ended, 0);
    GOOD(holds_expire(s->db, s->writer, &s->arena, end, &ended));
    assert_int_equal(ended, 1);
    GOOD(holds_expire(s->db, s->writer, &s->arena, end, &ended));
    assert_int_equal(ended, 0);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
    assert_int_equal(test_load(s, b).state, BOOKING_EXPIRED);
    BAD(CONFLICT, hold_cancel(s->writer, &s->arena, b, id_new(), end));
    assert_int_equal(s->records[LEDGER_HOLD_ENDED], 1);
    assert_int_equal(s->records[LEDGER_MAIL_QUEUED], 1);
}

static void test_cancel(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure(s, 10, 4, 0), b = test_awaiting(s, d, 2, TEST_NOW), try = id_new();
    booking_t row = test_load(s, b);
    GOOD(payment_attempt_store(s->writer, &s->arena, &row, try, id_new(), TEST_NOW));
    GOOD(hold_cancel(s->writer, &s->arena, b, id_new(), TEST_NOW));
    BAD(CONFLICT, hold_cancel(s->writer, &s->arena, b, id_new(), TEST_NOW));
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 4);
    assert_int_equal(test_load(s, b).state, BOOKING_CANCELLED);
    assert_int_equal(s->records[LEDGER_BOOKING_CANCELLED], 1);
    /* the open attempt is called back at payd */
    assert_int_equal(test_i64(s,
                              SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 2 AND attempt = ?1"),
                              DB_ARGS(db_id(&try))),
                     1);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_rush),        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_same_form),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_expire),      cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_mixed_batch), cmocka_unit_test(test_no_record_no_hold),
    };
    return test_both("holds", cases, BASE_COUNT(cases));
}

#else

/* Negative control: this program is compiled with hold.c's guard taken out. Without the table's
 * CHECK it oversells, so the test above can fail; with it the table itself refuses. */
static void test_unguarded_oversells(void **state)
{
    test_shop_t *s = *state;
    int64_t other;
    bool pg = db_kind(s->db) == DB_POSTGRES;
    GOOD(db_run(s->db, pg ? SQL("DROP TABLE inventory CASCADE") : SQL("DROP TABLE inventory"),
                DB_NO_ARGS, NULL));
    GOOD(db_run(s->db,
                pg ? SQL("CREATE TABLE inventory (id BYTEA PRIMARY KEY, cap BIGINT, taken BIGINT, "
                         "held BIGINT)")
                   : SQL("CREATE TABLE inventory (id BLOB PRIMARY KEY, cap INTEGER, taken INTEGER, "
                         "held INTEGER)"),
                DB_NO_ARGS, NULL));
    assert_int_equal(rush(s, test_departure(s, CAP, 0, 0), &other), THREADS * TRIES);
}

static void test_table_refuses(void **state)
{
    test_shop_t *s = *state;
    int64_t other, taken, held;
    id128_t d = test_departure(s, CAP, 0, 0);
    assert_int_equal(rush(s, d, &other), CAP);
    assert_int_equal(other, 0);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, CAP);
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(test_unguarded_oversells),
                                       cmocka_unit_test(test_table_refuses)};
    return test_both("holds without the guard", cases, BASE_COUNT(cases));
}

#endif
