/* The witness: what it answers to a checkpoint, and the one place where it decides to sign. For
 * each log, "is this the next one, and does it grow out of the last" and "it is on the disk" are
 * one step under one lock, so no order of requests and no crash makes it sign a smaller size or two
 * roots for one size. Knows no HTTP but its status numbers. Threads may share it. */
#ifndef WITNESS_WATCH_H
#define WITNESS_WATCH_H

#include "io/fd.h"
#include "io/wire.h"
#include "logs.h"

enum { WATCH_ANSWER_MAX = 512 };

typedef struct watch watch_t;

typedef struct watch_answer {
    int status;   /* tlog-witness: 200, 400, 403, 404, 409, 422; 503: it could not be stored */
    bool is_size; /* 409 with the size that is known: text/x.tlog.size */
    size_t len;
    uint8_t body[WATCH_ANSWER_MAX];
} watch_answer_t;

/* dir: var/witness, exists, ours. Signer and logs are copied. A log whose memory is damaged is not
 * signed for (503) until a person has looked; the others are. MEMORY, IO. */
err_t watch_new(path_t dir, const wsigner_t *signer, const logs_t *logs, watch_t **ret_watch);
void watch_free(watch_t *w); /* NULL is fine */

void watch_add_checkpoint(watch_t *w, slice_t body, watch_answer_t *ret_answer);
/* A log's hand-over of its key, FORMAT.md: ours, not C2SP's. 200 with the key's line. */
void watch_add_key(watch_t *w, slice_t body, watch_answer_t *ret_answer);
/* The latest cosigned checkpoint of the log whose origin hashes to this name (64 hex digits),
 * copied into the arena. NOT_FOUND. */
err_t watch_latest(watch_t *w, slice_t name, arena_t *a, slice_t *ret_note);
void watch_put_vkey(const watch_t *w, buf_t *b);

void watch_metrics(watch_t *w, buf_t *out);
void watch_health(watch_t *w, health_t *out);

#endif
