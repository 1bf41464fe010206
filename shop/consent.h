/* Consent to the travel conditions: the record is durable before anything else happens, then the
 * row. A payment attempt is made only after it (payment.h). */
#ifndef SHOP_CONSENT_H
#define SHOP_CONSENT_H

#include "booking.h"
#include "document.h"
#include "text/time.h"

typedef struct consent {
    slice_t version; /* as the form said: what the customer saw */
    int64_t lang;
    id128_t request, actor;
    int64_t now_us;
} consent_t;

/* The booking becomes AWAITING_PAYMENT (*booking moves on). CONFLICT: the conditions have a newer
 * version than the one shown, or the booking is in no state for it; EXPIRED: the hold ran out;
 * NOT_RECORDED: nothing was stored. */
err_t consent_give(writer_t *w, const record_way_t *way, arena_t *a, booking_t *booking,
                   const document_t *document, const consent_t *consent);

/* The day in Tokyo on which the conditions were agreed to (the last time), which decides whose fee
 * table is meant; before that, the day on which the booking was begun. */
err_t consent_day(db_t *db, arena_t *a, const booking_t *booking, date_t *ret_day);

#endif
