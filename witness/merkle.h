/* Merkle proofs of RFC 6962 2.1 as RFC 9162 2.1.3.2 and 2.1.4.2 check them. Pure. */
#ifndef WITNESS_MERKLE_H
#define WITNESS_MERKLE_H

#include "base/slice.h"

enum { MERKLE_HASH = 32, MERKLE_PATH_MAX = 63 };

typedef struct merkle_path {
    unsigned n;
    uint8_t at[MERKLE_PATH_MAX][MERKLE_HASH];
} merkle_path_t;

void merkle_leaf(slice_t leaf, uint8_t ret_hash[MERKLE_HASH]);
void merkle_empty(uint8_t ret_root[MERKLE_HASH]); /* root of no leaves */
/* The tree of old_size leaves is the beginning of that of new_size leaves. Two equal sizes: the
 * roots are equal and the path is empty; old_size 0: the path is empty. */
bool merkle_consistent(uint64_t old_size, const uint8_t old_root[MERKLE_HASH], uint64_t new_size,
                       const uint8_t new_root[MERKLE_HASH], const merkle_path_t *path);
/* The leaf with this hash stands at index in the tree of that size. */
bool merkle_included(uint64_t index, const uint8_t leaf[MERKLE_HASH], uint64_t size,
                     const uint8_t root[MERKLE_HASH], const merkle_path_t *path);

#endif
