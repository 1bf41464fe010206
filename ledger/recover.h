/* What happens once, when the ledger is opened: the log is read and compared with the tree, the
 * ledger's identity (profile, origin, key, chain of MACs) with ours, and the first records of this
 * run are written. For keeper.c. */
#ifndef LEDGER_RECOVER_H
#define LEDGER_RECOVER_H

#include "keeper.h"

/* Fills the text and gives e back. */
err_t recover_fault(char out[KEEPER_FAULT], err_t e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads all of the log; what is not sealed goes to the sealer. CORRUPT. */
err_t recover_log(keeper_t *k, char ret_fault[KEEPER_FAULT]);
/* Is it this ledger, and whole? Joins the chain of MACs. CONFIG, CORRUPT. */
err_t recover_identity(keeper_t *k, char ret_fault[KEEPER_FAULT]);
/* GENESIS, RATCHET, ROOM_START, RESTORED: what is due. */
err_t recover_first_records(keeper_t *k);
/* public/ledger.vkey is ours; opened: the sealer has done what a crash left undone. CONFIG. */
err_t recover_public_key(keeper_t *k, bool opened, char ret_fault[KEEPER_FAULT]);
/* commit_ends_t.next; ctx: the keeper. */
err_t recover_next_key(void *ctx, uint64_t segment, leaf_extra_t *ret_key, buf_t *vkey);

#endif
