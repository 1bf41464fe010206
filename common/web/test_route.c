/* The route table's rules and search; cookies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_room.h"
#include "web/priv.h"

/* ROW() says the usual, a case what is unusual. */
#pragma GCC diagnostic ignored "-Woverride-init"

static err_t nothing(void *room, web_req_t *req, web_res_t *res)
{
    return OK;
}

#define ROW(...)                                                                                   \
    {                                                                                              \
        .methods = WEB_GET, .pattern = "/x", .name = "x", .handler = nothing, __VA_ARGS__          \
    }

static void test_rules(void **state)
{
    static const struct {
        const char *why;
        web_route_t row;
        bool good;
    } CASES[] = {
        {"plain", ROW(.roles = 1), true},
        {"no handler", ROW(.handler = NULL), false},
        {"no method", ROW(.methods = 0), false},
        {"unknown method", ROW(.methods = 64), false},
        {"name", ROW(.name = "Bad Name"), false},
        {"no name", ROW(.name = ""), false},
        {"relative", ROW(.pattern = "x"), false},
        {"empty part", ROW(.pattern = "/a//b"), false},
        {"trailing slash", ROW(.pattern = "/a/"), false},
        {"nameless", ROW(.pattern = "/:"), false},
        {"rest not last", ROW(.pattern = "/*a/b"), false},
        {"too many names", ROW(.pattern = "/:a/:b/:c/:d/:e/:f/:g"), false},
        {"root", ROW(.pattern = "/"), true},
        {"rest", ROW(.pattern = "/a/:b/*c"), true},
        {"site", ROW(.site = WEB_SITES_MAX), false},
        {"policy", ROW(.csp = WEB_CSP_COUNT), false},
        {"body", ROW(.max_body_bytes = WEB_UPLOAD_BYTES + 1), false},
        {"reveal without session", ROW(.flags = WEB_REVEALS | WEB_NO_SESSION), false},
        {"reveal", ROW(.flags = WEB_REVEALS), true},
        {"exempt with session", ROW(.methods = WEB_POST, .flags = WEB_CSRF_EXEMPT), false},
        {"exempt", ROW(.methods = WEB_POST, .flags = WEB_CSRF_EXEMPT | WEB_NO_SESSION), true},
        {"post nobody can send", ROW(.methods = WEB_POST, .flags = WEB_NO_SESSION), false},
        {"own check", ROW(.flags = WEB_CARD_CHECK_OWN), false},
        {"own check, parsed", ROW(.flags = WEB_CARD_CHECK_OWN | WEB_NO_SESSION), false},
        {"raw with session", ROW(.methods = WEB_POST, .flags = WEB_RAW_BODY), false},
        {"raw json",
         ROW(.methods = WEB_POST,
             .flags = WEB_RAW_BODY | WEB_JSON_BODY | WEB_NO_SESSION | WEB_CSRF_EXEMPT),
         false},
        {"roles of nobody", ROW(.flags = WEB_NO_SESSION, .roles = 1), false},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        size_t row = 9;
        err_t e = web_routes_check(&CASES[i].row, 1, &row);
        if (err_failed(e) == CASES[i].good || (err_failed(e) && row != 0)) {
            fail_msg("%s", CASES[i].why);
        }
    }
    web_route_t two[2] = {ROW(.roles = 0), ROW(.pattern = "/y")};
    size_t row = 9;
    assert_true(err_failed(web_routes_check(two, 2, &row)) && row == 1); /* same name */
    two[1].name = "y";
    assert_false(err_failed(web_routes_check(two, 2, &row)));
    two[1].pattern = "/x";
    assert_true(err_failed(web_routes_check(two, 2, &row)));
    two[1].methods = WEB_POST;
    assert_false(err_failed(web_routes_check(two, 2, &row)));
}

/* What must hold of any table that passes: the rules said once more, over the test room's rows and
 * over thousands of random ones. */
static void test_property(void **state)
{
    unsigned passed = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t r[4];
        random_bytes(r, sizeof r);
        web_route_t row = ROW(.roles = r[0] & 1u);
        row.methods = r[1] & 15u;
        row.flags = r[2] & 127u;
        size_t at;
        if (err_failed(web_routes_check(&row, 1, &at))) {
            continue;
        }
        passed++;
        bool bare = row.flags & WEB_NO_SESSION;
        assert_false((row.flags & WEB_REVEALS) && bare);
        assert_false((row.flags & WEB_CSRF_EXEMPT) && !bare);
        assert_false(row.roles && bare);
        assert_false((row.flags & WEB_CARD_CHECK_OWN) && !(row.flags & WEB_RAW_BODY));
        assert_true(row.methods != 0);
    }
    assert_true(passed > 100);
    size_t at;
    assert_false(err_failed(web_routes_check(TEST_ROUTES, TEST_ROUTES_N, &at)));
}

static void test_find(void **state)
{
    static const web_route_t ROUTES[] = {
        ROW(.pattern = "/", .name = "home"),
        ROW(.pattern = "/tours/:slug", .name = "tour"),
        ROW(.pattern = "/tours/new", .name = "new"),
        ROW(.pattern = "/tours/:slug/:day", .name = "day"),
        ROW(.pattern = "/tours/:slug/photos", .name = "photos"),
        ROW(.pattern = "/files/*path", .name = "files"),
        ROW(.pattern = "/tours/:slug", .name = "tour.post", .methods = WEB_POST),
        ROW(.pattern = "/tours", .name = "desk", .site = 1),
    };
    static const struct {
        const char *path;
        unsigned method, site;
        const char *name, *p0, *p1;
        unsigned allow;
    } CASES[] = {
        {"/", WEB_GET, 0, "home", "", "", WEB_GET},
        {"/tours/izu", WEB_GET, 0, "tour", "izu", "", WEB_GET | WEB_POST},
        {"/tours/izu", WEB_POST, 0, "tour.post", "izu", "", WEB_GET | WEB_POST},
        {"/tours/izu", WEB_PUT, 0, NULL, "", "", WEB_GET | WEB_POST},
        {"/tours/new", WEB_GET, 0, "new", "", "", WEB_GET | WEB_POST},
        {"/tours/new", WEB_POST, 0, "tour.post", "new", "", WEB_GET | WEB_POST},
        {"/tours/izu/2026-05-03", WEB_GET, 0, "day", "izu", "2026-05-03", WEB_GET},
        {"/tours/izu/photos", WEB_GET, 0, "photos", "izu", "", WEB_GET},
        {"/tours/izu/photos/", WEB_GET, 0, NULL, "", "", 0},
        {"/tours/", WEB_GET, 0, NULL, "", "", 0},
        {"/tours", WEB_GET, 0, NULL, "", "", 0},
        {"/tours", WEB_GET, 1, "desk", "", "", WEB_GET},
        {"/files/css/a.css", WEB_GET, 0, "files", "css/a.css", "", WEB_GET},
        {"/files/a", WEB_GET, 0, "files", "a", "", WEB_GET},
        {"/files/", WEB_GET, 0, NULL, "", "", 0},
        {"/files", WEB_GET, 0, NULL, "", "", 0},
        {"/Tours/izu", WEB_GET, 0, NULL, "", "", 0},
    };
    web_config_t config = {.routes = ROUTES, .n_routes = BASE_COUNT(ROUTES)};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        web_pair_t params[WEB_PARAMS_MAX] = {0};
        size_t n;
        web_match_t m = web_route_find(&config, (uint8_t)CASES[i].site,
                                       slice_cstr_in(CASES[i].path), CASES[i].method, params, &n);
        bool same =
            m.route ? CASES[i].name && !strcmp(m.route->name, CASES[i].name) : !CASES[i].name;
        if (!same || m.allow != CASES[i].allow ||
            !slice_eq(n > 0 ? params[0].value : SLICE_EMPTY, slice_cstr_in(CASES[i].p0)) ||
            !slice_eq(n > 1 ? params[1].value : SLICE_EMPTY, slice_cstr_in(CASES[i].p1))) {
            fail_msg("%s: %s, %u", CASES[i].path, m.route ? m.route->name : "-", m.allow);
        }
    }
}

static void test_print(void **state)
{
    char mem[16384];
    buf_t out = BUF_ON_ARRAY(mem);
    web_routes_print(TEST_ROUTES, TEST_ROUTES_N, &out);
    assert_false(out.full);
    assert_true(slice_find(buf_slice(&out), SLICE("| 0 | GET, HEAD, POST | `/back/:token` | back "
                                                  "| page | 0 | no-session csrf-exempt | 65536 "
                                                  "|\n")) != SIZE_MAX);
}

static void test_cookies(void **state)
{
    static const struct {
        const char *header, *name, *value;
        size_t n;
    } CASES[] = {
        {"a=1", "a", "1", 1},
        {"a=1; b=2", "b", "2", 2},
        {"a=1;b=2;", "b", "2", 2},
        {"a=1; a=2", "a", "1", 2},
        {"", "a", "", 0},
        {";;;", "a", "", 0},
        {"a", "a", "", 0},
        {"=1", "", "", 0},
        {"a=", "a", "", 1},
        {"a=b=c", "a", "b=c", 1},
        {"a=\"1\"", "a", "", 0},
        {"a=1 2; b=2", "b", "2", 1},
        {"a=1\xe3\x81\x82; b=2", "b", "2", 1},
        {"a b=1; b=2", "b", "2", 1},
        {"  a=1  ;  b=2  ", "a", "1", 2},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        web_pair_t pairs[WEB_COOKIES_MAX];
        size_t n = 0;
        web_cookies_parse(slice_cstr_in(CASES[i].header), pairs, WEB_COOKIES_MAX, &n);
        slice_t have = web_pairs_get((web_pairs_t){pairs, n}, CASES[i].name);
        if (n != CASES[i].n || !slice_eq(have, slice_cstr_in(CASES[i].value))) {
            fail_msg("%s", CASES[i].header);
        }
    }
    char many[400];
    buf_t b = BUF_ON_ARRAY(many);
    for (int i = 0; i < 60; i++) {
        buf_cstr(&b, "a=1;");
    }
    web_pair_t pairs[WEB_COOKIES_MAX];
    size_t n = 0;
    web_cookies_parse(buf_slice(&b), pairs, WEB_COOKIES_MAX, &n);
    assert_int_equal(n, WEB_COOKIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules), cmocka_unit_test(test_property), cmocka_unit_test(test_find),
        cmocka_unit_test(test_print), cmocka_unit_test(test_cookies),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
