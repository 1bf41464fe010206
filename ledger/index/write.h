/* What is done for the index when a segment has ended: its file, then its root as a record. */
#ifndef LEDGER_INDEX_WRITE_H
#define LEDGER_INDEX_WRITE_H

#include "build.h"
#include "segment.h"

/* Reads the segment, writes var/ledger/index/<n> and records the root (INDEX_ROOT). Files of
 * earlier segments that are not there any more (restored from a backup, deleted) are made anew.
 * May be repeated: the record then stands twice. As segment_done's errors. */
err_t index_segment(const segment_t *seg);
/* The file goes with the segment's records. NOT_FOUND is fine; IO. */
err_t index_remove(const segment_t *seg);

#endif
