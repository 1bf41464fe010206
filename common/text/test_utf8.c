/* UTF-8, HTML escaping, folding. */
#include "base/test.h"

#include "text/fold.h"
#include "text/html.h"
#include "text/utf8.h"

static arena_t arena;

static int reset(void **state)
{
    arena_deinit(&arena);
    arena_init(&arena, 1 << 20);
    return 0;
}

static void sequences_are_judged_strictly(void **state)
{
    static const struct {
        const char *name, *bytes;
        bool valid;
    } CASES[] = {
        {"ascii", "a\x7f", true},
        {"two", "\xc2\x80\xdf\xbf", true},
        {"three", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
        {"four", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"overlong slash", "\xc0\xaf", false},
        {"overlong three", "\xe0\x9f\xbf", false},
        {"overlong four", "\xf0\x8f\xbf\xbf", false},
        {"surrogate", "\xed\xa0\x80", false},
        {"low surrogate", "\xed\xbf\xbf", false},
        {"above U+10FFFF", "\xf4\x90\x80\x80", false},
        {"five bytes", "\xf8\x88\x80\x80\x80", false},
        {"lone continuation", "\x80", false},
        {"cut off", "\xe3\x81", false},
        {"cut off by ascii", "\xe3\x81z", false},
        {"ff", "\xff", false},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        if (utf8_valid(slice_cstr_in(CASES[i].bytes)) != CASES[i].valid) {
            fail_msg("%s", CASES[i].name);
        }
    }
}

static void every_code_point_round_trips(void **state)
{
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        uint8_t mem[4];
        buf_t b = BUF_ON_ARRAY(mem);
        buf_utf8(&b, cp);
        slice_t s = buf_slice(&b);
        bool real = cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
        assert_int_equal(utf8_take(&s), real ? cp : (uint32_t)UTF8_REPLACEMENT);
        assert_int_equal(s.len, 0);
    }
}

static void malformed_parts_count_once(void **state)
{
    /* Unicode 15, table 3-8. */
    assert_int_equal(utf8_count(SLICE("a\xF1\x80\x80\xE1\x80\xC2"
                                      "b\x80"
                                      "c\x80\xBF"
                                      "d")),
                     10);
    assert_int_equal(utf8_count(SLICE("日本語")), 3);
    for (size_t max = 0; max < 12; max++) {
        slice_t cut = utf8_truncate(SLICE("日本a語"), max);
        assert_true(cut.len <= max && utf8_valid(cut));
    }
    assert_slice(utf8_truncate(SLICE("日本語"), 5), SLICE("日"));
    assert_slice(utf8_truncate_points(SLICE("日本語"), 2), SLICE("日本"));
    assert_slice(utf8_truncate_points(SLICE("日"), 2), SLICE("日"));
}

static void typed_text(void **state)
{
    assert_true(utf8_is_text(SLICE("髙橋 はなこ é 😀"), false));
    assert_true(utf8_is_text(SLICE("a\r\n\tb"), true));
    static const char *const BAD[] = {"a\nb",          "a\x1b",        "\x7f", "\xc2\x85",
                                      "a\xe2\x80\xae", "\xef\xbf\xbf", "\xff", "\xe2\x81\xa6"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        assert_false(utf8_is_text(slice_cstr_in(BAD[i]), false));
    }
    assert_false(utf8_is_text(SLICE("a\0b"), true));
}

static void html_text_is_escaped(void **state)
{
    static const struct {
        const char *in, *text, *attr;
    } CASES[] = {
        {"a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;", "a&lt;b&gt;&amp;&quot;&#39;"},
        {"日本\n\t", "日本\n\t", "日本&#10;&#9;"},
        {"\x01\x7f\xc2\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xbcscript", "\xef\xbf\xbd\xef\xbf\xbdscript", "\xef\xbf\xbd\xef\xbf\xbdscript"},
        {"\xe3\x81<", "\xef\xbf\xbd&lt;", "\xef\xbf\xbd&lt;"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[128];
        buf_t b = BUF_ON_ARRAY(mem);
        html_t out;
        html_put_attr(&b, slice_cstr_in(CASES[i].in));
        assert_slice(buf_slice(&b), slice_cstr_in(CASES[i].attr));
        assert_ok(html_escape(&arena, slice_cstr_in(CASES[i].in), &out));
        assert_slice(out.s, slice_cstr_in(CASES[i].text));
    }
    uint8_t mem[8];
    buf_t b = BUF_ON_ARRAY(mem);
    html_put(&b, HTML("<br>"));
    assert_slice(buf_slice(&b), SLICE("<br>"));
}

static void html_urls_by_allow_list(void **state)
{
    static const char *const GOOD[] = {"/",          "/tours?x=1#a",     "?p=2",
                                       "#top",       "https://a.jp/b?c", "HTTP://a.jp",
                                       "tel:+81312", "mailto:a@b.jp",    "/日本"};
    static const char *const BAD[] = {"",
                                      "//evil.example",
                                      "/\\evil.example",
                                      "/a\\b",
                                      "javascript:alert(1)",
                                      "JaVaScRiPt:x",
                                      " javascript:x",
                                      "java\nscript:x",
                                      "\tjavascript:x",
                                      "/\t/evil.example",
                                      "data:text/html,x",
                                      "vbscript:x",
                                      "tours/1",
                                      "https:/evil",
                                      "https:evil",
                                      "https://",
                                      "/a b",
                                      "/\xff",
                                      "/\xc2\xa0\xc2\x85"};
    for (size_t i = 0; i < BASE_COUNT(GOOD); i++) {
        assert_true(html_url_ok(slice_cstr_in(GOOD[i])));
    }
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        uint8_t mem[64];
        buf_t b = BUF_ON_ARRAY(mem);
        html_put_url(&b, slice_cstr_in(BAD[i]));
        assert_slice(buf_slice(&b), SLICE("#"));
    }
    uint8_t mem[64];
    buf_t b = BUF_ON_ARRAY(mem);
    html_put_url(&b, SLICE("/a?b=1&c=\"x\""));
    assert_slice(buf_slice(&b), SLICE("/a?b=1&amp;c=&quot;x&quot;"));
}

typedef err_t fold_fn(arena_t *a, slice_t in, slice_t *ret_out);

static void folds(void **state)
{
    static const struct {
        fold_fn *fold;
        const char *in, *want;
    } CASES[] = {
        {text_width_fold, "ＡＢＣ１２３　ｱｶﾞﾊﾟｳﾞ－＠", "ABC123 アガパヴ-@"},
        {text_width_fold, "か\xe3\x82\x99は\xe3\x82\x9a", "がぱ"},
        {text_width_fold, "ア\xe3\x82\x99", "ア\xe3\x82\x99"}, /* no such letter */
        {text_kana_fold, "さとう　はなこ", "サトウハナコ"},
        {text_kana_fold, "ｻﾄｳ ﾊﾅｺ", "サトウハナコ"},
        {text_kana_fold, "サトウ・ハナコ", "サトウハナコ"},
        {text_kana_fold, "きょうじゅ", "キヨウジユ"},
        {text_kana_fold, "キョウシ゛ュ", "キヨウジユ"},
        {text_kana_fold, "ｷｮｳｼﾞｭ", "キヨウジユ"},
        {text_kana_fold, "ヴァン・ゴッホ", "ヴアンゴツホ"},
        {text_kana_fold, "ゔぁん ごっほ", "ヴアンゴツホ"},
        {text_kana_fold, "オーノ", "オーノ"},
        {text_kana_fold, "オ―ノ", "オーノ"},
        {text_kana_fold, "ｵｰﾉ", "オーノ"},
        {text_kana_fold, "Smith Ｊ", "smithj"},
        {text_email_fold, "　Hanako＠Example.JP ", "hanako@example.jp"},
        {text_phone_fold, "03-1234-5678", "0312345678"},
        {text_phone_fold, "（０３）１２３４－５６７８", "0312345678"},
        {text_phone_fold, "+81 3 1234 5678", "0312345678"},
        {text_phone_fold, "＋８１（０）３-1234-5678", "0312345678"},
        {text_phone_fold, "0081-90-1234-5678", "09012345678"},
        {text_phone_fold, "010-81-90-1234-5678", "09012345678"},
        {text_phone_fold, "+1 212 555 0100", "12125550100"},
        {text_phone_fold, "81234567", "81234567"}, /* no plus: not a country code */
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        slice_t out, again;
        assert_ok(CASES[i].fold(&arena, slice_cstr_in(CASES[i].in), &out));
        assert_slice(out, slice_cstr_in(CASES[i].want));
        assert_ok(CASES[i].fold(&arena, out, &again)); /* folded once is folded for good */
        assert_slice(again, out);
    }
    slice_t out;
    assert_err(text_phone_fold(&arena, SLICE("none"), &out), ERR_SYNTAX);
    assert_err(text_kana_fold(&arena, SLICE("\xff"), &out), ERR_ENCODING);
    arena.fail_after = 0;
    assert_err(text_kana_fold(&arena, SLICE("a"), &out), ERR_MEMORY);
}

static void email_addresses(void **state)
{
    static const char *const GOOD[] = {"a@b.jp", "hanako.sato+tour@mail.example.co.jp",
                                       "o'n@x.org"};
    static const char *const BAD[] = {
        "",           "a",           "@b.jp",   "a@",       "a@b",
        "a@b@c.d",    ".a@b.jp",     "a.@b.jp", "a..b@c.d", "a b@c.jp",
        "a@-b.jp",    "a@b-.jp",     "a@b..jp", "a@.jp",    "a@b.jp\r\nBcc:x",
        "\"a\"@b.jp", "a@[1.2.3.4]", "あ@b.jp", "a@日本.jp"};
    for (size_t i = 0; i < BASE_COUNT(GOOD); i++) {
        assert_true(text_email_ok(slice_cstr_in(GOOD[i])));
    }
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        if (text_email_ok(slice_cstr_in(BAD[i]))) {
            fail_msg("%s", BAD[i]);
        }
    }
    assert_false(text_email_ok(SLICE("a\0@b.jp")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_judged_strictly),
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(malformed_parts_count_once),
        cmocka_unit_test(typed_text),
        cmocka_unit_test_setup(html_text_is_escaped, reset),
        cmocka_unit_test(html_urls_by_allow_list),
        cmocka_unit_test_setup(folds, reset),
        cmocka_unit_test(email_addresses),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
