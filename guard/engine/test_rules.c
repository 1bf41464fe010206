/* What rules do: variables, operators, transformations, actions, ctl, chains, collections; each
 * case a small rule set, a request and the ids that must match (nolog ones too), in order. */
#include "rig.h"

typedef struct rule_case {
    const char *name, *rules;
    rig_request_t request;
    const char *ids;
} rule_case_t;

#define FORM "Content-Type: application/x-www-form-urlencoded"
#define P1 "phase:1,pass,nolog"
#define P2 "phase:2,pass,nolog"

static const rule_case_t CASES[] = {
    /* variables and selectors */
    {"args of query and body",
     "SecRule ARGS \"@streq b\" \"id:1," P2 "\"\n"
     "SecRule ARGS_GET:a \"@streq b\" \"id:2," P2 "\"\n"
     "SecRule ARGS_POST:A \"@streq c d\" \"id:3," P2 "\"\n"
     "SecRule ARGS_POST \"@streq b\" \"id:4," P2 "\"\n",
     {"POST", "/?a=b", FORM, "a=c+d"},
     "1 2 3"},
    {"names",
     "SecRule ARGS_NAMES \"@streq x y\" \"id:1," P1 "\"\n"
     "SecRule REQUEST_HEADERS_NAMES \"@streq X-One\" \"id:2," P1 "\"\n"
     "SecRule REQUEST_COOKIES_NAMES \"@streq c\" \"id:3," P1 "\"\n",
     {NULL, "/?x%20y=1", "X-One: 1\nCookie: b=1; c=2", NULL},
     "1 2 3"},
    {"selector by regex, exclusion",
     "SecRule ARGS:/^p_/|!ARGS:p_b \"@rx v\" \"id:1," P1 "\"\n"
     "SecRule ARGS|!ARGS:/^./ \"@rx .\" \"id:2," P1 "\"\n"
     "SecRule ARGS|!ARGS:p_b \"@rx 1\" \"id:3," P1 "\"\n",
     {NULL, "/?p_a=v&p_b=v1&q=w", NULL, NULL},
     "1"},
    {"counts",
     "SecRule &ARGS \"@eq 3\" \"id:1," P1 "\"\n"
     "SecRule &ARGS:a \"@eq 2\" \"id:2," P1 "\"\n"
     "SecRule &REQUEST_HEADERS:Host \"@eq 0\" \"id:3," P1 "\"\n"
     "SecRule &TX:nothing \"@eq 0\" \"id:4," P1 "\"\n"
     "SecRule &TX:nothing \"!@eq 0\" \"id:5," P1 "\"\n"
     "SecRule &ARGS|!ARGS:b \"@eq 2\" \"id:6," P1 "\"\n",
     {NULL, "/?a=1&a=2&b=3", NULL, NULL},
     "1 2 3 4 6"},
    {"parts of the target",
     "SecRule REQUEST_URI \"@streq /a/b.php?x=1\" \"id:1," P1 "\"\n"
     "SecRule REQUEST_FILENAME \"@streq /a/b.php\" \"id:2," P1 "\"\n"
     "SecRule REQUEST_BASENAME \"@streq b.php\" \"id:3," P1 "\"\n"
     "SecRule QUERY_STRING \"@streq x=1\" \"id:4," P1 "\"\n"
     "SecRule REQUEST_LINE \"@streq PUT /a/b.php?x=1 HTTP/1.1\" \"id:5," P1 "\"\n"
     "SecRule REQUEST_METHOD \"@streq PUT\" \"id:6," P1 "\"\n"
     "SecRule REQUEST_PROTOCOL \"@streq HTTP/1.1\" \"id:7," P1 "\"\n"
     "SecRule REMOTE_ADDR \"@streq 203.0.113.5\" \"id:8," P1 "\"\n"
     "SecRule SERVER_PORT \"@eq 80\" \"id:9," P1 "\"\n",
     {"PUT", "/a/b.php?x=1", NULL, NULL},
     "1 2 3 4 5 6 7 8 9"},
    {"json leaves",
     "SecRule REQBODY_PROCESSOR \"@streq JSON\" \"id:2," P2 "\"\n"
     "SecRule ARGS:json.a.array_1.b \"@streq two\" \"id:3," P2 "\"\n"
     "SecAction \"id:1," P1 ",ctl:requestBodyProcessor=JSON\"\n",
     {"POST", "/", "Content-Type: application/json", "{\"a\":[1,{\"b\":\"two\"}]}"},
     "1 2 3"},
    {"xml text and attributes",
     "SecAction \"id:1," P1 ",ctl:requestBodyProcessor=XML\"\n"
     "SecRule XML:/* \"@contains evil\" \"id:2," P2 "\"\n"
     "SecRule XML://@* \"@streq attr\" \"id:3," P2 "\"\n"
     "SecRule REQUEST_BODY \"@contains evil\" \"id:4," P2 "\"\n",
     {"POST", "/", "Content-Type: text/xml", "<a x='attr'>ev<b>il</b></a>"},
     "1 2 3"},
    {"broken body",
     "SecAction \"id:1," P1 ",ctl:requestBodyProcessor=JSON\"\n"
     "SecRule REQBODY_ERROR \"!@eq 0\" \"id:2," P2 "\"\n",
     {"POST", "/", NULL, "{\"a\":"},
     "1 2"},
    {"multipart",
     "SecRule FILES \"@streq x.php\" \"id:1," P2 "\"\n"
     "SecRule FILES_NAMES \"@streq up\" \"id:2," P2 "\"\n"
     "SecRule ARGS:t \"@streq text\" \"id:3," P2 "\"\n"
     "SecRule FILES_COMBINED_SIZE \"@eq 4\" \"id:4," P2 "\"\n"
     "SecRule MULTIPART_STRICT_ERROR \"!@eq 0\" \"id:5," P2 "\"\n"
     "SecRule MULTIPART_PART_HEADERS:up \"@rx (?i)content-type: image\" \"id:6," P2 "\"\n",
     {"POST", "/", "Content-Type: multipart/form-data; boundary=B",
      "--B\r\nContent-Disposition: form-data; "
      "name=\"t\"\r\n\r\ntext\r\n--B\r\nContent-Disposition: "
      "form-data; name=\"up\"; filename=\"x.php\"\r\nContent-Type: image/png\r\n\r\nABCD\r\n--B--"
      "\r\n"},
     "1 2 3 4 6"},
    {"forced body",
     "SecRule REQUEST_BODY \"@streq raw\" \"id:2," P2 "\"\n"
     "SecAction \"id:1," P1 ",ctl:forceRequestBodyVariable=On\"\n",
     {"POST", "/", "Content-Type: text/plain", "raw"},
     "1 2"},
    {"body not forced",
     "SecRule REQUEST_BODY \"@streq raw\" \"id:2," P2 "\"\n",
     {"POST", "/", "Content-Type: text/plain", "raw"},
     ""},
    {"response",
     "SecRule RESPONSE_STATUS \"@streq 500\" \"id:1,phase:3,pass,nolog\"\n"
     "SecRule RESPONSE_HEADERS:content-type \"@streq text/html\" \"id:2,phase:3,pass,"
     "nolog\"\n"
     "SecRule RESPONSE_BODY \"@contains secret\" \"id:3,phase:4,pass,nolog\"\n",
     {NULL, NULL, NULL, NULL, "a secret", 500},
     "1 2 3"},

    /* operators */
    {"rx, case and lines",
     "SecRule ARGS:a \"@rx ^b$\" \"id:1," P1 "\"\n"
     "SecRule ARGS:a \"!@rx ^x$\" \"id:2," P1 "\"\n"
     "SecRule ARGS:a \"@rx A\" \"id:3," P1 "\"\n"
     "SecRule ARGS:b \"!@rx ^[a-z]+$\" \"id:4," P1 "\"\n",
     {NULL, "/?a=a%0Ab&b=abc%0A!", NULL, NULL},
     "1 2 4"},
    {"pm is caseless, part of a word",
     "SecRule ARGS \"@pm foo bar\" \"id:1," P1 "\"\n"
     "SecRule ARGS \"!@pm foo bar\" \"id:2," P1 "\"\n"
     "SecRule TX:x \"@pm zap\" \"id:4," P1 "\"\n"
     "SecRule ARGS \"@pm nope\" \"id:3," P1 "\"\n",
     {NULL, "/?a=xFOObar", NULL, NULL},
     "1"},
    {"numbers",
     "SecRule ARGS:n \"@eq 5\" \"id:1," P1 "\"\nSecRule ARGS:n \"@gt 4\" \"id:2," P1 "\"\n"
     "SecRule ARGS:n \"@lt 5\" \"id:3," P1 "\"\nSecRule ARGS:n \"@ge 5\" \"id:4," P1 "\"\n"
     "SecRule ARGS:n \"@le 4\" \"id:5," P1 "\"\nSecRule ARGS:x \"@eq 0\" \"id:6," P1 "\"\n",
     {NULL, "/?n=5abc&x=abc", NULL, NULL},
     "1 2 4 6"},
    {"text",
     "SecRule ARGS:a \"@beginsWith ab\" \"id:1," P1 "\"\n"
     "SecRule ARGS:a \"@endsWith ef\" \"id:2," P1 "\"\n"
     "SecRule ARGS:a \"@contains cd\" \"id:3," P1 "\"\n"
     "SecRule ARGS:a \"@within xx abcdef yy\" \"id:4," P1 "\"\n"
     "SecRule ARGS:b \"@containsWord cat\" \"id:5," P1 "\"\n"
     "SecRule ARGS:a \"@containsWord cd\" \"id:6," P1 "\"\n"
     "SecRule ARGS:a \"@contains CD\" \"id:7," P1 "\"\n"
     "SecRule ARGS:a \"@strmatch bcd\" \"id:8," P1 "\"\n"
     "SecRule ARGS:a \"!@within abc\" \"id:9," P1 "\"\n",
     {NULL, "/?a=abcdef&b=concat+cat", NULL, NULL},
     "1 2 3 4 5 8 9"},
    {"addresses",
     "SecRule REMOTE_ADDR \"@ipMatch 203.0.113.0/24\" \"id:1," P1 "\"\n"
     "SecRule REMOTE_ADDR \"@ipMatch 203.0.113.4,2001:db8::/32\" \"id:2," P1 "\"\n"
     "SecRule ARGS:v6 \"@ipMatch 2001:db8::/32\" \"id:3," P1 "\"\n"
     "SecRule ARGS:v6 \"!@ipMatch 10.0.0.0/8\" \"id:4," P1 "\"\n",
     {NULL, "/?v6=2001:db8:1::2", NULL, NULL},
     "1 3 4"},
    {"bytes and encodings",
     "SecRule ARGS:a \"@validateByteRange 32-126\" \"id:1," P1 "\"\n"
     "SecRule ARGS:b \"@validateByteRange 32-126\" \"id:2," P1 "\"\n"
     "SecRule REQUEST_URI_RAW \"@validateUrlEncoding\" \"id:3," P1 "\"\n"
     "SecRule ARGS:c \"@validateUtf8Encoding\" \"id:4," P1 "\"\n"
     "SecRule ARGS:d \"@validateUtf8Encoding\" \"id:5," P1 "\"\n",
     {NULL, "/?a=plain&b=%01&c=%E9%96%A2%E6%89%80&d=%C0%AF&e=%zz", NULL, NULL},
     "2 3 5"},
    {"detectors",
     "SecRule ARGS:a \"@detectSQLi\" \"id:1," P1 "\"\n"
     "SecRule ARGS:b \"@detectXSS\" \"id:2," P1 "\"\n"
     "SecRule ARGS:c \"@detectSQLi\" \"id:3," P1 "\"\n"
     "SecRule ARGS:c \"@detectXSS\" \"id:4," P1 "\"\n",
     {NULL, "/?a=1'+or+1=1--&b=%3Cscript%3Ealert(1)%3C/script%3E&c=blue+bicycle", NULL, NULL},
     "1 2"},
    {"always and never",
     "SecRule REQUEST_URI \"@unconditionalMatch\" \"id:1," P1 "\"\n"
     "SecRule REQUEST_URI \"@noMatch\" \"id:2," P1 "\"\n"
     "SecRule REQUEST_URI \"!@noMatch\" \"id:3," P1 "\"\n",
     {NULL},
     "1 3"},
    {"macros in operators",
     "SecAction \"id:1," P1 ",setvar:tx.lim=3,setvar:tx.word=b+c\"\n"
     "SecRule ARGS:n \"@gt %{tx.lim}\" \"id:2," P1 "\"\n"
     "SecRule ARGS:s \"@streq %{ARGS.t}\" \"id:3," P1 "\"\n"
     "SecRule ARGS:n \"@within %{tx.lim} 5\" \"id:4," P1 "\"\n"
     "SecRule ARGS:s \"@rx ^%{ARGS.t}$\" \"id:5," P1 "\"\n"
     "SecRule ARGS:s \"!@rx ^%{tx.none}x$\" \"id:6," P1 "\"\n",
     {NULL, "/?n=4&s=x&t=x", NULL, NULL},
     "1 2 3 5"},

    /* transformations */
    {"chains of them",
     "SecRule ARGS:a \"@streq abc\" \"id:1," P1 ",t:none,t:lowercase,t:"
     "removeWhitespace\"\n"
     "SecRule ARGS:a \"@streq 6\" \"id:2," P1 ",t:none,t:length\"\n"
     "SecRule ARGS:a \"@rx ^aBc$\" \"id:3," P1 ",t:removeWhitespace\"\n"
     "SecRule ARGS:a \"@contains abc\" \"id:4," P1 "\"\n",
     {NULL, "/?a=a+B++c", NULL, NULL},
     "1 2 3"},
    {"defaults, and t:none against them",
     "SecDefaultAction \"phase:1,log,pass,t:lowercase\"\n"
     "SecRule ARGS:a \"@streq abc\" \"id:1," P1 "\"\n"
     "SecRule ARGS:a \"@streq ABC\" \"id:2," P1 ",t:none\"\n",
     {NULL, "/?a=ABC", NULL, NULL},
     "1 2"},
    {"multiMatch tries each step",
     "SecRule ARGS:a \"@rx %41\" \"id:1," P1 ",t:none,t:urlDecode\"\n"
     "SecRule ARGS:a \"@rx %41\" \"id:2," P1 ",t:none,t:urlDecode,multiMatch\"\n",
     {NULL, "/?a=%2541", NULL, NULL},
     "2"},

    /* chains, skips, markers */
    {"chain needs all",
     "SecRule ARGS:a \"@rx b\" \"id:1," P1 ",chain\"\n"
     "SecRule ARGS:c \"@rx d\" \"t:none\"\n"
     "SecRule ARGS:a \"@rx b\" \"id:2," P1 ",chain\"\n"
     "SecRule ARGS:c \"@rx x\" \"t:none\"\n",
     {NULL, "/?a=b&c=d", NULL, NULL},
     "1"},
    {"MATCHED_VARS in a chain",
     "SecRule ARGS \"@rx ^v\" \"id:1," P1 ",chain\"\n"
     "SecRule MATCHED_VARS \"@streq v2\" \"t:none\"\n"
     "SecRule ARGS \"@rx ^v1\" \"id:2," P1 ",chain\"\n"
     "SecRule MATCHED_VARS \"@streq v2\" \"t:none\"\n"
     "SecRule ARGS \"@rx ^v2\" \"id:3," P1 ",chain\"\n"
     "SecRule MATCHED_VAR_NAME \"@streq ARGS:b\" \"t:none\"\n",
     {NULL, "/?a=v1&b=v2", NULL, NULL},
     "1 3"},
    {"skipAfter",
     "SecRule ARGS:a \"@rx b\" \"id:1," P1 ",skipAfter:END\"\n"
     "SecAction \"id:2," P1 "\"\nSecMarker END\nSecAction \"id:3," P1 "\"\n"
     "SecRule ARGS:a \"@rx b\" \"id:4," P1 ",skipAfter:NOWHERE\"\n"
     "SecAction \"id:5," P1 "\"\nSecAction \"id:6," P2 "\"\n",
     {NULL, "/?a=b", NULL, NULL},
     "1 3 4 6"},
    {"skip",
     "SecAction \"id:1," P1 ",skip:2\"\nSecAction \"id:2," P1 "\"\n"
     "SecAction \"id:3," P1 "\"\nSecAction \"id:4," P1 "\"\n",
     {NULL},
     "1 4"},
    {"skipAfter needs the whole chain",
     "SecRule ARGS:a \"@rx b\" \"id:1," P1
     ",chain,skipAfter:END\"\nSecRule ARGS:a \"@rx x\" \"t:none\""
     "\nSecAction \"id:2," P1 "\"\nSecMarker END\n",
     {NULL, "/?a=b", NULL, NULL},
     "2"},

    /* setvar, capture */
    {"setvar arithmetic",
     "SecAction \"id:1," P1 ",setvar:tx.a=5,setvar:tx.a=+3,setvar:tx.a=-1,"
     "setvar:tx.b=%{tx.a}x,setvar:tx.c,setvar:tx.d=1,setvar:!tx.d\"\n"
     "SecRule TX:a \"@eq 7\" \"id:2," P1 "\"\n"
     "SecRule TX:B \"@streq 7x\" \"id:3," P1 "\"\n"
     "SecRule TX:c \"@eq 1\" \"id:4," P1 "\"\n"
     "SecRule &TX:d \"@eq 0\" \"id:5," P1 "\"\n"
     "SecRule TX:nope \"@eq 0\" \"id:6," P1 "\"\n",
     {NULL},
     "1 2 3 4 5"},
    {"setvar for each value, though the chain fails",
     "SecRule ARGS \"@rx v\" \"id:1," P1 ",chain,setvar:tx.n=+1\"\nSecRule ARGS \"@rx zz\" "
     "\"t:none\"\nSecRule TX:n \"@eq 3\" \"id:2," P1 "\"\n",
     {NULL, "/?a=v&b=v&c=v", NULL, NULL},
     "2"},
    {"names made at run time",
     "SecRule ARGS:a \"@rx (.)\" \"id:1," P1 ",capture,setvar:tx.%{tx.1}_x=7\"\n"
     "SecRule TX:q_x \"@eq 7\" \"id:2," P1 "\"\n"
     "SecRule TX:/_x$/ \"@eq 7\" \"id:3," P1 "\"\n"
     "SecAction \"id:4," P1 ",setvar:tx.w%{tx.1}=1\"\n"
     "SecRule TX:/^wq$/ \"@eq 1\" \"id:5," P1 "\"\n",
     {NULL, "/?a=q", NULL, NULL},
     "1 2 3 4 5"},
    {"capture",
     "SecRule ARGS:a \"@rx (b)(x)?(c)\" \"id:1," P1 ",capture\"\n"
     "SecRule TX:0 \"@streq bc\" \"id:2," P1 "\"\nSecRule TX:3 \"@streq c\" \"id:3," P1
     "\"\nSecRule &TX:2 \"@eq 0\" \"id:4," P1 "\"\n"
     "SecRule ARGS:a \"@pm zzz bcd\" \"id:5," P1 ",capture\"\n"
     "SecRule TX:0 \"@streq bcd\" \"id:6," P1 "\"\n",
     {NULL, "/?a=abcd", NULL, NULL},
     "1 2 3 4 5 6"},

    /* ctl */
    {"rules taken out",
     "SecAction \"id:1," P1 ",ctl:ruleRemoveById=3,ctl:ruleRemoveById=5-6,ctl:ruleRemoveByTag=out,"
     "ctl:ruleRemoveByMsg=gone\"\n"
     "SecAction \"id:2," P1 "\"\nSecAction \"id:3," P1 "\"\nSecAction \"id:5," P1
     "\"\nSecAction \"id:6," P1 "\"\nSecAction \"id:7," P1 ",tag:'all/out'\"\nSecAction \"id:8," P1
     ",msg:'it is gone'\"\n",
     {NULL},
     "1 2"},
    {"targets taken out",
     "SecRule ARGS \"@rx v\" \"id:1," P1 ",ctl:ruleRemoveTargetById=2;ARGS:a,"
     "ctl:ruleRemoveTargetByTag=T;ARGS,ctl:ruleRemoveTargetById=4;"
     "ARGS:/^[ab]$/\"\n"
     "SecRule ARGS \"@rx v1\" \"id:2," P1 "\"\n"
     "SecRule ARGS \"@rx v\" \"id:3," P1 ",tag:T\"\n"
     "SecRule ARGS \"@rx v\" \"id:4," P1 "\"\n"
     "SecRule ARGS \"@rx v2\" \"id:5," P1 "\"\n",
     {NULL, "/?a=v1&b=v2", NULL, NULL},
     "1 5"},
    {"counts of what was taken out",
     "SecAction \"id:1," P1
     ",ctl:ruleRemoveTargetById=2;ARGS:a,ctl:ruleRemoveTargetById=3;ARGS:a\"\n"
     "SecRule &ARGS:a \"@lt 9\" \"id:2," P1 "\"\nSecRule &ARGS \"@eq 1\" \"id:3," P1 "\"\n"
     "SecRule &ARGS \"@eq 2\" \"id:4," P1 "\"\n",
     {NULL, "/?a=1&b=2", NULL, NULL},
     "1 3 4"},
    {"engine off",
     "SecAction \"id:1," P1 ",ctl:ruleEngine=Off\"\nSecAction \"id:2," P1 "\"\n"
     "SecAction \"id:3," P2 "\"\n",
     {NULL},
     "1"},
    {"ctl only when the chain matches",
     "SecRule ARGS:a \"@rx v\" \"id:1," P1 ",chain,ctl:ruleEngine=Off\"\nSecRule ARGS:a \"@rx z\" "
     "\"t:none\"\nSecAction \"id:2," P1 "\"\n",
     {NULL, "/?a=v", NULL, NULL},
     "2"},

    /* changes of loaded rules */
    {"removed and updated",
     "SecAction \"id:1," P1 "\"\nSecAction \"id:2," P1 ",tag:x\"\nSecRule ARGS \"@rx v\" \"id:3," P1
     "\"\nSecRule ARGS \"@rx v\" \"id:4," P1 "\"\nSecRuleRemoveById 1\nSecRuleRemoveByTag ^x$\n"
     "SecRuleUpdateTargetById 3 \"!ARGS:a\"\n"
     "SecRuleUpdateTargetById 4 \"REQUEST_METHOD\"\n"
     "SecRuleUpdateActionById 4 \"setvar:tx.hit=+1\"\n"
     "SecRule TX:hit \"@eq 1\" \"id:5," P1 "\"\n"
     "SecAction \"id:6," P1 ",tag:x\"\n",
     {NULL, "/?a=v", NULL, NULL},
     "4 5 6"},
    {"unset collections",
     "SecRule IP:a \"@rx .\" \"id:1," P1 "\"\nSecRule &IP:a \"@eq 0\" \"id:2," P1
     "\"\nSecAction \"id:3," P1 ",setvar:ip.a=1\"\nSecRule &IP:a \"@eq 0\" "
     "\"id:4," P1 "\"\n",
     {NULL},
     "2 3 4"},
};

static void test_cases(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        rig_t r = {0};
        rig_load(&r, CASES[i].rules);
        rig_run(&r, &CASES[i].request);
        if (strcmp(rig_ids(&r), CASES[i].ids) != 0) {
            fail_msg("%s: matched \"%s\", wanted \"%s\"", CASES[i].name, rig_ids(&r), CASES[i].ids);
        }
        rig_free(&r);
    }
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static const struct {
    const char *rules;
    engine_decision_t decision;
    unsigned status, phase;
    uint32_t id;
    const char *ids;
} VERDICTS[] = {
    {"SecAction \"id:1,phase:1,deny\"\nSecAction \"id:2," P1 "\"\nSecAction \"id:3,phase:5,nolog\"",
     ENGINE_DENY, 403, 1, 1, "1 3"},
    {"SecAction \"id:1,phase:2,deny,status:406\"", ENGINE_DENY, 406, 2, 1, "1"},
    {"SecAction \"id:1,phase:1,drop\"", ENGINE_DROP, 403, 1, 1, "1"},
    {"SecAction \"id:1,phase:3,redirect:https://x/%{REQUEST_METHOD}\"", ENGINE_REDIRECT, 302, 3, 1,
     "1"},
    {"SecDefaultAction \"phase:1,deny,status:418\"\nSecAction \"id:1,phase:1,block\"", ENGINE_DENY,
     418, 1, 1, "1"},
    {"SecDefaultAction \"phase:1,deny,status:418\"\nSecAction \"id:1,phase:1,nolog\"", ENGINE_DENY,
     418, 1, 1, "1"},
    {"SecAction \"id:1,phase:1,block\"\nSecAction \"id:2," P1 "\"", ENGINE_PASS, 0, 0, 0, "1 2"},
    {"SecAction \"id:1,phase:1,allow\"\nSecAction \"id:2,phase:1,deny\"\nSecAction "
     "\"id:3,phase:3,deny\"\nSecAction \"id:4,phase:5,nolog\"",
     ENGINE_ALLOW, 0, 1, 1, "1 4"},
    {"SecAction \"id:1,phase:1,allow:phase\"\nSecAction \"id:2,phase:1,deny\"\nSecAction "
     "\"id:3,phase:2,deny\"",
     ENGINE_DENY, 403, 2, 3, "1 3"},
    {"SecAction \"id:1,phase:1,allow:request\"\nSecAction \"id:2,phase:2,deny\"\nSecAction "
     "\"id:3,phase:3,deny\"",
     ENGINE_DENY, 403, 3, 3, "1 3"},
    {"SecAction \"id:1,phase:1,deny\"\nSecRuleUpdateActionById 1 \"pass\"", ENGINE_PASS, 0, 0, 0,
     "1"},
};

static void test_verdicts(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(VERDICTS); i++) {
        rig_t r = {0};
        rig_load(&r, VERDICTS[i].rules);
        rig_run(&r, &(rig_request_t){0});
        const engine_verdict_t *v = &r.verdict;
        if (v->decision != VERDICTS[i].decision || v->phase != VERDICTS[i].phase ||
            v->rule_id != VERDICTS[i].id || v->detect_only ||
            (v->decision > ENGINE_ALLOW && v->status != VERDICTS[i].status) ||
            strcmp(rig_ids(&r), VERDICTS[i].ids) != 0) {
            fail_msg("%s\n  gave %d %u, phase %u, rule %u; matched %s", VERDICTS[i].rules,
                     v->decision, v->status, v->phase, v->rule_id, rig_ids(&r));
        }
        if (v->decision == ENGINE_REDIRECT) {
            assert_slice(v->url, SLICE("https://x/GET"));
        }
        rig_free(&r);
    }
}

/* DetectionOnly: all rules run, the verdict says what would have been done first. */
static void test_detect_only(void **state)
{
    rig_t r = {0};
    rig_load(&r, "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny,status:401\"\n"
                 "SecAction \"id:2,phase:2,drop\"\nSecAction \"id:3,phase:1,allow\"\n");
    rig_run(&r, &(rig_request_t){0});
    assert_string_equal(rig_ids(&r), "1 3 2");
    assert_int_equal(r.verdict.decision, ENGINE_DENY);
    assert_int_equal(r.verdict.rule_id, 1);
    assert_true(r.verdict.detect_only);
    rig_free(&r);
}

static void test_match_record(void **state)
{
    rig_t r = {0};
    rig_load(&r,
             "SecRule ARGS \"@rx (e)vil\" \"id:7,phase:2,deny,capture,log,msg:'found "
             "%{TX.1} in %{MATCHED_VAR_NAME}',logdata:'%{MATCHED_VAR} %{rule.id}',tag:'a',tag:'b'"
             ",severity:'CRITICAL',rev:'2',ver:'v',maturity:4,accuracy:5,t:lowercase\"\n");
    rig_run(&r, &(rig_request_t){NULL, "/?q=an+EVIL+word", NULL, NULL});
    assert_int_equal(engine_tx_matches(r.tx), 1);
    const engine_match_t *m = engine_tx_match(r.tx, 0);
    assert_slice(m->msg, SLICE("found e in ARGS:q"));
    assert_slice(m->logdata, SLICE("an evil word 7"));
    assert_slice(m->var, SLICE("ARGS:q"));
    assert_slice(m->raw, SLICE("an EVIL word"));
    assert_slice(m->value, SLICE("an evil word"));
    assert_int_equal(m->part_at, 3);
    assert_int_equal(m->part_len, 4);
    assert_int_equal(m->severity, 2);
    assert_int_equal(m->tag_count, 2);
    assert_slice(m->tags[1], SLICE("b"));
    assert_slice(m->operator_name, SLICE("rx"));
    assert_true(m->log && m->audit && m->disruptive && !m->limit_hit);
    assert_slice(rig_var(&r, "HIGHEST_SEVERITY"), SLICE("2"));
    assert_slice(rig_var(&r, "TX:1"), SLICE("e"));
    assert_slice(rig_var(&r, "TX:nope"), SLICE("(none)"));
    assert_slice(rig_var(&r, "NOPE"), SLICE("(none)"));
    rig_free(&r);
}

/* A regex that runs into its limit counts as a match and says so. */
static void test_regex_limit(void **state)
{
    char uri[256];
    rig_t r = {0};
    snprintf(uri, sizeof uri, "/?a=%s",
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    rig_load(&r, "SecPcreMatchLimit 5000\nSecRule ARGS \"@rx ^(?:a+a+)+$\" \"id:1,phase:1,pass\"\n"
                 "SecRule ARGS \"!@rx ^(?:a+a+)+$\" \"id:2,phase:1,pass\"\n"
                 "SecRule MSC_PCRE_LIMITS_EXCEEDED \"@eq 1\" \"id:3,phase:1,pass\"\n");
    rig_run(&r, &(rig_request_t){NULL, uri, NULL, NULL});
    assert_string_equal(rig_ids(&r), "1 2 3");
    assert_true(engine_tx_match(r.tx, 0)->limit_hit);
    assert_true(engine_tx_stats(r.tx).regex_limits >= 2);
    rig_free(&r);
}

/* Patterns in the way of CRS's, values that make them look everywhere from everywhere: what a
 * search costs is bounded by the value's length, what a transaction costs by a constant. Not
 * finished is a match. A search that is finished within its bound says what it would say without
 * one. */
static void test_regex_steps(void **state)
{
    static const char *const RULES =
        "SecRule ARGS \"@rx "
        "(?i)<[^\\w<>]*(?:[^<>\\\"'\\s]*:)?[^\\w<>]*(?:\\W*?s\\W*?c|\\W*?f\\W*?o)\" "
        "\"id:1,phase:2,pass\"\n"
        "SecRule ARGS \"@rx (?i:select[\\s\\S]*?from|union[\\s\\S]*?all)\" \"id:2,phase:2,pass\"\n";
    static const struct {
        const char *text, *end, *ids;
        unsigned bytes, count;
    } COSTLY[] = {
        {"%3C!--", "s%20fo", "1", 2400, 1},  {"%3C", "s%20fo", "", 2400, 1},
        {"select+", "from", "2", 2400, 1},   {"select+", "fr+om", "2", 600, 1},
        {"%3C", "s%20fo", "", 60, 900},      {"plain+text+", "from", "", 2400, 1},
        {"%3C!--", "s%20fo", "1", 480, 900}, {"plain+%3C+s+", "fo", "", 200, 1},
    };
    static char body[768 * 1024];
    for (size_t i = 0; i < BASE_COUNT(COSTLY); i++) {
        rig_t r = {0};
        buf_t b = buf_on(body, sizeof body);
        for (unsigned n = 0; n < COSTLY[i].count; n++) {
            buf_cstr(&b, n ? "&a=" : "a=");
            for (unsigned k = 0; k < COSTLY[i].bytes; k += (unsigned)strlen(COSTLY[i].text)) {
                buf_cstr(&b, COSTLY[i].text);
            }
            buf_cstr(&b, COSTLY[i].end);
        }
        buf_u8(&b, 0);
        assert_ok(buf_check(&b));
        rig_load(&r, RULES);
        rig_run(&r, &(rig_request_t){"POST", "/",
                                     "Content-Type: application/x-www-form-urlencoded\n", body});
        engine_stats_t s = engine_tx_stats(r.tx);
        assert_string_equal(rig_ids(&r), COSTLY[i].ids);
        assert_in_range(s.regex_steps, 0, s.regexes * (10001 + 16 * 2500));
        assert_in_range(s.regex_steps, i == 6 ? 1000000 : 0, 4000000);
        rig_free(&r);
    }
}

/* ---- collections with a store and a clock ---------------------------------------------------- */

typedef struct shelf {
    int64_t now_us;
    struct {
        char name[64], value[64];
        int64_t expires_us;
    } row[16];
    size_t rows;
} shelf_t;

static size_t shelf_find(shelf_t *s, slice_t collection, slice_t key, slice_t name, bool make)
{
    char full[64];
    snprintf(full, sizeof full, "%.*s/%.*s/%.*s", SLICE_FMT(collection), SLICE_FMT(key),
             SLICE_FMT(name));
    for (size_t i = 0; i < s->rows; i++) {
        if (strcasecmp(s->row[i].name, full) == 0) {
            return i;
        }
    }
    if (!make) {
        return SIZE_MAX;
    }
    snprintf(s->row[s->rows].name, sizeof s->row[0].name, "%s", full);
    return s->rows++;
}

static err_t shelf_get(void *user, slice_t c, slice_t k, slice_t n, int64_t now, arena_t *arena,
                       slice_t *ret)
{
    shelf_t *s = user;
    size_t i = shelf_find(s, c, k, n, false);
    ENSURE(i != SIZE_MAX && s->row[i].value[0] &&
               (s->row[i].expires_us == 0 || s->row[i].expires_us > now),
           ERR_NOT_FOUND);
    return arena_copy(arena, slice_cstr_in(s->row[i].value), ret);
}

static err_t shelf_put(void *user, slice_t c, slice_t k, slice_t n, slice_t v, int64_t now,
                       int64_t ttl)
{
    shelf_t *s = user;
    size_t i = shelf_find(s, c, k, n, true);
    snprintf(s->row[i].value, sizeof s->row[i].value, "%.*s", SLICE_FMT(v));
    return OK;
}

static err_t shelf_add(void *user, slice_t c, slice_t k, slice_t n, int64_t delta, int64_t now,
                       int64_t ttl, int64_t *ret)
{
    shelf_t *s = user;
    size_t i = shelf_find(s, c, k, n, true);
    *ret = strtoll(s->row[i].value, NULL, 10) + delta;
    snprintf(s->row[i].value, sizeof s->row[i].value, "%lld", (long long)*ret);
    return OK;
}

static err_t shelf_remove(void *user, slice_t c, slice_t k, slice_t n)
{
    shelf_t *s = user;
    size_t i = shelf_find(s, c, k, n, false);
    if (i != SIZE_MAX) {
        s->row[i].value[0] = 0;
    }
    return OK;
}

static err_t shelf_expire(void *user, slice_t c, slice_t k, slice_t n, int64_t at)
{
    shelf_t *s = user;
    s->row[shelf_find(s, c, k, n, true)].expires_us = at;
    return OK;
}

static err_t shelf_each(void *user, slice_t c, slice_t k, int64_t now, arena_t *arena, void *eu,
                        err_t (*each)(void *eu, slice_t name, slice_t value))
{
    shelf_t *s = user;
    for (size_t i = 0; i < s->rows; i++) {
        const char *name = strrchr(s->row[i].name, '/') + 1;
        if (s->row[i].value[0]) {
            TRY(each(eu, slice_cstr_in(name), slice_cstr_in(s->row[i].value)));
        }
    }
    return OK;
}

static int64_t shelf_now(void *user)
{
    return ((shelf_t *)user)->now_us;
}

static void test_collections(void **state)
{
    shelf_t shelf = {.now_us = 1000000};
    const engine_store_t store = {&shelf,       shelf_get,    shelf_put, shelf_add,
                                  shelf_remove, shelf_expire, shelf_each};
    const engine_world_t world = {.user = &shelf, .wall_us = shelf_now, .store = &store};
    rig_t r = {.world = &world};
    rig_load(&r,
             "SecAction \"id:1," P1 ",initcol:ip=%{REMOTE_ADDR},initcol:global=g\"\n"
             "SecAction \"id:2," P1 ",setvar:ip.hits=+1,setvar:global.all=+2\"\n"
             "SecRule IP:hits \"@ge 2\" \"id:3," P1 ",setvar:ip.block=1,expirevar:ip.block=60\"\n"
             "SecRule IP:block \"@eq 1\" \"id:4," P1 "\"\n"
             "SecRule GLOBAL:ALL \"@eq 6\" \"id:5," P1 ",setvar:!ip.hits\"\n"
             "SecRule &IP \"@ge 1\" \"id:6,phase:5,pass,nolog\"\n"
             "SecRule IP:/^h/ \"@ge 1\" \"id:7,phase:5,pass,nolog\"\n");
    rig_run(&r, &(rig_request_t){0});
    assert_string_equal(rig_ids(&r), "1 2 6 7");
    rig_run(&r, &(rig_request_t){0});
    assert_string_equal(rig_ids(&r), "1 2 3 4 6 7");
    shelf.now_us += INT64_C(30) * 1000000;
    rig_run(&r, &(rig_request_t){0}); /* third: global.all is 6, hits are unset */
    assert_string_equal(rig_ids(&r), "1 2 3 4 5 6");
    shelf.now_us += INT64_C(61) * 1000000;
    rig_run(&r, &(rig_request_t){0}); /* block has expired */
    assert_string_equal(rig_ids(&r), "1 2 6 7");
    rig_free(&r);
}

/* Whatever allocation fails: an error, never a verdict that was not reached. */
static void test_memory(void **state)
{
    rig_t r = {0};
    const rig_request_t q = {"POST", "/?a=b+c&d=EVIL", FORM "\nCookie: a=b", "x=1+2&y=%41"};
    rig_load(&r,
             "SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES \"@rx (?i)evil\" "
             "\"id:1,phase:2,deny,capture,t:lowercase,t:removeWhitespace,msg:'%{TX.0} x',setvar:"
             "tx.a%{tx.0}=+1\"\n");
    int64_t fails = 0;
    for (int64_t n = 0; n < 10000; n++) {
        err_t e = rig_run_in(&r, &q, n);
        if (!err_failed(e)) {
            assert_true(rig_matched(&r, 1));
            assert_int_equal(r.verdict.decision, ENGINE_DENY);
            break;
        }
        assert_true(err_is(e, ERR_MEMORY));
        fails++;
    }
    assert_true(fails > 8);
    rig_free(&r);
}

/* Many small values are scanned together; the right ones are found. */
static void test_many_values(void **state)
{
    static char body[40000];
    size_t at = 0;
    rig_t r = {0};
    for (unsigned i = 0; i < 900; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at, "%sk%u=%s", i ? "&" : "", i,
                               i % 300 == 150 ? "UNION+select" : "blue+bike");
    }
    rig_load(&r,
             "SecRule ARGS \"@rx (?i)union\\s+select\" \"id:1," P2 ",setvar:tx.n=+1\"\n"
             "SecRule ARGS|!ARGS:k150 \"@pm union\" \"id:2," P2 ",t:lowercase,setvar:tx.m=+1\"\n");
    rig_run(&r, &(rig_request_t){"POST", "/", FORM, body});
    assert_slice(rig_var(&r, "TX:n"), SLICE("3"));
    assert_slice(rig_var(&r, "TX:m"), SLICE("2"));
    assert_true(engine_tx_stats(r.tx).regexes <= 3);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),       cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_detect_only), cmocka_unit_test(test_match_record),
        cmocka_unit_test(test_regex_limit), cmocka_unit_test(test_regex_steps),
        cmocka_unit_test(test_collections), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_many_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
