/* Seats and rooms on hold: taken by guarded counters, all that a booking needs or none, given back
 * exactly once. Everything here but hold_take and holds_expire is for jobs (writer.h). */
#ifndef SHOP_HOLD_H
#define SHOP_HOLD_H

#include "booking.h"
#include "room.h"

typedef struct hold_request {
    id128_t departure;
    int64_t adults, children;
    const room_ask_t *rooms; /* where the departure sells rooms: a bed for each person */
    size_t n_rooms;
    slice_t client_token; /* SHOP_TOKEN_LETTERS letters: the form's, bound to its visitor */
    int64_t lang;
    id128_t account, pseudonym; /* of who is logged in; or zero */
    id128_t request;
    int64_t now_us, hold_s;
} hold_request_t;

typedef struct hold_made {
    id128_t booking;
    bool existed; /* the same form was sent before */
} hold_made_t;

/* Holds seats and rooms and makes a booking DRAFT. FULL: not so many left of one of them. CONFLICT:
 * the departure takes no bookings. RANGE: numbers of people, or rooms that do not fit them.
 * NOT_FOUND; NOT_RECORDED. */
err_t hold_take(writer_t *w, arena_t *a, const hold_request_t *request, hold_made_t *ret_made);

/* Gives the held seats of a booking back; *ret_seats = how many (0: there were none any more). */
err_t hold_release(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats);
/* Held seats become sold ones; *ret_seats = 0 when the hold is gone. */
err_t hold_keep(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats);
/* The same seats and rooms for a payment that came after the hold's end. FULL when one of them is
 * gone; then none is taken. */
err_t hold_reacquire(db_t *db, arena_t *a, const booking_t *booking, id128_t request,
                     int64_t now_us);
/* Sold seats of a booking given back (money was returned). */
err_t hold_give_up(db_t *db, arena_t *a, id128_t booking, int64_t *ret_seats);

/* The customer gives an unpaid booking back. CONFLICT when it is paid or over. */
err_t hold_cancel(writer_t *w, arena_t *a, id128_t booking, id128_t request, int64_t now_us);
/* Ends holds that have run out, at most 64; *ret_ended = how many. Any number may run at once. */
err_t holds_expire(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_ended);

#endif
