/* What the shop does when a person was erased: the vault has destroyed the key, so every sealed
 * value of the person is unreadable already. Here the rows go, too, with the blind indexes by which
 * the person could still be looked for, her waiting letters and her sessions. Bookings stay as
 * numbers: seats, money and dates are the books. */
#ifndef SHOP_FORGET_H
#define SHOP_FORGET_H

#include "shop.h"

/* In one transaction; may be done again. ret_bookings: those of the person, up to cap (LIMIT: more,
 * all are forgotten nevertheless). CONFLICT: the vault still has the person's key. */
err_t forget_person(shop_t *shop, arena_t *a, id128_t request, id128_t subject,
                    id128_t *ret_bookings, size_t cap, size_t *ret_n);

#endif
