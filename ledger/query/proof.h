/* Makers of the proofs that verify/proof.c checks. Internal to ledger/query. */
#ifndef LEDGER_QUERY_PROOF_H
#define LEDGER_QUERY_PROOF_H

#include "store.h"

/* Bytes that grow; malloc'ed. */
typedef struct bytes {
    uint8_t *ptr;
    size_t len, cap;
    bool failed; /* sticky: out of memory */
} bytes_t;

void bytes_put(bytes_t *b, slice_t s);
void bytes_u8(bytes_t *b, uint8_t v);
void bytes_u16(bytes_t *b, uint16_t v);
void bytes_u32(bytes_t *b, uint32_t v);
void bytes_u64(bytes_t *b, uint64_t v);
void bytes_str16(bytes_t *b, slice_t s);

/* Hashes that prove these records (ascending) under the checkpoint, appended. */
err_t proof_records(query_t *q, const uint64_t *seqs, size_t count, bytes_t *out);
/* The hash of a subtree of the tree, of n leaves from first on, appended. */
err_t proof_subtree(query_t *q, uint64_t first, uint64_t n, bytes_t *out);
/* The same for pages of a segment's index. */
void proof_pages(const store_segment_t *s, const uint32_t *pages, size_t count, bytes_t *out);

#endif
