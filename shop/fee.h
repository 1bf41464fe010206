/* Cancellation fees as dated tiers of one departure: for showing before consent and in letters. The
 * rates are a table (fee_table.h); which instant counts is the office's business (office_hours.h).
 */
#ifndef SHOP_FEE_H
#define SHOP_FEE_H

#include "model.h"
#include "text/time.h"

typedef enum fee_name {
    FEE_FREE,
    FEE_D20,
    FEE_D7,
    FEE_EVE,
    FEE_SAME_DAY,
    FEE_AFTER_START,
    FEE_COUNT
} fee_name_t;

typedef struct fee_tier {
    fee_name_t name;
    int64_t rate;       /* percent of the price */
    date_t first, last; /* calendar days; 0 = open on that side or not known */
} fee_tier_t;

/* departure_day 0 = the general table without days. days: length of the tour (1 = day trip). */
void fee_tiers(date_t departure_day, int64_t days, fee_tier_t ret_tiers[FEE_COUNT]);
/* Rate in percent when the cancellation counts on that day. */
int64_t fee_rate_on(date_t departure_day, int64_t days, date_t cancel_day);

#endif
