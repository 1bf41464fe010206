/* Rule files for the pure engine (law 3): its reader on real files. Shared by the nginx module and
 * the command-line tool. Only for files that an administrator names in configuration. */
#ifndef GUARD_FILES_H
#define GUARD_FILES_H

#include "../engine/engine.h"

enum { FILES_MAX_BYTES = 16 * 1024 * 1024 };

/* A reader of the file system. read: NOT_FOUND, DENIED, IO, LIMIT above FILES_MAX_BYTES; a folder
 * is IO. glob: only files and folders that are there, sorted by bytes. */
engine_reader_t files_reader(void);

#endif
