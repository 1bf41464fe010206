/* Buckets of eight ways, keyed by SipHash. */
#include <sodium.h>

#include "base/id.h"
#include "throttle.h"

void throttle_init(throttle_t *t, unsigned limit, int64_t window_us)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    random_bytes(t->key, sizeof t->key);
    t->limit = limit;
    t->window_us = window_us;
}

void throttle_deinit(throttle_t *t)
{
    pthread_mutex_destroy(&t->lock);
}

static struct throttle_slot *find(throttle_t *t, slice_t key, int64_t now_us)
{
    uint64_t tag = 0;
    crypto_shorthash((unsigned char *)&tag, key.ptr, key.len, t->key);
    struct throttle_slot *row = &t->slots[tag % (THROTTLE_SLOTS / THROTTLE_WAYS) * THROTTLE_WAYS];
    struct throttle_slot *oldest = row;
    for (size_t i = 0; i < THROTTLE_WAYS; i++) {
        if (row[i].tag == tag && row[i].count > 0) {
            if (now_us - row[i].since_us >= t->window_us || now_us < row[i].since_us) {
                row[i] = (struct throttle_slot){tag, now_us, 0};
            }
            return &row[i];
        }
        if (row[i].since_us < oldest->since_us) {
            oldest = &row[i];
        }
    }
    *oldest = (struct throttle_slot){tag, now_us, 0};
    return oldest;
}

err_t throttle_try(throttle_t *t, slice_t key, unsigned times, int64_t now_us)
{
    pthread_mutex_lock(&t->lock);
    struct throttle_slot *slot = find(t, key, now_us);
    bool over = slot->count >= t->limit * times;
    if (!over) {
        slot->count++;
    }
    pthread_mutex_unlock(&t->lock);
    return over ? FAIL(ERR_TOO_MANY) : OK;
}

void throttle_forgive(throttle_t *t, slice_t key, int64_t now_us)
{
    pthread_mutex_lock(&t->lock);
    find(t, key, now_us)->count = 0;
    pthread_mutex_unlock(&t->lock);
}
