/* For tests: a PostgreSQL server of their own, in a temporary folder, on a unix socket only, run as
 * the user postgres (root's tests) or as the caller. Stopped and removed by test_pg_stop. */
#ifndef DB_TEST_PG_H
#define DB_TEST_PG_H

#include "db/db.h"

typedef struct test_pg {
    char dir[80];   /* /tmp/sekisho-pg-XXXXXX */
    char url[256];  /* for db_open: database postgres, schema public */
    int postmaster; /* pid */
} test_pg_t;

/* NOT_FOUND when no PostgreSQL is installed (the test skips with that message); IO. */
err_t test_pg_start(test_pg_t *ret_pg);
/* The same with fsync on and PostgreSQL's own memory settings, as an agency would run it: for
 * measuring. where: the folder to make its own in, on the disk that is measured (LIMIT when its
 * name is long); NULL: /tmp. */
err_t test_pg_start_durable(const char *where, test_pg_t *ret_pg);
void test_pg_stop(test_pg_t *pg);
/* URL of a fresh schema of its own, so that cases do not meet; name: letters only. */
err_t test_pg_schema(const test_pg_t *pg, const char *name, char *ret_url, size_t url_cap);

#endif
