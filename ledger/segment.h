/* A segment: 65,536 leaves (256 in some tests), one note key (FORMAT.md 5). Here is what is done
 * once with each that has ended: segment_done. It runs on the worker's thread (worker.h), after the
 * segment's last checkpoint is signed and published, so it may take its time: nobody waits. */
#ifndef LEDGER_SEGMENT_H
#define LEDGER_SEGMENT_H

#include "io/fd.h"
#include "leaf.h"

enum { SEGMENT_LEAVES = 65536, SEGMENT_LEAVES_SMALL = 256 };

typedef struct worker worker_t;

typedef struct segment {
    uint64_t number;
    uint64_t first, end;     /* leaves first..end-1 */
    path_t dir;              /* var/ledger */
    int public_dir, tmp_dir; /* public/, and a folder for files in the making */
    worker_t *worker;        /* for segment_record; NULL: nothing can be recorded (tools) */
    const bool *stop;        /* the worker is to end: return CLOSED soon (atomic) */
} segment_t;

/* All records of the segment, in order, from its bundles (plain or packed). An error of each ends
 * the walk with it. CORRUPT, IO. */
typedef err_t segment_leaf_fn(void *ctx, slice_t bytes, const leaf_t *leaf);
err_t segment_walk(const segment_t *seg, segment_leaf_fn *each, void *ctx);

/* Makes a record of ledgerd's own and waits until it is under a signed checkpoint. CLOSED: the
 * ledger is being closed before; the segment's work is then done again at the next start. STOPPED:
 * a record of removal, and an order to preserve stands. */
err_t segment_record(const segment_t *seg, const ledger_record_t *rec, const leaf_extra_t *extra,
                     uint64_t *ret_seq);

/* The segment's records are about to be removed (retain.h): what was made of them goes with them.
 * May be repeated. */
err_t segment_gone(const segment_t *seg);

/* Everything that is done with a segment that has ended. Must be fit to be repeated: after a crash
 * or a full disk it is called again for the same segment, from the start. DISK_FULL: tried again
 * later. Any other error ends the worker's work until the next start (health says so). */
err_t segment_done(const segment_t *seg);

#endif
