/* A disk in memory on which a trace is played: what stands there now, and what would if the plug
 * were pulled (test_replay.c). */
#ifndef LEDGER_TESTS_DISK_H
#define LEDGER_TESTS_DISK_H

#include "tests/trace.h"

/* What a pulled plug leaves, from kind to harsh; all are allowed by POSIX and met on ext4. */
typedef enum disk_left {
    DISK_ALL,   /* everything that was written so far */
    DISK_TORN,  /* the same, but of the last write only the first half of its sectors */
    DISK_SYNCED /* of a file what was flushed; of names what the last fsync or syncfs made safe */
} disk_left_t;

typedef struct disk disk_t;

/* root: the folder that the trace is about; what lies there now is what the disk begins with. */
disk_t *disk_new(const char *root);
void disk_free(disk_t *d);
void disk_play(disk_t *d, const trace_op_t *op);
/* Writes what is left into `to`, an empty folder, in place of root. */
void disk_leave(const disk_t *d, disk_left_t left, const char *to);

#endif
