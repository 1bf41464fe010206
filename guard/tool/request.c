/* Bytes -> request line, headers, body, without any judgement: the rules are there for that. */
#include "tool.h"

static slice_t line_cut(slice_t *rest)
{
    size_t end = slice_find_byte(*rest, '\n');
    slice_t line = end == SIZE_MAX ? *rest : slice_sub(*rest, 0, end);
    *rest = end == SIZE_MAX ? SLICE_EMPTY : slice_from(*rest, end + 1);
    return line.len && line.ptr[line.len - 1] == '\r' ? slice_sub(line, 0, line.len - 1) : line;
}

/* METHOD SP uri SP protocol; the uri may hold spaces (tests send them). */
static void line_split(tool_request_t *r)
{
    size_t first = slice_find_byte(r->line, ' '), last = SIZE_MAX;
    if (first == SIZE_MAX) {
        r->method = r->line;
        return;
    }
    r->method = slice_sub(r->line, 0, first);
    slice_t rest = slice_from(r->line, first + 1);
    for (size_t i = 0; i < rest.len; i++) {
        last = rest.ptr[i] == ' ' ? i : last;
    }
    if (last == SIZE_MAX) {
        r->uri = rest;
        return;
    }
    r->uri = slice_sub(rest, 0, last);
    r->protocol = slice_from(rest, last + 1);
}

static err_t headers_cut(slice_t *rest, arena_t *arena, tool_request_t *r)
{
    size_t lines = 1;
    for (size_t i = 0; i < rest->len; i++) {
        lines += rest->ptr[i] == '\n';
    }
    r->headers = ARENA_ARRAY(arena, ftw_header_t, lines);
    ENSURE(r->headers, ERR_MEMORY);
    while (rest->len) {
        slice_t line = line_cut(rest);
        if (line.len == 0) {
            break;
        }
        size_t colon = slice_find_byte(line, ':');
        if (colon == SIZE_MAX) {
            continue;
        }
        r->headers[r->n_headers++] = (ftw_header_t){slice_trim(slice_sub(line, 0, colon)),
                                                    slice_trim(slice_from(line, colon + 1))};
    }
    return OK;
}

static slice_t header_of(const tool_request_t *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (slice_eq_nocase(r->headers[i].name, slice_cstr_in(name))) {
            return r->headers[i].value;
        }
    }
    return SLICE_EMPTY;
}

static void header_drop(tool_request_t *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!slice_eq_nocase(r->headers[i].name, slice_cstr_in(name))) {
            r->headers[n++] = r->headers[i];
        }
    }
    r->n_headers = n;
}

static bool hex_size(slice_t line, uint64_t *ret_size)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < line.len && i < 8; i++) {
        uint8_t c = line.ptr[i] | 0x20;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit == 16) {
            break;
        }
        size = size * 16 + digit;
    }
    *ret_size = size;
    return i > 0;
}

static err_t chunks_join(slice_t rest, arena_t *arena, slice_t *ret_body)
{
    buf_t out;
    TRY(arena_buf(arena, rest.len + 1, &out));
    uint64_t size;
    while (rest.len && hex_size(line_cut(&rest), &size) && size > 0) {
        buf_put(&out, slice_sub(rest, 0, size));
        rest = slice_from(rest, size < rest.len ? size : rest.len);
        (void)line_cut(&rest);
    }
    *ret_body = buf_slice(&out);
    return buf_check(&out);
}

err_t tool_request_parse(slice_t bytes, arena_t *arena, tool_request_t *ret_request)
{
    tool_request_t r = {0};
    slice_t rest = bytes;
    r.line = line_cut(&rest);
    line_split(&r);
    TRY(headers_cut(&rest, arena, &r));
    uint64_t length;
    /* RFC 9112 6.3: chunks win, and a server takes Content-Length away before anybody reads it */
    if (slice_eq_nocase(header_of(&r, "Transfer-Encoding"), SLICE("chunked"))) {
        TRY(chunks_join(rest, arena, &r.body));
        header_drop(&r, "Content-Length");
    } else if (!err_failed(slice_parse_u64(header_of(&r, "Content-Length"), UINT64_MAX, &length))) {
        r.body = slice_sub(rest, 0, length < rest.len ? length : rest.len);
    } else {
        r.body = rest;
    }
    *ret_request = r;
    return OK;
}
