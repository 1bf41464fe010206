/* The same records as rows of a database: one row a record, one transaction a row, one blob and a
 * number in it; no index but the key. */
#ifndef BENCH_ACK_ROWS_H
#define BENCH_ACK_ROWS_H

#include "db/db.h"
#include "io/fd.h"

err_t rows_create(db_t *db);
/* Durable when it returns: SQLite synchronous=FULL, PostgreSQL synchronous_commit=on. */
err_t rows_append(db_t *db, slice_t record);
/* SQLite behind the same socket as ledgerd's, one connection to the file; see door_serve. */
err_t rows_serve_sqlite(path_t socket_path, path_t file_path, int ready_fd);

#endif
