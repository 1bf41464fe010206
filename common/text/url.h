/* Percent coding and request targets (RFC 3986; RFC 9112 3.2.1 origin-form), strict. */
#ifndef TEXT_URL_H
#define TEXT_URL_H

#include "base/arena.h"

/* Percent-encodes all but unreserved characters (RFC 3986 2.3). */
void url_put_component(buf_t *b, slice_t raw);
/* The same, but '/' and the other characters a path may hold stay (RFC 3986 3.3). */
void url_put_path(buf_t *b, slice_t raw);

/* Decodes %XX (and '+' as space when `plus`). A '%' without two hex digits: SYNTAX. Bytes, not
 * checked for UTF-8. `in` itself is returned when there is nothing to decode. */
err_t url_decode(arena_t *a, slice_t in, bool plus, slice_t *ret_out);

/* Cuts "/path?query". ret_query is empty both without '?' and with an empty query. SYNTAX unless it
 * starts with '/' (not "//") and holds only visible ASCII without '#', '"', '<', '>', '\\', '^',
 * '`', '{', '|', '}' and every '%' is followed by two hex digits. */
err_t url_split(slice_t target, slice_t *ret_path, slice_t *ret_query);
/* A path for routing: decoded, valid UTF-8 without control characters; SYNTAX when it holds an
 * encoded '/' or '\\', an empty segment before the last, or a segment "." or "..". */
err_t url_path_decode(arena_t *a, slice_t path, slice_t *ret_path);

#endif
