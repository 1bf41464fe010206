/* Merkle proofs of RFC 6962 2.1.1 and 2.1.2 out of the tiles on the disk. Any thread. */
#ifndef LEDGER_PROOFS_H
#define LEDGER_PROOFS_H

#include "io/fd.h"
#include "tree.h"

enum { PROOF_MAX = 63 };

typedef struct proof {
    unsigned n;
    hash_t at[PROOF_MAX];
} proof_t;

/* published: a size whose tiles are all there; it covers the sizes asked for (RANGE). NOT_FOUND: a
 * partial tile is gone meanwhile: ask again with the size that is published now. CORRUPT, IO. */
err_t proof_consistency(int public_dir, uint64_t published, uint64_t old_size, uint64_t size,
                        proof_t *ret_proof);
err_t proof_inclusion(int public_dir, uint64_t published, uint64_t index, uint64_t size,
                      proof_t *ret_proof);

#endif
