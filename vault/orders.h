/* Orders: erasing a person, legal holds, a new master key (of the command), honey customers (of the
 * shop). One
 * thread of its own, one order at a time, so that no order waits in the loop for a flush or a
 * record.
 *
 * Erasing: is there a person, and no legal hold? Then the order is put into the register, its
 * intent record (ERASED, step=intent) made durable, the keys overwritten - months first, the
 * person's own last -, the password removed, and when no reveal is at work any more that began
 * before, the outcome (step=done) made durable and the order taken out of the register. What a
 * crash leaves in the register is finished by the next start: an erasure that is on record is one
 * that happens. */
#ifndef VAULT_ORDERS_H
#define VAULT_ORDERS_H

#include "io/wire_server.h"
#include "keystore.h"
#include "ledger/api.h"
#include "passwords.h"
#include "register.h"
#include "reveal.h"
#include "rotate.h"

enum { ORDERS_QUEUE_MAX = 32 };

typedef struct orders orders_t;
typedef struct orders_job orders_job_t;

typedef struct orders_conf {
    const keys_t *keys;
    keystore_t *subjects, *months;
    register_book_t *book;
    passwords_t *passwords;
    reveal_t *reveal;
    rotate_t *rotate;
    ledger_client_t *ledger;
    size_t honey;               /* how many customers who do not exist there may be */
    void (*on_done)(void *ctx); /* from the thread: something can be taken */
    void *ctx;
} orders_conf_t;

typedef struct orders_counts {
    uint64_t erased, refused;
    bool unfinished; /* an erasure whose outcome is not on record yet */
} orders_counts_t;

err_t orders_new(const orders_conf_t *conf, orders_t **ret_orders);
/* Ends after the order at work. NULL is fine. */
void orders_free(orders_t *o);
/* Copies and queues. SYNTAX, MEMORY, TOO_MANY. */
err_t orders_submit(orders_t *o, wire_conn_t from, uint16_t kind, cursor_t *body);
/* The next finished one, or NULL. It ends with orders_end(). */
orders_job_t *orders_take(orders_t *o);
wire_conn_t orders_asker(const orders_job_t *job);
/* The whole answer message, or the error to answer with. */
err_t orders_answer(const orders_job_t *job, slice_t *ret_message);
void orders_end(orders_job_t *job);
orders_counts_t orders_counts(orders_t *o);

#endif
