/* How a log's key is followed: a ledger gives each segment a key of its own and names the next one
 * in the segment's last record (ledger/FORMAT.md 1 and 5). Pure. */
#ifndef WITNESS_HANDOVER_H
#define WITNESS_HANDOVER_H

#include "wnote.h"

/* The key that this leaf (SEGMENT_END, by the ledger itself, number index) names as the next of
 * this origin. SYNTAX: it names none. */
err_t handover_key(slice_t leaf, uint64_t index, slice_t origin, wkey_t *ret_next);

#endif
