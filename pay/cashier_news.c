/* What the provider says, by notification or in a list, against our own book. */
#include "cashier_int.h"

/* ---- what the provider says ---- */

/* What the provider repeats of our order is compared with what we would send it today: some
 * signatures let bytes move from one field to the next, and order, sum and currency do not show
 * that. */
err_t cashier_misfit(cashier_t *c, arena_t *a, const attempt_t *t, const adapter_news_t *n,
                     const char **ret_why)
{
    const adapter_t *provider = cashier_adapter(c, t->provider);
    const char *why = attempt_misfit(t, n);
    if (!why && n->echo.len && provider && provider->echo) {
        adapter_order_t order;
        slice_t want;
        TRY(cashier_order(c, a, t, &order));
        TRY(provider->echo(provider, a, &order, &want));
        why = slice_eq(want, n->echo) ? NULL : "fields";
    }
    *ret_why = why;
    return OK;
}

err_t cashier_believe(cashier_t *c, arena_t *a, const attempt_t *t, id128_t request,
                      const adapter_news_t *n, const char *source, pay_state_t *ret_state)
{
    const char *why;
    TRY(cashier_misfit(c, a, t, n, &why));
    if (why) {
        ENSURE(pay_fact_is_money(n->fact), ERR_UPSTREAM);
        *ret_state = t->view.state;
        return book_doubt(c->book, t->view.attempt, request, n, why);
    }
    return book_learn(c->book, t->view.attempt, request, n, source, ret_state);
}

/* ---- notifications ---- */

/* An order of one provider that another one tells of is no order of its. */
static err_t attempt_of(cashier_t *c, arena_t *a, slice_t from, const adapter_news_t *n,
                        attempt_t *ret_attempt)
{
    id128_t id;
    ENSURE(!err_failed(id_decode(n->order, &id)), ERR_NOT_FOUND);
    TRY(book_get(c->book, a, id, ret_attempt));
    ENSURE(slice_eq(ret_attempt->provider, from), ERR_NOT_FOUND);
    return OK;
}

/* A page that was made between backup and restore is paid: its attempt is taken over. */
static err_t attempt_adopt(cashier_t *c, arena_t *a, slice_t from, id128_t request,
                           const adapter_news_t *n, attempt_t *ret_attempt)
{
    book_restored_t r;
    id128_t id;
    TRY(book_restored(c->book, &r));
    ENSURE(!err_failed(id_decode(n->order, &id)) && book_may_adopt(&r, id), ERR_NOT_FOUND);
    ENSURE(n->booking.len && pay_fact_is_money(n->fact), ERR_NOT_FOUND);
    TRY(book_adopt(c->book, from, id, request, n));
    return book_get(c->book, a, id, ret_attempt);
}

/* Most of a list only says what the book has. */
static bool is_known(const attempt_t *t, const adapter_news_t *n)
{
    bool same = (t->view.state == PAY_CAPTURED && n->fact == PAY_FACT_CAPTURED) ||
                (t->view.state == PAY_REFUNDED && n->fact == PAY_FACT_REFUNDED);
    return same && !attempt_misfit(t, n) && slice_eq(t->payment, n->payment) &&
           t->refunded_minor == n->refunded_minor;
}

err_t cashier_reconcile(cashier_t *c, arena_t *a, const adapter_t *provider,
                        const adapter_news_t *n)
{
    slice_t from = slice_cstr_in(provider->name);
    attempt_t t;
    id128_t id, request = id_new();
    pay_state_t state;
    bool money = n->knows && pay_fact_is_money(n->fact);
    if (!money || err_failed(id_decode(n->order, &id))) {
        return OK; /* nothing moved; or not of this house: the account may have other uses */
    }
    err_t e = attempt_of(c, a, from, n, &t);
    if (err_is(e, ERR_NOT_FOUND) && n->fact == PAY_FACT_REFUNDED) {
        return OK; /* taken and given back, both unknown here: nothing is left to do */
    }
    if (err_is(e, ERR_NOT_FOUND)) {
        e = attempt_adopt(c, a, from, request, n, &t);
    }
    if (err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_RANGE) || err_is(e, ERR_SYNTAX)) {
        return book_orphan(c->book, from, request, n);
    }
    TRY(e);
    return is_known(&t, n) ? OK : cashier_believe(c, a, &t, request, n, "reconcile", &state);
}

/* News that name a payment and tell too little: the provider is asked. A dispute waits for a person
 * as well: the bank has taken the money, and what to answer it is no program's decision. */
static err_t ask_apply(cashier_t *c, arena_t *a, const notice_t *notice)
{
    attempt_t t;
    id128_t attempt;
    const adapter_news_t *n = &notice->news;
    err_t e = book_look_now(c->book, notice->provider, n->payment, &attempt);
    if (err_is(e, ERR_NOT_FOUND)) {
        return n->dispute ? book_notice_quarantine(c->book, notice, NULL, "dispute")
                          : book_notice_end(c->book, notice->seq, "no payment of ours");
    }
    TRY(e);
    if (!n->dispute) {
        return book_notice_end(c->book, notice->seq, "asked");
    }
    TRY(book_get(c->book, a, attempt, &t));
    return book_notice_quarantine(c->book, notice, &t, "dispute");
}

const char *cashier_objects(cashier_t *c, arena_t *a, const adapter_t *from,
                            const adapter_news_t *n)
{
    attempt_t t;
    const char *why = NULL;
    if (!n->knows) {
        return NULL;
    }
    err_t e = attempt_of(c, a, slice_cstr_in(from->name), n, &t);
    if (err_is(e, ERR_NOT_FOUND)) {
        return "order";
    }
    return err_failed(e) || err_failed(cashier_misfit(c, a, &t, n, &why)) ? "busy" : why;
}

err_t cashier_apply(cashier_t *c, arena_t *a, const notice_t *notice)
{
    attempt_t t;
    const char *why;
    const adapter_news_t *n = &notice->news;
    slice_t from = notice->provider;
    if (n->ask || n->dispute) {
        return ask_apply(c, a, notice);
    }
    if (!n->knows) {
        return book_notice_end(c->book, notice->seq, "no money moved");
    }
    err_t e = attempt_of(c, a, from, n, &t);
    if (err_is(e, ERR_NOT_FOUND)) {
        e = attempt_adopt(c, a, from, notice->request, n, &t);
    }
    if (err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_RANGE) || err_is(e, ERR_SYNTAX)) {
        return book_notice_quarantine(c->book, notice, NULL, "order");
    }
    TRY(e);
    TRY(cashier_misfit(c, a, &t, n, &why));
    if (why) {
        return book_notice_quarantine(c->book, notice, &t, why);
    }
    TRY(book_learn(c->book, t.view.attempt, notice->request, n, "notice", NULL));
    return book_notice_end(c->book, notice->seq, "");
}
