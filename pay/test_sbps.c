/* SBPS's adapter: hash vectors in both charsets, reports that were tampered with (also where the
 * hash cannot show it), the form to the provider, the XML API. */
#include "test_peer.h"

#include "base/clock.h"
#include "book.h"
#include "sbps.h"
#include "sbps_wire.h"

static arena_t arena;
static adapter_t adapter;
static clock_cell_t cell;

/* The clock stands at this second (it goes on from there). */
static void now_is(int64_t second)
{
    cell = (clock_cell_t){0};
    clock_attach(&cell);
    cell.offset_us = second * CLOCK_SECOND_US - clock_wall_us();
}

static void key_set(size_t i, const char *text)
{
    adapter.webhook_keys[i].len = strlen(text);
    memcpy(adapter.webhook_keys[i].b, text, strlen(text));
}

static int up(void **state)
{
    arena_init(&arena, 64 * 1024 * 1024);
    memset(&adapter, 0, sizeof adapter);
    sbps_init(&adapter);
    key_set(0, "0123456789abcdef0123456789abcdef01234567");
    adapter.api_key.len = 16;
    memset(adapter.api_key.b, 'k', 16);
    adapter.merchant = "30132";
    adapter.service = "001";
    adapter.hash_in_sjis = true;
    adapter.page_origin = "https://fep.example";
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

/* ---- vectors: made with Python's hashlib and codecs, apart from this code ---- */

#define ORDER "bbbbccccbbbbccccbbbbccccbbbbcccc"
#define BOOKING "ccccbbbbccccbbbbccccbbbbccccbbbb"
#define HASH_SJIS "988c3cc8bdc542231518d18933d811ab628a0266"
#define HASH_UTF8 "674ab2cbe8e7831bd32d6f975fb7f7ead301691b"
#define NAME "SK-1+%89%D4%8C%A9%82%CC%97%B7"
#define BEFORE                                                                                     \
    "pay_method=credit3d2&merchant_id=30132&service_id=001&cust_code=" BOOKING                     \
    "&sps_cust_no=&sps_payment_no=&order_id=" ORDER "&item_id=tour&pay_item_id=&item_name=" NAME   \
    "&tax=&amount=12000&pay_type=0&auto_charge_type=&service_type=0&div_settele=&"                 \
    "last_charge_month=&camp_type=&tracking_id=&terminal_type=0&free1=&free2=&free3=&"             \
    "request_date=20260921221320&res_pay_method=credit&res_result=OK&"                             \
    "res_tracking_id=12345678901234&res_sps_cust_no=&res_sps_payment_no=&res_payinfo_key=&"        \
    "res_payment_date=20260921221400&res_err_code=&res_date=20260921221401&limit_second=600"
#define REPORT BEFORE "&sps_hashcode=" HASH_SJIS

static err_t verify(const char *form)
{
    return adapter.verify(&adapter, &arena, SLICE_EMPTY, slice_cstr_in(form));
}

static err_t parse(const char *form, adapter_news_t *ret)
{
    return adapter.parse(&adapter, &arena, slice_cstr_in(form), ret);
}

static adapter_order_t some_order(void)
{
    adapter_order_t o = {.amount_minor = 12000,
                         .currency = {'J', 'P', 'Y'},
                         .lives_s = 900,
                         .description = SLICE("SK-1 花見の旅"),
                         .return_url = SLICE("http://shop.localhost/pay/return/tok")};
    assert_ok(id_decode(SLICE(ORDER), &o.attempt));
    assert_ok(id_decode(SLICE(BOOKING), &o.booking));
    return o;
}

static void vectors(void **state)
{
    adapter_news_t n;
    adapter_order_t o = some_order();
    slice_t want;
    assert_ok(verify(REPORT));
    assert_err(verify(BEFORE "&sps_hashcode=" HASH_UTF8), ERR_CRYPTO);
    adapter.hash_in_sjis = false; /* the other variant */
    assert_ok(verify(BEFORE "&sps_hashcode=" HASH_UTF8));
    assert_err(verify(REPORT), ERR_CRYPTO);
    assert_ok(parse(REPORT, &n));
    assert_true(n.knows && n.fact == PAY_FACT_CAPTURED);
    assert_slice(n.order, SLICE(ORDER));
    assert_slice(n.payment, SLICE("12345678901234"));
    assert_int_equal(n.amount_minor, 12000);
    assert_ok(adapter.echo(&adapter, &arena, &o, &want));
    assert_slice(n.echo, want);
}

static void any_order_of_fields(void **state)
{
    char turned[4096] = "sps_hashcode=" HASH_SJIS;
    slice_t rest = SLICE(BEFORE), part;
    adapter_news_t a, b;
    slice_t parts[64];
    size_t n = 0;
    while (slice_split(&rest, '&', &part)) {
        parts[n++] = part;
    }
    while (n-- > 0) {
        size_t at = strlen(turned);
        snprintf(turned + at, sizeof turned - at, "&%.*s", SLICE_FMT(parts[n]));
    }
    assert_ok(verify(turned));
    assert_ok(parse(turned, &a));
    assert_ok(parse(REPORT, &b));
    assert_slice(a.event, b.event); /* the same report, however written */
    assert_slice(a.echo, b.echo);
}

static void wrong_hashes(void **state)
{
    static const char *const ROWS[] = {
        "",
        "sps_hashcode=",
        BEFORE,
        BEFORE "&sps_hashcode=",
        BEFORE "&sps_hashcode=" HASH_SJIS "0",
        BEFORE "&sps_hashcode=0" HASH_SJIS,
        BEFORE "&sps_hashcode=0000000000000000000000000000000000000000",
        REPORT "&sps_hashcode=" HASH_SJIS, /* which of them? */
        REPORT "&amount=1",
        REPORT "&free1=%8",
        REPORT "&free1=%00",
    };
    char text[4096];
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (!err_failed(verify(ROWS[i]))) {
            fail_msg("taken: %s", ROWS[i]);
        }
    }
    snprintf(text, sizeof text, "%s", REPORT); /* every letter counts, in either case */
    for (char *at = strstr(text, "sps_hashcode=") + 13; *at; at++) {
        char was = *at;
        *at = was == '0' ? '1' : '0';
        assert_err(verify(text), ERR_CRYPTO);
        *at = was >= 'a' ? (char)(was - 32) : was;
        assert_ok(verify(text));
        *at = was;
    }
    memset(adapter.webhook_keys, 0, sizeof adapter.webhook_keys);
    assert_err(verify(REPORT), ERR_CRYPTO);
}

static void old_key_during_its_change(void **state)
{
    adapter.webhook_keys[1] = adapter.webhook_keys[0];
    key_set(0, "another-key-of-sixteen");
    assert_ok(verify(REPORT));
    memset(&adapter.webhook_keys[1], 0, sizeof adapter.webhook_keys[1]);
    assert_err(verify(REPORT), ERR_CRYPTO);
}

/* ---- bytes that move between fields ---- */

static slice_t form_of(const slice_t at[SBPS_FIELD_COUNT])
{
    buf_t b;
    assert_ok(arena_buf(&arena, 8192, &b));
    for (size_t i = 0; i < SBPS_FIELD_COUNT; i++) {
        buf_cstr(&b, i ? "&" : "");
        buf_cstr(&b, sbps_field_name((sbps_field_t)i));
        buf_u8(&b, '=');
        for (size_t k = 0; k < at[i].len; k++) {
            char hex[4];
            snprintf(hex, sizeof hex, "%%%02X", at[i].ptr[k]);
            buf_cstr(&b, hex);
        }
    }
    buf_cstr(&b, "&sps_hashcode=" HASH_SJIS);
    assert_ok(buf_check(&b));
    return buf_slice(&b);
}

/* Would this house believe it, for the attempt of the vectors? */
static bool is_believed(slice_t form)
{
    adapter_news_t n;
    adapter_order_t o = some_order();
    slice_t echo;
    attempt_t t = {
        .view = {.attempt = o.attempt, .amount_minor = 12000, .currency = {'J', 'P', 'Y'}},
        .session = SLICE(ORDER)};
    assert_ok(adapter.verify(&adapter, &arena, SLICE_EMPTY, form)); /* the hash does not see it */
    if (err_failed(adapter.parse(&adapter, &arena, form, &n))) {
        return false;
    }
    assert_ok(adapter.echo(&adapter, &arena, &o, &echo));
    return !attempt_misfit(&t, &n) && slice_eq(echo, n.echo);
}

/* Fields whose bytes could change places without anything changing for us: dates of the provider's
 * and codes that decide nothing. All else is refused. */
static bool decides_nothing(size_t left)
{
    return left >= SBPS_res_tracking_id;
}

static void shifted_fields_are_refused(void **state)
{
    sbps_report_t r;
    size_t tried = 0;
    assert_ok(sbps_report_read(&arena, SLICE(REPORT), &r));
    assert_true(is_believed(form_of(r.at)));
    for (size_t i = 0; i + 1 < SBPS_FIELD_COUNT; i++) {
        /* the two together, cut anywhere else */
        uint8_t both[512];
        slice_t was[2] = {r.at[i], r.at[i + 1]};
        size_t len = was[0].len + was[1].len;
        memcpy(both, was[0].len ? (const void *)was[0].ptr : "", was[0].len);
        memcpy(both + was[0].len, was[1].len ? (const void *)was[1].ptr : "", was[1].len);
        for (size_t cut = 0; cut <= len; cut++) {
            r.at[i] = slice_make(both, cut);
            r.at[i + 1] = slice_make(both + cut, len - cut);
            bool moved = cut != was[0].len;
            tried += moved;
            if (moved && is_believed(form_of(r.at)) && !decides_nothing(i)) {
                fail_msg("%s / %s cut at %zu", sbps_field_name((sbps_field_t)i),
                         sbps_field_name((sbps_field_t)(i + 1)), cut);
            }
        }
        r.at[i] = was[0];
        r.at[i + 1] = was[1];
        arena_reset(&arena);
        assert_ok(sbps_report_read(&arena, SLICE(REPORT), &r));
    }
    print_message("%zu shifted reports\n", tried);
    assert_true(tried > 150);
}

static void other_results(void **state)
{
    static const struct {
        const char *change; /* "name=value" instead of the report's */
        bool reads, knows;
        pay_fact_t fact;
    } ROWS[] = {
        {"res_result=NG", true, true, PAY_FACT_FAILED},
        {"res_result=PY", true, false, 0},
        {"res_result=ok", false, false, 0},
        {"res_result=", false, false, 0},
        {"res_tracking_id=", false, false, 0},
        {"res_tracking_id=1234567890123", false, false, 0},
        {"res_tracking_id=1234567890123x", false, false, 0},
        {"merchant_id=30133", false, false, 0},
        {"service_id=002", false, false, 0},
        {"order_id=", false, false, 0},
        {"order_id=" ORDER "b", false, false, 0},
        {"amount=", false, false, 0},
        {"amount=012000", false, false, 0},
        {"amount=-12000", false, false, 0},
        {"amount=12000.0", false, false, 0},
        {"amount=99999999999999", false, false, 0},
        {"res_date=2026092122140", false, false, 0},
        {"request_date=", false, false, 0},
        {"res_err_code=%3Cscript%3E", false, false, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char text[4096] = "";
        slice_t rest = SLICE(BEFORE), part, change = slice_cstr_in(ROWS[i].change);
        slice_t name = slice_sub(change, 0, slice_find_byte(change, '=') + 1);
        adapter_news_t n;
        while (slice_split(&rest, '&', &part)) {
            size_t at = strlen(text);
            slice_t put = slice_starts(part, name) ? change : part;
            snprintf(text + at, sizeof text - at, "%s%.*s", at ? "&" : "", SLICE_FMT(put));
        }
        err_t e = parse(text, &n);
        if (err_failed(e) == ROWS[i].reads) {
            fail_msg("row %zu: %s", i, ROWS[i].change);
        }
        assert_true(err_failed(e) || n.knows == ROWS[i].knows);
        assert_true(err_failed(e) || !n.knows || n.fact == ROWS[i].fact);
    }
}

/* ---- the form ---- */

static slice_t field(const adapter_form_t *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->fields[i].name, name) == 0) {
            return f->fields[i].value;
        }
    }
    fail_msg("no field %s", name);
    return SLICE_EMPTY;
}

static void form_is_signed(void **state)
{
    adapter_order_t o = some_order();
    adapter_form_t f;
    now_is(1789996400); /* 2026-09-21 22:13:20 in Japan */
    assert_ok(adapter.form(&adapter, &arena, &o, &f));
    assert_int_equal(f.n, 31);
    assert_slice(f.action, SLICE("https://fep.example/f01/FepBuyInfoReceive.do"));
    assert_string_equal(f.charset, "Shift_JIS");
    assert_slice(field(&f, "item_name"), SLICE("SK-1 花見の旅"));
    assert_slice(field(&f, "request_date"), SLICE("20260921221320"));
    assert_slice(field(&f, "pagecon_url"), SLICE("http://shop.localhost/pay/notify/sbps"));
    assert_slice(field(&f, "pay_method"), SLICE("credit3d2"));
    assert_slice(field(&f, "sps_hashcode"), SLICE("d247d13c3b45a2b907af0e76c0617c7cfd53ca17"));
    adapter.hash_in_sjis = false;
    assert_ok(adapter.form(&adapter, &arena, &o, &f));
    assert_slice(field(&f, "sps_hashcode"), SLICE("25b731a03f2a13d24fa15b67af5e1d6cbd66fed2"));
}

/* What has no place in Shift_JIS, and what is too long. */
static void names_fit(void **state)
{
    static const struct {
        const char *in, *out;
    } ROWS[] = {
        {"", ""},
        {"plain", "plain"},
        {"髙橋〜﨑", "髙橋～﨑"},
        {"emoji 🌸 한국", "emoji ? ??"},
        {"a\nb\x7f\xff", "a?b??"},
        {"花花花花花花花花花花花花花花花花花花花花花", "花花花花花花花花花花花花花花花花花花花花"},
        {"a花花花花花花花花花花花花花花花花花花花花", "a花花花花花花花花花花花花花花花花花花花"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        slice_t sjis, utf8, back;
        assert_ok(sbps_text_fit(&arena, slice_cstr_in(ROWS[i].in), 40, &sjis, &utf8));
        assert_slice(utf8, slice_cstr_in(ROWS[i].out));
        assert_true(sjis.len <= 40);
        assert_ok(sbps_to_utf8(&arena, sjis, &back));
        assert_slice(back, utf8);
    }
    slice_t none;
    assert_err(sbps_to_utf8(&arena, SLICE("\x89"), &none), ERR_ENCODING);
}

static void page_of_our_own(void **state)
{
    adapter_order_t o = some_order();
    adapter_news_t n;
    assert_ok(adapter.create(&adapter, &arena, &o, &n));
    assert_slice(n.url, SLICE("/pay/go/tok"));
    assert_slice(n.session, SLICE(ORDER));
    assert_null(adapter.cancel); /* SBPS has no such call */
    assert_null(adapter.list);
}

/* ---- XML ---- */

static void xml(void **state)
{
    static const struct {
        const char *xml, *path, *want; /* NULL: refused */
    } ROWS[] = {
        {"<r><a>1</a></r>", "a", "1"},
        {"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?>\n<r id=\"x\">\n<a> 1\n</a></r>\n", "a",
         "1"},
        {"<r><b><a>2</a></b><a>1</a></r>", "b.a", "2"},
        {"<r><b><a>2</a></b><a>1</a></r>", "a", "1"},
        {"<r><a/></r>", "a", ""},
        {"<r><a></a></r>", "a", ""},
        {"<r><b/></r>", "a", NULL},
        {"<r><a>1</a><a>2</a></r>", "a", NULL},
        {"<r><a>1</r></a>", "a", NULL},
        {"<r><a>1</a>", "a", NULL},
        {"<r><a>1</a></r><r/>", "a", NULL},
        {"<r><a>1</a></r>x", "a", NULL},
        {"<r><a>&lt;</a></r>", "a", NULL},
        {"<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r><a>1</a></r>", "a", NULL},
        {"<r><!-- --><a>1</a></r>", "a", NULL},
        {"<r><![CDATA[x]]><a>1</a></r>", "a", NULL},
        {"<r><x><x><x><x><a>1</a></x></x></x></x></r>", "x", NULL},
        {"<R><a>1</a></R>", "a", NULL},
        {"<r><a>1</a></r", "a", NULL},
        {"", "a", NULL},
        {"<", "a", NULL},
        {"<>", "a", NULL},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        slice_t text;
        err_t e = sbps_xml_get(slice_cstr_in(ROWS[i].xml), slice_cstr_in(ROWS[i].path), &text);
        if (err_failed(e) != !ROWS[i].want) {
            fail_msg("row %zu: %s", i, ROWS[i].xml);
        }
        if (ROWS[i].want) {
            assert_slice(text, slice_cstr_in(ROWS[i].want));
        }
    }
}

/* ---- calls ---- */

#define HTTP TEST_HTTP
#define SAYS(more) HTTP("200 OK", "<sps-api-response id=\"x\">" more "</sps-api-response>")
#define STANDS(status, more)                                                                       \
    SAYS("<res_result>OK</res_result><res_pay_method_info><payment_status>" status                 \
         "</payment_status><amount>12000</amount>" more "</res_pay_method_info>")

static const adapter_ref_t REF = {.session = {(const uint8_t *)ORDER, 32},
                                  .payment = {(const uint8_t *)"12345678901234", 14}};

static void queries(void **state)
{
    static const struct {
        const char *answer;
        err_code_t want;
        bool knows;
        pay_fact_t fact;
        int64_t refunded;
    } ROWS[] = {
        {STANDS("1", ""), ERR_NONE, true, PAY_FACT_AUTHORIZED, 0},
        {STANDS("2", ""), ERR_NONE, true, PAY_FACT_CAPTURED, 0},
        {STANDS("3", ""), ERR_NONE, true, PAY_FACT_CANCELLED, 0},
        {STANDS("4", ""), ERR_NONE, true, PAY_FACT_REFUNDED, 12000},
        {STANDS("5", "<refund_amount>500</refund_amount>"), ERR_NONE, true, PAY_FACT_CAPTURED, 500},
        {STANDS("9", ""), ERR_NONE, false, 0, 0},
        {SAYS("<res_result>NG</res_result><res_err_code>10133</res_err_code>"), ERR_UPSTREAM, false,
         0, 0},
        {SAYS("<res_result>OK</res_result>"), ERR_TIMEOUT, false, 0, 0},
        {SAYS(""), ERR_TIMEOUT, false, 0, 0},
        {HTTP("200 OK", "what?"), ERR_TIMEOUT, false, 0, 0},
        {HTTP("500 Oops", ""), ERR_TIMEOUT, false, 0, 0},
        {HTTP("401 No", ""), ERR_UPSTREAM, false, 0, 0},
        {NULL, ERR_TIMEOUT, false, 0, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        adapter_news_t n = {0};
        test_peer_says(ROWS[i].answer);
        err_t e = adapter.query(&adapter, &arena, &REF, &n);
        test_peer_done();
        assert_int_equal(e.code, ROWS[i].want);
        assert_int_equal(n.knows, ROWS[i].knows);
        assert_true(!n.knows || n.fact == ROWS[i].fact);
        assert_true(!n.knows || n.refunded_minor == ROWS[i].refunded);
    }
    assert_non_null(strstr(test_peer.seen, "POST /api/xmlapi.do HTTP/1.1"));
    /* base64 of 30132001:kkkkkkkkkkkkkkkk */
    assert_non_null(
        strstr(test_peer.seen, "Authorization: Basic MzAxMzIwMDE6a2tra2tra2tra2tra2traw=="));
    assert_non_null(strstr(test_peer.seen, "<sps-api-request id=\"MG01-00101-101\"><merchant_id>"));
}

/* Before the first notification there is no number to ask by. */
static void before_the_first_news(void **state)
{
    adapter_news_t n;
    adapter_ref_t ref = {.session = SLICE(ORDER), .expires_us = INT64_C(1790000100) * 1000000};
    now_is(1790000000);
    assert_ok(adapter.query(&adapter, &arena, &ref, &n));
    assert_false(n.knows);
    now_is(1790000101);
    assert_ok(adapter.query(&adapter, &arena, &ref, &n));
    assert_true(n.knows && n.fact == PAY_FACT_EXPIRED);
    ref.payment = SLICE("1234567890123<");
    assert_err(adapter.query(&adapter, &arena, &ref, &n), ERR_SYNTAX);
}

static void refunds(void **state)
{
    adapter_news_t n;
    adapter_refund_t r = {.of = REF, .amount_minor = 12000, .whole_minor = 12000};
    test_peer_says(SAYS("<res_result>OK</res_result>"));
    err_t e = adapter.refund(&adapter, &arena, &r, &n);
    test_peer_done();
    assert_ok(e);
    assert_int_equal(n.fact, PAY_FACT_REFUNDED);
    assert_non_null(strstr(test_peer.seen, "id=\"ST02-00303-101\""));
    assert_null(strstr(test_peer.seen, "pay_option_manage"));
    r.amount_minor = 500;
    test_peer_says(SAYS("<res_result>OK</res_result>"));
    e = adapter.refund(&adapter, &arena, &r, &n);
    test_peer_done();
    assert_ok(e);
    assert_int_equal(n.fact, PAY_FACT_CAPTURED);
    assert_int_equal(n.refunded_minor, 500);
    assert_non_null(strstr(test_peer.seen, "id=\"ST02-00307-101\""));
    assert_non_null(
        strstr(test_peer.seen, "<pay_option_manage><amount>500</amount></pay_option_manage>"));
    test_peer_says(SAYS("<res_result>NG</res_result>"));
    e = adapter.refund(&adapter, &arena, &r, &n);
    test_peer_done();
    assert_true(err_is(e, ERR_UPSTREAM));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(vectors),
        CASE(any_order_of_fields),
        CASE(wrong_hashes),
        CASE(old_key_during_its_change),
        CASE(shifted_fields_are_refused),
        CASE(other_results),
        CASE(form_is_signed),
        CASE(names_fit),
        CASE(page_of_our_own),
        CASE(xml),
        CASE(queries),
        CASE(before_the_first_news),
        CASE(refunds),
    };
    return cmocka_run_group_tests_name("pay sbps", tests, NULL, NULL);
}
