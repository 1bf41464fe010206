/* payd's book: attempts, stored notifications, the numbered events. The only part that writes the
 * database. All writes go through one lock, so events have no holes and a fact is applied once.
 * Every change that matters is recorded before it is committed. Holds no secret of the provider. */
#ifndef PAY_BOOK_H
#define PAY_BOOK_H

#include "adapter.h"
#include "db/db_pool.h"
#include "ledger/api.h"

typedef struct book book_t;

enum { BOOK_ATTEMPTS_MAX = 30 /* of one booking */ };

typedef struct attempt {
    pay_attempt_view_t view;
    id128_t request;
    uint8_t lang;
    int64_t expires_us;
    int64_t captured_minor, refunded_minor, refund_due_minor;
    id128_t refund_request;
    int64_t looks;
    slice_t session, payment, url, description;
    slice_t provider;    /* by name; for ever, whatever the house's default becomes */
    slice_t doubt;       /* "" = none; else why money that was told of is not believed */
    int64_t told_minor;  /* what was told then */
    bool return_ordered; /* a person's verdict: whatever was taken goes back */
} attempt_t;

typedef enum notice_state {
    NOTICE_NEW = 0,
    NOTICE_DONE = 1,
    NOTICE_QUARANTINED = 2,
    NOTICE_SETTLED = 3 /* was quarantined; a person gave the verdict */
} notice_state_t;

/* A stored notification, waiting to be applied. */
typedef struct notice {
    int64_t seq;
    id128_t request;
    slice_t provider;
    adapter_news_t news;
} notice_t;

typedef struct book_conf {
    db_pool_t *pool;
    ledger_client_t *ledger;
    void (*on_event)(void *ctx); /* a new event is committed; any thread */
    void *ctx;
} book_conf_t;

err_t book_open(const book_conf_t *conf, book_t **ret_book);
void book_close(book_t *b);

/* Why what the provider says cannot be about this attempt ("order", "currency", "amount",
 * "session"), or NULL. Pure. */
const char *attempt_misfit(const attempt_t *t, const adapter_news_t *n);

/* EXISTS with *ret_attempt filled when this booking and token were seen before. CONFLICT while
 * another attempt of the booking is live; TOO_MANY. */
err_t book_create(book_t *b, arena_t *a, const char *provider, const pay_order_t *order,
                  attempt_t *ret_attempt);
err_t book_get(book_t *b, arena_t *a, id128_t attempt, attempt_t *ret_attempt);
/* NOT_FOUND. */
err_t book_by_token(book_t *b, arena_t *a, id128_t booking, slice_t client_token,
                    attempt_t *ret_attempt);
/* Those that a new attempt must look at: live, paid, in doubt, or declined with a living page. */
err_t book_live_of(book_t *b, arena_t *a, id128_t booking, attempt_t *ret, size_t cap,
                   size_t *ret_n);
/* Attempts with a page at the provider on which somebody could still pay, by id, after this one
 * (for the brake). */
err_t book_open_pages(book_t *b, arena_t *a, id128_t after, attempt_t *ret, size_t cap,
                      size_t *ret_n);
/* Attempts whose time for a look has come. */
err_t book_due(book_t *b, arena_t *a, attempt_t *ret, size_t cap, size_t *ret_n);
/* The provider was asked: the next look is set from the row as it now stands. */
err_t book_looked(book_t *b, id128_t attempt);

/* Applies one fact: next state by the table, event when it changed, record before the commit.
 * source: "notice", "query", "create", "brake", ... NOT_RECORDED leaves everything as it was.
 * CONFLICT when money is told of that does not fit; an attempt in doubt does not become paid.
 * ret_state may be NULL. */
err_t book_learn(book_t *b, id128_t attempt, id128_t request, const adapter_news_t *news,
                 const char *source, pay_state_t *ret_state);
err_t book_refund_due(book_t *b, id128_t attempt, id128_t request, int64_t amount_minor,
                      slice_t reason);

/* Money was told of that does not fit: alarm, and the attempt waits for a person. Once: an attempt
 * in doubt stays as it is. */
err_t book_doubt(book_t *b, id128_t attempt, id128_t request, const adapter_news_t *news,
                 const char *why);
/* A person's verdict (pay/api.h, pay_settle). */
err_t book_settle(book_t *b, id128_t request, id128_t attempt, uint64_t notice,
                  pay_verdict_t verdict, slice_t reason);
/* The provider has nothing (any more) that would have to go back. */
err_t book_returned(book_t *b, id128_t attempt);
err_t book_doubts(book_t *b, pay_doubt_t *ret, size_t cap, size_t *ret_n);

/* Was this event of the provider stored before? */
err_t book_notice_seen(book_t *b, slice_t provider, slice_t event, bool *ret_seen);
/* Record and row. EXISTS for a notification seen before (same provider and event). state: NEW, or
 * QUARANTINED with an alarm when it could not be read. */
err_t book_notice_store(book_t *b, const notice_t *notice, id128_t attempt, slice_t raw_sealed,
                        const uint8_t raw_sha256[32], notice_state_t state);
/* The oldest waiting one; NOT_FOUND. CORRUPT (with ret_notice->seq filled): its row is damaged. */
err_t book_notice_next(book_t *b, arena_t *a, notice_t *ret_notice);
/* Empties the sealed bytes of the notices about this booking's attempts (an erasure). */
err_t book_notices_forget(book_t *b, id128_t booking);
err_t book_notice_end(book_t *b, int64_t seq, const char *reason);
/* The attempt that the provider knows by this payment is to be looked at now. NOT_FOUND. */
err_t book_look_now(book_t *b, slice_t provider, slice_t payment, id128_t *ret_attempt);
/* Alarm; the notification is set aside. t: the attempt it names, or NULL; when it tells of money,
 * that attempt is in doubt from now on. */
err_t book_notice_quarantine(book_t *b, const notice_t *notice, const attempt_t *t,
                             const char *why);

/* ---- after a restore (book_restore.c) ---- */

typedef struct book_restored {
    int64_t backup_us, restored_us; /* when the backup was made; when it was restored */
    int64_t reconciled_us;          /* 0: the provider was not asked for everything yet */
} book_restored_t;

/* The book is a backup's from now on. */
err_t book_restored_begin(book_t *b, int64_t backup_us, int64_t restored_us);
/* NOT_FOUND: this book was never restored. */
err_t book_restored(book_t *b, book_restored_t *ret_restored);
/* So long before the backup begins what is asked for: the list, and attempts that were over. */
#define BOOK_RECONCILE_US (INT64_C(3) * 86400 * 1000000)
/* Attempts that may have changed since the backup and of which the provider's list may not tell, by
 * id, after this one: open, in doubt, with a refund due, or ended without money not long before. */
err_t book_reconcile_next(book_t *b, arena_t *a, int64_t backup_us, id128_t after, attempt_t *ret,
                          size_t cap, size_t *ret_n);
/* Everything was asked; recorded before payments open. Every older payment gets one more look. */
err_t book_reconciled(book_t *b, const book_restored_t *restored, int64_t listed, int64_t asked);
/* Was this attempt made between backup and restore? Its id tells the time. Pure. */
bool book_may_adopt(const book_restored_t *restored, id128_t attempt);
/* Takes over an attempt that the provider knows and the restored book does not, as one that is
 * over; what happened to it is learnt as usual. SYNTAX, RANGE: the provider does not tell enough.
 * EXISTS. */
err_t book_adopt(book_t *b, slice_t provider, id128_t attempt, id128_t request,
                 const adapter_news_t *news);
/* Money that belongs to no attempt and cannot be adopted: alarm, and it waits for a person. The
 * same payment twice is one. */
err_t book_orphan(book_t *b, slice_t provider, id128_t request, const adapter_news_t *news);

err_t book_events(book_t *b, uint64_t after_seq, pay_event_t *ret, size_t cap, size_t *ret_n);

typedef struct book_counts {
    int64_t open, waiting;       /* attempts; notifications not yet applied */
    int64_t doubts, quarantined; /* attempts; notifications: both wait for a person */
} book_counts_t;
/* Makes a mark that must reach the disk: whether the book can be written, not only read. */
err_t book_pulse(book_t *b);
err_t book_counts(book_t *b, book_counts_t *ret_counts);

#endif
