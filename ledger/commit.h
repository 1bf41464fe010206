/* The group that is being filled: gives each record its number, time and boot, and makes the whole
 * group durable with one write and one fdatasync. One thread. */
#ifndef LEDGER_COMMIT_H
#define LEDGER_COMMIT_H

#include "group.h"
#include "io/room.h"
#include "leaf.h"
#include "ratchet.h"
#include "wal.h"

enum {
    COMMIT_OVERHEAD = 192, /* bytes a leaf may be longer than the record on the wire */
    COMMIT_OWN = 2048,     /* bytes of ledgerd's own records that may come between */
    COMMIT_JUMP_US = 2 * 1000 * 1000,
};

/* What the next record's clock is compared with. */
typedef struct commit_clock {
    bool known;
    id128_t boot;
    int64_t time_us, mono_us; /* of the last record */
    int64_t offset_us;        /* wall - monotonic, as last written down */
} commit_clock_t;

/* Who names the next key at a segment's end; next NULL: segments end without a word. */
typedef struct commit_ends {
    uint64_t leaves; /* of a segment */
    /* The key of this segment, durable when it returns; may be asked for again. */
    err_t (*next)(void *ctx, uint64_t segment, leaf_extra_t *ret_key, buf_t *vkey);
    void *ctx;
} commit_ends_t;

typedef struct commit {
    wal_t *wal;         /* borrowed */
    commit_ends_t ends; /* set by the owner after commit_init */
    id128_t boot;
    uint64_t durable; /* leaves on the disk */
    uint64_t next;    /* number of the next record */
    commit_clock_t clock, durable_clock;
    int64_t
        jump_us; /* monotonic time of the last CLOCK_JUMP, 0 = none; read atomically by others */
    ratchet_t ratchet, durable_ratchet; /* off: leaves without MACs */
    uint8_t *mem;
    buf_t body; /* after FRAME_HEAD bytes of mem */
} commit_t;

/* size: leaves in the log. */
err_t commit_init(commit_t *c, wal_t *wal, uint64_t size);
void commit_deinit(commit_t *c);
/* At recovery: the last leaf that exists. */
void commit_last_leaf(commit_t *c, const leaf_t *leaf);

/* The chain of MACs goes on (or begins) with the next record; copied. */
void commit_ratchet(commit_t *c, const ratchet_t *r);

/* Bytes left in the group. */
static inline size_t commit_room(const commit_t *c)
{
    return c->body.cap - c->body.len;
}
static inline uint32_t commit_count(const commit_t *c)
{
    return (uint32_t)(c->next - c->durable);
}

/* Before a message of n records: where they go over a segment's end, the next key is made, so that
 * no failure can come between them. DISK_FULL, IO. */
err_t commit_prepare(commit_t *c, size_t n);
/* Adds one record (and before it a CLOCK_JUMP where the clocks ask for it, a SEGMENT_END where the
 * place is a segment's last); extra: of ledgerd's own
 * records, or NULL. LIMIT when the group is full; the caller looks at commit_room before it adds a
 * message. */
err_t commit_add(commit_t *c, room_id_t room, const ledger_record_t *rec, const leaf_extra_t *extra,
                 uint64_t *ret_seq);
/* Writes the group; afterwards it is empty in any case. On failure its numbers are given again. */
err_t commit_flush(commit_t *c, group_t **ret_group);

#endif
