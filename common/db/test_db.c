/* The same cases on both back ends; each case has a database of its own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db_int.h"
#include "db/db_pool.h"
#include "db/migrate.h"
#include "db/test_pg.h"

extern const db_migrations_t test_migrations;

static char lite_dir[] = "/tmp/sekisho-db-XXXXXX";
static test_pg_t pg;
static bool on_pg;
static int cases;
static char url[512];
static db_t *db;
static arena_t arena;

#define must(expr)                                                                                 \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (err_failed(e_)) {                                                                      \
            fail_msg("%s: %s at %s:%d; %s", #expr, err_name(e_.code), e_.where, e_.line,           \
                     db ? db_last_error(db) : "");                                                 \
        }                                                                                          \
    } while (0)
#define must_fail(expr, want) assert_string_equal(err_name((expr).code), err_name(want))

static void fresh_url(void)
{
    char name[16] = "case_aa";
    name[5] = (char)('a' + cases / 26);
    name[6] = (char)('a' + cases % 26);
    cases++;
    if (on_pg) {
        must(test_pg_schema(&pg, name, url, sizeof url));
    } else {
        snprintf(url, sizeof url, "sqlite:%s/%s.db", lite_dir, name);
    }
}

static int setup(void **state)
{
    (void)state;
    db = NULL;
    arena_init(&arena, 1 << 20);
    fresh_url();
    must(db_open(url, &db));
    must(db_migrate(db, &test_migrations));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    db_close(db);
    db = NULL;
    arena_deinit(&arena);
    return 0;
}

static void add_tour(db_t *on, id128_t id, slice_t name, int64_t seats)
{
    must(db_run(on, SQL("INSERT INTO tour (id, name, seats) VALUES (?1, ?2, ?3)"),
                DB_ARGS(db_id(&id), db_text(name), db_i64(seats)), NULL));
}

static int64_t count_of(sql_t sql)
{
    int64_t n;
    must(db_query_i64(db, sql, DB_NO_ARGS, &n));
    return n;
}

/* ------------------------------------------------------------------ values */

static void test_round_trip(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {0, 1, 0xff, '\'', 0, '\\', 'x', '?', 0};
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    const struct {
        int64_t n;
        slice_t text, blob;
        bool yes;
    } ROWS[] = {
        {0, SLICE(""), SLICE_EMPTY, false},
        {INT64_MAX, SLICE("関所トラベル 募集中"), slice_make(BYTES, sizeof BYTES), true},
        {INT64_MIN + 1, SLICE("it's ?1 \"q\" \\ %_ $1 -- ; /* */"), slice_make(all, sizeof all),
         true},
        {-1, SLICE("𠮷野家\n\t\x01"), SLICE("\\x00"), false},
        {42, SLICE("x"), SLICE("plain"), true},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        db_rows_t r;
        int64_t changes;
        must(db_run(db, SQL("INSERT INTO bag (n, t, b, yes) VALUES (?1, ?2, ?3, ?4)"),
                    DB_ARGS(db_i64(ROWS[i].n), db_text(ROWS[i].text), db_blob(ROWS[i].blob),
                            db_bool(ROWS[i].yes)),
                    &changes));
        assert_int_equal(changes, 1);
        must(db_query_one(db, &arena,
                          SQL("SELECT n, t, b, yes FROM bag WHERE n = ?1 AND t = ?2 AND b = ?3 "
                              "AND yes = ?4"),
                          DB_ARGS(db_i64(ROWS[i].n), db_text(ROWS[i].text), db_blob(ROWS[i].blob),
                                  db_bool(ROWS[i].yes)),
                          &r));
        assert_true(db_col_i64(&r, 0) == ROWS[i].n);
        assert_true(slice_eq(db_col_text(&r, 1), ROWS[i].text));
        assert_true(slice_eq(db_col_blob(&r, 2), ROWS[i].blob));
        assert_int_equal(db_col_bool(&r, 3), ROWS[i].yes);
        assert_false(db_col_is_null(&r, 1));
        assert_false(db_col_is_null(&r, 2));
    }
}

static void test_null_is_not_empty(void **state)
{
    (void)state;
    db_rows_t r;
    must(db_run(db, SQL("INSERT INTO bag (n, t, b, yes) VALUES (?1, ?2, ?3, ?4)"),
                DB_ARGS(db_null(), db_text_or_null(SLICE("")), db_id_or_null(NULL), db_null()),
                NULL));
    must(db_query_one(db, &arena, SQL("SELECT n, t, b, yes FROM bag WHERE t IS NULL"), DB_NO_ARGS,
                      &r));
    for (size_t i = 0; i < 4; i++) {
        assert_true(db_col_is_null(&r, i));
    }
    assert_int_equal(db_col_i64(&r, 0), 0);
    assert_int_equal(db_col_text(&r, 1).len, 0);
    assert_true(id_is_zero(db_col_id(&r, 2)));
}

static void test_text_rules(void **state)
{
    (void)state;
    const slice_t BAD[] = {SLICE("a\0b"), SLICE("\xff"), SLICE("\xc0\x80"), SLICE("\xed\xa0\x80")};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        must_fail(
            db_run(db, SQL("INSERT INTO bag (t) VALUES (?1)"), DB_ARGS(db_text(BAD[i])), NULL),
            ERR_ENCODING);
    }
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), 0);
}

static void test_injection_stays_data(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "'; DROP TABLE tour; --",
        "' OR '1'='1",
        "?1",
        "$1",
        "\\'; SELECT 1; --",
        "x' UNION SELECT sha256 FROM schema_migration --",
        "%",
        "_",
        "関'所",
        "/*",
        "\"",
    };
    for (size_t i = 0; i < BASE_COUNT(TEXTS); i++) {
        id128_t id = id_new();
        db_rows_t r;
        slice_t text = slice_cstr_in(TEXTS[i]);
        add_tour(db, id, text, 1);
        must(db_query_one(db, &arena, SQL("SELECT id FROM tour WHERE name = ?1"),
                          DB_ARGS(db_text(text)), &r));
        assert_true(id_eq(db_col_id(&r, 0), id));
    }
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), BASE_COUNT(TEXTS));
}

static void test_quotes_and_reuse(void **state)
{
    (void)state;
    db_rows_t r;
    /* ?2 before ?1, one used twice, '?' and $1 inside a string. */
    must(db_query_one(db, &arena,
                      SQL("SELECT 'is it? ?1 $1 it''s', CAST(?2 AS BIGINT) - CAST(?1 AS BIGINT), "
                          "CAST(?1 AS BIGINT) AS \"od?d\""),
                      DB_ARGS(db_i64(3), db_i64(10)), &r));
    assert_true(slice_eq(db_col_text(&r, 0), SLICE("is it? ?1 $1 it's")));
    assert_int_equal(db_col_i64(&r, 1), 7);
    assert_int_equal(db_col_i64(&r, 2), 3);
}

static void test_many_rows(void **state)
{
    (void)state;
    db_rows_t rows;
    int64_t sum = 0, expected = 0, changes;
    for (int64_t i = 0; i < 300; i++) {
        must(db_run(db, SQL("INSERT INTO bag (n) VALUES (?1)"), DB_ARGS(db_i64(i)), NULL));
        expected += i;
    }
    must(db_query(db, &arena, SQL("SELECT n FROM bag ORDER BY n"), DB_NO_ARGS, &rows));
    while (db_next(&rows)) {
        sum += db_col_i64(&rows, 0);
    }
    assert_int_equal(rows.count, 300);
    assert_int_equal(sum, expected);
    assert_int_equal(count_of(SQL("SELECT SUM(n) FROM bag")), expected);
    must(db_run(db, SQL("DELETE FROM bag WHERE n < ?1"), DB_ARGS(db_i64(100)), &changes));
    assert_int_equal(changes, 100);
    must(db_run(db, SQL("DELETE FROM bag WHERE n < ?1"), DB_ARGS(db_i64(100)), &changes));
    assert_int_equal(changes, 0);
    must(db_query(db, &arena, SQL("SELECT n FROM bag WHERE n < ?1"), DB_ARGS(db_i64(0)), &rows));
    assert_false(db_next(&rows));
}

static void test_common_subset(void **state)
{
    (void)state;
    id128_t id = id_new();
    int64_t number, changes;
    db_rows_t r;
    add_tour(db, id, SLICE("a"), 5);
    must(db_query_i64(db, SQL("INSERT INTO note (tour_id, body) VALUES (?1, ?2) RETURNING number"),
                      DB_ARGS(db_id(&id), db_text(SLICE("n1"))), &number));
    must(db_run(db,
                SQL("INSERT INTO tour (id, name, seats) VALUES (?1, ?2, ?3) "
                    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, seats = excluded.seats"),
                DB_ARGS(db_id(&id), db_text(SLICE("b")), db_i64(6)), &changes));
    assert_int_equal(changes, 1);
    must(db_run(db,
                SQL("INSERT INTO note (number, tour_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
                DB_ARGS(db_i64(number), db_id(&id)), &changes));
    assert_int_equal(changes, 0);
    must(db_query_one(db, &arena,
                      SQL("SELECT name, open FROM tour WHERE seats > ?1 AND open "
                          "ORDER BY seats DESC LIMIT ?2 OFFSET ?3"),
                      DB_ARGS(db_i64(5), db_i64(1), db_i64(0)), &r));
    assert_true(slice_eq(db_col_text(&r, 0), SLICE("b")));
    assert_true(db_col_bool(&r, 1));
}

/* ------------------------------------------------------------------ errors */

static void test_error_mapping(void **state)
{
    (void)state;
    id128_t id = id_new(), other = id_new();
    db_rows_t r;
    int64_t n;
    add_tour(db, id, SLICE("a"), 1);
    must_fail(db_run(db, SQL("INSERT INTO tour (id, name, seats) VALUES (?1, ?2, 0)"),
                     DB_ARGS(db_id(&id), db_text(SLICE("geheim"))), NULL),
              ERR_EXISTS);
    assert_null(strstr(db_last_error(db), "geheim"));
    assert_non_null(strstr(db_last_error(db), "tour"));
    must(db_run(db, SQL("INSERT INTO note (tour_id, body) VALUES (?1, 'u')"), DB_ARGS(db_id(&id)),
                NULL));
    must_fail(db_run(db, SQL("INSERT INTO note (tour_id, body) VALUES (?1, 'u')"),
                     DB_ARGS(db_id(&id)), NULL),
              ERR_EXISTS);
    must_fail(db_run(db, SQL("UPDATE tour SET seats = seats - 2"), DB_NO_ARGS, NULL), ERR_CONFLICT);
    must_fail(
        db_run(db, SQL("INSERT INTO note (tour_id) VALUES (?1)"), DB_ARGS(db_id(&other)), NULL),
        ERR_CONFLICT);
    must_fail(db_run(db, SQL("INSERT INTO tour (id, name, seats) VALUES (?1, ?2, 1)"),
                     DB_ARGS(db_id(&other), db_null()), NULL),
              ERR_CONFLICT);
    must_fail(db_query_one(db, &arena, SQL("SELECT name FROM tour WHERE seats = ?1"),
                           DB_ARGS(db_i64(77)), &r),
              ERR_NOT_FOUND);
    must_fail(db_query_i64(db, SQL("SELECT seats FROM tour WHERE seats = 77"), DB_NO_ARGS, &n),
              ERR_NOT_FOUND);
    add_tour(db, other, SLICE("a"), 1);
    must_fail(db_query_one(db, &arena, SQL("SELECT id FROM tour"), DB_NO_ARGS, &r), ERR_DB);
    must_fail(db_run(db, SQL("SELECT nothing FROM nowhere"), DB_NO_ARGS, NULL), ERR_DB);
    must_fail(db_query(db, &arena, SQL("SELECT CAST(?1 AS REAL)"), DB_ARGS(db_i64(1)), &r),
              ERR_USAGE);
    must_fail(db_run(db, SQL("DELETE FROM tour WHERE seats = ?1"), DB_NO_ARGS, NULL), ERR_USAGE);
    must_fail(
        db_run(db, SQL("DELETE FROM tour WHERE seats = ?1"), DB_ARGS(db_i64(1), db_i64(1)), NULL),
        ERR_USAGE);
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 2);
}

static void test_two_statements_refused(void **state)
{
    (void)state;
    assert_true(err_failed(db_run(db, SQL("DELETE FROM bag; DELETE FROM tour"), DB_NO_ARGS, NULL)));
}

static void test_no_memory(void **state)
{
    (void)state;
    db_rows_t rows;
    int64_t n = 0;
    for (int64_t i = 0; i < 40; i++) {
        must(db_run(db, SQL("INSERT INTO bag (n, t, b) VALUES (?1, ?2, ?3)"),
                    DB_ARGS(db_i64(i), db_text(SLICE("text")), db_blob(SLICE("blob"))), NULL));
    }
    for (arena.fail_after = 0;; n++) {
        arena.fail_after = n;
        err_t e = db_query(db, &arena, SQL("SELECT n, t, b FROM bag"), DB_NO_ARGS, &rows);
        if (!err_failed(e)) {
            break;
        }
        must_fail(e, ERR_MEMORY);
        arena_reset(&arena);
    }
    assert_true(n > 40);
    assert_int_equal(rows.count, 40);
    /* The statement was left ready each time. */
    must(db_run(db, SQL("DELETE FROM bag"), DB_NO_ARGS, NULL));
}

/* ------------------------------------------------------------------ transactions */

static err_t leaves_early(id128_t id)
{
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin(db, &tx));
    add_tour(db, id, SLICE("lost"), 1);
    ENSURE(false, ERR_FULL);
    return db_commit(&tx);
}

static void test_rollback_on_early_return(void **state)
{
    (void)state;
    must_fail(leaves_early(id_new()), ERR_FULL);
    assert_false(db_in_tx(db));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 0);
    db_tx_t tx = {0}, second = {0};
    must(db_begin(db, &tx));
    must_fail(db_begin(db, &second), ERR_USAGE);
    add_tour(db, id_new(), SLICE("kept"), 1);
    must(db_commit(&tx));
    must_fail(db_commit(&tx), ERR_USAGE);
    db_rollback(&tx);
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 1);
}

static void test_savepoints(void **state)
{
    (void)state;
    DB_TX_SCOPED db_tx_t tx = {0};
    id128_t id = id_new();
    must_fail(db_savepoint(db, 1), ERR_USAGE);
    must(db_begin(db, &tx));
    must(db_savepoint(db, 1));
    add_tour(db, id, SLICE("first"), 1);
    must(db_savepoint_keep(db, 1));
    for (unsigned i = 2; i < 5; i++) { /* each fails; the transaction goes on */
        must(db_savepoint(db, i));
        add_tour(db, id_new(), SLICE("undone"), 1);
        must_fail(db_run(db, SQL("INSERT INTO tour (id, name, seats) VALUES (?1, 'x', 1)"),
                         DB_ARGS(db_id(&id)), NULL),
                  ERR_EXISTS);
        must(db_savepoint_undo(db, i));
    }
    must_fail(db_savepoint(db, 1000), ERR_USAGE);
    must(db_savepoint(db, 5));
    add_tour(db, id_new(), SLICE("second"), 1);
    must(db_savepoint_keep(db, 5));
    must(db_commit(&tx));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 2);
}

/* PostgreSQL sends savepoints' commands together with what follows: the same must come of it. */
static void test_savepoints_and_what_follows(void **state)
{
    (void)state;
    DB_TX_SCOPED db_tx_t tx = {0};
    id128_t id = id_new();
    int64_t n = 0;
    must(db_begin(db, &tx));
    must(db_savepoint(db, 1)); /* nothing inside */
    must(db_savepoint_keep(db, 1));
    must(db_savepoint(db, 1));
    must(db_savepoint_undo(db, 1));
    for (unsigned i = 0; i < 100; i++) { /* more than are ever put off */
        must(db_savepoint(db, i));
    }
    for (unsigned i = 100; i-- > 0;) {
        must(db_savepoint_keep(db, i));
    }
    must(db_savepoint(db, 1)); /* the very first statement inside fails */
    must_fail(db_run(db, SQL("INSERT INTO tour (id, name, seats) VALUES (?1, 'x', -1)"),
                     DB_ARGS(db_id(&id)), NULL),
              ERR_CONFLICT);
    must(db_savepoint_undo(db, 1));
    must(db_savepoint(db, 1)); /* what does not even compile fails inside, too */
    must_fail(db_run(db, SQL("INSERT INTO nowhere (id) VALUES (?1)"), DB_ARGS(db_id(&id)), NULL),
              ERR_DB);
    must(db_savepoint_undo(db, 1));
    for (int i = 0; i < 3; i++) { /* a statement's own rows and count, not its companions' */
        int64_t changes = -1;
        must(db_savepoint(db, 1));
        add_tour(db, id_new(), SLICE("kept"), 7);
        must(db_savepoint_keep(db, 1));
        must(db_savepoint(db, 1));
        must(db_query_i64(db, SQL("SELECT SUM(seats) FROM tour"), DB_NO_ARGS, &n));
        assert_int_equal(n, 7 * (i + 1));
        must(db_savepoint_keep(db, 1));
        must(db_savepoint(db, 1));
        must(db_run(db, SQL("UPDATE tour SET seats = seats WHERE name = 'kept'"), DB_NO_ARGS,
                    &changes));
        assert_int_equal(changes, i + 1);
        must(db_savepoint_keep(db, 1));
    }
    must(db_commit(&tx));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 3);
    must(db_begin(db, &tx)); /* put off, and then nothing of it */
    must(db_savepoint(db, 1));
    db_rollback(&tx);
    must(db_begin(db, &tx));
    add_tour(db, id_new(), SLICE("last"), 1);
    must(db_savepoint(db, 1));
    must(db_savepoint_keep(db, 1));
    must(db_commit(&tx));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 4);
}

static void test_read_tx_sees_one_state(void **state)
{
    (void)state;
    DB_TX_SCOPED db_tx_t tx = {0};
    db_t *writer;
    must(db_open(url, &writer));
    must(db_begin_read(db, &tx));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 0);
    add_tour(writer, id_new(), SLICE("new"), 1);
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 0);
    must(db_commit(&tx));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 1);
    db_close(writer);
}

enum { SEATS = 50, TRIES = 40, WRITERS = 2 };

typedef struct writer {
    pthread_t thread;
    int sold;
    err_t e;
} writer_t;

static err_t sell_one(db_t *own, int *sold)
{
    int64_t changes;
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin(own, &tx));
    TRY(db_run(own, SQL("UPDATE tour SET seats = seats - 1 WHERE seats > 0"), DB_NO_ARGS,
               &changes));
    TRY(db_commit(&tx));
    *sold += (int)changes;
    return OK;
}

static void *sell(void *arg)
{
    writer_t *w = arg;
    db_t *own;
    w->e = db_open(url, &own);
    if (err_failed(w->e)) {
        return NULL;
    }
    for (int i = 0; i < TRIES && !err_failed(w->e); i++) {
        w->e = sell_one(own, &w->sold);
    }
    db_close(own);
    return NULL;
}

static void test_two_writers(void **state)
{
    (void)state;
    writer_t writers[WRITERS] = {0};
    int sold = 0;
    add_tour(db, id_new(), SLICE("wanted"), SEATS);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i].thread, NULL, sell, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        must(writers[i].e);
        sold += writers[i].sold;
    }
    assert_int_equal(sold, SEATS);
    assert_int_equal(count_of(SQL("SELECT seats FROM tour")), 0);
}

/* ------------------------------------------------------------------ pool */

enum { POOL_THREADS = 8, POOL_CONNS = 3, POOL_ROUNDS = 20 };

static void *use_pool(void *arg)
{
    db_pool_t *pool = arg;
    for (int i = 0; i < POOL_ROUNDS; i++) {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        if (err_failed(db_lease(pool, 5000, &lease)) ||
            err_failed(db_run(lease.db, SQL("INSERT INTO bag (n) VALUES (1)"), DB_NO_ARGS, NULL))) {
            return pool;
        }
    }
    return NULL;
}

static void test_pool(void **state)
{
    (void)state;
    db_pool_t *pool;
    db_t *taken[POOL_CONNS], *none;
    pthread_t threads[POOL_THREADS];
    must(db_pool_open(url, POOL_CONNS, &pool));
    for (int i = 0; i < POOL_CONNS; i++) {
        must(db_pool_take(pool, 1000, &taken[i]));
    }
    must_fail(db_pool_take(pool, 10, &none), ERR_DB_BUSY);
    db_tx_t left_open = {0};
    must(db_begin(taken[0], &left_open));
    add_tour(taken[0], id_new(), SLICE("uncommitted"), 1);
    for (int i = 0; i < POOL_CONNS; i++) {
        db_pool_give(pool, taken[i]);
    }
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM tour")), 0);
    for (int i = 0; i < POOL_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_pool, pool), 0);
    }
    for (int i = 0; i < POOL_THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), POOL_THREADS * POOL_ROUNDS);
    db_pool_close(pool);
}

/* The server ends a session: an idle one is made anew unseen, one in a transaction says so. */
static void test_connection_lost(void **state)
{
    (void)state;
    if (!on_pg) {
        skip();
    }
    static const char KILL[] = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity "
                               "WHERE pid <> pg_backend_pid() AND application_name = 'sekisho'";
    db_t *killer;
    db_tx_t tx = {0};
    int64_t n;
    must(db_open(url, &killer));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), 0);
    must(db_query_i64(killer, (sql_t){KILL}, DB_NO_ARGS, &n));
    assert_int_equal(n, 1);
    usleep(100 * 1000);
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), 0);
    must(db_begin(db, &tx));
    must(db_query_i64(killer, (sql_t){KILL}, DB_NO_ARGS, &n));
    usleep(100 * 1000);
    must_fail(db_run(db, SQL("INSERT INTO bag (n) VALUES (1)"), DB_NO_ARGS, NULL), ERR_UNAVAILABLE);
    must_fail(db_commit(&tx), ERR_UNAVAILABLE);
    assert_false(db_in_tx(db));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), 0);
    db_close(killer);
}

/* ------------------------------------------------------------------ migrations */

static void test_migrating(void **state)
{
    (void)state;
    int64_t number;
    db_migration_t changed[] = {test_migrations.rows[0], test_migrations.rows[1]};
    db_migration_t longer[] = {test_migrations.rows[0], test_migrations.rows[1], {0}};
    must(db_migrate(db, &test_migrations)); /* the second time: nothing to do */
    must(db_schema_number(db, &number));
    assert_int_equal(number, 2);
    must_fail(db_migrate(db, &(db_migrations_t){test_migrations.rows, 1}), ERR_VERSION);
    changed[0].sqlite = changed[0].pg = "CREATE TABLE other (n INTEGER)";
    must_fail(db_migrate(db, &(db_migrations_t){changed, 2}), ERR_CONFLICT);
    longer[2].number = 3;
    longer[2].sqlite = longer[2].pg = "CREATE TABLE third (n INTEGER); SELECT broken";
    assert_true(err_failed(db_migrate(db, &(db_migrations_t){longer, 3})));
    must(db_schema_number(db, &number));
    assert_int_equal(number, 2);
    must_fail(db_run(db, SQL("INSERT INTO third VALUES (1)"), DB_NO_ARGS, NULL), ERR_DB);
    longer[2].sqlite = longer[2].pg = "CREATE TABLE third (n INTEGER)";
    must(db_migrate(db, &(db_migrations_t){longer, 3}));
    must(db_run(db, SQL("INSERT INTO third VALUES (1)"), DB_NO_ARGS, NULL));
    db_rows_t r;
    id128_t id = id_new();
    must(db_run(db, SQL("INSERT INTO tour (id, seats) VALUES (?1, 1)"), DB_ARGS(db_id(&id)), NULL));
    must(db_query_one(db, &arena, SQL("SELECT name FROM tour"), DB_NO_ARGS, &r));
    assert_true(slice_eq(db_col_text(&r, 0), SLICE("no \"name\"? \\ it's empty")));
}

static void *migrate_too(void *arg)
{
    db_t *own;
    err_t *e = arg;
    *e = db_open(url, &own);
    if (!err_failed(*e)) {
        *e = db_migrate(own, &test_migrations);
        db_close(own);
    }
    return NULL;
}

static void test_migrations_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    err_t errors[4];
    int64_t number;
    db_close(db);
    db = NULL;
    fresh_url();
    must(db_open(url, &db));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_too, &errors[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 4; i++) {
        must(errors[i]);
    }
    must(db_schema_number(db, &number));
    assert_int_equal(number, 2);
}

/* ------------------------------------------------------------------ SQLite alone */

static void fill_until_full(int64_t *ret_rows)
{
    static uint8_t block[32 * 1024];
    err_t e;
    *ret_rows = 0;
    while (!err_failed(e = db_run(db, SQL("INSERT INTO bag (b) VALUES (?1)"),
                                  DB_ARGS(db_blob(slice_make(block, sizeof block))), NULL))) {
        ++*ret_rows;
    }
    must_fail(e, ERR_DISK_FULL);
}

static void test_disk_full(void **state)
{
    (void)state;
    char dir[] = "/tmp/sekisho-full-XXXXXX";
    int64_t rows;
    assert_non_null(mkdtemp(dir));
    if (on_pg || mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0) {
        rmdir(dir);
        print_message("disk full: needs root and SQLite, skipped\n");
        skip();
    }
    db_close(db);
    snprintf(url, sizeof url, "sqlite:%s/small.db", dir);
    must(db_open(url, &db));
    must(db_migrate(db, &test_migrations));
    fill_until_full(&rows);
    assert_true(rows > 3);
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), rows);
    assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=4m"), 0);
    must(db_run(db, SQL("INSERT INTO bag (n) VALUES (1)"), DB_NO_ARGS, NULL));
    assert_int_equal(count_of(SQL("SELECT COUNT(*) FROM bag")), rows + 1);
    db_close(db);
    db = NULL;
    umount2(dir, MNT_DETACH);
    rmdir(dir);
}

static void test_sqlite_settings(void **state)
{
    (void)state;
    if (on_pg) {
        skip();
    }
    db_rows_t r;
    must(db_query_one(db, &arena, SQL("PRAGMA journal_mode"), DB_NO_ARGS, &r));
    assert_true(slice_eq(db_col_text(&r, 0), SLICE("wal")));
    assert_int_equal(count_of(SQL("PRAGMA synchronous")), 2);
    assert_int_equal(count_of(SQL("PRAGMA foreign_keys")), 1);
    assert_int_equal(count_of(SQL("PRAGMA secure_delete")), 1);
}

static void test_damaged_file(void **state)
{
    (void)state;
    char path[256];
    db_t *bad;
    if (on_pg) {
        skip();
    }
    snprintf(path, sizeof path, "%s/damaged.db", lite_dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 2000; i++) {
        fputs("not a db", f);
    }
    fclose(f);
    char bad_url[300];
    snprintf(bad_url, sizeof bad_url, "sqlite:%s", path);
    must_fail(db_open(bad_url, &bad), ERR_CORRUPT);
    must_fail(db_open("sqlite:/nonexistent/x.db", &bad), ERR_UNAVAILABLE);
    must_fail(db_open("mysql://x", &bad), ERR_CONFIG);
    must_fail(db_open("postgresql:///x?host=/nonexistent", &bad), ERR_UNAVAILABLE);
}

/* ------------------------------------------------------------------ the rewriter */

static void test_rewrite(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want; /* NULL = refused */
        unsigned max_arg;
    } CASES[] = {
        {"SELECT 1", "SELECT 1", 0},
        {"a=?1 AND b=?2", "a=$1 AND b=$2", 2},
        {"?12?3", "$12$3", 12},
        {"'?1' || ?1", "'?1' || $1", 1},
        {"'it''s ?2' || ?1", "'it''s ?2' || $1", 1},
        {"\"a?1\"\"?2\" = ?1", "\"a?1\"\"?2\" = $1", 1},
        {"''?1", "''$1", 1},
        {"a = ?", NULL, 0},
        {"a = ?0", NULL, 0},
        {"a = ?65", NULL, 0},
        {"a = ?x", NULL, 0},
        {"'open ?1", NULL, 0},
        {"\"open ?1", NULL, 0},
        {"'a'' ?1", NULL, 0},
        {"a -- ?1", NULL, 0},
        {"a /* ?1 */", NULL, 0},
        {"$1", NULL, 0},
        {"$$?1$$", NULL, 0},
        {"E'\\' ?1", "E'\\' $1", 1}, /* standard strings: the backslash is a character */
        {"\\ ?1", NULL, 0},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint8_t mem[128];
        buf_t out = BUF_ON_ARRAY(mem);
        unsigned max_arg = 0;
        err_t e = db_rewrite(slice_cstr_in(CASES[i].in), &out, &max_arg);
        if (!CASES[i].want) {
            must_fail(e, ERR_USAGE);
            continue;
        }
        must(e);
        assert_true(slice_eq(buf_slice(&out), slice_cstr_in(CASES[i].want)));
        assert_int_equal(max_arg, CASES[i].max_arg);
    }
}

/* More statements than the cache holds. */
static void test_cache_overflow(void **state)
{
    (void)state;
    static char texts[DB_STMTS * 2][48];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < DB_STMTS * 2; i++) {
            int64_t n;
            snprintf(texts[i], sizeof texts[i], "SELECT %d + CAST(?1 AS BIGINT)", i);
            must(db_query_i64(db, (sql_t){texts[i]}, DB_ARGS(db_i64(1)), &n));
            assert_int_equal(n, i + 1);
        }
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static const struct CMUnitTest CASES[] = {
    CASE(test_round_trip),
    CASE(test_null_is_not_empty),
    CASE(test_text_rules),
    CASE(test_injection_stays_data),
    CASE(test_quotes_and_reuse),
    CASE(test_many_rows),
    CASE(test_common_subset),
    CASE(test_error_mapping),
    CASE(test_two_statements_refused),
    CASE(test_no_memory),
    CASE(test_rollback_on_early_return),
    CASE(test_savepoints),
    CASE(test_savepoints_and_what_follows),
    CASE(test_read_tx_sees_one_state),
    CASE(test_two_writers),
    CASE(test_pool),
    CASE(test_connection_lost),
    CASE(test_migrating),
    CASE(test_migrations_at_once),
    CASE(test_disk_full),
    CASE(test_sqlite_settings),
    CASE(test_damaged_file),
    CASE(test_cache_overflow),
    cmocka_unit_test(test_rewrite),
};

int main(void)
{
    int failed = 0;
    if (!mkdtemp(lite_dir)) {
        return 1;
    }
    failed += cmocka_run_group_tests_name("sqlite", CASES, NULL, NULL);
    nftw(lite_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    err_t e = test_pg_start(&pg);
    if (err_is(e, ERR_NOT_FOUND)) {
        print_message("postgresql is not installed: its half is skipped\n");
        return failed;
    }
    if (err_failed(e)) {
        print_error("postgresql did not start: %s\n", err_name(e.code));
        return failed + 1;
    }
    on_pg = true;
    cases = 0;
    failed += cmocka_run_group_tests_name("postgresql", CASES, NULL, NULL);
    test_pg_stop(&pg);
    return failed;
}
