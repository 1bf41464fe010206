/* The printed configuration: what must stand in it, and paths that it refuses. (That nginx takes
 * it, and what it then does, is guard/tests.) */
#include "base/test.h"
#include "guard/api.h"

static guard_conf_t plain(void)
{
    return (guard_conf_t){.module_so = "/opt/sekisho/module.so",
                          .prefix = "/var/sekisho/guard",
                          .run_dir = "/var/sekisho/run",
                          .static_dir = "/opt/sekisho/static",
                          .secrets_dir = "/var/sekisho/secrets/guard",
                          .user = "sekisho-guard",
                          .port = 8080,
                          .card_check = true};
}

static const char *print(const guard_conf_t *c)
{
    static char mem[32 * 1024];
    buf_t out = buf_on(mem, sizeof mem - 1);
    assert_ok(guard_conf_print(&out, c));
    mem[out.len] = 0;
    return mem;
}

/* Each line keeps one law or rule of the house. */
static void laws_stand_in_it(void **state)
{
    static const char *const LINES[] = {
        "\nerror_log stderr warn;",
        "\nworker_rlimit_core 0;",
        "\nuser sekisho-guard;",
        "access_log off;",
        "server_tokens off;",
        "proxy_max_temp_file_size 0;",
        "client_body_in_file_only off;",
        "client_max_body_size 256k;",
        "proxy_set_header X-Sekisho-Id $sekisho_id;",
        "proxy_set_header X-Sekisho-Client $remote_addr;",
        "proxy_set_header X-Forwarded-For \"\";",
        "proxy_set_header Upgrade \"\";",
        "sekisho_card_check on;",
        "sekisho_host_check on; sekisho_upgrade off; sekisho_body_in_memory on; sekisho_wall on;",
        "sekisho_profile production;",
        "listen 127.0.0.1:8080 default_server;",
        "server \"unix:/var/sekisho/run/shop.http.sock\" max_fails=0;",
        "location /pay/notify/ { sekisho_card_check off; proxy_pass http://pay; }",
    };
    guard_conf_t c = plain();
    const char *text = print(&c);
    for (size_t i = 0; i < BASE_COUNT(LINES); i++) {
        if (!strstr(text, LINES[i])) {
            fail_msg("missing: %s", LINES[i]);
        }
    }
    assert_null(strstr(text, "sekisho_clock"));
    assert_null(strstr(text, "sekisho_rules"));
    assert_null(strstr(text, "sekisho off"));
    assert_null(strstr(text, "mail.localhost"));
    assert_null(strstr(text, "\taccess_log /"));
}

static void options(void **state)
{
    guard_conf_t c = plain();
    c.clock_cell = "/var/sekisho/run/clock";
    c.has_mail = true;
    c.user = NULL;
    c.card_check = false;
    c.worker_processes = 3;
    const char *text = print(&c);
    assert_non_null(strstr(text, "sekisho_clock \"/var/sekisho/run/clock\";"));
    assert_non_null(strstr(text, "server_name mail.localhost;"));
    assert_non_null(strstr(text, "sekisho_card_check off;\n"));
    assert_non_null(strstr(text, "worker_processes 3;"));
    assert_null(strstr(text, "\nuser "));
}

/* Outer settings first, CRS between what comes before and after it; none of it where payd judges.
 */
static void rules_in_their_order(void **state)
{
    static const char WITH[] = "    sekisho_rules_text '\n"
                               "Include \"/opt/rules/settings.conf\"\n"
                               "Include \"/etc/crs/setup.conf\"\n"
                               "IncludeOptional \"/opt/rules/before-*.conf\"\n"
                               "Include \"/usr/share/crs/*.conf\"\n"
                               "IncludeOptional \"/opt/rules/after-*.conf\"\n"
                               "    ';\n",
                      ALONE[] = "    sekisho_rules_text '\n"
                                "Include \"/opt/rules/settings.conf\"\n"
                                "Include \"/opt/rules/alone-setup.conf\"\n"
                                "IncludeOptional \"/opt/rules/before-*.conf\"\n"
                                "Include \"/opt/rules/alone-end.conf\"\n"
                                "IncludeOptional \"/opt/rules/after-*.conf\"\n"
                                "    ';\n";
    guard_conf_t c = plain();
    c.profile = "test";
    c.has_mail = true;
    c.rules_dir = "/opt/rules";
    const char *text = print(&c);
    assert_non_null(strstr(text, ALONE));
    assert_non_null(strstr(text, "sekisho on; sekisho_fail closed;"));
    assert_non_null(strstr(text, "sekisho_profile test;"));
    assert_non_null(strstr(text, "location /pay/notify/ { sekisho off; sekisho_card_check off; "));
    assert_non_null(strstr(text, "location / { sekisho detect; proxy_pass http://mailsim; }"));
    assert_non_null(strstr(text, "location / { proxy_pass http://shop; }"));
    assert_non_null(strstr(text, "location /pay/go/ { proxy_pass http://pay; }"));
    c.crs_setup = "/etc/crs/setup.conf";
    c.crs_rules = "/usr/share/crs";
    assert_non_null(strstr(print(&c), WITH));
}

/* A path that nginx would read as more than a path is refused, wherever it stands. */
static void hostile_words(void **state)
{
    static const char *const BAD[] = {"/a\"; x", "/a b;", "/a{", "/a}", "/a$b", "/a\\b",
                                      "/a\nb",   "/a'b",  "a",   "",    "./a"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        guard_conf_t rows[9];
        for (size_t k = 0; k < BASE_COUNT(rows); k++) {
            rows[k] = plain();
        }
        rows[0].module_so = rows[1].prefix = rows[2].run_dir = BAD[i];
        rows[3].static_dir = rows[4].secrets_dir = rows[5].clock_cell = BAD[i];
        rows[6].rules_dir = rows[7].crs_setup = rows[8].crs_rules = BAD[i];
        rows[7].crs_rules = rows[8].crs_setup = "/a";
        for (size_t k = 0; k < BASE_COUNT(rows); k++) {
            static char mem[32 * 1024];
            buf_t out = BUF_ON_ARRAY(mem);
            assert_err(guard_conf_print(&out, &rows[k]), ERR_USAGE);
            assert_int_equal(out.len, 0);
        }
    }
    static char mem[32 * 1024];
    buf_t out = BUF_ON_ARRAY(mem);
    guard_conf_t c = plain();
    c.user = "root; daemon on";
    assert_err(guard_conf_print(&out, &c), ERR_USAGE);
    c = plain();
    c.profile = "test; x";
    assert_err(guard_conf_print(&out, &c), ERR_USAGE);
    c = plain();
    c.port = 70000;
    assert_err(guard_conf_print(&out, &c), ERR_USAGE);
    buf_t small = buf_on(mem, 100);
    c = plain();
    assert_err(guard_conf_print(&small, &c), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(laws_stand_in_it), cmocka_unit_test(options),
        cmocka_unit_test(rules_in_their_order), cmocka_unit_test(hostile_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
