/* Stripe's public Checkout session, refund and webhook formats (research notes, booking 3.2). */
#ifndef PAY_STRIPE_H
#define PAY_STRIPE_H

#include "adapter.h"

/* Of the time in a signature, before and after our own clock. */
enum { STRIPE_TOLERANCE_S = 300 };

/* Fills the functions and names; base_url, resolve and keys are the caller's. */
void stripe_init(adapter_t *adapter);

#endif
