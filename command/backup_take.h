/* Taking a backup of a running house (BACKUP.md). Holds nothing in clear but in its own scratch
 * folder, var/backup/, which is root's and emptied before and after. */
#ifndef COMMAND_BACKUP_TAKE_H
#define COMMAND_BACKUP_TAKE_H

#include "backup_file.h"
#include "house.h"
#include "ledger/api_copy.h"

typedef struct backup_made {
    char name[96];
    uint8_t sha256[32];
    backup_totals_t totals;
    ledger_copy_facts_t ledger;
    uint64_t generation;
    int64_t made_us;
    uint64_t keys_live, keys_erased;
} backup_made_t;

/* var/backup/, emptied, ours alone until the descriptor is closed. CONFLICT: another backup, test
 * or restore is at work. */
err_t backup_scratch(house_t *h, path_t *ret_dir, int *ret_lock);
/* Removes a folder and all that is in it; what cannot be removed stays. */
void backup_sweep(path_t dir);

/* One more backup of the house into dir, and the newest key files. Nothing of it has its name when
 * this fails. */
err_t backup_take(house_t *h, path_t dir, path_t scratch, backup_made_t *ret_made);

/* The newest key files into dir, which must have older ones of this house (NOT_FOUND). */
err_t backup_keys_replace(house_t *h, path_t dir);
/* The same walk for other purposes: every file of the rooms, the board, the ledger and etc, each as
 * one moment of its room and all in the order in which they rest on each other; no secrets, no key
 * files. name: in the house; at: where its bytes stand still for the call; like: its owner and
 * mode. */
typedef err_t backup_each_fn(void *ctx, const char *name, const struct stat *like, path_t at);
err_t backup_walk(house_t *h, path_t scratch, backup_each_fn *each, void *ctx,
                  ledger_copy_facts_t *ret_ledger, uint64_t *ret_generation);

/* "sekisho-<house>.keys" */
void backup_keys_file(const uint8_t seal_to[crypto_box_PUBLICKEYBYTES], char out[64]);
/* The URL of a room's database by var/etc, when it is not SQLite in its folder; else the empty
 * slice. */
slice_t backup_postgres_url(house_t *h, path_t var, const char *room);

#endif
