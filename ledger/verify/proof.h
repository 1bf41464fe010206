/* Proofs for many leaves at once (FORMAT.md 10): the hashes of all largest subtrees that hold none
 * of the leaves shown, from left to right. For one leaf that is RFC 6962's audit path. */
#ifndef LEDGER_VERIFY_PROOF_H
#define LEDGER_VERIFY_PROOF_H

#include "verify.h"

typedef struct vproof_leaf {
    uint64_t index;
    uint8_t hash[32];
} vproof_leaf_t;

/* The root that leaves (ascending, below size) and hashes give. SYNTAX: too few hashes, too many,
 * leaves out of order. */
err_t vproof_root(uint64_t size, const vproof_leaf_t *leaves, size_t count, slice_t hashes,
                  uint8_t ret_root[32]);
/* One leaf by its audit path, lowest hash first (RFC 9162 2.1.3.2). index is below size. */
bool vproof_path(uint64_t index, uint64_t size, const uint8_t leaf_hash[32], slice_t path,
                 const uint8_t root[32]);

#endif
