/* The shapes that the Core Rule Set 4 is written in and version 3 is not (its text is not here;
 * these rules are ours): variables made at run time and chosen by a regular expression, names that
 * begin with a digit, negated operators against another value, removal of a target by tag, XML
 * attributes beside text, several transformations twice in a chain, patterns as its assembler
 * writes them. */
#include "rig.h"

typedef struct crs4_case {
    const char *name, *rules;
    rig_request_t request;
    const char *ids;
} crs4_case_t;

#define FORM "Content-Type: application/x-www-form-urlencoded"
#define PARTS "Content-Type: multipart/form-data; boundary=b"
#define P1 "phase:1,pass,nolog"
#define P2 "phase:2,pass,nolog"

/* Each part's type into a variable of its own, counted; then all of them are judged. */
#define PART_TYPES                                                                                 \
    "SecRule &MULTIPART_PART_HEADERS \"@gt 0\" \"id:1," P2 ",setvar:'tx.part_count=0'\"\n"         \
    "SecRule MULTIPART_PART_HEADERS \"@rx ^content-type\\s*:\\s*(.*)$\" \"id:2," P2                \
    ",capture,t:none,t:lowercase,setvar:'tx.part_type_%{tx.part_count}=%{tx.1}',"                  \
    "setvar:'tx.part_count=+1'\"\n"                                                                \
    "SecRule TX:/PART_TYPE_*/ \"!@rx ^text/[a-z]+(?:[\\s\\x0b]*;[\\s\\x0b]*charset="               \
    "\\\"?utf-8\\\"?)?$\" \"id:3," P2 ",t:none,t:lowercase\"\n"
#define PART(name, type)                                                                           \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n" type "\r\nv\r\n"

static const crs4_case_t CASES[] = {
    {"types of parts, the bad one first",
     PART_TYPES,
     {"POST", "/", PARTS,
      PART("a", "Content-Type: text/plain; charset=utf-7\r\n")
          PART("a", "Content-Type: text/plain; charset=UTF-8\r\n") "--b--\r\n"},
     "1 2 3"},
    {"types of parts, all good",
     PART_TYPES,
     {"POST", "/", PARTS,
      PART("a", "Content-Type: text/plain; charset=\"utf-8\"\r\n") PART("b", "") "--b--\r\n"},
     "1 2"},
    {"a part by name, a variable that begins with a digit",
     "SecRule &MULTIPART_PART_HEADERS:_charset_ \"!@eq 0\" \"id:1," P2
     ",setvar:tx.1_charset=|%{ARGS._charset_}|,chain\"\n"
     "SecRule TX:1_CHARSET \"!@within |utf-8| |iso-8859-1|\" \"t:lowercase\"\n",
     {"POST", "/", PARTS,
      "--b\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\nutf-7\r\n--b--\r\n"},
     "1"},
    {"another value as a negated operator's argument",
     "SecRule REQUEST_METHOD \"!@streq %{ARGS._method}\" \"id:1," P2 ",chain\"\n"
     "SecRule ARGS:_method \"@rx ^[a-z]{3,10}$\" \"t:none,t:lowercase\"\n"
     "SecRule REQUEST_METHOD \"!@streq %{ARGS.nothing}\" \"id:2," P2 "\"\n"
     "SecRule REQUEST_METHOD \"!@streq %{ARGS.same}\" \"id:3," P2 "\"\n",
     {"POST", "/?_method=DELETE&same=POST", NULL, NULL},
     "1 2"},
    {"names of headers as variables",
     "SecRule REQUEST_HEADERS_NAMES \"@rx ^.*$\" \"id:1," P1
     ",capture,t:lowercase,setvar:'tx.name_1_%{tx.0}=/%{tx.0}/',chain\"\n"
     "SecRule TX:/^name_1_/ \"@within /proxy/ /if/\" \"setvar:tx.bad=+1\"\n"
     "SecRule TX:BAD \"@eq 1\" \"id:2," P1 "\"\n",
     {NULL, NULL, "Proxy: x\nX-Proxy: y", NULL},
     "1 2"},
    {"a link without actions",
     "SecAction \"id:1," P1 ",setvar:tx.early=1\"\n"
     "SecRule REMOTE_ADDR \"@rx .\" \"id:2," P1 ",chain\"\n"
     "    SecRule TX:EARLY \"@eq 1\"\n",
     {0},
     "1 2"},
    {"a target taken out by tag, unless odd bytes are in it",
     "SecRule REQUEST_FILENAME \"!@validateByteRange 20, 45-47, 48-57, 65-90, 95, 97-122\" "
     "\"id:1," P1 ",ctl:ruleRemoveTargetByTag=dear;REQUEST_FILENAME\"\n"
     "SecRule REQUEST_FILENAME|ARGS \"@contains x\" \"id:2," P2 ",tag:'dear'\"\n",
     {NULL, "/x", NULL, NULL},
     "1"},
    {"the same with odd bytes",
     "SecRule REQUEST_FILENAME \"!@validateByteRange 20, 45-47, 48-57, 65-90, 95, 97-122\" "
     "\"id:1," P1 ",ctl:ruleRemoveTargetByTag=dear;REQUEST_FILENAME\"\n"
     "SecRule REQUEST_FILENAME|ARGS \"@contains x\" \"id:2," P2 ",tag:'dear'\"\n",
     {NULL, "/x(", NULL, NULL},
     "2"},
    {"attributes of XML, and those beside what matched",
     "SecAction \"id:1," P1 ",ctl:requestBodyProcessor=XML\"\n"
     "SecRule ARGS|REQUEST_HEADERS|!REQUEST_HEADERS:Cookie|XML:/*|XML://@* \"@rx runtime\" "
     "\"id:2," P2 ",t:none,t:lowercase,chain\"\n"
     "SecRule MATCHED_VARS|XML:/*|XML://@* \"@rx (?i)java\\.\"\n",
     {"POST", "/", "Content-Type: text/xml", "<a x='java.lang'><b y='Runtime'>z</b></a>"},
     "1 2"},
    {"names of elements are no text",
     "SecAction \"id:1," P1 ",ctl:requestBodyProcessor=XML\"\n"
     "SecRule REQUEST_BODY|XML:/*|XML://@* \"@rx runtime\" \"id:2," P2 ",t:lowercase\"\n",
     {"POST", "/", "Content-Type: text/xml", "<Runtime Runtime='a'>z</Runtime>"},
     "1"},
    {"decoded twice within one chain, each step looked at",
     "SecRule ARGS \"@contains function(){\" \"id:1," P2
     ",multiMatch,t:none,t:urlDecodeUni,t:jsDecode,"
     "t:removeWhitespace,t:base64Decode,t:urlDecodeUni,t:jsDecode,t:removeWhitespace\"\n",
     {NULL, "/?a=ZnVuY3Rpb24lMjAoKSB7", NULL, NULL},
     "1"},
    {"targets amended without quotes, by name and by regular expression",
     "SecRule ARGS_NAMES|REQUEST_COOKIES \"@contains x\" \"id:1," P2 "\"\n"
     "SecRule ARGS_NAMES|REQUEST_COOKIES \"@contains y\" \"id:2," P2 "\"\n"
     "SecRuleUpdateTargetById 1 !ARGS_NAMES:json.x\n"
     "SecRuleUpdateTargetById 1 \"!REQUEST_COOKIES:/^_ga(?:_\\w+)?$/\"\n"
     "SecRuleUpdateTargetById 2 \"!ARGS_NAMES:/^json\\.y\\w+/\"\n",
     {NULL, "/?json.x=1&json.y=2", "Cookie: _ga=x; _ga_1=x; _gb=z", NULL},
     "2"},
    {"quotes inside of quotes",
     "SecRule ARGS \"@rx \\\"q'{2}\\\"\" \"id:1," P2
     ",msg:'a \\\"word\\\" and \\'another\\'',setvar:tx.a=1\"\n"
     "SecRule RULE:msg \"@rx .\" \"id:2," P2 "\"\n",
     {NULL, "/?a=%22q%27%27%22", NULL, NULL},
     "1"},
    {"a message over several lines",
     "SecAction \"id:1,phase:5,pass,nolog,\\\n  msg:'Scores: \\\n(in=%{tx.a}) - "
     "\\\n(out=%{tx.b})'\"\n",
     {0},
     "1"},
    {"flags in the middle, and an end that is none",
     "SecRule ARGS \"@rx ^(?i)up\" \"id:1," P2 "\"\n"
     "SecRule ARGS \"@rx (?is)\\r\\n[0-9A-Z_a-z]{1,50}\\b (?:LOG(?:IN .*?|OUT))\" \"id:2," P2
     ",t:escapeSeqDecode\"\n"
     "SecRule ARGS \"@rx ,.*?[\\\"'\\)0-9`-f][\\\"'`](?:(?:\\r?\\n)?\\z|[^\\\"'`]+)\" \"id:3," P2
     "\"\n",
     {"POST", "/", FORM, "a=UPper&b=%5Cr%5Cna1+logout&c=,9'"},
     "1 2 3"},
    {"ranges that begin or end with an escape",
     "SecRule ARGS:a \"@rx ^[\\--9A-Z_a-z]+[\\.-9]$\" \"id:1," P2 "\"\n"
     "SecRule ARGS:b \"@rx ^[^\\s\\x0b-\\\"\\(\\),/:-\\?\\[-\\]c\\{\\}]+$\" \"id:2," P2 "\"\n"
     "SecRule ARGS:c \"@rx ^[\\\"'-\\+\\--9\\?A-\\]_a-z\\|]+/$\" \"id:3," P2 "\"\n"
     "SecRule ARGS:d \"@rx x[\\x08-\\n\\f\\r ]*?=\" \"id:4," P2 "\"\n"
     "SecRule ARGS:e \"@rx [<->~][<->]\" \"id:5," P2 "\"\n",
     {"POST", "/", FORM, "a=.0-/z/&b=%23%24a&c=%22)*%2B5%5D%7C/&d=x%09%0C+=&e=~="},
     "1 2 3 4 5"},
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

/* Its shell rules hide a sequence of quotes and variables between any two letters: patterns of 20
 * KB whose branches have no literal. They must load, be quick on what has none of it, and find. */
static void put_hidden(char *to, size_t cap, const char *const *words, size_t count)
{
    static const char GAP[] = "[\\\"'\\)\\[\\x5c]*(?:(?:(?:\\|\\||&&)[\\s\\x0b]*)?"
                              "\\$[!#\\(\\*\\-0-9\\?@_a-\\{]*)?\\x5c?";
    size_t at = (size_t)snprintf(to, cap,
                                 "SecRule ARGS \"@rx (?i)(?:^|[\\n\\r;=`\\{]|\\|\\|?|&&?)"
                                 "[\\s\\x0b]*(?:");
    for (size_t w = 0; w < count; w++) {
        at += (size_t)snprintf(to + at, cap - at, "%s", w ? "|" : "");
        for (const char *c = words[w]; *c; c++) {
            at += (size_t)snprintf(to + at, cap - at, "%c%s", *c, c[1] ? GAP : "");
        }
    }
    snprintf(to + at, cap - at, ")[\\s\\x0b&\\),<>\\|].*\" \"id:1," P2 "\"\n");
}

static void test_hidden_words(void **state)
{
    static const char *const WORDS[] = {
        "addgroup", "base64",  "chmod",    "curl",   "dmesg",    "egrep",  "finger",
        "gunzip",   "hexdump", "ifconfig", "jexec",  "killall",  "lsmod",  "mkfifo",
        "nslookup", "openssl", "printenv", "python", "realpath", "sqlite", "tcpdump",
        "useradd",  "vmstat",  "whoami",   "xargs",  "zcat"};
    static const struct {
        const char *uri, *ids;
    } ROWS[] = {{"/?a=;curl%20x", "1"},
                {"/?a=%7C%7Cw%27h%22o$@a%5Cm$9i%3E", "1"},
                {"/?a=curl,", "1"},
                {"/?a=the+curl+of+a+wave,+and+the+python", ""},
                {"/?a=%E6%B5%B7%E3%81%A8%E5%B1%B1;%E5%B7%9D", ""}};
    static char rules[60000];
    rig_t r = {0};
    put_hidden(rules, sizeof rules, WORDS, BASE_COUNT(WORDS));
    assert_true(strlen(rules) > 9000);
    rig_load(&r, rules);
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        rig_run(&r, &(rig_request_t){NULL, ROWS[i].uri, NULL, NULL});
        assert_string_equal(rig_ids(&r), ROWS[i].ids);
        assert_int_equal(engine_tx_stats(r.tx).regex_limits, 0);
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_hidden_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
