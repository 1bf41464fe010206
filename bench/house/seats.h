/* The shop's tables as an auditor reads them: seats, holds, bookings and payments of one departure,
 * and whether they agree. The only changes it makes are a test's own: how many seats a departure
 * has, and (for negative controls) the table without its CHECK. */
#ifndef BENCH_HOUSE_SEATS_H
#define BENCH_HOUSE_SEATS_H

#include "db/db.h"

enum { SEATS_ID = 33, SEATS_STATES = 16 };

/* The nth departure (from the last day backwards) that nobody has booked yet, open and with a
 * waiting list; gives it `cap` seats. NOT_FOUND when there are no more. */
err_t seats_prepare(db_t *db, size_t nth, int64_t cap, char ret_departure[SEATS_ID]);
/* Takes the table's own CHECK away, the rows stay. The house must be down. */
err_t seats_unguard(db_t *db);

typedef struct seats_count {
    int64_t cap, taken, held; /* the counter */
    int64_t hold_seats[4];    /* sums of seats of holds by state (1 held, 2 taken, 3 given back) */
    int64_t bookings[SEATS_STATES]; /* by state (shop/booking_table.h) */
    int64_t confirmed_seats;        /* people of confirmed bookings */
    int64_t confirmed_without_seat; /* confirmed, and no hold of that many seats that is taken for
                                       good */
    int64_t seated_unconfirmed;     /* a seat for good, and the booking is not confirmed */
    int64_t
        captured_without_seat; /* money taken for it, not confirmed, and no refund was ordered */
    int64_t orders_open, orders_given_up; /* orders to payd that are not done; alarms */
} seats_count_t;

/* In one read transaction. */
err_t seats_count(db_t *db, const char *departure, seats_count_t *ret_count);
/* Bookings of the departure with their states, newest last. */
typedef struct seats_booking {
    id128_t id;
    int64_t state, seats;
} seats_booking_t;
err_t seats_bookings(db_t *db, arena_t *a, const char *departure, seats_booking_t **ret_rows,
                     size_t *ret_n);

#endif
