/* payd's rounds, each a thread: apply stored notifications; look at attempts whose time has come;
 * obey the brake by cancelling open pages; feel the ledger's pulse. */
#ifndef PAY_ROUNDS_H
#define PAY_ROUNDS_H

#include "inbox.h"

typedef struct rounds rounds_t;

err_t rounds_start(cashier_t *cashier, inbox_t *inbox, rounds_t **ret_rounds);
/* There is something new in the inbox. Any thread. */
void rounds_wake(rounds_t *r);
void rounds_stop(rounds_t *r);

#endif
