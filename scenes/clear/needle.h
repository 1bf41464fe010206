/* Needles: what must lie nowhere in the clear - names, readings, addresses, numbers of people - and
 * the ways in which one value is written as text. Input: a file of lines "kind TAB value", UTF-8.
 */
#ifndef CLEAR_NEEDLE_H
#define CLEAR_NEEDLE_H

#include "base/arena.h"

/* Columns: constant, word in the file. */
#define NEEDLE_KINDS(ROW)                                                                          \
    ROW(NAME, "name") /* kanji or Roman letters, parts apart by a space */                         \
    ROW(KANA, "kana") /* reading, katakana, parts apart by a space */                              \
    ROW(EMAIL, "email")                                                                            \
    ROW(PHONE, "phone") /* as typed; national or +81 */                                            \
    ROW(ADDRESS, "address")                                                                        \
    ROW(BIRTH, "birth") /* YYYY-MM-DD */                                                           \
    ROW(CARD, "card")   /* 13 to 19 digits, any grouping */                                        \
    ROW(TEXT, "text")   /* this very text: a password, say */

typedef enum needle_kind {
#define ROW(name, word) NEEDLE_##name,
    NEEDLE_KINDS(ROW)
#undef ROW
        NEEDLE_KIND_COUNT
} needle_kind_t;

enum { NEEDLE_MAX_BYTES = 512 };

typedef struct needle {
    needle_kind_t kind;
    uint32_t line; /* of the needles' file, from 1: how finds name it */
    slice_t value; /* UTF-8 */
} needle_t;

const char *needle_kind_name(needle_kind_t kind);

/* Reads lines; empty ones and those that begin with '#' are passed over. Values are copied to the
 * arena. SYNTAX (unknown kind, no tab, a birth date or card number that is none), ENCODING, LIMIT;
 * *ret_line is then the line at fault. */
err_t needles_parse(arena_t *a, slice_t text, const needle_t **ret_needles, size_t *ret_count,
                    uint32_t *ret_line);

/* One way to write a value. `digits`: nothing but ASCII digits, so other digits beside it make it
 * another number. */
typedef err_t needle_text_fn(void *ctx, slice_t text, bool digits);
/* Hands out every way, some of them twice. The first error of fn ends it. */
err_t needle_texts(arena_t *a, const needle_t *needle, needle_text_fn *fn, void *ctx);

#endif
