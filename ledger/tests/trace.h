/* What a preloaded ledgerd did to its files, in order, in memory shared with the test: enough to
 * make any state that a pulled plug could have left (test_replay.c). */
#ifndef LEDGER_TESTS_TRACE_H
#define LEDGER_TESTS_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { TRACE_BYTES = 192 * 1024 * 1024, TRACE_PATH = 240 };

typedef enum trace_kind {
    TRACE_CREATE = 1, /* path, ino; at != 0: it was emptied */
    TRACE_WRITE,      /* ino, at, bytes */
    TRACE_SIZE,       /* ino, at = new length */
    TRACE_RENAME,     /* path, path2 */
    TRACE_LINK,       /* path, path2 */
    TRACE_UNLINK,     /* path: file or folder */
    TRACE_MKDIR,      /* path */
    TRACE_DATA,       /* ino: fdatasync returned */
    TRACE_SYNC,       /* ino: fsync returned, of a file or a folder */
    TRACE_SYNC_ALL,   /* syncfs returned */
    TRACE_ACK,        /* at = first seq, ino = how many were acknowledged */
} trace_kind_t;

typedef struct trace_op {
    uint32_t kind, len; /* len: bytes behind it, rounded up to 8 in the file */
    uint64_t ino, at;
    uint32_t path_len, path2_len; /* the first of these bytes */
} trace_op_t;

typedef struct trace {
    uint64_t used;
    uint32_t full; /* it did not all fit */
    uint32_t pad;
    uint8_t ops[];
} trace_t;

static inline size_t trace_step(const trace_op_t *op)
{
    return sizeof *op + (((size_t)op->len + 7) & ~(size_t)7);
}

#endif
