#include <sodium.h>

#include "base/clock.h"
#include "db/db_int.h"
#include "db/migrate.h"

enum { SHA_BYTES = crypto_hash_sha256_BYTES };

static const char *text_for(const db_t *db, const db_migration_t *m)
{
    return db_kind(db) == DB_SQLITE ? m->sqlite : m->pg;
}

static void sha_of(const char *text, uint8_t out[SHA_BYTES])
{
    crypto_hash_sha256(out, (const uint8_t *)text, strlen(text));
}

static err_t ensure_table(db_t *db)
{
    return db->backend->script(db, db_kind(db) == DB_SQLITE
                                       ? "CREATE TABLE IF NOT EXISTS schema_migration ("
                                         "number INTEGER PRIMARY KEY, sha256 BLOB NOT NULL,"
                                         "run_us INTEGER NOT NULL) STRICT"
                                       : "CREATE TABLE IF NOT EXISTS schema_migration ("
                                         "number BIGINT PRIMARY KEY, sha256 BYTEA NOT NULL,"
                                         "run_us BIGINT NOT NULL)");
}

/* SQLite's BEGIN IMMEDIATE has the file to itself; PostgreSQL locks by the schema's name. */
static err_t lock_out_others(db_t *db)
{
    return db_kind(db) == DB_SQLITE
               ? OK
               : db->backend->script(db, "SELECT pg_advisory_xact_lock("
                                         "hashtextextended('sekisho ' || current_schema(), 0))");
}

err_t db_schema_number(db_t *db, int64_t *ret_number)
{
    TRY(ensure_table(db));
    return db_query_i64(db, SQL("SELECT COALESCE(MAX(number), 0) FROM schema_migration"),
                        DB_NO_ARGS, ret_number);
}

/* What was run must be what we would run today. */
static err_t check_past(db_t *db, const db_migrations_t *all, int64_t done)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    db_rows_t rows;
    arena_init(&a, 256 * 1024);
    ENSURE(done <= (int64_t)all->count, ERR_VERSION);
    TRY(db_query(db, &a, SQL("SELECT number, sha256 FROM schema_migration ORDER BY number"),
                 DB_NO_ARGS, &rows));
    for (int64_t expected = 1; db_next(&rows); expected++) {
        uint8_t sha[SHA_BYTES];
        ENSURE(db_col_i64(&rows, 0) == expected, ERR_CORRUPT);
        sha_of(text_for(db, &all->rows[expected - 1]), sha);
        if (!slice_eq(db_col_blob(&rows, 1), slice_make(sha, sizeof sha))) {
            db_say(db, "migration %lld was changed after it had been run", (long long)expected);
            return FAIL(ERR_CONFLICT);
        }
    }
    return OK;
}

static err_t run_step(db_t *db, const db_migration_t *m)
{
    uint8_t sha[SHA_BYTES];
    sha_of(text_for(db, m), sha);
    TRY(db->backend->script(db, text_for(db, m)));
    return db_run(
        db,
        SQL("INSERT INTO schema_migration (number, sha256, run_us) "
            "VALUES (?1, ?2, ?3)"),
        DB_ARGS(db_i64(m->number), db_blob(slice_make(sha, sizeof sha)), db_i64(clock_wall_us())),
        NULL);
}

/* One step in one transaction; another process may have done it while we waited for the lock. */
static err_t next_step(db_t *db, const db_migrations_t *all, bool *ret_more)
{
    DB_TX_SCOPED db_tx_t tx = {0};
    int64_t done;
    TRY(db_begin(db, &tx));
    TRY(lock_out_others(db));
    TRY(db_schema_number(db, &done));
    TRY(check_past(db, all, done));
    if (done < (int64_t)all->count) {
        TRY(run_step(db, &all->rows[done]));
    }
    *ret_more = done + 1 < (int64_t)all->count;
    return db_commit(&tx);
}

err_t db_migrate(db_t *db, const db_migrations_t *migrations)
{
    bool more = true;
    for (size_t i = 0; i < migrations->count; i++) {
        CHECK(migrations->rows[i].number == i + 1);
    }
    while (more) {
        TRY(next_step(db, migrations, &more));
    }
    return OK;
}
