/* Days, instants, Japanese local time, amounts. */
#include "base/test.h"

#include "text/time.h"

static void every_day_round_trips(void **state)
{
    date_ymd_t last = {0, 12, 31};
    for (date_t d = DATE_MIN; d <= DATE_MAX; d++) {
        date_ymd_t ymd = date_to_ymd(d);
        date_t back;
        assert_ok(date_from_ymd(ymd, &back));
        assert_int_equal(back, d);
        bool next_day = ymd.year == last.year && ymd.month == last.month && ymd.day == last.day + 1;
        bool next_month = ymd.year == last.year && ymd.month == last.month + 1 && ymd.day == 1;
        bool next_year = ymd.year == last.year + 1 && ymd.month == 1 && ymd.day == 1;
        assert_true(next_day || next_month || next_year);
        last = ymd;
    }
    assert_int_equal(last.year, 9999);
    assert_int_equal(date_to_ymd(INT32_MAX).year, 9999);
    assert_int_equal(date_to_ymd(INT32_MIN).year, 1);
}

static void days_known(void **state)
{
    static const struct {
        const char *text;
        date_t date;
        unsigned weekday;
    } CASES[] = {{"1970-01-01", 0, 4},        {"1969-12-31", -1, 3},
                 {"2000-02-29", 11016, 2},    {"2026-11-22", 20779, 0},
                 {"0001-01-01", DATE_MIN, 1}, {"9999-12-31", DATE_MAX, 5}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        date_t d;
        uint8_t mem[16];
        buf_t b = BUF_ON_ARRAY(mem);
        assert_ok(date_parse(slice_cstr_in(CASES[i].text), &d));
        assert_int_equal(d, CASES[i].date);
        assert_int_equal(date_weekday(d), CASES[i].weekday);
        date_put(&b, d);
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].text));
    }
    static const struct {
        const char *text;
        err_code_t code;
    } BAD[] = {{"2026-02-29", ERR_RANGE},   {"1900-02-29", ERR_RANGE}, {"2026-13-01", ERR_RANGE},
               {"2026-00-01", ERR_RANGE},   {"2026-01-00", ERR_RANGE}, {"2026-04-31", ERR_RANGE},
               {"0000-01-01", ERR_RANGE},   {"2026-1-01", ERR_SYNTAX}, {"2026/01/01", ERR_SYNTAX},
               {"2026-01-01 ", ERR_SYNTAX}, {"", ERR_SYNTAX},          {"+026-01-01", ERR_SYNTAX},
               {"2026-0１-1", ERR_SYNTAX},  {"20261122xx", ERR_SYNTAX}};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        date_t d = 5;
        assert_err(date_parse(slice_cstr_in(BAD[i].text), &d), BAD[i].code);
        assert_int_equal(d, 5);
    }
}

static void months_added(void **state)
{
    static const struct {
        const char *from;
        int32_t months;
        const char *to; /* NULL: RANGE */
    } CASES[] = {{"2026-01-31", 1, "2026-02-28"},  {"2028-01-31", 1, "2028-02-29"},
                 {"2026-12-15", 1, "2027-01-15"},  {"2026-01-15", -1, "2025-12-15"},
                 {"2028-02-29", 12, "2029-02-28"}, {"2026-05-31", -3, "2026-02-28"},
                 {"2026-05-31", 0, "2026-05-31"},  {"9999-12-01", 1, NULL},
                 {"0001-01-01", -1, NULL},         {"2026-01-01", INT32_MAX, NULL},
                 {"2026-01-01", INT32_MIN, NULL}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        date_t from, to, want;
        assert_ok(date_parse(slice_cstr_in(CASES[i].from), &from));
        err_t e = date_add_months(from, CASES[i].months, &to);
        assert_int_equal(err_failed(e), CASES[i].to == NULL);
        if (CASES[i].to) {
            assert_ok(date_parse(slice_cstr_in(CASES[i].to), &want));
            assert_int_equal(to, want);
        }
    }
}

static void tokyo(void **state)
{
    int64_t utc;
    assert_ok(time_parse_rfc3339(SLICE("2026-11-21T14:59:59Z"), &utc));
    assert_int_equal(tokyo_date(utc), 20778);
    assert_int_equal(tokyo_minute(utc), 23 * 60 + 59);
    utc += 1000000;
    assert_int_equal(tokyo_date(utc), 20779); /* midnight in Tokyo is 15:00 UTC */
    assert_int_equal(tokyo_minute(utc), 0);
    assert_int_equal(tokyo_instant(20779, 0), utc);
    uint64_t seed = 9;
    for (size_t i = 0; i < 10000; i++) {
        date_t d = (date_t)(test_random(&seed) % 40000) - 10000;
        int32_t minute = (int32_t)(test_random(&seed) % 1440);
        int64_t at = tokyo_instant(d, minute);
        assert_int_equal(tokyo_date(at), d);
        assert_int_equal(tokyo_minute(at), minute);
        assert_int_equal(tokyo_date(at - 1), minute ? d : d - 1);
    }
    (void)tokyo_date(INT64_MAX); /* far away, but defined */
    (void)tokyo_date(INT64_MIN);
}

static void instants(void **state)
{
    static const struct {
        const char *in;
        err_code_t code;
        const char *out;
    } CASES[] = {
        {"2026-11-22T01:02:03Z", ERR_NONE, "2026-11-22T01:02:03Z"},
        {"2026-11-22t01:02:03z", ERR_NONE, "2026-11-22T01:02:03Z"},
        {"2026-11-22T01:02:03.5Z", ERR_NONE, "2026-11-22T01:02:03.500Z"},
        {"2026-11-22T01:02:03.456789123Z", ERR_NONE, "2026-11-22T01:02:03.456789Z"},
        {"2026-11-22T10:02:03+09:00", ERR_NONE, "2026-11-22T01:02:03Z"},
        {"2026-11-21T20:02:03-05:00", ERR_NONE, "2026-11-22T01:02:03Z"},
        {"2016-12-31T23:59:60Z", ERR_NONE, "2016-12-31T23:59:59.999999Z"},
        {"1969-12-31T23:59:59.999Z", ERR_NONE, "1969-12-31T23:59:59.999Z"},
        {"2026-11-22T24:00:00Z", ERR_RANGE, ""},
        {"2026-11-22T00:60:00Z", ERR_RANGE, ""},
        {"2026-11-22T00:00:61Z", ERR_RANGE, ""},
        {"2026-11-22T00:00:00+24:00", ERR_RANGE, ""},
        {"2026-11-22T00:00:00", ERR_SYNTAX, ""},
        {"2026-11-22T00:00:00.Z", ERR_SYNTAX, ""},
        {"2026-11-22T00:00:00.1234567890Z", ERR_SYNTAX, ""},
        {"2026-11-22 00:00:00Z", ERR_SYNTAX, ""},
        {"2026-11-22T00:00Z", ERR_SYNTAX, ""},
        {"2026-11-22T00:00:00+0900", ERR_SYNTAX, ""},
        {"2026-11-22T00:00:00ZZ", ERR_SYNTAX, ""},
        {"", ERR_SYNTAX, ""},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int64_t us;
        uint8_t mem[64];
        buf_t b = BUF_ON_ARRAY(mem);
        err_t e = time_parse_rfc3339(slice_cstr_in(CASES[i].in), &us);
        if (e.code != CASES[i].code) {
            fail_msg("%s: %s", CASES[i].in, err_name(e.code));
        }
        if (!err_failed(e)) {
            time_put_rfc3339(&b, us);
            assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].out));
        }
    }
}

static void instants_round_trip(void **state)
{
    uint64_t seed = 11;
    for (size_t i = 0; i < 20000; i++) {
        uint64_t span = (uint64_t)(DATE_MAX - DATE_MIN - 1) * 86400U * 1000000U;
        int64_t us = (int64_t)(test_random(&seed) % span) + ((int64_t)DATE_MIN + 1) * 86400000000;
        us = i % 3 ? us : us / 1000000 * 1000000;
        int64_t back;
        uint8_t mem[64];
        buf_t b = BUF_ON_ARRAY(mem);
        time_put_rfc3339(&b, us);
        assert_ok(time_parse_rfc3339(buf_slice(&b), &back));
        assert_true(back == us);
        buf_reset(&b);
        time_put_rfc3339_tokyo(&b, us);
        assert_ok(time_parse_rfc3339(buf_slice(&b), &back));
        assert_true(back == us);
    }
}

static void shown(void **state)
{
    uint8_t mem[512];
    buf_t b = BUF_ON_ARRAY(mem);
    int64_t at = tokyo_instant(20779, 10 * 60 + 2);
    date_put_ja(&b, 20779);
    buf_u8(&b, '|');
    date_put_en(&b, 20779);
    buf_u8(&b, '|');
    time_put_ja(&b, at);
    buf_u8(&b, '|');
    time_put_en(&b, at);
    buf_u8(&b, '|');
    time_put_rfc3339_tokyo(&b, at);
    assert_slice(buf_slice(&b),
                 SLICE("2026年11月22日(日)|Sun, 22 Nov 2026|2026年11月22日(日) 10:02|"
                       "Sun, 22 Nov 2026 10:02 JST|2026-11-22T10:02:00+09:00"));
    static const struct {
        int64_t yen;
        const char *ja, *en;
    } CASES[] = {{0, "0円", "¥0"},
                 {999, "999円", "¥999"},
                 {1000, "1,000円", "¥1,000"},
                 {12300, "12,300円", "¥12,300"},
                 {1000050, "1,000,050円", "¥1,000,050"},
                 {-500, "-500円", "-¥500"},
                 {INT64_MIN, "-9,223,372,036,854,775,808円", "-¥9,223,372,036,854,775,808"}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        buf_reset(&b);
        yen_put_ja(&b, CASES[i].yen);
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].ja));
        buf_reset(&b);
        yen_put_en(&b, CASES[i].yen);
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].en));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_round_trips),
        cmocka_unit_test(days_known),
        cmocka_unit_test(months_added),
        cmocka_unit_test(tokyo),
        cmocka_unit_test(instants),
        cmocka_unit_test(instants_round_trip),
        cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
