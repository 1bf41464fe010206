#include "ftw.h"

#include "base/test.h"

static arena_t arena;

static int begin(void **state)
{
    arena_init(&arena, 64 << 20);
    return 0;
}

static int end(void **state)
{
    arena_deinit(&arena);
    return 0;
}

/* ---- reading ---- */

static const char OLD[] = "---\n"
                          "  meta:\n"
                          "    author: x\n"
                          "    enabled: true\n"
                          "    name: a.yaml\n"
                          "    description: d\n"
                          "  tests:\n"
                          "    -\n"
                          "      test_title: 942100-1\n"
                          "      stages:\n"
                          "        -\n"
                          "          stage:\n"
                          "            input:\n"
                          "              dest_addr: 127.0.0.1\n"
                          "              port: 80\n"
                          "              method: POST\n"
                          "              uri: /?x=1 or 1\n"
                          "              version: HTTP/1.0\n"
                          "              headers:\n"
                          "                Host: localhost\n"
                          "                Keep-Alive: 300\n"
                          "              data: \"a=b c&d=%\"\n"
                          "            output:\n"
                          "              log_contains: id \"942100\"\n"
                          "              status: [403, 400]\n";

static const char NEW[] = "---\n"
                          "meta:\n"
                          "  author: x\n"
                          "rule_id: 920100\n"
                          "tests:\n"
                          "  - test_id: 7\n"
                          "    desc: |\n"
                          "      text\n"
                          "    stages:\n"
                          "      - input:\n"
                          "          uri: '/{{ \"ab\" | repeat 3 }}/{{7*7}}/{{ repeat 2 \"-\" }}'\n"
                          "          encoded_data: aGVs\n"
                          "          autocomplete_headers: false\n"
                          "        output:\n"
                          "          expect_error: true\n"
                          "          log:\n"
                          "            expect_ids: [1, 2]\n"
                          "            no_expect_ids: [3]\n"
                          "            match_regex: 'id \"1\"'\n";

static ftw_stage_t *one_stage(slice_t yaml, slice_t title)
{
    ftw_file_t f;
    ftw_fault_t fault;
    assert_ok(ftw_read(yaml, &arena, &f, &fault));
    assert_true(f.enabled);
    assert_int_equal(f.n_tests, 1);
    assert_slice(f.tests[0].title, title);
    assert_int_equal(f.tests[0].n_stages, 1);
    return &f.tests[0].stages[0];
}

static void reads_the_old_form(void **state)
{
    ftw_stage_t *s = one_stage(slice_make(OLD, sizeof OLD - 1), SLICE("942100-1"));
    assert_slice(s->method, SLICE("POST"));
    assert_slice(s->uri, SLICE("/?x=1 or 1"));
    assert_int_equal(s->n_headers, 2);
    assert_slice(s->headers[1].value, SLICE("300"));
    assert_int_equal(s->expect.n, 1);
    assert_int_equal(s->expect.at[0], 942100);
    assert_int_equal(s->n_status, 2);
    assert_int_equal(s->status[1], 400);
    assert_false(s->exact);
}

static void reads_the_new_form(void **state)
{
    ftw_stage_t *s = one_stage(slice_make(NEW, sizeof NEW - 1), SLICE("920100-7"));
    assert_slice(s->uri, SLICE("/ababab/{{7*7}}/--"));
    assert_true(s->counts);
    assert_slice(s->method, SLICE("GET"));
    assert_slice(s->data, SLICE("hel"));
    assert_true(s->exact);
    assert_int_equal(s->expect.n, 2);
    assert_int_equal(s->refuse.at[0], 3);
    assert_int_equal(s->error, FTW_ERROR_WANTED);
    assert_int_equal(s->n_log_match, 1);
}

/* All that a stage of CRS 4 may say; no place for it in the one above. */
static const char FULL[] = "meta:\n"
                           "  tags: [a, b]\n"
                           "rule_id: 920100\n"
                           "tests:\n"
                           "  - tags: [slow]\n"
                           "    desc: without a number of its own\n"
                           "    stages:\n"
                           "      - description: first\n"
                           "        input:\n"
                           "          uris: ['/a', '/b']\n"
                           "          ordered_headers:\n"
                           "            - name: X-A\n"
                           "              value: 1\n"
                           "            - {name: X-A, value: '2'}\n"
                           "          response:\n"
                           "            status: 302\n"
                           "            headers: {Location: 'http://h/c?d'}\n"
                           "            encoded_body: aGk=\n"
                           "            log_message: x\n"
                           "        output:\n"
                           "          isolated: true\n"
                           "          retry_once: true\n"
                           "          response_contains: hi\n"
                           "          log: {expect_ids: [920100]}\n"
                           "      - input: {follow_redirect: true}\n"
                           "        output:\n"
                           "          log: {match_regex: a, no_match_regex: b, no_expect_id: 4}\n";

static void reads_all_of_crs_4(void **state)
{
    ftw_file_t f;
    ftw_fault_t fault;
    assert_ok(ftw_read(slice_make(FULL, sizeof FULL - 1), &arena, &f, &fault));
    assert_slice(f.tests[0].title, SLICE("920100-1"));
    assert_int_equal(f.tests[0].n_stages, 3);
    const ftw_stage_t *s = f.tests[0].stages;
    assert_slice(s[0].uri, SLICE("/a"));
    assert_slice(s[1].uri, SLICE("/b"));
    assert_int_equal(s[1].n_headers, 2);
    assert_slice(s[1].headers[1].name, SLICE("X-A"));
    assert_slice(s[1].headers[1].value, SLICE("2"));
    assert_true(s[0].isolated && !s[0].follows && s[2].follows);
    assert_slice(s[0].contains, SLICE("hi"));
    assert_int_equal(s[0].response->status, 302);
    assert_slice(s[0].response->headers[0].value, SLICE("http://h/c?d"));
    assert_slice(s[0].response->body, SLICE("hi"));
    assert_null(s[2].response);
    assert_int_equal(s[2].n_log_match + s[2].n_log_no_match + s[2].refuse.n, 3);
}

/* The third form: the file says how a request looks, a test what stands in it. */
static const char THIRD[] = "meta: {author: x}\n"
                            "rule_id: 942100\n"
                            "template:\n"
                            "  method: GET\n"
                            "  uri: \"/?q={{.Payload}}\"\n"
                            "  headers:\n"
                            "    - {name: Host, value: localhost}\n"
                            "    - {name: X-P, value: 'a{{ .Payload }}b'}\n"
                            "tests:\n"
                            "  - id: 4\n"
                            "    description: d\n"
                            "    payload: \"1 {{.Payload}} 2\"\n"
                            "    output: {log: {expect_ids: [942100]}}\n"
                            "  - output: {log: {no_expect_ids: [942100]}}\n"
                            "    payload: x\n"
                            "    template:\n"
                            "      method: POST\n"
                            "      data: 'q={{.Payload}}'\n"
                            "      headers: []\n"
                            "  - id: 9\n"
                            "    stages:\n"
                            "      - input: {uri: '/{{.Payload}}'}\n"
                            "        output: {status: 200}\n";

static void fills_templates(void **state)
{
    ftw_file_t f;
    ftw_fault_t fault;
    assert_ok(ftw_read(slice_make(THIRD, sizeof THIRD - 1), &arena, &f, &fault));
    assert_int_equal(f.n_tests, 3);
    const ftw_stage_t *s = f.tests[0].stages;
    assert_slice(f.tests[0].title, SLICE("942100-4"));
    assert_slice(s->uri, SLICE("/?q=1 {{.Payload}} 2"));
    assert_slice(s->headers[1].value, SLICE("a1 {{.Payload}} 2b"));
    assert_int_equal(s->expect.at[0], 942100);
    assert_slice(f.tests[1].title, SLICE("942100-2"));
    s = f.tests[1].stages;
    assert_slice(s->method, SLICE("POST"));
    assert_slice(s->uri, SLICE("/?q=x")); /* what the test does not say is the file's */
    assert_slice(s->data, SLICE("q=x"));
    assert_int_equal(s->n_headers, 0);
    assert_int_equal(s->refuse.n, 1);
    assert_slice(f.tests[2].stages->uri, SLICE("/{{.Payload}}")); /* no payload, no template */
}

/* log_contains that names no id is a pattern; an empty one is no wish. */
static void takes_old_log_wishes(void **state)
{
    static const char YAML[] = "tests:\n"
                               " - test_title: a\n"
                               "   stages:\n"
                               "    - stage:\n"
                               "       input: {}\n"
                               "       output: {log_contains: 'msg \"x\"', no_log_contains: ''}\n";
    ftw_stage_t *s = one_stage(slice_make(YAML, sizeof YAML - 1), SLICE("a"));
    assert_int_equal(s->n_log_match, 1);
    assert_slice(s->log_match[0], SLICE("msg \"x\""));
    assert_int_equal(s->n_log_no_match + s->expect.n + s->refuse.n, 0);
    assert_false(s->counts);
}

/* A key that is not known is told with its line: a wish passed over would be a test that cannot
 * fail. */
static void refuses_what_it_does_not_know(void **state)
{
    static const struct {
        const char *yaml;
        unsigned line;
    } ROWS[] = {
        {"tests:\n - test_title: a\n   stages:\n    - input: {}\n      output:\n        no_such: "
         "1\n",
         6},
        {"tests:\n - test_title: a\n   stages:\n    - input:\n        data: 'a{{ \"x\" | upper "
         "}}'\n",
         5},
        {"tests:\n - test_title: a\n   stages:\n    - input: {}\n      output: {isolated: true}\n",
         4},
        {"tests:\n - test_id: 1\n   payload: x\n", 2},
        {"tests:\n - test_title: a\n   stages: []\n", 2},
        {"tests:\n - test_title: a\n   stages:\n    - input:\n        stop_magic: maybe\n", 5},
        {"tests:\n - test_title: a\n   stages:\n    - input:\n        encoded_request: '!!'\n", 5},
        {"a: [\n", 2},
        {"", 0},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        ftw_file_t f;
        ftw_fault_t fault;
        assert_err(ftw_read(slice_cstr_in(ROWS[i].yaml), &arena, &f, &fault), ERR_SYNTAX);
        assert_int_equal(fault.line, ROWS[i].line);
        assert_true(fault.text[0] != 0);
    }
}

/* ---- requests ---- */

static slice_t bytes_of(const ftw_stage_t *s)
{
    slice_t bytes;
    assert_ok(ftw_request(s, &arena, &bytes));
    return bytes;
}

static void completes_a_request(void **state)
{
    ftw_stage_t s = {.method = SLICE("POST"),
                     .uri = SLICE("/"),
                     .version = SLICE("HTTP/1.1"),
                     .data = SLICE("a=b c&d"),
                     .has_data = true};
    assert_slice(bytes_of(&s), SLICE("POST / HTTP/1.1\r\nConnection: close\r\n"
                                     "Content-Type: application/x-www-form-urlencoded\r\n"
                                     "Content-Length: 7\r\n\r\na=b+c&d"));
    s.data = SLICE("a=b%20c"); /* encoded already */
    assert_true(slice_ends(bytes_of(&s), SLICE("\r\n\r\na=b%20c")));
    s.exact = true;
    s.data = SLICE("a=b c");
    assert_slice(bytes_of(&s), SLICE("POST / HTTP/1.1\r\n\r\na=b c"));
    ftw_header_t type = {SLICE("content-type"), SLICE("multipart/form-data; boundary=x")};
    s = (ftw_stage_t){.method = SLICE("POST"),
                      .uri = SLICE("/"),
                      .headers = &type,
                      .n_headers = 1,
                      .data = SLICE("--x\nA: b\r\n\n--x--"),
                      .has_data = true};
    assert_slice(bytes_of(&s), SLICE("POST /\r\ncontent-type: multipart/form-data; boundary=x\r\n"
                                     "Connection: close\r\nContent-Length: 18\r\n\r\n"
                                     "--x\r\nA: b\r\n\r\n--x--"));
    s.exact = true; /* nothing is added, but line ends */
    assert_slice(bytes_of(&s),
                 SLICE("POST /\r\ncontent-type: multipart/form-data; boundary=x\r\n\r\n"
                       "--x\r\nA: b\r\n\r\n--x--"));
    s.raw = SLICE("GET");
    assert_slice(bytes_of(&s), SLICE("GET"));
}

static void no_length_without_data(void **state)
{
    ftw_stage_t s = {.method = SLICE("POST"), .uri = SLICE("/"), .version = SLICE("HTTP/1.1")};
    assert_slice(bytes_of(&s), SLICE("POST / HTTP/1.1\r\nConnection: close\r\n\r\n"));
    s.counts = true;
    assert_slice(bytes_of(&s),
                 SLICE("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    s.method = SLICE("GET");
    assert_slice(bytes_of(&s), SLICE("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
}

/* ---- judging ---- */

static bool judged(ftw_stage_t s, ftw_answer_t a)
{
    uint8_t mem[512];
    buf_t why = BUF_ON_ARRAY(mem);
    ftw_outcome_t o = ftw_judge(&s, &a, &why);
    assert_true(o == FTW_HOLDS || why.len > 0);
    return o == FTW_HOLDS;
}

static void judges(void **state)
{
    uint32_t one[] = {1}, both[] = {1, 2};
    ftw_ids_t has_one = {one, 1}, has_both = {both, 2};
    slice_t pattern = SLICE("id \"2\"");
    assert_true(judged((ftw_stage_t){.expect = has_one}, (ftw_answer_t){200, .matched = has_both}));
    assert_false(
        judged((ftw_stage_t){.expect = has_both}, (ftw_answer_t){200, .matched = has_one}));
    assert_false(judged((ftw_stage_t){.refuse = has_one}, (ftw_answer_t){200, .matched = has_one}));
    assert_true(judged((ftw_stage_t){.refuse = has_one}, (ftw_answer_t){200}));
    assert_false(judged((ftw_stage_t){.refuse = has_one}, (ftw_answer_t){0})); /* no answer */
    assert_true(judged((ftw_stage_t){.error = FTW_ERROR_WANTED}, (ftw_answer_t){0}));
    assert_false(judged((ftw_stage_t){.error = FTW_ERROR_WANTED}, (ftw_answer_t){200}));
    uint8_t mem[256];
    buf_t why = BUF_ON_ARRAY(mem);
    ftw_stage_t both_ways = {.expect = has_one, .status = {403}, .n_status = 1};
    assert_int_equal(ftw_judge(&both_ways, &(ftw_answer_t){200, .matched = has_one}, &why),
                     FTW_STATUS_DIFFERS);
    assert_int_equal(ftw_judge(&both_ways, &(ftw_answer_t){403}, &why), FTW_FAILS);
    ftw_stage_t refused = {.status = {403, 400}, .n_status = 2};
    assert_true(judged(refused, (ftw_answer_t){400}));
    assert_false(judged(refused, (ftw_answer_t){200}));
    ftw_stage_t logged = {.log_match = &pattern, .n_log_match = 1};
    ftw_stage_t not_logged = {.log_no_match = &pattern, .n_log_no_match = 1};
    ftw_answer_t with = {200, .log = SLICE("[id \"2\"]")};
    ftw_answer_t without = {200, .log = SLICE("[id \"1\"]")};
    assert_true(judged(logged, with));
    assert_false(judged(logged, without));
    assert_false(judged(not_logged, with));
    assert_true(judged(not_logged, without));
    assert_false(judged(logged, (ftw_answer_t){200})); /* no log proves nothing */
    ftw_stage_t alone = {.expect = has_one, .isolated = true};
    assert_true(judged(alone, (ftw_answer_t){200, .matched = has_one}));
    assert_false(judged(alone, (ftw_answer_t){200, .matched = has_both}));
    ftw_stage_t says = {.contains = SLICE("h.y")};
    assert_true(judged(says, (ftw_answer_t){200, .text = SLICE("oh hey")}));
    assert_false(judged(says, (ftw_answer_t){200, .text = SLICE("oh")}));
    says.contains = SLICE("(");
    assert_false(judged(says, (ftw_answer_t){200, .text = SLICE("(")})); /* not understood */
}

static void reflects(void **state)
{
    ftw_reflection_t a;
    slice_t wish =
        SLICE("{\"status\": 404, \"headers\": {\"X-A\": \"b\"}, \"encodedBody\": \"aGk=\"}");
    assert_ok(ftw_reflect(SLICE("POST"), SLICE("/reflect"), wish, &arena, &a));
    assert_int_equal(a.status, 404);
    assert_int_equal(a.n_headers, 1);
    assert_slice(a.headers[0].value, SLICE("b"));
    assert_slice(a.body, SLICE("hi"));
    assert_ok(ftw_reflect(SLICE("GET"), SLICE("/reflect"), wish, &arena, &a));
    assert_int_equal(a.status, 200);
    assert_ok(ftw_reflect(SLICE("POST"), SLICE("/reflect"), SLICE("{"), &arena, &a));
    assert_int_equal(a.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_old_form),
        cmocka_unit_test(reads_the_new_form),
        cmocka_unit_test(reads_all_of_crs_4),
        cmocka_unit_test(fills_templates),
        cmocka_unit_test(takes_old_log_wishes),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(completes_a_request),
        cmocka_unit_test(no_length_without_data),
        cmocka_unit_test(judges),
        cmocka_unit_test(reflects),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
