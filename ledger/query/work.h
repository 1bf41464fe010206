/* The same work for many things, side by side. Internal to ledger/query. */
#ifndef LEDGER_QUERY_WORK_H
#define LEDGER_QUERY_WORK_H

#include "base/slice.h"

/* A thread's own room, for one thing at a time. */
typedef struct scratch {
    uint8_t *mem;
    size_t cap;
} scratch_t;

/* At least len bytes; what stood there is gone. MEMORY. */
err_t scratch_room(scratch_t *s, size_t len);

/* The i-th thing; any thread, in any order. */
typedef void work_fn(void *ctx, size_t i, scratch_t *scratch);

/* Calls fn for 0..count-1 and returns when all of them returned. Few are done by the caller alone.
 */
void work_run(size_t count, work_fn *fn, void *ctx);

#endif
