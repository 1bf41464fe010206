/* The minimum at its deadline: decided once, whoever asks; everybody told, every yen ordered back,
 * every seat free again, whatever happens in between. */
#include "decision.h"
#include "outbox.h"
#include "test_base.h"

static int64_t flags_of(test_shop_t *s, id128_t departure)
{
    return test_i64(s, SQL("SELECT flags FROM departure WHERE id = ?1"),
                    DB_ARGS(db_id(&departure)));
}

static int64_t decisions(test_shop_t *s, id128_t departure, int64_t kind)
{
    return test_i64(s, SQL("SELECT COUNT(*) FROM decision WHERE departure = ?1 AND kind = ?2"),
                    DB_ARGS(db_id(&departure), db_i64(kind)));
}

static int64_t letters(test_shop_t *s, int64_t kind)
{
    return test_i64(s, SQL("SELECT COUNT(*) FROM outbox WHERE kind = ?1"), DB_ARGS(db_i64(kind)));
}

static uint64_t next_seq(test_shop_t *s)
{
    return (uint64_t)test_i64(s, SQL("SELECT seq + 1 FROM pay_cursor"), DB_NO_ARGS);
}

static payment_effect_t pay(test_shop_t *s, id128_t booking, id128_t attempt, pay_state_t state,
                            int64_t now_us)
{
    payment_effect_t effect = 0;
    pay_event_t e = test_event(s, next_seq(s), booking, attempt, state);
    GOOD(payment_apply(s->writer, &s->arena, &e, now_us, &effect));
    return effect;
}

static id128_t paid(test_shop_t *s, id128_t departure, int64_t adults)
{
    id128_t b = test_awaiting(s, departure, adults, TEST_NOW);
    assert_int_equal(pay(s, b, id_new(), PAY_CAPTURED, TEST_NOW), PAYMENT_CONFIRMED);
    return b;
}

static void decide(test_shop_t *s, int64_t now_us, size_t want)
{
    size_t n = 99;
    GOOD(decisions_due(s->db, s->writer, &s->arena, now_us, &n));
    assert_int_equal(n, want);
}

/* Until nothing is left to do. */
static void follow(test_shop_t *s)
{
    for (int i = 0; i < 50; i++) {
        size_t n;
        GOOD(decisions_work(s->db, s->writer, &s->arena, TEST_DECIDE, &n));
        if (test_i64(s, SQL("SELECT COUNT(*) FROM decision WHERE done = 0"), DB_NO_ARGS) == 0) {
            return;
        }
    }
    fail_msg("it does not end");
}

/* The first traveller alone is taken; the tenth decides. It stays decided when people leave. */
static void test_reached(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure_undecided(s, 40, 0);
    id128_t first = paid(s, d, 1);
    assert_int_equal(test_load(s, first).state, BOOKING_CONFIRMED);
    (void)paid(s, d, 8);
    assert_int_equal(flags_of(s, d), 0);
    id128_t held_only = test_booking(s, d, 1, TEST_NOW); /* who only holds does not count */
    decide(s, TEST_DECIDE - 1, 0);
    assert_int_equal(flags_of(s, d), 0);
    GOOD(hold_cancel(s->writer, &s->arena, held_only, id_new(), TEST_NOW));
    (void)paid(s, d, 1);
    assert_int_equal(flags_of(s, d), SHOP_FLAG_DECIDED);
    assert_int_equal(decisions(s, d, DECISION_RUNS), 1);
    assert_int_equal(s->records[LEDGER_DEPARTURE_DECIDED], 1);
    (void)paid(s, d, 2); /* not decided again */
    assert_int_equal(s->records[LEDGER_DEPARTURE_DECIDED], 1);
    follow(s);
    assert_int_equal(letters(s, MAIL_RUNS), 4);
    id128_t attempt = test_load(s, first).paid_attempt;
    assert_int_equal(pay(s, first, attempt, PAY_REFUNDED, TEST_NOW), PAYMENT_MONEY_BACK);
    decide(s, TEST_DECIDE, 0);
    assert_int_equal(flags_of(s, d), SHOP_FLAG_DECIDED);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 11);
}

static void test_called_off(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    hold_made_t made;
    id128_t d = test_departure_undecided(s, 40, 0), other = test_departure(s, 40, 0, 0);
    id128_t a = paid(s, d, 2), b = paid(s, d, 7), stays = paid(s, other, 1);
    id128_t open = test_awaiting(s, d, 3, TEST_NOW), try = id_new();
    booking_t row = test_load(s, open);
    GOOD(payment_attempt_store(s->writer, &s->arena, &row, try, id_new(), TEST_NOW));
    hold_request_t q = test_request(d, 1, TEST_NOW); /* a draft: nobody to write to */
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    decide(s, TEST_DECIDE, 1);
    decide(s, TEST_DECIDE, 0);
    assert_int_equal(decisions(s, d, DECISION_CALLED_OFF), 1);
    assert_int_equal(flags_of(s, d), SHOP_FLAG_CALLED_OFF | SHOP_FLAG_CLOSED);
    assert_int_equal(test_i64(s, SQL("SELECT sold FROM decision"), DB_NO_ARGS), 9);
    /* nobody new, even before the bookings were gone through */
    q = test_request(d, 1, TEST_NOW);
    BAD(CONFLICT, hold_take(s->writer, &s->arena, &q, &made));
    follow(s);
    follow(s);
    const id128_t gone[] = {a, b, open};
    for (size_t i = 0; i < BASE_COUNT(gone); i++) {
        assert_int_equal(test_load(s, gone[i]).state, BOOKING_CALLED_OFF);
    }
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
    assert_int_equal(letters(s, MAIL_CALLED_OFF_PAID), 2);
    assert_int_equal(letters(s, MAIL_CALLED_OFF), 1);
    assert_int_equal(
        test_i64(s, SQL("SELECT CAST(SUM(amount) AS BIGINT) FROM pay_order WHERE kind = 1"),
                 DB_NO_ARGS),
        9 * 10000);
    assert_int_equal(test_i64(s,
                              SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 2 AND attempt = ?1"),
                              DB_ARGS(db_id(&try))),
                     1);
    assert_int_equal(test_load(s, stays).state, BOOKING_CONFIRMED);
    assert_int_equal(s->records[LEDGER_DEPARTURE_DECIDED], 1);
    /* the refund arrives: nothing is given up twice */
    id128_t attempt = test_load(s, a).paid_attempt;
    assert_int_equal(pay(s, a, attempt, PAY_REFUNDED, TEST_DECIDE), PAYMENT_NOTED);
    assert_int_equal(test_load(s, a).state, BOOKING_CALLED_OFF);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
}

/* Money that was under way at that moment, in each order, goes back. */
static void test_money_under_way(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    size_t ended;
    id128_t d = test_departure_undecided(s, 40, 0);
    id128_t before = test_awaiting(s, d, 1, TEST_NOW), after = test_awaiting(s, d, 2, TEST_NOW);
    id128_t lapsed = test_awaiting(s, d, 3, TEST_NOW - 2700 * CLOCK_SECOND_US);
    GOOD(holds_expire(s->db, s->writer, &s->arena, TEST_NOW, &ended));
    assert_int_equal(ended, 1);
    decide(s, TEST_DECIDE, 1);
    /* captured between the decision and its execution: confirmed for a moment, then called off */
    (void)pay(s, before, id_new(), PAY_CAPTURED, TEST_NOW);
    follow(s);
    assert_int_equal(test_load(s, before).state, BOOKING_CALLED_OFF);
    assert_int_equal(pay(s, after, id_new(), PAY_CAPTURED, TEST_DECIDE), PAYMENT_REFUND_LATE);
    assert_int_equal(test_load(s, after).state, BOOKING_CALLED_OFF);
    assert_int_equal(pay(s, lapsed, id_new(), PAY_CAPTURED, TEST_DECIDE), PAYMENT_REFUND_LATE);
    assert_int_equal(
        test_i64(s, SQL("SELECT CAST(SUM(amount) AS BIGINT) FROM pay_order WHERE kind = 1"),
                 DB_NO_ARGS),
        6 * 10000);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
}

static void test_left_alone(void **state)
{
    test_shop_t *s = *state;
    id128_t by_hand = test_departure(s, 40, 0, 0);
    id128_t decided = test_departure(s, 40, 0, SHOP_FLAG_DECIDED);
    (void)paid(s, by_hand, 8);
    (void)paid(s, by_hand, 8);
    GOOD(db_run(s->db, SQL("UPDATE departure SET decide_us = ?2 WHERE id = ?1"),
                DB_ARGS(db_id(&decided), db_i64(1)), NULL));
    decide(s, TEST_DECIDE + 400 * CLOCK_DAY_US, 0);
    assert_int_equal(flags_of(s, by_hand), 0);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM decision"), DB_NO_ARGS), 0);
}

/* No record, no decision; and the tables refuse a decision against the numbers. */
static void test_record_and_table(void **state)
{
    test_shop_t *s = *state;
    size_t n;
    id128_t d = test_departure_undecided(s, 40, 0), full = test_departure_undecided(s, 40, 40);
    s->refuse = true;
    BAD(NOT_RECORDED, decisions_due(s->db, s->writer, &s->arena, TEST_DECIDE, &n));
    assert_int_equal(flags_of(s, d), 0);
    s->refuse = false;
    decide(s, TEST_DECIDE, 2);
    assert_int_equal(decisions(s, d, DECISION_CALLED_OFF), 1);
    assert_int_equal(decisions(s, full, DECISION_RUNS), 1);
    BAD(CONFLICT, db_run(s->db, SQL("UPDATE decision SET kind = 2 WHERE departure = ?1"),
                         DB_ARGS(db_id(&full)), NULL));
}

/* ---- at the same moment, and after a kill ---- */

enum { WORKERS = 8, MANY = 30 };

typedef struct worker {
    test_shop_t *shop;
    writer_t *writer;
    pthread_barrier_t *gate;
    size_t decided;
    int64_t failures;
} worker_t;

static void *work(void *arg)
{
    worker_t *w = arg;
    arena_t a;
    db_t *db = NULL;
    arena_init(&a, 64 * 1024 * 1024);
    w->failures += err_failed(db_open(w->shop->url, &db));
    pthread_barrier_wait(w->gate);
    for (int i = 0; i < 12 && db; i++) {
        size_t n = 0;
        w->failures += err_failed(decisions_due(db, w->writer, &a, TEST_DECIDE, &n));
        w->decided += n;
        w->failures += err_failed(decisions_work(db, w->writer, &a, TEST_DECIDE, &n));
    }
    db_close(db);
    arena_deinit(&a);
    return NULL;
}

/* Eight rounds at once over one writer; it is stopped and started in between, as after a kill. */
static void test_at_once(void **state)
{
    test_shop_t *s = *state;
    worker_t workers[WORKERS];
    pthread_t threads[WORKERS];
    pthread_barrier_t gate;
    int64_t taken, held, people = 0;
    id128_t d = test_departure_undecided(s, 400, 0);
    GOOD(db_run(s->db, SQL("UPDATE departure SET min_pax = 300"), DB_NO_ARGS, NULL));
    for (int64_t i = 0; i < MANY; i++) {
        (void)paid(s, d, 1 + i % 4);
        people += 1 + i % 4;
    }
    decide(s, TEST_DECIDE, 1);
    test_writer_restart(s);
    pthread_barrier_init(&gate, NULL, WORKERS);
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker_t){.shop = s, .writer = s->writer, .gate = &gate};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failures, 0);
        assert_int_equal(workers[i].decided, 0);
    }
    pthread_barrier_destroy(&gate);
    follow(s);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
    assert_int_equal(letters(s, MAIL_CALLED_OFF_PAID), MANY);
    assert_int_equal(s->records[LEDGER_DEPARTURE_DECIDED], 1);
    assert_int_equal(s->records[LEDGER_BOOKING_CANCELLED], MANY);
    assert_int_equal(
        test_i64(s, SQL("SELECT CAST(SUM(amount) AS BIGINT) FROM pay_order WHERE kind = 1"),
                 DB_NO_ARGS),
        people * 10000);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 1"), DB_NO_ARGS),
                     MANY);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_reached),          cmocka_unit_test(test_called_off),
        cmocka_unit_test(test_money_under_way),  cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_record_and_table), cmocka_unit_test(test_at_once),
    };
    return test_both("decisions", cases, BASE_COUNT(cases));
}
