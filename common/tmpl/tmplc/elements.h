/* HTML as this house writes it: which elements and attributes exist, and what each may hold.
 * Source: WHATWG HTML 4 (elements), 13.1.2 (void, raw, RCDATA), 13.2.6 (what closes a p). */
#ifndef TMPLC_ELEMENTS_H
#define TMPLC_ELEMENTS_H

#include "unit.h"

enum {
    EL_VOID = 1,     /* no end tag */
    EL_BLOCK = 2,    /* closes an open p */
    EL_RCDATA = 4,   /* title, textarea */
    EL_VERBATIM = 8, /* white space counts */
    EL_SCRIPT = 16,
    EL_NO_SELF = 32, /* not inside itself: a, form, button */
    EL_SVG = 64,     /* only inside svg */
    EL_SCOPE = 128,  /* a p outside does not see what is inside */
};

typedef struct element {
    const char *name;
    unsigned flags;
} element_t;

/* NULL when unknown. Inside svg only svg's own are known. */
const element_t *element_find(slice_t name, bool in_svg);
/* Why this element may not be used; NULL when nothing forbids it. */
const char *element_forbidden(slice_t name);

typedef enum attr_kind {
    AT_PLAIN,
    AT_URL,
    AT_LITERAL, /* takes no value at run time */
    AT_WORDS,   /* read by people: literal words are refused */
} attr_kind_t;

attr_kind_t attr_kind_of(slice_t name);
/* Why this attribute may not be used; NULL when nothing forbids it. */
const char *attr_forbidden(slice_t name);
/* Is this the scheme of a link that may be written? (without ':') */
bool url_scheme_allowed(slice_t scheme);

#endif
