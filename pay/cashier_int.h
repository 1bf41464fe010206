/* Between the files of the cashier only. */
#ifndef PAY_CASHIER_INT_H
#define PAY_CASHIER_INT_H

#include "base/clock.h"
#include "cashier.h"

adapter_ref_t cashier_ref(const attempt_t *t);
/* The attempt as it was (or would be) asked for; lives_s may be 0 or less. */
err_t cashier_order(const cashier_t *c, arena_t *a, const attempt_t *t, adapter_order_t *ret_order);
/* Ends a session at the provider, or tells what became of it. */
err_t cashier_cancel_there(cashier_t *c, arena_t *a, const attempt_t *t, adapter_news_t *ret_news);
/* attempt_misfit, and what the provider repeats of our order, exactly ("fields"). */
err_t cashier_misfit(cashier_t *c, arena_t *a, const attempt_t *t, const adapter_news_t *n,
                     const char **ret_why);
/* The one way from the provider's words into the book. What does not fit is not believed: money
 * that does not fit puts the attempt in doubt. */
err_t cashier_believe(cashier_t *c, arena_t *a, const attempt_t *t, id128_t request,
                      const adapter_news_t *n, const char *source, pay_state_t *ret_state);

#endif
