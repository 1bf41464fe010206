/* The right edge of the tree on the disk: partial tiles and the unfinished entry bundle. */
#ifndef LEDGER_EDGE_H
#define LEDGER_EDGE_H

#include "bundle.h"

/* Path of the partial tile that a tree of this size has on this level (or TILES_ENTRIES); false
 * when it has none. */
bool edge_path(unsigned level, uint64_t size, char path[TILES_PATH]);
/* The tree of this size, from its partial tiles. CORRUPT, NOT_FOUND, IO. */
err_t edge_tree(int public_dir, uint64_t size, tree_t *ret_tree);
/* The leaves of its unfinished bundle, one after the other, each compared with the tree. */
typedef err_t edge_leaf_fn(void *ctx, slice_t leaf);
err_t edge_bundle(int public_dir, const tree_t *tree, hasher_t *h, edge_leaf_fn *each, void *ctx);
/* Removes partial tiles that a crash left behind where they can be. */
void edge_sweep(int public_dir, uint64_t size);
/* Empties a folder of files, but for one name. */
void edge_empty(int dir, const char *path, const char *keep);

#endif
