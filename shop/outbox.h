/* Letters to customers: a row in the transaction that is their reason, sent by a thread. The row
 * holds no text and no address: both are made when it is sent, the recipient by one vault batch
 * with the purpose MAIL. Kept and tried again until the mail server takes it; the Message-ID is the
 * row's id, so that a letter sent twice after a crash is one letter to the reader. */
#ifndef SHOP_OUTBOX_H
#define SHOP_OUTBOX_H

#include "booking.h"

/* name, number, ordinary (held while the lever OUTBOUND_MAIL is closed)? */
#define OUTBOX_KINDS(X)                                                                            \
    X(CONFIRMED, 1, true)                                                                          \
    X(PAYMENT_FAILED, 2, true)                                                                     \
    X(EXPIRED, 3, true)                                                                            \
    X(REFUND_LATE, 4, false)                                                                       \
    X(REFUND_DOUBLE, 5, false)                                                                     \
    X(REGISTERED, 6, true)                                                                         \
    X(RUNS, 8, true)                                                                               \
    X(CALLED_OFF, 9, false)                                                                        \
    X(CALLED_OFF_PAID, 10, false)

typedef enum mail_kind {
#define OUTBOX_KIND_ENUM(name, number, ordinary) MAIL_##name = (number),
    OUTBOX_KINDS(OUTBOX_KIND_ENUM)
#undef OUTBOX_KIND_ENUM
} mail_kind_t;

typedef enum outbox_state { OUTBOX_QUEUED = 1, OUTBOX_SENT = 2, OUTBOX_FAILED = 3 } outbox_state_t;

enum { OUTBOX_TRIES_MAX = 60, OUTBOX_ROWS = 8 };

typedef struct outbox_row {
    id128_t id, booking, account, ref, request;
    mail_kind_t kind;
    int64_t lang, tries, created_us;
} outbox_row_t;

const char *mail_kind_name(mail_kind_t kind); /* "CONFIRMED"; never NULL */
bool mail_kind_ordinary(mail_kind_t kind);

/* For jobs: one letter a (kind, ref), however often it is asked for; none for a booking that has no
 * representative yet. Adds the record MAIL_QUEUED. */
err_t outbox_queue(job_t *job, db_t *db, const booking_t *booking, mail_kind_t kind, id128_t ref,
                   id128_t request, int64_t now_us);
err_t outbox_queue_account(job_t *job, db_t *db, id128_t account, id128_t pseudonym, int64_t lang,
                           id128_t request, int64_t now_us);

/* What is due, oldest first, at most OUTBOX_ROWS; ordinary letters only when `ordinary`. */
err_t outbox_due(db_t *db, arena_t *a, int64_t now_us, bool ordinary, outbox_row_t *ret_rows,
                 size_t *ret_n);
/* What became of one try: sent = OK; else it is tried again later, or given up after
 * OUTBOX_TRIES_MAX. `final`: the server refused it for good. */
err_t outbox_settle(writer_t *w, arena_t *a, const outbox_row_t *row, id128_t pseudonym,
                    err_t outcome, bool final, int64_t now_us);
/* Letters waiting, for the health page. */
err_t outbox_waiting(db_t *db, int64_t *ret_n);

#endif
