/* What is decided at load must not be seen. A traced transaction runs every rule; another one runs
 * what the folding left: the same verdict, the same logged matches with their messages, the same
 * TX. On rule sets made at random, and on those where folding may go too far. */
#include "rig.h"

typedef struct outcome {
    engine_verdict_t verdict;
    char text[16384]; /* logged matches, then TX */
} outcome_t;

static const char *const SLOTS[] = {"a", "b", "ab", "abc", "c", "d", "e", "0", "1", "new"};

static void put(outcome_t *o, const char *name, slice_t value)
{
    size_t at = strlen(o->text);
    assert_true(at + value.len + 64 < sizeof o->text);
    snprintf(o->text + at, sizeof o->text - at, "%s %.*s\n", name, SLICE_FMT(value));
}

static void run(rig_t *r, bool traced, const rig_request_t *q, outcome_t *o)
{
    *o = (outcome_t){0};
    r->untraced = !traced;
    rig_run(r, q);
    for (size_t i = 0; i < engine_tx_matches(r->tx); i++) {
        const engine_match_t *m = engine_tx_match(r->tx, i);
        char id[16];
        snprintf(id, sizeof id, "%u", m->id);
        if (m->log) {
            put(o, id, m->msg);
        }
    }
    for (size_t i = 0; i < BASE_COUNT(SLOTS); i++) {
        char name[16];
        snprintf(name, sizeof name, "TX:%s", SLOTS[i]);
        put(o, name, rig_var(r, name));
    }
    o->verdict = r->verdict;
}

static bool same(const outcome_t *a, const outcome_t *b)
{
    const engine_verdict_t *v = &a->verdict, *w = &b->verdict;
    return strcmp(a->text, b->text) == 0 && v->decision == w->decision && v->status == w->status &&
           v->rule_id == w->rule_id && v->phase == w->phase && v->detect_only == w->detect_only;
}

static void compare(rig_t *r, const char *rules, const rig_request_t *q)
{
    static outcome_t whole, brief;
    run(r, true, q, &whole);
    run(r, false, q, &brief);
    if (!same(&whole, &brief)) {
        fprintf(stderr, "%s%s\n--- whole (rule %u)\n%s--- folded (rule %u)\n%s", rules, q->uri,
                whole.verdict.rule_id, whole.text, brief.verdict.rule_id, brief.text);
        fail();
    }
}

/* ---- at random ------------------------------------------------------------------------------- */

static uint64_t seed = 0x9e3779b97f4a7c15U;

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % sides;
}

__attribute__((format(printf, 2, 3))) static void putf(buf_t *b, const char *form, ...)
{
    char text[512];
    va_list args;
    va_start(args, form);
    vsnprintf(text, sizeof text, form, args);
    va_end(args);
    buf_cstr(b, text);
}

static const char *slot(void)
{
    return SLOTS[dice(7)];
}

static void make_setvar(buf_t *b)
{
    static const char *const TEXTS[] = {"1", "0", "5", "x", "%{ARGS.n}", "%{MATCHED_VAR}"};
    switch (dice(9)) {
    case 0:
        putf(b, ",setvar:'tx.%s=%%{tx.%s}'", slot(), slot());
        return;
    case 1:
        putf(b, ",setvar:'tx.%s=%%{tx.%s}-%%{tx.%s}'", slot(), slot(), slot());
        return;
    case 2:
        putf(b, ",setvar:'tx.%s=+%u'", slot(), dice(4));
        return;
    case 3:
        putf(b, ",setvar:'tx.%s=-%%{tx.%s}'", slot(), slot());
        return;
    case 4:
        putf(b, ",setvar:'!tx.%s'", slot());
        return;
    case 5:
        putf(b, ",setvar:'tx.%s%%{ARGS.n}=2'", dice(2) ? "a" : "");
        return;
    default:
        putf(b, ",setvar:'tx.%s=%s'", slot(), TEXTS[dice(dice(3) ? 3 : 6)]);
    }
}

static void make_actions(buf_t *b, unsigned id, bool chain)
{
    putf(b, "\"id:%u,phase:%u,%s,%s,msg:'%%{tx.%s} %%{tx.b}'", id, 1 + dice(dice(2) ? 1 : 4),
         dice(4) ? "nolog" : "log",
         dice(14)  ? "pass"
         : dice(3) ? "deny,status:418"
                   : "allow",
         slot());
    for (unsigned i = dice(3); i > 0; i--) {
        make_setvar(b);
    }
    if (dice(5) == 0) {
        putf(b, ",skipAfter:M%u", dice(4));
    }
    if (dice(12) == 0) {
        static const char *const MODES[] = {"Off", "DetectionOnly"};
        unsigned first = 1 + dice(30);
        if (dice(2)) {
            putf(b, ",ctl:ruleRemoveById=%u-%u", first, first + dice(6));
        } else {
            putf(b, ",ctl:ruleEngine=%s", MODES[dice(2)]);
        }
    }
    putf(b, "%s%s\"\n", dice(8) ? "" : ",capture", chain ? ",chain" : "");
}

static void make_test(buf_t *b)
{
    static const char *const OPS[] = {"eq", "ge", "gt", "le", "lt"};
    if (dice(3) == 0) {
        static const char *const OTHERS[] = {
            "ARGS \"@contains foo\"", "ARGS:n \"@rx (b|c)\"",   "TX:/^a/ \"@rx [1-5]\"",
            "TX \"@streq 1\"",        "TX:a \"@lt %{tx.b}\"",   "REQUEST_METHOD \"!@rx ^POST$\"",
            "&ARGS \"@ge 1\"",        "ARGS|TX:c \"@rx ^(.)\"",
        };
        putf(b, "SecRule %s ", OTHERS[dice(BASE_COUNT(OTHERS))]);
        return;
    }
    putf(b, "SecRule %sTX:%s", dice(2) ? "&" : "", slot());
    if (dice(4) == 0) {
        putf(b, "|%sTX:%s", dice(2) ? "&" : "", slot());
    }
    putf(b, " \"%s@%s %u\" ", dice(5) ? "" : "!", OPS[dice(5)], dice(3));
}

static void make_rules(buf_t *b)
{
    for (unsigned id = 1; id <= 30; id++) {
        if (dice(8) == 0) {
            putf(b, "SecMarker M%u\n", dice(4));
        }
        unsigned links = dice(7) ? 0 : 1 + dice(2);
        if (links || dice(2)) {
            make_test(b);
        } else {
            putf(b, "SecAction ");
        }
        make_actions(b, id, links > 0);
        for (; links; links--) {
            make_test(b);
            putf(b, "\"t:none");
            if (dice(3) == 0) {
                putf(b, ",setvar:'tx.%s=3'", slot());
            }
            putf(b, "%s\"\n", links > 1 ? ",chain" : "");
        }
    }
    for (unsigned m = 0; m < 4; m++) {
        putf(b, "SecMarker M%u\n", m);
    }
    putf(b, "SecAction \"id:90,phase:5,log,pass,msg:'%%{tx.a} %%{tx.ab} %%{tx.e}'\"\n");
}

static void test_at_random(void **state)
{
    static const rig_request_t REQUESTS[] = {{.uri = "/"},
                                             {.uri = "/?q=foo"},
                                             {.uri = "/?n=b&q=1"},
                                             {.uri = "/?n=bc&n=c", .response = "good day"},
                                             {.method = "POST", .uri = "/?n=new"}};
    const char *rounds = getenv("FOLD_ROUNDS");
    for (unsigned long i = rounds ? strtoul(rounds, NULL, 10) : 1500; i > 0; i--) {
        static char text[32768];
        buf_t b = buf_on(text, sizeof text);
        rig_t r = {0};
        make_rules(&b);
        buf_u8(&b, 0);
        assert_ok(buf_check(&b));
        rig_load(&r, text);
        for (size_t k = 0; k < BASE_COUNT(REQUESTS); k++) {
            compare(&r, text, &REQUESTS[k]);
        }
        rig_free(&r);
    }
}

/* ---- where folding may go too far ------------------------------------------------------------ */

#define SET(id, what) "SecAction \"id:" #id ",phase:1,nolog,pass,setvar:" what "\"\n"
#define TELL "SecAction \"id:99,phase:5,log,pass,msg:'%{tx.a} %{tx.b}'\"\n"

static void test_cases(void **state)
{
    static const struct {
        const char *what, *rules, *uri;
    } CASES[] = {
        {"an earlier rule has read it",
         "SecRule ARGS|TX:a \"@rx x\" \"id:1,phase:1,log,pass\"\n" SET(2, "tx.a=x") TELL, "/?q=y"},
        {"an earlier rule has set it at run time",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,nolog,pass,setvar:tx.a=7\"\n"
         "SecRule &TX:a \"@eq 0\" \"id:2,phase:1,nolog,pass,setvar:tx.a=1\"\n" TELL,
         "/?q=x"},
        {"an earlier rule ends the phase",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,allow\"\n" SET(2, "tx.a=1") TELL, "/?q=x"},
        {"an earlier rule blocks",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,deny\"\n" SET(2, "tx.a=1") TELL, "/?q=x"},
        {"an earlier rule jumps over it",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,pass,skipAfter:M\"\n" SET(
             2, "tx.a=1") "SecMarker M\n" TELL,
         "/?q=x"},
        {"an earlier rule switches the engine off",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,pass,ctl:ruleEngine=Off\"\n" SET(2, "tx.a=1")
             TELL,
         "/?q=x"},
        {"a ctl takes it out",
         "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,pass,ctl:ruleRemoveById=2\"\n" SET(2, "tx.a=1")
             TELL,
         "/?q=x"},
        {"a ctl takes the gate out",
         SET(2, "tx.a=1") "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,pass,ctl:ruleRemoveByTag=g\"\n"
                          "SecRule TX:a \"@lt 2\" \"id:3,phase:2,nolog,pass,tag:g,skipAfter:M\"\n"
                          "SecAction \"id:4,phase:2,log,pass\"\nSecMarker M\n",
         "/?q=x"},
        {"a name that is made at run time",
         SET(2, "tx.a=1") "SecRule ARGS \"@rx x\" \"id:1,phase:1,log,pass,"
                          "setvar:'tx.%{ARGS.n}=5'\"\n"
                          "SecRule TX:a \"@lt 2\" \"id:3,phase:2,nolog,pass,skipAfter:M\"\n"
                          "SecAction \"id:4,phase:2,log,pass\"\nSecMarker M\n",
         "/?q=x&n=A"},
        {"a jump into what a gate jumps over",
         SET(2, "tx.a=1") "SecRule ARGS \"@rx x\" \"id:1,phase:2,log,pass,skipAfter:N\"\n"
                          "SecRule TX:a \"@lt 2\" \"id:3,phase:2,nolog,pass,skipAfter:M\"\n"
                          "SecAction \"id:4,phase:2,log,pass\"\nSecMarker N\n"
                          "SecAction \"id:5,phase:2,log,pass\"\nSecMarker M\n",
         "/?q=x"},
        {"captures",
         "SecRule ARGS \"@rx (.)x\" \"id:1,phase:1,log,pass,capture\"\n"
         "SecRule TX:1 \"@eq 1\" \"id:3,phase:1,log,pass,setvar:tx.a=%{tx.1}\"\n" TELL,
         "/?q=1x"},
        {"setvar for each target that matches",
         SET(2, "tx.a=1") SET(
             3, "tx.b=1") "SecRule TX:a|TX:b \"@eq 1\" \"id:4,phase:1,nolog,pass,setvar:tx.c=+1\"\n"
                          "SecRule TX:c \"@eq 2\" \"id:5,phase:2,log,pass\"\n",
         "/"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        rig_t r = {0};
        rig_request_t q = {.uri = CASES[i].uri}, plain = {.uri = "/?other=1"};
        rig_load(&r, CASES[i].rules);
        compare(&r, CASES[i].what, &q);
        compare(&r, CASES[i].what, &plain);
        rig_free(&r);
    }
}

/* It does fold: the second transaction runs fewer rules. */
static void test_fewer(void **state)
{
    rig_t r = {0};
    rig_request_t q = {.uri = "/?q=x"};
    rig_load(
        &r,
        SET(1, "tx.level=1") SET(
            2, "tx.limit=5") "SecRule TX:level \"@lt 2\" \"id:3,phase:2,nolog,pass,skipAfter:M\"\n"
                             "SecRule ARGS \"@rx x\" \"id:4,phase:2,log,pass\"\nSecMarker M\n"
                             "SecRule ARGS \"@rx x\" \"id:5,phase:2,log,pass\"\n");
    r.untraced = true;
    rig_run(&r, &q);
    assert_string_equal(rig_ids(&r), "5");
    assert_int_equal(engine_tx_stats(r.tx).rules, 1);
    assert_true(slice_eq(rig_var(&r, "TX:limit"), SLICE("5")));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_fewer),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
