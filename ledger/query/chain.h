/* What leads from a key kept elsewhere to the one that signs now. Internal to ledger/query. */
#ifndef LEDGER_QUERY_CHAIN_H
#define LEDGER_QUERY_CHAIN_H

#include "store.h"
#include "verify/chain.h"

/* All that is there of it; slices are the query's. */
err_t chain_gather(query_t *q, vchain_t *ret_chain);

#endif
