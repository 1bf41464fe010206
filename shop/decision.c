/* Rows of `decision`. The condition of each change is in its UPDATE: who comes second changes
 * nothing. */
#include "decision.h"
#include "hold.h"
#include "outbox.h"
#include "pay_order.h"

/* Undecided, with a deadline and a minimum; departure_undecided is the index of just these words.
 */
#define UNDECIDED "(flags & 17) = 0 AND decide_us > 0 "

static err_t store(job_t *job, db_t *db, id128_t departure, decision_kind_t kind, id128_t request,
                   int64_t now_us)
{
    db_rows_t r;
    TRY(db_query_one(db, job->arena,
                     SQL("SELECT i.taken - i.held, d.min_pax FROM departure d "
                         "JOIN inventory i ON i.id = d.inventory WHERE d.id = ?1"),
                     DB_ARGS(db_id(&departure)), &r));
    int64_t sold = db_col_i64(&r, 0), min = db_col_i64(&r, 1);
    TRY(db_run(db,
               SQL("INSERT INTO decision (departure, kind, at_us, sold, min_pax, done, request) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)"),
               DB_ARGS(db_id(&departure), db_i64(kind), db_i64(now_us), db_i64(sold), db_i64(min),
                       db_id(&request)),
               NULL));
    ledger_record_t *rec = record_add(&job->records, LEDGER_DEPARTURE_DECIDED, request, departure);
    rec->count = (uint32_t)sold;
    record_fact(&job->records, "what", kind == DECISION_RUNS ? SLICE("runs") : SLICE("called_off"));
    record_fact_i64(&job->records, "minimum", min);
    return OK;
}

err_t decision_reached(job_t *job, db_t *db, id128_t departure, id128_t request, int64_t now_us)
{
    int64_t changes = 0;
    TRY(db_run(db,
               SQL("UPDATE departure SET flags = flags | 1 WHERE id = ?1 AND " UNDECIDED
                   "AND min_pax <= (SELECT i.taken - i.held FROM inventory i "
                   "WHERE i.id = departure.inventory)"),
               DB_ARGS(db_id(&departure)), &changes));
    return changes == 1 ? store(job, db, departure, DECISION_RUNS, request, now_us) : OK;
}

/* --- at the deadline -------------------------------------------------------------------------- */

typedef struct due {
    id128_t departure;
    int64_t now_us;
    bool decided;
} due_t;

/* flags 20: called off, and closed, so that neither a form nor a late payment takes a seat. */
static err_t due_job(job_t *job, db_t *db)
{
    due_t *d = job->ctx;
    int64_t changes = 0, left = 0;
    id128_t request = id_new();
    d->decided = false;
    TRY(decision_reached(job, db, d->departure, request, d->now_us));
    TRY(db_query_i64(
        db,
        SQL("SELECT COUNT(*) FROM departure WHERE id = ?1 AND " UNDECIDED "AND decide_us <= ?2"),
        DB_ARGS(db_id(&d->departure), db_i64(d->now_us)), &left));
    if (left > 0) {
        TRY(db_run(db, SQL("UPDATE departure SET flags = flags | 20 WHERE id = ?1 AND " UNDECIDED),
                   DB_ARGS(db_id(&d->departure)), &changes));
        ENSURE(changes == 1, ERR_CONFLICT);
        TRY(store(job, db, d->departure, DECISION_CALLED_OFF, request, d->now_us));
    }
    d->decided = true;
    return OK;
}

err_t decisions_due(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_n)
{
    db_rows_t rows;
    *ret_n = 0;
    TRY(db_query(db, a,
                 SQL("SELECT id FROM departure WHERE " UNDECIDED
                     "AND decide_us <= ?1 ORDER BY decide_us LIMIT 16"),
                 DB_ARGS(db_i64(now_us)), &rows));
    while (db_next(&rows)) {
        due_t d = {.departure = db_col_id(&rows, 0), .now_us = now_us};
        TRY(writer_run(w, a, due_job, &d));
        *ret_n += d.decided ? 1 : 0;
    }
    return OK;
}

/* --- what follows ----------------------------------------------------------------------------- */

typedef struct follow {
    id128_t departure, booking, request;
    int64_t now_us;
} follow_t;

static err_t pay_back(db_t *db, const booking_t *b, const follow_t *f)
{
    pay_order_row_t order = {.kind = PAY_ORDER_REFUND,
                             .attempt = b->paid_attempt,
                             .booking = b->id,
                             .amount = b->total,
                             .reason = SLICE("departure_called_off"),
                             .request = f->request};
    return pay_order_queue(db, &order, f->now_us);
}

/* One booking of a departure that was called off; one that is over by now is left as it is. */
static err_t call_off_job(job_t *job, db_t *db)
{
    const follow_t *f = job->ctx;
    booking_t b;
    int64_t seats = 0;
    TRY(booking_load(db, job->arena, f->booking, &b));
    bool paid = b.state == BOOKING_CONFIRMED;
    if (!paid && !booking_state_holds(b.state)) {
        return OK;
    }
    TRY(booking_take_step(db, &b, STEP_CALL_OFF, f->now_us));
    if (paid) {
        TRY(hold_give_up(db, job->arena, b.id, &seats));
        TRY(pay_back(db, &b, f));
    } else {
        TRY(hold_release(db, job->arena, b.id, &seats));
        TRY(booking_cancel_attempts(db, job->arena, &b, id_zero(), f->request, f->now_us));
    }
    ledger_record_t *rec = record_add(&job->records, LEDGER_BOOKING_CANCELLED, f->request, b.id);
    rec->parent = b.departure;
    rec->subject = b.pseudonym;
    rec->count = (uint32_t)seats;
    record_fact(&job->records, "by", SLICE("minimum_not_reached"));
    return outbox_queue(job, db, &b, paid ? MAIL_CALLED_OFF_PAID : MAIL_CALLED_OFF, b.id,
                        f->request, f->now_us);
}

static err_t tell_job(job_t *job, db_t *db)
{
    const follow_t *f = job->ctx;
    booking_t b;
    TRY(booking_load(db, job->arena, f->booking, &b));
    return b.state == BOOKING_CONFIRMED
               ? outbox_queue(job, db, &b, MAIL_RUNS, b.id, f->request, f->now_us)
               : OK;
}

static err_t done_job(job_t *job, db_t *db)
{
    const follow_t *f = job->ctx;
    return db_run(db, SQL("UPDATE decision SET done = 1 WHERE departure = ?1"),
                  DB_ARGS(db_id(&f->departure)), NULL);
}

/* Bookings to which it has not happened yet. */
static err_t open_bookings(db_t *db, arena_t *a, const follow_t *f, decision_kind_t kind,
                           db_rows_t *ret_rows)
{
    if (kind == DECISION_CALLED_OFF) {
        return db_query(db, a,
                        SQL("SELECT id FROM booking WHERE departure = ?1 "
                            "AND state IN (1, 2, 3, 4) LIMIT 64"),
                        DB_ARGS(db_id(&f->departure)), ret_rows);
    }
    return db_query(db, a,
                    SQL("SELECT b.id FROM booking b WHERE b.departure = ?1 AND b.state = 4 "
                        "AND EXISTS (SELECT 1 FROM representative r WHERE r.booking = b.id) "
                        "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.kind = ?2 AND o.ref = "
                        "b.id) LIMIT 64"),
                    DB_ARGS(db_id(&f->departure), db_i64(MAIL_RUNS)), ret_rows);
}

err_t decisions_work(db_t *db, writer_t *w, arena_t *a, int64_t now_us, size_t *ret_n)
{
    db_rows_t r;
    *ret_n = 0;
    TRY(db_query(db, a,
                 SQL("SELECT departure, kind, request FROM decision WHERE done = 0 "
                     "ORDER BY at_us LIMIT 1"),
                 DB_NO_ARGS, &r));
    if (!db_next(&r)) {
        return OK;
    }
    follow_t f = {.departure = db_col_id(&r, 0), .request = db_col_id(&r, 2), .now_us = now_us};
    decision_kind_t kind = (decision_kind_t)db_col_i64(&r, 1);
    TRY(open_bookings(db, a, &f, kind, &r));
    while (db_next(&r)) {
        f.booking = db_col_id(&r, 0);
        TRY(writer_run(w, a, kind == DECISION_RUNS ? tell_job : call_off_job, &f));
        ++*ret_n;
    }
    return *ret_n > 0 ? OK : writer_run(w, a, done_job, &f);
}
