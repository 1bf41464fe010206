/* Keys of sealed evidence: one for each (session, month), made ahead; their public halves on the
 * sheet (var/etc/evidence-keys) that the guard reads; opening, which is on record first;
 * destroying.
 *
 * The keys lie in the file month-keys beside those of people, under ids that are made of month and
 * slot (FORMAT.md), so that what holds for that file - crashes, erasure, backups, checks - holds
 * for them. Sheet, making and destroying belong to the loop's thread; records of openings, which
 * wait for the disk, to a thread of this file. */
#ifndef VAULT_EVIDENCE_H
#define VAULT_EVIDENCE_H

#include "io/wire_server.h"
#include "keystore.h"
#include "ledger/api.h"
#include "vault/api_evidence.h"

enum { EVIDENCE_QUEUE_MAX = 16, EVIDENCE_TICK_MS = 10000 };

typedef struct evidence evidence_t;
typedef struct evidence_job evidence_job_t;

typedef struct evidence_conf {
    const keys_t *keys;
    keystore_t *months;
    ledger_client_t *ledger;
    int sheet_fd;               /* evidence-keys, writable; -1: no sheet (tests of other things) */
    void (*on_done)(void *ctx); /* from the thread: something can be taken */
    void *ctx;
} evidence_conf_t;

typedef struct evidence_counts {
    uint64_t opened, refused, destroyed;
    uint64_t held;  /* times an order to preserve kept a key whose time was over */
    uint32_t month; /* of the sheet; 0: there is none */
    bool broken;    /* the sheet or its keys could not be made */
} evidence_counts_t;

/* Makes this month's keys and the sheet, then starts the thread. */
err_t evidence_new(const evidence_conf_t *conf, evidence_t **ret_evidence);
/* Ends after the job at work. NULL is fine. */
void evidence_free(evidence_t *e);
/* Each EVIDENCE_TICK_MS: a new month's sheet; the keys of the next one, some at a time; and one key
 * of the tuning ring at a time whose month has been over for longer than the ring is read: on
 * record (EVIDENCE_ERASED what=ring by=policy), then destroyed, unless an order to preserve stands. */
void evidence_tick(evidence_t *e);
/* Copies and queues. SYNTAX, MEMORY, TOO_MANY. */
err_t evidence_submit(evidence_t *e, wire_conn_t from, uint16_t kind, cursor_t *body);
/* The next one that is on record (or could not be), or NULL. It ends with evidence_end(). */
evidence_job_t *evidence_take(evidence_t *e);
wire_conn_t evidence_asker(const evidence_job_t *job);
/* Does what is asked, now that it is on record: the answer message, or the error. */
err_t evidence_answer(evidence_t *e, evidence_job_t *job, slice_t *ret_message);
void evidence_end(evidence_job_t *job);
evidence_counts_t evidence_counts(evidence_t *e);

/* Id of a slot's key in the file month-keys. */
id128_t evidence_key_id(evidence_place_t place);

#endif
