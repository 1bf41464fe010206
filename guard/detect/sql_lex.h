/* A lexer for the union of five SQL dialects (MySQL, PostgreSQL, SQLite, SQL Server, Oracle).
 * Inside guard/detect only. It never fails: what no dialect knows is a TOK_ODD. */
#ifndef GUARD_DETECT_SQL_LEX_H
#define GUARD_DETECT_SQL_LEX_H

#include "base/slice.h"

typedef enum tok_kind {
    TOK_END,
    TOK_NUM,      /* 1, .5, 1e0, 0xff, \N */
    TOK_STR,      /* '...', "...", $$...$$, q'[...]', N'...' */
    TOK_OPEN_STR, /* a string that the value does not end */
    TOK_WORD,     /* word says which; names with dots are one word */
    TOK_NAME,     /* `...`, [...] */
    TOK_VAR,      /* @x, @@x, lone @ */
    TOK_LOGIC,    /* && || */
    TOK_CMP,      /* = <> <=> := ~ ... */
    TOK_MATH,     /* + - * / % & | ^ << >> -> @> */
    TOK_NOT,      /* ! ~ as first sign */
    TOK_CAST,     /* :: */
    TOK_LP,       /* ( and { with a word behind it (ODBC) */
    TOK_RP,
    TOK_COMMA,
    TOK_SEMI,
    TOK_TAIL, /* a comment up to the end of the value */
    TOK_ODD
} tok_kind_t;

/* What a word can be in a query. Words of everyday English that no schema uses are told apart from
 * names: they show that the value is prose. */
typedef enum word {
    WORD_NAME,
    WORD_PROSE,
    WORD_AND,
    WORD_OR,
    WORD_NOT,
    WORD_LIKE, /* like, rlike, regexp, glob, match, ...: a pattern follows */
    WORD_IS,
    WORD_IN,
    WORD_BETWEEN,
    WORD_DIV, /* div, mod */
    WORD_UNION,
    WORD_SELECT,
    WORD_VALUES,
    WORD_ALL, /* all, distinct, distinctrow, top */
    WORD_FROM,
    WORD_WHERE,
    WORD_HAVING,
    WORD_GROUP, /* group, order */
    WORD_BY,
    WORD_LIMIT, /* limit, offset, fetch */
    WORD_INTO,
    WORD_PROCEDURE,
    WORD_CASE,
    WORD_WHEN,
    WORD_THEN,
    WORD_ELSE,
    WORD_END_KW,
    WORD_AS,
    WORD_JOIN,
    WORD_UNARY, /* binary, exists, any, some, row, interval, prior */
    WORD_CONST, /* null, true, current_user, sysdate, ... */
    WORD_COLLATE,
    WORD_SORT,   /* asc, desc */
    WORD_TYPE,   /* int, varchar, ... */
    WORD_OBJECT, /* table, database, ... after drop, create, alter */
    WORD_FILE,   /* outfile, dumpfile */
    WORD_WITH,
    WORD_FOR,
    WORD_SET,
    WORD_ON,
    WORD_IF,
    WORD_STATEMENT, /* insert, update, ...: id tells which */
    WORD_CALLED,    /* a function that attackers use and prose does not: sleep, extractvalue */
    WORD_FUNCTION   /* any other function of the dialects */
} word_t;

typedef enum stmt {
    STMT_NONE,
    STMT_INSERT,
    STMT_UPDATE,
    STMT_DELETE,
    STMT_DDL, /* drop, create, alter, truncate */
    STMT_EXEC,
    STMT_DECLARE,
    STMT_WAITFOR,
    STMT_SHUTDOWN,
    STMT_BEGIN,
    STMT_CALL,
    STMT_COPY,
    STMT_WHILE,
    STMT_ATTACH,
    STMT_PRAGMA,
    STMT_LOAD,
    STMT_HANDLER,
    STMT_DO,
    STMT_MERGE,
    STMT_GRANT,
    STMT_USE,
    STMT_SHOW,
    STMT_BACKUP,
    STMT_PRINT,
    STMT_GOTO,
    STMT_PREPARE,
    STMT_COMMIT,
    STMT_KILL
} stmt_t;

enum {
    TOK_GLUED = 1,        /* no white space or comment before it */
    TOK_COMMENTED = 2,    /* a comment stands before it */
    TOK_CALL = 4,         /* a word with ( behind it */
    TOK_CALL_GLUED = 8,   /* ... and no space between */
    TOK_DOTTED = 16,      /* a name with a dot in it */
    TOK_EMPTY = 32,       /* TAIL: nothing but signs in the comment; STR: '' */
    TOK_MULTI = 64,       /* TAIL: two words or more in it */
    TOK_CONDITIONAL = 128 /* inside or right behind MySQL's comment that is code */
};

typedef struct tok {
    uint8_t kind; /* tok_kind_t */
    uint8_t word; /* word_t, when kind is TOK_WORD */
    uint8_t stmt; /* stmt_t, when word is WORD_STATEMENT */
    uint8_t sign; /* first byte of an operator or the quote of a string; 'o', 's', ... of a word */
    uint16_t flags;
    uint8_t dialects; /* bits of sqli.h; 0 when it tells nothing */
    uint32_t at, len;
} tok_t;

typedef struct sql_word {
    const char *text; /* lower case */
    uint8_t len, word, stmt, dialects;
} sql_word_t;

typedef struct sql_lex {
    const uint8_t *ptr;
    uint32_t len, at;
    uint32_t conditional; /* depth of open comments that are code */
    bool endless[2];      /* a string in ' (") that MySQL's backslash would leave open was met */
    bool wants;           /* an operand is what would come next: [ opens a name, ~ is a sign */
} sql_lex_t;

/* NULL when the word is none of SQL's. Any case. */
const sql_word_t *sql_word_find(slice_t word);
/* Whether a word that could decide something stands in the value. tiers: 1 among words alone, 2
 * also those that need a number, a quote or a parenthesis, 3 also functions. Fast. */
bool sql_words_decide(slice_t value, unsigned tiers);
/* The next token; TOK_END at the end, again and again. */
tok_t sql_lex_next(sql_lex_t *lex);
/* Offset just behind the string whose first content byte stands at `at`, or UINT32_MAX when the
 * value ends first. backslash: whether \ takes the next byte's meaning away. */
uint32_t sql_string_end(slice_t value, uint32_t at, uint8_t quote, bool backslash);

#endif
