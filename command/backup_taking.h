/* A backup while it is being taken: backup_take.c has the order of the steps and the manifest,
 * backup_files.c puts files and folders of rooms into it, backup_keyset.c the key files. Internal
 * to the three. */
#ifndef COMMAND_BACKUP_TAKING_H
#define COMMAND_BACKUP_TAKING_H

#include <jansson.h>
#include <sys/stat.h>

#include "backup_keys.h"
#include "backup_take.h"
#include "control.h"
#include "vault/api_keyfile.h"

enum { ROOMS_MAX = 24, MASTERS_MAX = 4 };

typedef struct room_total {
    char name[32];
    backup_totals_t totals;
} room_total_t;

typedef struct take {
    house_t *h;
    path_t dir, scratch;
    backup_writer_keys_t keys;
    backup_out_t *out;
    backup_each_fn *each; /* instead of out */
    void *each_ctx;
    backup_made_t made;
    room_total_t rooms[ROOMS_MAX];
    size_t n_rooms;
    vault_keyfile_counts_t key_counts;
    char masters[MASTERS_MAX][32]; /* names in secrets/vault */
    size_t n_masters;
    int64_t keys_us;
    control_status_t status;
    uid_t ledger_owner;
} take_t;

/* ---- backup_files.c ---- */

/* Whose the file is in the house, by name: numbers differ between machines. */
err_t taking_owner(const take_t *t, const struct stat *st, char out[BACKUP_OWNER_MAX + 1]);
/* name: in the house. like: whose owner and mode it has; at: where its bytes are. */
err_t taking_file(take_t *t, const char *name, const struct stat *like, path_t at);
/* All of it that belongs into a backup, in the order of names, so that two backups of the same
 * house read alike. A folder that is not there is none. */
err_t taking_folder(take_t *t, const char *folder);

/* ---- backup_keyset.c ---- */

/* Key files and master keys that belong together, into scratch. CONFLICT: they never stood still.
 */
err_t taking_keys_stage(take_t *t);
/* The file of keys beside the backups, in the place of the one that is there. */
err_t taking_keys_file(take_t *t);
json_t *taking_keys_json(const take_t *t);
/* Ends the file with this manifest, which it takes over. */
err_t taking_close(backup_out_t *out, json_t *manifest, uint8_t ret_sha256[32]);

#endif
