/* From a key that somebody kept to the one that signs now (FORMAT.md 5, 6), by what was shown: the
 * records that name keys, the last checkpoint of each segment, and the roots that tie these to the
 * tree. Nothing is read here. */
#ifndef LEDGER_VERIFY_CHAIN_H
#define LEDGER_VERIFY_CHAIN_H

#include "verify.h"

typedef struct vchain_seal {
    uint64_t segment;
    slice_t note;
} vchain_seal_t;

typedef struct vchain {
    uint32_t leaves; /* of a segment */
    vcheckpoint_t cp;
    /* Proved leaves, ascending; others than GENESIS, SEGMENT_END and RESTORED are passed over. */
    const slice_t *records;
    size_t record_count;
    vchain_seal_t *seals;
    size_t seal_count;
    slice_t spine; /* roots of all full segments, 32 bytes each */
    slice_t rest;  /* roots of the perfect subtrees of what follows, largest first */
} vchain_t;

/* NOT_FOUND: the key is not named, or a step is not shown. CORRUPT: a step does not hold. */
err_t vchain_check(const vchain_t *chain, const vkey_t *given, const vkey_t *present);

#endif
