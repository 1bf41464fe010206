/* The worker: a thread for what is done with segments that have ended (segment.h). It never makes
 * anyone wait: neither an acknowledgement nor a checkpoint. Records that its work makes go to the
 * loop's thread by a box of one place; it waits until they are under a signed checkpoint. */
#ifndef LEDGER_WORKER_H
#define LEDGER_WORKER_H

#include "retain.h"

typedef struct worker_conf {
    path_t dir;                  /* var/ledger */
    uint64_t leaves;             /* of a segment */
    const retain_conf_t *retain; /* must outlive the worker; NULL: nothing is ever removed */
    int64_t retain_poll_ms;      /* how often it is looked whether something is old enough */
    void (*wake)(void *ctx);     /* the loop's thread has something to do: worker_box; or NULL */
    void *ctx;
} worker_conf_t;

typedef struct worker_state {
    uint64_t ended, done, removed; /* segments; removed: since start */
    err_t trouble; /* OK; DISK_FULL: tries again; else it has given up until the next start */
} worker_state_t;

/* Reads how far the work was done. ended: segments under a signed checkpoint. CORRUPT, IO. */
err_t worker_start(const worker_conf_t *conf, uint64_t ended, worker_t **ret_worker);
/* Ends within a batch of files. NULL is fine. */
void worker_stop(worker_t *w);
/* From any thread: so many segments have ended and are under a signed checkpoint. */
void worker_ended(worker_t *w, uint64_t ended);
worker_state_t worker_state(worker_t *w);

/* The worker's side of the box: segment_record. */
err_t worker_record(worker_t *w, const ledger_record_t *rec, const leaf_extra_t *extra,
                    uint64_t *ret_seq);

/* The loop's side. A record that waits; it stays the worker's until worker_box_added. */
bool worker_box(worker_t *w, const ledger_record_t **ret_rec, const leaf_extra_t **ret_extra);
void worker_box_added(worker_t *w, uint64_t seq);
/* The group with it became durable, or was refused: then it waits again. */
void worker_box_flushed(worker_t *w, bool durable);
/* It must not go on record: worker_record gives STOPPED. */
void worker_box_refuse(worker_t *w);
/* So many records are under a signed checkpoint. */
void worker_box_signed(worker_t *w, uint64_t size);

#endif
