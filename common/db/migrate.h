/* Forward-only migrations, embedded in the room's binary at build time by tools/embed-sql from its
 * migrations/NNNN.sqlite.sql and NNNN.pg.sql.
 *
 * In the room's meson.build:
 *   shop_migrations = custom_target('shop-migrations', output: 'migrations.c',
 *     input: files('migrations/0001.sqlite.sql', 'migrations/0001.pg.sql'),
 *     command: [embed_sql, 'shop_migrations', '@OUTPUT@', '@INPUT@'])
 * In its C: extern const db_migrations_t shop_migrations;  TRY(db_migrate(db, &shop_migrations));
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

typedef struct db_migration {
    unsigned number; /* 1, 2, 3, ... without a gap */
    const char *sqlite, *pg;
} db_migration_t;

typedef struct db_migrations {
    const db_migration_t *rows;
    size_t count;
} db_migrations_t;

/* Brings the database to the last number, each step in a transaction of its own; two processes at
 * once are in order. VERSION: the database is newer than this program. CONFLICT: a step that was
 * already run has other text now. DB: a step failed (db_last_error). */
err_t db_migrate(db_t *db, const db_migrations_t *migrations);
/* The last number run; 0 for an empty database. */
err_t db_schema_number(db_t *db, int64_t *ret_number);

#endif
