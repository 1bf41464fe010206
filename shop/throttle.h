/* Bounded tries: so many within a window for one key (an e-mail's blind index, a client's address).
 * Fixed memory; when the table is full the oldest entry goes. In memory only: a restart forgives.
 */
#ifndef SHOP_THROTTLE_H
#define SHOP_THROTTLE_H

#include <pthread.h>

#include "base/slice.h"

enum { THROTTLE_SLOTS = 4096, THROTTLE_WAYS = 8 };

typedef struct throttle {
    pthread_mutex_t lock;
    uint8_t key[16]; /* of the hash: slots cannot be aimed at */
    unsigned limit;
    int64_t window_us;
    struct throttle_slot {
        uint64_t tag;
        int64_t since_us;
        unsigned count;
    } slots[THROTTLE_SLOTS];
} throttle_t;

void throttle_init(throttle_t *t, unsigned limit, int64_t window_us);
void throttle_deinit(throttle_t *t);
/* Counts one try. TOO_MANY past the limit; times: so many limits are allowed to this key (an
 * address that many people share). */
err_t throttle_try(throttle_t *t, slice_t key, unsigned times, int64_t now_us);
/* A success gives the key its tries back. */
void throttle_forgive(throttle_t *t, slice_t key, int64_t now_us);

#endif
