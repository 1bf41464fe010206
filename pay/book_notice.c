/* The provider's notifications in the book: stored once, applied once, or set aside. */
#include "book_int.h"

enum { FACTS_MAX = 1024, RECORDS_MAX = 3 };

static void news_put(buf_t *out, const adapter_news_t *n)
{
    buf_u8(out, n->knows);
    buf_u8(out, (uint8_t)n->fact);
    buf_str16(out, n->event);
    buf_str16(out, n->kind);
    buf_str16(out, n->session);
    buf_str16(out, n->payment);
    buf_str16(out, n->order);
    buf_i64(out, n->amount_minor);
    buf_i64(out, n->refunded_minor);
    buf_put(out, slice_make(n->currency, 3));
    buf_str16(out, n->booking);
    buf_u8(out, (uint8_t)(n->ask | n->dispute << 1));
    buf_str16(out, n->echo);
}

static err_t news_get(slice_t bytes, adapter_news_t *ret_news)
{
    cursor_t c = cur_on(bytes);
    adapter_news_t n = {.knows = cur_bool(&c)};
    n.fact = (pay_fact_t)cur_u8(&c);
    n.event = cur_str16(&c);
    n.kind = cur_str16(&c);
    n.session = cur_str16(&c);
    n.payment = cur_str16(&c);
    n.order = cur_str16(&c);
    n.amount_minor = cur_i64(&c);
    n.refunded_minor = cur_i64(&c);
    cur_copy(&c, n.currency, 3);
    if (c.left) { /* rows of before had no booking */
        n.booking = cur_str16(&c);
    }
    if (c.left) { /* rows of before had one provider, which tells all at once */
        uint8_t flags = cur_u8(&c);
        n.ask = flags & 1;
        n.dispute = flags & 2;
        n.echo = cur_str16(&c);
    }
    ENSURE(!err_failed(cur_end(&c)) && n.fact < PAY_FACT_COUNT, ERR_CORRUPT);
    *ret_news = n;
    return OK;
}

err_t book_notice_seen(book_t *b, slice_t provider, slice_t event, bool *ret_seen)
{
    int64_t n;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query_i64(lease.db,
                     SQL("SELECT COUNT(*) FROM notice WHERE provider = ?1 AND event = ?2"),
                     DB_ARGS(db_text(provider), db_text(event)), &n));
    *ret_seen = n > 0;
    return OK;
}

static err_t notice_record(book_t *b, const notice_t *notice, id128_t attempt,
                           const uint8_t sha256[32])
{
    const adapter_news_t *n = &notice->news;
    uint8_t mem[LEDGER_TEXT_MAX], hex[64];
    buf_t facts = BUF_ON_ARRAY(mem), digest = BUF_ON_ARRAY(hex);
    buf_hex(&digest, slice_make(sha256, 32));
    ledger_fact(&facts, "provider", notice->provider);
    ledger_fact(&facts, "kind", n->kind);
    ledger_fact(&facts, "event", n->event);
    ledger_fact(&facts, "sha256", buf_slice(&digest));
    TRY(buf_check(&facts));
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_NOTICE,
                                            .request = notice->request,
                                            .object = attempt,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

err_t book_notice_store(book_t *b, const notice_t *notice, id128_t attempt, slice_t raw_sealed,
                        const uint8_t raw_sha256[32], notice_state_t state)
{
    const adapter_news_t *n = &notice->news;
    uint8_t mem[FACTS_MAX];
    int64_t last;
    bool seen, aside = state == NOTICE_QUARANTINED;
    buf_t facts = BUF_ON_ARRAY(mem);
    news_put(&facts, n);
    TRY(buf_check(&facts));
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(book_notice_seen(b, notice->provider, n->event, &seen));
    ENSURE(!seen, ERR_EXISTS);
    TRY(notice_record(b, notice, attempt, raw_sha256));
    if (aside) {
        TRY(book_alarm(b, notice->request, attempt, id_zero(), n, "unreadable"));
    }
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    TRY(db_query_i64(lease.db, SQL("SELECT COALESCE(MAX(seq), 0) FROM notice"), DB_NO_ARGS, &last));
    TRY(db_run(lease.db,
               SQL("INSERT INTO notice (seq, provider, event, kind, request, received_us, "
                   "raw_sealed, raw_sha256, facts, state, reason, attempt) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
               DB_ARGS(db_i64(last + 1), db_text(notice->provider), db_text(n->event),
                       db_text(n->kind), db_id(&notice->request), db_i64(clock_wall_us()),
                       db_blob(raw_sealed), db_blob(slice_make(raw_sha256, 32)),
                       db_blob(buf_slice(&facts)), db_i64(state),
                       db_text(aside ? SLICE("unreadable") : SLICE_EMPTY),
                       aside ? db_null() : db_id_or_null(&attempt)),
               NULL));
    return db_commit(&tx);
}

err_t book_notice_next(book_t *b, arena_t *a, notice_t *ret_notice)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t row;
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query_one(lease.db, a,
                     SQL("SELECT seq, request, facts, provider FROM notice WHERE state = 0 ORDER "
                         "BY seq LIMIT 1"),
                     DB_NO_ARGS, &row));
    *ret_notice = (notice_t){.seq = db_col_i64(&row, 0),
                             .request = db_col_id(&row, 1),
                             .provider = db_col_text(&row, 3)};
    return news_get(db_col_blob(&row, 2), &ret_notice->news);
}

err_t book_notice_end(book_t *b, int64_t seq, const char *reason)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db, SQL("UPDATE notice SET state = 1, reason = ?2 WHERE seq = ?1"),
                  DB_ARGS(db_i64(seq), db_text(slice_cstr_in(reason))), NULL);
}

err_t book_notice_quarantine(book_t *b, const notice_t *notice, const attempt_t *t, const char *why)
{
    id128_t attempt = t ? t->view.attempt : id_zero(), booking = t ? t->view.booking : id_zero();
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t now;
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    TRY(book_alarm(b, notice->request, attempt, booking, &notice->news, why));
    TRY(db_run(
        lease.db, SQL("UPDATE notice SET state = 2, reason = ?2, attempt = ?3 WHERE seq = ?1"),
        DB_ARGS(db_i64(notice->seq), db_text(slice_cstr_in(why)), db_id_or_null(&attempt)), NULL));
    if (t && pay_fact_is_money(notice->news.fact)) {
        TRY(book_attempt_in(lease.db, &a, attempt, &now));
        TRY(book_doubt_set(lease.db, &now, &notice->news, why));
    }
    return db_commit(&tx);
}

err_t book_look_now(book_t *b, slice_t provider, slice_t payment, id128_t *ret_attempt)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    db_rows_t row;
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query_one(lease.db, &a,
                     SQL("SELECT id FROM attempt WHERE provider = ?1 AND payment = ?2 "
                         "ORDER BY id LIMIT 1"),
                     DB_ARGS(db_text(provider), db_text(payment)), &row));
    *ret_attempt = db_col_id(&row, 0);
    return db_run(lease.db, SQL("UPDATE attempt SET looks = 0, look_at_us = ?2 WHERE id = ?1"),
                  DB_ARGS(db_id(ret_attempt), db_i64(clock_wall_us())), NULL);
}

err_t book_notices_forget(book_t *b, id128_t booking)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db,
                  SQL("UPDATE notice SET raw_sealed = ?2 WHERE attempt IN "
                      "(SELECT id FROM attempt WHERE booking = ?1)"),
                  DB_ARGS(db_id(&booking), db_blob(SLICE_EMPTY)), NULL);
}
