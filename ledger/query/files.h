/* The ledger's files by their numbers, as they lie there, and roots of what they hold. Knows no
 * query: any thread may call. Internal to ledger/query. */
#ifndef LEDGER_QUERY_FILES_H
#define LEDGER_QUERY_FILES_H

#include "verify/verify.h"

enum { FILES_TILE = VTILE * 32, FILES_BUNDLE_MAX = VTILE * (2 + VLEAF_MAX) };

/* width: 256, or of the unfinished one. Freed by vfile_free. NOT_FOUND, IO, CORRUPT (a damaged
 * packed bundle). */
err_t files_tile(int public_dir, unsigned level, uint64_t number, unsigned width,
                 slice_t *ret_bytes);
err_t files_bundle(int public_dir, uint64_t number, unsigned width, slice_t *ret_bytes);
/* A full bundle's file as it lies there: plain or packed. */
err_t files_full(int public_dir, uint64_t number, slice_t *ret_file, bool *ret_packed);
/* The disk may begin to read what will be asked for: a full bundle, a full tile. */
void files_full_soon(int public_dir, uint64_t number);
void files_tile_soon(int public_dir, unsigned level, uint64_t number);
/* Its leaves; SYNTAX unless there are exactly so many. */
err_t files_split(slice_t bundle, unsigned width, slice_t ret_leaves[VTILE]);
/* The root of n hashes, a power of two up to 256. */
void files_fold(const uint8_t *hashes, unsigned n, uint8_t ret_root[32]);

#endif
