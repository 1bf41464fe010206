/* Growing arrays and a short table. */
#include "load/tally.h"

#include <stdlib.h>

enum { TIMES_FIRST = 1024 };

static void room_for(tally_times_t *t, size_t more)
{
    size_t cap = t->cap ? t->cap : TIMES_FIRST;
    while (cap < t->n + more) {
        cap *= 2;
    }
    if (cap != t->cap) {
        t->us = reallocarray(t->us, cap, sizeof *t->us);
        CHECK(t->us);
        t->cap = cap;
    }
}

void tally_time(tally_times_t *t, int64_t us)
{
    room_for(t, 1);
    t->us[t->n++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    t->sorted = false;
}

void tally_times_join(tally_times_t *into, const tally_times_t *from)
{
    if (from->n) {
        room_for(into, from->n);
        memcpy(into->us + into->n, from->us, from->n * sizeof *from->us);
        into->n += from->n;
        into->sorted = false;
    }
}

void tally_times_free(tally_times_t *t)
{
    free(t->us);
    *t = (tally_times_t){0};
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

double tally_percentile_ms(tally_times_t *t, double part)
{
    if (t->n == 0) {
        return 0;
    }
    if (!t->sorted) {
        qsort(t->us, t->n, sizeof *t->us, by_size);
        t->sorted = true;
    }
    size_t rank = (size_t)(part * (double)t->n);
    rank += (double)rank < part * (double)t->n; /* up */
    rank = rank < 1 ? 1 : rank > t->n ? t->n : rank;
    return (double)t->us[rank - 1] / 1000.0;
}

void tally_count(tally_t *t, slice_t name, uint64_t add)
{
    for (size_t i = 0; i < t->n; i++) {
        if (slice_eq(slice_cstr_in(t->outcomes[i].name), slice_sub(name, 0, TALLY_NAME - 1))) {
            t->outcomes[i].count += add;
            return;
        }
    }
    CHECK(t->n < TALLY_OUTCOMES);
    tally_outcome_t *o = &t->outcomes[t->n++];
    snprintf(o->name, sizeof o->name, "%.*s", SLICE_FMT(name));
    o->count = add;
}

void tally_join(tally_t *into, const tally_t *from)
{
    for (size_t i = 0; i < from->n; i++) {
        tally_count(into, slice_cstr_in(from->outcomes[i].name), from->outcomes[i].count);
    }
}

uint64_t tally_get(const tally_t *t, slice_t name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (slice_eq(slice_cstr_in(t->outcomes[i].name), name)) {
            return t->outcomes[i].count;
        }
    }
    return 0;
}
