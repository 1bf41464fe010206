/* The multipart reader's lenient half: for a guard, which must see what any origin might see, and
 * say what is wrong. Delimiters are lines that begin with "--" and the boundary, whatever the line
 * ends are. */
#include "multipart_parts.h"

enum { MAX_LINE = 4096, MAX_TYPE = 1024 }; /* ModSecurity's limits */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static slice_t skip_blank(slice_t s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    return s;
}

static slice_t trim(slice_t s)
{
    s = skip_blank(s);
    while (s.len && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Index of text in s, ASCII letters of either case, or SIZE_MAX. */
static size_t find_nocase(slice_t s, slice_t text)
{
    for (size_t i = 0; i + text.len <= s.len; i++) {
        if (slice_eq_nocase(slice_sub(s, i, text.len), text)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* ---- Content-Type ---- */

static bool is_boundary_byte(uint8_t c)
{
    bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alnum || (c && strchr("'()+_,-./:=? ", c));
}

/* What stands between the media type and the parameter's name: white space and one semicolon. */
static unsigned between_odd(slice_t between)
{
    size_t semicolons = 0;
    unsigned odd = 0;
    for (size_t i = 0; i < between.len; i++) {
        semicolons += between.ptr[i] == ';';
        odd |= between.ptr[i] != ';' && !is_blank(between.ptr[i]) ? MULTIPART_ODD_SYNTAX : 0U;
    }
    odd |= semicolons > 1 ? MULTIPART_ODD_SYNTAX : 0U;
    return odd | (semicolons ? 0U : MULTIPART_ODD_NO_SEMICOLON);
}

/* The parameter's value: all of it as ModSecurity takes it, cut at what cannot belong to it. */
static slice_t boundary_value(slice_t value, unsigned *odd)
{
    *odd |= value.len && is_blank(value.ptr[0]) ? MULTIPART_ODD_SPACE : 0U;
    value = trim(value);
    bool opens = value.len && value.ptr[0] == '"',
         closes = value.len > 1 && value.ptr[value.len - 1] == '"';
    if (opens) {
        *odd |= MULTIPART_ODD_QUOTED | (closes ? 0U : MULTIPART_ODD_SYNTAX);
        value = slice_from(value, 1);
        size_t quote = slice_find_byte(value, '"');
        *odd |= quote != value.len - 1 ? MULTIPART_ODD_SYNTAX : 0U;
        value = slice_sub(value, 0, quote);
    }
    size_t n = 0;
    while (n < value.len && (is_boundary_byte(value.ptr[n]) || (opens && value.ptr[n] >= ' '))) {
        *odd |= is_boundary_byte(value.ptr[n]) ? 0U : MULTIPART_ODD_SYNTAX;
        n++;
    }
    *odd |= n < value.len ? MULTIPART_ODD_SYNTAX : 0U;
    return opens ? slice_sub(value, 0, n) : trim(slice_sub(value, 0, n));
}

err_t multipart_boundary_lenient(slice_t content_type, slice_t *ret_boundary, unsigned *ret_odd)
{
    static const slice_t TYPE = {(const uint8_t *)"multipart/form-data", 19};
    static const slice_t WORD = {(const uint8_t *)"boundary", 8};
    unsigned odd = content_type.len > MAX_TYPE ? MULTIPART_ODD_SYNTAX : 0U;
    slice_t value = trim(content_type);
    odd |= slice_eq_nocase(slice_sub(value, 0, TYPE.len), TYPE) ? 0U : MULTIPART_ODD_SYNTAX;
    size_t at = find_nocase(value, WORD);
    *ret_odd = odd | MULTIPART_ODD_SYNTAX;
    ENSURE(at != SIZE_MAX, ERR_SYNTAX);
    odd |= at >= TYPE.len ? between_odd(slice_sub(value, TYPE.len, at - TYPE.len))
                          : MULTIPART_ODD_SYNTAX;
    odd |= slice_starts(slice_from(value, at), WORD)
               ? 0U
               : MULTIPART_ODD_SYNTAX; /* as ModSecurity: lower case */
    slice_t rest = slice_from(value, at + WORD.len);
    size_t equals = slice_find_byte(rest, '=');
    ENSURE(equals != SIZE_MAX, ERR_SYNTAX);
    slice_t gap = slice_sub(rest, 0, equals);
    odd |= gap.len ? MULTIPART_ODD_SPACE : 0U;
    odd |= trim(gap).len ? MULTIPART_ODD_SYNTAX : 0U;
    rest = slice_from(rest, equals + 1);
    odd |= find_nocase(rest, WORD) != SIZE_MAX ? MULTIPART_ODD_SYNTAX : 0U; /* a second one */
    slice_t boundary = boundary_value(rest, &odd);
    ENSURE(boundary.len, ERR_SYNTAX);
    *ret_boundary = boundary;
    *ret_odd = odd;
    return OK;
}

/* ---- lines and delimiters ---- */

typedef enum line_end { LINE_CRLF, LINE_LF, LINE_CUT } line_end_t;

static slice_t take_line(slice_t *s, line_end_t *ret_end)
{
    size_t lf = slice_find_byte(*s, '\n');
    slice_t line = slice_sub(*s, 0, lf);
    *s = lf == SIZE_MAX ? SLICE_EMPTY : slice_from(*s, lf + 1);
    bool cr = lf != SIZE_MAX && line.len && line.ptr[line.len - 1] == '\r';
    *ret_end = lf == SIZE_MAX ? LINE_CUT : cr ? LINE_CRLF : LINE_LF;
    line.len -= cr;
    return line;
}

static void note_end(multipart_t *m, line_end_t end)
{
    m->odd |= end == LINE_CRLF ? MULTIPART_ODD_CRLF : end == LINE_LF ? MULTIPART_ODD_LF : 0U;
}

static bool is_delimiter(const multipart_t *m, slice_t line)
{
    return slice_starts(line, SLICE("--")) && slice_starts(slice_from(line, 2), m->boundary);
}

/* Where the next delimiter line begins in `in` (whose beginning is one of a line), or SIZE_MAX. */
static size_t find_delimiter(const multipart_t *m, slice_t in)
{
    for (size_t from = 0;;) {
        size_t at = slice_find(slice_from(in, from), m->boundary);
        if (at == SIZE_MAX) {
            return SIZE_MAX;
        }
        at += from;
        if (at >= 2 && in.ptr[at - 1] == '-' && in.ptr[at - 2] == '-' &&
            (at == 2 || in.ptr[at - 3] == '\n')) {
            return at - 2;
        }
        from = at + 1;
    }
}

/* A line that looks like a delimiter and is none; one in quotes or behind white space is a fault of
 * its own. */
static void note_line(multipart_t *m, slice_t line)
{
    slice_t tail = slice_from(line, 2), inner = skip_blank(tail);
    inner = inner.len && inner.ptr[0] == '"' ? slice_from(inner, 1) : inner;
    m->unmatched = 1;
    m->odd |= inner.ptr != tail.ptr && slice_starts(inner, m->boundary) ? MULTIPART_ODD_SYNTAX : 0U;
}

/* Text that is no delimiter: does anything in it resemble one? */
static void note_text(multipart_t *m, slice_t text)
{
    size_t at = slice_find(text, m->boundary);
    bool inside = at != SIZE_MAX && at >= 2 && text.ptr[at - 1] == '-' && text.ptr[at - 2] == '-';
    m->unmatched = inside ? 1 : m->unmatched;
    slice_t rest = text;
    while (rest.len) {
        if (slice_starts(rest, SLICE("--"))) {
            note_line(m, rest);
        }
        at = slice_find(rest, SLICE("\n--"));
        rest = at == SIZE_MAX ? SLICE_EMPTY : slice_from(rest, at + 1);
    }
}

static void read_delimiter(multipart_t *m);

/* Behind the last delimiter nothing may follow; what does is searched, because some origins read
 * on. */
static void read_epilogue(multipart_t *m)
{
    if (m->rest.len) {
        m->odd |= MULTIPART_ODD_AFTER;
    }
    size_t at = find_delimiter(m, m->rest);
    m->done = at == SIZE_MAX;
    m->rest = m->done ? SLICE_EMPTY : slice_from(m->rest, at);
}

/* m->rest is at a delimiter line: goes past it, and past closing ones. */
static void read_delimiter(multipart_t *m)
{
    while (!m->done) {
        line_end_t end;
        slice_t line = take_line(&m->rest, &end), tail = slice_from(line, 2 + m->boundary.len);
        bool closing = slice_starts(tail, SLICE("--"));
        tail = closing ? slice_from(tail, 2) : tail;
        note_end(m, end);
        m->odd |= tail.len ? MULTIPART_ODD_SYNTAX : 0U;
        m->unmatched = m->delimiters ? 2 : m->unmatched;
        m->delimiters++;
        if (!closing) {
            m->odd |= end == LINE_CUT ? MULTIPART_ODD_SYNTAX : 0U;
            return;
        }
        read_epilogue(m);
    }
}

void multipart_open_lenient(slice_t body, slice_t boundary, size_t max_parts, multipart_t *ret_m)
{
    multipart_t m = {.rest = body, .boundary = boundary, .max_parts = max_parts, .lenient = true};
    size_t at = boundary.len ? find_delimiter(&m, body) : SIZE_MAX;
    note_text(&m, slice_sub(body, 0, at));
    if (at == SIZE_MAX) {
        m.odd |= MULTIPART_ODD_SYNTAX | (body.len ? MULTIPART_ODD_BEFORE : 0U);
        m.done = true;
    } else {
        m.odd |= at ? MULTIPART_ODD_BEFORE : 0U;
        m.rest = slice_from(body, at);
        read_delimiter(&m);
    }
    *ret_m = m;
}

/* ---- a part's headers ---- */

bool multipart_header(slice_t *headers, slice_t *ret_header)
{
    line_end_t end;
    slice_t all = *headers;
    if (all.len == 0) {
        return false;
    }
    slice_t line = take_line(headers, &end);
    while (headers->len && is_blank(headers->ptr[0])) {
        line = take_line(headers, &end);
    }
    *ret_header = slice_make(all.ptr, (size_t)(line.ptr + line.len - all.ptr));
    return true;
}

/* Cuts a parameter's value off *s: quoted by '"' (or the apostrophe, which is wrong), or a token.
 */
static slice_t take_value(multipart_t *m, slice_t *s)
{
    uint8_t quote = s->len ? s->ptr[0] : 0;
    size_t n = 0;
    if (quote != '"' && quote != '\'') {
        while (n < s->len && s->ptr[n] != ';' && !is_blank(s->ptr[n])) {
            n++;
        }
        slice_t token = slice_sub(*s, 0, n);
        *s = slice_from(*s, n);
        return token;
    }
    for (n = 1; n < s->len && s->ptr[n] != quote; n++) {
        n += s->ptr[n] == '\\' && n + 1 < s->len &&
             (s->ptr[n + 1] == quote || s->ptr[n + 1] == '\\');
    }
    m->odd |= n >= s->len ? MULTIPART_ODD_SYNTAX : 0U;
    slice_t text = slice_sub(*s, 1, n - 1);
    *s = slice_from(*s, n + 1);
    m->odd |= quote == '\'' ? MULTIPART_ODD_QUOTING : 0U;
    return text;
}

static void take_name(multipart_t *m, multipart_part_t *part, slice_t name, slice_t value,
                      bool *named)
{
    if (slice_eq_nocase(name, SLICE("name"))) {
        m->odd |= *named ? MULTIPART_ODD_SYNTAX : 0U;
        part->name = *named ? part->name : value;
        *named = true;
    } else if (slice_eq_nocase(name, SLICE("filename")) ||
               slice_eq_nocase(name, SLICE("filename*"))) {
        m->odd |= part->has_filename || name.len > 8 ? MULTIPART_ODD_SYNTAX : 0U;
        part->filename = part->has_filename ? part->filename : value;
        part->has_filename = true;
    } else {
        m->odd |= MULTIPART_ODD_SYNTAX;
    }
}

/* What stands before '=': a name, and nothing else. */
static slice_t parameter_name(multipart_t *m, slice_t text)
{
    slice_t part = text;
    while (slice_split(&text, ';', &part) && text.len != SIZE_MAX) {
        m->odd |= MULTIPART_ODD_SYNTAX;
    }
    return trim(part);
}

static void disposition(multipart_t *m, multipart_part_t *part, slice_t value)
{
    bool named = false;
    size_t end = slice_find_byte(value, ';');
    slice_t type = trim(slice_sub(value, 0, end));
    m->odd |= slice_eq_nocase(type, SLICE("form-data")) ? 0U : MULTIPART_ODD_SYNTAX;
    slice_t rest = end == SIZE_MAX ? SLICE_EMPTY : slice_from(value, end + 1);
    while (rest.len) { /* a semicolon may be the last byte, as in ModSecurity */
        rest = skip_blank(rest);
        size_t equals = slice_find_byte(rest, '=');
        if (equals == SIZE_MAX) {
            m->odd |= MULTIPART_ODD_SYNTAX;
            break;
        }
        slice_t name = parameter_name(m, slice_sub(rest, 0, equals));
        rest = skip_blank(slice_from(rest, equals + 1));
        bool quoted = rest.len && (rest.ptr[0] == '"' || rest.ptr[0] == '\'');
        take_name(m, part, name, take_value(m, &rest), &named);
        rest = skip_blank(rest);
        size_t next = slice_find_byte(rest, ';');
        if (next != 0 && rest.len) { /* bytes behind the value */
            m->odd |= MULTIPART_ODD_SYNTAX | (quoted ? MULTIPART_ODD_QUOTING : 0U);
        }
        rest = next == SIZE_MAX ? SLICE_EMPTY : slice_from(rest, next + 1);
    }
}

enum { SEEN_DISPOSITION = 1, SEEN_TYPE = 2, SEEN_TRANSFER = 4 };

static bool is_plain_transfer(slice_t value)
{
    return slice_eq_nocase(value, SLICE("7bit")) || slice_eq_nocase(value, SLICE("8bit")) ||
           slice_eq_nocase(value, SLICE("binary"));
}

static void header(multipart_t *m, multipart_part_t *part, slice_t line, unsigned *seen)
{
    unsigned which = 0;
    size_t colon = slice_find_byte(line, ':');
    if (colon == SIZE_MAX || colon == 0) {
        m->odd |= MULTIPART_ODD_SYNTAX;
        return;
    }
    slice_t raw = slice_sub(line, 0, colon), name = trim(raw),
            value = trim(slice_from(line, colon + 1));
    m->odd |= name.len != raw.len ? MULTIPART_ODD_SYNTAX : 0U;
    if (slice_eq_nocase(name, SLICE("Content-Disposition"))) {
        which = SEEN_DISPOSITION;
        if (!(*seen & which)) {
            disposition(m, part, value);
        }
    } else if (slice_eq_nocase(name, SLICE("Content-Type"))) {
        which = SEEN_TYPE;
        part->content_type = *seen & which ? part->content_type : value;
    } else if (slice_eq_nocase(name, SLICE("Content-Transfer-Encoding"))) {
        which = SEEN_TRANSFER;
        m->odd |= is_plain_transfer(value) ? 0U : MULTIPART_ODD_SYNTAX;
    }
    m->odd |= *seen & which ? MULTIPART_ODD_SYNTAX : 0U;
    *seen |= which;
}

/* Lines up to the empty one; false when a delimiter or the end comes first. */
static bool header_lines(multipart_t *m, multipart_part_t *part)
{
    slice_t start = m->rest;
    for (;;) {
        line_end_t end;
        slice_t before = m->rest;
        part->headers = slice_sub(start, 0, start.len - before.len);
        if (before.len == 0 || is_delimiter(m, before)) {
            return false;
        }
        slice_t line = take_line(&m->rest, &end);
        note_end(m, end);
        if (line.len == 0 && end != LINE_CUT) {
            return true;
        }
        if (is_blank(line.ptr[0])) {
            m->odd |= MULTIPART_ODD_FOLDING | (part->headers.len ? 0U : MULTIPART_ODD_SYNTAX);
            slice_t fold = slice_sub(line, 0, line.len - skip_blank(line).len);
            for (size_t i = 0; i < fold.len; i++) {
                bool plain = fold.ptr[i] == ' ' || fold.ptr[i] == '\t';
                m->odd |= plain ? 0U : MULTIPART_ODD_FOLDING_BYTE;
            }
        }
        bool wrong = line.len > MAX_LINE || slice_find_byte(line, 0) != SIZE_MAX ||
                     slice_find_byte(line, '\r') != SIZE_MAX; /* some readers end a line there */
        m->odd |= wrong ? MULTIPART_ODD_SYNTAX : 0U;
    }
}

static void headers(multipart_t *m, multipart_part_t *part)
{
    unsigned seen = 0;
    if (!header_lines(m, part)) {
        m->odd |= MULTIPART_ODD_SYNTAX;
    }
    slice_t rest = part->headers, line;
    while (multipart_header(&rest, &line)) {
        header(m, part, line, &seen);
    }
    if (part->name.len == 0) {
        m->odd |= MULTIPART_ODD_SYNTAX | MULTIPART_ODD_PART;
    }
}

/* The value ends before the next delimiter line; the line end before it is the delimiter's. */
static void value(multipart_t *m, multipart_part_t *part)
{
    size_t at = find_delimiter(m, m->rest);
    slice_t text = slice_sub(m->rest, 0, at);
    note_text(m, text);
    part->value = text;
    if (at == SIZE_MAX) {
        m->odd |= MULTIPART_ODD_SYNTAX; /* never closed */
        m->rest = SLICE_EMPTY;
        m->done = true;
        return;
    }
    if (text.len) { /* ends in a line feed, else no delimiter would begin here */
        bool cr = text.len > 1 && text.ptr[text.len - 2] == '\r';
        part->value.len -= cr ? 2 : 1;
        note_end(m, cr ? LINE_CRLF : LINE_LF);
    } else {
        m->odd |= MULTIPART_ODD_SYNTAX; /* no line end of its own: some readers look on for one */
    }
    m->rest = slice_from(m->rest, at);
    read_delimiter(m);
}

err_t multipart_next_lenient(multipart_t *m, multipart_part_t *ret_part)
{
    multipart_part_t part = {0};
    ENSURE(!m->done, ERR_NOT_FOUND);
    ENSURE(m->parts < m->max_parts, ERR_LIMIT);
    m->parts++;
    headers(m, &part);
    value(m, &part);
    *ret_part = part;
    return OK;
}
