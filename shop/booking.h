/* Bookings as rows: reading one, its number, the steps that change it. Writes are jobs' (writer.h);
 * personal data is not here (traveller.h). */
#ifndef SHOP_BOOKING_H
#define SHOP_BOOKING_H

#include "booking_state.h"
#include "writer.h"

typedef struct booking {
    id128_t id, departure;
    char code[SHOP_CODE_LETTERS]; /* the letters alone */
    booking_state_t state;
    int64_t lang, adults, children, adult_price, child_price, total;
    id128_t subject, pseudonym, account; /* zero: none yet */
    int64_t hold_expires_us;
    id128_t paid_attempt; /* zero: none */
    int64_t created_us;
    id128_t request; /* that made it */
} booking_t;

/* NOT_FOUND. */
err_t booking_load(db_t *db, arena_t *a, id128_t id, booking_t *ret_booking);
/* By its number as people write it: letter case, spaces and hyphens do not matter, "SKS" may be
 * missing. SYNTAX, NOT_FOUND. */
err_t booking_by_number(db_t *db, arena_t *a, slice_t number, booking_t *ret_booking);
err_t booking_code_parse(slice_t number, char ret_code[SHOP_CODE_LETTERS]);
/* "SKS-BCDF-GHJK" */
void booking_number_put(buf_t *b, const char code[SHOP_CODE_LETTERS]);
err_t booking_number(arena_t *a, const booking_t *b, slice_t *ret_number);

/* For jobs: takes the step and writes state and time; the condition is in the UPDATE itself, so
 * that of two at once one loses with CONFLICT. booking->state moves on. */
err_t booking_take_step(db_t *db, booking_t *booking, booking_step_t step, int64_t now_us);
/* For jobs: a cancel order for each attempt that is still open at the provider, but `but`. */
err_t booking_cancel_attempts(db_t *db, arena_t *a, const booking_t *booking, id128_t but,
                              id128_t request, int64_t now_us);

#endif
