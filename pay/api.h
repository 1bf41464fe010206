/* The payment room's door for the shop: attempts, their states, a numbered list of events.
 *
 * payd is the only process that talks to the payment service provider and the only one that holds
 * its secrets. No card data passes here, ever: the customer types it into the provider's own page.
 * The return of the browser confirms nothing; only an event of state CAPTURED does. */
#ifndef PAY_API_H
#define PAY_API_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/id.h"
#include "io/wire.h"

enum {
    PAY_API_VERSION = 1,
    PAY_EVENTS_MAX = 64, /* in one answer */
    PAY_URL_MAX = 2048,
    PAY_TEXT_MAX = 200,
    PAY_TOKEN_MAX = 96,        /* letters of a return token */
    PAY_DOUBTS_MAX = 32,       /* in one answer */
    PAY_CREATE_WAIT_MS = 14000 /* the provider's time-outs included */
};

/* name, stable number, final? (X-macro: the one truth about states; the machine stands in
 * pay/attempt.c) */
#define PAY_STATES(X)                                                                              \
    X(CREATED, 1, false)    /* ours only; the provider may not know it yet */                      \
    X(REDIRECTED, 2, false) /* the provider gave a page, the customer was sent there */            \
    X(AUTHORIZED, 3, false) /* money reserved, not taken */                                        \
    X(CAPTURED, 4, false)   /* money taken */                                                      \
    X(DECLINED, 5, true)                                                                           \
    X(ABANDONED, 6, true) /* cancelled by the customer, by us or by the brake */                   \
    X(EXPIRED, 7, true)                                                                            \
    X(REFUNDED, 8, true)                                                                           \
    X(UNKNOWN, 9, false) /* a time-out is open; a query will resolve it */

typedef enum pay_state {
#define PAY_STATE_ENUM(name, number, final) PAY_##name = (number),
    PAY_STATES(PAY_STATE_ENUM)
#undef PAY_STATE_ENUM
} pay_state_t;

typedef enum pay_kind {
    PAY_CREATE = 16,  /* -> PAY_CREATED_OK */
    PAY_CREATED_OK,   /* 16 attempt, str16 url */
    PAY_LOOK,         /* 16 attempt -> PAY_ATTEMPT_IS */
    PAY_LOOK_TOKEN,   /* str16 return token -> PAY_ATTEMPT_IS; DENIED when the MAC is wrong */
    PAY_ATTEMPT_IS,   /* 16 attempt, 16 booking, u8 state, i64 amount, 3 currency, i64 changed us */
    PAY_REFUND_ORDER, /* 16 request, 16 attempt, i64 amount, str16 reason -> PAY_DONE */
    PAY_CANCEL_ORDER, /* 16 request, 16 attempt, str16 reason -> PAY_DONE; CONFLICT when already
                         captured */
    PAY_DONE,         /* empty */
    PAY_EVENTS,       /* u64 after seq, u32 max, u32 wait ms -> PAY_EVENT_LIST (long poll) */
    PAY_EVENT_LIST,   /* u16 n, n events */
    PAY_OPEN,         /* -> PAY_OPEN_IS */
    PAY_OPEN_IS,      /* bool open, str16 reason code (ASCII: "", "brake", "board",
                         "reconcile", "ledger") */
    PAY_DOUBTS,       /* -> PAY_DOUBT_LIST; the command only, as PAY_SETTLE */
    PAY_DOUBT_LIST,   /* u16 n, n doubts */
    PAY_SETTLE,       /* 16 request, 16 attempt, u64 notice, u8 verdict, str16 reason -> PAY_DONE */
    PAY_FORGET,       /* 16 booking -> PAY_DONE; the command only */
} pay_kind_t;

/* Money about which the provider told two stories (pay/README.md, "Doubt") waits for a person. */
typedef enum pay_verdict {
    PAY_KEEP = 1,    /* believe what the provider answers when asked */
    PAY_RETURN = 2,  /* pay back whatever it took */
    PAY_DISMISS = 3, /* a notification that belongs to no attempt: seen, nothing follows */
} pay_verdict_t;

typedef struct pay_order {
    id128_t request, booking;
    int64_t amount_minor;
    char currency[3]; /* "JPY" */
    uint8_t lang;     /* 0 ja, 1 en: language of the provider's page */
    int64_t
        expires_us; /* the session at the provider ends no later than this (the hold outlives it) */
    slice_t
        description; /* what the customer sees at the provider: tour and number, no personal data */
    slice_t provider; /* by name ("stripe"), or empty: the first of the house's list that is open */
    slice_t client_token; /* letters made with the form: the same booking and token give the same
                             attempt */
} pay_order_t;

typedef struct pay_attempt_view {
    id128_t attempt, booking;
    pay_state_t state;
    int64_t amount_minor;
    char currency[3];
    int64_t changed_us;
} pay_attempt_view_t;

/* One change that the shop must apply exactly once, in order; it stores seq in the same
 * transaction. */
typedef struct pay_event {
    uint64_t seq; /* from 1, no holes */
    id128_t attempt, booking, request;
    pay_state_t state;
    int64_t amount_minor; /* captured, or refunded in total */
    char currency[3];
    int64_t time_us;
} pay_event_t;

/* What waits for a person's verdict: an attempt in doubt (notice 0) or a quarantined notification
 * that belongs to no such attempt (attempt zero when it names none of ours). */
typedef struct pay_doubt {
    id128_t attempt, booking;
    uint64_t notice;
    int64_t amount_minor, told_minor; /* ours, the provider's */
    int64_t time_us;
    char why[32]; /* ASCII: "amount", "currency", "session", "order", "unreadable", ... */
} pay_doubt_t;

const char *pay_state_name(unsigned state);
bool pay_state_final(unsigned state);

void pay_order_put(buf_t *b, const pay_order_t *order);
pay_order_t pay_order_get(cursor_t *c);
void pay_attempt_view_put(buf_t *b, const pay_attempt_view_t *v);
pay_attempt_view_t pay_attempt_view_get(cursor_t *c);
void pay_event_put(buf_t *b, const pay_event_t *e);
pay_event_t pay_event_get(cursor_t *c);
void pay_doubt_put(buf_t *b, const pay_doubt_t *d);
pay_doubt_t pay_doubt_get(cursor_t *c);

typedef struct pay_client pay_client_t;
err_t pay_client_new(const char *path, unsigned self_room, pay_client_t **ret_client);
void pay_client_free(pay_client_t *c);

/* Creates (or finds again) the attempt and its page at the provider. An older live attempt of the
 * same booking is cancelled at the provider first: one live attempt a booking. Errors:
 *   STOPPED      by the brake               EXPIRED    expires_us is less than a minute away
 *   CONFLICT     another attempt of the booking is paid or in doubt, or this token's attempt has
 *                ended or was for another sum: make a new token, or show the booking
 *   UPSTREAM, UNAVAILABLE  the provider refused or was not reached: nothing was made
 *   TIMEOUT, CLOSED, DB_BUSY, NOT_RECORDED  ask again with the same token: the same attempt and
 * page TOO_MANY     thirty attempts of one booking */
err_t pay_create(pay_client_t *c, arena_t *a, const pay_order_t *order, id128_t *ret_attempt,
                 slice_t *ret_url);
err_t pay_look(pay_client_t *c, id128_t attempt, pay_attempt_view_t *ret_view);
err_t pay_look_token(pay_client_t *c, slice_t token, pay_attempt_view_t *ret_view);
/* Both are idempotent by the attempt. A refund says how much is to be back in all, up to the
 * captured sum (RANGE otherwise); as much or less than was ordered before changes nothing; it is
 * carried out until the provider has done it; CONFLICT: nothing was captured. A cancel: CONFLICT
 * when it is paid, TIMEOUT when nobody knows yet. */
err_t pay_refund(pay_client_t *c, id128_t request, id128_t attempt, int64_t amount_minor,
                 slice_t reason);
err_t pay_cancel(pay_client_t *c, id128_t request, id128_t attempt, slice_t reason);
/* Blocks up to wait_ms when there is nothing new. */
err_t pay_events(pay_client_t *c, uint64_t after_seq, uint32_t wait_ms, pay_event_t *ret_events,
                 size_t cap, size_t *ret_n);
err_t pay_open(pay_client_t *c, bool *ret_open, char ret_reason[32]);
/* The oldest that wait. The command only (DENIED), as pay_settle. */
err_t pay_doubts(pay_client_t *c, pay_doubt_t *ret_doubts, size_t cap, size_t *ret_n);
/* attempt with notice 0, or attempt zero with a notice (verdict DISMISS). NOT_FOUND, RANGE. */
err_t pay_settle(pay_client_t *c, id128_t request, id128_t attempt, uint64_t notice,
                 pay_verdict_t verdict, slice_t reason);
/* Empties the sealed bytes of all notifications about this booking: what its customer may have
 * typed at the provider (an erasure). The facts of the payment stay. */
err_t pay_forget(pay_client_t *c, id128_t booking);

#endif
