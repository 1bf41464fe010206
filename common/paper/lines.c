#include "paper/lines.h"

static const struct {
    slice_t mark;
    paper_kind_t kind;
} MARKS[] = {
    {SLICE("#"), PAPER_HEADING}, {SLICE("*"), PAPER_TEXT},  {SLICE("~"), PAPER_SMALL},
    {SLICE("!"), PAPER_BOX},     {SLICE(":"), PAPER_PAIR},  {SLICE("|:"), PAPER_COLUMNS},
    {SLICE("|"), PAPER_ROW},     {SLICE("="), PAPER_TOTAL}, {SLICE("@"), PAPER_ADDRESS},
};

/* The element that a line begins; 0 = none. */
static paper_kind_t begins(slice_t line, slice_t *ret_fields)
{
    size_t tab = slice_find_byte(line, '\t');
    for (size_t i = 0; tab != SIZE_MAX && i < BASE_COUNT(MARKS); i++) {
        if (slice_eq(slice_sub(line, 0, tab), MARKS[i].mark)) {
            *ret_fields = slice_from(line, tab + 1);
            return MARKS[i].kind;
        }
    }
    return 0;
}

static void put(paper_t *p, const paper_element_t *e)
{
    if (!e->kind) {
        return;
    }
    switch (e->kind) {
    case PAPER_PAIR:
        paper_pair(p, e->field[0], e->field[1]);
        break;
    case PAPER_TOTAL:
        paper_total(p, e->field[0], e->field[1]);
        break;
    case PAPER_COLUMNS:
        paper_columns(p, e->field, e->n);
        break;
    case PAPER_ROW:
        paper_row(p, e->field, e->n);
        break;
    case PAPER_HEADING:
    case PAPER_TEXT:
    case PAPER_SMALL:
    case PAPER_BOX:
    case PAPER_ADDRESS:
        paper_text(p, e->kind, e->field[0]);
        break;
    case PAPER_HEAD:
        break;
    }
}

static bool has_fields(const paper_element_t *e)
{
    switch (e->kind) {
    case PAPER_PAIR:
    case PAPER_TOTAL:
        return e->n == 2;
    case PAPER_COLUMNS:
    case PAPER_ROW:
        return e->n > 0;
    case PAPER_HEADING:
    case PAPER_TEXT:
    case PAPER_SMALL:
    case PAPER_BOX:
    case PAPER_ADDRESS:
        return e->n == 1;
    case PAPER_HEAD:
        break;
    }
    return e->kind == 0;
}

static err_t cut(slice_t fields, paper_element_t *e)
{
    slice_t field;
    e->n = 0;
    while (slice_split(&fields, '\t', &field)) {
        ENSURE(e->n < PAPER_FIELDS, ERR_SYNTAX);
        e->field[e->n++] = field;
    }
    return OK;
}

err_t paper_lines(const paper_head_t *head, slice_t text, buf_t *out)
{
    paper_t p;
    paper_element_t e = {0};
    slice_t line, fields;
    paper_begin(&p, out, head);
    while (slice_split(&text, '\n', &line)) {
        paper_kind_t kind = begins(line, &fields);
        if (kind) {
            ENSURE(has_fields(&e), ERR_SYNTAX);
            put(&p, &e);
            e.kind = kind;
            TRY(cut(fields, &e));
        } else if (slice_trim(line).len) {
            ENSURE(e.kind && e.n && slice_find_byte(line, '\t') == SIZE_MAX, ERR_SYNTAX);
            slice_t *last = &e.field[e.n - 1]; /* it lies in the same text, a line further up */
            last->len = (size_t)(line.ptr + line.len - last->ptr);
        }
    }
    ENSURE(has_fields(&e), ERR_SYNTAX);
    put(&p, &e);
    return paper_end(&p);
}
