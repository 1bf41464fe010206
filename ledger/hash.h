/* SHA-256 and the two hashes of RFC 6962 2.1 (leaf 0x00, node 0x01), for the writer. */
#ifndef LEDGER_HASH_H
#define LEDGER_HASH_H

#include "base/slice.h"

enum { HASH_BYTES = 32 };

typedef struct hash {
    uint8_t b[HASH_BYTES];
} hash_t;

/* One thread's context; libcrypto's objects are looked up once. */
typedef struct hasher {
    void *ctx, *md;
} hasher_t;

err_t hasher_init(hasher_t *h);
void hasher_deinit(hasher_t *h);

hash_t hash_bytes(hasher_t *h, slice_t bytes);
hash_t hash_leaf(hasher_t *h, slice_t leaf);
hash_t hash_node(hasher_t *h, const hash_t *left, const hash_t *right);
bool hash_eq(const hash_t *a, const hash_t *b);

#endif
