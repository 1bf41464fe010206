/* The minimum number of participants: at a departure's deadline it is decided that it runs, or it
 * is called off, with notice to everybody and all money back. Earlier, as soon as the minimum has
 * paid, it is decided that it runs, and that is never taken back. A row and a durable record for
 * each decision; what follows from it is done booking by booking and goes on after a kill. */
#ifndef SHOP_DECISION_H
#define SHOP_DECISION_H

#include "booking.h"

typedef enum decision_kind { DECISION_RUNS = 1, DECISION_CALLED_OFF = 2 } decision_kind_t;

/* The latest days before departure on which calling off may be told, by the standard terms for
 * arranged tours (標準旅行業約款 募集型企画旅行契約の部 第17条): before the 13th day back from the
 * day before departure, a day trip before the 3rd. */
enum { DECISION_DAYS = 14, DECISION_DAYS_DAY_TRIP = 4 };

/* For jobs, after seats were sold: decides that the departure runs, when the minimum is reached.
 * Departures that are decided by hand (no deadline) are left alone. */
err_t decision_reached(job_t *job, db_t *db, id128_t departure, id128_t request, int64_t now_us);

/* Decides what is due, at most 16; *ret_n = how many. Any number may run at once. */
err_t decisions_due(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_n);
/* Carries decisions out, at most 64 bookings: letters, and where it was called off seats, money. */
err_t decisions_work(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_n);

#endif
