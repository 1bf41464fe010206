/* Proves with PostgreSQL what the SQL injection detector misses: hand-written injections and benign
 * texts are pasted into a weak page; one that does harm must have been detected.
 *
 *   test_prove_pg FOLDER */
#include <libpq-fe.h>
#include <stdio.h>

#include "../sqli.h"
#include "cases.h"
#include "db/test_pg.h"

static const struct {
    const char *name, *before, *behind;
    int rows; /* how many rows one honest value can give */
} PLACES[] = {
    {"number", "SELECT id, name FROM tours WHERE public = 1 AND id = ", "", 1},
    {"number", "SELECT id, name FROM tours WHERE id = ", " AND public = 1", 1},
    {"paren", "SELECT id, name FROM tours WHERE (id = ", ") AND public = 1", 1},
    {"single", "SELECT id, name FROM tours WHERE name = '", "' AND public = 1", 1},
    {"single", "SELECT id, name FROM staff WHERE name = '", "' AND secret = 'unknown'", 0},
    {"sparen", "SELECT id, name FROM tours WHERE (name = '", "') AND public = 1", 1},
    {"like", "SELECT id, name FROM tours WHERE name LIKE 'x%", "%' AND public = 1", 0},
    {"order", "SELECT id, name FROM tours WHERE public = 1 ORDER BY ", "", 3},
    {"limit", "SELECT id, name FROM tours WHERE public = 1 AND id = 1 LIMIT ", "", 1},
    {"comment", "SELECT id, name FROM tours WHERE public = 1 AND id = 1 /* ", " */", 1},
};
enum { PLACE_COUNT = sizeof(PLACES) / sizeof(PLACES[0]), SQL_MAX = 65536 };

static void silent(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static void must(PGconn *db, const char *sql)
{
    PGresult *r = PQexec(db, sql);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(db));
        abort();
    }
    PQclear(r);
}

static void tables_make(PGconn *db)
{
    must(db, "DROP TABLE IF EXISTS tours, staff, staff2, z");
    must(db, "CREATE TABLE tours(id int, name text, public int)");
    must(db, "INSERT INTO tours VALUES(1,'kyoto',1),(2,'nara',1),(3,'osaka',1),(4,'private',0)");
    must(db, "CREATE TABLE staff(id int, name text, secret text)");
    must(db, "INSERT INTO staff VALUES(1,'admin','s3cret-a'),(2,'sato','s3cret-b')");
    must(db, "CREATE TABLE staff2(id int, secret text)");
}

static bool same_table(PGconn *db, const char *sql, const char *want)
{
    PGresult *r = PQexec(db, sql);
    bool same = PQresultStatus(r) == PGRES_TUPLES_OK && strcmp(PQgetvalue(r, 0, 0), want) == 0;
    PQclear(r);
    return same;
}

static bool rows_harm(const PGresult *r, int honest)
{
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        const char *said = PQresultErrorMessage(r);
        return strstr(said, "s3cret") != NULL; /* an error that tells */
    }
    if (PQntuples(r) > honest) {
        return true;
    }
    for (int i = 0; i < PQntuples(r); i++) {
        const char *name = PQnfields(r) > 1 ? PQgetvalue(r, i, 1) : "";
        if (strcmp(name, "kyoto") != 0 && strcmp(name, "nara") != 0 && strcmp(name, "osaka") != 0) {
            return true;
        }
    }
    return false;
}

static bool harmed(PGconn *db, size_t place, slice_t value)
{
    static char sql[SQL_MAX];
    if (memchr(value.ptr, 0, value.len) || value.len > SQL_MAX / 2) {
        return false;
    }
    (void)snprintf(sql, sizeof(sql), "%s%.*s%s", PLACES[place].before, SLICE_FMT(value),
                   PLACES[place].behind);
    must(db, "BEGIN");
    must(db, "SET LOCAL statement_timeout = 2000");
    PGresult *r = PQexec(db, sql);
    bool bad = rows_harm(r, PLACES[place].rows);
    PQclear(r);
    if (PQtransactionStatus(db) == PQTRANS_INTRANS) {
        bad |= !same_table(db, "SELECT count(*) * 100 + sum(public) FROM tours", "403");
        bad |= PQtransactionStatus(db) == PQTRANS_INTRANS &&
               !same_table(db, "SELECT count(*) FROM staff", "2");
    } else if (PQtransactionStatus(db) == PQTRANS_IDLE) {
        bad = true; /* it ended our transaction */
        tables_make(db);
        return bad;
    }
    must(db, "ROLLBACK");
    return bad;
}

static bool harmed_anywhere(PGconn *db, slice_t value)
{
    for (size_t p = 0; p < PLACE_COUNT; p++) {
        if (harmed(db, p, value)) {
            return true;
        }
    }
    return false;
}

static unsigned attacks(PGconn *db, const char *folder, const char *file)
{
    cases_t cases;
    unsigned harmful = 0, missed = 0;
    cases_read(folder, file, &cases);
    for (size_t i = 0; i < cases.count; i++) {
        bool found = sqli_detect(cases.list[i].value, NULL),
             harm = harmed_anywhere(db, cases.list[i].value);
        harmful += harm;
        if (!found) {
            missed++;
            printf("missed%s: %.*s\n", harm ? " and harmful" : "", SLICE_FMT(cases.list[i].value));
        }
    }
    printf("%s: %zu values, %u harmful on PostgreSQL, %u not detected\n", file, cases.count,
           harmful, missed);
    cases_free(&cases);
    return missed + (harmful < 5);
}

static slice_t file_read(const char *folder, const char *file)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 20);
    CHECK(f && text);
    size_t n = fread(text, 1, 1 << 20, f);
    (void)fclose(f);
    return slice_make(text, n);
}

/* Texts that people write do no harm, but for "2 or 3": a condition, and a number of nights. */
static unsigned texts(PGconn *db, const char *folder, const char *file)
{
    slice_t all = file_read(folder, file), line;
    const uint8_t *start = all.ptr;
    unsigned harmful = 0;
    while (slice_split(&all, '\n', &line)) {
        if (line.len && harmed_anywhere(db, line)) {
            harmful++;
            printf("harmful and not detected: %.*s\n", SLICE_FMT(line));
        }
    }
    free((void *)(uintptr_t)start);
    printf("%s: %u harmful on PostgreSQL\n", file, harmful);
    return harmful > 3;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    test_pg_t pg;
    err_t e = test_pg_start(&pg);
    if (err_is(e, ERR_NOT_FOUND)) {
        printf("no PostgreSQL installed: skipped\n");
        return 77;
    }
    CHECK(!err_failed(e));
    PGconn *db = PQconnectdb(pg.url);
    unsigned bad = 1;
    if (PQstatus(db) == CONNECTION_OK) {
        PQsetNoticeProcessor(db, silent, NULL);
        tables_make(db);
        bad = attacks(db, argv[1], "attacks_postgres.txt");
        bad += attacks(db, argv[1], "attacks_sqlite.txt");
        bad += texts(db, argv[1], "benign_en.txt");
        bad += texts(db, argv[1], "benign_ja.txt");
    } else {
        fprintf(stderr, "%s\n", PQerrorMessage(db));
    }
    PQfinish(db);
    test_pg_stop(&pg);
    return bad ? 1 : 0;
}
