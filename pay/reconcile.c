#include "reconcile.h"

#include "base/clock.h"
#include "io/log.h"

enum { STEP_ARENA = 24 * 1024 * 1024, BATCH = 16, PAGES_MAX = 100000, ALARM_FAILURES = 30 };

static err_t begin(reconcile_t *r)
{
    TRY(book_restored(r->cashier->book, &r->restored));
    r->begun = true;
    log_event(LOG_WARN, id_zero(), "reconcile.begin",
              "the book came from a backup: payments are closed until the provider was asked");
    return OK;
}

/* The lists first: they bring what no attempt of ours asks about. A provider that has none (SBPS)
 * has its settlement files. */
static err_t list_step(reconcile_t *r, arena_t *a)
{
    adapter_news_t news[ADAPTER_PAGE];
    const adapter_t *provider = &r->cashier->adapters[r->provider];
    size_t n = 0;
    slice_t after = SLICE_EMPTY;
    ENSURE(r->page < PAGES_MAX, ERR_LIMIT);
    if (provider->list) {
        TRY(provider->list(provider, a, r->restored.backup_us - BOOK_RECONCILE_US,
                           slice_cstr_in(r->list_after), news, BASE_COUNT(news), &n, &after));
    }
    for (size_t i = 0; i < n; i++) {
        TRY(cashier_reconcile(r->cashier, a, provider, &news[i]));
    }
    r->page++;
    r->listed += (int64_t)n;
    ENSURE(after.len <= ADAPTER_REF_MAX, ERR_LIMIT);
    memset(r->list_after, 0, sizeof r->list_after);
    if (after.len) {
        memcpy(r->list_after, after.ptr, after.len);
        return OK;
    }
    r->page = 0;
    r->provider++;
    r->listed_all = r->provider == r->cashier->n_adapters;
    return OK;
}

/* What the provider no longer knows, or tells otherwise than we thought, is an answer; that it does
 * not answer is none. */
static err_t attempt_ask(reconcile_t *r, const attempt_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, STEP_ARENA / 4);
    err_t e = cashier_look(r->cashier, &a, t);
    bool answered = err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_UPSTREAM) || err_is(e, ERR_CONFLICT);
    if (err_failed(e) && answered) {
        log_err(LOG_WARN, t->request, "reconcile.look", e);
        return OK;
    }
    return e;
}

/* *ret_end: none is left. */
static err_t attempts_step(reconcile_t *r, arena_t *a, bool *ret_end)
{
    attempt_t batch[BATCH];
    size_t n = 0;
    TRY(book_reconcile_next(r->cashier->book, a, r->restored.backup_us, r->after, batch, BATCH,
                            &n));
    for (size_t i = 0; i < n; i++) {
        TRY(attempt_ask(r, &batch[i]));
        r->after = batch[i].view.attempt;
        r->asked++;
    }
    *ret_end = n < BATCH;
    return OK;
}

static err_t step(reconcile_t *r, bool *ret_done)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    bool end = false;
    arena_init(&a, STEP_ARENA);
    if (!r->begun) {
        return begin(r);
    }
    if (!r->listed_all) {
        return list_step(r, &a);
    }
    TRY(attempts_step(r, &a, &end));
    if (end) {
        TRY(book_reconciled(r->cashier->book, &r->restored, r->listed, r->asked));
        *ret_done = true;
    }
    return OK;
}

/* Nothing is lost quietly: a reconciliation that does not come to its end is shown to a person. */
static void stuck(reconcile_t *r, err_t why)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    log_err(LOG_WARN, id_zero(), "reconcile.step", why);
    if (++r->failures != ALARM_FAILURES) {
        return;
    }
    ledger_fact(&facts, "what", SLICE("reconciliation_does_not_go_on"));
    ledger_fact(&facts, "error", slice_cstr_in(err_name(why.code)));
    ledger_note(r->cashier->ledger,
                &(ledger_record_t){.type = LEDGER_ALARM, .facts = buf_slice(&facts)});
}

bool reconcile_step(reconcile_t *r, bool *ret_failed)
{
    bool done = false;
    err_t e = step(r, &done);
    *ret_failed = err_failed(e);
    r->busy = !err_failed(e);
    if (err_failed(e)) {
        stuck(r, e);
        return true;
    }
    r->failures = 0;
    if (done) {
        __atomic_store_n(&r->cashier->reconciling, false, __ATOMIC_RELAXED);
        log_event(LOG_INFO, id_zero(), "reconcile.end", "listed=%lld asked=%lld",
                  (long long)r->listed, (long long)r->asked);
    }
    return !done;
}
