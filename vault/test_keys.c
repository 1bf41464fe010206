/* The ring: nothing opens in another slot or house, pseudonyms and blind indexes cannot be guessed
 * from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"

static keys_t *ring(uint8_t fill)
{
    secret_t master;
    memset(master.b, fill, sizeof master.b);
    keys_t *k = NULL;
    assert_false(err_failed(keys_new(&master, &k)));
    for (size_t i = 0; i < sizeof master.b; i++) {
        assert_int_equal(master.b[i], 0);
    }
    return k;
}

static keys_wrapped_t fresh(const keys_t *k)
{
    keys_wrapped_t w = {.at = {.file = KEYS_OF_SUBJECT, .slot = 3, .generation = 1}};
    random_bytes(w.at.subject.b, ID_BYTES);
    keys_make(k, &w);
    return w;
}

static void wrapped_key_belongs_to_its_slot(void **state)
{
    (void)state;
    keys_t *k = ring(1);
    keys_t *other = ring(2);
    keys_wrapped_t w = fresh(k);
    id128_t pseudonym;
    assert_false(err_failed(keys_pseudonym(k, &w, &pseudonym)));
    keys_wrapped_t rows[7];
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        rows[i] = w;
    }
    rows[0].at.slot = 4;
    rows[1].at.file = KEYS_OF_MONTH;
    rows[2].at.month = 1;
    rows[3].at.generation = 2;
    rows[4].at.epoch = KEYS_EPOCH + 1;
    rows[5].at.subject.b[0] ^= 1;
    rows[6].bytes[40] ^= 1;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_true(err_is(keys_pseudonym(k, &rows[i], &pseudonym), ERR_CRYPTO));
    }
    assert_true(err_is(keys_pseudonym(other, &w, &pseudonym), ERR_CRYPTO));
    keys_header_t h;
    keys_header(k, KEYS_EPOCH, &h);
    assert_true(keys_check_known(k, h.check, NULL));
    assert_false(keys_check_known(other, h.check, NULL));
    keys_free(k);
    keys_free(other);
}

static void sealed_value_needs_its_own_key(void **state)
{
    (void)state;
    keys_t *k = ring(1);
    keys_wrapped_t w = fresh(k);
    keys_wrapped_t again = w;
    keys_make(k, &again); /* another data key for the same slot and person */
    envelope_place_t at = {
        .subject = w.at.subject, .table = SLICE("t"), .column = SLICE("c"), .row = id_new()};
    uint8_t mem[256];
    uint8_t out_mem[64];
    buf_t sealed = BUF_ON_ARRAY(mem);
    buf_t out = BUF_ON_ARRAY(out_mem);
    assert_false(err_failed(keys_seal(k, &w, at, SLICE("hanako@example.jp"), &sealed)));
    assert_true(err_is(keys_open(k, &again, at, buf_slice(&sealed), &out), ERR_CRYPTO));
    assert_false(err_failed(keys_open(k, &w, at, buf_slice(&sealed), &out)));
    assert_true(slice_eq(buf_slice(&out), SLICE("hanako@example.jp")));
    keys_free(k);
}

/* A month's key seals payloads of that month: its values are no fields, and the reverse. */
static void payload_and_field_do_not_mix(void **state)
{
    (void)state;
    keys_t *k = ring(1);
    keys_wrapped_t month = {
        .at = {.file = KEYS_OF_MONTH, .slot = 0, .generation = 1, .month = 24322}};
    random_bytes(month.at.subject.b, ID_BYTES);
    keys_make(k, &month);
    envelope_place_t at = {.subject = month.at.subject, .table = SLICE("t"), .column = SLICE("c")};
    uint8_t mem[256];
    buf_t sealed = BUF_ON_ARRAY(mem);
    assert_false(err_failed(keys_seal(k, &month, at, SLICE("x"), &sealed)));
    envelope_head_t head;
    assert_false(err_failed(envelope_head_read(buf_slice(&sealed), &head)));
    assert_int_equal(head.kind, ENVELOPE_PAYLOAD);
    assert_int_equal(head.epoch, 24322);
    keys_free(k);
}

static void pseudonym_needs_the_salt(void **state)
{
    (void)state;
    keys_t *k = ring(1);
    keys_wrapped_t w = fresh(k);
    keys_wrapped_t other_salt = w;
    keys_make(k, &other_salt);
    id128_t a;
    id128_t again;
    id128_t b;
    assert_false(err_failed(keys_pseudonym(k, &w, &a)));
    assert_false(err_failed(keys_pseudonym(k, &w, &again)));
    assert_false(err_failed(keys_pseudonym(k, &other_salt, &b)));
    assert_true(id_eq(a, again));
    assert_false(id_eq(a, b));
    assert_false(id_eq(a, w.at.subject));
    /* What a thief without the salt can compute from the id: hashes of it, plain and with usual
     * keys. */
    uint8_t guess[32];
    crypto_hash_sha256(guess, w.at.subject.b, ID_BYTES);
    assert_memory_not_equal(guess, a.b, ID_BYTES);
    uint8_t zero[32] = {0};
    crypto_auth_hmacsha256(guess, w.at.subject.b, ID_BYTES, zero);
    assert_memory_not_equal(guess, a.b, ID_BYTES);
    keys_free(k);
}

static void blind_index_is_keyed(void **state)
{
    (void)state;
    keys_t *k = ring(1);
    keys_t *same = ring(1);
    keys_t *other = ring(2);
    uint8_t rows[5][KEYS_BLIND];
    keys_blind(k, 1, SLICE("hanako@example.jp"), rows[0]);
    keys_blind(k, 2, SLICE("hanako@example.jp"), rows[1]);
    keys_blind(k, 1, SLICE("hanako@example.jq"), rows[2]);
    keys_blind(other, 1, SLICE("hanako@example.jp"), rows[3]);
    crypto_generichash(rows[4], KEYS_BLIND, (const uint8_t *)"hanako@example.jp", 17, NULL, 0);
    for (size_t i = 1; i < 5; i++) {
        assert_memory_not_equal(rows[0], rows[i], KEYS_BLIND);
    }
    keys_blind(same, 1, SLICE("hanako@example.jp"), rows[1]);
    assert_memory_equal(rows[0], rows[1], KEYS_BLIND);
    keys_free(k);
    keys_free(same);
    keys_free(other);
}

static slice_t read_key(arena_t *a, const char *path, slice_t label, mode_t mode, uint8_t out[32])
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
    slice_t text;
    assert_false(err_failed(file_read(a, (path_t){path}, 200, &text)));
    assert_true(slice_starts(text, label));
    slice_t hex = slice_trim(slice_from(text, label.len));
    size_t len = 0;
    assert_int_equal(hex.len, 64);
    assert_int_equal(sodium_hex2bin(out, 32, (const char *)hex.ptr, 64, NULL, &len, NULL), 0);
    return text;
}

static void investigator_pair(void **state)
{
    (void)state;
    char dir[] = "/tmp/vault-keys-XXXXXX";
    assert_non_null(mkdtemp(dir));
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 65536);
    path_t etc = {dir};
    path_t offline;
    assert_false(err_failed(path_join(&a, etc, SLICE("offline"), &offline)));
    assert_false(err_failed(keys_investigator(&a, etc, offline)));
    slice_t pub;
    slice_t key;
    assert_false(err_failed(arena_printf(&a, &pub, "%s/investigator.pub", dir)));
    assert_false(err_failed(arena_printf(&a, &key, "%s/offline/investigator.key", dir)));
    const char *pub_path = (const char *)pub.ptr;
    const char *key_path = (const char *)key.ptr;
    uint8_t p[32];
    uint8_t s[32];
    uint8_t derived[32];
    slice_t first = read_key(&a, pub_path, SLICE("x25519 "), 0444, p);
    read_key(&a, key_path, SLICE("x25519-secret "), 0400, s);
    crypto_scalarmult_base(derived, s);
    assert_memory_equal(p, derived, 32);
    /* A second run changes nothing, also when the private half was carried away. */
    assert_int_equal(rename(key_path, "/tmp/vault-keys-away"), 0);
    assert_false(err_failed(keys_investigator(&a, etc, offline)));
    assert_int_equal(access(key_path, F_OK), -1);
    /* The public half lost (a crash between the two): made again from the private one, the same. */
    assert_int_equal(rename("/tmp/vault-keys-away", key_path), 0);
    assert_int_equal(unlink(pub_path), 0);
    assert_false(err_failed(keys_investigator(&a, etc, offline)));
    uint8_t second[32];
    slice_t text = read_key(&a, pub_path, SLICE("x25519 "), 0444, second);
    assert_true(slice_eq(first, text));
    unlink(pub_path);
    unlink(key_path);
    rmdir(offline.text);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped_key_belongs_to_its_slot),
        cmocka_unit_test(sealed_value_needs_its_own_key),
        cmocka_unit_test(payload_and_field_do_not_mix),
        cmocka_unit_test(pseudonym_needs_the_salt),
        cmocka_unit_test(blind_index_is_keyed),
        cmocka_unit_test(investigator_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
