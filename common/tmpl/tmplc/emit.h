/* Writes the C of template functions. The checker walks and decides; this only spells. */
#ifndef TMPLC_EMIT_H
#define TMPLC_EMIT_H

#include "unit.h"

/* How a value is written where it stands. */
typedef enum escape { ESC_TEXT, ESC_ATTR, ESC_URL, ESC_COMPONENT, ESC_SEGMENT, ESC_PLAIN } escape_t;

typedef struct emitter {
    unit_t *unit;
    const template_t *template;
    grow_t *body;   /* of the function being written */
    unsigned depth; /* of its indentation */
    grow_t literal; /* gathered, not yet written */
    unsigned literal_langs;
    grow_t before;  /* finished slot functions */
    unsigned names; /* for unique names */
} emitter_t;

void emit_literal(emitter_t *e, unsigned langs, slice_t text);
/* Writes what was gathered; before any other line. */
void emit_flush(emitter_t *e);
/* One line at the present depth. */
void emit_line(emitter_t *e, const char *fmt, ...) BASE_PRINTF(2, 3);
void emit_open(emitter_t *e, const char *fmt, ...) BASE_PRINTF(2, 3); /* line + deeper */
void emit_close(emitter_t *e, const char *line);

/* The value of a C expression of this type. filter: "tmpl_put_..." or NULL. */
void emit_value(emitter_t *e, type_kind_t kind, escape_t escape, slice_t c, const char *filter);
/* "..." of C. */
slice_t emit_string(unit_t *u, slice_t text);
/* The same text escaped as HTML; line breaks too for an attribute. */
slice_t emit_escaped(unit_t *u, slice_t text);
unsigned emit_unique(emitter_t *e);

/* What fills a message's placeholder. */
typedef struct bound {
    struct bound *next;
    slice_t name;
    type_kind_t kind;
    slice_t c;
    const char *filter;
} bound_t;

/* A message with its placeholders, in every language (escape: TEXT, ATTR or PLAIN). */
void emit_message(emitter_t *e, const message_t *m, escape_t escape, const bound_t *bound);
/* "tmpl_put_yen" for yen; NULL when there is no such filter. */
const char *emit_filter(slice_t name);

/* The two files (output.c); template_code: the functions of all templates. */
void emit_files(unit_t *u, slice_t template_code, slice_t *ret_c, slice_t *ret_h);

#endif
