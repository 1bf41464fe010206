/* C2SP signed note v1.0.0 and tlog-checkpoint v1.0.0, the writer's side: sign, and open our own.
 * Key type 0x01 (Ed25519) only; 0x04 and 0x06 have their place in the format. */
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

#include "base/buf.h"
#include "hash.h"

enum {
    NOTE_NAME_MAX = 100, /* bytes of an origin or key name */
    NOTE_MAX = 4096,     /* bytes of a note that we open */
    NOTE_SEED = 32,      /* Ed25519 secret: the seed */
};

typedef struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint8_t public_key[32];
    uint8_t secret_key[64]; /* libsodium's form; wiped by note_key_wipe */
    uint8_t id[4];
} note_key_t;

typedef struct checkpoint {
    uint64_t size;
    hash_t root;
} checkpoint_t;

/* The name: 1..NOTE_NAME_MAX graphic ASCII characters, no '+'. CONFIG. */
err_t note_key_init(slice_t name, const uint8_t seed[NOTE_SEED], note_key_t *ret_key);
void note_key_wipe(note_key_t *key);
/* name+<8 hex>+base64(type, key): the form that Go's sumdb/note reads. */
void note_put_vkey(buf_t *b, const note_key_t *key);

/* origin (the key's name), decimal size, base64 root; signed. */
void note_put_checkpoint(buf_t *b, const note_key_t *key, const checkpoint_t *cp);
/* A further signature line; the buffer holds the note and nothing else. */
void note_add_signature(buf_t *note, const note_key_t *key);
/* Opens a checkpoint of this origin signed by this key. CORRUPT: not such a note; CRYPTO: the
 * signature is wrong. Further signatures of other keys are skipped. */
err_t note_open_checkpoint(slice_t note, const note_key_t *key, checkpoint_t *ret_cp);
/* What a checkpoint of this origin says, whoever signed it. CORRUPT. */
err_t note_read_checkpoint(slice_t note, const char *origin, checkpoint_t *ret_cp);

#endif
