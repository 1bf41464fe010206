/* Epochs (FORMAT.md 6). A restored ledger may be shorter than what was signed before the loss; the
 * same origin and key must never sign another tree of a size they signed once. So a restore ends
 * the old epoch: the leaves stay, origin and key are new, and a RESTORED record, signed with the
 * old key, hands over. */
#ifndef LEDGER_EPOCH_H
#define LEDGER_EPOCH_H

#include "ledger/api_copy.h"
#include "note.h"

enum { EPOCH_VKEY = 200, EPOCH_SEED_NAME = 32 };

typedef struct epoch {
    char letters[9];            /* "" = the first epoch, begun by GENESIS */
    uint64_t seq;               /* of the RESTORED record that began it */
    bool pending;               /* that record is still to be written; then: */
    ledger_restored_t restored; /* what the restore told */
    note_key_t before;          /* the old epoch's key; wiped by epoch_done */
} epoch_t;

/* Reads `epoch` and `restored` in the ledger's folder; all zero when there are none. SYNTAX. */
err_t epoch_read(path_t dir, epoch_t *ret_epoch);
/* "note.key", or "note.<letters>.key". */
void epoch_seed_name(const char *letters, char out[EPOCH_SEED_NAME]);
/* "<origin>", or "<origin>/r-<letters>". LIMIT. */
err_t epoch_origin(const char *origin, const char *letters, buf_t *out);

/* A restore is pending: the checkpoint that the old key signed is signed anew with the new key, and
 * both public keys are published. May be repeated after a crash. CRYPTO, CORRUPT: the copy's
 * checkpoint is not the old key's. */
err_t epoch_hand_over(path_t dir, const note_key_t *before, const note_key_t *now);
/* Facts of the RESTORED record; records: how many were restored. */
void epoch_facts(const epoch_t *e, const note_key_t *now, uint64_t records, buf_t *facts);
/* The record is durable under this number: the new epoch stands. Wipes the old key. */
err_t epoch_done(path_t dir, epoch_t *e, uint64_t seq);

#endif
