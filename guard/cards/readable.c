#include "readable.h"

#include "text/utf8.h"

readable_kind_t readable_kind(slice_t content_type)
{
    slice_t type = slice_trim(slice_sub(content_type, 0, slice_find_byte(content_type, ';')));
    if (slice_eq_nocase(type, SLICE("application/x-www-form-urlencoded"))) {
        return READABLE_FORM;
    }
    if (slice_eq_nocase(type, SLICE("multipart/form-data"))) {
        return READABLE_MULTIPART;
    }
    slice_t tail = slice_from(type, type.len < 5 ? type.len : type.len - 5);
    bool json =
        slice_eq_nocase(type, SLICE("application/json")) || slice_eq_nocase(tail, SLICE("+json"));
    return json ? READABLE_JSON : READABLE_OTHER;
}

static slice_t unquoted(slice_t s)
{
    bool quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return quoted ? slice_sub(s, 1, s.len - 2) : s;
}

static bool charset_known(slice_t name)
{
    return slice_eq_nocase(name, SLICE("utf-8")) || slice_eq_nocase(name, SLICE("utf8")) ||
           slice_eq_nocase(name, SLICE("us-ascii"));
}

/* Quotes are not followed: a ';' inside of them ends the part, and what follows is judged as if it
 * stood outside. That can only refuse more. */
bool readable_charset(slice_t content_type)
{
    slice_t part;
    size_t seen = 0;
    (void)slice_split(&content_type, ';', &part);
    while (slice_split(&content_type, ';', &part)) {
        size_t eq = slice_find_byte(part, '=');
        slice_t name = slice_trim(slice_sub(part, 0, eq));
        slice_t value = eq == SIZE_MAX ? SLICE_EMPTY : slice_trim(slice_from(part, eq + 1));
        if (!slice_eq_nocase(slice_sub(name, 0, 7), SLICE("charset"))) {
            continue; /* "charset*" (RFC 8187) is looked at, and not known */
        }
        if (++seen > 1 || name.len != 7 || !charset_known(unquoted(value))) {
            return false;
        }
    }
    return true;
}

bool readable_encoding(slice_t content_encoding)
{
    slice_t name = slice_trim(content_encoding);
    return name.len == 0 || slice_eq_nocase(name, SLICE("identity"));
}

bool readable_text(slice_t text)
{
    return slice_find_byte(text, 0) == SIZE_MAX && slice_find(text, SLICE("\x1b$")) == SIZE_MAX &&
           slice_find(text, SLICE("\x1b(")) == SIZE_MAX && utf8_valid(text);
}
