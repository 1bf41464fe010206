/* Cancelling people out of a paid booking: the fee before it is confirmed, then seats, refund,
 * record and letter in one job. Unpaid bookings are given back whole and free (hold.h). */
#ifndef SHOP_CANCELLATION_H
#define SHOP_CANCELLATION_H

#include "booking.h"
#include "catalogue.h"
#include "tour_fees.h"

typedef struct cancel_pax {
    int64_t n; /* from 1, as on the page */
    bool child, gone;
} cancel_pax_t;

/* A booking's people, without opening what is sealed. */
err_t cancellation_people(db_t *db, arena_t *a, id128_t booking, cancel_pax_t ret_pax[SHOP_PAX_MAX],
                          size_t *ret_n);

typedef struct cancel_case {
    const booking_t *booking;
    const departure_t *departure;
    int64_t tour_days;
    const tour_fees_t *fees;
    const office_hours_t *office;
    date_t contract;
    int64_t adults, children; /* to be cancelled now */
    fee_channel_t channel;
    int64_t request_us;
} cancel_case_t;

typedef struct cancel_quote {
    int64_t adults, children;
    fee_quote_t adult, child; /* where there are any */
    int64_t price_yen, fee_yen, refund_yen;
} cancel_quote_t;

/* Pure. FEE_BAD_CASE: nobody, or more than the booking has. */
fee_fault_t cancellation_quote(const cancel_case_t *c, cancel_quote_t *ret_quote) BASE_NODISCARD;

typedef struct cancellation {
    id128_t id, booking, request;
    int64_t at_us, adults, children, fee_yen, refund_yen, lang;
    date_t effective;
    slice_t explanation; /* a sentence a line, as shown */
    slice_t rule;        /* ASCII id, for the record */
} cancellation_t;

/* pax: bit n-1 = person n. CONFLICT: the booking is not confirmed (any more), or somebody of them
 * was cancelled meanwhile; NOT_RECORDED: nothing happened. */
err_t cancellation_apply(writer_t *w, arena_t *a, const cancellation_t *c, uint32_t pax);
err_t cancellation_load(db_t *db, arena_t *a, id128_t id, cancellation_t *ret_row);
/* All of a booking, oldest first. */
err_t cancellation_list(db_t *db, arena_t *a, id128_t booking, cancellation_t **ret_rows,
                        size_t *ret_n);

#endif
