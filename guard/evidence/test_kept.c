/* What is kept of requests with card numbers, passwords and codes in all places. */
#include "base/test.h"
#include "kept.h"

static uint8_t mem[KEPT_MAX];
static arena_t scratch;

static slice_t kept_of(const kept_request_t *r)
{
    size_t bytes = r->line.len + r->body.len;
    for (size_t i = 0; i < r->n_headers; i++) {
        bytes += r->headers[i].name.len + r->headers[i].value.len;
    }
    buf_t out = BUF_ON_ARRAY(mem);
    arena_deinit(&scratch);
    arena_init(&scratch, KEPT_SCRATCH_MIN + KEPT_SCRATCH_FACTOR * bytes);
    assert_ok(kept_put(r, &scratch, &out));
    return buf_slice(&out);
}

static bool has(slice_t s, const char *text)
{
    return slice_find(s, slice_cstr_in(text)) != SIZE_MAX;
}

#define FORM "application/x-www-form-urlencoded"
#define PAN "4111111111111111"

typedef struct kept_case {
    const char *line, *header, *value, *type, *body;
    const char *gone[4], *stays[4];
} kept_case_t;

static const kept_case_t CASES[] = {
    {"POST /login HTTP/1.1",
     "Cookie",
     "sks=abcdefgh; lang=ja",
     FORM,
     "csrf=tok3n&email=a%40example.com&password=open+sesame",
     {"tok3n", "sesame", "abcdefgh"},
     {"email=a%40example.com", "password=[11 bytes]", "sks=[8 bytes]"}},
    {"POST /x HTTP/1.1",
     "User-Agent",
     "curl/7",
     FORM,
     "n=4111+1111+1111+1111&q=%27+or+1%3D1",
     {"4111+1111+1111"},
     {"4111+11", "q=%27+or+1%3D1", "User-Agent: curl/7"}},
    {"POST /x HTTP/1.1",
     "A",
     "b",
     FORM,
     "c1=4111&c2=1111&c3=1111&c4=1111&name=yamada",
     {"4111", "1111"},
     {"c#=####", "name=yamada"}},
    {"GET /tours/" PAN "?q=" PAN " HTTP/1.1",
     "Referer",
     "http://shop/x?n=" PAN "&token=zzyyxx",
     "",
     "",
     {PAN, "zzyyxx"},
     {"GET /tours/411111******1111?q=411111******1111 HTTP/1.1"}},
    {"GET /tours/4111/1111/1111/1111/x HTTP/1.1",
     "A",
     "b",
     "",
     "",
     {"1111/1111"},
     {"/tours/4111/11**/****/1111/x"}},
    {"GET /pay/return/eyJhbGciOiJIUzI1NiJ9.abcdefghijkl HTTP/1.1",
     "Referer",
     "http://shop.localhost/pay/return/eyJhbGciOiJIUzI1NiJ9.abcdefghijkl",
     "",
     "",
     {"eyJ", "hijkl"},
     {"/pay/return/[33 bytes] HTTP/1.1", "http://shop.localhost/pay/return/[33 bytes]"}},
    {"GET /bookings/bcdfghjkmnpqrstvbcdfghjkmnpqrstv HTTP/1.1",
     "A",
     "b",
     "",
     "",
     {"\x01"},
     {"/bookings/bcdfghjkmnpqrstvbcdfghjkmnpqrstv"}},
    {"POST /api HTTP/1.1",
     "Authorization",
     "Bearer abcdef",
     "application/json",
     "{\"user\":\"a\",\"pass\":\"hunter2\",\"n\":[\"4111\",\"1111\",\"1111\",\"1111\"]}",
     {"hunter2", "abcdef", "4111", "1111"},
     {"\"user\":\"a\""}},
    {"POST /api HTTP/1.1",
     "X-Card",
     PAN,
     "application/json",
     "{\"n\":\"" PAN,
     {PAN},
     {"[22 bytes]"}},
    {"POST /x HTTP/1.1",
     "A",
     "b",
     "text/plain",
     "card " PAN " end",
     {PAN},
     {"card 411111******1111 end"}},
    {"POST /x HTTP/1.1", "A", "b", "image/png", "\x89PNG" PAN, {PAN, "PNG"}, {"[20 bytes]"}},
    {"POST /x HTTP/1.1",
     "A",
     "b",
     FORM,
     "a=%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91&b=1111&c=1111&d=1111&e=x",
     {"1111", "%EF%BC%94"},
     {"e=x"}},
    {"GET /?q=%c0%af..%c0%afetc&n=" PAN " HTTP/1.1", "A", "b", "", "", {PAN}, {"etc"}},
    {"GET / HTTP/1.1", "A", "b\r\nInjected: 1", "", "", {"\nInjected"}, {"A: b  Injected"}},
};

static void holds_no_secret(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        const kept_case_t *c = &CASES[i];
        kept_header_t headers[] = {{slice_cstr_in(c->header), slice_cstr_in(c->value)},
                                   {SLICE("Content-Length"), SLICE("999999")},
                                   {SLICE("Transfer-Encoding"), SLICE("chunked")}};
        slice_t kept = kept_of(&(kept_request_t){.line = slice_cstr_in(c->line),
                                                 .why = SLICE("rule"),
                                                 .rules = SLICE("942100"),
                                                 .status = 403,
                                                 .headers = headers,
                                                 .n_headers = 3,
                                                 .content_type = slice_cstr_in(c->type),
                                                 .body = slice_cstr_in(c->body)});
        for (size_t k = 0; k < 4 && c->gone[k]; k++) {
            if (has(kept, c->gone[k])) {
                fail_msg("%zu: %s is still in %.*s", i, c->gone[k], SLICE_FMT(kept));
            }
        }
        for (size_t k = 0; k < 4 && c->stays[k]; k++) {
            if (!has(kept, c->stays[k])) {
                fail_msg("%zu: %s is not in %.*s", i, c->stays[k], SLICE_FMT(kept));
            }
        }
        assert_false(has(kept, "999999"));
        assert_false(has(kept, "chunked"));
        assert_true(has(kept, "\ncut: no\n"));
    }
}

/* Longer than what is kept, in each part: cut, and it says so; empty is no special case. */
static void long_ones_are_cut(void **state)
{
    enum { LONG = 100 * 1024 };
    static char text[LONG + 1];
    kept_header_t headers[KEPT_HEADERS_MAX];
    memset(text, 'a', LONG);
    text[0] = '/';
    for (unsigned way = 0; way < 4; way++) {
        slice_t line = SLICE("GET / HTTP/1.1"), body = SLICE_EMPTY;
        size_t n = 0;
        if (way == 0) {
            body = slice_make(text, LONG);
        } else if (way == 1) {
            memcpy(text, "GET /?q=", 8);
            line = slice_make(text, LONG);
        } else if (way == 2) {
            for (; n < KEPT_HEADERS_MAX; n++) {
                headers[n] = (kept_header_t){SLICE("X-Long"), slice_make(text + 100, 1000)};
            }
        }
        slice_t kept = kept_of(&(kept_request_t){.line = line,
                                                 .headers = headers,
                                                 .n_headers = n,
                                                 .content_type = SLICE("text/plain"),
                                                 .body = body});
        assert_true(kept.len <= KEPT_MAX);
        assert_true(has(kept, way == 3 ? "\ncut: no\n" : "\ncut: yes\n"));
        assert_true(way == 3 || kept.len > KEPT_MAX / 4);
    }
    memset(text, 'a', LONG);
    for (size_t i = 0; i < KEPT_HEADERS_MAX; i++) {
        headers[i] = (kept_header_t){SLICE("X-Long"), slice_make(text, 100)};
    }
    memcpy(text, "GET /", 5);
    slice_t small = kept_of(&(kept_request_t){.line = slice_make(text, LONG),
                                              .headers = headers,
                                              .n_headers = KEPT_HEADERS_MAX,
                                              .content_type = SLICE("text/plain"),
                                              .body = slice_make(text, LONG),
                                              .max_bytes = KEPT_MIN});
    assert_true(small.len <= KEPT_MIN && has(small, "\ncut: yes\n"));
    slice_t kept = kept_of(&(kept_request_t){.body_unread = true});
    assert_true(has(kept, "bytes, not read"));
    assert_true(slice_eq(kept_request_of(kept), SLICE(" \r\nContent-Length: 0\r\n\r\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_no_secret),
                                       cmocka_unit_test(long_ones_are_cut)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&scratch);
    return failed;
}
