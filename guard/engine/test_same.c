/* The same rules and the same request through this engine and through libmodsecurity (opened at run
 * time; skipped without it): the same rules must match, the same verdict must come. Rules and
 * requests are made at random, from what the two are meant to agree on; where they are meant to
 * differ stands in README.md. Then CRS itself, with requests made of attacks and harmless words. */
#include <dlfcn.h>
#include <unistd.h>

#include "rig.h"

/* ---- libmodsecurity's C interface ------------------------------------------------------------ */

typedef struct intervention {
    int status, pause;
    char *url, *log;
    int disruptive;
} intervention_t;

static struct {
    void *(*init)(void);
    void (*set_log_cb)(void *ms, void (*cb)(void *data, const void *text));
    void *(*create_rules)(void);
    int (*rules_add)(void *rules, const char *text, const char **error);
    int (*rules_add_file)(void *rules, const char *file, const char **error);
    int (*rules_cleanup)(void *rules);
    void *(*new_transaction)(void *ms, void *rules, void *data);
    int (*connection)(void *tx, const char *client, int cport, const char *server, int sport);
    int (*uri)(void *tx, const char *uri, const char *method, const char *version);
    int (*add_header)(void *tx, const unsigned char *name, const unsigned char *value);
    int (*headers)(void *tx);
    int (*append_body)(void *tx, const unsigned char *body, size_t len);
    int (*body)(void *tx);
    int (*add_response_header)(void *tx, const unsigned char *name, const unsigned char *value);
    int (*response_headers)(void *tx, int code, const char *protocol);
    int (*response_body)(void *tx);
    int (*logging)(void *tx);
    int (*intervention)(void *tx, intervention_t *it);
    void (*cleanup)(void *tx);
} msc;

static const struct {
    const char *name;
    void *at;
} SYMBOLS[] = {
    {"msc_init", &msc.init},
    {"msc_set_log_cb", &msc.set_log_cb},
    {"msc_create_rules_set", &msc.create_rules},
    {"msc_rules_add", &msc.rules_add},
    {"msc_rules_add_file", &msc.rules_add_file},
    {"msc_rules_cleanup", &msc.rules_cleanup},
    {"msc_new_transaction", &msc.new_transaction},
    {"msc_process_connection", &msc.connection},
    {"msc_process_uri", &msc.uri},
    {"msc_add_request_header", &msc.add_header},
    {"msc_process_request_headers", &msc.headers},
    {"msc_append_request_body", &msc.append_body},
    {"msc_process_request_body", &msc.body},
    {"msc_add_response_header", &msc.add_response_header},
    {"msc_process_response_headers", &msc.response_headers},
    {"msc_process_response_body", &msc.response_body},
    {"msc_process_logging", &msc.logging},
    {"msc_intervention", &msc.intervention},
    {"msc_transaction_cleanup", &msc.cleanup},
};

static void *oracle; /* ModSecurity object; NULL: not installed */

static int open_oracle(void **state)
{
    void *lib = dlopen("libmodsecurity.so.3", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; lib && i < BASE_COUNT(SYMBOLS); i++) {
        void *symbol = dlsym(lib, SYMBOLS[i].name);
        if (!symbol) {
            return 0;
        }
        memcpy(SYMBOLS[i].at, &symbol, sizeof symbol);
    }
    oracle = lib ? msc.init() : NULL;
    return 0;
}

/* ---- both engines on one request ------------------------------------------------------------- */

enum { IDS_MAX = 256 };

typedef struct ids {
    uint32_t id[IDS_MAX];
    size_t count;
    int status; /* of the verdict; 0 = pass */
} ids_t;

static ids_t *heard; /* where the log callback writes */

static void add_id(ids_t *ids, uint32_t id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->id[i] == id) {
            return;
        }
    }
    assert_true(ids->count < IDS_MAX);
    ids->id[ids->count++] = id;
}

static void on_log(void *data, const void *text)
{
    const char *id = strstr(text, "[id \"");
    if (id) {
        add_id(heard, (uint32_t)strtoul(id + 5, NULL, 10));
    }
}

static bool has_id(const ids_t *ids, uint32_t id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->id[i] == id) {
            return true;
        }
    }
    return false;
}

static void stop_of(void *tx, ids_t *ids)
{
    intervention_t it = {.status = 200};
    if (ids->status == 0 && msc.intervention(tx, &it) && it.disruptive) {
        ids->status = it.status;
        if (it.log) { /* the rule that decided is told of here alone */
            on_log(NULL, it.log);
        }
    }
    free(it.url);
    free(it.log);
}

typedef struct shot {
    char uri[512], cookie[256], agent[128], body[512];
} shot_t;

static void ask_oracle(void *rules, const shot_t *s, ids_t *ids)
{
    *ids = (ids_t){0};
    heard = ids;
    void *tx = msc.new_transaction(oracle, rules, NULL);
    msc.connection(tx, "203.0.113.5", 4000, "192.0.2.1", 80);
    msc.uri(tx, s->uri, s->body[0] ? "POST" : "GET", "1.1");
    const char *const HEADERS[][2] = {{"Host", "shop.example"},
                                      {"User-Agent", s->agent},
                                      {"Accept", "*/*"},
                                      {"Cookie", s->cookie},
                                      {"Content-Type", "application/x-www-form-urlencoded"}};
    for (size_t i = 0; i < BASE_COUNT(HEADERS) - (s->body[0] ? 0 : 1); i++) {
        msc.add_header(tx, (const unsigned char *)HEADERS[i][0],
                       (const unsigned char *)HEADERS[i][1]);
    }
    msc.headers(tx);
    stop_of(tx, ids);
    if (ids->status == 0) {
        if (s->body[0]) {
            msc.append_body(tx, (const unsigned char *)s->body, strlen(s->body));
        }
        msc.body(tx);
        stop_of(tx, ids);
    }
    if (ids->status == 0) {
        msc.add_response_header(tx, (const unsigned char *)"Content-Type",
                                (const unsigned char *)"text/html");
        msc.response_headers(tx, 200, "HTTP/1.1");
        msc.response_body(tx);
        stop_of(tx, ids);
    }
    msc.logging(tx);
    msc.cleanup(tx);
}

static void ask_ours(rig_t *r, const shot_t *s, ids_t *ids)
{
    char headers[1024];
    *ids = (ids_t){0};
    snprintf(headers, sizeof headers,
             "Host: shop.example\nUser-Agent: %s\nAccept: */*\nCookie: %s\n%s", s->agent, s->cookie,
             s->body[0] ? "Content-Type: application/x-www-form-urlencoded\n" : "");
    rig_run(r, &(rig_request_t){s->body[0] ? "POST" : "GET", s->uri, headers,
                                s->body[0] ? s->body : NULL, NULL, 0});
    for (size_t i = 0; i < engine_tx_matches(r->tx); i++) {
        const engine_match_t *m = engine_tx_match(r->tx, i);
        if (m->log && m->audit) { /* its callback hears no others */
            add_id(ids, m->id);
        }
    }
    const engine_verdict_t *v = &r->verdict;
    ids->status = v->decision > ENGINE_ALLOW && !v->detect_only ? (int)v->status : 0;
}

static void must_agree(const char *rules, const shot_t *s, const ids_t *ours, const ids_t *theirs,
                       bool (*leave_out)(uint32_t id))
{
    for (size_t i = 0; i < ours->count + theirs->count; i++) {
        bool mine = i < ours->count;
        uint32_t id = mine ? ours->id[i] : theirs->id[i - ours->count];
        if (!has_id(mine ? theirs : ours, id) && !(leave_out && leave_out(id))) {
            fprintf(stderr, "%s\nuri %s\ncookie %s\nagent %s\nbody %s\nrule %u matches only %s\n",
                    rules, s->uri, s->cookie, s->agent, s->body, id,
                    mine ? "here" : "in libmodsecurity");
            fail();
        }
    }
    if (!leave_out && ours->status != theirs->status) {
        fail_msg("%s\nuri %s\nbody %s\nstatus %d here, %d in libmodsecurity", rules, s->uri,
                 s->body, ours->status, theirs->status);
    }
}

/* ---- random rules ---------------------------------------------------------------------------- */

#define PICK(rng, list) (list)[test_random(rng) % BASE_COUNT(list)]

static void put_op(buf_t *b, uint64_t *rng)
{
    static const char *const OPS[] = {"@rx b",
                                      "@rx ^ab",
                                      "!@rx ^[a-z0-9 ]*$",
                                      "@rx (a|b)c+$",
                                      "@rx (?i)AB",
                                      "@pm ab cd",
                                      "!@pm ab",
                                      "@streq abc",
                                      "!@streq abc",
                                      "@contains bc",
                                      "@beginsWith a",
                                      "@endsWith c",
                                      "@within abcd xyz",
                                      "!@within abc",
                                      "@gt 3",
                                      "@lt 3",
                                      "@eq 0",
                                      "@ge 12",
                                      "@le 1",
                                      "@contains AB",
                                      "@rx \\d{2}",
                                      "@rx [<>']",
                                      "@rx ^$",
                                      "@validateByteRange 32-126",
                                      "@streq %{tx.v1}",
                                      "@within %{tx.t}",
                                      "@gt %{tx.v1}",
                                      "@rx <script",
                                      "@rx union\\s+sel",
                                      "@validateUrlEncoding"};
    buf_cstr(b, PICK(rng, OPS));
}

/* False: several values at once, whose order the two engines are free to choose. */
static bool put_targets(buf_t *b, uint64_t *rng)
{
    static const char *const ONE[] = {"REQUEST_HEADERS:User-Agent",
                                      "REQUEST_URI",
                                      "REQUEST_FILENAME",
                                      "REQUEST_BASENAME",
                                      "QUERY_STRING",
                                      "REQUEST_METHOD",
                                      "&ARGS",
                                      "&ARGS:a",
                                      "&REQUEST_COOKIES",
                                      "TX:v1",
                                      "TX:v2",
                                      "&TX:v1",
                                      "REQUEST_LINE",
                                      "REMOTE_ADDR",
                                      "REQUEST_PROTOCOL",
                                      "REMOTE_PORT"};
    static const char *const MANY[] = {"ARGS",
                                       "ARGS_NAMES",
                                       "ARGS:a",
                                       "ARGS:/^[ab]/",
                                       "ARGS_GET",
                                       "ARGS_POST",
                                       "REQUEST_COOKIES",
                                       "REQUEST_COOKIES_NAMES",
                                       "ARGS|!ARGS:b",
                                       "ARGS|!ARGS:/a/|REQUEST_COOKIES",
                                       "ARGS|ARGS_NAMES|REQUEST_COOKIES|!REQUEST_COOKIES:/x/",
                                       "REQUEST_HEADERS_NAMES",
                                       "TX:/^v/"};
    bool one = test_random(rng) % 2;
    buf_cstr(b, one ? PICK(rng, ONE) : PICK(rng, MANY));
    return one;
}

static void put_actions(buf_t *b, uint64_t *rng, bool link, bool one, unsigned id)
{
    static const char *const TRANSFORMS[] = {"",
                                             "",
                                             ",t:lowercase",
                                             ",t:urlDecodeUni",
                                             ",t:removeWhitespace",
                                             ",t:length",
                                             ",t:lowercase,t:compressWhitespace",
                                             ",t:urlDecodeUni,t:htmlEntityDecode",
                                             ",t:removeNulls,t:cmdLine",
                                             ",t:normalizePath",
                                             ",t:trim",
                                             ",t:jsDecode,t:cssDecode"};
    static const char *const MORE[] = {"",
                                       "",
                                       ",setvar:tx.v1=+1",
                                       ",setvar:tx.v2=+%{tx.v1}",
                                       ",setvar:tx.t=abc",
                                       ",setvar:!tx.v1"};
    static const char *const MORE_OF_ONE[] = {"", ",setvar:tx.v2=%{MATCHED_VAR}",
                                              ",capture,setvar:tx.v1=%{tx.0}",
                                              ",setvar:tx.t=%{MATCHED_VAR_NAME}"};
    static const char *const HEAD_ONLY[] = {"",
                                            "",
                                            "",
                                            "",

                                            ",ctl:ruleRemoveTargetById=106;ARGS:a",
                                            ",ctl:ruleRemoveById=107"};
    buf_cstr(b, "t:none");
    buf_cstr(b, PICK(rng, TRANSFORMS));
    buf_cstr(b, one && test_random(rng) % 2 ? PICK(rng, MORE_OF_ONE) : PICK(rng, MORE));
    if (!link) {
        /* (behind the marker it would skip on into the next phase there) */
        buf_cstr(b, id < 109 && test_random(rng) % 6 == 0 ? ",skipAfter:M" : PICK(rng, HEAD_ONLY));
    }
}

static void put_rule(buf_t *b, uint64_t *rng, unsigned id)
{
    bool chain = test_random(rng) % 4 == 0;
    buf_cstr(b, "SecRule ");
    bool one = put_targets(b, rng);
    buf_cstr(b, " \"");
    put_op(b, rng);
    buf_cstr(b, "\" \"id:");
    buf_dec(b, id);
    buf_cstr(b, test_random(rng) % 3 ? ",phase:2,log," : ",phase:1,log,");
    buf_cstr(b, test_random(rng) % 12 == 0 ? "deny,status:418," : "pass,");
    put_actions(b, rng, false, one, id);
    /* (with multiMatch it logs a chain's head before the chain is through) */
    buf_cstr(b, chain ? ",chain\"\n" : test_random(rng) % 8 ? "\"\n" : ",multiMatch\"\n");
    if (chain) {
        buf_cstr(b, "SecRule ");
        if (one && test_random(rng) % 3 == 0) {
            buf_cstr(b, "MATCHED_VAR");
        } else {
            one = put_targets(b, rng);
        }
        buf_cstr(b, " \"");
        put_op(b, rng);
        buf_cstr(b, "\" \"");
        put_actions(b, rng, true, one, id);
        buf_cstr(b, "\"\n");
    }
}

static void put_rules(buf_t *b, uint64_t *rng)
{
    buf_cstr(b, "SecRuleEngine On\nSecRequestBodyAccess On\n"
                "SecDefaultAction \"phase:1,log,auditlog,pass\"\n"
                "SecDefaultAction \"phase:2,log,auditlog,pass\"\n");
    for (unsigned i = 0; i < 12; i++) {
        put_rule(b, rng, 100 + i);
        if (i == 8) {
            buf_cstr(b, "SecMarker M\n");
        }
    }
    buf_u8(b, 0);
}

/* ---- random requests ------------------------------------------------------------------------- */

static void put_value(buf_t *b, uint64_t *rng, bool encoded)
{
    static const char *const PLAIN[] = {"a", "b",  "c",   "ab", "abc", "bcc",   "xyz",  "12",
                                        "7", "AB", "ABC", "cd", "0",   "hello", "world"};
    static const char *const CODED[] = {"%20",   "+",        "%27", "%3Cscript",
                                        "%2541", "%26lt%3B", "%5C", "union+select",
                                        "/../x", "%e3%81%82"};
    unsigned count = (unsigned)(test_random(rng) % 4);
    for (unsigned i = 0; i < count; i++) {
        buf_cstr(b, encoded && test_random(rng) % 4 == 0 ? PICK(rng, CODED) : PICK(rng, PLAIN));
    }
}

static void put_pairs(buf_t *b, uint64_t *rng, const char *between, bool encoded)
{
    static const char *const NAMES[] = {"a", "b", "ab", "q", "x", "c"};
    unsigned count = 1 + (unsigned)(test_random(rng) % 4);
    for (unsigned i = 0; i < count; i++) {
        buf_cstr(b, i ? between : "");
        buf_cstr(b, PICK(rng, NAMES));
        buf_u8(b, '=');
        put_value(b, rng, encoded);
    }
}

static void end(buf_t *b)
{
    buf_u8(b, 0);
    assert_false(b->full);
}

static void make_shot(shot_t *s, uint64_t *rng)
{
    buf_t uri = BUF_ON_ARRAY(s->uri), cookie = BUF_ON_ARRAY(s->cookie);
    buf_t agent = BUF_ON_ARRAY(s->agent), body = BUF_ON_ARRAY(s->body);
    buf_cstr(&uri, "/p/abc.html");
    if (test_random(rng) % 5) {
        buf_u8(&uri, '?');
        put_pairs(&uri, rng, "&", true);
    }
    put_pairs(&cookie, rng, "; ", false);
    buf_cstr(&agent, "Mozilla ");
    put_value(&agent, rng, false);
    if (test_random(rng) % 2) {
        put_pairs(&body, rng, "&", true);
    }
    end(&uri);
    end(&cookie);
    end(&agent);
    end(&body);
}

static void test_random_rules(void **state)
{
    if (!oracle) {
        skip();
    }
    char *text = malloc(65536);
    uint64_t rng = 7, matches = 0;
    const char *rounds = getenv("SAME_ROUNDS");
    uint64_t count = rounds ? strtoull(rounds, NULL, 10) : 120;
    msc.set_log_cb(oracle, on_log);
    for (uint64_t i = 0; i < count; i++) {
        buf_t b = buf_on(text, 65536);
        const char *error = NULL;
        rig_t r = {0};
        put_rules(&b, &rng);
        assert_false(b.full);
        void *rules = msc.create_rules();
        if (msc.rules_add(rules, text, &error) < 0) {
            fail_msg("%s\n%s", text, error);
        }
        assert_ok(rig_try(&r, &RIG_TABLE, text, b.len - 1));
        for (unsigned k = 0; k < 8; k++) {
            shot_t s;
            ids_t ours, theirs;
            make_shot(&s, &rng);
            ask_oracle(rules, &s, &theirs);
            ask_ours(&r, &s, &ours);
            must_agree(text, &s, &ours, &theirs, NULL);
            matches += ours.count;
        }
        rig_free(&r);
        msc.rules_cleanup(rules);
    }
    assert_true(count < 100 || matches > count * 8); /* they agree about something */
    free(text);
}

/* ---- CRS ------------------------------------------------------------------------------------- */

/* The detectors are our own and meant to differ; what sums scores differs with them. */
static bool is_detector(uint32_t id)
{
    return id == 942100 || id == 942101 || id == 941100 || id == 941101 || id == 949110 ||
           id >= 980000;
}

static void make_attack(shot_t *s, uint64_t *rng)
{
    static const char *const ATTACKS[] = {
        "1%27+or+%271%27%3D%271",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "..%2f..%2fetc%2fpasswd",
        "%3Bcat+/etc/hosts",
        "union+select+1%2C2",
        "php%3A//input",
        "http%3A//192.0.2.7/x.txt%3F",
        "%24%7Bjndi%3Aldap%3A//x%7D",
        "sleep(5)",
        "%3C%3Fphp+system(1)%3B",
        "%253Cimg+src%3Dx+onerror%3Dx%253E",
        "blue+bicycle",
        "O%27Brien",
        "%E6%9D%B1%E4%BA%AC",
        "a%26b%3Dc",
        "Tokyo+2026-12-01",
        "user%40example.com",
        "%0d%0aSet-Cookie:+a",
        "__proto__",
        "../../boot.ini",
        "%60id%60",
        "wget+http%3A//x/y",
    };
    buf_t uri = BUF_ON_ARRAY(s->uri), cookie = BUF_ON_ARRAY(s->cookie);
    buf_t agent = BUF_ON_ARRAY(s->agent), body = BUF_ON_ARRAY(s->body);
    buf_cstr(&uri, test_random(rng) % 6 ? "/search" : "/.git/config");
    buf_cstr(&uri, "?q=");
    buf_cstr(&uri, PICK(rng, ATTACKS));
    buf_cstr(&uri, test_random(rng) % 2 ? "&page=2" : "");
    buf_cstr(&cookie, "sid=abc; c=");
    buf_cstr(&cookie, test_random(rng) % 3 ? "1" : PICK(rng, ATTACKS));
    buf_cstr(&agent, test_random(rng) % 6 ? "Mozilla/5.0 (X11)" : "sqlmap/1.0");
    if (test_random(rng) % 2) {
        buf_cstr(&body, "name=");
        buf_cstr(&body, PICK(rng, ATTACKS));
        buf_cstr(&body, "&note=some+words");
    }
    end(&uri);
    end(&cookie);
    end(&agent);
    end(&body);
}

static void crs_with(unsigned paranoia, unsigned shots)
{
    static const char CONF[] = "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\n"
                               "Include /etc/modsecurity/crs/crs-setup.conf\n"
                               "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.paranoia_level=%u\"\n"
                               "Include /usr/share/modsecurity-crs/rules/*.conf\n";
    char text[512];
    const char *error = NULL;
    uint64_t rng = 3, matches = 0;
    engine_builder_t *b;
    rig_t r = {0};
    int len = snprintf(text, sizeof text, CONF, paranoia);
    void *rules = msc.create_rules();
    if (msc.rules_add(rules, text, &error) < 0) {
        fail_msg("%s", error);
    }
    assert_ok(engine_builder_new(&RIG_DISK, &b));
    engine_builder_quotes(b, ENGINE_QUOTES_V3); /* as the judge reads backslashes */
    assert_ok(engine_builder_text(b, SLICE("crs"), slice_make(text, (size_t)len), &r.fault));
    assert_ok(engine_builder_build(b, &r.fault, &r.set));
    engine_builder_free(b);
    assert_ok(engine_worker_new(r.set, &r.worker));
    msc.set_log_cb(oracle, on_log);
    for (unsigned i = 0; i < shots; i++) {
        shot_t s;
        ids_t ours, theirs;
        make_attack(&s, &rng);
        ask_oracle(rules, &s, &theirs);
        ask_ours(&r, &s, &ours);
        must_agree("CRS", &s, &ours, &theirs, is_detector);
        matches += ours.count;
    }
    assert_true(matches > shots);
    rig_free(&r);
    msc.rules_cleanup(rules);
}

static void test_crs(void **state)
{
    if (!oracle || access("/usr/share/modsecurity-crs/rules", R_OK) != 0) {
        skip();
    }
    crs_with(1, 150);
    crs_with(4, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_rules),
                                       cmocka_unit_test(test_crs)};
    return cmocka_run_group_tests(tests, open_oracle, NULL);
}
