/* libinjection as an oracle: Debian's libmodsecurity.so.3 exports it. Tests only; loaded at run
 * time so that nothing of the house links it. */
#ifndef GUARD_DETECT_JUDGE_ORACLE_H
#define GUARD_DETECT_JUDGE_ORACLE_H

#include "base/slice.h"

typedef struct oracle {
    int (*sqli)(const char *text, size_t len, char fingerprint[8]);
    int (*xss)(const char *text, size_t len);
} oracle_t;

bool oracle_open(oracle_t *ret_oracle); /* false where the library is absent */

#endif
