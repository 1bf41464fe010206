#include "turns.h"

#include "base/clock.h"

void turns_init(turns_t *t)
{
    pthread_condattr_t attr;
    memset(t->busy, 0, sizeof t->busy);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->given, &attr);
    pthread_condattr_destroy(&attr);
}

void turns_deinit(turns_t *t)
{
    pthread_cond_destroy(&t->given);
    pthread_mutex_destroy(&t->lock);
}

/* A free place when nobody has this booking; TURNS_AT_ONCE when there is none. */
static size_t place_find(const turns_t *t, id128_t booking)
{
    size_t place = TURNS_AT_ONCE;
    for (size_t i = 0; i < TURNS_AT_ONCE; i++) {
        if (id_eq(t->busy[i], booking)) {
            return TURNS_AT_ONCE;
        }
        if (id_is_zero(t->busy[i])) {
            place = i;
        }
    }
    return place;
}

err_t turns_take(turns_t *t, id128_t booking, int64_t wait_ms, turn_t *ret_turn)
{
    int64_t until_us = clock_wait_us() + wait_ms * 1000;
    struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_SECOND_US),
                             .tv_nsec = (long)(until_us % CLOCK_SECOND_US) * 1000};
    int over = 0;
    CHECK(!id_is_zero(booking));
    pthread_mutex_lock(&t->lock);
    size_t place = place_find(t, booking);
    while (place == TURNS_AT_ONCE && !over) {
        over = pthread_cond_timedwait(&t->given, &t->lock, &until);
        place = place_find(t, booking);
    }
    if (place < TURNS_AT_ONCE) {
        t->busy[place] = booking;
    }
    pthread_mutex_unlock(&t->lock);
    ENSURE(place < TURNS_AT_ONCE, ERR_TIMEOUT);
    *ret_turn = (turn_t){t, place};
    return OK;
}

void turns_give(turn_t *turn)
{
    turns_t *t = turn->turns;
    if (!t) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->busy[turn->place] = id_zero();
    pthread_cond_broadcast(&t->given);
    pthread_mutex_unlock(&t->lock);
    turn->turns = NULL;
}
