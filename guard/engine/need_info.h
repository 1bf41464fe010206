/* Inside need.c and need_info.c: what is known of a part of a pattern, and how two such things are
 * put together. Everything is folded to lower case: the scanner and the signatures know no case. */
#ifndef GUARD_ENGINE_NEED_INFO_H
#define GUARD_ENGINE_NEED_INFO_H

#include "need.h"

typedef struct words {
    slice_t *list;
    uint32_t count;
} words_t;

/* One of the words, or one of the alts, occurs in each match. Both empty: not known. */
typedef struct choice {
    words_t words;
    need_alt_t alts[NEED_ALTS];
    unsigned alt_count;
} choice_t;

typedef struct info {
    bool exact; /* `words` is all that it matches */
    words_t words;
    choice_t best;
    uint64_t all;
    uint64_t any[NEED_ANY];
    unsigned any_count;
} info_t;

typedef struct walk {
    slice_t in;
    size_t at;
    unsigned depth;
    arena_t *arena;
    bool loose; /* the last atom was a comment or quote: a quantifier behind it means another */
    bool lost;  /* something that is not understood: nothing is needed */
    bool memory;
} walk_t;

typedef struct byte_set {
    uint64_t bits[4];
} byte_set_t;

static inline void byte_set_add(byte_set_t *s, unsigned byte)
{
    s->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static inline bool byte_set_has(const byte_set_t *s, unsigned byte)
{
    return s->bits[byte >> 6] >> (byte & 63) & 1;
}

static inline void byte_set_range(byte_set_t *s, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to && i < 256; i++) {
        byte_set_add(s, i);
    }
}

static inline void byte_set_invert(byte_set_t *s)
{
    for (int i = 0; i < 4; i++) {
        s->bits[i] = ~s->bits[i];
    }
}

static inline void byte_set_union(byte_set_t *s, const byte_set_t *other)
{
    for (int i = 0; i < 4; i++) {
        s->bits[i] |= other->bits[i];
    }
}

static inline uint8_t need_lower(unsigned byte)
{
    return (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

/* Sets of words: every a followed by every b, a and b together; false when that is too much. */
bool need_words_cross(walk_t *w, words_t a, words_t b, words_t *ret);
bool need_words_join(walk_t *w, words_t a, words_t b, words_t *ret);
words_t need_words_empty_string(walk_t *w);
choice_t need_choice_of_words(walk_t *w, words_t all);
double need_choice_cost(const choice_t *c);
void need_keep_best(choice_t *best, const choice_t *other);
void need_keep_words(walk_t *w, choice_t *best, words_t words);
unsigned need_sig_weight(uint64_t bits);
void need_add_any(info_t *i, uint64_t bits);
info_t need_info_nothing(void);
info_t need_info_epsilon(walk_t *w);
info_t need_info_byte(walk_t *w, uint8_t byte);
info_t need_info_set(walk_t *w, const byte_set_t *s);
info_t need_either(walk_t *w, const info_t *a, const info_t *b);

#endif
