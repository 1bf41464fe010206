/* The checker: names, types, places. It walks a template's tree once and lets the emitter write
 * what it has found right. */
#ifndef TMPLC_CHECK_H
#define TMPLC_CHECK_H

#include "context.h"

/* What an expression is, and how C says it. */
typedef struct value {
    type_kind_t kind;
    const record_t *record;
    slice_t c;
    bool pointer; /* record: c points at it */
    bool maybe;   /* record: may be NULL here */
} value_t;

typedef struct scope {
    const struct scope *outer;
    slice_t name; /* of a loop's variable */
    const record_t *record;
    unsigned number;
    slice_t count; /* C: the list's length */
} scope_t;

typedef struct known {
    const struct known *outer;
    slice_t c; /* a pointer that is not NULL here */
} known_t;

typedef struct checker {
    unit_t *unit;
    const template_t *template;
    emitter_t emitter;
    context_t context;
    const scope_t *scope; /* innermost loop first */
    const known_t *known;
} checker_t;

/* check_expr.c */
bool check_path(checker_t *k, const expr_t *e, value_t *ret_value);
/* The filter's function; NULL without one. False and an error when it does not fit. */
bool check_filter(checker_t *k, const expr_t *e, type_kind_t kind, const char **ret_function);
/* The condition in C; pointers that it proves are added to k->known. */
bool check_cond(checker_t *k, const cond_t *cond, slice_t *ret_c);
/* The value in C for a parameter of this type. */
bool check_argument(checker_t *k, const expr_t *e, const field_t *parameter, slice_t *ret_c);
const message_t *check_message_key(checker_t *k, slice_t key, pos_t pos, bool placeholders_allowed);
const char *type_name(type_kind_t kind);
slice_t expr_text(unit_t *u, const expr_t *e); /* as written, for sentences */

/* check_call.c */
void check_call(checker_t *k, const node_t *n);
void check_message(checker_t *k, const node_t *n);
/* check.c */
void check_nodes(checker_t *k, const node_t *nodes);

#endif
