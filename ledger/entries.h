/* Reading records by their number: the latest groups from memory, older ones from the entry bundles
 * on disk. One thread (the loop's). Also counts what the sealer has still to do. */
#ifndef LEDGER_ENTRIES_H
#define LEDGER_ENTRIES_H

#include "base/arena.h"
#include "base/cursor.h"
#include "group.h"

enum { ENTRIES_KEEP = 16 * 1024 * 1024 }; /* bytes of sealed groups kept in memory */

typedef struct entries {
    int public_dir; /* borrowed */
    group_t **groups;
    size_t count, cap;
    size_t bytes;         /* in groups */
    uint64_t total_bytes; /* ever pushed */
    uint64_t sealed_bytes;
    uint64_t sealed, size; /* leaves */
    arena_t bundle_mem;    /* the bundle read last */
    slice_t bundle;
    uint64_t bundle_number;
    unsigned bundle_width; /* 0 = none */
} entries_t;

/* size: leaves that stand sealed on the disk. */
void entries_init(entries_t *e, int public_dir, uint64_t size);
void entries_deinit(entries_t *e);
/* Takes the group over; it must begin at the present size. MEMORY. */
err_t entries_push(entries_t *e, group_t *group);
/* The sealer has published this size; groups that are only kept for speed may go. */
void entries_sealed(entries_t *e, uint64_t size);
/* Bytes of groups that are not sealed yet. */
static inline uint64_t entries_unsealed(const entries_t *e)
{
    return e->total_bytes - e->sealed_bytes;
}

/* A run of framed leaves that begins with leaf seq < size; *ret_end is the first leaf after it.
 * The cursor is good until the next call. CORRUPT, IO. */
err_t entries_run(entries_t *e, uint64_t seq, cursor_t *ret_run, uint64_t *ret_end);

#endif
