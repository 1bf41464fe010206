/* Full entry bundles: as they were sealed, or as zstd frames of 16 leaves once their segment has
 * ended (FORMAT.md 3; one frame in ledgers of before). A reader takes either; while one becomes the
 * other both may stand there. */
#ifndef LEDGER_BUNDLE_H
#define LEDGER_BUNDLE_H

#include "leaf.h"
#include "tiles.h"

enum {
    BUNDLE_MAX = TREE_TILE * (2 + LEAF_MAX),
    BUNDLE_ARENA = 2 * BUNDLE_MAX + 256 * 1024, /* what reading one may need */
};

/* Framed leaves of bundle `number`; width 256 = full. NOT_FOUND, CORRUPT, IO. */
err_t bundle_read(int public_dir, uint64_t number, unsigned width, arena_t *a, slice_t *ret_bytes);
/* The path at which this full bundle lies now: plain or packed. NOT_FOUND. */
err_t bundle_where(int public_dir, uint64_t number, char ret_path[TILES_PATH]);
/* Packs full bundles first..end-1: the packed files are durable before a plain one goes. Ends
 * between two batches with CLOSED when *stop. May be repeated. DISK_FULL, CORRUPT, IO. */
err_t bundle_pack(int public_dir, int tmp_dir, uint64_t first, uint64_t end, const bool *stop);

#endif
