/* The keys of backups: made once, the reading half carried away (BACKUP.md). */
#ifndef COMMAND_BACKUP_KEYS_H
#define COMMAND_BACKUP_KEYS_H

#include "backup_file.h"
#include "house.h"

/* First run: etc/backup.pub, offline/backup.key, secrets/command/backup_sign. Nothing when
 * etc/backup.pub is there. */
err_t backup_keys_make(house_t *h);
/* NOT_FOUND: this house has no keys for backups yet. */
err_t backup_writer_keys(house_t *h, backup_writer_keys_t *ret_keys);
/* From backup.key, wherever it is now. NOT_FOUND, CORRUPT. */
err_t backup_reader_keys(house_t *h, path_t file, backup_reader_keys_t *ret_keys);
void backup_writer_keys_wipe(backup_writer_keys_t *keys);
void backup_reader_keys_wipe(backup_reader_keys_t *keys);

#endif
