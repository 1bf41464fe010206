/* Files and folders given to the search; finds as one JSON line each, never with the bytes around
 * them. */
#ifndef CLEAR_FILE_H
#define CLEAR_FILE_H

#include "search.h"

enum { FINDS_TOLD_MAX = 200 }; /* of one file; the rest is counted */

typedef struct file_search {
    search_t *search;
    FILE *out;
    uint64_t files, unreadable;
    const char *name; /* of the file being searched */
    unsigned told;
    uint8_t *found; /* one byte a needle line: found at least once */
    size_t lines;
} file_search_t;

err_t file_search_init(file_search_t *f, const index_t *index, const needle_t *needles,
                       size_t count, FILE *out);
void file_search_deinit(file_search_t *f);
/* Bytes that are no file. */
err_t file_search_bytes(file_search_t *f, const char *name, slice_t bytes);
/* An open file, from its beginning; its descriptor stays where it is. Unreadable ones are told and
 * counted. */
err_t file_search_fd(file_search_t *f, const char *name, int fd);
/* A file, or all regular files below a folder; links are not followed. */
err_t file_search_path(file_search_t *f, const char *path);
/* The last line: what was searched. True when nothing was found and nothing was left out. */
bool file_search_sum(const file_search_t *f, const index_t *index, const needle_t *needles,
                     size_t count);

/* Needles from a file, with its own message on stderr when it is not to be read. */
err_t needles_load(arena_t *a, const char *path, const needle_t **ret_needles, size_t *ret_count);

#endif
