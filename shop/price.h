/* What a booking costs: whole yen, tax included, counted once when the seats are held. */
#ifndef SHOP_PRICE_H
#define SHOP_PRICE_H

#include "model.h"

enum { PRICE_MAX = 200000000 }; /* yen; a booking that costs more is a mistake in the catalogue */

/* RANGE: no adult, a negative number, or more than SHOP_PAX_MAX people; or money beyond PRICE_MAX.
 */
err_t price_total(int64_t adults, int64_t children, int64_t adult_yen, int64_t child_yen,
                  int64_t *ret_yen);
/* A line more: count times each. RANGE: a negative number, or money beyond PRICE_MAX. */
err_t price_add(int64_t *io_yen, int64_t count, int64_t each_yen);

#endif
