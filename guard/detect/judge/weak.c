#include <sqlite3.h>

#include "weak.h"

struct weak {
    sqlite3 *db;
};

/* Where values are pasted in. %V is the value. Every place shows public tours only; the private one
 * and the staff's secrets are what a thief wants. */
static const struct {
    const char *name, *before, *behind;
    int rows; /* how many rows one honest value can give */
} PLACES[WEAK_PLACES] = {
    {"number", "SELECT id, name FROM tours WHERE public = 1 AND id = ", "", 1},
    {"number, more behind", "SELECT id, name FROM tours WHERE id = ", " AND public = 1", 1},
    {"number in parentheses", "SELECT id, name FROM tours WHERE (id = ", ") AND public = 1", 1},
    {"number in two parentheses", "SELECT id, name FROM tours WHERE ((id = ", ") AND (public = 1))",
     1},
    {"single", "SELECT id, name FROM tours WHERE name = '", "' AND public = 1", 1},
    {"single at the end", "SELECT id, name FROM tours WHERE public = 1 AND name = '", "'", 1},
    {"single in parentheses", "SELECT id, name FROM tours WHERE (name = '", "') AND public = 1", 1},
    {"single in two parentheses", "SELECT id, name FROM tours WHERE ((name = '",
     "') AND (public = 1))", 1},
    {"pattern", "SELECT id, name FROM tours WHERE name LIKE 'x%", "%' AND public = 1", 0},
    {"double", "SELECT id, name FROM tours WHERE name = \"", "\" AND public = 1", 1},
    {"double in parentheses", "SELECT id, name FROM tours WHERE (name = \"", "\") AND public = 1",
     1},
    {"list", "SELECT id, name FROM tours WHERE public = 1 AND id IN (", ")", 1},
    {"limit", "SELECT id, name FROM tours WHERE public = 1 AND id = 1 LIMIT ", "", 1},
    {"login", "SELECT id, name FROM staff WHERE name = '", "' AND secret = 'unknown'", 0},
};

const char *weak_place(unsigned place)
{
    return place < WEAK_PLACES ? PLACES[place].name : "?";
}

static void must(sqlite3 *db, const char *sql)
{
    CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

/* Queries that run long would hold the test up: a step budget ends them, and counts as harm. */
static int too_long(void *steps)
{
    return ++*(unsigned *)steps > 200;
}

weak_t *weak_open(void)
{
    weak_t *w = calloc(1, sizeof(*w));
    CHECK(w && sqlite3_open(":memory:", &w->db) == SQLITE_OK);
    (void)sqlite3_limit(w->db, SQLITE_LIMIT_LENGTH, 1 << 20);
    (void)sqlite3_limit(w->db, SQLITE_LIMIT_ATTACHED, 0);
    must(w->db, "CREATE TABLE tours(id INTEGER, name TEXT, public INTEGER);"
                "INSERT INTO tours VALUES(1,'kyoto',1),(2,'nara',1),(3,'osaka',1),(4,'private',0);"
                "CREATE TABLE staff(id INTEGER, name TEXT, secret TEXT);"
                "INSERT INTO staff VALUES(1,'admin','s3cret-a'),(2,'sato','s3cret-b');");
    return w;
}

void weak_close(weak_t *weak)
{
    (void)sqlite3_close(weak->db);
    free(weak);
}

typedef struct seen {
    int rows;
    bool foreign; /* a row that no honest value shows */
} seen_t;

static bool honest_row(const char *id, const char *name)
{
    static const char *const ROWS[][2] = {{"1", "kyoto"}, {"2", "nara"}, {"3", "osaka"}};
    for (size_t i = 0; i < 3; i++) {
        if (id && name && strcmp(id, ROWS[i][0]) == 0 && strcmp(name, ROWS[i][1]) == 0) {
            return true;
        }
    }
    return false;
}

static int row_seen(void *arg, int columns, char **text, char **names)
{
    (void)names;
    seen_t *s = arg;
    s->rows++;
    s->foreign |= columns < 2 || !honest_row(text[0], text[1]);
    return s->rows > 50;
}

static int count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        n = sqlite3_column_int(st, 0);
    }
    (void)sqlite3_finalize(st);
    return n;
}

bool weak_harmed(weak_t *weak, unsigned place, slice_t value)
{
    CHECK(place < WEAK_PLACES);
    if (memchr(value.ptr, 0, value.len)) {
        return false; /* SQLite's text ends there */
    }
    size_t before = strlen(PLACES[place].before), behind = strlen(PLACES[place].behind);
    char *sql = malloc(before + value.len + behind + 1);
    CHECK(sql);
    memcpy(sql, PLACES[place].before, before);
    memcpy(sql + before, value.ptr, value.len);
    memcpy(sql + before + value.len, PLACES[place].behind, behind + 1);
    seen_t s = {0};
    unsigned steps = 0;
    must(weak->db, "SAVEPOINT page");
    sqlite3_progress_handler(weak->db, 100000, too_long, &steps);
    int rc = sqlite3_exec(weak->db, sql, row_seen, &s, NULL);
    sqlite3_progress_handler(weak->db, 0, NULL, NULL);
    free(sql);
    bool harmed = s.foreign || s.rows > PLACES[place].rows || rc == SQLITE_INTERRUPT;
    if (sqlite3_get_autocommit(weak->db)) { /* it closed our savepoint: begin anew */
        sqlite3 *old = weak->db;
        weak_t *again = weak_open();
        weak->db = again->db;
        free(again);
        (void)sqlite3_close(old);
        return true;
    }
    harmed |= count(weak->db, "SELECT count(*) * 100 + sum(public) FROM tours") != 403 ||
              count(weak->db, "SELECT count(*) FROM staff") != 2 ||
              count(weak->db, "SELECT count(*) FROM sqlite_master") != 2;
    must(weak->db, "ROLLBACK TO page");
    must(weak->db, "RELEASE page");
    return harmed;
}
