/* The sealed form: vectors computed by another program, properties, and the forgeries it must
 * refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "envelope.h"

static secret_t key_from(uint8_t first)
{
    secret_t k;
    for (size_t i = 0; i < sizeof k.b; i++) {
        k.b[i] = (uint8_t)(first + i);
    }
    return k;
}

static id128_t id_from(uint8_t first)
{
    id128_t id;
    for (size_t i = 0; i < ID_BYTES; i++) {
        id.b[i] = (uint8_t)(first + i);
    }
    return id;
}

static const uint8_t NONCE[ENVELOPE_NONCE] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                                              0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f,
                                              0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57};

static envelope_place_t place(void)
{
    return (envelope_place_t){.kind = ENVELOPE_FIELD,
                              .epoch = 1,
                              .subject = id_from(0xa0),
                              .table = SLICE("booking_pax"),
                              .column = SLICE("name_kana"),
                              .row = id_from(0xc0)};
}

static slice_t unhex(const char *hex, uint8_t *mem, size_t cap)
{
    size_t len = 0;
    assert_int_equal(sodium_hex2bin(mem, cap, hex, strlen(hex), NULL, &len, NULL), 0);
    return slice_make(mem, len);
}

static void check_vector(const envelope_place_t *at, slice_t plain, const char *want_hex)
{
    uint8_t want_mem[256];
    uint8_t mem[256];
    slice_t want = unhex(want_hex, want_mem, sizeof want_mem);
    secret_t key = key_from(0);
    buf_t out = BUF_ON_ARRAY(mem);
    assert_false(err_failed(envelope_seal_with(&key, at, NONCE, plain, &out)));
    assert_true(slice_eq(buf_slice(&out), want));
    uint8_t plain_mem[64];
    buf_t opened = BUF_ON_ARRAY(plain_mem);
    assert_false(err_failed(envelope_open(&key, at, want, &opened)));
    assert_true(slice_eq(buf_slice(&opened), plain));
}

static void vectors(void **state)
{
    (void)state;
    envelope_place_t at = place();
    check_vector(&at, SLICE("ヤマダ ハナコ"),
                 "0101000001000000404142434445464748494a4b4c4d4e4f505152535455565715f7a2dcd4cff5a7"
                 "c299a31f1491c4e1c12e3fe5cfbd49da306fc836c359181d64aa61e30818af99c8b21d5ed83b62e8"
                 "a16a2e1f8191fb89c051289af2b601ec82f7d1");
    at = (envelope_place_t){.kind = ENVELOPE_PAYLOAD,
                            .epoch = 2026 * 12 + 10,
                            .subject = id_from(0xa0),
                            .table = SLICE("record"),
                            .column = SLICE("payload")};
    check_vector(
        &at, SLICE_EMPTY,
        "01020000025f0000404142434445464748494a4b4c4d4e4f505152535455565779b93354cd8582b4"
        "6c6dcae37731ef064338b29c9cedf64276aa91e1a0cb2492d3c28a6d2d4ab82bb0edd0f64e767b80");
}

static void every_size_comes_back(void **state)
{
    (void)state;
    static uint8_t plain[4097];
    static uint8_t sealed_mem[4097 + ENVELOPE_OVERHEAD];
    static uint8_t opened_mem[4097];
    random_bytes(plain, sizeof plain);
    envelope_place_t at = place();
    secret_t key = key_from(7);
    for (size_t len = 0; len <= 4096; len++) {
        buf_t sealed = BUF_ON_ARRAY(sealed_mem);
        buf_t opened = BUF_ON_ARRAY(opened_mem);
        slice_t text = slice_make(plain, len);
        assert_false(err_failed(envelope_seal(&key, &at, text, &sealed)));
        assert_int_equal(sealed.len, len + ENVELOPE_OVERHEAD);
        assert_false(err_failed(envelope_open(&key, &at, buf_slice(&sealed), &opened)));
        assert_true(slice_eq(buf_slice(&opened), text));
        assert_true(len < 16 || slice_find(buf_slice(&sealed), text) == SIZE_MAX);
    }
}

typedef struct refusal {
    const char *name;
    envelope_place_t at;
    uint8_t key;
} refusal_t;

static void another_place_or_key_is_refused(void **state)
{
    (void)state;
    envelope_place_t at = place();
    refusal_t rows[] = {
        {"subject", at, 0}, {"table", at, 0}, {"column", at, 0},   {"row", at, 0},
        {"kind", at, 0},    {"epoch", at, 0}, {"boundary", at, 0}, {"key", at, 1},
    };
    rows[0].at.subject.b[15] ^= 1;
    rows[1].at.table = SLICE("booking_pay");
    rows[2].at.column = SLICE("name_kanj");
    rows[3].at.row.b[0] ^= 0x80;
    rows[4].at.kind = ENVELOPE_PAYLOAD;
    rows[5].at.epoch = 2;
    rows[6].at.table = SLICE("booking_paxn"); /* same bytes side by side, another boundary */
    rows[6].at.column = SLICE("ame_kana");
    uint8_t mem[128];
    uint8_t out_mem[64];
    buf_t sealed = BUF_ON_ARRAY(mem);
    secret_t key = key_from(0);
    assert_false(err_failed(envelope_seal(&key, &at, SLICE("090-1234-5678"), &sealed)));
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        buf_t out = BUF_ON_ARRAY(out_mem);
        secret_t with = key_from(rows[i].key);
        err_t e = envelope_open(&with, &rows[i].at, buf_slice(&sealed), &out);
        if (!err_is(e, ERR_CRYPTO) || out.len != 0) {
            fail_msg("%s: %s", rows[i].name, err_name(e.code));
        }
    }
}

static void every_flipped_bit_and_cut_is_refused(void **state)
{
    (void)state;
    envelope_place_t at = place();
    secret_t key = key_from(0);
    uint8_t mem[128];
    uint8_t out_mem[128];
    buf_t sealed = BUF_ON_ARRAY(mem);
    assert_false(err_failed(envelope_seal(&key, &at, SLICE("090-1234-5678"), &sealed)));
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        buf_t out = BUF_ON_ARRAY(out_mem);
        mem[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_true(err_is(envelope_open(&key, &at, buf_slice(&sealed), &out), ERR_CRYPTO));
        assert_int_equal(out.len, 0);
        mem[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++) {
        buf_t out = BUF_ON_ARRAY(out_mem);
        assert_true(err_is(envelope_open(&key, &at, slice_make(mem, len), &out), ERR_CRYPTO));
    }
}

/* One ciphertext with one tag that XChaCha20-Poly1305 accepts under two message keys (the second
 * block was solved for it). The commitment lets it open under the key it names and no other. */
static void two_key_ciphertext_is_refused(void **state)
{
    (void)state;
    static const char *const COMMIT[2] = {
        "15f7a2dcd4cff5a7c299a31f1491c4e1c12e3fe5cfbd49da306fc836c359181d",
        "59e4f3bd614193d422828c915815144faa191edc617460919bcd45ec3552cf12"};
    uint8_t mem[128];
    uint8_t part[64];
    envelope_place_t at = place();
    for (unsigned named = 0; named < 2; named++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_put(&b, SLICE("\x01\x01\x00\x00\x01\x00\x00\x00"));
        buf_put(&b, slice_make(NONCE, sizeof NONCE));
        buf_put(&b, unhex(COMMIT[named], part, sizeof part));
        buf_put(&b, unhex("4420823cfde6f1c26b30f90ec7dd01e455c2f6d48805d2fcd3409fc03d2c8745"
                          "eef4ac1218d5ca70da2eab114b0f928f",
                          part, sizeof part));
        for (unsigned used = 0; used < 2; used++) {
            secret_t key = key_from(used ? 0x80 : 0);
            uint8_t out_mem[64];
            buf_t out = BUF_ON_ARRAY(out_mem);
            err_t e = envelope_open(&key, &at, buf_slice(&b), &out);
            assert_int_equal(e.code, named == used ? ERR_NONE : ERR_CRYPTO);
            assert_int_equal(out.len, named == used ? 32 : 0);
        }
    }
}

static void bad_names_and_small_buffers(void **state)
{
    (void)state;
    envelope_place_t at = place();
    secret_t key = key_from(0);
    uint8_t mem[ENVELOPE_OVERHEAD + 3];
    buf_t out = BUF_ON_ARRAY(mem);
    at.table = SLICE_EMPTY;
    assert_true(err_is(envelope_seal(&key, &at, SLICE("abc"), &out), ERR_RANGE));
    char longest[ENVELOPE_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    at.table = slice_make(longest, sizeof longest);
    assert_true(err_is(envelope_seal(&key, &at, SLICE("abc"), &out), ERR_RANGE));
    at.table = slice_make(longest, ENVELOPE_NAME_MAX);
    at.column = at.table;
    assert_false(err_failed(envelope_seal(&key, &at, SLICE("abc"), &out)));
    buf_reset(&out);
    assert_true(err_is(envelope_seal(&key, &at, SLICE("abcd"), &out), ERR_LIMIT));
    assert_true(out.full);
}

static void one_text_twice_shares_nothing(void **state)
{
    (void)state;
    envelope_place_t at = place();
    secret_t key = key_from(0);
    uint8_t a_mem[128];
    uint8_t b_mem[128];
    buf_t a = BUF_ON_ARRAY(a_mem);
    buf_t b = BUF_ON_ARRAY(b_mem);
    assert_false(err_failed(envelope_seal(&key, &at, SLICE("same"), &a)));
    assert_false(err_failed(envelope_seal(&key, &at, SLICE("same"), &b)));
    size_t from = ENVELOPE_HEAD;
    assert_memory_not_equal(a.ptr + from, b.ptr + from, ENVELOPE_NONCE);
    assert_memory_not_equal(a.ptr + from + ENVELOPE_NONCE, b.ptr + from + ENVELOPE_NONCE,
                            ENVELOPE_COMMIT);
    envelope_head_t head;
    assert_false(err_failed(envelope_head_read(buf_slice(&a), &head)));
    assert_int_equal(head.kind, ENVELOPE_FIELD);
    assert_int_equal(head.epoch, 1);
    a_mem[0] = 2;
    assert_true(err_is(envelope_head_read(buf_slice(&a), &head), ERR_CRYPTO));
}

int main(void)
{
    assert_true(sodium_init() >= 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(another_place_or_key_is_refused),
        cmocka_unit_test(every_flipped_bit_and_cut_is_refused),
        cmocka_unit_test(two_key_ciphertext_is_refused),
        cmocka_unit_test(bad_names_and_small_buffers),
        cmocka_unit_test(one_text_twice_shares_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
