/* One fight for one departure's seats: 64 buyers, a kill in the middle, clock steps; and its
 * judgement from the buyers' answers (model.h), from the shop's tables (house/seats.h) and from the
 * provider's counts. */
#ifndef BENCH_CONTEND_ROUND_H
#define BENCH_CONTEND_ROUND_H

#include "contend/buyer.h"
#include "house/house.h"
#include "house/seats.h"

enum { ROUND_BUYERS = 64, ROUND_SEATS = 40, ROUND_FAULTS = 12, ROUND_TEXT = 220 };

typedef struct round_plan {
    bench_house_t *house;
    const char *db_url;
    size_t nth;           /* which departure */
    uint64_t seed;        /* of every buyer's dice; not 0 */
    bool control;         /* no kill, no clock: everybody pays at once */
    uint64_t sold_before; /* bookings confirmed in earlier rounds of this house */
} round_plan_t;

typedef struct round_result {
    size_t faults; /* what is wrong; 0 = the round holds */
    char fault[ROUND_FAULTS][ROUND_TEXT];
    model_verdict_t model;
    seats_count_t seats;
    size_t claims, taken, full, unsure, given, left, late, steps, kills;
    tally_t tally;
    uint64_t confirmed; /* bookings confirmed in this round */
} round_result_t;

/* Fails only when the round could not be played (house, database, provider out of reach). */
err_t round_play(const round_plan_t *plan, round_result_t *ret_result);

#endif
