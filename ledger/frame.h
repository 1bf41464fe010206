/* The frame: one group of leaves as it stands in the log (FORMAT.md 2). A group is one frame, so a
 * crash shows it whole or not at all. */
#ifndef LEDGER_FRAME_H
#define LEDGER_FRAME_H

#include "base/buf.h"

enum {
    FRAME_HEAD = 64,
    FRAME_VERSION = 1,
    FRAME_BODY_MAX = 4 * 1024 * 1024,
};
#define FRAME_MAGIC "SKL\xf1"

typedef struct frame {
    uint64_t group;     /* 1, 2, 3 ... over the whole log */
    uint64_t first_seq; /* of its first leaf */
    uint32_t count;     /* leaves; at least 1 */
    uint32_t prev_crc;  /* crc of the frame before; 0 before the first */
    uint64_t salt;      /* one random number in all frames of a log: a client who puts a frame into
                           a payload cannot know it */
    uint32_t crc;       /* of head (without this field) and body */
    slice_t body;       /* framed leaves (leaf.h) */
} frame_t;

/* Writes the head before a body that stands at head + FRAME_HEAD already; fills frame->crc. */
void frame_seal(uint8_t *head, frame_t *frame);
/* The frame at the start of bytes. NOT_FOUND: zeros stand here; CORRUPT: anything else. */
err_t frame_get(slice_t bytes, frame_t *ret_frame);

#endif
