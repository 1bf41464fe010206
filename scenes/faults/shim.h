/* The fault board: one small file that the preloaded library reads at each call and house-faults
 * writes. Switched on and off while the house runs. */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <stdatomic.h>
#include <stdint.h>

enum { SHIM_RULES = 8, SHIM_PATTERN = 128 };

typedef enum shim_call {
    SHIM_WRITE = 1,    /* write, writev, pwrite, pwritev */
    SHIM_SYNC = 2,     /* fsync, fdatasync, msync */
    SHIM_ALLOCATE = 4, /* fallocate, posix_fallocate, ftruncate */
} shim_call_t;

typedef struct shim_rule {
    char pattern[SHIM_PATTERN]; /* fnmatch(3) on the file's path */
    uint32_t calls;             /* shim_call_t, or'ed */
    int32_t error;              /* the errno given */
    uint64_t skip, times; /* so many matching calls go through first; so many fail (0 = all) */
    _Atomic uint64_t seen, failed;
} shim_rule_t;

typedef struct shim_board {
    _Atomic uint32_t n; /* rules in force; 0 = off */
    shim_rule_t rules[SHIM_RULES];
} shim_board_t;

#endif
