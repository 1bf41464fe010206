#include "parse.h"

typedef struct parser {
    unit_t *unit;
    const piece_t *pieces;
    template_t *const *templates; /* by piece: a header's template */
    size_t count, at;
    bool failed;
    lexer_t end; /* the elif, else or end that closed the last body, on its second token */
    slice_t end_word;
    pos_t end_pos;
} parser_t;

static node_t *parse_nodes(parser_t *p, unsigned depth);

static void fail(parser_t *p)
{
    p->failed = true;
}

static node_t *node_new(parser_t *p, node_kind_t kind, pos_t pos)
{
    node_t *n = UNIT_NEW(p->unit, node_t);
    n->kind = kind;
    n->pos = pos;
    return n;
}

/* The body up to its elif, else or end, which is left in p->end. */
static node_t *parse_body(parser_t *p, pos_t open, const char *what, unsigned depth)
{
    if (depth >= MAX_DEPTH) {
        unit_error(p->unit, open, "statements are nested deeper than %d", MAX_DEPTH);
        fail(p);
        return NULL;
    }
    p->end_word = SLICE_EMPTY;
    node_t *body = parse_nodes(p, depth + 1);
    if (!p->failed && p->end_word.len == 0) {
        unit_error(p->unit, open, "this '%s' has no {%% end %%}", what);
        fail(p);
    }
    return body;
}

static bool ended_by(parser_t *p, const char *word)
{
    return !p->failed && slice_eq(p->end_word, slice_cstr_in(word));
}

static void expect_end(parser_t *p, const char *what)
{
    if (!p->failed && !ended_by(p, "end")) {
        unit_error(p->unit, p->end_pos, "'%.*s' has no place in this '%s'", SLICE_FMT(p->end_word),
                   what);
        fail(p);
    } else if (!p->failed && !parse_end(&p->end, "end")) {
        fail(p);
    }
    p->end_word = SLICE_EMPTY; /* it has done its work */
}

static node_t *parse_if(parser_t *p, lexer_t *l, pos_t pos, unsigned depth)
{
    node_t *n = node_new(p, N_IF, pos);
    branch_t **tail = &n->branches;
    lexer_t cond = *l;
    bool last = false;
    pos_t branch_pos = pos;
    while (!p->failed) {
        branch_t *b = UNIT_NEW(p->unit, branch_t);
        *tail = b;
        tail = &b->next;
        b->pos = branch_pos;
        if (!last) {
            b->cond = parse_cond(&cond);
        }
        if ((!last && !b->cond) || !parse_end(&cond, last ? "else" : "the condition")) {
            fail(p);
            return n;
        }
        b->body = parse_body(p, pos, "if", depth);
        branch_pos = p->end_pos;
        if (last || (!ended_by(p, "elif") && !ended_by(p, "else"))) {
            break;
        }
        last = ended_by(p, "else");
        cond = p->end;
    }
    expect_end(p, "if");
    n->end = p->end_pos;
    return n;
}

static node_t *parse_for(parser_t *p, lexer_t *l, pos_t pos, unsigned depth)
{
    node_t *n = node_new(p, N_FOR, pos);
    n->text = l->now.text;
    if (l->now.kind != T_NAME || !name_is_word(l->now.text) || lex_is(l, "loop") ||
        lex_is(l, "lang") || lex_is(l, "t")) {
        parse_error(l, "the name of the loop's variable");
        fail(p);
        return n;
    }
    lex_next(l);
    if (!lex_is(l, "in")) {
        parse_error(l, "'in'");
        fail(p);
        return n;
    }
    lex_next(l);
    n->expr = parse_expr(l);
    if (!n->expr || !parse_end(l, "the list")) {
        fail(p);
        return n;
    }
    n->body = parse_body(p, pos, "for", depth);
    if (ended_by(p, "else")) {
        n->has_otherwise = true;
        if (!parse_end(&p->end, "else")) {
            fail(p);
            return n;
        }
        n->otherwise = parse_body(p, pos, "for", depth);
    }
    expect_end(p, "for");
    n->end = p->end_pos;
    return n;
}

static node_t *parse_message(parser_t *p, lexer_t *l, pos_t pos)
{
    node_t *n = node_new(p, N_MESSAGE, pos);
    n->text = l->now.text;
    if (l->now.kind != T_TEXT) {
        parse_error(l, "a message's key in quotes");
        fail(p);
        return n;
    }
    lex_next(l);
    if (!parse_arguments(l, &n->arguments)) {
        fail(p);
    }
    return n;
}

/* In plain text the line breaks right behind a call's opening and right before its end, and blank
 * lines at a template's end, belong to the source, not to the text. */
static void trim_plain(node_t *body, bool slot)
{
    node_t *last = body;
    while (last && last->next) {
        last = last->next;
    }
    if (slot && body && body->kind == N_LITERAL && slice_starts(body->text, SLICE("\n"))) {
        body->pos = pos_after(body->pos, SLICE("\n"));
        body->text = slice_from(body->text, 1);
    }
    if (slot && last && last->kind == N_LITERAL && slice_ends(last->text, SLICE("\n"))) {
        last->text.len--;
    }
    while (!slot && last && last->kind == N_LITERAL && slice_ends(last->text, SLICE("\n\n"))) {
        last->text.len--;
    }
}

/* A call has a body when the template that it names has a slot that no argument fills. (Headers of
 * all files are read before any body.) */
static bool call_has_body(const template_t *t, const argument_t *arguments)
{
    const field_t *slot = t->args.fields;
    while (slot && slot->kind != TY_SLOT) {
        slot = slot->next;
    }
    for (const argument_t *a = arguments; slot && a; a = a->next) {
        if (slice_eq(a->name, slot->name)) {
            return false;
        }
    }
    return slot != NULL;
}

static node_t *parse_call(parser_t *p, lexer_t *l, pos_t pos, unsigned depth)
{
    node_t *n = node_new(p, N_CALL, pos);
    n->text = l->now.text;
    if (l->now.kind != T_NAME) {
        parse_error(l, "a template's name");
        fail(p);
        return n;
    }
    pos_t name_pos = l->now.pos;
    const template_t *target = unit_template(p->unit, n->text);
    if (!target) {
        unit_error(p->unit, name_pos, "no template is called '%.*s'", SLICE_FMT(n->text));
        fail(p);
        return n;
    }
    lex_next(l);
    if (!parse_arguments(l, &n->arguments)) {
        fail(p);
        return n;
    }
    n->has_body = call_has_body(target, n->arguments);
    if (n->has_body) {
        n->body = parse_body(p, pos, "call", depth);
        expect_end(p, "call");
        n->end = p->end_pos;
        if (target->plain) {
            trim_plain(n->body, true);
        }
    }
    return n;
}

static node_t *parse_statement(parser_t *p, lexer_t *l, pos_t pos, unsigned depth)
{
    slice_t word = l->now.text;
    pos_t word_pos = l->now.pos;
    bool name = l->now.kind == T_NAME;
    lex_next(l);
    if (name && slice_eq(word, SLICE("if"))) {
        return parse_if(p, l, pos, depth);
    }
    if (name && slice_eq(word, SLICE("for"))) {
        return parse_for(p, l, pos, depth);
    }
    if (name && slice_eq(word, SLICE("t"))) {
        return parse_message(p, l, pos);
    }
    if (name && slice_eq(word, SLICE("call"))) {
        return parse_call(p, l, pos, depth);
    }
    if (name && slice_eq(word, SLICE("csrf"))) {
        if (!parse_end(l, "csrf")) {
            fail(p);
        }
        return node_new(p, N_CSRF, pos);
    }
    unit_error(p->unit, word_pos, "no statement begins with '%.*s' (if, for, t, call, csrf)",
               SLICE_FMT(word));
    fail(p);
    return NULL;
}

static node_t *parse_put(parser_t *p, const piece_t *piece)
{
    node_t *n = node_new(p, N_VALUE, piece->start);
    lexer_t l = lex_on(p->unit, piece->text, piece->pos);
    n->expr = parse_value(&l);
    if (!n->expr || !parse_end(&l, "the value")) {
        fail(p);
    }
    return n;
}

static bool closes_body(parser_t *p, const lexer_t *l, pos_t start)
{
    if (!lex_is(l, "elif") && !lex_is(l, "else") && !lex_is(l, "end")) {
        return false;
    }
    p->end_word = l->now.text;
    p->end_pos = start;
    p->end = *l;
    lex_next(&p->end);
    return true;
}

/* Up to elif, else, end, the next header or the end of the file. */
static node_t *parse_nodes(parser_t *p, unsigned depth)
{
    node_t *first = NULL, **tail = &first;
    while (!p->failed && p->at < p->count) {
        const piece_t *piece = &p->pieces[p->at];
        if (p->templates[p->at]) {
            break;
        }
        p->at++;
        node_t *n = NULL;
        if (piece->kind == PIECE_LITERAL && piece->text.len) {
            n = node_new(p, N_LITERAL, piece->pos);
            n->text = piece->text;
        } else if (piece->kind == PIECE_VALUE) {
            n = parse_put(p, piece);
        } else if (piece->kind == PIECE_STATEMENT) {
            lexer_t l = lex_on(p->unit, piece->text, piece->pos);
            if (closes_body(p, &l, piece->start)) {
                break;
            }
            n = parse_statement(p, &l, piece->start, depth);
        }
        if (n) {
            *tail = n;
            tail = &n->next;
        }
    }
    return first;
}

bool parse_headers(unit_t *u, const tmplc_source_t *source, file_t *ret_file)
{
    file_t f = {0};
    if (!lex_pieces(u, source, &f.pieces, &f.count)) {
        return false;
    }
    f.templates = unit_alloc(u, f.count * sizeof(template_t *));
    bool inside = false;
    for (size_t i = 0; i < f.count; i++) {
        const piece_t *piece = &f.pieces[i];
        if (piece->kind == PIECE_COMMENT) {
            header_kind_t kind = parse_header(u, piece, &f.templates[i]);
            if (kind == HEADER_BAD) {
                return false;
            }
            inside = inside || kind == HEADER_TEMPLATE;
        } else if (!inside && slice_trim(piece->text).len) {
            unit_error(u, piece->start, "text before the first {# template NAME ... #} header");
            return false;
        }
    }
    *ret_file = f;
    return true;
}

void parse_bodies(unit_t *u, const file_t *file)
{
    parser_t p = {.unit = u, .pieces = file->pieces, .count = file->count};
    p.templates = file->templates;
    while (!p.failed && p.at < p.count) {
        template_t *t = p.templates[p.at++];
        if (!t) {
            continue; /* blanks, comments and records before the first header */
        }
        p.end_word = SLICE_EMPTY;
        t->body = parse_nodes(&p, 0);
        if (t->plain) {
            trim_plain(t->body, false);
        }
        const piece_t *last = &p.pieces[p.at < p.count ? p.at : p.count - 1];
        t->end = p.at < p.count ? last->start : pos_after(last->pos, last->text);
        if (!p.failed && p.end_word.len) {
            unit_error(u, p.end_pos, "'%.*s' closes nothing", SLICE_FMT(p.end_word));
            p.failed = true;
        }
    }
}
