/* application/x-www-form-urlencoded (WHATWG URL 5.1): the house's only decoder, for guard and rooms
 * alike (law 8). Over complete bytes; works on query strings and bodies.
 *
 *     form_cursor_t c = form_on(body, 200, FORM_STRICT);
 *     while (form_more(&c)) { TRY(form_next(&c, arena, &name, &value)); ... }
 */
#ifndef TEXT_FORM_H
#define TEXT_FORM_H

#include "base/arena.h"

/* STRICT (rooms): '%' without two hex digits = SYNTAX; decoded NUL or malformed UTF-8 = ENCODING.
 * LENIENT (guard, which must look at what it then refuses): such bytes are kept as they are and
 * noted in `odd`, and a field without anything to decode is borrowed from the input. Both give the
 * same fields whenever STRICT gives any. */
typedef enum form_mode { FORM_STRICT, FORM_LENIENT } form_mode_t;

enum { FORM_ODD_PERCENT = 1, FORM_ODD_UTF8 = 2, FORM_ODD_NUL = 4 };

typedef struct form_cursor {
    slice_t rest;
    size_t fields, max_fields;
    form_mode_t mode;
    uint8_t separator; /* '&'; a guard for other origins may set another before the first field */
    unsigned odd;      /* FORM_ODD_*, gathered over all fields; only LENIENT sets it */
    slice_t raw_name, raw_value; /* of the last field, as sent */
} form_cursor_t;

form_cursor_t form_on(slice_t bytes, size_t max_fields, form_mode_t mode);
/* Whether a field follows; empty parts ("a=1&&b=2") are skipped and are no fields. */
bool form_more(form_cursor_t *c);
/* The next field, decoded ('+' and %XX). Without '=' the value is empty. LIMIT past max_fields;
 * SYNTAX, ENCODING by mode; MEMORY. After any error the cursor is used up. Names may repeat: the
 * caller decides (form_get refuses). */
err_t form_next(form_cursor_t *c, arena_t *a, slice_t *ret_name, slice_t *ret_value);
/* The value of a field that must stand exactly once: NOT_FOUND, CONFLICT when repeated. Strict. */
err_t form_get(slice_t bytes, arena_t *a, slice_t name, slice_t *ret_value);

/* Appends name=value (and '&' before it when b is not empty). */
void form_put(buf_t *b, slice_t name, slice_t value);

#endif
