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
    /* records that were looked at, by seq */
    query_record_t **records;
    size_t record_count, record_cap;
    /* segments 0..segment_count-1; what follows is the tail */
    store_segment_t *segments;
    uint64_t segment_count;
    uint64_t tail_first;
    vpostings_t tail; /* of tail and scanned segments; at = seq - first */
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
/* One record; kept for good. */
err_t store_record(query_t *q, uint64_t seq, const query_record_t **ret_record);
/* Keeps a record whose leaf was proved. */
err_t store_keep(query_t *q, uint64_t seq, slice_t leaf);
/* The record when it was looked at before, else NULL. */
const query_record_t *store_known(const query_t *q, uint64_t seq);

/* ---- segments.c ---- */

/* Finds the INDEX_ROOT records, from the last one back, and the tail. */
err_t segments_find(query_t *q);
void segments_free(query_t *q);
/* One page's bytes, proved against the recorded root. */
err_t segment_page(query_t *q, uint64_t segment, uint32_t page, vpage_t *ret_page);
/* The same bytes unparsed, in the arena, for evidence. */
err_t segment_page_bytes(query_t *q, uint64_t segment, uint32_t page, slice_t *ret_bytes);
/* Offsets of all postings of kind with lo <= key <= hi, each key's ascending. Room for
 * record.leaves. */
err_t segment_lookup(query_t *q, uint64_t segment, unsigned kind, uint64_t lo, uint64_t hi,
                     uint32_t *ret_offsets, size_t *ret_count);

#endif
