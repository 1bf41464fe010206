/* One file of fixed slots, memory-mapped, overwritten in place: the only place where wrapped keys
 * lie. Erasing a customer is overwriting slots, so a key must never be copied into a log, a journal
 * or a database. Format: FORMAT.md, "The key files".
 *
 * One thread adds and commits; any thread may find or erase. */
#ifndef VAULT_KEYSTORE_H
#define VAULT_KEYSTORE_H

#include "keys.h"

enum {
    KEYSTORE_CHUNK_SLOTS = 4096, /* the file grows by 1 MiB */
    KEYSTORE_SLOT = 256,
    KEYSTORE_HEADER = 4096,
    KEYSTORE_CHUNKS_MAX = 16384, /* 64 Mi slots */
};

typedef struct keystore keystore_t;

typedef struct keystore_conf {
    path_t path; /* made when missing; its folder must exist */
    keys_file_t file;
    const keys_t *keys;   /* outlives the store */
    uint32_t chunk_slots; /* 0 = KEYSTORE_CHUNK_SLOTS; a multiple of 16; of a new file */
} keystore_conf_t;

typedef struct keystore_state {
    uint64_t live, erased, damaged,
        slots;            /* damaged: live by its state word, broken by its checksum */
    uint64_t rolled_back; /* unfinished creations found at opening */
    bool broken;          /* a flush failed: nothing is added or erased until a restart */
} keystore_state_t;

/* Locks the file (CONFLICT when another process has it), finishes what a crash left half done.
 * CRYPTO: it belongs to another master key. CORRUPT: not a key file. VERSION. */
err_t keystore_open(const keystore_conf_t *conf, keystore_t **ret_store);
void keystore_close(keystore_t *ks); /* NULL is fine */

/* Puts a new key into a slot; it exists for nobody before keystore_commit(). EXISTS (also for an
 * erased one), FULL, DISK_FULL, UNAVAILABLE (broken). */
err_t keystore_add(keystore_t *ks, id128_t subject, uint32_t month);
/* Makes all added keys durable, then live, both on disk when it returns. On failure none of them
 * exists. */
err_t keystore_commit(keystore_t *ks);
/* NOT_FOUND when unknown (a damaged slot counts as that), EXPIRED when erased. */
err_t keystore_find(keystore_t *ks, id128_t subject, uint32_t month, keys_wrapped_t *ret_key);
/* Overwrites every key of the subject (all months), durable when it returns. NOT_FOUND when it has
 * no live one. */
err_t keystore_erase(keystore_t *ks, id128_t subject, size_t *ret_count);
/* What the file's header says of its master key, before a ring can be made. NOT_FOUND: no file yet.
 */
err_t keystore_peek(path_t path, keys_header_t *ret_header);
/* Puts the next slots from *io_from on under the newest master key, some at a time; callers may
 * find, add and erase meanwhile. *ret_left: a slot was, or still is, of an older one. *ret_end:
 * that was the last. When a pass from 0 to the end has left nothing, all are done. CRYPTO: a live
 * slot opens with no master key; IO. */
err_t keystore_rewrap(keystore_t *ks, uint32_t *io_from, bool *ret_left, bool *ret_end);
/* After such a pass: the header names the newest master key. */
err_t keystore_rewrapped(keystore_t *ks);
keystore_state_t keystore_state(keystore_t *ks);
/* The random name in the file's header: which file a slot's number is of. */
id128_t keystore_name(const keystore_t *ks);

#endif
