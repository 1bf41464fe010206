/* Cancelling out of a paid booking, on both back ends: seats, people, sums and orders agree
 * whatever the order, twice, too late and without a record; and a model that random schedules are
 * held against. */
#include "cancellation.h"
#include "outbox.h"
#include "pay_order.h"
#include "test_base.h"

typedef struct made {
    id128_t departure, booking, attempt;
} made_t;

static void traveller(test_shop_t *s, id128_t booking, int64_t n, bool child)
{
    id128_t id = id_new();
    slice_t x = SLICE("x");
    GOOD(db_run(
        s->db,
        SQL("INSERT INTO traveller (id, booking, n, child, kana_index, name, kana, birth, sex) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?5, ?5)"),
        DB_ARGS(db_id(&id), db_id(&booking), db_i64(n), db_i64(child), db_blob(x)), NULL));
}

/* A paid booking of n grown-ups. */
static made_t paid(test_shop_t *s, int64_t n, uint64_t seq)
{
    made_t m = {.departure = test_departure(s, 40, 0, 0), .attempt = id_new()};
    payment_effect_t effect;
    m.booking = test_awaiting(s, m.departure, n, TEST_NOW);
    for (int64_t i = 1; i <= n; i++) {
        traveller(s, m.booking, i, false);
    }
    pay_event_t e = test_event(s, seq, m.booking, m.attempt, PAY_CAPTURED);
    GOOD(payment_apply(s->writer, &s->arena, &e, TEST_NOW, &effect));
    assert_int_equal(effect, PAYMENT_CONFIRMED);
    return m;
}

static cancellation_t of(const made_t *m, int64_t adults, int64_t fee, int64_t refund)
{
    return (cancellation_t){.id = id_new(),
                            .booking = m->booking,
                            .request = id_new(),
                            .at_us = TEST_NOW,
                            .adults = adults,
                            .fee_yen = fee,
                            .refund_yen = refund,
                            .effective = tokyo_date(TEST_NOW),
                            .explanation = SLICE("旅行代金 × 30%\n"),
                            .rule = SLICE("D1.ro")};
}

static int64_t refund_ordered(test_shop_t *s, const made_t *m)
{
    return test_i64(
        s,
        SQL("SELECT COALESCE((SELECT amount FROM pay_order WHERE kind = 1 AND attempt = ?1), 0)"),
        DB_ARGS(db_id(&m->attempt)));
}

static int64_t taken_of(test_shop_t *s, const made_t *m)
{
    int64_t taken, held;
    test_seats(s, m->departure, &taken, &held);
    assert_int_equal(held, 0);
    return taken;
}

static void test_parts(void **state)
{
    test_shop_t *s = *state;
    made_t m = paid(s, 3, 1);
    cancel_pax_t pax[SHOP_PAX_MAX];
    cancellation_t *rows, one;
    size_t n;
    cancellation_t c = of(&m, 1, 3000, 7000);
    GOOD(cancellation_apply(s->writer, &s->arena, &c, 2)); /* the second person */
    assert_int_equal(test_load(s, m.booking).state, BOOKING_CONFIRMED);
    assert_int_equal(taken_of(s, &m), 2);
    assert_int_equal(refund_ordered(s, &m), 7000);
    GOOD(cancellation_people(s->db, &s->arena, m.booking, pax, &n));
    assert_int_equal(n, 3);
    assert_true(!pax[0].gone && pax[1].gone && !pax[2].gone);
    c = of(&m, 1, 3000, 7000);
    BAD(CONFLICT, cancellation_apply(s->writer, &s->arena, &c, 2)); /* the same person again */
    c = of(&m, 2, 6000, 14000);
    BAD(CONFLICT, cancellation_apply(s->writer, &s->arena, &c, 3)); /* or among others: nobody is */
    assert_int_equal(taken_of(s, &m), 2);
    GOOD(cancellation_apply(s->writer, &s->arena, &c, 5)); /* those who are left */
    assert_int_equal(test_load(s, m.booking).state, BOOKING_CANCELLED_PAID);
    assert_int_equal(taken_of(s, &m), 0);
    assert_int_equal(refund_ordered(s, &m), 21000); /* in all */
    BAD(CONFLICT, cancellation_apply(s->writer, &s->arena, &c, 5));
    GOOD(cancellation_list(s->db, &s->arena, m.booking, &rows, &n));
    assert_int_equal(n, 2);
    GOOD(cancellation_load(s->db, &s->arena, c.id, &one));
    assert_int_equal(one.fee_yen, 6000);
    assert_true(slice_eq(one.explanation, c.explanation));
    assert_int_equal(s->records[LEDGER_BOOKING_CANCELLED], 2);
    assert_int_equal(test_i64(s, SQL("SELECT COUNT(*) FROM outbox WHERE kind = ?1"),
                              DB_ARGS(db_i64(MAIL_CANCELLED))),
                     2);
}

static void test_refused(void **state)
{
    test_shop_t *s = *state;
    made_t m = paid(s, 2, 1);
    cancellation_t c = of(&m, 1, 0, 10000);
    BAD(RANGE, cancellation_apply(s->writer, &s->arena, &c, 0));
    BAD(RANGE, cancellation_apply(s->writer, &s->arena, &c, 3));    /* two chosen, one paid for */
    BAD(CONFLICT, cancellation_apply(s->writer, &s->arena, &c, 4)); /* nobody is there */
    c.refund_yen = -1;
    BAD(RANGE, cancellation_apply(s->writer, &s->arena, &c, 1));
    c = of(&m, 1, 0,
           INT64_C(1000000000)); /* more than was paid: our own fault, and nothing happens */
    BAD(CORRUPT, cancellation_apply(s->writer, &s->arena, &c, 1));
    c = of(&m, 1, 0, 10000);
    s->refuse = true;
    BAD(NOT_RECORDED, cancellation_apply(s->writer, &s->arena, &c, 1));
    s->refuse = false;
    assert_int_equal(taken_of(s, &m), 2);
    assert_int_equal(refund_ordered(s, &m), 0);
    id128_t unpaid = test_awaiting(s, m.departure, 1, TEST_NOW);
    traveller(s, unpaid, 1, false);
    c.booking = unpaid;
    BAD(CONFLICT, cancellation_apply(s->writer, &s->arena, &c, 1));
}

/* A fee of all of it: nothing goes back, and no order is made. */
static void test_no_refund(void **state)
{
    test_shop_t *s = *state;
    made_t m = paid(s, 1, 1);
    cancellation_t c = of(&m, 1, 10000, 0);
    GOOD(cancellation_apply(s->writer, &s->arena, &c, 1));
    assert_int_equal(refund_ordered(s, &m), 0);
    assert_int_equal(test_load(s, m.booking).state, BOOKING_CANCELLED_PAID);
}

/* Payments that are told again, or made twice, after it was cancelled. */
static void test_events_after(void **state)
{
    test_shop_t *s = *state;
    made_t m = paid(s, 1, 1);
    payment_effect_t effect;
    id128_t second = id_new();
    cancellation_t c = of(&m, 1, 3000, 7000);
    GOOD(cancellation_apply(s->writer, &s->arena, &c, 1));
    pay_event_t again = test_event(s, 2, m.booking, m.attempt, PAY_CAPTURED);
    GOOD(payment_apply(s->writer, &s->arena, &again, TEST_NOW, &effect));
    assert_int_equal(effect, PAYMENT_NOTED);
    assert_int_equal(refund_ordered(s, &m), 7000);
    pay_event_t back = test_event(s, 3, m.booking, m.attempt, PAY_REFUNDED);
    GOOD(payment_apply(s->writer, &s->arena, &back, TEST_NOW, &effect));
    assert_int_equal(effect, PAYMENT_NOTED);
    pay_event_t other = test_event(s, 4, m.booking, second, PAY_CAPTURED);
    GOOD(payment_apply(s->writer, &s->arena, &other, TEST_NOW, &effect));
    assert_int_equal(effect, PAYMENT_REFUND_LATE);
    assert_int_equal(test_load(s, m.booking).state, BOOKING_CANCELLED_PAID);
    assert_int_equal(taken_of(s, &m), 0);
}

typedef struct rival {
    test_shop_t *s;
    cancellation_t c;
    uint32_t pax;
    bool won;
} rival_t;

static void *rival_run(void *ctx)
{
    rival_t *r = ctx;
    arena_t a;
    arena_init(&a, 1024 * 1024);
    err_t e = cancellation_apply(r->s->writer, &a, &r->c, r->pax);
    r->won = !err_failed(e);
    if (err_failed(e) && !err_is(e, ERR_CONFLICT)) {
        print_message("%s\n", err_name(e.code));
    }
    arena_deinit(&a);
    return NULL;
}

/* Eight forms at once, each for all four people: one wins. */
static void test_at_once(void **state)
{
    test_shop_t *s = *state;
    made_t m = paid(s, 4, 1);
    rival_t rivals[8];
    pthread_t threads[8];
    int won = 0;
    for (size_t i = 0; i < BASE_COUNT(rivals); i++) {
        rivals[i] = (rival_t){.s = s, .c = of(&m, 4, 12000, 28000), .pax = 15};
        assert_int_equal(pthread_create(&threads[i], NULL, rival_run, &rivals[i]), 0);
    }
    for (size_t i = 0; i < BASE_COUNT(rivals); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += rivals[i].won ? 1 : 0;
    }
    assert_int_equal(won, 1);
    assert_int_equal(taken_of(s, &m), 0);
    assert_int_equal(refund_ordered(s, &m), 28000);
}

/* The fee of a booking: both prices, the tour's own table, what is out of bounds. */
static void test_quote(void **state)
{
    test_shop_t *s = *state;
    size_t line;
    cancel_quote_t q;
    tour_fees_t *fees = ARENA_NEW(&s->arena, tour_fees_t);
    date_t today = tokyo_date(TEST_NOW);
    booking_t b = {
        .adults = 2, .children = 1, .adult_price = 9999, .child_price = 5001, .total = 24999};
    departure_t d = {.day = today + 7, .start_min = 480};
    assert_non_null(fees);
    GOOD(tour_fees_load(s->db, &s->arena, s->tour, fees));
    cancel_case_t c = {.booking = &b,
                       .departure = &d,
                       .tour_days = 2,
                       .fees = fees,
                       .contract = today - 30,
                       .adults = 1,
                       .children = 1,
                       .channel = FEE_BY_WEB,
                       .request_us = TEST_NOW};
    assert_int_equal(cancellation_quote(&c, &q), FEE_SOUND);
    assert_int_equal(q.fee_yen, 2999 + 1500);
    assert_int_equal(q.refund_yen, 9999 + 5001 - 4499);
    c.adults = c.children = 0;
    assert_int_equal(cancellation_quote(&c, &q), FEE_BAD_CASE);
    c.adults = 3;
    assert_int_equal(cancellation_quote(&c, &q), FEE_BAD_CASE);
    c.adults = -1;
    c.children = 1;
    assert_int_equal(cancellation_quote(&c, &q), FEE_BAD_CASE);
    BAD(SYNTAX, tour_fees_add(s->db, &s->arena, s->tour, SLICE("nonsense"), &line));
    GOOD(tour_fees_add(s->db, &s->arena, s->tour,
                       SLICE("table a 2020-01-01 *\nrule r days 9-0 yen 100\n"), &line));
    BAD(CONFLICT, tour_fees_add(s->db, &s->arena, s->tour, SLICE("table b 2026-01-01 *\n"), &line));
    GOOD(tour_fees_add(s->db, &s->arena, s->tour, SLICE("table c * 2019-12-31\n"), &line));
    GOOD(tour_fees_load(s->db, &s->arena, s->tour, fees));
    assert_int_equal(fees->n_own, 2);
    c.adults = 2;
    assert_int_equal(cancellation_quote(&c, &q), FEE_SOUND);
    assert_int_equal(q.fee_yen, 300);
}

/* Random schedules of parts against a model of sums. */
static void test_model(void **state)
{
    test_shop_t *s = *state;
    uint32_t seed = 20261127;
    for (uint64_t round = 1; round <= 12; round++) {
        made_t m = paid(s, SHOP_PAX_MAX, round);
        uint32_t left = 255;
        int64_t back = 0;
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525U + 1013904223U;
            uint32_t pax = (seed >> 16) & 255U & (i == 11 ? left : 255U);
            if (!pax) {
                continue;
            }
            int64_t n = __builtin_popcount(pax);
            cancellation_t c = of(&m, n, 100 * n, 900 * n);
            err_t e = cancellation_apply(s->writer, &s->arena, &c, pax);
            assert_int_equal(err_failed(e), (pax & left) != pax);
            if (!err_failed(e)) {
                left &= ~pax;
                back += 900 * n;
            }
            assert_int_equal(taken_of(s, &m), __builtin_popcount(left));
            assert_int_equal(refund_ordered(s, &m), back);
            assert_int_equal(test_load(s, m.booking).state,
                             left ? BOOKING_CONFIRMED : BOOKING_CANCELLED_PAID);
        }
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_refund), cmocka_unit_test(test_events_after),
        cmocka_unit_test(test_at_once),   cmocka_unit_test(test_quote),
        cmocka_unit_test(test_model),
    };
    return test_both("shop cancellation", cases, BASE_COUNT(cases));
}
