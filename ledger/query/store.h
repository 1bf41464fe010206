/* The files of a ledger as a reader who believes nothing sees them: every tile, bundle and index
 * page is checked against the signed root before a byte of it is used. Internal to ledger/query.
 *
 * Stands on the verifier's readers (ledger/verify), not on the writer's: an answer must not rest on
 * the code that is under suspicion. It is a folder of its own because the verifier of evidence
 * (verify/evidence.c) must not share the code that makes the proofs. */
#ifndef LEDGER_QUERY_STORE_H
#define LEDGER_QUERY_STORE_H

#include "ledger/api_query.h"
#include "verify/check_index.h"

enum { BUNDLES_KEPT = 32, STORE_ARENA_MB = 6144 };

/* A full tile of level 1 and up, verified. */
typedef struct store_tile {
    uint64_t number;
    uint8_t *hashes; /* 256 x 32; NULL: free place */
    unsigned level;
} store_tile_t;

typedef struct store_bundle {
    uint64_t number;
    unsigned width; /* 0: free place */
    slice_t bytes;
    slice_t leaves[VTILE];
} store_bundle_t;

/* What was proved of a full bundle: the root of each part, the hashes of the leaves of those parts
 * that were looked at. Proofs are made of them without another look at the disk. */
typedef struct store_hashes {
    struct store_hashes *next; /* of the same bundle, from another time */
    uint16_t looked;           /* a bit a part */
    uint8_t part[VPARTS][32];
    uint8_t leaf[][VPART][32]; /* of the parts looked at, in order */
} store_hashes_t;

/* Records that were looked at, by their place in a bundle. */
typedef struct store_shelf {
    const query_record_t *at[VTILE];
    store_hashes_t *hashes;
} store_shelf_t;

/* Records that were made together, with their bytes; one malloc. */
typedef struct store_slab {
    struct store_slab *next;
    size_t count;
    query_record_t records[];
} store_slab_t;

typedef enum segment_way { SEGMENT_INDEXED, SEGMENT_SCANNED } segment_way_t;

typedef struct store_segment {
    segment_way_t way;
    bool known; /* its INDEX_ROOT record was found */
    vindex_record_t record;
    vindex_row_t *rows;
    uint8_t *used;  /* pages that were looked at, a byte each */
    slice_t *pages; /* those, proved and kept: a question asks for the same ones again and again */
    slice_t made;   /* the file made anew, when that on the disk is no good */
} store_segment_t;

struct query {
    char fault[QUERY_FAULT];
    int root_dir, public_dir, index_dir;
    arena_t arena;
    vkey_t key, given; /* given: by who asks */
    bool key_given;
    slice_t note;
    vcheckpoint_t cp;
    uint64_t first;  /* minimum index */
    uint32_t leaves; /* of a segment; 0: no segment has ended */
    /* right edge */
    uint8_t edge[VTILE_LEVELS][VTILE][32];
    unsigned edge_width[VTILE_LEVELS];
    slice_t edge_bundle;
    /* caches */
    store_tile_t *tiles;
    size_t tile_count, tile_cap;
    store_bundle_t bundles[BUNDLES_KEPT];
    unsigned bundle_next;
    /* records that were looked at, by the number of their bundle */
    store_shelf_t **shelves;
    size_t shelf_count, record_count;
    store_slab_t *slabs;
    /* segments 0..segment_count-1; what follows is the tail */
    store_segment_t *segments;
    uint64_t segment_count;
    uint64_t tail_first;
    bool tail_posted;
    vpostings_t tail; /* of tail and scanned segments, once asked often; at = seq - first */
    /* what was read ahead, by segment (ahead.c); believed of none */
    struct ahead *ahead;
    uint64_t ahead_count;
    uint64_t rebuilt;
    /* what was asked */
    query_ask_t *asks;
    size_t ask_count, ask_cap;
};

/* Says what is wrong and hands the error on. */
err_t store_fault(query_t *q, err_t e, const char *fmt, ...) BASE_PRINTF(3, 4);

err_t store_open(query_t *q, const char *dir, const char *key_file);
void store_close(query_t *q);

/* Hash of node `index` of level 8 * level that the tree has, from verified tiles. */
err_t store_hash(query_t *q, unsigned level, uint64_t index, uint8_t ret_hash[32]);
/* Hashes of a level-0 tile, verified; 256, or as many as the edge has. */
err_t store_leaf_hashes(query_t *q, uint64_t number, uint8_t ret_hashes[VTILE][32],
                        unsigned *ret_width);
/* The bundle, verified; good until BUNDLES_KEPT others were asked for. */
err_t store_bundle(query_t *q, uint64_t number, const store_bundle_t **ret_bundle);
err_t store_bundle_fault(query_t *q, uint64_t number, err_t e);
/* One record; kept for good. */
err_t store_record(query_t *q, uint64_t seq, const query_record_t **ret_record);
/* Of leaves that were proved, by place in their bundle: those asked for (ascending, one bundle).
 * Any thread; CORRUPT, VERSION (a leaf is not what its number says), MEMORY. */
err_t store_slab_make(const uint64_t *seqs, size_t count, const slice_t leaves[VTILE],
                      store_slab_t **ret_slab);
/* Keeps them for good, and the hashes (or NULL) of their bundle; both are the query's then. MEMORY:
 * they are not. */
err_t store_slab_take(query_t *q, store_slab_t *slab, store_hashes_t *hashes);
/* The root of leaves first..first+n-1, n = VPART or 1, of a bundle that was looked at. False: not
 * known. */
bool store_known_hash(const query_t *q, uint64_t first, uint64_t n, uint8_t ret_hash[32]);
/* The record when it was looked at before, else NULL. */
static inline const query_record_t *store_known(const query_t *q, uint64_t seq)
{
    const store_shelf_t *shelf = q->shelves[seq / VTILE];
    return shelf ? shelf->at[seq % VTILE] : NULL;
}

/* ---- segments.c ---- */

/* Finds the INDEX_ROOT records, from the last one back, and the tail. */
err_t segments_find(query_t *q);
void segments_free(query_t *q);
/* Postings of all that no index covers; made when first asked for. MEMORY. */
err_t segments_tail_postings(query_t *q, const vpostings_t **ret_postings);
/* How many pages looking this up reads; and the disk may begin to read them. */
uint32_t segment_span(const query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi);
void segment_soon(const query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi);
/* One page's bytes, proved against the recorded root. */
err_t segment_page(query_t *q, uint64_t segment, uint32_t page, vpage_t *ret_page);
/* The same bytes unparsed, in the arena, for evidence. */
err_t segment_page_bytes(query_t *q, uint64_t segment, uint32_t page, slice_t *ret_bytes);
/* Offsets of all postings of kind with lo <= key <= hi, each key's ascending. Room for
 * record.leaves. */
err_t segment_lookup(query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi,
                     uint32_t *ret_offsets, size_t *ret_count);

/* ---- ahead.c ---- */

/* Reads the directories of all index files side by side, and what finding the next one will ask
 * for. Nothing of it is believed: it saves the time of reading one after the other. */
err_t ahead_make(query_t *q);
void ahead_free(query_t *q);
/* The rows of this segment if what was read is what the record says; they are the caller's then.
 * NULL: read them yourself. */
vindex_row_t *ahead_rows(query_t *q, uint64_t segment, const vindex_record_t *record);
/* Where the records begin that no index covers, as far as can be told beforehand. */
uint64_t ahead_tail(const query_t *q);

#endif
