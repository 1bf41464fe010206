/* What a booking costs: whole yen, tax included, counted once when the seats are held. */
#ifndef SHOP_PRICE_H
#define SHOP_PRICE_H

#include "model.h"

/* RANGE: no adult, a negative number, or more than SHOP_PAX_MAX people; or money that does not fit.
 */
err_t price_total(int64_t adults, int64_t children, int64_t adult_yen, int64_t child_yen,
                  int64_t *ret_yen);

#endif
