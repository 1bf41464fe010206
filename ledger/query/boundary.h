/* Rows of a boundary as they are gathered; the array is the query's. Internal to ledger/query. */
#ifndef LEDGER_QUERY_BOUNDARY_H
#define LEDGER_QUERY_BOUNDARY_H

#include "ledger/api_leak.h"
#include "store.h"

typedef struct boundaries {
    query_t *q;
    int64_t from_us, to_us;
    boundary_t *rows;
    size_t count, cap;
} boundaries_t;

/* Keeps a row. MEMORY. */
err_t boundary_keep(boundaries_t *b, const boundary_t *row);
/* Keeps a row that touches the time. MEMORY. */
err_t boundary_add(boundaries_t *b, const boundary_t *row);
/* All that the records tell, beside what is there already; by time. */
err_t boundary_make(boundaries_t *b);

#endif
