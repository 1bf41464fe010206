#include "text/b64.h"

#include "text/hex.h"

static const char STD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put(buf_t *b, slice_t in, const char *letters, bool padded)
{
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint32_t v = (uint32_t)in.ptr[i] << 16;
        v |= n > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0;
        v |= n > 2 ? (uint32_t)in.ptr[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            if (k <= n) {
                buf_u8(b, (uint8_t)letters[v >> (18 - 6 * k) & 63]);
            } else if (padded) {
                buf_u8(b, '=');
            }
        }
    }
}

void b64_put(buf_t *b, slice_t bytes)
{
    put(b, bytes, STD, true);
}

void b64url_put(buf_t *b, slice_t bytes)
{
    put(b, bytes, URL, false);
}

static int letter_value(uint8_t c, const char *letters)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == (uint8_t)letters[62] ? 62 : c == (uint8_t)letters[63] ? 63 : -1;
}

/* One group of 2 to 4 letters. */
static err_t group(slice_t in, const char *letters, buf_t *out)
{
    uint32_t v = 0;
    ENSURE(in.len >= 2, ERR_SYNTAX);
    for (size_t k = 0; k < 4; k++) {
        int x = k < in.len ? letter_value(in.ptr[k], letters) : 0;
        ENSURE(x >= 0, ERR_SYNTAX);
        v = v << 6 | (uint32_t)x;
    }
    /* Bits past the last byte must be zero, else one value would have several forms. */
    ENSURE(in.len == 4 || (v & (in.len == 3 ? 0xFFU : 0xFFFFU)) == 0, ERR_SYNTAX);
    for (size_t k = 0; k + 1 < in.len; k++) {
        buf_u8(out, (uint8_t)(v >> (16 - 8 * k)));
    }
    return OK;
}

static err_t decode(slice_t text, const char *letters, buf_t *out)
{
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i += 4) {
        err_t e = group(slice_sub(text, i, 4), letters, out);
        if (err_failed(e)) {
            out->len = before;
            return e;
        }
    }
    return buf_check(out);
}

err_t b64_decode(slice_t text, buf_t *out)
{
    ENSURE(text.len % 4 == 0, ERR_SYNTAX);
    for (size_t k = 0; k < 2 && text.len && text.ptr[text.len - 1] == '='; k++) {
        text.len--;
    }
    return decode(text, STD, out);
}

err_t b64url_decode(slice_t text, buf_t *out)
{
    return decode(text, URL, out);
}

err_t hex_decode(slice_t text, buf_t *out)
{
    ENSURE(text.len % 2 == 0, ERR_SYNTAX);
    for (size_t i = 0; i < text.len; i += 2) {
        ENSURE(hex_pair(slice_from(text, i)) >= 0, ERR_SYNTAX);
    }
    for (size_t i = 0; i < text.len; i += 2) {
        buf_u8(out, (uint8_t)hex_pair(slice_from(text, i)));
    }
    return buf_check(out);
}
