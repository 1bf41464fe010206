/* KOMOJU's adapter: signature vectors, notifications of every kind and of wrong kinds, and answers
 * of a provider that is hostile, broken or slow (a real TCP peer that says what the case wants). */
#include "test_peer.h"

#include "komoju.h"

static arena_t arena;
static adapter_t adapter;

static void keys_set(const char *text)
{
    memset(adapter.webhook_keys, 0, sizeof adapter.webhook_keys);
    adapter.webhook_keys[0].len = strlen(text);
    memcpy(adapter.webhook_keys[0].b, text, strlen(text));
}

static int up(void **state)
{
    arena_init(&arena, 16 * 1024 * 1024);
    memset(&adapter, 0, sizeof adapter);
    komoju_init(&adapter);
    keys_set("0123456789abcdef0123456789abcdef");
    adapter.api_key.len = 32;
    memset(adapter.api_key.b, 'k', 32);
    return 0;
}

static int down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

/* ---- signatures ---- */

/* Made with: printf %s BODY | openssl dgst -sha256 -hmac KEY */
static void vectors(void **state)
{
    static const struct {
        const char *key, *body, *mac;
    } ROWS[] = {
        {"0123456789abcdef0123456789abcdef", "{\"id\":\"e\",\"type\":\"ping\"}",
         "916725c511eaa26df4e08d12c70fc58054d4cc077c94ac7a6f180c5360ca98fb"},
        {"kkkkkkkkkkkkkkkkkkkk", "",
         "98588483fbb4a9279759e99cfe75c7dc56fe3a29983900aade97422e57b642f2"},
        {"whsec_short_but_16", "{\"a\":\"\\u3042\"}",
         "a3901776ac7d64c70a877d45fa4ad8fc02d8ab7f9396c04898095890b35550ec"},
        {"KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK"
         "KKKKKKKKKKK",
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxx",
         "d7ae023b463ba423ca59910c4baf22c34c8b7c001ae1c26dcdd7d2949c4839a2"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        slice_t body = slice_cstr_in(ROWS[i].body), mac = slice_cstr_in(ROWS[i].mac);
        keys_set(ROWS[i].key);
        assert_ok(adapter.verify(&adapter, &arena, mac, body));
        for (size_t at = 0; at < mac.len; at++) {
            char other[65];
            memcpy(other, mac.ptr, 65);
            other[at] = other[at] == '0' ? '1' : '0';
            assert_err(adapter.verify(&adapter, &arena, slice_make(other, 64), body), ERR_CRYPTO);
        }
        assert_err(adapter.verify(&adapter, &arena, slice_sub(mac, 0, 63), body), ERR_CRYPTO);
        assert_err(adapter.verify(&adapter, &arena, SLICE_EMPTY, body), ERR_CRYPTO);
        assert_err(adapter.verify(&adapter, &arena, mac, SLICE("other")), ERR_CRYPTO);
    }
}

static void old_key_during_its_change(void **state)
{
    slice_t mac = SLICE("8a27e2a09929dcaa40bdd2caadeef33cdb32deda633042e037478d6634aee21c");
    keys_set("another-key-of-sixteen");
    assert_err(adapter.verify(&adapter, &arena, mac, SLICE("body one")), ERR_CRYPTO);
    adapter.webhook_keys[1].len = strlen("one-key-of-sixteen!");
    memcpy(adapter.webhook_keys[1].b, "one-key-of-sixteen!", strlen("one-key-of-sixteen!"));
    assert_ok(adapter.verify(&adapter, &arena, mac, SLICE("body one")));
}

/* No key is no door: HMAC with an empty key is something that anybody can make. */
static void empty_key_signs_nothing(void **state)
{
    memset(adapter.webhook_keys, 0, sizeof adapter.webhook_keys);
    assert_err(
        adapter.verify(&adapter, &arena,
                       SLICE("22f8eea909400af98adf3681a9f31923ef6b7fcba4abb553d92823a3e9d5c25e"),
                       SLICE("{}")),
        ERR_CRYPTO);
}

/* ---- notifications ---- */

#define PAYMENT(status, sums)                                                                      \
    "{\"id\":\"pay1\",\"status\":\"" status "\"," sums ",\"currency\":\"JPY\","                    \
    "\"external_order_num\":\"bbbbccccbbbbccccbbbbccccbbbbcccc\",\"session\":\"ses1\","            \
    "\"description\":\"x\"}"
#define EVENT(type, payment) "{\"id\":\"evt1\",\"type\":\"" type "\",\"data\":" payment "}"
#define SUMS "\"total\":12000,\"payment_method_fee\":0,\"amount_refunded\":0"

static err_t parse(const char *text, adapter_news_t *ret)
{
    return adapter.parse(&adapter, &arena, slice_cstr_in(text), ret);
}

static void every_kind(void **state)
{
    static const struct {
        const char *text;
        bool knows;
        pay_fact_t fact;
        int64_t amount, refunded;
    } ROWS[] = {
        {EVENT("payment.authorized", PAYMENT("authorized", SUMS)), true, PAY_FACT_AUTHORIZED, 12000,
         0},
        {EVENT("payment.captured", PAYMENT("captured", SUMS)), true, PAY_FACT_CAPTURED, 12000, 0},
        {EVENT("payment.failed", PAYMENT("failed", SUMS)), true, PAY_FACT_FAILED, 12000, 0},
        {EVENT("payment.expired", PAYMENT("expired", SUMS)), true, PAY_FACT_EXPIRED, 12000, 0},
        {EVENT("payment.cancelled", PAYMENT("cancelled", SUMS)), true, PAY_FACT_CANCELLED, 12000,
         0},
        {EVENT("payment.refunded",
               PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":12000")),
         true, PAY_FACT_REFUNDED, 12000, 12000},
        /* a part of it: still captured */
        {EVENT("payment.refunded",
               PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":11999")),
         true, PAY_FACT_CAPTURED, 12000, 11999},
        {EVENT("payment.refund.created",
               PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":1")),
         true, PAY_FACT_CAPTURED, 12000, 1},
        {EVENT("payment.refund.created",
               PAYMENT("captured", "\"total\":12000,\"amount_refunded\":1")),
         true, PAY_FACT_CAPTURED, 12000, 1},
        {EVENT("payment.updated", PAYMENT("captured", SUMS)), true, PAY_FACT_CAPTURED, 12000, 0},
        {EVENT("payment.updated", PAYMENT("pending", SUMS)), false, 0, 12000, 0},
        /* the fee that the customer pays to the provider is not ours */
        {EVENT("payment.captured",
               PAYMENT("captured", "\"total\":12300,\"payment_method_fee\":300")),
         true, PAY_FACT_CAPTURED, 12000, 0},
        {EVENT("payment.captured",
               PAYMENT("captured",
                       "\"total\":12000,\"payment_method_fee\":null,\"amount_refunded\":null")),
         true, PAY_FACT_CAPTURED, 12000, 0},
        {"{\"id\":\"evt1\",\"type\":\"ping\"}", false, 0, 0, 0},
        {"{\"id\":\"evt1\",\"type\":\"customer.created\",\"data\":{\"total\":\"x\"}}", false, 0, 0,
         0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        assert_ok(parse(ROWS[i].text, &n));
        assert_int_equal(n.knows, ROWS[i].knows);
        assert_true(!n.knows || n.fact == ROWS[i].fact);
        assert_int_equal(n.amount_minor, ROWS[i].amount);
        assert_int_equal(n.refunded_minor, ROWS[i].refunded);
        assert_slice(n.event, SLICE("evt1"));
        assert_true(!n.knows || slice_eq(n.order, SLICE("bbbbccccbbbbccccbbbbccccbbbbcccc")));
        assert_true(!n.knows || slice_eq(n.session, SLICE("ses1")));
    }
}

static void refused_notifications(void **state)
{
    static const char *const ROWS[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"id\":\"e\"}",
        "{\"type\":\"ping\"}",
        "{\"id\":7,\"type\":\"ping\"}",
        "{\"id\":\"\",\"type\":\"ping\"}",
        "{\"id\":\"e e\",\"type\":\"ping\"}",
        "{\"id\":\"e\\u0000\",\"type\":\"ping\"}",
        "{\"id\":\"\xE6\x97\xA5\",\"type\":\"ping\"}",
        "{\"id\":\"e\",\"id\":\"e\",\"type\":\"ping\"}",
        "{\"id\":\"e\",\"type\":\"ping\"} x",
        "{\"id\":\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\","
        "\"type\":\"ping\"}",
        "{\"id\":\"e\",\"type\":\"payment.captured\"}",
        "{\"id\":\"e\",\"type\":\"payment.captured\",\"data\":null}",
        "{\"id\":\"e\",\"type\":\"payment.captured\",\"data\":[]}",
        EVENT("payment.captured", PAYMENT("captured", "\"total\":\"12000\"")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":12000.0")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":1e4")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":-12000")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":9223372036854775808")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":9223372036854775807")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":null")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":1,\"total\":12000")),
        EVENT("payment.captured", PAYMENT("captured", "\"total\":12000,\"payment_method_fee\":-1")),
        EVENT("payment.captured",
              PAYMENT("captured", "\"total\":12000,\"payment_method_fee\":12001")),
        EVENT("payment.captured",
              PAYMENT("captured", "\"total\":12300,\"payment_method_fee\":\"300\"")),
        EVENT("payment.captured",
              PAYMENT("captured",
                      "\"total\":12300,\"payment_method_fee\":300,\"payment_method_fee\":0")),
        EVENT("payment.refunded", PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":0")),
        EVENT("payment.refunded",
              PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":\"12000\"")),
        EVENT("payment.captured", "{\"id\":\"p\",\"total\":1,\"status\":\"captured\"}"),
        EVENT("payment.captured", "{\"id\":\"p\",\"total\":1,\"currency\":\"yen!\"}"),
        EVENT("payment.captured", "{\"id\":\"p/../q\",\"total\":1,\"currency\":\"JPY\"}"),
        EVENT("payment.captured",
              "{\"id\":\"p\",\"total\":1,\"currency\":\"JPY\",\"session\":{\"id\":\"s\"}}"),
        EVENT("payment.captured", "{\"id\":\"p\",\"total\":1,\"currency\":\"JPY\",\"status\":[]}"),
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        err_t e = parse(ROWS[i], &n);
        if (!err_failed(e)) {
            fail_msg("read: %s", ROWS[i]);
        }
    }
}

static void any_cut_is_refused(void **state)
{
    static const char TEXT[] = EVENT("payment.captured", PAYMENT("captured", SUMS));
    for (size_t len = 0; len + 1 < sizeof TEXT; len++) {
        adapter_news_t n;
        err_t e = adapter.parse(&adapter, &arena, slice_make(TEXT, len), &n);
        assert_true(err_failed(e));
        arena_reset(&arena);
    }
}

static void no_memory_is_no_verdict(void **state)
{
    static const char TEXT[] = "{\"id\":\"e\\u0031\",\"type\":\"ping\"}";
    adapter_news_t n;
    arena.fail_after = 0;
    assert_err(parse(TEXT, &n), ERR_MEMORY);
    arena.fail_after = -1;
    assert_ok(parse(TEXT, &n));
    assert_slice(n.event, SLICE("e1"));
}

/* ---- a provider that says what the case wants ---- */

static int peer_up(void **state)
{
    up(state);
    test_peer_open();
    adapter.base_url = test_peer.base;
    adapter.page_origin = "https://pay.example";
    return 0;
}

static int peer_down(void **state)
{
    test_peer_close();
    return down(state);
}

#define HTTP TEST_HTTP
#define SESSION_WITH(url, more)                                                                    \
    HTTP("200 OK", "{\"id\":\"ses1\",\"amount\":12000,\"currency\":\"JPY\",\"session_url\":\"" url \
                   "\",\"status\":\"pending\",\"expired\":false,\"payment_data\":"                 \
                   "{\"external_order_num\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}" more "}")
#define OWN "https://pay.example/sessions/ses1"

static adapter_order_t some_order(void)
{
    return (adapter_order_t){.amount_minor = 12000,
                             .currency = {'J', 'P', 'Y'},
                             .lives_s = 1800,
                             .description = SLICE("花見 \"tour\" </script>"),
                             .return_url = SLICE("http://shop.localhost/pay/return/x")};
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
    assert_ok(create_said(SESSION_WITH(OWN, ""), &n));
    assert_slice(n.session, SLICE("ses1"));
    assert_slice(n.url, SLICE(OWN));
    assert_int_equal(n.page_minor, 12000);
    assert_false(n.knows);
    assert_non_null(strstr(test_peer.seen, "POST /api/v1/sessions HTTP/1.1"));
    assert_non_null(strstr(test_peer.seen,
                           "Authorization: Basic a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s6"));
    assert_non_null(
        strstr(test_peer.seen, "X-KOMOJU-IDEMPOTENCY: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"));
    assert_non_null(strstr(test_peer.seen, "\"capture\":\"auto\""));
    assert_null(strstr(test_peer.seen, "</script>")); /* escaped for wherever it may be shown */
}

/* Our customers are sent to the provider's own origin and nowhere else. */
static void pages_elsewhere_are_refused(void **state)
{
    static const char *const ROWS[] = {
        SESSION_WITH("https://evil.example/sessions/ses1", ""),
        SESSION_WITH("https://evl.example/sessions/ses1", ""), /* as long as ours */
        SESSION_WITH("https://pay.example.evil.example/x", ""),
        SESSION_WITH("https://pay.example:444/x", ""),
        SESSION_WITH("https://pay.example@evil.example/x", ""),
        SESSION_WITH("http://pay.example/x", ""),
        SESSION_WITH("//pay.example/x", ""),
        SESSION_WITH("javascript:alert(1)", ""),
        SESSION_WITH("https://pay.example", ""),
        SESSION_WITH("https://pay.example\\\\evil.example/", ""),
        SESSION_WITH("https://pay.example/a b", ""),
        SESSION_WITH("https://pay.example/\\r\\nSet-Cookie: a=b", ""),
        SESSION_WITH("https://pay.example/\\u0000", ""),
        SESSION_WITH("", ""),
        HTTP("200 OK", "{\"id\":\"ses1\",\"amount\":12000,\"currency\":\"JPY\"}"),
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        assert_err(create_said(ROWS[i], &n), ERR_UPSTREAM);
    }
}

static void what_creating_can_meet(void **state)
{
    static const struct {
        const char *answer;
        err_code_t want;
    } ROWS[] = {
        {HTTP("401 Unauthorized", "{}"), ERR_UPSTREAM},
        {HTTP("404 Not Found", "{}"), ERR_UPSTREAM},
        {HTTP("422 Unprocessable", "{\"error\":{}}"), ERR_UPSTREAM},
        {HTTP("500 Oops", ""), ERR_TIMEOUT}, /* it may have acted */
        {HTTP("503 Away", ""), ERR_TIMEOUT},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
         ERR_UPSTREAM},
        {HTTP("200 OK", "not json"), ERR_UPSTREAM},
        {HTTP("200 OK", "{\"id\":\"../x\",\"session_url\":\"" OWN "\"}"), ERR_UPSTREAM},
        {NULL, ERR_TIMEOUT},
        {"garbage\r\n\r\n", ERR_TIMEOUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", ERR_TIMEOUT},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        assert_err(create_said(ROWS[i].answer, &n), ROWS[i].want);
    }
}

static void too_long_an_answer(void **state)
{
    static char big[400 * 1024];
    adapter_news_t n;
    memset(big, ' ', sizeof big - 1);
    memcpy(big, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 38);
    assert_err(create_said(big, &n), ERR_TIMEOUT);
}

static void nobody_there(void **state)
{
    adapter_news_t n;
    adapter_order_t o = some_order();
    adapter.base_url = "http://127.0.0.1:1";
    assert_err(adapter.create(&adapter, &arena, &o, &n), ERR_UNAVAILABLE);
}

/* ---- the list ---- */

#define ROW(id, order, more)                                                                       \
    "{\"id\":\"" id "\",\"status\":\"captured\",\"total\":12000,\"currency\":\"JPY\","             \
    "\"external_order_num\":\"" order "\",\"session\":\"ses" id "\"" more "}"
#define BOOKING "cccccccccccccccccccccccccccccccc"

static err_t listed(const char *answer, adapter_news_t *ret, size_t *ret_n, bool *ret_more)
{
    slice_t after = SLICE_EMPTY;
    test_peer_says(answer);
    err_t e = adapter.list(&adapter, &arena, INT64_C(1790000000) * 1000000 + 5, SLICE("1"), ret,
                           ADAPTER_PAGE, ret_n, &after);
    *ret_more = after.len > 0;
    test_peer_done();
    return e;
}

static void lists_payments(void **state)
{
    adapter_news_t n[ADAPTER_PAGE];
    size_t count;
    bool more;
    assert_ok(
        listed(HTTP("200 OK",
                    "{\"resource\":\"list\",\"data\":[" ROW(
                        "p1", "o1",
                        ",\"metadata\":{\"booking\":\"" BOOKING
                        "\"}") "," ROW("p2", "o2",
                                       ",\"metadata\":{}") "," ROW("p3", "o3",
                                                                   ",\"metadata\":{\"booking\":\"';"
                                                                   " DROP "
                                                                   "TABLE\"},\"amount_refunded\":"
                                                                   "12000") "],\"page\":2,\"last_"
                                                                            "page\":3}"),
               n, &count, &more));
    assert_int_equal(count, 3);
    assert_true(more);
    assert_slice(n[0].order, SLICE("o1"));
    assert_slice(n[0].session, SLICE("sesp1"));
    assert_slice(n[0].booking, SLICE(BOOKING));
    assert_int_equal(n[0].fact, PAY_FACT_CAPTURED);
    assert_int_equal(n[1].booking.len, 0);
    assert_int_equal(n[2].booking.len, 0); /* no id of ours: no help */
    assert_non_null(strstr(test_peer.seen, "GET /api/v1/payments?start_time=2026-09-21T"));
    assert_non_null(strstr(test_peer.seen, "&per_page=20&page=2 HTTP/1.1"));
}

static void last_and_empty_lists(void **state)
{
    adapter_news_t n[ADAPTER_PAGE];
    size_t count = 9;
    bool more = true;
    assert_ok(listed(HTTP("200 OK", "{\"data\":[],\"last_page\":1}"), n, &count, &more));
    assert_int_equal(count, 0);
    assert_false(more);
}

/* A list that cannot be read to its end is no answer: nothing is passed over. */
static void lists_that_are_none(void **state)
{
    static const char *const ROWS[] = {
        HTTP("200 OK", "{\"data\":[]}"),
        HTTP("200 OK", "{\"data\":[" ROW("p1", "o1", "") ",{\"id\":\"p2\"}],\"last_page\":1}"),
        HTTP("200 OK", "{\"data\":[" ROW("../p", "o1", "") "],\"last_page\":1}"),
        HTTP("200 OK",
             "{\"data\":[" ROW("p1", "o1", ",\"amount_refunded\":-1") "],\"last_page\":1}"),
        HTTP("200 OK", "not json"),
        HTTP("500 Oops", ""),
        NULL,
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n[ADAPTER_PAGE];
        size_t count;
        bool more;
        assert_err(listed(ROWS[i], n, &count, &more), ERR_TIMEOUT);
    }
}

static void production_speaks_tls_only(void **state)
{
    adapter_news_t n;
    adapter_order_t o = some_order();
    adapter.https_only = true;
    assert_err(adapter.create(&adapter, &arena, &o, &n), ERR_UNAVAILABLE); /* nothing was sent */
}

#define PAID(status, sums)                                                                         \
    ",\"payment\":{\"id\":\"pay1\",\"status\":\"" status "\"," sums ",\"currency\":\"JPY\","       \
    "\"external_order_num\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}"
#define STANDS(status, expired, payment)                                                           \
    HTTP("200 OK", "{\"id\":\"ses1\",\"amount\":12000,\"currency\":\"JPY\",\"status\":\"" status   \
                   "\",\"expired\":" expired payment "}")

static err_t query_said(const char *answer, adapter_news_t *ret)
{
    test_peer_says(answer);
    err_t e = adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("ses1")}, ret);
    test_peer_done();
    return e;
}

static void what_a_session_says(void **state)
{
    static const struct {
        const char *answer;
        bool knows;
        pay_fact_t fact;
    } ROWS[] = {
        {STANDS("pending", "false", ",\"payment\":null"), false, 0},
        {STANDS("pending", "true", ",\"payment\":null"), true, PAY_FACT_EXPIRED},
        {STANDS("cancelled", "false", ""), true, PAY_FACT_CANCELLED},
        {STANDS("completed", "false", PAID("captured", SUMS)), true, PAY_FACT_CAPTURED},
        {STANDS("pending", "false", PAID("failed", SUMS)), true, PAY_FACT_FAILED},
        {STANDS("cancelled", "false", PAID("failed", SUMS)), true, PAY_FACT_CANCELLED},
        /* money that moved wins over whatever became of the page */
        {STANDS("cancelled", "true", PAID("captured", SUMS)), true, PAY_FACT_CAPTURED},
        {STANDS("pending", "true", PAID("captured", SUMS)), true, PAY_FACT_CAPTURED},
        {STANDS("completed", "true", PAID("refunded", "\"total\":12000,\"amount_refunded\":12000")),
         true, PAY_FACT_REFUNDED},
        {STANDS("completed", "true", PAID("refunded", "\"total\":12000,\"amount_refunded\":11")),
         true, PAY_FACT_CAPTURED},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n;
        assert_ok(query_said(ROWS[i].answer, &n));
        assert_int_equal(n.knows, ROWS[i].knows);
        assert_true(!n.knows || n.fact == ROWS[i].fact);
    }
}

static void answers_about_something_else(void **state)
{
    adapter_news_t n;
    assert_err(query_said(HTTP("200 OK", "{\"id\":\"ses2\",\"amount\":1,\"currency\":\"JPY\","
                                         "\"status\":\"cancelled\"}"),
                          &n),
               ERR_TIMEOUT);
    assert_err(query_said(HTTP("200 OK", "{}"), &n), ERR_TIMEOUT);
    assert_err(query_said(HTTP("404 Not Found", "{}"), &n), ERR_NOT_FOUND);
    assert_err(adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("a/../b")}, &n),
               ERR_SYNTAX);
    assert_err(adapter.query(&adapter, &arena, &(adapter_ref_t){.session = SLICE("a?x=y")}, &n),
               ERR_SYNTAX);
}

static err_t refund_said(const char *answer, adapter_news_t *ret)
{
    test_peer_says(answer);
    err_t e = adapter.refund(&adapter, &arena,
                             &(adapter_refund_t){.of = {.payment = SLICE("pay1")},
                                                 .amount_minor = 12000,
                                                 .whole_minor = 12000},
                             ret);
    test_peer_done();
    return e;
}

static void refunds(void **state)
{
    adapter_news_t n;
    assert_ok(refund_said(
        HTTP("200 OK", PAYMENT("refunded", "\"total\":12000,\"amount_refunded\":12000")), &n));
    assert_int_equal(n.fact, PAY_FACT_REFUNDED);
    assert_int_equal(n.refunded_minor, 12000);
    assert_non_null(strstr(test_peer.seen, "POST /api/v1/payments/pay1/refund HTTP/1.1"));
    assert_non_null(strstr(test_peer.seen, "\r\n\r\n{\"amount\":12000}"));
    assert_err(refund_said(HTTP("422 No", "{}"), &n), ERR_UPSTREAM);
    assert_err(refund_said(HTTP("200 OK", "what?"), &n), ERR_TIMEOUT); /* done, perhaps */
    assert_err(refund_said(NULL, &n), ERR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vectors, up, down),
        cmocka_unit_test_setup_teardown(old_key_during_its_change, up, down),
        cmocka_unit_test_setup_teardown(empty_key_signs_nothing, up, down),
        cmocka_unit_test_setup_teardown(every_kind, up, down),
        cmocka_unit_test_setup_teardown(refused_notifications, up, down),
        cmocka_unit_test_setup_teardown(any_cut_is_refused, up, down),
        cmocka_unit_test_setup_teardown(no_memory_is_no_verdict, up, down),
        cmocka_unit_test_setup_teardown(creates_a_page, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(pages_elsewhere_are_refused, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(what_creating_can_meet, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(too_long_an_answer, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(nobody_there, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(lists_payments, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(last_and_empty_lists, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(lists_that_are_none, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(production_speaks_tls_only, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(what_a_session_says, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(answers_about_something_else, peer_up, peer_down),
        cmocka_unit_test_setup_teardown(refunds, peer_up, peer_down),
    };
    return cmocka_run_group_tests_name("komoju", tests, NULL, NULL);
}
