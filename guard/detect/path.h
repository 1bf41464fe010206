/* Path traversal (@detectPath): would this value, used as a file's name, leave its folder or name a
 * file that no visitor has business with? Reads through the usual disguises (percent once, twice,
 * overlong UTF-8, %u, backslashes, NUL). Pure: no allocation, no state, linear time. */
#ifndef GUARD_DETECT_PATH_H
#define GUARD_DETECT_PATH_H

#include "bytes.h"

enum { PATH_FINGERPRINT_MAX = 16 };

typedef struct path_found {
    char fingerprint[PATH_FINGERPRINT_MAX + 1]; /* [a-z0-9_-], NUL-terminated */
    size_t at, len;                             /* the deciding part; inside the value */
} path_found_t;

/* False means: certainly nothing that path_detect would find, by bytes_seen() and length alone. */
bool path_possible(uint32_t seen, size_t len);
/* ret_found may be NULL and is untouched on false. */
bool path_detect(slice_t value, path_found_t *ret_found);

#endif
