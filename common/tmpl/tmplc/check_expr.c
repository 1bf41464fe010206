#include "check.h"

const char *type_name(type_kind_t kind)
{
    static const char *const names[] = {"text", "int",  "bool",   "url", "html",
                                        "msg",  "slot", "record", "list"};
    return names[kind];
}

slice_t expr_text(unit_t *u, const expr_t *e)
{
    grow_t g = {.arena = u->arena};
    for (unsigned i = 0; i < e->part_count; i++) {
        grow_put(&g, i ? SLICE(".") : SLICE(""));
        grow_put(&g, e->parts[i]);
    }
    if (e->kind == EX_TEXT || e->kind == EX_MSG) {
        grow_fmt(&g, "\"%.*s\"", SLICE_FMT(e->text));
    } else if (e->kind != EX_PATH) {
        grow_fmt(&g, "%lld", (long long)e->number);
    }
    return grow_slice(&g);
}

static bool is_known(const checker_t *k, slice_t c)
{
    for (const known_t *n = k->known; n; n = n->outer) {
        if (slice_eq(n->c, c)) {
            return true;
        }
    }
    return false;
}

static value_t field_value(checker_t *k, field_t *f, slice_t c)
{
    f->used = true;
    bool pointer = f->kind == TY_RECORD && f->optional;
    return (value_t){.kind = f->kind,
                     .record = f->record,
                     .c = c,
                     .pointer = pointer,
                     .maybe = pointer && !is_known(k, c)};
}

static bool loop_value(checker_t *k, const expr_t *e, value_t *ret)
{
    const scope_t *s = k->scope;
    if (!s || e->part_count != 2) {
        unit_error(k->unit, e->pos, "%s",
                   s ? "loop.first, loop.last or loop.index" : "'loop' outside a for");
        return false;
    }
    if (slice_eq(e->parts[1], SLICE("first"))) {
        *ret = (value_t){.kind = TY_BOOL, .c = unit_printf(k->unit, "i_%u == 0", s->number)};
    } else if (slice_eq(e->parts[1], SLICE("last"))) {
        *ret = (value_t){
            .kind = TY_BOOL,
            .c = unit_printf(k->unit, "i_%u + 1 == %.*s", s->number, SLICE_FMT(s->count))};
    } else if (slice_eq(e->parts[1], SLICE("index"))) {
        *ret =
            (value_t){.kind = TY_INT, .c = unit_printf(k->unit, "((int64_t)i_%u + 1)", s->number)};
    } else {
        unit_error(k->unit, e->pos, "loop has first, last and index, no '%.*s'",
                   SLICE_FMT(e->parts[1]));
        return false;
    }
    return true;
}

static bool first_part(checker_t *k, const expr_t *e, value_t *ret)
{
    slice_t name = e->parts[0];
    for (const scope_t *s = k->scope; s; s = s->outer) {
        if (slice_eq(s->name, name)) {
            slice_t c = unit_printf(k->unit, "v_%u", s->number);
            *ret = (value_t){.kind = TY_RECORD, .record = s->record, .c = c, .pointer = true};
            return true;
        }
    }
    field_t *f = record_field(&k->template->args, name);
    if (!f) {
        unit_error(k->unit, e->pos, "'%.*s' is not declared in this template's header",
                   SLICE_FMT(name));
        return false;
    }
    *ret = field_value(k, f, unit_printf(k->unit, "a->%.*s", SLICE_FMT(name)));
    return true;
}

static bool next_part(checker_t *k, const expr_t *e, unsigned i, value_t *v)
{
    slice_t name = e->parts[i], before = e->parts[i - 1];
    if (v->kind != TY_RECORD || !v->record) {
        unit_error(k->unit, e->pos, "'%.*s' is %s and has no '%.*s'", SLICE_FMT(before),
                   type_name(v->kind), SLICE_FMT(name));
        return false;
    }
    if (v->maybe) {
        unit_error(k->unit, e->pos, "'%.*s' may be missing: use it inside {%% if %.*s %%}",
                   SLICE_FMT(before), SLICE_FMT(before));
        return false;
    }
    field_t *f = record_field(v->record, name);
    if (!f) {
        unit_error(k->unit, e->pos, "'%.*s' has no field '%.*s'", SLICE_FMT(before),
                   SLICE_FMT(name));
        return false;
    }
    const char *arrow = v->pointer ? "->" : ".";
    *v = field_value(k, f,
                     unit_printf(k->unit, "%.*s%s%.*s", SLICE_FMT(v->c), arrow, SLICE_FMT(name)));
    return true;
}

bool check_path(checker_t *k, const expr_t *e, value_t *ret_value)
{
    if (slice_eq(e->parts[0], SLICE("loop"))) {
        return loop_value(k, e, ret_value);
    }
    if (slice_eq(e->parts[0], SLICE("lang")) && e->part_count == 1) {
        *ret_value = (value_t){.kind = TY_TEXT, .c = SLICE("i18n_lang_code(lang)")};
        return true;
    }
    value_t v;
    if (!first_part(k, e, &v)) {
        return false;
    }
    for (unsigned i = 1; i < e->part_count; i++) {
        if (!next_part(k, e, i, &v)) {
            return false;
        }
    }
    *ret_value = v;
    return true;
}

bool check_filter(checker_t *k, const expr_t *e, type_kind_t kind, const char **ret_function)
{
    *ret_function = NULL;
    if (e->filter.len == 0) {
        return true;
    }
    *ret_function = emit_filter(e->filter);
    if (!*ret_function) {
        unit_error(k->unit, e->filter_pos, "there is no filter '%.*s'", SLICE_FMT(e->filter));
        return false;
    }
    if (kind != TY_INT) {
        unit_error(k->unit, e->filter_pos, "the filter '%.*s' is for int; this is %s",
                   SLICE_FMT(e->filter), type_name(kind));
        return false;
    }
    return true;
}

const message_t *check_message_key(checker_t *k, slice_t key, pos_t pos, bool placeholders_allowed)
{
    message_t *m = unit_message(k->unit, key);
    if (!m) {
        unit_error(k->unit, pos, "the message \"%.*s\" is in no catalogue", SLICE_FMT(key));
        return NULL;
    }
    m->used = true;
    if (!placeholders_allowed && m->placeholders) {
        unit_error(k->unit, pos,
                   "the message \"%.*s\" has placeholders: it can only be a {%% t %%}",
                   SLICE_FMT(key));
        return NULL;
    }
    return m;
}

/* --- conditions --- */

static bool truth(checker_t *k, const expr_t *e, const value_t *v, slice_t *ret_c)
{
    const char *form = NULL;
    switch (v->kind) {
    case TY_TEXT:
    case TY_URL:
        form = "%.*s.len > 0";
        break;
    case TY_HTML:
        form = "%.*s.s.len > 0";
        break;
    case TY_INT:
    case TY_MSG:
        form = "%.*s != 0";
        break;
    case TY_BOOL:
        form = "%.*s";
        break;
    case TY_SLOT:
        form = "%.*s.put != NULL";
        break;
    case TY_LIST:
        form = "%.*s_count > 0";
        break;
    case TY_RECORD:
        form = v->pointer ? "%.*s != NULL" : NULL;
        break;
    }
    if (!form) {
        slice_t text = expr_text(k->unit, e);
        unit_error(k->unit, e->pos, "'%.*s' is a record that is always there", SLICE_FMT(text));
        return false;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    *ret_c = unit_printf(k->unit, form, SLICE_FMT(v->c));
#pragma GCC diagnostic pop
    return true;
}

/* One side of a comparison: a path or a literal. */
static bool side(checker_t *k, const expr_t *e, value_t *ret)
{
    if (e->kind == EX_PATH) {
        return check_path(k, e, ret);
    }
    if (e->kind == EX_INT) {
        *ret = (value_t){.kind = TY_INT,
                         .c = unit_printf(k->unit, "INT64_C(%lld)", (long long)e->number)};
        return true;
    }
    if (e->kind == EX_TEXT) {
        slice_t text = emit_string(k->unit, e->text);
        *ret =
            (value_t){.kind = TY_TEXT, .c = unit_printf(k->unit, "SLICE(%.*s)", SLICE_FMT(text))};
        return true;
    }
    unit_error(k->unit, e->pos, "this cannot be compared");
    return false;
}

static bool compare(checker_t *k, const term_t *t, const value_t *left, slice_t *ret_c)
{
    static const char *const signs[] = {[OP_EQ] = "==", [OP_NE] = "!=", [OP_LT] = "<",
                                        [OP_LE] = "<=", [OP_GT] = ">",  [OP_GE] = ">="};
    bool equality = t->op == OP_EQ || t->op == OP_NE;
    if (left->kind == TY_MSG && t->right->kind == EX_TEXT && equality) {
        const message_t *m = check_message_key(k, t->right->text, t->right->pos, false);
        if (!m) {
            return false;
        }
        slice_t constant = message_constant(k->unit, m);
        *ret_c = unit_printf(k->unit, "%.*s %s %.*s", SLICE_FMT(left->c), signs[t->op],
                             SLICE_FMT(constant));
        return true;
    }
    value_t right;
    if (!side(k, t->right, &right)) {
        return false;
    }
    bool texts = (left->kind == TY_TEXT || left->kind == TY_URL) &&
                 (right.kind == TY_TEXT || right.kind == TY_URL);
    if (texts && equality) {
        *ret_c = unit_printf(k->unit, "%sslice_eq(%.*s, %.*s)", t->op == OP_NE ? "!" : "",
                             SLICE_FMT(left->c), SLICE_FMT(right.c));
        return true;
    }
    bool same = (left->kind == TY_INT && right.kind == TY_INT) ||
                (left->kind == TY_MSG && right.kind == TY_MSG && equality);
    if (!same) {
        unit_error(k->unit, t->right->pos, "%s and %s cannot be compared with '%s'",
                   type_name(left->kind), type_name(right.kind), signs[t->op]);
        return false;
    }
    *ret_c =
        unit_printf(k->unit, "%.*s %s %.*s", SLICE_FMT(left->c), signs[t->op], SLICE_FMT(right.c));
    return true;
}

static bool term(checker_t *k, const term_t *t, slice_t *ret_c, value_t *ret_left)
{
    if (t->op == OP_TRUE && t->left->kind != EX_PATH) {
        unit_error(k->unit, t->left->pos, "a condition that never changes");
        return false;
    }
    return side(k, t->left, ret_left) &&
           (t->op == OP_TRUE ? truth(k, t->left, ret_left, ret_c) : compare(k, t, ret_left, ret_c));
}

static void learn(checker_t *k, slice_t c)
{
    known_t *n = UNIT_NEW(k->unit, known_t);
    *n = (known_t){k->known, c};
    k->known = n;
}

bool check_cond(checker_t *k, const cond_t *cond, slice_t *ret_c)
{
    grow_t g = {.arena = k->unit->arena};
    bool several = cond->terms->next != NULL;
    for (const term_t *t = cond->terms; t; t = t->next) {
        slice_t c;
        value_t left;
        if (!term(k, t, &c, &left)) {
            return false;
        }
        if (t != cond->terms) {
            grow_put(&g, cond->any ? SLICE(" || ") : SLICE(" && "));
        }
        bool parentheses = several || t->negated;
        grow_fmt(&g, "%s%s%.*s%s", t->negated ? "!" : "", parentheses ? "(" : "", SLICE_FMT(c),
                 parentheses ? ")" : "");
        if (left.maybe && t->op == OP_TRUE && !t->negated && !cond->any) {
            learn(k, left.c);
        }
    }
    *ret_c = grow_slice(&g);
    return true;
}

/* --- arguments of a call --- */

static bool wrong_type(checker_t *k, const expr_t *e, const field_t *p, const char *given)
{
    unit_error(k->unit, e->pos, "argument '%.*s' is declared %s; this is %s", SLICE_FMT(p->name),
               type_name(p->kind), given);
    return false;
}

static bool url_literal_ok(slice_t url)
{
    size_t colon = slice_find_byte(url, ':');
    bool relative = url.len > 0 && slice_find_byte(SLICE("/?#"), url.ptr[0]) != SIZE_MAX &&
                    !slice_starts(url, SLICE("//"));
    return relative || (colon != SIZE_MAX && url_scheme_allowed(slice_sub(url, 0, colon)));
}

static bool text_argument(checker_t *k, const expr_t *e, const field_t *p, slice_t *ret_c)
{
    if (p->kind == TY_MSG) {
        const message_t *m = check_message_key(k, e->text, e->pos, false);
        *ret_c = m ? message_constant(k->unit, m) : SLICE("0");
        return m != NULL;
    }
    if (p->kind != TY_TEXT && p->kind != TY_URL) {
        return wrong_type(k, e, p, "text");
    }
    if (p->kind == TY_URL && !url_literal_ok(e->text)) {
        unit_error(k->unit, e->pos,
                   "a URL begins with '/', '?', '#', http:, https:, mailto: or tel:");
        return false;
    }
    slice_t text = emit_string(k->unit, e->text);
    *ret_c = unit_printf(k->unit, "SLICE(%.*s)", SLICE_FMT(text));
    return true;
}

static bool message_argument(checker_t *k, const expr_t *e, const field_t *p, slice_t *ret_c)
{
    const message_t *m = check_message_key(k, e->text, e->pos, false);
    if (!m) {
        return false;
    }
    slice_t constant = message_constant(k->unit, m);
    if (p->kind == TY_MSG) {
        *ret_c = constant;
        return true;
    }
    if (p->kind != TY_TEXT) {
        return wrong_type(k, e, p, "a message");
    }
    *ret_c = unit_printf(k->unit, "i18n_text(&%.*s_catalog, lang, %.*s)", SLICE_FMT(k->unit->room),
                         SLICE_FMT(constant));
    return true;
}

static bool path_argument(checker_t *k, const expr_t *e, const field_t *p, slice_t *ret_c)
{
    value_t v;
    if (!check_path(k, e, &v)) {
        return false;
    }
    bool same = v.kind == p->kind || (v.kind == TY_URL && p->kind == TY_TEXT);
    if (!same || (v.record != p->record && (v.kind == TY_RECORD || v.kind == TY_LIST))) {
        return wrong_type(k, e, p, same ? "another record" : type_name(v.kind));
    }
    if (v.kind == TY_RECORD && v.maybe && !p->optional) {
        unit_error(k->unit, e->pos, "'%.*s' wants a record, and this one may be missing",
                   SLICE_FMT(p->name));
        return false;
    }
    const char *sign = "";
    if (v.kind == TY_RECORD && v.pointer != p->optional) {
        sign = v.pointer ? "*" : "&";
    }
    *ret_c = unit_printf(k->unit, "%s%.*s", sign, SLICE_FMT(v.c));
    return true;
}

bool check_argument(checker_t *k, const expr_t *e, const field_t *parameter, slice_t *ret_c)
{
    if (e->filter.len) {
        unit_error(k->unit, e->filter_pos, "a filter prints; it cannot stand in a call's argument");
        return false;
    }
    switch (e->kind) {
    case EX_PATH:
        return path_argument(k, e, parameter, ret_c);
    case EX_TEXT:
        return text_argument(k, e, parameter, ret_c);
    case EX_MSG:
        return message_argument(k, e, parameter, ret_c);
    case EX_INT:
        *ret_c = unit_printf(k->unit, "INT64_C(%lld)", (long long)e->number);
        return parameter->kind == TY_INT || wrong_type(k, e, parameter, "int");
    case EX_BOOL:
        *ret_c = e->number ? SLICE("true") : SLICE("false");
        return parameter->kind == TY_BOOL || wrong_type(k, e, parameter, "bool");
    }
    return false;
}
