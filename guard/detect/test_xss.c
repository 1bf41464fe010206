/* The XSS detector: contexts, disguises, harmless mark-up and prose, bounds. */
#include "base/test.h"
#include "xss.h"

typedef struct xss_case {
    const char *value;
    int context; /* xss_context_t, or -1: harmless */
} xss_case_t;

static const xss_case_t CASES[] = {
    {"<script>alert(1)</script>", XSS_DATA},
    {"<ScRiPt/x>", XSS_DATA},
    {"</script><b>", XSS_DATA},
    {"<img src=x onerror=alert(1)>", XSS_DATA},
    {"<img/src=x onerror=alert(1)>", XSS_DATA},
    {"<x onunknownthing=1>", XSS_DATA},
    {"<a href=\"jav&#x09;ascript:alert(1)\">", XSS_DATA},
    {"<a href=' &#106;avascript&colon;alert(1)'>", XSS_DATA},
    {"<iframe src=//evil.example>", XSS_DATA},
    {"<base href=//evil.example>", XSS_DATA},
    {"<meta http-equiv=refresh content=0>", XSS_DATA},
    {"<p style=\"width:exp/**/ression(alert(1))\">", XSS_DATA},
    {"<!ENTITY x SYSTEM 'file:///etc/passwd'>", XSS_DATA},
    {"\" onmouseover=alert(1) x=\"", XSS_TAG},
    {"x onclick=alert(1)", XSS_TAG},
    {"javascript:alert(1)", XSS_URL},
    {"java\tscript:alert(1)", XSS_URL},
    {"data:text/html,<b>", XSS_URL},
    {"';alert(1)//", XSS_SCRIPT},
    {"\"-alert(1)-\"", XSS_SCRIPT},
    {"${alert(1)}", XSS_SCRIPT},
    {"eval(atob('YQ=='))", XSS_SCRIPT},
    {"(alert)(1)", XSS_SCRIPT},
    {"red;x:expression(alert(1))", XSS_STYLE},
    {"a:b;background:url(javascript:x)", XSS_STYLE},
    {"<x onxxx=1>", XSS_DATA},
    {"<x @click=\"f(1)\">", XSS_DATA},
    {"<div ng-click=x>", XSS_DATA},
    {"<p x-data=\"{a:1}\">", XSS_DATA},
    {"<x @home>", -1},
    {"<taro @work=1>", -1},
    {"alert (警報) が鳴りました", -1},
    {"confirm(確認)", -1},
    {"I <3 Kyoto", -1},
    {"<b>bold</b> <br /> <a href=\"/tours\">x</a>", -1},
    {"<p style=\"color:red\">x</p>", -1},
    {"List<String> and Map<String, Object>", -1},
    {"a < b and c > d", -1},
    {"JavaScript: The Good Parts (2008)", -1},
    {"travel alert(s)", -1},
    {"confirm (yes/no)", -1},
    {"online = yes", -1},
    {"location = Kyoto", -1},
    {"one=1&only=2", -1},
    {"John <john@example.com>", -1},
    {"( ;∀;) (>_<) <(_ _)>", -1},
    {"O'Brien; the confirmation", -1},
    {"", -1},
    {"<", -1},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const xss_case_t *c = &CASES[i];
        xss_found_t f = {.fingerprint = "untouched"};
        slice_t v = slice_make(c->value, strlen(c->value));
        bool found = xss_detect(v, &f);
        if (found != (c->context >= 0)) {
            fail_msg("%s: %s", c->value, found ? f.fingerprint : "not found");
        }
        if (!found) {
            assert_string_equal(f.fingerprint, "untouched");
            continue;
        }
        assert_true(xss_detect(v, NULL) && xss_possible(bytes_seen(v), v.len));
        if (f.context != (xss_context_t)c->context) {
            fail_msg("%s: %s %s", c->value, xss_context_name(f.context), f.fingerprint);
        }
        assert_true(f.len && f.at < v.len && f.len <= v.len - f.at);
    }
}

static void test_hostile_shapes(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {"<a x=\"",    "<a x='",
                                         "<a ",        "<a x='<a ' ",
                                         "<",          "<!",
                                         "&#",         "\"",
                                         "'",          "`",
                                         "a=",         "on",
                                         "alert(",     "/*",
                                         "url(",       "\\",
                                         "${",         "<a style=\"/*",
                                         "(",          "<script-",
                                         "javascript", ":"};
    enum { SIZE = 1 << 16 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        size_t len = strlen(SHAPES[i]), n = 0;
        for (; n + len <= SIZE; n += len) {
            memcpy(text + n, SHAPES[i], len);
        }
        (void)xss_detect(slice_make(text, n), NULL);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_hostile_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
