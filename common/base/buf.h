/* buf_t: a writer into memory of fixed capacity. Writing past the end sets `full` and writes
 * nothing more; the caller looks once, at the end (buf_check). Slices into it stay valid: it never
 * moves. Integers are little-endian unless the name says be. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

typedef struct buf {
    uint8_t *ptr;
    size_t len, cap; /* bytes */
    bool full;       /* sticky: something did not fit */
} buf_t;

/* On memory of the caller's. */
static inline buf_t buf_on(void *mem, size_t cap)
{
    return (buf_t){(uint8_t *)mem, 0, cap, false};
}

/* A buffer on an array variable (not on a pointer). */
#define BUF_ON_ARRAY(array) buf_on((array), sizeof(array))

static inline slice_t buf_slice(const buf_t *b)
{
    return slice_make(b->ptr, b->len);
}

/* LIMIT when anything did not fit. */
err_t buf_check(const buf_t *b);
void buf_reset(buf_t *b);

void buf_put(buf_t *b, slice_t bytes);
void buf_u8(buf_t *b, uint8_t v);
void buf_u16(buf_t *b, uint16_t v);
void buf_u32(buf_t *b, uint32_t v);
void buf_u64(buf_t *b, uint64_t v);
void buf_i64(buf_t *b, int64_t v);
void buf_u16be(buf_t *b, uint16_t v);
void buf_u32be(buf_t *b, uint32_t v);
void buf_u64be(buf_t *b, uint64_t v);
/* u16 or u32 length, then the bytes: the wire's form of a string. Longer than the length can say =
 * full. */
void buf_str16(buf_t *b, slice_t bytes);
void buf_str32(buf_t *b, slice_t bytes);
/* Text forms. */
void buf_cstr(buf_t *b, const char *text); /* without its NUL */
void buf_dec(buf_t *b, int64_t v);
void buf_dec_pad(buf_t *b, uint64_t v, unsigned digits); /* zero-padded */
void buf_hex(buf_t *b, slice_t bytes);                   /* lower case */
/* Reserves len bytes and returns where to write them, or NULL (and full). */
uint8_t *buf_room(buf_t *b, size_t len);

#endif
