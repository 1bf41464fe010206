/* Opening sealed values, and the record that comes before (law 4).
 *
 * Requests wait in a queue; one thread takes all that are there, makes one batch of intent records
 * durable at ledgerd, and only then opens a single value. No value is opened, not even in memory,
 * while its intent is not on disk. When the record cannot be made, everything that waits is refused
 * with NOT_RECORDED.
 *
 * Before the intents: a person who is honey (register.h) is refused as if she did not exist, and
 * what does not fit the budget (budget.h) is refused; both with an ALARM in the same group of
 * records.
 *
 * Records: REVEAL_INTENT and REVEAL_OUTCOME, one a subject and reveal (several intents when the
 * names of the fields do not fit one), REVEAL_REFUSED one a reveal. Facts: reveal (an id that ties
 * them together), room, purpose, fields, and of an outcome bytes and delivered. */
#ifndef VAULT_REVEAL_H
#define VAULT_REVEAL_H

#include "budget.h"
#include "decode.h"
#include "io/wire_server.h"
#include "keystore.h"
#include "ledger/api.h"
#include "register.h"

enum { REVEAL_QUEUE_MAX = 256 };

typedef struct reveal reveal_t;
typedef struct reveal_job reveal_job_t;

typedef struct reveal_conf {
    const keys_t *keys;
    keystore_t *subjects;
    ledger_client_t *ledger;
    budget_t *budget;           /* asked by the reveal thread alone */
    register_book_t *book;      /* who is honey */
    void (*on_done)(void *ctx); /* from the reveal thread: something can be taken */
    void *ctx;
} reveal_conf_t;

typedef struct reveal_counts {
    uint64_t reveals, fields, intents, appends, refusals, over_budget, honey;
    unsigned queued;
    bool unrecorded; /* the last try to make a record durable failed */
} reveal_counts_t;

err_t reveal_new(const reveal_conf_t *conf, reveal_t **ret_reveal);
/* Ends the thread; what was not taken is dropped unanswered. NULL is fine. */
void reveal_free(reveal_t *r);
/* Who asks: all of it the kernel's and the wire's word. */
typedef struct reveal_asker {
    wire_conn_t conn;
    room_id_t room;
    pid_t process;
} reveal_asker_t;
/* Copies the body and queues it. SYNTAX, MEMORY; TOO_MANY, DENIED (not a purpose of this room's),
 * both recorded as refusals. */
err_t reveal_submit(reveal_t *r, reveal_asker_t asker, cursor_t *body);
/* A refusal that was decided before anything was queued (the room may not ask): recorded. */
void reveal_note_denied(reveal_t *r, reveal_asker_t asker, cursor_t body, err_t why);
/* The next finished one, or NULL. It ends with reveal_end(). */
reveal_job_t *reveal_take(reveal_t *r);
wire_conn_t reveal_to(const reveal_job_t *job);
/* The whole answer message, or the error to answer with. */
err_t reveal_answer(const reveal_job_t *job, slice_t *ret_message);
/* Queues the outcome records (delivered: the answer was handed to a live connection), wipes and
 * frees. */
void reveal_end(reveal_t *r, reveal_job_t *job, bool delivered);
/* Returns when no reveal is at work any more that had begun before the call: what was found in the
 * key file before it is used by nobody. From any thread but the reveals' own. */
void reveal_barrier(reveal_t *r);
reveal_counts_t reveal_counts(reveal_t *r);

#endif
