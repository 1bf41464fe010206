/* Form fields: kinds, bounds, what Japanese keyboards send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "web/field.h"

static arena_t arena;

static int arena_start(void **state)
{
    arena_init(&arena, 1 << 20);
    return 0;
}

static int arena_stop(void **state)
{
    arena_deinit(&arena);
    return 0;
}

static web_value_t read_one(const web_field_t *f, const char *text)
{
    web_pair_t pair = {slice_cstr_in(f->name), slice_cstr_in(text)};
    web_value_t v;
    bool fine;
    err_t e = web_fields_read_pairs(f, 1, (web_pairs_t){&pair, 1}, &arena, SLICE_EMPTY, &v, &fine);
    assert_false(err_failed(e));
    assert_int_equal(fine, v.problem == WEB_PROBLEM_NONE);
    return v;
}

static void test_kinds(void **state)
{
    static const char *const MEALS[] = {"none", "breakfast"};
    static const struct {
        web_field_t field;
        const char *in, *text;
        int64_t number;
        web_problem_t problem;
    } CASES[] = {
        {{"f", WEB_KIND_TEXT, 0, 0, true}, "  山田 花子　", "山田 花子", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_TEXT, 0, 0, true}, "　 ", "", 0, WEB_PROBLEM_MISSING},
        {{"f", WEB_KIND_TEXT, 0, 0, false}, "", "", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_TEXT, 0, 3, true}, "あいう", "あいう", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_TEXT, 0, 3, true}, "あいうえ", "あいうえ", 0, WEB_PROBLEM_TOO_LONG},
        {{"f", WEB_KIND_TEXT, 2, 3, true}, "あ", "あ", 0, WEB_PROBLEM_TOO_SHORT},
        {{"f", WEB_KIND_TEXT, 0, 0, true}, "a\nb", "a\nb", 0, WEB_PROBLEM_TEXT},
        {{"f", WEB_KIND_TEXT, 0, 0, true}, "a\x1b[31m", "a\x1b[31m", 0, WEB_PROBLEM_TEXT},
        {{"f", WEB_KIND_TEXT, 0, 0, true}, "a\xff", "a\xff", 0, WEB_PROBLEM_TEXT},
        {{"f", WEB_KIND_MULTILINE, 0, 0, true}, "a\r\nb\rc", "a\nb\nc", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_KANA, 0, 0, true}, "やまだ はなこ", "ヤマダ ハナコ", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_KANA, 0, 0, true}, "ﾔﾏﾀﾞ　ﾊﾅｺ", "ヤマダ ハナコ", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_KANA, 0, 0, true}, "リ-ダー・ボウ", "リーダー・ボウ", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_KANA, 0, 0, true}, "山田", "山田", 0, WEB_PROBLEM_KANA},
        {{"f", WEB_KIND_KANA, 0, 0, true}, "Yamada", "Yamada", 0, WEB_PROBLEM_KANA},
        {{"f", WEB_KIND_ROMAN, 0, 0, true},
         "ｙａｍａｄａ hanako",
         "YAMADA HANAKO",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_ROMAN, 0, 0, true}, "O'Neil-Sato", "O'NEIL-SATO", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_ROMAN, 0, 0, true}, "Müller", "Müller", 0, WEB_PROBLEM_ROMAN},
        {{"f", WEB_KIND_EMAIL, 0, 0, true},
         " Hanako＠Example.JP ",
         "Hanako@example.jp",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_EMAIL, 0, 0, true}, "hanako@", "hanako@", 0, WEB_PROBLEM_EMAIL},
        {{"f", WEB_KIND_EMAIL, 0, 0, true},
         "a@b.jp\r\nBcc: x@y.jp",
         "a@b.jp\r\nBcc: x@y.jp",
         0,
         WEB_PROBLEM_EMAIL},
        {{"f", WEB_KIND_PHONE, 0, 0, true},
         "０９０－１２３４−５６７８",
         "09012345678",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_PHONE, 0, 0, true},
         "+81 (90) 1234.5678",
         "+819012345678",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_PHONE, 0, 0, true}, "03ー1234ー5678", "0312345678", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_PHONE, 0, 0, true}, "090-1234", "090-1234", 0, WEB_PROBLEM_PHONE},
        {{"f", WEB_KIND_PHONE, 0, 0, true},
         "0901234567890123",
         "0901234567890123",
         0,
         WEB_PROBLEM_PHONE},
        {{"f", WEB_KIND_PHONE, 0, 0, true}, "090-CALL-ME1", "090-CALL-ME1", 0, WEB_PROBLEM_PHONE},
        {{"f", WEB_KIND_POSTCODE, 0, 0, true},
         "〒１００－０００１",
         "1000001",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_POSTCODE, 0, 0, true}, "100-001", "100-001", 0, WEB_PROBLEM_POSTCODE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026-05-03", "2026-05-03", 20576, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_DATE, 0, 0, true},
         "２０２６／５／３",
         "2026-05-03",
         20576,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026年5月3日", "2026-05-03", 20576, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "1970-01-01", "1970-01-01", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026-02-29", "2026-02-29", 0, WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026-13-01", "2026-13-01", 0, WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026-05", "2026-05", 0, WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "26-05-03", "26-05-03", 0, WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 0, true}, "2026-05-03-01", "2026-05-03-01", 0, WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 0, true},
         "99999999999-05-03",
         "99999999999-05-03",
         0,
         WEB_PROBLEM_DATE},
        {{"f", WEB_KIND_DATE, 0, 100, true}, "2026-05-03", "2026-05-03", 20576, WEB_PROBLEM_RANGE},
        {{"f", WEB_KIND_INT, 1, 20, true}, "１２", "12", 12, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_INT, 1, 20, true}, "21", "21", 0, WEB_PROBLEM_RANGE},
        {{"f", WEB_KIND_INT, 1, 20, true}, "0", "0", 0, WEB_PROBLEM_RANGE},
        {{"f", WEB_KIND_INT, 1, 20, true}, "1e1", "1e1", 0, WEB_PROBLEM_NUMBER},
        {{"f", WEB_KIND_INT, -5, 5, true}, "-5", "-5", -5, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_CHOICE, 0, 0, true, MEALS, 2},
         "breakfast",
         "breakfast",
         1,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_CHOICE, 0, 0, true, MEALS, 2}, "dinner", "dinner", 0, WEB_PROBLEM_CHOICE},
        {{"f", WEB_KIND_CHECKBOX, 0, 0, true}, "on", "on", 1, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_PASSWORD, 8, 128, true}, " pass word ", " pass word ", 0, WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_PASSWORD, 8, 128, true}, "short", "short", 0, WEB_PROBLEM_TOO_SHORT},
        {{"f", WEB_KIND_ID, 0, 0, true},
         "bcdfghjkmnpqrstvbcdfghjkmnpqrstv",
         "bcdfghjkmnpqrstvbcdfghjkmnpqrstv",
         0,
         WEB_PROBLEM_NONE},
        {{"f", WEB_KIND_ID, 0, 0, true}, "abc", "abc", 0, WEB_PROBLEM_ID},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        web_value_t v = read_one(&CASES[i].field, CASES[i].in);
        if (v.problem != CASES[i].problem || v.number != CASES[i].number ||
            !slice_eq(v.text, slice_cstr_in(CASES[i].text))) {
            fail_msg("'%s': '%.*s' %lld %d", CASES[i].in, SLICE_FMT(v.text), (long long)v.number,
                     (int)v.problem);
        }
    }
}

static void test_groups(void **state)
{
    static const web_field_t FIELDS[] = {
        {"name", WEB_KIND_TEXT, 0, 0, true},
        {"agree", WEB_KIND_CHECKBOX, 0, 0, true},
        {"pass", WEB_KIND_PASSWORD, 0, 0, true},
        {"note", WEB_KIND_TEXT, 0, 0, false},
    };
    const web_pair_t PAIRS[] = {
        {SLICE("t1.name"), SLICE("花子")}, {SLICE("t2.name"), SLICE("太郎")},
        {SLICE("t2.agree"), SLICE("")},    {SLICE("t2.pass"), SLICE("geheim")},
        {SLICE("t2.note"), SLICE("a")},    {SLICE("t2.note"), SLICE("b")},
        {SLICE("name"), SLICE("nobody")},
    };
    web_pairs_t pairs = {PAIRS, BASE_COUNT(PAIRS)};
    web_value_t v[4];
    bool fine = true;
    err_ignore(web_fields_read_pairs(FIELDS, 4, pairs, &arena, SLICE("t1."), v, &fine));
    assert_false(fine);
    assert_true(slice_eq(v[0].text, SLICE("花子")));
    assert_int_equal(v[1].problem, WEB_PROBLEM_TICK);
    assert_int_equal(v[2].problem, WEB_PROBLEM_MISSING);
    assert_int_equal(v[3].problem, WEB_PROBLEM_NONE);
    err_ignore(web_fields_read_pairs(FIELDS, 4, pairs, &arena, SLICE("t2."), v, &fine));
    assert_false(fine);
    assert_int_equal(v[1].number, 1);
    assert_int_equal(v[3].problem, WEB_PROBLEM_REPEATED);
    assert_true(slice_eq(v[2].text, SLICE("geheim")));
    web_values_forget(FIELDS, 4, v);
    assert_int_equal(v[2].text.len, 0);
    assert_int_equal(v[0].text.len, 6);
}

/* Every problem has a text in every language, only NONE has none. */
static void test_texts(void **state)
{
    for (int lang = 0; lang < I18N_LANGS; lang++) {
        for (int p = 0; p < WEB_PROBLEM_COUNT; p++) {
            slice_t text = web_problem_text((i18n_lang_t)lang, (web_problem_t)p);
            assert_int_equal(text.len == 0, p == WEB_PROBLEM_NONE);
        }
        for (int w = 0; w < WEB_WHY_COUNT; w++) {
            assert_true(web_error_title((i18n_lang_t)lang, (web_why_t)w).len > 0);
            assert_true(web_error_text((i18n_lang_t)lang, (web_why_t)w).len > 0);
        }
    }
}

/* Without memory: an error, not a wrong value. */
static void test_no_memory(void **state)
{
    static const web_field_t DATE = {"f", WEB_KIND_DATE, 0, 0, true};
    web_pair_t pair = {SLICE("f"), SLICE("２０２６／５／３")};
    for (int64_t nth = 0; nth < 10; nth++) {
        arena_t small;
        web_value_t v;
        bool fine;
        arena_init(&small, 1 << 16);
        small.fail_after = nth;
        err_t e = web_fields_read_pairs(&DATE, 1, (web_pairs_t){&pair, 1}, &small, SLICE_EMPTY, &v,
                                        &fine);
        assert_true(err_failed(e) ? err_is(e, ERR_MEMORY) : v.number == 20576);
        arena_deinit(&small);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, arena_start, arena_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_kinds), CASE(test_groups), CASE(test_texts),
                                       CASE(test_no_memory)};
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
