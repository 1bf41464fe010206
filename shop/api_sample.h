/* One sealed value out of a copy of the shop's database, for the test of a backup: whether the
 * vault's keys that were saved open what was saved. For the command only. */
#ifndef SHOP_API_SAMPLE_H
#define SHOP_API_SAMPLE_H

#include "base/arena.h"
#include "base/id.h"

typedef struct shop_sample {
    id128_t subject, row;
    slice_t table, column, sealed; /* sealed lives in the arena */
} shop_sample_t;

/* url: of the copy (nobody else has it open). The youngest representative's name; NOT_FOUND when
 * nobody has booked yet. *ret_bookings: paid ones. */
err_t shop_sample_take(const char *url, arena_t *a, shop_sample_t *ret_sample,
                       int64_t *ret_bookings);

#endif
