#include "files.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "io/fd.h"

enum { PATTERN_ARENA = 16 * 1024 };

static err_t read_one(void *user, slice_t path, arena_t *arena, slice_t *ret_bytes)
{
    path_t at;
    TRY(path_from_conf(arena, path, &at));
    return file_read(arena, at, FILES_MAX_BYTES, ret_bytes);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* glob(3) sorts by the locale of the process: here the order is always that of bytes. */
static err_t glob_all(void *user, slice_t pattern, void *each_user,
                      err_t (*each)(void *each_user, slice_t path))
{
    arena_t a BASE_CLEANUP(arena_deinit);
    path_t text;
    glob_t found;
    arena_init(&a, PATTERN_ARENA);
    TRY(path_from_conf(&a, pattern, &text));
    int rc = glob(text.text, GLOB_NOSORT | GLOB_ERR, NULL, &found);
    if (rc == GLOB_NOMATCH) {
        return OK;
    }
    if (rc != 0) {
        return FAIL(rc == GLOB_NOSPACE ? ERR_MEMORY : ERR_IO);
    }
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, by_bytes);
    err_t e = OK;
    for (size_t i = 0; i < found.gl_pathc && !err_failed(e); i++) {
        e = each(each_user, slice_cstr_in(found.gl_pathv[i]));
    }
    globfree(&found);
    return e;
}

engine_reader_t files_reader(void)
{
    return (engine_reader_t){.read = read_one, .glob = glob_all};
}
