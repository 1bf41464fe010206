#include "watch.h"

#include <pthread.h>

#include "base/clock.h"

struct watch {
    ledger_client_t *ledger;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    watch_state_t state;
    int64_t asked_us; /* an answer is due since then; 0 = none is */
    bool stop, started;
};

static void say(watch_state_t *s, const char *reason)
{
    s->ok = reason[0] == 0;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static void judge(err_t e, const ledger_status_t *status, watch_state_t *ret)
{
    if (err_failed(e)) {
        say(ret, "ledger not answering");
    } else if (!status->accepting) {
        say(ret, status->reason[0] ? status->reason : "ledger takes no records");
    } else {
        say(ret, "");
    }
}

static void ask(watch_t *w)
{
    ledger_status_t status = {0};
    w->asked_us = clock_wait_us();
    pthread_mutex_unlock(&w->lock);
    err_t e = ledger_status(w->ledger, &status);
    pthread_mutex_lock(&w->lock);
    w->asked_us = 0;
    judge(e, &status, &w->state);
}

static void pause_until_next(watch_t *w)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_nsec += WATCH_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&w->changed, &w->lock, &until);
}

static void *work(void *arg)
{
    watch_t *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        ask(w);
        if (!w->stop) {
            pause_until_next(w);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

err_t watch_new(ledger_client_t *ledger, watch_t **ret_watch)
{
    watch_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    w->ledger = ledger;
    say(&w->state, "ledger not asked yet");
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    CHECK(pthread_mutex_init(&w->lock, NULL) == 0);
    CHECK(pthread_cond_init(&w->changed, &mono) == 0);
    pthread_condattr_destroy(&mono);
    w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    if (!w->started) {
        watch_free(w);
        return FAIL(ERR_MEMORY);
    }
    *ret_watch = w;
    return OK;
}

void watch_free(watch_t *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (w->started) {
        pthread_join(w->thread, NULL);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void watch_doubt(watch_t *w)
{
    pthread_mutex_lock(&w->lock);
    say(&w->state, "ledger not answering");
    pthread_cond_broadcast(&w->changed); /* ask again now */
    pthread_mutex_unlock(&w->lock);
}

watch_state_t watch_state(watch_t *w)
{
    pthread_mutex_lock(&w->lock);
    watch_state_t state = w->state;
    if (state.ok && w->asked_us && clock_wait_us() - w->asked_us > WATCH_SLOW_MS * 1000) {
        say(&state, "ledger not answering");
    }
    pthread_mutex_unlock(&w->lock);
    return state;
}
