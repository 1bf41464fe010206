/* html_t: markup that may be sent as it is. Only the escapers here, the literal macro and the
 * template engine make one, so text that nobody escaped does not compile into a page.
 * Source: WHATWG HTML 13.1; contexts: text, quoted attribute, URL in a quoted attribute. */
#ifndef TEXT_HTML_H
#define TEXT_HTML_H

#include "base/arena.h"

typedef struct html {
    slice_t s;
} html_t;

/* Markup written by us (only literals compile). */
#define HTML(lit) ((html_t){SLICE(lit)})
#define HTML_EMPTY ((html_t){SLICE_EMPTY})

/* Text between tags: & < > " ' become references; malformed UTF-8, control characters (but tab, CR,
 * LF) and noncharacters become U+FFFD. */
void html_put_text(buf_t *b, slice_t text);
/* Inside a quoted attribute: the same set, and tab, CR, LF as references so that they survive. */
void html_put_attr(buf_t *b, slice_t text);
/* A URL inside a quoted attribute (href, src, action): http, https, mailto, tel; or relative:
 * starts with '/' (not "//" nor "/\"), '?' or '#'. Anything else (or a control character, space,
 * backslash in it) writes '#'. */
void html_put_url(buf_t *b, slice_t url);
/* Whether html_put_url would write it. */
bool html_url_ok(slice_t url);
void html_put(buf_t *b, html_t markup);
/* Text made markup, in the arena. */
err_t html_escape(arena_t *a, slice_t text, html_t *ret);

#endif
