/* The sealed form of one value: pure bytes in, bytes out. Format: FORMAT.md, "A sealed value".
 *
 * XChaCha20-Poly1305 under a key of its own for every value. One BLAKE2b over (data key, nonce,
 * place) gives that key and a commitment: a sealed value opens under one data key, at one place, to
 * one text only. */
#ifndef VAULT_ENVELOPE_H
#define VAULT_ENVELOPE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/id.h"
#include "base/secret.h"

enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_HEAD = 8, /* u8 version, u8 kind, u16 zero, u32 epoch */
    ENVELOPE_NONCE = 24,
    ENVELOPE_COMMIT = 32,
    ENVELOPE_TAG = 16,
    ENVELOPE_OVERHEAD = ENVELOPE_HEAD + ENVELOPE_NONCE + ENVELOPE_COMMIT + ENVELOPE_TAG,
    ENVELOPE_NAME_MAX = 64, /* bytes of a table's or column's name */
};

typedef enum envelope_kind {
    ENVELOPE_FIELD = 1, /* under the subject's data key; epoch = that key's generation */
    ENVELOPE_PAYLOAD =
        2, /* of a record, under the key of (subject, month); epoch = year * 12 + month - 1 */
} envelope_kind_t;

/* What is authenticated beside the text. Names 1..ENVELOPE_NAME_MAX bytes. */
typedef struct envelope_place {
    envelope_kind_t kind;
    uint32_t epoch;
    id128_t subject;
    slice_t table, column;
    id128_t row;
} envelope_place_t;

/* What the head of a sealed value claims; nothing of it is proven until envelope_open() succeeds.
 */
typedef struct envelope_head {
    uint8_t kind;
    uint32_t epoch;
} envelope_head_t;

/* True. The stand-in of tests/envelope_clear.c, which seals nothing, says false: such a program may
 * run in the profile test only. */
bool envelope_seals(void);

/* CRYPTO when this is no sealed value of a known version and kind. */
err_t envelope_head_read(slice_t sealed, envelope_head_t *ret_head);

/* Appends the sealed form of plain to out (out->full when it does not fit). RANGE for a bad name.
 */
err_t envelope_seal(const secret_t *key, const envelope_place_t *place, slice_t plain, buf_t *out);
/* The same with a nonce given: for test vectors; a nonce used twice under one key and place breaks
 * both. */
err_t envelope_seal_with(const secret_t *key, const envelope_place_t *place,
                         const uint8_t nonce[ENVELOPE_NONCE], slice_t plain, buf_t *out);
/* Appends the text to out. CRYPTO when it was not sealed with this key for this place; nothing is
 * appended then. */
err_t envelope_open(const secret_t *key, const envelope_place_t *place, slice_t sealed, buf_t *out);

#endif
