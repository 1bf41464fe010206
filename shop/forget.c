/* Emptying an erased person's rows. Old versions of them (WAL, dead rows, backups) hold ciphertext
 * without a key. */
#include "forget.h"

#include "base/clock.h"
#include "outbox.h"

typedef struct forget {
    id128_t request, subject;
    id128_t *bookings;
    size_t cap, n, rows;
    bool cut;
} forget_t;

static err_t bookings_of(db_t *db, arena_t *a, forget_t *f)
{
    db_rows_t r;
    f->n = 0;
    TRY(db_query(db, a, SQL("SELECT id FROM booking WHERE subject = ?1 ORDER BY id"),
                 DB_ARGS(db_id(&f->subject)), &r));
    f->cut = r.count > f->cap;
    while (db_next(&r) && f->n < f->cap) {
        f->bookings[f->n++] = db_col_id(&r, 0);
    }
    return OK;
}

static err_t run(db_t *db, sql_t sql, db_args_t args, forget_t *f)
{
    int64_t changes = 0;
    TRY(db_run(db, sql, args, &changes));
    f->rows += (size_t)changes;
    return OK;
}

/* An account's row stays: bookings point at it. Its index becomes one that nobody's address has. */
static err_t account_empty(db_t *db, forget_t *f)
{
    uint8_t nobody[VAULT_BLIND_BYTES];
    random_bytes(nobody, sizeof nobody);
    db_value_t empty = db_blob(SLICE_EMPTY);
    return run(db,
               SQL("UPDATE account SET email_index = ?2, email = ?3, name = ?3, kana = ?3, "
                   "phone = ?3, has_password = 0 WHERE id = ?1"),
               DB_ARGS(db_id(&f->subject), db_blob(slice_make(nobody, sizeof nobody)), empty), f);
}

static err_t forget_job(job_t *job, db_t *db)
{
    forget_t *f = job->ctx;
    db_args_t who = DB_ARGS(db_id(&f->subject));
    f->rows = 0;
    TRY(bookings_of(db, job->arena, f));
    TRY(run(db,
            SQL("DELETE FROM representative WHERE booking IN (SELECT id FROM booking WHERE "
                "subject = ?1)"),
            who, f));
    TRY(run(db,
            SQL("DELETE FROM traveller WHERE booking IN (SELECT id FROM booking WHERE "
                "subject = ?1)"),
            who, f));
    TRY(run(db,
            SQL("UPDATE outbox SET state = 3, changed_us = ?2 WHERE state IN (1, 4) AND "
                "(account = ?1 OR booking IN (SELECT id FROM booking WHERE subject = ?1))"),
            DB_ARGS(db_id(&f->subject), db_i64(clock_wall_us())), f));
    TRY(account_empty(db, f));
    ledger_record_t *rec = record_add(&job->records, LEDGER_PERSON_FORGOTTEN, f->request,
                                      f->n ? f->bookings[0] : id_zero());
    rec->count = (uint32_t)f->rows;
    record_fact_i64(&job->records, "bookings", (int64_t)f->n);
    return OK;
}

err_t forget_person(shop_t *shop, arena_t *a, id128_t request, id128_t subject,
                    id128_t *ret_bookings, size_t cap, size_t *ret_n)
{
    id128_t pseudonym;
    int64_t ended = 0;
    forget_t f = {.request = request, .subject = subject, .bookings = ret_bookings, .cap = cap};
    err_t alive = vault_pseudonym(shop->vault, subject, &pseudonym);
    ENSURE(err_failed(alive), ERR_CONFLICT);
    ENSURE(err_is(alive, ERR_NOT_FOUND), alive.code);
    TRY(writer_run(shop->writer, a, forget_job, &f));
    TRY(web_sessions_end_all(shop->sessions, subject, id_zero(), &ended));
    *ret_n = f.n;
    ENSURE(!f.cut, ERR_LIMIT);
    return OK;
}
