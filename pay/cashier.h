/* What payd does with an attempt: makes its page, asks the provider, cancels, refunds. Between book
 * (ours) and adapter (theirs); blocking calls, so it runs in worker threads only. */
#ifndef PAY_CASHIER_H
#define PAY_CASHIER_H

#include "base/secret.h"
#include "book.h"
#include "brake/api.h"
#include "turns.h"

typedef struct cashier {
    book_t *book;
    const adapter_t *adapters; /* the first is the house's default */
    size_t n_adapters;
    ledger_client_t *ledger;
    brake_reader_t *brake;
    const char *return_base; /* "http://shop.localhost:8080" */
    secret_t token_key;      /* MAC of return tokens */
    turns_t turns;
    bool ledger_down, book_down; /* atomic; kept by the pulse of rounds.c */
    bool reconciling;            /* atomic; after a restore, until the provider was asked for all */
} cashier_t;

/* By name; NULL. The name may come from outside. */
const adapter_t *cashier_adapter(const cashier_t *c, slice_t name);

/* The whole of PAY_CREATE (api.h). url lives in the arena. */
err_t cashier_create(cashier_t *c, arena_t *a, const pay_order_t *order, id128_t *ret_attempt,
                     slice_t *ret_url);
/* Ends an attempt, at the provider first when it has a page there. CONFLICT when it turns out to be
 * paid (or in doubt), TIMEOUT when nobody knows. The caller has the booking's turn, or knows that
 * the attempt has a page. */
err_t cashier_cancel(cashier_t *c, arena_t *a, const attempt_t *attempt, id128_t request,
                     const char *source);
/* PAY_CANCEL_ORDER: the same, in its turn. */
err_t cashier_cancel_order(cashier_t *c, arena_t *a, id128_t attempt, id128_t request);
/* Asks the provider what is true and writes it down; pays back what is due; says when to look
 * again. */
err_t cashier_look(cashier_t *c, arena_t *a, const attempt_t *attempt);

/* A stored, verified notification against our book. What does not fit is quarantined with an alarm
 * record. */
err_t cashier_apply(cashier_t *c, arena_t *a, const notice_t *notice);

/* The signed token in the return URL: 32 letters attempt, 32 letters MAC. */
void cashier_token_put(const cashier_t *c, buf_t *out, id128_t attempt);
/* DENIED when the MAC is wrong. */
err_t cashier_token_read(const cashier_t *c, slice_t token, id128_t *ret_attempt);

/* Why new payments are refused now, or "" (pay/api.h, PAY_OPEN_IS). strict: the board's path is
 * looked at now. */
const char *cashier_closed_why(cashier_t *c, bool strict);

/* What the provider lists after a restore: learnt by the attempt it names; one that the book has
 * never heard of is taken over, or set aside for a person. */
err_t cashier_reconcile(cashier_t *c, arena_t *a, const adapter_t *from,
                        const adapter_news_t *news);

/* The form that takes this token's customer to the provider (link type). DENIED, NOT_FOUND: no such
 * form; EXPIRED: the attempt is over; STOPPED: by the brake. */
err_t cashier_form(cashier_t *c, arena_t *a, slice_t token, adapter_form_t *ret_form,
                   attempt_t *ret_attempt);
/* Why news of this notification do not fit our own record ("order", "amount", "fields", ...), or
 * NULL: for providers that want to be told at once. */
const char *cashier_objects(cashier_t *c, arena_t *a, const adapter_t *from,
                            const adapter_news_t *news);

#endif
