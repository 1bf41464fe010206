/* The secret note keys on the disk: one for each segment, each gone for good once the next one has
 * taken over (FORMAT.md 5). Holds no key itself: it hands them out and destroys their files. */
#ifndef LEDGER_NOTEKEYS_H
#define LEDGER_NOTEKEYS_H

#include "epoch.h"

typedef struct notekeys {
    path_t dir;                     /* var/secrets/ledger */
    uid_t owner;                    /* who must own the files */
    char origin[NOTE_NAME_MAX + 1]; /* with the epoch's letters */
    char letters[9];                /* of the epoch; "" = the first one */
} notekeys_t;

/* base: the origin as configured. LIMIT, CONFIG. */
err_t notekeys_init(notekeys_t *k, path_t dir, uid_t owner, const char *base, const char *letters);
/* The key that signs in this segment: its own, or else the epoch's first. *ret_segment: whose
 * segment's file it came from; 0 = the first. NOT_FOUND, DENIED, CORRUPT. */
err_t notekeys_load(const notekeys_t *k, uint64_t segment, note_key_t *ret_key,
                    uint64_t *ret_segment);
/* The epoch's first key, made when there is none. */
err_t notekeys_first(const notekeys_t *k, note_key_t *ret_key);
/* The segment's own key, made when there is none: durable when this returns. DISK_FULL, IO. */
err_t notekeys_next(const notekeys_t *k, uint64_t segment, note_key_t *ret_key);
/* Destroys all keys of this epoch made for segments before this one, and those of other epochs:
 * overwritten, unlinked, the folder synced. May be repeated. IO. */
err_t notekeys_forget(const notekeys_t *k, uint64_t before);
/* One file of secrets, the same way; nothing when it is not there. IO. */
err_t notekeys_destroy(path_t dir, const char *name);

#endif
