/* The verifier's view of witnesses: policies (C2SP tlog-policy), cosignatures (known answers made
 * by Go, witness/interop/cosign.go), proofs of single records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verify/cosign.h"

#define LOG_VKEY "log.example/test+fae20353+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
#define W1 "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
/* Of seeds 0x03.. to 0x06... */
#define W2 "w2.example+335e0daf+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR"
#define W3 "w3.example+69e0a8e6+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"
#define W4 "w4.example+7a985dba+BG56HN0psLeP0Tr0xVmP7/TvKpcWbjym8uT7/M2AUFvx"
#define W5 "w5.example+f07ac181+BIqHX/8es4RRV3rNWv7kBUVlaN18ieCQhjoFV7x69J8X"
#define TEXT "log.example/test\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define LOG_LINE                                                                                   \
    "\u2014 log.example/test "                                                                     \
    "+uIDU+f0es6sO7oeQb5ZA85zg6dSjK0sQzghinv6r8G+LLQuneKhPbp0Yxq8DsE2BXdRgwFs1zhOg5XesWI1nM237Qs=" \
    "\n"
#define W1_LINE                                                                                    \
    "\u2014 witness.example/w1 "                                                                   \
    "3xwKNQAAAABkGFDLnosF849GAXWtQdmEkcOr3kZyjR3SEoJ9+XHcX2GA2wLXulx6TULiSiz481YPPFhev6NjwWfW1jtv" \
    "BqOkUvjrAw==\n"
#define PROOF_HEAD                                                                                 \
    "c2sp.org/tlog-proof@v1\nextra bGVhZjM=\nindex 3\n"                                            \
    "MEFRY/muqHp/U7NnnE11MY7hNnVn77ayGDwOh1qwK04=\n"                                               \
    "grvRxd4IOUVz8DWrOHH/qm2KuoC69Hx7KPsrFn8YRk4=\n"                                               \
    "AJN8jGn0YF5XxywNwFgddodw9ZxNCJGcSFylMnRVEnI=\n\n"
#define PROOF_NOTE                                                                                 \
    "log.example/test\n7\nS2k5EyOHxb8n669awSKBDOhm6wx79ECCNks1wG9xOqY=\n\n"                        \
    "\u2014 log.example/test "                                                                     \
    "+uIDUzh6jA+oIJD8IySazRg5T8oE+NzCVg00bLI13+hi88dnDzcNApwdXqVD1R3nYxrznMHFJHDqTBnveSfsgLZv6gU=" \
    "\n"

static vpolicy_t policy;
static char fault[VPOLICY_FAULT];

static void policies(void **state)
{
    static const struct {
        const char *name, *text, *fault; /* fault NULL: fine */
    } ROWS[] = {
        {"one witness", "witness a " W1 " https://w.example/x\nquorum a\n", NULL},
        {"a key alone", W1 "\n", NULL},
        {"a key alone, no newline", W1, NULL},
        {"none", "quorum none\n", NULL},
        {"comments, tabs, empty lines", " # x\n\n\twitness\ta\t" W1 " \n quorum a", NULL},
        {"log", "log " LOG_VKEY " https://l.example/\nquorum none\n", NULL},
        {"japanese name", "witness \u95a2\u6240 " W1 "\nquorum \u95a2\u6240\n", NULL},
        {"groups of groups",
         "witness a " W1 "\nwitness b " W2 "\ngroup x any a\ngroup y all x b\nquorum y\n", NULL},
        {"no quorum", "witness a " W1 "\n", "no quorum"},
        {"empty", "", "no quorum"},
        {"two quorums", "quorum none\nquorum none\n", "line 2"},
        {"quorum before", "quorum a\nwitness a " W1 "\n", "line 1"},
        {"a log's key", "witness a " LOG_VKEY "\nquorum a\n", "line 1"},
        {"a witness's key", "log " W1 "\nquorum none\n", "line 1"},
        {"a name twice", "witness a " W1 "\nwitness a " W2 "\nquorum a\n", "line 2"},
        {"a key twice", "witness a " W1 "\nwitness b " W1 "\nquorum a\n", "line 2"},
        {"a member twice", "witness a " W1 "\ngroup g any a a\nquorum g\n", "line 2"},
        {"a member of two", "witness a " W1 "\ngroup g any a\ngroup h any a\nquorum h\n", "line 3"},
        {"itself", "group g any g\nquorum g\n", "line 1"},
        {"no member", "group g all\nquorum g\n", "line 1"},
        {"0 of them", "witness a " W1 "\ngroup g 0 a\nquorum g\n", "line 2"},
        {"01 of them", "witness a " W1 "\ngroup g 01 a\nquorum g\n", "line 2"},
        {"2 of one", "witness a " W1 "\ngroup g 2 a\nquorum g\n", "line 2"},
        {"none as a member", "group g any none\nquorum g\n", "line 1"},
        {"named none", "witness none " W1 "\nquorum none\n", "line 1"},
        {"unknown word", "wittness a " W1 "\nquorum none\n", "line 1"},
        {"carriage return", "quorum none\r\n", "line 1"},
        {"more behind", "witness a " W1 " u v\nquorum a\n", "line 1"},
        {"wrong key id",
         "witness a "
         "witness.example/w2+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\nquorum a\n",
         "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        err_t e = vpolicy_parse(slice_cstr_in(ROWS[i].text), &policy, fault);
        if (err_failed(e) != (ROWS[i].fault != NULL)) {
            fail_msg("%s: %s", ROWS[i].name, err_failed(e) ? fault : "accepted");
        }
        if (ROWS[i].fault && !strstr(fault, ROWS[i].fault)) {
            fail_msg("%s: %s", ROWS[i].name, fault);
        }
    }
}

/* 2 of a, b, c and any of d, e: all 32 ways. */
static void quorums(void **state)
{
    static const char TEXT_OF[] =
        "witness a " W1 "\nwitness b " W2 "\nwitness c " W3 "\nwitness d " W4 "\nwitness e " W5 "\n"
        "group x 2 a b c\ngroup y any d e\ngroup z all x y\nquorum z\n";
    (void)state;
    assert_false(err_failed(vpolicy_parse(slice_cstr_in(TEXT_OF), &policy, fault)));
    for (unsigned who = 0; who < 32; who++) {
        bool by[VWITNESSES] = {who & 1, who & 2, who & 4, who & 8, who & 16};
        bool met = by[0] + by[1] + by[2] >= 2 && (by[3] || by[4]);
        assert_int_equal(vpolicy_met(&policy, by), met);
    }
}

static void cosignatures(void **state)
{
    static const char NOTE[] = TEXT "\n" LOG_LINE W1_LINE;
    uint8_t mem[sizeof NOTE - 1];
    uint64_t at = 0;
    vcosigned_t c;
    (void)state;
    assert_false(err_failed(
        vpolicy_parse(SLICE("witness a " W1 "\nwitness b " W2 "\nquorum a\n"), &policy, fault)));
    assert_false(
        err_failed(vcosign_check(SLICE(TEXT "\n" LOG_LINE W1_LINE), &policy.witness[0], &at)));
    assert_int_equal(at, 1679315147);
    assert_true(err_is(vcosign_check(SLICE(TEXT "\n" LOG_LINE W1_LINE), &policy.witness[1], &at),
                       ERR_NOT_FOUND));
    assert_false(err_failed(vcosigned_judge(SLICE(TEXT "\n" LOG_LINE W1_LINE), &policy, 0, &c)));
    assert_true(c.enough && c.count == 1 && c.size == 20852163 && c.time_s == 1679315147);
    assert_false(err_failed(vcosigned_judge(SLICE(TEXT "\n" LOG_LINE W1_LINE), &policy, 2, &c)));
    assert_false(c.enough);
    /* Each byte changed in each bit: never again a cosignature under this text. */
    for (size_t i = 0; i < sizeof mem; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bool others = i >= sizeof(TEXT "\n") - 1 && i < sizeof(TEXT "\n" LOG_LINE) - 1;
            memcpy(mem, NOTE, sizeof mem);
            mem[i] ^= (uint8_t)(1U << bit);
            assert_true(others || err_failed(vcosign_check(slice_make(mem, sizeof mem),
                                                           &policy.witness[0], &at)));
        }
    }
}

static void proofs(void **state)
{
    static const char WHOLE[] = PROOF_HEAD PROOF_NOTE;
    static uint8_t leaf[VLEAF_MAX];
    uint8_t mem[sizeof WHOLE - 1];
    vkey_t key;
    vtlog_t p;
    (void)state;
    assert_false(err_failed(vkey_parse(SLICE(LOG_VKEY), &key)));
    assert_false(err_failed(vtlog_check(SLICE(PROOF_HEAD PROOF_NOTE), &key, leaf, &p)));
    assert_true(p.index == 3 && p.cp.size == 7 && slice_eq(p.leaf, SLICE("leaf3")));
    for (size_t i = 0; i < sizeof mem; i++) {
        assert_true(err_failed(vtlog_check(slice_make(WHOLE, i), &key, leaf, &p)));
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(mem, WHOLE, sizeof mem);
            mem[i] ^= (uint8_t)(1U << bit);
            assert_true(err_failed(vtlog_check(slice_make(mem, sizeof mem), &key, leaf, &p)));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(policies),
        cmocka_unit_test(quorums),
        cmocka_unit_test(cosignatures),
        cmocka_unit_test(proofs),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
