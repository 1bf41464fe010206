/* Case, white space, NULs, comments, shell quoting, parity: what takes bytes away or makes them
 * alike. */
#include "inner.h"

err_t transform_none(const work_t *w, slice_t *ret_out)
{
    *ret_out = w->in;
    return OK;
}

/* Eight bytes in lower case: 0x20 is set where a byte is A to Z. In each byte of `low`, adding
 * lifts the eighth bit from 'A' on (`from_a`), from '[' on (`past_z`); it never carries into the
 * next, for bytes are below 0x80 there. */
static uint64_t lower8(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t low = bytes & 0x7F * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7F - 'Z') * ones;
    uint64_t upper = (from_a ^ past_z) & ~bytes & 0x80 * ones;
    return bytes | upper >> 2;
}

err_t transform_lowercase(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_UPPER);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; pen_left(&p) >= 8; p.s += 8, p.d += 8) {
        uint64_t bytes;
        memcpy(&bytes, p.s, 8);
        bytes = lower8(bytes);
        memcpy(p.d, &bytes, 8);
    }
    while (p.s < p.end) {
        *p.d++ = to_lower(*p.s++);
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_uppercase(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_LOWER);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        *p.d++ = *p.s >= 'a' && *p.s <= 'z' ? (uint8_t)(*p.s & ~0x20) : *p.s;
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Bytes of a class taken out. */
static err_t without(const work_t *w, uint32_t classes, slice_t *ret_out)
{
    size_t same = first_of(w->in, classes);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        *p.d = *p.s;
        p.d += !(transform_class_of[*p.s] & classes);
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_remove_nulls(const work_t *w, slice_t *ret_out)
{
    return without(w, TRANSFORM_NUL, ret_out);
}

err_t transform_remove_whitespace(const work_t *w, slice_t *ret_out)
{
    return without(w, TRANSFORM_SPACE | TRANSFORM_BLANK | TRANSFORM_NBSP, ret_out);
}

err_t transform_replace_nulls(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find_byte(w->in, 0);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        *p.d++ = *p.s ? *p.s : ' ';
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Each run of white space becomes one space. */
err_t transform_compress_whitespace(const work_t *w, slice_t *ret_out)
{
    const uint32_t space = TRANSFORM_SPACE | TRANSFORM_BLANK;
    size_t same = first_of(w->in, space);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    bool before = false;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        bool is = (transform_class_of[*p.s] & space) != 0;
        *p.d = is ? ' ' : *p.s;
        p.d += !(is && before);
        before = is;
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Shell and cmd.exe: quotes, backslash and caret go, separators become one space, none before '/'
 * or '('; lower case. */
err_t transform_cmd_line(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_UPPER | TRANSFORM_SPACE | TRANSFORM_BLANK |
                                      TRANSFORM_BACKSLASH | TRANSFORM_QUOTE | TRANSFORM_CARET |
                                      TRANSFORM_COMMA | TRANSFORM_SEMICOLON);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    bool space = false;
    TRY(pen_on(w, same, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        switch (*p.s) {
        case '"':
        case '\'':
        case '\\':
        case '^':
            break;
        case ' ':
        case ',':
        case ';':
        case '\t':
        case '\r':
        case '\n':
            *p.d = ' ';
            p.d += !space;
            space = true;
            break;
        case '/':
        case '(':
            p.d -= space;
            space = false;
            *p.d++ = *p.s;
            break;
        default:
            space = false;
            *p.d++ = to_lower(*p.s);
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Length of the sign that opens (or closes) a comment at the reader, or 0. */
static size_t opens(const pen_t *p)
{
    return PEN_IS(p, "/*") ? 2 : PEN_IS(p, "<!--") ? 4 : 0;
}

static size_t closes(const pen_t *p)
{
    return PEN_IS(p, "*/") ? 2 : PEN_IS(p, "-->") ? 3 : 0;
}

/* Comments of C and HTML with what stands in them, and everything behind a line comment of SQL (two
 * dashes, hash). A space stays for a comment that never ends. */
err_t transform_remove_comments(const work_t *w, slice_t *ret_out)
{
    size_t same =
        first_of(w->in, TRANSFORM_SLASH | TRANSFORM_ANGLE | TRANSFORM_DASH | TRANSFORM_HASH);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    bool inside = false;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        size_t sign = inside ? closes(&p) : opens(&p);
        if (sign) {
            p.s += sign;
            inside = !inside;
            if (!inside && p.s < p.end) {
                *p.d++ = *p.s++; /* never taken for the beginning of the next comment */
            }
        } else if (inside) {
            p.s++;
        } else if (*p.s == '#' || PEN_IS(&p, "--")) {
            break;
        } else {
            *p.d++ = *p.s++;
        }
    }
    if (inside) {
        *p.d++ = ' ';
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Comments of C become one space each, unfinished ones too. */
err_t transform_replace_comments(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find(w->in, SLICE("/*"));
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        if (!PEN_IS(&p, "/*")) {
            *p.d++ = *p.s++;
            continue;
        }
        slice_t rest = slice_make(p.s + 2, pen_left(&p) - 2);
        size_t close = slice_find(rest, SLICE("*/"));
        p.s = close == SIZE_MAX ? p.end : rest.ptr + close + 2;
        *p.d++ = ' ';
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* The signs alone; what stands between them stays. */
err_t transform_remove_comments_char(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_STAR | TRANSFORM_SLASH | TRANSFORM_ANGLE |
                                      TRANSFORM_DASH | TRANSFORM_HASH);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        size_t sign = opens(&p);
        sign = sign ? sign : closes(&p);
        sign = sign ? sign : PEN_IS(&p, "--") ? 2 : *p.s == '#';
        if (sign) {
            p.s += sign;
        } else {
            *p.d++ = *p.s++;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

static slice_t trimmed(slice_t s, bool left, bool right)
{
    while (left && s.len && is_space(s.ptr[0])) {
        s = slice_make(s.ptr + 1, s.len - 1);
    }
    while (right && s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

err_t transform_trim(const work_t *w, slice_t *ret_out)
{
    *ret_out = trimmed(w->in, true, true);
    return OK;
}

err_t transform_trim_left(const work_t *w, slice_t *ret_out)
{
    *ret_out = trimmed(w->in, true, false);
    return OK;
}

err_t transform_trim_right(const work_t *w, slice_t *ret_out)
{
    *ret_out = trimmed(w->in, false, true);
    return OK;
}

/* The eighth bit is set when the number of ones is odd (even). ModSecurity counts over all eight
 * bits, so only for 7-bit input is the outcome of even (odd) parity; kept as it is. */
static err_t parity(const work_t *w, unsigned odd, slice_t *ret_out)
{
    pen_t p;
    TRY(pen_on(w, 0, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        *p.d++ = (uint8_t)((*p.s & 0x7F) | ((unsigned)__builtin_parity(*p.s) ^ odd) << 7);
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_parity_even(const work_t *w, slice_t *ret_out)
{
    return parity(w, 0, ret_out);
}

err_t transform_parity_odd(const work_t *w, slice_t *ret_out)
{
    return parity(w, 1, ret_out);
}

err_t transform_parity_zero(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_HIGH);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        *p.d++ = *p.s++ & 0x7F;
    }
    *ret_out = pen_slice(&p);
    return OK;
}
