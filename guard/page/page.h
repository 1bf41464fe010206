/* The guard's own pages: the little it says by itself. A plain C face on the compiled templates, so
 * that nginx's glue needs no C2x header. */
#ifndef GUARD_PAGE_H
#define GUARD_PAGE_H

#include "base/buf.h"

typedef enum guard_page {
    GUARD_PAGE_CARD,        /* a card number was refused */
    GUARD_PAGE_BLOCKED,     /* a rule has blocked */
    GUARD_PAGE_UNREADABLE,  /* 400, 415 and the like: what was sent could not be read */
    GUARD_PAGE_TOO_LARGE,   /* 413, 414, 431 */
    GUARD_PAGE_NOT_FOUND,   /* 403, 404, 405, 410 */
    GUARD_PAGE_OTHER_HOST,  /* 421 */
    GUARD_PAGE_UNAVAILABLE, /* a room does not answer, or the guard itself failed */
} guard_page_t;

guard_page_t guard_page_of(unsigned status, bool is_card);
/* lang_cookie ("ja", "en" or empty) before the Accept-Language header; Japanese when neither says
 * anything. */
void guard_page_put(buf_t *out, guard_page_t page, slice_t lang_cookie, slice_t accept_language,
                    slice_t request_id);
/* The pages' style sheet. */
slice_t guard_page_style(void);

#endif
