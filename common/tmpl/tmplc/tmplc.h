/* tmplc, the template and message compiler: its one door. Pure: sources in, C text or diagnostics
 * out; no file, no clock. main.c is the command around it, fuzz_tmplc.c and the tests are others.
 * Holds no room's knowledge. The language stands in ../README.md. */
#ifndef TMPLC_TMPLC_H
#define TMPLC_TMPLC_H

#include "base/arena.h"

typedef struct tmplc_source {
    const char *name; /* as given on the command line; its base name says what it is */
    slice_t text;
} tmplc_source_t;

typedef struct tmplc_result {
    slice_t c, h;        /* empty when there were errors */
    slice_t diagnostics; /* lines "file:line:column: error: sentence" */
    unsigned errors;
} tmplc_result_t;

/* Memory a compilation may take; past it the compiler aborts (it is a build tool). */
#define TMPLC_MAX_BYTES ((size_t)512 * 1024 * 1024)

/* room: prefix of the catalogue's names ([a-z][a-z0-9_]*). header: what the C file includes
 * ("pages.h"). The result lives in the arena and refers to the sources. */
void tmplc_compile(arena_t *arena, slice_t room, slice_t header, const tmplc_source_t *sources,
                   size_t count, tmplc_result_t *ret_result);

#endif
