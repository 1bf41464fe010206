/* A guest's way to a booking: its number and the e-mail it was made with, compared by blind index;
 * bounded tries for each number and each address; one answer for all that is wrong. */
#ifndef SHOP_GUEST_H
#define SHOP_GUEST_H

#include "booking.h"
#include "throttle.h"
#include "vault/api.h"

enum { GUEST_TRIES = 10, GUEST_WINDOW_S = 900 };

typedef struct guest_query {
    slice_t number, email; /* as typed; the vault folds the address */
    slice_t client;        /* network address, for the bound */
    id128_t request;
    int64_t now_us;
} guest_query_t;

/* NOT_FOUND for an unknown number and for a wrong address alike; TOO_MANY. */
err_t guest_find(db_t *db, vault_client_t *vault, throttle_t *tries, const record_way_t *way,
                 arena_t *a, const guest_query_t *q, booking_t *ret_booking);

#endif
