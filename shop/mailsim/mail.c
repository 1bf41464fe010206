#include "mail.h"

#include "text/b64.h"
#include "text/hex.h"

/* ---- encodings ---- */

static err_t b64_loose(arena_t *a, slice_t in, slice_t *ret_out)
{
    buf_t bare, out;
    TRY(arena_buf(a, in.len + 1, &bare));
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] > ' ') {
            buf_u8(&bare, in.ptr[i]);
        }
    }
    TRY(arena_buf(a, in.len + 1, &out));
    TRY(b64_decode(buf_slice(&bare), &out));
    *ret_out = buf_slice(&out);
    return OK;
}

static err_t q_decode(arena_t *a, slice_t in, bool in_header, slice_t *ret_out)
{
    buf_t out;
    TRY(arena_buf(a, in.len + 1, &out));
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        int value = c == '=' ? hex_pair(slice_from(in, i + 1)) : -1;
        if (value >= 0) {
            buf_u8(&out, (uint8_t)value);
            i += 2;
        } else if (c == '=' && slice_starts(slice_from(in, i + 1), SLICE("\r\n"))) {
            i += 2;
        } else if (c == '=' && slice_starts(slice_from(in, i + 1), SLICE("\n"))) {
            i += 1;
        } else {
            buf_u8(&out, in_header && c == '_' ? ' ' : c);
        }
    }
    *ret_out = buf_slice(&out);
    return OK;
}

err_t mail_qp_decode(arena_t *a, slice_t in, slice_t *ret_out)
{
    return q_decode(a, in, false, ret_out);
}

/* One "=?utf-8?B?...?=" at the start of in; ret_len = how much of in it takes. */
static bool word_decode(arena_t *a, slice_t in, slice_t *ret_text, size_t *ret_len)
{
    static const slice_t START = {(const uint8_t *)"=?utf-8?", 8};
    if (in.len < START.len + 4 || !slice_eq_nocase(slice_sub(in, 0, START.len), START) ||
        in.ptr[START.len + 1] != '?') {
        return false;
    }
    uint8_t how = in.ptr[START.len] | 0x20;
    slice_t rest = slice_from(in, START.len + 2);
    size_t end = slice_find(rest, SLICE("?="));
    if (end == SIZE_MAX || (how != 'b' && how != 'q')) {
        return false;
    }
    slice_t text = slice_sub(rest, 0, end);
    *ret_len = START.len + 2 + end + 2;
    err_t e = how == 'b' ? b64_loose(a, text, ret_text) : q_decode(a, text, true, ret_text);
    return !err_failed(e);
}

err_t mail_words_decode(arena_t *a, slice_t in, slice_t *ret_out)
{
    buf_t out;
    bool after_word = false;
    TRY(arena_buf(a, in.len + 1, &out));
    while (in.len) {
        slice_t text;
        size_t len = 0;
        slice_t ahead = slice_trim(in); /* white space between two words is not shown */
        size_t gap = after_word && ahead.len ? (size_t)(ahead.ptr - in.ptr) : 0;
        if (word_decode(a, slice_from(in, gap), &text, &len)) {
            buf_put(&out, text);
            in = slice_from(in, gap + len);
            after_word = true;
            continue;
        }
        buf_u8(&out, in.ptr[0]);
        in = slice_from(in, 1);
        after_word = false;
    }
    *ret_out = buf_slice(&out);
    return OK;
}

/* ---- headers ---- */

/* Value of a header, unfolded; empty when missing. */
static err_t header_get(arena_t *a, slice_t headers, slice_t name, slice_t *ret_value)
{
    buf_t value;
    slice_t line;
    bool inside = false;
    TRY(arena_buf(a, headers.len + 1, &value));
    while (slice_split(&headers, '\n', &line)) {
        bool folded = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
        if (inside && folded) {
            buf_u8(&value, ' ');
            buf_put(&value, slice_trim(line));
            continue;
        }
        if (inside) {
            break;
        }
        inside = line.len > name.len && line.ptr[name.len] == ':' &&
                 slice_eq_nocase(slice_sub(line, 0, name.len), name);
        if (inside) {
            buf_put(&value, slice_trim(slice_from(line, name.len + 1)));
        }
    }
    *ret_value = buf_slice(&value);
    return OK;
}

static err_t header_text(arena_t *a, slice_t headers, slice_t name, slice_t *ret_text)
{
    slice_t raw;
    TRY(header_get(a, headers, name, &raw));
    return mail_words_decode(a, raw, ret_text);
}

static void halves(slice_t raw, slice_t *ret_headers, slice_t *ret_body)
{
    size_t at = slice_find(raw, SLICE("\r\n\r\n"));
    size_t len = 4;
    if (at == SIZE_MAX) {
        at = slice_find(raw, SLICE("\n\n"));
        len = 2;
    }
    *ret_headers = slice_sub(raw, 0, at);
    *ret_body = at == SIZE_MAX ? SLICE_EMPTY : slice_from(raw, at + len);
}

static err_t body_text(arena_t *a, slice_t headers, slice_t body, slice_t *ret_text)
{
    slice_t how;
    TRY(header_get(a, headers, SLICE("Content-Transfer-Encoding"), &how));
    if (slice_eq_nocase(how, SLICE("base64"))) {
        return b64_loose(a, body, ret_text);
    }
    if (slice_eq_nocase(how, SLICE("quoted-printable"))) {
        return mail_qp_decode(a, body, ret_text);
    }
    *ret_text = body;
    return OK;
}

/* Of a multipart message the first part is shown: ours begin with the plain text. */
static void first_part(slice_t type, slice_t *io_headers, slice_t *io_body)
{
    size_t at = slice_find(type, SLICE("boundary="));
    if (!slice_starts(type, SLICE("multipart/")) || at == SIZE_MAX) {
        return;
    }
    slice_t boundary = slice_from(type, at + 9);
    if (boundary.len > 1 && boundary.ptr[0] == '"') {
        boundary = slice_from(boundary, 1);
        boundary = slice_sub(boundary, 0, slice_find_byte(boundary, '"'));
    } else {
        boundary = slice_sub(boundary, 0, slice_find_byte(boundary, ';'));
    }
    size_t begin = slice_find(*io_body, boundary);
    if (begin == SIZE_MAX || boundary.len == 0) {
        return;
    }
    slice_t part = slice_from(*io_body, begin + boundary.len);
    part = slice_from(part, slice_find_byte(part, '\n') + 1);
    size_t end = slice_find(part, boundary);
    part = slice_sub(part, 0, end == SIZE_MAX ? part.len : end > 4 ? end - 4 : 0);
    halves(part, io_headers, io_body);
}

err_t mail_read(arena_t *a, slice_t raw, mail_view_t *ret_view)
{
    mail_view_t v;
    slice_t headers, body, type;
    halves(raw, &headers, &body);
    TRY(header_text(a, headers, SLICE("From"), &v.from));
    TRY(header_text(a, headers, SLICE("To"), &v.to));
    TRY(header_text(a, headers, SLICE("Subject"), &v.subject));
    TRY(header_get(a, headers, SLICE("Content-Type"), &type));
    first_part(type, &headers, &body);
    if (err_failed(body_text(a, headers, body, &v.text))) {
        v.text = body; /* not what it says: shown as it came */
    }
    *ret_view = v;
    return OK;
}
