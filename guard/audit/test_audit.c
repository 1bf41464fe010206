/* Law 5 in whatever is written down, and the two forms of an audit entry. */
#include "base/test.h"

#include "audit.h"
#include "mask.h"
#include "text/json.h"

#define CARD "4111111111111111"
#define CUT "411111******1111"

static arena_t arena;
static uint8_t memory[256 * 1024];

static int setup(void **state)
{
    arena_init(&arena, 8 << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(&arena);
    return 0;
}

static void names_of_secrets(void **state)
{
    static const struct {
        const char *name;
        bool secret;
    } ROWS[] = {
        {"password", true},
        {"Password2", true},
        {"user[passwd]", true},
        {"loginPin", true},
        {"pin", true},
        {"PIN", true},
        {"shipping", false},
        {"spin", false},
        {"otp", true},
        {"auth_code", true},
        {"postcode", false},
        {"postal_code", true},
        {"csrf", true},
        {"csrf_token", true},
        {"X-Api-Key", true},
        {"monkey", false},
        {"name", false},
        {"", false},
        {"Authorization", true},
        {"authorName", false},
        {"sessionid", true},
        {"\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89", true},
        {"compass", false},
        {"pass", true},
        {"passenger", false},
        {"passport", false},
        {"cvv", true},
        {"q", false},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (mask_is_secret(slice_cstr_in(ROWS[i].name)) != ROWS[i].secret) {
            fail_msg("%s", ROWS[i].name);
        }
    }
}

typedef struct body_case {
    const char *type, *in, *want;
} body_case_t;

#define FORM "application/x-www-form-urlencoded"
#define MULTI "multipart/form-data; boundary=xx"
#define PART "--xx\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n"

static void bodies_are_cut(void **state)
{
    static const body_case_t ROWS[] = {
        {FORM, "name=%E5%B1%B1&password=hunter2&n=" CARD,
         "name=%E5%B1%B1&password=[7 bytes]&n=" CUT},
        {FORM, "pass%77ord=hunter2", "pass%77ord=[7 bytes]"},
        {FORM, "a=1&&b=2&pin=", "a=1&b=2&pin"},
        {FORM, "n=4111%2d1111-1111-1111", "n=[card number removed]"},
        {FORM "; charset=utf-8", "pw=a", "pw=[1 bytes]"},
        {FORM, "", ""},
        {"application/json", "{\"user\":{\"password\":\"hunter2\",\"n\":[1,\"" CARD "\",true]}}",
         "{\"user\":{\"password\":\"[7 bytes]\",\"n\":[1,\"" CUT "\",true]}}"},
        {"application/json", "{\"secret\":{\"a\":\"x\",\"b\":[12,null]},\"c\":\"y\"}",
         "{\"secret\":{\"a\":\"[1 bytes]\",\"b\":[\"[2 bytes]\",null]},\"c\":\"y\"}"},
        {"application/json", "{\"pin\":1234,\"n\":" CARD "}",
         "{\"pin\":\"[4 bytes]\",\"n\":\"" CUT "\"}"},
        {"application/json", "[]", "[]"},
        {"application/json", "{\"password\":\"hunter2\"", "[21 bytes]"},
        {"application/json", "", "[0 bytes]"},
        {MULTI,
         "--xx\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n"
         "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nabc\r\n"
         "--xx--\r\n",
         "--xx\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n[7 bytes]\r\n"
         "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n[3 "
         "bytes]\r\n"
         "--xx--\r\n"},
        {MULTI, "--yy\r\npassword=hunter2", "[22 bytes]"},
        {"text/plain", "card " CARD " thanks", "card " CUT " thanks"},
        {"text/plain",
         "a\x01"
         "b",
         "[3 bytes]"},
        {"application/octet-stream", "hunter2", "[7 bytes]"},
        {"", "hunter2", "[7 bytes]"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        buf_t out = BUF_ON_ARRAY(memory);
        mask_body(&arena, slice_cstr_in(ROWS[i].type), slice_cstr_in(ROWS[i].in), &out);
        assert_slice(buf_slice(&out), slice_cstr_in(ROWS[i].want));
    }
}

static void headers_and_targets_are_cut(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } ROWS[] = {
        {"Cookie", "sks=abcdef; lang=ja", "sks=[6 bytes]; lang=[2 bytes]"},
        {"cookie", "odd", "odd"},
        {"Set-Cookie", "sks=abcdef; Path=/; HttpOnly", "sks=[6 bytes]; Path=/; HttpOnly"},
        {"Authorization", "Basic abc", "[9 bytes]"},
        {"User-Agent", "curl/7", "curl/7"},
        {"X-Note", CARD, CUT},
        {"Referer", "https://a/b?token=abc&x=1", "https://a/b?token=[3 bytes]&x=1"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        buf_t out = BUF_ON_ARRAY(memory);
        mask_header(&arena, slice_cstr_in(ROWS[i].name), slice_cstr_in(ROWS[i].in), &out);
        assert_slice(buf_slice(&out), slice_cstr_in(ROWS[i].want));
    }
    buf_t out = BUF_ON_ARRAY(memory);
    mask_target(&arena, SLICE("GET /a/" CARD "?pw=x&q=1 HTTP/1.1"), &out);
    assert_slice(buf_slice(&out), SLICE("GET /a/" CUT "?pw=[1 bytes]&q=1 HTTP/1.1"));
}

/* ---- entries ---- */

static const slice_t TAGS[] = {SLICE("attack-sqli"), SLICE("a\"b]")};

static engine_match_t match(void)
{
    return (engine_match_t){.id = 942100,
                            .phase = 2,
                            .line = 45,
                            .severity = 2,
                            .file = SLICE("/etc/crs/942.conf"),
                            .msg = SLICE("SQL Injection"),
                            .logdata = SLICE("Matched Data: 1' or"),
                            .ver = SLICE("OWASP_CRS/3.3.4"),
                            .tags = TAGS,
                            .tag_count = BASE_COUNT(TAGS),
                            .operator_name = SLICE("detectSQLi"),
                            .var = SLICE("ARGS:q"),
                            .raw = SLICE("1' or 1=1"),
                            .value = SLICE("1' or 1=1"),
                            .log = true,
                            .audit = true};
}

static const audit_header_t REQUEST[] = {{SLICE("Host"), SLICE("shop.example")},
                                         {SLICE("Cookie"), SLICE("sks=verysecret")}};
static const audit_header_t RESPONSE[] = {{SLICE("Content-Type"), SLICE("text/html")}};

static audit_entry_t entry(const engine_match_t *const *matches, size_t n)
{
    return (audit_entry_t){.id = SLICE("bcdf"),
                           .client_addr = SLICE("192.0.2.1"),
                           .server_addr = SLICE("127.0.0.1"),
                           .host = SLICE("shop.example"),
                           .client_port = 40000,
                           .server_port = 443,
                           .wall_us = INT64_C(1795747392000000),
                           .method = SLICE("POST"),
                           .uri = SLICE("/login?token=abcdef"),
                           .protocol = SLICE("HTTP/1.1"),
                           .request_headers = REQUEST,
                           .request_header_count = BASE_COUNT(REQUEST),
                           .request_type = SLICE(FORM),
                           .request_body = SLICE("password=hunter2&n=" CARD),
                           .status = 403,
                           .response_headers = RESPONSE,
                           .response_header_count = BASE_COUNT(RESPONSE),
                           .matches = matches,
                           .match_count = n,
                           .blocking_rule = 949110,
                           .blocking_phase = 2,
                           .blocking_status = 403,
                           .mode = ENGINE_ON,
                           .parts = 0x3ffffff};
}

static bool has(const buf_t *b, const char *text)
{
    return slice_find(buf_slice(b), slice_cstr_in(text)) != SIZE_MAX;
}

static void nothing_secret(const buf_t *out)
{
    static const char *const GONE[] = {"hunter2", "verysecret", "abcdef", CARD};
    for (size_t i = 0; i < BASE_COUNT(GONE); i++) {
        if (has(out, GONE[i])) {
            fail_msg("%s in %.*s", GONE[i], SLICE_FMT(buf_slice(out)));
        }
    }
}

static void serial_form(void **state)
{
    static const char *const LINES[] = {
        "---A--\n[27/Nov/2026:02:43:12 +0000",
        "] bcdf 192.0.2.1 40000 127.0.0.1 443\n",
        "---B--\nPOST /login?token=[6 bytes] HTTP/1.1\nHost: shop.example\nCookie: sks=[10 "
        "bytes]\n\n",
        "---C--\npassword=[7 bytes]&n=" CUT "\n\n",
        "---F--\nHTTP/1.1 403\nContent-Type: text/html\n\n",
        "---H--\nModSecurity: Warning. Matched \"Operator `detectSQLi' with parameter `' against "
        "variable `ARGS:q' (Value: `1' or 1=1' ) [file \"/etc/crs/942.conf\"] [line \"45\"] "
        "[id \"942100\"]",
        "[tag \"attack-sqli\"] [tag \"a\\x22b]\"]",
        "ModSecurity: Access denied with code 403 (phase 2). Matched",
        "---Z--\n",
    };
    engine_match_t one = match(), last = match();
    last.id = 949110;
    const engine_match_t *const matches[] = {&one, &last};
    audit_entry_t e = entry(matches, 2);
    buf_t out = BUF_ON_ARRAY(memory);
    assert_ok(audit_serial_put(&e, &arena, &out));
    for (size_t i = 0; i < BASE_COUNT(LINES); i++) {
        if (!has(&out, LINES[i])) {
            fail_msg("missing %s in:\n%.*s", LINES[i], SLICE_FMT(buf_slice(&out)));
        }
    }
    nothing_secret(&out);
    assert_true(out.len < audit_bytes_max(&e));
    e.parts = 0; /* A and Z always */
    buf_reset(&out);
    assert_ok(audit_serial_put(&e, &arena, &out));
    assert_false(has(&out, "---B--"));
    assert_true(has(&out, "---A--") && has(&out, "---Z--"));
}

static void json_form(void **state)
{
    engine_match_t one = match();
    const engine_match_t *const matches[] = {&one, &one};
    audit_entry_t e = entry(matches, 2);
    buf_t out = BUF_ON_ARRAY(memory);
    slice_t text;
    assert_ok(audit_json_put(&e, &arena, &out));
    nothing_secret(&out);
    slice_t all = buf_slice(&out);
    assert_int_equal(slice_find_byte(all, '\n'), all.len - 1);
    static const char *const ROWS[][2] = {
        {"transaction.client_ip", "192.0.2.1"},
        {"transaction.unique_id", "bcdf"},
        {"transaction.request.uri", "/login?token=[6 bytes]"},
        {"transaction.request.body", "password=[7 bytes]&n=" CUT},
        {"transaction.request.headers.Cookie", "sks=[10 bytes]"},
        {"transaction.producer.secrules_engine", "Enabled"},
        {"transaction.messages.1.details.ruleId", "942100"},
        {"transaction.messages.1.details.tags.1", "a\"b]"},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        assert_ok(json_get_string(all, &arena, slice_cstr_in(ROWS[i][0]), &text));
        assert_slice(text, slice_cstr_in(ROWS[i][1]));
    }
    int64_t code;
    assert_ok(json_get_i64(all, &arena, SLICE("transaction.response.http_code"), &code));
    assert_int_equal(code, 403);
}

/* The value that matched is in a field that may not be shown, or the rule quotes it. */
static void matches_in_secret_fields(void **state)
{
    static const struct {
        const char *var, *value, *data;
        bool shown;
    } ROWS[] = {
        {"ARGS:q", "hunter3 or", "Matched Data: hunter3", true},
        {"ARGS:password", "hunter3 or", "Matched Data: hunter3", false},
        {"REQUEST_HEADERS:Authorization", "hunter3", "hunter3", false},
        {"REQUEST_HEADERS:Cookie", "hunter3", "hunter3", false},
        {"REQUEST_COOKIES:sks", "hunter3", "hunter3", false},
        {"REQUEST_BODY", "password=hunter3", "password=hunter3", false},
        {"REQUEST_URI", "/x?token=hunter3", "/x?token=hunter3", false},
        {"RESPONSE_BODY", "hunter3", "hunter3", false},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        engine_match_t m = match();
        const engine_match_t *const matches[] = {&m};
        m.var = slice_cstr_in(ROWS[i].var);
        m.value = m.raw = slice_cstr_in(ROWS[i].value);
        m.logdata = slice_cstr_in(ROWS[i].data);
        audit_entry_t e = entry(matches, 1);
        for (int json = 0; json < 2; json++) {
            buf_t out = BUF_ON_ARRAY(memory);
            assert_ok(json ? audit_json_put(&e, &arena, &out) : audit_serial_put(&e, &arena, &out));
            if (has(&out, "hunter3") != ROWS[i].shown) {
                fail_msg("%s: %.*s", ROWS[i].var, SLICE_FMT(buf_slice(&out)));
            }
        }
    }
}

/* What is sent cannot begin a line or a field of the log. */
static void lines_cannot_be_forged(void **state)
{
    engine_match_t m = match();
    const engine_match_t *const matches[] = {&m};
    m.value = SLICE("x\n---aaaaaaaa---Z--\n");
    m.msg = SLICE("a\"] [id \"1\"] \n");
    audit_entry_t e = entry(matches, 1);
    buf_t out = BUF_ON_ARRAY(memory);
    audit_match_put(&e, &m, &arena, &out);
    assert_int_equal(slice_find_byte(buf_slice(&out), '\n'), SIZE_MAX);
    assert_false(has(&out, "[id \"1\"]"));
    e.uri = SLICE("/a\nHost: evil");
    buf_reset(&out);
    assert_ok(audit_serial_put(&e, &arena, &out));
    assert_false(has(&out, "\nHost: evil"));
}

static void too_small_is_an_error(void **state)
{
    audit_entry_t e = entry(NULL, 0);
    buf_t out = buf_on(memory, 100);
    assert_err(audit_serial_put(&e, &arena, &out), ERR_LIMIT);
    arena_t none;
    arena_init(&none, 16);
    out = BUF_ON_ARRAY(memory);
    assert_err(audit_json_put(&e, &none, &out), ERR_MEMORY);
    arena_deinit(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_secrets),
        cmocka_unit_test_setup_teardown(bodies_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_and_targets_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(serial_form, setup, teardown),
        cmocka_unit_test_setup_teardown(json_form, setup, teardown),
        cmocka_unit_test_setup_teardown(matches_in_secret_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_cannot_be_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(too_small_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
