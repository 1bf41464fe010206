/* The ring of keys: the only part of the house that ever holds a key of personal data in clear.
 *
 * Callers hand in wrapped keys (as they lie in the key file) and get sealed values, plain values,
 * pseudonyms and blind indexes back; a key itself never comes out. Everything here is thread-safe
 * but for keys_add() and keys_drop(), which one thread calls at a time. */
#ifndef VAULT_KEYS_H
#define VAULT_KEYS_H

#include "envelope.h"
#include "io/fd.h"

enum {
    KEYS_WRAPPED = 24 + 2 * SECRET_BYTES + 16, /* nonce, data key and salt, tag */
    KEYS_CHECK = 16,
    KEYS_BLIND = 16,
    KEYS_EPOCH = 1,   /* of the first master key; each later one has the next number */
    KEYS_MASTERS = 2, /* in the ring at a time: while one takes the other's place */
    KEYS_BLIND_WRAPPED = 24 + 3 * SECRET_BYTES + 16,
};

typedef struct keys_master {
    uint32_t epoch;
    secret_t key;
} keys_master_t;

/* What a key file's header says of its master key. */
typedef struct keys_header {
    uint32_t epoch;
    uint8_t check[KEYS_CHECK];
    uint8_t blind[KEYS_BLIND_WRAPPED]; /* the blind keys, wrapped; from epoch 2 on */
} keys_header_t;

/* Two files of slots: one key a customer; one a customer and month. */
typedef enum keys_file { KEYS_OF_SUBJECT = 1, KEYS_OF_MONTH = 2 } keys_file_t;

/* Where a wrapped key lies; authenticated with it, so no slot can be copied over another. */
typedef struct keys_slot {
    keys_file_t file;
    uint32_t slot;       /* index in the file */
    uint32_t epoch;      /* which wrapping key */
    uint32_t generation; /* of the data key; 1 = the first */
    uint32_t month;      /* year * 12 + month - 1; 0 in the subjects' file */
    id128_t subject;
} keys_slot_t;

typedef struct keys_wrapped {
    keys_slot_t at;
    int64_t created_us; /* not authenticated: it decides nothing about what opens */
    uint8_t bytes[KEYS_WRAPPED];
} keys_wrapped_t;

typedef struct keys keys_t;

/* Takes the master key and wipes the caller's copy, also on failure. MEMORY. */
err_t keys_new(secret_t *master, keys_t **ret_keys);
/* The ring of a house that has key files: one master key, or two while one takes the other's place.
 * Wipes the callers' copies, also on failure. header: of the subjects' file. CRYPTO: none of them
 * is the one that the header was written with. */
err_t keys_open_ring(keys_master_t *masters, size_t n, const keys_header_t *header,
                     keys_t **ret_keys);
void keys_free(keys_t *k); /* NULL is fine */

/* A second master key comes in: what is made from now on is wrapped by the one with the highest
 * epoch. Wiped. EXISTS (also when there are two already), RANGE (not the next number). */
err_t keys_add(keys_t *k, keys_master_t *master);
/* The highest and the lowest epoch in the ring. */
uint32_t keys_newest(const keys_t *k);
uint32_t keys_oldest(const keys_t *k);
/* The same data key and salt under the newest master key. CRYPTO. */
err_t keys_rewrap(const keys_t *k, keys_wrapped_t *io_key);
/* The header of a file whose slots are all of that epoch. */
void keys_header(const keys_t *k, uint32_t epoch, keys_header_t *ret_header);
/* Forgets a master key. Nobody may use a wrapping of it any more. */
void keys_drop(keys_t *k, uint32_t epoch);
/* Tells key files of a master key in the ring from those of another; reveals nothing about it.
 * *ret_epoch (may be NULL): of which. */
bool keys_check_known(const keys_t *k, const uint8_t check[KEYS_CHECK], uint32_t *ret_epoch);

/* Fills w->bytes with a fresh data key and salt, wrapped for w->at. */
void keys_make(const keys_t *k, keys_wrapped_t *w);
/* HMAC-SHA256(salt, subject), first 16 bytes. CRYPTO when the wrapped key was not made for its
 * slot. */
err_t keys_pseudonym(const keys_t *k, const keys_wrapped_t *w, id128_t *ret_pseudonym);
/* The place's subject must be the slot's (CHECK); kind and epoch are set from the slot. */
err_t keys_seal(const keys_t *k, const keys_wrapped_t *w, envelope_place_t place, slice_t plain,
                buf_t *out);
err_t keys_open(const keys_t *k, const keys_wrapped_t *w, envelope_place_t place, slice_t sealed,
                buf_t *out);
/* Keyed BLAKE2b of a folded text; kind 1..3 (vault_blind_kind_t). */
void keys_blind(const keys_t *k, unsigned kind, slice_t folded, uint8_t ret_index[KEYS_BLIND]);

/* Sealed evidence (io/evidence.h): the slot's data key as seed of an X25519 pair. The public half;
 * and what was sealed to it, appended to out. CRYPTO. */
err_t keys_evidence_public(const keys_t *k, const keys_wrapped_t *w,
                           uint8_t ret_public[SECRET_BYTES]);
err_t keys_evidence_open(const keys_t *k, const keys_wrapped_t *w, slice_t inner, buf_t *out);

/* The investigator's key pair (libsodium box, X25519): made when the public half is missing. The
 * private half goes to offline_dir/investigator.key (0400), which the demo keeps on the machine and
 * a real house carries away; the public half to etc_dir/investigator.pub (0444). One line each:
 * "x25519 " or "x25519-secret ", 64 hex digits. Before the seal. */
err_t keys_investigator(arena_t *a, path_t etc_dir, path_t offline_dir);

#endif
