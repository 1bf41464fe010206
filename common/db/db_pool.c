#include <pthread.h>

#include "base/clock.h"
#include "db/db_int.h"
#include "db/db_pool.h"

enum { POOL_MAX = 64 };

struct db_pool {
    char *url;
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct pool_slot {
        db_t *db; /* NULL = not opened yet */
        bool busy;
    } slots[POOL_MAX];
};

err_t db_pool_open(const char *url, unsigned count, db_pool_t **ret_pool)
{
    pthread_condattr_t attr;
    db_t *first;
    CHECK(count >= 1 && count <= POOL_MAX);
    TRY(db_open(url, &first));
    db_pool_t *pool = calloc(1, sizeof *pool);
    char *copy = strdup(url);
    if (!pool || !copy) {
        free(pool);
        free(copy);
        db_close(first);
        return FAIL(ERR_MEMORY);
    }
    pool->url = copy;
    pool->count = count;
    pool->slots[0].db = first;
    CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&pool->freed, &attr) == 0);
    pthread_condattr_destroy(&attr);
    *ret_pool = pool;
    return OK;
}

void db_pool_close(db_pool_t *pool)
{
    if (!pool) {
        return;
    }
    for (unsigned i = 0; i < pool->count; i++) {
        CHECK(!pool->slots[i].busy);
        db_close(pool->slots[i].db);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    explicit_bzero(pool->url, strlen(pool->url)); /* it may carry a password */
    free(pool->url);
    free(pool);
}

/* An idle slot, an open connection first. */
static struct pool_slot *pick_idle(db_pool_t *pool)
{
    struct pool_slot *best = NULL;
    for (unsigned i = 0; i < pool->count; i++) {
        struct pool_slot *slot = &pool->slots[i];
        if (!slot->busy && (!best || (!best->db && slot->db))) {
            best = slot;
        }
    }
    return best;
}

static struct pool_slot *slot_take(db_pool_t *pool, int64_t wait_ms)
{
    int64_t until_us = clock_wait_us() + (wait_ms > 0 ? wait_ms : 0) * 1000;
    struct timespec at = {.tv_sec = (time_t)(until_us / CLOCK_SECOND_US),
                          .tv_nsec = (long)(until_us % CLOCK_SECOND_US) * 1000};
    int waited = 0;
    pthread_mutex_lock(&pool->lock);
    struct pool_slot *slot = pick_idle(pool);
    while (!slot && waited == 0) {
        waited = pthread_cond_timedwait(&pool->freed, &pool->lock, &at);
        slot = pick_idle(pool);
    }
    if (slot) {
        slot->busy = true;
    }
    pthread_mutex_unlock(&pool->lock);
    return slot;
}

static void slot_give(db_pool_t *pool, struct pool_slot *slot)
{
    pthread_mutex_lock(&pool->lock);
    slot->busy = false;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

err_t db_pool_take(db_pool_t *pool, int64_t wait_ms, db_t **ret_db)
{
    struct pool_slot *slot = slot_take(pool, wait_ms);
    ENSURE(slot, ERR_DB_BUSY);
    if (slot->db && !db_alive(slot->db)) {
        db_close(slot->db);
        slot->db = NULL;
    }
    if (!slot->db) {
        err_t e = db_open(pool->url, &slot->db);
        if (err_failed(e)) {
            slot_give(pool, slot);
            return e;
        }
    }
    *ret_db = slot->db;
    return OK;
}

void db_pool_give(db_pool_t *pool, db_t *db)
{
    if (!db) {
        return;
    }
    if (db_in_tx(db)) {
        db_tx_t left_open = {db};
        db_rollback(&left_open);
    }
    for (unsigned i = 0; i < pool->count; i++) {
        if (pool->slots[i].db == db) {
            CHECK(pool->slots[i].busy);
            slot_give(pool, &pool->slots[i]);
            return;
        }
    }
    CHECK(false); /* a connection of another pool */
}

err_t db_lease(db_pool_t *pool, int64_t wait_ms, db_lease_t *ret_lease)
{
    db_t *db;
    TRY(db_pool_take(pool, wait_ms, &db));
    *ret_lease = (db_lease_t){pool, db};
    return OK;
}

void db_lease_end(db_lease_t *lease)
{
    if (lease->pool) {
        db_pool_give(lease->pool, lease->db);
    }
    *lease = (db_lease_t){0};
}
