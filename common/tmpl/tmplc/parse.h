/* The parser's shared part: parse.c reads statements, header.c the typed headers, expr.c values and
 * conditions. A file is given up at its first syntax error. */
#ifndef TMPLC_PARSE_H
#define TMPLC_PARSE_H

#include "lex.h"

/* NULL and an error when there is none. */
expr_t *parse_expr(lexer_t *l);  /* without filter */
expr_t *parse_value(lexer_t *l); /* with filter */
cond_t *parse_cond(lexer_t *l);
/* name=value ...; false on error. */
bool parse_arguments(lexer_t *l, argument_t **ret_arguments);
/* Error unless the piece is used up. */
bool parse_end(lexer_t *l, const char *what);
void parse_error(lexer_t *l, const char *wanted);

typedef enum header_kind { HEADER_NONE, HEADER_RECORD, HEADER_TEMPLATE, HEADER_BAD } header_kind_t;
/* A comment that begins with record, template or text NAME; ret_template is new for a template. */
header_kind_t parse_header(unit_t *u, const piece_t *piece, template_t **ret_template);

/* One file: its pieces, and at each header's index its template. */
typedef struct file {
    piece_t *pieces;
    template_t **templates;
    size_t count;
} file_t;

/* Headers of all files come before the bodies of any. */
bool parse_headers(unit_t *u, const tmplc_source_t *source, file_t *ret_file);
void parse_bodies(unit_t *u, const file_t *file);

#endif
