/* Price arithmetic, overflow refused. */
#include "price.h"

err_t price_add(int64_t *io_yen, int64_t count, int64_t each_yen)
{
    int64_t amount = 0, sum = 0;
    ENSURE(count >= 0 && each_yen >= 0, ERR_RANGE);
    ENSURE(!__builtin_mul_overflow(count, each_yen, &amount), ERR_RANGE);
    ENSURE(!__builtin_add_overflow(*io_yen, amount, &sum), ERR_RANGE);
    ENSURE(sum <= PRICE_MAX, ERR_RANGE);
    *io_yen = sum;
    return OK;
}

err_t price_total(int64_t adults, int64_t children, int64_t adult_yen, int64_t child_yen,
                  int64_t *ret_yen)
{
    int64_t sum = 0;
    ENSURE(adults >= 1 && children >= 0, ERR_RANGE);
    ENSURE(adults <= SHOP_PAX_MAX && children <= SHOP_PAX_MAX - adults, ERR_RANGE);
    ENSURE(adult_yen >= 0 && child_yen >= 0, ERR_RANGE);
    TRY(price_add(&sum, adults, adult_yen));
    TRY(price_add(&sum, children, child_yen));
    *ret_yen = sum;
    return OK;
}
