/* What the two back ends share inside this folder. Nobody outside includes it. */
#ifndef DB_DB_INT_H
#define DB_DB_INT_H

#include "db/db.h"

enum { DB_ERROR_TEXT = 256, DB_STMTS = 256, DB_SQL_MAX = 16 * 1024, DB_CACHE_WAYS = 4 };

/* One back end: how each thing is done. `impl` is its connection. */
typedef struct db_backend {
    db_kind_t kind;
    void (*close)(db_t *db);
    /* Runs one statement. rows NULL: the caller wants none (a statement that gives rows is then
     * run to its end). changes: rows touched. */
    err_t (*exec)(db_t *db, arena_t *a, const char *sql, db_args_t args, db_rows_t *ret_rows,
                  int64_t *ret_changes);
    /* Several statements without values (migrations, BEGIN, PRAGMA). */
    err_t (*script)(db_t *db, const char *sql);
    const char *begin, *begin_read;
} db_backend_t;

struct db {
    const db_backend_t *backend;
    void *impl;
    bool in_tx;
    char error[DB_ERROR_TEXT];
};

err_t db_sqlite_open(const char *path, db_t *db);
err_t db_pg_open(const char *url, db_t *db);
/* False when the connection is known to be lost. */
bool db_pg_alive(const db_t *db);
bool db_alive(const db_t *db);

/* ?1 -> $1 outside quotes, identifiers and comments. USAGE for a bare '?', a number of 0 or above
 * DB_ARGS_MAX, an unfinished quote. */
err_t db_rewrite(slice_t sql, buf_t *out, unsigned *ret_max_arg);

/* Where a literal's prepared statement is looked for first, below DB_STMTS. */
size_t db_cache_home(const char *sql, uint64_t key);
/* Says why, for db_last_error. */
void db_say(db_t *db, const char *fmt, ...) BASE_PRINTF(2, 3);
/* Text values: UTF-8 without NUL. */
err_t db_check_args(db_args_t args);

/* Makes the rows of a result in the arena, row by row, whatever their number. */
typedef struct row_sink {
    arena_t *arena;
    size_t columns, count, cap;
    db_value_t *cells;
} row_sink_t;
/* Room for one more row of `columns` cells. MEMORY. */
err_t row_sink_add(row_sink_t *sink, db_value_t **ret_row);
void row_sink_rows(const row_sink_t *sink, db_rows_t *ret_rows);

#endif
