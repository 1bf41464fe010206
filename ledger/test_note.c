/* Signed notes: the writer's against the verifier's reader, and every way they must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "note.h"
#include "verify/verify.h"

static note_key_t key;
static vkey_t vkey;

static int make_keys(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {1, 2, 3};
    uint8_t mem[256];
    buf_t b = BUF_ON_ARRAY(mem);
    if (err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key))) {
        return -1;
    }
    note_put_vkey(&b, &key);
    return err_failed(vkey_parse(buf_slice(&b), &vkey)) ? -1 : 0;
}

static slice_t make_note(uint64_t size, uint8_t mem[NOTE_MAX])
{
    buf_t b = buf_on(mem, NOTE_MAX);
    checkpoint_t cp = {.size = size};
    memset(cp.root.b, (int)size, sizeof cp.root.b);
    note_put_checkpoint(&b, &key, &cp);
    assert_false(b.full);
    return buf_slice(&b);
}

static void both_read_it(void **state)
{
    static const uint64_t SIZES[] = {0, 1, 255, 256, UINT64_C(1) << 50};
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        uint8_t mem[NOTE_MAX];
        checkpoint_t cp;
        vcheckpoint_t vcp;
        slice_t note = make_note(SIZES[i], mem);
        assert_false(err_failed(note_open_checkpoint(note, &key, &cp)));
        assert_false(err_failed(vnote_open(note, &vkey, &vcp)));
        assert_true(cp.size == SIZES[i] && vcp.size == SIZES[i]);
        assert_memory_equal(cp.root.b, vcp.root, 32);
    }
}

/* Every byte changed in every bit: never the same checkpoint, in either reader. */
static void flips_are_refused(void **state)
{
    uint8_t mem[NOTE_MAX];
    slice_t note = make_note(1234, mem);
    for (size_t i = 0; i < note.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            checkpoint_t cp;
            vcheckpoint_t vcp;
            mem[i] ^= (uint8_t)(1U << bit);
            assert_true(err_failed(note_open_checkpoint(note, &key, &cp)));
            assert_true(err_failed(vnote_open(note, &vkey, &vcp)));
            mem[i] ^= (uint8_t)(1U << bit);
        }
    }
}

static void cuts_are_refused(void **state)
{
    uint8_t mem[NOTE_MAX];
    slice_t note = make_note(77, mem);
    for (size_t len = 0; len < note.len; len++) {
        checkpoint_t cp;
        vcheckpoint_t vcp;
        assert_true(err_failed(note_open_checkpoint(slice_make(mem, len), &key, &cp)));
        assert_true(err_failed(vnote_open(slice_make(mem, len), &vkey, &vcp)));
    }
}

static bool opens(const char *prefix, slice_t note, const char *suffix)
{
    uint8_t mem[NOTE_MAX];
    buf_t b = BUF_ON_ARRAY(mem);
    checkpoint_t cp;
    vcheckpoint_t vcp;
    buf_cstr(&b, prefix);
    buf_put(&b, note);
    buf_cstr(&b, suffix);
    bool one = !err_failed(note_open_checkpoint(buf_slice(&b), &key, &cp));
    bool two = !err_failed(vnote_open(buf_slice(&b), &vkey, &vcp));
    assert_int_equal(one, two);
    return one;
}

/* C2SP signed-note: other keys' lines are skipped, ours twice is fine, a false one of ours is not.
 */
static void more_signatures(void **state)
{
    uint8_t mem[NOTE_MAX], mem2[NOTE_MAX];
    slice_t note = make_note(5, mem), other = make_note(6, mem2);
    static const char OTHERS[] =
        "\u2014 witness.example "
        "5dQ7vQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAA=\n";
    size_t line = other.len;
    while (line && !slice_starts(slice_from(other, line), SLICE("\u2014"))) {
        line--;
    }
    char wrong[512] = {0};
    memcpy(wrong, other.ptr + line, other.len - line);
    assert_true(opens("", note, OTHERS));
    assert_false(opens("", note, wrong));
    assert_false(opens("", note, "\n"));
    assert_false(opens("", note, "x\n"));
    assert_false(opens("\n", note, ""));
    assert_false(opens("x", note, ""));
}

/* The same key bytes under another name, and another key under the same name. */
static void swapped_names(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {1, 2, 3}, OTHER[NOTE_SEED] = {9};
    uint8_t mem[NOTE_MAX];
    note_key_t renamed, rekeyed;
    checkpoint_t cp;
    slice_t note = make_note(5, mem);
    assert_false(err_failed(note_key_init(SLICE("sekisho.local/tesu"), SEED, &renamed)));
    assert_false(err_failed(note_key_init(SLICE("sekisho.local/test"), OTHER, &rekeyed)));
    assert_true(err_failed(note_open_checkpoint(note, &renamed, &cp)));
    assert_true(err_failed(note_open_checkpoint(note, &rekeyed, &cp)));
}

static void bad_vkeys(void **state)
{
    uint8_t mem[256];
    buf_t b = BUF_ON_ARRAY(mem);
    vkey_t out;
    note_put_vkey(&b, &key);
    for (size_t i = 0; i < b.len; i++) {
        mem[i] ^= 1;
        assert_true(err_failed(vkey_parse(buf_slice(&b), &out)));
        mem[i] ^= 1;
        assert_true(err_failed(vkey_parse(slice_make(mem, i), &out)));
    }
    /* found by a fuzzer (a policy's "log" without a key): memcpy may not be asked for bytes that
     * lie nowhere */
    assert_true(err_failed(vkey_parse(SLICE_EMPTY, &out)));
    assert_true(err_failed(vkey_parse(SLICE("\n"), &out)));
}

static void bad_origins(void **state)
{
    static const uint8_t SEED[NOTE_SEED];
    static const char *const NAMES[] = {"", "a b", "a+b", "a\n", "\xe9", "a\x7f"};
    note_key_t out;
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        assert_true(err_failed(note_key_init(slice_cstr_in(NAMES[i]), SEED, &out)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_read_it),     cmocka_unit_test(flips_are_refused),
        cmocka_unit_test(cuts_are_refused), cmocka_unit_test(more_signatures),
        cmocka_unit_test(swapped_names),    cmocka_unit_test(bad_vkeys),
        cmocka_unit_test(bad_origins),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
