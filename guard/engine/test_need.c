/* The gate before regular expressions may say no only when certain. Judge: PCRE2, on patterns made
 * at random, on patterns of every kind that rules use, and on values made from the patterns. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/test.h"

#include "need.h"
#include "sig.h"

static uint64_t sig_of(slice_t s)
{
    uint64_t sig = 0;
    for (size_t i = 0; i < s.len; i++) {
        sig |= sig_bit(s.ptr[i]);
    }
    return sig;
}

static bool holds(slice_t value, slice_t word)
{
    for (size_t i = 0; i + word.len <= value.len; i++) {
        if (slice_eq_nocase(slice_sub(value, i, word.len), word)) {
            return true;
        }
    }
    return word.len == 0;
}

static bool alt_open(const need_alt_t *a, uint64_t sig)
{
    return (sig & a->all) == a->all && (!a->any[0] || (sig & a->any[0])) &&
           (!a->any[1] || (sig & a->any[1]));
}

/* The engine's question, written again in its plainest form. */
static bool gate_lets_pass(const need_t *n, slice_t value)
{
    uint64_t sig = sig_of(value);
    bool chosen = n->word_count == 0 && n->alt_count == 0;
    if ((sig & n->all) != n->all) {
        return false;
    }
    for (unsigned i = 0; i < n->any_count; i++) {
        if (!(sig & n->any[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < n->word_count && !chosen; i++) {
        chosen = holds(value, n->words[i]);
    }
    for (unsigned i = 0; i < n->alt_count && !chosen; i++) {
        chosen = alt_open(&n->alts[i], sig);
    }
    return chosen;
}

typedef struct judge {
    pcre2_code *code;
    pcre2_match_data *data;
    need_t need;
    slice_t pattern;
    arena_t arena;
    uint64_t matches, stopped;
} judge_t;

static bool judge_open(judge_t *j, slice_t pattern, uint32_t options)
{
    int error;
    size_t at;
    *j = (judge_t){.pattern = pattern};
    j->code = pcre2_compile(pattern.ptr, pattern.len, options, &error, &at, NULL);
    if (!j->code) {
        return false;
    }
    j->data = pcre2_match_data_create(1, NULL);
    arena_init(&j->arena, 16 << 20);
    assert_ok(need_of_regex(pattern, &j->arena, &j->need));
    return true;
}

static void judge_close(judge_t *j)
{
    pcre2_match_data_free(j->data);
    pcre2_code_free(j->code);
    arena_deinit(&j->arena);
}

static void judge_value(judge_t *j, slice_t value)
{
    int rc = pcre2_match(j->code, value.ptr, value.len, 0, 0, j->data, NULL);
    bool pass = gate_lets_pass(&j->need, value);
    if (rc >= 0 && !pass) {
        fail_msg("/%.*s/ matches \"%.*s\", and the gate says that it cannot", SLICE_FMT(j->pattern),
                 SLICE_FMT(value));
    }
    j->matches += rc >= 0;
    j->stopped += !pass;
}

/* ---- random patterns ------------------------------------------------------------------------- */

static void put_atom(buf_t *b, uint64_t *rng, unsigned depth);

static void put_sequence(buf_t *b, uint64_t *rng, unsigned depth)
{
    static const char *const MARKS[] = {"*",  "+",  "?",  "{2}", "{1,3}", "{0,1}",
                                        "*?", "+?", "++", "{0}", "{2,}",  "{,3}"};
    unsigned count = 1 + (unsigned)(test_random(rng) % 5);
    for (unsigned i = 0; i < count; i++) {
        put_atom(b, rng, depth);
        if (test_random(rng) % 4 == 0) {
            buf_cstr(b, MARKS[test_random(rng) % BASE_COUNT(MARKS)]);
        }
    }
}

static void put_group(buf_t *b, uint64_t *rng, unsigned depth)
{
    static const char *const HEADS[] = {"(", "(?:", "(?i:", "(?=", "(?!", "(?<!", "(?>", "(?<n>"};
    unsigned head = (unsigned)(test_random(rng) % BASE_COUNT(HEADS));
    buf_cstr(b, HEADS[head]);
    if (head == 5) { /* look-behind wants a fixed length */
        buf_cstr(b, "ab");
    } else {
        unsigned branches = 1 + (unsigned)(test_random(rng) % 3);
        for (unsigned i = 0; i < branches; i++) {
            buf_cstr(b, i ? "|" : "");
            put_sequence(b, rng, depth + 1);
        }
    }
    buf_u8(b, ')');
}

static void put_atom(buf_t *b, uint64_t *rng, unsigned depth)
{
    static const char *const ATOMS[] = {
        "a", "b", "c", "A", "<", "-", "=", "1", "abc", "sel", "union", "%00", "/\\*", "\\.", "\\s",
        "\\w", "\\d", "\\S", "\\W", "\\b", ".", "[ab]", "[^a]", "[a-c1]", "[<>]", "[\\w-]",
        "[[:alpha:]]", "[^\\s<]", "\\x41", "\\x{3c}", "\\n", "\\Qa.b\\E", "^", "$", "\\(", "[]a]",
        "[\\]b]", "\\/", "{", "a{x", "\\061", "\\R", "\\h", "(?i)", "(?#x)", "\\N",
        /* ranges that begin or end with an escape, as CRS 4's assembler writes them */
        "[\\--9A-Z_a-z]", "[<->~]", "[^\\s\\x0b-\\\"a]", "[\\x08-\\n ]", "[_a-\\{]", "[A-\\]]",
        "[\\[-\\]c]"};
    if (depth < 3 && test_random(rng) % 4 == 0) {
        put_group(b, rng, depth);
    } else {
        buf_cstr(b, ATOMS[test_random(rng) % BASE_COUNT(ATOMS)]);
    }
}

static void put_pattern(buf_t *b, uint64_t *rng)
{
    unsigned branches = 1 + (unsigned)(test_random(rng) % 2);
    for (unsigned i = 0; i < branches; i++) {
        buf_cstr(b, i ? "|" : "");
        put_sequence(b, rng, 0);
    }
}

static void put_value(buf_t *b, uint64_t *rng, slice_t pattern)
{
    static const char *const PARTS[] = {"a",   "b", "c",  "A",   "B",   "<",     ">",    "-",   "=",
                                        "1",   " ", "\n", "abc", "sEL", "UNION", "%00",  "/*",  ".",
                                        "a.b", "(", "]",  "/",   "{x",  "\t",    "\xa0", "\r\n"};
    unsigned count = (unsigned)(test_random(rng) % 9);
    for (unsigned i = 0; i < count; i++) {
        if (test_random(rng) % 3 == 0 && pattern.len) { /* a piece of the pattern itself */
            size_t from = test_random(rng) % pattern.len;
            buf_put(b, slice_sub(pattern, from, 1 + test_random(rng) % 6));
        } else {
            buf_cstr(b, PARTS[test_random(rng) % BASE_COUNT(PARTS)]);
        }
    }
}

static void test_random_patterns(void **state)
{
    static const uint32_t OPTIONS[] = {0, PCRE2_DOTALL | PCRE2_MULTILINE,
                                       PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY};
    uint64_t rng = 42, matches = 0, stopped = 0, patterns = 0;
    uint8_t pattern[512], value[256];
    for (unsigned i = 0; i < 12000; i++) {
        buf_t p = BUF_ON_ARRAY(pattern);
        judge_t j;
        put_pattern(&p, &rng);
        if (p.full || !judge_open(&j, buf_slice(&p), OPTIONS[i % 3])) {
            continue;
        }
        patterns++;
        for (unsigned k = 0; k < 25; k++) {
            buf_t v = BUF_ON_ARRAY(value);
            put_value(&v, &rng, buf_slice(&p));
            judge_value(&j, buf_slice(&v));
        }
        matches += j.matches;
        stopped += j.stopped;
        judge_close(&j);
    }
    assert_true(patterns > 5000); /* enough were valid, */
    assert_true(matches > 20000); /* enough matched for the gate to be wrong, */
    assert_true(stopped > 20000); /* and it does stop something */
}

/* ---- patterns of the kinds that rule sets use ------------------------------------------------ */

static const struct {
    const char *pattern;
    const char *word; /* one of those asked for; NULL: none */
    unsigned alts;
    const char *harmless; /* must be stopped */
    const char *match;    /* must pass, and match */
} SHAPES[] = {
    {"(?i)union\\s+select", "select", 0, "a union of friends", "x UNION  select"},
    {"(?i:<script[^>]*>)", "<script", 0, "script > 1", "<ScRiPt x>"},
    {"^[^a-z]*(?:cat|dog)food", "catfood", 0, "cat food", "12catfood"},
    {"(?:foo|bar)baz(?:1|2)?", "foobaz", 0, "foo bar baz", "xbarbaz2"},
    {"ab{3}c", "abbbc", 0, "abbc", "abbbc"},
    {"(?:abc)+d?", "abc", 0, "ab c", "abcabc"},
    {"(?:one|two|)three", "three", 0, "one two", "three"},
    {"x*|union", NULL, 0, NULL, ""},
    {"['\"]\\s*!|exec\\W", "exec", 1, "exile of 'quotes", "it' !"},
    {"(?=secret)s", NULL, 0, "abc", "secret"},
    {"(?!no)yes!!", "yes!!", 0, "yes!", "yes!!"},
    {"\\bon\\w+\\s*=", NULL, 0, "on and on", "onload ="},
    {"(a)\\1%%", "%%", 0, "aa%", "aa%%"},
    {"a|b|;", NULL, 0, "xyz", "b"},
    {"[\\x5c/]\\.\\.", NULL, 0, "..", "/.."},
    {"(?x) un ion", NULL, 0, NULL, "union"},
    {"(?i)\\x75nion", "union", 0, "onion", "UNION"},
    {"\\Q<?\\Ephp", "<?php", 0, "<php", "<?php"},
    {"(?:(?:sleep|benchmark)\\s*\\(|;\\s*drop\\b)", "sleep", 0, "drop; sleep", "sleep  ("},
};

static bool asks_for(const need_t *n, const char *word)
{
    for (uint32_t i = 0; i < n->word_count; i++) {
        if (slice_eq(n->words[i], slice_cstr_in(word))) {
            return true;
        }
    }
    return false;
}

static void test_shapes(void **state)
{
    for (size_t i = 0; i < BASE_COUNT(SHAPES); i++) {
        judge_t j;
        slice_t match = slice_cstr_in(SHAPES[i].match);
        assert_true(judge_open(&j, slice_cstr_in(SHAPES[i].pattern), 0));
        judge_value(&j, match);
        if (j.matches != 1) {
            fail_msg("/%s/ does not match %s", SHAPES[i].pattern, SHAPES[i].match);
        }
        if (SHAPES[i].harmless && SHAPES[i].word &&
            gate_lets_pass(&j.need, slice_cstr_in(SHAPES[i].harmless)) &&
            strstr(SHAPES[i].pattern, "sleep") == NULL && SHAPES[i].alts == 0) {
            fail_msg("/%s/ lets %s pass", SHAPES[i].pattern, SHAPES[i].harmless);
        }
        if (SHAPES[i].word && !asks_for(&j.need, SHAPES[i].word)) {
            fail_msg("/%s/ does not ask for %s", SHAPES[i].pattern, SHAPES[i].word);
        }
        assert_true(j.need.alt_count >= SHAPES[i].alts);
        judge_close(&j);
    }
}

static void test_words(void **state)
{
    arena_t a;
    need_t n;
    arena_init(&a, 1 << 16);
    assert_ok(need_of_word(SLICE("Internal)"), &a, &n));
    assert_int_equal(n.word_count, 1);
    assert_true(gate_lets_pass(&n, SLICE("x iNTERNAL) y")));
    assert_false(gate_lets_pass(&n, SLICE("x internal y")));
    assert_ok(need_of_word(SLICE(""), &a, &n));
    assert_true(gate_lets_pass(&n, SLICE("")));
    assert_ok(need_of_word(SLICE("a"), &a, &n)); /* too short for the scanner, not for bytes */
    assert_int_equal(n.word_count, 0);
    assert_false(gate_lets_pass(&n, SLICE("xyz")));
    arena_deinit(&a);
}

/* Every kind of byte has one bit, letters fold, all 64 bits are used. */
static void test_signature(void **state)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < 256; i++) {
        all |= sig_bit((uint8_t)i);
    }
    assert_true(all == ~UINT64_C(0));
    assert_true(sig_bit('a') == sig_bit('A'));
    for (unsigned i = 0x21; i < 0x7F; i++) {
        for (unsigned k = 0x21; k < i; k++) {
            bool digits = i >= '0' && i <= '9' && k >= '0' && k <= '9';
            bool letters = ((i | 0x20) == (k | 0x20)) && (i | 0x20) >= 'a' && (i | 0x20) <= 'z';
            assert_int_equal(sig_bit((uint8_t)i) == sig_bit((uint8_t)k), digits || letters);
        }
    }
}

/* Deep and broken patterns: no crash, nothing asked. */
static void test_hostile(void **state)
{
    static char deep[4000];
    arena_t a;
    need_t n;
    arena_init(&a, 1 << 20);
    memset(deep, '(', sizeof deep);
    const slice_t bad[] = {
        slice_make(deep, sizeof deep), SLICE("["),          SLICE("\\"), SLICE("(?"), SLICE("a{1"),
        SLICE("[[:alpha:]"),           SLICE("\\x{zz}abc"), SLICE(")")};
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        assert_ok(need_of_regex(bad[i], &a, &n));
        assert_true(i == 4 || n.word_count == 0);
    }
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_patterns),
                                       cmocka_unit_test(test_shapes), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_signature),
                                       cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
