/* All literals of a rule set, looked for in one pass over bytes (libhs, caseless). A pattern is a
 * set of literals that belongs to one operator; a hit says "one of its literals ends here". */
#ifndef GUARD_ENGINE_SCAN_H
#define GUARD_ENGINE_SCAN_H

#include "base/arena.h"

typedef struct scan_db scan_db_t;
typedef struct scan_builder scan_builder_t;
typedef struct scan_scratch scan_scratch_t;

/* Collects; everything in the arena. */
err_t scan_builder_new(arena_t *arena, scan_builder_t **ret_builder);
err_t scan_add(scan_builder_t *b, slice_t literal, uint32_t pattern);
/* In the arena, and ends with it; *ret_db is NULL without a literal. MEMORY, CONFIG (libhs
 * refuses). */
err_t scan_build(scan_builder_t *b, arena_t *arena, scan_db_t **ret_db);
uint32_t scan_literals(const scan_db_t *db);

/* Room for scans of any of the data bases (NULL allowed). */
err_t scan_scratch_new(scan_db_t *const *dbs, size_t count, scan_scratch_t **ret_scratch);
void scan_scratch_free(scan_scratch_t *s);

/* Calls hit(user, pattern, end) for each literal found; a pattern may be named again and again.
 * end: offset behind the literal's last byte. False ends the scan. */
typedef bool (*scan_hit_fn)(void *user, uint32_t pattern, size_t end);
err_t scan_run(const scan_db_t *db, scan_scratch_t *scratch, slice_t bytes, scan_hit_fn hit,
               void *user);

#endif
