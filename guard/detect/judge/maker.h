/* Makes SQL injections at random from grammars: what a value does is known only when a database has
 * been asked (weak.h). Tests only. */
#ifndef GUARD_DETECT_JUDGE_MAKER_H
#define GUARD_DETECT_JUDGE_MAKER_H

#include "base/buf.h"

typedef struct maker {
    uint64_t state;
    buf_t *out;
    unsigned depth;
    const char *quote; /* that of the place, or "" */
    bool plain;        /* single spaces and lower case only */
} maker_t;

/* One value for a place of weak.h. */
void maker_value(maker_t *m, unsigned place);

#endif
