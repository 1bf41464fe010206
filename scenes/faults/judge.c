/* house-judge VAR JOURNAL < DUMP - was anything lost that somebody had been told?
 *
 * JOURNAL is what house-walkers wrote; DUMP the lines of `sekisho ledger verify --json --dump`. Run
 * it when the walkers have ended, the house is healthy and its clock has been set past the last
 * hold's end. Prints one JSON object: told_*              how many facts of each kind the journal
 * has records_lost        told records that do not stand at their number with their id held_lost
 * told holds that the shop has no booking of paid_lost           bookings the provider took money
 * for that are neither confirmed nor paid back confirmed_lost      bookings whose page said
 * "confirmed" and that are not, or without the record unseated            confirmed bookings
 * without seats taken for good leaked_seats        seats still on hold, and seats taken that no
 * confirmed booking has overdue             holds past their end that were not given back
 *   confirmed, captured_open   confirmed bookings; attempts of payd that hold money
 * Exit 0 when it could judge, whatever the judgement; 1 when it could not. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/slice.h"

enum { LINE_MAX_BYTES = 64 * 1024, FACTS_MAX = 1000000 };
typedef enum fact_kind { HELD, PAID, CONFIRMED, RECORD, KINDS } fact_kind_t;
static const char *const KIND_NAMES[KINDS] = {"held", "paid", "confirmed", "record"};
enum { STATE_CONFIRMED = 4, STATE_REFUNDED_LATE = 7, STATE_REFUNDED = 8 }; /* booking_table.h */

typedef struct fact {
    fact_kind_t kind;
    uint64_t seq;
    id128_t id;
    bool found;
} fact_t;

typedef struct judge {
    sqlite3 *shop, *pay;
    fact_t *facts;
    size_t n;
    uint64_t told[KINDS], lost[KINDS];
} judge_t;

static int die(const char *what)
{
    fprintf(stderr, "house-judge: %s\n", what);
    return 1;
}

/* ---- the journal ---- */

static bool fact_parse(slice_t line, fact_t *ret_fact)
{
    slice_t word;
    if (!slice_split(&line, ' ', &word)) {
        return false;
    }
    for (fact_kind_t k = HELD; k < KINDS; k++) {
        if (!slice_eq(word, slice_cstr_in(KIND_NAMES[k]))) {
            continue;
        }
        *ret_fact = (fact_t){.kind = k};
        if (k == RECORD && (!slice_split(&line, ' ', &word) ||
                            err_failed(slice_parse_u64(word, UINT64_MAX, &ret_fact->seq)))) {
            return false;
        }
        return !err_failed(id_decode(line, &ret_fact->id));
    }
    return false;
}

static bool journal_read(judge_t *j, const char *path)
{
    char line[128];
    FILE *f = fopen(path, "re");
    j->facts = calloc(FACTS_MAX, sizeof *j->facts);
    while (f && j->facts && j->n < FACTS_MAX && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!fact_parse(slice_cstr_in(line), &j->facts[j->n])) {
            fprintf(stderr, "journal: %s\n", line);
            fclose(f);
            return false;
        }
        j->told[j->facts[j->n++].kind]++;
    }
    bool whole = f && feof(f);
    if (f) {
        fclose(f);
    }
    return whole;
}

/* ---- the record ---- */

/* The value of "key": in one of the verifier's lines; numbers and letters only. */
static slice_t value_of(slice_t line, const char *key)
{
    char mark[40];
    snprintf(mark, sizeof mark, "\"%s\":", key);
    size_t at = slice_find(line, slice_cstr_in(mark));
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    slice_t rest = slice_from(line, at + strlen(mark));
    rest = rest.len && rest.ptr[0] == '"' ? slice_from(rest, 1) : rest;
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != '"' && rest.ptr[n] != ',' && rest.ptr[n] != '}') {
        n++;
    }
    return slice_sub(rest, 0, n);
}

static int by_seq(const void *a, const void *b)
{
    const fact_t *x = *(fact_t *const *)a, *y = *(fact_t *const *)b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_id(const void *a, const void *b)
{
    const fact_t *x = *(fact_t *const *)a, *y = *(fact_t *const *)b;
    return memcmp(x->id.b, y->id.b, ID_BYTES);
}

/* The facts of one kind, sorted for bsearch. */
static fact_t **facts_of(judge_t *j, fact_kind_t kind, int (*order)(const void *, const void *),
                         size_t *ret_n)
{
    fact_t **list = calloc(j->n + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; list && i < j->n; i++) {
        if (j->facts[i].kind == kind) {
            list[n++] = &j->facts[i];
        }
    }
    if (list) {
        qsort(list, n, sizeof *list, order);
    }
    *ret_n = n;
    return list;
}

static void leaf_take(slice_t line, fact_t **records, size_t n_records, fact_t **sold,
                      size_t n_sold)
{
    fact_t key = {0}, *wanted = &key, **hit;
    id128_t id;
    if (!err_failed(slice_parse_u64(value_of(line, "seq"), UINT64_MAX, &key.seq)) &&
        !err_failed(id_decode(value_of(line, "request"), &id))) {
        hit = bsearch(&wanted, records, n_records, sizeof *records, by_seq);
        if (hit && id_eq((*hit)->id, id)) {
            (*hit)->found = true;
        }
    }
    if (slice_eq(value_of(line, "type"), SLICE("BOOKING_CONFIRMED")) &&
        !err_failed(id_decode(value_of(line, "object"), &key.id))) {
        hit = bsearch(&wanted, sold, n_sold, sizeof *sold, by_id);
        if (hit) {
            (*hit)->found = true;
        }
    }
}

static bool record_read(judge_t *j)
{
    static char line[LINE_MAX_BYTES];
    size_t n_records, n_sold, leaves = 0;
    fact_t **records = facts_of(j, RECORD, by_seq, &n_records);
    fact_t **sold = facts_of(j, CONFIRMED, by_id, &n_sold);
    if (!records || !sold) {
        free(records);
        free(sold);
        return false;
    }
    while (fgets(line, sizeof line, stdin)) {
        slice_t s = slice_cstr_in(line);
        if (slice_starts(s, SLICE("{\"seq\""))) {
            leaves++;
            leaf_take(s, records, n_records, sold, n_sold);
        }
    }
    for (size_t i = 0; i < n_records; i++) {
        j->lost[RECORD] += !records[i]->found;
    }
    for (size_t i = 0; i < n_sold; i++) {
        j->lost[CONFIRMED] += !sold[i]->found;
    }
    free(records);
    free(sold);
    return leaves > 0;
}

/* ---- the books ---- */

static sqlite3 *book_open(const char *var, const char *name)
{
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/%s", var, name);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, 5000);
    return db;
}

/* First column of the first row; -1 without one. */
static int64_t ask(sqlite3 *db, const char *sql, const id128_t *id)
{
    sqlite3_stmt *st = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
        fprintf(stderr, "house-judge: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    if (id) {
        sqlite3_bind_blob(st, 1, id->b, ID_BYTES, SQLITE_STATIC);
    }
    if (sqlite3_step(st) == SQLITE_ROW) {
        value = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return value;
}

static void bookings_judge(judge_t *j)
{
    for (size_t i = 0; i < j->n; i++) {
        fact_t *f = &j->facts[i];
        if (f->kind == RECORD) {
            continue;
        }
        int64_t state = ask(j->shop, "SELECT state FROM booking WHERE id = ?1", &f->id);
        bool back = state == STATE_REFUNDED || state == STATE_REFUNDED_LATE;
        bool kept = f->kind == HELD   ? state > 0
                    : f->kind == PAID ? state == STATE_CONFIRMED || back
                                      : state == STATE_CONFIRMED;
        /* a confirmed booking is one loss, not two, when both its row and its record are gone */
        j->lost[f->kind] += !kept && (f->kind != CONFIRMED || f->found);
    }
}

static void print(judge_t *j)
{
    int64_t unseated = ask(j->shop,
                           "SELECT count(*) FROM booking b WHERE b.state = 4 AND NOT EXISTS "
                           "(SELECT 1 FROM hold h WHERE h.booking = b.id AND h.state = 2)",
                           NULL);
    int64_t leaked = ask(j->shop,
                         "SELECT (SELECT sum(taken) FROM inventory) - (SELECT "
                         "coalesce(sum(adults + children), 0) FROM booking WHERE state = 4) + "
                         "(SELECT sum(held) FROM inventory)",
                         NULL);
    int64_t overdue = ask(j->shop, "SELECT count(*) FROM hold WHERE state = 1", NULL);
    int64_t confirmed = ask(j->shop, "SELECT count(*) FROM booking WHERE state = 4", NULL);
    int64_t captured = ask(j->pay, "SELECT count(*) FROM attempt WHERE state = 4", NULL);
    for (fact_kind_t k = HELD; k < KINDS; k++) {
        printf("%s\"told_%s\":%llu,\"%s_lost\":%llu", k == HELD ? "{" : ",", KIND_NAMES[k],
               (unsigned long long)j->told[k], k == RECORD ? "records" : KIND_NAMES[k],
               (unsigned long long)j->lost[k]);
    }
    printf(",\"unseated\":%lld,\"leaked_seats\":%lld,\"overdue\":%lld,\"confirmed\":%lld,"
           "\"captured_open\":%lld}\n",
           (long long)unseated, (long long)leaked, (long long)overdue, (long long)confirmed,
           (long long)captured);
}

int main(int argc, char **argv)
{
    static judge_t j;
    if (argc != 3) {
        return die("usage: house-judge VAR JOURNAL < DUMP");
    }
    if (!journal_read(&j, argv[2])) {
        return die("the journal cannot be read");
    }
    j.shop = book_open(argv[1], "shop/shop.db");
    j.pay = book_open(argv[1], "pay/pay.db");
    if (!j.shop || !j.pay) {
        return die("the rooms' books cannot be opened");
    }
    if (!record_read(&j)) {
        return die("no records on stdin");
    }
    bookings_judge(&j);
    print(&j);
    sqlite3_close(j.shop);
    sqlite3_close(j.pay);
    free(j.facts);
    return 0;
}
