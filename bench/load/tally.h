/* Counts and times of a run: exact, nothing sampled, nothing dropped. Not thread-safe: one a
 * client, joined at the end. */
#ifndef BENCH_LOAD_TALLY_H
#define BENCH_LOAD_TALLY_H

#include "base/slice.h"

enum { TALLY_NAME = 64, TALLY_OUTCOMES = 64 };

typedef struct tally_times {
    uint32_t *us; /* each one, in the order they came; sorted by tally_percentile */
    size_t n, cap;
    bool sorted;
} tally_times_t;

typedef struct tally_outcome {
    char name[TALLY_NAME]; /* "hold 303", "confirm unanswered" */
    uint64_t count;
} tally_outcome_t;

typedef struct tally {
    tally_outcome_t outcomes[TALLY_OUTCOMES];
    size_t n;
} tally_t;

/* Aborts without memory: a figure with holes is none. */
void tally_time(tally_times_t *t, int64_t us);
void tally_times_join(tally_times_t *into, const tally_times_t *from);
void tally_times_free(tally_times_t *t);
/* The smallest time that at least `part` (0..1) of all did not exceed, in milliseconds (nearest
 * rank). 0 without any. */
double tally_percentile_ms(tally_times_t *t, double part);

void tally_count(tally_t *t, slice_t name, uint64_t add);
void tally_join(tally_t *into, const tally_t *from);
uint64_t tally_get(const tally_t *t, slice_t name);

#endif
