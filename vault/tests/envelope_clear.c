/* THIS FILE SEALS NOTHING. It stands in for envelope.c in one program, vaultd-unsealed, with which
 * the search for clear text is tried: where it finds every traveller then, finding none otherwise
 * means something (scenes/clear).
 *
 * The bytes have the lengths and the head of a sealed value but a version of their own, so neither
 * reads the other's. No code of this file is in vaultd; vaultd-unsealed itself runs in the profile
 * test and in no other (main.c asks envelope_seals()). */
#include "envelope.h"

enum { CLEAR_VERSION = 0xee };

/* Found in a program's file, it tells which program that is. */
static const char MARK[ENVELOPE_NONCE] = "vault: nothing is sealed";

bool envelope_seals(void)
{
    return false;
}

static void head_put(buf_t *b, const envelope_place_t *place)
{
    buf_u8(b, CLEAR_VERSION);
    buf_u8(b, (uint8_t)place->kind);
    buf_u16(b, 0);
    buf_u32(b, place->epoch);
}

err_t envelope_seal_with(const secret_t *key, const envelope_place_t *place,
                         const uint8_t nonce[ENVELOPE_NONCE], slice_t plain, buf_t *out)
{
    static const uint8_t NOTHING[ENVELOPE_COMMIT];
    (void)key;
    head_put(out, place);
    buf_put(out, slice_make(nonce, ENVELOPE_NONCE));
    buf_put(out, slice_make(NOTHING, ENVELOPE_COMMIT));
    buf_put(out, plain);
    buf_put(out, slice_make(NOTHING, ENVELOPE_TAG));
    return OK;
}

err_t envelope_seal(const secret_t *key, const envelope_place_t *place, slice_t plain, buf_t *out)
{
    uint8_t nonce[ENVELOPE_NONCE];
    memcpy(nonce, MARK, sizeof nonce);
    return envelope_seal_with(key, place, nonce, plain, out);
}

err_t envelope_head_read(slice_t sealed, envelope_head_t *ret_head)
{
    ENSURE(sealed.len >= ENVELOPE_OVERHEAD && sealed.ptr[0] == CLEAR_VERSION, ERR_CRYPTO);
    cursor_t c = cur_on(slice_from(sealed, 1));
    envelope_head_t head = {.kind = cur_u8(&c)};
    cur_u16(&c);
    head.epoch = cur_u32(&c);
    *ret_head = head;
    return OK;
}

err_t envelope_open(const secret_t *key, const envelope_place_t *place, slice_t sealed, buf_t *out)
{
    uint8_t mem[ENVELOPE_HEAD];
    buf_t head = BUF_ON_ARRAY(mem);
    (void)key;
    head_put(&head, place);
    ENSURE(sealed.len >= ENVELOPE_OVERHEAD && slice_starts(sealed, buf_slice(&head)), ERR_CRYPTO);
    size_t before = ENVELOPE_OVERHEAD - ENVELOPE_TAG;
    buf_put(out, slice_sub(sealed, before, sealed.len - ENVELOPE_OVERHEAD));
    return OK;
}
