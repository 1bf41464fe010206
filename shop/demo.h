/* Loads the demo's catalogue into an empty house (profiles demo and test only). All dates count
 * from the day of loading, so that the demo never grows old. */
#ifndef SHOP_DEMO_H
#define SHOP_DEMO_H

#include "db/db.h"
#include "io/fd.h"

/* Nothing when there are tours already. SYNTAX with *ret_fault set. */
err_t demo_load(db_t *db, arena_t *a, path_t catalogue, int64_t now_us, size_t *ret_departures,
                slice_t *ret_fault);

#endif
