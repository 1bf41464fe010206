/* Japan's national holidays as dated data (holiday_table.h). Pure: no clock, no file. */
#ifndef SHOP_HOLIDAY_H
#define SHOP_HOLIDAY_H

#include "text/time.h"

/* Whether the law makes that day a day off. False outside the years of the table
 * (holiday_year_known): nobody's request is counted as late because of a day we know nothing of. */
bool holiday_is(date_t day);
/* Its name in Japanese, or the empty slice. */
slice_t holiday_name(date_t day);
bool holiday_year_known(int32_t year);
/* The i-th row of the table, in ascending order; false past its end. For tests and documents. */
bool holiday_at(size_t i, date_t *ret_day, slice_t *ret_name);

#endif
