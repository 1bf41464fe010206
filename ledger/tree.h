/* The Merkle tree of RFC 6962 2.1 as it grows, in tiles of C2SP tlog-tiles: 256 hashes a tile.
 * In memory stands only the right edge: one unfinished tile a level. Pure: finished tiles go out
 * through a callback. */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "hash.h"

enum { TREE_TILE = 256, TREE_LEVELS = 8 }; /* 256^8 leaves: more than 2^63 is refused before */

typedef struct tree_level {
    hash_t hashes[TREE_TILE];
    unsigned width; /* 0..255 */
} tree_level_t;

typedef struct tree {
    uint64_t size;
    tree_level_t levels[TREE_LEVELS];
} tree_t;

/* A tile that has just become full: level, number, its 256 hashes. */
typedef err_t tree_tile_fn(void *ctx, unsigned level, uint64_t number,
                           const hash_t hashes[TREE_TILE]);

void tree_init(tree_t *t);
/* The callback's error stops; the tree is then unusable (the caller gives it up). */
err_t tree_append(tree_t *t, hasher_t *h, const hash_t *leaf, tree_tile_fn *full, void *ctx);
/* RFC 6962: SHA-256("") for the empty tree. */
hash_t tree_root(const tree_t *t, hasher_t *h);
/* Hashes of a tile that a tree of this size has on this level's right edge (0 = none partial). */
static inline unsigned tree_edge(uint64_t size, unsigned level)
{
    return (unsigned)(size >> (8 * level)) & (TREE_TILE - 1);
}

#endif
