#include "unit.h"

enum { MAX_DIAGNOSTICS = 50 };

void *unit_alloc(unit_t *u, size_t bytes)
{
    void *p = arena_alloc(u->arena, bytes ? bytes : 1);
    CHECK(p); /* a build tool: out of memory ends it */
    return p;
}

static uint8_t *grow_room(grow_t *g, size_t len)
{
    if (len > g->cap - g->len) {
        size_t cap = (g->cap + len) * 2 + 256;
        uint8_t *bigger = arena_alloc(g->arena, cap);
        CHECK(bigger);
        if (g->len) {
            memcpy(bigger, g->ptr, g->len);
        }
        g->ptr = bigger;
        g->cap = cap;
    }
    return g->ptr + g->len;
}

void grow_put(grow_t *g, slice_t s)
{
    if (s.len) {
        memcpy(grow_room(g, s.len), s.ptr, s.len);
        g->len += s.len;
    }
}

void grow_vfmt(grow_t *g, const char *fmt, va_list ap)
{
    CHECK(fmt);
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    CHECK(len >= 0);
    char *at = (char *)grow_room(g, (size_t)len + 1);
    (void)vsnprintf(at, (size_t)len + 1, fmt, again);
    va_end(again);
    g->len += (size_t)len;
}

void grow_fmt(grow_t *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    grow_vfmt(g, fmt, ap);
    va_end(ap);
}

slice_t grow_slice(const grow_t *g)
{
    return slice_make(g->ptr, g->len);
}

slice_t unit_printf(unit_t *u, const char *fmt, ...)
{
    grow_t g = {.arena = u->arena};
    va_list ap;
    va_start(ap, fmt);
    grow_vfmt(&g, fmt, ap);
    va_end(ap);
    return grow_slice(&g);
}

void unit_error(unit_t *u, pos_t pos, const char *fmt, ...)
{
    if (++u->errors > MAX_DIAGNOSTICS) {
        return;
    }
    grow_fmt(&u->diagnostics, "%s:%u:%u: error: ", pos.file, pos.line, pos.col);
    va_list ap;
    va_start(ap, fmt);
    grow_vfmt(&u->diagnostics, fmt, ap);
    va_end(ap);
    grow_fmt(&u->diagnostics, "\n");
}

static bool is_keyword(slice_t name)
{
    static const char *const words[] = {
        "alignas",       "alignof",      "asm",      "auto",          "bool",
        "break",         "case",         "char",     "const",         "continue",
        "constexpr",     "default",      "do",       "double",        "else",
        "enum",          "extern",       "false",    "float",         "for",
        "goto",          "if",           "inline",   "int",           "long",
        "nullptr",       "register",     "restrict", "return",        "short",
        "signed",        "sizeof",       "static",   "static_assert", "struct",
        "switch",        "thread_local", "true",     "typedef",       "typeof",
        "typeof_unqual", "union",        "unix",     "linux",         "unsigned",
        "void",          "volatile",     "while",
    };
    for (size_t i = 0; i < BASE_COUNT(words); i++) {
        if (slice_eq(name, slice_cstr_in(words[i]))) {
            return true;
        }
    }
    return false;
}

bool name_is_word(slice_t name)
{
    bool ok = name.len > 0 && name.len <= 64 && name.ptr[0] >= 'a' && name.ptr[0] <= 'z';
    for (size_t i = 0; ok && i < name.len; i++) {
        uint8_t c = name.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return ok;
}

bool name_is_valid(slice_t name)
{
    return name_is_word(name) && !is_keyword(name);
}

record_t *unit_record(unit_t *u, slice_t name)
{
    for (record_t *r = u->records; r; r = r->next) {
        if (slice_eq(r->name, name)) {
            return r;
        }
    }
    return NULL;
}

template_t *unit_template(unit_t *u, slice_t name)
{
    for (template_t *t = u->templates; t; t = t->next) {
        if (slice_eq(t->name, name)) {
            return t;
        }
    }
    return NULL;
}

message_t *unit_message(unit_t *u, slice_t key)
{
    for (message_t *m = u->messages; m; m = m->next) {
        if (slice_eq(m->key, key)) {
            return m;
        }
    }
    return NULL;
}

field_t *record_field(const record_t *r, slice_t name)
{
    for (field_t *f = r->fields; f; f = f->next) {
        if (slice_eq(f->name, name)) {
            return f;
        }
    }
    return NULL;
}

slice_t message_name(unit_t *u, slice_t key)
{
    uint8_t *at = unit_alloc(u, key.len);
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.ptr[i];
        at[i] = c == '.' || c == '-' ? '_' : c;
    }
    return slice_make(at, key.len);
}

slice_t message_constant(unit_t *u, const message_t *m)
{
    slice_t name = message_name(u, m->key);
    slice_t text = unit_printf(u, "%.*s_MSG_%.*s", SLICE_FMT(u->room), SLICE_FMT(name));
    uint8_t *at = unit_alloc(u, text.len);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        at[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
    }
    return slice_make(at, text.len);
}
