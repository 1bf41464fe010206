/* The card detector: cases by name, measured rates, encodings, cutting. */
#include "card_families.h"

#include "base/test.h"

#include "base/id.h"
#include "text/b64.h"
#include "text/card.h"
#include "text/url.h"
#include "text/utf8.h"

#define VISA "4111111111111111"

static void brands(void **state)
{
    static const struct {
        const char *number;
        card_brand_t brand;
    } CASES[] = {
        {"4111111111111111", CARD_VISA},
        {"4222222222222", CARD_VISA},
        {"4000000000000000006", CARD_VISA},
        {"5555555555554444", CARD_MASTERCARD},
        {"2223003122003222", CARD_MASTERCARD},
        {"2720990000000007", CARD_MASTERCARD},
        {"378282246310005", CARD_AMEX},
        {"3530111333300000", CARD_JCB},
        {"30569309025904", CARD_DINERS},
        {"36227206271667", CARD_DINERS},
        {"6011111111111117", CARD_DISCOVER},
        {"6200000000000005", CARD_UNIONPAY},
        {"6200000000000000000", CARD_UNIONPAY},
        {"6759649826438453", CARD_MAESTRO},
        {"4111111111111112", CARD_NONE}, /* check digit */
        {"411111111111116", CARD_NONE},  /* 15: no Visa */
        {"2220990000000002", CARD_NONE}, /* below Mastercard's range */
        {"2721000000000004", CARD_NONE}, /* above it */
        {"3088000000000009", CARD_NONE}, /* between the Diners ranges */
        {"3527000000000008", CARD_NONE}, /* below JCB's */
        {"1111111111111117", CARD_NONE},
        {"0000000000000000", CARD_NONE},
        {"378282246310", CARD_NONE},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t digits[20];
        size_t n = strlen(CASES[i].number);
        for (size_t k = 0; k < n; k++) {
            digits[k] = (uint8_t)(CASES[i].number[k] - '0');
        }
        if (card_brand_of(digits, n) != CASES[i].brand) {
            fail_msg("%s", CASES[i].number);
        }
        assert_int_equal(card_scan(slice_cstr_in(CASES[i].number), NULL),
                         CASES[i].brand != CARD_NONE);
    }
    assert_string_equal(card_brand_name(CARD_JCB), "JCB");
}

static void found(void **state)
{
    static const char *const TEXTS[] = {
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111　1111　1111　1111",
        "４１１１－１１１１－１１１１－１１１１",
        "4111ー1111ー1111ー1111",
        "4111一1111一1111一1111",
        "四一一一 一一一一 一一一一 一一一一",
        "٤١١١١١١١١١١١١١١١",
        "4\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3"
        "1\ufe0f\u20e3", /* keycaps */
        "④①①①①①①①①①①①①①①①",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "41 11 11 11 11 11 11 11",
        "4\u200b111\u200b1111\u200b1111\u200b1111",
        "4111\n1111\r\n1111\t1111",
        "4111 - 1111 - 1111 - 1111",
        "4111|1111|1111|1111",
        "(4111)(1111)(1111)(1111)",
        "[\"4111\",\"1111\",\"1111\",\"1111\"]",
        "41-11111-111_1.11111",
        "3782 822463 10005",
        "3056 9309 0259 04",
        "3056 930902 5904",
        "カード" VISA "です",
        "カード番号は4111、1111、1111、1111です。",
        "card" VISA,
        "Card4111 1111 1111 1111",
        "CARDNO" VISA,
        "creditcardnumber" VISA,
        "mynewcard" VISA,
        "ｃａｒｄ" VISA,
        VISA "visa",
        VISA "exp1227",
        "card:" VISA ",cvv:123",
        "4111 1111 1111 1111 12/27 123",
        "41111 11111 11111 1 12/27 123",
        "1. 41-1111-1111-111-111",
        "予約番号 12345 4111 1111 1111 1111",
        "03-1234-5678 4111-1111-1111-1111",
        "090-1234-5678 41-1111 11111111 11",
        "2026-11-22 41-1111 11111111 11",
        "{\"pan\":4111111111111111}",
        "карта" VISA,
        VISA "@example.com",
        "+" VISA,
        "0." VISA,
        "4242424242424242 5555555555554444",
        "\xff" VISA "\xfe",
        "\x83\x4a\x81\x5b\x83h" VISA, /* Shift_JIS: the 'h' is half a letter */
        "4222222222222",
        "%B" VISA "^TARO YAMADA^29011010000000000?", /* magnetic tracks */
        "B" VISA "^TARO YAMADA^29011010000000000?",
        ";" VISA "=29011010000000000?",
        "41-11111-1111-1111-1様",
        "41111111, 11111111",
        "41111111 / 11111111 12/28 123",
        "35660020 20360505", /* the second half looks like a date */
        "5105-1051-0510-5100",
        "510510 510510 5100", /* as amounts do */
        "11/29 411 1111 11111 1111",
        "2027/10/25 10:30 411 1111 11111 1111",
        "〒 123-4567 411 1111 11111 1111",
        "〒1234567 411 1111 11111 1111",
        "123-4567 411 1111 11111 1111",
        "411 1111 11111 1111 411 1111 11111 1111",
        "4111 1111\n1111 1111 12/27",
        "4111-1111-1111 1111|02|2028|123",
    };
    for (size_t i = 0; i < BASE_COUNT(TEXTS); i++) {
        if (!card_scan(slice_cstr_in(TEXTS[i]), NULL)) {
            fail_msg("missed: %s", TEXTS[i]);
        }
    }
}

/* Each holds digits that would be a card number if they were put together carelessly. */
static void let_through(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "4111111111111112",
        "411111111111111",
        "41111111111111111111", /* 20 digits: no card inside a longer number */
        "x7f" VISA,
        VISA "ab12",
        "a3" VISA "bc9",
        "SKS" VISA,
        "4901234567894",          /* JAN; passes the card check digit too */
        "4 901234 567894",        /* as printed under the bars */
        "03-4111-1111 1111-1111", /* telephones, the second without area code */
        "4111 1111 1111 1112",
        "12,300 45,600 78,900 12,800",
        "34800 36800 39890",
        "27/11/1948-26/11/2021",
        "35.681236, 139.767129",
        "550e8400-4111-1111-1111-111111111111",
        "4111a1111b1111c1111",
        "4111円1111円1111円1111円",
        "¥4111 ¥1111 ¥1111 ¥1111",
        "5q1nhx4fjw8h1bw5kl0b5lv8x",
        "xB" VISA "^",
        "4111-1111-1111、1111-2345-6789", /* parcels, person numbers: two of twelve digits */
        "2345-6789-4111、1111-1111-1111",
        "4111 1111 1111\n1111 2345 6789",
        "3618-3773-0321 6/6発送",
        "36.631740 136.735695",
        "48.89868,2.36276",
        "421-8580269441",
        "503-8882070-2804038",
        "621000 629000 557561 135000",
    };
    for (size_t i = 0; i < BASE_COUNT(TEXTS); i++) {
        if (card_scan(slice_cstr_in(TEXTS[i]), NULL)) {
            fail_msg("refused: %s", TEXTS[i]);
        }
    }
}

static void says_where(void **state)
{
    card_hit_t hit = {0};
    assert_true(card_scan(SLICE("番号 ４１１１ 1111-1111 1111 です"), &hit));
    assert_int_equal(hit.at, 7);
    assert_int_equal(hit.len, 12 + 1 + 4 + 1 + 4 + 1 + 4);
    assert_int_equal(hit.digits, 16);
    assert_int_equal(hit.brand, CARD_VISA);
    assert_true(card_scan(SLICE("5555555555554444 " VISA), &hit));
    assert_int_equal(hit.brand, CARD_MASTERCARD);
}

/* A number is found wherever it stands in a long chain of other numbers. */
static void found_in_long_chains(void **state)
{
    for (size_t before = 0; before < 150; before++) {
        uint8_t mem[4096];
        buf_t b = BUF_ON_ARRAY(mem);
        for (size_t i = 0; i < before; i++) {
            buf_cstr(&b, "77 ");
        }
        size_t at = b.len;
        buf_cstr(&b, "4111 1111 1111 1111");
        for (size_t i = 0; i < 150 - before; i++) {
            buf_cstr(&b, " 77");
        }
        card_hit_t hit;
        assert_true(card_scan(buf_slice(&b), &hit));
        assert_int_equal(hit.at, at);
    }
}

static void disguised_numbers_are_found(void **state)
{
    enum { COUNT = 100000 };
    uint64_t seed = 20261122;
    size_t missed = 0;
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t mem[1024];
        buf_t b = BUF_ON_ARRAY(mem);
        const char *form;
        family_disguise(&seed, &b, &form);
        assert_ok(buf_check(&b));
        if (!card_scan(buf_slice(&b), NULL)) {
            missed++;
            if (missed <= 5) {
                printf("missed (%s): %.*s\n", form, SLICE_FMT(buf_slice(&b)));
            }
        }
    }
    printf("disguised card numbers: %zu of %d missed (%.3f %% found)\n", missed, COUNT,
           100.0 * (double)(COUNT - missed) / COUNT);
    assert_true(missed <= COUNT / 1000);
}

static void benign_numbers_pass(void **state)
{
    enum { EACH = 4000, COUNT = EACH * FAMILY_COUNT };
    uint64_t seed = 20261123;
    size_t refused = 0;
    for (size_t family = 0; family < FAMILY_COUNT; family++) {
        size_t here = 0;
        for (size_t i = 0; i < EACH; i++) {
            uint8_t mem[1024];
            buf_t b = BUF_ON_ARRAY(mem);
            family_benign(family, &seed, &b);
            assert_ok(buf_check(&b));
            here += card_scan(buf_slice(&b), NULL);
        }
        if (here) {
            printf("%-22s %zu of %d refused\n", family_name(family), here, EACH);
        }
        refused += here;
    }
    printf("benign long numbers: %zu of %d refused (%.4f %%)\n", refused, COUNT,
           100.0 * (double)refused / COUNT);
    assert_true(refused <= COUNT / 1000);
}

/* Law 7: ids can never look like a card number, nor can tokens, in any encoding. */
static void own_ids_pass(void **state)
{
    arena_t arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 1000000; i++) {
        char text[ID_TEXT];
        if (i % 2) {
            id_encode(id_new(), text);
        } else {
            random_letters(text, sizeof text);
        }
        assert_false(card_scan(slice_make(text, sizeof text), NULL));
        if (i % 64 == 0) {
            assert_ok(card_scan_encoded(&arena, slice_make(text, sizeof text), NULL));
            arena_reset(&arena);
        }
    }
    arena_deinit(&arena);
}

static void encodings(void **state)
{
    static const char *const TEXTS[] = {
        VISA,
        "4111%201111%201111%201111",
        "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
        "%2534%2531%2531%2531111111111111",
        "%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91-1111-1111-%EF%BC%911%EF%BC%911",
        "4111+1111+1111+1111",
        "41+1111+111111+1111",
        "&#52;&#49;&#49;&#49;111111111111",
        "&#x34;&#X31;&#x31;&#x31;111111111111",
        "&#52&#49&#49&#49 1111 1111 1111",
        "4111&nbsp;1111&ndash;1111&#8203;1111",
        "&amp;#52;&amp;#49;&amp;#49;&amp;#49;111111111111",
        "%26%2352%3B111111111111111",
        "\\u0034\\u0031\\u0031\\u0031111111111111",
        "\\ud835\\udfd2\\ud835\\udfcf\\u0031\\u0031111111111111",
        "\\u{34}111\\u{31}11111111111",
        "\\x34\\x31\\x31\\x31111111111111",
        "\\\\u0034111111111111111",
        "{\\\"n\\\":\\\"4111\\u002d1111\\u002d1111\\u002d1111\\\"}",
        "%u0034%u0031%u0031%u0031111111111111",
        "%uff14%uff11%uff11%uff11111111111111",
        "NDExMTExMTExMTExMTExMQ==",
        "NDExMTExMTExMTExMTExMQ",
        "NDExMTExMTExMTExMTExMQ%3D%3D",
        "TkRFeE1URXhNVEV4TVRFeE1URXhNUT09",
        "Y2FyZDogNDExMSAxMTEx\r\nIDExMTEgMTExMQ==",
        "34313131313131313131313131313131",
        "4111\\n1111\\n1111\\n1111",
        "%ef%bc%94111+%ef%bc%91111++%ef%bc%91111+%ef%bc%91111", /* '+' behind no ASCII digit */
        "4111++1111+-+1111+1111",
        "%2541%2B4%EF%BC%91%EF%BC%91%EF%BC%91+1111+1111+1111",
        "&#xff1\\u0034;111111111111111",     /* a reference within JSON */
        "\\ud&#56;35\\udfd2111111111111111", /* a pair of which one half is in another layer */
    };
    arena_t arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < BASE_COUNT(TEXTS); i++) {
        card_hit_t hit = {0};
        err_t e = card_scan_encoded(&arena, slice_cstr_in(TEXTS[i]), &hit);
        if (!err_is(e, ERR_CARD_DATA) || hit.brand != CARD_VISA) {
            fail_msg("missed: %s", TEXTS[i]);
        }
    }
    static const char *const BENIGN[] = {
        "",
        "%",
        "&#;",
        "\\u",
        "\\",
        "&nbsp",
        "a=%E3%81%82&b=+81+90+1234+5678",
        "&#12459;&#12540;&#12489;&#12459;&#12540;",
        "SGVsbG8sIHRyYXZlbGxlciE=",
        "+4915123456783",
        "%F0%9F",
        "&#99999999;",
        "\\ud835",
        "\\u{}",
        "%u12",
    };
    for (size_t i = 0; i < BASE_COUNT(BENIGN); i++) {
        assert_ok(card_scan_encoded(&arena, slice_cstr_in(BENIGN[i]), NULL));
    }
    arena.fail_after = 0; /* cannot look: must refuse */
    assert_err(card_scan_encoded(&arena, SLICE("%20 some longer text"), NULL), ERR_MEMORY);
    arena_deinit(&arena);
}

/* Whatever is found in clear is found through each layer, and two of them. */
static void encoded_disguises_are_found(void **state)
{
    uint64_t seed = 5;
    arena_t arena;
    arena_init(&arena, 4 << 20);
    size_t tried = 0;
    for (size_t i = 0; i < 5000; i++) {
        static uint8_t clear[1024], once[4096], twice[16384];
        buf_t c = BUF_ON_ARRAY(clear), o = BUF_ON_ARRAY(once), t = BUF_ON_ARRAY(twice);
        const char *form;
        family_disguise(&seed, &c, &form);
        if (!card_scan(buf_slice(&c), NULL)) {
            continue;
        }
        tried++;
        if (i % 2) {
            url_put_component(&o, buf_slice(&c));
        } else {
            b64_put(&o, buf_slice(&c));
        }
        url_put_component(&t, buf_slice(&o));
        assert_err(card_scan_encoded(&arena, buf_slice(&o), NULL), ERR_CARD_DATA);
        assert_err(card_scan_encoded(&arena, buf_slice(&t), NULL), ERR_CARD_DATA);
        arena_reset(&arena);
    }
    assert_true(tried > 4900);
    arena_deinit(&arena);
}

static void cutting(void **state)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"", ""},
        {"no number", "no number"},
        {VISA, "411111******1111"},
        {"a 4111 1111 1111 1111 b", "a 4111 11** **** 1111 b"},
        {"4111-1111-1111-1111, 3782 822463 10005", "4111-11**-****-1111, 3782 82**** *0005"},
        {"カード４１１１１１１１１１１１１１１１です", "カード４１１１１１******１１１１です"},
        {"03-1234-5678", "03-1234-5678"},
        {VISA "\n" VISA, "411111******1111\n411111******1111"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[256];
        buf_t b = BUF_ON_ARRAY(mem);
        buf_cstr(&b, "<");
        card_cut(slice_cstr_in(CASES[i].in), &b);
        assert_slice(slice_from(buf_slice(&b), 1), slice_cstr_in(CASES[i].out));
    }
    uint8_t mem[10];
    buf_t small = BUF_ON_ARRAY(mem);
    card_cut(SLICE(VISA), &small);
    assert_true(small.full && small.len == 0);
}

static void nothing_is_left_after_cutting(void **state)
{
    uint64_t seed = 77;
    for (size_t i = 0; i < 20000; i++) {
        uint8_t clear[2048], mem[2048];
        buf_t c = BUF_ON_ARRAY(clear), out = BUF_ON_ARRAY(mem);
        const char *form;
        family_disguise(&seed, &c, &form);
        buf_cstr(&c, i % 3 ? " " : "");
        family_disguise(&seed, &c, &form);
        card_cut(buf_slice(&c), &out);
        assert_ok(buf_check(&out));
        assert_true(out.len <= c.len);
        assert_false(card_scan(buf_slice(&out), NULL));
    }
}

static void cutting_through_encodings(void **state)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"/search?q=" VISA "&b=%E3%81%82", "/search?q=411111******1111&b=%E3%81%82"},
        {"/search?q=4111%201111%201111%201111", "[card number removed]"},
        {"/search?q=%E3%81%82+03-1234-5678", "/search?q=%E3%81%82+03-1234-5678"},
        {"NDExMTExMTExMTExMTExMQ==", "[card number removed]"},
        {"%B" VISA "^T Y^2901?", "%B411111******1111^T Y^2901?"},
    };
    arena_t arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[256];
        buf_t b = BUF_ON_ARRAY(mem);
        card_cut_encoded(&arena, slice_cstr_in(CASES[i].in), &b);
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].out));
    }
    uint8_t mem[256];
    buf_t b = BUF_ON_ARRAY(mem);
    arena.fail_after = 0; /* not looked at is not recorded */
    card_cut_encoded(&arena, SLICE("/search?q=%E3%81%82%E3%81%82"), &b);
    assert_slice(buf_slice(&b), SLICE("[card number removed]"));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brands),
        cmocka_unit_test(found),
        cmocka_unit_test(let_through),
        cmocka_unit_test(says_where),
        cmocka_unit_test(found_in_long_chains),
        cmocka_unit_test(disguised_numbers_are_found),
        cmocka_unit_test(benign_numbers_pass),
        cmocka_unit_test(own_ids_pass),
        cmocka_unit_test(encodings),
        cmocka_unit_test(encoded_disguises_are_found),
        cmocka_unit_test(cutting),
        cmocka_unit_test(nothing_is_left_after_cutting),
        cmocka_unit_test(cutting_through_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
