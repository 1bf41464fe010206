#include "unit.h"

/* RFC 3629, strict. (The compiler stands on base alone; text/utf8.h is the rooms' decoder.) */
uint32_t chars_take(slice_t *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = s->ptr[0];
    size_t len = first < 0x80                    ? 1
                 : first >= 0xC2 && first < 0xE0 ? 2
                 : (first & 0xF0) == 0xE0        ? 3
                 : first >= 0xF0 && first < 0xF5 ? 4
                                                 : 0;
    uint32_t c = len == 1 ? first : len == 0 ? UINT32_MAX : first & (0xFFU >> (len + 1));
    if (len > s->len) {
        len = 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s->ptr[i] & 0xC0) != 0x80) {
            len = 0;
            break;
        }
        c = (c << 6) | (s->ptr[i] & 0x3FU);
    }
    if (len == 0 || c < least[len] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) {
        *s = slice_from(*s, 1);
        return UINT32_MAX;
    }
    *s = slice_from(*s, len);
    return c;
}

bool chars_valid(slice_t s, size_t *ret_bad_offset)
{
    slice_t rest = s;
    while (rest.len) {
        size_t at = s.len - rest.len;
        uint32_t c = chars_take(&rest);
        bool control = (c < 0x20 && !chars_is_space(c)) || (c >= 0x7F && c < 0xA0);
        if (c == UINT32_MAX || control || c == 0xFEFF) {
            *ret_bad_offset = at;
            return false;
        }
    }
    return true;
}

bool chars_is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool in(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

bool chars_is_cjk(uint32_t c)
{
    return in(c, 0x2E80, 0x303E) || in(c, 0x3040, 0x33FF) || in(c, 0x3400, 0x4DBF) ||
           in(c, 0x4E00, 0x9FFF) || in(c, 0xF900, 0xFAFF) || in(c, 0xFE30, 0xFE4F) ||
           in(c, 0xFF00, 0xFFEF) || in(c, 0x20000, 0x3FFFF);
}

bool chars_is_letter(uint32_t c)
{
    if (c < 0x80) {
        return in(c, 'A', 'Z') || in(c, 'a', 'z');
    }
    bool punctuation = c < 0xC0 || c == 0xD7 || c == 0xF7 || in(c, 0x2000, 0x2BFF) ||
                       in(c, 0x2FF0, 0x3004) || in(c, 0x3008, 0x3020) || c == 0x3030 ||
                       c == 0x30FB || in(c, 0xFE00, 0xFE4F) || in(c, 0xFF01, 0xFF20) ||
                       in(c, 0xFF3B, 0xFF40) || in(c, 0xFF5B, 0xFF65) || in(c, 0xFFE0, 0xFFFD) ||
                       in(c, 0x1F000, 0x1FAFF);
    return !punctuation;
}

uint32_t chars_first(slice_t s)
{
    return s.len ? chars_take(&s) : 0;
}

uint32_t chars_last(slice_t s)
{
    size_t at = s.len;
    while (at > 0 && (s.ptr[--at] & 0xC0) == 0x80) {
    }
    return chars_first(slice_from(s, at));
}

pos_t pos_after(pos_t pos, slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n') {
            pos.line++;
            pos.col = 1;
        } else if ((s.ptr[i] & 0xC0) != 0x80) {
            pos.col++;
        }
    }
    return pos;
}
