/* The sealer: a thread that puts durable groups into the Merkle tree, writes tiles and entry
 * bundles, and signs a checkpoint, within a second of a record. Off the commit path: it may lag, it
 * never makes anyone wait.
 *
 * What it signs, and by which key, is the signer's business (signer.h). At a segment's end it signs
 * exactly there and hands over to the next key before it goes on. */
#ifndef LEDGER_SEALER_H
#define LEDGER_SEALER_H

#include "group.h"
#include "io/fd.h"
#include "signer.h"

typedef struct sealer sealer_t;

typedef struct sealer_conf {
    path_t dir;                 /* var/ledger; has public/ and tmp/ */
    const note_key_t *key;      /* copied */
    const notekeys_t *keys;     /* must outlive the sealer; NULL: one key for ever */
    uint64_t key_segment;       /* whose own key it is; 0 = the epoch's first */
    const notekeys_t *old_keys; /* while a restore is pending: those of the epoch before */
    uint64_t segment_leaves;
    int64_t gather_ms; /* after the first new record; at most one checkpoint in this time */
    /* From the sealer's thread, after each checkpoint and before on_sealed; NULL is fine. */
    err_t (*checkpointed)(void *checkpointed_ctx);
    void *checkpointed_ctx;
    void (*on_sealed)(void *ctx); /* from the sealer's thread; NULL is fine */
    void *ctx;
} sealer_conf_t;

typedef struct sealer_state {
    checkpoint_t signed_cp; /* published; size 0 = none yet */
    int64_t signed_us;      /* wall clock of it */
    uint64_t checkpoints;   /* signed since start */
    err_t trouble;          /* OK; DISK_FULL: it tries again; else it has given up for good */
} sealer_state_t;

enum { SEALER_FAULT = SIGNER_FAULT };

/* Reads the last signed checkpoint and the tree's right edge, and checks one against the other.
 * CORRUPT, CRYPTO with ret_fault filled. The thread does not run yet. */
err_t sealer_open(const sealer_conf_t *conf, char ret_fault[SEALER_FAULT], sealer_t **ret_sealer);
/* The leaf hash of an already sealed leaf is what the tree holds. For recovery, before the start.
 */
err_t sealer_check_leaf(sealer_t *s, uint64_t seq, slice_t leaf);
err_t sealer_start(sealer_t *s);
/* In order, without holes, from the signed size on. */
void sealer_push(sealer_t *s, group_t *group);
sealer_state_t sealer_state(sealer_t *s);
/* Seals what is queued (unless the disk is full), ends the thread, frees. */
void sealer_stop(sealer_t *s);

#endif
