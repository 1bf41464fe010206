/* slice_t: borrowed bytes. It never owns, never ends in NUL by contract, and may be empty (ptr may
 * then be NULL). Whoever holds the memory must outlive it; in a request that is the request's
 * arena. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "base/err.h"

typedef struct slice {
    const uint8_t *ptr;
    size_t len; /* bytes */
} slice_t;

/* A slice of a string literal (only literals compile). */
#define SLICE(lit) ((slice_t){(const uint8_t *)("" lit ""), sizeof(lit) - 1})
#define SLICE_EMPTY ((slice_t){NULL, 0})
/* For printf("%.*s"): length and pointer. Only for text known to be short and printable. */
#define SLICE_FMT(s) (int)(s).len, (const char *)(s).ptr

static inline slice_t slice_make(const void *ptr, size_t len)
{
    return (slice_t){(const uint8_t *)ptr, len};
}

slice_t slice_cstr_in(const char *nul_terminated); /* NULL gives the empty slice */
bool slice_eq(slice_t a, slice_t b);
bool slice_eq_nocase(slice_t a, slice_t b); /* ASCII letters only */
bool slice_eq_ct(slice_t a, slice_t b);     /* constant time in the contents; lengths are public */
bool slice_starts(slice_t s, slice_t prefix);
bool slice_ends(slice_t s, slice_t suffix);
int slice_cmp(slice_t a, slice_t b);
/* Part of s; offsets beyond the end give the empty slice, never a bad pointer. */
slice_t slice_sub(slice_t s, size_t from, size_t len);
slice_t slice_from(slice_t s, size_t from);
/* Index of the byte or of the needle's start, or SIZE_MAX. */
size_t slice_find_byte(slice_t s, uint8_t byte);
size_t slice_find(slice_t s, slice_t needle);
/* Without leading and trailing space, tab, CR, LF. */
slice_t slice_trim(slice_t s);
/* Cuts the part before sep off *s (which moves on). False when *s was already used up. A last part
 * without sep is returned whole; "a," has the parts "a" and "". */
bool slice_split(slice_t *s, uint8_t sep, slice_t *ret_part);
/* Decimal without sign, space or surplus; RANGE when above max. */
err_t slice_parse_u64(slice_t s, uint64_t max, uint64_t *ret_value);
/* Optional leading '-'. */
err_t slice_parse_i64(slice_t s, int64_t min, int64_t max, int64_t *ret_value);

#endif
