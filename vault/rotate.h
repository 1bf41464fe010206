/* A new master key takes the old one's place while callers go on: every slot of both key files is
 * wrapped anew, the headers name the new key, then the old one is forgotten and its file destroyed.
 * One thread, at work only meanwhile.
 *
 * The new key's file is on disk before anything here begins (master_tool.c), and the old one's goes
 * last: whatever a crash leaves, one of the two opens each slot, and a start that finds both files
 * goes on with it. */
#ifndef VAULT_ROTATE_H
#define VAULT_ROTATE_H

#include "keystore.h"
#include "ledger/api.h"
#include "reveal.h"

typedef struct rotate rotate_t;

typedef struct rotate_conf {
    keys_t *keys;
    keystore_t *subjects, *months;
    reveal_t *reveal;
    ledger_client_t *ledger;
    path_t secrets;             /* where the master keys' files lie */
    void (*on_done)(void *ctx); /* from the thread: rotate_turn() is to be called */
    void *ctx;
} rotate_conf_t;

typedef struct rotate_state {
    uint32_t newest, oldest; /* epochs; equal: nothing is under way */
    uint64_t slots;          /* looked at so far */
    uint16_t trouble;        /* err_code_t of what stopped it; goes on at the next start */
} rotate_state_t;

/* Goes on at once when the ring has two master keys. */
err_t rotate_new(const rotate_conf_t *conf, rotate_t **ret_rotate);
void rotate_free(rotate_t *r); /* NULL is fine */
/* Begins. The key is wiped. CONFLICT: one is under way; RANGE: not the next epoch; NOT_RECORDED.
 * Blocks for one record. */
err_t rotate_begin(rotate_t *r, keys_master_t *master);
/* Destroys the file of a master key that is not in the ring. CONFLICT. By the thread that begins.
 */
err_t rotate_discard(rotate_t *r, uint32_t epoch);
/* In the loop's thread, which then uses no wrapped key: the old master key is forgotten when nobody
 * needs it any more. */
void rotate_turn(rotate_t *r);
rotate_state_t rotate_state(rotate_t *r);

#endif
