/* What the witness remembers of one log: the latest checkpoint that it cosigned, on the disk before
 * anyone hears of it. A file a log, var/witness/logs/<hex SHA-256 of the origin>, replaced as one
 * step (FORMAT.md). A file that is not what we wrote is never taken for "nothing seen yet". */
#ifndef WITNESS_MEMORY_H
#define WITNESS_MEMORY_H

#include "io/fd.h"
#include "wnote.h"

enum { MEMORY_NOTE_MAX = 8 * 1024, MEMORY_FILE_MAX = MEMORY_NOTE_MAX + 2048, MEMORY_NAME = 65 };

typedef struct memory {
    wkey_t from;   /* the configured key with which the chain of keys began */
    wkey_t key;    /* the one that is believed now */
    bool any;      /* something was cosigned */
    uint64_t size; /* of it; 0 = nothing */
    uint8_t root[WNOTE_HASH];
    size_t note_len;
    uint8_t note[MEMORY_NOTE_MAX]; /* text, the log's line, our line */
} memory_t;

void memory_name(const char *origin, char ret_name[MEMORY_NAME]);
/* NOT_FOUND: nothing was ever cosigned. CORRUPT: torn, changed, another log's, or not ours. */
err_t memory_load(path_t dir, const char *origin, const wkey_t *own, arena_t *a,
                  memory_t *ret_memory);
/* Durable when it returns OK. DISK_FULL, IO: what is on the disk is the old or the new one. */
err_t memory_store(path_t dir, const memory_t *m, arena_t *a);

#endif
