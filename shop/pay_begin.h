/* The way to the provider: shared by the confirm page and the pay page. */
#ifndef SHOP_PAY_BEGIN_H
#define SHOP_PAY_BEGIN_H

#include "page.h"

/* Asks payd for an attempt and answers with the 303 to the provider's page. STOPPED: by the brake;
 * UPSTREAM, TIMEOUT, UNAVAILABLE: the provider or payd; EXPIRED: too little of the hold is left;
 * CONFLICT: another attempt is undecided or paid; the caller shows these. No database connection
 * may be held: this waits for the provider. */
err_t pay_begin(shop_t *shop, web_req_t *req, web_res_t *res, const booking_t *booking,
                slice_t description, slice_t token);
/* "Payments are paused", with until when the seats are kept. */
err_t pay_show_stopped(shop_t *shop, db_t *db, web_req_t *req, web_res_t *res,
                       const booking_t *booking);
/* Number and tour, as the customer reads it on the provider's page. */
err_t pay_description(arena_t *a, const struct tpl_booking *row, slice_t *ret_text);
/* A form token: SHOP_TOKEN_LETTERS letters. SYNTAX. */
err_t pay_form_token(const web_req_t *req, slice_t *ret_token);

#endif
