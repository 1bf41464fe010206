/* multipart/form-data: the lenient reader's parts as arguments and files, its findings as
 * ModSecurity's flags. */
#include "text/multipart.h"
#include "inner.h"

static const struct {
    unsigned odd;
    body_flag_t flag;
} FLAGS[] = {
    {MULTIPART_ODD_QUOTED, BODY_BIT_BOUNDARY_QUOTED},
    {MULTIPART_ODD_SPACE, BODY_BIT_BOUNDARY_WHITESPACE},
    {MULTIPART_ODD_NO_SEMICOLON, BODY_BIT_MISSING_SEMICOLON},
    {MULTIPART_ODD_BEFORE, BODY_BIT_DATA_BEFORE},
    {MULTIPART_ODD_AFTER, BODY_BIT_DATA_AFTER},
    {MULTIPART_ODD_FOLDING, BODY_BIT_HEADER_FOLDING},
    {MULTIPART_ODD_FOLDING_BYTE, BODY_BIT_INVALID_HEADER_FOLDING},
    {MULTIPART_ODD_LF, BODY_BIT_LF_LINE},
    {MULTIPART_ODD_QUOTING, BODY_BIT_INVALID_QUOTING},
    {MULTIPART_ODD_PART, BODY_BIT_INVALID_PART},
};

static err_t flags_from(parse_t *p, unsigned odd, const char *message)
{
    const unsigned both = MULTIPART_ODD_LF | MULTIPART_ODD_CRLF;
    for (size_t i = 0; i < BASE_COUNT(FLAGS); i++) {
        if (odd & FLAGS[i].odd) {
            TRY(parse_flag(p, FLAGS[i].flag));
        }
    }
    if ((odd & both) == both) {
        TRY(parse_flag(p, BODY_BIT_CRLF_LF_LINES));
    }
    return odd & MULTIPART_ODD_SYNTAX ? parse_error(p, message) : OK;
}

/* \" and \\ are the bytes behind the backslash; other backslashes stay (old browsers send C:\path).
 */
static err_t unquoted(arena_t *a, slice_t raw, slice_t *ret_text)
{
    buf_t out;
    if (slice_find_byte(raw, '\\') == SIZE_MAX) {
        *ret_text = raw;
        return OK;
    }
    TRY(arena_buf(a, raw.len, &out));
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t next = i + 1 < raw.len ? raw.ptr[i + 1] : 0;
        i += raw.ptr[i] == '\\' && (next == '"' || next == '\'' || next == '\\');
        buf_u8(&out, raw.ptr[i]);
    }
    *ret_text = buf_slice(&out);
    return OK;
}

/* A header that goes on in other lines as one line: each fold becomes a space. */
static err_t unfolded(arena_t *a, slice_t header, slice_t *ret_line)
{
    buf_t out;
    if (slice_find_byte(header, '\n') == SIZE_MAX) {
        *ret_line = header;
        return OK;
    }
    TRY(arena_buf(a, header.len, &out));
    slice_t rest = header, line;
    for (bool first = true; slice_split(&rest, '\n', &line); first = false) {
        buf_put(&out, first ? SLICE_EMPTY : SLICE(" "));
        buf_put(&out, slice_trim(line));
    }
    *ret_line = buf_slice(&out);
    return OK;
}

static err_t part_headers(parse_t *p, slice_t name, slice_t headers)
{
    slice_t rest = headers, header, line;
    while (p->visitor->part_header && multipart_header(&rest, &header)) {
        TRY(unfolded(p->arena, header, &line));
        TRY(p->visitor->part_header(p->visitor->user, name, line));
    }
    return OK;
}

static err_t file_part(parse_t *p, const body_file_t *file)
{
    p->result.files++;
    p->result.files_bytes += file->content.len;
    if (p->result.files > p->limits.max_files) {
        TRY(parse_flag(p, BODY_BIT_FILE_LIMIT_EXCEEDED));
    }
    return p->visitor->file ? p->visitor->file(p->visitor->user, file) : OK;
}

/* A part with a file name is a file; with an empty one an argument, as in ModSecurity. */
static err_t part(parse_t *p, const multipart_part_t *m)
{
    slice_t name, filename;
    TRY(unquoted(p->arena, m->name, &name));
    TRY(unquoted(p->arena, m->filename, &filename));
    TRY(part_headers(p, name, m->headers));
    if (filename.len == 0) {
        return parse_arg(p, name, m->value);
    }
    body_file_t file = {
        .name = name, .filename = filename, .content = m->value, .content_type = m->content_type};
    return file_part(p, &file);
}

static err_t parts(parse_t *p, slice_t body, slice_t boundary)
{
    multipart_t m;
    multipart_open_lenient(body, boundary, SIZE_MAX, &m);
    while (multipart_more(&m)) {
        multipart_part_t one;
        TRY(multipart_next(&m, &one));
        TRY(flags_from(p, m.odd, "malformed multipart part"));
        TRY(part(p, &one));
    }
    p->result.unmatched_boundary = m.unmatched;
    if (m.unmatched == 1) {
        TRY(parse_flag(p, BODY_BIT_UNMATCHED_BOUNDARY));
    }
    return flags_from(p, m.odd, "malformed multipart body");
}

static err_t whole(parse_t *p, slice_t content_type, slice_t body)
{
    slice_t boundary;
    unsigned odd;
    err_t e = multipart_boundary_lenient(content_type, &boundary, &odd);
    TRY(flags_from(p, odd, "invalid boundary in Content-Type"));
    return err_failed(e) || body.len == 0 ? OK : parts(p, body, boundary);
}

err_t body_multipart(slice_t content_type, slice_t body, const body_limits_t *limits,
                     const body_visitor_t *visitor, arena_t *arena, body_result_t *ret_result)
{
    parse_t p = parse_on(limits, visitor, arena);
    return parse_end(&p, whole(&p, content_type, body), ret_result);
}
