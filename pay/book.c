/* Attempts and events of the book. Notifications: book_notice.c; doubt: book_doubt.c. */
#include "book_int.h"

err_t book_open(const book_conf_t *conf, book_t **ret_book)
{
    book_t *b = calloc(1, sizeof *b);
    ENSURE(b, ERR_MEMORY);
    b->conf = *conf;
    pthread_mutex_init(&b->writing, NULL);
    *ret_book = b;
    return OK;
}

void book_close(book_t *b)
{
    if (b) {
        pthread_mutex_destroy(&b->writing);
        free(b);
    }
}

err_t book_lock(book_t *b, pthread_mutex_t **ret_held)
{
    int64_t until_us = clock_wait_us() + (int64_t)BOOK_LOCK_MS * 1000;
    struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_SECOND_US),
                             .tv_nsec = (long)(until_us % CLOCK_SECOND_US) * 1000};
    ENSURE(pthread_mutex_clocklock(&b->writing, CLOCK_MONOTONIC, &until) == 0, ERR_DB_BUSY);
    *ret_held = &b->writing;
    return OK;
}

void book_unlock(pthread_mutex_t **held)
{
    if (*held) {
        pthread_mutex_unlock(*held);
    }
}

/* ---- rows ---- */

attempt_t book_attempt_read(const db_rows_t *r)
{
    attempt_t t = {.view = {.attempt = db_col_id(r, 0),
                            .booking = db_col_id(r, 1),
                            .state = (pay_state_t)db_col_i64(r, 2),
                            .amount_minor = db_col_i64(r, 3),
                            .changed_us = db_col_i64(r, 5)},
                   .request = db_col_id(r, 6),
                   .lang = (uint8_t)db_col_i64(r, 7),
                   .expires_us = db_col_i64(r, 8),
                   .captured_minor = db_col_i64(r, 9),
                   .refunded_minor = db_col_i64(r, 10),
                   .refund_due_minor = db_col_i64(r, 11),
                   .looks = db_col_i64(r, 13),
                   .session = db_col_text(r, 14),
                   .payment = db_col_text(r, 15),
                   .url = db_col_text(r, 16),
                   .description = db_col_text(r, 17),
                   .doubt = db_col_text(r, 18),
                   .told_minor = db_col_i64(r, 19),
                   .return_ordered = db_col_i64(r, 20) == PAY_RETURN,
                   .provider = db_col_text(r, 21)};
    if (!db_col_is_null(r, 12)) {
        t.refund_request = db_col_id(r, 12);
    }
    slice_t currency = db_col_text(r, 4);
    CHECK(currency.len == sizeof t.view.currency);
    memcpy(t.view.currency, currency.ptr, sizeof t.view.currency);
    return t;
}

static void attempts_read(db_rows_t *rows, attempt_t *ret, size_t cap, size_t *ret_n)
{
    size_t n = 0;
    while (n < cap && db_next(rows)) {
        ret[n++] = book_attempt_read(rows);
    }
    *ret_n = n;
}

err_t book_attempt_in(db_t *db, arena_t *a, id128_t attempt, attempt_t *ret_attempt)
{
    db_rows_t row;
    TRY(db_query_one(db, a, SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE id = ?1"),
                     DB_ARGS(db_id(&attempt)), &row));
    *ret_attempt = book_attempt_read(&row);
    return OK;
}

err_t book_get(book_t *b, arena_t *a, id128_t attempt, attempt_t *ret_attempt)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return book_attempt_in(lease.db, a, attempt, ret_attempt);
}

err_t book_live_of(book_t *b, arena_t *a, id128_t booking, attempt_t *ret, size_t cap,
                   size_t *ret_n)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t rows;
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query(lease.db, a,
                 SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE booking = ?1 AND "
                     "(state IN (1, 2, 3, 4, 9) OR doubt <> '' OR "
                     "(state = 5 AND session IS NOT NULL AND expires_us > ?2)) ORDER BY id"),
                 DB_ARGS(db_id(&booking), db_i64(clock_wall_us())), &rows));
    attempts_read(&rows, ret, cap, ret_n);
    return OK;
}

/* A declined attempt's page lives on: the provider lets the customer try again there. Doubt means
 * that the page was used; nothing is left to cancel. */
err_t book_open_pages(book_t *b, arena_t *a, id128_t after, attempt_t *ret, size_t cap,
                      size_t *ret_n)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t rows;
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query(lease.db, a,
                 SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE id > ?1 AND doubt = '' AND "
                     "session IS NOT NULL AND (state IN (1, 2, 9) OR (state = 5 AND "
                     "expires_us > ?2)) ORDER BY id LIMIT ?3"),
                 DB_ARGS(db_id(&after), db_i64(clock_wall_us()), db_i64((int64_t)cap)), &rows));
    attempts_read(&rows, ret, cap, ret_n);
    return OK;
}

/* A look further away than any schedule says was set by a clock that has since gone back. */
err_t book_due(book_t *b, arena_t *a, attempt_t *ret, size_t cap, size_t *ret_n)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t rows;
    int64_t now_us = clock_wall_us();
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query(lease.db, a,
                 SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE look_at_us <= ?1 OR "
                     "(look_at_us > ?2 AND look_at_us < ?3) ORDER BY look_at_us LIMIT ?4"),
                 DB_ARGS(db_i64(now_us), db_i64(now_us + 2 * CLOCK_DAY_US), db_i64(INT64_MAX),
                         db_i64((int64_t)cap)),
                 &rows));
    attempts_read(&rows, ret, cap, ret_n);
    return OK;
}

static bool is_busy(const attempt_t *t)
{
    return t->view.state != PAY_REFUNDED &&
           (t->return_ordered || t->refund_due_minor > t->refunded_minor);
}

err_t book_looked(book_t *b, id128_t attempt)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(book_attempt_in(lease.db, &a, attempt, &t));
    int64_t at_us =
        pay_look_next_us(t.view.state, t.looks, is_busy(&t), t.expires_us, clock_wall_us());
    return db_run(lease.db,
                  SQL("UPDATE attempt SET look_at_us = ?2, looks = looks + 1 WHERE id = ?1"),
                  DB_ARGS(db_id(&attempt), db_i64(at_us)), NULL);
}

/* ---- creating ---- */

static err_t seen_before(db_t *db, arena_t *a, id128_t booking, slice_t token,
                         attempt_t *ret_attempt)
{
    db_rows_t row;
    TRY(db_query_one(
        db, a,
        SQL("SELECT " ATTEMPT_COLUMNS " FROM attempt WHERE booking = ?1 AND client_token = ?2"),
        DB_ARGS(db_id(&booking), db_text(token)), &row));
    *ret_attempt = book_attempt_read(&row);
    return OK;
}

err_t book_by_token(book_t *b, arena_t *a, id128_t booking, slice_t client_token,
                    attempt_t *ret_attempt)
{
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return seen_before(lease.db, a, booking, client_token, ret_attempt);
}

static err_t create_record(book_t *b, const char *provider, const pay_order_t *o, id128_t attempt)
{
    uint8_t mem[256];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact_i64(&facts, "amount", o->amount_minor);
    ledger_fact(&facts, "currency", slice_make(o->currency, 3));
    ledger_fact(&facts, "provider", slice_cstr_in(provider));
    TRY(buf_check(&facts));
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_ATTEMPT,
                                            .request = o->request,
                                            .object = attempt,
                                            .parent = o->booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

static err_t create_allowed(db_t *db, id128_t booking)
{
    int64_t live, all;
    TRY(db_query_i64(db,
                     SQL("SELECT COUNT(*) FROM attempt WHERE booking = ?1 AND state IN (1, 2, 9)"),
                     DB_ARGS(db_id(&booking)), &live));
    ENSURE(live == 0, ERR_CONFLICT);
    TRY(db_query_i64(db, SQL("SELECT COUNT(*) FROM attempt WHERE booking = ?1"),
                     DB_ARGS(db_id(&booking)), &all));
    ENSURE(all < BOOK_ATTEMPTS_MAX, ERR_TOO_MANY);
    return OK;
}

err_t book_create(book_t *b, arena_t *a, const char *provider, const pay_order_t *o,
                  attempt_t *ret_attempt)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    err_t seen = seen_before(lease.db, a, o->booking, o->client_token, ret_attempt);
    if (!err_is(seen, ERR_NOT_FOUND)) {
        return err_failed(seen) ? seen : FAIL(ERR_EXISTS);
    }
    TRY(create_allowed(lease.db, o->booking));
    id128_t id = id_new();
    int64_t now_us = clock_wall_us();
    int64_t look_us = pay_look_next_us(PAY_CREATED, 0, false, o->expires_us, now_us);
    TRY(create_record(b, provider, o, id));
    TRY(db_run(lease.db,
               SQL("INSERT INTO attempt (id, booking, request, client_token, provider, state, "
                   "amount_minor, currency, lang, description, expires_us, created_us, changed_us, "
                   "look_at_us) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)"),
               DB_ARGS(db_id(&id), db_id(&o->booking), db_id(&o->request), db_text(o->client_token),
                       db_text(slice_cstr_in(provider)), db_i64(PAY_CREATED),
                       db_i64(o->amount_minor), db_text(slice_make(o->currency, 3)),
                       db_i64(o->lang), db_text(o->description), db_i64(o->expires_us),
                       db_i64(now_us), db_i64(look_us)),
               NULL));
    return book_attempt_in(lease.db, a, id, ret_attempt);
}

/* ---- learning ---- */

const char *attempt_misfit(const attempt_t *t, const adapter_news_t *n)
{
    char order[ID_TEXT];
    id_encode(t->view.attempt, order);
    if (n->order.len && !slice_eq(n->order, slice_make(order, ID_TEXT))) {
        return "order";
    }
    if (n->session.len && t->session.len && !slice_eq(n->session, t->session)) {
        return "session";
    }
    if ((pay_fact_is_money(n->fact) || n->currency[0]) &&
        memcmp(n->currency, t->view.currency, sizeof n->currency) != 0) {
        return "currency";
    }
    if ((n->fact == PAY_FACT_CAPTURED || n->fact == PAY_FACT_AUTHORIZED) &&
        n->amount_minor != t->view.amount_minor) {
        return "amount";
    }
    return NULL;
}

static err_t state_record(book_t *b, const attempt_t *t, id128_t request, pay_state_t to,
                          const adapter_news_t *n, const char *source)
{
    uint8_t mem[320];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "from", slice_cstr_in(pay_state_name(t->view.state)));
    ledger_fact(&facts, "to", slice_cstr_in(pay_state_name(to)));
    ledger_fact(&facts, "by", slice_cstr_in(source));
    ledger_fact_i64(&facts, "amount", n->amount_minor);
    TRY(buf_check(&facts));
    ledger_type_t type = to == PAY_REDIRECTED ? LEDGER_PAY_REDIRECTED : LEDGER_PAY_STATE;
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = type,
                                            .request = request,
                                            .object = t->view.attempt,
                                            .parent = t->view.booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

/* A part went back (at the provider's own desk, say): no new state, but money moved. */
static err_t part_record(book_t *b, const attempt_t *t, id128_t request, const adapter_news_t *n,
                         const char *source)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", SLICE("part"));
    ledger_fact(&facts, "by", slice_cstr_in(source));
    ledger_fact_i64(&facts, "amount", n->refunded_minor);
    TRY(buf_check(&facts));
    return ledger_append(b->conf.ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_REFUND,
                                            .request = request,
                                            .object = t->view.attempt,
                                            .parent = t->view.booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

static err_t event_insert(db_t *db, const attempt_t *t, id128_t request, pay_state_t state,
                          int64_t amount_minor)
{
    int64_t last;
    TRY(db_query_i64(db, SQL("SELECT COALESCE(MAX(seq), 0) FROM event"), DB_NO_ARGS, &last));
    return db_run(db,
                  SQL("INSERT INTO event (seq, attempt, booking, request, state, amount_minor, "
                      "currency, time_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
                  DB_ARGS(db_i64(last + 1), db_id(&t->view.attempt), db_id(&t->view.booking),
                          db_id(&request), db_i64(state), db_i64(amount_minor),
                          db_text(slice_make(t->view.currency, 3)), db_i64(clock_wall_us())),
                  NULL);
}

static int64_t event_amount(pay_state_t state, const adapter_news_t *n, const attempt_t *t)
{
    if (state == PAY_REFUNDED) {
        return n->refunded_minor ? n->refunded_minor : t->captured_minor;
    }
    return n->amount_minor ? n->amount_minor : t->view.amount_minor;
}

/* What the provider told that is kept whatever the state: its ids, sums. An id once known is not
 * overwritten. A new state begins the schedule of looks anew; else it stays (a refund may wait). */
static err_t news_store(db_t *db, const attempt_t *t, pay_state_t next, const adapter_news_t *n)
{
    bool paid = next == PAY_CAPTURED || next == PAY_REFUNDED;
    int64_t captured = paid && !t->captured_minor ? n->amount_minor : t->captured_minor;
    int64_t refunded =
        n->refunded_minor > t->refunded_minor ? n->refunded_minor : t->refunded_minor;
    TRY(db_run(db,
               SQL("UPDATE attempt SET session = COALESCE(session, ?2), payment = "
                   "COALESCE(payment, ?3), url = COALESCE(url, ?4), captured_minor = ?5, "
                   "refunded_minor = ?6 WHERE id = ?1"),
               DB_ARGS(db_id(&t->view.attempt), db_text_or_null(n->session),
                       db_text_or_null(n->payment), db_text_or_null(n->url), db_i64(captured),
                       db_i64(refunded)),
               NULL));
    if (next == t->view.state) {
        return OK;
    }
    int64_t now_us = clock_wall_us();
    bool done = next == PAY_REFUNDED; /* all went back: nothing is left to doubt */
    return db_run(db,
                  SQL("UPDATE attempt SET state = ?2, changed_us = ?3, looks = 0, look_at_us = ?4, "
                      "doubt = ?5, settle = ?6 WHERE id = ?1"),
                  DB_ARGS(db_id(&t->view.attempt), db_i64(next), db_i64(now_us),
                          db_i64(pay_look_next_us(PAY_REDIRECTED, 0, false, 0, now_us)),
                          db_text(done ? SLICE_EMPTY : t->doubt),
                          db_i64(!done && t->return_ordered ? PAY_RETURN : 0)),
                  NULL);
}

static pay_state_t next_state(const attempt_t *t, const adapter_news_t *n)
{
    bool pays = n->fact == PAY_FACT_CAPTURED || n->fact == PAY_FACT_AUTHORIZED;
    return t->doubt.len && pays ? t->view.state : pay_attempt_next(t->view.state, n->fact);
}

err_t book_learn(book_t *b, id128_t attempt, id128_t request, const adapter_news_t *n,
                 const char *source, pay_state_t *ret_state)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_begin(lease.db, &tx));
    TRY(book_attempt_in(lease.db, &a, attempt, &t));
    ENSURE(!pay_fact_is_money(n->fact) || !attempt_misfit(&t, n), ERR_CONFLICT);
    pay_state_t next = next_state(&t, n);
    bool changed = next != t.view.state;
    if (changed) {
        TRY(state_record(b, &t, request, next, n, source));
        TRY(event_insert(lease.db, &t, request, next, event_amount(next, n, &t)));
    } else if (n->refunded_minor > t.refunded_minor) {
        TRY(part_record(b, &t, request, n, source));
    }
    TRY(news_store(lease.db, &t, next, n));
    TRY(db_commit(&tx));
    if (changed && b->conf.on_event) {
        b->conf.on_event(b->conf.ctx);
    }
    if (ret_state) {
        *ret_state = next;
    }
    return OK;
}

/* ---- events ---- */

err_t book_events(book_t *b, uint64_t after_seq, pay_event_t *ret, size_t cap, size_t *ret_n)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    db_rows_t rows;
    size_t n = 0;
    arena_init(&a, BOOK_ARENA);
    ENSURE(after_seq <= INT64_MAX, ERR_RANGE);
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query(lease.db, &a,
                 SQL("SELECT seq, attempt, booking, request, state, amount_minor, currency, "
                     "time_us FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
                 DB_ARGS(db_i64((int64_t)after_seq), db_i64((int64_t)cap)), &rows));
    while (n < cap && db_next(&rows)) {
        pay_event_t *e = &ret[n++];
        *e = (pay_event_t){.seq = (uint64_t)db_col_i64(&rows, 0),
                           .attempt = db_col_id(&rows, 1),
                           .booking = db_col_id(&rows, 2),
                           .request = db_col_id(&rows, 3),
                           .state = (pay_state_t)db_col_i64(&rows, 4),
                           .amount_minor = db_col_i64(&rows, 5),
                           .time_us = db_col_i64(&rows, 7)};
        CHECK(db_col_text(&rows, 6).len == sizeof e->currency);
        memcpy(e->currency, db_col_text(&rows, 6).ptr, sizeof e->currency);
    }
    *ret_n = n;
    return OK;
}

err_t book_pulse(book_t *b)
{
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    return db_run(lease.db, SQL("UPDATE pulse SET at_us = ?1 WHERE one = 1"),
                  DB_ARGS(db_i64(clock_wall_us())), NULL);
}

err_t book_counts(book_t *b, book_counts_t *ret_counts)
{
    book_counts_t c;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(db_query_i64(lease.db, SQL("SELECT COUNT(*) FROM attempt WHERE state IN (1, 2, 3, 9)"),
                     DB_NO_ARGS, &c.open));
    TRY(db_query_i64(lease.db, SQL("SELECT COUNT(*) FROM notice WHERE state = 0"), DB_NO_ARGS,
                     &c.waiting));
    TRY(db_query_i64(lease.db, SQL("SELECT COUNT(*) FROM attempt WHERE doubt <> ''"), DB_NO_ARGS,
                     &c.doubts));
    TRY(db_query_i64(lease.db, SQL("SELECT COUNT(*) FROM notice WHERE state = 2"), DB_NO_ARGS,
                     &c.quarantined));
    *ret_counts = c;
    return OK;
}
