/* Payment events: once each, in order, whatever happens between; late and double payments; and a
 * model that random schedules are held against. */
#include "outbox.h"
#include "pay_order.h"
#include "test_base.h"

static payment_effect_t apply(test_shop_t *s, const pay_event_t *e, int64_t now_us)
{
    payment_effect_t effect = 0;
    GOOD(payment_apply(s->writer, &s->arena, e, now_us, &effect));
    return effect;
}

static int64_t refunds_of(test_shop_t *s, id128_t attempt)
{
    return test_i64(s, SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 1 AND attempt = ?1"),
                    DB_ARGS(db_id(&attempt)));
}

static int64_t mails(test_shop_t *s, mail_kind_t kind)
{
    return test_i64(s, SQL("SELECT COUNT(*) FROM outbox WHERE kind = ?1"), DB_ARGS(db_i64(kind)));
}

static void test_confirm_once(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    payment_effect_t effect;
    id128_t d = test_departure(s, 10, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW), try = id_new();
    pay_event_t first = test_event(s, 1, b, try, PAY_REDIRECTED),
                paid = test_event(s, 2, b, try, PAY_CAPTURED);
    BAD(CONFLICT, payment_apply(s->writer, &s->arena, &paid, TEST_NOW, &effect)); /* a hole */
    assert_int_equal(apply(s, &first, TEST_NOW), PAYMENT_NOTED);
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_CONFIRMED);
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_SEEN_BEFORE);
    assert_int_equal(apply(s, &first, TEST_NOW), PAYMENT_SEEN_BEFORE);
    test_writer_restart(s);
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_SEEN_BEFORE);
    pay_event_t again = test_event(s, 3, b, try, PAY_CAPTURED); /* said anew with a new number */
    assert_int_equal(apply(s, &again, TEST_NOW), PAYMENT_NOTED);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 2);
    assert_int_equal(held, 0);
    assert_int_equal(test_load(s, b).state, BOOKING_CONFIRMED);
    assert_int_equal(s->records[LEDGER_BOOKING_CONFIRMED], 1);
    assert_int_equal(mails(s, MAIL_CONFIRMED), 1);
    assert_int_equal(refunds_of(s, try), 0);
}

static void test_no_record_no_confirm(void **state)
{
    test_shop_t *s = *state;
    payment_effect_t effect;
    uint64_t seen;
    id128_t b = test_awaiting(s, test_departure(s, 10, 0, 0), 2, TEST_NOW);
    pay_event_t paid = test_event(s, 1, b, id_new(), PAY_CAPTURED);
    s->refuse = true;
    BAD(NOT_RECORDED, payment_apply(s->writer, &s->arena, &paid, TEST_NOW, &effect));
    GOOD(payment_cursor(s->db, &seen));
    assert_int_equal(seen, 0);
    assert_int_equal(test_load(s, b).state, BOOKING_AWAITING_PAYMENT);
    s->refuse = false;
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_CONFIRMED);
}

static void end_hold(test_shop_t *s, int64_t now_us)
{
    size_t ended;
    GOOD(holds_expire(s->db, s->writer, &s->arena, now_us, &ended));
    assert_int_equal(ended, 1);
}

static const int64_t LATE = TEST_NOW + 3000 * CLOCK_SECOND_US;

static void test_late_with_seat(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure(s, 2, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW);
    end_hold(s, LATE);
    pay_event_t paid = test_event(s, 1, b, id_new(), PAY_CAPTURED);
    assert_int_equal(apply(s, &paid, LATE), PAYMENT_REACQUIRED);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 2);
    assert_int_equal(held, 0);
    assert_int_equal(test_load(s, b).state, BOOKING_CONFIRMED);
    assert_int_equal(s->records[LEDGER_SEAT_REACQUIRED], 1);
    assert_int_equal(mails(s, MAIL_CONFIRMED), 1);
}

static void test_late_without_seat(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure(s, 2, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW), try = id_new();
    end_hold(s, LATE);
    (void)test_booking(s, d, 1, LATE); /* somebody else has one of the two */
    pay_event_t paid = test_event(s, 1, b, try, PAY_CAPTURED);
    assert_int_equal(apply(s, &paid, LATE), PAYMENT_REFUND_LATE);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 1);
    assert_int_equal(test_load(s, b).state, BOOKING_REFUNDED_LATE);
    assert_int_equal(refunds_of(s, try), 1);
    assert_int_equal(mails(s, MAIL_REFUND_LATE), 1);
    assert_int_equal(mails(s, MAIL_CONFIRMED), 0);
    assert_int_equal(s->records[LEDGER_BOOKING_CONFIRMED], 0);
    pay_event_t back = test_event(s, 2, b, try, PAY_REFUNDED);
    assert_int_equal(apply(s, &back, LATE), PAYMENT_NOTED);
    assert_int_equal(test_load(s, b).state, BOOKING_REFUNDED_LATE);
}

static void test_late_after_closing(void **state)
{
    test_shop_t *s = *state;
    id128_t d = test_departure(s, 5, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW);
    end_hold(s, LATE);
    GOOD(db_run(s->db, SQL("UPDATE departure SET flags = 4 WHERE id = ?1"), DB_ARGS(db_id(&d)),
                NULL));
    pay_event_t paid = test_event(s, 1, b, id_new(), PAY_CAPTURED);
    assert_int_equal(apply(s, &paid, LATE), PAYMENT_REFUND_LATE);
}

static void test_cancelled_then_paid(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure(s, 5, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW), try = id_new();
    GOOD(hold_cancel(s->writer, &s->arena, b, id_new(), TEST_NOW));
    pay_event_t paid = test_event(s, 1, b, try, PAY_CAPTURED);
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_REFUND_LATE);
    assert_int_equal(refunds_of(s, try), 1);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
}

static void test_paid_twice(void **state)
{
    test_shop_t *s = *state;
    id128_t d = test_departure(s, 5, 0, 0), b = test_awaiting(s, d, 1, TEST_NOW);
    id128_t one = id_new(), two = id_new();
    pay_event_t first = test_event(s, 1, b, one, PAY_CAPTURED),
                second = test_event(s, 2, b, two, PAY_CAPTURED);
    assert_int_equal(apply(s, &first, TEST_NOW), PAYMENT_CONFIRMED);
    assert_int_equal(apply(s, &second, TEST_NOW), PAYMENT_REFUND_DOUBLE);
    assert_int_equal(refunds_of(s, one), 0);
    assert_int_equal(refunds_of(s, two), 1);
    assert_int_equal(mails(s, MAIL_REFUND_DOUBLE), 1);
    pay_event_t back = test_event(s, 3, b, two, PAY_REFUNDED);
    assert_int_equal(apply(s, &back, TEST_NOW), PAYMENT_NOTED);
    assert_int_equal(test_load(s, b).state, BOOKING_CONFIRMED);
}

static void test_money_back(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held;
    id128_t d = test_departure(s, 5, 0, 0), b = test_awaiting(s, d, 3, TEST_NOW), try = id_new();
    pay_event_t paid = test_event(s, 1, b, try, PAY_CAPTURED),
                back = test_event(s, 2, b, try, PAY_REFUNDED);
    assert_int_equal(apply(s, &paid, TEST_NOW), PAYMENT_CONFIRMED);
    assert_int_equal(apply(s, &back, TEST_NOW), PAYMENT_MONEY_BACK);
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, 0);
    assert_int_equal(test_load(s, b).state, BOOKING_REFUNDED);
}

static void test_strange(void **state)
{
    test_shop_t *s = *state;
    id128_t b = test_awaiting(s, test_departure(s, 5, 0, 0), 1, TEST_NOW), nobody = id_new();
    pay_event_t wrong = test_event(s, 1, b, id_new(), PAY_CAPTURED);
    wrong.amount_minor -= 1;
    assert_int_equal(apply(s, &wrong, TEST_NOW), PAYMENT_ALARM);
    pay_event_t yen = test_event(s, 2, b, id_new(), PAY_CAPTURED);
    memcpy(yen.currency, "USD", 3);
    assert_int_equal(apply(s, &yen, TEST_NOW), PAYMENT_ALARM);
    pay_event_t unknown = test_event(s, 3, b, id_new(), PAY_CAPTURED);
    unknown.booking = nobody;
    assert_int_equal(apply(s, &unknown, TEST_NOW), PAYMENT_ALARM);
    assert_int_equal(test_load(s, b).state, BOOKING_AWAITING_PAYMENT);
    assert_int_equal(s->records[LEDGER_ALARM], 3);
}

/* After a restore: the booking was lost, its money goes back and a person is told, once. */
static void test_lost_booking(void **state)
{
    test_shop_t *s = *state;
    int64_t orders;
    id128_t b = test_awaiting(s, test_departure(s, 5, 0, 0), 1, TEST_NOW);
    pay_event_t e = test_event(s, 1, b, id_new(), PAY_CAPTURED);
    e.booking = id_new();
    assert_int_equal(apply(s, &e, TEST_NOW), PAYMENT_ALARM);
    orders = test_i64(s,
                      SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 1 AND attempt = ?1 AND "
                          "amount = ?2 AND done = 0"),
                      DB_ARGS(db_id(&e.attempt), db_i64(e.amount_minor)));
    assert_int_equal(orders, 1);
    e.seq = 2;
    e.state = PAY_REFUNDED;
    assert_int_equal(apply(s, &e, TEST_NOW), PAYMENT_NOTED);
    assert_int_equal(s->records[LEDGER_ALARM], 1);
}

static void test_declined(void **state)
{
    test_shop_t *s = *state;
    int64_t taken, held, end;
    id128_t d = test_departure(s, 5, 0, 0), b = test_awaiting(s, d, 1, TEST_NOW);
    pay_event_t no = test_event(s, 1, b, id_new(), PAY_DECLINED);
    assert_int_equal(apply(s, &no, TEST_NOW), PAYMENT_NOTED);
    assert_int_equal(mails(s, MAIL_PAYMENT_FAILED), 1);
    test_seats(s, d, &taken, &held);
    assert_int_equal(held, 1); /* kept for another try */
    booking_t row = test_load(s, b);
    GOOD(payment_session_end(&row, TEST_NOW, &end));
    assert_true(end < row.hold_expires_us);
    assert_int_equal(end, TEST_NOW + 1800 * CLOCK_SECOND_US);
    BAD(EXPIRED, payment_session_end(&row, row.hold_expires_us - 200 * CLOCK_SECOND_US, &end));
}

/* --- random schedules against a model --------------------------------------------------------- */

enum { M_BOOKINGS = 6, M_CAP = 5, M_STEPS = 80, M_ROUNDS = 6 };

typedef struct model_booking {
    bool made;
    id128_t id, attempts[3];
    int captured; /* attempts captured so far */
    int64_t seats, hold_end;
    int state;       /* booking_state_t, as the model says */
    int64_t refunds; /* ordered, as the model says */
} model_booking_t;

typedef struct model {
    int64_t taken, held;
    model_booking_t at[M_BOOKINGS];
    uint64_t seq;
    int64_t now;
} model_t;

static uint32_t pick(uint32_t *seed, uint32_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % below;
}

static void model_make(test_shop_t *s, model_t *m, model_booking_t *b, id128_t d, uint32_t *seed)
{
    int64_t seats = 1 + pick(seed, 3);
    if (m->taken + seats > M_CAP) {
        hold_made_t made;
        hold_request_t q = test_request(d, seats, m->now);
        BAD(FULL, hold_take(s->writer, &s->arena, &q, &made));
        return;
    }
    *b = (model_booking_t){.made = true,
                           .id = test_awaiting(s, d, seats, m->now),
                           .seats = seats,
                           .hold_end = m->now + 2700 * CLOCK_SECOND_US,
                           .state = BOOKING_AWAITING_PAYMENT};
    for (size_t i = 0; i < 3; i++) {
        b->attempts[i] = id_new();
    }
    m->taken += seats;
    m->held += seats;
}

static void model_capture(test_shop_t *s, model_t *m, model_booking_t *b)
{
    pay_event_t e = test_event(s, m->seq + 1, b->id, b->attempts[b->captured], PAY_CAPTURED);
    payment_effect_t effect = apply(s, &e, m->now);
    m->seq++;
    b->captured++;
    if (b->state == BOOKING_AWAITING_PAYMENT) {
        m->held -= b->seats;
        b->state = BOOKING_CONFIRMED;
        assert_int_equal(effect, PAYMENT_CONFIRMED);
    } else if (b->state == BOOKING_EXPIRED && m->taken + b->seats <= M_CAP) {
        m->taken += b->seats;
        b->state = BOOKING_CONFIRMED;
        assert_int_equal(effect, PAYMENT_REACQUIRED);
    } else {
        b->refunds++;
        assert_int_equal(effect, b->state == BOOKING_CONFIRMED ? PAYMENT_REFUND_DOUBLE
                                                               : PAYMENT_REFUND_LATE);
        b->state = b->state == BOOKING_CONFIRMED ? BOOKING_CONFIRMED : BOOKING_REFUNDED_LATE;
    }
}

static void model_release(model_t *m, model_booking_t *b, int state)
{
    m->taken -= b->seats;
    m->held -= b->seats;
    b->state = state;
}

static void model_time(test_shop_t *s, model_t *m, uint32_t *seed)
{
    size_t ended, want = 0;
    m->now += (int64_t)pick(seed, 2000) * CLOCK_SECOND_US;
    for (size_t i = 0; i < M_BOOKINGS; i++) {
        model_booking_t *b = &m->at[i];
        if (b->made && b->state == BOOKING_AWAITING_PAYMENT && b->hold_end <= m->now) {
            model_release(m, b, BOOKING_EXPIRED);
            want++;
        }
    }
    GOOD(holds_expire(s->db, s->writer, &s->arena, m->now, &ended));
    assert_int_equal(ended, want);
}

static void model_check(test_shop_t *s, const model_t *m, id128_t d)
{
    int64_t taken, held;
    test_seats(s, d, &taken, &held);
    assert_int_equal(taken, m->taken);
    assert_int_equal(held, m->held);
    for (size_t i = 0; i < M_BOOKINGS; i++) {
        const model_booking_t *b = &m->at[i];
        if (b->made) {
            assert_int_equal(test_load(s, b->id).state, b->state);
            assert_int_equal(
                test_i64(s, SQL("SELECT COUNT(*) FROM pay_order WHERE kind = 1 AND booking = ?1"),
                         DB_ARGS(db_id(&b->id))),
                b->refunds);
        }
    }
}

static void model_step(test_shop_t *s, model_t *m, id128_t d, uint32_t *seed)
{
    model_booking_t *b = &m->at[pick(seed, M_BOOKINGS)];
    switch (pick(seed, 5)) {
    case 0:
        if (!b->made) {
            model_make(s, m, b, d, seed);
        }
        break;
    case 1:
    case 2:
        if (b->made && b->captured < 3) {
            model_capture(s, m, b);
        }
        break;
    case 3:
        model_time(s, m, seed);
        break;
    default:
        if (b->made && b->state == BOOKING_AWAITING_PAYMENT && pick(seed, 3) == 0) {
            GOOD(hold_cancel(s->writer, &s->arena, b->id, id_new(), m->now));
            model_release(m, b, BOOKING_CANCELLED);
        }
        break;
    }
}

static void test_model(void **state)
{
    test_shop_t *s = *state;
    uint32_t seed = 0x5eed1234;
    model_t m = {.now = TEST_NOW};
    for (int round = 0; round < M_ROUNDS; round++) {
        id128_t d = test_departure(s, M_CAP, 0, 0);
        m = (model_t){.now = TEST_NOW, .seq = m.seq};
        for (int i = 0; i < M_STEPS; i++) {
            model_step(s, &m, d, &seed);
            if (i % 10 == 0) {
                model_check(s, &m, d);
            }
        }
        model_check(s, &m, d);
        size_t ended; /* whatever is left is let go, so that rounds do not meet */
        GOOD(holds_expire(s->db, s->writer, &s->arena, INT64_MAX, &ended));
    }
}

/* Expiry and payment at the same moment, from two threads: one of two outcomes, never both. */
typedef struct racer {
    test_shop_t *shop;
    pay_event_t event;
    payment_effect_t effect;
    err_t result;
} racer_t;

static void *race_payment(void *arg)
{
    racer_t *r = arg;
    arena_t a;
    arena_init(&a, 1024 * 1024);
    r->result = payment_apply(r->shop->writer, &a, &r->event, LATE, &r->effect);
    arena_deinit(&a);
    return NULL;
}

static void *race_expiry(void *arg)
{
    racer_t *r = arg;
    arena_t a;
    db_t *db;
    size_t ended;
    arena_init(&a, 1024 * 1024);
    r->result = db_open(r->shop->url, &db);
    if (!err_failed(r->result)) {
        r->result = holds_expire(db, r->shop->writer, &a, LATE, &ended);
        db_close(db);
    }
    arena_deinit(&a);
    return NULL;
}

static void test_race(void **state)
{
    test_shop_t *s = *state;
    for (uint64_t i = 1; i <= 10; i++) {
        int64_t taken, held;
        pthread_t t[2];
        id128_t d = test_departure(s, 2, 0, 0), b = test_awaiting(s, d, 2, TEST_NOW);
        racer_t pay = {.shop = s, .event = test_event(s, i, b, id_new(), PAY_CAPTURED)};
        racer_t end = {.shop = s};
        assert_int_equal(pthread_create(&t[i % 2], NULL, race_payment, &pay), 0);
        assert_int_equal(pthread_create(&t[1 - i % 2], NULL, race_expiry, &end), 0);
        pthread_join(t[0], NULL);
        pthread_join(t[1], NULL);
        GOOD(pay.result);
        GOOD(end.result);
        assert_true(pay.effect == PAYMENT_CONFIRMED || pay.effect == PAYMENT_REACQUIRED);
        test_seats(s, d, &taken, &held);
        assert_int_equal(taken, 2);
        assert_int_equal(held, 0);
        assert_int_equal(test_load(s, b).state, BOOKING_CONFIRMED);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_confirm_once),
        cmocka_unit_test(test_no_record_no_confirm),
        cmocka_unit_test(test_late_with_seat),
        cmocka_unit_test(test_late_without_seat),
        cmocka_unit_test(test_late_after_closing),
        cmocka_unit_test(test_cancelled_then_paid),
        cmocka_unit_test(test_paid_twice),
        cmocka_unit_test(test_money_back),
        cmocka_unit_test(test_strange),
        cmocka_unit_test(test_lost_booking),
        cmocka_unit_test(test_declined),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_race),
    };
    return test_both("payments", cases, BASE_COUNT(cases));
}
