/* Inner parts of the card detector: how text becomes groups of digits, and what is judged about
 * them. For card*.c only. */
#ifndef TEXT_CARD_PARTS_H
#define TEXT_CARD_PARTS_H

#include "text/card.h"

/* What one code point means between and around digits. */
typedef enum glyph_kind {
    GLYPH_DIGIT,
    GLYPH_IGNORABLE, /* takes no room: zero-width signs, keycap and variation marks */
    GLYPH_SEP,       /* people and printers put it between the digits of one number */
    GLYPH_WEAK,      /* punctuation that may also stand between two numbers */
    GLYPH_LATIN,     /* ASCII or full-width Latin letter */
    GLYPH_BREAK,     /* any other letter or sign: ends a number */
} glyph_kind_t;

typedef struct glyph {
    glyph_kind_t kind;
    /* DIGIT: 0 to 9. LATIN: lower-case ASCII letter. SEP: its class, one of - . / _ , ; ' space and
     * newline. */
    uint8_t value;
    bool plain; /* ASCII or full-width */
    bool bad;   /* malformed UTF-8 */
} glyph_t;

glyph_t card_glyph(uint32_t code_point);

typedef enum gap_kind {
    GAP_EDGE, /* a letter, a sign that breaks, too many separators, or the text's edge */
    GAP_WEAK,
    GAP_SEP,
} gap_kind_t;

typedef struct gap {
    gap_kind_t kind;
    uint32_t key; /* equal for gaps of the same classes of separators in the same order */
} gap_t;

/* Digits with nothing but ignorable signs between them. */
typedef struct group {
    size_t at, end; /* bytes in the text, of the first digit and past the last */
    gap_t before;
    unsigned count; /* of digits; above CARD_MAX_DIGITS it only means "too many" */
    uint8_t digits[CARD_MAX_DIGITS];
} group_t;

enum { CHAIN_MAX = 96 };

/* Groups that only gaps other than edges divide. A long chain is judged piece by piece. */
typedef struct chain {
    slice_t text;
    group_t g[CHAIN_MAX];
    gap_t after; /* behind the last group */
    size_t count;
    uint8_t item[CHAIN_MAX]; /* groups of one benign number share a value above 0 */
} chain_t;

/* Key of a gap that is one separator of a class. */
uint32_t gap_key_of(uint8_t sep_class);
uint32_t gap_key_add(uint32_t key, uint8_t sep_class);

/* Marks the benign numbers in the chain (card_items.c: phones, dates, amounts ...). */
void card_chain_mark(chain_t *c);
/* The gap behind group i. */
gap_t card_gap_after(const chain_t *c, size_t i);
bool card_same_gap(gap_t a, gap_t b);
/* Whether the gaps inside first..last are all the same; whether one of them is weak. */
bool card_is_uniform(const chain_t *c, size_t first, size_t last);
bool card_has_weak(const chain_t *c, size_t first, size_t last);
/* Whether the gap before first (behind last) differs from what divides the groups inside. */
bool card_apart_left(const chain_t *c, size_t first, gap_t inner);
bool card_apart_right(const chain_t *c, size_t last, gap_t inner);
/* Nothing that could belong to the same number stands before first (behind last): an edge, weak
 * punctuation, a marked item. */
bool card_begins_stretch(const chain_t *c, size_t first);
bool card_ends_stretch(const chain_t *c, size_t last);
/* Whether the groups from `first` on have these numbers of digits. */
bool card_counts_are(const chain_t *c, size_t first, const uint8_t *counts, size_t n);
/* Number written by a group (its first eight digits). */
unsigned card_value(const group_t *g);

/* Whether group i is an article or book number (JAN, ISBN) and no card is spoken of. */
bool card_is_article(const chain_t *c, size_t i);
/* Whether a card number begins at group `first`; ret_hit untouched otherwise. */
bool card_chain_judge(const chain_t *c, size_t first, card_hit_t *ret_hit);

typedef struct issuer {
    uint32_t low, high; /* first six digits */
    uint32_t lengths;   /* bit n: n digits */
    card_brand_t brand;
} issuer_t;

/* First digits that any issuer has. */
enum { CARD_FIRST_LOW = 1, CARD_FIRST_HIGH = 6 };

/* The range that at least six digits begin in, or NULL. */
const issuer_t *card_issuer_of(const uint8_t *digits);
bool card_luhn_ok(const uint8_t *digits, size_t count);

/* Whether the letters glued to the number's left (right) side make it part of an id. */
bool card_glued_left(slice_t text, size_t at);
bool card_glued_right(slice_t text, size_t end);
/* The Latin letters right before `at`, the nearest first; max + 1 when there are more than max. */
size_t card_letters_before(slice_t text, size_t at, uint8_t *word, size_t max);
/* Whether a word for cards or paying stands shortly before. */
bool card_named_before(slice_t text, size_t at);
/* Whether text begins with what is counted: 年, 月, 円, 名, 泊 ... */
bool card_is_counted(slice_t rest);
/* Whether at..end lies inside a UUID in its usual form with a letter in it. */
bool card_in_uuid(slice_t text, size_t at, size_t end);

#endif
