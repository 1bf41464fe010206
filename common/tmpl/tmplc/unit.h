/* What the parts of the compiler share: positions, diagnostics, the tree, the catalogue. Everything
 * lives in one arena until the end of the compilation. */
#ifndef TMPLC_UNIT_H
#define TMPLC_UNIT_H

#include <stdarg.h>

#include "tmplc.h"

enum { LANGS = 2 }; /* i18n_lang_t, in its order: ja, en */
enum { MAX_DEPTH = 32 };
#define ALL_LANGS ((1U << LANGS) - 1U)

typedef struct pos {
    const char *file;
    unsigned line, col; /* from 1; columns count characters */
} pos_t;

/* Text that grows in the arena. */
typedef struct grow {
    arena_t *arena;
    uint8_t *ptr;
    size_t len, cap;
} grow_t;

void grow_put(grow_t *g, slice_t s);
void grow_fmt(grow_t *g, const char *fmt, ...) BASE_PRINTF(2, 3);
void grow_vfmt(grow_t *g, const char *fmt, va_list ap) BASE_PRINTF(2, 0);
slice_t grow_slice(const grow_t *g);

/* --- types and names --- */

typedef enum type_kind {
    TY_TEXT,
    TY_INT,
    TY_BOOL,
    TY_URL,
    TY_HTML,
    TY_MSG,
    TY_SLOT,
    TY_RECORD,
    TY_LIST,
} type_kind_t;

typedef struct record record_t;

typedef struct field {
    struct field *next;
    slice_t name;
    pos_t pos;
    type_kind_t kind;
    bool optional; /* record: a pointer; else: a call may leave it out */
    bool used;
    slice_t record_name; /* of a named record, until resolved */
    record_t *record;    /* TY_RECORD, TY_LIST */
} field_t;

struct record {
    record_t *next;
    slice_t name; /* of the struct: "tpl_" + this */
    pos_t pos;
    field_t *fields;
    bool emitting, emitted;
};

/* --- the tree --- */

typedef enum expr_kind { EX_PATH, EX_TEXT, EX_INT, EX_BOOL, EX_MSG } expr_kind_t;

enum { PATH_MAX_PARTS = 8 };

typedef struct expr {
    expr_kind_t kind;
    pos_t pos;
    slice_t parts[PATH_MAX_PARTS]; /* EX_PATH */
    unsigned part_count;
    slice_t text;   /* EX_TEXT: decoded; EX_MSG: key */
    int64_t number; /* EX_INT, EX_BOOL */
    slice_t filter; /* empty = none */
    pos_t filter_pos;
} expr_t;

typedef enum cond_op { OP_TRUE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE } cond_op_t;

typedef struct term {
    struct term *next;
    bool negated;
    cond_op_t op;
    expr_t *left, *right;
} term_t;

typedef struct cond {
    term_t *terms;
    bool any; /* or; else and */
} cond_t;

typedef struct argument {
    struct argument *next;
    slice_t name;
    pos_t pos;
    expr_t *value;
} argument_t;

typedef struct node node_t;

typedef struct branch {
    struct branch *next;
    cond_t *cond; /* NULL = else */
    node_t *body;
    pos_t pos;
} branch_t;

typedef enum node_kind { N_LITERAL, N_VALUE, N_IF, N_FOR, N_MESSAGE, N_CALL, N_CSRF } node_kind_t;

struct node {
    node_t *next;
    node_kind_t kind;
    pos_t pos;
    slice_t text;       /* N_LITERAL: source; N_MESSAGE: key; N_CALL: template; N_FOR: variable */
    expr_t *expr;       /* N_VALUE, N_FOR */
    branch_t *branches; /* N_IF */
    argument_t *arguments;    /* N_MESSAGE, N_CALL */
    node_t *body, *otherwise; /* N_FOR, N_CALL (body) */
    bool has_body;            /* N_CALL */
    bool has_otherwise;
    pos_t end; /* of its {% end %} */
};

typedef struct template
{
    struct template *next;
    slice_t name;
    pos_t pos;
    bool plain; /* {# text NAME #} */
    record_t args;
    node_t *body;
    bool csrf; /* has or calls one that has {% csrf %} */
    bool visiting, visited;
    pos_t end;
}
template_t;

/* --- messages --- */

typedef struct placeholder {
    struct placeholder *next;
    slice_t name;
    pos_t pos;
    slice_t filter; /* messages.def: makes it an int */
} placeholder_t;

enum { MAX_FORMS = 2 };

typedef struct message {
    struct message *next;
    slice_t key;
    pos_t pos[LANGS];
    bool present[LANGS];
    bool plural[LANGS];
    slice_t forms[LANGS][MAX_FORMS];
    placeholder_t *placeholders; /* union over languages and forms */
    bool used;
    bool in_c;                   /* stands in messages.def */
    placeholder_t *c_parameters; /* in its order */
    pos_t c_pos;
    unsigned id;
} message_t;

/* --- the unit --- */

typedef struct unit {
    arena_t *arena;
    slice_t room, header;
    grow_t diagnostics;
    unsigned errors;
    record_t *records;
    template_t *templates;
    message_t *messages; /* sorted by key once read */
    unsigned message_count;
    bool po_seen[LANGS];
    const char *po_file[LANGS];
} unit_t;

void *unit_alloc(unit_t *u, size_t bytes);
#define UNIT_NEW(u, type) ((type *)unit_alloc((u), sizeof(type)))
slice_t unit_printf(unit_t *u, const char *fmt, ...) BASE_PRINTF(2, 3);
/* Up to 50 are written, all are counted. */
void unit_error(unit_t *u, pos_t pos, const char *fmt, ...) BASE_PRINTF(3, 4);

bool name_is_word(slice_t name);  /* [a-z][a-z0-9_]* */
bool name_is_valid(slice_t name); /* and no word of C */
record_t *unit_record(unit_t *u, slice_t name);
template_t *unit_template(unit_t *u, slice_t name);
message_t *unit_message(unit_t *u, slice_t key);
field_t *record_field(const record_t *r, slice_t name);
/* "SHOP_MSG_TOUR_PRICE" and "tour_price". */
slice_t message_constant(unit_t *u, const message_t *m);
slice_t message_name(unit_t *u, slice_t key);

/* --- characters (chars.c) --- */

/* Next code point of *s; UINT32_MAX when malformed (one byte is cut off). */
uint32_t chars_take(slice_t *s);
bool chars_valid(slice_t s, size_t *ret_bad_offset);
bool chars_is_space(uint32_t c);  /* space, tab, CR, LF, FF */
bool chars_is_cjk(uint32_t c);    /* takes no space beside itself */
bool chars_is_letter(uint32_t c); /* a word that someone reads */
uint32_t chars_first(slice_t s);  /* 0 when empty */
uint32_t chars_last(slice_t s);
/* The position after s, which starts at pos. */
pos_t pos_after(pos_t pos, slice_t s);

/* --- the parts --- */

void po_read(unit_t *u, const tmplc_source_t *source, unsigned lang);
void def_read(unit_t *u, const tmplc_source_t *source);
/* After all: completeness, placeholders, ids. */
void messages_check(unit_t *u);
void messages_check_unused(unit_t *u);
/* Is the next "{name}" in *text? Cuts literal and placeholder off; false at the end. */
bool message_split(slice_t *text, slice_t *ret_literal, slice_t *ret_name);
/* Names, types, places; writes the functions. */
void check_unit(unit_t *u, grow_t *ret_code);

#endif
