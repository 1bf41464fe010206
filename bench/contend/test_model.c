/* The judge judged: histories that are right, and each kind of wrong. */
#include "base/test.h"
#include "contend/model.h"

static model_claim_t taken(int64_t asked, int64_t answered, int64_t seats)
{
    return (model_claim_t){
        .asked_us = asked, .answered_us = answered, .answer = MODEL_TAKEN, .seats = seats};
}

static model_claim_t full(int64_t asked, int64_t answered, int64_t seats)
{
    return (model_claim_t){
        .asked_us = asked, .answered_us = answered, .answer = MODEL_FULL, .seats = seats};
}

static model_verdict_t judge(const model_claim_t *claims, size_t n, int64_t step_us)
{
    model_verdict_t v;
    model_step_t step = {step_us, step_us + 5};
    model_t m = {.cap = 2, .claims = claims, .n = n, .steps = &step, .n_steps = step_us ? 1 : 0};
    model_judge(&m, &v);
    return v;
}
#define JUDGE(step, ...)                                                                           \
    judge((const model_claim_t[]){__VA_ARGS__},                                                    \
          sizeof((const model_claim_t[]){__VA_ARGS__}) / sizeof(model_claim_t), step)

static void assert_good(model_verdict_t v)
{
    if (v.oversold || v.false_full || v.broken) {
        fail_msg("%s", v.first);
    }
}

static void test_right(void **state)
{
    assert_good(JUDGE(0, taken(10, 20, 1), taken(10, 20, 1), full(15, 30, 1)));
    /* refused while the last seat was being sold: right in one order */
    assert_good(JUDGE(0, taken(10, 20, 1), taken(25, 40, 1), full(30, 35, 1)));
    assert_good(JUDGE(0, taken(10, 20, 1), full(30, 40, 2))); /* two do not fit */
    /* given back while another asked: both orders are possible */
    model_claim_t back = taken(10, 20, 2);
    back.giving_us = 30;
    back.given_us = 50;
    assert_good(JUDGE(0, back, taken(35, 40, 2)));
    assert_good(JUDGE(0, back, full(35, 40, 1)));
    /* the clock ran past the holds; one of them was paid before */
    model_claim_t paid = taken(10, 20, 1);
    paid.confirmed_us = 50;
    assert_good(JUDGE(60, paid, taken(10, 20, 1), taken(70, 80, 1)));
    /* taken while the clock was being set: by the old clock perhaps */
    assert_good(JUDGE(60, taken(62, 63, 2), taken(70, 80, 2)));
    /* an answer that never came counts as perhaps */
    model_claim_t lost = taken(10, 20, 2);
    lost.answer = MODEL_UNSURE;
    assert_good(JUDGE(0, lost, full(30, 40, 1)));
    assert_good(JUDGE(0, lost, taken(30, 40, 2)));
    assert_int_equal(JUDGE(0, paid, taken(10, 20, 1)).confirmed, 1);
}

static void test_oversold(void **state)
{
    model_verdict_t v = JUDGE(0, taken(10, 20, 1), taken(10, 20, 1), taken(30, 40, 1));
    assert_int_equal(v.oversold, 2); /* the answer, and what stands at the end */
    assert_true(v.first[0]);
    /* all at once: no single answer can be blamed, the end can */
    v = JUDGE(0, taken(10, 20, 1), taken(10, 20, 1), taken(10, 20, 1));
    assert_int_equal(v.oversold, 1);
    /* paid seats do not run out */
    model_claim_t paid = taken(10, 20, 2);
    paid.confirmed_us = 50;
    assert_int_equal(JUDGE(60, paid, taken(70, 80, 1)).oversold, 2);
    /* taken after the clock was set: it does not run out by that step */
    assert_int_equal(JUDGE(60, taken(66, 67, 2), taken(70, 80, 1)).oversold, 2);
    /* given back only after the other was told "taken" */
    model_claim_t back = taken(10, 20, 2);
    back.giving_us = 50;
    back.given_us = 60;
    assert_int_equal(JUDGE(0, back, taken(30, 40, 1)).oversold, 1);
}

static void test_false_full(void **state)
{
    assert_int_equal(JUDGE(0, taken(10, 20, 1), full(30, 40, 1)).false_full, 1);
    model_claim_t back = taken(10, 20, 2);
    back.giving_us = 22;
    back.given_us = 25;
    assert_int_equal(JUDGE(0, back, full(30, 40, 1)).false_full, 1);
    assert_int_equal(JUDGE(0, taken(50, 60, 2), full(30, 40, 1)).false_full, 1); /* came later */
    model_claim_t late = taken(10, 20, 2);
    late.refunded_us = 25;
    assert_int_equal(JUDGE(22, late, full(30, 40, 1)).false_full, 1);
}

static void test_broken(void **state)
{
    model_claim_t both = taken(10, 20, 1);
    both.confirmed_us = 30;
    both.given_us = 40;
    assert_int_equal(JUDGE(0, both).broken, 1);
    model_claim_t none = full(10, 20, 1);
    none.confirmed_us = 30;
    assert_int_equal(JUDGE(0, taken(1, 5, 2), none).broken, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right), cmocka_unit_test(test_oversold),
        cmocka_unit_test(test_false_full), cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
