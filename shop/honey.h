/* Customers who do not exist. One in about a dozen bookings is the shop's own: made as a customer
 * would, at a customer's pace - seats on hold, travellers, second thoughts -, sealed and recorded
 * the ordinary way, in rows like all others. Only the vault knows which persons they are
 * (vault/api.h): once the booking is given back, no page, letter or order has a reason to open
 * them, so whoever asks for one reads what is not his. Seats are held for minutes only, and only
 * where there are plenty. */
#ifndef SHOP_HONEY_H
#define SHOP_HONEY_H

#include "shop.h"

typedef struct honey honey_t;

err_t honey_new(shop_t *shop, honey_t **ret_honey);
void honey_free(honey_t *h); /* NULL is fine */
/* One step of what is due; nothing once the vault has enough of them. An error means: another time.
 */
err_t honey_turn(honey_t *h);

#endif
