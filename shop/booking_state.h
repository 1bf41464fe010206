/* A booking's states and the only ways between them: one table (booking_table.h). */
#ifndef SHOP_BOOKING_STATE_H
#define SHOP_BOOKING_STATE_H

#include "model.h"

typedef enum booking_state {
#define BOOKING_ROW(name, number, code, msg) BOOKING_##name = (number),
#include "booking_table.h"
#undef BOOKING_ROW
} booking_state_t;

typedef enum booking_step {
    STEP_TRAVELLERS = 1,
    STEP_CONSENT,
    STEP_HOLD_END,
    STEP_CANCEL,
    STEP_PAID_SEATED,
    STEP_PAID_UNSEATED,
    STEP_MONEY_BACK,
    STEP_CALL_OFF = 9, /* 8 is kept for the customer's cancellation of a paid booking */
} booking_step_t;

/* CONFLICT when that cannot happen in that state. */
err_t booking_step(booking_state_t from, booking_step_t step, booking_state_t *ret_to);
/* RANGE for a number that is no state. */
err_t booking_state_of(int64_t number, booking_state_t *ret_state);
const char *booking_state_code(booking_state_t state); /* "draft"; never NULL */
/* Unpaid, and its seats wait for it. */
bool booking_state_holds(booking_state_t state);
bool booking_state_may_pay(booking_state_t state);
/* The tables as Markdown, for documents. */
void booking_state_print(buf_t *out);

#endif
