/* Reads tags and attributes as browsers do, without a tree. Inside guard/detect only. */
#ifndef GUARD_DETECT_HTML_TAG_H
#define GUARD_DETECT_HTML_TAG_H

#include "base/slice.h"

typedef struct html_attr {
    slice_t name;  /* as written; controls inside are dropped when it is compared */
    slice_t value; /* as written, without quotes; entities stay */
    bool has_value;
} html_attr_t;

typedef struct html_cursor {
    slice_t text;
    size_t at;
    bool ended;     /* a '>' or the end was met */
    size_t last[3]; /* where the last " ' ` stands, or 0: a missing one costs no second look */
} html_cursor_t;

html_cursor_t html_on(slice_t text, size_t at);
/* The next attribute; false at the end of the tag. */
bool html_attr_next(html_cursor_t *c, html_attr_t *ret_attr);
/* Case, NUL and control characters aside: does a begin with (is it) the lower-case word? */
bool html_word_starts(slice_t a, slice_t lower);
bool html_word_is(slice_t a, slice_t lower);
/* The scheme of a URL in an attribute runs script: javascript:, data:text/html, ... Entities, white
 * space and controls are seen through. */
bool html_scheme_runs(slice_t url);
/* A style that runs script or loads one: expression(, -moz-binding, url(javascript: ... CSS
 * escapes, comments and entities are seen through. declared: only behind a property's name. */
bool html_style_runs(slice_t css, bool declared);
/* The name of an event handler: on and the beginning of a known event. */
bool html_event_name(slice_t name, bool any);

#endif
