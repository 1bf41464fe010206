/* Rows of `cancellation`, and the job that makes one. */
#include "cancellation.h"
#include "hold.h"
#include "outbox.h"
#include "pay_order.h"

err_t cancellation_people(db_t *db, arena_t *a, id128_t booking, cancel_pax_t ret_pax[SHOP_PAX_MAX],
                          size_t *ret_n)
{
    db_rows_t r;
    size_t n = 0;
    TRY(db_query(db, a,
                 SQL("SELECT n, child, cancelled_us FROM traveller WHERE booking = ?1 ORDER BY n"),
                 DB_ARGS(db_id(&booking)), &r));
    ENSURE(r.count <= SHOP_PAX_MAX, ERR_CORRUPT);
    while (db_next(&r)) {
        ret_pax[n++] =
            (cancel_pax_t){db_col_i64(&r, 0), db_col_i64(&r, 1) != 0, db_col_i64(&r, 2) != 0};
    }
    *ret_n = n;
    return OK;
}

static fee_fault_t quote_of(const cancel_case_t *c, int64_t price_yen, int64_t booked,
                            int64_t cancelled, fee_quote_t *ret_quote)
{
    if (cancelled == 0) {
        return FEE_SOUND;
    }
    fee_case_t f = {.product = c->fees->product,
                    .day_trip = c->tour_days <= 1,
                    .departure = c->departure->day,
                    .service_start_us = tokyo_instant(c->departure->day, c->departure->start_min),
                    .contract = c->contract,
                    .price_yen = price_yen,
                    .booked = booked,
                    .cancelled = cancelled,
                    .channel = c->channel,
                    .request_us = c->request_us,
                    .office = c->office,
                    .own = c->fees->own,
                    .n_own = c->fees->n_own};
    return fee_quote(&f, ret_quote);
}

fee_fault_t cancellation_quote(const cancel_case_t *c, cancel_quote_t *ret_quote)
{
    const booking_t *b = c->booking;
    cancel_quote_t q = {.adults = c->adults, .children = c->children};
    if (c->adults < 0 || c->children < 0 || c->adults + c->children == 0) {
        return FEE_BAD_CASE;
    }
    fee_fault_t fault = quote_of(c, b->adult_price, b->adults, c->adults, &q.adult);
    if (fault == FEE_SOUND) {
        fault = quote_of(c, b->child_price, b->children, c->children, &q.child);
    }
    if (fault != FEE_SOUND) {
        return fault;
    }
    q.price_yen = c->adults * b->adult_price + c->children * b->child_price;
    q.fee_yen = q.adult.total_yen + q.child.total_yen;
    q.refund_yen = q.price_yen - q.fee_yen;
    *ret_quote = q;
    return FEE_SOUND;
}

typedef struct apply {
    const cancellation_t *c;
    uint32_t pax;
} apply_t;

static err_t people_cancel(db_t *db, const apply_t *p, int64_t *ret_left)
{
    for (int64_t n = 1; n <= SHOP_PAX_MAX; n++) {
        int64_t changes = 0;
        if (!(p->pax & (1U << (n - 1)))) {
            continue;
        }
        TRY(db_run(db,
                   SQL("UPDATE traveller SET cancelled_us = ?3 WHERE booking = ?1 AND n = ?2 "
                       "AND cancelled_us = 0"),
                   DB_ARGS(db_id(&p->c->booking), db_i64(n), db_i64(p->c->at_us)), &changes));
        ENSURE(changes == 1, ERR_CONFLICT);
    }
    return db_query_i64(
        db, SQL("SELECT COUNT(*) FROM traveller WHERE booking = ?1 AND cancelled_us = 0"),
        DB_ARGS(db_id(&p->c->booking)), ret_left);
}

static err_t row_insert(db_t *db, const cancellation_t *c)
{
    return db_run(db,
                  SQL("INSERT INTO cancellation (id, booking, at_us, effective_day, adults, "
                      "children, fee, refund, lang, explanation, request) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
                  DB_ARGS(db_id(&c->id), db_id(&c->booking), db_i64(c->at_us), db_i64(c->effective),
                          db_i64(c->adults), db_i64(c->children), db_i64(c->fee_yen),
                          db_i64(c->refund_yen), db_i64(c->lang), db_text(c->explanation),
                          db_id(&c->request)),
                  NULL);
}

/* What goes back in all, earlier cancellations included. */
static err_t refund_order(db_t *db, const cancellation_t *c, const booking_t *b)
{
    int64_t sum = 0;
    if (c->refund_yen == 0) {
        return OK;
    }
    TRY(db_query_i64(db,
                     SQL("SELECT CAST(SUM(refund) AS BIGINT) FROM cancellation WHERE booking = ?1"),
                     DB_ARGS(db_id(&b->id)), &sum));
    ENSURE(sum > 0 && sum <= b->total, ERR_CORRUPT);
    pay_order_row_t order = {.kind = PAY_ORDER_REFUND,
                             .attempt = b->paid_attempt,
                             .booking = b->id,
                             .amount = sum,
                             .reason = SLICE("cancelled_by_customer"),
                             .request = c->request};
    return pay_order_queue(db, &order, c->at_us);
}

static void record_cancelled(job_t *job, const cancellation_t *c, const booking_t *b)
{
    ledger_record_t *rec = record_add(&job->records, LEDGER_BOOKING_CANCELLED, c->request, b->id);
    rec->parent = b->departure;
    rec->subject = rec->actor = b->pseudonym;
    rec->count = (uint32_t)(c->adults + c->children);
    record_fact(&job->records, "by", SLICE("customer"));
    record_fact(&job->records, "rule", c->rule);
    record_fact_i64(&job->records, "fee", c->fee_yen);
    record_fact_i64(&job->records, "refund", c->refund_yen);
}

static err_t apply_job(job_t *job, db_t *db)
{
    const apply_t *p = job->ctx;
    const cancellation_t *c = p->c;
    booking_t b;
    int64_t left = 0;
    TRY(booking_load(db, job->arena, c->booking, &b));
    ENSURE(b.state == BOOKING_CONFIRMED, ERR_CONFLICT);
    TRY(people_cancel(db, p, &left));
    TRY(hold_shrink(db, job->arena, b.id, c->adults + c->children));
    if (left == 0) {
        TRY(booking_take_step(db, &b, STEP_CANCEL_PAID, c->at_us));
    }
    TRY(row_insert(db, c));
    TRY(refund_order(db, c, &b));
    record_cancelled(job, c, &b);
    return outbox_queue(job, db, &b, MAIL_CANCELLED, c->id, c->request, c->at_us);
}

err_t cancellation_apply(writer_t *w, arena_t *a, const cancellation_t *c, uint32_t pax)
{
    apply_t p = {.c = c, .pax = pax};
    int64_t chosen = __builtin_popcount(pax);
    ENSURE(chosen > 0 && chosen == c->adults + c->children && c->refund_yen >= 0, ERR_RANGE);
    return writer_run(w, a, apply_job, &p);
}

#define COLUMNS                                                                                    \
    "id, booking, at_us, effective_day, adults, children, fee, refund, lang, explanation, request"

static cancellation_t from_row(const db_rows_t *r)
{
    return (cancellation_t){.id = db_col_id(r, 0),
                            .booking = db_col_id(r, 1),
                            .at_us = db_col_i64(r, 2),
                            .effective = (date_t)db_col_i64(r, 3),
                            .adults = db_col_i64(r, 4),
                            .children = db_col_i64(r, 5),
                            .fee_yen = db_col_i64(r, 6),
                            .refund_yen = db_col_i64(r, 7),
                            .lang = db_col_i64(r, 8),
                            .explanation = db_col_text(r, 9),
                            .request = db_col_id(r, 10)};
}

err_t cancellation_load(db_t *db, arena_t *a, id128_t id, cancellation_t *ret_row)
{
    db_rows_t r;
    TRY(db_query_one(db, a, SQL("SELECT " COLUMNS " FROM cancellation WHERE id = ?1"),
                     DB_ARGS(db_id(&id)), &r));
    *ret_row = from_row(&r);
    return OK;
}

err_t cancellation_list(db_t *db, arena_t *a, id128_t booking, cancellation_t **ret_rows,
                        size_t *ret_n)
{
    db_rows_t r;
    size_t n = 0;
    TRY(db_query(db, a,
                 SQL("SELECT " COLUMNS " FROM cancellation WHERE booking = ?1 ORDER BY at_us, id"),
                 DB_ARGS(db_id(&booking)), &r));
    cancellation_t *rows = ARENA_ARRAY(a, cancellation_t, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    while (db_next(&r)) {
        rows[n++] = from_row(&r);
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}
