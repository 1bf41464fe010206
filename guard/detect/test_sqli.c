/* The SQL injection detector: contexts, dialects, prose that looks alike, bounds, gates. */
#include "base/test.h"
#include "sql_lex.h"
#include "sqli.h"

typedef struct sqli_case {
    const char *value;
    int context; /* sqli_context_t, or -1: no injection */
    const char *fingerprint;
} sqli_case_t;

static const sqli_case_t CASES[] = {
    {"1 or 1=1", SQLI_BARE, "or"},
    {"1 or true", SQLI_BARE, "or"},
    {"1 or 1.5e0", SQLI_BARE, "or"},
    {"1/**/or/**/2", SQLI_BARE, "or"},
    {"-1 union select 1,2", SQLI_BARE, "union-select"},
    {"1e0union(select 1)", SQLI_BARE, "union-select"},
    {"1 order by 3", SQLI_BARE, "order-by"},
    {"1;drop table x", SQLI_BARE, "stacked"},
    {"1 and sleep(5)", SQLI_BARE, "and"},
    {"hello, sleep(5)", SQLI_BARE, "call"},
    {"(select 1 from x)", SQLI_BARE, "subselect"},
    {"1 /*!from*/", SQLI_BARE, "conditional"},
    {"@@version", SQLI_BARE, "variable"},
    {"x' or 'a'='a", SQLI_SINGLE, "or"},
    {"admin'--", SQLI_SINGLE, "tail"},
    {"'='", SQLI_SINGLE, "rejoined"},
    {"x'||user||'", SQLI_SINGLE, "rejoined"},
    {"7'+sleep(9.to_f)+'", SQLI_SINGLE, "operator-call"},
    {"a@b.example\" pg_sleep(9.minutes) \"", SQLI_DOUBLE, "call-rejoined"},
    {"\" | more %TEMP%\\x.log | \"", SQLI_DOUBLE, "rejoined"},
    {"x' or sleep 1.e(5 1.e)-- ", SQLI_SINGLE, "or"},
    {"1 union 1.e(select 1.e,2)", SQLI_BARE, "union-select"},
    {"or true--", SQLI_BARE, "or"},
    {"create user bob", SQLI_BARE, "stacked"},
    {"create user account", -1, NULL},
    {"('-') (>'-')>", -1, NULL},
    {"('-')", -1, NULL},
    {"\xE3\x80\x80'-')", -1, NULL},
    {"the \"sleep well\" tour", -1, NULL},
    {"\"+\"", -1, NULL},
    {"\"A & B\"", -1, NULL},
    {"\"-\"は必要ですか", -1, NULL},
    {"電話番号に \"-\" は要りますか", -1, NULL},
    {"\"=\" は使えません", -1, NULL},
    {"\"||user||\"あ", SQLI_DOUBLE, "rejoined"},
    {"1\"-\"あ", SQLI_DOUBLE, "rejoined"},
    {"x\" or 1=1--", SQLI_DOUBLE, "or"},
    {"x` or 1=1--", SQLI_BACKTICK, "or"},
    {"x] is not null--", SQLI_BRACKET, "compare"},
    {"*/ or 1=1--", SQLI_BARE, "or"},
    {"\\' or 1=1--", SQLI_SINGLE, "or"},
    {"1 or 2", -1, NULL},
    {"2 or 3 nights", -1, NULL},
    {"O'Brien", -1, NULL},
    {"rock 'n' roll", -1, NULL},
    {"Guns 'N' Roses' \"Sweet Child\"", -1, NULL},
    {"select a tour and union station", -1, NULL},
    {"drop table reservations for dinner", -1, NULL},
    {"; drop table reservations for dinner", -1, NULL},
    {"European Union select committee", -1, NULL},
    {"5'10\"", -1, NULL},
    {"12\" or 14\"", -1, NULL},
    {"1-1", -1, NULL},
    {"C++ -- really", -1, NULL},
    {"Kyoto--Osaka", -1, NULL},
    {"the 'order by' date", -1, NULL},
    {"{\"select\": true, \"from\": \"Tokyo\"}", -1, NULL},
    {"a=1&b=2", -1, NULL},
    {"1+1=2", -1, NULL},
    {"和室 or 洋室、どちらでも", -1, NULL},
    {"＇ｏｒ＇", -1, NULL},
    {"case when you come then call", -1, NULL},
    {"", -1, NULL},
    {"'", -1, NULL},
    {"'''''''", -1, NULL},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const sqli_case_t *c = &CASES[i];
        sqli_found_t f = {.fingerprint = "untouched"};
        slice_t v = slice_make(c->value, strlen(c->value));
        bool found = sqli_detect(v, &f);
        if (found != (c->context >= 0)) {
            fail_msg("%s: %s", c->value, found ? f.fingerprint : "not found");
        }
        if (!found) {
            assert_string_equal(f.fingerprint, "untouched");
            continue;
        }
        assert_true(sqli_detect(v, NULL));
        assert_true(sqli_possible(bytes_seen(v), v.len));
        assert_string_equal(f.fingerprint, c->fingerprint);
        assert_int_equal(f.context, c->context);
        assert_true(f.dialects && (f.dialects & ~(uint32_t)SQLI_ALL) == 0);
        assert_true(f.len && f.at < v.len && f.len <= v.len - f.at);
    }
}

static void test_dialects(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint32_t want;
    } ROWS[] = {{"1 and sleep(5)", SQLI_MYSQL},
                {"1;exec xp_cmdshell 'x'", SQLI_SQLSERVER},
                {"1 and pg_sleep(5) is null", SQLI_POSTGRES},
                {"1 and dbms_pipe.receive_message('a',5)=1", SQLI_ORACLE},
                {"1 or randomblob(9)", SQLI_SQLITE}};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        sqli_found_t f;
        assert_true(sqli_detect(slice_make(ROWS[i].value, strlen(ROWS[i].value)), &f));
        assert_int_equal(f.dialects, ROWS[i].want);
    }
}

/* An attack behind any length of prose, over every seam of the token window. */
static void test_far_behind(void **state)
{
    (void)state;
    static char text[8192];
    for (size_t words = 0; words < 700; words += 7) {
        size_t n = 0;
        for (size_t w = 0; w < words; w++) {
            memcpy(text + n, "sea view, ", 10);
            n += 10;
        }
        const char *attack = "x' union select 1,2--";
        memcpy(text + n, attack, strlen(attack));
        assert_false(sqli_detect(slice_make(text, n), NULL));
        assert_true(sqli_detect(slice_make(text, n + strlen(attack)), NULL));
    }
}

/* Values made to cost time: the work stays linear, so that none of them takes long. */
static void test_hostile_shapes(void **state)
{
    (void)state;
    static const char *const SHAPES[] = {"(",          "((select ", "or (",       "or((((",
                                         "case when ", "[",         "[a[",        "$$",
                                         "$a$",        "q'[",       "/*",         "/*!",
                                         "`",          "'",         "\"",         "a(",
                                         "a.\"",       "union ",    "union all ", ";insert into ",
                                         "@'",         "--\n",      "#\n",        "select a,",
                                         "\\'",        "x'||",      "or 1=(",     "between 1 and "};
    enum { SIZE = 1 << 17 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        size_t len = strlen(SHAPES[i]), n = 0;
        while (n + len <= SIZE) {
            memcpy(text + n, SHAPES[i], len);
            n += len;
        }
        (void)sqli_detect(slice_make(text, n), NULL);
    }
    free(text);
}

static void test_gate(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool possible;
    } ROWS[] = {{"12345", false},
                {"2026-11-27", true},
                {"2026/11/27", false},
                {"10:00", false},
                {"Kyoto", false},
                {"kyoto.example", false},
                {"東京都千代田区丸の内", false},
                {"1 or 1", true},
                {"x' or 1", true},
                {"", false}};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        slice_t v = slice_make(ROWS[i].value, strlen(ROWS[i].value));
        assert_int_equal(sqli_possible(bytes_seen(v), v.len), ROWS[i].possible);
        assert_true(ROWS[i].possible || !sqli_detect(v, NULL));
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(sql_word_find(SLICE("SeLeCt"))->word, WORD_SELECT);
    assert_int_equal(sql_word_find(SLICE("zoom")) == NULL, true);
    assert_null(sql_word_find(SLICE("")));
    assert_null(sql_word_find(SLICE("selec")));
    assert_null(sql_word_find(SLICE("[elect")));
    assert_int_equal(sql_word_find(SLICE("drop"))->stmt, STMT_DDL);
    static const char *const ALWAYS[] = {"union", "select",  "from",    "into",        "case",
                                         "exec",  "declare", "waitfor", "xp_cmdshell", "pg_sleep"};
    static const char *const NUMBERS[] = {"and",  "or", "xor",     "having", "order",    "limit",
                                          "like", "is", "between", "update", "procedure"};
    static const char *const CALLS[] = {"version", "char", "concat", "substring", "exists"};
    for (size_t i = 0; i < sizeof(ALWAYS) / sizeof(ALWAYS[0]); i++) {
        assert_true(sql_words_decide(slice_make(ALWAYS[i], strlen(ALWAYS[i])), 1));
    }
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        slice_t w = slice_make(NUMBERS[i], strlen(NUMBERS[i]));
        assert_true(sql_words_decide(w, 2) && !sql_words_decide(w, 1));
    }
    for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
        slice_t w = slice_make(CALLS[i], strlen(CALLS[i]));
        assert_true(sql_words_decide(w, 3) && !sql_words_decide(w, 2));
    }
    assert_false(sql_words_decide(SLICE("the quick brown fox"), 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_far_behind), cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_gate),       cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
