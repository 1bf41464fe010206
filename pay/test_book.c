/* The book on SQLite and on PostgreSQL, with a real ledgerd: races, refusals of the record, kills.
 */
#include "test_house.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "book.h"
#include "db/migrate.h"
#include "db/test_pg.h"

extern const db_migrations_t pay_migrations;

enum { RACERS = 32 };

static test_house_t house;
static test_pg_t pg;
static bool on_pg;
static unsigned serial;
static char url[512];
static db_pool_t *pool;
static book_t *book;
static arena_t arena;
static int events_told;

static void on_event(void *ctx)
{
    __atomic_add_fetch(&events_told, 1, __ATOMIC_SEQ_CST);
}

static void fresh_url(void)
{
    char name[16] = "book";
    size_t n = 4;
    for (unsigned k = ++serial; k > 0; k /= 26) {
        name[n++] = (char)('a' + k % 26);
    }
    name[n] = 0;
    if (on_pg) {
        assert_ok(test_pg_schema(&pg, name, url, sizeof url));
    } else {
        snprintf(url, sizeof url, "sqlite:%s/%s.db", house.var, name);
    }
}

static void open_book(void)
{
    assert_ok(db_pool_open(url, 12, &pool));
    assert_ok(book_open(&(book_conf_t){.pool = pool, .ledger = house.ledger, .on_event = on_event},
                        &book));
}

static int case_up(void **state)
{
    db_t *db;
    arena_init(&arena, 8 * 1024 * 1024);
    fresh_url();
    assert_ok(db_open(url, &db));
    assert_ok(db_migrate(db, &pay_migrations));
    db_close(db);
    open_book();
    return 0;
}

static int case_down(void **state)
{
    book_close(book);
    db_pool_close(pool);
    arena_deinit(&arena);
    return 0;
}

/* ---- helpers ---- */

static pay_order_t order_for(id128_t booking, const char *token)
{
    return (pay_order_t){.request = id_new(),
                         .booking = booking,
                         .amount_minor = 12000,
                         .currency = {'J', 'P', 'Y'},
                         .expires_us = clock_wall_us() + 1800 * CLOCK_SECOND_US,
                         .description = SLICE("花見"),
                         .client_token = slice_cstr_in(token)};
}

static attempt_t made(void)
{
    attempt_t t;
    pay_order_t o = order_for(id_new(), "bbbbbbbbbbbbbbbb");
    assert_ok(book_create(book, &arena, "komoju", &o, &t));
    return t;
}

static adapter_news_t paid(void)
{
    return (adapter_news_t){.knows = true,
                            .fact = PAY_FACT_CAPTURED,
                            .amount_minor = 12000,
                            .currency = {'J', 'P', 'Y'},
                            .payment = SLICE("pay1")};
}

static attempt_t now(const attempt_t *t)
{
    attempt_t fresh;
    assert_ok(book_get(book, &arena, t->view.attempt, &fresh));
    return fresh;
}

static size_t all_events(pay_event_t *ret, size_t cap)
{
    size_t n = 0, got;
    uint64_t after = 0;
    do {
        pay_event_t e[7]; /* pages that do not divide evenly */
        assert_ok(book_events(book, after, e, 7, &got));
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(e[i].seq, after + 1);
            after = e[i].seq;
            assert_true(n < cap);
            ret[n++] = e[i];
        }
    } while (got);
    return n;
}

static void *run_all(void *(*fn)(void *), void *args, size_t size, size_t n)
{
    pthread_t threads[RACERS];
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fn, (char *)args + i * size), 0);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    return NULL;
}

/* ---- creating ---- */

typedef struct creator {
    pay_order_t order;
    err_t e;
    id128_t attempt;
} creator_t;

static void *create_one(void *arg)
{
    creator_t *c = arg;
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    arena_init(&a, 256 * 1024);
    do {
        c->e = book_create(book, &a, "komoju", &c->order, &t);
    } while (err_is(c->e, ERR_DB_BUSY));
    if (!err_failed(c->e) || err_is(c->e, ERR_EXISTS)) {
        c->attempt = t.view.attempt;
    }
    return NULL;
}

static void one_token_is_one_attempt(void **state)
{
    creator_t c[RACERS];
    id128_t booking = id_new();
    size_t made_new = 0;
    for (size_t i = 0; i < RACERS; i++) {
        c[i] = (creator_t){.order = order_for(booking, "bbbbbbbbbbbbbbbb")};
    }
    run_all(create_one, c, sizeof *c, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        made_new += !err_failed(c[i].e);
        assert_true(!err_failed(c[i].e) || err_is(c[i].e, ERR_EXISTS));
        assert_true(id_eq(c[i].attempt, c[0].attempt));
    }
    assert_int_equal(made_new, 1);
    assert_int_equal(test_records(&house, c[0].attempt, LEDGER_PAY_ATTEMPT, NULL), 1);
}

static void one_booking_is_one_live_attempt(void **state)
{
    static char tokens[RACERS][20];
    creator_t c[RACERS];
    id128_t booking = id_new();
    size_t made_new = 0;
    for (size_t i = 0; i < RACERS; i++) {
        snprintf(tokens[i], sizeof tokens[i], "bbbbbbbbbbbbbbb%zu", i);
        c[i] = (creator_t){.order = order_for(booking, tokens[i])};
    }
    run_all(create_one, c, sizeof *c, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        made_new += !err_failed(c[i].e);
        assert_true(!err_failed(c[i].e) || err_is(c[i].e, ERR_CONFLICT));
    }
    assert_int_equal(made_new, 1);
}

/* Not by the code alone: the database itself refuses. */
static void database_refuses_two_live_attempts(void **state)
{
    attempt_t t = made();
    id128_t id = id_new();
    DB_LEASE_SCOPED db_lease_t lease = {0};
    assert_ok(db_lease(pool, 1000, &lease));
    assert_err(db_run(lease.db,
                      SQL("INSERT INTO attempt (id, booking, request, client_token, provider, "
                          "state, amount_minor, currency, lang, description, expires_us, "
                          "created_us, changed_us, look_at_us) VALUES (?1, ?2, ?1, 'x', 'k', 2, 1, "
                          "'JPY', 0, 'd', 0, 0, 0, 0)"),
                      DB_ARGS(db_id(&id), db_id(&t.view.booking)), NULL),
               ERR_EXISTS);
}

static void thirty_attempts_are_enough(void **state)
{
    id128_t booking = id_new();
    adapter_news_t over = {.fact = PAY_FACT_CANCELLED};
    for (int i = 0; i <= BOOK_ATTEMPTS_MAX; i++) {
        char token[24];
        attempt_t t;
        snprintf(token, sizeof token, "bbbbbbbbbbbbbbbb%d", i);
        pay_order_t o = order_for(booking, token);
        err_t e = book_create(book, &arena, "komoju", &o, &t);
        if (i == BOOK_ATTEMPTS_MAX) {
            assert_true(err_is(e, ERR_TOO_MANY));
            return;
        }
        assert_ok(e);
        assert_ok(book_learn(book, t.view.attempt, o.request, &over, "test", NULL));
    }
}

/* ---- learning ---- */

typedef struct learner {
    id128_t attempt;
    adapter_news_t news;
    const char *source;
    err_t e;
} learner_t;

static void *learn_one(void *arg)
{
    learner_t *l = arg;
    do {
        l->e = book_learn(book, l->attempt, id_new(), &l->news, l->source, NULL);
    } while (err_is(l->e, ERR_DB_BUSY) || err_is(l->e, ERR_NOT_RECORDED));
    return NULL;
}

static void one_event_a_change(void **state)
{
    static const char *const SOURCES[] = {"notice", "query", "brake"};
    enum { ATTEMPTS = 6 };
    attempt_t t[ATTEMPTS];
    learner_t l[RACERS];
    pay_event_t e[64];
    uint64_t seed = 3;
    for (size_t i = 0; i < ATTEMPTS; i++) {
        t[i] = made();
    }
    int told = events_told;
    for (size_t i = 0; i < RACERS; i++) {
        l[i] = (learner_t){.attempt = t[i % ATTEMPTS].view.attempt, .source = SOURCES[i % 3]};
        l[i].news = paid();
        if (i >= ATTEMPTS && test_random(&seed) % 2) {
            l[i].news = (adapter_news_t){.knows = true, .fact = PAY_FACT_CANCELLED};
        }
    }
    run_all(learn_one, l, sizeof *l, RACERS);
    size_t n = all_events(e, BASE_COUNT(e));
    for (size_t i = 0; i < RACERS; i++) {
        assert_ok(l[i].e);
    }
    for (size_t i = 0; i < ATTEMPTS; i++) {
        size_t captured = 0, mine = 0;
        for (size_t k = 0; k < n; k++) {
            bool is = id_eq(e[k].attempt, t[i].view.attempt);
            mine += is;
            captured += is && e[k].state == PAY_CAPTURED;
        }
        assert_int_equal(captured, 1);
        assert_true(mine <= 2); /* at most ABANDONED before */
        assert_int_equal(now(&t[i]).view.state, PAY_CAPTURED);
        assert_int_equal(now(&t[i]).captured_minor, 12000);
        assert_int_equal(test_records(&house, t[i].view.attempt, LEDGER_PAY_STATE, NULL), mine);
    }
    assert_int_equal(events_told - told, n);
}

static void what_does_not_fit_is_not_learnt(void **state)
{
    char other[ID_TEXT];
    id_encode(id_new(), other);
    for (int i = 0; i < 6; i++) {
        attempt_t t = made();
        adapter_news_t n = paid();
        switch (i) {
        case 0:
            n.amount_minor = 11999;
            break;
        case 1:
            n.currency[0] = 'U';
            break;
        case 2:
            n.order = slice_make(other, ID_TEXT);
            break;
        case 3:
            n.currency[0] = 0;
            break;
        case 4:
            n.fact = PAY_FACT_AUTHORIZED;
            n.amount_minor = 0;
            break;
        default:
            n.fact = PAY_FACT_REFUNDED;
            n.currency[2] = 'X';
            break;
        }
        assert_non_null(attempt_misfit(&t, &n));
        assert_err(book_learn(book, t.view.attempt, id_new(), &n, "test", NULL), ERR_CONFLICT);
        assert_int_equal(now(&t).view.state, PAY_CREATED);
        assert_int_equal(now(&t).captured_minor, 0);
    }
    attempt_t t = made();
    adapter_news_t page = {.fact = PAY_FACT_PAGE_MADE, .session = SLICE("ses1"), .url = SLICE("u")};
    assert_ok(book_learn(book, t.view.attempt, id_new(), &page, "create", NULL));
    t = now(&t);
    adapter_news_t n = paid();
    n.session = SLICE("ses2");
    assert_string_equal(attempt_misfit(&t, &n), "session");
    assert_err(book_learn(book, t.view.attempt, id_new(), &n, "test", NULL), ERR_CONFLICT);
}

static void doubt_blocks_until_the_verdict(void **state)
{
    attempt_t t = made();
    adapter_news_t wrong = paid(), right = paid();
    pay_doubt_t d[4];
    size_t n;
    pay_state_t s;
    wrong.amount_minor = 1;
    for (int i = 0; i < 3; i++) { /* one alarm, however often it is told */
        assert_ok(book_doubt(book, t.view.attempt, id_new(), &wrong, "amount"));
    }
    assert_int_equal(test_records(&house, t.view.attempt, LEDGER_ALARM, NULL), 1);
    assert_ok(book_learn(book, t.view.attempt, id_new(), &right, "query", &s));
    assert_int_equal(s, PAY_CREATED);
    assert_ok(book_doubts(book, d, 4, &n));
    assert_int_equal(n, 1);
    assert_true(id_eq(d[0].attempt, t.view.attempt) && d[0].told_minor == 1);
    assert_err(book_settle(book, id_new(), t.view.attempt, 0, 0, SLICE("x")), ERR_RANGE);
    assert_err(book_settle(book, id_new(), t.view.attempt, 0, 77, SLICE("x")), ERR_RANGE);
    assert_err(book_settle(book, id_new(), t.view.attempt, 1, PAY_KEEP, SLICE("x")), ERR_RANGE);
    assert_ok(book_settle(book, id_new(), t.view.attempt, 0, PAY_KEEP, SLICE("確かめた")));
    assert_ok(book_learn(book, t.view.attempt, id_new(), &right, "query", &s));
    assert_int_equal(s, PAY_CAPTURED);
    assert_ok(book_doubts(book, d, 4, &n));
    assert_int_equal(n, 0);
}

/* ---- the record refuses ---- */

static void refusal_leaves_everything(void **state)
{
    attempt_t t = made(), unused;
    adapter_news_t page = {.fact = PAY_FACT_PAGE_MADE, .session = SLICE("s"), .url = SLICE("u")};
    adapter_news_t money = paid(), event = {.event = SLICE("e1"), .kind = SLICE("ping")};
    uint8_t sha[32] = {0};
    pay_event_t e[4];
    pay_order_t o = order_for(id_new(), "cccccccccccccccc");
    bool seen;
    kill(house.ledgerd, SIGSTOP);
    assert_err(book_learn(book, t.view.attempt, id_new(), &page, "create", NULL), ERR_NOT_RECORDED);
    assert_err(book_learn(book, t.view.attempt, id_new(), &money, "query", NULL), ERR_NOT_RECORDED);
    assert_err(book_create(book, &arena, "komoju", &o, &unused), ERR_NOT_RECORDED);
    assert_err(book_notice_store(
                   book,
                   &(notice_t){.request = id_new(), .provider = SLICE("komoju"), .news = event},
                   id_zero(), SLICE("x"), sha, NOTICE_NEW),
               ERR_NOT_RECORDED);
    assert_err(book_doubt(book, t.view.attempt, id_new(), &money, "x"), ERR_NOT_RECORDED);
    kill(house.ledgerd, SIGCONT);
    attempt_t after = now(&t);
    assert_int_equal(after.view.state, PAY_CREATED);
    assert_int_equal(after.session.len + after.url.len + after.payment.len + after.doubt.len, 0);
    assert_int_equal(after.captured_minor, 0);
    assert_int_equal(all_events(e, 4), 0);
    assert_err(book_by_token(book, &arena, o.booking, o.client_token, &unused), ERR_NOT_FOUND);
    assert_ok(book_notice_seen(book, SLICE("komoju"), SLICE("e1"), &seen));
    assert_false(seen);
    WAIT_UNTIL(!err_failed(book_learn(book, t.view.attempt, id_new(), &money, "query", NULL)));
    assert_int_equal(now(&t).view.state, PAY_CAPTURED);
    assert_err(book_refund_due(book, t.view.attempt, id_new(), 12001, SLICE("x")), ERR_RANGE);
    assert_err(book_refund_due(book, t.view.attempt, id_new(), 0, SLICE("x")), ERR_RANGE);
    kill(house.ledgerd, SIGSTOP);
    assert_err(book_refund_due(book, t.view.attempt, id_new(), 12000, SLICE("x")),
               ERR_NOT_RECORDED);
    kill(house.ledgerd, SIGCONT);
    assert_int_equal(now(&t).refund_due_minor, 0);
    WAIT_UNTIL(!err_failed(ledger_append(
        house.ledger, &(ledger_record_t){.type = LEDGER_ALARM, .object = id_new()}, 1, NULL)));
}

/* ---- notifications ---- */

typedef struct notifier {
    id128_t attempt;
    adapter_news_t news;
    err_t e;
} notifier_t;

static void *notify_one(void *arg)
{
    notifier_t *n = arg;
    uint8_t sha[32] = {0};
    do {
        n->e = book_notice_store(
            book, &(notice_t){.request = id_new(), .provider = SLICE("komoju"), .news = n->news},
            n->attempt, SLICE("sealed"), sha, NOTICE_NEW);
    } while (err_is(n->e, ERR_DB_BUSY) || err_is(n->e, ERR_NOT_RECORDED));
    return NULL;
}

static void notification_is_stored_once(void **state)
{
    notifier_t n[RACERS];
    size_t stored = 0;
    book_counts_t counts;
    id128_t attempt = id_new();
    for (size_t i = 0; i < RACERS; i++) {
        n[i] = (notifier_t){
            .attempt = attempt,
            .news = {.event = i % 2 ? SLICE("evt1") : SLICE("evt2"), .kind = SLICE("ping")}};
    }
    run_all(notify_one, n, sizeof *n, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        stored += !err_failed(n[i].e);
        assert_true(!err_failed(n[i].e) || err_is(n[i].e, ERR_EXISTS));
    }
    assert_int_equal(stored, 2);
    assert_ok(book_counts(book, &counts));
    assert_int_equal(counts.waiting, 2);
    assert_int_equal(test_records(&house, attempt, LEDGER_PAY_NOTICE, NULL), 2);
}

static void notifications_come_in_order(void **state)
{
    uint8_t sha[32] = {0};
    notice_t got;
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "evt%d", i);
        adapter_news_t n = paid();
        n.event = slice_cstr_in(id);
        n.kind = SLICE("payment.captured");
        n.refunded_minor = i;
        assert_ok(book_notice_store(
            book, &(notice_t){.request = id_new(), .provider = SLICE("komoju"), .news = n},
            id_zero(), SLICE("x"), sha, NOTICE_NEW));
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(book_notice_next(book, &arena, &got));
        assert_int_equal(got.news.refunded_minor, i);
        assert_int_equal(got.news.fact, PAY_FACT_CAPTURED);
        assert_memory_equal(got.news.currency, "JPY", 3);
        if (i == 1) {
            assert_ok(book_notice_quarantine(book, &got, NULL, "order"));
        } else {
            assert_ok(book_notice_end(book, got.seq, ""));
        }
    }
    assert_err(book_notice_next(book, &arena, &got), ERR_NOT_FOUND);
    /* a row that was damaged names itself, so that it can be set aside */
    DB_LEASE_SCOPED db_lease_t lease = {0};
    assert_ok(db_lease(pool, 1000, &lease));
    assert_ok(db_run(lease.db, SQL("UPDATE notice SET state = 0, facts = ?1 WHERE seq = 3"),
                     DB_ARGS(db_blob(SLICE("\x01\xff"))), NULL));
    assert_err(book_notice_next(book, &arena, &got), ERR_CORRUPT);
    assert_int_equal(got.seq, 3);
}

/* ---- looks ---- */

static bool is_due(const attempt_t *t)
{
    attempt_t due[16];
    size_t n;
    assert_ok(book_due(book, &arena, due, 16, &n));
    for (size_t i = 0; i < n; i++) {
        if (id_eq(due[i].view.attempt, t->view.attempt)) {
            return true;
        }
    }
    return false;
}

static void looks_follow_the_clock(void **state)
{
    attempt_t t = made();
    adapter_news_t money = paid();
    assert_false(is_due(&t));
    test_house_step(&house, 16);
    assert_true(is_due(&t));
    assert_ok(book_looked(book, t.view.attempt));
    assert_false(is_due(&t));
    test_house_step(&house, 10 * 86400); /* everything is due after a step forward */
    assert_true(is_due(&t));
    assert_ok(book_looked(book, t.view.attempt));
    test_house_step(&house, -10 * 86400); /* and nothing waits for days after one back */
    assert_true(is_due(&t));
    assert_ok(book_looked(book, t.view.attempt));
    assert_false(is_due(&t));
    test_house_step(&house, -16);
    assert_ok(book_learn(book, t.view.attempt, id_new(), &money, "query", NULL));
    /* a refund that is ordered while a look is under way is not put off by its end */
    assert_ok(book_refund_due(book, t.view.attempt, id_new(), 12000, SLICE("x")));
    assert_true(is_due(&t));
    assert_ok(book_looked(book, t.view.attempt));
    test_house_step(&house, 16);
    assert_true(is_due(&t));
    test_house_step(&house, -16);
}

/* ---- kills ---- */

/* Child: learns one capture after another; parent kills it anywhere, mends, and goes on. */
static void child_learns(const id128_t *attempts, size_t n)
{
    ledger_client_t *ledger;
    char sock[128];
    db_pool_t *own;
    book_t *b;
    adapter_news_t money = paid();
    snprintf(sock, sizeof sock, "%s/run/ledger.sock", house.var);
    if (err_failed(ledger_client_new(sock, ROOM_TEST, &ledger)) ||
        err_failed(db_pool_open(url, 2, &own)) ||
        err_failed(book_open(&(book_conf_t){.pool = own, .ledger = ledger}, &b))) {
        _exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        adapter_news_t page = {.fact = PAY_FACT_PAGE_MADE, .url = SLICE("u")};
        err_ignore(book_learn(b, attempts[i], id_new(), &page, "create", NULL));
        err_ignore(book_learn(b, attempts[i], id_new(), &money, "query", NULL));
    }
    _exit(0);
}

static void killed_between_record_and_commit(void **state)
{
    enum { N = 12, KILLS = 12 };
    id128_t attempts[N];
    pay_event_t e[4 * N];
    uint64_t seed = 9;
    for (size_t i = 0; i < N; i++) {
        attempts[i] = made().view.attempt;
    }
    case_down(NULL); /* no thread and no connection of ours over the fork */
    arena_init(&arena, 8 * 1024 * 1024);
    for (int k = 0; k <= KILLS; k++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            child_learns(attempts, N);
        }
        if (k < KILLS) {
            usleep((useconds_t)(test_random(&seed) % 30000));
            kill(child, SIGKILL);
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    open_book();
    size_t n = all_events(e, BASE_COUNT(e));
    assert_int_equal(n, 2 * N); /* each change once, no holes */
    for (size_t i = 0; i < N; i++) {
        attempt_t t;
        size_t records;
        assert_ok(book_get(book, &arena, attempts[i], &t));
        assert_int_equal(t.view.state, PAY_CAPTURED);
        /* a record may stand there twice (the kill came between it and the commit), never not */
        records = test_records(&house, attempts[i], LEDGER_PAY_STATE, "to=CAPTURED");
        assert_true(records >= 1);
    }
}

/* ---- after a restore ---- */

static void restored_book(void **state)
{
    book_restored_t r;
    int64_t now_us = clock_wall_us();
    assert_err(book_restored(book, &r), ERR_NOT_FOUND);
    assert_ok(book_restored_begin(book, now_us - 5000, now_us));
    assert_ok(book_restored(book, &r));
    assert_int_equal(r.backup_us, now_us - 5000);
    assert_int_equal(r.reconciled_us, 0);
    assert_ok(book_reconciled(book, &r, 3, 4));
    assert_ok(book_restored(book, &r));
    assert_true(r.reconciled_us > 0);
    assert_ok(book_restored_begin(book, now_us, now_us)); /* restored once more */
    assert_ok(book_restored(book, &r));
    assert_int_equal(r.reconciled_us, 0);
}

/* Time stands in the id; only what was made between backup and restore may be taken over. */
static void who_may_be_adopted(void **state)
{
    int64_t now_us = clock_wall_us(), hour_us = 3600 * CLOCK_SECOND_US;
    id128_t id = id_new();
    assert_true(book_may_adopt(
        &(book_restored_t){.backup_us = now_us - hour_us, .restored_us = now_us}, id));
    assert_false(book_may_adopt(
        &(book_restored_t){.backup_us = now_us - 3 * hour_us, .restored_us = now_us - hour_us},
        id));
    assert_false(book_may_adopt(
        &(book_restored_t){.backup_us = now_us + hour_us, .restored_us = now_us + 2 * hour_us},
        id));
}

static adapter_news_t listed_for(id128_t *booking, char text[ID_TEXT])
{
    adapter_news_t n = paid();
    *booking = id_new();
    id_encode(*booking, text);
    n.booking = slice_make(text, ID_TEXT);
    n.session = SLICE("ses9");
    return n;
}

/* Beside a live attempt of the same booking: it takes nobody's place, and its capture is an event.
 */
static void adopted_and_paid(void **state)
{
    char text[ID_TEXT];
    id128_t booking, attempt = id_new();
    pay_event_t events[8];
    attempt_t live, t;
    pay_state_t after;
    adapter_news_t n = listed_for(&booking, text);
    pay_order_t o = order_for(booking, "bbbbbbbbbbbbbbbb");
    assert_ok(book_create(book, &arena, "komoju", &o, &live));
    assert_ok(book_adopt(book, SLICE("komoju"), attempt, id_new(), &n));
    assert_err(book_adopt(book, SLICE("komoju"), attempt, id_new(), &n), ERR_EXISTS);
    assert_int_equal(all_events(events, 8), 0);
    assert_ok(book_learn(book, attempt, id_new(), &n, "reconcile", &after));
    assert_int_equal(after, PAY_CAPTURED);
    assert_int_equal(all_events(events, 8), 1);
    assert_true(id_eq(events[0].booking, booking) && id_eq(events[0].attempt, attempt));
    assert_ok(book_get(book, &arena, attempt, &t));
    assert_slice(t.session, SLICE("ses9"));
    assert_int_equal(now(&live).view.state, PAY_CREATED);
}

static void too_little_is_told(void **state)
{
    char text[ID_TEXT];
    id128_t booking;
    adapter_news_t n = listed_for(&booking, text);
    n.amount_minor = 0;
    assert_err(book_adopt(book, SLICE("komoju"), id_new(), id_new(), &n), ERR_RANGE);
    n = listed_for(&booking, text);
    n.session = SLICE_EMPTY;
    assert_err(book_adopt(book, SLICE("komoju"), id_new(), id_new(), &n), ERR_RANGE);
    n = listed_for(&booking, text);
    n.booking = SLICE("x");
    assert_err(book_adopt(book, SLICE("komoju"), id_new(), id_new(), &n), ERR_SYNTAX);
}

/* Money of nobody waits for a person, once, and a verdict ends it. */
static void orphans_wait(void **state)
{
    adapter_news_t n = paid();
    pay_doubt_t doubts[8];
    size_t count;
    assert_ok(book_orphan(book, SLICE("komoju"), id_new(), &n));
    assert_ok(book_orphan(book, SLICE("komoju"), id_new(), &n));
    assert_ok(book_doubts(book, doubts, 8, &count));
    assert_int_equal(count, 1);
    assert_string_equal(doubts[0].why, "restored");
    assert_ok(book_settle(book, id_new(), id_zero(), doubts[0].notice, PAY_DISMISS, SLICE("seen")));
    assert_ok(book_orphan(book, SLICE("komoju"), id_new(), &n));
    assert_ok(book_doubts(book, doubts, 8, &count));
    assert_int_equal(count, 0);
}

static bool is_asked(id128_t attempt, int64_t backup_us)
{
    attempt_t rows[4];
    size_t n;
    id128_t after = id_zero();
    bool found = false;
    do { /* pages of three */
        assert_ok(book_reconcile_next(book, &arena, backup_us, after, rows, 3, &n));
        for (size_t i = 0; i < n; i++) {
            found = found || id_eq(rows[i].view.attempt, attempt);
            after = rows[i].view.attempt;
        }
    } while (n == 3);
    return found;
}

static void who_is_asked(void **state)
{
    int64_t now_us = clock_wall_us(), late_us = now_us + 30 * CLOCK_DAY_US;
    attempt_t open = made(), done = made(), more[5];
    adapter_news_t n = paid();
    for (size_t i = 0; i < BASE_COUNT(more); i++) {
        more[i] = made();
    }
    assert_ok(book_learn(book, done.view.attempt, id_new(), &n, "notice", NULL));
    n.fact = PAY_FACT_CANCELLED;
    assert_ok(book_learn(book, more[0].view.attempt, id_new(), &n, "notice", NULL));
    assert_false(is_asked(done.view.attempt, now_us));   /* paid: the list tells */
    assert_true(is_asked(more[0].view.attempt, now_us)); /* over, not long ago */
    assert_false(is_asked(more[0].view.attempt, late_us));
    assert_true(is_asked(open.view.attempt, late_us)); /* open, however old */
    assert_true(is_asked(more[4].view.attempt, late_us));
    assert_ok(book_refund_due(book, done.view.attempt, id_new(), 12000, SLICE("x")));
    assert_true(is_asked(done.view.attempt, late_us));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, case_up, case_down)

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        CASE(restored_book),
        CASE(who_may_be_adopted),
        CASE(adopted_and_paid),
        CASE(too_little_is_told),
        CASE(orphans_wait),
        CASE(who_is_asked),
        CASE(one_token_is_one_attempt),
        CASE(one_booking_is_one_live_attempt),
        CASE(database_refuses_two_live_attempts),
        CASE(thirty_attempts_are_enough),
        CASE(one_event_a_change),
        CASE(what_does_not_fit_is_not_learnt),
        CASE(doubt_blocks_until_the_verdict),
        CASE(refusal_leaves_everything),
        CASE(notification_is_stored_once),
        CASE(notifications_come_in_order),
        CASE(looks_follow_the_clock),
        CASE(killed_between_record_and_commit),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    house.ledgerd_path = argv[1];
    house.separated = geteuid() == 0;
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    test_house_up(&house);
    int failed = run("book on SQLite");
    err_t e = test_pg_start(&pg);
    if (err_is(e, ERR_NOT_FOUND)) {
        fprintf(stderr, "no PostgreSQL here: the book is tested on SQLite only\n");
    } else {
        CHECK(!err_failed(e));
        on_pg = true;
        failed += run("book on PostgreSQL");
        test_pg_stop(&pg);
    }
    test_house_down(&house);
    return failed;
}
