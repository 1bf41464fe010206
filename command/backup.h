/* sekisho backup DIR | backup test [DIR] [NAME] | restore DIR [NAME] (BACKUP.md). */
#ifndef COMMAND_BACKUP_H
#define COMMAND_BACKUP_H

#include "backup_file.h"
#include "house.h"
#include "ledger/api.h"

int backup_command(house_t *h, int argc, char **argv);
int backup_test_command(house_t *h, int argc, char **argv);
int restore_command(house_t *h, int argc, char **argv);

/* One record of the command's own, durable. */
err_t backup_record(house_t *h, ledger_type_t type, const buf_t *facts);
/* The folder that the last backup went to; the empty slice when none was made here. */
slice_t backup_last_dir(house_t *h);

typedef struct backup_copies {
    int64_t replaced, missed;
} backup_copies_t;
/* The newest key files and master keys into every folder that a backup of this house ever went to.
 * A folder that cannot be reached is complained of. */
void backup_keys_everywhere(house_t *h, backup_copies_t *ret_copies);

/* Options of test and restore. */
typedef struct backup_ask {
    const char *dir, *name, *key;
    const char *checkpoints[8];
    size_t n_checkpoints;
    bool force;
} backup_ask_t;
/* False: usage. Restore alone knows --checkpoint and --force. */
bool backup_ask_parse(int argc, char **argv, bool is_restore, backup_ask_t *ret_ask);
/* The key file that was named, or var/offline/backup.key. */
err_t backup_ask_path(house_t *h, const char *text, path_t *ret_path);

#endif
