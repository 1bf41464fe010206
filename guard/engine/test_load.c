/* Reading rules: what is accepted, and that what is not is named by file, line and word. */
#include "rig.h"

static const rig_file_t FILES[] = {
    {"/r/a.conf", "SecRule ARGS \"@pmFromFile words.data\" \"id:1,phase:2,pass\"\n"},
    {"/r/b.conf", "SecRule ARGS x \"id:2,phase:2,pass\"\n"},
    {"/r/words.data", "# comment\nalpha\n  beta  \n\n"},
    {"/r/nets.data", "10.0.0.0/8\n# x\n2001:db8::/32\n"},
    {"/r/loop.conf", "Include /r/loop.conf\n"},
    {"/bad.conf", "SecRuleEngine On\n\nSecRule ARGS \"@rx (\" \"id:3\"\n"},
    {NULL, NULL},
};

static const struct {
    const char *rules;
    const char *file; /* NULL: test.conf */
    unsigned line;
    const char *word, *text; /* parts of them */
} FAULTS[] = {
    {"SecFoo On", NULL, 1, "SecFoo", "unknown directive"},
    {"SecRuleEngine On\nSecRuleEngine Maybe", NULL, 2, "Maybe", "not a value"},
    {"SecRuleEngine", NULL, 1, "SecRuleEngine", "number of words"},
    {"SecRule ARGS \"@rx a", NULL, 1, "SecRule ARGS", "quote"},
    {"SecRule ARGZ \"@rx a\" \"id:1\"", NULL, 1, "ARGZ", "unknown variable"},
    {"SecRule ARGS|REQUEST_URI:x \"@rx a\" \"id:1\"", NULL, 1, "x", "no parts"},
    {"SecRule ARGS: \"@rx a\" \"id:1\"", NULL, 1, "", "selector is empty"},
    {"SecRule ARGS:/(/ \"@rx a\" \"id:1\"", NULL, 1, "/(/", "regular expression"},
    {"SecRule XML:/a/b \"@rx a\" \"id:1\"", NULL, 1, "/a/b", "only XML:"},
    {"SecRule !ARGS \"@rx a\" \"id:1\"", NULL, 1, "!ARGS", "nothing to look at"},
    {"SecRule ARGS \"@nope a\" \"id:1\"", NULL, 1, "nope", "unknown operator"},
    {"SecRule ARGS \"@rx (\" \"id:1\"", NULL, 1, "(", "regular expression"},
    {"SecRule ARGS \"@eq x\" \"id:1\"", NULL, 1, "x", "not a whole number"},
    {"SecRule ARGS \"@pm\" \"id:1\"", NULL, 1, "pm", "needs an argument"},
    {"SecRule ARGS \"@ipMatch 1.2.3\" \"id:1\"", NULL, 1, "1.2.3", "not an address"},
    {"SecRule ARGS \"@ipMatch 1.2.3.4/33\" \"id:1\"", NULL, 1, "1.2.3.4/33", "not an address"},
    {"SecRule ARGS \"@validateByteRange 1-300\" \"id:1\"", NULL, 1, "1-300", "range of bytes"},
    {"SecRule ARGS \"@validateByteRange 9-1\" \"id:1\"", NULL, 1, "9-1", "range of bytes"},
    {"SecRule ARGS \"@pmFromFile none.data\" \"id:1\"", NULL, 1, "none.data", "cannot be read"},
    {"SecRule ARGS a \"phase:1\"", NULL, 1, "id", "needs an id"},
    {"SecRule ARGS a \"id:0\"", NULL, 1, "0", "greater than 0"},
    {"SecRule ARGS a \"id:1\"\n\nSecRule ARGS a \"id:1\"", NULL, 3, "1", "already in use"},
    {"SecRule ARGS a \"id:1,phase:6\"", NULL, 1, "6", "not a phase"},
    {"SecRule ARGS a \"id:1,jump\"", NULL, 1, "jump", "unknown action"},
    {"SecRule ARGS a \"id:1,pass:x\"", NULL, 1, "pass", "has no value"},
    {"SecRule ARGS a \"id:1,msg\"", NULL, 1, "msg", "needs a value"},
    {"SecRule ARGS a \"id:1,msg:'x\"", NULL, 1, "msg", "quote"},
    {"SecRule ARGS a \"id:1,msg:'x'y,pass\"", NULL, 1, "msg", "quote"},
    {"SecRule ARGS a \\\n  \"id:1,\\\n  t:none,\\\n  t:rot13\"", NULL, 4, "rot13",
     "unknown transformation"},
    {"SecRule ARGS a \"id:1,severity:'BAD'\"", NULL, 1, "BAD", "not a severity"},
    {"SecRule ARGS a \"id:1,status:42\"", NULL, 1, "42", "not an HTTP status"},
    {"SecRule ARGS a \"id:1,setvar:foo=1\"", NULL, 1, "foo=1", "can be set"},
    {"SecRule ARGS a \"id:1,setvar:env.x=1\"", NULL, 1, "env.x", "can be set"},
    {"SecRule ARGS a \"id:1,setvar:tx.x=%{NOPE.x}\"", NULL, 1, "NOPE", "unknown variable"},
    {"SecRule ARGS a \"id:1,expirevar:tx.x=1\"", NULL, 1, "tx.x=1", "expirevar wants"},
    {"SecRule ARGS a \"id:1,initcol:tx=1\"", NULL, 1, "tx=1", "initcol wants"},
    {"SecRule ARGS a \"id:1,ctl:foo=On\"", NULL, 1, "foo", "unknown ctl"},
    {"SecRule ARGS a \"id:1,ctl:ruleEngine=Maybe\"", NULL, 1, "Maybe", "not a value"},
    {"SecRule ARGS a \"id:1,ctl:ruleRemoveById=x\"", NULL, 1, "x", "not an id"},
    {"SecRule ARGS a \"id:1,ctl:ruleRemoveTargetById=5\"", NULL, 1, "=5", "VARIABLE"},
    {"SecRule ARGS a \"id:1,ctl:requestBodyProcessor=TOML\"", NULL, 1, "TOML", "not a value"},
    {"SecRule ARGS a \"id:1,chain\"", NULL, 1, "chain", "no next rule"},
    {"SecRule ARGS a \"id:1,chain\"\nSecMarker X", NULL, 2, "SecMarker", "chain is open"},
    {"SecRule ARGS a \"id:1,chain\"\nSecRule ARGS b \"id:2\"", NULL, 2, "", "link of a chain"},
    {"SecRule ARGS a \"id:1,chain\"\nSecRule ARGS b \"deny\"", NULL, 2, "", "link of a chain"},
    {"SecDefaultAction \"phase:1,id:3,pass\"", NULL, 1, "id", "not allowed in SecDefaultAction"},
    {"SecDefaultAction \"log\"", NULL, 1, "log", "wants a phase"},
    {"SecRuleRemoveById 1-x", NULL, 1, "1-x", "not an id"},
    {"SecRuleUpdateTargetById 1 BAD", NULL, 1, "BAD", "unknown variable"},
    {"SecRuleUpdateActionById 1 \"id:7\"", NULL, 1, "id:7", "cannot be changed"},
    {"Include /none/*.conf", NULL, 1, "/none/*.conf", "no such file"},
    {"Include /r/loop.conf", "/r/loop.conf", 1, "loop.conf", "too deeply"},
    {"SecRuleEngine On\nInclude /bad.conf", "/bad.conf", 3, "(", "regular expression"},
    {"SecXmlExternalEntity On", NULL, 1, "On", "never loaded"},
    {"SecParseXmlIntoArgs Off\nSecParseXmlIntoArgs OnlyArgs", NULL, 2, "OnlyArgs", "only"},
    {"SecCookieFormat 1", NULL, 1, "1", "version 0"},
    {"<Location />", NULL, 1, "<Location", "unknown directive"},
};

static void test_faults(void **state)
{
    rig_files(FILES);
    for (size_t i = 0; i < BASE_COUNT(FAULTS); i++) {
        rig_t r = {0};
        const char *rules = FAULTS[i].rules;
        err_t e = rig_try(&r, &RIG_TABLE, rules, strlen(rules));
        if (!err_is(e, ERR_CONFIG) || r.fault.line != FAULTS[i].line ||
            strcmp(r.fault.file, FAULTS[i].file ? FAULTS[i].file : "test.conf") != 0 ||
            !strstr(r.fault.word, FAULTS[i].word) || !strstr(r.fault.text, FAULTS[i].text)) {
            fail_msg("%s\n  gave %s %s:%u: '%s' %s", rules, err_name(e.code), r.fault.file,
                     r.fault.line, r.fault.word, r.fault.text);
        }
        rig_free(&r);
    }
}

/* Words that people write; each must load. */
static const char *const GOOD[] = {
    "",
    "\\\n\n",
    "# only a comment \\\n# and more\n",
    "SecRule ARGS \"a\" id:1",
    "secrule args|!args:'/^x|y/'|&ARGS:z \"!@rx a\" \"id:1,phase:request,deny\"",
    "SecRule ARGS \"@rx a \\\"b\\\"\" \\\r\n \"id:1,\\\r\n pass\"\r\n",
    "SecRule REQUEST_HEADERS:/^x-/|TX:/a/|XML:/*|XML://@* \"@within a b\" \"id:'1',t:none,t:"
    "lowercase,multiMatch,capture,nolog,auditlog,severity:2,tag:'a/b',rev:'2',ver:'x',maturity:3,"
    "accuracy:9,logdata:'%{TX.0} %{nothing'\"",
    "SecAction \"id:1,phase:1,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.a=+1,setvar:!ip.b,expirevar:"
    "ip.a=60,setvar:'tx.x%{tx.y}=z',skipAfter:END,ctl:auditLogParts=+E,ctl:ruleEngine=Off\"\n"
    "SecMarker END",
    "SecRule ARGS a \"id:1,phase:1,redirect:'https://example.com/%{TX.a}',status:303\"",
    "SecRule TX:a \"@lt %{tx.b}\" \"id:1,phase:5,allow:phase\"",
    "SecRuleRemoveById 1 \"3-5\" 7\nSecRuleRemoveByTag x\nSecRuleRemoveByMsg 'a b'",
    "SecRuleUpdateTargetByTag x \"!ARGS:y\"\nSecRuleUpdateTargetByMsg x \"!ARGS:y\"",
    "Include /r/*.conf",
};

static void test_good(void **state)
{
    const rig_file_t files[] = {FILES[0], FILES[1], FILES[2], FILES[3], {NULL, NULL}};
    rig_files(files);
    for (size_t i = 0; i < BASE_COUNT(GOOD); i++) {
        rig_t r = {0};
        err_t e = rig_try(&r, &RIG_TABLE, GOOD[i], strlen(GOOD[i]));
        if (err_failed(e)) {
            fail_msg("%s\n  gave %s:%u: '%s' %s", GOOD[i], r.fault.file, r.fault.line, r.fault.word,
                     r.fault.text);
        }
        rig_free(&r);
    }
}

static void test_settings(void **state)
{
    rig_t r = {0};
    const char *rules = "SecRuleEngine DetectionOnly\nSecRequestBodyLimit 1000\n"
                        "SecRequestBodyLimitAction ProcessPartial\nSecAuditLogParts ABZ\n"
                        "SecAuditEngine RelevantOnly\nSecResponseBodyMimeType text/plain a/b\n"
                        "SecCollectionTimeout 600\nSecArgumentSeparator ;\nSecAuditLogFormat JSON\n"
                        "SecDebugLogLevel 3\nSecStatusEngine On\n";
    assert_ok(rig_try(&r, &RIG_TABLE, rules, strlen(rules)));
    const engine_settings_t *s = engine_set_settings(r.set);
    assert_int_equal(s->mode, ENGINE_DETECT);
    assert_int_equal(s->request_body_limit, 1000);
    assert_false(s->request_limit_reject);
    assert_int_equal(s->audit_parts, 1 | 2 | 1 << 25);
    assert_int_equal(s->audit, ENGINE_AUDIT_RELEVANT);
    assert_int_equal(s->response_type_count, 2);
    assert_slice(s->response_types[1], SLICE("a/b"));
    assert_int_equal(s->collection_timeout_s, 600);
    assert_int_equal(s->argument_separator, ';');
    assert_true(s->audit_json);
    assert_int_equal(engine_set_notes(r.set), 1); /* SecStatusEngine does nothing here */
    rig_free(&r);
}

static void test_info(void **state)
{
    rig_t r = {0};
    rig_files(FILES);
    rig_load(&r, "SecRule ARGS \"@rx (?i)union\\s+select\" \"id:1,phase:2,pass,chain\"\n"
                 "SecRule ARGS \"!@rx ^.*$\" \"t:none\"\n"
                 "SecRule ARGS \"@pm one two\" \"id:2,phase:1,pass\"\n"
                 "SecRule ARGS \"@rx ^[^;]*;\" \"id:3,phase:1,pass\"\n");
    assert_int_equal(engine_set_rules(r.set), 4);
    engine_rule_info_t i = engine_set_rule(r.set, 0);
    assert_int_equal(i.gate, ENGINE_GATE_LITERAL);
    assert_int_equal(i.line, 5);
    assert_true(i.chained && !i.is_link);
    i = engine_set_rule(r.set, 1);
    assert_int_equal(i.id, 1);
    assert_int_equal(i.gate, ENGINE_GATE_NONE);
    assert_true(i.is_link && i.negated);
    assert_int_equal(engine_set_rule(r.set, 2).gate, ENGINE_GATE_EXACT);
    assert_int_equal(engine_set_rule(r.set, 3).gate, ENGINE_GATE_BYTES);
    assert_int_equal(engine_set_rule(r.set, 99).id, 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults), cmocka_unit_test(test_good),
                                       cmocka_unit_test(test_settings),
                                       cmocka_unit_test(test_info)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
