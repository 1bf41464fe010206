/* What the test and the preloaded shim share. */
#ifndef LEDGER_TESTS_SHIM_H
#define LEDGER_TESTS_SHIM_H

#include <stdint.h>

typedef struct shim {
    uint64_t calls; /* of fdatasync */
    int32_t fail;   /* errno that it fails with; 0 = works */
} shim_t;

#endif
