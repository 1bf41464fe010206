/* One durable group as it is handed on: from the commit to the sealer and to the readers. It does
 * not change after it was made; the loop's thread frees it when no one needs it any more. */
#ifndef LEDGER_GROUP_H
#define LEDGER_GROUP_H

#include "base/slice.h"

typedef struct group {
    struct group *next; /* the sealer's queue */
    uint64_t first_seq;
    uint32_t count;
    uint64_t end_bytes; /* bytes of all groups up to this one's end (entries.c) */
    size_t len;
    uint8_t body[]; /* framed leaves (leaf.h) */
} group_t;

static inline group_t *group_new(uint64_t first_seq, uint32_t count, slice_t body)
{
    group_t *g = malloc(sizeof *g + body.len);
    if (g) {
        *g = (group_t){.first_seq = first_seq, .count = count, .len = body.len};
        if (body.len) {
            memcpy(g->body, body.ptr, body.len);
        }
    }
    return g;
}

#endif
