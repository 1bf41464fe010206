/* Backups in a folder: which there are, what they say, and unpacking one beside the house. Trusts
 * nothing that was not authenticated to its last byte. */
#ifndef COMMAND_BACKUP_READ_H
#define COMMAND_BACKUP_READ_H

#include "backup_file.h"
#include "house.h"

enum { BACKUP_NAME = 96, BACKUP_LIST_MAX = 4096 };

typedef struct backup_manifest {
    char id[BACKUP_NAME];
    int64_t made_us;
    uint64_t files, bytes;
    uint64_t ledger_size, ledger_end; /* records in tree; in tree and log */
    uint64_t generation;              /* of the brake board */
    int64_t keys_us;                  /* the key files must be as young */
    uint64_t keys_live, keys_erased;
} backup_manifest_t;

/* What went wrong, for the person: the fault of which file. */
typedef struct backup_trouble {
    err_t err;
    backup_fault_t fault;
    bool of_keys; /* the key file, not the backup */
    bool keys_older;
} backup_trouble_t;

/* Names of this house's backups, newest first. NOT_FOUND when there is none. */
err_t backup_list(arena_t *a, path_t dir, const uint8_t seal_to[crypto_box_PUBLICKEYBYTES],
                  slice_t *ret_names, size_t cap, size_t *ret_n);

/* Unpacks dir/name and the house's key files into `to`, an empty folder. Owners are set when the
 * house is separated. On failure `to` may hold a part: it is the caller's to sweep. */
err_t backup_unpack(house_t *h, path_t dir, slice_t name, const backup_reader_keys_t *keys,
                    path_t to, backup_manifest_t *ret_manifest, backup_trouble_t *ret_trouble);

/* What a restore must know of the record. */
typedef struct backup_ledger_facts {
    uint64_t generation; /* of the brake board: the highest that the records know of */
    struct backup_erased {
        id128_t file; /* name of the subjects' key file, and the slot in it */
        uint32_t slot;
    } * erased; /* in the house's arena */
    size_t n_erased;
} backup_ledger_facts_t;

/* ledger-verify on an unpacked ledger. checkpoint: a file, or NULL. ret_facts may be NULL.
 * *ret_code: its exit code. */
err_t backup_verify_ledger(house_t *h, path_t ledger, const char *checkpoint,
                           backup_ledger_facts_t *ret_facts, int *ret_code);

/* The message for a trouble, in the house's language, to stderr. */
void backup_complain(const house_t *h, slice_t name, const backup_trouble_t *trouble);

#endif
