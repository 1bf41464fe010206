/* Orders to preserve that are in force (FORMAT.md 8): while one stands nothing is removed. The
 * record tells of each; `holds` says which stand, without reading all of it. It errs on the side of
 * keeping: an order stands before its record is durable and until its lifting is. One thread; only
 * holds_any may be asked from another. */
#ifndef LEDGER_HOLDS_H
#define LEDGER_HOLDS_H

#include "io/fd.h"
#include "ledger/api.h"

enum { HOLDS_MAX = 256 };

typedef struct hold {
    id128_t id;
    uint64_t seq; /* of its record; HOLD_UNRECORDED: not durable yet */
    uint16_t facts_len;
    uint8_t facts[LEDGER_TEXT_MAX];
} hold_t;
#define HOLD_UNRECORDED UINT64_MAX

typedef struct holds {
    path_t dir; /* var/ledger */
    hold_t *list;
    size_t count; /* read atomically by holds_any */
} holds_t;

/* CORRUPT: then nothing may be removed, and ledgerd does not start. */
err_t holds_read(path_t dir, holds_t *ret_holds);
void holds_free(holds_t *h);
bool holds_any(const holds_t *h);
/* NULL when it does not stand. */
hold_t *holds_find(const holds_t *h, id128_t id);
/* It stands, durably, when this returns; the record is still to be written. LIMIT, DISK_FULL, IO.
 */
err_t holds_place(holds_t *h, id128_t id, slice_t facts);
/* Its record is durable / its lifting is. DISK_FULL, IO: it stands as before. */
err_t holds_recorded(holds_t *h, id128_t id, uint64_t seq);
err_t holds_lift(holds_t *h, id128_t id);

#endif
