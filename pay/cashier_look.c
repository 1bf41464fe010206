/* Asking the provider what is true, and paying back what is due. */
#include "cashier_int.h"

enum { REFUND_ALARM_LOOKS = 8 /* about a quarter of an hour */ };

/* ---- paying back ---- */

static err_t refund_record(cashier_t *c, const attempt_t *t, int64_t due_minor, const char *step)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", slice_cstr_in(step));
    ledger_fact_i64(&facts, "amount", due_minor);
    return ledger_append(c->ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_REFUND,
                                            .request = t->refund_request,
                                            .object = t->view.attempt,
                                            .parent = t->view.booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

/* The provider was asked just before, every time: a refund whose answer was lost is not made
 * twice: due_minor is what is to be back in all, whatever part of it went before. */
static err_t refund_step(cashier_t *c, arena_t *a, const attempt_t *t, int64_t due_minor,
                         const adapter_news_t *asked)
{
    const adapter_t *provider = cashier_adapter(c, t->provider);
    ENSURE(provider, ERR_UNAVAILABLE);
    adapter_news_t news = *asked;
    int64_t rest_minor = due_minor - asked->refunded_minor;
    if (rest_minor > 0) {
        ENSURE(asked->payment.len, ERR_NOT_FOUND);
        TRY(refund_record(c, t, rest_minor, "asked"));
        adapter_refund_t order = {.of = cashier_ref(t),
                                  .amount_minor = rest_minor,
                                  .before_minor = asked->refunded_minor,
                                  .whole_minor = asked->amount_minor};
        order.of.payment = asked->payment;
        TRY(provider->refund(provider, a, &order, &news));
    }
    ENSURE(news.refunded_minor >= due_minor, ERR_UPSTREAM);
    bool whole = news.refunded_minor >= t->captured_minor; /* a part changes no state */
    adapter_news_t done = {.fact = whole ? PAY_FACT_REFUNDED : PAY_FACT_CAPTURED,
                           .amount_minor = whole ? due_minor : t->view.amount_minor,
                           .refunded_minor = news.refunded_minor};
    memcpy(done.currency, t->view.currency, sizeof done.currency);
    TRY(book_learn(c->book, t->view.attempt, t->refund_request, &done, "refund", NULL));
    return refund_record(c, t, due_minor, "done");
}

/* A person's verdict "give it back": whatever the provider has taken, or nothing. */
static err_t return_step(cashier_t *c, arena_t *a, const attempt_t *t, const adapter_news_t *asked)
{
    bool took = asked->knows && pay_fact_is_money(asked->fact) && asked->amount_minor > 0;
    if (took) {
        return refund_step(c, a, t, asked->amount_minor, asked);
    }
    return book_returned(c->book, t->view.attempt);
}

/* Nothing is lost quietly: a refund that does not go through is shown to a person. */
static void refund_stuck(cashier_t *c, const attempt_t *t, err_t why)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    if (t->looks != REFUND_ALARM_LOOKS) {
        return;
    }
    ledger_fact(&facts, "what", SLICE("refund_does_not_go_through"));
    ledger_fact(&facts, "error", slice_cstr_in(err_name(why.code)));
    ledger_note(c->ledger, &(ledger_record_t){.type = LEDGER_ALARM,
                                              .request = t->refund_request,
                                              .object = t->view.attempt,
                                              .parent = t->view.booking,
                                              .facts = buf_slice(&facts)});
}

/* ---- looking ---- */

/* No page was ever shown to anybody. After a grace, in which the same form sent again would still
 * get its page, such an attempt is over. */
static err_t look_without_page(cashier_t *c, const attempt_t *t)
{
    int64_t now_us = clock_wall_us(), grace_us = 30 * CLOCK_SECOND_US;
    bool late = now_us >= t->expires_us;
    if (!pay_state_open(t->view.state) || (!late && now_us < t->view.changed_us + grace_us)) {
        return OK;
    }
    adapter_news_t news = {.fact = late ? PAY_FACT_EXPIRED : PAY_FACT_CANCELLED};
    return book_learn(c->book, t->view.attempt, t->request, &news, "clock", NULL);
}

/* The provider knows no such session. While it could still live that is no news; after it, it is
 * over. */
static err_t look_unknown(cashier_t *c, const attempt_t *t)
{
    adapter_news_t news = {.fact = PAY_FACT_EXPIRED};
    if (!pay_state_open(t->view.state) || clock_wall_us() < t->expires_us) {
        return FAIL(ERR_NOT_FOUND);
    }
    return book_learn(c->book, t->view.attempt, t->request, &news, "query", NULL);
}

/* Some providers' pages live longer than we asked for (Stripe: half an hour at least): we end them
 * when our hold on the seats is over. */
static bool is_overdue(const attempt_t *t)
{
    bool payable = pay_state_open(t->view.state) || t->view.state == PAY_DECLINED;
    return payable && clock_wall_us() >= t->expires_us;
}

static err_t page_overdue_end(cashier_t *c, arena_t *a, const attempt_t *t,
                              adapter_news_t *ret_news)
{
    TRY(cashier_cancel_there(c, a, t, ret_news));
    if (ret_news->fact == PAY_FACT_CANCELLED) {
        ret_news->fact = PAY_FACT_EXPIRED;
    }
    return OK;
}

static err_t look_at_page(cashier_t *c, arena_t *a, const attempt_t *t)
{
    adapter_news_t news = {0};
    pay_state_t state = t->view.state;
    const adapter_t *provider = cashier_adapter(c, t->provider);
    adapter_ref_t ref = cashier_ref(t);
    ENSURE(provider, ERR_UNAVAILABLE); /* no longer in the house's list: a person must know */
    err_t e = provider->query(provider, a, &ref, &news);
    if (err_is(e, ERR_NOT_FOUND)) {
        return look_unknown(c, t);
    }
    TRY(e);
    if (t->return_ordered) {
        return return_step(c, a, t, &news);
    }
    if (!news.knows && is_overdue(t)) {
        TRY(page_overdue_end(c, a, t, &news));
    }
    if (news.knows) {
        TRY(cashier_believe(c, a, t, t->request, &news, "query", &state));
    }
    if (t->refund_due_minor > t->refunded_minor && state == PAY_CAPTURED) {
        return refund_step(c, a, t, t->refund_due_minor, &news);
    }
    return OK;
}

err_t cashier_look(cashier_t *c, arena_t *a, const attempt_t *t)
{
    err_t e = t->session.len ? look_at_page(c, a, t) : look_without_page(c, t);
    if (err_failed(e) && (t->refund_due_minor > 0 || t->return_ordered)) {
        refund_stuck(c, t, e);
    }
    TRY(book_looked(c->book, t->view.attempt));
    return e;
}
