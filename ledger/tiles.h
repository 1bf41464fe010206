/* Files of the public tree (C2SP tlog-tiles): paths of tiles and entry bundles, and writing a batch
 * of them so that a power cut shows each old or new, never half: temporary files, all synced,
 * then the renames, then fsync of the folders. The checkpoint follows only after that. */
#ifndef LEDGER_TILES_H
#define LEDGER_TILES_H

#include "io/fd.h"
#include "tree.h"

enum {
    TILES_PATH = 96,     /* bytes of a path below the public folder, with NUL */
    TILES_ENTRIES = 255, /* "levels" that stand for entry bundles, */
    TILES_SEAL = 254,    /* the last checkpoints of segments, */
    TILES_KEPT = 253,    /* and what was kept of removed ones */
};

/* "tile/<level>/<N>[.p/<width>]", width 256 = full. */
void tiles_path(unsigned level, uint64_t number, unsigned width, char out[TILES_PATH]);

/* Files waiting to be written; bytes are copied. */
typedef struct tiles_file {
    struct tiles_file *next;
    size_t len;
    char path[TILES_PATH];
    uint8_t bytes[];
} tiles_file_t;

typedef struct tiles {
    int public_dir, tmp_dir; /* borrowed */
    tiles_file_t *first, **last;
    size_t count, bytes;
    char letter; /* of its temporary files */
} tiles_t;

/* letter: names its temporary files; one for each that writes into tmp_dir. */
void tiles_init(tiles_t *t, int public_dir, int tmp_dir, char letter);
void tiles_drop(tiles_t *t); /* forgets what waits */
err_t tiles_add(tiles_t *t, const char *path, slice_t bytes);
/* Writes all that waits; on failure all of it still waits (DISK_FULL: try again; IO: give up). */
err_t tiles_flush(tiles_t *t);
/* Removes a partial tile that no published size needs; its folder too when that is empty. */
void tiles_remove(const tiles_t *t, const char *path);

/* The bytes of a file below the public folder. NOT_FOUND, LIMIT, IO. */
err_t tiles_read(int public_dir, const char *path, arena_t *a, size_t max_bytes,
                 slice_t *ret_bytes);

#endif
