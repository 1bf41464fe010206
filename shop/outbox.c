/* Rows of `outbox`. What a letter says stands in letter.c, how it travels in smtp.c. */
#include "outbox.h"
#include "base/clock.h"

const char *mail_kind_name(mail_kind_t kind)
{
    switch (kind) {
#define OUTBOX_KIND_NAME(name, number, ordinary)                                                   \
    case MAIL_##name:                                                                              \
        return #name;
        OUTBOX_KINDS(OUTBOX_KIND_NAME)
#undef OUTBOX_KIND_NAME
    }
    return "?";
}

bool mail_kind_ordinary(mail_kind_t kind)
{
    switch (kind) {
#define OUTBOX_KIND_ORDINARY(name, number, ordinary)                                               \
    case MAIL_##name:                                                                              \
        return ordinary;
        OUTBOX_KINDS(OUTBOX_KIND_ORDINARY)
#undef OUTBOX_KIND_ORDINARY
    }
    return true;
}

static err_t queue(job_t *job, db_t *db, const outbox_row_t *row, id128_t pseudonym, int64_t now_us)
{
    int64_t changes = 0;
    TRY(db_run(
        db,
        SQL("INSERT INTO outbox (id, booking, account, kind, ref, lang, state, tries, next_us, "
            "created_us, changed_us, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 0, ?7, ?7, "
            "?7, ?8) ON CONFLICT (kind, ref) DO NOTHING"),
        DB_ARGS(db_id(&row->id), db_id_or_null(&row->booking), db_id_or_null(&row->account),
                db_i64(row->kind), db_id(&row->ref), db_i64(row->lang), db_i64(now_us),
                db_id(&row->request)),
        &changes));
    if (changes == 1) {
        ledger_record_t *rec = record_add(&job->records, LEDGER_MAIL_QUEUED, row->request, row->id);
        rec->parent = id_is_zero(row->booking) ? row->account : row->booking;
        rec->subject = pseudonym;
        record_fact(&job->records, "kind", slice_cstr_in(mail_kind_name(row->kind)));
    }
    return OK;
}

err_t outbox_queue(job_t *job, db_t *db, const booking_t *booking, mail_kind_t kind, id128_t ref,
                   id128_t request, int64_t now_us)
{
    int64_t n = 0;
    TRY(db_query_i64(db, SQL("SELECT COUNT(*) FROM representative WHERE booking = ?1"),
                     DB_ARGS(db_id(&booking->id)), &n));
    if (n == 0) {
        return OK;
    }
    outbox_row_t row = {.id = id_new(),
                        .booking = booking->id,
                        .ref = ref,
                        .request = request,
                        .kind = kind,
                        .lang = booking->lang};
    return queue(job, db, &row, booking->pseudonym, now_us);
}

err_t outbox_queue_account(job_t *job, db_t *db, id128_t account, id128_t pseudonym, int64_t lang,
                           id128_t request, int64_t now_us)
{
    outbox_row_t row = {.id = id_new(),
                        .account = account,
                        .ref = account,
                        .request = request,
                        .kind = MAIL_REGISTERED,
                        .lang = lang};
    return queue(job, db, &row, pseudonym, now_us);
}

err_t outbox_due(db_t *db, arena_t *a, int64_t now_us, bool ordinary, outbox_row_t *ret_rows,
                 size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT id, booking, account, ref, request, kind, lang, tries, created_us "
                     "FROM outbox WHERE state = 1 AND next_us <= ?1 AND (CAST(?2 AS BIGINT) = 1 OR "
                     "kind IN (4, 5, 9, 10)) "
                     "ORDER BY next_us LIMIT 8"),
                 DB_ARGS(db_i64(now_us), db_i64(ordinary ? 1 : 0)), &r));
    size_t n = 0;
    while (db_next(&r) && n < OUTBOX_ROWS) {
        ret_rows[n++] = (outbox_row_t){.id = db_col_id(&r, 0),
                                       .booking = db_col_id(&r, 1),
                                       .account = db_col_id(&r, 2),
                                       .ref = db_col_id(&r, 3),
                                       .request = db_col_id(&r, 4),
                                       .kind = (mail_kind_t)db_col_i64(&r, 5),
                                       .lang = db_col_i64(&r, 6),
                                       .tries = db_col_i64(&r, 7),
                                       .created_us = db_col_i64(&r, 8)};
    }
    *ret_n = n;
    return OK;
}

typedef struct settle {
    const outbox_row_t *row;
    id128_t pseudonym;
    err_t outcome;
    bool final;
    int64_t now_us;
} settle_t;

/* 2, 4, 8 ... seconds, at most ten minutes. */
static int64_t backoff_us(int64_t tries)
{
    int64_t s = tries < 9 ? INT64_C(2) << tries : 600;
    return s * CLOCK_SECOND_US;
}

static err_t settle_job(job_t *job, db_t *db)
{
    const settle_t *s = job->ctx;
    bool sent = !err_failed(s->outcome);
    bool over = !sent && (s->final || s->row->tries + 1 >= OUTBOX_TRIES_MAX);
    int64_t state = sent ? OUTBOX_SENT : over ? OUTBOX_FAILED : OUTBOX_QUEUED, changes = 0;
    TRY(db_run(db,
               SQL("UPDATE outbox SET state = ?2, tries = tries + 1, next_us = ?3, changed_us = ?4 "
                   "WHERE id = ?1 AND state = 1"),
               DB_ARGS(db_id(&s->row->id), db_i64(state),
                       db_i64(s->now_us + backoff_us(s->row->tries)), db_i64(s->now_us)),
               &changes));
    if (changes == 0 || (!sent && !over && s->row->tries > 0)) {
        return OK; /* said once already; the last word will be said again */
    }
    ledger_record_t *rec = record_add(&job->records, sent ? LEDGER_MAIL_SENT : LEDGER_MAIL_FAILED,
                                      s->row->request, s->row->id);
    rec->parent = id_is_zero(s->row->booking) ? s->row->account : s->row->booking;
    rec->subject = s->pseudonym;
    record_fact(&job->records, "kind", slice_cstr_in(mail_kind_name(s->row->kind)));
    record_fact_i64(&job->records, "try", s->row->tries + 1);
    if (!sent) {
        record_fact(&job->records, "why", slice_cstr_in(err_name(s->outcome.code)));
        record_fact(&job->records, "again", over ? SLICE("no") : SLICE("yes"));
    }
    return OK;
}

err_t outbox_settle(writer_t *w, arena_t *a, const outbox_row_t *row, id128_t pseudonym,
                    err_t outcome, bool final, int64_t now_us)
{
    settle_t s = {
        .row = row, .pseudonym = pseudonym, .outcome = outcome, .final = final, .now_us = now_us};
    return writer_run(w, a, settle_job, &s);
}

err_t outbox_waiting(db_t *db, int64_t *ret_n)
{
    return db_query_i64(db, SQL("SELECT COUNT(*) FROM outbox WHERE state = 1"), DB_NO_ARGS, ret_n);
}
