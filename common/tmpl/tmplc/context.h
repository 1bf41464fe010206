/* Where in HTML a template stands: a tokenizer that is fed the literals between the statements,
 * refuses what the house refuses, and says how a value must be escaped. The state is a plain value:
 * copied before a branch, joined after it. */
#ifndef TMPLC_CONTEXT_H
#define TMPLC_CONTEXT_H

#include "elements.h"
#include "emit.h"

typedef enum place {
    PL_TEXT,
    PL_RCDATA,
    PL_SCRIPT,
    PL_COMMENT,
    PL_TAG_OPEN,  /* after '<' or inside an end tag */
    PL_TAG_NAME,  /* right behind a start tag's name */
    PL_TAG,       /* where an attribute may begin */
    PL_TAG_TIGHT, /* the same, but a space must come first */
    PL_ATTR_NAME, /* right behind an attribute's name */
    PL_ATTR_EQUALS,
    PL_UNQUOTED,
    PL_VALUE, /* between quotes */
} place_t;

typedef enum url_part {
    URL_START,
    URL_SLASH, /* "/" so far: an empty value and another '/' would begin a host */
    URL_HEAD,  /* literal that could still become a scheme */
    URL_VALUE, /* HEAD and a value: no ':' may follow before a / ? # */
    URL_HOST,  /* behind "https:": no value up to the path */
    URL_WHOLE, /* behind a value of type url: only ? or # */
    URL_SAFE,
} url_part_t;

typedef struct open_element {
    struct open_element *parent;
    const element_t *element;
    pos_t pos;
} open_element_t;

typedef struct attr {
    struct attr *next;
    slice_t name;
    pos_t pos;
    slice_t value;  /* when literal */
    bool literal;   /* value is known */
    bool always;    /* on every path */
    bool url_value; /* begins with a value of type url */
} attr_t;

enum { SCHEME_MAX = 16 };

typedef struct context {
    unit_t *unit;
    emitter_t *emitter;
    bool plain; /* a text template: no HTML at all */
    place_t place;
    open_element_t *open;
    /* the start tag */
    const element_t *tag;
    pos_t tag_pos;
    attr_t *attrs; /* latest first */
    /* the attribute */
    attr_kind_t attr_kind;
    uint8_t quote;
    url_part_t url;
    char scheme[SCHEME_MAX];
    uint8_t scheme_len, host_slashes;
    /* the form */
    bool in_post, in_get, csrf;
    pos_t form_pos;
    /* white space: the run not yet written, and the character before it per language (0: other) */
    bool space, line_break, at_start, after_space;
    uint32_t left[LANGS];
    bool words_told;
} context_t;

context_t context_new(unit_t *u, emitter_t *e, bool plain);
void context_literal(context_t *c, slice_t text, pos_t pos);
/* Before a statement: ends what a literal left half-written. False (and an error) where none may
 * stand; what = "if". */
bool context_statement(context_t *c, pos_t pos, const char *what);
/* A value is about to be written: how. first / last: its outer characters per language, or NULL. */
bool context_value(context_t *c, pos_t pos, type_kind_t kind, slice_t what, escape_t *ret_escape,
                   const uint32_t *first, const uint32_t *last);
/* Markup of another template, or a slot. */
bool context_markup(context_t *c, pos_t pos, const char *what);
void context_csrf(context_t *c, pos_t pos);
/* Writes the white space that is due and forgets the neighbour. */
void context_settle(context_t *c);
/* Joins the end of another path into *c; an error when they ended in different places. */
void context_join(context_t *c, const context_t *other, pos_t pos, const char *what);
/* The same for a loop: the end of its body must be where it began. */
void context_check_loop(context_t *c, const context_t *begin, pos_t pos);
void context_end(context_t *c, pos_t pos);

/* Within the part (context.c, context_tag.c). */
typedef struct scan {
    slice_t rest;
    pos_t pos;
} scan_t;
slice_t scan_take(scan_t *s, size_t bytes);
void context_put(context_t *c, slice_t text);
void context_space_flush(context_t *c, const uint32_t *right);
void context_entity(context_t *c, scan_t *s);
void context_words(context_t *c, uint32_t character, pos_t pos);
/* From the first byte after the tag's name on; returns when the tag or the literal ends. */
void context_scan_tag(context_t *c, scan_t *s);
void context_scan_value(context_t *c, scan_t *s);
void context_tag_begin(context_t *c, scan_t *s); /* at '<' of a start tag */
void context_tag_close(context_t *c, scan_t *s); /* at '<' of an end tag */

#endif
