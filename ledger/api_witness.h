/* What carries the record's checkpoints to witnesses asks ledgerd for: a checkpoint with its proof,
 * the hand-over of a note key; and what it brings back: cosignatures. Only room push may (and, in a
 * test house, the test). Bytes of C2SP formats go through as they are. */
#ifndef LEDGER_API_WITNESS_H
#define LEDGER_API_WITNESS_H

#include "io/wire_client.h"
#include "ledger/api.h"

enum {
    LEDGER_NOTE_MAX = 4096,       /* bytes of a checkpoint with its signatures */
    LEDGER_PATH_MAX = 63,         /* hashes of a proof */
    LEDGER_COSIGNERS_MAX = 16,    /* witnesses of one checkpoint */
    LEDGER_COSIGNATURE_MAX = 240, /* bytes of one line */
    LEDGER_LINES_MAX = LEDGER_COSIGNERS_MAX * LEDGER_COSIGNATURE_MAX,
    LEDGER_LEAF_MAX = 65535 - 8192, /* bytes of a leaf that fits a message with its proof */
};

typedef struct ledger_path {
    unsigned n;
    uint8_t at[LEDGER_PATH_MAX][32];
} ledger_path_t;

typedef struct ledger_checkpoint {
    uint64_t size; /* leaves */
    size_t note_len;
    uint8_t note[LEDGER_NOTE_MAX]; /* C2SP tlog-checkpoint */
    ledger_path_t path;            /* RFC 6962 2.1.2: from old_size to size; empty from 0 */
} ledger_checkpoint_t;

/* size 0: the newest; else one that was handed out since ledgerd started (CONFLICT: it was not, or
 * long ago: ask for the newest). RANGE: old_size is above it: somebody has seen more than this
 * ledger holds. NOT_FOUND: nothing is signed yet. */
err_t ledger_checkpoint(wire_client_t *c, uint64_t old_size, uint64_t size,
                        ledger_checkpoint_t *ret_checkpoint);
/* Signature lines of witnesses under a checkpoint that was handed out: they are published with it
 * as public/witnessed. CONFLICT as above; RANGE: not lines of type 0x04, too many, or of our own
 * name.
 */
err_t ledger_cosigned(wire_client_t *c, uint64_t size, slice_t lines);

/* The hand-over at a segment's end (ledger/FORMAT.md 5): the checkpoint that ends there, under both
 * keys, and its last record with an inclusion proof. */
typedef struct ledger_handover {
    ledger_checkpoint_t end; /* its path: the inclusion proof of the last leaf */
    size_t leaf_len;
    uint8_t leaf[LEDGER_LEAF_MAX];
} ledger_handover_t;

/* NOT_FOUND: that segment has not ended with a hand-over. */
err_t ledger_handover(wire_client_t *c, uint64_t segment, ledger_handover_t *ret_handover);
/* A checkpoint that ends a segment, with the proof from old_size. */
err_t ledger_segment_end(wire_client_t *c, uint64_t old_size, uint64_t segment,
                         ledger_checkpoint_t *ret_checkpoint);

#endif
