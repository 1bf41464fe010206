#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tmpl/tmpl.h"

static void test_accept(void **state)
{
    static const struct {
        slice_t header;
        i18n_lang_t want;
    } rows[] = {
        {SLICE(""), I18N_JA},
        {SLICE("en"), I18N_EN},
        {SLICE("en-US,en;q=0.9,ja;q=0.8"), I18N_EN},
        {SLICE("ja,en;q=0.9"), I18N_JA},
        {SLICE("en;q=0.3, ja;q=0.7"), I18N_JA},
        {SLICE("JA-JP;q=0.1,EN-gb;q=0.2"), I18N_EN},
        {SLICE("fr-FR, de;q=0.9"), I18N_JA},
        {SLICE("fr, en;q=0.1"), I18N_EN},
        {SLICE("en;q=0"), I18N_JA},
        {SLICE("en;q=x, ja"), I18N_JA},
        {SLICE("en;q=1.001"), I18N_JA},
        {SLICE("en;q=0.5555555555555555555"), I18N_EN},
        {SLICE("english"), I18N_JA},
        {SLICE(",,;;,en"), I18N_EN},
        {SLICE("*"), I18N_JA},
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (i18n_lang_accept(rows[i].header) != rows[i].want) {
            print_message("%.*s\n", SLICE_FMT(rows[i].header));
            fail();
        }
    }
}

static void test_codes(void **state)
{
    i18n_lang_t lang = I18N_JA;
    assert_false(err_failed(i18n_lang_of_code(SLICE("en"), &lang)));
    assert_int_equal(lang, I18N_EN);
    assert_false(err_failed(i18n_lang_of_code(SLICE("ja"), &lang)));
    assert_int_equal(lang, I18N_JA);
    assert_true(err_is(i18n_lang_of_code(SLICE("EN"), &lang), ERR_NOT_FOUND));
    assert_true(err_is(i18n_lang_of_code(SLICE(""), &lang), ERR_NOT_FOUND));
    assert_int_equal(lang, I18N_JA);
}

static void test_filters(void **state)
{
    static const int64_t may_3_us = INT64_C(1777777777000000); /* 2026-05-03T03:09:37Z */
    static const struct {
        tmpl_filter_fn *filter;
        int64_t v;
        slice_t ja, en;
    } rows[] = {
        {tmpl_put_dec, INT64_MIN, SLICE("-9223372036854775808"), SLICE("-9223372036854775808")},
        {tmpl_put_num, 1234567, SLICE("1,234,567"), SLICE("1,234,567")},
        {tmpl_put_yen, 12800, SLICE("12,800円"), SLICE("¥12,800")},
        {tmpl_put_day, 20576, SLICE("2026年5月3日(日)"), SLICE("Sun, 3 May 2026")},
        {tmpl_put_day, INT64_MAX, SLICE("9999年12月31日(金)"), SLICE("Fri, 31 Dec 9999")},
        {tmpl_put_dayshort, 20577, SLICE("5/4(月)"), SLICE("Mon 4 May")},
        {tmpl_put_month, 20576, SLICE("2026年5月"), SLICE("May 2026")},
        {tmpl_put_isoday, 20576, SLICE("2026-05-03"), SLICE("2026-05-03")},
        {tmpl_put_isoday, INT64_MIN, SLICE("0001-01-01"), SLICE("0001-01-01")},
        {tmpl_put_date, may_3_us, SLICE("2026年5月3日(日)"), SLICE("Sun, 3 May 2026")},
        {tmpl_put_datetime, may_3_us, SLICE("2026年5月3日(日) 12:09"),
         SLICE("Sun, 3 May 2026 12:09 JST")},
        {tmpl_put_time, may_3_us - INT64_C(4) * 3600 * 1000000, SLICE("08:09"), SLICE("08:09")},
        {tmpl_put_iso, may_3_us, SLICE("2026-05-03T12:09:37+09:00"),
         SLICE("2026-05-03T12:09:37+09:00")},
    };
    for (size_t i = 0; i < BASE_COUNT(rows) * I18N_LANGS; i++) {
        uint8_t mem[128];
        buf_t b = BUF_ON_ARRAY(mem);
        i18n_lang_t lang = (i18n_lang_t)(i % I18N_LANGS);
        rows[i / I18N_LANGS].filter(&b, lang, rows[i / I18N_LANGS].v);
        slice_t want = lang == I18N_JA ? rows[i / I18N_LANGS].ja : rows[i / I18N_LANGS].en;
        if (b.full || !slice_eq(buf_slice(&b), want)) {
            print_message("wanted %.*s, got %.*s\n", SLICE_FMT(want), SLICE_FMT(buf_slice(&b)));
            fail();
        }
    }
}

/* Every filter fits the room that a URL gives it, whatever the number, and leaves no raw byte. */
static void test_filters_in_url(void **state)
{
    static tmpl_filter_fn *const filters[] = {
        tmpl_put_dec,      tmpl_put_num,   tmpl_put_yen,    tmpl_put_day,
        tmpl_put_dayshort, tmpl_put_month, tmpl_put_isoday, tmpl_put_date,
        tmpl_put_datetime, tmpl_put_time,  tmpl_put_iso,
    };
    static const int64_t values[] = {INT64_MIN, -1, 0, 20576, INT64_C(253402300799000000),
                                     INT64_MAX};
    for (size_t i = 0; i < BASE_COUNT(filters) * BASE_COUNT(values) * I18N_LANGS; i++) {
        uint8_t mem[512];
        buf_t b = BUF_ON_ARRAY(mem);
        i18n_lang_t lang = (i18n_lang_t)(i % I18N_LANGS);
        size_t j = i / I18N_LANGS;
        tmpl_put_url_filtered(&b, lang, filters[j / BASE_COUNT(values)],
                              values[j % BASE_COUNT(values)]);
        assert_false(b.full);
        for (size_t k = 0; k < b.len; k++) {
            assert_true(b.ptr[k] > ' ' && b.ptr[k] < 0x7F && b.ptr[k] != '"' && b.ptr[k] != ':');
        }
    }
}

static void test_csrf(void **state)
{
    uint8_t mem[256];
    buf_t b = BUF_ON_ARRAY(mem);
    tmpl_put_csrf(&b, SLICE("a\"b"));
    assert_false(b.full);
    assert_true(slice_find(buf_slice(&b), SLICE("value=\"a&quot;b\">")) != SIZE_MAX ||
                slice_find(buf_slice(&b), SLICE("value=\"a&#34;b\">")) != SIZE_MAX);
    buf_reset(&b);
    tmpl_put_csrf(&b, SLICE_EMPTY);
    assert_true(b.full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),  cmocka_unit_test(test_codes),
        cmocka_unit_test(test_filters), cmocka_unit_test(test_filters_in_url),
        cmocka_unit_test(test_csrf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
