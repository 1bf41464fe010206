/* Operating-system commands (@detectCmdi): would this value, pasted into a shell's command line,
 * run another command? Unix shells, cmd.exe and PowerShell. Pure: no allocation, no state, time
 * linear in the value's length. */
#ifndef GUARD_DETECT_CMDI_H
#define GUARD_DETECT_CMDI_H

#include "bytes.h"

enum { CMDI_FINGERPRINT_MAX = 16 };

typedef struct cmdi_found {
    char fingerprint[CMDI_FINGERPRINT_MAX + 1]; /* [a-z0-9_-], NUL-terminated */
    size_t at, len;                             /* the deciding part; inside the value */
} cmdi_found_t;

/* False means: certainly nothing that cmdi_detect would find, by bytes_seen() and length alone. */
bool cmdi_possible(uint32_t seen, size_t len);
/* ret_found may be NULL and is untouched on false. */
bool cmdi_detect(slice_t value, cmdi_found_t *ret_found);

#endif
