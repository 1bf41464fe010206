/* The shop's tables and pure rules: status, booking states, price, fees, office hours, documents,
 * bounded tries, the letter's form, routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agency.h"
#include "booking.h"
#include "booking_state.h"
#include "catalogue.h"
#include "conf.h"
#include "document.h"
#include "fee.h"
#include "office_hours.h"
#include "payment.h"
#include "price.h"
#include "routes.h"
#include "smtp.h"
#include "status.h"
#include "text/b64.h"
#include "throttle.h"

#define GOOD(expr) assert_false(err_failed(expr))
#define BAD(code_, expr) assert_int_equal((expr).code, ERR_##code_)

static void test_status(void **state)
{
    static const struct {
        const char *name;
        seats_t s;
        status_t want;
    } CASES[] = {
        {"empty", {.cap = 40, .min_pax = 15, .deadline_us = 100}, STATUS_OPEN},
        {"below two thirds",
         {.cap = 40, .taken = 9, .min_pax = 15, .deadline_us = 100},
         STATUS_OPEN},
        {"two thirds", {.cap = 40, .taken = 10, .min_pax = 15, .deadline_us = 100}, STATUS_NEAR},
        {"minimum", {.cap = 40, .taken = 15, .min_pax = 15, .deadline_us = 100}, STATUS_RUN},
        {"holds decide nothing",
         {.cap = 40, .taken = 15, .held = 6, .min_pax = 15, .deadline_us = 100},
         STATUS_OPEN},
        {"decided by hand",
         {.cap = 40, .min_pax = 15, .flags = SHOP_FLAG_DECIDED, .deadline_us = 100},
         STATUS_RUN},
        {"full", {.cap = 40, .taken = 40, .min_pax = 15, .deadline_us = 100}, STATUS_FULL},
        {"waiting list",
         {.cap = 40, .taken = 40, .min_pax = 15, .flags = SHOP_FLAG_WAITLIST, .deadline_us = 100},
         STATUS_WAIT},
        {"full by holds",
         {.cap = 4, .taken = 4, .held = 4, .min_pax = 2, .deadline_us = 100},
         STATUS_FULL},
        {"deadline", {.cap = 40, .taken = 20, .min_pax = 15, .deadline_us = 50}, STATUS_CLOSED},
        {"past the deadline, a seat is left",
         {.cap = 40, .taken = 20, .min_pax = 15, .deadline_us = 50, .start_us = 51},
         STATUS_ASK},
        {"past the deadline, full",
         {.cap = 40, .taken = 40, .min_pax = 15, .deadline_us = 50, .start_us = 51},
         STATUS_CLOSED},
        {"the day has begun",
         {.cap = 40, .taken = 20, .min_pax = 15, .deadline_us = 40, .start_us = 50},
         STATUS_CLOSED},
        {"closed by hand: nobody is asked",
         {.cap = 40, .min_pax = 15, .flags = SHOP_FLAG_CLOSED, .deadline_us = 50, .start_us = 51},
         STATUS_CLOSED},
        {"called off",
         {.cap = 40,
          .taken = 40,
          .min_pax = 50,
          .flags = SHOP_FLAG_CALLED_OFF | SHOP_FLAG_CLOSED,
          .deadline_us = 100},
         STATUS_STOPPED},
        {"no room is free",
         {.cap = 40, .taken = 20, .min_pax = 15, .deadline_us = 100, .in_rooms = true},
         STATUS_FULL},
        {"a bed is free",
         {.cap = 40, .taken = 20, .min_pax = 15, .deadline_us = 100, .in_rooms = true, .beds = 1},
         STATUS_RUN},
        {"closed by hand",
         {.cap = 40, .taken = 20, .min_pax = 15, .flags = SHOP_FLAG_CLOSED, .deadline_us = 100},
         STATUS_CLOSED},
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        status_t got = status_of(&CASES[i].s, 50);
        if (got != CASES[i].want) {
            fail_msg("%s: %s", CASES[i].name, status_code(got));
        }
        assert_int_equal(status_bookable(got),
                         got == STATUS_OPEN || got == STATUS_NEAR || got == STATUS_RUN);
    }
    assert_string_equal(status_name_ja(STATUS_WAIT), "キャンセル待ち");
}

/* Every pair, said once more by hand: what may happen in which state. */
static void test_states(void **state)
{
    static const char *const ALLOWED[] = {
        /* travellers consent hold-end cancel seated unseated back - call-off; '.' = refused, : = 10
         */
        [BOOKING_DRAFT] = "2.56....:",
        [BOOKING_READY] = "23564...:",
        [BOOKING_AWAITING_PAYMENT] = "23564...:",
        [BOOKING_CONFIRMED] = "......8.:",
        [BOOKING_EXPIRED] = "....47...",
        [BOOKING_CANCELLED] = ".....7...",
        [BOOKING_REFUNDED_LATE] = ".....7...",
        [BOOKING_REFUNDED] = ".....8...",
        [BOOKING_CALLED_OFF] = ".....:...",
    };
    (void)state;
    for (int from = BOOKING_DRAFT; from <= BOOKING_CALLED_OFF; from++) {
        if (!ALLOWED[from]) {
            continue;
        }
        for (int step = STEP_TRAVELLERS; step <= STEP_CALL_OFF; step++) {
            booking_state_t to = 0;
            char want = ALLOWED[from][step - 1];
            err_t e = booking_step((booking_state_t)from, (booking_step_t)step, &to);
            if (want == '.' ? !err_is(e, ERR_CONFLICT) : err_failed(e) || (int)to + '0' != want) {
                fail_msg("state %d step %d", from, step);
            }
        }
    }
    booking_state_t s;
    BAD(RANGE, booking_state_of(0, &s));
    BAD(RANGE, booking_state_of(9, &s));
    BAD(RANGE, booking_state_of(11, &s));
}

static void test_price(void **state)
{
    static const struct {
        int64_t adults, children, adult, child, want; /* -1: refused */
    } CASES[] = {
        {2, 0, 49800, 39800, 99600},
        {1, 2, 49800, 39800, 129400},
        {1, 0, 0, 0, 0},
        {0, 1, 49800, 39800, -1},
        {9, 0, 1, 1, -1},
        {8, 0, 1, 1, 8},
        {4, 5, 1, 1, -1},
        {1, -1, 1, 1, -1},
        {2, 0, INT64_MAX, 1, -1},
        {1, 1, INT64_MAX, INT64_MAX, -1},
        {1, 0, -5, 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int64_t total = -1;
        err_t e =
            price_total(CASES[i].adults, CASES[i].children, CASES[i].adult, CASES[i].child, &total);
        assert_int_equal(err_failed(e), CASES[i].want < 0);
        assert_int_equal(total, CASES[i].want);
    }
}

static void test_fees(void **state)
{
    static const struct {
        int64_t days;
        int32_t before; /* days before departure */
        int64_t rate;
    } CASES[] = {
        {2, 30, 0}, {2, 21, 0}, {2, 20, 20},  {2, 8, 20},   {2, 7, 30},  {2, 2, 30},
        {2, 1, 40}, {2, 0, 50}, {2, -1, 100}, {1, 11, 0},   {1, 10, 20}, {1, 8, 20},
        {1, 7, 30}, {1, 1, 40}, {1, 0, 50},   {1, -3, 100},
    };
    (void)state;
    const date_t day = 20600;
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        assert_int_equal(fee_rate_on(day, CASES[i].days, day - CASES[i].before), CASES[i].rate);
    }
    fee_tier_t tiers[FEE_COUNT];
    fee_tiers(day, 3, tiers); /* the tiers meet without gap or overlap */
    for (size_t i = 1; i < FEE_COUNT; i++) {
        assert_int_equal(tiers[i].first, tiers[i - 1].last + 1);
        assert_true(tiers[i].rate > tiers[i - 1].rate);
    }
    fee_tiers(0, 3, tiers);
    assert_int_equal(tiers[2].first, 0);
}

static office_hours_t tokyo_office(void)
{
    office_hours_t h = {0};
    for (unsigned day = 1; day <= 5; day++) {
        GOOD(office_hours_add(&h, day, 600, 840));
        GOOD(office_hours_add(&h, day, 900, 1140));
    }
    return h;
}

static void test_office_hours(void **state)
{
    office_hours_t h = tokyo_office();
    date_t monday, holiday;
    (void)state;
    GOOD(date_parse(SLICE("2026-11-23"), &monday));
    assert_int_equal(date_weekday(monday), 1);
    const struct {
        int32_t day, minute;
        bool open;
        int32_t change_day, change_minute;
    } CASES[] = {
        {0, 599, false, 0, 600},  {0, 600, true, 0, 840},  {0, 839, true, 0, 840},
        {0, 840, false, 0, 900},  {0, 900, true, 0, 1140}, {0, 1140, false, 1, 600},
        {4, 1200, false, 7, 600}, /* Friday night to Monday */
        {5, 720, false, 7, 600},  {6, 720, false, 7, 600},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        office_now_t n = office_hours_at(&h, tokyo_instant(monday + CASES[i].day, CASES[i].minute));
        assert_int_equal(n.open, CASES[i].open);
        assert_true(n.known);
        assert_int_equal(n.change_us,
                         tokyo_instant(monday + CASES[i].change_day, CASES[i].change_minute));
    }
    holiday = monday;
    h.closed[h.n_closed++] = holiday;
    office_now_t n = office_hours_at(&h, tokyo_instant(monday, 660));
    assert_false(n.open);
    assert_int_equal(n.change_us, tokyo_instant(monday + 1, 600));
    office_hours_t never = {0};
    assert_false(office_hours_at(&never, 0).known);
    int64_t minute;
    GOOD(office_minute_parse(SLICE("09:05"), &minute));
    assert_int_equal(minute, 545);
    BAD(SYNTAX, office_minute_parse(SLICE("9:05"), &minute));
    BAD(RANGE, office_minute_parse(SLICE("24:01"), &minute));
    BAD(RANGE, office_hours_add(&h, 7, 0, 10));
    BAD(RANGE, office_hours_add(&h, 1, 10, 10));
}

static void test_document(void **state)
{
    slice_t text = SLICE("Title\n\n# One\n\nfirst\nline\n\nsecond\n\n\n\n# Two\n\nx"), block;
    static const struct {
        bool heading;
        const char *text;
    } WANT[] = {{false, "Title"},  {true, "One"}, {false, "first\nline"},
                {false, "second"}, {true, "Two"}, {false, "x"}};
    bool heading;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(WANT); i++) {
        assert_true(document_block(&text, &heading, &block));
        assert_int_equal(heading, WANT[i].heading);
        assert_true(slice_eq(block, slice_cstr_in(WANT[i].text)));
    }
    assert_false(document_block(&text, &heading, &block));
}

static void test_throttle(void **state)
{
    static throttle_t t;
    (void)state;
    throttle_init(&t, 3, 1000);
    for (int i = 0; i < 3; i++) {
        GOOD(throttle_try(&t, SLICE("a"), 1, 100));
    }
    BAD(TOO_MANY, throttle_try(&t, SLICE("a"), 1, 1099));
    GOOD(throttle_try(&t, SLICE("b"), 1, 1099));
    GOOD(throttle_try(&t, SLICE("a"), 1, 1100)); /* a new window */
    throttle_forgive(&t, SLICE("a"), 1100);
    for (int i = 0; i < 3; i++) {
        GOOD(throttle_try(&t, SLICE("a"), 1, 1101));
    }
    BAD(TOO_MANY, throttle_try(&t, SLICE("a"), 1, 1101));
    for (int i = 0; i < 6; i++) {
        GOOD(throttle_try(&t, SLICE("shared"), 2, 1101));
    }
    BAD(TOO_MANY, throttle_try(&t, SLICE("shared"), 2, 1101));
    throttle_deinit(&t);
}

static void test_numbers(void **state)
{
    char code[SHOP_CODE_LETTERS];
    static const char *const GOODS[] = {"SKS-BCDF-GHJK", "sks-bcdf-ghjk", "bcdfghjk", " BCDF GHJK",
                                        "SKSBCDFGHJK"};
    static const char *const BADS[] = {"",
                                       "SKS",
                                       "SKS-BCDF-GHJ",
                                       "SKS-BCDF-GHJKM",
                                       "BCDF-1234",
                                       "4111111111111111",
                                       "ABC-BCDF-GHJK"};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(GOODS); i++) {
        GOOD(booking_code_parse(slice_cstr_in(GOODS[i]), code));
        assert_memory_equal(code, "BCDFGHJK", sizeof code);
    }
    for (size_t i = 0; i < BASE_COUNT(BADS); i++) {
        BAD(SYNTAX, booking_code_parse(slice_cstr_in(BADS[i]), code));
    }
}

static void test_words(void **state)
{
    arena_t a;
    slice_t words[3];
    (void)state;
    arena_init(&a, 1024 * 1024);
    GOOD(search_words(&a, SLICE("　ほっかいどう　ＳＫＩ "), words));
    assert_true(slice_eq(words[0], SLICE("ホッカイドウ")) ||
                slice_eq(words[0], SLICE("ホツカイドウ")));
    assert_true(slice_eq(words[1], SLICE("ski")));
    assert_int_equal(words[2].len, 0);
    arena_deinit(&a);
}

static const smtp_server_t SERVER = {"127.0.0.1", 25, false, "no-reply@sekisho-travel.example"};

static void test_letter_form(void **state)
{
    arena_t a;
    slice_t message;
    smtp_letter_t letter = {
        .id = id_new(),
        .to = SLICE("taro@example.com"),
        .sender_name = SLICE("関所トラベル"),
        .subject =
            SLICE("【ご予約確定】SKS-BCDF-GHJK とても長い題名のツアーの名前がここに続きます"),
        .text = SLICE("一行目\n二行目\n"),
        .date_us = INT64_C(1795317836) * 1000000};
    (void)state;
    arena_init(&a, 1024 * 1024);
    GOOD(smtp_compose(&a, &SERVER, &letter, &message));
    assert_true(slice_find(message, SLICE("Date: Sun, 22 Nov 2026 12:23:56 +0900\r\n")) !=
                SIZE_MAX);
    assert_true(slice_find(message, SLICE("To: <taro@example.com>\r\n")) != SIZE_MAX);
    for (size_t i = 0; i < message.len; i++) { /* ASCII, CR LF only in pairs, no line too long */
        assert_true(message.ptr[i] < 0x80);
        assert_true(message.ptr[i] != '\n' || message.ptr[i - 1] == '\r');
    }
    slice_t rest = message, line;
    while (slice_split(&rest, '\n', &line)) {
        assert_true(line.len <= 79);
    }
    slice_t body = slice_from(message, slice_find(message, SLICE("\r\n\r\n")) + 4);
    uint8_t plain[100];
    buf_t out = BUF_ON_ARRAY(plain);
    GOOD(b64_decode(slice_trim(body), &out));
    assert_true(slice_eq(buf_slice(&out), SLICE("一行目\r\n二行目\r\n")));
    /* nothing of an address can become a header or a command */
    static const char *const BADS[] = {
        "a@b.c\r\nBcc: x@y.z", "a b@c.d", "<a@b.c>", "a@b.c\n", "@", "", "a@b"};
    for (size_t i = 0; i < BASE_COUNT(BADS); i++) {
        letter.to = slice_cstr_in(BADS[i]);
        BAD(SYNTAX, smtp_compose(&a, &SERVER, &letter, &message));
    }
    /* a subject with line ends stays one header */
    letter.to = SLICE("a@example.com");
    letter.subject = SLICE("x\r\nBcc: victim@example.com");
    GOOD(smtp_compose(&a, &SERVER, &letter, &message));
    assert_true(slice_find(message, SLICE("\r\nBcc")) == SIZE_MAX);
    arena_deinit(&a);
}

static void test_routes(void **state)
{
    size_t row = 0, reveals = 0;
    (void)state;
    GOOD(web_routes_check(SHOP_ROUTES, SHOP_ROUTES_COUNT, &row));
    for (size_t i = 0; i < SHOP_ROUTES_COUNT; i++) {
        const web_route_t *r = &SHOP_ROUTES[i];
        reveals += (r->flags & WEB_REVEALS) != 0;
        assert_true(r->csp == WEB_CSP_PAGE || r->csp == WEB_CSP_HANDOFF); /* no script anywhere */
        assert_int_equal(r->csp == WEB_CSP_HANDOFF, (r->flags & WEB_HANDOFF) != 0);
    }
    assert_int_equal(reveals, 3);
}

static void test_conf(void **state)
{
    shop_conf_t c;
    conf_fault_t fault;
    (void)state;
    GOOD(conf_read_text(&SHOP_CONF, "", &c, &fault));
    GOOD(shop_conf_check(&c));
    assert_int_equal(c.hold_minutes, 45);
    static const char *const BADS[] = {"[site]\nbase_url = ftp://x\n",
                                       "[site]\nbase_url = http://x/y\n", "[site]\ntls = yes\n",
                                       "[pay]\nprovider_origin = javascript:alert\n"};
    for (size_t i = 0; i < BASE_COUNT(BADS); i++) {
        GOOD(conf_read_text(&SHOP_CONF, BADS[i], &c, &fault));
        BAD(CONFIG, shop_conf_check(&c));
    }
    BAD(CONFIG, conf_read_text(&SHOP_CONF, "[booking]\nhold_minutes = 30\n", &c, &fault));
    BAD(CONFIG, conf_read_text(&SHOP_CONF, "[site]\nnonsense = 1\n", &c, &fault));
}

static void test_agency(void **state)
{
    static agency_t agency;
    arena_t a;
    slice_t fault = SLICE_EMPTY;
    struct tpl_office page;
    (void)state;
    arena_init(&a, 8 * 1024 * 1024);
    err_t e = agency_load(&a, PATH(SHOP_DATA_DIR "/demo/catalogue.json"), &agency, &fault);
    if (err_failed(e)) {
        fail_msg("%.*s", SLICE_FMT(fault));
    }
    assert_true(agency.n_offices >= 2);
    const office_t *sapporo = agency_office(&agency, SLICE("sapporo"));
    assert_true(slice_eq(sapporo->code, SLICE("sapporo")));
    assert_true(slice_eq(sapporo->page[0].hours[0].times, SLICE("09:00–12:00 / 13:00–17:00")));
    date_t monday;
    GOOD(date_parse(SLICE("2026-11-23"), &monday));
    GOOD(agency_office_page(&a, sapporo, I18N_JA, tokyo_instant(monday, 700), &page));
    assert_true(page.open);
    GOOD(agency_office_page(&a, sapporo, I18N_EN, tokyo_instant(monday, 740), &page));
    assert_false(page.open);
    assert_true(page.next.len > 0);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(test_status),       cmocka_unit_test(test_states),
        cmocka_unit_test(test_price),        cmocka_unit_test(test_fees),
        cmocka_unit_test(test_office_hours), cmocka_unit_test(test_document),
        cmocka_unit_test(test_throttle),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),        cmocka_unit_test(test_letter_form),
        cmocka_unit_test(test_routes),       cmocka_unit_test(test_conf),
        cmocka_unit_test(test_agency),
    };
    return cmocka_run_group_tests_name("shop tables", cases, NULL, NULL);
}
