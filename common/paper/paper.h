/* A paper: what a customer or an authority is given as PDF, element by element. Rooms write it
 * (paper_begin ... paper_end), paperd draws it. The bytes say what stands on the page, never how to
 * draw it, and the same bytes give the same PDF.
 *
 *   uint8_t *mem = ...; buf_t out = buf_on(mem, PAPER_MAX);
 *   paper_t p;
 *   paper_begin(&p, &out, &head);
 *   paper_text(&p, PAPER_HEADING, SLICE("ご旅行の内容"));
 *   paper_pair(&p, SLICE("出発日"), day);
 *   TRY(paper_end(&p));
 *
 * Form: "SKP1", then elements: u8 kind, u8 number of fields, each field u32 length and UTF-8 text
 * (little-endian). */
#ifndef PAPER_PAPER_H
#define PAPER_PAPER_H

#include "base/buf.h"
#include "base/cursor.h"

enum {
    PAPER_MAX = 1 << 20,     /* bytes of a whole paper */
    PAPER_FIELDS = 8,        /* of an element */
    PAPER_ELEMENTS = 20000,  /* of a paper */
    PAPER_PDF_MAX = 16 << 20 /* bytes of what is drawn */
};

typedef enum paper_kind {
    PAPER_HEAD = 1,    /* first, once: lang, title, number, date, issuer, made (RFC 3339) */
    PAPER_HEADING = 2, /* 1 field */
    PAPER_TEXT = 3,    /* 1 field: a paragraph */
    PAPER_SMALL = 4,   /* 1 field: a paragraph in small letters */
    PAPER_BOX = 5,     /* 1 field: a framed paragraph */
    PAPER_PAIR = 6,    /* key, value; those that follow each other stand as a table */
    PAPER_COLUMNS =
        7, /* begins a table: a field a column, weight 1-9, side < or >, heading: "5<内訳" */
    PAPER_ROW = 8,     /* as many fields as the table has columns */
    PAPER_TOTAL = 9,   /* label, amount: under a table */
    PAPER_ADDRESS = 10 /* 1 field: whom it is for, in large letters, a line each */
} paper_kind_t;

typedef struct paper {
    buf_t *out;
} paper_t;

typedef struct paper_head {
    slice_t lang;   /* "ja" or "en": which glyphs and line breaks */
    slice_t title;  /* 取引条件説明書面 */
    slice_t number; /* at the foot of each page; what the record's hash is found by */
    slice_t date;   /* as it shall be read */
    slice_t issuer; /* the agency, lines */
    slice_t made;   /* the PDF's own date, RFC 3339: the same paper gives the same bytes */
} paper_head_t;

void paper_begin(paper_t *p, buf_t *out, const paper_head_t *head);
/* An element of one field: HEADING, TEXT, SMALL, BOX, ADDRESS. */
void paper_text(paper_t *p, paper_kind_t kind, slice_t text);
void paper_pair(paper_t *p, slice_t key, slice_t value);
/* columns: "3<内訳", "1>金額" ...; n <= PAPER_FIELDS. */
void paper_columns(paper_t *p, const slice_t *columns, size_t n);
void paper_row(paper_t *p, const slice_t *cells, size_t n);
void paper_total(paper_t *p, slice_t label, slice_t amount);
/* LIMIT when the buffer was too small. */
err_t paper_end(paper_t *p);

typedef struct paper_element {
    paper_kind_t kind;
    size_t n; /* fields; borrowed from the paper's bytes */
    slice_t field[PAPER_FIELDS];
} paper_element_t;

/* Reads one after the other; the head comes first. */
typedef struct paper_reader {
    cursor_t at;
    size_t n, columns;
} paper_reader_t;

/* SYNTAX unless it begins as a paper; LIMIT above PAPER_MAX. */
err_t paper_open(paper_reader_t *r, slice_t bytes);
/* False at the end. SYNTAX for what paper.h does not describe, ENCODING for what is not printable
 * UTF-8 (line feeds may be in it). */
err_t paper_next(paper_reader_t *r, paper_element_t *ret_element, bool *ret_more);
/* Width and side of a column's field, and its heading. SYNTAX. */
err_t paper_column(slice_t field, unsigned *ret_weight, bool *ret_right, slice_t *ret_heading);

#endif
