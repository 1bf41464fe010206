/* Databases and fixtures for the shop's tests. */
#include "test_base.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "db/test_pg.h"
#include "migrate_shop.h"

static test_pg_t pg;
static bool on_pg;
static char lite_dir[40];
static unsigned serial;

static err_t count_append(void *ctx, const ledger_record_t *recs, size_t n, uint64_t *ret_first_seq)
{
    test_shop_t *s = ctx;
    pthread_mutex_lock(&s->lock);
    bool refuse = s->refuse;
    for (size_t i = 0; i < n && !refuse; i++) {
        s->records[recs[i].type]++;
    }
    pthread_mutex_unlock(&s->lock);
    *ret_first_seq = 7;
    return refuse ? FAIL(ERR_NOT_RECORDED) : OK;
}

static void count_note(void *ctx, const ledger_record_t *rec)
{
    test_shop_t *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->records[rec->type]++;
    pthread_mutex_unlock(&s->lock);
}

static void fresh_url(test_shop_t *s)
{
    char name[16] = "shop";
    size_t n = 4;
    for (unsigned k = ++serial; k > 0; k /= 26) {
        name[n++] = (char)('a' + k % 26);
    }
    name[n] = 0;
    if (on_pg) {
        GOOD(test_pg_schema(&pg, name, s->url, sizeof s->url));
    } else {
        snprintf(s->url, sizeof s->url, "sqlite:%s/%s.db", lite_dir, name);
    }
}

static int up(void **state)
{
    test_shop_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fresh_url(s);
    pthread_mutex_init(&s->lock, NULL);
    arena_init(&s->arena, 256 * 1024 * 1024);
    s->way = (record_way_t){.ctx = s, .append = count_append, .note = count_note};
    GOOD(db_open(s->url, &s->db));
    GOOD(db_migrate(s->db, &shop_migrations));
    s->tour = id_new();
    GOOD(db_run(s->db, SQL("INSERT INTO place (code, ja, en, sort) VALUES ('p', 'p', 'p', 1)"),
                DB_NO_ARGS, NULL));
    GOOD(db_run(s->db, SQL("INSERT INTO city (code, ja, en, sort) VALUES ('c', 'c', 'c', 1)"),
                DB_NO_ARGS, NULL));
    GOOD(db_run(
        s->db,
        SQL("INSERT INTO tour (id, slug, place, picture, days, nights, featured, sort, "
            "title_ja, title_en, lead_ja, lead_en, alt_ja, alt_en, includes_ja, includes_en, "
            "excludes_ja, excludes_en, hotel_ja, hotel_en, guide_ja, guide_en, search) VALUES "
            "(?1, 's', 'p', 'x', 2, 1, 1, 1, 't', 't', 'l', 'l', 'a', 'a', 'i', 'i', 'e', "
            "'e', 'h', 'h', 'g', 'g', 's')"),
        DB_ARGS(db_id(&s->tour)), NULL));
    GOOD(writer_start(s->url, &s->way, &s->writer));
    *state = s;
    return 0;
}

static int down(void **state)
{
    test_shop_t *s = *state;
    writer_stop(s->writer);
    db_close(s->db);
    arena_deinit(&s->arena);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int test_both(const char *name, const struct CMUnitTest *cases, size_t n)
{
    struct CMUnitTest own[64];
    char title[80];
    int failed = 0;
    assert_true(n <= BASE_COUNT(own));
    for (size_t i = 0; i < n; i++) {
        own[i] = cases[i];
        own[i].setup_func = up;
        own[i].teardown_func = down;
    }
    memcpy(lite_dir, "/tmp/sekisho-shop-XXXXXX", 25);
    assert_non_null(mkdtemp(lite_dir));
    snprintf(title, sizeof title, "%s, sqlite", name);
    failed += _cmocka_run_group_tests(title, own, n, NULL, NULL);
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
    snprintf(title, sizeof title, "%s, postgresql", name);
    failed += _cmocka_run_group_tests(title, own, n, NULL, NULL);
    test_pg_stop(&pg);
    return failed;
}

void test_writer_restart(test_shop_t *s)
{
    writer_stop(s->writer);
    GOOD(writer_start(s->url, &s->way, &s->writer));
}

id128_t test_departure(test_shop_t *s, int64_t cap, int64_t taken, int64_t flags)
{
    id128_t id = id_new(), inventory = id_new();
    int64_t day = TEST_NOW / CLOCK_DAY_US + 60;
    GOOD(db_run(s->db, SQL("INSERT INTO inventory (id, cap, taken, held) VALUES (?1, ?2, ?3, 0)"),
                DB_ARGS(db_id(&inventory), db_i64(cap), db_i64(taken)), NULL));
    GOOD(db_run(
        s->db,
        SQL("INSERT INTO departure (id, tour, city, office, inventory, day, deadline_us, "
            "adult, child, min_pax, flags, meeting_ja, meeting_en) VALUES (?1, ?2, 'c', 'o', "
            "?3, ?4, ?5, 10000, 5000, 10, ?6, 'm', 'm')"),
        DB_ARGS(db_id(&id), db_id(&s->tour), db_id(&inventory), db_i64(day),
                db_i64((day - 5) * CLOCK_DAY_US), db_i64(flags)),
        NULL));
    return id;
}

id128_t test_departure_undecided(test_shop_t *s, int64_t cap, int64_t taken)
{
    id128_t id = test_departure(s, cap, taken, 0);
    GOOD(db_run(s->db, SQL("UPDATE departure SET decide_us = ?2 WHERE id = ?1"),
                DB_ARGS(db_id(&id), db_i64(TEST_DECIDE)), NULL));
    return id;
}

hold_request_t test_request(id128_t departure, int64_t adults, int64_t now_us)
{
    static _Thread_local char token[SHOP_TOKEN_LETTERS];
    random_letters(token, sizeof token);
    return (hold_request_t){.departure = departure,
                            .adults = adults,
                            .client_token = slice_make(token, sizeof token),
                            .request = id_new(),
                            .now_us = now_us,
                            .hold_s = 2700};
}

/* People as rows only: these tests have no vault. */
static err_t pretend_people(job_t *job, db_t *db)
{
    static const uint8_t SEALED[16] = {1};
    booking_t *b = job->ctx;
    db_value_t v = db_blob(slice_make(SEALED, sizeof SEALED));
    TRY(booking_take_step(db, b, STEP_TRAVELLERS, TEST_NOW));
    return db_run(db,
                  SQL("INSERT INTO representative (booking, email_index, phone_index, kana_index, "
                      "name, kana, email, phone, postcode, address) "
                      "VALUES (?1, ?2, ?2, ?2, ?2, ?2, ?2, ?2, ?2, ?2)"),
                  DB_ARGS(db_id(&b->id), v), NULL);
}

static err_t pretend_consent(job_t *job, db_t *db)
{
    return booking_take_step(db, job->ctx, STEP_CONSENT, TEST_NOW);
}

id128_t test_booking(test_shop_t *s, id128_t departure, int64_t adults, int64_t now_us)
{
    hold_made_t made;
    hold_request_t q = test_request(departure, adults, now_us);
    GOOD(hold_take(s->writer, &s->arena, &q, &made));
    booking_t b = test_load(s, made.booking);
    GOOD(writer_run(s->writer, &s->arena, pretend_people, &b));
    return made.booking;
}

id128_t test_awaiting(test_shop_t *s, id128_t departure, int64_t adults, int64_t now_us)
{
    id128_t id = test_booking(s, departure, adults, now_us);
    booking_t b = test_load(s, id);
    GOOD(writer_run(s->writer, &s->arena, pretend_consent, &b));
    return id;
}

pay_event_t test_event(test_shop_t *s, uint64_t seq, id128_t booking, id128_t attempt,
                       pay_state_t state)
{
    return (pay_event_t){.seq = seq,
                         .attempt = attempt,
                         .booking = booking,
                         .request = id_new(),
                         .state = state,
                         .amount_minor = test_i64(s, SQL("SELECT total FROM booking WHERE id = ?1"),
                                                  DB_ARGS(db_id(&booking))),
                         .currency = {'J', 'P', 'Y'},
                         .time_us = TEST_NOW};
}

booking_t test_load(test_shop_t *s, id128_t booking)
{
    booking_t b;
    GOOD(booking_load(s->db, &s->arena, booking, &b));
    return b;
}

int64_t test_i64(test_shop_t *s, sql_t sql, db_args_t args)
{
    int64_t v = -1;
    GOOD(db_query_i64(s->db, sql, args, &v));
    return v;
}

void test_seats(test_shop_t *s, id128_t departure, int64_t *ret_taken, int64_t *ret_held)
{
    db_rows_t r;
    GOOD(db_query_one(s->db, &s->arena,
                      SQL("SELECT i.taken, i.held, i.id FROM inventory i "
                          "JOIN departure d ON d.inventory = i.id WHERE d.id = ?1"),
                      DB_ARGS(db_id(&departure)), &r));
    *ret_taken = db_col_i64(&r, 0);
    *ret_held = db_col_i64(&r, 1);
    id128_t inventory = db_col_id(&r, 2);
    int64_t held = test_i64(s,
                            SQL("SELECT CAST(COALESCE(SUM(seats), 0) AS BIGINT) FROM hold "
                                "WHERE inventory = ?1 AND state = 1"),
                            DB_ARGS(db_id(&inventory)));
    assert_int_equal(held, *ret_held);
}
