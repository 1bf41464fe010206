/* Retention (FORMAT.md 8): segments older than the policy are removed, oldest first, on the record,
 * unless an order to preserve stands. Runs on the worker's thread. */
#ifndef LEDGER_RETAIN_H
#define LEDGER_RETAIN_H

#include "holds.h"
#include "segment.h"

typedef struct retain_conf {
    int64_t keep_us;    /* how long after its last record a segment stays; 0 = for ever */
    int64_t days;       /* the same, as the record says it */
    const char *policy; /* why, with its date; stands in each record of removal */
    int64_t calm_us;    /* nothing is removed so soon after a start or a step of the clock */
    const holds_t *holds;
    const int64_t *jump_us;    /* monotonic time of the last step of the clock (atomic) */
    const uint64_t *log_first; /* the log still holds leaves from here on (atomic) */
    uint64_t *minimum;         /* records below are removed (atomic); retain.c sets it */
} retain_conf_t;

/* May this segment go now? seg->number is the lowest that is left. CORRUPT, IO. */
err_t retain_due(const retain_conf_t *conf, const segment_t *seg, int64_t since_us, bool *ret_due);
/* Record, what is kept, minimum index, files. May be repeated. An order to preserve that comes
 * meanwhile stops it: OK, with *ret_gone false. */
err_t retain_remove(const retain_conf_t *conf, const segment_t *seg, bool *ret_gone);
/* The files of a segment below the minimum index that a crash or an order left there. */
err_t retain_sweep(const retain_conf_t *conf, const segment_t *seg);

/* A leaf that was kept of a removed segment. NOT_FOUND, CORRUPT. */
err_t retain_kept(int public_dir, uint64_t leaves, uint64_t seq, arena_t *a, leaf_t *ret_leaf);

#endif
