/* Between the files of the book only. */
#ifndef PAY_BOOK_INT_H
#define PAY_BOOK_INT_H

#include <pthread.h>

#include "base/clock.h"
#include "book.h"

enum { BOOK_LEASE_MS = 2000, BOOK_LOCK_MS = 2000, BOOK_ARENA = 256 * 1024 };

struct book {
    book_conf_t conf;
    pthread_mutex_t writing;
};

/* The columns that book_attempt_read expects, in its order. SQL is a literal, so it is a macro. */
#define ATTEMPT_COLUMNS                                                                            \
    "id, booking, state, amount_minor, currency, changed_us, request, lang, expires_us, "          \
    "captured_minor, refunded_minor, refund_due_minor, refund_request, looks, session, payment, "  \
    "url, description, doubt, told_minor, settle, provider"

attempt_t book_attempt_read(const db_rows_t *r);
/* NOT_FOUND. */
err_t book_attempt_in(db_t *db, arena_t *a, id128_t attempt, attempt_t *ret_attempt);

/* A ledger that does not answer holds the lock for 250 ms at a time; who waits too long is told
 * DB_BUSY instead of standing in a queue without end. */
err_t book_lock(book_t *b, pthread_mutex_t **ret_held);
void book_unlock(pthread_mutex_t **held);
#define BOOK_WRITING(b)                                                                            \
    BASE_CLEANUP(book_unlock) pthread_mutex_t *book_held_ = NULL;                                  \
    TRY(book_lock((b), &book_held_))

/* The two records of something that does not fit. */
err_t book_alarm(book_t *b, id128_t request, id128_t attempt, id128_t booking,
                 const adapter_news_t *news, const char *why);
/* The attempt is in doubt from now on, unless it was before. Inside a transaction. */
err_t book_doubt_set(db_t *db, const attempt_t *t, const adapter_news_t *news, const char *why);

#endif
