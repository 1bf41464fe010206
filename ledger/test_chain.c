/* A key kept since the first day against a ledger whose keys have changed with each segment: for
 * who asks, and for who checks evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "ledger/api_evidence.h"
#include "tests/small.h"
#include "verify/evidence.h"

static char first_key[256], later_key[256], other_key[256], file[256], why[QUERY_FAULT];
static uint8_t sign_key[EVIDENCE_SIGN_KEY], sign_pub[32];
static vevidence_report_t checked;

static void file_put(const char *path, slice_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

/* Three segments and a half; the keys of the first and the third are kept. */
static void prepare(void)
{
    note_key_t stranger;
    uint8_t mem[256];
    static const uint8_t SEED[NOTE_SEED] = {99};
    buf_t text = BUF_ON_ARRAY(mem);
    snprintf(first_key, sizeof first_key, "%s/first.vkey", tmp.path);
    snprintf(later_key, sizeof later_key, "%s/later.vkey", tmp.path);
    snprintf(other_key, sizeof other_key, "%s/other.vkey", tmp.path);
    snprintf(file, sizeof file, "%s/evidence", tmp.path);
    open_fine();
    file_copy(in_dir(dir, "public/ledger.vkey"), first_key);
    for (unsigned i = 1; i <= 3; i++) {
        grow_to(i * LEAVES + 10);
        wait_for(worked);
        if (i == 2) {
            file_copy(in_dir(dir, "public/ledger.vkey"), later_key);
        }
    }
    add(120);
    wait_for(worked);
    keeper_close(&keeper);
    assert_false(err_failed(note_key_init(slice_cstr_in(ORIGIN), SEED, &stranger)));
    note_put_vkey(&text, &stranger);
    file_put(other_key, buf_slice(&text));
    crypto_sign_keypair(sign_pub, sign_key);
}

static err_t evidence_make(const char *key_file)
{
    query_t *q;
    uint8_t *bytes;
    size_t len;
    leak_t leak;
    leak_ask_t question = {.from_us = INT64_MIN, .to_us = INT64_MAX};
    TRY(query_open(dir, key_file, why, &q));
    assert_false(err_failed(query_leak(q, &question, &leak)));
    evidence_t e = {EVIDENCE_LEAK, &question, &leak, SLICE("{}"), sign_key};
    assert_false(err_failed(query_evidence(q, &e, &bytes, &len)));
    file_put(file, slice_make(bytes, len));
    free(bytes);
    query_close(q);
    return OK;
}

static void check_with(const char *key_file, verdict_t want)
{
    vevidence_check(file, key_file, NULL, &checked);
    if (checked.verdict != want) {
        fail_msg("verdict %d, wanted %d: %s", checked.verdict, want, checked.text);
    }
}

static void earlier_keys(void **state)
{
    prepare();
    assert_false(err_failed(evidence_make(NULL)));
    check_with(NULL, VERDICT_OK);
    check_with(in_dir(dir, "public/ledger.vkey"), VERDICT_OK);
    check_with(later_key, VERDICT_OK);
    check_with(first_key, VERDICT_OK);
    check_with(other_key, VERDICT_TAMPERED);
    assert_false(err_failed(evidence_make(first_key)));
    assert_false(err_failed(evidence_make(later_key)));
    assert_true(err_is(evidence_make(other_key), ERR_CRYPTO));
}

/* A seal that is gone or not what the old key signed breaks the way from the first key, and no
 * other. */
static void seals(void **state)
{
    prepare();
    char seal[256];
    snprintf(seal, sizeof seal, "%s", in_dir(dir, "public/seal/001"));
    file_copy(seal, in_dir(tmp.path, "seal"));
    off_t size = file_size(seal);
    for (off_t at = 0; at < size; at += 13) {
        file_flip(seal, at, 2);
        assert_false(err_failed(evidence_make(NULL)));
        vevidence_check(file, first_key, NULL, &checked);
        /* the new key's line is of no weight for the way on from the old one */
        if (checked.verdict == VERDICT_OK) {
            assert_true(at > size / 2);
        }
        check_with(later_key, VERDICT_OK);
        file_flip(seal, at, 2);
    }
    assert_int_equal(unlink(seal), 0);
    assert_false(err_failed(evidence_make(NULL)));
    check_with(first_key, VERDICT_TAMPERED);
    check_with(later_key, VERDICT_OK);
    file_copy(in_dir(dir, "public/seal/000"), seal); /* another segment's */
    assert_false(err_failed(evidence_make(NULL)));
    check_with(first_key, VERDICT_TAMPERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(earlier_keys), CASE(seals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
