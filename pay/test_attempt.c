/* Every state with every fact, the rules that the table must keep, its picture, the schedule of
 * looks, turns. */
#include "base/test.h"

#include <pthread.h>

#include "attempt.h"
#include "base/clock.h"
#include "turns.h"

enum { N = PAY_UNKNOWN + 1 };
static const char *readme;

static void money_that_moved_wins(void **state)
{
    for (unsigned s = PAY_CREATED; s < N; s++) {
        bool back = s == PAY_REFUNDED;
        assert_int_equal(pay_attempt_next(s, PAY_FACT_CAPTURED),
                         back ? PAY_REFUNDED : PAY_CAPTURED);
        assert_int_equal(pay_attempt_next(s, PAY_FACT_REFUNDED), PAY_REFUNDED);
        if (s != PAY_CAPTURED && !back) {
            assert_int_equal(pay_attempt_next(s, PAY_FACT_AUTHORIZED), PAY_AUTHORIZED);
        }
    }
}

static void nothing_but_a_refund_undoes_a_capture(void **state)
{
    for (unsigned f = 0; f < PAY_FACT_COUNT; f++) {
        pay_state_t want = f == PAY_FACT_REFUNDED ? PAY_REFUNDED : PAY_CAPTURED;
        assert_int_equal(pay_attempt_next(PAY_CAPTURED, f), want);
        assert_int_equal(pay_attempt_next(PAY_REFUNDED, f), PAY_REFUNDED);
    }
}

static void no_end_is_undone_without_money(void **state)
{
    static const pay_state_t ENDS[] = {PAY_DECLINED, PAY_ABANDONED, PAY_EXPIRED};
    for (size_t i = 0; i < BASE_COUNT(ENDS); i++) {
        for (unsigned f = 0; f < PAY_FACT_COUNT; f++) {
            pay_state_t next = pay_attempt_next(ENDS[i], f);
            assert_true(pay_fact_is_money(f) || pay_state_final(next));
            assert_false(pay_state_open(next)); /* the one live attempt stays one */
        }
    }
}

/* All 72 cells, as the README's picture shows them. */
static void whole_table(void **state)
{
    /* clang-format off */
    static const char *const WANT[N] = { /* PAGE NO AUTH CAPT FAIL CANC EXP REF; one letter each */
        [PAY_CREATED] = "RUTCDAER", [PAY_REDIRECTED] = "RRTCDAER", [PAY_AUTHORIZED] = "TTTCDAER",
        [PAY_CAPTURED] = "CCCCCCCR", [PAY_DECLINED] = "DDTCDAER", [PAY_ABANDONED] = "AATCAAAR",
        [PAY_EXPIRED] = "EETCEEER", [PAY_REFUNDED] = "RRRRRRRR", [PAY_UNKNOWN] = "RUTCDAER"};
    /* clang-format on */
    for (unsigned s = PAY_CREATED; s < N; s++) {
        for (unsigned f = 0; f < PAY_FACT_COUNT; f++) {
            char c = WANT[s][f];
            pay_state_t want = c == 'U'                                        ? PAY_UNKNOWN
                               : c == 'T'                                      ? PAY_AUTHORIZED
                               : c == 'C'                                      ? PAY_CAPTURED
                               : c == 'D'                                      ? PAY_DECLINED
                               : c == 'A'                                      ? PAY_ABANDONED
                               : c == 'E'                                      ? PAY_EXPIRED
                               : (f == PAY_FACT_REFUNDED || s == PAY_REFUNDED) ? PAY_REFUNDED
                                                                               : PAY_REDIRECTED;
            assert_int_equal(pay_attempt_next(s, f), want);
        }
    }
}

static void any_order_converges(void **state)
{
    uint64_t seed = 7;
    for (int run = 0; run < 20000; run++) {
        pay_state_t s = PAY_CREATED;
        bool captured = false, refunded = false;
        for (int i = 0; i < 12; i++) {
            pay_fact_t f = (pay_fact_t)(test_random(&seed) % PAY_FACT_COUNT);
            captured |= f == PAY_FACT_CAPTURED;
            refunded |= f == PAY_FACT_REFUNDED;
            s = pay_attempt_next(s, f);
            assert_int_equal(pay_attempt_next(s, f), s); /* a repetition changes nothing */
        }
        assert_true(!refunded || s == PAY_REFUNDED);
        assert_true(refunded || !captured || s == PAY_CAPTURED);
        assert_true(captured || s != PAY_CAPTURED);
    }
}

static void picture_is_the_table(void **state)
{
    static uint8_t mem[16384];
    buf_t b = BUF_ON_ARRAY(mem);
    size_t arrows = 0, want = 0;
    pay_attempt_draw(&b);
    assert_ok(buf_check(&b));
    for (size_t i = 0; i + 2 <= b.len; i++) {
        arrows += memcmp(b.ptr + i, "->", 2) == 0;
    }
    for (unsigned s = PAY_CREATED; s < N; s++) {
        for (unsigned f = 0; f < PAY_FACT_COUNT; f++) {
            want += pay_attempt_next(s, f) != s;
        }
    }
    assert_int_equal(arrows, want);
    assert_true(slice_find(buf_slice(&b), SLICE("ABANDONED -> CAPTURED [label=\"captured\"]")) !=
                SIZE_MAX);
    assert_true(slice_find(buf_slice(&b), SLICE("REFUNDED ->")) == SIZE_MAX);
}

/* The README shows the machine that runs. */
static void readme_shows_it(void **state)
{
    static uint8_t mem[16384], text[65536];
    buf_t b = BUF_ON_ARRAY(mem);
    FILE *f = fopen(readme, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    pay_attempt_draw(&b);
    assert_true(slice_find(slice_make(text, len), buf_slice(&b)) != SIZE_MAX);
}

static void names_never_null(void **state)
{
    for (unsigned i = 0; i < 300; i++) {
        assert_non_null(pay_fact_name(i));
        assert_non_null(pay_state_name(i));
    }
    assert_string_equal(pay_fact_name(PAY_FACT_COUNT), "unknown");
    assert_false(pay_state_final(PAY_CAPTURED)); /* a refund may follow */
}

static int64_t after_s(pay_state_t s, int64_t looks, bool busy, int64_t expires_s)
{
    int64_t at = pay_look_next_us(s, looks, busy, expires_s * CLOCK_SECOND_US, 0);
    return at == INT64_MAX ? -1 : at / CLOCK_SECOND_US;
}

static void looks_are_scheduled(void **state)
{
    static const int64_t OPEN[] = {15, 30, 60, 120, 240, 300, 300, 300};
    static const int64_t ENDED[] = {600, 3600, 21600, 86400, 86400};
    for (size_t i = 0; i < BASE_COUNT(OPEN); i++) {
        assert_int_equal(after_s(PAY_REDIRECTED, (int64_t)i, false, 0), OPEN[i]);
        assert_int_equal(after_s(PAY_CAPTURED, (int64_t)i, true, 0), OPEN[i]); /* refund due */
    }
    for (size_t i = 0; i < BASE_COUNT(ENDED); i++) {
        assert_int_equal(after_s(PAY_CAPTURED, (int64_t)i, false, 0), ENDED[i]);
    }
    assert_int_equal(after_s(PAY_REFUNDED, 0, false, 0), -1);
    assert_int_equal(after_s(PAY_EXPIRED, 0, false, -2 * 86400 - 1), -1); /* long over */
    assert_int_equal(after_s(PAY_REDIRECTED, 9, false, -30 * 86400),
                     300); /* open: never given up */
    assert_int_equal(after_s(PAY_CREATED, INT64_MAX, false, 0), 300);
    assert_int_equal(after_s(PAY_CREATED, -1, false, 0), 15);
}

/* ---- turns ---- */

typedef struct racer {
    turns_t *turns;
    id128_t booking;
    int *inside, *worst;
} racer_t;

static void *race(void *arg)
{
    racer_t *r = arg;
    for (int i = 0; i < 200; i++) {
        TURN_SCOPED turn_t turn = {0};
        if (err_failed(turns_take(r->turns, r->booking, 10000, &turn))) {
            return NULL;
        }
        int now = __atomic_add_fetch(r->inside, 1, __ATOMIC_SEQ_CST);
        if (now > 1) {
            __atomic_store_n(r->worst, now, __ATOMIC_SEQ_CST);
        }
        __atomic_sub_fetch(r->inside, 1, __ATOMIC_SEQ_CST);
    }
    return r;
}

static void one_at_a_time_per_booking(void **state)
{
    turns_t turns;
    pthread_t threads[32];
    racer_t r[32];
    id128_t bookings[2] = {id_new(), id_new()};
    int inside[2] = {0}, worst = 1;
    turns_init(&turns);
    for (size_t i = 0; i < 32; i++) {
        r[i] = (racer_t){&turns, bookings[i % 2], &inside[i % 2], &worst};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &r[i]), 0);
    }
    for (size_t i = 0; i < 32; i++) {
        void *done;
        pthread_join(threads[i], &done);
        assert_non_null(done);
    }
    assert_int_equal(worst, 1);
    turns_deinit(&turns);
}

static void waiting_has_an_end(void **state)
{
    turns_t turns;
    turn_t first = {0}, second = {0};
    turns_init(&turns);
    id128_t booking = id_new();
    assert_ok(turns_take(&turns, booking, 0, &first));
    assert_err(turns_take(&turns, booking, 20, &second), ERR_TIMEOUT);
    turns_give(&second); /* was not taken: nothing happens */
    turns_give(&first);
    assert_ok(turns_take(&turns, booking, 0, &second));
    turns_give(&second);
    turns_deinit(&turns);
}

static void places_are_bounded(void **state)
{
    turns_t turns;
    turn_t taken[TURNS_AT_ONCE] = {0}, more = {0};
    turns_init(&turns);
    for (size_t i = 0; i < TURNS_AT_ONCE; i++) {
        assert_ok(turns_take(&turns, id_new(), 0, &taken[i]));
    }
    assert_err(turns_take(&turns, id_new(), 10, &more), ERR_TIMEOUT);
    turns_give(&taken[5]);
    assert_ok(turns_take(&turns, id_new(), 0, &more));
    turns_give(&more);
    for (size_t i = 0; i < TURNS_AT_ONCE; i++) {
        turns_give(&taken[i]);
    }
    turns_deinit(&turns);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_that_moved_wins),
        cmocka_unit_test(nothing_but_a_refund_undoes_a_capture),
        cmocka_unit_test(no_end_is_undone_without_money),
        cmocka_unit_test(whole_table),
        cmocka_unit_test(any_order_converges),
        cmocka_unit_test(picture_is_the_table),
        cmocka_unit_test(readme_shows_it),
        cmocka_unit_test(names_never_null),
        cmocka_unit_test(looks_are_scheduled),
        cmocka_unit_test(one_at_a_time_per_booking),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(places_are_bounded),
    };
    if (argc < 2) {
        return 2;
    }
    readme = argv[1];
    return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
