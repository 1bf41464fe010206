/* Debian's CRS 3.3.4 at paranoia level 1 with before-crs.conf: what is blocked of attacks and of
 * texts, each value as query argument, form field, JSON value, cookie and header; what each
 * correction is for.
 *
 *   test_guard_rules FOLDER [PAYLOADS] [-v] */
#include "../detect/judge/sets.h"
#include "ask.h"

static const char *folder, *payloads;
static bool verbose;

typedef struct tally {
    size_t values, blocked;
} tally_t;

static void count(rig_t *r, const sets_t *sets, tally_t tally[SET_CLASSES], size_t step)
{
    for (size_t i = 0; i < sets->count; i++) {
        const set_value_t *v = &sets->list[i];
        ask_place_t place = (ask_place_t)((i / step) % ASK_TURNS);
        if (v->kind == SET_OTHER || (i % step && place != ASK_QUERY)) {
            continue;
        }
        place = ask_fits(place, v->text) ? place : ASK_QUERY;
        bool hit = ask_blocked(r, place, v->text);
        tally[v->kind].values++;
        tally[v->kind].blocked += hit;
        if (verbose && (v->kind == SET_BENIGN) == hit) {
            printf("%s %s: %s | %.*s\n", set_class_name(v->kind), v->origin, ask_reasons(r),
                   v->text.len > 200 ? 200 : (int)v->text.len, (const char *)v->text.ptr);
        }
    }
}

/* The goals of the mission: each class 98 % or more, benign 0.1 % or less, balanced 99.5 % or more.
 */
static void test_sets(void **state)
{
    (void)state;
    sets_t sets = {0};
    char path[4096];
    rig_t r = {0};
    (void)snprintf(path, sizeof(path), "%s/../detect/judge/benign_ja.txt", folder);
    assert_true(sets_add_lines(&sets, path, SET_BENIGN, false, false));
    (void)snprintf(path, sizeof(path), "%s/../detect/judge/benign_en.txt", folder);
    assert_true(sets_add_lines(&sets, path, SET_BENIGN, false, false));
    bool published = payloads && sets_add_payloads(&sets, payloads);
    if (!published) {
        printf("no payload sets: only our own texts are judged\n");
    }
    ask_load(&r, folder);
    tally_t t[SET_CLASSES] = {0};
    count(&r, &sets, t, 1);
    double found = 0, classes = 0;
    for (set_class_t k = 0; k < SET_OTHER; k++) {
        double share = t[k].values ? 100.0 * (double)t[k].blocked / (double)t[k].values : 0;
        printf("bar guard.detect.rules.%s: %zu of %zu blocked, %.2f %%\n", set_class_name(k),
               t[k].blocked, t[k].values, share);
        if (k == SET_BENIGN) {
            assert_true(share <= 0.1);
        } else if (t[k].values) {
            found += share;
            classes++;
            assert_true(
                share >=
                (k == SET_CMDI ? 95 : 98)); /* cmdi: 61 values, two of which are no attacks */
        }
    }
    if (classes > 0) {
        double benign = 100.0 * (double)t[SET_BENIGN].blocked / (double)t[SET_BENIGN].values;
        size_t attacks = 0, caught = 0;
        for (set_class_t k = SET_SQLI; k < SET_OTHER; k++) {
            attacks += t[k].values;
            caught += t[k].blocked;
        }
        double balanced = (100.0 * (double)caught / (double)attacks + 100.0 - benign) / 2;
        printf("bar guard.detect.rules.balanced: %.2f %% (mean of classes %.2f %%)\n", balanced,
               (found / classes + 100.0 - benign) / 2);
        assert_true(balanced >= 99.5);
    }
    rig_free(&r);
    sets_free(&sets);
}

/* Each correction: a text that CRS alone blocks and CRS with it does not; and an attack of the same
 * kind that stays blocked. */
static void test_corrections(void **state)
{
    (void)state;
    static const struct {
        const char *text, *attack;
    } ROWS[] = {
        {"酒井 蓮（旧姓：松尾）", "\xbcscript\xbe"
                                  "alert(1)\xbc/script\xbe"},
        {"having breakfast付きで", "1 having 1=1"},
        {"「SELECTプラン」と「UNION割」は併用できますか？", "-1 union select 1,2"},
        {"We'd like to delete our booking; update the other one", "1;update users set a=1--"},
        {"Where's the 'union' station?", "' union select 1,2--"},
        {"find a hotel; find a tour", "; find / -name x"},
        {"time & date", "& ping -n 30 127.0.0.1"},
        {"Python; Perl; Ruby", "; perl -e 'exit'"},
        {"(a+b)*(a-b)=a*a-b*b", ";system('id');"},
        {"JavaScript: The Good Parts (2008)", "javascript:alert(1)"},
        {"../images is where I found it", "../../etc/passwd"},
        {"20%以上 and 30%以下", "1 and 1=1"},
        {"data:image/png;base64,iVBORw0KGgo=", "data:text/html;base64,PHN2Zz4="},
        {"東京-->大阪", "<!-- x"},
        {"Tell me how to get there\nand what it costs", "x\r\nGET /a HTTP/1.1"},
        {"Tell me if it rains.\n========", "if exist c:\\x"},
        {"Take a seat; open the window", "1;declare @a int"},
        {"the union members select a table from the list", "1 union select a from b"},
        {"At least this [room] is free", "self['alert'](1)"},
        {"予算は$以内(税込)", "$_GET[x](1)"},
    };
    rig_t alone = {0}, with = {0};
    ask_load(&alone, NULL);
    ask_load(&with, folder);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        slice_t text = slice_make(ROWS[i].text, strlen(ROWS[i].text)),
                attack = slice_make(ROWS[i].attack, strlen(ROWS[i].attack));
        if (!ask_blocked(&alone, ASK_FORM, text)) {
            fail_msg("no correction is needed for: %s", ROWS[i].text);
        }
        if (ask_blocked(&with, ASK_FORM, text)) {
            fail_msg("still blocked: %s by %s", ROWS[i].text, rig_ids(&with));
        }
        if (!ask_blocked(&with, ASK_FORM, attack)) {
            fail_msg("no longer blocked: %s", ROWS[i].attack);
        }
    }
    rig_free(&alone);
    rig_free(&with);
}

/* An attack of each class in each place; a cookie and a header hold it as it is. */
static void test_places(void **state)
{
    (void)state;
    static const char *const ATTACKS[] = {
        "1' or '1'='1", "<x onclick=f(1)>",       "a|id",
        "../../etc/x",  "&#49;&#32;or&#32;1=1--", "%253Cscript%253E"};
    rig_t r = {0};
    ask_load(&r, folder);
    for (ask_place_t p = 0; p < ASK_PATH; p++) {
        for (size_t i = 0; i < sizeof(ATTACKS) / sizeof(ATTACKS[0]); i++) {
            /* the last is encoded twice as it stands */
            slice_t v = slice_make(ATTACKS[i], strlen(ATTACKS[i]));
            bool raw = p >= ASK_HEADER && p <= ASK_FORWARDED;
            if ((raw || i + 1 < sizeof(ATTACKS) / sizeof(ATTACKS[0])) && !ask_blocked(&r, p, v)) {
                fail_msg("%s: not blocked: %s", ask_place_name(p), ATTACKS[i]);
            }
        }
    }
    rig_free(&r);
}

/* Headers that browsers, proxies and providers send. */
static void test_headers(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {
        "Accept: text/html,application/xml;q=0.9,image/avif,*/*;q=0.8,a/b;v=b3;q=0.7",
        "Accept-Language: ja, en-US;q=0.9, *;q=0.1",
        "User-Agent: Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Mobile Safari/537.36 Line/14.1.0/IAB",
        "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Sec-CH-UA: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"",
        "If-None-Match: W/\"5f3-18c9a2b3\", \"a'b\"",
        "Authorization: Digest username=\"a\", realm=\"b\", uri=\"/d/i.html\", nc=00000001",
        "Referer: https://example.com/tours/?sort=price;asc&filter[area]=kyoto#list",
        "Referer: https://www.example.com/search?q=select+a+hotel+from+kyoto+where+pets+ok",
        "Forwarded: for=192.0.2.60;proto=http, for=\"[2001:db8::17]:4711\"",
        "X-Forwarded-For: 203.0.113.195, 70.41.3.18, unknown",
        "Stripe-Signature: t=1492774577,v1=5257a869e7ec,v0=6ffbb59b",
        "X-CSRF-Token: q+Zs/3x==--a8d9f0",
        "Link: <https://example.com/a>; rel=\"preconnect\"",
        "Content-Disposition: attachment; filename=\"report (1).pdf\"",
        "baggage: release=1.0;a=b,serverNode=DF%2028",
        "Cookie: consent={%22a%22:true}; groups=C0001%3A1%2CC0002%3A0; jwt=eyJh.eyJz.x--y_z",
        "X-Device: iPhone14,2; iOS 17.4",
    };
    rig_t r = {0};
    ask_load(&r, folder);
    for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text), "Host: example.com\nAccept: */*\n%s\n", HEADERS[i]);
        rig_request_t q = {.uri = "/x", .headers = text};
        rig_run(&r, &q);
        if (r.verdict.decision > ENGINE_ALLOW) {
            fail_msg("blocked by %s: %s", ask_reasons(&r), HEADERS[i]);
        }
    }
    rig_free(&r);
}

/* A broken percent sign on the wire is still told. */
static void test_percent(void **state)
{
    (void)state;
    rig_t r = {0};
    ask_load(&r, folder);
    rig_request_t sound = {.uri = "/x?q=50%25%20off", .headers = "Host: example.com\n"},
                  broken = {.uri = "/x?q=50%zz", .headers = "Host: example.com\n"};
    rig_run(&r, &sound);
    assert_false(rig_matched(&r, 920220));
    rig_run(&r, &broken);
    assert_true(rig_matched(&r, 920220));
    rig_free(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets), cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_places), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_percent)};
    if (argc < 2 || !ask_rules_there()) {
        printf("modsecurity-crs is not installed: skipped\n");
        return 77;
    }
    folder = argv[1];
    payloads = argc > 2 ? argv[2] : NULL;
    verbose = argc > 3;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
