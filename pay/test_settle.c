/* The settlement comparison: a house of many attempts and a right file give no difference; each of
 * the twenty kinds, planted, is found, and nothing else. */
#include "base/test.h"

#include "base/clock.h"
#include "settle.h"

enum { ATTEMPTS = 300, LINES = 1000, DAY = 86400 };
#define FROM (INT64_C(1790000000) * CLOCK_SECOND_US)
#define UNTIL (FROM + DAY * CLOCK_SECOND_US)

static arena_t arena;
static settle_ours_t ours[ATTEMPTS];
static settle_line_t lines[LINES];
static settle_file_t file;
static char texts[LINES][3][40];
static size_t found[SETTLE_DIFFERENCE_COUNT];

static void on_found(void *ctx, settle_difference_t what, const settle_ours_t *o,
                     const settle_line_t *l)
{
    found[what]++;
}

static settle_line_t *line_add(settle_kind_t kind, size_t attempt, int64_t amount)
{
    size_t at = file.n++;
    settle_line_t *l = &lines[at];
    int64_t fee = kind == SETTLE_CAPTURE ? amount * 36 / 1000 : 0;
    snprintf(texts[at][0], 40, "mov%zu", at);
    snprintf(texts[at][1], 40, "pay%zu", attempt);
    char order[ID_TEXT];
    id_encode(ours[attempt].attempt, order);
    memcpy(texts[at][2], order, ID_TEXT);
    *l = (settle_line_t){.kind = kind,
                         .id = slice_cstr_in(texts[at][0]),
                         .payment = slice_cstr_in(texts[at][1]),
                         .order = slice_make(texts[at][2], ID_TEXT),
                         .amount_minor = amount,
                         .fee_minor = fee,
                         .net_minor = (kind == SETTLE_CAPTURE ? amount : -amount) - fee,
                         .currency = {'J', 'P', 'Y'},
                         .time_us = FROM + 1000};
    return l;
}

static void totals(void)
{
    file.said_lines = (int64_t)file.n;
    file.said_net_minor = 0;
    for (size_t i = 0; i < file.n; i++) {
        file.said_net_minor += lines[i].net_minor;
    }
}

/* Every third was declined, every tenth of the paid went back in full, every eleventh in part. */
static void house_make(void)
{
    static char payments[ATTEMPTS][40];
    memset(found, 0, sizeof found);
    file = (settle_file_t){.lines = lines, .from_us = FROM, .until_us = UNTIL};
    for (size_t i = 0; i < ATTEMPTS; i++) {
        bool paid = i % 3 != 0;
        int64_t amount = 12000 + (int64_t)i, back = i % 10 == 1 ? amount : i % 11 == 1 ? 500 : 0;
        snprintf(payments[i], 40, "pay%zu", i);
        ours[i] = (settle_ours_t){.attempt = id_new(),
                                  .payment = paid ? slice_cstr_in(payments[i]) : SLICE_EMPTY,
                                  .state = !paid            ? PAY_DECLINED
                                           : back == amount ? PAY_REFUNDED
                                                            : PAY_CAPTURED,
                                  .amount_minor = amount,
                                  .captured_minor = paid ? amount : 0,
                                  .refunded_minor = paid ? back : 0,
                                  .currency = {'J', 'P', 'Y'},
                                  .captured_us = paid ? FROM + 500 : 0};
        if (paid) {
            line_add(SETTLE_CAPTURE, i, amount);
        }
        if (paid && back) {
            line_add(SETTLE_REFUND, i, back);
        }
    }
    totals();
}

static void compare(void)
{
    arena_reset(&arena);
    assert_ok(settle_compare(&arena, &file, ours, ATTEMPTS, on_found, NULL));
}

static settle_line_t *line_of(size_t attempt, settle_kind_t kind)
{
    for (size_t i = 0; i < file.n; i++) {
        char want[40];
        snprintf(want, sizeof want, "pay%zu", attempt);
        if (lines[i].kind == kind && slice_eq(lines[i].payment, slice_cstr_in(want))) {
            return &lines[i];
        }
    }
    fail_msg("no such line");
    return NULL;
}

static void line_drop(settle_line_t *l)
{
    *l = lines[--file.n];
    totals();
}

/* 4 is paid; 0 declined; 11 refunded in full; 34 in part. */
static void plant(settle_difference_t what)
{
    settle_line_t *l;
    switch (what) {
    case SETTLE_UNKNOWN_ORDER:
        l = line_add(SETTLE_CAPTURE, 4, 7000);
        l->payment = SLICE("payx");
        l->order = SLICE("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        break;
    case SETTLE_NOT_PAID_HERE:
        line_add(SETTLE_CAPTURE, 0, 12000);
        break;
    case SETTLE_IN_DOUBT_HERE:
        ours[4].in_doubt = true;
        break;
    case SETTLE_MISSING_THERE:
        line_drop(line_of(4, SETTLE_CAPTURE));
        break;
    case SETTLE_AMOUNT:
        l = line_of(4, SETTLE_CAPTURE);
        l->amount_minor--;
        l->net_minor--;
        break;
    case SETTLE_CURRENCY:
        memcpy(line_of(4, SETTLE_CAPTURE)->currency, "USD", 3);
        break;
    case SETTLE_CAPTURED_TWICE:
        line_add(SETTLE_CAPTURE, 4, 12004);
        break;
    case SETTLE_TWO_PAYMENTS:
        line_add(SETTLE_CAPTURE, 4, 12004)->payment = SLICE("payx");
        break;
    case SETTLE_OTHER_PAYMENT:
        line_of(4, SETTLE_CAPTURE)->payment = SLICE("payx");
        break;
    case SETTLE_OTHER_ORDER:
        l = line_of(4, SETTLE_CAPTURE);
        l->order = line_of(5, SETTLE_CAPTURE)->order;
        break;
    case SETTLE_REFUND_UNKNOWN_HERE:
        line_add(SETTLE_REFUND, 4, 100);
        break;
    case SETTLE_REFUND_MISSING_THERE:
        line_drop(line_of(11, SETTLE_REFUND));
        break;
    case SETTLE_REFUND_AMOUNT:
        l = line_of(11, SETTLE_REFUND);
        l->amount_minor--;
        l->net_minor++;
        break;
    case SETTLE_REFUND_ABOVE:
        line_add(SETTLE_REFUND, 11, 1);
        break;
    case SETTLE_CHARGEBACK_UNKNOWN_HERE:
        line_add(SETTLE_CHARGEBACK, 4, 12004);
        break;
    case SETTLE_BACK_TWICE:
        ours[11].disputed = true;
        line_add(SETTLE_CHARGEBACK, 11, 12011);
        break;
    case SETTLE_LINE_TWICE: {
        settle_line_t same = *line_of(4, SETTLE_CAPTURE);
        lines[file.n++] = same;
        break;
    }
    case SETTLE_NET:
        line_of(4, SETTLE_CAPTURE)->net_minor++;
        break;
    case SETTLE_TOTAL:
        file.said_net_minor++;
        return;
    case SETTLE_PERIOD:
        line_of(4, SETTLE_CAPTURE)->time_us = UNTIL;
        break;
    case SETTLE_DIFFERENCE_COUNT:
        break;
    }
    totals();
}

static void a_right_file_has_none(void **state)
{
    house_make();
    compare();
    for (unsigned i = 0; i < SETTLE_DIFFERENCE_COUNT; i++) {
        assert_int_equal(found[i], 0);
    }
}

static void each_kind_is_found(void **state)
{
    assert_int_equal(SETTLE_DIFFERENCE_COUNT, 20);
    for (unsigned i = 0; i < SETTLE_DIFFERENCE_COUNT; i++) {
        house_make();
        plant((settle_difference_t)i);
        compare();
        for (unsigned k = 0; k < SETTLE_DIFFERENCE_COUNT; k++) {
            if (found[k] != (k == i)) {
                fail_msg("planted %s, found %zu of %s", settle_difference_name(i), found[k],
                         settle_difference_name(k));
            }
        }
    }
}

/* All at once: each is still found. */
static void all_together(void **state)
{
    house_make();
    for (unsigned i = 0; i < SETTLE_DIFFERENCE_COUNT; i++) {
        static const bool APART[SETTLE_DIFFERENCE_COUNT] = {
            /* these would take the line of attempt 4 away, or need its state whole */
            [SETTLE_MISSING_THERE] = true,
            [SETTLE_OTHER_PAYMENT] = true,
            [SETTLE_REFUND_MISSING_THERE] = true,
            [SETTLE_REFUND_AMOUNT] = true,
            [SETTLE_AMOUNT] = true,
        };
        if (!APART[i]) {
            plant((settle_difference_t)i);
        }
    }
    file.said_net_minor++;
    compare();
    assert_true(found[SETTLE_UNKNOWN_ORDER] && found[SETTLE_NOT_PAID_HERE] &&
                found[SETTLE_IN_DOUBT_HERE] && found[SETTLE_CURRENCY] && found[SETTLE_NET] &&
                found[SETTLE_CAPTURED_TWICE] && found[SETTLE_TWO_PAYMENTS] &&
                found[SETTLE_OTHER_ORDER] && found[SETTLE_REFUND_ABOVE] &&
                found[SETTLE_REFUND_UNKNOWN_HERE] && found[SETTLE_CHARGEBACK_UNKNOWN_HERE] &&
                found[SETTLE_BACK_TWICE] && found[SETTLE_LINE_TWICE] && found[SETTLE_TOTAL] &&
                found[SETTLE_PERIOD]);
}

static void empty(void **state)
{
    settle_file_t none = {.until_us = 1};
    memset(found, 0, sizeof found);
    assert_ok(settle_compare(&arena, &none, NULL, 0, on_found, NULL));
    none.said_lines = 1;
    assert_ok(settle_compare(&arena, &none, NULL, 0, on_found, NULL));
    assert_int_equal(found[SETTLE_TOTAL], 1);
    none.is_known = true;
    assert_ok(settle_compare(&arena, &none, NULL, 0, on_found, NULL));
    assert_int_equal(found[SETTLE_PERIOD], 1);
}

static int up(void **state)
{
    arena_init(&arena, 4 * 1024 * 1024);
    return 0;
}

static int down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_file_has_none),
        cmocka_unit_test(each_kind_is_found),
        cmocka_unit_test(all_together),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests_name("pay settle", tests, up, down);
}
