#include "parse.h"

void parse_error(lexer_t *l, const char *wanted)
{
    if (l->now.kind == T_END) {
        unit_error(l->unit, l->now.pos, "%s wanted here, but the statement ends", wanted);
    } else {
        unit_error(l->unit, l->now.pos, "%s wanted here, found '%.*s'", wanted,
                   SLICE_FMT(l->now.text));
    }
}

bool parse_end(lexer_t *l, const char *what)
{
    if (l->now.kind != T_END) {
        unit_error(l->unit, l->now.pos, "unexpected '%.*s' after %s", SLICE_FMT(l->now.text), what);
        return false;
    }
    return true;
}

static bool parse_path(lexer_t *l, expr_t *e)
{
    e->kind = EX_PATH;
    for (;;) {
        if (l->now.kind != T_NAME || e->part_count == PATH_MAX_PARTS) {
            parse_error(l, "a name");
            return false;
        }
        e->parts[e->part_count++] = l->now.text;
        lex_next(l);
        if (!lex_is(l, ".")) {
            return true;
        }
        lex_next(l);
    }
}

static bool parse_int(lexer_t *l, expr_t *e)
{
    bool negative = lex_is(l, "-");
    if (negative) {
        lex_next(l);
    }
    if (l->now.kind != T_INT) {
        parse_error(l, "a number");
        return false;
    }
    e->kind = EX_INT;
    e->number = negative ? -l->now.number : l->now.number;
    lex_next(l);
    return true;
}

static bool parse_name(lexer_t *l, expr_t *e)
{
    if (lex_is(l, "true") || lex_is(l, "false")) {
        e->kind = EX_BOOL;
        e->number = lex_is(l, "true");
        lex_next(l);
        return true;
    }
    lexer_t before = *l;
    bool is_t = lex_is(l, "t");
    lex_next(l);
    if (is_t && l->now.kind == T_TEXT) {
        e->kind = EX_MSG;
        e->text = l->now.text;
        lex_next(l);
        return true;
    }
    *l = before;
    return parse_path(l, e);
}

expr_t *parse_expr(lexer_t *l)
{
    expr_t *e = UNIT_NEW(l->unit, expr_t);
    e->pos = l->now.pos;
    bool ok = false;
    if (l->now.kind == T_TEXT) {
        e->kind = EX_TEXT;
        e->text = l->now.text;
        lex_next(l);
        ok = true;
    } else if (l->now.kind == T_NAME) {
        ok = parse_name(l, e);
    } else if (l->now.kind == T_INT || lex_is(l, "-")) {
        ok = parse_int(l, e);
    } else {
        parse_error(l, "a value");
    }
    return ok ? e : NULL;
}

expr_t *parse_value(lexer_t *l)
{
    expr_t *e = parse_expr(l);
    if (!e || !lex_is(l, "|")) {
        return e;
    }
    lex_next(l);
    if (l->now.kind != T_NAME) {
        parse_error(l, "a filter's name");
        return NULL;
    }
    e->filter = l->now.text;
    e->filter_pos = l->now.pos;
    lex_next(l);
    return e;
}

static cond_op_t take_op(lexer_t *l)
{
    static const struct {
        const char *text;
        cond_op_t op;
    } ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<", OP_LT},
               {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}};
    for (size_t i = 0; i < BASE_COUNT(ops); i++) {
        if (lex_is(l, ops[i].text)) {
            lex_next(l);
            return ops[i].op;
        }
    }
    return OP_TRUE;
}

static term_t *parse_term(lexer_t *l)
{
    term_t *t = UNIT_NEW(l->unit, term_t);
    if (lex_is(l, "not")) {
        t->negated = true;
        lex_next(l);
    }
    t->left = parse_expr(l);
    if (!t->left) {
        return NULL;
    }
    t->op = take_op(l);
    if (t->op != OP_TRUE) {
        t->right = parse_expr(l);
        if (!t->right) {
            return NULL;
        }
    }
    return t;
}

cond_t *parse_cond(lexer_t *l)
{
    cond_t *c = UNIT_NEW(l->unit, cond_t);
    term_t **tail = &c->terms;
    for (bool first = true;; first = false) {
        *tail = parse_term(l);
        if (!*tail) {
            return NULL;
        }
        tail = &(*tail)->next;
        bool any = lex_is(l, "or");
        if (!any && !lex_is(l, "and")) {
            return c;
        }
        if (!first && any != c->any) {
            unit_error(l->unit, l->now.pos,
                       "'and' and 'or' do not mix in one condition: nest two ifs");
            return NULL;
        }
        c->any = any;
        lex_next(l);
    }
}

bool parse_arguments(lexer_t *l, argument_t **ret_arguments)
{
    argument_t *first = NULL, **tail = &first;
    while (l->now.kind != T_END) {
        argument_t *a = UNIT_NEW(l->unit, argument_t);
        a->name = l->now.text;
        a->pos = l->now.pos;
        if (l->now.kind != T_NAME) {
            parse_error(l, "an argument's name");
            return false;
        }
        for (argument_t *other = first; other; other = other->next) {
            if (slice_eq(other->name, a->name)) {
                unit_error(l->unit, a->pos, "argument '%.*s' is given twice", SLICE_FMT(a->name));
                return false;
            }
        }
        lex_next(l);
        if (!lex_is(l, "=")) {
            parse_error(l, "'='");
            return false;
        }
        lex_next(l);
        a->value = parse_value(l);
        if (!a->value) {
            return false;
        }
        *tail = a;
        tail = &a->next;
    }
    *ret_arguments = first;
    return true;
}
