/* Any bytes as template, catalogue or messages.def: an answer, and either errors with sentences or
 * two files, never both and never neither. The first byte chooses: 'p' catalogue, 'd' messages.def,
 * any other a template. */
#include "tmplc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    slice_t po = SLICE("msgid \"m\"\nmsgstr \"x\"\nmsgid \"p\"\nmsgstr \"{name}\"\n");
    slice_t def = SLICE("m\np name\n"), html = SLICE("");
    slice_t input = slice_make(data + 1, size - 1);
    slice_t *chosen = data[0] == 'p' ? &po : data[0] == 'd' ? &def : &html;
    *chosen = input;
    const tmplc_source_t sources[] = {
        {"ja.po", po}, {"en.po", po}, {"messages.def", def}, {"x.html", html}};
    arena_t arena;
    arena_init(&arena, TMPLC_MAX_BYTES);
    tmplc_result_t r;
    tmplc_compile(&arena, SLICE("fuzz"), SLICE("pages.h"), sources, BASE_COUNT(sources), &r);
    CHECK((r.errors > 0) == (r.diagnostics.len > 0));
    CHECK((r.errors > 0) == (r.c.len == 0) && (r.c.len == 0) == (r.h.len == 0));
    arena_deinit(&arena);
    return 0;
}
