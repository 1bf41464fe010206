/* public/minimum-index: records below are removed (FORMAT.md 8). */
#ifndef LEDGER_MINIMUM_H
#define LEDGER_MINIMUM_H

#include "io/fd.h"

/* 0 when there is none. CORRUPT, IO. */
err_t minimum_read(int public_dir, uint64_t *ret_minimum);
/* Durable when it returns; it never falls. DISK_FULL, IO. */
err_t minimum_write(path_t public_path, uint64_t minimum);

#endif
