/* Lists of hand-written injections: "place TAB value" a line, '#' for comments. Tests only. */
#ifndef GUARD_DETECT_JUDGE_CASES_H
#define GUARD_DETECT_JUDGE_CASES_H

#include "base/slice.h"

typedef struct attack_case {
    slice_t place, value;
} attack_case_t;

typedef struct cases {
    attack_case_t *list;
    size_t count;
    char *text; /* what the slices point into */
} cases_t;

/* Aborts when the file cannot be read: it belongs to the tree. */
void cases_read(const char *folder, const char *file, cases_t *ret_cases);
void cases_free(cases_t *cases);

#endif
