/* The helper that keeps one further piece of the log ready: zero-filled and synced, so that a
 * group's fdatasync has no file metadata to write. Own thread; never touches a live piece. */
#ifndef LEDGER_WAL_SPARE_H
#define LEDGER_WAL_SPARE_H

#include <pthread.h>

#include "io/fd.h"

typedef struct wal_spare {
    int dir; /* the log's; borrowed */
    size_t piece_bytes;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, wanted, ready, stop;
    err_t trouble; /* of the last attempt */
} wal_spare_t;

/* A spare that an earlier process left is used when it is whole and zero. */
err_t wal_spare_start(wal_spare_t *s, int dir, size_t piece_bytes);
void wal_spare_stop(wal_spare_t *s); /* safe on a zeroed struct */
/* Begin to make one, if there is none. */
void wal_spare_want(wal_spare_t *s);
/* Gives the spare its name as a piece and syncs the folder; waits a moment for one in the making.
 * DISK_FULL, TIMEOUT (as DISK_FULL: try again later), IO. */
err_t wal_spare_take(wal_spare_t *s, const char *name);
void wal_spare_state(wal_spare_t *s, bool *ret_ready, bool *ret_full);

#endif
