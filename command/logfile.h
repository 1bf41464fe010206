/* var/log/<process>.log: what a process writes to stderr, line by line, rotated by size. The
 * supervisor is the only writer; a process gets a pipe, never the file. */
#ifndef COMMAND_LOGFILE_H
#define COMMAND_LOGFILE_H

#include "io/fd.h"

enum { LOGFILE_MAX_BYTES = 8 * 1024 * 1024, LOGFILE_KEPT = 5 };

typedef struct logfile {
    path_t path;
    int fd;
    int64_t bytes;
} logfile_t;

err_t logfile_open(logfile_t *log, path_t path);
/* A full disk loses log lines, never the process: errors are swallowed here and counted nowhere
 * else than in the file's own silence; the record (ledger) is not kept here. */
void logfile_write(logfile_t *log, slice_t bytes);
void logfile_close(logfile_t *log);

#endif
