/* libmodsecurity as a judge of the transformations, for tests only: its C++ objects called through
 * dlopen, by the ABI of x86-64 (a std::string is pointer, length, 16 bytes). */
#ifndef GUARD_TRANSFORM_ORACLE_H
#define GUARD_TRANSFORM_ORACLE_H

#include "base/slice.h"

/* NULL when it can be used; else why not (not installed, another machine). */
const char *oracle_open(void);
/* One transformation by its SecLang name; NULL when libmodsecurity does not know it. Lives to the
 * end. */
void *oracle_find(const char *name);
/* The value transformed; the result lives until the next call. map_file: SecUnicodeMapFile's for
 * 20127, or NULL. */
slice_t oracle_apply(void *transformation, slice_t in, const char *map_file);

#endif
