#include "emit.h"
#include "parse.h"

typedef enum source_kind { SRC_TEMPLATE, SRC_JA, SRC_EN, SRC_DEF, SRC_PO_UNKNOWN } source_kind_t;

static source_kind_t kind_of(const char *name)
{
    slice_t path = slice_cstr_in(name), base = path, part;
    while (slice_split(&path, '/', &part)) {
        base = part;
    }
    if (slice_ends(base, SLICE(".po"))) {
        return slice_eq(base, SLICE("ja.po"))   ? SRC_JA
               : slice_eq(base, SLICE("en.po")) ? SRC_EN
                                                : SRC_PO_UNKNOWN;
    }
    return slice_ends(base, SLICE(".def")) ? SRC_DEF : SRC_TEMPLATE;
}

static bool encoding_ok(unit_t *u, const tmplc_source_t *s)
{
    size_t bad;
    if (chars_valid(s->text, &bad)) {
        return true;
    }
    pos_t pos = pos_after((pos_t){s->name, 1, 1}, slice_sub(s->text, 0, bad));
    unit_error(u, pos, "this byte is not UTF-8, or a control character");
    return false;
}

static void read_catalogues(unit_t *u, const tmplc_source_t *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        source_kind_t kind = kind_of(sources[i].name);
        pos_t top = {sources[i].name, 1, 1};
        if (!encoding_ok(u, &sources[i])) {
            continue;
        }
        if (kind == SRC_PO_UNKNOWN) {
            unit_error(u, top, "a catalogue is called ja.po or en.po");
        } else if (kind == SRC_JA || kind == SRC_EN) {
            unsigned lang = kind == SRC_JA ? 0 : 1;
            if (u->po_seen[lang]) {
                unit_error(u, top, "a second catalogue of this language");
            } else {
                po_read(u, &sources[i], lang);
            }
        }
    }
    if (u->errors == 0) {
        messages_check(u);
    }
    for (size_t i = 0; i < count && u->errors == 0; i++) {
        if (kind_of(sources[i].name) == SRC_DEF) {
            def_read(u, &sources[i]);
        }
    }
}

static void read_templates(unit_t *u, const tmplc_source_t *sources, size_t count)
{
    file_t *files = unit_alloc(u, count * sizeof *files);
    for (size_t i = 0; i < count; i++) {
        if (kind_of(sources[i].name) == SRC_TEMPLATE) {
            (void)parse_headers(u, &sources[i], &files[i]);
        }
    }
    for (size_t i = 0; i < count && u->errors == 0; i++) {
        parse_bodies(u, &files[i]);
    }
}

void tmplc_compile(arena_t *arena, slice_t room, slice_t header, const tmplc_source_t *sources,
                   size_t count, tmplc_result_t *ret_result)
{
    unit_t u = {.arena = arena, .room = room, .header = header, .diagnostics = {.arena = arena}};
    grow_t code = {.arena = arena};
    pos_t nowhere = {"tmplc", 1, 1};
    if (!name_is_valid(room)) {
        unit_error(&u, nowhere, "'%.*s' is no name of a room", SLICE_FMT(room));
    }
    read_catalogues(&u, sources, count);
    if (u.errors == 0) {
        read_templates(&u, sources, count);
    }
    if (u.errors == 0) {
        check_unit(&u, &code);
    }
    if (u.errors == 0) {
        messages_check_unused(&u);
    }
    *ret_result = (tmplc_result_t){.errors = u.errors, .diagnostics = grow_slice(&u.diagnostics)};
    if (u.errors == 0) {
        emit_files(&u, grow_slice(&code), &ret_result->c, &ret_result->h);
    }
}
