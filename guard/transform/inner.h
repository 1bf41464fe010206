/* Shared by the files of this folder: the shape of a transformation, the table of classes, and how
 * a result is built. */
#ifndef GUARD_TRANSFORM_INNER_H
#define GUARD_TRANSFORM_INNER_H

#include "text/hex.h"
#include "transform.h"

/* Never "identity": the function may change any value. */
#define CHANGES_ALWAYS (1ULL << 32)

/* in -> out, with the memory for it; `map` only for urlDecodeUni. */
typedef struct work {
    slice_t in;
    const transform_map_t *map;
    arena_t *arena;
} work_t;

typedef err_t transform_fn(const work_t *w, slice_t *ret_out);

#define TRANSFORM(id, name, alias, fn, changes) transform_fn transform_##fn;
#include "transforms.h"
#undef TRANSFORM

extern const uint32_t transform_class_of[256];

/* Reading and writing: `s` runs to `end`, `d` is where the next byte goes. */
typedef struct pen {
    const uint8_t *s, *end;
    uint8_t *start, *d;
} pen_t;

/* Room for cap bytes; the first `same` bytes of the input are there already. */
static inline err_t pen_on(const work_t *w, size_t same, size_t cap, pen_t *ret)
{
    uint8_t *at = arena_alloc(w->arena, cap ? cap : 1);
    ENSURE(at, ERR_MEMORY);
    if (same) {
        memcpy(at, w->in.ptr, same);
    }
    *ret = (pen_t){w->in.ptr + same, w->in.ptr + w->in.len, at, at + same};
    return OK;
}

static inline slice_t pen_slice(const pen_t *p)
{
    return slice_make(p->start, (size_t)(p->d - p->start));
}

static inline size_t pen_left(const pen_t *p)
{
    return (size_t)(p->end - p->s);
}

/* The byte n behind the reader, or -1. */
static inline int pen_peek(const pen_t *p, size_t n)
{
    return n < pen_left(p) ? p->s[n] : -1;
}

static inline bool pen_is(const pen_t *p, const char *text, size_t len)
{
    return pen_left(p) >= len && memcmp(p->s, text, len) == 0;
}
#define PEN_IS(pen, lit) pen_is((pen), (lit), sizeof(lit) - 1)

/* Where the first byte of one of the classes stands, or SIZE_MAX. Four at a time: most values hold
 * none. */
static inline size_t first_of(slice_t in, uint32_t classes)
{
    const uint32_t *t = transform_class_of;
    const uint8_t *s = in.ptr;
    size_t i = 0;
    while (in.len - i >= 4 && !((t[s[i]] | t[s[i + 1]] | t[s[i + 2]] | t[s[i + 3]]) & classes)) {
        i += 4;
    }
    while (i < in.len && !(t[s[i]] & classes)) {
        i++;
    }
    return i < in.len ? i : SIZE_MAX;
}

/* C's isspace, in any locale of the host the same. */
static inline bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline uint8_t to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool is_octal(int c)
{
    return c >= '0' && c <= '7';
}

/* Value of a hex digit, or -1 (also for -1). */
static inline int hex_digit(int c)
{
    return c < 0 ? -1 : hex_value((uint8_t)c);
}

/* Two hex digits n behind the reader, or -1. */
static inline int pen_hex2(const pen_t *p, size_t n)
{
    int high = hex_digit(pen_peek(p, n)), low = hex_digit(pen_peek(p, n + 1));
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static inline int pen_hex4(const pen_t *p, size_t n)
{
    int high = pen_hex2(p, n), low = pen_hex2(p, n + 2);
    return high < 0 || low < 0 ? -1 : high << 8 | low;
}

/* ModSecurity's reading of a code point as one byte: the low one, and full-width ASCII (U+FF01 ...)
 * as its plain form. */
static inline uint8_t code_byte(unsigned code)
{
    uint8_t low = (uint8_t)code;
    bool wide = (code & 0xFF00) == 0xFF00 && low > 0 && low < 0x5F;
    return wide ? (uint8_t)(low + 0x20) : low;
}

#endif
