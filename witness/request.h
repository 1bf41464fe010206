/* The bodies that a witness is sent: add-checkpoint (C2SP tlog-witness v1.0.0) and add-key, which
 * is a C2SP tlog-proof whose extra data is the record. Untrusted bytes; pure. */
#ifndef WITNESS_REQUEST_H
#define WITNESS_REQUEST_H

#include "merkle.h"

typedef struct add_checkpoint {
    uint64_t old_size;
    merkle_path_t path;
    slice_t note; /* borrowed from the body */
} add_checkpoint_t;

/* SYNTAX: not of this form; nothing is said about the note yet. */
err_t add_checkpoint_parse(slice_t body, add_checkpoint_t *ret_request);

enum { REQUEST_LEAF_MAX = 65535 };

typedef struct log_proof {
    size_t extra_len;
    uint8_t extra[REQUEST_LEAF_MAX]; /* the record's leaf */
    uint64_t index;
    merkle_path_t path;
    slice_t note;
} log_proof_t;

err_t log_proof_parse(slice_t body, log_proof_t *ret_proof);

#endif
