/* The book after a restore: what it missed, and what it takes over from the provider. */
#include "book_int.h"

enum { SLACK_US = 600 * 1000000 };

err_t book_restored_begin(book_t *b, int64_t backup_us, int64_t restored_us)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db,
                  SQL("INSERT INTO restored (one, backup_us, restored_us) VALUES (1, ?1, ?2) "
                      "ON CONFLICT (one) DO UPDATE SET backup_us = excluded.backup_us, "
                      "restored_us = excluded.restored_us, reconciled_us = 0"),
                  DB_ARGS(db_i64(backup_us), db_i64(restored_us)), NULL);
}

err_t book_restored(book_t *b, book_restored_t *ret)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    db_rows_t row;
    arena_init(&a, BOOK_ARENA);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query_one(lease.db, &a,
                     SQL("SELECT backup_us, restored_us, reconciled_us FROM restored"), DB_NO_ARGS,
                     &row));
    *ret = (book_restored_t){.backup_us = db_col_i64(&row, 0),
                             .restored_us = db_col_i64(&row, 1),
                             .reconciled_us = db_col_i64(&row, 2)};
    return OK;
}

err_t book_reconcile_next(book_t *b, arena_t *a, int64_t backup_us, id128_t after, attempt_t *ret,
                          size_t cap, size_t *ret_n)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t rows;
    size_t n = 0;
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query(
        lease.db, a,
        SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE id > ?1 AND "
            "(state IN (1, 2, 3, 9) OR doubt <> '' OR settle <> 0 OR "
            "refund_due_minor > refunded_minor OR "
            "(state IN (5, 6, 7) AND expires_us > ?2)) "
            "ORDER BY id LIMIT ?3"),
        DB_ARGS(db_id(&after), db_i64(backup_us - BOOK_RECONCILE_US), db_i64((int64_t)cap)),
        &rows));
    while (n < cap && db_next(&rows)) {
        ret[n++] = book_attempt_read(&rows);
    }
    *ret_n = n;
    return OK;
}

err_t book_reconciled(book_t *b, const book_restored_t *r, int64_t listed, int64_t asked)
{
    uint8_t mem[256];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact_i64(&facts, "since_us", r->backup_us);
    ledger_fact_i64(&facts, "listed", listed);
    ledger_fact_i64(&facts, "asked", asked);
    TRY(buf_check(&facts));
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(ledger_append(b->conf.ledger,
                      &(ledger_record_t){.type = LEDGER_PAY_RECONCILED, .facts = buf_slice(&facts)},
                      1, NULL));
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    /* older payments may have been paid back meanwhile: each is asked once more within the hour,
     * spread over it so that new ones are not kept waiting */
    TRY(db_run(lease.db,
               SQL("UPDATE attempt SET look_at_us = ?1 + changed_us % 3600000000, looks = 0 "
                   "WHERE state = 4 AND session IS NOT NULL"),
               DB_ARGS(db_i64(clock_wall_us())), NULL));
    TRY(db_run(lease.db, SQL("UPDATE restored SET reconciled_us = ?1"),
               DB_ARGS(db_i64(clock_wall_us())), NULL));
    return db_commit(&tx);
}

/* ---- what the restored book has never heard of ---- */

bool book_may_adopt(const book_restored_t *r, id128_t attempt)
{
    int64_t made_us = id_time_ms(attempt) * 1000;
    return made_us >= r->backup_us - SLACK_US && made_us <= r->restored_us + SLACK_US;
}

static err_t adopt_record(book_t *b, id128_t attempt, id128_t booking, id128_t request,
                          const adapter_news_t *n)
{
    uint8_t mem[256];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact_i64(&facts, "amount", n->amount_minor);
    ledger_fact(&facts, "by", SLICE("reconcile"));
    ledger_fact(&facts, "payment", n->payment);
    TRY(buf_check(&facts));
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_ATTEMPT,
                                            .request = request,
                                            .object = attempt,
                                            .parent = booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

/* As an attempt that is over: a capture leads out of that state as well (attempt.c), and it takes
 * no other attempt's place. */
err_t book_adopt(book_t *b, slice_t provider, id128_t attempt, id128_t request,
                 const adapter_news_t *n)
{
    uint8_t mem[64];
    buf_t token = BUF_ON_ARRAY(mem);
    id128_t booking;
    int64_t now_us = clock_wall_us();
    TRY(id_decode(n->booking, &booking));
    ENSURE(n->amount_minor > 0 && n->session.len && n->currency[0], ERR_RANGE);
    buf_cstr(&token, "reconciled-");
    buf_id(&token, attempt);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(adopt_record(b, attempt, booking, request, n));
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db,
                  SQL("INSERT INTO attempt (id, booking, request, client_token, provider, state, "
                      "amount_minor, currency, lang, description, expires_us, created_us, "
                      "changed_us, look_at_us, session, payment) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 'restored', ?9, ?9, ?9, ?9, "
                      "?10, ?11)"),
                  DB_ARGS(db_id(&attempt), db_id(&booking), db_id(&request),
                          db_text(buf_slice(&token)), db_text(provider), db_i64(PAY_EXPIRED),
                          db_i64(n->amount_minor), db_text(slice_make(n->currency, 3)),
                          db_i64(now_us), db_text(n->session), db_text_or_null(n->payment)),
                  NULL);
}

/* Money that nobody can be asked about: set aside for a person, once. */
err_t book_orphan(book_t *b, slice_t provider, id128_t request, const adapter_news_t *n)
{
    static const uint8_t NO_SHA[32];
    uint8_t mem[ADAPTER_REF_MAX + 8];
    buf_t event = BUF_ON_ARRAY(mem);
    bool seen;
    int64_t last;
    buf_cstr(&event, "list-");
    buf_put(&event, slice_sub(n->payment, 0, ADAPTER_EVENT_MAX - 5));
    TRY(buf_check(&event));
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(book_notice_seen(b, provider, buf_slice(&event), &seen));
    if (seen) {
        return OK;
    }
    TRY(book_alarm(b, request, id_zero(), id_zero(), n, "restored"));
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    TRY(db_query_i64(lease.db, SQL("SELECT COALESCE(MAX(seq), 0) FROM notice"), DB_NO_ARGS, &last));
    TRY(db_run(lease.db,
               SQL("INSERT INTO notice (seq, provider, event, kind, request, received_us, "
                   "raw_sealed, raw_sha256, facts, state, reason) "
                   "VALUES (?1, ?2, ?3, 'listed', ?4, ?5, ?6, ?7, ?6, 2, 'restored')"),
               DB_ARGS(db_i64(last + 1), db_text(provider), db_text(buf_slice(&event)),
                       db_id(&request), db_i64(clock_wall_us()), db_blob(SLICE("-")),
                       db_blob(slice_make(NO_SHA, sizeof NO_SHA))),
               NULL));
    return db_commit(&tx);
}
