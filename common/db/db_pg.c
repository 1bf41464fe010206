/* PostgreSQL by libpq: statements prepared once a connection, values as parameters, every wait
 * bounded here and (statement_timeout, lock_timeout) in the server. */
#include <libpq-fe.h>

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "db/db_int.h"

enum {
    OID_UNKNOWN = 0,
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
    NAME_BYTES = 24,
    LATER_BYTES = 160,
    SCRIPT_BYTES = 400,
    ARGS_ARENA = 8 * 1024 * 1024,
    NET_MARGIN_MS = 2000 /* the server gives up first, then we */
};

typedef struct cached {
    const char *sql; /* the literal: its address is its name */
    uint64_t types;  /* which kinds of values it was prepared for */
    unsigned serial; /* its name in the server; 0 = empty slot */
} cached_t;

typedef struct pg {
    PGconn *conn;
    unsigned serial;
    char later[LATER_BYTES]; /* savepoints' commands that go out with what follows; or empty */
    cached_t stmts[DB_STMTS];
} pg_t;

static err_t pg_roundtrip(db_t *db, PGresult **ret_result);

static void result_end(PGresult **result)
{
    PQclear(*result);
}

#define RESULT_SCOPED BASE_CLEANUP(result_end)

static err_code_t code_of_state(const char *state)
{
    static const struct {
        const char *prefix;
        err_code_t code;
    } MAP[] = {
        {"23505", ERR_EXISTS},    {"23", ERR_CONFLICT},       {"40001", ERR_DB_BUSY},
        {"40P01", ERR_DB_BUSY},   {"55P03", ERR_DB_BUSY},     {"53100", ERR_DISK_FULL},
        {"53200", ERR_MEMORY},    {"53300", ERR_UNAVAILABLE}, {"57014", ERR_TIMEOUT},
        {"57P", ERR_UNAVAILABLE}, {"08", ERR_UNAVAILABLE},    {"22003", ERR_RANGE},
        {"22021", ERR_ENCODING},  {"22P05", ERR_ENCODING},    {"54000", ERR_LIMIT},
        {"XX001", ERR_CORRUPT},   {"XX002", ERR_CORRUPT},
    };
    for (size_t i = 0; i < BASE_COUNT(MAP); i++) {
        if (slice_starts(slice_cstr_in(state), slice_cstr_in(MAP[i].prefix))) {
            return MAP[i].code;
        }
    }
    return ERR_DB;
}

static const char *field(const PGresult *r, int code)
{
    const char *text = PQresultErrorField(r, code);
    return text ? text : "";
}

/* The server's primary text may hold a value (22P02 does); state and names never do. A syntax
 * error's text is our own SQL's. */
static err_t pg_result_error(db_t *db, const PGresult *r)
{
    const char *state = field(r, PG_DIAG_SQLSTATE);
    bool about_sql = slice_starts(slice_cstr_in(state), SLICE("42"));
    db_say(db, "postgresql %s: %s table=%s column=%s constraint=%s", state,
           about_sql ? field(r, PG_DIAG_MESSAGE_PRIMARY) : "", field(r, PG_DIAG_TABLE_NAME),
           field(r, PG_DIAG_COLUMN_NAME), field(r, PG_DIAG_CONSTRAINT_NAME));
    return FAIL(state[0] ? code_of_state(state) : ERR_DB);
}

static err_t pg_lost(db_t *db, const char *what)
{
    pg_t *p = db->impl;
    bool gone = PQstatus(p->conn) != CONNECTION_OK;
    db_say(db, "postgresql: %s%s", what, gone ? ", connection lost" : "");
    return FAIL(gone ? ERR_UNAVAILABLE : ERR_DB);
}

/* Asks the kernel, not the server: has it hung up? */
bool db_pg_alive(const db_t *db)
{
    const pg_t *p = db->impl;
    struct pollfd line = {PQsocket(p->conn), POLLRDHUP, 0};
    return PQstatus(p->conn) == CONNECTION_OK && poll(&line, 1, 0) == 0;
}

static void pg_close(db_t *db)
{
    pg_t *p = db->impl;
    PQfinish(p->conn);
    free(p);
    db->impl = NULL;
}

/* ------------------------------------------------------------------ waiting */

static err_t wait_socket(const PGconn *conn, short events, int64_t until_us)
{
    for (;;) {
        int64_t left_ms = (until_us - clock_wait_us()) / 1000;
        struct pollfd p = {PQsocket(conn), events, 0};
        int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n > 0) {
            return OK;
        }
        ENSURE(n != 0, ERR_TIMEOUT);
        ENSURE(errno == EINTR, ERR_IO);
    }
}

static err_t pump(PGconn *conn, int64_t until_us)
{
    int left;
    while ((left = PQflush(conn)) > 0) {
        TRY(wait_socket(conn, POLLOUT | POLLIN, until_us));
        ENSURE(PQconsumeInput(conn), ERR_UNAVAILABLE);
    }
    ENSURE(left == 0, ERR_UNAVAILABLE);
    while (PQisBusy(conn)) {
        TRY(wait_socket(conn, POLLIN, until_us));
        ENSURE(PQconsumeInput(conn), ERR_UNAVAILABLE);
    }
    return OK;
}

/* A server that answers no more is left: what it does with the statement is unknown, so is the
 * connection's state. */
static err_t give_up(db_t *db, err_t e)
{
    pg_t *p = db->impl;
    db_say(db, "postgresql: %s", err_text(e.code));
    shutdown(PQsocket(p->conn), SHUT_RDWR);
    (void)PQconsumeInput(p->conn); /* libpq sees the end and marks the connection */
    return e;
}

/* The last result of what was sent; an error result wins over those after it. */
static err_t pg_roundtrip(db_t *db, PGresult **ret_result)
{
    pg_t *p = db->impl;
    RESULT_SCOPED PGresult *kept = NULL;
    int64_t until_us = clock_wait_us() + (DB_WAIT_MS + NET_MARGIN_MS) * INT64_C(1000);
    for (;;) {
        err_t e = pump(p->conn, until_us);
        if (err_failed(e)) {
            return give_up(db, e);
        }
        PGresult *r = PQgetResult(p->conn);
        if (!r) {
            break;
        }
        if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
            PQclear(r);
            continue;
        }
        PQclear(kept);
        kept = r;
    }
    if (!kept) {
        return pg_lost(db, "no answer");
    }
    ExecStatusType status = PQresultStatus(kept);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        return PQstatus(p->conn) == CONNECTION_OK ? pg_result_error(db, kept)
                                                  : pg_lost(db, "statement cut off");
    }
    *ret_result = kept;
    kept = NULL;
    return OK;
}

static err_t pg_script(db_t *db, const char *sql)
{
    pg_t *p = db->impl;
    RESULT_SCOPED PGresult *r = NULL;
    if (!PQsendQuery(p->conn, sql)) {
        return pg_lost(db, "cannot send");
    }
    return pg_roundtrip(db, &r);
}

/* ------------------------------------------------------------------ values */

typedef struct params {
    const char *text[DB_ARGS_MAX];
    int len[DB_ARGS_MAX], format[DB_ARGS_MAX];
    Oid types[DB_ARGS_MAX];
} params_t;

static err_t param_of(arena_t *a, const db_value_t *v, size_t i, params_t *out)
{
    slice_t number;
    switch (v->type) {
    case DB_NULL:
        return OK;
    case DB_BOOL:
        out->text[i] = v->i64 ? "1" : "0"; /* fits boolean and integer columns */
        return OK;
    case DB_I64:
        out->types[i] = OID_INT8;
        TRY(arena_printf(a, &number, "%lld", (long long)v->i64));
        out->text[i] = (const char *)number.ptr;
        return OK;
    case DB_TEXT:
        return arena_cstr(a, v->bytes, &out->text[i]);
    case DB_BLOB:
        ENSURE(v->bytes.len <= INT32_MAX, ERR_LIMIT);
        out->types[i] = OID_BYTEA;
        out->format[i] = 1;
        out->len[i] = (int)v->bytes.len;
        out->text[i] = v->bytes.len ? (const char *)v->bytes.ptr : "";
        return OK;
    default:
        CHECK(false); /* db_type_t has no other */
    }
    return FAIL(ERR_USAGE);
}

/* A statement is prepared once for each pattern of value types. */
static uint64_t types_key(db_args_t args)
{
    uint64_t key = args.count;
    for (size_t i = 0; i < args.count; i++) {
        key = key * 31 + (uint64_t)args.ptr[i].type + 1;
    }
    return key;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* bytea in text form: \x then hex. */
static err_t bytea_cell(arena_t *a, slice_t text, db_value_t *out)
{
    ENSURE(slice_starts(text, SLICE("\\x")) && text.len % 2 == 0, ERR_DB);
    size_t len = text.len / 2 - 1;
    uint8_t *at = arena_alloc(a, len ? len : 1);
    ENSURE(at, ERR_MEMORY);
    for (size_t i = 0; i < len; i++) {
        int high = nibble((char)text.ptr[2 + 2 * i]), low = nibble((char)text.ptr[3 + 2 * i]);
        ENSURE(high >= 0 && low >= 0, ERR_DB);
        at[i] = (uint8_t)(high << 4 | low);
    }
    *out = db_blob(slice_make(at, len));
    return OK;
}

static err_t cell_of_type(arena_t *a, Oid type, slice_t text, db_value_t *out)
{
    int64_t number;
    slice_t copy;
    switch (type) {
    case OID_BOOL:
        *out = db_i64(slice_eq(text, SLICE("t")));
        return OK;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_NUMERIC: /* what sum() of bigints gives */
        TRY(slice_parse_i64(text, INT64_MIN, INT64_MAX, &number));
        *out = db_i64(number);
        return OK;
    case OID_BYTEA:
        return bytea_cell(a, text, out);
    case OID_FLOAT4:
    case OID_FLOAT8:
        return FAIL(ERR_USAGE); /* no floats in this house */
    default:
        TRY(arena_copy(a, text, &copy));
        *out = db_text(copy);
        return OK;
    }
}

static err_t read_rows(arena_t *a, const PGresult *r, db_rows_t *ret_rows)
{
    row_sink_t sink = {.arena = a, .columns = (size_t)PQnfields(r)};
    for (int row = 0; row < PQntuples(r); row++) {
        db_value_t *cells;
        TRY(row_sink_add(&sink, &cells));
        for (int col = 0; col < PQnfields(r); col++) {
            if (PQgetisnull(r, row, col)) {
                cells[col] = db_null();
                continue;
            }
            slice_t text = slice_make(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col));
            TRY(cell_of_type(a, PQftype(r, col), text, &cells[col]));
        }
    }
    row_sink_rows(&sink, ret_rows);
    return OK;
}

/* ------------------------------------------------------------------ statements */

static void stmt_name(unsigned serial, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "s%u", serial);
}

static err_t pg_forget(db_t *db, cached_t *slot)
{
    char text[NAME_BYTES + 16], name[NAME_BYTES];
    if (slot->serial == 0) {
        return OK;
    }
    stmt_name(slot->serial, name);
    snprintf(text, sizeof text, "DEALLOCATE %s", name);
    *slot = (cached_t){0};
    return pg_script(db, text);
}

static err_t pg_compile(db_t *db, arena_t *a, const char *sql, const Oid *types, size_t count,
                        cached_t *slot)
{
    pg_t *p = db->impl;
    RESULT_SCOPED PGresult *r = NULL;
    char name[NAME_BYTES];
    unsigned max_arg;
    buf_t text;
    TRY(arena_buf(a, DB_SQL_MAX, &text));
    err_t e = db_rewrite(slice_cstr_in(sql), &text, &max_arg);
    buf_u8(&text, 0);
    if (err_failed(e) || text.full || max_arg != count) {
        db_say(db, "parameters or quotes of this SQL are wrong");
        return FAIL(ERR_USAGE);
    }
    unsigned serial = ++p->serial;
    stmt_name(serial, name);
    if (!PQsendPrepare(p->conn, name, (const char *)text.ptr, (int)count, types)) {
        return pg_lost(db, "cannot send");
    }
    TRY(pg_roundtrip(db, &r));
    *slot = (cached_t){.sql = sql, .serial = serial};
    return OK;
}

/* The statement's slot, else an empty one near its hash, else one to displace. */
static cached_t *find_slot(pg_t *p, const char *sql, uint64_t key)
{
    size_t home = db_cache_home(sql, key);
    cached_t *best = &p->stmts[(home + p->serial % DB_CACHE_WAYS) % DB_STMTS];
    for (size_t i = 0; i < DB_CACHE_WAYS; i++) {
        cached_t *slot = &p->stmts[(home + i) % DB_STMTS];
        if (slot->sql == sql && slot->types == key) {
            return slot;
        }
        best = slot->sql || !best->sql ? best : slot;
    }
    return best;
}

static err_t pg_flush(db_t *db);

static err_t pg_prepare(db_t *db, arena_t *a, const char *sql, db_args_t args, const Oid *types,
                        char ret_name[NAME_BYTES])
{
    pg_t *p = db->impl;
    uint64_t key = types_key(args);
    cached_t *slot = find_slot(p, sql, key);
    if (slot->serial == 0 || slot->sql != sql || slot->types != key) {
        TRY(pg_flush(db)); /* what fails to compile fails inside its savepoint */
        TRY(pg_forget(db, slot));
        TRY(pg_compile(db, a, sql, types, args.count, slot));
        slot->types = key;
    }
    stmt_name(slot->serial, ret_name);
    return OK;
}

static err_t pg_setup(db_t *db);

/* A connection that was lost outside a transaction is made anew, once. */
static err_t pg_revive(db_t *db)
{
    pg_t *p = db->impl;
    if (db_pg_alive(db)) {
        return OK;
    }
    if (db->in_tx) {
        return give_up(db, FAIL(ERR_UNAVAILABLE));
    }
    PQreset(p->conn);
    memset(p->stmts, 0, sizeof p->stmts);
    p->later[0] = 0;
    return pg_setup(db);
}

typedef struct call {
    const char *name;
    const params_t *params;
    int count;
} call_t;

static bool call_send(PGconn *conn, const call_t *c)
{
    return PQsendQueryPrepared(conn, c->name, c->count, c->params->text, c->params->len,
                               c->params->format, 0);
}

/* The commands put off, one message each, and the statement behind them; one wait for all. */
static bool line_send(PGconn *conn, slice_t later, const call_t *c)
{
    slice_t part;
    bool sent = true;
    while (sent && slice_split(&later, ';', &part)) {
        char text[LATER_BYTES];
        snprintf(text, sizeof text, "%.*s", SLICE_FMT(part));
        sent = PQsendQueryParams(conn, text, 0, NULL, NULL, NULL, NULL, 0);
    }
    return sent && call_send(conn, c) && PQpipelineSync(conn);
}

/* Results up to the sync: the first error, else the last that is none of these. */
static err_t line_hear(db_t *db, PGresult **ret_result)
{
    pg_t *p = db->impl;
    RESULT_SCOPED PGresult *kept = NULL;
    int64_t until_us = clock_wait_us() + (DB_WAIT_MS + NET_MARGIN_MS) * INT64_C(1000);
    for (;;) {
        err_t e = pump(p->conn, until_us);
        if (err_failed(e)) {
            return give_up(db, e);
        }
        PGresult *r = PQgetResult(p->conn);
        ExecStatusType status = r ? PQresultStatus(r) : PGRES_EMPTY_QUERY;
        if (!r && PQstatus(p->conn) != CONNECTION_OK) {
            return pg_lost(db, "statement cut off");
        }
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            break;
        }
        bool is_error = kept && PQresultStatus(kept) == PGRES_FATAL_ERROR;
        if (!r || is_error || status == PGRES_PIPELINE_ABORTED) {
            PQclear(r); /* NULL stands between the results of two statements */
            continue;
        }
        PQclear(kept);
        kept = r;
    }
    if (!kept) {
        return pg_lost(db, "no answer");
    }
    ExecStatusType status = PQresultStatus(kept);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return pg_result_error(db, kept);
    }
    *ret_result = kept;
    kept = NULL;
    return OK;
}

static err_t pg_line(db_t *db, const call_t *c, PGresult **ret_result)
{
    pg_t *p = db->impl;
    char later[LATER_BYTES];
    memcpy(later, p->later, sizeof later);
    p->later[0] = 0;
    if (!PQenterPipelineMode(p->conn) || !line_send(p->conn, slice_cstr_in(later), c)) {
        return give_up(db, pg_lost(db, "cannot send"));
    }
    err_t e = line_hear(db, ret_result);
    if (!PQexitPipelineMode(p->conn) && !err_failed(e)) {
        PQclear(*ret_result);
        *ret_result = NULL;
        return give_up(db, pg_lost(db, "left-over answers"));
    }
    return e;
}

static err_t pg_call(db_t *db, const call_t *c, PGresult **ret_result)
{
    pg_t *p = db->impl;
    if (p->later[0]) {
        return pg_line(db, c, ret_result);
    }
    if (!call_send(p->conn, c)) {
        return pg_lost(db, "cannot send");
    }
    return pg_roundtrip(db, ret_result);
}

static err_t pg_exec(db_t *db, arena_t *a, const char *sql, db_args_t args, db_rows_t *ret_rows,
                     int64_t *ret_changes)
{
    arena_t scratch BASE_CLEANUP(arena_deinit);
    RESULT_SCOPED PGresult *r = NULL;
    params_t params = {0};
    char name[NAME_BYTES];
    arena_init(&scratch, ARGS_ARENA);
    TRY(pg_revive(db));
    for (size_t i = 0; i < args.count; i++) {
        TRY(param_of(&scratch, &args.ptr[i], i, &params));
    }
    TRY(pg_prepare(db, &scratch, sql, args, params.types, name));
    call_t call = {name, &params, (int)args.count};
    TRY(pg_call(db, &call, &r));
    uint64_t changes = 0;
    /* "" for what has no count; SELECT's count is no change. */
    bool counts = slice_find(slice_cstr_in(PQcmdStatus(r)), SLICE("SELECT")) != 0;
    if (counts && err_failed(slice_parse_u64(slice_cstr_in(PQcmdTuples(r)), INT64_MAX, &changes))) {
        changes = 0;
    }
    *ret_changes = (int64_t)changes;
    return ret_rows ? read_rows(a, r, ret_rows) : OK;
}

/* Setting a savepoint and keeping it need no answers of their own: both travel with the next
 * statement, savepoint or commit, which fails in their stead if they ever fail. A batch of 64 jobs
 * saves two round trips a job. */
static bool pg_put_off(db_t *db, const char *sql)
{
    pg_t *p = db->impl;
    size_t at = strlen(p->later), len = strlen(sql);
    slice_t s = slice_cstr_in(sql);
    if (!db->in_tx || at + len + 2 >= LATER_BYTES ||
        !(slice_starts(s, SLICE("SAVEPOINT")) || slice_starts(s, SLICE("RELEASE SAVEPOINT")))) {
        return false;
    }
    snprintf(p->later + at, LATER_BYTES - at, "%s%s", at ? ";" : "", sql);
    return true;
}

static err_t pg_flush(db_t *db)
{
    pg_t *p = db->impl;
    char text[LATER_BYTES];
    memcpy(text, p->later, sizeof text);
    p->later[0] = 0;
    return text[0] ? pg_script(db, text) : OK;
}

static err_t pg_begin_script(db_t *db, const char *sql)
{
    pg_t *p = db->impl;
    char text[SCRIPT_BYTES];
    TRY(pg_revive(db));
    if (pg_put_off(db, sql)) {
        return OK;
    }
    int n = p->later[0] ? snprintf(text, sizeof text, "%s;%s", p->later, sql) : -1;
    if (n < 0 || (size_t)n >= sizeof text) {
        TRY(pg_flush(db));
        return pg_script(db, sql);
    }
    p->later[0] = 0;
    return pg_script(db, text);
}

static const db_backend_t PG = {
    .kind = DB_POSTGRES,
    .close = pg_close,
    .exec = pg_exec,
    .script = pg_begin_script,
    .begin = "BEGIN ISOLATION LEVEL READ COMMITTED",
    .begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};

static err_t pg_setup(db_t *db)
{
    pg_t *p = db->impl;
    if (PQstatus(p->conn) != CONNECTION_OK) {
        db_say(db, "postgresql: no connection");
        return FAIL(ERR_UNAVAILABLE);
    }
    PQsetnonblocking(p->conn, 1);
    char text[256];
    snprintf(text, sizeof text,
             "SET statement_timeout = %d; SET lock_timeout = %d; SET synchronous_commit = on;"
             "SET bytea_output = 'hex'; SET standard_conforming_strings = on;"
             "SET idle_in_transaction_session_timeout = 60000",
             DB_WAIT_MS, DB_WAIT_MS);
    return pg_script(db, text);
}

static void pg_quiet(void *ctx, const PGresult *notice)
{
    (void)ctx; /* a library never writes to stderr */
    (void)notice;
}

err_t db_pg_open(const char *url, db_t *db)
{
    /* What stands after the URL overrides it. */
    const char *keys[] = {"dbname",          "connect_timeout", "application_name",
                          "client_encoding", "gssencmode",      NULL};
    const char *values[] = {url, "5", "sekisho", "UTF8", "disable", NULL};
    pg_t *p = calloc(1, sizeof *p);
    ENSURE(p, ERR_MEMORY);
    db->backend = &PG;
    db->impl = p;
    p->conn = PQconnectdbParams(keys, values, 1);
    ENSURE(p->conn, ERR_MEMORY);
    PQsetNoticeReceiver(p->conn, pg_quiet, NULL);
    return pg_setup(db);
}
