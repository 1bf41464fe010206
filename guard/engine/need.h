/* What a value must hold before a regular expression can match it: bytes (sig.h) and literals, one
 * of which must occur (any case). Sound: it may only say no when certain; what is not understood
 * asks for nothing. Pure. */
#ifndef GUARD_ENGINE_NEED_H
#define GUARD_ENGINE_NEED_H

#include "base/arena.h"

enum { NEED_ANY = 6, NEED_ALTS = 4, NEED_WORDS_MAX = 1024, NEED_WORD_MAX = 24 };

/* Kinds of byte that occur together: what a branch without a literal asks for. */
typedef struct need_alt {
    uint64_t all, any[2]; /* any: 0 = not used */
} need_alt_t;

typedef struct need {
    uint64_t all;           /* every one of these kinds of byte occurs */
    uint64_t any[NEED_ANY]; /* of each of these sets, at least one */
    unsigned any_count;
    /* At least one word occurs (any case; here in lower case), or all that one alt names. Both
     * empty: nothing is known. */
    const slice_t *words;
    uint32_t word_count;
    need_alt_t alts[NEED_ALTS];
    unsigned alt_count;
} need_t;

/* pattern: PCRE syntax. Everything in *ret_need lives in the arena. MEMORY. */
err_t need_of_regex(slice_t pattern, arena_t *arena, need_t *ret_need);
/* Of a phrase that must occur as it is (any case). */
err_t need_of_word(slice_t word, arena_t *arena, need_t *ret_need);
/* Is a literal worth a place in the scanner? */
bool need_word_is_good(slice_t word);

#endif
