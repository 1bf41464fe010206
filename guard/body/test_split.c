/* Request targets and header lines. */
#include "base/test.h"

#include "split.h"

static void targets(void **state)
{
    static const struct {
        const char *target, *uri, *path, *basename, *query;
        bool has_query;
    } CASES[] = {
        {"/", "/", "/", "", "", false},
        {"", "", "", "", "", false},
        {"*", "*", "*", "*", "", false},
        {"/a/b.php?x=1?y", "/a/b.php?x=1?y", "/a/b.php", "b.php", "x=1?y", true},
        {"/a?", "/a?", "/a", "a", "", true},
        {"/a%20b/c%2Fd+e?x=%41+", "/a b/c/d+e?x=A+", "/a b/c/d+e", "d+e", "x=%41+", true},
        {"/a%3Fb?c", "/a?b?c", "/a?b", "a?b", "c", true},
        {"/%zz%4", "/%zz%4", "/%zz%4", "%zz%4", "", false},
        {"/a\\..\\b.ini", "/a\\..\\b.ini", "/a\\..\\b.ini", "b.ini", "", false},
        {"/a?b#c?d", "/a?b", "/a", "a", "b", true},
        {"/a#b?c", "/a", "/a", "a", "", false},
        {"http://h:80/p/x?y", "/p/x?y", "/p/x", "x", "y", true},
        {"HTTPS://h", "/", "/", "", "", false},
        {"http://h?q", "?q", "", "", "q", true},
        {"/p?u=http://h/x", "/p?u=http://h/x", "/p", "p", "u=http://h/x", true},
        {"a b://h/x", "a b://h/x", "a b://h/x", "x", "", false},
        {"://x", "://x", "://x", "x", "", false},
        {"//h/p", "//h/p", "//h/p", "p", "", false},
        {"/%E5%90%8D", "/\xE5\x90\x8D", "/\xE5\x90\x8D", "\xE5\x90\x8D", "", false},
    };
    arena_t a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        split_target_t t;
        assert_ok(split_target(slice_cstr_in(CASES[i].target), &a, &t));
        assert_slice(t.raw, slice_cstr_in(CASES[i].target));
        assert_slice(t.uri, slice_cstr_in(CASES[i].uri));
        assert_slice(t.path, slice_cstr_in(CASES[i].path));
        assert_slice(t.basename, slice_cstr_in(CASES[i].basename));
        assert_slice(t.query, slice_cstr_in(CASES[i].query));
        assert_int_equal(t.has_query, CASES[i].has_query);
    }
    split_target_t t;
    assert_ok(split_target(SLICE("/%00a"), &a, &t));
    assert_slice(t.path, SLICE("/\0a"));
    a.fail_after = 0;
    assert_err(split_target(SLICE("/%41"), &a, &t), ERR_MEMORY);
    assert_slice(t.path, SLICE("/\0a")); /* untouched */
    arena_deinit(&a);
}

static void headers(void **state)
{
    static const struct {
        const char *line, *name, *value; /* NULL: none */
    } CASES[] = {
        {"Host: x", "Host", "x"}, {"Host:x", "Host", "x"}, {"Host : x \r\n", "Host", "x"},
        {"X: a: b", "X", "a: b"}, {": x", "", "x"},        {"X:", "X", ""},
        {"no colon", NULL, NULL}, {"", NULL, NULL},        {" X: y", " X", "y"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        slice_t name = SLICE_EMPTY, value = SLICE_EMPTY;
        assert_int_equal(split_header(slice_cstr_in(CASES[i].line), &name, &value),
                         CASES[i].name != NULL);
        assert_slice(name, slice_cstr_in(CASES[i].name));
        assert_slice(value, slice_cstr_in(CASES[i].value));
    }
}

static void media_types(void **state)
{
    static const char *const CASES[][2] = {
        {"text/xml; charset=x", "text/xml"},
        {" application/json ", "application/json"},
        {"", ""},
        {"a/b,c/d", "a/b"},
        {"a/b c", "a/b"},
        {";x", ""},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        assert_slice(split_media_type(slice_cstr_in(CASES[i][0])), slice_cstr_in(CASES[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(targets), cmocka_unit_test(headers),
                                       cmocka_unit_test(media_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
