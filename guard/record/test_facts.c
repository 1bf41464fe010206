#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "facts.h"

static void paths_keep_no_words_of_people(void **state)
{
    static const struct {
        const char *in, *want;
    } CASES[] = {
        {"/", "/"},
        {"/tours/furano-lavender-3d", "/tours/furano-lavender-3d"},
        {"/bookings/bcdfghjkmnpqrstvbcdfghjkmnpqrstv/pay", "/bookings/:id/pay"},
        {"/x/09012345678", "/x/:n"},
        {"/x/taro@example.com", "/x/:x"},
        {"/x/%E5%B1%B1%E7%94%B0", "/x/:x"},
        {"/x/a1234567", "/x/:x"},
        {"/a\nb", "/:x"},
        {"/tour-4111/x", "/:x/x"},
        {"/a41/a11/a11/a11/a11/a11", "/a41/a11/a11/a11/:x/:x"}, /* no card number piece by piece */
        {"/4111/1111/1111/1111", "/:n/:n/:n/:n"},
        {"//", "//"},
        {"", ""},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[512];
        buf_t out = BUF_ON_ARRAY(mem);
        facts_path_put(&out, slice_cstr_in(CASES[i].in), SIZE_MAX);
        if (!slice_eq(buf_slice(&out), slice_cstr_in(CASES[i].want))) {
            fail_msg("%s -> %.*s", CASES[i].in, SLICE_FMT(buf_slice(&out)));
        }
    }
}

static void long_paths_are_cut(void **state)
{
    uint8_t mem[512];
    char path[4000];
    for (size_t i = 0; i < sizeof path; i++) {
        path[i] = i % 4 ? 'a' : '/';
    }
    buf_t out = BUF_ON_ARRAY(mem);
    facts_request_put(&out, &(request_facts_t){.method = SLICE("POST\r\nX"),
                                               .host = SLICE("shop"),
                                               .path = slice_make(path, sizeof path),
                                               .status = 200});
    assert_false(err_failed(buf_check(&out)));
    assert_true(out.len < 256);
    assert_true(slice_starts(buf_slice(&out), SLICE("m=other&h=shop&p=/aaa/")));
}

/* What nobody knows was typed by somebody: only the first part stays. */
static void unknown_paths_lose_their_words(void **state)
{
    static const struct {
        unsigned status;
        const char *note, *want;
    } CASES[] = {
        {200, "", "m=GET&h=s&p=/bookings/yamada/taro&s=200&"},
        {502, "", "m=GET&h=s&p=/bookings/yamada/taro&s=502&"},
        {422, "", "m=GET&h=s&p=/bookings/yamada/taro&s=422&"}, /* a form's own mistakes */
        {404, "", "m=GET&h=s&p=/bookings/:x/:x&s=404&"},
        {400, "", "m=GET&h=s&p=/bookings/:x/:x&s=400&"},
        {422, "card", "m=GET&h=s&p=/bookings/:x/:x&s=422&"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[512];
        buf_t out = BUF_ON_ARRAY(mem);
        facts_request_put(&out, &(request_facts_t){.method = SLICE("GET"),
                                                   .host = SLICE("s"),
                                                   .path = SLICE("/bookings/yamada/taro"),
                                                   .note = slice_cstr_in(CASES[i].note),
                                                   .status = CASES[i].status});
        if (!slice_starts(buf_slice(&out), slice_cstr_in(CASES[i].want))) {
            fail_msg("%u: %.*s", CASES[i].status, SLICE_FMT(buf_slice(&out)));
        }
        bool has_why = slice_find(buf_slice(&out), SLICE("&why=card")) != SIZE_MAX;
        assert_int_equal(has_why, CASES[i].note[0] != 0);
    }
}

/* Names of fields are chosen by clients: only plain words of letters stay. */
static void rules_name_no_person(void **state)
{
    static const struct {
        const char *variable, *want;
    } CASES[] = {
        {"ARGS:q", "ARGS.q"},
        {"REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS.User-Agent"},
        {"REQUEST_URI", "REQUEST_URI"},
        {"ARGS:taro@example.com", "ARGS.x"},
        {"ARGS:a1", "ARGS.x"},
        {"ARGS:4111111111111111", "ARGS.x"},
        {"ARGS:", "ARGS.x"},
        {"ARGS:a&b=c", "ARGS.x"},
        {"ARGS:a:b", "ARGS.x"},
        {"ARGS:\xe5\xb1\xb1\xe7\x94\xb0", "ARGS.x"},
        {"ARGS:abcdefghijklmnopqrstuvwxyzabcdefgh", "ARGS.x"},
        {"", "x"},
        {"A B", "x"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[FACTS_RULES_BYTES];
        char want[256];
        buf_t out = BUF_ON_ARRAY(mem);
        facts_rules_begin(&out, "deny", i ? 15 : -1);
        facts_rule_put(&out, 942100, slice_cstr_in(CASES[i].variable), 17, i ? 2 : -1);
        snprintf(want, sizeof want, "v=deny%s&rules=942100:%s:17:%s", i ? "&score=15" : "",
                 CASES[i].want, i ? "2" : "-");
        if (!slice_eq(buf_slice(&out), slice_cstr_in(want))) {
            fail_msg("%s: %.*s", CASES[i].variable, SLICE_FMT(buf_slice(&out)));
        }
    }
}

static void rules_are_bounded(void **state)
{
    uint8_t mem[FACTS_RULES_BYTES];
    for (int wide = 0; wide < 2; wide++) {
        buf_t out = BUF_ON_ARRAY(mem);
        size_t commas = 0;
        facts_rules_begin(&out, "deny", 1000000);
        for (uint32_t i = 0; i < 100; i++) {
            facts_rule_put(&out, wide ? UINT32_MAX : i,
                           wide ? SLICE("REQUEST_COOKIES:abcdefghijklmnopqrstuvwxyzabcdef")
                                : SLICE("ARGS:q"),
                           wide ? SIZE_MAX / 2 : 1, 7);
        }
        assert_false(err_failed(buf_check(&out)));
        for (size_t i = 0; i < out.len; i++) {
            commas += out.ptr[i] == ',';
            assert_true(out.ptr[i] > 0x20 && out.ptr[i] < 0x7f);
        }
        assert_true(wide ? commas < FACTS_RULES_MAX : commas == FACTS_RULES_MAX - 1);
        assert_true(out.ptr[out.len - 1] == '7'); /* no half entry at the end */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_keep_no_words_of_people), cmocka_unit_test(long_paths_are_cut),
        cmocka_unit_test(unknown_paths_lose_their_words), cmocka_unit_test(rules_name_no_person),
        cmocka_unit_test(rules_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
