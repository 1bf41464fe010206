#include "io/evidence.h"

#include <sodium.h>

enum { HEAD = 4 + 4 + 4 + 32, OUTER_MAGIC = 4 };

#define MAGIC SLICE("SKE1")
#define SHEET_MAGIC SLICE("SekiEvK1")

_Static_assert(EVIDENCE_KEY == crypto_box_PUBLICKEYBYTES, "X25519");
_Static_assert(EVIDENCE_OVERHEAD ==
                   OUTER_MAGIC + crypto_box_SEALBYTES + HEAD + crypto_box_SEALBYTES + EVIDENCE_SALT,
               "both boxes, the head, the salt");

/* Tells which text it was without telling anything about it: the salt is in the inner box. */
static void commit(slice_t salt, slice_t plain, uint8_t out[32])
{
    crypto_generichash(out, 32, plain.ptr, plain.len, salt.ptr, salt.len);
}

static err_t box_to(slice_t plain, const uint8_t key[EVIDENCE_KEY], buf_t *out)
{
    uint8_t *at = buf_room(out, plain.len + crypto_box_SEALBYTES);
    ENSURE(at, ERR_LIMIT);
    ENSURE(crypto_box_seal(at, plain.ptr, plain.len, key) == 0, ERR_CRYPTO);
    return OK;
}

err_t evidence_seal(arena_t *a, const uint8_t investigator[EVIDENCE_KEY], evidence_place_t place,
                    const uint8_t vault[EVIDENCE_KEY], slice_t plain, buf_t *out)
{
    buf_t inside, outside;
    uint8_t commitment[32];
    ENSURE(plain.len <= EVIDENCE_PLAIN_MAX, ERR_LIMIT);
    TRY(arena_buf(a, EVIDENCE_SALT + plain.len, &inside));
    TRY(arena_buf(a, HEAD + EVIDENCE_INNER_OVERHEAD + plain.len, &outside));
    random_bytes(buf_room(&inside, EVIDENCE_SALT), EVIDENCE_SALT);
    commit(buf_slice(&inside), plain, commitment);
    buf_put(&inside, plain);
    buf_u32(&outside, place.month);
    buf_u32(&outside, place.slot);
    buf_u32(&outside, 0);
    buf_put(&outside, slice_make(commitment, sizeof commitment));
    TRY(box_to(buf_slice(&inside), vault, &outside));
    buf_put(out, MAGIC);
    return box_to(buf_slice(&outside), investigator, out);
}

bool evidence_is_sealed(slice_t bytes)
{
    return slice_starts(bytes, MAGIC) && bytes.len >= EVIDENCE_OVERHEAD;
}

static err_t box_open(slice_t box, const uint8_t secret[EVIDENCE_KEY], buf_t *out)
{
    uint8_t public_half[EVIDENCE_KEY];
    ENSURE(box.len >= crypto_box_SEALBYTES, ERR_CRYPTO);
    CHECK(crypto_scalarmult_base(public_half, secret) == 0);
    size_t before = out->len;
    uint8_t *at = buf_room(out, box.len - crypto_box_SEALBYTES);
    ENSURE(at, ERR_LIMIT);
    if (crypto_box_seal_open(at, box.ptr, box.len, public_half, secret) != 0) {
        out->len = before;
        return FAIL(ERR_CRYPTO);
    }
    return OK;
}

err_t evidence_outer_open(arena_t *a, const uint8_t secret[EVIDENCE_KEY], slice_t sealed,
                          evidence_outer_t *ret_outer)
{
    buf_t head;
    ENSURE(evidence_is_sealed(sealed), ERR_CRYPTO);
    TRY(arena_buf(a, sealed.len, &head));
    TRY(box_open(slice_from(sealed, OUTER_MAGIC), secret, &head));
    cursor_t c = cur_on(buf_slice(&head));
    evidence_outer_t outer = {.place = {.month = cur_u32(&c)}};
    outer.place.slot = cur_u32(&c);
    ENSURE(cur_u32(&c) == 0, ERR_VERSION);
    cur_copy(&c, outer.commitment, sizeof outer.commitment);
    outer.inner = cur_rest(&c);
    ENSURE(!c.bad, ERR_CRYPTO);
    *ret_outer = outer;
    return OK;
}

err_t evidence_inner_open(const uint8_t secret[EVIDENCE_KEY], slice_t inner, buf_t *out)
{
    return box_open(inner, secret, out);
}

err_t evidence_check(const evidence_outer_t *outer, slice_t opened, slice_t *ret_plain)
{
    uint8_t commitment[32];
    ENSURE(opened.len >= EVIDENCE_SALT, ERR_CRYPTO);
    slice_t plain = slice_from(opened, EVIDENCE_SALT);
    commit(slice_sub(opened, 0, EVIDENCE_SALT), plain, commitment);
    ENSURE(sodium_memcmp(commitment, outer->commitment, sizeof commitment) == 0, ERR_CRYPTO);
    *ret_plain = plain;
    return OK;
}

err_t evidence_key_read(slice_t file, const char *label, uint8_t ret_key[EVIDENCE_KEY])
{
    slice_t text = slice_trim(file), want = slice_cstr_in(label);
    size_t len = 0;
    ENSURE(slice_starts(text, want), ERR_CORRUPT);
    text = slice_from(text, want.len);
    ENSURE(text.len == 2 * EVIDENCE_KEY, ERR_CORRUPT);
    ENSURE(sodium_hex2bin(ret_key, EVIDENCE_KEY, (const char *)text.ptr, text.len, NULL, &len,
                          NULL) == 0 &&
               len == EVIDENCE_KEY,
           ERR_CORRUPT);
    return OK;
}

/* ---- the sheet ---- */

/* Over all bytes but its own. */
static void sheet_sum(slice_t sheet, uint8_t out[32])
{
    crypto_generichash_state s;
    crypto_generichash_init(&s, NULL, 0, 32);
    crypto_generichash_update(&s, sheet.ptr, 64);
    crypto_generichash_update(&s, sheet.ptr + EVIDENCE_SHEET_HEAD, sheet.len - EVIDENCE_SHEET_HEAD);
    crypto_generichash_final(&s, out, 32);
}

void evidence_sheet_put(const evidence_sheet_t *sheet, buf_t *out)
{
    size_t from = out->len;
    buf_put(out, SHEET_MAGIC);
    buf_u32(out, 1);
    buf_u32(out, sheet->month);
    buf_u32(out, EVIDENCE_SLOTS);
    buf_u32(out, 0);
    buf_u64(out, sheet->serial);
    buf_put(out, slice_make(sheet->ring, EVIDENCE_KEY));
    uint8_t *sum = buf_room(out, 32);
    buf_put(out, slice_make(sheet->keys, (size_t)EVIDENCE_SLOTS * EVIDENCE_KEY));
    if (!out->full) {
        sheet_sum(slice_from(buf_slice(out), from), sum);
    }
}

static bool half_read(slice_t bytes, evidence_sheet_t *ret)
{
    uint8_t sum[32];
    cursor_t c = cur_on(bytes);
    if (bytes.len != EVIDENCE_SHEET || !slice_eq(cur_bytes(&c, 8), SHEET_MAGIC) ||
        cur_u32(&c) != 1) {
        return false;
    }
    ret->month = cur_u32(&c);
    if (cur_u32(&c) != EVIDENCE_SLOTS || cur_u32(&c) != 0) {
        return false;
    }
    ret->serial = cur_u64(&c);
    cur_copy(&c, ret->ring, EVIDENCE_KEY);
    sheet_sum(bytes, sum);
    ret->keys = bytes.ptr + EVIDENCE_SHEET_HEAD;
    return slice_eq(cur_bytes(&c, 32), slice_make(sum, sizeof sum));
}

err_t evidence_sheet_read(slice_t file, evidence_sheet_t *ret_sheet, unsigned *ret_half)
{
    evidence_sheet_t best = {0};
    bool found = false;
    for (unsigned i = 0; i < 2; i++) {
        evidence_sheet_t one = {0};
        if (half_read(slice_sub(file, (size_t)i * EVIDENCE_SHEET, EVIDENCE_SHEET), &one) &&
            (!found || one.serial > best.serial)) {
            best = one;
            found = true;
            *ret_half = i;
        }
    }
    ENSURE(found, ERR_CORRUPT);
    *ret_sheet = best;
    return OK;
}

bool evidence_sheet_key(const evidence_sheet_t *sheet, uint32_t slot, const uint8_t **ret_key)
{
    if (slot >= EVIDENCE_SLOTS) {
        return false;
    }
    const uint8_t *key = sheet->keys + (size_t)slot * EVIDENCE_KEY;
    *ret_key = key;
    return !sodium_is_zero(key, EVIDENCE_KEY);
}

/* ---- the ring ---- */

#define RING_MAGIC SLICE("SKR1")

enum { RING_TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES };

_Static_assert(EVIDENCE_RING_HEAD == 32 + EVIDENCE_RING_KEY_SEALED, "the head");
_Static_assert(EVIDENCE_RING_PLAIN_MAX ==
                   EVIDENCE_RING_BYTES - EVIDENCE_RING_HEAD - EVIDENCE_RING_NONCE - RING_TAG,
               "what fits a slot");

void evidence_ring_key_make(const evidence_sheet_t *sheet, evidence_ring_key_t *ret_key)
{
    ret_key->month = sheet->month;
    random_bytes(ret_key->key, sizeof ret_key->key);
    CHECK(crypto_box_seal(ret_key->sealed, ret_key->key, sizeof ret_key->key, sheet->ring) == 0);
}

err_t evidence_ring_put(const evidence_ring_key_t *key, uint64_t number, int64_t wall_us,
                        slice_t plain, uint8_t ret_slot[EVIDENCE_RING_BYTES])
{
    buf_t out = buf_on(ret_slot, EVIDENCE_RING_BYTES);
    ENSURE(plain.len <= EVIDENCE_RING_PLAIN_MAX, ERR_LIMIT);
    buf_put(&out, RING_MAGIC);
    buf_u32(&out, (uint32_t)plain.len);
    buf_u64(&out, number);
    buf_i64(&out, wall_us);
    buf_u32(&out, key->month);
    buf_u32(&out, 0);
    buf_put(&out, slice_make(key->sealed, sizeof key->sealed));
    uint8_t *nonce = buf_room(&out, EVIDENCE_RING_NONCE);
    uint8_t *cipher = buf_room(&out, plain.len + RING_TAG);
    random_bytes(nonce, EVIDENCE_RING_NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, NULL, plain.ptr, plain.len, ret_slot,
                                               EVIDENCE_RING_HEAD, NULL, nonce, key->key);
    return OK;
}

bool evidence_ring_read(slice_t slot, evidence_ring_slot_t *ret_slot)
{
    cursor_t c = cur_on(slot);
    bool ours = slot.len == EVIDENCE_RING_BYTES && slice_eq(cur_bytes(&c, 4), RING_MAGIC);
    size_t len = cur_u32(&c);
    *ret_slot = (evidence_ring_slot_t){.number = cur_u64(&c)};
    ret_slot->wall_us = cur_i64(&c);
    ret_slot->month = cur_u32(&c);
    (void)cur_u32(&c);
    ret_slot->sealed_key = cur_bytes(&c, EVIDENCE_RING_KEY_SEALED);
    ret_slot->head = slice_sub(slot, 0, EVIDENCE_RING_HEAD);
    ret_slot->nonce = cur_bytes(&c, EVIDENCE_RING_NONCE);
    ret_slot->cipher = cur_bytes(&c, len + RING_TAG);
    return ours && !c.bad;
}

err_t evidence_ring_open(const evidence_ring_slot_t *slot, const uint8_t key[EVIDENCE_KEY],
                         buf_t *out)
{
    uint8_t *at = buf_room(out, slot->cipher.len - RING_TAG);
    ENSURE(at, ERR_LIMIT);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, slot->cipher.ptr,
                                                   slot->cipher.len, slot->head.ptr, slot->head.len,
                                                   slot->nonce.ptr, key) != 0) {
        out->len -= slot->cipher.len - RING_TAG;
        return FAIL(ERR_CRYPTO);
    }
    return OK;
}
