/* Doubt: money of which the provider told something that does not fit our order. The attempt is not
 * paid, whatever a later query says, until a person has given a verdict (README.md). */
#include "book_int.h"

err_t book_alarm(book_t *b, id128_t request, id128_t attempt, id128_t booking,
                 const adapter_news_t *n, const char *why)
{
    uint8_t mem[512];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "why", slice_cstr_in(why));
    ledger_fact(&facts, "kind", n->kind.len ? n->kind : SLICE("query"));
    ledger_fact_i64(&facts, "amount", n->amount_minor);
    TRY(buf_check(&facts));
    ledger_record_t records[2] = {{.type = LEDGER_PAY_QUARANTINE,
                                   .request = request,
                                   .object = attempt,
                                   .parent = booking,
                                   .facts = buf_slice(&facts)},
                                  {.type = LEDGER_ALARM,
                                   .request = request,
                                   .object = attempt,
                                   .parent = booking,
                                   .facts = SLICE("what=payment_does_not_fit")}};
    return ledger_append(b->conf.ledger, records, 2, NULL);
}

err_t book_doubt_set(db_t *db, const attempt_t *t, const adapter_news_t *n, const char *why)
{
    if (t->doubt.len || t->view.state == PAY_REFUNDED) { /* all went back: nothing to decide */
        return OK;
    }
    /* the money that was told of is found again by it, to be given back */
    bool ours = strcmp(why, "order") != 0 && strcmp(why, "session") != 0;
    return db_run(db,
                  SQL("UPDATE attempt SET doubt = ?2, told_minor = ?3, "
                      "payment = COALESCE(payment, ?4) WHERE id = ?1"),
                  DB_ARGS(db_id(&t->view.attempt), db_text(slice_cstr_in(why)),
                          db_i64(n->amount_minor),
                          db_text_or_null(ours ? n->payment : SLICE_EMPTY)),
                  NULL);
}

err_t book_doubt(book_t *b, id128_t attempt, id128_t request, const adapter_news_t *n,
                 const char *why)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(book_attempt_in(lease.db, &a, attempt, &t));
    if (t.doubt.len || t.view.state == PAY_REFUNDED) {
        return OK;
    }
    TRY(book_alarm(b, request, attempt, t.view.booking, n, why));
    return book_doubt_set(lease.db, &t, n, why);
}

/* ---- a person's verdict ---- */

static err_t verdict_record(book_t *b, id128_t request, id128_t attempt, id128_t booking,
                            pay_verdict_t verdict, slice_t reason)
{
    static const char *const NAMES[] = {
        [PAY_KEEP] = "keep", [PAY_RETURN] = "return", [PAY_DISMISS] = "dismiss"};
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", SLICE("verdict"));
    ledger_fact(&facts, "verdict", slice_cstr_in(NAMES[verdict]));
    ledger_fact(&facts, "reason", slice_sub(reason, 0, PAY_TEXT_MAX));
    TRY(buf_check(&facts));
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_QUARANTINE,
                                            .request = request,
                                            .object = attempt,
                                            .parent = booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

static err_t settle_attempt(book_t *b, db_t *db, id128_t request, id128_t attempt,
                            pay_verdict_t verdict, slice_t reason)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    arena_init(&a, BOOK_ARENA);
    TRY(book_attempt_in(db, &a, attempt, &t));
    ENSURE(t.doubt.len, ERR_NOT_FOUND);
    TRY(verdict_record(b, request, attempt, t.view.booking, verdict, reason));
    bool keep = verdict == PAY_KEEP;
    TRY(db_run(db,
               SQL("UPDATE attempt SET doubt = ?2, settle = ?3, refund_request = ?4, looks = 0, "
                   "look_at_us = ?5 WHERE id = ?1"),
               DB_ARGS(db_id(&attempt), db_text(keep ? SLICE_EMPTY : t.doubt), db_i64(verdict),
                       db_id(&request), db_i64(clock_wall_us())),
               NULL));
    return db_run(db, SQL("UPDATE notice SET state = 3 WHERE attempt = ?1 AND state = 2"),
                  DB_ARGS(db_id(&attempt)), NULL);
}

static err_t settle_notice(book_t *b, db_t *db, id128_t request, uint64_t notice, slice_t reason)
{
    int64_t changes;
    ENSURE(notice <= INT64_MAX, ERR_RANGE);
    TRY(db_run(db, SQL("UPDATE notice SET state = 3 WHERE seq = ?1 AND state = 2"),
               DB_ARGS(db_i64((int64_t)notice)), &changes));
    ENSURE(changes == 1, ERR_NOT_FOUND);
    return verdict_record(b, request, id_zero(), id_zero(), PAY_DISMISS, reason);
}

err_t book_settle(book_t *b, id128_t request, id128_t attempt, uint64_t notice,
                  pay_verdict_t verdict, slice_t reason)
{
    bool one = !id_is_zero(attempt);
    ENSURE(one != (notice > 0), ERR_RANGE);
    ENSURE(one ? verdict == PAY_KEEP || verdict == PAY_RETURN : verdict == PAY_DISMISS, ERR_RANGE);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    TRY(one ? settle_attempt(b, lease.db, request, attempt, verdict, reason)
            : settle_notice(b, lease.db, request, notice, reason));
    return db_commit(&tx);
}

err_t book_returned(book_t *b, id128_t attempt)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db, SQL("UPDATE attempt SET doubt = '', settle = 0 WHERE id = ?1"),
                  DB_ARGS(db_id(&attempt)), NULL);
}

/* ---- the list ---- */

static void why_put(char why[32], slice_t text)
{
    memset(why, 0, 32);
    if (text.len) {
        memcpy(why, text.ptr, text.len < 31 ? text.len : 31);
    }
}

static err_t attempts_in_doubt(db_t *db, arena_t *a, pay_doubt_t *ret, size_t cap, size_t *io_n)
{
    db_rows_t rows;
    TRY(db_query(
        db, a,
        SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE doubt <> '' ORDER BY id LIMIT ?1"),
        DB_ARGS(db_i64((int64_t)cap)), &rows));
    while (*io_n < cap && db_next(&rows)) {
        attempt_t t = book_attempt_read(&rows);
        pay_doubt_t *d = &ret[(*io_n)++];
        *d = (pay_doubt_t){.attempt = t.view.attempt,
                           .booking = t.view.booking,
                           .amount_minor = t.view.amount_minor,
                           .told_minor = t.told_minor,
                           .time_us = t.view.changed_us};
        why_put(d->why, t.doubt);
    }
    return OK;
}

static err_t notices_aside(db_t *db, arena_t *a, pay_doubt_t *ret, size_t cap, size_t *io_n)
{
    db_rows_t rows;
    TRY(db_query(db, a,
                 SQL("SELECT n.seq, n.attempt, n.received_us, n.reason FROM notice n "
                     "LEFT JOIN attempt t ON t.id = n.attempt AND t.doubt <> '' "
                     "WHERE n.state = 2 AND t.id IS NULL ORDER BY n.seq LIMIT ?1"),
                 DB_ARGS(db_i64((int64_t)cap)), &rows));
    while (*io_n < cap && db_next(&rows)) {
        pay_doubt_t *d = &ret[(*io_n)++];
        *d = (pay_doubt_t){.notice = (uint64_t)db_col_i64(&rows, 0),
                           .time_us = db_col_i64(&rows, 2)};
        if (!db_col_is_null(&rows, 1)) {
            d->attempt = db_col_id(&rows, 1);
        }
        why_put(d->why, db_col_text(&rows, 3));
    }
    return OK;
}

err_t book_doubts(book_t *b, pay_doubt_t *ret, size_t cap, size_t *ret_n)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    size_t n = 0;
    arena_init(&a, BOOK_ARENA);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(attempts_in_doubt(lease.db, &a, ret, cap, &n));
    TRY(notices_aside(lease.db, &a, ret, cap, &n));
    *ret_n = n;
    return OK;
}
