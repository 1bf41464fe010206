#include "emit.h"

/* The made files: types and prototypes, tables of messages, functions. */

static slice_t upper(unit_t *u, slice_t s)
{
    uint8_t *at = unit_alloc(u, s.len);
    for (size_t i = 0; i < s.len; i++) {
        at[i] = s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? (uint8_t)(s.ptr[i] - 32) : s.ptr[i];
    }
    return slice_make(at, s.len);
}

static void field_line(unit_t *u, grow_t *h, const field_t *f)
{
    static const char *const types[] = {"slice_t", "int64_t",     "bool", "slice_t", "html_t",
                                        NULL,      "tmpl_slot_t", NULL,   NULL};
    slice_t name = f->name;
    if (f->kind == TY_MSG) {
        grow_fmt(h, "    %.*s_msg_t %.*s;\n", SLICE_FMT(u->room), SLICE_FMT(name));
    } else if (f->kind == TY_LIST) {
        grow_fmt(h, "    const struct tpl_%.*s *%.*s;\n    size_t %.*s_count;\n",
                 SLICE_FMT(f->record->name), SLICE_FMT(name), SLICE_FMT(name));
    } else if (f->kind == TY_RECORD && f->optional) {
        grow_fmt(h, "    const struct tpl_%.*s *%.*s; /* may be NULL */\n",
                 SLICE_FMT(f->record->name), SLICE_FMT(name));
    } else if (f->kind == TY_RECORD) {
        grow_fmt(h, "    struct tpl_%.*s %.*s;\n", SLICE_FMT(f->record->name), SLICE_FMT(name));
    } else {
        grow_fmt(h, "    %s %.*s;%s\n", types[f->kind], SLICE_FMT(name),
                 f->kind == TY_URL ? " /* URL */" : "");
    }
}

static void put_record(unit_t *u, grow_t *h, record_t *r)
{
    if (r->emitted) {
        return;
    }
    r->emitted = true;
    for (field_t *f = r->fields; f; f = f->next) {
        if (f->record) {
            put_record(u, h, f->record);
        }
    }
    grow_fmt(h, "struct tpl_%.*s {\n", SLICE_FMT(r->name));
    for (const field_t *f = r->fields; f; f = f->next) {
        field_line(u, h, f);
    }
    grow_put(h, SLICE("};\n\n"));
}

static void put_prototypes(unit_t *u, grow_t *h, const template_t *t)
{
    slice_t n = t->name;
    grow_fmt(h, "/* %s:%u */\nstruct tpl_%.*s_args {\n", t->pos.file, t->pos.line, SLICE_FMT(n));
    for (const field_t *f = t->args.fields; f; f = f->next) {
        field_line(u, h, f);
    }
    if (t->csrf) {
        grow_put(h, SLICE("    slice_t csrf;\n"));
    } else if (!t->args.fields) {
        grow_put(h, SLICE("    bool none;\n"));
    }
    grow_fmt(h, "};\nvoid tpl_%.*s(buf_t *out, i18n_lang_t lang, const struct tpl_%.*s_args *a);\n",
             SLICE_FMT(n), SLICE_FMT(n));
    const char *kind = t->plain ? "text" : "html", *type = t->plain ? "slice_t" : "html_t";
    grow_fmt(h,
             "err_t tpl_%.*s_%s(arena_t *arena, i18n_lang_t lang, const struct tpl_%.*s_args *a,\n"
             "    %s *ret_%s);\n\n",
             SLICE_FMT(n), kind, SLICE_FMT(n), type, kind);
}

/* "(buf_t *out, i18n_lang_t lang, slice_t code, int64_t n)" */
static void put_signature(unit_t *u, grow_t *g, const message_t *m)
{
    slice_t name = message_name(u, m->key);
    grow_fmt(g, "void %.*s_msg_%.*s(buf_t *out, i18n_lang_t lang", SLICE_FMT(u->room),
             SLICE_FMT(name));
    for (const placeholder_t *p = m->c_parameters; p; p = p->next) {
        grow_fmt(g, ", %s %.*s", p->filter.len ? "int64_t" : "slice_t", SLICE_FMT(p->name));
    }
    grow_put(g, SLICE(")"));
}

static slice_t header_text(unit_t *u)
{
    grow_t h = {.arena = u->arena};
    slice_t room = u->room, up = upper(u, room);
    grow_fmt(&h,
             "/* Made by tmplc from the templates and catalogues of %.*s; not to be edited. */\n"
             "#ifndef %.*s_MADE_PAGES_H\n#define %.*s_MADE_PAGES_H\n\n#include \"tmpl/tmpl.h\"\n\n"
             "typedef enum %.*s_msg {\n    %.*s_MSG_NONE,\n",
             SLICE_FMT(room), SLICE_FMT(up), SLICE_FMT(up), SLICE_FMT(room), SLICE_FMT(up));
    for (const message_t *m = u->messages; m; m = m->next) {
        slice_t constant = message_constant(u, m);
        grow_fmt(&h, "    %.*s,\n", SLICE_FMT(constant));
    }
    grow_fmt(&h, "} %.*s_msg_t;\n\nextern const i18n_catalog_t %.*s_catalog;\n\n", SLICE_FMT(room),
             SLICE_FMT(room));
    for (const message_t *m = u->messages; m; m = m->next) {
        if (m->in_c && m->c_parameters) {
            put_signature(u, &h, m);
            grow_put(&h, SLICE(";\n"));
        }
    }
    grow_put(&h, SLICE("\n"));
    for (record_t *r = u->records; r; r = r->next) {
        r->emitted = false;
    }
    for (record_t *r = u->records; r; r = r->next) {
        put_record(u, &h, r);
    }
    for (const template_t *t = u->templates; t; t = t->next) {
        put_prototypes(u, &h, t);
    }
    grow_put(&h, SLICE("#endif\n"));
    return grow_slice(&h);
}

static void put_table(unit_t *u, grow_t *c, unsigned lang, bool html)
{
    static const char *const names[LANGS] = {"ja", "en"};
    grow_fmt(c, "static const slice_t %s_%s[] = {\n    {NULL, 0},\n", html ? "html" : "texts",
             names[lang]);
    for (const message_t *m = u->messages; m; m = m->next) {
        slice_t text = m->forms[lang][0];
        text = emit_string(u, html ? emit_escaped(u, text) : text);
        grow_fmt(c, "    TEXT(%.*s),\n", SLICE_FMT(text));
    }
    grow_put(c, SLICE("};\n\n"));
}

static void put_catalog(unit_t *u, grow_t *c)
{
    grow_put(c, SLICE("#define TEXT(lit) {(const uint8_t *)(lit), sizeof(lit) - 1}\n\n"));
    for (unsigned lang = 0; lang < LANGS; lang++) {
        put_table(u, c, lang, false);
        put_table(u, c, lang, true);
    }
    grow_put(c, SLICE("static const char *const keys[] = {\n    \"\",\n"));
    for (const message_t *m = u->messages; m; m = m->next) {
        grow_fmt(c, "    \"%.*s\",\n", SLICE_FMT(m->key));
    }
    grow_fmt(
        c,
        "};\n\nconst i18n_catalog_t %.*s_catalog = {\n    .room = \"%.*s\",\n    .count = %u,\n"
        "    .keys = keys,\n    .texts = {texts_ja, texts_en},\n    .html = {html_ja, html_en},\n"
        "};\n\n",
        SLICE_FMT(u->room), SLICE_FMT(u->room), u->message_count + 1);
}

static void put_message_function(unit_t *u, grow_t *c, const message_t *m)
{
    bound_t *bound = NULL;
    for (const placeholder_t *p = m->c_parameters; p; p = p->next) {
        bound_t *b = UNIT_NEW(u, bound_t);
        bool number = p->filter.len > 0;
        *b = (bound_t){bound, p->name, number ? TY_INT : TY_TEXT, p->name,
                       number ? emit_filter(p->filter) : NULL};
        bound = b;
    }
    put_signature(u, c, m);
    grow_put(c, SLICE("\n{\n"));
    emitter_t e = {.unit = u, .body = c, .depth = 1};
    e.literal.arena = u->arena;
    emit_message(&e, m, ESC_PLAIN, bound);
    grow_put(c, SLICE("}\n\n"));
}

static void put_render(grow_t *c, const template_t *t)
{
    slice_t n = t->name;
    grow_fmt(c,
             "static void tpl_%.*s_render(buf_t *out, i18n_lang_t lang, const void *a)\n{\n"
             "    tpl_%.*s(out, lang, a);\n}\n\n",
             SLICE_FMT(n), SLICE_FMT(n));
    const char *kind = t->plain ? "text" : "html", *type = t->plain ? "slice_t" : "html_t";
    grow_fmt(
        c,
        "err_t tpl_%.*s_%s(arena_t *arena, i18n_lang_t lang, const struct tpl_%.*s_args *a,\n"
        "    %s *ret_%s)\n{\n    return tmpl_%s(arena, lang, tpl_%.*s_render, a, ret_%s);\n}\n\n",
        SLICE_FMT(n), kind, SLICE_FMT(n), type, kind, kind, SLICE_FMT(n), kind);
}

void emit_files(unit_t *u, slice_t template_code, slice_t *ret_c, slice_t *ret_h)
{
    grow_t c = {.arena = u->arena};
    grow_fmt(&c,
             "/* Made by tmplc from the templates and catalogues of %.*s; not to be edited. */\n"
             "#include \"%.*s\"\n\n#include \"text/url.h\"\n\n",
             SLICE_FMT(u->room), SLICE_FMT(u->header));
    put_catalog(u, &c);
    for (const message_t *m = u->messages; m; m = m->next) {
        if (m->in_c && m->c_parameters) {
            put_message_function(u, &c, m);
        }
    }
    grow_put(&c, template_code);
    for (const template_t *t = u->templates; t; t = t->next) {
        put_render(&c, t);
    }
    *ret_c = grow_slice(&c);
    *ret_h = header_text(u);
}
