/* SQLite: one file a room, write-ahead log, full sync, deleted bytes overwritten. */
#include <sqlite3.h>

#include <errno.h>

#include "db/db_int.h"

typedef struct cached {
    const char *sql; /* the literal: its address is its name */
    sqlite3_stmt *stmt;
} cached_t;

typedef struct lite {
    sqlite3 *handle;
    unsigned compiled; /* statements so far */
    cached_t stmts[DB_STMTS];
} lite_t;

static err_t lite_error(db_t *db, int rc)
{
    static const struct {
        int rc; /* extended first, then the primary code */
        err_code_t code;
    } MAP[] = {
        {SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS},
        {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS},
        {SQLITE_CONSTRAINT_ROWID, ERR_EXISTS},
        {SQLITE_CONSTRAINT, ERR_CONFLICT},
        {SQLITE_BUSY, ERR_DB_BUSY},
        {SQLITE_LOCKED, ERR_DB_BUSY},
        {SQLITE_FULL, ERR_DISK_FULL},
        {SQLITE_CORRUPT, ERR_CORRUPT},
        {SQLITE_NOTADB, ERR_CORRUPT},
        {SQLITE_NOMEM, ERR_MEMORY},
        {SQLITE_TOOBIG, ERR_LIMIT},
        {SQLITE_CANTOPEN, ERR_UNAVAILABLE},
    };
    lite_t *l = db->impl;
    int sys = sqlite3_system_errno(l->handle);
    bool io = (rc & 0xff) == SQLITE_IOERR;
    db_say(db, "sqlite %d: %s", rc, sqlite3_errmsg(l->handle));
    if (io && (sys == ENOSPC || sys == EDQUOT)) {
        return FAIL_SYS(ERR_DISK_FULL, sys);
    }
    for (size_t i = 0; i < BASE_COUNT(MAP); i++) {
        if (MAP[i].rc == rc || MAP[i].rc == (rc & 0xff)) {
            return FAIL_SYS(MAP[i].code, io ? sys : 0);
        }
    }
    return FAIL_SYS(io ? ERR_IO : ERR_DB, io ? sys : 0);
}

static void lite_close(db_t *db)
{
    lite_t *l = db->impl;
    for (size_t i = 0; i < DB_STMTS; i++) {
        sqlite3_finalize(l->stmts[i].stmt);
    }
    sqlite3_close(l->handle);
    free(l);
    db->impl = NULL;
}

static err_t lite_script(db_t *db, const char *sql)
{
    lite_t *l = db->impl;
    int rc = sqlite3_exec(l->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OK : lite_error(db, sqlite3_extended_errcode(l->handle));
}

/* The statement's slot, else an empty one near its hash, else one to displace. */
static cached_t *find_slot(lite_t *l, const char *sql)
{
    size_t home = db_cache_home(sql, 0);
    cached_t *best = &l->stmts[(home + l->compiled % DB_CACHE_WAYS) % DB_STMTS];
    for (size_t i = 0; i < DB_CACHE_WAYS; i++) {
        cached_t *slot = &l->stmts[(home + i) % DB_STMTS];
        if (slot->sql == sql) {
            return slot;
        }
        best = slot->sql || !best->sql ? best : slot;
    }
    return best;
}

/* One statement and nothing after it. */
static err_t lite_compile(db_t *db, const char *sql, sqlite3_stmt **ret_stmt)
{
    lite_t *l = db->impl;
    const char *tail;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(l->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &tail);
    if (rc != SQLITE_OK) {
        return lite_error(db, rc);
    }
    if (!stmt || slice_trim(slice_cstr_in(tail)).len != 0) {
        sqlite3_finalize(stmt);
        db_say(db, "not exactly one statement");
        return FAIL(ERR_USAGE);
    }
    *ret_stmt = stmt;
    return OK;
}

static err_t lite_prepare(db_t *db, const char *sql, sqlite3_stmt **ret_stmt)
{
    lite_t *l = db->impl;
    cached_t *slot = find_slot(l, sql);
    if (slot->sql != sql) {
        sqlite3_stmt *stmt = NULL;
        TRY(lite_compile(db, sql, &stmt));
        sqlite3_finalize(slot->stmt);
        *slot = (cached_t){sql, stmt};
        l->compiled++;
    }
    *ret_stmt = slot->stmt;
    return OK;
}

static int bind_one(sqlite3_stmt *stmt, int at, const db_value_t *v)
{
    switch (v->type) {
    case DB_NULL:
        return sqlite3_bind_null(stmt, at);
    case DB_I64:
    case DB_BOOL:
        return sqlite3_bind_int64(stmt, at, v->i64);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, at, v->bytes.len ? (const char *)v->bytes.ptr : "",
                                   v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BLOB:
        return v->bytes.len
                   ? sqlite3_bind_blob64(stmt, at, v->bytes.ptr, v->bytes.len, SQLITE_STATIC)
                   : sqlite3_bind_zeroblob(stmt, at, 0);
    default:
        CHECK(false); /* db_type_t has no other */
    }
    return SQLITE_MISUSE;
}

static err_t lite_bind(db_t *db, sqlite3_stmt *stmt, db_args_t args)
{
    if ((size_t)sqlite3_bind_parameter_count(stmt) != args.count) {
        db_say(db, "%d parameters in the SQL, %zu values", sqlite3_bind_parameter_count(stmt),
               args.count);
        return FAIL(ERR_USAGE);
    }
    for (size_t i = 0; i < args.count; i++) {
        int rc = bind_one(stmt, (int)i + 1, &args.ptr[i]);
        if (rc != SQLITE_OK) {
            return lite_error(db, rc);
        }
    }
    return OK;
}

static err_t lite_cell(arena_t *a, sqlite3_stmt *stmt, int col, db_value_t *out)
{
    int type = sqlite3_column_type(stmt, col);
    if (type == SQLITE_NULL) {
        *out = db_null();
        return OK;
    }
    if (type == SQLITE_INTEGER) {
        *out = db_i64(sqlite3_column_int64(stmt, col));
        return OK;
    }
    ENSURE(type != SQLITE_FLOAT, ERR_USAGE); /* no floats in this house */
    const void *at = sqlite3_column_blob(stmt, col);
    slice_t copy;
    TRY(arena_copy(a, slice_make(at, (size_t)sqlite3_column_bytes(stmt, col)), &copy));
    *out = type == SQLITE_TEXT ? db_text(copy) : db_blob(copy);
    return OK;
}

static err_t lite_row(arena_t *a, sqlite3_stmt *stmt, row_sink_t *sink)
{
    db_value_t *row;
    TRY(row_sink_add(sink, &row));
    for (size_t i = 0; i < sink->columns; i++) {
        TRY(lite_cell(a, stmt, (int)i, &row[i]));
    }
    return OK;
}

static void stmt_rest(sqlite3_stmt **stmt)
{
    if (*stmt) {
        sqlite3_reset(*stmt);
        sqlite3_clear_bindings(*stmt);
    }
}

static err_t lite_exec(db_t *db, arena_t *a, const char *sql, db_args_t args, db_rows_t *ret_rows,
                       int64_t *ret_changes)
{
    lite_t *l = db->impl;
    BASE_CLEANUP(stmt_rest) sqlite3_stmt *stmt = NULL;
    row_sink_t sink = {.arena = a};
    int rc;
    TRY(lite_prepare(db, sql, &stmt));
    TRY(lite_bind(db, stmt, args));
    sink.columns = (size_t)sqlite3_column_count(stmt);
    int64_t before = sqlite3_total_changes64(l->handle);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (ret_rows) {
            TRY(lite_row(a, stmt, &sink));
        }
    }
    if (rc != SQLITE_DONE) {
        return lite_error(db, sqlite3_extended_errcode(l->handle));
    }
    bool changed = sqlite3_total_changes64(l->handle) != before;
    *ret_changes = changed ? sqlite3_changes64(l->handle) : 0;
    if (ret_rows) {
        row_sink_rows(&sink, ret_rows);
    }
    return OK;
}

static const db_backend_t LITE = {
    .kind = DB_SQLITE,
    .close = lite_close,
    .exec = lite_exec,
    .script = lite_script,
    .begin = "BEGIN IMMEDIATE",
    .begin_read = "BEGIN",
};

static err_t lite_setup(db_t *db, lite_t *l)
{
    sqlite3_extended_result_codes(l->handle, 1);
    sqlite3_busy_timeout(l->handle, DB_WAIT_MS);
    sqlite3_db_config(l->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(l->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(l->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(l->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(l->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    return lite_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                           "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                           "PRAGMA case_sensitive_like = ON; PRAGMA temp_store = MEMORY;"
                           "PRAGMA mmap_size = 0; PRAGMA recursive_triggers = ON;");
}

err_t db_sqlite_open(const char *path, db_t *db)
{
    lite_t *l = calloc(1, sizeof *l);
    ENSURE(l, ERR_MEMORY);
    db->backend = &LITE;
    db->impl = l;
    int rc = sqlite3_open_v2(path, &l->handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE,
                             NULL);
    ENSURE(l->handle, ERR_MEMORY);
    return rc == SQLITE_OK ? lite_setup(db, l) : lite_error(db, rc);
}
