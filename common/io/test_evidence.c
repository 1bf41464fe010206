#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "io/evidence.h"

typedef struct pair {
    uint8_t pub[32], secret[32];
} pair_t;

static pair_t investigator, vault, stranger;
static uint8_t out_mem[EVIDENCE_PLAIN_MAX + EVIDENCE_OVERHEAD];
static uint8_t in_mem[EVIDENCE_PLAIN_MAX + EVIDENCE_OVERHEAD];

static int pairs_make(void **state)
{
    pair_t *const all[] = {&investigator, &vault, &stranger};
    for (size_t i = 0; i < BASE_COUNT(all); i++) {
        crypto_box_keypair(all[i]->pub, all[i]->secret);
    }
    return 0;
}

#define GOOD(expr) assert_false(err_failed(expr))

static slice_t sealed_of(arena_t *a, slice_t plain)
{
    buf_t out = BUF_ON_ARRAY(out_mem);
    GOOD(evidence_seal(a, investigator.pub, (evidence_place_t){24323, 77}, vault.pub, plain, &out));
    assert_int_equal(out.len, plain.len + EVIDENCE_OVERHEAD);
    return buf_slice(&out);
}

static void opens_with_both(void **state)
{
    static const size_t SIZES[] = {0, 1, 1000, EVIDENCE_PLAIN_MAX};
    static uint8_t text[EVIDENCE_PLAIN_MAX + 1];
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        evidence_outer_t outer;
        slice_t plain;
        arena_init(&a, 1024 * 1024);
        random_bytes(text, sizeof text);
        slice_t sealed = sealed_of(&a, slice_make(text, SIZES[i]));
        assert_true(evidence_is_sealed(sealed));
        GOOD(evidence_outer_open(&a, investigator.secret, sealed, &outer));
        assert_int_equal(outer.place.month, 24323);
        assert_int_equal(outer.place.slot, 77);
        buf_t opened = BUF_ON_ARRAY(in_mem);
        GOOD(evidence_inner_open(vault.secret, outer.inner, &opened));
        GOOD(evidence_check(&outer, buf_slice(&opened), &plain));
        assert_true(slice_eq(plain, slice_make(text, SIZES[i])));
    }
    BASE_CLEANUP(arena_deinit) arena_t a;
    buf_t out = BUF_ON_ARRAY(out_mem);
    arena_init(&a, 1024 * 1024);
    assert_true(err_is(evidence_seal(&a, investigator.pub, (evidence_place_t){1, 1}, vault.pub,
                                     slice_make(text, sizeof text), &out),
                       ERR_LIMIT));
}

static void one_key_opens_nothing(void **state)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    evidence_outer_t outer;
    slice_t plain, text = SLICE("name=Yamada&password=[12 bytes]");
    arena_init(&a, 1024 * 1024);
    slice_t sealed = sealed_of(&a, text);
    assert_int_equal(slice_find(sealed, SLICE("Yamada")), SIZE_MAX);
    assert_true(err_is(evidence_outer_open(&a, stranger.secret, sealed, &outer), ERR_CRYPTO));
    assert_true(err_is(evidence_outer_open(&a, vault.secret, sealed, &outer), ERR_CRYPTO));
    GOOD(evidence_outer_open(&a, investigator.secret, sealed, &outer));
    assert_int_equal(slice_find(outer.inner, SLICE("Yamada")), SIZE_MAX);
    buf_t opened = BUF_ON_ARRAY(in_mem);
    assert_true(err_is(evidence_inner_open(investigator.secret, outer.inner, &opened), ERR_CRYPTO));
    assert_true(err_is(evidence_inner_open(stranger.secret, outer.inner, &opened), ERR_CRYPTO));
    assert_int_equal(opened.len, 0);
    /* another text than was committed to */
    slice_t other = sealed_of(&a, SLICE("another"));
    evidence_outer_t second;
    GOOD(evidence_outer_open(&a, investigator.secret, other, &second));
    GOOD(evidence_inner_open(vault.secret, second.inner, &opened));
    assert_true(err_is(evidence_check(&outer, buf_slice(&opened), &plain), ERR_CRYPTO));
}

static void each_byte_counts(void **state)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 4 * 1024 * 1024);
    slice_t sealed = sealed_of(&a, SLICE("short"));
    for (size_t i = 0; i < sealed.len; i++) {
        evidence_outer_t outer;
        out_mem[i] ^= 0x10;
        assert_true(err_failed(evidence_outer_open(&a, investigator.secret, sealed, &outer)));
        assert_true(err_failed(
            evidence_outer_open(&a, investigator.secret, slice_sub(sealed, 0, i), &outer)));
        out_mem[i] ^= 0x10;
    }
}

static void sheets_by_turns(void **state)
{
    static uint8_t keys[EVIDENCE_SLOTS * EVIDENCE_KEY], file_mem[EVIDENCE_SHEET_FILE];
    evidence_sheet_t sheet = {.serial = 7, .month = 24323, .keys = keys}, read;
    unsigned half = 9;
    const uint8_t *key;
    random_bytes(keys, sizeof keys);
    memset(keys + 5 * EVIDENCE_KEY, 0, EVIDENCE_KEY); /* destroyed */
    slice_t file = slice_make(file_mem, sizeof file_mem);
    assert_true(err_is(evidence_sheet_read(file, &read, &half), ERR_CORRUPT));
    buf_t first = buf_on(file_mem, EVIDENCE_SHEET);
    evidence_sheet_put(&sheet, &first);
    GOOD(buf_check(&first));
    GOOD(evidence_sheet_read(file, &read, &half));
    assert_int_equal(half, 0);
    assert_true(evidence_sheet_key(&read, 4, &key));
    assert_memory_equal(key, keys + 4 * EVIDENCE_KEY, EVIDENCE_KEY);
    assert_false(evidence_sheet_key(&read, 5, &key));
    assert_false(evidence_sheet_key(&read, EVIDENCE_SLOTS, &key));
    assert_false(evidence_sheet_key(&read, EVIDENCE_RING_SLOT, &key));
    buf_t second = buf_on(file_mem + EVIDENCE_SHEET, EVIDENCE_SHEET);
    sheet.serial = 8;
    sheet.month = 24324;
    evidence_sheet_put(&sheet, &second);
    GOOD(evidence_sheet_read(file, &read, &half));
    assert_int_equal(half, 1);
    assert_int_equal(read.month, 24324);
    /* half written: the older one holds */
    static const size_t AT[] = {0, 8, 12, 16, 20, 24, 40, 70, 96, EVIDENCE_SHEET - 1};
    for (size_t i = 0; i < BASE_COUNT(AT); i++) {
        file_mem[EVIDENCE_SHEET + AT[i]] ^= 1;
        GOOD(evidence_sheet_read(file, &read, &half));
        assert_int_equal(half, 0);
        file_mem[EVIDENCE_SHEET + AT[i]] ^= 1;
    }
    GOOD(evidence_sheet_read(slice_sub(file, 0, EVIDENCE_SHEET), &read, &half));
    assert_true(err_failed(evidence_sheet_read(slice_sub(file, 0, 100), &read, &half)));
}

static void ring_slots(void **state)
{
    static uint8_t keys[EVIDENCE_SLOTS * EVIDENCE_KEY], slot[EVIDENCE_RING_BYTES], text[4096];
    evidence_sheet_t sheet = {.month = 24322, .keys = keys};
    evidence_ring_key_t key;
    evidence_ring_slot_t read;
    uint8_t opened[EVIDENCE_KEY];
    memcpy(sheet.ring, vault.pub, EVIDENCE_KEY);
    evidence_ring_key_make(&sheet, &key);
    static const size_t SIZES[] = {0, 1, EVIDENCE_RING_PLAIN_MAX};
    assert_false(evidence_ring_read(slice_make(slot, sizeof slot), &read));
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        GOOD(evidence_ring_put(&key, 7, 99, slice_make(text, SIZES[i]), slot));
        assert_true(evidence_ring_read(slice_make(slot, sizeof slot), &read));
        assert_int_equal(read.number, 7);
        assert_int_equal(read.month, 24322);
        buf_t out = buf_on(opened, sizeof opened);
        GOOD(evidence_inner_open(vault.secret, read.sealed_key, &out));
        buf_t plain = BUF_ON_ARRAY(in_mem);
        GOOD(evidence_ring_open(&read, opened, &plain));
        assert_true(slice_eq(buf_slice(&plain), slice_make(text, SIZES[i])));
        slot[16] ^= 1; /* the time is authenticated as well */
        assert_true(evidence_ring_read(slice_make(slot, sizeof slot), &read));
        assert_true(err_is(evidence_ring_open(&read, opened, &plain), ERR_CRYPTO));
    }
    assert_true(
        err_is(evidence_ring_put(&key, 7, 99, slice_make(text, EVIDENCE_RING_PLAIN_MAX + 1), slot),
               ERR_LIMIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_with_both), cmocka_unit_test(one_key_opens_nothing),
        cmocka_unit_test(each_byte_counts), cmocka_unit_test(sheets_by_turns),
        cmocka_unit_test(ring_slots)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, pairs_make, NULL);
}
