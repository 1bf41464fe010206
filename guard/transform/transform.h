/* SecLang's transformations (t:lowercase, t:urlDecodeUni, ...) as pure functions of bytes: no
 * state, no allocation but from the arena given. One table (transforms.h) names them all.
 *
 * Semantics: ModSecurity's reference manual and libmodsecurity 3.0.9; where versions 2 and 3 differ
 * the function says which one it follows and why. */
#ifndef GUARD_TRANSFORM_H
#define GUARD_TRANSFORM_H

#include "base/arena.h"

/* Classes of bytes. A byte may be in several ('x' is LOWER and EX). transform_classes gives the
 * union over a value; whoever filters by "holds none of these bytes" may rely on an absent bit. */
enum {
    TRANSFORM_NUL = 1U << 0,
    TRANSFORM_BLANK = 1U << 1,   /* tab, LF, VT, FF, CR */
    TRANSFORM_CONTROL = 1U << 2, /* the other bytes below space, and DEL */
    TRANSFORM_SPACE = 1U << 3,
    TRANSFORM_HIGH = 1U << 4, /* 0x80 and above */
    TRANSFORM_NBSP =
        1U << 5, /* 0xA0, 0xC2: a no-break space of Latin-1, and the two of UTF-8 (also HIGH) */
    TRANSFORM_UPPER = 1U << 6,
    TRANSFORM_LOWER = 1U << 7,
    TRANSFORM_DIGIT = 1U << 8,
    TRANSFORM_EX = 1U << 9, /* x X */
    TRANSFORM_PERCENT = 1U << 10,
    TRANSFORM_PLUS = 1U << 11,
    TRANSFORM_AMP = 1U << 12,
    TRANSFORM_BACKSLASH = 1U << 13,
    TRANSFORM_SLASH = 1U << 14,
    TRANSFORM_DOT = 1U << 15,
    TRANSFORM_STAR = 1U << 16,
    TRANSFORM_DASH = 1U << 17,
    TRANSFORM_HASH = 1U << 18,
    TRANSFORM_QUOTE = 1U << 19, /* ' " */
    TRANSFORM_BACKTICK = 1U << 20,
    TRANSFORM_CARET = 1U << 21,
    TRANSFORM_COMMA = 1U << 22,
    TRANSFORM_SEMICOLON = 1U << 23,
    TRANSFORM_PAREN = 1U << 24,
    TRANSFORM_ANGLE = 1U << 25,
    TRANSFORM_EQUALS = 1U << 26,
    TRANSFORM_PIPE = 1U << 27,
    TRANSFORM_DOLLAR = 1U << 28,
    TRANSFORM_UNDERSCORE = 1U << 29,
    TRANSFORM_BRACKET = 1U << 30, /* [ ] { } */
};
#define TRANSFORM_OTHER (1U << 31) /* ! : ? @ ~ */

typedef enum transform_id {
#define TRANSFORM(id, name, alias, fn, changes) TRANSFORM_##id,
#include "transforms.h"
#undef TRANSFORM
    TRANSFORM_COUNT
} transform_id_t;

/* By SecLang name without "t:", any case, aliases too (normalisePath). NOT_FOUND. */
err_t transform_find(slice_t name, transform_id_t *ret);
/* The name as the manual writes it; "" for a number that is none. */
const char *transform_name(transform_id_t id);

/* Which classes occur in the value; 0 for the empty one. */
uint32_t transform_classes(slice_t in);
/* True only when certain: a value that holds no byte outside `classes` comes back unchanged. */
bool transform_is_identity(transform_id_t id, uint32_t classes);

/* The value transformed. *ret_out is `in` itself (same pointer and length) when nothing changed;
 * else it lives in the arena, or is a part of `in` (trim). MEMORY. Bytes that are not what a
 * decoder wants are kept as they are; there is no other error. */
err_t transform_apply(transform_id_t id, slice_t in, arena_t *arena, slice_t *ret_out);

/* SecUnicodeMapFile: best-fit bytes for code points below 0x10000. 64 KiB, owned by the caller. */
typedef struct transform_map {
    uint8_t byte[0x10000];
    uint8_t known[0x10000 / 8]; /* bit per code point */
} transform_map_t;

/* Reads one code page (20127 is SecUnicodeMapFile's usual one) from a file in ModSecurity's
 * unicode.mapping form: a line "20127 (name)", then "00a1:21 00a2:63 ...". NOT_FOUND without that
 * page; SYNTAX for a pair that is none. The map is zeroed first. */
err_t transform_map_parse(slice_t file, unsigned code_page, transform_map_t *ret_map);
/* transform_apply with the map for urlDecodeUni (NULL: none). */
err_t transform_apply_mapped(transform_id_t id, slice_t in, const transform_map_t *map,
                             arena_t *arena, slice_t *ret_out);

#endif
