/* Where a card number can hide in a request, what is none, and what cannot be read. */
#include "base/test.h"
#include "gate.h"
#include "readable.h"

typedef struct gate_case {
    const char *name, *path, *query, *type, *body;
    gate_place_t want;
} gate_case_t;

#define FORM "application/x-www-form-urlencoded"
#define MULTI "multipart/form-data; boundary=xx"
#define PART(name, value)                                                                          \
    "--xx\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static const gate_case_t CASES[] = {
    {"nothing", "/tours", "q=hokkaido", NULL, NULL, GATE_NOWHERE},
    {"query", "/tours", "q=4111111111111111", NULL, NULL, GATE_QUERY},
    {"query name", "/tours", "4111111111111111=1", NULL, NULL, GATE_QUERY},
    {"fragment in the query", "/tours", "q=1#4111111111111111", NULL, NULL, GATE_QUERY},
    {"path", "/tours/4111111111111111", "", NULL, NULL, GATE_PATH},
    {"path, percent", "/tours/4111%2d1111%2D1111%2d1111", "", NULL, NULL, GATE_PATH},
    {"path, four parts", "/tours/4111/1111/1111/1111/x", "", NULL, NULL, GATE_PATH},
    {"path, date and number", "/tours/2026/05/03/1234567", "", NULL, NULL, GATE_NOWHERE},
    {"form", "/x", "", FORM, "a=1&note=4111+1111+1111+1111", GATE_BODY},
    {"form, full width", "/x", "", FORM,
     "note=%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%"
     "91%EF%BC%91"
     "%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91",
     GATE_BODY},
    {"form, double percent", "/x", "", FORM, "note=%2534111%2531111%2531111%2531111", GATE_BODY},
    {"form, amex grouped", "/x", "", FORM, "c=3782-822463-10005", GATE_BODY},
    {"form, four boxes", "/x", "", FORM, "c1=4111&c2=1111&c3=1111&c4=1111&name=x", GATE_BODY},
    {"form, boxes with blanks", "/x", "", FORM, "c1=4111&e=&c2=+1111&c3=1111+&c4=1111", GATE_BODY},
    {"form, amex boxes", "/x", "", FORM, "c1=3782&c2=822463&c3=10005", GATE_BODY},
    {"form, full-width boxes", "/x", "", FORM,
     "a=%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91&b=1111&c=1111&d=1111", GATE_BODY},
    {"form, a box a digit", "/x", "", FORM,
     "a=4&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1&o=1&p=1", GATE_BODY},
    {"form, type in capitals", "/x", "", "Application/X-WWW-Form-Urlencoded; charset=utf-8",
     "n=4111111111111111", GATE_BODY},
    {"multipart", "/x", "", MULTI, PART("n", "5555 5555 5555 4444") "--xx--\r\n", GATE_BODY},
    {"multipart boxes", "/x", "", MULTI,
     PART("a", "4111") PART("b", "1111") PART("c", "1111") PART("d", "1111") "--xx--\r\n",
     GATE_BODY},
    {"multipart file name", "/x", "", MULTI,
     "--xx\r\nContent-Disposition: form-data; name=\"f\"; "
     "filename=\"4111111111111111.txt\"\r\n\r\nhi\r\n--xx--\r\n",
     GATE_BODY},
    {"multipart that is none", "/x", "", MULTI, "n=4111111111111111", GATE_BODY},
    {"json", "/x", "", "application/json", "{\"a\":[{\"n\":\"4111\\u0031111 1111 1111\"}]}",
     GATE_BODY},
    {"json number", "/x", "", "application/json", "{\"n\":4111111111111111}", GATE_BODY},
    {"json name", "/x", "", "application/json", "{\"4111111111111111\":1}", GATE_BODY},
    {"json boxes", "/x", "", "application/problem+json", "[\"4111\",\"1111\",1111,1111]",
     GATE_BODY},
    {"json broken", "/x", "", "application/json", "{\"n\":4111111111111111", GATE_BODY},
    {"unknown type", "/x", "", "text/plain", "card 4111111111111111", GATE_BODY},
    {"unknown type, a form", "/x", "", "text/x", "a=4111&b=1111&c=1111&d=1111", GATE_BODY},
    {"no type", "/x", "", NULL, "n=4111111111111111", GATE_BODY},
    {"no type, a form", "/x", "", NULL, "c1=4111&c2=1111&c3=1111&c4=1111", GATE_BODY},
    {"wrong check digit", "/x", "", FORM, "n=4111111111111112", GATE_NOWHERE},
    {"phone and birth date", "/x", "", FORM, "tel=090-1234-5678&birth=1980-01-23&postal=060-0001",
     GATE_NOWHERE},
    {"birth date in boxes", "/x", "", FORM, "y=1980&m=1&d=23&adults=2&children=1&tel=0312345678",
     GATE_NOWHERE},
};

static err_t try_look(const gate_request_t *r, gate_verdict_t *ret)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    arena_init(&a, 256 * 1024 + 24 * (r->path.len + r->query.len + r->body.len));
    return gate_look(&a, r, ret);
}

static gate_verdict_t look(const gate_request_t *r)
{
    gate_verdict_t v = {0};
    assert_ok(try_look(r, &v));
    return v;
}

static void table(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        const gate_case_t *c = &CASES[i];
        gate_verdict_t v = look(&(gate_request_t){.path = slice_cstr_in(c->path),
                                                  .query = slice_cstr_in(c->query),
                                                  .content_type = slice_cstr_in(c->type),
                                                  .content_types = c->type != NULL,
                                                  .body = slice_cstr_in(c->body)});
        gate_answer_t want = c->want == GATE_NOWHERE ? GATE_PASS : GATE_CARD;
        if (v.place != c->want || v.answer != want) {
            fail_msg("%s: answer %d in %s (%s), want %s", c->name, v.answer,
                     gate_place_name(v.place), v.why ? v.why : "-", gate_place_name(c->want));
        }
    }
}

/* Each body would be let pass if it were only searched: no card number is seen in it. */
static void unreadable(void **state)
{
    static const struct {
        const char *name, *query, *type, *encoding;
        size_t types;
        slice_t body;
        const char *why; /* NULL: passes */
        unsigned status;
    } ROWS[] = {
        {"gzip", "", FORM, "gzip", 1, {(const uint8_t *)"\x1f\x8b", 2}, "encoding", 415},
        {"two encodings", "", FORM, "identity, br", 1, {(const uint8_t *)"a", 1}, "encoding", 415},
        {"identity", "", FORM, " Identity ", 1, {(const uint8_t *)"a", 1}, NULL, 0},
        {"no body, gzip", "", FORM, "gzip", 1, {NULL, 0}, NULL, 0},
        {"two types", "", FORM, "", 2, {(const uint8_t *)"a", 1}, "types", 400},
        {"utf-16", "", FORM ";charset=UTF-16", "", 1, {(const uint8_t *)"a", 1}, "charset", 415},
        {"sjis",
         "",
         FORM "; charset=\"Shift_JIS\"",
         "",
         1,
         {(const uint8_t *)"a", 1},
         "charset",
         415},
        {"euc",
         "",
         "text/plain; x=y; Charset = EUC-JP",
         "",
         1,
         {(const uint8_t *)"a", 1},
         "charset",
         415},
        {"two charsets",
         "",
         FORM ";charset=utf-8;charset=utf-16",
         "",
         1,
         {(const uint8_t *)"a", 1},
         "charset",
         415},
        {"charset extended",
         "",
         FORM ";charset*=utf-16''x",
         "",
         1,
         {(const uint8_t *)"a", 1},
         "charset",
         415},
        {"charset empty", "", FORM ";charset", "", 1, {(const uint8_t *)"a", 1}, "charset", 415},
        {"utf-8", "", FORM ";charset=\"utf-8\";a=b", "", 1, {(const uint8_t *)"a", 1}, NULL, 0},
        {"shift_jis bytes",
         "",
         FORM,
         "",
         1,
         {(const uint8_t *)"n=\x82\x53\x82\x50", 6},
         "text",
         400},
        {"shift_jis percent", "", FORM, "", 1, {(const uint8_t *)"n=%82%53", 8}, "text", 400},
        {"nul", "", FORM, "", 1, {(const uint8_t *)"n=%00", 5}, "text", 400},
        {"iso-2022-jp", "", FORM, "", 1, {(const uint8_t *)"n=%1B$B#4#1", 11}, "text", 400},
        {"latin in the query", "n=%e9", NULL, "", 0, {NULL, 0}, "text", 400},
        {"binary", "", "image/png", "", 1, {(const uint8_t *)"\x89PNG\r\n", 6}, "text", 400},
        {"json broken",
         "",
         "application/json",
         "",
         1,
         {(const uint8_t *)"{\"a\":", 5},
         "syntax",
         400},
        {"multipart broken", "", MULTI, "", 1, {(const uint8_t *)"--yy", 4}, "syntax", 400},
        {"multipart, no boundary",
         "",
         "multipart/form-data",
         "",
         1,
         {(const uint8_t *)"--", 2},
         "syntax",
         400},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        gate_verdict_t v =
            look(&(gate_request_t){.path = SLICE("/x"),
                                   .query = slice_cstr_in(ROWS[i].query),
                                   .content_type = slice_cstr_in(ROWS[i].type),
                                   .content_types = ROWS[i].types,
                                   .content_encoding = slice_cstr_in(ROWS[i].encoding),
                                   .body = ROWS[i].body});
        bool fits = v.answer == (ROWS[i].why ? GATE_UNREADABLE : GATE_PASS) &&
                    v.status == ROWS[i].status &&
                    slice_eq(slice_cstr_in(v.why), slice_cstr_in(ROWS[i].why));
        if (!fits) {
            fail_msg("%s: answer %d, %s, %u", ROWS[i].name, v.answer, v.why ? v.why : "-",
                     v.status);
        }
    }
}

static void multipart_charsets(void **state)
{
    slice_t body = SLICE("--xx\r\nContent-Disposition: form-data; name=\"n\"\r\n"
                         "Content-Type: text/plain; charset=utf-16\r\n\r\nabc\r\n--xx--\r\n");
    gate_request_t r = {.path = SLICE("/"), .content_type = SLICE(MULTI), .body = body};
    assert_int_equal(look(&r).answer, GATE_UNREADABLE);
    r.body = SLICE("--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n"
                   "Content-Type: image/png\r\n\r\n\x89PNG\r\n--xx--\r\n");
    assert_int_equal(look(&r).answer, GATE_PASS);
    r.body = SLICE(PART("n", "\x89PNG") "--xx--\r\n");
    assert_int_equal(look(&r).answer, GATE_UNREADABLE);
}

/* Past the bounds nothing is looked at, so nothing passes. */
static void bounds(void **state)
{
    static uint8_t mem[64 * 1024];
    buf_t b = BUF_ON_ARRAY(mem);
    for (unsigned i = 0; i < GATE_FIELDS_MAX; i++) {
        buf_cstr(&b, "a=b&");
    }
    gate_request_t r = {.path = SLICE("/"), .content_type = SLICE(FORM), .body = buf_slice(&b)};
    assert_int_equal(look(&r).answer, GATE_PASS);
    buf_cstr(&b, "a=b");
    r.body = buf_slice(&b);
    assert_string_equal(look(&r).why, "limit");
    r = (gate_request_t){.path = SLICE("/"), .query = buf_slice(&b)};
    assert_string_equal(look(&r).why, "limit");
    buf_reset(&b);
    for (unsigned i = 0; i < GATE_JSON_DEPTH + 1; i++) {
        buf_u8(&b, '[');
    }
    for (unsigned i = 0; i < GATE_JSON_DEPTH + 1; i++) {
        buf_u8(&b, ']');
    }
    r = (gate_request_t){.path = SLICE("/"), .content_type = SLICE("application/json")};
    r.body = buf_slice(&b);
    assert_string_equal(look(&r).why, "limit");
    r.body = slice_sub(r.body, 1, r.body.len - 2);
    assert_int_equal(look(&r).answer, GATE_PASS);
}

/* Many short fields before the four boxes do not hide them. */
static void boxes_behind_many(void **state)
{
    static uint8_t mem[64 * 1024];
    for (unsigned before = 0; before < 700; before += 7) {
        buf_t b = BUF_ON_ARRAY(mem);
        for (unsigned i = 0; i < before; i++) {
            buf_cstr(&b, i % 3 ? "a=007&" : "a=0008&");
        }
        buf_cstr(&b, "w=4111&x=1111&y=1111&z=1111&a=003");
        gate_request_t r = {.path = SLICE("/"), .content_type = SLICE(FORM), .body = buf_slice(&b)};
        if (look(&r).answer != GATE_CARD) {
            fail_msg("passes behind %u fields", before);
        }
    }
}

/* The largest request there is: one value, fields, nested escapes. The module's scratch is enough.
 */
static void largest(void **state)
{
    enum { MAX = 256 * 1024 };
    static const char *const FILL[] = {"4",     "4111 ", "%25",     "&a=1111", "%EF%BC%94",
                                       "&amp;", "QUFB",  "\\u0034", "a"};
    static const char *const TYPES[] = {FORM, "text/plain", "application/json"};
    uint8_t *mem = malloc(MAX);
    assert_non_null(mem);
    for (size_t i = 0; i < BASE_COUNT(FILL) * BASE_COUNT(TYPES); i++) {
        const char *type = TYPES[i / BASE_COUNT(FILL)], *fill = FILL[i % BASE_COUNT(FILL)];
        bool json = strcmp(type, "application/json") == 0;
        buf_t b = buf_on(mem, MAX);
        buf_cstr(&b, json ? "[\"" : "n=");
        while (b.len + strlen(fill) + 2 < MAX) {
            buf_cstr(&b, fill);
        }
        buf_cstr(&b, json ? "\"]" : "");
        gate_request_t r = {.path = SLICE("/"), .content_type = slice_cstr_in(type)};
        r.body = buf_slice(&b);
        (void)look(&r);
    }
    free(mem);
}

/* A request too large for the scratch memory is an error, never a silent pass. */
static void too_small_scratch(void **state)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    gate_verdict_t v;
    arena_init(&a, 1024);
    static char body[65536];
    memset(body, 'a', sizeof body - 1);
    gate_request_t r = {.path = SLICE("/x"),
                        .content_type = SLICE("text/plain"),
                        .body = slice_make(body, sizeof body - 1)};
    assert_err(gate_look(&a, &r, &v), ERR_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(bounds),
        cmocka_unit_test(multipart_charsets),
        cmocka_unit_test(boxes_behind_many),
        cmocka_unit_test(largest),
        cmocka_unit_test(too_small_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
