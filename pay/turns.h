/* One at a time per booking: making a page and cancelling one take seconds at the provider, and two
 * of them at once could leave two pages to pay on. Bounded: who waits too long is told TIMEOUT. */
#ifndef PAY_TURNS_H
#define PAY_TURNS_H

#include <pthread.h>

#include "base/id.h"

enum { TURNS_AT_ONCE = 64, TURNS_WAIT_MS = 7000 };

typedef struct turns {
    pthread_mutex_t lock;
    pthread_cond_t given;
    id128_t busy[TURNS_AT_ONCE]; /* bookings; zero = free place */
} turns_t;

void turns_init(turns_t *t);
void turns_deinit(turns_t *t); /* nobody may have a turn */

/* TURN_SCOPED turn_t turn = {0}; TRY(turns_take(&turns, booking, TURNS_WAIT_MS, &turn)); */
typedef struct turn {
    turns_t *turns;
    size_t place;
} turn_t;
err_t turns_take(turns_t *t, id128_t booking, int64_t wait_ms, turn_t *ret_turn);
void turns_give(turn_t *turn); /* nothing when it was not taken */
#define TURN_SCOPED BASE_CLEANUP(turns_give)

#endif
