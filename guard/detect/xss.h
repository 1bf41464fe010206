/* Cross-site scripting (@detectXSS): would this value, pasted into a page, run script or load
 * something foreign? Pure: no allocation, no state, time linear in the value's length.
 *
 * The value is read as an HTML parser would read it in each place where careless templates put one:
 * between tags, in an attribute value (unquoted, '...', "...", `...`), inside a tag, as a URL,
 * inside a script's string or a style. */
#ifndef GUARD_DETECT_XSS_H
#define GUARD_DETECT_XSS_H

#include "bytes.h"

enum { XSS_FINGERPRINT_MAX = 16 };

typedef enum xss_context {
    XSS_DATA,          /* <p>VALUE</p> */
    XSS_ATTR_UNQUOTED, /* <a title=VALUE> */
    XSS_ATTR_SINGLE,
    XSS_ATTR_DOUBLE,
    XSS_ATTR_BACKTICK, /* old Internet Explorer */
    XSS_TAG,           /* <a VALUE> */
    XSS_URL,           /* href="VALUE" */
    XSS_SCRIPT,        /* "VALUE" in a script */
    XSS_STYLE          /* style="VALUE" */
} xss_context_t;

typedef struct xss_found {
    xss_context_t context;
    char fingerprint[XSS_FINGERPRINT_MAX + 1]; /* [a-z0-9_-], NUL-terminated */
    size_t at, len;                            /* the deciding part; inside the value */
} xss_found_t;

/* False means: certainly nothing that xss_detect would find, by bytes_seen() and length alone. */
bool xss_possible(uint32_t seen, size_t len);
/* True when the value is active in at least one context; the first such is told. ret_found may be
 * NULL and is untouched on false. */
bool xss_detect(slice_t value, xss_found_t *ret_found);
const char *xss_context_name(xss_context_t context); /* "data"; never NULL */

#endif
