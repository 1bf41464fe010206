#include "emit.h"

void emit_literal(emitter_t *e, unsigned langs, slice_t text)
{
    if (text.len == 0) {
        return;
    }
    if (e->literal.len && e->literal_langs != langs) {
        emit_flush(e);
    }
    e->literal_langs = langs;
    grow_put(&e->literal, text);
}

static void indent(emitter_t *e)
{
    for (unsigned i = 0; i < e->depth; i++) {
        grow_put(e->body, SLICE("    "));
    }
}

static void string_byte(grow_t *g, uint8_t b, uint8_t next)
{
    if (b == '"' || b == '\\') {
        grow_fmt(g, "\\%c", b);
    } else if (b == '\n') {
        grow_put(g, SLICE("\\n"));
    } else if (b < 0x20 || b == 0x7F || (b == '?' && next == '?')) {
        grow_fmt(g, "\\%03o", b);
    } else {
        grow_put(g, slice_make(&b, 1));
    }
}

slice_t emit_string(unit_t *u, slice_t text)
{
    grow_t g = {.arena = u->arena};
    grow_put(&g, SLICE("\""));
    size_t on_line = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t next = i + 1 < text.len ? text.ptr[i + 1] : 0;
        string_byte(&g, text.ptr[i], next);
        on_line++;
        bool character_ends = (next & 0xC0) != 0x80;
        bool line_ends = text.ptr[i] == '\n' || (on_line >= 80 && character_ends);
        if (line_ends && i + 1 < text.len) {
            grow_put(&g, SLICE("\"\n        \""));
            on_line = 0;
        }
    }
    grow_put(&g, SLICE("\""));
    return grow_slice(&g);
}

slice_t emit_escaped(unit_t *u, slice_t text)
{
    grow_t g = {.arena = u->arena};
    for (size_t i = 0; i < text.len; i++) {
        uint8_t b = text.ptr[i];
        slice_t as = b == '&'    ? SLICE("&amp;")
                     : b == '<'  ? SLICE("&lt;")
                     : b == '>'  ? SLICE("&gt;")
                     : b == '"'  ? SLICE("&#34;")
                     : b == '\'' ? SLICE("&#39;")
                     : b == '\n' ? SLICE("&#10;")
                                 : slice_sub(text, i, 1);
        grow_put(&g, as);
    }
    return grow_slice(&g);
}

void emit_flush(emitter_t *e)
{
    if (e->literal.len == 0) {
        return;
    }
    slice_t text = emit_string(e->unit, grow_slice(&e->literal));
    e->literal.len = 0;
    indent(e);
    if (e->literal_langs != ALL_LANGS) {
        grow_fmt(e->body, "if (lang == %s) ", e->literal_langs == 1 ? "I18N_JA" : "I18N_EN");
    }
    grow_put(e->body, SLICE("buf_put(out, SLICE("));
    grow_put(e->body, text);
    grow_put(e->body, SLICE("));\n"));
}

BASE_PRINTF(2, 0) static void vline(emitter_t *e, const char *fmt, va_list ap)
{
    indent(e);
    grow_vfmt(e->body, fmt, ap);
    grow_put(e->body, SLICE("\n"));
}

void emit_line(emitter_t *e, const char *fmt, ...)
{
    emit_flush(e);
    va_list ap;
    va_start(ap, fmt);
    vline(e, fmt, ap);
    va_end(ap);
}

void emit_open(emitter_t *e, const char *fmt, ...)
{
    emit_flush(e);
    va_list ap;
    va_start(ap, fmt);
    vline(e, fmt, ap);
    va_end(ap);
    e->depth++;
}

void emit_close(emitter_t *e, const char *line)
{
    emit_flush(e);
    e->depth--;
    emit_line(e, "%s", line);
}

unsigned emit_unique(emitter_t *e)
{
    return ++e->names;
}

/* What is already safe everywhere that its escape can be: digits, letters of a filter. */
static void emit_int(emitter_t *e, escape_t escape, slice_t c, const char *filter)
{
    if ((escape == ESC_COMPONENT || escape == ESC_SEGMENT) && filter) {
        emit_line(e, "tmpl_put_url_filtered(out, lang, %s, %.*s);", filter, SLICE_FMT(c));
    } else {
        emit_line(e, "%s(out, lang, %.*s);", filter ? filter : "tmpl_put_dec", SLICE_FMT(c));
    }
}

static void emit_message_value(emitter_t *e, escape_t escape, slice_t c)
{
    slice_t room = e->unit->room;
    if (escape == ESC_PLAIN) {
        emit_line(e, "buf_put(out, i18n_text(&%.*s_catalog, lang, (unsigned)%.*s));",
                  SLICE_FMT(room), SLICE_FMT(c));
    } else {
        emit_line(e, "html_put(out, tmpl_message(&%.*s_catalog, lang, (unsigned)%.*s));",
                  SLICE_FMT(room), SLICE_FMT(c));
    }
}

void emit_value(emitter_t *e, type_kind_t kind, escape_t escape, slice_t c, const char *filter)
{
    static const char *const puts[] = {
        [ESC_TEXT] = "html_put_text",
        [ESC_ATTR] = "html_put_attr",
        [ESC_URL] = "html_put_url",
        [ESC_COMPONENT] = "url_put_component",
        [ESC_SEGMENT] = "tmpl_put_url_segment",
        [ESC_PLAIN] = "buf_put",
    };
    if (kind == TY_INT) {
        emit_int(e, escape, c, filter);
    } else if (kind == TY_MSG) {
        emit_message_value(e, escape, c);
    } else if (kind == TY_HTML) {
        emit_line(e, "html_put(out, %.*s);", SLICE_FMT(c));
    } else if (kind == TY_SLOT) {
        emit_line(e, "tmpl_put_slot(out, lang, %.*s);", SLICE_FMT(c));
    } else {
        emit_line(e, "%s(out, %.*s);", puts[escape], SLICE_FMT(c));
    }
}

const char *emit_filter(slice_t name)
{
    static const char *const names[] = {"dec",    "num",  "yen",      "day",  "dayshort", "month",
                                        "isoday", "date", "datetime", "time", "iso"};
    static const char *const functions[] = {
        "tmpl_put_dec",      "tmpl_put_num",   "tmpl_put_yen",    "tmpl_put_day",
        "tmpl_put_dayshort", "tmpl_put_month", "tmpl_put_isoday", "tmpl_put_date",
        "tmpl_put_datetime", "tmpl_put_time",  "tmpl_put_iso"};
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        if (slice_eq(name, slice_cstr_in(names[i]))) {
            return functions[i];
        }
    }
    return NULL;
}

static const bound_t *bound_find(const bound_t *b, slice_t name)
{
    while (b && !slice_eq(b->name, name)) {
        b = b->next;
    }
    return b;
}

static void emit_form(emitter_t *e, slice_t text, escape_t escape, const bound_t *bound)
{
    slice_t literal, name;
    while (message_split(&text, &literal, &name)) {
        emit_literal(e, ALL_LANGS, escape == ESC_PLAIN ? literal : emit_escaped(e->unit, literal));
        const bound_t *b = bound_find(bound, name);
        if (b) {
            emit_value(e, b->kind, escape, b->c, b->filter);
        }
    }
    emit_literal(e, ALL_LANGS, escape == ESC_PLAIN ? literal : emit_escaped(e->unit, literal));
    emit_flush(e);
}

static void emit_in_language(emitter_t *e, const message_t *m, unsigned lang, escape_t escape,
                             const bound_t *bound)
{
    const bound_t *n = m->plural[lang] ? bound_find(bound, SLICE("n")) : NULL;
    if (!n || m->forms[lang][1].len == 0) {
        emit_form(e, m->forms[lang][0], escape, bound);
        return;
    }
    emit_open(e, "if (%.*s == 1) {", SLICE_FMT(n->c));
    emit_form(e, m->forms[lang][0], escape, bound);
    e->depth--;
    emit_open(e, "} else {");
    emit_form(e, m->forms[lang][1], escape, bound);
    emit_close(e, "}");
}

void emit_message(emitter_t *e, const message_t *m, escape_t escape, const bound_t *bound)
{
    static const char *const cases[] = {"case I18N_JA:", "case I18N_EN:"};
    emit_open(e, "switch (lang) {");
    for (unsigned lang = 0; lang < LANGS; lang++) {
        emit_open(e, "%s", cases[lang]);
        emit_in_language(e, m, lang, escape, bound);
        emit_line(e, "break;");
        e->depth--;
    }
    emit_close(e, "}");
}
