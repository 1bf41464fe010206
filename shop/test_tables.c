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
#include "fee_words.h"
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
        /* travellers consent hold-end cancel seated unseated back cancel-paid; '.' = refused */
        [BOOKING_DRAFT] = "2.56....",
        [BOOKING_READY] = "23564...",
        [BOOKING_AWAITING_PAYMENT] = "23564...",
        [BOOKING_CONFIRMED] = "......89",
        [BOOKING_EXPIRED] = "....47..",
        [BOOKING_CANCELLED] = ".....7..",
        [BOOKING_REFUNDED_LATE] = ".....7..",
        [BOOKING_REFUNDED] = ".....8..",
        [BOOKING_CANCELLED_PAID] = ".....9..",
    };
    (void)state;
    for (int from = BOOKING_DRAFT; from <= BOOKING_CANCELLED_PAID; from++) {
        for (int step = STEP_TRAVELLERS; step <= STEP_CANCEL_PAID; step++) {
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
    BAD(RANGE, booking_state_of(10, &s));
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

/* Each kind of line, in both languages, is a sentence without holes. */
static void test_fee_words(void **state)
{
    static const struct {
        fee_line_t line;
        const char *ja, *en;
    } CASES[] = {
        {{.kind = FEE_LINE_REQUEST, .date_rule = FEE_DATE_INSTANT, .day = 20600},
         "民法第97条第1項",
         "97(1)"},
        {{.kind = FEE_LINE_REQUEST, .date_rule = FEE_DATE_OFFICE_HOURS, .day = 20600},
         "営業時間内",
         "within"},
        {{.kind = FEE_LINE_REQUEST, .date_rule = FEE_DATE_NEXT_OPENING, .day = 20600},
         "次に営業する",
         "opens next"},
        {{.kind = FEE_LINE_REQUEST, .date_rule = FEE_DATE_HELD_AT_DEPARTURE},
         "出発より後",
         "only after"},
        {{.kind = FEE_LINE_REQUEST, .date_rule = FEE_DATE_NONE}, "お申し出は", "Your request"},
        {{.kind = FEE_LINE_DAYS, .phase = FEE_BEFORE, .days = 21}, "21日目", "day 21"},
        {{.kind = FEE_LINE_DAYS, .phase = FEE_DEPARTURE_DAY}, "当日", "day of departure"},
        {{.kind = FEE_LINE_DAYS, .phase = FEE_AFTER_START}, "旅行開始後", "has started"},
        {{.kind = FEE_LINE_DAYS, .phase = FEE_NO_SHOW}, "無連絡不参加", "absence"},
        {{.kind = FEE_LINE_STANDARD, .part = 1, .item = 1, .letter = SLICE("ロ")},
         "（一）ロ",
         "row ロ"},
        {{.kind = FEE_LINE_STANDARD, .part = 2, .item = 2}, "貸切航空機", "sets no fee"},
        {{.kind = FEE_LINE_OWN, .id = SLICE("s1"), .day = DATE_MIN, .until = DATE_MAX},
         "「s1」",
         "s1"},
        {{.kind = FEE_LINE_OWN, .source = SLICE("書面"), .day = 20454, .until = DATE_MAX},
         "以降",
         "from"},
        {{.kind = FEE_LINE_OWN, .source = SLICE("書面"), .day = 20454, .until = 20600},
         "まで",
         " to "},
        {{.kind = FEE_LINE_OWN, .source = SLICE("書面"), .day = DATE_MIN, .until = 20600},
         "まで",
         "until"},
        {{.kind = FEE_LINE_PEAK, .peak = true}, "あたります", "in the peak"},
        {{.kind = FEE_LINE_PEAK}, "あたりません", "outside"},
        {{.kind = FEE_LINE_RULE, .from_day = 7, .to_day = 2, .percent = 30},
         "7日目から2日目まで",
         "30%"},
        {{.kind = FEE_LINE_RULE, .from_day = 2, .to_day = 0, .fixed = true, .yen = 5000},
         "5,000円",
         "¥5,000"},
        {{.kind = FEE_LINE_RULE, .from_day = FEE_NO_DAY, .to_day = FEE_NO_DAY, .percent = 100},
         "無連絡",
         "100%"},
        {{.kind = FEE_LINE_RULE, .from_day = 1, .to_day = 1, .percent = 40}, "前日", "40%"},
        {{.kind = FEE_LINE_RULE, .from_day = FEE_DAY_ANY, .to_day = 21},
         "21日目以前",
         "or earlier"},
        {{.kind = FEE_LINE_FREE}, "かかりません", "no fee"},
        {{.kind = FEE_LINE_PERCENT, .base_yen = 99999, .percent = 30, .yen = 29999, .cut = 70},
         "切り捨て",
         "dropped"},
        {{.kind = FEE_LINE_PERCENT, .base_yen = 10000, .percent = 30, .yen = 3000},
         "3,000円",
         "¥3,000"},
        {{.kind = FEE_LINE_FIXED, .yen = 3000}, "定額", "Flat"},
        {{.kind = FEE_LINE_LIMIT, .limit = FEE_LIMIT_CAP, .base_yen = 9, .yen = 5}, "上限", "cap"},
        {{.kind = FEE_LINE_LIMIT, .limit = FEE_LIMIT_PRICE, .base_yen = 9, .yen = 5},
         "旅行代金を超え",
         "exceeds the price"},
        {{.kind = FEE_LINE_LIMIT, .limit = FEE_LIMIT_STANDARD, .base_yen = 9, .yen = 5},
         "標準旅行業約款",
         "Standard Terms"},
        {{.kind = FEE_LINE_TOTAL, .base_yen = 3000, .count = 2, .yen = 6000}, "6,000円", "¥6,000"},
    };
    arena_t a;
    slice_t text;
    (void)state;
    arena_init(&a, 1024 * 1024);
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        GOOD(fee_words_line(&a, I18N_JA, &CASES[i].line, &text));
        if (slice_find(text, slice_cstr_in(CASES[i].ja)) == SIZE_MAX) {
            fail_msg("%zu: %.*s", i, SLICE_FMT(text));
        }
        GOOD(fee_words_line(&a, I18N_EN, &CASES[i].line, &text));
        if (slice_find(text, slice_cstr_in(CASES[i].en)) == SIZE_MAX) {
            fail_msg("%zu: %.*s", i, SLICE_FMT(text));
        }
        assert_int_equal(slice_find_byte(text, '{'), SIZE_MAX);
    }
    arena_deinit(&a);
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
    assert_int_equal(reveals, 5);
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
    GOOD(date_parse(SLICE("2026-11-23"), &monday)); /* 勤労感謝の日 */
    GOOD(agency_office_page(&a, sapporo, I18N_JA, tokyo_instant(monday, 700), &page));
    assert_false(page.open);
    GOOD(agency_office_page(&a, sapporo, I18N_JA, tokyo_instant(monday + 37, 700), &page));
    assert_false(page.open); /* 30 December, a Wednesday */
    monday += 7;
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
        cmocka_unit_test(test_status),      cmocka_unit_test(test_states),
        cmocka_unit_test(test_price),       cmocka_unit_test(test_fee_words),
        cmocka_unit_test(test_document),    cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_words),
        cmocka_unit_test(test_letter_form), cmocka_unit_test(test_routes),
        cmocka_unit_test(test_conf),        cmocka_unit_test(test_agency),
    };
    return cmocka_run_group_tests_name("shop tables", cases, NULL, NULL);
}
