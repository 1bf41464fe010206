/* Reads expressions and statements from tokens: how far does the grammar of SQL carry, and of what
 * are they made? Inside guard/detect only. It is lenient where dialects differ and never judges. */
#ifndef GUARD_DETECT_SQL_PARSE_H
#define GUARD_DETECT_SQL_PARSE_H

#include "sql_lex.h"

typedef enum operand {
    OPERAND_NONE, /* no operand stands here */
    OPERAND_NUM,
    OPERAND_STR,
    OPERAND_OPEN, /* a string that the host query ends */
    OPERAND_NAME,
    OPERAND_PROSE,
    OPERAND_CONST,
    OPERAND_VAR,
    OPERAND_CALL,     /* of a name that no dialect knows */
    OPERAND_FUNCTION, /* of a name that one knows */
    OPERAND_CALLED,   /* of a name that attackers like */
    OPERAND_QUERY,    /* ( SELECT ... ) */
    OPERAND_CASE,
    OPERAND_PAREN
} operand_t;

enum {
    HAS_SIGN_CMP = 1, /* a comparison by sign */
    HAS_WORD_CMP = 2, /* LIKE, IN, IS NULL, BETWEEN ... with operands that prose would not have */
    HAS_LOGIC = 4,    /* AND, OR inside parentheses */
    HAS_MATH = 8,
    HAS_HARD = 16,       /* an operand that is neither name nor prose */
    HAS_SAME = 32,       /* both sides of a comparison are the same text, or both are constants */
    HAS_NEGATION = 64,   /* ! ~ NOT before an operand */
    HAS_CALL = 128,      /* a function that a dialect knows */
    HAS_NESTED = 256,    /* a call inside a call, a call without arguments, a cast */
    HAS_BOTH_HARD = 512, /* a comparison between two operands that are neither name nor prose */
    HAS_CAST = 1024,
    HAS_VAR = 2048
};

typedef struct expr {
    uint32_t end;    /* index of the first token behind it */
    uint16_t has;    /* HAS_... */
    operand_t first; /* its first operand */
    operand_t last;
} expr_t;

/* A window of tokens. Beyond the last one stand TOK_END tokens without end. */
typedef struct toks {
    slice_t value;
    const tok_t *list;
    uint32_t count;
    uint32_t budget; /* operands that may still be read; set by who asks */
} toks_t;

enum { SQL_LOOK = 192 }; /* operands one question may read: keeps the whole linear */

const tok_t *toks_at(const toks_t *toks, uint32_t i);
bool toks_word(const toks_t *toks, uint32_t i, word_t word);
bool toks_text(const toks_t *toks, uint32_t i, slice_t lower);
/* One expression from token i on, AND and OR only inside parentheses. .first is NONE when there is
 * none. */
expr_t sql_expr(toks_t *toks, uint32_t i);
/* One operand with its signs in front, no operators behind. */
expr_t sql_operand(toks_t *toks, uint32_t i);
/* The operators and operands that follow an operand of kind `left` which ends before token i. */
expr_t sql_rest(toks_t *toks, uint32_t i, operand_t left);
/* SELECT, VALUES ( or WITH x AS at token i, parentheses before it aside. */
bool sql_query_starts(const toks_t *toks, uint32_t i);
/* How much the tokens behind SELECT look like a query and unlike prose: 0 not at all. */
unsigned sql_select_weight(toks_t *toks, uint32_t i);
/* Whether a statement stands at token i (not SELECT). *ret_end: behind what made it one. */
bool sql_statement(toks_t *toks, uint32_t i, uint32_t *ret_end);
bool sql_system_table(const toks_t *toks, uint32_t i);
bool operand_hard(operand_t o);

#endif
