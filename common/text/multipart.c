#include "text/multipart.h"

#include "multipart_parts.h"

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7F && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* RFC 2046 5.1.1 bcharsnospace, and no space: no browser sends one. */
static bool is_boundary(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && !(c && strchr("'()+_,-./:=?", c))) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= MULTIPART_MAX_BOUNDARY;
}

static slice_t skip_blank(slice_t s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = slice_from(s, 1);
    }
    return s;
}

static slice_t take_token(slice_t *s)
{
    size_t n = 0;
    while (n < s->len && is_token(s->ptr[n])) {
        n++;
    }
    slice_t token = slice_sub(*s, 0, n);
    *s = slice_from(*s, n);
    return token;
}

/* A quoted string without backslash: with one, readers disagree about what it means. */
static err_t take_quoted(slice_t *s, slice_t *ret_text)
{
    ENSURE(s->len && s->ptr[0] == '"', ERR_SYNTAX);
    size_t n = 1;
    while (n < s->len && s->ptr[n] != '"') {
        uint8_t c = s->ptr[n++];
        ENSURE(c >= ' ' && c != 0x7F && c != '\\', ERR_SYNTAX);
    }
    ENSURE(n < s->len, ERR_SYNTAX);
    *ret_text = slice_sub(*s, 1, n - 1);
    *s = slice_from(*s, n + 1);
    return OK;
}

/* Cuts '; name=' off; ret_name is empty at the end of the value. */
static err_t take_parameter_name(slice_t *s, slice_t *ret_name)
{
    *ret_name = SLICE_EMPTY;
    *s = skip_blank(*s);
    if (s->len == 0) {
        return OK;
    }
    ENSURE(s->ptr[0] == ';', ERR_SYNTAX);
    *s = skip_blank(slice_from(*s, 1));
    *ret_name = take_token(s);
    ENSURE(ret_name->len && s->len && s->ptr[0] == '=', ERR_SYNTAX);
    *s = slice_from(*s, 1);
    return OK;
}

err_t multipart_boundary(slice_t value, slice_t *ret_boundary)
{
    slice_t rest = slice_trim(value), type = SLICE("multipart/form-data"), name, boundary;
    boundary = SLICE_EMPTY;
    ENSURE(slice_eq_nocase(slice_sub(rest, 0, type.len), type), ERR_SYNTAX);
    rest = slice_from(rest, type.len);
    for (;;) {
        TRY(take_parameter_name(&rest, &name));
        if (name.len == 0) {
            break;
        }
        slice_t text;
        if (rest.len && rest.ptr[0] == '"') {
            TRY(take_quoted(&rest, &text));
        } else {
            text = take_token(&rest);
        }
        if (slice_eq_nocase(name, SLICE("boundary"))) {
            ENSURE(boundary.len == 0 && is_boundary(text), ERR_SYNTAX);
            boundary = text;
        }
    }
    ENSURE(boundary.len, ERR_SYNTAX);
    *ret_boundary = boundary;
    return OK;
}

static bool starts_delimiter(slice_t s, slice_t boundary)
{
    return slice_starts(s, SLICE("--")) && slice_starts(slice_from(s, 2), boundary);
}

err_t multipart_open(slice_t body, slice_t boundary, size_t max_parts, multipart_t *ret_m)
{
    ENSURE(is_boundary(boundary) && starts_delimiter(body, boundary), ERR_SYNTAX);
    slice_t rest = slice_from(body, 2 + boundary.len);
    multipart_t m = {.boundary = boundary, .max_parts = max_parts};
    if (slice_eq(rest, SLICE("--")) || slice_eq(rest, SLICE("--\r\n"))) {
        m.done = true; /* a form without any field */
    } else {
        ENSURE(slice_starts(rest, SLICE("\r\n")), ERR_SYNTAX);
        m.rest = slice_from(rest, 2);
    }
    *ret_m = m;
    return OK;
}

bool multipart_more(const multipart_t *m)
{
    return !m->done;
}

static err_t disposition(slice_t value, multipart_part_t *part)
{
    bool named = false;
    slice_t name, text;
    ENSURE(slice_eq_nocase(take_token(&value), SLICE("form-data")), ERR_SYNTAX);
    for (;;) {
        TRY(take_parameter_name(&value, &name));
        if (name.len == 0) {
            break;
        }
        TRY(take_quoted(&value, &text));
        if (slice_eq_nocase(name, SLICE("name"))) {
            ENSURE(!named, ERR_SYNTAX);
            named = true;
            part->name = text;
        } else {
            ENSURE(slice_eq_nocase(name, SLICE("filename")), ERR_SYNTAX);
            ENSURE(!part->has_filename, ERR_SYNTAX);
            part->has_filename = true;
            part->filename = text;
        }
    }
    ENSURE(named, ERR_SYNTAX);
    return OK;
}

enum { SEEN_DISPOSITION = 1, SEEN_TYPE = 2, SEEN_TRANSFER = 4 };

static err_t header(slice_t line, multipart_part_t *part, unsigned *seen)
{
    slice_t rest = line, name = take_token(&rest);
    unsigned which = 0;
    ENSURE(name.len && rest.len && rest.ptr[0] == ':', ERR_SYNTAX);
    slice_t value = slice_from(rest, 1);
    for (size_t i = 0; i < value.len; i++) { /* before it is trimmed: of a bare CR at its end too */
        ENSURE(value.ptr[i] >= ' ' || value.ptr[i] == '\t', ERR_SYNTAX);
    }
    value = slice_trim(value);
    if (slice_eq_nocase(name, SLICE("Content-Disposition"))) {
        which = SEEN_DISPOSITION;
        TRY(disposition(value, part));
    } else if (slice_eq_nocase(name, SLICE("Content-Type"))) {
        which = SEEN_TYPE;
        part->content_type = value;
    } else if (slice_eq_nocase(name, SLICE("Content-Transfer-Encoding"))) {
        which = SEEN_TRANSFER;
        ENSURE(slice_eq_nocase(value, SLICE("7bit")) || slice_eq_nocase(value, SLICE("8bit")) ||
                   slice_eq_nocase(value, SLICE("binary")),
               ERR_SYNTAX);
    }
    ENSURE(!(*seen & which), ERR_SYNTAX);
    *seen |= which;
    return OK;
}

static err_t headers(multipart_t *m, multipart_part_t *part)
{
    unsigned seen = 0;
    slice_t start = m->rest;
    for (;;) {
        size_t end = slice_find(m->rest, SLICE("\r\n"));
        ENSURE(end != SIZE_MAX, ERR_SYNTAX);
        slice_t line = slice_sub(m->rest, 0, end);
        part->headers = slice_sub(start, 0, start.len - m->rest.len);
        ENSURE(part->headers.len + line.len <= MULTIPART_MAX_HEADERS_BYTES, ERR_LIMIT);
        m->rest = slice_from(m->rest, end + 2);
        if (line.len == 0) {
            break;
        }
        TRY(header(line, part, &seen));
    }
    ENSURE(seen & SEEN_DISPOSITION, ERR_SYNTAX);
    return OK;
}

/* A delimiter at the very beginning of a value, or behind a bare LF: other readers would end the
 * value there. */
static bool looks_cut(slice_t text, slice_t boundary)
{
    slice_t rest = text;
    for (;;) {
        if (starts_delimiter(rest, boundary)) {
            return true;
        }
        size_t at = slice_find(rest, SLICE("\n--"));
        if (at == SIZE_MAX) {
            return false;
        }
        rest = slice_from(rest, at + 1);
    }
}

/* The value ends at CRLF "--" boundary; what follows must be CRLF (another part) or the end. */
static err_t value(multipart_t *m, multipart_part_t *part)
{
    slice_t rest = m->rest;
    for (;;) {
        size_t at = slice_find(rest, SLICE("\r\n--"));
        ENSURE(at != SIZE_MAX, ERR_SYNTAX);
        slice_t after = slice_from(rest, at + 2);
        if (starts_delimiter(after, m->boundary)) {
            part->value = slice_make(m->rest.ptr, (size_t)(after.ptr - m->rest.ptr) - 2);
            m->rest = slice_from(after, 2 + m->boundary.len);
            ENSURE(!looks_cut(part->value, m->boundary), ERR_SYNTAX);
            break;
        }
        rest = after;
    }
    if (slice_starts(m->rest, SLICE("\r\n"))) {
        m->rest = slice_from(m->rest, 2);
        return OK;
    }
    ENSURE(slice_eq(m->rest, SLICE("--")) || slice_eq(m->rest, SLICE("--\r\n")), ERR_SYNTAX);
    m->done = true;
    return OK;
}

static err_t part_next(multipart_t *m, multipart_part_t *ret_part)
{
    multipart_part_t part = {0};
    ENSURE(!m->done, ERR_NOT_FOUND);
    ENSURE(m->parts < m->max_parts, ERR_LIMIT);
    m->parts++;
    TRY(headers(m, &part));
    TRY(value(m, &part));
    *ret_part = part;
    return OK;
}

err_t multipart_next(multipart_t *m, multipart_part_t *ret_part)
{
    err_t e = m->lenient ? multipart_next_lenient(m, ret_part) : part_next(m, ret_part);
    m->done |= err_failed(e);
    return e;
}
