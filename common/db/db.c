/* What is the same on both back ends: opening by URL, results, transactions, savepoints. */
#include <stdarg.h>

#include "db/db_int.h"
#include "text/utf8.h"

enum { SAVEPOINTS = 1000, ROWS_FIRST = 8, SCALAR_ARENA = 64 * 1024 };

void db_say(db_t *db, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->error, sizeof db->error, fmt, args);
    va_end(args);
}

static err_t open_by_url(const char *url, db_t *db)
{
    static const char SQLITE[] = "sqlite:";
    slice_t u = slice_cstr_in(url);
    if (slice_starts(u, SLICE("sqlite:"))) {
        return db_sqlite_open(url + sizeof SQLITE - 1, db);
    }
    if (slice_starts(u, SLICE("postgresql://")) || slice_starts(u, SLICE("postgres://"))) {
        return db_pg_open(url, db);
    }
    return FAIL(ERR_CONFIG);
}

err_t db_open(const char *url, db_t **ret_db)
{
    db_t *db = calloc(1, sizeof *db);
    ENSURE(db, ERR_MEMORY);
    err_t e = open_by_url(url, db);
    if (err_failed(e)) {
        db_close(db);
        return e;
    }
    *ret_db = db;
    return OK;
}

void db_close(db_t *db)
{
    if (db) {
        if (db->impl) {
            db->backend->close(db);
        }
        free(db);
    }
}

db_kind_t db_kind(const db_t *db)
{
    return db->backend->kind;
}

const char *db_last_error(const db_t *db)
{
    return db->error;
}

bool db_alive(const db_t *db)
{
    return db->backend->kind != DB_POSTGRES || db_pg_alive(db);
}

size_t db_cache_home(const char *sql, uint64_t key)
{
    uint64_t hash = ((uint64_t)(uintptr_t)sql ^ key) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 32) % DB_STMTS;
}

err_t db_check_args(db_args_t args)
{
    ENSURE(args.count <= DB_ARGS_MAX, ERR_USAGE);
    for (size_t i = 0; i < args.count; i++) {
        const db_value_t *v = &args.ptr[i];
        bool text = v->type == DB_TEXT;
        ENSURE(!text || (slice_find_byte(v->bytes, 0) == SIZE_MAX && utf8_valid(v->bytes)),
               ERR_ENCODING);
    }
    return OK;
}

/* ------------------------------------------------------------------ results */

err_t row_sink_add(row_sink_t *sink, db_value_t **ret_row)
{
    if (sink->count == sink->cap) {
        size_t cap = sink->cap ? sink->cap * 2 : ROWS_FIRST;
        size_t cells;
        ENSURE(!__builtin_mul_overflow(cap, sink->columns, &cells), ERR_MEMORY);
        db_value_t *bigger = ARENA_ARRAY(sink->arena, db_value_t, cells ? cells : 1);
        ENSURE(bigger, ERR_MEMORY);
        if (sink->count) {
            memcpy(bigger, sink->cells, sink->count * sink->columns * sizeof *bigger);
        }
        sink->cells = bigger;
        sink->cap = cap;
    }
    *ret_row = &sink->cells[sink->count++ * sink->columns];
    return OK;
}

void row_sink_rows(const row_sink_t *sink, db_rows_t *ret_rows)
{
    *ret_rows = (db_rows_t){.cells = sink->cells, .columns = sink->columns, .count = sink->count};
}

/* ------------------------------------------------------------------ statements */

err_t db_run(db_t *db, sql_t sql, db_args_t args, int64_t *ret_changes)
{
    int64_t changes = 0;
    TRY(db_check_args(args));
    TRY(db->backend->exec(db, NULL, sql.literal_text, args, NULL, &changes));
    if (ret_changes) {
        *ret_changes = changes;
    }
    return OK;
}

err_t db_query(db_t *db, arena_t *a, sql_t sql, db_args_t args, db_rows_t *ret_rows)
{
    int64_t changes;
    TRY(db_check_args(args));
    return db->backend->exec(db, a, sql.literal_text, args, ret_rows, &changes);
}

err_t db_query_one(db_t *db, arena_t *a, sql_t sql, db_args_t args, db_rows_t *ret_row)
{
    db_rows_t rows;
    TRY(db_query(db, a, sql, args, &rows));
    ENSURE(rows.count != 0, ERR_NOT_FOUND);
    if (rows.count > 1) {
        db_say(db, "%zu rows where one was expected", rows.count);
        return FAIL(ERR_DB);
    }
    rows.next = 1;
    *ret_row = rows;
    return OK;
}

err_t db_query_i64(db_t *db, sql_t sql, db_args_t args, int64_t *ret_value)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    db_rows_t rows;
    arena_init(&a, SCALAR_ARENA);
    TRY(db_query(db, &a, sql, args, &rows));
    ENSURE(db_next(&rows), ERR_NOT_FOUND);
    *ret_value = db_col_i64(&rows, 0);
    return OK;
}

/* ------------------------------------------------------------------ transactions */

static err_t begin(db_t *db, const char *how, db_tx_t *ret_tx)
{
    ENSURE(!db->in_tx, ERR_USAGE);
    TRY(db->backend->script(db, how));
    db->in_tx = true;
    ret_tx->db = db;
    return OK;
}

err_t db_begin(db_t *db, db_tx_t *ret_tx)
{
    return begin(db, db->backend->begin, ret_tx);
}

err_t db_begin_read(db_t *db, db_tx_t *ret_tx)
{
    return begin(db, db->backend->begin_read, ret_tx);
}

err_t db_commit(db_tx_t *tx)
{
    ENSURE(tx->db && tx->db->in_tx, ERR_USAGE);
    db_t *db = tx->db;
    err_t e = db->backend->script(db, "COMMIT");
    if (err_failed(e)) {
        db_rollback(tx);
        return e;
    }
    db->in_tx = false;
    tx->db = NULL;
    return OK;
}

void db_rollback(db_tx_t *tx)
{
    if (!tx->db) {
        return;
    }
    db_t *db = tx->db;
    char kept[DB_ERROR_TEXT];
    memcpy(kept, db->error, sizeof kept); /* the cause is what the log wants */
    /* SQLite may have rolled back by itself, a lost server surely has. */
    err_ignore(db->backend->script(db, "ROLLBACK"));
    memcpy(db->error, kept, sizeof kept);
    db->in_tx = false;
    tx->db = NULL;
}

bool db_in_tx(const db_t *db)
{
    return db->in_tx;
}

static err_t savepoint(db_t *db, const char *fmt_first, unsigned number, const char *then)
{
    char text[80];
    ENSURE(db->in_tx && number < SAVEPOINTS, ERR_USAGE);
    buf_t out = buf_on(text, sizeof text - 1);
    buf_cstr(&out, fmt_first);
    buf_cstr(&out, " s");
    buf_dec(&out, number);
    if (then) {
        buf_cstr(&out, "; ");
        buf_cstr(&out, then);
        buf_cstr(&out, " s");
        buf_dec(&out, number);
    }
    TRY(buf_check(&out));
    text[out.len] = 0;
    return db->backend->script(db, text);
}

err_t db_savepoint(db_t *db, unsigned number)
{
    return savepoint(db, "SAVEPOINT", number, NULL);
}

err_t db_savepoint_keep(db_t *db, unsigned number)
{
    return savepoint(db, "RELEASE SAVEPOINT", number, NULL);
}

err_t db_savepoint_undo(db_t *db, unsigned number)
{
    return savepoint(db, "ROLLBACK TO SAVEPOINT", number, "RELEASE SAVEPOINT");
}
