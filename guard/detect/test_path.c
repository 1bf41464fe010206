/* The detector of path.h: disguises, texts that look alike, bounds. */
#include "base/test.h"
#include "path.h"

static const struct {
    const char *value;
    bool want;
} CASES[] = {
    {"../../etc/passwd", true},
    {"..\\..\\windows\\win.ini", true},
    {"/static/../secret.txt", true},
    {"%2e%2e%2fetc/x", true},
    {"%252e%252e%252fx", true},
    {"%c0%ae%c0%ae/x", true},
    {"\xC0\xAE\xC0\xAE/x", true},
    {"..%u2215..%u2215x", true},
    {"....//....//x", true},
    {"..0x2f..0x2fx", true},
    {"/etc/./passwd", true},
    {"file:///etc/x", true},
    {"C:\\windows\\x", true},
    {"C:\\Users\\me\\Pictures", false},
    {"\\\\::1\\c$\\users", true},
    {"php://filter/x", true},
    {"/etc/kubernetes/admin.conf", true},
    {"/var/spool/cron/x", true},
    {"//proc/1/maps", true},
    {"/home/me/.profile", true},
    {"/.env", true},
    {"/usr/share/tomcat/x", true},
    {"gopher://127.0.0.1/x", true},
    {"/etc/privacy.html", false},
    {"/home/top/news", false},
    {"/var/ is full", false},
    {"https://example.com/a/../b.html", false},
    {"https://example.com/../../b.html", true},
    {"..%2fimages%20is%20where", false},
    {"..%2fimages", true},
    {"and/or 1/2 3/4", false},
    {"wait.../ no", false},
    {"......", false},
    {"see docs/README.md", false},
    {"<a href=\"../\">x</a>", false},
    {"http://example.com/a/b.html?x=1#y", false},
    {"５/６　７．８", false},
    {"10%20off", false},
    {"", false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        path_found_t f = {.fingerprint = "untouched"};
        slice_t v = slice_make(CASES[i].value, strlen(CASES[i].value));
        bool found = path_detect(v, &f);
        if (found != CASES[i].want) {
            fail_msg("%s: %s", CASES[i].value, found ? f.fingerprint : "not found");
        }
        if (!found) {
            assert_string_equal(f.fingerprint, "untouched");
            continue;
        }
        assert_true(path_detect(v, NULL) && path_possible(bytes_seen(v), v.len));
        assert_true(f.len && f.at < v.len && f.len <= v.len - f.at);
    }
}

static void test_hostile_shapes(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {";",   "|",      "&",   "`",    "$(",       "${", "{{",
                                         "../", "%25",    "%2e", "0x2e", "/",        "\\", ".",
                                         "<(",  "; $IFS", "a;",  "'",    "\xC0\xAE", "\n", " "};
    enum { SIZE = 1 << 16 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        size_t len = strlen(SHAPES[i]), n = 0;
        for (; n + len <= SIZE; n += len) {
            memcpy(text + n, SHAPES[i], len);
        }
        (void)path_detect(slice_make(text, n), NULL);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_hostile_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
