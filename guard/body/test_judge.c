/* Random bodies here and in libmodsecurity 3 (opened at run time; skipped with a message where it
 * is not installed). Each body that it finds a fault in has one here; each that both find clean has
 * the same fields. `test_judge N` tries N bodies of each kind (default 1500). */
#include <dlfcn.h>

#include "base/test.h"

#include "body.h"

enum { MAX_BODY = 1024, MAX_TOLD = 64 * 1024 };

static size_t rounds = 1500;

/* ---- the judge ---- */

static struct {
    void *(*init)(void);
    void (*set_log_cb)(void *, void (*)(void *, const void *));
    void *(*create_rules_set)(void);
    int (*rules_add)(void *, const char *, const char **);
    void *(*new_transaction)(void *, void *, void *);
    void (*transaction_cleanup)(void *);
    int (*process_uri)(void *, const char *, const char *, const char *);
    int (*add_request_header)(void *, const unsigned char *, const unsigned char *);
    int (*process_request_headers)(void *);
    int (*append_request_body)(void *, const unsigned char *, size_t);
    int (*process_request_body)(void *);
} msc;

static void *modsecurity, *rules;
static char logged[MAX_TOLD]; /* what the judge said of the last body */

/* Each variable's values gathered in one text, which the last rule logs. */
static const char RULES[] = "SecRuleEngine On\n"
                            "SecRequestBodyAccess On\n"
                            "SecRule REQUEST_HEADERS:Content-Type \"json\" "
                            "\"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
#define GATHER(id, variable, mark)                                                                 \
    "SecRule " variable " \"@unconditionalMatch\" \"id:" id                                        \
    ",phase:2,pass,nolog,setvar:'tx.all=%{tx.all}" mark "'\"\n"
    GATHER("2", "REQBODY_ERROR|MULTIPART_STRICT_ERROR|URLENCODED_ERROR", "|E%{MATCHED_VAR}")
        GATHER("3", "ARGS", "|A:%{MATCHED_VAR_NAME}<%{MATCHED_VAR}>") GATHER(
            "4", "FILES",
            "|F%{MATCHED_VAR_NAME}<%{MATCHED_VAR}>") "SecAction "
                                                     "\"id:9,phase:2,pass,log,msg:'%{tx.all}'\"\n";

static void on_log(void *user, const void *text)
{
    const char *from = strstr(text, "[msg \""), *to = from ? strstr(from, "\"] [data") : NULL;
    if (to) {
        snprintf(logged, sizeof logged, "%.*s", (int)(to - from), from);
    }
}

static bool symbol(void *library, const char *name, void *ret_function)
{
    void *found = dlsym(library, name);
    memcpy(ret_function, &found, sizeof found);
    return found != NULL;
}

static bool judge_open(void)
{
    void *l = dlopen("libmodsecurity.so.3", RTLD_NOW | RTLD_LOCAL);
    const char *error = NULL;
    bool found = l && symbol(l, "msc_init", &msc.init) &&
                 symbol(l, "msc_set_log_cb", &msc.set_log_cb) &&
                 symbol(l, "msc_create_rules_set", &msc.create_rules_set) &&
                 symbol(l, "msc_rules_add", &msc.rules_add) &&
                 symbol(l, "msc_new_transaction", &msc.new_transaction) &&
                 symbol(l, "msc_transaction_cleanup", &msc.transaction_cleanup) &&
                 symbol(l, "msc_process_uri", &msc.process_uri) &&
                 symbol(l, "msc_add_request_header", &msc.add_request_header) &&
                 symbol(l, "msc_process_request_headers", &msc.process_request_headers) &&
                 symbol(l, "msc_append_request_body", &msc.append_request_body) &&
                 symbol(l, "msc_process_request_body", &msc.process_request_body);
    if (!found) {
        return false;
    }
    modsecurity = msc.init();
    rules = msc.create_rules_set();
    msc.set_log_cb(modsecurity, on_log);
    CHECK(msc.rules_add(rules, RULES, &error) > 0);
    return true;
}

/* True when the judge finds a fault; its findings are then in `logged`. */
static bool judge_faults(const char *type, slice_t body)
{
    void *t = msc.new_transaction(modsecurity, rules, NULL);
    logged[0] = 0;
    msc.process_uri(t, "/", "POST", "1.1");
    msc.add_request_header(t, (const unsigned char *)"Content-Type", (const unsigned char *)type);
    msc.process_request_headers(t);
    msc.append_request_body(t, body.ptr, body.len);
    msc.process_request_body(t);
    msc.transaction_cleanup(t);
    CHECK(logged[0]);
    return strstr(logged, "|E1") != NULL;
}

/* ---- ours, in the same words ---- */

static uint8_t told[MAX_TOLD];
static buf_t out;

static void put_escaped(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        char hex[8];
        snprintf(hex, sizeof hex, "\\x%02x", s.ptr[i]);
        bool plain = s.ptr[i] >= ' ' && s.ptr[i] < 0x7F;
        buf_put(&out, plain ? slice_make(s.ptr + i, 1) : slice_cstr_in(hex));
    }
}

static void put_field(const char *mark, slice_t name, slice_t value)
{
    buf_cstr(&out, mark);
    put_escaped(name);
    buf_cstr(&out, "<");
    put_escaped(value);
    buf_cstr(&out, ">");
}

static err_t on_arg(void *user, slice_t name, slice_t value)
{
    put_field("|A:ARGS:", name, value);
    return OK;
}

static err_t on_file(void *user, const body_file_t *f)
{
    put_field("|FFILES:", f->name, f->filename);
    return OK;
}

/* Line ends, quotes and backslashes taken out: libmodsecurity 3.0.9 loses line ends inside a
 * multipart value, and its log writes the others in more than one way. */
static void simplify(char *s)
{
    char *to = s;
    while (*s) {
        if (strncmp(s, "\\x0d", 4) == 0 || strncmp(s, "\\x0a", 4) == 0 ||
            strncmp(s, "\\x22", 4) == 0) {
            s += 4;
        } else if (*s == '"' || *s == '\\') {
            s++;
        } else {
            *to++ = *s++;
        }
    }
    *to = 0;
}

/* Each of our fields must stand in the judge's findings. */
static void same_fields(slice_t body)
{
    slice_t rest = buf_slice(&out), field;
    simplify(logged);
    while (slice_split(&rest, '|', &field)) {
        char text[4 * MAX_BODY + 64];
        snprintf(text, sizeof text, "%.*s", SLICE_FMT(field));
        simplify(text);
        if (!strstr(logged, text)) {
            fail_msg("body \"%.*s\": ours %s, judge %s", SLICE_FMT(body), text, logged);
        }
    }
}

typedef err_t parse_fn(const char *type, slice_t body, const body_visitor_t *v, arena_t *a,
                       body_result_t *r);

static err_t as_form(const char *type, slice_t body, const body_visitor_t *v, arena_t *a,
                     body_result_t *r)
{
    return body_urlencoded(body, NULL, v, a, r);
}

static err_t as_json(const char *type, slice_t body, const body_visitor_t *v, arena_t *a,
                     body_result_t *r)
{
    return body_json(body, NULL, v, a, r);
}

static err_t as_multipart(const char *type, slice_t body, const body_visitor_t *v, arena_t *a,
                          body_result_t *r)
{
    return body_multipart(slice_cstr_in(type), body, NULL, v, a, r);
}

static const char MULTIPART[] = "multipart/form-data; boundary=B";

static void judge_one(const char *type, parse_fn *fn, slice_t body, size_t *clean)
{
    body_visitor_t v = {.arg = on_arg, .file = on_file};
    body_result_t r;
    arena_t a;
    bool theirs = judge_faults(type, body), lonely = slice_eq(body, SLICE("--B--"));
    arena_init(&a, 1 << 20);
    out = BUF_ON_ARRAY(told);
    assert_ok(fn(type, body, &v, &a, &r));
    arena_deinit(&a);
    bool ours = (r.flags & (BODY_STRICT_FLAGS | BODY_URLENCODED_ERROR)) != 0;
    if (theirs && !ours &&
        !lonely) { /* a form without fields and without a last line end is none to us */
        fail_msg("body \"%.*s\": the judge finds a fault: %s", SLICE_FMT(body), logged);
    }
    if (!theirs && !ours) {
        same_fields(body);
        ++*clean;
    }
}

/* Bodies glued together of pieces; multipart ones mostly begin and end as they should. */
static void bodies(const char *type, parse_fn *fn, const char *const *pieces, size_t count)
{
    uint64_t seed = count;
    size_t clean = 0;
    for (size_t i = 0; i < rounds; i++) {
        uint8_t mem[MAX_BODY];
        buf_t b = BUF_ON_ARRAY(mem);
        bool multipart = type == MULTIPART;
        buf_cstr(&b, multipart && i % 2 ? "--B\r\nContent-Disposition: form-data; name=\"q\"" : "");
        buf_cstr(&b, multipart && i % 4 == 3 ? "\r\n\r\n" : "");
        for (size_t n = 1 + test_random(&seed) % 10; n > 0; n--) {
            buf_cstr(&b, pieces[test_random(&seed) % count]);
        }
        buf_cstr(&b, multipart && i % 3 ? "\r\n--B--\r\n" : "");
        judge_one(type, fn, buf_slice(&b), &clean);
    }
    assert_true(clean > rounds / 50); /* else nothing was compared */
}

static void multipart_bodies(void **state)
{
    static const char *const PIECES[] = {
        "--B\r\n",
        "--B\r\n",
        "\r\n",
        "\r\n\r\n",
        "Content-Disposition: form-data; name=\"a\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\n",
        "Content-Disposition: form-data; name=\"b\"; filename=\"f\"\r\n",
        "Content-Disposition: form-data; name=\"c\"\r\n",
        "Content-Type: text/plain\r\n",
        "--B--\r\n",
        "--B--",
        "x",
        "--",
        "\n",
        "\r",
        "B",
        "=\"",
        "'",
        "\\\"",
        ";",
        " name=\"z\"",
        "\t",
        "--C\r\n",
        "value\r\n",
        "a: b\r\n",
        " fold\r\n",
        "form-data"};
    bodies(MULTIPART, as_multipart, PIECES, BASE_COUNT(PIECES));
}

static void forms(void **state)
{
    static const char *const PIECES[] = {"a",   "b", "=",   "&",        "%41", "%",  "+",
                                         "%zz", ";", "=1&", "\xe3\x81", "%00", "c=2"};
    bodies("application/x-www-form-urlencoded", as_form, PIECES, BASE_COUNT(PIECES));
}

static void json(void **state)
{
    static const char *const PIECES[] = {
        "{",     "}",         "[",     "]", "\"a\":", "\"\"", "1",        ",",  "true",  "null",
        "\"x\"", "{\"k\":1}", "[1,2]", ":", " ",      "\"",   "{\"a\":[", "]}", "-1.5e3"};
    bodies("application/json", as_json, PIECES, BASE_COUNT(PIECES));
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : rounds;
    if (!judge_open()) {
        printf("skipped: libmodsecurity.so.3 is not installed\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(multipart_bodies), cmocka_unit_test(forms),
                                       cmocka_unit_test(json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
