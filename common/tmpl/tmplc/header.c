#include "parse.h"

static const struct {
    const char *name;
    type_kind_t kind;
} type_names[] = {
    {"text", TY_TEXT}, {"int", TY_INT},       {"bool", TY_BOOL},
    {"url", TY_URL},   {"html", TY_HTML},     {"msg", TY_MSG},
    {"slot", TY_SLOT}, {"record", TY_RECORD}, {"list", TY_LIST},
};

static bool parse_fields(lexer_t *l, record_t *record, unsigned depth);

static bool parse_kind(lexer_t *l, type_kind_t *ret_kind)
{
    for (size_t i = 0; l->now.kind == T_NAME && i < BASE_COUNT(type_names); i++) {
        if (lex_is(l, type_names[i].name)) {
            *ret_kind = type_names[i].kind;
            lex_next(l);
            return true;
        }
    }
    parse_error(l, "a type (text, int, bool, url, html, msg, slot, record, list)");
    return false;
}

/* "{ fields }" or a named record. */
static bool parse_inner(lexer_t *l, const record_t *outer, field_t *f, unsigned depth)
{
    if (l->now.kind == T_NAME) {
        f->record_name = l->now.text;
        lex_next(l);
        return true;
    }
    if (!lex_is(l, "{") || depth == MAX_DEPTH) {
        parse_error(l, "'{' or the name of a record");
        return false;
    }
    lex_next(l);
    record_t *r = UNIT_NEW(l->unit, record_t);
    r->pos = f->pos;
    r->name = unit_printf(l->unit, "%.*s_%.*s", SLICE_FMT(outer->name), SLICE_FMT(f->name));
    if (unit_record(l->unit, r->name)) {
        unit_error(l->unit, f->pos, "there is already a record '%.*s'", SLICE_FMT(r->name));
        return false;
    }
    r->next = l->unit->records;
    l->unit->records = r;
    f->record = r;
    return parse_fields(l, r, depth + 1);
}

static bool field_name_ok(lexer_t *l, const record_t *record)
{
    slice_t name = l->now.text;
    if (l->now.kind != T_NAME || !name_is_valid(name)) {
        parse_error(l, "an argument's name (a-z, 0-9, _; no word of C)");
        return false;
    }
    static const char *const reserved[] = {"lang", "loop", "t",  "csrf", "not",
                                           "and",  "or",   "if", "none"};
    for (size_t i = 0; i < BASE_COUNT(reserved); i++) {
        if (lex_is(l, reserved[i])) {
            unit_error(l->unit, l->now.pos, "'%s' is a word of the template language", reserved[i]);
            return false;
        }
    }
    if (record_field(record, name)) {
        unit_error(l->unit, l->now.pos, "'%.*s' is declared twice", SLICE_FMT(name));
        return false;
    }
    return true;
}

static bool parse_field(lexer_t *l, record_t *record, unsigned depth)
{
    if (!field_name_ok(l, record)) {
        return false;
    }
    field_t *f = UNIT_NEW(l->unit, field_t);
    *f = (field_t){.name = l->now.text, .pos = l->now.pos};
    lex_next(l);
    if (!parse_kind(l, &f->kind)) {
        return false;
    }
    if (lex_is(l, "?")) {
        if (f->kind == TY_SLOT || f->kind == TY_LIST) {
            unit_error(l->unit, l->now.pos, "a slot or a list takes no '?' (a list may be empty)");
            return false;
        }
        f->optional = true;
        lex_next(l);
    }
    bool inner = f->kind == TY_RECORD || f->kind == TY_LIST;
    if (inner && !parse_inner(l, record, f, depth)) {
        return false;
    }
    if (f->kind == TY_SLOT && depth > 0) {
        unit_error(l->unit, f->pos, "a slot is an argument of a template, not a field of a record");
        return false;
    }
    field_t **tail = &record->fields;
    while (*tail) {
        if (f->kind == TY_SLOT && (*tail)->kind == TY_SLOT) {
            unit_error(l->unit, f->pos, "a template has one slot at most");
            return false;
        }
        tail = &(*tail)->next;
    }
    *tail = f;
    return true;
}

/* Up to '}' inside braces (depth > 0), else to the end. */
static bool parse_fields(lexer_t *l, record_t *record, unsigned depth)
{
    for (;;) {
        while (lex_is(l, ",")) {
            lex_next(l);
        }
        if (depth > 0 && lex_is(l, "}")) {
            lex_next(l);
            break;
        }
        if (depth == 0 && l->now.kind == T_END) {
            break;
        }
        if (!parse_field(l, record, depth)) {
            return false;
        }
    }
    if (depth > 0 && !record->fields) {
        unit_error(l->unit, record->pos, "a record needs at least one field");
        return false;
    }
    return true;
}

static bool header_name(lexer_t *l)
{
    if (l->now.kind != T_NAME || !name_is_word(l->now.text)) {
        parse_error(l, "a name (a-z, 0-9, _)");
        return false;
    }
    return true;
}

static header_kind_t parse_record_header(lexer_t *l)
{
    unit_t *u = l->unit;
    if (!header_name(l)) {
        return HEADER_BAD;
    }
    record_t *r = UNIT_NEW(u, record_t);
    *r = (record_t){.name = l->now.text, .pos = l->now.pos};
    if (unit_record(u, r->name)) {
        unit_error(u, r->pos, "there is already a record '%.*s'", SLICE_FMT(r->name));
        return HEADER_BAD;
    }
    r->next = u->records;
    u->records = r;
    lex_next(l);
    if (!lex_is(l, "{")) {
        parse_error(l, "'{'");
        return HEADER_BAD;
    }
    lex_next(l);
    return parse_fields(l, r, 1) && parse_end(l, "the record") ? HEADER_RECORD : HEADER_BAD;
}

static header_kind_t parse_template_header(lexer_t *l, bool plain, template_t **ret_template)
{
    unit_t *u = l->unit;
    if (!header_name(l)) {
        return HEADER_BAD;
    }
    template_t *t = UNIT_NEW(u, template_t);
    *t = (template_t){.name = l->now.text, .pos = l->now.pos, .plain = plain};
    t->args = (record_t){.name = t->name, .pos = t->pos};
    if (unit_template(u, t->name)) {
        unit_error(u, t->pos, "there is already a template '%.*s'", SLICE_FMT(t->name));
        return HEADER_BAD;
    }
    lex_next(l);
    if (!parse_fields(l, &t->args, 0)) {
        return HEADER_BAD;
    }
    template_t **tail = &u->templates;
    while (*tail) {
        tail = &(*tail)->next;
    }
    *tail = t;
    *ret_template = t;
    return HEADER_TEMPLATE;
}

header_kind_t parse_header(unit_t *u, const piece_t *piece, template_t **ret_template)
{
    slice_t word = slice_trim(piece->text);
    for (size_t i = 0; i < word.len; i++) {
        word.len = chars_is_space(word.ptr[i]) ? i : word.len;
    }
    bool record = slice_eq(word, SLICE("record")), text = slice_eq(word, SLICE("text"));
    if (!record && !text && !slice_eq(word, SLICE("template"))) {
        return HEADER_NONE;
    }
    lexer_t l = lex_on(u, piece->text, piece->pos);
    lex_next(&l);
    return record ? parse_record_header(&l) : parse_template_header(&l, text, ret_template);
}
