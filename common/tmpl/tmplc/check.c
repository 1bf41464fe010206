#include "check.h"

/* --- before any body: records, circles of calls, who needs the csrf token --- */

static void resolve_fields(unit_t *u, record_t *r)
{
    for (field_t *f = r->fields; f; f = f->next) {
        if (f->record_name.len == 0) {
            continue;
        }
        f->record = unit_record(u, f->record_name);
        if (!f->record) {
            unit_error(u, f->pos, "no record is called '%.*s'", SLICE_FMT(f->record_name));
        }
    }
}

static bool record_circle(unit_t *u, record_t *r)
{
    if (r->emitting) {
        unit_error(u, r->pos, "the record '%.*s' contains itself", SLICE_FMT(r->name));
        return true;
    }
    r->emitting = true;
    bool circle = false;
    for (field_t *f = r->fields; f && !circle && !r->emitted; f = f->next) {
        circle = f->record && record_circle(u, f->record);
    }
    r->emitting = false;
    r->emitted = true; /* here: looked at; output.c begins anew */
    return circle;
}

static void visit_template(unit_t *u, template_t *t);

static void visit_nodes(unit_t *u, template_t *t, const node_t *n)
{
    for (; n; n = n->next) {
        if (n->kind == N_CSRF) {
            t->csrf = true;
        }
        for (const branch_t *b = n->branches; b; b = b->next) {
            visit_nodes(u, t, b->body);
        }
        visit_nodes(u, t, n->body);
        visit_nodes(u, t, n->otherwise);
        template_t *called = n->kind == N_CALL ? unit_template(u, n->text) : NULL;
        if (called && called->visiting) {
            unit_error(u, n->pos, "the call of '%.*s' closes a circle", SLICE_FMT(n->text));
        } else if (called) {
            visit_template(u, called);
            t->csrf = t->csrf || called->csrf;
        }
    }
}

static void visit_template(unit_t *u, template_t *t)
{
    if (t->visited) {
        return;
    }
    t->visiting = true;
    visit_nodes(u, t, t->body);
    t->visiting = false;
    t->visited = true;
}

/* --- bodies --- */

static void check_literal_value(checker_t *k, const node_t *n)
{
    escape_t escape;
    slice_t text = n->expr->text;
    uint32_t first[LANGS], last[LANGS];
    for (unsigned i = 0; i < LANGS; i++) {
        first[i] = chars_first(text);
        last[i] = chars_last(text);
    }
    if (!context_value(&k->context, n->pos, TY_TEXT, text, &escape, first, last)) {
        return;
    }
    if (escape == ESC_COMPONENT || escape == ESC_SEGMENT) {
        unit_error(k->unit, n->pos, "a word in a URL is written out, without braces");
        return;
    }
    emit_literal(&k->emitter, ALL_LANGS, escape == ESC_PLAIN ? text : emit_escaped(k->unit, text));
}

static void check_value(checker_t *k, const node_t *n)
{
    const expr_t *e = n->expr;
    slice_t what = expr_text(k->unit, e);
    if (e->kind == EX_MSG) {
        node_t message = {.kind = N_MESSAGE, .pos = n->pos, .text = e->text};
        check_message(k, &message);
        return;
    }
    if (e->kind == EX_TEXT && e->filter.len == 0) {
        check_literal_value(k, n);
        return;
    }
    value_t v = {.kind = TY_INT};
    if (e->kind == EX_INT) {
        v.c = unit_printf(k->unit, "INT64_C(%lld)", (long long)e->number);
    } else if (e->kind != EX_PATH) {
        unit_error(k->unit, e->pos, "this cannot be printed");
        return;
    } else if (!check_path(k, e, &v)) {
        return;
    }
    const char *filter;
    if (!check_filter(k, e, v.kind, &filter)) {
        return;
    }
    if (v.kind == TY_BOOL || v.kind == TY_RECORD || v.kind == TY_LIST) {
        unit_error(k->unit, e->pos, "'%.*s' is %s: it cannot be printed", SLICE_FMT(what),
                   type_name(v.kind));
        return;
    }
    escape_t escape = ESC_TEXT;
    bool ok = v.kind == TY_SLOT
                  ? context_markup(&k->context, n->pos, "a slot")
                  : context_value(&k->context, n->pos, v.kind, what, &escape, NULL, NULL);
    if (ok) {
        emit_value(&k->emitter, v.kind, escape, v.c, filter);
    }
}

/* One branch's body, from *begin; its end is joined into *end (*any = there was one before). */
static void branch_body(checker_t *k, const branch_t *b, const context_t *begin, context_t *end,
                        bool *any, pos_t close)
{
    k->context = *begin;
    check_nodes(k, b->body);
    pos_t pos = b->next ? b->next->pos : close;
    if (!context_statement(&k->context, pos, "end")) {
        return;
    }
    if (*any) {
        context_join(&k->context, end, b->pos, "if");
    }
    *end = k->context;
    *any = true;
}

static void check_if(checker_t *k, const node_t *n)
{
    if (!context_statement(&k->context, n->pos, "if")) {
        return;
    }
    context_t begin = k->context, end = begin;
    const known_t *known = k->known;
    bool any = false, otherwise = false;
    for (const branch_t *b = n->branches; b; b = b->next) {
        slice_t c = SLICE("true");
        k->known = known;
        if (b->cond) {
            (void)check_cond(k, b->cond, &c);
            emit_open(&k->emitter, b == n->branches ? "if (%.*s) {" : "} else if (%.*s) {",
                      SLICE_FMT(c));
        } else {
            otherwise = true;
            emit_open(&k->emitter, "} else {");
        }
        branch_body(k, b, &begin, &end, &any, n->end);
        emit_flush(&k->emitter);
        k->emitter.depth--;
    }
    emit_line(&k->emitter, "}");
    k->known = known;
    k->context = end;
    if (!otherwise) {
        context_join(&k->context, &begin, n->end, "if");
    }
}

static void for_body(checker_t *k, const node_t *n, const value_t *list, const context_t *begin)
{
    emitter_t *e = &k->emitter;
    unsigned i = emit_unique(e);
    slice_t count = unit_printf(k->unit, "%.*s_count", SLICE_FMT(list->c));
    scope_t inner = {k->scope, n->text, list->record, i, count};
    k->scope = &inner;
    emit_open(e, "for (size_t i_%u = 0; i_%u < %.*s; i_%u++) {", i, i, SLICE_FMT(count), i);
    emit_line(e, "const struct tpl_%.*s *v_%u = &%.*s[i_%u];", SLICE_FMT(list->record->name), i,
              SLICE_FMT(list->c), i);
    emit_line(e, "(void)v_%u;", i);
    k->context.after_space = false; /* the second time round something stands before it */
    check_nodes(k, n->body);
    if (context_statement(&k->context, n->end, "end")) {
        context_check_loop(&k->context, begin, n->end);
    }
    emit_close(e, "}");
    k->scope = inner.outer;
}

static bool for_list(checker_t *k, const node_t *n, value_t *ret)
{
    bool path = n->expr->kind == EX_PATH;
    if (!path || !check_path(k, n->expr, ret)) {
        if (!path) {
            unit_error(k->unit, n->expr->pos, "for goes through a list");
        }
        return false;
    }
    if (ret->kind != TY_LIST || !ret->record) {
        unit_error(k->unit, n->expr->pos, "for goes through a list; this is %s",
                   type_name(ret->kind));
        return false;
    }
    if (record_field(&k->template->args, n->text)) {
        unit_error(k->unit, n->pos, "the loop's variable '%.*s' hides an argument",
                   SLICE_FMT(n->text));
        return false;
    }
    return true;
}

static void check_for(checker_t *k, const node_t *n)
{
    value_t list;
    if (!context_statement(&k->context, n->pos, "for") || !for_list(k, n, &list)) {
        return;
    }
    context_t begin = k->context;
    for_body(k, n, &list, &begin);
    if (!n->has_otherwise) {
        return;
    }
    context_t looped = k->context;
    k->context = begin;
    emit_open(&k->emitter, "if (%.*s_count == 0) {", SLICE_FMT(list.c));
    check_nodes(k, n->otherwise);
    if (context_statement(&k->context, n->end, "end")) {
        context_join(&k->context, &looped, n->end, "for");
    }
    emit_close(&k->emitter, "}");
}

static void check_csrf(checker_t *k, const node_t *n)
{
    if (k->template->plain) {
        unit_error(k->unit, n->pos, "{%% csrf %%} in a text template");
        return;
    }
    context_csrf(&k->context, n->pos);
    emit_line(&k->emitter, "tmpl_put_csrf(out, a->csrf);");
}

void check_nodes(checker_t *k, const node_t *nodes)
{
    for (const node_t *n = nodes; n; n = n->next) {
        switch (n->kind) {
        case N_LITERAL:
            context_literal(&k->context, n->text, n->pos);
            break;
        case N_VALUE:
            check_value(k, n);
            break;
        case N_IF:
            check_if(k, n);
            break;
        case N_FOR:
            check_for(k, n);
            break;
        case N_MESSAGE:
            check_message(k, n);
            break;
        case N_CALL:
            check_call(k, n);
            break;
        case N_CSRF:
            check_csrf(k, n);
            break;
        }
    }
}

static void check_template(unit_t *u, const template_t *t, grow_t *code)
{
    grow_t body = {.arena = u->arena};
    checker_t k = {.unit = u, .template = t};
    k.emitter = (emitter_t){.unit = u, .template = t, .body = &body};
    k.emitter.literal.arena = k.emitter.before.arena = u->arena;
    k.context = context_new(u, &k.emitter, t->plain);
    emitter_t *e = &k.emitter;
    emit_line(e, "void tpl_%.*s(buf_t *out, i18n_lang_t lang, const struct tpl_%.*s_args *a)",
              SLICE_FMT(t->name), SLICE_FMT(t->name));
    emit_open(e, "{");
    check_nodes(&k, t->body);
    context_end(&k.context, t->end);
    emit_close(e, "}");
    grow_put(code, grow_slice(&e->before));
    grow_put(code, grow_slice(&body));
    grow_put(code, SLICE("\n"));
}

static void check_used(unit_t *u, const record_t *r, const char *what)
{
    for (const field_t *f = r->fields; f; f = f->next) {
        if (!f->used) {
            unit_error(u, f->pos, "%s '%.*s' is declared and never used", what, SLICE_FMT(f->name));
        }
    }
}

/* Names that C would see twice: what is made of x is called tpl_x_args, tpl_x_html and so on. */
static void check_made_names(unit_t *u)
{
    static const char *const made[] = {"args", "html", "text", "render"};
    for (const template_t *t = u->templates; t; t = t->next) {
        for (size_t i = 0; i < BASE_COUNT(made); i++) {
            slice_t name = unit_printf(u, "%.*s_%s", SLICE_FMT(t->name), made[i]);
            const template_t *other = i ? unit_template(u, name) : NULL;
            const record_t *record = i ? NULL : unit_record(u, name);
            if (other || record) {
                unit_error(u, other ? other->pos : record->pos,
                           "'%.*s' is a name that the template '%.*s' makes in C: choose another",
                           SLICE_FMT(name), SLICE_FMT(t->name));
            }
        }
    }
}

void check_unit(unit_t *u, grow_t *ret_code)
{
    bool circle = false;
    check_made_names(u);
    for (record_t *r = u->records; r; r = r->next) {
        resolve_fields(u, r);
    }
    for (record_t *r = u->records; r && !circle; r = r->next) {
        circle = record_circle(u, r);
    }
    for (template_t *t = u->templates; t; t = t->next) {
        resolve_fields(u, &t->args);
        visit_template(u, t);
    }
    if (u->errors) {
        return;
    }
    for (template_t *t = u->templates; t; t = t->next) {
        check_template(u, t, ret_code);
    }
    if (u->errors) {
        return; /* what a broken statement would have used is not known */
    }
    for (template_t *t = u->templates; t; t = t->next) {
        check_used(u, &t->args, "argument");
    }
    for (record_t *r = u->records; r; r = r->next) {
        check_used(u, r, "field");
    }
}
