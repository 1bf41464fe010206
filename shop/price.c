/* Price arithmetic, overflow refused. */
#include "price.h"

err_t price_total(int64_t adults, int64_t children, int64_t adult_yen, int64_t child_yen,
                  int64_t *ret_yen)
{
    ENSURE(adults >= 1 && children >= 0, ERR_RANGE);
    ENSURE(adults <= SHOP_PAX_MAX && children <= SHOP_PAX_MAX - adults, ERR_RANGE);
    ENSURE(adult_yen >= 0 && child_yen >= 0, ERR_RANGE);
    int64_t a = 0, c = 0, sum = 0;
    ENSURE(!__builtin_mul_overflow(adults, adult_yen, &a), ERR_RANGE);
    ENSURE(!__builtin_mul_overflow(children, child_yen, &c), ERR_RANGE);
    ENSURE(!__builtin_add_overflow(a, c, &sum), ERR_RANGE);
    *ret_yen = sum;
    return OK;
}
