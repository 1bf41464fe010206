/* Which bundles may hold records about an id: one Bloom filter of 1 KiB for each bundle of 256
 * records. Bounded memory, never wrong, only sometimes of no help: a bundle without a finished
 * filter is simply read. Filters of old bundles come into being when a search reads them. */
#ifndef LEDGER_FINDER_H
#define LEDGER_FINDER_H

#include "ledger/api.h"

enum { FINDER_FILTERS = 65536 }; /* 64 MiB: 16.7 million records; older ones are read */

typedef struct finder_filter finder_filter_t;

typedef struct finder {
    finder_filter_t **filters; /* by bundle number */
} finder_t;

err_t finder_init(finder_t *f);
void finder_deinit(finder_t *f);
/* Record number seq; only in order within a bundle, anything else is ignored. */
void finder_add(finder_t *f, uint64_t seq, const ledger_record_t *rec);
/* False only when no record of this bundle names the id. leaves: how many it holds now. */
bool finder_maybe(const finder_t *f, uint64_t bundle, unsigned leaves, id128_t id);
/* Does the record answer this question? */
bool finder_match(ledger_find_t which, id128_t id, const ledger_record_t *rec);

#endif
