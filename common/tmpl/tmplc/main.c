/* The command: tmplc --room NAME OUT.c OUT.h INPUT... ; errors to stderr, exit 1. Holds no rule of
 * the language (compile.c and its parts do). */
#include <errno.h>

#include "tmplc.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static int usage(void)
{
    (void)fputs("usage: tmplc --room NAME OUT.c OUT.h INPUT...\n", stderr);
    return 2;
}

static bool read_open(arena_t *arena, FILE *f, slice_t *ret_text)
{
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (size < 0 || size > FILE_MAX || fseek(f, 0, SEEK_SET) != 0) {
        return false;
    }
    uint8_t *bytes = arena_alloc(arena, (size_t)size + 1);
    *ret_text = slice_make(bytes, (size_t)size);
    return bytes && fread(bytes, 1, (size_t)size, f) == (size_t)size;
}

static bool read_file(arena_t *arena, const char *name, slice_t *ret_text)
{
    FILE *f = fopen(name, "rbe");
    bool ok = f && read_open(arena, f, ret_text);
    if (!ok) {
        (void)fprintf(stderr, "%s:1:1: error: cannot be read, or above 4 MiB\n", name);
    }
    if (f) {
        (void)fclose(f);
    }
    return ok;
}

static bool write_file(const char *name, slice_t text)
{
    FILE *f = fopen(name, "wbe");
    bool ok = f && fwrite(text.ptr, 1, text.len, f) == text.len;
    if (f && fclose(f) != 0) {
        ok = false;
    }
    if (!ok) {
        (void)fprintf(stderr, "%s:1:1: error: cannot be written: %s\n", name, strerror(errno));
    }
    return ok;
}

static slice_t base_name(const char *path)
{
    slice_t rest = slice_cstr_in(path), part = rest, last = rest;
    while (slice_split(&rest, '/', &part)) {
        last = part;
    }
    return last;
}

static int run(arena_t *arena, slice_t room, const char *out_c, const char *out_h, char **inputs,
               size_t count)
{
    tmplc_source_t *sources = ARENA_ARRAY(arena, tmplc_source_t, count);
    bool ok = sources != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        sources[i].name = inputs[i];
        ok = read_file(arena, inputs[i], &sources[i].text);
    }
    if (!ok) {
        return 1;
    }
    tmplc_result_t result;
    tmplc_compile(arena, room, base_name(out_h), sources, count, &result);
    if (result.errors) {
        (void)fwrite(result.diagnostics.ptr, 1, result.diagnostics.len, stderr);
        (void)fprintf(stderr, "%u error%s\n", result.errors, result.errors > 1 ? "s" : "");
        return 1;
    }
    return write_file(out_c, result.c) && write_file(out_h, result.h) ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 6 || !slice_eq(slice_cstr_in(argv[1]), SLICE("--room"))) {
        return usage();
    }
    arena_t arena;
    arena_init(&arena, TMPLC_MAX_BYTES);
    int status = run(&arena, slice_cstr_in(argv[2]), argv[3], argv[4], argv + 5, (size_t)argc - 5);
    arena_deinit(&arena);
    return status;
}
