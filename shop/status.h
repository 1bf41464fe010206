/* The status of a departure, derived each time from what is counted; never stored. */
#ifndef SHOP_STATUS_H
#define SHOP_STATUS_H

#include "model.h"

typedef enum status {
#define STATUS_ROW(name, number, code, msg, bookable, ja) STATUS_##name = (number),
#include "status_table.h"
#undef STATUS_ROW
} status_t;

typedef struct seats {
    int64_t cap, taken, held; /* held: the part of taken that is not paid yet */
    int64_t min_pax;
    int64_t flags;       /* SHOP_FLAG_* */
    int64_t deadline_us; /* booking online ends */
    int64_t start_us;    /* the day itself begins; 0: not asked */
    bool in_rooms;       /* rooms are known to bound it, too: */
    int64_t beds;        /* people whom the free rooms can take */
} seats_t;

/* In this order: called off; closed (by hand, or past the deadline: until the day begins the office
 * may still be asked for a free seat); full (with or without waiting list; of seats or of
 * rooms), then by how
 * many seats are sold against the minimum: decided from the minimum on, near from two thirds. Seats
 * only on hold decide nothing. */
status_t status_of(const seats_t *s, int64_t now_us);
bool status_bookable(status_t status);
/* "open", "near", ...; never NULL. */
const char *status_code(status_t status);
const char *status_name_ja(status_t status);
/* Seats that may still be taken; never negative. */
int64_t seats_left(const seats_t *s);

#endif
