#include "rounds.h"

#include <pthread.h>

#include "base/clock.h"
#include "io/log.h"
#include "reconcile.h"

enum {
    INBOX_EVERY_MS = 500, /* also when nobody woke us: what failed before is tried again */
    LOOK_EVERY_MS = 500,
    BRAKE_EVERY_MS = 200,
    BATCH = 16,
    ROUND_ARENA = 4 * 1024 * 1024,
    PULSE_EVERY_MS = 500,
    BOOK_PULSE_MS = 3000,
    FAILED_REST_MS = 2000, /* a provider that does not answer is not hammered */
    RECONCILE_EVERY_MS = 250,
    THREADS = 5,
};

struct rounds {
    cashier_t *cashier;
    inbox_t *inbox;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stop, inbox_news;
    pthread_t threads[THREADS];
    size_t started;
    uint64_t brake_seen;
};

/* Sleeps, or until woken. False when the house stops. */
static bool rest(rounds_t *r, int64_t ms, bool for_inbox)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&r->lock);
    int timed_out = 0;
    while (!r->stop && !(for_inbox && r->inbox_news) && !timed_out) {
        timed_out = pthread_cond_timedwait(&r->woken, &r->lock, &until);
    }
    if (for_inbox) {
        r->inbox_news = false;
    }
    bool go_on = !r->stop;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static bool stopping(rounds_t *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *inbox_thread(void *ctx)
{
    rounds_t *r = ctx;
    do {
        inbox_work(r->inbox);
    } while (rest(r, INBOX_EVERY_MS, true));
    return NULL;
}

/* True when there may be more that is due. */
static bool look_at_due(rounds_t *r)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t due[BATCH];
    size_t n = 0;
    arena_init(&a, ROUND_ARENA);
    err_t e = book_due(r->cashier->book, &a, due, BATCH, &n);
    if (err_failed(e)) {
        log_err(LOG_WARN, id_zero(), "attempts.due", e);
        return false;
    }
    for (size_t i = 0; i < n && !stopping(r); i++) {
        BASE_CLEANUP(arena_deinit) arena_t one;
        arena_init(&one, ROUND_ARENA);
        err_t looked = cashier_look(r->cashier, &one, &due[i]);
        if (err_failed(looked)) {
            log_err(LOG_WARN, due[i].request, "attempt.look", looked);
        }
        if (err_is(looked, ERR_TIMEOUT) || err_is(looked, ERR_UNAVAILABLE)) {
            return false; /* the others would wait as long */
        }
    }
    return n == BATCH;
}

static void *look_thread(void *ctx)
{
    rounds_t *r = ctx;
    do {
        while (look_at_due(r) && !stopping(r)) {
        }
    } while (rest(r, LOOK_EVERY_MS, false));
    return NULL;
}

static void brake_note(rounds_t *r, const brake_state_t *s)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact_i64(&facts, "generation", (int64_t)s->generation);
    ledger_fact(&facts, "payments",
                brake_is_open(s, BRAKE_PAYMENTS) ? SLICE("open") : SLICE("closed"));
    ledger_fact(&facts, "board", slice_cstr_in(brake_trouble_name(s->trouble)));
    ledger_note(r->cashier->ledger,
                &(ledger_record_t){.type = s->trouble == BRAKE_FINE ? LEDGER_BRAKE_SEEN
                                                                    : LEDGER_BRAKE_BROKEN,
                                   .facts = buf_slice(&facts)});
}

/* CONFLICT: it was paid just before; that payment goes on. */
static bool page_cancel(rounds_t *r, const attempt_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, ROUND_ARENA);
    err_t e = cashier_cancel(r->cashier, &a, t, t->request, "brake");
    if (err_failed(e) && !err_is(e, ERR_CONFLICT)) {
        log_err(LOG_WARN, t->request, "brake.cancel", e);
        return false;
    }
    return true;
}

/* Every page that a customer could still pay on is cancelled at the provider, one after another
 * however many fail; true when none did. */
static bool pages_cancel(rounds_t *r)
{
    id128_t after = id_zero();
    bool all = true;
    size_t n = BATCH;
    while (n == BATCH && !stopping(r)) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        attempt_t open[BATCH];
        arena_init(&a, ROUND_ARENA);
        if (err_failed(book_open_pages(r->cashier->book, &a, after, open, BATCH, &n))) {
            return false;
        }
        for (size_t i = 0; i < n && !stopping(r); i++) {
            all = page_cancel(r, &open[i]) && all;
            after = open[i].view.attempt;
        }
    }
    return all;
}

static void *brake_thread(void *ctx)
{
    rounds_t *r = ctx;
    brake_trouble_t trouble = BRAKE_FINE;
    int64_t again_us = 0;
    do {
        brake_state_t s = brake_now(r->cashier->brake);
        if (s.generation != r->brake_seen || s.trouble != trouble) {
            r->brake_seen = s.generation;
            trouble = s.trouble;
            again_us = 0;
            brake_note(r, &s);
        }
        if (!brake_is_open(&s, BRAKE_PAYMENTS) && clock_wait_us() >= again_us) {
            again_us = pages_cancel(r) ? 0 : clock_wait_us() + (int64_t)FAILED_REST_MS * 1000;
        }
    } while (rest(r, BRAKE_EVERY_MS, false));
    return NULL;
}

/* Whether the record takes anything and our own book can be written, asked here so that nobody else
 * has to wait for it. A book that was well is written every few seconds only. */
static void *pulse_thread(void *ctx)
{
    rounds_t *r = ctx;
    int64_t book_at_us = 0;
    do {
        ledger_status_t ledger;
        err_t e = ledger_status(r->cashier->ledger, &ledger);
        __atomic_store_n(&r->cashier->ledger_down, err_failed(e) || !ledger.accepting,
                         __ATOMIC_RELAXED);
        if (clock_wait_us() >= book_at_us) {
            bool down = err_failed(book_pulse(r->cashier->book));
            __atomic_store_n(&r->cashier->book_down, down, __ATOMIC_RELAXED);
            book_at_us = down ? 0 : clock_wait_us() + (int64_t)BOOK_PULSE_MS * 1000;
        }
    } while (rest(r, PULSE_EVERY_MS, false));
    return NULL;
}

/* Only after a restore, and only until it is done. */
static void *reconcile_thread(void *ctx)
{
    rounds_t *r = ctx;
    reconcile_t work = {.cashier = r->cashier};
    bool again = __atomic_load_n(&r->cashier->reconciling, __ATOMIC_RELAXED);
    while (again && !stopping(r)) {
        bool failed = false;
        again = reconcile_step(&work, &failed);
        again = again && rest(r, failed ? FAILED_REST_MS : RECONCILE_EVERY_MS * !work.busy, false);
    }
    return NULL;
}

err_t rounds_start(cashier_t *cashier, inbox_t *inbox, rounds_t **ret_rounds)
{
    static void *(*const RUN[THREADS])(void *) = {inbox_thread, look_thread, brake_thread,
                                                  pulse_thread, reconcile_thread};
    rounds_t *r = calloc(1, sizeof *r);
    pthread_condattr_t attr;
    ENSURE(r, ERR_MEMORY);
    r->cashier = cashier;
    r->inbox = inbox;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->woken, &attr);
    pthread_condattr_destroy(&attr);
    for (; r->started < THREADS; r->started++) {
        if (pthread_create(&r->threads[r->started], NULL, RUN[r->started], r) != 0) {
            rounds_stop(r);
            return FAIL(ERR_MEMORY);
        }
    }
    *ret_rounds = r;
    return OK;
}

void rounds_wake(rounds_t *r)
{
    pthread_mutex_lock(&r->lock);
    r->inbox_news = true;
    pthread_cond_broadcast(&r->woken);
    pthread_mutex_unlock(&r->lock);
}

void rounds_stop(rounds_t *r)
{
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->woken);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->started; i++) {
        pthread_join(r->threads[i], NULL);
    }
    pthread_cond_destroy(&r->woken);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
