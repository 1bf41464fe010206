#include "load.h"
#include "../detect/bytes.h"
#include "regex.h"
#include "sig.h"

static void settings_default(engine_settings_t *s)
{
    *s = (engine_settings_t){
        .mode = ENGINE_OFF,
        .request_limit_reject = true,
        .response_limit_reject = true,
        .request_body_limit = 128 << 20,
        .request_body_no_files_limit = 1 << 20,
        .request_body_memory_limit = 128 << 10,
        .response_body_limit = 512 << 10,
        .json_depth = 512,
        .args_limit = 1000,
        .upload_file_limit = 100,
        .argument_separator = '&',
        .pcre_match_limit = 100000,
        .limit_is_match = true,
        .collection_timeout_s = 3600,
        .audit_parts = 1U << ('A' - 'A') | 1U << ('B' - 'A') | 1U << ('C' - 'A') |
                       1U << ('F' - 'A') | 1U << ('H' - 'A') | 1U << ('Z' - 'A'),
    };
}

err_t engine_builder_new(const engine_reader_t *reader, engine_builder_t **ret_builder)
{
    engine_builder_t *b = calloc(1, sizeof *b);
    ENSURE(b, ERR_MEMORY);
    b->reader = reader;
    arena_init(&b->texts, LOAD_TEXT_BYTES);
    b->texts.map_bytes = LOAD_MAP_BYTES;
    b->set = calloc(1, sizeof *b->set);
    if (!b->set) {
        free(b);
        return FAIL(ERR_MEMORY);
    }
    engine_set_t *set = b->set;
    arena_init(&set->arena, LOAD_SET_BYTES);
    set->arena.map_bytes = LOAD_MAP_BYTES;
    settings_default(&set->settings);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        slice_t one = slice_make(&byte, 1);
        set->byte_sig[i] = sig_bit(byte);
        set->byte_kinds[i] = transform_classes(one) | (uint64_t)bytes_seen(one) << 32;
    }
    static const char CAPTURE_NAMES[] = "0123456789"; /* TX:0-9 are the slots 0-9 */
    err_t e = OK;
    for (size_t i = 0; i < CAPTURES && !err_failed(e); i++) {
        uint32_t slot;
        e = names_add(&set->slots, slice_make(CAPTURE_NAMES + i, 1), &set->arena, &slot);
    }
    if (err_failed(e)) {
        engine_builder_free(b);
        return e;
    }
    *ret_builder = b;
    return OK;
}

void engine_builder_free(engine_builder_t *b)
{
    if (b) {
        engine_set_free(b->set);
        arena_deinit(&b->texts);
        free(b);
    }
}

void engine_set_free(engine_set_t *set)
{
    if (set) {
        regex_free_all(set);
        arena_deinit(&set->arena);
        free(set);
    }
}

err_t engine_set_rest(engine_set_t *set)
{
    return regex_rest(set);
}

err_t engine_set_wake(engine_set_t *set)
{
    return regex_settle(set);
}

static void put_text(char *to, size_t cap, slice_t text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;
    for (size_t i = 0; i < len; i++) {
        to[i] = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7F ? (char)text.ptr[i] : '?';
    }
    to[len] = 0;
}

err_t load_fail(engine_builder_t *b, slice_t word, const char *text)
{
    if (!b->broken && b->fault) {
        engine_fault_t *f = b->fault;
        put_text(f->file, sizeof f->file, b->file);
        put_text(f->word, sizeof f->word, word);
        put_text(f->text, sizeof f->text, slice_cstr_in(text));
        size_t at = word.len ? slice_find(b->raw, word) : SIZE_MAX;
        f->line = b->line;
        for (size_t i = 0; at != SIZE_MAX && i < at; i++) {
            f->line += b->raw.ptr[i] == '\n';
        }
    }
    b->broken = true;
    return FAIL(ERR_CONFIG);
}

err_t load_note(engine_builder_t *b, const char *text)
{
    arena_t *arena = &b->set->arena;
    if (b->note_count == b->note_cap) {
        uint32_t cap = b->note_cap ? b->note_cap * 2 : 8;
        slice_t *more = ARENA_ARRAY(arena, slice_t, cap);
        ENSURE(more, ERR_MEMORY);
        if (b->note_count) {
            memcpy(more, b->notes, b->note_count * sizeof *more);
        }
        b->notes = more;
        b->note_cap = cap;
    }
    return arena_printf(arena, &b->notes[b->note_count++], "%.*s:%u: %s", SLICE_FMT(b->file),
                        b->line, text);
}

err_t load_path(engine_builder_t *b, slice_t path, slice_t *ret_path)
{
    size_t folder = b->file.len;
    while (folder && b->file.ptr[folder - 1] != '/') {
        folder--;
    }
    if ((path.len && path.ptr[0] == '/') || folder == 0) {
        return arena_copy(&b->texts, path, ret_path);
    }
    return arena_printf(&b->texts, ret_path, "%.*s%.*s", SLICE_FMT(slice_sub(b->file, 0, folder)),
                        SLICE_FMT(path));
}

static err_t read_text(engine_builder_t *b, slice_t name, slice_t text)
{
    slice_t words[LOAD_WORDS];
    size_t count;
    slice_t outer_file = b->file, outer_raw = b->raw;
    unsigned outer_line = b->line;
    lex_t l = {text, 1};
    if (b->depth >= LOAD_DEPTH) {
        return load_fail(b, name, "files include each other too deeply");
    }
    TRY(arena_copy(&b->set->arena, name, &b->file));
    b->depth++;
    while (lex_directive(&l, &b->raw, &b->line)) {
        err_t e = lex_words(b->raw, b->v3_quotes, &b->texts, words, &count);
        if (err_is(e, ERR_SYNTAX)) {
            return load_fail(b, slice_trim(slice_sub(b->raw, 0, 60)), "a quote without an end");
        }
        if (err_is(e, ERR_LIMIT)) {
            return load_fail(b, slice_trim(slice_sub(b->raw, 0, 60)), "too many words");
        }
        TRY(e);
        if (count) { /* none: only a backslash and an empty line behind it */
            TRY(directive_run(b, words, count));
        }
    }
    b->depth--;
    b->file = outer_file;
    b->raw = outer_raw;
    b->line = outer_line;
    return OK;
}

static err_t start(engine_builder_t *b, engine_fault_t *ret_fault)
{
    ENSURE(!b->broken, ERR_CONFIG);
    b->fault = ret_fault;
    *ret_fault = (engine_fault_t){0};
    return OK;
}

/* Anything but a reported fault gets a text as well. */
static err_t finish(engine_builder_t *b, err_t e)
{
    if (err_failed(e) && !b->broken) {
        err_ignore(load_fail(b, SLICE_EMPTY, err_text(e.code)));
    }
    b->fault = NULL;
    return e;
}

err_t engine_builder_text(engine_builder_t *b, slice_t name, slice_t text,
                          engine_fault_t *ret_fault)
{
    TRY(start(b, ret_fault));
    return finish(b, read_text(b, name, text));
}

typedef struct include {
    engine_builder_t *b;
    unsigned files;
} include_t;

static err_t include_one(void *user, slice_t path)
{
    include_t *i = user;
    engine_builder_t *b = i->b;
    slice_t text;
    i->files++;
    err_t e = b->reader->read(b->reader->user, path, &b->texts, &text);
    if (err_failed(e)) {
        return load_fail(b, path, "this file cannot be read");
    }
    return read_text(b, path, text);
}

err_t load_include(engine_builder_t *b, slice_t pattern, bool optional)
{
    include_t i = {.b = b};
    slice_t path;
    TRY(load_path(b, pattern, &path));
    TRY(b->reader->glob(b->reader->user, path, &i, include_one));
    return i.files || optional ? OK : load_fail(b, pattern, "no such file");
}

err_t engine_builder_file(engine_builder_t *b, slice_t path, engine_fault_t *ret_fault)
{
    TRY(start(b, ret_fault));
    return finish(b, load_include(b, path, false));
}

err_t engine_builder_build(engine_builder_t *b, engine_fault_t *ret_fault, engine_set_t **ret_set)
{
    TRY(start(b, ret_fault));
    TRY(finish(b, compile_set(b)));
    b->set->notes = b->notes;
    b->set->note_count = b->note_count;
    *ret_set = b->set;
    b->set = NULL;
    b->broken = true;
    return OK;
}

void engine_builder_quotes(engine_builder_t *b, engine_quotes_t quotes)
{
    b->v3_quotes = quotes == ENGINE_QUOTES_V3;
}
