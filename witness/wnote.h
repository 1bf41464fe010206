/* C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0 and tlog-cosignature v1.0.1 (Ed25519) as a
 * witness needs them: read a checkpoint, check the log's signature, sign a cosignature. The
 * witness's own reader: it shares no code with the ledger whose word it judges. Pure. */
#ifndef WITNESS_WNOTE_H
#define WITNESS_WNOTE_H

#include "base/buf.h"

enum {
    WNOTE_NAME_MAX = 200,        /* bytes of a key name or origin */
    WNOTE_MAX = 96 * 1024,       /* bytes of a note: 16 signatures of any type and more */
    WNOTE_SIGNATURES_MAX = 64,   /* lines */
    WNOTE_VKEY_MAX = 320,        /* bytes of a verifier key as text */
    WNOTE_COSIGNATURE_MAX = 400, /* bytes of a cosignature line */
    WNOTE_HASH = 32,
};

typedef enum wkey_type {
    WKEY_LOG = 1,     /* Ed25519 over the text */
    WKEY_WITNESS = 4, /* Ed25519, cosignature/v1 */
} wkey_type_t;

typedef struct wkey {
    char name[WNOTE_NAME_MAX + 1];
    wkey_type_t type;
    uint8_t id[4], key[32];
} wkey_t;

/* The witness's own key pair. */
typedef struct wsigner {
    wkey_t pub;
    uint8_t secret[64]; /* libsodium's form; wiped by wsigner_wipe */
} wsigner_t;

/* name+<8 hex>+base64(type, key). The name is UTF-8 without spaces, controls and '+'. SYNTAX. */
err_t wkey_parse(slice_t text, wkey_type_t type, wkey_t *ret_key);
/* The same from its parts: the id is computed. CONFIG for a name that is none. */
err_t wkey_make(slice_t name, wkey_type_t type, const uint8_t key[32], wkey_t *ret_key);
void wkey_put(buf_t *b, const wkey_t *key);
bool wkey_eq(const wkey_t *a, const wkey_t *b);

/* A checkpoint's parts; slices point into the note. */
typedef struct wcheckpoint {
    slice_t text;       /* what is signed: with its last newline */
    slice_t signatures; /* lines, each with its newline */
    slice_t origin;
    uint64_t size;
    uint8_t root[WNOTE_HASH];
} wcheckpoint_t;

/* Structure only; nothing is believed yet. Extension lines are allowed (they are cosigned with the
 * rest). SYNTAX, LIMIT. */
err_t wnote_parse(slice_t note, wcheckpoint_t *ret_cp);
/* A line of this key stands there and its signature holds. NOT_FOUND: no such line; CRYPTO: one
 * that is false. For WKEY_WITNESS *ret_time_s (may be NULL) is when it was signed. */
err_t wnote_signed(const wcheckpoint_t *cp, const wkey_t *key, uint64_t *ret_time_s);
/* The log's signature line(s) by this key, as they stand in the note: for what is kept. */
void wnote_put_lines(buf_t *b, const wcheckpoint_t *cp, const wkey_t *key);

/* CONFIG: the name. */
err_t wsigner_init(slice_t name, const uint8_t seed[32], wsigner_t *ret_signer);
void wsigner_wipe(wsigner_t *s);
/* One line: em dash, name, base64(id, u64 big-endian time, signature). */
void wsigner_cosign(const wsigner_t *s, slice_t text, uint64_t time_s, buf_t *out);

#endif
