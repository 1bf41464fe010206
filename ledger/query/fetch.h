/* Many records at once: bundles are read, unpacked and proved side by side. Internal to
 * ledger/query. */
#ifndef LEDGER_QUERY_FETCH_H
#define LEDGER_QUERY_FETCH_H

#include "store.h"

/* After it store_record finds all of these (ascending) without a file. */
err_t fetch_records(query_t *q, const uint64_t *seqs, size_t count);
/* The same for all of first..end-1. */
err_t fetch_range(query_t *q, uint64_t first, uint64_t end);

#endif
