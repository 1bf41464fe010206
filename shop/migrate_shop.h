/* The shop's migrations, embedded at build time (migrations/NNNN.*.sql). */
#ifndef SHOP_MIGRATE_SHOP_H
#define SHOP_MIGRATE_SHOP_H

#include "db/migrate.h"

extern const db_migrations_t shop_migrations;

#endif
