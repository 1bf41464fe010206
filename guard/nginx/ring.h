/* Records of one worker until ledgerd has acknowledged them. The rings lie in memory that master
 * and workers share, one a worker's place: a worker that is killed leaves its records to the one
 * that takes its place, and says how many requests were open. */
#ifndef GUARD_NGINX_RING_H
#define GUARD_NGINX_RING_H

#include "guard.h"

enum { RING_SLOTS = 4096, RING_SLOT_BYTES = 640, RING_KEPT_BYTES = 2 * 1024 * 1024 };

typedef struct ring_slot {
    uint16_t len;
    uint8_t bytes[RING_SLOT_BYTES]; /* one encoded record */
} ring_slot_t;

/* Why evidence was not kept; each is a GAP record of its own. */
typedef enum kept_loss {
    KEPT_NO_KEYS,
    KEPT_OVER_SHARE,
    KEPT_OVER_ADDRESS,
    KEPT_QUEUE_FULL,
    KEPT_NOT_MADE,
    KEPT_LOSSES
} kept_loss_t;

/* Sealed evidence on its way: encoded records of any length, one behind the other. Places are
 * numbers of bytes that never wrap. */
typedef struct kept_queue {
    uint64_t first, next;
    uint32_t lost[KEPT_LOSSES]; /* since their last GAP record */
    uint32_t share_ms;          /* when the share below was right */
    int64_t share;              /* bytes that may still be kept */
    uint8_t bytes[RING_KEPT_BYTES];
} kept_queue_t;

typedef struct ring {
    uint64_t first, next;   /* number of the oldest, and of the one to come; never wrap */
    uint32_t lost;          /* since the last GAP record */
    uint32_t static_served; /* since the last HTTP_STATIC record */
    uint32_t open;          /* requests that have begun and not ended */
    bool attached;          /* a worker lives on it; still set when that one died */
    ring_slot_t slot[RING_SLOTS];
    kept_queue_t kept;
} ring_t;

/* The ring of this worker's place; *ret_died: its last worker did not leave in order. NULL when
 * there are none. */
ring_t *guard_ring_attach(bool *ret_died);
/* At a worker's end in order; what is still in it is left to whoever goes on (orphans). */
void guard_ring_detach(ring_t *ring);
/* Records that workers could not hand over at their end, since the last call. */
uint32_t guard_ring_orphans(void);

bool guard_ring_put(ring_t *ring, const ledger_record_t *record); /* false: full, or too long */
size_t guard_ring_count(const ring_t *ring);
const ring_slot_t *guard_ring_at(const ring_t *ring, size_t i); /* i-th oldest */
void guard_ring_drop(ring_t *ring, size_t n);                   /* the n oldest */

bool guard_kept_put(kept_queue_t *q, const ledger_record_t *record); /* false: full */
/* sender.c: this worker's queue, NULL when nothing is recorded; and putting a record into it. */
kept_queue_t *guard_sender_kept(void);
void guard_sender_keep(const ledger_record_t *record);
/* The encoded record at this place and the place behind it; the empty slice at the end. */
slice_t guard_kept_at(const kept_queue_t *q, uint64_t place, uint64_t *ret_behind);

#endif
