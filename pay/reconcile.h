/* After a restore: the provider is asked for everything that the book may have missed, before
 * payments open. One step at a time, so that payd can stop in between; all of it may be repeated.
 */
#ifndef PAY_RECONCILE_H
#define PAY_RECONCILE_H

#include "cashier.h"

typedef struct reconcile {
    cashier_t *cashier;
    bool busy;                            /* there is more to do at once */
    bool begun, listed_all;               /* where it stands: first the list, then each attempt */
    size_t provider;                      /* whose list is being taken */
    char list_after[ADAPTER_REF_MAX + 1]; /* where in it; "" = its beginning */
    unsigned page;                        /* how many pages of it were taken */
    id128_t after;                        /* last attempt that was asked about */
    book_restored_t restored;
    int64_t listed, asked;
    unsigned failures; /* in a row */
} reconcile_t;

/* False when it is over (payments may open) or nothing was to do. *ret_failed: provider, record or
 * book did not answer; try again later. */
bool reconcile_step(reconcile_t *r, bool *ret_failed);

#endif
