/* The reader of pages, the reader of chunks, the counts: what they must take, and what must not
 * pass for an answer. */
#include "base/test.h"
#include "load/http.h"
#include "load/page.h"
#include "load/tally.h"

static arena_t arena;

static int setup(void **state)
{
    arena_init(&arena, 16 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(&arena);
    return 0;
}

#define FORM_PAGE                                                                                  \
    "<!doctype html><!-- <form action=\"/x/hold\"> --><form action=\"/other\" "                    \
    "method=\"get\"><input name=\"q\"></form>"                                                     \
    "<form class=\"form\" action=\"/departures/b&amp;c/hold\" method=\"post\"><input "             \
    "type=\"hidden\" name=\"csrf\" "                                                               \
    "value=\"tok&quot;en\"><fieldset><select id=\"adults\" name=\"adults\"><option "               \
    "value=\"1\">1</option>"                                                                       \
    "<option value=\"2\" selected>2</option></select><select name=\"children\"><option "           \
    "value=\"0\">-</option>"                                                                       \
    "<option value=\"1\">1</option></select><input name=\"same\" type=\"checkbox\" value=\"1\">"   \
    "<input name=\"news\" type=\"checkbox\" value=\"y\" checked required></fieldset>"              \
    "<button name=\"do\" value=\"pay\">a</button><button name=\"do\" value=\"stop\">b</button>"    \
    "<button type=\"submit\">go</button></form>"

static void test_form(void **state)
{
    page_form_t f;
    slice_t body;
    assert_ok(page_form(&arena, SLICE(FORM_PAGE), SLICE("/hold"), &f));
    assert_slice(f.action, SLICE("/departures/b&c/hold"));
    assert_true(f.post);
    assert_ok(page_form_body(&arena, &f, &body));
    assert_slice(body, SLICE("csrf=tok%22en&adults=2&children=0&news=y"));
    assert_ok(page_fill(&f, SLICE("adults"), SLICE("1")));
    assert_ok(page_fill(&f, SLICE("same"), SLICE("1")));
    assert_ok(page_fill(&f, SLICE("do"), SLICE("stop")));
    assert_ok(page_form_body(&arena, &f, &body));
    assert_slice(body, SLICE("csrf=tok%22en&adults=1&children=0&same=1&news=y&do=stop"));
    assert_err(page_fill(&f, SLICE("card"), SLICE("1")), ERR_NOT_FOUND);
    assert_err(page_fill(&f, SLICE("do"), SLICE("other")), ERR_NOT_FOUND);
    assert_err(page_form(&arena, SLICE(FORM_PAGE), SLICE("/cancel"), &f), ERR_NOT_FOUND);
}

static void test_form_broken(void **state)
{
    page_form_t f;
    assert_err(page_form(&arena, SLICE("<form action=\"/a\"><input name=\"x\">"), SLICE("/a"), &f),
               ERR_SYNTAX);
    assert_err(page_form(&arena, SLICE("<form action=\"/a\"><form action=\"/b\"></form>"),
                         SLICE("/a"), &f),
               ERR_SYNTAX);
    assert_err(page_form(&arena, SLICE("<form action=\"/a"), SLICE("/a"), &f), ERR_NOT_FOUND);
    assert_err(page_form(&arena, SLICE("<form action=\"/a&nbsp;\"></form>"), SLICE("/a"), &f),
               ERR_SYNTAX);
}

static void test_links(void **state)
{
    static const char PAGE[] =
        "<a href=\"/departures/x\">no</a><a class=\"button-small\" href=\"/departures/y\">no</a>"
        "<a class=\"button button-small\" href=\"/departures/z?a=1&amp;b=2\">yes</a>"
        "<a href=\"/tours\" class=\"button\">no</a>";
    slice_t hrefs[4];
    size_t n;
    assert_ok(page_links(&arena, slice_cstr_in(PAGE), SLICE("button"), SLICE("/departures/"), hrefs,
                         4, &n));
    assert_int_equal(n, 1);
    assert_slice(hrefs[0], SLICE("/departures/z?a=1&b=2"));
    assert_ok(
        page_links(&arena, slice_cstr_in(PAGE), SLICE_EMPTY, SLICE("/departures/"), hrefs, 2, &n));
    assert_int_equal(n, 2);
    assert_slice(
        page_word_after(SLICE("<div class=\"state state-refunded_late\">"), SLICE("state state-")),
        SLICE("refunded_late"));
    assert_slice(page_word_after(SLICE("<p>"), SLICE("state state-")), SLICE_EMPTY);
}

static void test_options(void **state)
{
    slice_t values[4];
    size_t n;
    assert_ok(page_options(&arena, SLICE(FORM_PAGE), SLICE("children"), values, 4, &n));
    assert_int_equal(n, 2);
    assert_slice(values[1], SLICE("1"));
    assert_ok(page_options(&arena, SLICE(FORM_PAGE), SLICE("adults"), values, 1, &n));
    assert_int_equal(n, 1);
    assert_ok(page_options(&arena, SLICE(FORM_PAGE), SLICE("other"), values, 4, &n));
    assert_int_equal(n, 0);
}

static void test_chunks(void **state)
{
    static const char WHOLE[] = "5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n";
    uint8_t mem[64];
    size_t used;
    for (size_t cut = 0; cut <= sizeof WHOLE - 1; cut++) { /* whole only when all of it is there */
        buf_t out = BUF_ON_ARRAY(mem);
        err_t e = http_unchunk(slice_make(WHOLE, cut), &out, &used);
        assert_int_equal(e.code, cut == sizeof WHOLE - 1 ? ERR_NONE : ERR_CLOSED);
        if (!err_failed(e)) {
            assert_int_equal(used, sizeof WHOLE - 1);
            assert_slice(buf_slice(&out), SLICE("hello 0123456789"));
        }
    }
    static const char *const BAD[] = {"g\r\n", "\r\n\r\n", "123456789\r\n", "1\r\nab\r\n0\r\n\r\n",
                                      "-1\r\n"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        buf_t out = BUF_ON_ARRAY(mem);
        assert_err(http_unchunk(slice_cstr_in(BAD[i]), &out, &used), ERR_SYNTAX);
    }
}

static void test_header(void **state)
{
    slice_t head =
        SLICE("HTTP/1.1 303 See Other\r\nset-cookie: a=1\r\nLocation:  /x \r\nSet-Cookie: b=2\r\n");
    assert_slice(http_header(head, SLICE("location"), 0), SLICE("/x"));
    assert_slice(http_header(head, SLICE("Set-Cookie"), 1), SLICE("b=2"));
    assert_slice(http_header(head, SLICE("Set-Cookie"), 2), SLICE_EMPTY);
    assert_slice(http_header(head, SLICE("Cookie"), 0), SLICE_EMPTY);
}

static void test_tally(void **state)
{
    tally_times_t t = {0}, all = {0};
    static tally_t a, b;
    for (int64_t i = 100; i >= 1; i--) {
        tally_time(&t, i * 1000);
    }
    tally_times_join(&all, &t);
    tally_times_join(&all, &(tally_times_t){0});
    assert_true(tally_percentile_ms(&all, 0.5) == 50.0 && tally_percentile_ms(&all, 0.99) == 99.0);
    assert_true(tally_percentile_ms(&all, 0.991) == 100.0 && tally_percentile_ms(&all, 1) == 100.0);
    assert_true(tally_percentile_ms(&all, 0) == 1.0 &&
                tally_percentile_ms(&(tally_times_t){0}, 0.5) == 0);
    tally_times_free(&t);
    tally_times_free(&all);
    tally_count(&a, SLICE("hold 303"), 2);
    tally_count(&b, SLICE("hold 303"), 3);
    tally_count(&b, SLICE("hold 409"), 1);
    tally_join(&a, &b);
    assert_int_equal(tally_get(&a, SLICE("hold 303")), 5);
    assert_int_equal(tally_get(&a, SLICE("hold 409")), 1);
    assert_int_equal(tally_get(&a, SLICE("hold")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_form_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
