/* Search of one run of bytes with all that lies in it: packed streams, runs of base64 and hex,
 * lines that were folded - and what lies in those, a few levels deep. */
#ifndef CLEAR_SEARCH_H
#define CLEAR_SEARCH_H

#include "index.h"

enum {
    SEARCH_DEPTH = 5,                      /* levels of packing */
    SEARCH_PLACE = 200,                    /* bytes of a place's name */
    SEARCH_STREAM_MAX = 256 * 1024 * 1024, /* bytes out of one stream */
};
/* Work on packed things for one search_bytes(): bytes read and unpacked. Beyond it the counts say
 * so. */
#define SEARCH_WORK_MAX (UINT64_C(2) * 1024 * 1024 * 1024)

typedef struct search_find {
    uint64_t at;       /* offset within the innermost view */
    const char *place; /* the way in, "gzip@120 base64@4"; "" = the bytes themselves */
    const pattern_t *pattern;
} search_find_t;

typedef void search_fn(void *ctx, const search_find_t *find);

typedef struct search_counts {
    uint64_t bytes, unpacked, streams, finds;
    uint64_t limits; /* places that were not searched to their end: never 0 in a clean result */
} search_counts_t;

typedef struct search search_t;
err_t search_new(const index_t *index, search_fn *fn, void *ctx, search_t **ret_search);
void search_free(search_t *search);
/* Where finds go from now on. */
void search_tell(search_t *search, search_fn *fn, void *ctx);
/* Another bound than SEARCH_WORK_MAX. */
void search_bound(search_t *search, uint64_t work_bytes);
/* MEMORY; finds and counts so far are good. */
err_t search_bytes(search_t *search, slice_t bytes);
search_counts_t search_counts(const search_t *search);

#endif
