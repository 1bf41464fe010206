/* Tokens, the little store, rows and cache; rows on both back ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "db/test_pg.h"
#include "web/session_priv.h"

#define HOUR_US (3600 * CLOCK_SECOND_US)

static char dir[] = "/tmp/sekisho-ses-XXXXXX";
static test_pg_t pg;
static bool on_pg, has_pg;
static unsigned cases;
static char url[512];
static db_pool_t *pool;
static web_sessions_t *store;
static clock_cell_t clock_cell;

static void ok_at(err_t e, int line)
{
    if (err_failed(e)) {
        fail_msg("line %d: %s at %s:%u", line, err_name(e.code), e.where, (unsigned)e.line);
    }
}
#define ok(expr) ok_at((expr), __LINE__)
#define want(expr, name) assert_string_equal(err_name((expr).code), #name)

static const secret_t KEY = {{1, 2, 3}}, OTHER_KEY = {{3, 2, 1}};

static void test_anonymous_tokens(void **state)
{
    char t[SESSION_ANON_TOKEN + 1] = {0};
    int64_t now = INT64_C(1795000000) * CLOCK_SECOND_US;
    session_anon_make(&KEY, 1, now, t);
    slice_t token = slice_make(t, SESSION_ANON_TOKEN);
    assert_true(session_anon_ok(&KEY, 1, now, 3600, token));
    assert_true(session_anon_ok(&KEY, 1, now + HOUR_US, 3600, token));
    assert_false(session_anon_ok(&KEY, 1, now + 2 * HOUR_US, 3600, token));
    assert_false(session_anon_ok(&KEY, 1, now - HOUR_US, 3600, token)); /* from the future */
    assert_false(session_anon_ok(&KEY, 0, now, 3600, token));
    assert_false(session_anon_ok(&OTHER_KEY, 1, now, 3600, token));
    assert_false(session_anon_ok(&KEY, 1, now, 3600, slice_sub(token, 0, token.len - 1)));
    assert_false(session_anon_ok(&KEY, 1, now, 3600, SLICE_EMPTY));
    for (size_t i = 0; i < SESSION_ANON_TOKEN; i++) {
        char was = t[i];
        t[i] = was == 'b' ? 'c' : 'b';
        assert_false(session_anon_ok(&KEY, 1, now, 3600, token));
        t[i] = 'a'; /* no letter of ours */
        assert_false(session_anon_ok(&KEY, 1, now, 3600, token));
        t[i] = was;
    }
    assert_true(session_anon_ok(&KEY, 1, now, 3600, token));
    id128_t a = session_anon_csrf(&KEY, token), b = session_anon_csrf(&OTHER_KEY, token);
    assert_false(id_eq(a, b));
}

static void test_csrf_tokens(void **state)
{
    for (int round = 0; round < 200; round++) {
        id128_t secret = id_new(), other = id_new();
        char one[WEB_CSRF_LETTERS], two[WEB_CSRF_LETTERS];
        session_csrf_mask(secret, one);
        session_csrf_mask(secret, two);
        assert_memory_not_equal(one, two, sizeof one);
        slice_t token = slice_make(one, sizeof one);
        assert_true(session_csrf_ok(secret, token));
        assert_false(session_csrf_ok(other, token));
        assert_false(session_csrf_ok(secret, slice_sub(token, 0, 63)));
        one[round % 64] = one[round % 64] == 'b' ? 'c' : 'b';
        assert_false(session_csrf_ok(secret, token));
    }
    char zeros[WEB_CSRF_LETTERS];
    memset(zeros, 'b', sizeof zeros);
    assert_true(session_csrf_ok(id_zero(), slice_make(zeros, sizeof zeros)));
    assert_false(session_csrf_ok(id_new(), slice_make(zeros, sizeof zeros)));
}

static session_change_t set(const char *key, const char *value)
{
    return (session_change_t){slice_cstr_in(key), slice_cstr_in(value), false};
}

static session_change_t unset(const char *key)
{
    return (session_change_t){slice_cstr_in(key), SLICE_EMPTY, true};
}

static void test_data(void **state)
{
    uint8_t mem[WEB_SESSION_DATA_BYTES], mem2[WEB_SESSION_DATA_BYTES];
    buf_t a = BUF_ON_ARRAY(mem), b = BUF_ON_ARRAY(mem2);
    session_change_t first[] = {set("a", "1"), set("b", "2"), set("a", "3"), set("c", "")};
    ok(session_data_apply(SLICE_EMPTY, first, 4, &a));
    slice_t data = buf_slice(&a);
    assert_true(slice_eq(session_data_get(data, SLICE("a")), SLICE("3")));
    assert_true(slice_eq(session_data_get(data, SLICE("b")), SLICE("2")));
    assert_non_null(session_data_get(data, SLICE("c")).ptr);
    assert_null(session_data_get(data, SLICE("d")).ptr);
    session_change_t second[] = {unset("a"), set("d", "4"), unset("d"), unset("none")};
    ok(session_data_apply(data, second, 4, &b));
    assert_null(session_data_get(buf_slice(&b), SLICE("a")).ptr);
    assert_null(session_data_get(buf_slice(&b), SLICE("d")).ptr);
    assert_true(slice_eq(session_data_get(buf_slice(&b), SLICE("b")), SLICE("2")));
    /* bounds, and bytes that are none of ours */
    static const uint8_t huge[WEB_SESSION_DATA_BYTES] = {0};
    session_change_t big = {SLICE("x"), slice_make(huge, sizeof huge), false};
    buf_reset(&b);
    want(session_data_apply(data, &big, 1, &b), LIMIT);
    buf_reset(&b);
    want(session_data_apply(SLICE("\x05"
                                  "ab"),
                            NULL, 0, &b),
         CORRUPT);
    assert_null(session_data_get(SLICE("\xff"), SLICE("a")).ptr);
}

/* Rows. */

static int case_start(void **state)
{
    char name[] = "ses_a";
    name[4] = (char)('a' + cases++);
    if (on_pg) {
        ok(test_pg_schema(&pg, name, url, sizeof url));
    } else {
        snprintf(url, sizeof url, "sqlite:%s/%s.db", dir, name);
    }
    ok(db_pool_open(url, 8, &pool));
    web_sessions_config_t c = {.db = pool, .key = KEY, .lifetime = {{7200, 86400}, {900, 3600}}};
    ok(web_sessions_new(&c, &store));
    clock_cell.offset_us = 0;
    clock_attach(&clock_cell);
    return 0;
}

static int case_stop(void **state)
{
    web_sessions_free(store);
    db_pool_close(pool);
    clock_attach(NULL);
    return 0;
}

static session_row_t row_of(uint8_t first, uint8_t site, int64_t now_us)
{
    session_row_t row = {.site = site, .created_us = now_us, .seen_us = now_us, .version = 1};
    random_bytes(row.hash, sizeof row.hash);
    row.hash[0] = first;
    row.hash[1] = 0;
    row.id = id_new();
    row.csrf = id_new();
    return row;
}

static void test_rows(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t row = row_of(1, 1, now), have;
    row.user = id_new();
    row.roles = 5;
    row.data_len = 4;
    memcpy(row.data,
           "\x01"
           "a\0\0",
           4);
    ok(session_store_insert(store, &row, NULL));
    ok(session_store_find(store, row.hash, 1, now, &have));
    assert_memory_equal(&have, &row, sizeof row);
    /* through the database too: a node with an empty cache */
    web_sessions_t *node;
    web_sessions_config_t c = store->config;
    ok(web_sessions_new(&c, &node));
    ok(session_store_find(node, row.hash, 1, now, &have));
    assert_memory_equal(have.csrf.b, row.csrf.b, 16);
    assert_true(id_eq(have.user, row.user));
    assert_int_equal(have.data_len, 4);
    want(session_store_find(store, row.hash, 0, now, &have), NOT_FOUND);
    want(session_store_find(node, row.hash, 0, now, &have), NOT_FOUND);
    session_row_t unknown = row_of(1, 1, now);
    want(session_store_find(store, unknown.hash, 1, now, &have), NOT_FOUND);
    /* ended here: gone at once; the other node hears of it when it looks again */
    ok(session_store_delete(store, &row));
    want(session_store_find(store, row.hash, 1, now, &have), NOT_FOUND);
    ok(session_store_find(node, row.hash, 1, now, &have));
    clock_cell.offset_us = 31 * CLOCK_SECOND_US;
    want(session_store_find(node, row.hash, 1, now, &have), NOT_FOUND);
    web_sessions_free(node);
}

static void test_lifetimes(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t row = row_of(2, 1, now), have;
    ok(session_store_insert(store, &row, NULL));
    ok(session_store_find(store, row.hash, 1, now + 900 * CLOCK_SECOND_US, &have));
    /* seen then: lives on, but not past its whole life */
    ok(session_store_find(store, row.hash, 1, now + 1700 * CLOCK_SECOND_US, &have));
    ok(session_store_find(store, row.hash, 1, now + 2500 * CLOCK_SECOND_US, &have));
    ok(session_store_find(store, row.hash, 1, now + 3300 * CLOCK_SECOND_US, &have));
    want(session_store_find(store, row.hash, 1, now + 3601 * CLOCK_SECOND_US, &have), NOT_FOUND);
    session_row_t idle = row_of(3, 1, now);
    ok(session_store_insert(store, &idle, NULL));
    want(session_store_find(store, idle.hash, 1, now + 901 * CLOCK_SECOND_US, &have), NOT_FOUND);
    int64_t rows = 0;
    ok(web_sessions_purge(store, now, &rows));
    assert_int_equal(rows, 0);
    ok(web_sessions_purge(store, now + 902 * CLOCK_SECOND_US, &rows));
    assert_int_equal(rows, 1); /* the idle one; the other was seen later */
    ok(web_sessions_purge(store, now + 3602 * CLOCK_SECOND_US, &rows));
    assert_int_equal(rows, 1);
}

static int64_t seen_in_db(const session_row_t *row)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    int64_t seen = 0;
    ok(db_lease(pool, 1000, &lease));
    ok(db_query_i64(lease.db, SQL("SELECT seen_us FROM web_session WHERE hash = ?1"),
                    DB_ARGS(db_blob(slice_make(row->hash, SESSION_HASH))), &seen));
    return seen;
}

static void test_no_write_per_request(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t row = row_of(4, 0, now), have;
    ok(session_store_insert(store, &row, NULL));
    for (int i = 0; i < 100; i++) {
        ok(session_store_find(store, row.hash, 0, now + i * CLOCK_SECOND_US, &have));
    }
    assert_int_equal(seen_in_db(&row), now);
    ok(session_store_find(store, row.hash, 0, now + 301 * CLOCK_SECOND_US, &have));
    assert_int_equal(seen_in_db(&row), now + 301 * CLOCK_SECOND_US);
}

/* More rows of one cache set than it has places: all are found, from the database if need be. */
static void test_cache_is_bounded(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t rows[CACHE_WAYS + 3], have;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        rows[i] = row_of(5, 0, now);
        ok(session_store_insert(store, &rows[i], NULL));
    }
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        ok(session_store_find(store, rows[i].hash, 0, now, &have));
        assert_true(id_eq(have.id, rows[i].id));
    }
}

static void test_changes_meet(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t row = row_of(6, 0, now), one, two, have;
    ok(session_store_insert(store, &row, NULL));
    one = two = row;
    session_change_t a = set("a", "1"), b = set("b", "2");
    ok(session_store_change(store, &one, &a, 1));
    ok(session_store_change(store, &two, &b, 1)); /* stands on an old version */
    ok(session_store_find(store, row.hash, 0, now, &have));
    slice_t data = slice_make(have.data, have.data_len);
    assert_true(slice_eq(session_data_get(data, SLICE("a")), SLICE("1")));
    assert_true(slice_eq(session_data_get(data, SLICE("b")), SLICE("2")));
    ok(session_store_delete(store, &row));
    want(session_store_change(store, &one, &a, 1), CONFLICT);
}

static void test_rotation(void **state)
{
    int64_t now = clock_wall_us();
    session_row_t old = row_of(7, 0, now), fresh = row_of(8, 0, now), have;
    ok(session_store_insert(store, &old, NULL));
    ok(session_store_insert(store, &fresh, &old));
    want(session_store_find(store, old.hash, 0, now, &have), NOT_FOUND);
    ok(session_store_find(store, fresh.hash, 0, now, &have));
    /* all or nothing: a row that cannot be inserted leaves the old one */
    session_row_t clash = fresh;
    want(session_store_insert(store, &clash, &fresh), EXISTS);
    ok(session_store_find(store, fresh.hash, 0, now, &have));
}

static void test_lists(void **state)
{
    int64_t now = clock_wall_us(), rows_gone = 0;
    id128_t hanako = id_new(), taro = id_new();
    session_row_t rows[5], have;
    web_session_row_t list[8];
    size_t n = 0;
    for (size_t i = 0; i < 5; i++) {
        rows[i] = row_of((uint8_t)(20 + i), 0, now + (int64_t)i);
        rows[i].user = i < 4 ? hanako : taro;
        ok(session_store_insert(store, &rows[i], NULL));
    }
    ok(web_sessions_list(store, hanako, list, 8, &n));
    assert_int_equal(n, 4);
    assert_true(id_eq(list[0].id, rows[3].id));
    ok(web_sessions_list(store, hanako, list, 2, &n));
    assert_int_equal(n, 2);
    want(web_sessions_end(store, taro, rows[0].id), NOT_FOUND); /* not taro's */
    ok(web_sessions_end(store, hanako, rows[0].id));
    want(session_store_find(store, rows[0].hash, 0, now, &have), NOT_FOUND);
    ok(web_sessions_end_all(store, hanako, rows[1].id, &rows_gone));
    assert_int_equal(rows_gone, 2);
    ok(session_store_find(store, rows[1].hash, 0, now, &have));
    want(session_store_find(store, rows[2].hash, 0, now, &have), NOT_FOUND);
    ok(session_store_find(store, rows[4].hash, 0, now, &have));
    want(web_sessions_end_all(store, id_zero(), id_zero(), &rows_gone), NOT_FOUND);
}

/* A database that fails is an error, never "nobody is logged in". */
static void test_broken_database(void **state)
{
    session_row_t row = row_of(9, 0, clock_wall_us()), have;
    {
        DB_LEASE_SCOPED db_lease_t lease = {0};
        ok(db_lease(pool, 1000, &lease));
        ok(db_run(lease.db, SQL("DROP TABLE web_session"), DB_NO_ARGS, NULL));
    }
    err_t e = session_store_find(store, row.hash, 0, row.seen_us, &have);
    assert_true(err_failed(e) && !err_is(e, ERR_NOT_FOUND));
}

/* A room's writer: each piece of work is undone once and done again, as after a record that was
 * refused. */
static err_t write_twice(void *user, web_write_work_fn *work, void *ctx)
{
    unsigned *times = user;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(pool, 1000, &lease));
    for (int i = 0; i < 2; i++) {
        DB_TX_SCOPED db_tx_t tx = {0};
        TRY(db_begin(lease.db, &tx));
        TRY(work(ctx, lease.db));
        *times += 1;
        if (i == 1) {
            return db_commit(&tx);
        }
    }
    return OK;
}

static void test_room_writes(void **state)
{
    int64_t now = clock_wall_us();
    unsigned times = 0;
    web_sessions_t *own;
    web_sessions_config_t c = {.db = pool, .write = write_twice, .write_user = &times, .key = KEY};
    session_row_t row = row_of(30, 0, now), next = row_of(31, 0, now), have;
    session_change_t change = {SLICE("k"), SLICE("v"), false};
    ok(web_sessions_new(&c, &own));
    ok(session_store_insert(own, &row, NULL));
    ok(session_store_change(own, &row, &change, 1));
    assert_int_equal(times, 4); /* nothing passes by the room's writer */
    ok(session_store_find(store, row.hash, 0, now, &have)); /* another node: from the database */
    assert_int_equal(have.version, 2);
    assert_true(
        slice_eq(session_data_get(slice_make(have.data, have.data_len), SLICE("k")), SLICE("v")));
    ok(session_store_insert(own, &next, &row));
    want(session_store_insert(own, &next, NULL), EXISTS);
    want(session_store_find(own, row.hash, 0, now, &have), NOT_FOUND);
    ok(session_store_delete(own, &next));
    want(session_store_find(store, next.hash, 0, now, &have), NOT_FOUND);
    web_sessions_free(own);
}

#define ROW_CASE(fn) cmocka_unit_test_setup_teardown(fn, case_start, case_stop)

static int run_rows(const char *name)
{
    const struct CMUnitTest tests[] = {
        ROW_CASE(test_rows),
        ROW_CASE(test_lifetimes),
        ROW_CASE(test_no_write_per_request),
        ROW_CASE(test_cache_is_bounded),
        ROW_CASE(test_changes_meet),
        ROW_CASE(test_rotation),
        ROW_CASE(test_lists),
        ROW_CASE(test_room_writes),
        ROW_CASE(test_broken_database),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest pure[] = {
        cmocka_unit_test(test_anonymous_tokens),
        cmocka_unit_test(test_csrf_tokens),
        cmocka_unit_test(test_data),
    };
    int failed = cmocka_run_group_tests_name("session", pure, NULL, NULL);
    CHECK(mkdtemp(dir));
    failed += run_rows("session rows, SQLite");
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    for (unsigned i = 0; i < cases * BASE_COUNT(ENDS); i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/ses_%c.db%s", dir, 'a' + (int)(i / BASE_COUNT(ENDS)),
                 ENDS[i % BASE_COUNT(ENDS)]);
        unlink(path);
    }
    rmdir(dir);
    err_t e = test_pg_start(&pg);
    has_pg = !err_failed(e);
    if (!has_pg) {
        fprintf(stderr, "skipped: no PostgreSQL here (%s)\n", err_name(e.code));
        return failed;
    }
    on_pg = true;
    cases = 0;
    failed += run_rows("session rows, PostgreSQL");
    test_pg_stop(&pg);
    return failed;
}
