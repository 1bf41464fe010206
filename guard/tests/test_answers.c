/* Answers under rules, and what is written of a judged request. */
#include "front.h"

#include <unistd.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define CARD "4111111111111111"

static front_t front;

static const char CONF[] =
    "sekisho on;\n"
    "sekisho_profile test; sekisho_test on;\n"
    "log_format v '$status|$sekisho_verdict|$sekisho_rules|$sekisho_score|$uri';\n"
    "sekisho_rules_text '\n"
    "SecRequestBodyAccess On\n"
    "SecResponseBodyAccess On\n"
    "SecResponseBodyMimeType text/html\n"
    "SecResponseBodyLimit 1000000\n"
    "SecResponseBodyLimitAction ProcessPartial\n"
    "SecAuditEngine RelevantOnly\n"
    "SecAuditLogRelevantStatus \"^(?:5|4(?!04))\"\n"
    "SecAuditLogParts ABCFHZ\n"
    "SecAuditLog DIR/audit.log\n"
    "SecRule RESPONSE_HEADERS:X-Room \"@streq yes\" \"id:1,phase:3,deny,status:403,log,chain\"\n"
    "SecRule ARGS:q \"@streq three\" \"t:none\"\n"
    "SecRule RESPONSE_BODY \"@rx ORA-00\" \"id:2,phase:4,deny,status:403,log,severity:3\"\n"
    "SecRule ARGS:password \"@rx ^h.nter\" \"id:3,phase:2,deny,status:403,log,"
    "setvar:tx.anomaly_score=+5,logdata:%{MATCHED_VAR}\"\n"
    "SecRule ARGS:q \"@streq away\" \"id:4,phase:3,redirect:https://example.org/calm,log\"\n"
    "SecRule ARGS:q \"@streq drop\" \"id:5,phase:3,drop,log\"\n"
    "SecRule ARGS:q \"@streq note\" \"id:6,phase:1,pass,log\"\n"
    "SecRule ARGS:q \"@streq last\" \"id:7,phase:5,pass,log\"\n"
    "';\n"
    "server { listen 127.0.0.1:PORT; server_name shop.localhost; access_log DIR/access.log v;\n"
    "  location / { proxy_pass http://shop; }\n"
    "  location /json/ { sekisho_rules_text 'SecAuditLogFormat JSON\n"
    "SecAuditLog DIR/json.log'; proxy_pass http://shop/; }\n"
    "  location /reject/ { sekisho_rules_text 'SecResponseBodyLimit 10\n"
    "SecResponseBodyLimitAction Reject'; proxy_pass http://shop/; }\n"
    "  location /short/ { sekisho_rules_text 'SecResponseBodyLimit 10'; proxy_pass http://shop/; "
    "}\n"
    "  location /blind/ { sekisho_rules_text 'SecResponseBodyAccess Off'; proxy_pass http://shop/; "
    "}\n"
    "  location /static/ { alias DIR/static/; }\n"
    "  location /quietly/ { modsecurity_use_error_log off; proxy_pass http://shop/; }\n"
    "  location /shown/ { sekisho_show_rules on; proxy_pass http://shop/; }\n"
    "  location = /return { return 200 hello; }\n"
    "  location = /metrics { sekisho off; sekisho_metrics; }\n"
    "}\n";

static void conf_make(buf_t *out, const char *text)
{
    char port[16];
    snprintf(port, sizeof port, "%u", front.port);
    for (slice_t rest = slice_cstr_in(text); rest.len;) {
        bool is_port = slice_starts(rest, SLICE("PORT")),
             is_dir = slice_starts(rest, SLICE("DIR/"));
        if (is_port || is_dir) {
            buf_cstr(out, is_port ? port : front.dir);
            rest = slice_from(rest, is_port ? 4 : 3);
        } else {
            buf_u8(out, rest.ptr[0]);
            rest = slice_from(rest, 1);
        }
    }
}

static answer_t get(const char *target)
{
    return front_ask(&front, "GET", target, "", SLICE_EMPTY);
}

static void status_is(answer_t a, int status, const char *what)
{
    if (a.status != status) {
        fail_msg("%s: %d", what, a.status);
    }
    answer_free(&a);
}

/* ---- answers ---- */

static void answers(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *has; /* in the body */
    } ROWS[] = {
        {"/page", 200, "<html>ok</html>"},
        {"/page?q=three", 403, "class=\"id\""},
        {"/leak", 403, "class=\"id\""},
        {"/piecemeal", 403, "class=\"id\""},
        {"/blind/leak", 200, "ORA-00942"},
        {"/blind/page?q=three", 403, "class=\"id\""},
        {"/reject/page", 500, "class=\"id\""},
        {"/short/page", 200, "<html>ok</html>"},
        {"/short/leak", 200, "ORA-00942"}, /* what is past the limit is not looked at */
        {"/x", 200, "ok"},                 /* no type: not listed */
        {"/return?q=away", 302, ""},
        {"/page?q=away", 302, ""},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        answer_t a = get(ROWS[i].target);
        bool has = answer_has(&a, ROWS[i].has);
        if (a.status != ROWS[i].status || !has || (a.status >= 400 && answer_has(&a, "ORA-"))) {
            fail_msg("%s: %d %s", ROWS[i].target, a.status, (char *)a.body);
        }
        if (a.status == 403) {
            assert_string_equal(answer_header(&a, "x-room"), "");
        }
        answer_free(&a);
    }
    status_is(get("/page?q=drop"), 0, "drop");
    status_is(front_ask(&front, "HEAD", "/leak", "", SLICE_EMPTY), 200, "HEAD has no body");
    status_is(front_ask(&front, "HEAD", "/page?q=three", "", SLICE_EMPTY), 403, "HEAD");
}

/* The connection is in step after an answer that was replaced, held or cut. */
static void one_after_another(void **state)
{
    static const struct {
        const char *target;
        int status;
        size_t len; /* 0: any */
    } ROWS[] = {{"/page", 200, 15},       {"/leak", 403, 0},         {"/page", 200, 15},
                {"/big", 200, 3145728},   {"/page?q=three", 403, 0}, {"/piecemeal", 403, 0},
                {"/page?q=away", 302, 0}, {"/short/page", 200, 15},  {"/static/a.css", 200, 0},
                {"/page", 200, 15}};
    int fd = front_dial(&front);
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        uint8_t mem[512];
        buf_t out = BUF_ON_ARRAY(mem);
        front_request(&out, &front, "GET", ROWS[i].target, "", SLICE_EMPTY);
        front_say(fd, buf_slice(&out));
        answer_t a = front_hear(fd, false);
        if (a.status != ROWS[i].status || (ROWS[i].len && a.body_len != ROWS[i].len)) {
            fail_msg("%s: %d, %zu bytes", ROWS[i].target, a.status, a.body_len);
        }
        answer_free(&a);
    }
    close(fd);
}

/* A client cannot have an answer packed so that rules do not see it, nor ask for a part of it. */
static void no_way_around(void **state)
{
    answer_t a = front_ask(&front, "GET", "/leak", "Accept-Encoding: gzip\r\n", SLICE_EMPTY);
    assert_int_equal(a.status, 403);
    answer_free(&a);
    assert_string_equal(room_header(&front.shop, "accept-encoding"), "");
    a = front_ask(&front, "GET", "/page", "Range: bytes=0-3\r\n", SLICE_EMPTY);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, 15);
    answer_free(&a);
}

static void shown_rules(void **state)
{
    answer_t a = get("/shown/page?q=note");
    assert_string_equal(answer_header(&a, "x-sekisho-rules"), "6");
    answer_free(&a);
    a = get("/shown/leak?q=note");
    assert_int_equal(a.status, 403);
    assert_string_equal(answer_header(&a, "x-sekisho-rules"), "6,2");
    answer_free(&a);
    a = get("/page?q=note");
    assert_string_equal(answer_header(&a, "x-sekisho-rules"), "");
    answer_free(&a);
}

/* ---- what is written ---- */

static void wait_for(const char *file, const char *text)
{
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/%s", front.dir, file);
    for (int i = 0; i < 1000; i++) {
        if (front_file_has(path, text)) {
            return;
        }
        usleep(10000);
    }
    fail_msg("%s has no %s", file, text);
}

static bool file_has(const char *file, const char *text)
{
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/%s", front.dir, file);
    return front_file_has(path, text);
}

static void written(void **state)
{
    static const char *const FILES[] = {"audit.log", "json.log", "access.log", "nginx.log"};
    slice_t body = SLICE("password=hunter2&card=" CARD "&name=taro");
    status_is(front_ask(&front, "POST", "/serial", FORM "Cookie: sks=verysecret\r\n", body), 403,
              "serial");
    status_is(front_ask(&front, "POST", "/json/x", FORM "Cookie: sks=verysecret\r\n", body), 403,
              "json");
    status_is(get("/page?q=last"), 200, "phase 5");
    status_is(get("/quietly/page?q=three"), 403, "no line");
    wait_for("audit.log", "/serial");
    wait_for("json.log", "\"ruleId\":\"3\"");
    wait_for("nginx.log", "[id \"7\"]");
    wait_for("access.log", "403|deny|3|5|/serial");
    wait_for("access.log", "403|deny|2|-|/leak");
    wait_for("access.log", "200|pass|6|-|/page");
    wait_for("access.log", "403|deny|1|-|/quietly/page");
    static const char *const SERIAL[] = {
        "---A--\n[",
        "---B--\nPOST /serial HTTP/1.1\n",
        "---C--\npassword=[7 bytes]&card=411111******1111&name=taro\n",
        "Cookie: sks=[10 bytes]\n",
        "---F--\nHTTP/1.1 403\n",
        "---H--\nModSecurity: Access denied with code 403 (phase 2).",
        "[data \"[7 bytes]\"]",
        "---Z--\n"};
    for (size_t i = 0; i < BASE_COUNT(SERIAL); i++) {
        if (!file_has("audit.log", SERIAL[i])) {
            size_t len;
            char path[FRONT_PATH + 32];
            snprintf(path, sizeof path, "%s/audit.log", front.dir);
            fail_msg("missing %s in %s", SERIAL[i], front_file(path, &len));
        }
    }
    assert_true(file_has("json.log", "{\"transaction\":{\"client_ip\":\"127.0.0.1\""));
    assert_true(file_has("nginx.log", "ModSecurity: Access denied with code 403 (phase 2)"));
    assert_false(file_has("nginx.log", "/quietly/page\"] [unique_id"));
    assert_true(file_has("audit.log", "GET /page?q=note ")); /* a warning is relevant */
    assert_false(file_has("audit.log", "GET /page HTTP"));   /* nothing, and status 200, is not */
    for (size_t i = 0; i < BASE_COUNT(FILES); i++) {
        assert_false(file_has(FILES[i], "hunter2"));
        assert_false(file_has(FILES[i], "verysecret"));
        assert_false(file_has(FILES[i], CARD));
    }
}

static long metric(const char *name)
{
    answer_t a = get("/metrics");
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    char *at = strstr((char *)a.body, line);
    long value = at ? strtol(at + strlen(line), NULL, 10) : -1;
    assert_string_equal(answer_header(&a, "content-type"), "text/plain; version=0.0.4");
    answer_free(&a);
    return value;
}

static void figures(void **state)
{
    long blocked = metric("sekisho_answers_blocked_total"),
         matches = metric("sekisho_rule_matches_total");
    status_is(get("/leak"), 403, "leak");
    for (int i = 0; i < 200 && metric("sekisho_answers_blocked_total") == blocked; i++) {
        usleep(10000);
    }
    assert_int_equal(metric("sekisho_answers_blocked_total"), blocked + 1);
    assert_int_equal(metric("sekisho_rule_matches_total"), matches + 1);
    assert_int_equal(metric("sekisho_audit_lost_total"), 0);
    assert_true(metric("sekisho_rule_set_bytes") > 0);
    status_is(front_ask(&front, "POST", "/metrics", FORM, SLICE("a=b")), 405, "POST");
}

static int setup(void **state)
{
    static uint8_t mem[64 * 1024];
    char head[512];
    buf_t conf = BUF_ON_ARRAY(mem);
    front_init(&front, 1, NULL);
    snprintf(head, sizeof head, "upstream shop { server \"unix:%.100s/run/shop.http.sock\"; }\n",
             front.dir);
    buf_cstr(&conf, head);
    conf_make(&conf, CONF);
    buf_u8(&conf, 0);
    assert_ok(buf_check(&conf));
    front_conf(&front, (const char *)mem);
    front_rooms(&front);
    front_nginx(&front);
    return 0;
}

static int teardown(void **state)
{
    front_deinit(&front);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),       cmocka_unit_test(one_after_another),
        cmocka_unit_test(no_way_around), cmocka_unit_test(shown_rules),
        cmocka_unit_test(written),       cmocka_unit_test(figures),
    };
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
