/* Rows of `pay_order`: refunds and cancels on their way to payd. payd makes both idempotent by the
 * attempt, so an order sent twice does no harm. */
#include "pay_order.h"
#include "base/clock.h"

enum { TRIES_MAX = 200, RETRY_MAX_S = 60 };

err_t pay_order_queue(db_t *db, const pay_order_row_t *order, int64_t now_us)
{
    id128_t id = id_new();
    return db_run(
        db,
        SQL("INSERT INTO pay_order (id, kind, attempt, booking, amount, reason, done, "
            "tries, next_us, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?8) "
            "ON CONFLICT (kind, attempt) DO UPDATE SET amount = excluded.amount, done = 0, "
            "tries = 0, next_us = excluded.next_us, reason = excluded.reason, "
            "request = excluded.request WHERE pay_order.amount < excluded.amount"),
        DB_ARGS(db_id(&id), db_i64(order->kind), db_id(&order->attempt), db_id(&order->booking),
                db_i64(order->amount), db_text(order->reason), db_i64(now_us),
                db_id(&order->request)),
        NULL);
}

typedef struct settle {
    const pay_order_row_t *order;
    int64_t done, next_us;
    err_t why;
} settle_t;

static err_t settle_job(job_t *job, db_t *db)
{
    const settle_t *s = job->ctx;
    TRY(db_run(db,
               SQL("UPDATE pay_order SET done = ?2, tries = tries + 1, next_us = ?3 WHERE id = ?1 "
                   "AND amount = ?4"), /* meanwhile more is to go back: that is another order */
               DB_ARGS(db_id(&s->order->id), db_i64(s->done), db_i64(s->next_us),
                       db_i64(s->order->amount)),
               NULL));
    if (s->done == PAY_ORDER_GIVEN_UP) {
        ledger_record_t *rec =
            record_add(&job->records, LEDGER_ALARM, s->order->request, s->order->attempt);
        rec->parent = s->order->booking;
        record_fact(&job->records, "what", SLICE("pay_order_given_up"));
        record_fact(&job->records, "reason", s->order->reason);
        record_fact_i64(&job->records, "code", s->why.code);
    }
    return OK;
}

/* A cancel that comes too late (captured) or finds nothing is done: events say the rest. */
static bool is_settled(const pay_order_row_t *order, err_t e)
{
    if (!err_failed(e)) {
        return true;
    }
    return order->kind == PAY_ORDER_CANCEL && (err_is(e, ERR_CONFLICT) || err_is(e, ERR_NOT_FOUND));
}

static err_t carry_out(writer_t *w, pay_client_t *pay, arena_t *a, const pay_order_row_t *order,
                       int64_t now_us, size_t *ret_done)
{
    err_t e = order->kind == PAY_ORDER_REFUND
                  ? pay_refund(pay, order->request, order->attempt, order->amount, order->reason)
                  : pay_cancel(pay, order->request, order->attempt, order->reason);
    settle_t s = {.order = order, .why = e, .done = PAY_ORDER_OPEN};
    if (is_settled(order, e)) {
        s.done = PAY_ORDER_DONE;
        *ret_done += 1;
    } else if (order->tries + 1 >= TRIES_MAX) {
        s.done = PAY_ORDER_GIVEN_UP;
    }
    int64_t wait_s = order->tries < 6 ? INT64_C(1) << order->tries : RETRY_MAX_S;
    s.next_us = now_us + wait_s * CLOCK_SECOND_US;
    return writer_run(w, a, settle_job, &s);
}

err_t pay_orders_work(db_t *db, writer_t *w, pay_client_t *pay, arena_t *a, int64_t now_us,
                      size_t *ret_done)
{
    db_rows_t rows;
    *ret_done = 0;
    TRY(db_query(
        db, a,
        SQL("SELECT id, kind, attempt, booking, amount, reason, tries, request FROM pay_order "
            "WHERE done = 0 AND next_us <= ?1 ORDER BY next_us LIMIT 16"),
        DB_ARGS(db_i64(now_us)), &rows));
    while (db_next(&rows)) {
        pay_order_row_t order = {.id = db_col_id(&rows, 0),
                                 .kind = (pay_order_kind_t)db_col_i64(&rows, 1),
                                 .attempt = db_col_id(&rows, 2),
                                 .booking = db_col_id(&rows, 3),
                                 .amount = db_col_i64(&rows, 4),
                                 .reason = db_col_text(&rows, 5),
                                 .tries = db_col_i64(&rows, 6),
                                 .request = db_col_id(&rows, 7)};
        TRY(carry_out(w, pay, a, &order, now_us, ret_done));
    }
    return OK;
}
