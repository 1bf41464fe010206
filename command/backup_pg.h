/* PostgreSQL in a backup: its own tools dump and restore one room's schema. */
#ifndef COMMAND_BACKUP_PG_H
#define COMMAND_BACKUP_PG_H

#include "house.h"

/* Writes pg_dump's custom format: one snapshot of the room's schema. UPSTREAM: pg_dump failed (it
 * says why on stderr). NOT_FOUND: it is not installed. */
err_t backup_pg_dump(house_t *h, slice_t url, path_t to);
/* Puts such a dump into the database of the URL, in one transaction, or nothing of it. UPSTREAM:
 * it is not empty, or cannot be reached (pg_restore says why on stderr). */
err_t backup_pg_restore(house_t *h, slice_t url, path_t dump);

#endif
