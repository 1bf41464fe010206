/* Law 5 for whatever of a request is written down: card numbers are cut to their first 6 and last 4
 * digits, passwords, codes and credentials to their length ("[12 bytes]"). What cannot be taken
 * apart is replaced as a whole. Pure; scratch: up to 24 times the input. */
#ifndef GUARD_MASK_H
#define GUARD_MASK_H

#include "base/arena.h"

/* Does a field, member, header or cookie of this name hold a secret? Errs on the safe side. */
bool mask_is_secret(slice_t name);
void mask_length(slice_t value, buf_t *out); /* "[12 bytes]" */
void mask_value(arena_t *scratch, slice_t name, slice_t value, buf_t *out);
/* One header line's value. Credentials and all cookies are cut to their lengths. */
void mask_header(arena_t *scratch, slice_t name, slice_t value, buf_t *out);
/* "/path?query" as sent, or a whole request line. */
void mask_target(arena_t *scratch, slice_t target, buf_t *out);
/* Form fields, JSON and multipart keep their shape (files become their length); text of other types
 * loses card numbers; bytes become their length. */
void mask_body(arena_t *scratch, slice_t content_type, slice_t body, buf_t *out);

#endif
