/* One small interface over SQLite (WAL, synchronous=FULL, foreign keys on, secure_delete) and
 * PostgreSQL (libpq, READ COMMITTED, synchronous_commit on). Which one is said by the URL alone.
 *
 * SQL is a literal (law 6): sql_t comes from SQL("...") only, values are bound to ?1, ?2, ...
 * (which become $1, $2 for PostgreSQL). Queries keep to what both understand; README.md lists it.
 *
 * A result is read whole into the request's arena, so a statement never stays open, db_next cannot
 * fail and slices live as long as the arena. Large tables are walked by key, a page a query.
 *
 * A db_t belongs to one thread at a time. Every wait is bounded (DB_WAIT_MS). Errors:
 *   EXISTS     a unique or primary key is taken      CONFLICT   another constraint
 *   DB_BUSY    lock not had in time, serialisation   DISK_FULL  no space left
 *   UNAVAILABLE no connection                        TIMEOUT    the statement took too long
 *   CORRUPT    damaged file    RANGE, ENCODING, LIMIT  a value   MEMORY  the arena's cap
 *   DB         all else */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/arena.h"
#include "base/id.h"

typedef struct sql {
    const char *literal_text;
} sql_t;

/* Only a string literal compiles. */
#define SQL(lit) ((sql_t){"" lit ""})

enum { DB_WAIT_MS = 5000, DB_ARGS_MAX = 64 };

typedef struct db db_t;
typedef enum db_kind { DB_SQLITE, DB_POSTGRES } db_kind_t;

/* "sqlite:/path/file.db" or "postgresql://..." (schema by options=-csearch_path=...). */
err_t db_open(const char *url, db_t **ret_db);
void db_close(db_t *db); /* NULL is fine */
db_kind_t db_kind(const db_t *db);
/* Why the last call failed, for the log: codes, constraint and table names; never a value. */
const char *db_last_error(const db_t *db);

/* Values. */
typedef enum db_type { DB_NULL, DB_I64, DB_TEXT, DB_BLOB, DB_BOOL } db_type_t;
typedef struct db_value {
    db_type_t type;
    int64_t i64;   /* DB_I64, DB_BOOL */
    slice_t bytes; /* DB_TEXT, DB_BLOB; borrowed */
} db_value_t;

static inline db_value_t db_null(void)
{
    return (db_value_t){.type = DB_NULL};
}
static inline db_value_t db_i64(int64_t v)
{
    return (db_value_t){.type = DB_I64, .i64 = v};
}
static inline db_value_t db_bool(bool v)
{
    return (db_value_t){.type = DB_BOOL, .i64 = v};
}
/* UTF-8 without NUL, else ENCODING (PostgreSQL's rule, kept on both). The empty text is not NULL.
 */
static inline db_value_t db_text(slice_t v)
{
    return (db_value_t){.type = DB_TEXT, .bytes = v};
}
static inline db_value_t db_blob(slice_t v)
{
    return (db_value_t){.type = DB_BLOB, .bytes = v};
}
/* 16 bytes. The id must outlive the call: db_id(&booking->id). */
static inline db_value_t db_id(const id128_t *id)
{
    return db_blob(id_slice(id));
}
/* NULL for a NULL pointer or the zero id. */
static inline db_value_t db_id_or_null(const id128_t *id)
{
    return id && !id_is_zero(*id) ? db_id(id) : db_null();
}
static inline db_value_t db_text_or_null(slice_t v)
{
    return v.len ? db_text(v) : db_null();
}

typedef struct db_args {
    const db_value_t *ptr;
    size_t count;
} db_args_t;

/* DB_ARGS(db_i64(3), db_text(name)) */
#define DB_ARGS(...)                                                                               \
    ((db_args_t){(const db_value_t[]){__VA_ARGS__},                                                \
                 sizeof((const db_value_t[]){__VA_ARGS__}) / sizeof(db_value_t)})
#define DB_NO_ARGS ((db_args_t){NULL, 0})

/* Statements. */
/* Changes data; ret_changes (may be NULL) = rows touched. */
err_t db_run(db_t *db, sql_t sql, db_args_t args, int64_t *ret_changes);

typedef struct db_rows {
    const db_value_t *cells; /* count * columns */
    size_t columns, count;
    size_t next; /* the row that db_next gives next */
} db_rows_t;

/* Any number of rows, stands before the first:
 *   TRY(db_query(db, arena, SQL("SELECT seats, name FROM tour WHERE id = ?1"), DB_ARGS(db_id(&id)),
 *                &rows));
 *   while (db_next(&rows)) { int64_t seats = db_col_i64(&rows, 0); ... } */
err_t db_query(db_t *db, arena_t *a, sql_t sql, db_args_t args, db_rows_t *ret_rows);
bool db_next(db_rows_t *rows);
/* Exactly one row, already stood on; NOT_FOUND when there is none, DB when there are more. */
err_t db_query_one(db_t *db, arena_t *a, sql_t sql, db_args_t args, db_rows_t *ret_row);
/* The first column of the first row; NOT_FOUND. For counts and RETURNING id. */
err_t db_query_i64(db_t *db, sql_t sql, db_args_t args, int64_t *ret_value);

/* Columns of the row stood on, from 0. NULL gives 0 / the empty slice / the zero id. A column that
 * does not exist or has another type aborts (CHECK): the SQL is ours. */
int64_t db_col_i64(const db_rows_t *rows, size_t col);
bool db_col_bool(const db_rows_t *rows, size_t col);
slice_t db_col_text(const db_rows_t *rows, size_t col);
slice_t db_col_blob(const db_rows_t *rows, size_t col);
id128_t db_col_id(const db_rows_t *rows, size_t col); /* blob of 16 bytes */
bool db_col_is_null(const db_rows_t *rows, size_t col);

/* Transactions. DB_TX_SCOPED db_tx_t tx = {0}; rolls back at the end of its scope unless
 * db_commit was reached. One at a time on a db_t (USAGE). */
typedef struct db_tx {
    db_t *db; /* NULL = not open */
} db_tx_t;
/* For writing: SQLite BEGIN IMMEDIATE, PostgreSQL READ COMMITTED (guard counters by conditions in
 * the UPDATE itself, look at ret_changes). */
err_t db_begin(db_t *db, db_tx_t *ret_tx);
/* For several reads of one state. */
err_t db_begin_read(db_t *db, db_tx_t *ret_tx);
err_t db_commit(db_tx_t *tx);
void db_rollback(db_tx_t *tx); /* nothing when not open */
#define DB_TX_SCOPED BASE_CLEANUP(db_rollback)
bool db_in_tx(const db_t *db);

/* Savepoints inside a transaction, by number (0..999). After an error inside, rollback_to makes the
 * transaction usable again on both back ends (the savepoint is gone then as well). On PostgreSQL
 * the first two may be sent together with what follows, which then fails in their stead. */
err_t db_savepoint(db_t *db, unsigned number);
err_t db_savepoint_keep(db_t *db, unsigned number);
err_t db_savepoint_undo(db_t *db, unsigned number);

#endif
