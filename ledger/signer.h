/* Who signs: the note key in memory, the last word that was signed, and the order of the files that
 * say it (`signed`, public/seal/<N>, public/checkpoint, public/ledger.vkey). It signs only after it
 * has read back its own last checkpoint, and never one that is smaller or differs at the same size
 * (rollback guard). At a segment's end it hands over to the next key and destroys its own
 * (FORMAT.md 5). One thread; its memory is wiped at the end. */
#ifndef LEDGER_SIGNER_H
#define LEDGER_SIGNER_H

#include "notekeys.h"

typedef struct signer {
    int dir, public_dir, tmp_dir; /* borrowed: var/ledger, its public/ and tmp/ */
    const notekeys_t *keys;       /* borrowed; NULL: one key for ever */
    uint64_t leaves;              /* of a segment */
    note_key_t key;               /* our own copy */
    checkpoint_t last;            /* what `signed` must say */
    bool any;
} signer_t;

enum { SIGNER_FAULT = 160 };

/* Reads what was signed last. CORRUPT, CRYPTO with ret_fault filled. */
err_t signer_open(signer_t *s, char ret_fault[SIGNER_FAULT]);
void signer_wipe(signer_t *s);
/* Signs and publishes; where the first is done already (a failure between the two), only
 * publishes. CORRUPT: somebody changed `signed`. */
err_t signer_sign(signer_t *s, const checkpoint_t *cp);
/* The same for the checkpoint that ends segment `number`: signed by both keys, kept for good;
 * then `next` signs, and all older keys are destroyed. May be repeated after DISK_FULL. */
err_t signer_hand_over(signer_t *s, const checkpoint_t *cp, uint64_t number,
                       const note_key_t *next);
/* Only what is kept of a segment's end, by keys that are not ours. */
err_t signer_seal(const signer_t *s, const checkpoint_t *cp, uint64_t number, const note_key_t *old,
                  const note_key_t *next);
/* At start, when the last checkpoint ended segment `number` and our key is already the next one:
 * what a crash may have left undone. */
err_t signer_finish(signer_t *s, uint64_t number);

#endif
