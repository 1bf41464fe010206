/* The index of a segment as a reader sees it (FORMAT.md 7): pages parsed and proved, and a second
 * builder, by which a verifier finds the root anew. Shares nothing with index/build.c.
 *
 * Files under index/ are untrusted: a page counts only after its hash led to the root that an INDEX
 * record of the tree names. */
#ifndef LEDGER_VERIFY_INDEX_H
#define LEDGER_VERIFY_INDEX_H

#include "verify.h"

enum {
    VINDEX_TIME = 1,
    VINDEX_TYPE,
    VINDEX_REQUEST,
    VINDEX_OBJECT,
    VINDEX_SUBJECT,
    VINDEX_ACTOR,
    VINDEX_ADDRESS,
    VINDEX_KINDS,
    VINDEX_LEAVES = 65536,            /* of a segment, at most */
    VINDEX_PAGE = 256,                /* postings */
    VINDEX_PAGES_MAX = VINDEX_LEAVES, /* more than any index can have */
    VINDEX_FILE_MAX = 64 * 1024 * 1024,
    VTYPE_INDEX_ROOT = 13,
    VROOM_LEDGER = 5,
};

typedef struct vposting {
    uint64_t key;
    uint32_t at;
} vposting_t;

uint64_t vindex_time_key(int64_t time_us);
uint64_t vindex_id_key(unsigned kind, id128_t id);

/* ---- what an INDEX_ROOT record says ---- */

typedef struct vindex_record {
    uint64_t segment, seq; /* seq: of the record */
    uint32_t leaves, pages, postings;
    uint8_t root[32];
} vindex_record_t;

/* False: no INDEX_ROOT record by ledgerd, or one that says nothing sensible. */
bool vindex_record_of(const vleaf_t *leaf, vindex_record_t *ret_record);

/* ---- pages ---- */

typedef struct vpage {
    unsigned kind, count;
    vposting_t postings[VINDEX_PAGE];
} vpage_t;

/* Only the one form that a writer makes: SYNTAX else. leaves: of the segment. */
err_t vpage_parse(slice_t bytes, uint32_t leaves, vpage_t *ret_page);

/* ---- the file ---- */

typedef struct vindex_row { /* of the directory: where a page begins */
    uint32_t from, end;     /* bytes, from the first page's start */
    unsigned kind;
    uint64_t key;
    uint32_t at;
    uint8_t hash[32];
} vindex_row_t;

/* Head and directory. rows: malloc'ed, free() them. SYNTAX. The root is checked against the record
 * by vindex_rows_root. */
err_t vindex_head_parse(slice_t head, const vindex_record_t *record, vindex_row_t **ret_rows);
size_t vindex_head_bytes(uint32_t pages);
void vindex_rows_root(const vindex_row_t *rows, uint32_t pages, uint8_t ret_root[32]);

/* ---- building ---- */

typedef struct vpostings {
    struct {
        vposting_t *list;
        size_t count, cap;
    } of[VINDEX_KINDS];
} vpostings_t;

/* MEMORY. */
err_t vpostings_add(vpostings_t *p, const vleaf_t *leaf, uint32_t at);
void vpostings_sort(vpostings_t *p);
void vpostings_free(vpostings_t *p);
/* The whole file as it must be; malloc'ed. Sorted postings of a segment. MEMORY. */
err_t vindex_build(const vpostings_t *p, uint64_t segment, uint32_t leaves, slice_t *ret_file,
                   vindex_record_t *ret_record);

#endif
