#include "test_plant.h"

#include <zlib.h>
#include <zstd.h>

#include "text/b64.h"
#include "text/url.h"
#include "text/utf8.h"

enum { ROOM = 16, SLACK = 1024, LINE = 76 };

static buf_t room(arena_t *a, size_t bytes)
{
    buf_t b;
    CHECK(!err_failed(arena_buf(a, bytes + SLACK, &b)));
    return b;
}

static void put_number(buf_t *b, const char *format_name, unsigned value)
{
    char text[16];
    int n = 0;
    switch (format_name[0]) {
    case 'X':
        n = snprintf(text, sizeof text, "%02X", value);
        break;
    case 'x':
        n = snprintf(text, sizeof text, "%02x", value);
        break;
    case 'o':
        n = snprintf(text, sizeof text, "%03o", value);
        break;
    case 'u':
        n = snprintf(text, sizeof text, "%04x", value);
        break;
    case 'U':
        n = snprintf(text, sizeof text, "%04X", value);
        break;
    case 'd':
        n = snprintf(text, sizeof text, "%u", value);
        break;
    default:
        n = snprintf(text, sizeof text, "%x", value);
        break;
    }
    buf_put(b, slice_make(text, (size_t)n));
}

/* "=" CR LF after each so many letters, never within an escape. */
static slice_t quoted(arena_t *a, slice_t text, bool lines)
{
    buf_t b = room(a, ROOM * text.len);
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (lines && column > 20) { /* short lines: a word rarely escapes a break */
            buf_cstr(&b, "=\r\n");
            column = 0;
        }
        if (c >= 0x80 || c == '=' || c < ' ' || c == 0x7f) {
            buf_u8(&b, '=');
            put_number(&b, "X", c);
            column += 3;
        } else {
            buf_u8(&b, c);
            column++;
        }
    }
    return buf_slice(&b);
}

static slice_t bytes_escaped(arena_t *a, slice_t text, const char *mark, const char *number)
{
    buf_t b = room(a, ROOM * text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x7f || text.ptr[i] < ' ' || text.ptr[i] == '\\') {
            buf_cstr(&b, mark);
            put_number(&b, number, text.ptr[i]);
        } else {
            buf_u8(&b, text.ptr[i]);
        }
    }
    return buf_slice(&b);
}

static slice_t points_escaped(arena_t *a, slice_t text, const char *mark, const char *number,
                              const char *end)
{
    buf_t b = room(a, ROOM * text.len);
    while (text.len) {
        uint32_t c = utf8_take(&text);
        if (c < 0x80) {
            buf_u8(&b, (uint8_t)c);
            continue;
        }
        buf_cstr(&b, mark);
        put_number(&b, number, c);
        buf_cstr(&b, end);
    }
    return buf_slice(&b);
}

static slice_t lines_of(arena_t *a, slice_t text)
{
    buf_t b = room(a, 2 * text.len);
    for (size_t at = 0; at < text.len;
         at += 20) { /* shorter than mail's 76: each form is cut somewhere */
        buf_put(&b, slice_sub(text, at, 20));
        buf_cstr(&b, "\r\n");
    }
    return buf_slice(&b);
}

static slice_t upper(arena_t *a, slice_t text)
{
    buf_t b = room(a, text.len);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        buf_u8(&b, c >= 'a' && c <= 'f' ? (uint8_t)(c - 32) : c);
    }
    return buf_slice(&b);
}

static slice_t form_escaped(arena_t *a, slice_t text)
{
    buf_t b = room(a, 3 * text.len);
    slice_t part;
    for (bool first = true; slice_split(&text, ' ', &part); first = false) {
        if (!first) {
            buf_u8(&b, '+');
        }
        url_put_component(&b, part);
    }
    return buf_slice(&b);
}

slice_t plant_code(arena_t *a, plant_coding_t coding, slice_t text)
{
    buf_t b = room(a, ROOM * text.len);
    switch (coding) {
    case PLANT_RAW:
    case PLANT_CODINGS:
        return text;
    case PLANT_BASE64:
        b64_put(&b, text);
        break;
    case PLANT_BASE64URL:
        b64url_put(&b, text);
        break;
    case PLANT_BASE64_LINES:
        b64_put(&b, text);
        return lines_of(a, buf_slice(&b));
    case PLANT_QUOTED:
        return quoted(a, text, false);
    case PLANT_QUOTED_LINES:
        return quoted(a, text, true);
    case PLANT_HEX:
        buf_hex(&b, text);
        break;
    case PLANT_HEX_UPPER:
        buf_hex(&b, text);
        return upper(a, buf_slice(&b));
    case PLANT_PERCENT:
        url_put_component(&b, text);
        break;
    case PLANT_PERCENT_FORM:
        return form_escaped(a, text);
    case PLANT_PERCENT_TWICE: {
        slice_t once = plant_code(a, PLANT_PERCENT, text);
        url_put_component(&b, once);
        break;
    }
    case PLANT_ESCAPE_X:
        return bytes_escaped(a, text, "\\x", "X");
    case PLANT_OCTAL:
        return bytes_escaped(a, text, "\\", "o");
    case PLANT_ESCAPE_U:
        return points_escaped(a, text, "\\u", "u", "");
    case PLANT_ESCAPE_U_UPPER:
        return points_escaped(a, text, "\\u", "U", "");
    case PLANT_PERCENT_U:
        return points_escaped(a, text, "%u", "U", "");
    case PLANT_HTML_DECIMAL:
        return points_escaped(a, text, "&#", "d", ";");
    case PLANT_HTML_HEX:
        return points_escaped(a, text, "&#x", "h", ";");
    }
    return buf_slice(&b);
}

/* ---- boxes ---- */

static slice_t deflated(arena_t *a, slice_t bytes, int window_bits)
{
    z_stream z = {0};
    CHECK(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) ==
          Z_OK);
    buf_t b = room(a, deflateBound(&z, bytes.len));
    union {
        const uint8_t *ro;
        uint8_t *rw;
    } in = {.ro = bytes.ptr};
    z.next_in = in.rw;
    z.avail_in = (uInt)bytes.len;
    z.next_out = b.ptr;
    z.avail_out = (uInt)b.cap;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    b.len = b.cap - z.avail_out;
    deflateEnd(&z);
    return buf_slice(&b);
}

slice_t plant_gzip(arena_t *a, slice_t bytes)
{
    return deflated(a, bytes, MAX_WBITS + 16);
}

slice_t plant_zlib(arena_t *a, slice_t bytes)
{
    return deflated(a, bytes, MAX_WBITS);
}

slice_t plant_zstd(arena_t *a, slice_t bytes)
{
    buf_t b = room(a, ZSTD_compressBound(bytes.len));
    b.len = ZSTD_compress(b.ptr, b.cap, bytes.ptr, bytes.len, 3);
    CHECK(!ZSTD_isError(b.len));
    return buf_slice(&b);
}

static slice_t zip(arena_t *a, slice_t bytes)
{
    slice_t body = deflated(a, bytes, -MAX_WBITS);
    buf_t b = room(a, body.len);
    buf_cstr(&b, "PK\3\4");
    buf_u16(&b, 20);
    buf_u16(&b, 0);
    buf_u16(&b, 8);
    buf_u32(&b, 0);
    buf_u32(&b, (uint32_t)crc32(0, bytes.ptr, (uInt)bytes.len));
    buf_u32(&b, (uint32_t)body.len);
    buf_u32(&b, (uint32_t)bytes.len);
    buf_u16(&b, 8);
    buf_u16(&b, 4);
    buf_cstr(&b, "list.csv");
    buf_u32(&b, 0);
    buf_put(&b, body);
    return buf_slice(&b);
}

static slice_t pdf(arena_t *a, slice_t bytes)
{
    slice_t body = plant_zlib(a, bytes), head;
    CHECK(!err_failed(arena_printf(a, &head,
                                   "%%PDF-1.5\n1 0 obj\n<< /Length %zu /Filter /FlateDecode >>\n"
                                   "stream\r\n",
                                   body.len)));
    buf_t b = room(a, body.len + head.len);
    buf_put(&b, head);
    buf_put(&b, body);
    buf_cstr(&b, "\r\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n");
    return buf_slice(&b);
}

slice_t plant_pack(arena_t *a, plant_box_t box, slice_t bytes)
{
    switch (box) {
    case PLANT_BARE:
    case PLANT_BOXES:
        break;
    case PLANT_GZIP:
        return plant_gzip(a, bytes);
    case PLANT_ZLIB:
        return plant_zlib(a, bytes);
    case PLANT_ZSTD:
        return plant_zstd(a, bytes);
    case PLANT_ZIP:
        return zip(a, bytes);
    case PLANT_PDF:
        return pdf(a, bytes);
    case PLANT_BASE64_GZIP:
        return plant_code(a, PLANT_BASE64, plant_gzip(a, bytes));
    case PLANT_HEX_ZSTD:
        return plant_code(a, PLANT_HEX, plant_zstd(a, bytes));
    case PLANT_GZIP_ZSTD_ZLIB:
        return plant_gzip(a, plant_zstd(a, plant_zlib(a, bytes)));
    case PLANT_DEFLATE_IN_GZIP:
        return plant_gzip(a, deflated(a, bytes, -MAX_WBITS));
    case PLANT_HALF_GZIP: {
        slice_t whole = plant_gzip(a, bytes);
        return slice_sub(whole, 0, whole.len - 9); /* sum, length and a byte of the stream */
    }
    }
    return bytes;
}
