/* Looks every half second whether ledgerd answers and accepts, so that the health page tells the
 * truth before a customer meets it. A thread of its own: asking may wait, the vault's loop may not.
 */
#ifndef VAULT_WATCH_H
#define VAULT_WATCH_H

#include "ledger/api.h"

enum { WATCH_EVERY_MS = 500, WATCH_SLOW_MS = 300 };

typedef struct watch watch_t;

typedef struct watch_state {
    bool ok;
    char reason[140]; /* empty when ok */
} watch_state_t;

err_t watch_new(ledger_client_t *ledger, watch_t **ret_watch);
void watch_free(watch_t *w); /* NULL is fine */
/* A record could just not be made durable: not ok until ledgerd answers again. */
void watch_doubt(watch_t *w);
/* Never waits. An answer that has been due for WATCH_SLOW_MS counts as none. */
watch_state_t watch_state(watch_t *w);

#endif
