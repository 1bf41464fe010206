/* Base64 (RFC 4648 4), base64url without padding (5), hex (8): strict both ways, so that one value
 * has one form (no white space, no surplus bits, padding exact). */
#ifndef TEXT_B64_H
#define TEXT_B64_H

#include "base/buf.h"

/* Bytes that encoding len bytes takes, with padding. */
#define B64_LEN(len) (((len) + 2) / 3 * 4)

void b64_put(buf_t *b, slice_t bytes);    /* with padding */
void b64url_put(buf_t *b, slice_t bytes); /* - and _, no padding */
/* Append the decoded bytes to out. SYNTAX (out's length is then as before); LIMIT when full. */
err_t b64_decode(slice_t text, buf_t *out);
err_t b64url_decode(slice_t text, buf_t *out);
err_t hex_decode(slice_t text, buf_t *out); /* either case */

#endif
