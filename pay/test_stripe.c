/* Stripe's adapter: signatures with time, notifications of every kind and of wrong kinds, and
 * answers of a provider that is hostile or broken. */
#include "test_peer.h"

#include "base/clock.h"
#include "stripe.h"

static arena_t arena;
static adapter_t adapter;
static clock_cell_t cell;

static void key_set(size_t i, const char *text)
{
    adapter.webhook_keys[i].len = strlen(text);
    memcpy(adapter.webhook_keys[i].b, text, strlen(text));
}

/* The clock stands at this second (it goes on from there). */
static void now_is(int64_t second)
{
    cell = (clock_cell_t){0};
    clock_attach(&cell);
    cell.offset_us = second * CLOCK_SECOND_US - clock_wall_us();
}

static int up(void **state)
{
    arena_init(&arena, 16 * 1024 * 1024);
    memset(&adapter, 0, sizeof adapter);
    stripe_init(&adapter);
    key_set(0, "whsec_0123456789abcdef");
    adapter.api_key.len = 32;
    memset(adapter.api_key.b, 'k', 32);
    adapter.page_origin = "https://checkout.example";
    test_peer_open();
    adapter.base_url = test_peer.base;
    return 0;
}

static int down(void **state)
{
    test_peer_close();
    clock_attach(NULL);
    arena_deinit(&arena);
    return 0;
}

/* ---- signatures ---- */

/* Made with: printf %s "1790000000.BODY" | openssl dgst -sha256 -hmac KEY */
#define BODY "{\"id\":\"evt_1\",\"type\":\"ping\"}"
#define V1 "152a6f2bedc04bc105b464e89e914c1d897371834f162f6560270b8b6180de21"
#define V1_OLD "4d173396d17891a863d0d7aed0bc6bcedba7418bd159ad5d792f2679d2f646ee"
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"

static void signatures(void **state)
{
    static const struct {
        const char *header;
        int64_t now_s;
        bool good;
    } ROWS[] = {
        {"t=1790000000,v1=" V1, 1790000000, true},
        {"t=1790000000,v1=" WRONG ",v1=" V1, 1790000000, true}, /* a key is changed there */
        {"t=1790000000,v1=" V1 ",v1=" WRONG, 1790000000, true},
        {"v1=" V1 ",t=1790000000", 1790000000, true},
        {"t=1790000000,v1=" V1 ",v0=" WRONG, 1790000000, true},
        {"t=1790000000,v1=" V1, 1790000299, true},
        {"t=1790000000,v1=" V1, 1789999701, true},
        {"t=1790000000,v1=" V1, 1790000302, false}, /* too old: a replay */
        {"t=1790000000,v1=" V1, 1789999698, false}, /* of the future */
        {"t=1790000001,v1=" V1, 1790000000, false}, /* another time than was signed */
        {"t=1790000000,v1=" WRONG, 1790000000, false},
        {"t=1790000000,v0=" V1, 1790000000, false},
        {"t=1790000000,v1=", 1790000000, false},
        {"t=1790000000", 1790000000, false},
        {"v1=" V1, 1790000000, false},
        {"t=1790000000,t=1790000000,v1=" V1, 1790000000, false},
        {"t=01790000000,v1=" V1, 1790000000, false},
        {"t=-1790000000,v1=" V1, 1790000000, false},
        {"t=1790000000 ,v1=" V1, 1790000000, false},
        {"t=1790000000,v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG
         ",v1=" WRONG ",v1=" WRONG ",v1=" V1,
         1790000000, false}, /* eight are looked at */
        {"", 1790000000, false},
        {",,,", 1790000000, false},
        {V1, 1790000000, false},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        now_is(ROWS[i].now_s);
        err_t e =
            adapter.verify(&adapter, &arena, slice_cstr_in(ROWS[i].header), slice_cstr_in(BODY));
        if (err_failed(e) == ROWS[i].good) {
            fail_msg("row %zu: %s", i, ROWS[i].header);
        }
        assert_true(ROWS[i].good || err_is(e, ERR_CRYPTO));
    }
    now_is(1790000000);
    assert_err(adapter.verify(&adapter, &arena, SLICE("t=1790000000,v1=" V1), SLICE(BODY " ")),
               ERR_CRYPTO);
}

static void every_letter_of_a_signature_counts(void **state)
{
    char header[96] = "t=1790000000,v1=" V1;
    now_is(1790000000);
    for (size_t at = 16; header[at]; at++) {
        char was = header[at];
        header[at] = was == '0' ? '1' : '0';
        assert_err(adapter.verify(&adapter, &arena, slice_cstr_in(header), SLICE(BODY)),
                   ERR_CRYPTO);
        header[at] = was;
    }
    assert_ok(adapter.verify(&adapter, &arena, slice_cstr_in(header), SLICE(BODY)));
}

static void old_key_during_its_change(void **state)
{
    now_is(1790000000);
    assert_err(adapter.verify(&adapter, &arena, SLICE("t=1790000000,v1=" V1_OLD), SLICE(BODY)),
               ERR_CRYPTO);
    key_set(1, "whsec_old_key_of_before");
    assert_ok(adapter.verify(&adapter, &arena, SLICE("t=1790000000,v1=" V1_OLD), SLICE(BODY)));
    assert_ok(adapter.verify(&adapter, &arena, SLICE("t=1790000000,v1=" V1), SLICE(BODY)));
    memset(adapter.webhook_keys, 0, sizeof adapter.webhook_keys);
    assert_err(adapter.verify(&adapter, &arena, SLICE("t=1790000000,v1=" V1), SLICE(BODY)),
               ERR_CRYPTO);
}

/* ---- notifications ---- */

#define ORDER "bbbbccccbbbbccccbbbbccccbbbbcccc"
#define EVENT(type, object)                                                                        \
    "{\"id\":\"evt_1\",\"type\":\"" type "\",\"livemode\":false,\"data\":{\"object\":" object "}}"
#define SESSION(status, paid, more)                                                                \
    "{\"id\":\"cs_test_1\",\"object\":\"checkout.session\",\"status\":\"" status                   \
    "\",\"payment_status\":\"" paid "\",\"amount_total\":12000,\"currency\":\"jpy\","              \
    "\"livemode\":false,\"client_reference_id\":\"" ORDER "\"" more "}"
#define PI ",\"payment_intent\":\"pi_1\""
#define REFUND "{\"id\":\"re_1\",\"amount\":500,\"currency\":\"jpy\",\"payment_intent\":\"pi_1\"}"

static err_t parse(const char *text, adapter_news_t *ret)
{
    return adapter.parse(&adapter, &arena, slice_cstr_in(text), ret);
}

static void every_kind(void **state)
{
    static const struct {
        const char *text;
        bool knows, ask, dispute;
        pay_fact_t fact;
    } ROWS[] = {
        {EVENT("checkout.session.completed", SESSION("complete", "paid", PI)), true, false, false,
         PAY_FACT_CAPTURED},
        {EVENT("checkout.session.completed", SESSION("complete", "unpaid", PI)), false, false,
         false, 0},
        {EVENT("checkout.session.expired", SESSION("expired", "unpaid", "")), true, false, false,
         PAY_FACT_EXPIRED},
        {EVENT("checkout.session.expired",
               SESSION("expired", "unpaid", ",\"payment_intent\":null")),
         true, false, false, PAY_FACT_EXPIRED},
        {EVENT("checkout.session.async_payment_succeeded", SESSION("complete", "paid", PI)), true,
         false, false, PAY_FACT_CAPTURED},
        {EVENT("checkout.session.async_payment_failed", SESSION("complete", "unpaid", PI)), true,
         false, false, PAY_FACT_FAILED},
        {EVENT("refund.created", REFUND), false, true, false, 0},
        {EVENT("refund.updated", REFUND), false, true, false, 0},
        {EVENT("refund.failed", REFUND), false, true, false, 0},
        {EVENT("charge.dispute.created", REFUND), false, true, true, 0},
        {"{\"id\":\"evt_1\",\"type\":\"customer.created\",\"data\":7}", false, false, false, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        err_t e = parse(ROWS[i].text, &n);
        if (err_failed(e)) {
            fail_msg("row %zu: %s", i, ROWS[i].text);
        }
        assert_slice(n.event, SLICE("evt_1"));
        assert_int_equal(n.knows, ROWS[i].knows);
        assert_int_equal(n.ask, ROWS[i].ask);
        assert_int_equal(n.dispute, ROWS[i].dispute);
        assert_true(!n.knows || n.fact == ROWS[i].fact);
        assert_true(!n.knows || slice_eq(n.order, SLICE(ORDER)));
        assert_true(!n.knows || memcmp(n.currency, "JPY", 3) == 0);
        assert_true(!n.ask || slice_eq(n.payment, SLICE("pi_1")));
    }
}

static void refused_notifications(void **state)
{
    static const char *const ROWS[] = {
        "",
        "{}",
        "{\"id\":\"e\"}",
        "{\"id\":\"e e\",\"type\":\"ping\"}",
        "{\"id\":\"e\",\"id\":\"e\",\"type\":\"ping\"}",
        /* paid, and no payment to pay back */
        EVENT("checkout.session.completed", SESSION("complete", "paid", "")),
        EVENT("checkout.session.completed", SESSION("complete", "paid", ",\"payment_intent\":7")),
        EVENT("checkout.session.completed",
              SESSION("complete", "paid", PI ",\"amount_total\":1")), /* twice */
        EVENT("checkout.session.completed", SESSION("finished", "paid", PI)),
        /* two stories */
        EVENT("checkout.session.async_payment_succeeded", SESSION("complete", "unpaid", PI)),
        "{\"id\":\"e\",\"type\":\"checkout.session.completed\",\"livemode\":true,\"data\":{"
        "\"object\":" SESSION("complete", "paid", PI) "}}",
        "{\"id\":\"e\",\"type\":\"checkout.session.completed\",\"data\":{\"object\":" SESSION(
            "complete", "paid", PI) "}}",
        EVENT(
            "checkout.session.completed",
            "{\"id\":\"cs_1\",\"status\":\"complete\",\"payment_status\":\"paid\",\"amount_total\":"
            "12000.0,\"currency\":\"jpy\"" PI "}"),
        EVENT(
            "checkout.session.completed",
            "{\"id\":\"cs_1\",\"status\":\"complete\",\"payment_status\":\"paid\",\"amount_total\":"
            "12000,\"currency\":\"JPY\"" PI "}"),
        EVENT("refund.created", "{\"id\":\"re_1\",\"amount\":500,\"currency\":\"jpy\"}"),
        EVENT("charge.dispute.created", "{}"),
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        err_t e = parse(ROWS[i], &n);
        if (!err_failed(e)) {
            fail_msg("read: %s", ROWS[i]);
        }
    }
    adapter.https_only = true; /* production: a test account's events are none */
    adapter_news_t n;
    assert_err(parse(EVENT("checkout.session.completed", SESSION("complete", "paid", PI)), &n),
               ERR_SYNTAX);
}

static void any_cut_is_refused(void **state)
{
    static const char TEXT[] = EVENT("checkout.session.completed", SESSION("complete", "paid", PI));
    for (size_t len = 0; len + 1 < sizeof TEXT; len++) {
        adapter_news_t n;
        err_t e = adapter.parse(&adapter, &arena, slice_make(TEXT, len), &n);
        assert_true(err_failed(e));
        arena_reset(&arena);
    }
}

/* ---- calls ---- */

#define HTTP TEST_HTTP
#define URL ",\"url\":\"https://checkout.example/c/pay/cs_test_1\""

static adapter_order_t some_order(void)
{
    adapter_order_t o = {.amount_minor = 12000,
                         .currency = {'J', 'P', 'Y'},
                         .lives_s = 900,
                         .description = SLICE("花見 & \"tour\""),
                         .return_url = SLICE("http://shop.localhost/pay/return/x")};
    assert_ok(id_decode(SLICE(ORDER), &o.attempt));
    o.expires_us = (id_time_ms(o.attempt) + 900000) * 1000;
    return o;
}

static err_t create_said(const char *answer, adapter_news_t *ret)
{
    adapter_order_t o = some_order();
    test_peer_says(answer);
    err_t e = adapter.create(&adapter, &arena, &o, ret);
    test_peer_done();
    return e;
}

static void creates_a_page(void **state)
{
    adapter_news_t n;
    char first[sizeof test_peer.seen];
    assert_ok(create_said(HTTP("200 OK", SESSION("open", "unpaid", URL)), &n));
    assert_slice(n.session, SLICE("cs_test_1"));
    assert_slice(n.order, SLICE(ORDER));
    assert_int_equal(n.page_minor, 12000);
    assert_false(n.knows);
    assert_non_null(strstr(test_peer.seen, "POST /v1/checkout/sessions HTTP/1.1"));
    assert_non_null(strstr(test_peer.seen, "Idempotency-Key: " ORDER "\r\n"));
    assert_non_null(strstr(test_peer.seen, "Content-Type: application/x-www-form-urlencoded"));
    assert_non_null(strstr(test_peer.seen, "mode=payment&client_reference_id=" ORDER));
    assert_non_null(strstr(test_peer.seen, "unit_amount%5D=12000"));
    assert_non_null(strstr(test_peer.seen, "currency%5D=jpy"));
    /* asked for again (a lost answer): the same form to the byte, or the key would not fit it */
    memcpy(first, test_peer.seen, sizeof first);
    assert_ok(create_said(HTTP("200 OK", SESSION("open", "unpaid", URL)), &n));
    assert_string_equal(strstr(first, "\r\n\r\n"), strstr(test_peer.seen, "\r\n\r\n"));
}

static void what_creating_can_meet(void **state)
{
    static const struct {
        const char *answer;
        err_code_t want;
    } ROWS[] = {
        {HTTP("401 Unauthorized", "{}"), ERR_UPSTREAM},
        {HTTP("404 Not Found", "{}"), ERR_UPSTREAM},
        {HTTP("400 Bad", "{\"error\":{}}"), ERR_UPSTREAM},
        {HTTP("409 Conflict", "{}"), ERR_TIMEOUT}, /* the same key at the same moment */
        {HTTP("429 Slow", "{}"), ERR_TIMEOUT},
        {HTTP("500 Oops", ""), ERR_TIMEOUT},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
         ERR_UPSTREAM},
        {HTTP("200 OK", "not json"), ERR_UPSTREAM},
        {HTTP("200 OK", SESSION("open", "unpaid", "")), ERR_UPSTREAM},
        {HTTP("200 OK", SESSION("open", "unpaid", ",\"url\":\"https://evil.example/\"")),
         ERR_UPSTREAM},
        {NULL, ERR_TIMEOUT},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        assert_err(create_said(ROWS[i].answer, &n), ROWS[i].want);
    }
}

#define WHOLE(refunded)                                                                            \
    ",\"payment_intent\":{\"id\":\"pi_1\",\"latest_charge\":{\"amount_refunded\":" refunded "}}"

static void what_a_session_says(void **state)
{
    static const struct {
        const char *answer;
        bool knows;
        pay_fact_t fact;
        int64_t refunded;
    } ROWS[] = {
        {HTTP("200 OK", SESSION("open", "unpaid", ",\"payment_intent\":null")), false, 0, 0},
        {HTTP("200 OK", SESSION("expired", "unpaid", "")), true, PAY_FACT_EXPIRED, 0},
        {HTTP("200 OK", SESSION("complete", "paid", WHOLE("0"))), true, PAY_FACT_CAPTURED, 0},
        {HTTP("200 OK", SESSION("complete", "paid", WHOLE("1"))), true, PAY_FACT_CAPTURED, 1},
        {HTTP("200 OK", SESSION("complete", "paid", WHOLE("12000"))), true, PAY_FACT_REFUNDED,
         12000},
        {HTTP("200 OK", SESSION("expired", "paid", WHOLE("0"))), true, PAY_FACT_CAPTURED, 0},
        {HTTP("200 OK", SESSION("open", "unpaid",
                                ",\"payment_intent\":{\"id\":\"pi_1\",\"latest_charge\":null,"
                                "\"last_payment_error\":{\"type\":\"card_error\"}}")),
         true, PAY_FACT_FAILED, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        test_peer_says(ROWS[i].answer);
        err_t e =
            adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("cs_test_1")}, &n);
        test_peer_done();
        assert_ok(e);
        assert_int_equal(n.knows, ROWS[i].knows);
        assert_true(!n.knows || n.fact == ROWS[i].fact);
        assert_int_equal(n.refunded_minor, ROWS[i].refunded);
    }
    adapter_news_t n;
    test_peer_says(HTTP("200 OK", SESSION("complete", "paid", WHOLE("0"))));
    err_t e = adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("cs_test_2")}, &n);
    test_peer_done();
    assert_true(err_is(e, ERR_TIMEOUT)); /* about another one */
    assert_err(adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("a/../b")}, &n),
               ERR_SYNTAX);
}

static void cancels(void **state)
{
    adapter_news_t n;
    adapter_ref_t ref = {.session = SLICE("cs_test_1")};
    test_peer_says(HTTP("200 OK", SESSION("expired", "unpaid", "")));
    err_t e = adapter.cancel(&adapter, &arena, &ref, &n);
    test_peer_done();
    assert_ok(e);
    assert_int_equal(n.fact, PAY_FACT_CANCELLED);
    assert_non_null(strstr(test_peer.seen, "POST /v1/checkout/sessions/cs_test_1/expire HTTP"));
    test_peer_says(HTTP("400 Bad", "{}")); /* no longer open */
    e = adapter.cancel(&adapter, &arena, &ref, &n);
    test_peer_done();
    assert_true(err_is(e, ERR_UPSTREAM));
}

static err_t refund_said(const char *answer, int64_t before, adapter_news_t *ret)
{
    adapter_refund_t r = {.of = {.payment = SLICE("pi_1")},
                          .amount_minor = 500,
                          .before_minor = before,
                          .whole_minor = 12000};
    test_peer_says(answer);
    err_t e = adapter.refund(&adapter, &arena, &r, ret);
    test_peer_done();
    return e;
}

static void refunds(void **state)
{
#define DONE(status, amount)                                                                       \
    HTTP("200 OK", "{\"id\":\"re_1\",\"status\":\"" status "\",\"amount\":" amount                 \
                   ",\"payment_intent\":\"pi_1\"}")
    adapter_news_t n;
    assert_ok(refund_said(DONE("succeeded", "500"), 0, &n));
    assert_int_equal(n.fact, PAY_FACT_CAPTURED);
    assert_int_equal(n.refunded_minor, 500);
    assert_non_null(strstr(test_peer.seen, "Idempotency-Key: refund-pi_1-500\r\n"));
    assert_non_null(strstr(test_peer.seen, "payment_intent=pi_1&amount=500"));
    assert_ok(refund_said(DONE("pending", "500"), 11500, &n));
    assert_int_equal(n.fact, PAY_FACT_REFUNDED);
    assert_non_null(strstr(test_peer.seen, "Idempotency-Key: refund-pi_1-12000\r\n"));
    assert_err(refund_said(DONE("failed", "500"), 0, &n), ERR_UPSTREAM);
    assert_err(refund_said(DONE("succeeded", "501"), 0, &n), ERR_TIMEOUT);
    assert_err(refund_said(HTTP("400 No", "{}"), 0, &n), ERR_UPSTREAM);
    assert_err(refund_said(NULL, 0, &n), ERR_TIMEOUT);
}

static void lists(void **state)
{
    adapter_news_t n[ADAPTER_PAGE];
    size_t count = 0;
    slice_t after;
    test_peer_says(HTTP("200 OK", "{\"data\":[" SESSION("complete", "paid", WHOLE("0")) "," SESSION(
                                      "complete", "paid", WHOLE("12000")) "],\"has_more\":true}"));
    err_t e = adapter.list(&adapter, &arena, INT64_C(1790000000) * 1000000, SLICE("cs_0"), n,
                           ADAPTER_PAGE, &count, &after);
    test_peer_done();
    assert_ok(e);
    assert_int_equal(count, 2);
    assert_slice(after, SLICE("cs_test_1"));
    assert_int_equal(n[1].fact, PAY_FACT_REFUNDED);
    assert_non_null(strstr(test_peer.seen, "created[gte]=1790000000&limit=20"));
    assert_non_null(strstr(test_peer.seen, "&starting_after=cs_0 HTTP"));
    test_peer_says(HTTP("200 OK", "{\"data\":[{\"id\":\"cs_1\"}],\"has_more\":false}"));
    e = adapter.list(&adapter, &arena, 0, SLICE_EMPTY, n, ADAPTER_PAGE, &count, &after);
    test_peer_done();
    assert_true(err_is(e, ERR_TIMEOUT));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(signatures),
        CASE(every_letter_of_a_signature_counts),
        CASE(old_key_during_its_change),
        CASE(every_kind),
        CASE(refused_notifications),
        CASE(any_cut_is_refused),
        CASE(creates_a_page),
        CASE(what_creating_can_meet),
        CASE(what_a_session_says),
        CASE(cancels),
        CASE(refunds),
        CASE(lists),
    };
    return cmocka_run_group_tests_name("pay stripe", tests, NULL, NULL);
}
