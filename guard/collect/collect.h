/* Persistent collections (IP, GLOBAL, SESSION, ...) in one piece of memory that processes share: a
 * table of fixed size that never grows, never allocates and never waits for anything but its short
 * lock. When it is full the values that were touched longest ago give way (counted).
 *
 * All values of one collection key lie in one bucket of COLLECT_WAYS slots; a key with more names
 * loses its oldest. Names are compared without regard to case, as SecLang does. Buckets are chosen
 * by a keyed hash, so nobody can aim at one. Pure: time comes in, locking is the caller's. */
#ifndef GUARD_COLLECT_H
#define GUARD_COLLECT_H

#include "../engine/engine.h"

enum {
    COLLECT_WAYS = 16,
    COLLECT_NAME_MAX = 44,   /* longer names: LIMIT */
    COLLECT_VALUE_MAX = 184, /* longer values are cut */
    COLLECT_MIN_BYTES = 64 * 1024,
};

typedef struct collect collect_t;

typedef struct collect_stats {
    uint64_t slots, used, evicted; /* used: not yet expired */
} collect_stats_t;

/* On the caller's memory, aligned to 16, at least COLLECT_MIN_BYTES (else LIMIT). What is in it is
 * lost. */
err_t collect_init(void *mem, size_t bytes, collect_t **ret_table);
/* A table that collect_init made there earlier (in another process, before a reload). CORRUPT when
 * it is none, or made for another size. */
err_t collect_attach(void *mem, size_t bytes, collect_t **ret_table);

/* How a process reaches the table. lock and unlock may be NULL (one process). */
typedef struct collect_view {
    collect_t *table;
    void *lock_user;
    void (*lock)(void *lock_user);
    void (*unlock)(void *lock_user);
} collect_view_t;

/* view: borrowed as long as the store is used. */
engine_store_t collect_store(const collect_view_t *view);
collect_stats_t collect_stats(const collect_view_t *view, int64_t now_us);

#endif
