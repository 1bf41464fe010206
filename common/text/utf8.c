#include "text/utf8.h"

/* Length of a sequence and the range of its second byte, by first byte (RFC 3629 4). */
static size_t lead(uint8_t c, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
        return 2;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        *ret_low = c == 0xE0 ? 0xA0 : 0x80;
        *ret_high = c == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *ret_low = c == 0xF0 ? 0x90 : 0x80;
        *ret_high = c == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

uint32_t utf8_take(slice_t *s)
{
    CHECK(s->len > 0);
    const uint8_t *p = s->ptr;
    size_t used = 1;
    uint32_t cp = p[0];
    if (cp >= 0x80) {
        uint8_t low, high;
        size_t want = lead(p[0], &low, &high);
        cp &= 0x7FU >> want;
        while (want && used < want && used < s->len && p[used] >= low && p[used] <= high) {
            cp = cp << 6 | (p[used++] & 0x3FU);
            low = 0x80;
            high = 0xBF;
        }
        if (used != want) {
            cp = UTF8_BAD;
        }
    }
    s->ptr += used;
    s->len -= used;
    return cp;
}

bool utf8_valid(slice_t s)
{
    while (s.len) {
        if (s.ptr[0] < 0x80) { /* the common case */
            s.ptr++;
            s.len--;
        } else if (utf8_take(&s) == UTF8_BAD) {
            return false;
        }
    }
    return true;
}

void buf_utf8(buf_t *b, uint32_t cp)
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
        cp = UTF8_REPLACEMENT;
    }
    uint8_t out[4];
    size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const uint8_t LEAD[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1;) {
        out[i] = (uint8_t)(0x80 | (cp & 0x3F));
        cp >>= 6;
    }
    out[0] = (uint8_t)(LEAD[len] | cp);
    buf_put(b, slice_make(out, len));
}

size_t utf8_count(slice_t s)
{
    size_t n = 0;
    for (; s.len; n++) {
        (void)utf8_take(&s);
    }
    return n;
}

slice_t utf8_truncate(slice_t s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    slice_t rest = s;
    size_t keep = 0;
    while (rest.len) {
        (void)utf8_take(&rest);
        if (s.len - rest.len > max_bytes) {
            break;
        }
        keep = s.len - rest.len;
    }
    return slice_make(s.ptr, keep);
}

slice_t utf8_truncate_points(slice_t s, size_t max_points)
{
    slice_t rest = s;
    for (size_t n = 0; n < max_points && rest.len; n++) {
        (void)utf8_take(&rest);
    }
    return slice_make(s.ptr, s.len - rest.len);
}

static bool typed(uint32_t cp, bool lines)
{
    if (cp == '\t' || cp == '\r' || cp == '\n') {
        return lines;
    }
    bool control = cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == UTF8_BAD;
    bool bidi = (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
    return !control && !bidi && (cp & 0xFFFE) != 0xFFFE && !(cp >= 0xFDD0 && cp <= 0xFDEF);
}

bool utf8_is_text(slice_t s, bool lines)
{
    while (s.len) {
        if (!typed(utf8_take(&s), lines)) {
            return false;
        }
    }
    return true;
}
