/* The index: all forms of all needles, and one pass that finds them.
 *
 * The pass looks at seven bytes at each place: a bitmap (1 MiB, in the cache) says for nearly all
 * places that no form begins so; for the rest a hash table gives the forms, which are compared.
 * Forms are no shorter than those seven bytes. */
#ifndef CLEAR_INDEX_H
#define CLEAR_INDEX_H

#include "form.h"
#include "needle.h"

typedef struct pattern {
    const uint8_t *bytes;
    const needle_t *needle;
    uint16_t len;
    uint8_t charset, coding;
    bool digits; /* other ASCII digits beside it make it another number */
} pattern_t;

typedef struct index index_t;

/* The needles must outlive the index. */
err_t index_new(const needle_t *needles, size_t count, index_t **ret_index);
void index_free(index_t *index);
size_t index_forms(const index_t *index);
/* The longest form. */
size_t index_longest(const index_t *index);
/* True when at least one form of this needle is searched for. */
bool index_has(const index_t *index, const needle_t *needle);

typedef void index_fn(void *ctx, size_t at, const pattern_t *pattern);
/* Every place where a form stands. */
void index_scan(const index_t *index, slice_t bytes, index_fn *fn, void *ctx);

/* Where the zeros that begin at `at` end. Files are full of them: reserved, not yet written. */
size_t index_zeros_end(slice_t bytes, size_t at);

#endif
