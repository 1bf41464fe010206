#include "text/url.h"

#include "text/hex.h"
#include "text/utf8.h"

static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void put_encoded(buf_t *b, slice_t raw, const char *also)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.ptr[i];
        if (is_unreserved(c) || (c && strchr(also, c))) {
            buf_u8(b, c);
        } else {
            buf_u8(b, '%');
            buf_u8(b, (uint8_t)DIGITS[c >> 4]);
            buf_u8(b, (uint8_t)DIGITS[c & 15]);
        }
    }
}

void url_put_component(buf_t *b, slice_t raw)
{
    put_encoded(b, raw, "");
}

void url_put_path(buf_t *b, slice_t raw)
{
    put_encoded(b, raw, "/!$&'()*+,;=:@");
}

err_t url_decode(arena_t *a, slice_t in, bool plus, slice_t *ret_out)
{
    if (slice_find_byte(in, '%') == SIZE_MAX && !(plus && slice_find_byte(in, '+') != SIZE_MAX)) {
        *ret_out = in;
        return OK;
    }
    buf_t out;
    TRY(arena_buf(a, in.len, &out));
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c == '%') {
            int byte = hex_pair(slice_from(in, i + 1));
            ENSURE(byte >= 0, ERR_SYNTAX);
            c = (uint8_t)byte;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        buf_u8(&out, c);
    }
    *ret_out = buf_slice(&out);
    return OK;
}

err_t url_split(slice_t target, slice_t *ret_path, slice_t *ret_query)
{
    ENSURE(target.len > 0 && target.ptr[0] == '/', ERR_SYNTAX);
    ENSURE(target.len == 1 || target.ptr[1] != '/', ERR_SYNTAX);
    for (size_t i = 0; i < target.len; i++) {
        uint8_t c = target.ptr[i];
        ENSURE(c > ' ' && c < 0x7F && !strchr("#\"<>\\^`{|}", c), ERR_SYNTAX);
        ENSURE(c != '%' || hex_pair(slice_from(target, i + 1)) >= 0, ERR_SYNTAX);
    }
    size_t mark = slice_find_byte(target, '?');
    *ret_path = slice_sub(target, 0, mark);
    *ret_query = mark == SIZE_MAX ? SLICE_EMPTY : slice_from(target, mark + 1);
    return OK;
}

static err_t check_segments(slice_t path)
{
    slice_t rest = slice_from(path, 1), part;
    while (slice_split(&rest, '/', &part)) {
        bool last = rest.len == SIZE_MAX;
        ENSURE(part.len > 0 || last, ERR_SYNTAX);
        ENSURE(!slice_eq(part, SLICE(".")) && !slice_eq(part, SLICE("..")), ERR_SYNTAX);
    }
    return OK;
}

/* %2F and %5C would become separators that were none. */
static bool has_coded_separator(slice_t path)
{
    for (size_t i = 0; i < path.len; i++) {
        int byte = path.ptr[i] == '%' ? hex_pair(slice_from(path, i + 1)) : -1;
        if (byte == '/' || byte == '\\') {
            return true;
        }
    }
    return false;
}

err_t url_path_decode(arena_t *a, slice_t path, slice_t *ret_path)
{
    slice_t out;
    ENSURE(path.len > 0 && path.ptr[0] == '/', ERR_SYNTAX);
    ENSURE(!has_coded_separator(path), ERR_SYNTAX);
    TRY(url_decode(a, path, false, &out));
    ENSURE(utf8_is_text(out, false), ERR_ENCODING);
    ENSURE(slice_find_byte(out, '\\') == SIZE_MAX, ERR_SYNTAX);
    TRY(check_segments(out));
    *ret_path = out;
    return OK;
}
