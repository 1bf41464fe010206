/* A template's text cut into literals, {{values}}, {% statements %} and {# comments #}; and the
 * tokens inside those. */
#ifndef TMPLC_LEX_H
#define TMPLC_LEX_H

#include "unit.h"

typedef enum piece_kind { PIECE_LITERAL, PIECE_VALUE, PIECE_STATEMENT, PIECE_COMMENT } piece_kind_t;

typedef struct piece {
    piece_kind_t kind;
    slice_t text; /* without the braces */
    pos_t pos;    /* of text */
    pos_t start;  /* of the opening brace */
} piece_t;

/* Lines that hold only control statements and comments leave nothing. False (and an error) when a
 * brace is not closed. */
bool lex_pieces(unit_t *u, const tmplc_source_t *source, piece_t **ret_pieces, size_t *ret_count);

typedef enum token_kind { T_END, T_NAME, T_TEXT, T_INT, T_PUNCT, T_BAD } token_kind_t;

typedef struct token {
    token_kind_t kind;
    slice_t text; /* T_TEXT: decoded */
    int64_t number;
    pos_t pos;
} token_t;

typedef struct lexer {
    unit_t *unit;
    slice_t rest;
    pos_t pos;
    token_t now;
} lexer_t;

lexer_t lex_on(unit_t *u, slice_t text, pos_t pos); /* stands on the first token */
void lex_next(lexer_t *l);
bool lex_is(const lexer_t *l, const char *punct_or_name); /* not a string */

#endif
