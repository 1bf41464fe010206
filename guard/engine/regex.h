/* PCRE2 with JIT, as the engine uses it: compiled at load, matched with limits. */
#ifndef GUARD_ENGINE_REGEX_H
#define GUARD_ENGINE_REGEX_H

#include "set.h"

typedef enum regex_use {
    REGEX_NOCASE,   /* selectors, tags: any case, search */
    REGEX_POSITIVE, /* @rx: '.' matches all, '^' and '$' at every line (as libmodsecurity) */
    REGEX_NEGATED,  /* !@rx: '^' and '$' at the ends only, so that no line hides behind another */
} regex_use_t;

typedef struct regex_scratch regex_scratch_t;

enum { REGEX_GROUPS = CAPTURES };

typedef struct regex_found {
    size_t at[REGEX_GROUPS], len[REGEX_GROUPS];
    bool set[REGEX_GROUPS];
    unsigned groups; /* group 0 included */
} regex_found_t;

typedef enum regex_answer { REGEX_NO, REGEX_YES, REGEX_LIMIT } regex_answer_t;

/* Belongs to the set (freed by regex_free_all). SYNTAX: *ret_why says what is wrong. The same
 * pattern for the same use is compiled once. Not to be matched before regex_settle. */
err_t regex_new(engine_set_t *set, slice_t pattern, regex_use_t use, const regex_t **ret_regex,
                const char **ret_why);
/* When all of a set are known: their code moves into the set's arena, machine code is made. Set
 * after set is loaded and freed while the one before still lives; what a set holds must not lie
 * scattered among what others hold, or each reload leaves pages behind that only a few bytes keep.
 */
err_t regex_settle(engine_set_t *set);
/* Gives the machine code back, the rest stays; regex_settle makes it anew. */
err_t regex_rest(engine_set_t *set);
void regex_free_all(engine_set_t *set);
size_t regex_bytes(const engine_set_t *set);
slice_t regex_source(const regex_t *regex);

err_t regex_scratch_new(uint32_t match_limit, regex_scratch_t **ret_scratch);
void regex_scratch_free(regex_scratch_t *s);
/* A transaction begins: what its searches may cost together is counted from here. */
void regex_scratch_begin(regex_scratch_t *s);
uint64_t regex_steps(const regex_scratch_t *s);
/* from: where to begin. ret_found may be NULL. */
regex_answer_t regex_match(const regex_t *regex, regex_scratch_t *scratch, slice_t in, size_t from,
                           regex_found_t *ret_found);

#endif
