#include "paper/paper.h"
#include "text/utf8.h"

#define MAGIC SLICE("SKP1")

/* ---- writing ---- */

static void element(paper_t *p, paper_kind_t kind, const slice_t *fields, size_t n)
{
    if (n > PAPER_FIELDS) {
        p->out->full = true;
        return;
    }
    buf_u8(p->out, (uint8_t)kind);
    buf_u8(p->out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_str32(p->out, fields[i]);
    }
}

void paper_begin(paper_t *p, buf_t *out, const paper_head_t *head)
{
    const slice_t fields[] = {head->lang, head->title,  head->number,
                              head->date, head->issuer, head->made};
    p->out = out;
    buf_put(out, MAGIC);
    element(p, PAPER_HEAD, fields, BASE_COUNT(fields));
}

void paper_text(paper_t *p, paper_kind_t kind, slice_t text)
{
    element(p, kind, &text, 1);
}

void paper_pair(paper_t *p, slice_t key, slice_t value)
{
    element(p, PAPER_PAIR, (slice_t[]){key, value}, 2);
}

void paper_columns(paper_t *p, const slice_t *columns, size_t n)
{
    element(p, PAPER_COLUMNS, columns, n);
}

void paper_row(paper_t *p, const slice_t *cells, size_t n)
{
    element(p, PAPER_ROW, cells, n);
}

void paper_total(paper_t *p, slice_t label, slice_t amount)
{
    element(p, PAPER_TOTAL, (slice_t[]){label, amount}, 2);
}

err_t paper_end(paper_t *p)
{
    return buf_check(p->out);
}

/* ---- reading ---- */

/* How many fields a kind has; 0 = the table's, -1 = no such kind. */
static int fields_of(unsigned kind)
{
    switch (kind) {
    case PAPER_HEAD:
        return 6;
    case PAPER_HEADING:
    case PAPER_TEXT:
    case PAPER_SMALL:
    case PAPER_BOX:
    case PAPER_ADDRESS:
        return 1;
    case PAPER_PAIR:
    case PAPER_TOTAL:
        return 2;
    case PAPER_COLUMNS:
    case PAPER_ROW:
        return 0;
    default:
        return -1;
    }
}

err_t paper_open(paper_reader_t *r, slice_t bytes)
{
    ENSURE(bytes.len <= PAPER_MAX, ERR_LIMIT);
    ENSURE(slice_starts(bytes, MAGIC), ERR_SYNTAX);
    *r = (paper_reader_t){.at = cur_on(slice_from(bytes, MAGIC.len))};
    return OK;
}

static err_t fits(paper_reader_t *r, const paper_element_t *e)
{
    int want = fields_of(e->kind);
    ENSURE(want >= 0 && (e->kind == PAPER_HEAD) == (r->n == 0), ERR_SYNTAX);
    if (want > 0) {
        ENSURE(e->n == (size_t)want, ERR_SYNTAX);
    } else if (e->kind == PAPER_ROW) {
        ENSURE(e->n > 0 && e->n == r->columns, ERR_SYNTAX);
    } else {
        ENSURE(e->n > 0, ERR_SYNTAX);
        r->columns = e->n;
    }
    return OK;
}

err_t paper_next(paper_reader_t *r, paper_element_t *ret_element, bool *ret_more)
{
    paper_element_t e = {0};
    if (r->at.left == 0 && !r->at.bad) {
        ENSURE(r->n > 0, ERR_SYNTAX);
        *ret_more = false;
        return OK;
    }
    ENSURE(r->n < PAPER_ELEMENTS, ERR_LIMIT);
    e.kind = (paper_kind_t)cur_u8(&r->at);
    e.n = cur_u8(&r->at);
    ENSURE(e.n <= PAPER_FIELDS, ERR_SYNTAX);
    for (size_t i = 0; i < e.n; i++) {
        e.field[i] = cur_str32(&r->at);
        ENSURE(utf8_is_text(e.field[i], true), ERR_ENCODING);
    }
    ENSURE(!r->at.bad, ERR_SYNTAX);
    TRY(fits(r, &e));
    for (size_t i = 0; e.kind == PAPER_COLUMNS && i < e.n; i++) {
        unsigned weight;
        bool right;
        slice_t heading;
        TRY(paper_column(e.field[i], &weight, &right, &heading));
    }
    r->n++;
    *ret_element = e;
    *ret_more = true;
    return OK;
}

err_t paper_column(slice_t field, unsigned *ret_weight, bool *ret_right, slice_t *ret_heading)
{
    ENSURE(field.len >= 2 && field.ptr[0] >= '1' && field.ptr[0] <= '9', ERR_SYNTAX);
    ENSURE(field.ptr[1] == '<' || field.ptr[1] == '>', ERR_SYNTAX);
    *ret_weight = (unsigned)(field.ptr[0] - '0');
    *ret_right = field.ptr[1] == '>';
    *ret_heading = slice_from(field, 2);
    return OK;
}
