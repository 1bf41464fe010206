/* cursor_t: a reader with bounds. Reading past the end gives zeros and sets `bad`, so a decoder is
 * a straight run of reads with one check at its end: cur_end() also refuses left-over bytes. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/slice.h"

typedef struct cursor {
    const uint8_t *ptr;
    size_t left; /* bytes */
    bool bad;    /* sticky: something was missing */
} cursor_t;

static inline cursor_t cur_on(slice_t s)
{
    return (cursor_t){s.ptr, s.len, false};
}

uint8_t cur_u8(cursor_t *c);
uint16_t cur_u16(cursor_t *c);
uint32_t cur_u32(cursor_t *c);
uint64_t cur_u64(cursor_t *c);
int64_t cur_i64(cursor_t *c);
uint16_t cur_u16be(cursor_t *c);
uint32_t cur_u32be(cursor_t *c);
uint64_t cur_u64be(cursor_t *c);
/* Exactly len bytes, borrowed from the source; the empty slice when they are not there. */
slice_t cur_bytes(cursor_t *c, size_t len);
/* The same, copied to out (zeros when missing). */
void cur_copy(cursor_t *c, void *out, size_t len);
slice_t cur_str16(cursor_t *c);
slice_t cur_str32(cursor_t *c);
/* All that is left. */
slice_t cur_rest(cursor_t *c);
/* A bool must be 0 or 1. */
bool cur_bool(cursor_t *c);
/* SYNTAX unless everything was there and nothing is left over. */
err_t cur_end(const cursor_t *c);

#endif
