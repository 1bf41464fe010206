/* The contract's codec: what is put is got again, what is cut or altered is refused. */
#include "base/test.h"

#include "api.h"

static void fill(uint64_t *seed, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)test_random(seed);
    }
}

static pay_state_t any_state(uint64_t *seed)
{
    return (pay_state_t)(1 + test_random(seed) % PAY_UNKNOWN);
}

static void orders_come_back(void **state)
{
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        uint8_t text[PAY_TEXT_MAX], token[PAY_TOKEN_MAX], mem[1024];
        pay_order_t o = {.description = slice_make(text, test_random(&seed) % sizeof text),
                         .client_token = slice_make(token, test_random(&seed) % sizeof token)};
        buf_t b = BUF_ON_ARRAY(mem);
        fill(&seed, text, sizeof text);
        fill(&seed, token, sizeof token);
        fill(&seed, o.request.b, ID_BYTES);
        fill(&seed, o.booking.b, ID_BYTES);
        fill(&seed, o.currency, 3);
        o.amount_minor = (int64_t)test_random(&seed);
        o.expires_us = (int64_t)test_random(&seed);
        o.lang = (uint8_t)test_random(&seed);
        pay_order_put(&b, &o);
        assert_ok(buf_check(&b));
        cursor_t c = cur_on(buf_slice(&b));
        pay_order_t got = pay_order_get(&c);
        assert_ok(cur_end(&c));
        assert_true(id_eq(got.request, o.request) && id_eq(got.booking, o.booking));
        assert_int_equal(got.amount_minor, o.amount_minor);
        assert_int_equal(got.expires_us, o.expires_us);
        assert_int_equal(got.lang, o.lang);
        assert_memory_equal(got.currency, o.currency, 3);
        assert_slice(got.description, o.description);
        assert_slice(got.client_token, o.client_token);
        cursor_t cut = cur_on(slice_sub(buf_slice(&b), 0, test_random(&seed) % b.len));
        (void)pay_order_get(&cut);
        assert_err(cur_end(&cut), ERR_SYNTAX);
    }
}

static void views_events_doubts_come_back(void **state)
{
    uint64_t seed = 2;
    for (int i = 0; i < 2000; i++) {
        uint8_t mem[512];
        buf_t b = BUF_ON_ARRAY(mem);
        pay_attempt_view_t v;
        pay_event_t e;
        pay_doubt_t d = {.why = "amount"};
        fill(&seed, &v, sizeof v);
        fill(&seed, &e, sizeof e);
        v.state = any_state(&seed);
        e.state = any_state(&seed);
        fill(&seed, d.attempt.b, ID_BYTES);
        d.notice = test_random(&seed);
        d.told_minor = (int64_t)test_random(&seed);
        pay_attempt_view_put(&b, &v);
        pay_event_put(&b, &e);
        pay_doubt_put(&b, &d);
        cursor_t c = cur_on(buf_slice(&b));
        pay_attempt_view_t gv = pay_attempt_view_get(&c);
        pay_event_t ge = pay_event_get(&c);
        pay_doubt_t gd = pay_doubt_get(&c);
        assert_ok(cur_end(&c));
        assert_true(id_eq(gv.attempt, v.attempt) && id_eq(gv.booking, v.booking));
        assert_true(gv.state == v.state && gv.amount_minor == v.amount_minor &&
                    gv.changed_us == v.changed_us && !memcmp(gv.currency, v.currency, 3));
        assert_true(ge.seq == e.seq && id_eq(ge.attempt, e.attempt) && ge.state == e.state &&
                    id_eq(ge.booking, e.booking) && id_eq(ge.request, e.request) &&
                    ge.amount_minor == e.amount_minor && ge.time_us == e.time_us);
        assert_true(gd.notice == d.notice && gd.told_minor == d.told_minor &&
                    id_eq(gd.attempt, d.attempt));
        assert_string_equal(gd.why, "amount");
    }
}

static void states_that_do_not_exist_are_refused(void **state)
{
    for (unsigned s = 0; s < 256; s++) {
        uint8_t mem[128];
        buf_t b = BUF_ON_ARRAY(mem);
        pay_attempt_view_put(&b, &(pay_attempt_view_t){.state = PAY_CAPTURED});
        mem[2 * ID_BYTES] = (uint8_t)s;
        cursor_t c = cur_on(buf_slice(&b));
        (void)pay_attempt_view_get(&c);
        assert_int_equal(c.bad, s < PAY_CREATED || s > PAY_UNKNOWN);
    }
}

static void a_reason_too_long_is_refused(void **state)
{
    uint8_t mem[256], why[40] = {0};
    memset(why, 'a', sizeof why);
    for (size_t len = 0; len <= sizeof why; len++) {
        buf_t b = BUF_ON_ARRAY(mem);
        for (int i = 0; i < 2 * ID_BYTES + 32; i++) {
            buf_u8(&b, 0);
        }
        buf_str16(&b, slice_make(why, len));
        cursor_t c = cur_on(buf_slice(&b));
        pay_doubt_t d = pay_doubt_get(&c);
        assert_int_equal(c.bad, len >= sizeof d.why);
        assert_true(memchr(d.why, 0, sizeof d.why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_come_back),
        cmocka_unit_test(views_events_doubts_come_back),
        cmocka_unit_test(states_that_do_not_exist_are_refused),
        cmocka_unit_test(a_reason_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("pay api", tests, NULL, NULL);
}
