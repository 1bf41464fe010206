/* Known answers: made by interop/cosign.go (Go's sumdb/note, and crypto/ed25519 for the
 * cosignature). */
#include "base/test.h"

#include "handover.h"
#include "logs.h"
#include "wnote.h"

#define LOG_VKEY "log.example/test+fae20353+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
#define OUR_VKEY "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define TEXT "log.example/test\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define LOG_LINE                                                                                   \
    "\u2014 log.example/test "                                                                     \
    "+uIDU+f0es6sO7oeQb5ZA85zg6dSjK0sQzghinv6r8G+LLQuneKhPbp0Yxq8DsE2BXdRgwFs1zhOg5XesWI1nM237Qs=" \
    "\n"
#define OUR_LINE                                                                                   \
    "\u2014 witness.example/w1 "                                                                   \
    "3xwKNQAAAABkGFDLnosF849GAXWtQdmEkcOr3kZyjR3SEoJ9+XHcX2GA2wLXulx6TULiSiz481YPPFhev6NjwWfW1jtv" \
    "BqOkUvjrAw==\n"
enum { SIGNED_AT = 1679315147 };

static wkey_t log_key, our_key;
static wsigner_t signer;

static int setup(void **state)
{
    uint8_t seed[32];
    (void)state;
    memset(seed, 2, sizeof seed);
    assert_ok(wkey_parse(SLICE(LOG_VKEY), WKEY_LOG, &log_key));
    assert_ok(wkey_parse(SLICE(OUR_VKEY), WKEY_WITNESS, &our_key));
    assert_ok(wsigner_init(SLICE("witness.example/w1"), seed, &signer));
    return 0;
}

static void known_answers(void **state)
{
    uint8_t mem[1024], vkey_mem[WNOTE_VKEY_MAX];
    buf_t line = BUF_ON_ARRAY(mem), vkey = BUF_ON_ARRAY(vkey_mem);
    wcheckpoint_t cp;
    uint64_t at = 0;
    (void)state;
    assert_true(wkey_eq(&signer.pub, &our_key));
    wkey_put(&vkey, &signer.pub);
    assert_slice(buf_slice(&vkey), SLICE(OUR_VKEY));
    wsigner_cosign(&signer, SLICE(TEXT), SIGNED_AT, &line);
    assert_slice(buf_slice(&line), SLICE(OUR_LINE));
    assert_ok(wnote_parse(SLICE(TEXT "\n" LOG_LINE OUR_LINE), &cp));
    assert_int_equal(cp.size, 20852163);
    assert_slice(cp.text, SLICE(TEXT));
    assert_slice(cp.origin, SLICE("log.example/test"));
    assert_ok(wnote_signed(&cp, &log_key, NULL));
    assert_ok(wnote_signed(&cp, &our_key, &at));
    assert_int_equal(at, SIGNED_AT);
    buf_reset(&line);
    wnote_put_lines(&line, &cp, &log_key);
    assert_slice(buf_slice(&line), SLICE(LOG_LINE));
}

/* Each byte of a signed checkpoint changed to each other value: never again both signatures. */
static void every_change(void **state)
{
    static const char NOTE[] = TEXT "\n" LOG_LINE OUR_LINE;
    uint8_t mem[sizeof NOTE - 1];
    (void)state;
    for (size_t i = 0; i < sizeof mem; i++) {
        for (unsigned v = 0; v < 256; v += (unsigned)(i % 7) + 1) {
            wcheckpoint_t cp;
            memcpy(mem, NOTE, sizeof mem);
            if (mem[i] == v) {
                continue;
            }
            mem[i] = (uint8_t)v;
            assert_true(err_failed(wnote_parse(slice_make(mem, sizeof mem), &cp)) ||
                        err_failed(wnote_signed(&cp, &log_key, NULL)) ||
                        err_failed(wnote_signed(&cp, &our_key, NULL)));
        }
    }
}

static void notes(void **state)
{
    static const struct {
        const char *name, *note;
        bool fine;
    } ROWS[] = {
        {"one line", TEXT "\n" LOG_LINE, true},
        {"extension lines", "a\n0\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nmore\n\n" LOG_LINE,
         true},
        {"a key type we do not know", TEXT "\n\u2014 x.example AAAAAAAA\n" LOG_LINE, true},
        {"japanese name", TEXT "\n\u2014 \u95a2\u6240.example AAAAAAAA\n" LOG_LINE, true},
        {"no signature", TEXT "\n", false},
        {"no empty line", TEXT LOG_LINE, false},
        {"no last newline", TEXT "\n\u2014 x AAAAAAAA", false},
        {"hyphen for dash", TEXT "\n- x.example AAAAAAAA\n", false},
        {"two spaces", TEXT "\n\u2014 x.example  AAAAAAAA\n", false},
        {"wide space in a name", TEXT "\n\u2014 x\u3000y AAAAAAAA\n", false},
        {"signature too short", TEXT "\n\u2014 x.example AAAA\n", false},
        {"leading zero", "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE, false},
        {"size of 2^63",
         "a\n9223372036854775808\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE,
         false},
        {"minus", "a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE, false},
        {"short root", "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n\n" LOG_LINE, false},
        {"surplus bits in the root",
         "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\n" LOG_LINE, false},
        {"empty origin", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE, false},
        {"carriage return", "a\r\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE,
         false},
        {"escape", "a\x1b[2J\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE, false},
        {"not UTF-8", "a\xff\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" LOG_LINE, false},
        {"nothing", "", false},
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        wcheckpoint_t cp;
        if (err_failed(wnote_parse(slice_cstr_in(ROWS[i].note), &cp)) == ROWS[i].fine) {
            fail_msg("%s", ROWS[i].name);
        }
    }
}

/* The same name and key id with a false signature spoils the note; another's is nobody's. */
static void whose_line(void **state)
{
    static const char FALSE_LINE[] =
        "\u2014 log.example/test "
        "+uIDU+f0es6sO7oeQb5ZA85zg6dSjK0sQzghinv6r8G+LLQuneKhPbp0Yxq8DsE2BXdRgwFs1zhOg5XesWI1nM23"
        "7Qo=\n";
    uint8_t mem[2048];
    buf_t b = BUF_ON_ARRAY(mem);
    wcheckpoint_t cp;
    (void)state;
    buf_cstr(&b, TEXT "\n" LOG_LINE);
    buf_cstr(&b, FALSE_LINE);
    assert_ok(wnote_parse(buf_slice(&b), &cp));
    assert_err(wnote_signed(&cp, &log_key, NULL), ERR_CRYPTO);
    assert_err(wnote_signed(&cp, &our_key, NULL), ERR_NOT_FOUND);
    /* Swapped names: the key id says whose it is. */
    assert_ok(wnote_parse(SLICE(TEXT "\n\u2014 log.example/other "
                                     "+uIDU+f0es6sO7oeQb5ZA85zg6dSjK0sQzghinv6r8G+LLQuneKhPbp0Yxq8"
                                     "DsE2BXdRgwFs1zhOg5XesWI1nM237Qs=\n"),
                          &cp));
    assert_err(wnote_signed(&cp, &log_key, NULL), ERR_NOT_FOUND);
}

static void keys(void **state)
{
    static const char *const BAD[] = {
        "",
        "a",
        "a+b",
        "log.example/test+fae20353+",
        "log.example/test+fae20354+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/tess+fae20353+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/test+fae20353+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29d",
        "log example+fae20353+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        OUR_VKEY};
    char fault[LOGS_FAULT];
    static logs_t logs;
    wkey_t key;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        assert_true(err_failed(wkey_parse(slice_cstr_in(BAD[i]), WKEY_LOG, &key)));
    }
    assert_ok(
        logs_parse(SLICE("# mine\n\n \tlog " LOG_VKEY "\thttps://log.example/  \n"), &logs, fault));
    assert_int_equal(logs.n, 1);
    assert_true(wkey_eq(&logs.keys[0], &log_key));
    assert_ok(logs_parse(SLICE(""), &logs, fault));
    assert_int_equal(logs.n, 0);
    assert_err(logs_parse(SLICE("log " LOG_VKEY "\nlog " LOG_VKEY "\n"), &logs, fault), ERR_CONFIG);
    assert_non_null(strstr(fault, "line 2"));
    assert_err(logs_parse(SLICE("log " OUR_VKEY "\n"), &logs, fault), ERR_CONFIG);
    assert_err(logs_parse(SLICE("witness a " OUR_VKEY "\n"), &logs, fault), ERR_CONFIG);
    assert_err(logs_parse(SLICE("log " LOG_VKEY " a b\n"), &logs, fault), ERR_CONFIG);
    assert_err(logs_parse(SLICE("log " LOG_VKEY "\r\n"), &logs, fault), ERR_CONFIG);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(known_answers), cmocka_unit_test(every_change), cmocka_unit_test(notes),
        cmocka_unit_test(whose_line),    cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(TESTS, setup, NULL);
}
