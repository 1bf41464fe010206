/* What a letter says: made when it is sent, in the customer's language, from the booking as it is
 * then. The recipient is opened by one vault batch with the purpose MAIL. */
#ifndef SHOP_LETTER_H
#define SHOP_LETTER_H

#include "outbox.h"
#include "shop.h"
#include "smtp.h"

/* *ret_pseudonym is set even when the reveal fails (for the record of the failure). As
 * vault_reveal; NOT_FOUND when what it is about is gone. */
err_t letter_make(shop_t *shop, db_t *db, arena_t *a, const outbox_row_t *row, int64_t now_us,
                  smtp_letter_t *ret_letter, id128_t *ret_pseudonym);

#endif
