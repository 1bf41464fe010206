/* Reads a mail as it came over SMTP: the headers and the text that a person would see. Pure. Only
 * what our own outbox sends needs to be read well; anything else is shown as far as it goes. */
#ifndef MAILSIM_MAIL_H
#define MAILSIM_MAIL_H

#include "base/arena.h"

typedef struct mail_view {
    slice_t from, to, subject; /* decoded to UTF-8 */
    slice_t text;              /* body, decoded */
} mail_view_t;

/* raw: headers, empty line, body; CRLF or LF. MEMORY. */
err_t mail_read(arena_t *a, slice_t raw, mail_view_t *ret_view);
/* RFC 2047 encoded words in UTF-8 (B and Q); others stay as they are. */
err_t mail_words_decode(arena_t *a, slice_t in, slice_t *ret_out);
/* RFC 2045 6.7. Malformed escapes stay as they are. */
err_t mail_qp_decode(arena_t *a, slice_t in, slice_t *ret_out);

#endif
