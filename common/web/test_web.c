/* The floor over a real unix socket: caps, refusals, forms, sessions, headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test_http.h"
#include "test_room.h"
#include "web/field.h"
#include "web/priv.h"

#define PAN "4111111111111111"

static char dir[] = "/tmp/sekisho-web-XXXXXX", sock[64], db_url[96];
static test_room_t room = {.lock = PTHREAD_MUTEX_INITIALIZER, .all_here = PTHREAD_COND_INITIALIZER};
static db_pool_t *pool;
static web_app_t *app;

static void ok(err_t e)
{
    if (err_failed(e)) {
        fail_msg("%s at %s:%u", err_name(e.code), e.where, (unsigned)e.line);
    }
}

static int start(void **state)
{
    assert_non_null(mkdtemp(dir));
    snprintf(sock, sizeof sock, "%s/web.sock", dir);
    snprintf(db_url, sizeof db_url, "sqlite:%s/web.db", dir);
    ok(db_pool_open(db_url, 8, &pool));
    web_sessions_config_t c = {.db = pool, .key = {{7}}};
    ok(web_sessions_new(&c, &room.sessions));
    room.files = (web_static_t){open(dir, O_RDONLY | O_DIRECTORY), 3600};
    web_config_t config = test_room_config(&room, http_listen(sock));
    ok(web_app_start(&config, &app));
    return 0;
}

static int stop(void **state)
{
    char cmd[128];
    web_app_stop(app, 1000);
    web_sessions_free(room.sessions);
    db_pool_close(pool);
    close(room.files.dir_fd);
    static const char *const FILES[] = {"web.sock", "web.db",  "web.db-wal", "web.db-shm",
                                        "site.css", "sly.css", "a.html",     "big.css"};
    for (size_t i = 0; i < BASE_COUNT(FILES); i++) {
        snprintf(cmd, sizeof cmd, "%s/%s", dir, FILES[i]);
        unlink(cmd);
    }
    return rmdir(dir);
}

static int status_of(const char *method, const char *target, const char *extra, slice_t body)
{
    http_answer_t a = http_ask(sock, method, target, extra, body);
    int status = a.status;
    http_free(&a);
    return status;
}

#define FORM_TYPE "Content-Type: application/x-www-form-urlencoded\r\n"

/* A visitor: cookie and form token. */
typedef struct visitor {
    char cookie[128]; /* "Cookie: sks=...\r\n" or "" */
    char csrf[80];
} visitor_t;

static void take_cookie(visitor_t *v, const http_answer_t *a)
{
    slice_t set = http_header(a, "Set-Cookie", 0);
    if (set.len) {
        size_t end = slice_find_byte(set, ';');
        snprintf(v->cookie, sizeof v->cookie, "Cookie: %.*s\r\n", (int)end, (const char *)set.ptr);
    }
    size_t at = slice_find(a->body, SLICE("value=\""));
    if (at != SIZE_MAX) {
        slice_t token = slice_sub(a->body, at + 7, WEB_CSRF_LETTERS);
        snprintf(v->csrf, sizeof v->csrf, "%.*s", SLICE_FMT(token));
    }
}

static visitor_t visit(void)
{
    visitor_t v = {0};
    http_answer_t a = http_ask(sock, "GET", "/form", "", SLICE_EMPTY);
    assert_int_equal(a.status, 200);
    take_cookie(&v, &a);
    http_free(&a);
    return v;
}

/* POSTs a urlencoded form with the visitor's cookie and token; follows cookies. */
static http_answer_t post(visitor_t *v, const char *target, const char *fields)
{
    char head[512], body[8192];
    snprintf(head, sizeof head, FORM_TYPE "%s", v->cookie);
    snprintf(body, sizeof body, "csrf=%s&%s", v->csrf, fields);
    http_answer_t a = http_ask(sock, "POST", target, head, slice_cstr_in(body));
    take_cookie(v, &a);
    return a;
}

static http_answer_t get(visitor_t *v, const char *target)
{
    http_answer_t a = http_ask(sock, "GET", target, v->cookie, SLICE_EMPTY);
    take_cookie(v, &a);
    return a;
}

static void test_refusals(void **state)
{
    static const struct {
        const char *method, *target, *extra;
        int status;
    } CASES[] = {
        {"GET", "/", "", 200},
        {"HEAD", "/", "", 200},
        {"GET", "/nowhere", "", 404},
        {"GET", "/tours/izu", "", 200},
        {"GET", "/tours/", "", 404},
        {"GET", "/form/", "", 308},
        {"DELETE", "/form", "", 405},
        {"PATCH", "/", "", 405},
        {"OPTIONS", "/", "", 405},
        {"TRACE", "/", "", 405},
        {"BREW", "/nowhere", "", 404},
        {"GET", "//", "", 400},
        {"GET", "//evil.example/", "", 400},
        {"GET", "/tours//izu", "", 400},
        {"GET", "/tours/../form", "", 400},
        {"GET", "/tours/./izu", "", 400},
        {"GET", "/tours/..", "", 400},
        {"GET", "/tours/%2e%2e/form", "", 400},
        {"GET", "/tours/a%2fb", "", 400},
        {"GET", "/tours/a%5Cb", "", 400},
        {"GET", "/tours/%00", "", 400},
        {"GET", "/tours/%0d%0aSet-Cookie:x", "", 400},
        {"GET", "/tours/%ff", "", 400},
        {"GET", "/tours/%e3%81", "", 400},
        {"GET", "/tours/%c0%af", "", 400},
        {"GET", "/tours/%E4%BC%8A%E8%B1%86", "", 200},
        {"GET", "/tours/%zz", "", 400},
        {"GET", "/tours/izu?q=%ff", "", 400},
        {"GET", "/tours/izu?q=%", "", 400},
        {"GET", "/tours/izu?q=%00", "", 400},
        {"GET", "http://shop.localhost/form", "", 400},
        {"GET", "*", "", 400},
        {"GET", "/tours/a\\b", "", 400},
        {"GET", "/tours/<b>", "", 400},
        {"GET", "/fail?code=1", "", 500},
        {"GET", "/fail?code=11", "", 403},
        {"GET", "/fail?code=20", "", 409},
        {"GET", "/fail?code=24", "", 503},
        {"GET", "/fail?code=999", "", 500},
        {"GET", "/big", "", 500},
        {"GET", "/nothing", "", 500},
        {"GET", "/plain", "", 403},
        {"GET", "/staff", "", 401},
        {"POST", "/staff", "", 405},
        {"GET", "/", "Host: evil.example\r\n", 400},
        {"GET", "/", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
        {"GET", "/", "X-Odd: a\x01z\r\n", 400},
        {"GET", "/", "X Odd: a\r\n", 400},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int have = status_of(CASES[i].method, CASES[i].target, CASES[i].extra, SLICE_EMPTY);
        if (have != CASES[i].status) {
            fail_msg("%s %s: %d, want %d", CASES[i].method, CASES[i].target, have, CASES[i].status);
        }
    }
}

static void test_405_allow(void **state)
{
    http_answer_t a = http_ask(sock, "DELETE", "/form", "", SLICE_EMPTY);
    assert_true(slice_eq(http_header(&a, "Allow", 0), SLICE("GET, HEAD, POST")));
    http_free(&a);
}

static void test_head_has_no_body(void **state)
{
    http_answer_t a = http_ask(sock, "HEAD", "/tours/izu", "", SLICE_EMPTY);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.len, 0);
    assert_true(slice_eq(http_header(&a, "Content-Length", 0), SLICE("8")));
    http_free(&a);
}

/* Every answer wears them, errors too. */
static void test_security_headers(void **state)
{
    static const struct {
        const char *target;
        const char *csp_part, *cache;
    } CASES[] = {
        {"/", "form-action 'self'", "public, max-age=60"},
        {"/tours/izu", "script", "private, no-cache"},
        {"/form", "form-action 'self' https://pay.example", "no-store"},
        {"/staff", "script-src 'self'", "no-store"},
        {"/nowhere", "default-src 'none'", "no-store"},
        {"//", "default-src 'none'", "no-store"},
        {"/fail?code=1", "default-src 'none'", "no-store"},
    };
    static const char *const ALWAYS[] = {"X-Content-Type-Options",
                                         "X-Frame-Options",
                                         "Referrer-Policy",
                                         "Permissions-Policy",
                                         "Cross-Origin-Resource-Policy",
                                         "Content-Security-Policy",
                                         "Cross-Origin-Opener-Policy"};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        http_answer_t a = http_ask(sock, "GET", CASES[i].target, "", SLICE_EMPTY);
        for (size_t h = 0; h < BASE_COUNT(ALWAYS); h++) {
            assert_true(http_header(&a, ALWAYS[h], 0).len > 0);
            assert_int_equal(http_header(&a, ALWAYS[h], 1).len, 0);
        }
        slice_t csp = http_header(&a, "Content-Security-Policy", 0);
        bool has = slice_find(csp, slice_cstr_in(CASES[i].csp_part)) != SIZE_MAX;
        assert_int_equal(has, strcmp(CASES[i].csp_part, "script") != 0);
        assert_true(slice_eq(http_header(&a, "Cache-Control", 0), slice_cstr_in(CASES[i].cache)));
        assert_true(slice_eq(http_header(&a, "Referrer-Policy", 0), SLICE("same-origin")));
        assert_int_equal(http_header(&a, "Strict-Transport-Security", 0).len, 0);
        http_free(&a);
    }
}

static void test_id_and_client(void **state)
{
    http_answer_t a = http_ask(sock, "GET", "/",
                               "X-Sekisho-Id: bcdfghjkmnpqrstvbcdfghjkmnpqrstv\r\n"
                               "X-Sekisho-Client: 203.0.113.7\r\n",
                               SLICE_EMPTY);
    assert_true(http_has(&a, "id=bcdfghjkmnpqrstvbcdfghjkmnpqrstv client=203.0.113.7"));
    http_free(&a);
    a = http_ask(sock, "GET", "/", "X-Sekisho-Id: 1234\r\nX-Sekisho-Client: <script>\r\n",
                 SLICE_EMPTY);
    assert_false(http_has(&a, "1234"));
    assert_false(http_has(&a, "script"));
    assert_true(http_has(&a, "id="));
    http_free(&a);
}

static void test_errors_in_the_visitors_language(void **state)
{
    http_answer_t a = http_ask(sock, "GET", "/nowhere", "Accept-Language: en\r\n", SLICE_EMPTY);
    assert_true(http_has(&a, "<html lang=\"en\">"));
    http_free(&a);
    a = http_ask(sock, "GET", "/nowhere", "X-Sekisho-Id: bcdfghjkmnpqrstvbcdfghjkmnpqrstv\r\n",
                 SLICE_EMPTY);
    assert_true(http_has(&a, "<html lang=\"ja\">"));
    assert_true(http_has(&a, "bcdfghjkmnpqrstvbcdfghjkmnpqrstv"));
    http_free(&a);
    a = http_ask(sock, "GET", "/fail?code=1", "", SLICE_EMPTY);
    assert_false(http_has(&a, "half a page"));
    http_free(&a);
}

static void test_language(void **state)
{
    static const struct {
        const char *target, *headers, *location, *says;
    } CASES[] = {
        {"/", "", "", "home ja"},
        {"/", "Accept-Language: en-GB,en;q=0.9\r\n", "", "home en"},
        {"/", "Accept-Language: en\r\nCookie: lang=ja\r\n", "", "home ja"},
        {"/", "Cookie: lang=en\r\n", "", "home en"},
        {"/", "Cookie: lang=xx\r\n", "", "home ja"},
        {"/?lang=en", "", "/", ""},
        {"/tours/izu?a=1&lang=en&b=%20x", "", "/tours/izu?a=1&b=%20x", ""},
        {"/?lang=klingon", "", "", "home ja"},
        {"/tours/new?a=1&lang=klingon&b=2", "", "", "/tours/new?a=1&b=2&lang=en"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        http_answer_t a = http_ask(sock, "GET", CASES[i].target, CASES[i].headers, SLICE_EMPTY);
        assert_int_equal(a.status, CASES[i].location[0] ? 303 : 200);
        assert_true(slice_eq(http_header(&a, "Location", 0), slice_cstr_in(CASES[i].location)));
        assert_true(http_has(&a, CASES[i].says) || !CASES[i].says[0]);
        bool cookie = slice_starts(http_header(&a, "Set-Cookie", 0), SLICE("lang=en; "));
        assert_int_equal(cookie, CASES[i].location[0] != 0);
        http_free(&a);
    }
}

static void test_caps(void **state)
{
    size_t cap = 400 * 1024;
    char *mem = malloc(cap);
    assert_non_null(mem);
    /* target */
    memset(mem, 'a', cap);
    mem[0] = '/';
    mem[WEB_TARGET_BYTES + 1] = 0;
    assert_int_equal(status_of("GET", mem, "", SLICE_EMPTY), 414);
    mem[WEB_TARGET_BYTES] = 0;
    assert_int_equal(status_of("GET", mem, "", SLICE_EMPTY), 404);
    /* header lines and bytes */
    char *many = malloc(cap);
    assert_non_null(many);
    buf_t b = buf_on(many, cap);
    for (int i = 0; i < WEB_HEADERS_MAX; i++) {
        buf_cstr(&b, "X-Many: 1\r\n");
    }
    buf_u8(&b, 0);
    assert_int_equal(status_of("GET", "/", many, SLICE_EMPTY), 431);
    b = buf_on(many, cap);
    for (int i = 0; i < 20; i++) {
        buf_cstr(&b, "X-Long: ");
        buf_put(&b, slice_make(mem + 1, 1000));
        buf_cstr(&b, "\r\n");
    }
    buf_u8(&b, 0);
    assert_int_equal(status_of("GET", "/", many, SLICE_EMPTY), 431);
    /* bodies: by length, chunked, far too long */
    visitor_t v = visit();
    char head[256];
    snprintf(head, sizeof head, FORM_TYPE "%s", v.cookie);
    memset(mem, 'a', cap);
    assert_int_equal(status_of("POST", "/form", head, slice_make(mem, WEB_FORM_BYTES + 1)), 413);
    assert_int_equal(status_of("POST", "/form", head, slice_make(mem, WEB_FORM_BYTES)), 403);
    assert_int_equal(status_of("POST", "/upload", head, slice_make(mem, 256 * 1024 + 1)), 413);
    assert_int_equal(status_of("POST", "/nowhere", head, slice_make(mem, 1000)), 404);
    b = buf_on(many, cap);
    buf_cstr(&b, "POST /form HTTP/1.1\r\nHost: shop.localhost:8080\r\nConnection: close\r\n");
    buf_cstr(&b, head);
    buf_cstr(&b, "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 17; i++) {
        buf_cstr(&b, "1000\r\n");
        buf_put(&b, slice_make(mem, 4096));
        buf_cstr(&b, "\r\n");
    }
    buf_cstr(&b, "0\r\n\r\n");
    assert_false(b.full);
    http_answer_t a = http_raw(sock, buf_slice(&b));
    assert_int_equal(a.status, 413);
    http_free(&a);
    a = http_raw(sock, SLICE("POST /form HTTP/1.1\r\nHost: shop.localhost\r\n"
                             "Content-Length: 99999999999\r\n\r\n"));
    assert_int_equal(a.status, 413);
    http_free(&a);
    /* fields */
    b = buf_on(many, cap);
    for (int i = 0; i <= WEB_FIELDS_MAX; i++) {
        buf_cstr(&b, "a=1&");
    }
    assert_int_equal(status_of("POST", "/form", head, buf_slice(&b)), 413);
    free(mem);
    free(many);
}

static void test_media_types(void **state)
{
    visitor_t v = visit();
    static const struct {
        const char *target, *type, *body;
        int status;
    } CASES[] = {
        {"/form", "text/plain", "name=x", 415},
        {"/form", "application/json", "{}", 415},
        {"/form", "application/x-www-form-urlencoded; charset=Shift_JIS", "name=x", 415},
        {"/form", "application/x-www-form-urlencoded; charset=UTF-8", "name=x", 403},
        {"/form", "application/x-www-form-urlencoded", "name=%", 400},
        {"/form", "application/x-www-form-urlencoded", "name=%ff", 400},
        {"/form", "multipart/form-data", "x", 400},
        {"/form", "multipart/form-data; boundary=b", "x", 400},
        {"/json", "application/x-www-form-urlencoded", "name=x", 415},
        {"/json", "application/json", "{\"name\":", 400},
        {"/json", "application/json", "{\"name\":1}{}", 400},
        {"/json", "application/json", "", 415 /* no body is no document */},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        char head[256];
        snprintf(head, sizeof head, "Content-Type: %s\r\n%s", CASES[i].type, v.cookie);
        int have = status_of("POST", CASES[i].target, head, slice_cstr_in(CASES[i].body));
        if (have != CASES[i].status && !(i == 11 && have == 400)) {
            fail_msg("%s %s: %d", CASES[i].type, CASES[i].body, have);
        }
    }
}

static void test_csrf(void **state)
{
    visitor_t v = visit(), other = visit();
    assert_true(slice_starts(slice_cstr_in(v.cookie), SLICE("Cookie: sks=")));
    static const struct {
        const char *name, *fields, *extra;
        bool own_token, own_cookie;
        int status;
    } CASES[] = {
        {"right", "csrf=%s&name=Izu", "", true, true, 200},
        {"right origin", "csrf=%s&name=Izu",
         "Origin: http://shop.localhost:8080\r\nSec-Fetch-Site: same-origin\r\n", true, true, 200},
        {"missing", "name=Izu&x=%.0s", "", true, true, 403},
        {"empty", "csrf=&x=%.0s", "", true, true, 403},
        {"another's token", "csrf=%s&name=Izu", "", false, true, 403},
        {"no cookie", "csrf=%s&name=Izu", "", true, false, 403},
        {"short", "csrf=%.20s", "", true, true, 403},
        {"longer", "csrf=%sb", "", true, true, 403},
        {"other origin", "csrf=%s", "Origin: http://evil.example\r\n", true, true, 403},
        {"null origin", "csrf=%s", "Origin: null\r\n", true, true, 403},
        {"other port", "csrf=%s", "Origin: http://shop.localhost:9000\r\n", true, true, 403},
        {"other scheme", "csrf=%s", "Origin: https://shop.localhost:8080\r\n", true, true, 403},
        {"cross-site", "csrf=%s", "Sec-Fetch-Site: cross-site\r\n", true, true, 403},
        {"same-site", "csrf=%s", "Sec-Fetch-Site: same-site\r\n", true, true, 403},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        char head[512], body[256];
        snprintf(head, sizeof head, FORM_TYPE "%s%s", CASES[i].own_cookie ? v.cookie : "",
                 CASES[i].extra);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(body, sizeof body, CASES[i].fields, CASES[i].own_token ? v.csrf : other.csrf);
#pragma GCC diagnostic pop
        unsigned before = room.handled;
        int have = status_of("POST", "/form", head, slice_cstr_in(body));
        if (have != CASES[i].status || (room.handled != before) != (have == 200)) {
            fail_msg("%s: %d", CASES[i].name, have);
        }
    }
    /* a token is good again and again, each time in other letters */
    http_answer_t a = get(&v, "/form");
    assert_int_equal(http_header(&a, "Set-Cookie", 0).len, 0);
    char first[80];
    memcpy(first, v.csrf, sizeof first);
    http_free(&a);
    a = get(&v, "/form");
    assert_string_not_equal(first, v.csrf);
    http_free(&a);
    /* JSON takes it by header */
    char head[512];
    snprintf(head, sizeof head, "Content-Type: application/json\r\n%sX-CSRF-Token: %s\r\n",
             v.cookie, first);
    assert_int_equal(status_of("POST", "/json", head, SLICE("{\"name\":\"x\"}")), 200);
    snprintf(head, sizeof head, "Content-Type: application/json\r\n%s", v.cookie);
    assert_int_equal(status_of("POST", "/json", head, SLICE("{\"name\":\"x\"}")), 403);
}

#define MULTI "Content-Type: multipart/form-data; boundary=zz\r\n"
#define PART(disposition, value)                                                                   \
    "--zz\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" value "\r\n"

/* Every place, with and without the card number: the second would pass without the check. */
static void test_card_data(void **state)
{
    static const struct {
        const char *name, *method, *target, *type, *with, *without;
        bool in_target;
    } CASES[] = {
        {"value", "POST", "/form", FORM_TYPE, "name=" PAN, "name=4111111111111112", 0},
        {"name", "POST", "/form", FORM_TYPE, PAN "=x", "4111111111111112=x", 0},
        {"spaced", "POST", "/form", FORM_TYPE, "name=4111+1111-1111+1111", "name=4111", 0},
        {"full-width", "POST", "/form", FORM_TYPE,
         "name=%EF%BC%94111%EF%BC%91111%EF%BC%91111%EF%BC%91111", "name=%EF%BC%94111", 0},
        {"doubly encoded", "POST", "/form", FORM_TYPE, "name=%2534111111111111111", "name=%2534",
         0},
        {"multipart", "POST", "/upload", MULTI, PART("name=\"a\"", PAN) "--zz--\r\n",
         PART("name=\"a\"", "411") "--zz--\r\n", 0},
        {"part name", "POST", "/upload", MULTI, PART("name=\"" PAN "\"", "x") "--zz--\r\n",
         PART("name=\"411\"", "x") "--zz--\r\n", 0},
        {"file name", "POST", "/upload", MULTI,
         PART("name=\"f\"; filename=\"" PAN ".png\"", "x") "--zz--\r\n",
         PART("name=\"f\"; filename=\"a.png\"", "x") "--zz--\r\n", 0},
        {"text file", "POST", "/upload", MULTI,
         PART("name=\"f\"; filename=\"a.png\"", "cards: " PAN) "--zz--\r\n",
         PART("name=\"f\"; filename=\"a.png\"", "cards: none") "--zz--\r\n", 0},
        {"json value", "POST", "/json", "Content-Type: application/json\r\n",
         "{\"name\":\"" PAN "\"}", "{\"name\":\"x\"}", 0},
        {"json number", "POST", "/json", "Content-Type: application/json\r\n",
         "{\"name\":\"x\",\"n\":[" PAN "]}", "{\"name\":\"x\",\"n\":[1]}", 0},
        {"json key", "POST", "/json", "Content-Type: application/json\r\n",
         "{\"name\":\"x\",\"" PAN "\":1}", "{\"name\":\"x\",\"4\":1}", 0},
        {"json escape", "POST", "/json", "Content-Type: application/json\r\n",
         "{\"name\":\"\\u0034111111111111111\"}", "{\"name\":\"\\u0034\"}", 0},
        {"raw", "POST", "/raw", "Content-Type: text/plain\r\n", "x " PAN, "x 4111", 0},
        {"query", "GET", "/tours/izu?q=" PAN, "", "", "", 1},
        {"query name", "GET", "/tours/izu?" PAN, "", "", "", 1},
        {"path", "GET", "/tours/" PAN, "", "", "", 1},
        {"unknown path", "GET", "/" PAN, "", "", "", 1},
        {"post query", "POST", "/form?q=" PAN, FORM_TYPE, "name=x", "", 1},
    };
    visitor_t v = visit();
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        char head[600], body[600];
        bool json = strcmp(CASES[i].target, "/json") == 0;
        for (int with = 1; with >= (CASES[i].in_target ? 1 : 0); with--) {
            const char *text = with ? CASES[i].with : CASES[i].without;
            bool form = strcmp(CASES[i].type, FORM_TYPE) == 0;
            bool multi = strcmp(CASES[i].type, MULTI) == 0;
            snprintf(head, sizeof head, "%s%s%s%s%s", CASES[i].type, v.cookie,
                     json ? "X-CSRF-Token: " : "", json ? v.csrf : "", json ? "\r\n" : "");
            if (form) {
                snprintf(body, sizeof body, "csrf=%s&%s", v.csrf, text);
            } else if (multi) {
                snprintf(body, sizeof body,
                         "--zz\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n%s",
                         v.csrf, text);
            } else {
                snprintf(body, sizeof body, "%s", text);
            }
            unsigned before = room.handled;
            bool get = strcmp(CASES[i].method, "GET") == 0;
            http_answer_t a = http_ask(sock, CASES[i].method, CASES[i].target, head,
                                       get ? SLICE_EMPTY : slice_cstr_in(body));
            if (a.status != (with ? 422 : 200) || (with && room.handled != before)) {
                fail_msg("%s, %d: %d", CASES[i].name, with, a.status);
            }
            assert_false(with && http_has(&a, "411111"));
            http_free(&a);
        }
    }
    /* payd's notifications are judged by payd */
    assert_int_equal(status_of("POST", "/hook", "", SLICE("x " PAN)), 200);
}

static void test_session_walk(void **state)
{
    /* looking sets no cookie */
    http_answer_t a = http_ask(sock, "GET", "/tours/izu", "", SLICE_EMPTY);
    assert_int_equal(http_header(&a, "Set-Cookie", 0).len, 0);
    http_free(&a);
    visitor_t v = visit();
    char anonymous[128];
    memcpy(anonymous, v.cookie, sizeof anonymous);
    /* keeping something rotates the token; the old form's token stays good */
    a = post(&v, "/keep", "name=Hakone");
    assert_int_equal(a.status, 303);
    slice_t set = http_header(&a, "Set-Cookie", 0);
    assert_true(slice_find(set, SLICE("; Path=/; HttpOnly; SameSite=Lax")) != SIZE_MAX);
    assert_true(slice_find(set, SLICE("Secure")) == SIZE_MAX);
    http_free(&a);
    assert_string_not_equal(anonymous, v.cookie);
    a = get(&v, "/me");
    assert_true(http_has(&a, "user=0000"));
    assert_true(http_has(&a, "kept=Hakone flash=stored"));
    http_free(&a);
    a = get(&v, "/me");
    assert_true(http_has(&a, "kept=Hakone flash= "));
    http_free(&a);
    /* the anonymous token has none of it */
    visitor_t planted = v;
    memcpy(planted.cookie, anonymous, sizeof anonymous);
    a = get(&planted, "/me");
    assert_true(http_has(&a, "kept= "));
    http_free(&a);
    /* log-in rotates again, keys go along, the old token is dead */
    char guest[128];
    memcpy(guest, v.cookie, sizeof guest);
    a = post(&v, "/login", "name=hanako&staff=1");
    assert_int_equal(a.status, 303);
    http_free(&a);
    assert_string_not_equal(guest, v.cookie);
    a = get(&v, "/me");
    assert_true(http_has(&a, "user=0168616e616b6f"));
    assert_true(http_has(&a, "roles=1 kept=Hakone"));
    http_free(&a);
    memcpy(planted.cookie, guest, sizeof guest);
    a = get(&planted, "/me");
    assert_true(http_has(&a, "user=0000") && http_has(&a, "kept= "));
    http_free(&a);
    /* roles and reveals */
    a = get(&v, "/staff");
    assert_int_equal(a.status, 200);
    assert_true(http_has(&a, "revealed"));
    assert_true(slice_eq(http_header(&a, "Cache-Control", 0), SLICE("no-store")));
    http_free(&a);
    a = get(&v, "/chief");
    assert_int_equal(a.status, 403);
    http_free(&a);
    /* a session is no use on the other host */
    char desk[256];
    snprintf(desk, sizeof desk,
             "GET /me HTTP/1.1\r\nHost: desk.localhost\r\nConnection: close\r\n%s\r\n", v.cookie);
    a = http_raw(sock, slice_cstr_in(desk));
    assert_true(http_has(&a, "user=0000"));
    http_free(&a);
    /* the end */
    char old[128];
    memcpy(old, v.cookie, sizeof old);
    a = get(&v, "/me");
    http_free(&a);
    a = post(&v, "/logout", "x=1");
    assert_int_equal(a.status, 303);
    assert_true(slice_find(http_header(&a, "Set-Cookie", 0), SLICE("Max-Age=0")) != SIZE_MAX);
    http_free(&a);
    memcpy(v.cookie, old, sizeof old);
    a = get(&v, "/staff");
    assert_int_equal(a.status, 401);
    http_free(&a);
}

/* A token that we did not make is never taken up, whatever its form. */
static void test_fixation(void **state)
{
    static const char *const TOKENS[] = {
        "bcdfghjkmnpqrstvbcdfghjkmnpqrstv",
        "bcdfghjkmnpqrstvbcdfghjkmnpqrstvbcdfghjkmnpqrstvbcdfghjkmnpqrstvbcdfghjkmnpqrstv",
        "x",
        "",
    };
    for (size_t i = 0; i < BASE_COUNT(TOKENS); i++) {
        visitor_t v = {0};
        snprintf(v.cookie, sizeof v.cookie, "Cookie: sks=%s\r\n", TOKENS[i]);
        http_answer_t a = get(&v, "/form");
        slice_t set = http_header(&a, "Set-Cookie", 0);
        assert_true(slice_starts(set, SLICE("sks=")));
        assert_int_equal(slice_find(set, slice_cstr_in("=bcdfghjkmnpqrstvbcdf")), SIZE_MAX);
        http_free(&a);
    }
    /* and one of ours with a letter changed */
    visitor_t v = visit();
    size_t last = strlen(v.cookie) - 3;
    v.cookie[last] = v.cookie[last] == 'b' ? 'c' : 'b';
    http_answer_t a = get(&v, "/form");
    assert_true(http_header(&a, "Set-Cookie", 0).len > 0);
    http_free(&a);
}

static void test_login_path(void **state)
{
    http_answer_t a = http_raw(sock, SLICE("GET /?q=a%20b HTTP/1.1\r\nHost: desk.localhost:8080\r\n"
                                           "Connection: close\r\n\r\n"));
    assert_int_equal(a.status, 303);
    assert_true(slice_eq(http_header(&a, "Location", 0), SLICE("/login?next=%2F%3Fq%3Da%2520b")));
    http_free(&a);
}

static void test_redirects(void **state)
{
    static const struct {
        const char *target;
        int status;
    } CASES[] = {
        {"/redirect?to=/me", 303},
        {"/redirect?to=/me?a=1%26b=2", 303},
        {"/redirect?to=", 403},
        {"/redirect?to=me", 403},
        {"/redirect?to=//evil.example", 403},
        {"/redirect?to=/%5Cevil.example", 403},
        {"/redirect?to=/a%0d%0aSet-Cookie:x", 403},
        {"/redirect?to=https://pay.example/x", 403},
        {"/redirect?to=javascript:alert(1)", 403},
        {"/handoff?to=https://pay.example/x?a=1", 303},
        {"/handoff?to=https://pay.example", 303},
        {"/handoff?to=https://pay.example.evil.example/", 403},
        {"/handoff?to=https://pay.example@evil.example/", 403},
        {"/handoff?to=https://pay.example:8443/", 403},
        {"/handoff?to=http://pay.example/", 403},
        {"/handoff?to=https://pay.example%5C@evil.example/", 403},
        {"/handoff?to=https://pay.example/%0d%0ax", 403},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int have = status_of("GET", CASES[i].target, "", SLICE_EMPTY);
        if (have != CASES[i].status) {
            fail_msg("%s: %d", CASES[i].target, have);
        }
    }
}

static void test_header_injection(void **state)
{
    static const struct {
        const char *target;
        int status;
    } CASES[] = {
        {"/header?name=X-Fine&value=a+b", 200},
        {"/header?name=X-Bad&value=a%0d%0aSet-Cookie:x=y", 400},
        {"/header?name=X-Bad&value=a%0aX:y", 400},
        {"/header?name=X-Bad&value=", 400},
        {"/header?name=X-Bad%0d%0aA&value=b", 400},
        {"/header?name=X+Bad&value=b", 400},
        {"/header?name=Set-Cookie&value=b", 403},
        {"/header?name=content-SECURITY-policy&value=b", 403},
        {"/header?name=Transfer-Encoding&value=chunked", 403},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        http_answer_t a = http_ask(sock, "GET", CASES[i].target, "", SLICE_EMPTY);
        if (a.status != CASES[i].status) {
            fail_msg("%s: %d", CASES[i].target, a.status);
        }
        assert_int_equal(http_header(&a, "Set-Cookie", 0).len, 0);
        http_free(&a);
    }
    http_answer_t a =
        http_ask(sock, "GET", "/attachment?name=%E6%97%85%22%0d%0ax.pdf", "", SLICE_EMPTY);
    assert_int_equal(a.status, 400);
    http_free(&a);
    a = http_ask(sock, "GET", "/attachment?name=%E6%97%85%22x.pdf", "", SLICE_EMPTY);
    assert_true(slice_eq(http_header(&a, "Content-Disposition", 0),
                         SLICE("attachment; filename=\"____x.pdf\"; "
                               "filename*=UTF-8''%E6%97%85%22x.pdf")));
    http_free(&a);
}

static void put_file(const char *name, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++) {
        fputc('x', f);
    }
    fclose(f);
}

static void test_static(void **state)
{
    char link_at[128];
    put_file("site.css", 10);
    put_file("a.html", 10);
    put_file("big.css", WEB_BODY_BYTES + 1);
    snprintf(link_at, sizeof link_at, "%s/sly.css", dir);
    unlink(link_at);
    assert_int_equal(symlink("/etc/passwd", link_at), 0);
    static const struct {
        const char *target;
        int status;
    } CASES[] = {
        {"/files/site.css", 200}, {"/files/a.html", 404},      {"/files/sly.css", 404},
        {"/files/big.css", 413},  {"/files/none.css", 404},    {"/files/", 404},
        {"/files", 404},          {"/files/.hidden.css", 404}, {"/files/x/site.css", 404},
        {"/files/web.db", 404},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int have = status_of("GET", CASES[i].target, "", SLICE_EMPTY);
        if (have != CASES[i].status) {
            fail_msg("%s: %d", CASES[i].target, have);
        }
    }
    char head[160];
    http_answer_t a = http_ask(sock, "GET", "/files/site.css", "", SLICE_EMPTY);
    slice_t etag = http_header(&a, "ETag", 0);
    assert_true(slice_eq(http_header(&a, "Content-Type", 0), SLICE("text/css; charset=utf-8")));
    assert_int_equal(a.body.len, 10);
    snprintf(head, sizeof head, "If-None-Match: %.*s\r\n", SLICE_FMT(etag));
    http_free(&a);
    a = http_ask(sock, "GET", "/files/site.css", head, SLICE_EMPTY);
    assert_int_equal(a.status, 304);
    assert_int_equal(a.body.len, 0);
    http_free(&a);
}

static void *wait_one(void *arg)
{
    http_answer_t a = http_ask(sock, "GET", "/wait", "", SLICE_EMPTY);
    bool good = a.status == 200 && http_has(&a, "all here");
    http_free(&a);
    return good ? arg : NULL;
}

/* As many as a hold queue takes stand in their handlers at once; none can go on before all are. */
static void test_64_waiting(void **state)
{
    enum { N = 64 };
    pthread_t threads[N];
    room.waiting = 0;
    room.want = N;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_one, &room), 0);
    }
    for (size_t i = 0; i < N; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    /* the house is open for others meanwhile and after */
    assert_int_equal(status_of("GET", "/", "", SLICE_EMPTY), 200);
}

static size_t count_of(slice_t text, slice_t needle)
{
    size_t n = 0, at;
    while ((at = slice_find(text, needle)) != SIZE_MAX) {
        text = slice_from(text, at + needle.len);
        n++;
    }
    return n;
}

/* nginx keeps its connections open: many requests on one. */
static void test_keep_alive(void **state)
{
    int fd = http_connect(sock);
    for (int i = 0; i < 5; i++) {
        http_send(fd, SLICE("GET /tours/izu HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"
                            "POST /raw HTTP/1.1\r\nHost: shop.localhost\r\n"
                            "Content-Length: 5\r\n\r\nabcde"));
    }
    http_send(fd,
              SLICE("GET /nowhere HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n"));
    http_answer_t a = http_read(fd);
    close(fd);
    slice_t all = slice_make(a.text, a.len);
    assert_int_equal(count_of(all, SLICE("HTTP/1.1 200")), 10);
    assert_int_equal(count_of(all, SLICE("tour izu")), 5);
    assert_int_equal(count_of(all, SLICE("HTTP/1.1 404")), 1);
    http_free(&a);
}

static void test_custom_error_page(void **state)
{
    char path[96];
    snprintf(path, sizeof path, "%s/two.sock", dir);
    test_room_t second = {.lock = PTHREAD_MUTEX_INITIALIZER, .custom_errors = true};
    web_config_t config = test_room_config(&second, http_listen(path));
    config.tls = true;
    web_app_t *two;
    ok(web_app_start(&config, &two));
    http_answer_t a = http_ask(path, "GET", "/nowhere", "Accept-Language: en\r\n", SLICE_EMPTY);
    assert_int_equal(a.status, 404);
    assert_true(http_has(&a, "agency: Page not found"));
    assert_true(http_header(&a, "Strict-Transport-Security", 0).len > 0);
    http_free(&a);
    a = http_ask(path, "POST", "/json", "", SLICE_EMPTY);
    assert_true(slice_starts(a.body, SLICE("{\"error\":")));
    http_free(&a);
    second.broken_errors = true;
    a = http_ask(path, "GET", "/nowhere", "Accept-Language: en\r\n", SLICE_EMPTY);
    assert_int_equal(a.status, 404);
    assert_true(http_has(&a, "<h1>Page not found</h1>"));
    http_free(&a);
    /* no session store: nobody, and no forms */
    a = http_ask(path, "GET", "/form", "", SLICE_EMPTY);
    assert_int_equal(a.status, 403);
    http_free(&a);
    web_app_stop(two, 1000);
    unlink(path);
}

static void test_tls_cookie(void **state)
{
    char path[96], head[160];
    snprintf(path, sizeof path, "%s/two.sock", dir);
    web_config_t config = test_room_config(&room, http_listen(path));
    config.tls = true;
    web_app_t *two;
    ok(web_app_start(&config, &two));
    http_answer_t a = http_ask(path, "GET", "/form", "", SLICE_EMPTY);
    slice_t set = http_header(&a, "Set-Cookie", 0);
    assert_true(slice_starts(set, SLICE("__Host-sks=")));
    assert_true(slice_ends(set, SLICE("; Path=/; HttpOnly; SameSite=Lax; Secure")));
    slice_t token = slice_sub(set, 11, 80);
    snprintf(head, sizeof head, "Cookie: sks=%.*s\r\n", SLICE_FMT(token));
    http_answer_t b = http_ask(path, "GET", "/form", head, SLICE_EMPTY);
    assert_true(http_header(&b, "Set-Cookie", 0).len > 0); /* the other name is nothing to it */
    http_free(&b);
    snprintf(head, sizeof head, "Cookie: __Host-sks=%.*s\r\n", SLICE_FMT(token));
    b = http_ask(path, "GET", "/form", head, SLICE_EMPTY);
    assert_int_equal(http_header(&b, "Set-Cookie", 0).len, 0);
    http_free(&b);
    http_free(&a);
    web_app_stop(two, 1000);
    unlink(path);
}

/* Connections beyond the limit wait for a place; nobody is served twice or lost. */
static void test_connection_limit(void **state)
{
    char path[96];
    int idle[4];
    snprintf(path, sizeof path, "%s/two.sock", dir);
    web_config_t config = test_room_config(&room, http_listen(path));
    config.connections_max = BASE_COUNT(idle);
    web_app_t *two;
    ok(web_app_start(&config, &two));
    for (size_t i = 0; i < BASE_COUNT(idle); i++) {
        idle[i] = http_connect(path);
        http_send(idle[i], SLICE("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
        char first[1];
        assert_int_equal(read(idle[i], first, 1), 1);
    }
    int late = http_connect(path);
    http_send(late, SLICE("GET /tours/izu HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    close(idle[0]);
    http_answer_t a = http_read(late);
    assert_true(http_has(&a, "tour izu"));
    http_free(&a);
    close(late);
    for (size_t i = 1; i < BASE_COUNT(idle); i++) {
        close(idle[i]);
    }
    web_app_stop(two, 1000);
    unlink(path);
}

static void *stop_app(void *two)
{
    web_app_stop(two, 20000);
    return NULL;
}

/* A request that is being answered when the room is told to stop gets its answer. */
static void test_drain(void **state)
{
    char path[96];
    snprintf(path, sizeof path, "%s/two.sock", dir);
    test_room_t second = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .all_here = PTHREAD_COND_INITIALIZER, .want = 2};
    web_config_t config = test_room_config(&second, http_listen(path));
    web_app_t *two;
    pthread_t stopper;
    ok(web_app_start(&config, &two));
    int fd = http_connect(path);
    http_send(fd, SLICE("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    pthread_mutex_lock(&second.lock);
    while (!second.waiting) {
        pthread_cond_wait(&second.all_here, &second.lock);
    }
    assert_int_equal(pthread_create(&stopper, NULL, stop_app, two), 0);
    while (!atomic_load(&two->stopping)) {
        sched_yield();
    }
    second.waiting++;
    pthread_cond_broadcast(&second.all_here);
    pthread_mutex_unlock(&second.lock);
    http_answer_t a = http_read(fd);
    assert_int_equal(a.status, 200);
    assert_true(slice_eq_nocase(http_header(&a, "Connection", 0), SLICE("close")));
    http_free(&a);
    close(fd);
    pthread_join(stopper, NULL);
    unlink(path);
}

static void test_log_and_metrics(void **state)
{
    static char mem[65536];
    assert_int_equal(status_of("GET", "/fail?code=18", "", SLICE_EMPTY), 500);
    pthread_mutex_lock(&room.lock);
    assert_string_equal(room.last_route, "fail");
    assert_int_equal(room.last_status, 500);
    pthread_mutex_unlock(&room.lock);
    buf_t out = BUF_ON_ARRAY(mem);
    web_app_metrics(app, "shop", &out);
    ok(buf_check(&out));
    static const char *const WANT[] = {
        "sekisho_web_requests_total{room=\"shop\",route=\"fail\",status=\"500\"} ",
        "sekisho_web_requests_total{room=\"shop\",route=\"-\",status=\"404\"} ",
        "sekisho_web_seconds_bucket{room=\"shop\",le=\"+Inf\"} ",
        "sekisho_web_refused_total{room=\"shop\",why=\"card_data\"} ",
    };
    for (size_t i = 0; i < BASE_COUNT(WANT); i++) {
        assert_true(slice_find(buf_slice(&out), slice_cstr_in(WANT[i])) != SIZE_MAX);
    }
    assert_int_equal(slice_find(buf_slice(&out), SLICE("status=\"0\"")), SIZE_MAX);
}

static size_t into(char *data, size_t size, size_t n, void *to)
{
    buf_put(to, slice_make(data, size * n));
    return size * n;
}

/* The same by a client that others wrote: cookies, redirects, multipart. */
static void test_curl(void **state)
{
    static char mem[65536];
    buf_t out = BUF_ON_ARRAY(mem);
    CURL *c = curl_easy_init();
    assert_non_null(c);
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, sock);
    curl_easy_setopt(c, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, into);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_URL, "http://shop.localhost:8080/form?lang=en");
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    size_t at = slice_find(buf_slice(&out), SLICE("value=\""));
    assert_true(at != SIZE_MAX);
    char token[80];
    snprintf(token, sizeof token, "%.*s", SLICE_FMT(slice_sub(buf_slice(&out), at + 7, 64)));

    curl_mime *mime = curl_mime_init(c);
    curl_mimepart *part = curl_mime_addpart(mime);
    curl_mime_name(part, "csrf");
    curl_mime_data(part, token, CURL_ZERO_TERMINATED);
    part = curl_mime_addpart(mime);
    curl_mime_name(part, "name");
    curl_mime_data(part, "箱根", CURL_ZERO_TERMINATED);
    part = curl_mime_addpart(mime);
    curl_mime_name(part, "photo");
    curl_mime_filename(part, "夏.png");
    curl_mime_data(part, "\x89PNG\0\xff", 6);
    buf_reset(&out);
    curl_easy_setopt(c, CURLOPT_URL, "http://shop.localhost:8080/upload");
    curl_easy_setopt(c, CURLOPT_MIMEPOST, mime);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_true(slice_eq(buf_slice(&out), SLICE("name=箱根 file=夏.png:6")));
    curl_mime_free(mime);

    char fields[256];
    snprintf(fields, sizeof fields, "csrf=%s&name=Taro", token);
    buf_reset(&out);
    curl_easy_setopt(c, CURLOPT_MIMEPOST, NULL);
    curl_easy_setopt(c, CURLOPT_URL, "http://shop.localhost:8080/login");
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, fields);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_true(slice_find(buf_slice(&out), SLICE("user=015461726f")) != SIZE_MAX);
    curl_easy_cleanup(c);
}

/* paysim listens on loopback. */
static void test_tcp(void **state)
{
    char text[4096], target[64];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof at) && !listen(fd, 16));
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    web_config_t config = test_room_config(&room, fd);
    web_app_t *two;
    ok(web_app_start(&config, &two));
    snprintf(target, sizeof target, "http://127.0.0.1:%u/tours/izu", (unsigned)ntohs(at.sin_port));
    buf_t out = BUF_ON_ARRAY(text);
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, target);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, into);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_true(slice_eq(buf_slice(&out), SLICE("tour izu")));
    curl_easy_cleanup(c);
    web_app_stop(two, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_405_allow),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_security_headers),
        cmocka_unit_test(test_id_and_client),
        cmocka_unit_test(test_errors_in_the_visitors_language),
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_csrf),
        cmocka_unit_test(test_card_data),
        cmocka_unit_test(test_session_walk),
        cmocka_unit_test(test_fixation),
        cmocka_unit_test(test_login_path),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_header_injection),
        cmocka_unit_test(test_static),
        cmocka_unit_test(test_64_waiting),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_custom_error_page),
        cmocka_unit_test(test_tls_cookie),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_log_and_metrics),
        cmocka_unit_test(test_curl),
        cmocka_unit_test(test_tcp),
    };
    return cmocka_run_group_tests_name("web", tests, start, stop);
}
