/* clear-search --needles FILE PATH...
 *
 * Searches files and folders for needles in every form (form.h), through packed streams (unpack.h).
 * One JSON line a find: file, offset, way in, charset, coding, kind and line of the needle - never
 * what stands there. Last line: what was searched. Exit: 0 nothing found, 1 found, 2 not everything
 * could be searched, or usage. */
#include "file.h"

enum { EXIT_CLEAN, EXIT_FOUND, EXIT_INCOMPLETE };
enum { NEEDLES_ARENA = 256 * 1024 * 1024 };

static int usage(void)
{
    fputs("usage: clear-search --needles FILE PATH...\n"
          "  FILE: lines \"kind TAB value\"; kinds:",
          stderr);
    for (unsigned i = 0; i < NEEDLE_KIND_COUNT; i++) {
        fprintf(stderr, " %s", needle_kind_name((needle_kind_t)i));
    }
    fputs("\n", stderr);
    return EXIT_INCOMPLETE;
}

static int search_all(const index_t *index, const needle_t *needles, size_t count, char **paths)
{
    file_search_t f;
    err_t e = file_search_init(&f, index, needles, count, stdout);
    if (err_failed(e)) {
        fprintf(stderr, "clear-search: %s\n", err_text(e.code));
        return EXIT_INCOMPLETE;
    }
    for (; *paths && !err_failed(e); paths++) {
        e = file_search_path(&f, *paths);
    }
    if (err_failed(e)) {
        fprintf(stderr, "clear-search: %s\n", err_text(e.code));
    }
    bool clean = file_search_sum(&f, index, needles, count) && !err_failed(e);
    bool found = search_counts(f.search).finds > 0;
    file_search_deinit(&f);
    return found ? EXIT_FOUND : clean ? EXIT_CLEAN : EXIT_INCOMPLETE;
}

int main(int argc, char **argv)
{
    if (argc < 4 || strcmp(argv[1], "--needles") != 0) {
        return usage();
    }
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, NEEDLES_ARENA);
    const needle_t *needles;
    size_t count;
    index_t *index;
    if (err_failed(needles_load(&a, argv[2], &needles, &count))) {
        return EXIT_INCOMPLETE;
    }
    err_t e = index_new(needles, count, &index);
    if (err_failed(e)) {
        fprintf(stderr, "clear-search: %s\n", err_text(e.code));
        return EXIT_INCOMPLETE;
    }
    int code = search_all(index, needles, count, argv + 3);
    index_free(index);
    return code;
}
