/* The fee engine by its rules: rows of the standard terms, whose day counts, own tables, limits,
 * calendar. The comparison with the oracle (scenes/oracle) has the million; here each rule has its
 * name. */
#include "base/clock.h"
#include "base/test.h"
#include "fee.h"
#include "holiday.h"

static date_t day(const char *text)
{
    date_t d = 0;
    assert_ok(date_parse(slice_cstr_in(text), &d));
    return d;
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_ok(time_parse_rfc3339(slice_cstr_in(text), &us));
    return us;
}

static office_hours_t tokyo_office(void)
{
    office_hours_t h = {.holidays_closed = true};
    for (unsigned weekday = 1; weekday <= 5; weekday++) {
        assert_ok(office_hours_add(&h, weekday, 600, 840));
        assert_ok(office_hours_add(&h, weekday, 900, 1140));
    }
    assert_ok(office_hours_yearly(&h, SLICE("12-30"), SLICE("01-03")));
    return h;
}

static fee_case_t case_on(const char *departure)
{
    return (fee_case_t){.product = FEE_DOMESTIC,
                        .departure = day(departure),
                        .service_start_us = tokyo_instant(day(departure), 480),
                        .contract = day("2026-01-10"),
                        .price_yen = 100000,
                        .booked = 3,
                        .cancelled = 2,
                        .channel = FEE_BY_WEB};
}

static fee_quote_t sound(const fee_case_t *c)
{
    fee_quote_t q = {0};
    assert_int_equal(fee_quote(c, &q), FEE_SOUND);
    assert_int_equal(q.total_yen, q.each_yen * c->cancelled);
    assert_int_equal(q.lines[q.n_lines - 1].kind, FEE_LINE_TOTAL);
    return q;
}

/* 別表第一, each row at both of its ends. */
static void test_standard(void **state)
{
    static const struct {
        fee_product_t product;
        bool trip, peak;
        int32_t before;
        const char *row;
        int64_t percent;
    } CASES[] = {
        {FEE_DOMESTIC, false, false, 21, "", 0},
        {FEE_DOMESTIC, false, false, 20, "D1.i", 20},
        {FEE_DOMESTIC, false, false, 8, "D1.i", 20},
        {FEE_DOMESTIC, false, false, 7, "D1.ro", 30},
        {FEE_DOMESTIC, false, false, 2, "D1.ro", 30},
        {FEE_DOMESTIC, false, false, 1, "D1.ha", 40},
        {FEE_DOMESTIC, false, false, 0, "D1.ni", 50},
        {FEE_DOMESTIC, true, false, 11, "", 0},
        {FEE_DOMESTIC, true, false, 10, "D1.i", 20},
        {FEE_DOMESTIC, true, false, 8, "D1.i", 20},
        {FEE_DOMESTIC, true, false, 7, "D1.ro", 30},
        {FEE_OVERSEAS_AIR, false, false, 40, "", 0},
        {FEE_OVERSEAS_AIR, false, false, 31, "", 0},
        {FEE_OVERSEAS_AIR, false, true, 41, "", 0},
        {FEE_OVERSEAS_AIR, false, true, 40, "O1.i", 10},
        {FEE_OVERSEAS_AIR, false, true, 31, "O1.i", 10},
        {FEE_OVERSEAS_AIR, false, true, 30, "O1.ro", 20},
        {FEE_OVERSEAS_AIR, true, false, 30, "O1.ro", 20},
        {FEE_OVERSEAS_AIR, false, false, 3, "O1.ro", 20},
        {FEE_OVERSEAS_AIR, false, false, 2, "O1.ha", 50},
        {FEE_OVERSEAS_AIR, false, false, 0, "O1.ha", 50},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 91, "", 0},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 90, "O2.i", 20},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 31, "O2.i", 20},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 30, "O2.ro", 50},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 21, "O2.ro", 50},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 20, "O2.ha", 80},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 4, "O2.ha", 80},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 3, "O2.ni", 100},
        {FEE_OVERSEAS_CHARTER_AIR, false, false, 0, "O2.ni", 100},
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        fee_case_t c = case_on(CASES[i].peak ? "2026-08-31" : "2026-09-01");
        c.product = CASES[i].product;
        c.day_trip = CASES[i].trip;
        c.request_us = tokyo_instant(c.departure - CASES[i].before, 479);
        fee_quote_t q = sound(&c);
        assert_slice(q.rule.id, slice_cstr_in(CASES[i].row));
        assert_int_equal(q.each_yen, 1000 * CASES[i].percent);
        assert_int_equal(q.days, CASES[i].before);
    }
}

static void test_after_start(void **state)
{
    (void)state;
    for (int product = FEE_DOMESTIC; product <= FEE_OVERSEAS_CHARTER_AIR; product++) {
        fee_case_t c = case_on("2026-09-01");
        c.product = (fee_product_t)product;
        c.request_us = c.service_start_us;
        assert_int_equal(sound(&c).phase, FEE_AFTER_START);
        assert_int_equal(sound(&c).each_yen, c.price_yen);
        c.request_us = c.service_start_us - 1;
        assert_int_equal(sound(&c).phase, FEE_DEPARTURE_DAY);
        c.request_us = tokyo_instant(c.departure + 30, 0); /* long after */
        assert_int_equal(sound(&c).each_yen, c.price_yen);
        c.no_show = true;
        assert_int_equal(sound(&c).phase, FEE_NO_SHOW);
        assert_int_equal(sound(&c).total_yen, 2 * c.price_yen);
    }
    fee_case_t c = case_on("2026-09-01"); /* start not known: the whole day is before it */
    c.service_start_us = tokyo_instant(c.departure, 1440);
    c.request_us = c.service_start_us - 1;
    assert_int_equal(sound(&c).each_yen, 50000);
}

static void test_peak(void **state)
{
    static const struct {
        const char *departure;
        bool peak;
    } CASES[] = {{"2026-12-19", false}, {"2026-12-20", true},  {"2027-01-07", true},
                 {"2027-01-08", false}, {"2026-04-26", false}, {"2026-04-27", true},
                 {"2026-05-06", true},  {"2026-05-07", false}, {"2026-07-19", false},
                 {"2026-07-20", true},  {"2026-08-31", true},  {"2026-09-01", false}};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        fee_standard_t t;
        fee_standard_for(FEE_OVERSEAS_AIR, false, day(CASES[i].departure), day("2026-01-10"), &t);
        assert_int_equal(t.peak, CASES[i].peak);
        assert_int_equal(t.n_rules, CASES[i].peak ? 4 : 3);
    }
}

/* When a request counts: 2026-11-20 is a Friday, the 23rd a Monday and a holiday. */
static void test_whose_day(void **state)
{
    static const struct {
        fee_channel_t by;
        const char *request;
        fee_date_rule_t rule;
        const char *effective;
    } CASES[] = {
        {FEE_BY_PHONE, "2026-11-20T10:00:00+09:00", FEE_DATE_OFFICE_HOURS, "2026-11-20"},
        {FEE_BY_PHONE, "2026-11-20T09:59:59+09:00", FEE_DATE_NEXT_OPENING, "2026-11-20"},
        {FEE_BY_FAX, "2026-11-20T13:59:59+09:00", FEE_DATE_OFFICE_HOURS, "2026-11-20"},
        {FEE_BY_FAX, "2026-11-20T14:00:00+09:00", FEE_DATE_NEXT_OPENING, "2026-11-20"},
        {FEE_BY_EMAIL, "2026-11-20T18:59:59+09:00", FEE_DATE_OFFICE_HOURS, "2026-11-20"},
        {FEE_BY_EMAIL, "2026-11-20T19:00:00+09:00", FEE_DATE_NEXT_OPENING, "2026-11-24"},
        {FEE_BY_COUNTER, "2026-11-23T11:00:00+09:00", FEE_DATE_NEXT_OPENING, "2026-11-24"},
        {FEE_BY_WEB, "2026-11-23T03:00:00+09:00", FEE_DATE_INSTANT, "2026-11-23"},
        {FEE_BY_WEB, "2026-11-22T23:59:59+09:00", FEE_DATE_INSTANT, "2026-11-22"},
        {FEE_BY_PHONE, "2026-12-29T19:00:00+09:00", FEE_DATE_NEXT_OPENING, "2027-01-04"},
        {FEE_BY_PHONE, "2027-01-15T19:00:00+09:00", FEE_DATE_HELD_AT_DEPARTURE, "2027-01-16"},
    };
    office_hours_t office = tokyo_office();
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        fee_case_t c = case_on("2027-01-16"); /* a Saturday */
        c.office = &office;
        c.channel = CASES[i].by;
        c.request_us = at(CASES[i].request);
        fee_quote_t q = sound(&c);
        assert_int_equal(q.date_rule, CASES[i].rule);
        assert_int_equal(q.effective, day(CASES[i].effective));
    }
}

static void test_office_hours(void **state)
{
    office_hours_t h = tokyo_office(), never = {0};
    date_t monday = day("2026-11-30");
    const struct {
        int32_t day, minute;
        bool open;
        int32_t change_day, change_minute;
    } CASES[] = {
        {0, 599, false, 0, 600},   {0, 600, true, 0, 840},  {0, 839, true, 0, 840},
        {0, 840, false, 0, 900},   {0, 900, true, 0, 1140}, {0, 1140, false, 1, 600},
        {4, 1200, false, 7, 600},  {5, 720, false, 7, 600}, {6, 720, false, 7, 600},
        {-7, 720, false, -6, 600}, /* 勤労感謝の日 */
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        office_now_t n = office_hours_at(&h, tokyo_instant(monday + CASES[i].day, CASES[i].minute));
        assert_int_equal(n.open, CASES[i].open);
        assert_true(n.known);
        assert_int_equal(n.change_us,
                         tokyo_instant(monday + CASES[i].change_day, CASES[i].change_minute));
    }
    h.closed[h.n_closed++] = monday;
    assert_false(office_hours_at(&h, tokyo_instant(monday, 660)).open);
    assert_ok(office_hours_special(&h, monday, 660, 670)); /* hours of its own go before closing */
    assert_true(office_hours_at(&h, tokyo_instant(monday, 660)).open);
    assert_ok(office_hours_special(&h, monday + 1, 0, 0));
    assert_false(office_hours_at(&h, tokyo_instant(monday + 1, 660)).open);
    assert_false(office_hours_at(&never, 0).known);
    assert_err(office_hours_add(&h, 7, 0, 10), ERR_RANGE);
    assert_err(office_hours_add(&h, 1, 10, 10), ERR_RANGE);
    assert_err(office_hours_yearly(&h, SLICE("13-01"), SLICE("01-03")), ERR_RANGE);
    assert_err(office_hours_yearly(&h, SLICE("1-1"), SLICE("01-03")), ERR_SYNTAX);
    int64_t minute;
    assert_ok(office_minute_parse(SLICE("09:05"), &minute));
    assert_int_equal(minute, 545);
    assert_err(office_minute_parse(SLICE("9:05"), &minute), ERR_SYNTAX);
    assert_err(office_minute_parse(SLICE("24:01"), &minute), ERR_RANGE);
}

/* --- own tables ------------------------------------------------------------------------------- */

static const char OWN[] =
    "# 2026\ntable s1 2026-01-01 2026-03-31\nsource 条件書 8項\nchecked 2026-11-20\n"
    "rule r1 days 30-8 percent 10 cap 5000\nrule r2 days 7-1 yen 45000\n"
    "rule r3 days 0 percent 100\nrule r4 after percent 100\n";

static fee_own_t own_of(arena_t *a, const char *text)
{
    fee_own_t own = {0};
    size_t line = 0;
    err_t e = fee_own_parse(a, slice_cstr_in(text), &own, &line);
    if (err_failed(e)) {
        fail_msg("line %zu: %s", line, err_name(e.code));
    }
    return own;
}

static void test_own(void **state)
{
    static const struct {
        int32_t before;
        int64_t yen;
        fee_limit_t limit;
    } CASES[] = {
        {31, 0, FEE_LIMIT_NONE},        {30, 0, FEE_LIMIT_STANDARD}, /* the terms: none yet */
        {20, 5000, FEE_LIMIT_CAP},      {7, 30000, FEE_LIMIT_STANDARD},
        {1, 40000, FEE_LIMIT_STANDARD}, {0, 50000, FEE_LIMIT_STANDARD}};
    arena_t a;
    (void)state;
    arena_init(&a, 1024 * 1024);
    fee_own_t own = own_of(&a, OWN);
    fee_case_t c = case_on("2026-09-01");
    c.own = &own;
    c.n_own = 1;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        c.request_us = tokyo_instant(c.departure - CASES[i].before, 1);
        fee_quote_t q = sound(&c);
        assert_int_equal(q.each_yen, CASES[i].yen);
        assert_int_equal(q.limited_by, CASES[i].limit);
    }
    c.product = FEE_TICKETS; /* no standard table behind: the price alone is the end */
    c.price_yen = 40000;
    c.request_us = tokyo_instant(c.departure - 1, 1);
    assert_int_equal(sound(&c).limited_by, FEE_LIMIT_PRICE);
    c.contract = day("2026-04-01"); /* the table is over */
    fee_quote_t q;
    assert_int_equal(fee_quote(&c, &q), FEE_NO_TABLE);
    c.product = FEE_DOMESTIC;
    assert_slice(sound(&c).rule.id, SLICE("D1.ha"));
    fee_own_t two[] = {own, own};
    c.own = two;
    c.n_own = 2;
    assert_int_equal(sound(&c).each_yen, 16000);
    c.contract = day("2026-03-31");
    assert_int_equal(fee_quote(&c, &q), FEE_BAD_TABLE);
    arena_deinit(&a);
}

static void test_own_web(void **state)
{
    arena_t a;
    office_hours_t office = tokyo_office();
    (void)state;
    arena_init(&a, 1024 * 1024);
    fee_own_t own = own_of(&a, "table w * *\nweb office\nrule r days *-0 percent 1\n");
    fee_case_t c = case_on("2026-12-10");
    c.own = &own;
    c.n_own = 1;
    c.request_us = at("2026-11-20T19:00:00+09:00");
    fee_quote_t q;
    assert_int_equal(fee_quote(&c, &q), FEE_BAD_OFFICE);
    c.office = &office;
    assert_int_equal(sound(&c).effective, day("2026-11-24"));
    arena_deinit(&a);
}

static void test_own_refused(void **state)
{
    static const struct {
        const char *text;
        err_code_t want;
        size_t line;
    } CASES[] = {
        {"", ERR_SYNTAX, 1},
        {"rule r days 1 percent 1\n", ERR_SYNTAX, 1},
        {"table a * *\ntable b * *\n", ERR_SYNTAX, 2},
        {"table a 2026-02-30 *\n", ERR_RANGE, 1},
        {"table a 2026-04-01 2026-03-31\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 1-2 percent 1\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 5-3 percent 1\n\nrule s days 3-1 percent 1\n", ERR_CONFLICT, 4},
        {"table a * *\nrule r days 5 percent 1\nrule r days 3 percent 1\n", ERR_CONFLICT, 3},
        {"table a * *\nrule r after percent 1\nrule s after percent 1\n", ERR_CONFLICT, 3},
        {"table a * *\nrule r days 5 percent 101\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 5 percent -1\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 10000 percent 1\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 5 yen 100000001\n", ERR_RANGE, 2},
        {"table a * *\nrule r days 5 percent 1 cap\n", ERR_SYNTAX, 2},
        {"table a * *\nrule r days 5 percent 1 cap 1 more\n", ERR_SYNTAX, 2},
        {"table a * *\nrule r days * percent 1\n", ERR_SYNTAX, 2},
        {"table a * *\nwhat\n", ERR_SYNTAX, 2},
        {"table a * *\nweb later\n", ERR_SYNTAX, 2},
    };
    arena_t a;
    (void)state;
    arena_init(&a, 1024 * 1024);
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        fee_own_t own;
        size_t line = 0;
        err_t e = fee_own_parse(&a, slice_cstr_in(CASES[i].text), &own, &line);
        if (!err_is(e, CASES[i].want) || line != CASES[i].line) {
            fail_msg("%zu: %s at line %zu", i, err_name(e.code), line);
        }
    }
    a.fail_after = 0;
    fee_own_t own;
    size_t line;
    assert_err(fee_own_parse(&a, slice_cstr_in(OWN), &own, &line), ERR_MEMORY);
    arena_deinit(&a);
}

/* --- amounts, faults, explanation ------------------------------------------------------------- */

static void test_rounding(void **state)
{
    (void)state;
    fee_case_t c = case_on("2026-09-01");
    c.request_us = tokyo_instant(c.departure - 7, 1);
    c.price_yen = 99999; /* 29999.7 */
    fee_quote_t q = sound(&c);
    assert_int_equal(q.each_yen, 29999);
    const fee_line_t *line = &q.lines[q.n_lines - 2];
    assert_int_equal(line->kind, FEE_LINE_PERCENT);
    assert_int_equal(line->cut, 70);
    c.price_yen = FEE_YEN_MAX;
    c.booked = c.cancelled = FEE_PAX_MAX;
    assert_int_equal(sound(&c).total_yen, INT64_C(30000000000));
    c.price_yen = 0;
    assert_int_equal(sound(&c).total_yen, 0);
}

static void test_faults(void **state)
{
    (void)state;
    fee_case_t good = case_on("2026-09-01");
    good.request_us = at("2026-08-01T00:00:00+09:00");
    office_hours_t never = {0};
    fee_quote_t q = {.n_lines = 99};
#define FAULT(want_, ...)                                                                          \
    do {                                                                                           \
        fee_case_t c = good;                                                                       \
        __VA_ARGS__;                                                                               \
        assert_int_equal(fee_quote(&c, &q), (want_));                                              \
    } while (0)
    FAULT(FEE_BAD_CASE, c.product = (fee_product_t)0);
    FAULT(FEE_BAD_CASE, c.product = (fee_product_t)7);
    FAULT(FEE_BAD_CASE, c.price_yen = -1);
    FAULT(FEE_BAD_CASE, c.price_yen = FEE_YEN_MAX + 1);
    FAULT(FEE_BAD_CASE, c.cancelled = 4);
    FAULT(FEE_BAD_CASE, c.cancelled = 0);
    FAULT(FEE_BAD_CASE, c.booked = FEE_PAX_MAX + 1);
    FAULT(FEE_BAD_CASE, c.contract = c.departure + 1);
    FAULT(FEE_BAD_CASE, c.service_start_us -= CLOCK_DAY_US);
    FAULT(FEE_BAD_CASE, c.channel = (fee_channel_t)0);
    FAULT(FEE_BAD_OFFICE, c.channel = FEE_BY_PHONE);
    FAULT(FEE_OFFICE_NEVER_OPENS, c.channel = FEE_BY_PHONE; c.office = &never);
    FAULT(FEE_BEFORE_CONTRACT, c.contract = day("2026-08-02"));
    FAULT(FEE_NO_TABLE, c.product = FEE_TICKETS);
    FAULT(FEE_NO_TABLE, c.product = FEE_OVERSEAS_SHIP);
    FAULT(FEE_NO_TABLE, c.contract = day("2005-03-31"));
#undef FAULT
    assert_int_equal(q.n_lines, 99); /* untouched */
}

/* Every fee is the end of a chain that its lines show: base, percent, limits, total. */
static void test_explained(void **state)
{
    arena_t a;
    (void)state;
    arena_init(&a, 1024 * 1024);
    fee_own_t own = own_of(&a, OWN);
    fee_case_t c = case_on("2026-09-01");
    for (int with = 0; with < 2; with++) {
        c.own = with ? &own : NULL;
        c.n_own = (size_t)with;
        for (int32_t before = -2; before < 45; before++) {
            c.request_us = tokyo_instant(c.departure - before, 30);
            fee_quote_t q = sound(&c);
            int64_t yen = 0;
            assert_int_equal(q.lines[0].kind, FEE_LINE_REQUEST);
            assert_int_equal(q.lines[1].kind, FEE_LINE_DAYS);
            assert_int_equal(q.lines[2].kind, with ? FEE_LINE_OWN : FEE_LINE_STANDARD);
            for (size_t i = 3; i < q.n_lines; i++) {
                const fee_line_t *l = &q.lines[i];
                assert_true(l->kind != FEE_LINE_PERCENT ||
                            l->yen * 100 + l->cut == l->base_yen * l->percent);
                assert_true(l->kind != FEE_LINE_LIMIT || (l->base_yen == yen && l->yen < yen));
                assert_true(l->kind != FEE_LINE_TOTAL ||
                            (l->base_yen == yen && l->yen == yen * l->count));
                yen = l->kind == FEE_LINE_PERCENT || l->kind == FEE_LINE_FIXED ||
                              l->kind == FEE_LINE_LIMIT
                          ? l->yen
                          : yen;
            }
            assert_int_equal(yen, q.each_yen);
        }
    }
    arena_deinit(&a);
}

static void test_tiers(void **state)
{
    fee_tier_t t[FEE_TIERS_MAX];
    size_t n;
    arena_t a;
    (void)state;
    const date_t departure = 20600;
    fee_tiers(FEE_DOMESTIC, false, departure, 20000, NULL, t, &n);
    assert_int_equal(n, 6);
    assert_int_equal(t[0].percent, 0);
    assert_int_equal(t[0].last, departure - 21);
    for (size_t i = 1; i < n; i++) { /* the tiers meet without gap or overlap */
        assert_int_equal(t[i].first, t[i - 1].last + 1);
        assert_true(t[i].percent > t[i - 1].percent);
    }
    fee_tiers(FEE_DOMESTIC, true, 0, 20000, NULL, t, &n);
    assert_int_equal(t[1].from_day, 10);
    assert_int_equal(t[1].first, 0);
    fee_tiers(FEE_TICKETS, false, departure, 20000, NULL, t, &n);
    assert_int_equal(n, 0);
    arena_init(&a, 1024 * 1024);
    fee_own_t own =
        own_of(&a, "table g * *\nrule x days 9-8 percent 5\nrule y days 5-1 percent 50\n");
    fee_tiers(FEE_DOMESTIC, false, departure, 20000, &own, t, &n);
    assert_int_equal(n, 6); /* 10 and earlier, 9-8, 7-6, 5-1, 0, after the start */
    assert_int_equal(t[2].from_day, 7);
    assert_int_equal(t[2].percent, 0);
    assert_int_equal(t[5].from_day, FEE_NO_DAY);
    arena_deinit(&a);
}

/* --- holidays --------------------------------------------------------------------------------- */

static void test_holidays(void **state)
{
    date_t d, before = 0;
    slice_t name;
    size_t n = 0;
    (void)state;
    for (; holiday_at(n, &d, &name); n++) {
        assert_true(d > before && name.len > 0);
        assert_true(holiday_is(d) && holiday_year_known(date_to_ymd(d).year));
        before = d;
    }
    assert_int_equal(n, 129);
    assert_false(holiday_is(day("2026-11-24")) || holiday_is(day("2031-01-01")));
    assert_false(holiday_year_known(2023) || holiday_year_known(2031));
    /* article 3 (2): a holiday on a Sunday makes the next day that is none a day off */
    for (date_t x = day("2024-01-01"); x <= day("2030-12-31"); x++) {
        if (date_weekday(x) == 0 && holiday_is(x)) {
            date_t next = x + 1;
            while (holiday_is(next) && !slice_starts(holiday_name(next), SLICE("休日"))) {
                next++;
            }
            assert_slice(holiday_name(next), SLICE("休日（振替）"));
        }
    }
    assert_slice(holiday_name(day("2026-09-22")), SLICE("休日（国民の休日）"));
}

/* The house's table against a list that others made, where it is at hand. */
static void test_holidays_shared(void **state)
{
    char line[256];
    size_t n = 0;
    (void)state;
    FILE *f = fopen(SHARED_DIR "/data/holidays/jp_national_holidays_2016-2030.csv", "r");
    if (!f) {
        skip();
    }
    while (fgets(line, sizeof line, f)) {
        date_t d;
        slice_t rest = slice_trim(slice_cstr_in(line)), word, want;
        assert_true(slice_split(&rest, ',', &word) && slice_split(&rest, ',', &want));
        if (!err_failed(date_parse(word, &d)) && holiday_year_known(date_to_ymd(d).year)) {
            assert_slice(holiday_name(d), want);
            n++;
        }
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(n, 129); /* and none that they do not know */
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_standard),     cmocka_unit_test(test_after_start),
        cmocka_unit_test(test_peak),         cmocka_unit_test(test_whose_day),
        cmocka_unit_test(test_office_hours), cmocka_unit_test(test_own),
        cmocka_unit_test(test_own_web),      cmocka_unit_test(test_own_refused),
        cmocka_unit_test(test_rounding),     cmocka_unit_test(test_faults),
        cmocka_unit_test(test_explained),    cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_holidays),     cmocka_unit_test(test_holidays_shared),
    };
    return cmocka_run_group_tests_name("shop fees", cases, NULL, NULL);
}
