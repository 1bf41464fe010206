/* A few connections shared by many threads, with a bounded wait. A connection that was lost is
 * opened again when it is next taken. */
#ifndef DB_POOL_H
#define DB_POOL_H

#include "db/db.h"

typedef struct db_pool db_pool_t;

/* Opens the first connection (so that a wrong URL shows at once), the others when needed.
 * count 1..64. */
err_t db_pool_open(const char *url, unsigned count, db_pool_t **ret_pool);
void db_pool_close(db_pool_t *pool); /* all must have been given back; NULL is fine */

/* DB_BUSY when none is free within wait_ms; UNAVAILABLE. */
err_t db_pool_take(db_pool_t *pool, int64_t wait_ms, db_t **ret_db);
/* An open transaction is rolled back. NULL is fine. */
void db_pool_give(db_pool_t *pool, db_t *db);

/* DB_LEASE_SCOPED db_lease_t lease = {0}; TRY(db_lease(pool, 1000, &lease)); ... lease.db ... */
typedef struct db_lease {
    db_pool_t *pool;
    db_t *db;
} db_lease_t;
err_t db_lease(db_pool_t *pool, int64_t wait_ms, db_lease_t *ret_lease);
void db_lease_end(db_lease_t *lease);
#define DB_LEASE_SCOPED BASE_CLEANUP(db_lease_end)

#endif
