/* Directives of the rule engine: what nginx accepts, what it refuses and how it says so, and which
 * rules hold where. */
#include "front.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static front_t front;

/* ---- nginx -t ---- */

typedef struct conf_case {
    const char *name, *http;
    const char *says; /* in nginx's message; NULL: accepted */
} conf_case_t;

#define SERVER(inside) "server { listen 127.0.0.1:1; " inside " }"
#define RULE(id) "SecRule ARGS \"@streq x\" \"id:" id ",phase:2,deny\""

static const conf_case_t CASES[] = {
    {"modes", "sekisho on; " SERVER("sekisho detect; location / { sekisho off; }"), NULL},
    {"a mode that is none", "sekisho maybe;", "unknown value"},
    {"detect is no word of modsecurity", "modsecurity detect;", "unknown value"},
    {"a mode twice", "sekisho on; sekisho off;", "duplicate"},
    {"by both names", "sekisho on; modsecurity on;", "duplicate"},
    {"text", "sekisho on; sekisho_rules_text '" RULE("1") "';" SERVER(""), NULL},
    {"text by the other name", "modsecurity on; modsecurity_rules '" RULE("1") "';" SERVER(""),
     NULL},
    {"several",
     "sekisho_rules_text '" RULE("1") "'; sekisho_rules_text '" RULE("2") "';" SERVER(""), NULL},
    {"a broken rule, switched off", SERVER("sekisho off; sekisho_rules_text 'SecRule ARGS';"),
     "rules of"},
    {"an unknown directive", SERVER("sekisho on; sekisho_rules_text 'SecNonsense On';"),
     "SecNonsense"},
    {"an unknown operator",
     SERVER("sekisho on; sekisho_rules_text 'SecRule ARGS \"@nonsense x\" \"id:1,phase:2\"';"),
     "nonsense"},
    {"one id twice, outer and inner",
     "sekisho_rules_text '" RULE("7") "';" SERVER("sekisho_rules_text '" RULE("7") "';"), "7"},
    {"the same id in two servers",
     SERVER("sekisho_rules_text '" RULE("7") "';")
         SERVER("server_name b; sekisho_rules_text '" RULE("7") "';"),
     NULL},
    {"a file that is not there", SERVER("sekisho_rules /nonexistent/rules.conf;"), "rules of"},
    {"a file of the prefix", SERVER("modsecurity_rules_file rules.conf;"), NULL},
    {"an include relative to its file", SERVER("sekisho_rules sub/outer.conf;"), NULL},
    {"a fault in an included file", SERVER("sekisho_rules sub/bad.conf;"), "inner-bad.conf line 2"},
    {"no file name", SERVER("sekisho_rules '';"), "needs a file name"},
    {"rules from the network", "modsecurity_rules_remote key https://example.org/rules;",
     "not supported"},
    {"a transaction id", "modsecurity_transaction_id host-$request_id;" SERVER(""), NULL},
    {"an id of an unknown variable", "modsecurity_transaction_id $nonsense_x;" SERVER(""),
     "unknown"},
    {"the error log", "modsecurity_use_error_log off;" SERVER("modsecurity_use_error_log on;"),
     NULL},
    {"fail", "sekisho_fail closed;" SERVER("sekisho_fail open;"), NULL},
    {"fail otherwise", "sekisho_fail loud;", "neither open nor closed"},
    {"collections", "sekisho_collections 1m;" SERVER(""), NULL},
    {"collections too small", "sekisho_collections 1k;", "256k"},
    {"collections of no size", "sekisho_collections many;", "256k"},
    {"collections in a server", SERVER("sekisho_collections 1m;"), "not allowed here"},
    {"metrics", SERVER("location = /m { sekisho_metrics; }"), NULL},
    {"metrics in a server", SERVER("sekisho_metrics;"), "not allowed here"},
    {"tests only", "sekisho_test on;" SERVER(""), "only with sekisho_profile"},
    {"tests in production", "sekisho_profile production; sekisho_test on;" SERVER(""),
     "only with sekisho_profile"},
    {"shown rules without tests", "sekisho_profile test;" SERVER("sekisho_show_rules on;"),
     "only with sekisho_test"},
    {"shown rules in production", "sekisho_profile production;" SERVER("sekisho_show_rules on;"),
     "only with sekisho_test"},
    {"shown rules in a test",
     "sekisho_profile test; sekisho_test on;" SERVER("sekisho_show_rules on;"), NULL},
    {"records without a key", "sekisho_ledger /nonexistent;" SERVER(""), "needs sekisho_secrets"},
    {"an origin key", SERVER("sekisho_origin_key origin.key;"), NULL},
    {"with a name", SERVER("sekisho_origin_key origin.key X-Origin;"), NULL},
    {"with a name that nginx drops", SERVER("sekisho_origin_key origin.key X_Origin;"),
     "odd signs"},
    {"a key that others read", SERVER("sekisho_origin_key open.key;"), "others may read"},
    {"a short key", SERVER("sekisho_origin_key short.key;"), "16 to 256"},
    {"a key of two words", SERVER("sekisho_origin_key two.key;"), "16 to 256"},
    {"no key", SERVER("sekisho_origin_key missing.key;"), "not there"},
    {"an audit log that cannot be opened",
     SERVER("sekisho on; sekisho_rules_text 'SecAuditEngine On\nSecAuditLog /nonexistent/a.log';"),
     "a.log"},
};

static void put(const char *name, const char *text, mode_t mode)
{
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/guard/%s", front.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    assert_true(fchmod(fd, mode) == 0);
    close(fd);
}

static void configurations(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        const conf_case_t *c = &CASES[i];
        assert_true(truncate(front.log, 0) == 0);
        front_conf(&front, c->http);
        int rc = front_nginx_try(&front);
        if ((rc == 0) != (c->says == NULL) || (c->says && !front_file_has(front.log, c->says))) {
            size_t len;
            fail_msg("%s: %d %s", c->name, rc, front_file(front.log, &len));
        }
    }
}

/* ---- which rules hold where ---- */

#define BLOCK(id, word)                                                                            \
    "sekisho_rules_text 'SecRule ARGS:q \"@streq " word "\" \"id:" id                              \
    ",phase:2,deny,status:403\"';\n"
#define TO_SHOP "proxy_pass http://shop;"

static void conf_layers(char *out, size_t cap)
{
    snprintf(out, cap,
             "upstream shop { server \"unix:%.100s/run/shop.http.sock\"; }\n"
             "sekisho on;\n" BLOCK("1", "outer") "server { listen 127.0.0.1:%u; server_name "
                                                 "shop.localhost;\n" BLOCK(
                                                     "2", "server") "  location / { " TO_SHOP " }\n"
                                                                    "  location /inner { " BLOCK(
                                                                        "3", "inner") TO_SHOP
             " }\n"
             "  location /inner/deep { " BLOCK("4", "deep") TO_SHOP
             " }\n"
             "  location /off { sekisho off; " TO_SHOP " }\n"
             "  location /detect { sekisho detect; " TO_SHOP " }\n"
             "  location /removed { sekisho_rules_text 'SecRuleRemoveById 1'; " TO_SHOP " }\n"
             "  location = /metrics { sekisho off; sekisho_metrics; }\n"
             "}\n"
             "server { listen 127.0.0.1:%u; server_name other.localhost; sekisho detect;\n"
             "  location / { " TO_SHOP " }\n"
             "}\n"
             "server { listen 127.0.0.1:%u; server_name rules.localhost; modsecurity on;\n"
             "  location / { " TO_SHOP " }\n" /* SecRuleEngine is Off by default */
             "  location /on { modsecurity_rules 'SecRuleEngine On'; " TO_SHOP " }\n"
             "}\n",
             front.dir, front.port, front.port, front.port);
}

static answer_t ask_host(const char *host, const char *target)
{
    char text[512];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target,
             host);
    int fd = front_dial(&front);
    front_say(fd, slice_cstr_in(text));
    answer_t a = front_hear(fd, false);
    close(fd);
    return a;
}

static void layers(void **state)
{
    static const struct {
        const char *host, *target;
        int status;
    } ROWS[] = {
        {"shop.localhost", "/?q=x", 200},
        {"shop.localhost", "/?q=outer", 403},
        {"shop.localhost", "/?q=server", 403},
        {"shop.localhost", "/?q=inner", 200},
        {"shop.localhost", "/inner?q=outer", 403},
        {"shop.localhost", "/inner?q=server", 403},
        {"shop.localhost", "/inner?q=inner", 403},
        {"shop.localhost", "/inner?q=deep", 200},
        {"shop.localhost", "/inner/deep?q=deep", 403},
        {"shop.localhost", "/off?q=outer", 200},
        {"shop.localhost", "/detect?q=outer", 200},
        {"shop.localhost", "/removed?q=outer", 200},
        {"shop.localhost", "/removed?q=server", 403},
        {"other.localhost", "/?q=outer", 200},
        {"other.localhost", "/?q=server", 200},
        {"rules.localhost", "/?q=outer", 200},
        {"rules.localhost", "/on?q=outer", 403},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        answer_t a = ask_host(ROWS[i].host, ROWS[i].target);
        if (a.status != ROWS[i].status) {
            fail_msg("%s%s: %d", ROWS[i].host, ROWS[i].target, a.status);
        }
        answer_free(&a);
    }
}

static long metric(const char *name)
{
    answer_t a = ask_host("shop.localhost", "/metrics");
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    assert_int_equal(a.status, 200);
    char *at = strstr((char *)a.body, line);
    long value = at ? strtol(at + strlen(line), NULL, 10) : -1;
    answer_free(&a);
    return value;
}

/* Lists: outer (other, and rules of the same), outer+server, +inner, +inner+deep, +removed, +on. */
static void equal_lists_are_one_set(void **state)
{
    assert_int_equal(metric("sekisho_rule_sets"), 6);
    long pass = metric("sekisho_requests_total{verdict=\"pass\"}"),
         deny = metric("sekisho_requests_total{verdict=\"deny\"}"),
         detect = metric("sekisho_requests_total{verdict=\"detect\"}");
    assert_true(pass > 0 && deny == 8 && detect == 2);
    assert_true(metric("sekisho_rules_loaded") >= 10);
    assert_int_equal(metric("sekisho_requests_total{verdict=\"deny\"}"), deny);
}

static int setup_try(void **state)
{
    front_init(&front, 1, NULL);
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/guard/sub", front.dir);
    assert_true(mkdir(path, 0755) == 0);
    put("rules.conf", RULE("1") "\n", 0644);
    put("sub/outer.conf", "Include inner-?.conf\n", 0644);
    put("sub/inner-1.conf", RULE("1") "\n", 0644);
    put("sub/inner-2.conf", RULE("2") "\n", 0644);
    put("sub/bad.conf", "Include inner-bad.conf\n", 0644);
    put("sub/inner-bad.conf", RULE("1") "\nSecNonsense On\n", 0644);
    put("origin.key", "abcdefghijklmnopqrstuvwxyz\n", 0600);
    put("open.key", "abcdefghijklmnopqrstuvwxyz\n", 0644);
    put("short.key", "abc\n", 0600);
    put("two.key", "abcdefghijk lmnopqrstuvwxyz\n", 0600);
    put("../nginx.log", "", 0644);
    return 0;
}

static int setup_layers(void **state)
{
    static char conf[16 * 1024];
    front_init(&front, 1, NULL);
    conf_layers(conf, sizeof conf);
    front_conf(&front, conf);
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
    const struct CMUnitTest tries[] = {cmocka_unit_test(configurations)};
    const struct CMUnitTest runs[] = {cmocka_unit_test(layers),
                                      cmocka_unit_test(equal_lists_are_one_set)};
    if (!front_programs(argc, argv)) {
        return 77;
    }
    int failed = cmocka_run_group_tests(tries, setup_try, teardown);
    return failed + cmocka_run_group_tests(runs, setup_layers, teardown);
}
