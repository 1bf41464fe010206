/* The index of one segment, as the writer makes it (FORMAT.md 7): postings by time, type, request,
 * object, subject, actor and address, sorted, cut into pages, and the root of a Merkle tree over
 * the pages. Pure: leaves in, bytes of `index/<segment>` and the root out. The verifier has a
 * builder of its own (verify/index.c); they share nothing. */
#ifndef LEDGER_INDEX_BUILD_H
#define LEDGER_INDEX_BUILD_H

#include "hash.h"
#include "leaf.h"

enum {
    INDEX_SEGMENT = 65536, /* leaves of a segment; offsets in it fit 16 bits */
    INDEX_PAGE = 256,      /* postings of a page, at most */
    INDEX_HEAD = 32,       /* bytes of the file before the directory */
    INDEX_DIR_ROW = 47,    /* bytes of the directory for each page */
    INDEX_VERSION = 1,
};

/* Append; never renumber: the numbers are in what roots cover. */
typedef enum index_kind {
    INDEX_TIME = 1, /* seconds since 1970, floor, plus 2^63 */
    INDEX_TYPE,     /* record type */
    INDEX_REQUEST,  /* from here on: index_key_of_id */
    INDEX_OBJECT,   /* object, and parent */
    INDEX_SUBJECT,
    INDEX_ACTOR,
    INDEX_ADDRESS,
    INDEX_KINDS
} index_kind_t;

typedef struct index_posting {
    uint64_t key;
    uint32_t at; /* offset of the leaf in its segment */
} index_posting_t;

typedef struct index_list {
    index_posting_t *postings;
    size_t count, cap;
} index_list_t;

typedef struct index_builder {
    hasher_t hasher;
    index_list_t lists[INDEX_KINDS];
    uint32_t leaves; /* added so far */
} index_builder_t;

/* What becomes of it; bytes are the caller's to free. */
typedef struct index_built {
    hash_t root;
    uint32_t pages, postings;
    uint8_t *bytes;
    size_t len;
} index_built_t;

err_t index_builder_init(index_builder_t *b);
void index_builder_deinit(index_builder_t *b);
/* For the next segment. */
void index_builder_reset(index_builder_t *b);
/* The next leaf of the segment. LIMIT after INDEX_SEGMENT of them; MEMORY. */
err_t index_builder_add(index_builder_t *b, const leaf_t *leaf);
/* At least one leaf must be there. MEMORY. */
err_t index_builder_finish(index_builder_t *b, uint64_t segment, index_built_t *ret_built);

uint64_t index_key_of_time(int64_t time_us);
/* The first 6 bytes of SHA-256(kind, id): of one size and spread, whatever ids are chosen. */
uint64_t index_key_of_id(hasher_t *h, index_kind_t kind, const id128_t *id);

#endif
