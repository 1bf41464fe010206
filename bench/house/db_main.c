/* bench-db - the database side of benchmarks:
 *   bench-db seats URL CAP NTH     gives the NTH unbooked departure CAP seats, prints its id and
 * its tour's slug bench-db count URL DEPARTURE   prints how many bookings with seats on hold it
 * has, and what the counter says bench-db postgres              a PostgreSQL of its own, fsync on;
 * prints the URL of a schema; until stdin ends */
#include <stdio.h>
#include <unistd.h>

#include "db/test_pg.h"
#include "house/seats.h"

static int failed(const char *what, err_t e)
{
    fprintf(stderr, "bench-db: %s: %s\n", what, err_text(e.code));
    return 1;
}

static err_t print_departure(db_t *db, const char *departure)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    db_rows_t r;
    id128_t id;
    arena_init(&a, 64 * 1024);
    TRY(id_decode(slice_cstr_in(departure), &id));
    TRY(db_query_one(db, &a,
                     SQL("SELECT t.slug, t.place, d.city FROM departure d JOIN tour t ON t.id = "
                         "d.tour WHERE d.id = ?1"),
                     DB_ARGS(db_id(&id)), &r));
    printf("%s %.*s %.*s %.*s\n", departure, SLICE_FMT(db_col_text(&r, 0)),
           SLICE_FMT(db_col_text(&r, 1)), SLICE_FMT(db_col_text(&r, 2)));
    return OK;
}

static int seats(const char *url, const char *cap_text, const char *nth_text)
{
    uint64_t cap, nth;
    char departure[SEATS_ID];
    db_t *db;
    if (err_failed(slice_parse_u64(slice_cstr_in(cap_text), 1000000000, &cap)) ||
        err_failed(slice_parse_u64(slice_cstr_in(nth_text), 1000, &nth))) {
        return 2;
    }
    err_t e = db_open(url, &db);
    if (err_failed(e)) {
        return failed("open", e);
    }
    e = seats_prepare(db, nth, (int64_t)cap, departure);
    if (!err_failed(e)) {
        e = print_departure(db, departure);
    }
    db_close(db);
    return err_failed(e) ? failed("seats", e) : 0;
}

static err_t rows_of(db_t *db, const char *departure, int64_t *ret_rows, int64_t *ret_taken)
{
    id128_t id;
    TRY(id_decode(slice_cstr_in(departure), &id));
    TRY(db_query_i64(db,
                     SQL("SELECT COUNT(*) FROM booking b JOIN hold h ON h.booking = b.id "
                         "WHERE b.departure = ?1 AND h.state = 1"),
                     DB_ARGS(db_id(&id)), ret_rows));
    return db_query_i64(db,
                        SQL("SELECT i.taken FROM departure d JOIN inventory i ON i.id = "
                            "d.inventory WHERE d.id = ?1"),
                        DB_ARGS(db_id(&id)), ret_taken);
}

static int count(const char *url, const char *departure)
{
    int64_t rows = 0, taken = 0;
    db_t *db;
    err_t e = db_open(url, &db);
    if (err_failed(e)) {
        return failed("open", e);
    }
    e = rows_of(db, departure, &rows, &taken);
    db_close(db);
    if (err_failed(e)) {
        return failed("count", e);
    }
    printf("%lld %lld\n", (long long)rows, (long long)taken);
    return 0;
}

static int postgres(void)
{
    test_pg_t pg;
    char url[512], byte;
    err_t e = test_pg_start_durable(NULL, &pg);
    if (err_failed(e)) {
        return failed("postgres", e);
    }
    e = test_pg_schema(&pg, "shop", url, sizeof url);
    if (!err_failed(e)) {
        puts(url);
        fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
    }
    test_pg_stop(&pg);
    return err_failed(e) ? failed("schema", e) : 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "seats") == 0) {
        return seats(argv[2], argv[3], argv[4]);
    }
    if (argc == 4 && strcmp(argv[1], "count") == 0) {
        return count(argv[2], argv[3]);
    }
    if (argc == 2 && strcmp(argv[1], "postgres") == 0) {
        return postgres();
    }
    fputs("bench-db seats URL CAP NTH | count URL DEPARTURE | postgres\n", stderr);
    return 2;
}
