/* Payments as the shop sees them: payd's numbered events, applied exactly once and in order, and
 * the decision what a captured payment means for a booking: confirmed, confirmed with seats taken
 * again, or money back. Never paid without a seat, never two payments kept. No card data exists
 * here. */
#ifndef SHOP_PAYMENT_H
#define SHOP_PAYMENT_H

#include "booking.h"
#include "pay/api.h"

typedef enum payment_effect {
    PAYMENT_NOTED = 1,   /* the attempt's state was stored, nothing else changes */
    PAYMENT_SEEN_BEFORE, /* this event had been applied */
    PAYMENT_CONFIRMED,
    PAYMENT_REACQUIRED,    /* late, and seats were there: confirmed */
    PAYMENT_REFUND_LATE,   /* late, and no seats: refund ordered */
    PAYMENT_REFUND_DOUBLE, /* a second payment: refund ordered */
    PAYMENT_MONEY_BACK,    /* the confirming payment was refunded */
    PAYMENT_ALARM,         /* does not fit our records: nothing but an alarm and the stored seq */
} payment_effect_t;

/* Applies one event; its seq is stored in the same transaction. CONFLICT: a hole (an event before
 * it has not been applied): ask payd again from payment_cursor on. NOT_RECORDED: not applied. */
err_t payment_apply(writer_t *w, arena_t *a, const pay_event_t *event, int64_t now_us,
                    payment_effect_t *ret_effect);
/* The last event applied; 0 = none. */
err_t payment_cursor(db_t *db, uint64_t *ret_seq);

/* Stores an attempt that payd just made (an event may have been faster: then nothing happens). */
err_t payment_attempt_store(writer_t *w, arena_t *a, const booking_t *booking, id128_t attempt,
                            id128_t request, int64_t now_us);

typedef struct attempt_row {
    id128_t id;
    pay_state_t state;
    int64_t amount, created_us, changed_us;
} attempt_row_t;
/* A booking's attempts, oldest first. */
err_t payment_attempts(db_t *db, arena_t *a, id128_t booking, attempt_row_t **ret_rows,
                       size_t *ret_n);
/* When the session at the provider must end so that the hold outlives it; EXPIRED when what is left
 * of the hold is too short to begin. */
err_t payment_session_end(const booking_t *booking, int64_t now_us, int64_t *ret_end_us);

#endif
