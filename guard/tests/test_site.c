/* Somebody else's application behind the guard, on another address over TLS with an authority of
 * its own, guarded by the one file that docs/guard-any-site.md shows: its modes, its origins, whose
 * addresses are believed, what is written. */
#include "guarded.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- several sites in one nginx ---- */

static void each_site_has_its_mode(void **state)
{
    guarded_forget("guard.json");
    answer_t a = guarded_get(NEW, "/tours?q=" UNION_Q, ""); /* detect: passes, and is recorded */
    assert_int_equal(a.status, 200);
    assert_true(has_member(&a));
    answer_free(&a);
    guarded_wait("guard.json", "\"status\":200,\"verdict\":\"detect\",\"rules\":\"");
    a = guarded_get(WWW, "/images/x?q=" UNION_Q, ""); /* off: nobody looks */
    assert_int_equal(a.status, 200);
    answer_free(&a);
    guarded_wait("guard.json", "\"status\":200,\"verdict\":\"off\",\"rules\":\"\"");
    a = guarded_get(WWW, "/tours?q=" UNION_Q, "");
    assert_int_equal(a.status, 403);
    assert_string_equal(answer_header(&a, "strict-transport-security"), "max-age=31536000");
    assert_true(answer_has(&a, "class=\"id\""));
    answer_free(&a);
    guarded_wait("guard.json", "\"status\":403,\"verdict\":\"deny\",\"rules\":\"9990100,");
    /* one place's tuning: a word that 942100 alone would stop is still stopped elsewhere */
    guarded_wait("sekisho-audit.log", "\"ruleId\":\"9990100\"");
    assert_false(front_file_has(guarded_file("guard.json"), "UNION"));
}

/* ---- the origin's side ---- */

static void the_origin_refuses_who_comes_past_the_guard(void **state)
{
    status_is(guarded_get(WWW, "/tours?q=Nikko", "X-Sekisho-Origin-Key: forged\r\n"), 200,
              "through the guard");
    assert_true(site_log_has(&guarded.app, "[\"X-Sekisho-Origin-Key\", \"" ORIGIN_KEY "\"]"));
    assert_false(site_log_has(&guarded.app, "forged"));
    long serial;
    tls_ask_t past = {.port = guarded.app.port,
                      .name = APP,
                      .ca_pem = guarded_file("origin-ca.pem"),
                      .address = "127.0.0.2"};
    int fd = tls_dial(&past, &serial);
    assert_true(fd >= 0);
    front_say(fd, SLICE("GET /tours?q=Nikko HTTP/1.1\r\nHost: app.agency.example\r\nConnection: "
                        "close\r\n\r\n"));
    answer_t a = front_hear(fd, false);
    close(fd);
    assert_int_equal(a.status, 403);
    assert_true(answer_has(&a, "not through the guard"));
    answer_free(&a);
}

/* Not the origin: no byte of the request goes there, the visitor gets a 502, and it is recorded. */
static void an_origin_that_is_not_the_origin(void **state)
{
    static const struct {
        const char *target;
        site_t *site;
        const char *says;
    } ROWS[] = {{"/wrong-ca/x", &guarded.wrong_ca, "unable to verify the first certificate"},
                {"/wrong-name/x", &guarded.wrong_name, "does not match"},
                {"/expired/x", &guarded.expired, "certificate has expired"}};
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        guarded_forget("guard.json");
        guarded_forget("error.log");
        char text[512];
        snprintf(text, sizeof text,
                 "POST %s HTTP/1.1\r\nHost: " WWW "\r\n" BROWSER FORM
                 "Content-Length: 17\r\nConnection: close\r\n\r\nname=PERSONALDATA",
                 ROWS[i].target);
        answer_t a = guarded_ask(NULL, WWW, text);
        assert_int_equal(a.status, 502);
        assert_string_equal(answer_header(&a, "strict-transport-security"), "max-age=31536000");
        answer_free(&a);
        guarded_wait("guard.json", "\"status\":502,\"verdict\":\"pass\"");
        if (!front_file_has(guarded_file("error.log"), ROWS[i].says)) {
            size_t len;
            fail_msg("%s: %s", ROWS[i].target, front_file(guarded_file("error.log"), &len));
        }
        assert_int_equal(site_requests(ROWS[i].site), 0);
        assert_false(site_log_has(ROWS[i].site, "PERSONALDATA"));
    }
}

/* ---- the client's address ---- */

static void client_is(const char *address)
{
    char text[96];
    snprintf(text, sizeof text, "\"client\":\"%s\"", address);
    guarded_wait("guard.json", text);
    guarded_forget("guard.json");
}

static void only_listed_proxies_are_believed(void **state)
{
    static const struct {
        const char *source, *head, *client;
    } ROWS[] = {
        {"127.0.0.1", "X-Forwarded-For: 198.51.100.7\r\n", "127.0.0.1"}, /* not listed */
        {"127.0.0.9", "X-Forwarded-For: 198.51.100.7\r\n", "127.0.0.9"},
        {"127.0.0.3", "X-Forwarded-For: 198.51.100.7\r\n", "198.51.100.7"}, /* the proxy */
        {"127.0.0.3", "X-Forwarded-For: 203.0.113.1, 198.51.100.7\r\n", "198.51.100.7"},
        {"127.0.0.3", "X-Forwarded-For: 127.0.0.3, 203.0.113.1, 198.51.100.7, 127.0.0.3\r\n",
         "198.51.100.7"},
        {"127.0.0.3", "X-Forwarded-For: nonsense\r\n", "127.0.0.3"},
        {"127.0.0.3",
         "Forwarded: for=203.0.113.1\r\nX-Real-IP: 203.0.113.1\r\nX_Forwarded_For: 203.0.113.1\r\n",
         "127.0.0.3"},
    };
    guarded_forget("guard.json");
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char text[1024], want[128];
        snprintf(text, sizeof text,
                 "GET /client%zu HTTP/1.1\r\nHost: " WWW "\r\n" BROWSER
                 "%sConnection: close\r\n\r\n",
                 i, ROWS[i].head);
        status_is(guarded_ask(ROWS[i].source, WWW, text), 200, ROWS[i].head);
        client_is(ROWS[i].client);
        snprintf(want, sizeof want, "[\"X-Forwarded-For\", \"%s\"]", ROWS[i].client);
        assert_true(site_log_has(&guarded.app, want)); /* one address, the guard's word */
    }
    assert_false(site_log_has(&guarded.app, "203.0.113.1, "));
}

static void proxy_protocol(void **state)
{
    static const struct {
        const char *source, *line, *head, *client;
    } ROWS[] = {{"127.0.0.3", "PROXY TCP4 198.51.100.9 192.0.2.1 4000 443\r\n", "", "198.51.100.9"},
                {"127.0.0.3", "PROXY TCP4 198.51.100.9 192.0.2.1 4000 443\r\n",
                 "X-Forwarded-For: 203.0.113.1\r\n", "198.51.100.9"},
                {"127.0.0.1", "PROXY TCP4 198.51.100.9 192.0.2.1 4000 443\r\n", "", "127.0.0.1"}};
    guarded_forget("guard.json");
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        long serial;
        char text[512];
        tls_ask_t ask = {.port = guarded.proxy_port,
                         .name = WWW,
                         .ca_pem = guarded_file("front-ca.pem"),
                         .source = ROWS[i].source,
                         .first = ROWS[i].line};
        int fd = tls_dial(&ask, &serial);
        assert_true(fd >= 0);
        snprintf(text, sizeof text,
                 "GET /p HTTP/1.1\r\nHost: " WWW "\r\n" BROWSER "%sConnection: close\r\n\r\n",
                 ROWS[i].head);
        front_say(fd, slice_cstr_in(text));
        status_is(front_hear(fd, false), 200, ROWS[i].line);
        close(fd);
        client_is(ROWS[i].client);
    }
}

/* ---- what is written, and where it goes ---- */

static void lines_reach_syslog(void **state)
{
    char mem[4096];
    while (recv(guarded.syslog_fd, mem, sizeof mem, MSG_DONTWAIT) >
           0) { /* a full one takes no more */
    }
    status_is(guarded_get(WWW, "/tours?q=" UNION_Q, ""), 403, "blocked");
    for (ssize_t n; (n = recv(guarded.syslog_fd, mem, sizeof mem - 1, 0)) > 0;) {
        mem[n] = 0;
        if (strstr(mem, "sekisho: {\"time\":\"") && strstr(mem, "\"verdict\":\"deny\"")) {
            return;
        }
    }
    fail_msg("no line");
}

static void plain_http_is_sent_to_https(void **state)
{
    int fd = front_dial(&guarded.front);
    front_say(fd, SLICE("GET /tours?q=a HTTP/1.1\r\nHost: " WWW "\r\nConnection: close\r\n\r\n"));
    answer_t a = front_hear(fd, false);
    close(fd);
    assert_int_equal(a.status, 301);
    assert_string_equal(answer_header(&a, "location"), "https://" WWW "/tours?q=a");
    answer_free(&a);
    assert_int_equal(site_requests(&guarded.wrong_ca), 0);
}

static void metrics_are_for_the_machine_alone(void **state)
{
    answer_t a = guarded_get(WWW, "/guard-metrics", "");
    assert_int_equal(a.status, 200);
    assert_true(answer_has(&a, "sekisho_requests_total{verdict=\"detect\"}"));
    answer_free(&a);
    status_is(guarded_ask("127.0.0.9", WWW,
                          "GET /guard-metrics HTTP/1.1\r\nHost: " WWW
                          "\r\nConnection: close\r\n\r\n"),
              403, "another machine");
}

static int setup(void **state)
{
    guarded_start("");
    return 0;
}

static int teardown(void **state)
{
    guarded_stop();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_site_has_its_mode),
        cmocka_unit_test(the_origin_refuses_who_comes_past_the_guard),
        cmocka_unit_test(an_origin_that_is_not_the_origin),
        cmocka_unit_test(only_listed_proxies_are_believed),
        cmocka_unit_test(proxy_protocol),
        cmocka_unit_test(lines_reach_syslog),
        cmocka_unit_test(plain_http_is_sent_to_https),
        cmocka_unit_test(metrics_are_for_the_machine_alone),
    };
    if (!guarded_here(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
