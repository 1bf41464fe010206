/* The ledger's door for backups: a consistent copy of the folder of a running ledgerd, and how a
 * restored copy is told to begin a new epoch. For the command only.
 *
 * The tree of a copy is the one of a signed checkpoint; the log of a copy ends after its last whole
 * group and covers that checkpoint. ledger-verify accepts the copy by itself (FORMAT.md). */
#ifndef LEDGER_API_COPY_H
#define LEDGER_API_COPY_H

#include "io/fd.h"

typedef struct ledger_copy_facts {
    uint64_t size; /* of the checkpoint */
    uint8_t root[32];
    uint64_t log_end; /* records in tree and log together; never below size */
} ledger_copy_facts_t;

/* One file of the copy: its name below the ledger's folder, or "secrets/<name>" for one of
 * ledgerd's secrets; and where its bytes can be read during the call. An error ends the copying
 * with it. */
typedef err_t ledger_copy_file_fn(void *ctx, const char *name, path_t at);

/* Where a ledger and what goes with it lies. */
typedef struct ledger_place {
    path_t ledger;
    path_t secrets; /* ledgerd's; text NULL: the note keys are not wanted */
} ledger_place_t;

/* Hands out every file of a copy whose checkpoint has at least `at_least` records (UNAVAILABLE when
 * there is none yet: sealing lags, ask again). Full tiles, which never change, are handed out where
 * they lie; what a running ledgerd would remove or write is put into `scratch` first, an empty
 * folder of the caller's: so are the note keys, those that signed this very checkpoint among them
 * (each is destroyed soon after its segment ends), which are wiped there afterwards. UNAVAILABLE
 * also when records were removed meanwhile. CORRUPT, DISK_FULL, IO. */
err_t ledger_copy(const ledger_place_t *place, path_t scratch, uint64_t at_least,
                  ledger_copy_file_fn *each, void *ctx, ledger_copy_facts_t *ret_facts);

/* Size and root of a checkpoint's text; its signature is for ledger-verify. SYNTAX. */
err_t ledger_copy_checkpoint(slice_t note, uint64_t *ret_size, uint8_t ret_root[32]);

/* What ledgerd must know of a restore, written into a restored ledger's folder before its first
 * start (`restored`): it then leaves the old origin and key behind (FORMAT.md 6). */
typedef struct ledger_restored {
    char epoch[9];       /* 8 letters: part of the new origin, never used before */
    char backup[48];     /* the backup's name */
    int64_t backup_us;   /* when it was made */
    uint64_t known_size; /* a checkpoint of the old epoch known to have had so many; 0 = none */
} ledger_restored_t;

void ledger_restored_put(buf_t *b, const ledger_restored_t *restored);
/* SYNTAX. */
err_t ledger_restored_get(slice_t text, ledger_restored_t *ret_restored);

#endif
