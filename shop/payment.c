/* Applying payment events. */
#include "payment.h"
#include "base/clock.h"
#include "decision.h"
#include "hold.h"
#include "outbox.h"
#include "pay_order.h"

typedef struct apply {
    const pay_event_t *event;
    int64_t now_us;
    payment_effect_t effect;
} apply_t;

static err_t store_attempt(db_t *db, id128_t id, id128_t booking, pay_state_t state,
                           const pay_event_t *e, id128_t request)
{
    return db_run(db,
                  SQL("INSERT INTO attempt (id, booking, state, amount, currency, created_us, "
                      "changed_us, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) "
                      "ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
                      "changed_us = excluded.changed_us"),
                  DB_ARGS(db_id(&id), db_id(&booking), db_i64(state), db_i64(e->amount_minor),
                          db_text(slice_make(e->currency, 3)), db_i64(e->time_us), db_id(&request)),
                  NULL);
}

static ledger_record_t *record_about(job_t *job, ledger_type_t type, const pay_event_t *e,
                                     const booking_t *b)
{
    ledger_record_t *rec = record_add(&job->records, type, e->request, b->id);
    rec->parent = b->departure;
    rec->subject = b->pseudonym;
    return rec;
}

static void record_alarm(job_t *job, const pay_event_t *e, slice_t what)
{
    ledger_record_t *rec = record_add(&job->records, LEDGER_ALARM, e->request, e->attempt);
    rec->parent = e->booking;
    record_fact(&job->records, "what", what);
    record_fact_i64(&job->records, "event", (int64_t)e->seq);
}

static err_t order_refund(db_t *db, const pay_event_t *e, slice_t reason, int64_t now_us)
{
    pay_order_row_t order = {.kind = PAY_ORDER_REFUND,
                             .attempt = e->attempt,
                             .booking = e->booking,
                             .amount = e->amount_minor,
                             .reason = reason,
                             .request = e->request};
    return pay_order_queue(db, &order, now_us);
}

static err_t confirm(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    const pay_event_t *e = p->event;
    TRY(booking_take_step(db, b, STEP_PAID_SEATED, p->now_us));
    TRY(db_run(db, SQL("UPDATE booking SET paid_attempt = ?2 WHERE id = ?1"),
               DB_ARGS(db_id(&b->id), db_id(&e->attempt)), NULL));
    ledger_record_t *rec = record_about(job, LEDGER_BOOKING_CONFIRMED, e, b);
    rec->count = (uint32_t)(b->adults + b->children);
    record_fact_i64(&job->records, "event", (int64_t)e->seq);
    record_fact_i64(&job->records, "amount", e->amount_minor);
    TRY(booking_cancel_attempts(db, job->arena, b, e->attempt, e->request, p->now_us));
    TRY(outbox_queue(job, db, b, MAIL_CONFIRMED, b->id, e->request, p->now_us));
    return decision_reached(job, db, b->departure, e->request, p->now_us);
}

static err_t pay_back(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    const pay_event_t *e = p->event;
    p->effect = PAYMENT_REFUND_LATE;
    TRY(booking_take_step(db, b, STEP_PAID_UNSEATED, p->now_us));
    TRY(order_refund(db, e, SLICE("late_no_seat"), p->now_us));
    (void)record_about(job, LEDGER_BOOKING_CANCELLED, e, b);
    record_fact(&job->records, "by", SLICE("late_payment_without_seat"));
    record_fact_i64(&job->records, "event", (int64_t)e->seq);
    return outbox_queue(job, db, b, MAIL_REFUND_LATE, e->attempt, e->request, p->now_us);
}

/* The hold was over: once more, if there are seats. */
static err_t paid_late(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    err_t e = hold_reacquire(db, job->arena, b, p->event->request, p->now_us);
    if (err_is(e, ERR_FULL)) {
        return pay_back(job, db, p, b);
    }
    TRY(e);
    p->effect = PAYMENT_REACQUIRED;
    record_about(job, LEDGER_SEAT_REACQUIRED, p->event, b)->count =
        (uint32_t)(b->adults + b->children);
    return confirm(job, db, p, b);
}

static err_t paid_twice(job_t *job, db_t *db, apply_t *p, const booking_t *b)
{
    const pay_event_t *e = p->event;
    p->effect = PAYMENT_REFUND_DOUBLE;
    TRY(order_refund(db, e, SLICE("paid_twice"), p->now_us));
    return outbox_queue(job, db, b, MAIL_REFUND_DOUBLE, e->attempt, e->request, p->now_us);
}

static err_t captured(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    const pay_event_t *e = p->event;
    if (e->amount_minor != b->total || memcmp(e->currency, "JPY", 3) != 0) {
        p->effect = PAYMENT_ALARM;
        record_alarm(job, e, SLICE("captured_amount_differs"));
        return OK;
    }
    if (b->state == BOOKING_CONFIRMED) {
        return id_eq(b->paid_attempt, e->attempt) ? OK : paid_twice(job, db, p, b);
    }
    if (b->state == BOOKING_EXPIRED) {
        return paid_late(job, db, p, b);
    }
    if (!booking_state_holds(b->state)) {
        return pay_back(job, db, p, b);
    }
    int64_t seats = 0;
    TRY(hold_keep(db, job->arena, b->id, &seats));
    if (seats == 0) { /* cannot be: the hold and the state change together */
        return FAIL(ERR_CORRUPT);
    }
    p->effect = PAYMENT_CONFIRMED;
    return confirm(job, db, p, b);
}

static err_t refunded(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    int64_t seats = 0;
    if (b->state != BOOKING_CONFIRMED || !id_eq(b->paid_attempt, p->event->attempt)) {
        return OK; /* the refund that we ordered ourselves */
    }
    p->effect = PAYMENT_MONEY_BACK;
    TRY(booking_take_step(db, b, STEP_MONEY_BACK, p->now_us));
    TRY(hold_give_up(db, job->arena, b->id, &seats));
    record_about(job, LEDGER_BOOKING_CANCELLED, p->event, b)->count = (uint32_t)seats;
    record_fact(&job->records, "by", SLICE("refund"));
    return OK;
}

static err_t effect_of(job_t *job, db_t *db, apply_t *p, booking_t *b)
{
    const pay_event_t *e = p->event;
    switch (e->state) {
    case PAY_CAPTURED:
        return captured(job, db, p, b);
    case PAY_REFUNDED:
        return refunded(job, db, p, b);
    case PAY_DECLINED:
        return booking_state_holds(b->state) && b->hold_expires_us > p->now_us
                   ? outbox_queue(job, db, b, MAIL_PAYMENT_FAILED, e->attempt, e->request,
                                  p->now_us)
                   : OK;
    case PAY_CREATED:
    case PAY_REDIRECTED:
    case PAY_AUTHORIZED:
    case PAY_ABANDONED:
    case PAY_EXPIRED:
    case PAY_UNKNOWN:
        return OK;
    }
    return FAIL(ERR_RANGE);
}

/* A booking that only a lost part of the book knew (after a restore): there is no seat and nobody
 * whom we could write to, so the money goes back, and a person is told. */
static err_t unknown_booking(job_t *job, db_t *db, apply_t *p)
{
    const pay_event_t *e = p->event;
    if (e->state == PAY_REFUNDED) { /* what we ordered then is done */
        p->effect = PAYMENT_NOTED;
        return OK;
    }
    p->effect = PAYMENT_ALARM;
    record_alarm(job, e, SLICE("payment_of_unknown_booking"));
    return e->state == PAY_CAPTURED ? order_refund(db, e, SLICE("unknown_booking"), p->now_us) : OK;
}

static err_t apply_job(job_t *job, db_t *db)
{
    apply_t *p = job->ctx;
    const pay_event_t *e = p->event;
    booking_t b;
    uint64_t seen = 0;
    int64_t changes = 0;
    TRY(payment_cursor(db, &seen));
    if (e->seq <= seen) {
        p->effect = PAYMENT_SEEN_BEFORE;
        return OK;
    }
    ENSURE(e->seq == seen + 1, ERR_CONFLICT);
    TRY(db_run(db, SQL("UPDATE pay_cursor SET seq = ?1 WHERE one = 1 AND seq = ?2"),
               DB_ARGS(db_i64((int64_t)e->seq), db_i64((int64_t)seen)), &changes));
    ENSURE(changes == 1, ERR_CONFLICT);
    err_t found = booking_load(db, job->arena, e->booking, &b);
    if (err_is(found, ERR_NOT_FOUND)) {
        return unknown_booking(job, db, p);
    }
    TRY(found);
    p->effect = PAYMENT_NOTED;
    TRY(store_attempt(db, e->attempt, e->booking, e->state, e, e->request));
    return effect_of(job, db, p, &b);
}

err_t payment_apply(writer_t *w, arena_t *a, const pay_event_t *event, int64_t now_us,
                    payment_effect_t *ret_effect)
{
    apply_t p = {.event = event, .now_us = now_us};
    TRY(writer_run(w, a, apply_job, &p));
    *ret_effect = p.effect;
    return OK;
}

err_t payment_cursor(db_t *db, uint64_t *ret_seq)
{
    int64_t seq = 0;
    TRY(db_query_i64(db, SQL("SELECT seq FROM pay_cursor WHERE one = 1"), DB_NO_ARGS, &seq));
    *ret_seq = (uint64_t)seq;
    return OK;
}

typedef struct fresh {
    const booking_t *booking;
    id128_t attempt, request;
    int64_t now_us;
} fresh_t;

static err_t fresh_job(job_t *job, db_t *db)
{
    const fresh_t *f = job->ctx;
    return db_run(db,
                  SQL("INSERT INTO attempt (id, booking, state, amount, currency, created_us, "
                      "changed_us, request) VALUES (?1, ?2, 2, ?3, 'JPY', ?4, ?4, ?5) "
                      "ON CONFLICT (id) DO NOTHING"),
                  DB_ARGS(db_id(&f->attempt), db_id(&f->booking->id), db_i64(f->booking->total),
                          db_i64(f->now_us), db_id(&f->request)),
                  NULL);
}

err_t payment_attempt_store(writer_t *w, arena_t *a, const booking_t *booking, id128_t attempt,
                            id128_t request, int64_t now_us)
{
    fresh_t f = {.booking = booking, .attempt = attempt, .request = request, .now_us = now_us};
    return writer_run(w, a, fresh_job, &f);
}

err_t payment_attempts(db_t *db, arena_t *a, id128_t booking, attempt_row_t **ret_rows,
                       size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT id, state, amount, created_us, changed_us FROM attempt "
                     "WHERE booking = ?1 ORDER BY created_us, id"),
                 DB_ARGS(db_id(&booking)), &r));
    attempt_row_t *rows = ARENA_ARRAY(a, attempt_row_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        rows[n++] = (attempt_row_t){.id = db_col_id(&r, 0),
                                    .state = (pay_state_t)db_col_i64(&r, 1),
                                    .amount = db_col_i64(&r, 2),
                                    .created_us = db_col_i64(&r, 3),
                                    .changed_us = db_col_i64(&r, 4)};
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

err_t payment_session_end(const booking_t *booking, int64_t now_us, int64_t *ret_end_us)
{
    int64_t end = booking->hold_expires_us - SHOP_SESSION_GRACE_S * CLOCK_SECOND_US;
    int64_t longest = now_us + SHOP_SESSION_MAX_S * CLOCK_SECOND_US;
    end = end < longest ? end : longest;
    ENSURE(end - now_us >= SHOP_SESSION_MIN_S * CLOCK_SECOND_US, ERR_EXPIRED);
    *ret_end_us = end;
    return OK;
}
