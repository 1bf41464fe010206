/* Holds no key: the ring has them (keys.c). */
#include "rotate.h"

#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#include "io/log.h"
#include "master.h"

enum { RECORD_AGAIN_US = 500000 };

struct rotate {
    rotate_conf_t conf;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t turned;
    bool stop, drop, dropped;
    rotate_state_t state;
};

static err_t record(rotate_t *r, const char *step, uint32_t epoch, bool again)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", slice_cstr_in(step));
    ledger_fact_i64(&facts, "epoch", epoch);
    if (again) {
        ledger_fact_i64(&facts, "again", 1);
    }
    ledger_record_t rec = {.type = LEDGER_MASTER_CHANGED, .facts = buf_slice(&facts)};
    err_t e = ledger_append(r->conf.ledger, &rec, 1, NULL);
    return err_failed(e) ? FAIL_SYS(ERR_NOT_RECORDED, e.sys) : OK;
}

static bool stopping(rotate_t *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

/* Passes until one finds nothing of an older epoch: what was being made when the new key came may
 * still be under the old one. */
static err_t file_rewrap(rotate_t *r, keystore_t *ks)
{
    bool left = true;
    while (left) {
        bool end = false, some;
        left = false;
        for (uint32_t from = 0; !end;) {
            ENSURE(!stopping(r), ERR_STOPPED);
            TRY(keystore_rewrap(ks, &from, &some, &end));
            left = left || some;
            pthread_mutex_lock(&r->lock);
            r->state.slots = from;
            pthread_mutex_unlock(&r->lock);
        }
    }
    return keystore_rewrapped(ks);
}

/* The loop forgets it, between two messages. */
static err_t old_forget(rotate_t *r)
{
    pthread_mutex_lock(&r->lock);
    r->drop = true;
    pthread_mutex_unlock(&r->lock);
    r->conf.on_done(r->conf.ctx);
    pthread_mutex_lock(&r->lock);
    while (!r->dropped && !r->stop) {
        pthread_cond_wait(&r->turned, &r->lock);
    }
    bool dropped = r->dropped;
    pthread_mutex_unlock(&r->lock);
    ENSURE(dropped, ERR_STOPPED);
    return OK;
}

/* The old key is not destroyed before it is on record that nothing needs it. */
static err_t record_surely(rotate_t *r, const char *step)
{
    err_t e = record(r, step, keys_newest(r->conf.keys), false);
    while (err_is(e, ERR_NOT_RECORDED) && !stopping(r)) {
        usleep(RECORD_AGAIN_US);
        e = record(r, step, keys_newest(r->conf.keys), false);
    }
    return e;
}

static err_t run(rotate_t *r)
{
    uint32_t old = keys_oldest(r->conf.keys);
    TRY(file_rewrap(r, r->conf.subjects));
    TRY(file_rewrap(r, r->conf.months));
    reveal_barrier(r->conf.reveal);
    TRY(old_forget(r));
    TRY(record_surely(r, "rewrapped"));
    TRY(master_destroy(r->conf.secrets, old));
    return record_surely(r, "done");
}

static void *work(void *arg)
{
    rotate_t *r = arg;
    err_t e = run(r);
    pthread_mutex_lock(&r->lock);
    r->state.trouble = err_failed(e) && !err_is(e, ERR_STOPPED) ? e.code : ERR_NONE;
    r->state.oldest = keys_oldest(r->conf.keys);
    pthread_mutex_unlock(&r->lock);
    if (err_failed(e)) {
        log_err(LOG_ERROR, id_zero(), "vault.rotate", e);
    } else {
        log_event(LOG_INFO, id_zero(), "vault.rotate", "master key %u is in use",
                  (unsigned)keys_newest(r->conf.keys));
    }
    return NULL;
}

/* With the lock. A thread that has ended is joined first. */
static err_t start(rotate_t *r)
{
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
    r->drop = r->dropped = false;
    r->state =
        (rotate_state_t){.newest = keys_newest(r->conf.keys), .oldest = keys_oldest(r->conf.keys)};
    r->started = pthread_create(&r->thread, NULL, work, r) == 0;
    ENSURE(r->started, ERR_MEMORY);
    return OK;
}

err_t rotate_new(const rotate_conf_t *conf, rotate_t **ret_rotate)
{
    rotate_t *r = calloc(1, sizeof *r);
    ENSURE(r, ERR_MEMORY);
    r->conf = *conf;
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    CHECK(pthread_cond_init(&r->turned, NULL) == 0);
    r->state.newest = keys_newest(conf->keys);
    r->state.oldest = keys_oldest(conf->keys);
    err_t e = OK;
    if (r->state.newest != r->state.oldest) {
        /* The one that began it said so; that it is told once more is for whoever reads. */
        err_ignore(record(r, "begun", r->state.newest, true));
        pthread_mutex_lock(&r->lock);
        e = start(r);
        pthread_mutex_unlock(&r->lock);
    }
    if (err_failed(e)) {
        rotate_free(r);
        return e;
    }
    *ret_rotate = r;
    return OK;
}

void rotate_free(rotate_t *r)
{
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->turned);
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
    pthread_cond_destroy(&r->turned);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

err_t rotate_begin(rotate_t *r, keys_master_t *master)
{
    uint32_t epoch = master->epoch;
    err_t e = rotate_state(r).newest == rotate_state(r).oldest ? OK : FAIL(ERR_CONFLICT);
    if (!err_failed(e) && epoch != keys_newest(r->conf.keys) + 1) {
        e = FAIL(ERR_RANGE);
    }
    if (!err_failed(e)) {
        e = record(r, "begun", epoch, false);
    }
    if (err_failed(e)) {
        sodium_memzero(master, sizeof *master);
        return e;
    }
    TRY(keys_add(r->conf.keys, master));
    pthread_mutex_lock(&r->lock);
    e = start(r);
    pthread_mutex_unlock(&r->lock);
    return e;
}

/* The state is the ring's as the last begin or start left it: while an old key goes, both are
 * named. */
err_t rotate_discard(rotate_t *r, uint32_t epoch)
{
    rotate_state_t s = rotate_state(r);
    ENSURE(epoch != s.newest && epoch != s.oldest, ERR_CONFLICT);
    return master_destroy(r->conf.secrets, epoch);
}

void rotate_turn(rotate_t *r)
{
    pthread_mutex_lock(&r->lock);
    if (r->drop && !r->dropped) {
        keys_drop(r->conf.keys, keys_oldest(r->conf.keys));
        r->dropped = true;
        pthread_cond_broadcast(&r->turned);
    }
    pthread_mutex_unlock(&r->lock);
}

rotate_state_t rotate_state(rotate_t *r)
{
    pthread_mutex_lock(&r->lock);
    rotate_state_t state = r->state;
    pthread_mutex_unlock(&r->lock);
    return state;
}
