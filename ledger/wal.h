/* The log: preallocated, zero-filled pieces that frames are written into, one fdatasync a group.
 * It alone makes a record durable; tiles are made from it.
 *
 * Rules: the first failed fdatasync ends writing until the process starts anew and has read what is
 * really on the disk (after EIO the kernel drops the dirty pages; a second fsync would lie). No
 * space while a piece is made is no such end: nothing was written. A live piece that was unlinked,
 * replaced or cut is noticed before the next group is written. Single-threaded but for its own
 * helper, which keeps one spare piece ready. */
#ifndef LEDGER_WAL_H
#define LEDGER_WAL_H

#include "frame.h"
#include "io/fd.h"

typedef struct wal wal_t;

enum {
    WAL_PIECE_MIN = 1024 * 1024,
    WAL_PIECE_MAX = 256 * 1024 * 1024,
};

/* What recovery found. */
typedef struct wal_report {
    uint64_t first_seq, next_seq; /* leaves in the log: first_seq .. next_seq-1; equal = none */
    uint64_t groups;              /* number of the last group */
    size_t torn_bytes;            /* an unfinished frame at the end that was wiped; 0 = none */
    char fault[160];              /* for CORRUPT: what and where, for the operator */
} wal_report_t;

/* A frame that recovery read; an error ends wal_open with it. */
typedef err_t wal_frame_fn(void *ctx, const frame_t *frame);

/* Reads all pieces in dir (which exists and is ours), hands every frame over, wipes an unfinished
 * frame at the end, makes the first piece when there is none. CORRUPT: something after the damage
 * shows that it was committed once (report->fault says where). */
err_t wal_open(path_t dir, size_t piece_bytes, wal_frame_fn *each, void *ctx,
               wal_report_t *ret_report, wal_t **ret_wal);
void wal_close(wal_t *wal); /* NULL is fine */

/* Makes one group durable. mem: FRAME_HEAD bytes of room, then the body. Returns when it is on the
 * disk. DISK_FULL: no space for the next piece, nothing kept, may be tried again later. IO, CORRUPT
 * (file unlinked, replaced or cut): never again with this log. */
err_t wal_write(wal_t *wal, uint8_t *mem, size_t body_len, uint64_t first_seq, uint32_t count);
/* True after an error that ends writing for good. */
bool wal_dead(const wal_t *wal);
/* Body bytes that one frame may have with this piece size. */
size_t wal_body_max(const wal_t *wal);
/* Removes pieces that hold only leaves below seq; the newest with a frame always stays. */
void wal_retire(wal_t *wal, uint64_t seq);

/* The first leaf that is still in the log. */
uint64_t wal_first_seq(const wal_t *wal);

typedef struct wal_counts {
    uint64_t groups, syncs, bytes, pieces; /* since start; pieces = on disk now */
    size_t room;                           /* bytes left in the current piece */
    bool spare;                            /* a further piece is ready */
    bool spare_full;                       /* no space to make one */
} wal_counts_t;
wal_counts_t wal_counts(wal_t *wal);

#endif
