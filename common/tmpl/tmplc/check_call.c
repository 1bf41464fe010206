#include "check.h"

/* --- {% t %} --- */

static const argument_t *argument_find(const argument_t *a, slice_t name)
{
    while (a && !slice_eq(a->name, name)) {
        a = a->next;
    }
    return a;
}

static const placeholder_t *placeholder_find(const placeholder_t *p, slice_t name)
{
    while (p && !slice_eq(p->name, name)) {
        p = p->next;
    }
    return p;
}

/* An argument as what fills a placeholder. */
static bool bind(checker_t *k, const argument_t *a, bound_t *ret)
{
    const expr_t *e = a->value;
    value_t v = {.kind = TY_TEXT};
    if (e->kind == EX_PATH) {
        if (!check_path(k, e, &v)) {
            return false;
        }
    } else if (e->kind == EX_INT) {
        v = (value_t){.kind = TY_INT,
                      .c = unit_printf(k->unit, "INT64_C(%lld)", (long long)e->number)};
    } else if (e->kind == EX_TEXT) {
        slice_t text = emit_string(k->unit, e->text);
        v.c = unit_printf(k->unit, "SLICE(%.*s)", SLICE_FMT(text));
    } else {
        unit_error(k->unit, e->pos, "a placeholder takes text, int, msg or html");
        return false;
    }
    bool printable = v.kind == TY_TEXT || v.kind == TY_URL || v.kind == TY_INT ||
                     v.kind == TY_MSG ||
                     (v.kind == TY_HTML && k->context.place == PL_TEXT && !k->context.plain);
    if (!printable) {
        unit_error(k->unit, e->pos, "%s cannot fill a placeholder here", type_name(v.kind));
        return false;
    }
    *ret = (bound_t){.name = a->name, .kind = v.kind, .c = v.c};
    return check_filter(k, e, v.kind, &ret->filter);
}

static bool bind_all(checker_t *k, const node_t *n, const message_t *m, bound_t **ret_bound)
{
    bool ok = true;
    for (const argument_t *a = n->arguments; a; a = a->next) {
        if (!placeholder_find(m->placeholders, a->name)) {
            unit_error(k->unit, a->pos, "the message \"%.*s\" has no {%.*s}", SLICE_FMT(m->key),
                       SLICE_FMT(a->name));
            ok = false;
            continue;
        }
        bound_t *b = UNIT_NEW(k->unit, bound_t);
        ok = bind(k, a, b) && ok;
        b->next = *ret_bound;
        *ret_bound = b;
    }
    for (const placeholder_t *p = m->placeholders; p; p = p->next) {
        const argument_t *a = argument_find(n->arguments, p->name);
        if (!a) {
            unit_error(k->unit, n->pos, "the message \"%.*s\" needs %.*s=...", SLICE_FMT(m->key),
                       SLICE_FMT(p->name));
            ok = false;
        }
    }
    for (const bound_t *b = *ret_bound; ok && b; b = b->next) {
        if ((m->plural[0] || m->plural[1]) && slice_eq(b->name, SLICE("n")) && b->kind != TY_INT) {
            unit_error(k->unit, n->pos, "{n} chooses the plural of \"%.*s\": it must be int",
                       SLICE_FMT(m->key));
            ok = false;
        }
    }
    return ok;
}

/* The outer characters of a message, where they are the same whatever fills it. */
static void outer_characters(const message_t *m, uint32_t *first, uint32_t *last)
{
    for (unsigned lang = 0; lang < LANGS; lang++) {
        slice_t text = m->plural[lang] && m->forms[lang][1].len ? SLICE_EMPTY : m->forms[lang][0];
        first[lang] = slice_starts(text, SLICE("{")) ? 0 : chars_first(text);
        last[lang] = slice_ends(text, SLICE("}")) ? 0 : chars_last(text);
    }
}

void check_message(checker_t *k, const node_t *n)
{
    const message_t *m = check_message_key(k, n->text, n->pos, true);
    if (!m) {
        return;
    }
    uint32_t first[LANGS], last[LANGS];
    outer_characters(m, first, last);
    escape_t escape;
    bound_t *bound = NULL;
    bool placed = context_value(&k->context, n->pos, TY_MSG, m->key, &escape, first, last);
    if (!bind_all(k, n, m, &bound) || !placed) {
        return;
    }
    if (m->placeholders) {
        emit_message(&k->emitter, m, escape, bound);
    } else {
        emit_value(&k->emitter, TY_MSG, escape, message_constant(k->unit, m), NULL);
    }
}

/* --- {% call %} --- */

/* The body of a call becomes a function of its own; its context is the template's arguments. */
static slice_t slot_function(checker_t *k, const node_t *n)
{
    emitter_t *e = &k->emitter;
    emit_flush(e);
    grow_t *outer_body = e->body, body = {.arena = k->unit->arena};
    unsigned outer_depth = e->depth;
    context_t outer_context = k->context;
    slice_t name =
        unit_printf(k->unit, "tpl_%.*s_slot_%u", SLICE_FMT(k->template->name), emit_unique(e));

    e->body = &body;
    e->depth = 0;
    emit_line(e, "static void %.*s(buf_t *out, i18n_lang_t lang, const void *ctx)",
              SLICE_FMT(name));
    emit_open(e, "{");
    emit_line(e, "const struct tpl_%.*s_args *a = ctx;", SLICE_FMT(k->template->name));
    emit_line(e, "(void)a;");
    k->context = context_new(k->unit, e, k->template->plain);
    check_nodes(k, n->body);
    context_end(&k->context, n->end);
    emit_close(e, "}");
    grow_put(&e->before, grow_slice(&body));
    grow_put(&e->before, SLICE("\n"));

    e->body = outer_body;
    e->depth = outer_depth;
    k->context = outer_context;
    return name;
}

static bool call_fits(checker_t *k, const node_t *n, const template_t *target)
{
    if (target->plain != k->template->plain) {
        unit_error(k->unit, n->pos, "'%.*s' is %s template and this one is not", SLICE_FMT(n->text),
                   target->plain ? "a text" : "an HTML");
        return false;
    }
    if (n->has_body && k->scope) {
        unit_error(k->unit, n->pos, "a call with a body cannot stand inside for");
        return false;
    }
    bool ok = true;
    for (const argument_t *a = n->arguments; a; a = a->next) {
        if (!record_field(&target->args, a->name)) {
            unit_error(k->unit, a->pos, "'%.*s' has no argument '%.*s'", SLICE_FMT(n->text),
                       SLICE_FMT(a->name));
            ok = false;
        }
    }
    return context_markup(&k->context, n->pos, "a call") && ok;
}

/* The C initialiser of one parameter; empty when the call leaves it out. */
static slice_t initialiser(checker_t *k, const node_t *n, const field_t *p, slice_t slot)
{
    const argument_t *a = argument_find(n->arguments, p->name);
    if (p->kind == TY_SLOT && n->has_body) {
        return unit_printf(k->unit, ".%.*s = {%.*s, a},", SLICE_FMT(p->name), SLICE_FMT(slot));
    }
    if (!a) {
        if (!p->optional) {
            unit_error(k->unit, n->pos, "the call of '%.*s' lacks the argument '%.*s' (%s)",
                       SLICE_FMT(n->text), SLICE_FMT(p->name), type_name(p->kind));
        }
        return SLICE_EMPTY;
    }
    slice_t c;
    if (!check_argument(k, a->value, p, &c)) {
        return SLICE_EMPTY;
    }
    if (p->kind == TY_LIST) {
        return unit_printf(k->unit, ".%.*s = %.*s, .%.*s_count = %.*s_count,", SLICE_FMT(p->name),
                           SLICE_FMT(c), SLICE_FMT(p->name), SLICE_FMT(c));
    }
    return unit_printf(k->unit, ".%.*s = %.*s,", SLICE_FMT(p->name), SLICE_FMT(c));
}

void check_call(checker_t *k, const node_t *n)
{
    const template_t *target = unit_template(k->unit, n->text);
    if (!target || !call_fits(k, n, target)) {
        return;
    }
    emitter_t *e = &k->emitter;
    slice_t slot = n->has_body ? slot_function(k, n) : SLICE_EMPTY;
    unsigned number = emit_unique(e);
    emit_open(e, "{");
    emit_open(e, "const struct tpl_%.*s_args args_%u = {", SLICE_FMT(n->text), number);
    for (const field_t *p = target->args.fields; p; p = p->next) {
        slice_t text = initialiser(k, n, p, slot);
        if (text.len) {
            emit_line(e, "%.*s", SLICE_FMT(text));
        }
    }
    if (target->csrf) {
        emit_line(e, ".csrf = a->csrf,");
    }
    emit_close(e, "};");
    emit_line(e, "tpl_%.*s(out, lang, &args_%u);", SLICE_FMT(n->text), number);
    emit_close(e, "}");
}
