/* The MAC ratchet (FORMAT.md 7): a key for each leaf, made from the one before it, which is then
 * gone. Holds the present key, in memory and in two slots on the disk; never an earlier one. */
#ifndef LEDGER_RATCHET_H
#define LEDGER_RATCHET_H

#include "io/fd.h"

enum { RATCHET_KEY = 32, RATCHET_START_HEX = 64 };
#define RATCHET_NONE UINT64_MAX

typedef struct ratchet {
    bool on;         /* there is a chain */
    uint64_t first;  /* seq of its RATCHET record; RATCHET_NONE: still to be written */
    uint64_t number; /* of the key: first + number is the leaf it is for */
    uint8_t key[RATCHET_KEY];
} ratchet_t;

/* The MAC of the leaf that comes next; then the key is the following one. */
void ratchet_mac(ratchet_t *r, slice_t leaf, uint8_t ret_mac[32]);
/* On to the key of that number, which is not behind. */
void ratchet_advance(ratchet_t *r, uint64_t number);
void ratchet_wipe(ratchet_t *r);
/* What the RATCHET record says of the start key: 64 hex digits. */
void ratchet_start_put(buf_t *b, const uint8_t key[RATCHET_KEY]);

/* `mac` in the folder of ledgerd's secrets. */
typedef struct ratchet_file {
    int fd; /* -1: there is no chain */
    uint64_t generation;
} ratchet_file_t;

/* The state; or, where root has put down a start key (`mac.start`), the begin of a chain: the state
 * is durable before that file is destroyed. ret->on is false when there is neither. DENIED,
 * CORRUPT, IO. */
err_t ratchet_open(path_t secrets, uid_t owner, ratchet_file_t *ret_file, ratchet_t *ret);
void ratchet_close(ratchet_file_t *f);
/* Durable when it returns, and the state before it is no more. DISK_FULL, IO. */
err_t ratchet_save(ratchet_file_t *f, const ratchet_t *r);

#endif
