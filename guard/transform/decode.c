/* Decoders of what browsers, servers and databases decode later: percent, HTML, JavaScript, CSS,
 * shell and SQL escapes. Each keeps what it cannot read as it is. */
#include "inner.h"

err_t transform_url_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_PERCENT | TRANSFORM_PLUS);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        int byte = *p.s == '%' ? pen_hex2(&p, 1) : -1;
        if (byte >= 0) {
            *p.d++ = (uint8_t)byte;
            p.s += 3;
        } else {
            *p.d++ = *p.s == '+' ? ' ' : *p.s;
            p.s++;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

static uint8_t mapped_byte(const transform_map_t *map, unsigned code)
{
    bool known = map && (map->known[code / 8] >> code % 8 & 1);
    return known ? map->byte[code] : code_byte(code);
}

/* Microsoft's %uXXXX too, through the map of best fits where there is one. */
err_t transform_url_decode_uni(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_PERCENT | TRANSFORM_PLUS);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        int value = -1;
        if (*p.s != '%') {
            *p.d++ = *p.s == '+' ? ' ' : *p.s;
            p.s++;
        } else if ((pen_peek(&p, 1) | 0x20) == 'u' && (value = pen_hex4(&p, 2)) >= 0) {
            *p.d++ = mapped_byte(w->map, (unsigned)value);
            p.s += 6;
        } else if ((value = pen_hex2(&p, 1)) >= 0) {
            *p.d++ = (uint8_t)value;
            p.s += 3;
        } else {
            *p.d++ = *p.s++;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Digits of a base as ModSecurity's strtol reads them: past a long it is the greatest long, whose
 * low byte is 0xFF. */
static uint8_t entity_number(slice_t digits, unsigned base)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)hex_digit(digits.ptr[i]), &value) ||
            value > INT64_MAX) {
            return 0xFF;
        }
    }
    return (uint8_t)value;
}

/* The byte that a name stands for, or -1. Only these five: ModSecurity knows no others, and a name
 * that is none stays as it is. */
static int entity_name(slice_t name)
{
    static const struct {
        slice_t name;
        uint8_t byte;
    } NAMES[] = {{{(const uint8_t *)"quot", 4}, '"'},
                 {{(const uint8_t *)"amp", 3}, '&'},
                 {{(const uint8_t *)"lt", 2}, '<'},
                 {{(const uint8_t *)"gt", 2}, '>'},
                 {{(const uint8_t *)"nbsp", 4}, 0xA0}};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        if (slice_eq_nocase(name, NAMES[i].name)) {
            return NAMES[i].byte;
        }
    }
    return -1;
}

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* At '&': the byte it stands for, or -1 (then *ret_len bytes are to be copied). */
static int entity(const pen_t *p, size_t *ret_len)
{
    size_t at = 1, from;
    bool number = pen_peek(p, 1) == '#', hex = number && (pen_peek(p, 2) | 0x20) == 'x';
    at += number;
    at += hex;
    from = at;
    while (hex      ? hex_digit(pen_peek(p, at)) >= 0
           : number ? pen_peek(p, at) >= '0' && pen_peek(p, at) <= '9'
                    : is_alnum(pen_peek(p, at))) {
        at++;
    }
    slice_t text = slice_make(p->s + from, at - from);
    *ret_len = at;
    if (text.len == 0) {
        return -1;
    }
    int byte = number ? entity_number(text, hex ? 16 : 10) : entity_name(text);
    *ret_len += byte >= 0 && pen_peek(p, at) == ';';
    return byte;
}

err_t transform_html_entity_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find_byte(w->in, '&');
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        if (*p.s != '&') {
            *p.d++ = *p.s++;
            continue;
        }
        size_t len;
        int byte = entity(&p, &len);
        if (byte >= 0) {
            *p.d++ = (uint8_t)byte;
        } else {
            memcpy(p.d, p.s, len);
            p.d += len;
        }
        p.s += len;
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Up to three octal digits one behind the backslash; their number. JavaScript's end at 377, C's
 * wrap. */
static size_t octal(const pen_t *p, bool javascript, uint8_t *ret_byte)
{
    size_t n = 0;
    unsigned value = 0;
    size_t most = javascript && pen_peek(p, 1) > '3' ? 2 : 3;
    while (n < most && is_octal(pen_peek(p, 1 + n))) {
        value = value << 3 | (unsigned)(p->s[1 + n] - '0');
        n++;
    }
    *ret_byte = (uint8_t)value;
    return n;
}

/* The control characters that \a \b \f \n \r \t \v name; any other byte is itself. */
static uint8_t named_control(uint8_t c)
{
    static const char FROM[] = "abfnrtv", TO[] = "\a\b\f\n\r\t\v";
    const char *at = c ? strchr(FROM, c) : NULL;
    return at ? (uint8_t)TO[at - FROM] : c;
}

err_t transform_js_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find_byte(w->in, '\\');
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        int value;
        uint8_t byte;
        size_t digits;
        if (*p.s != '\\' || pen_left(&p) == 1) {
            *p.d++ = *p.s++;
        } else if (p.s[1] == 'u' && (value = pen_hex4(&p, 2)) >= 0) {
            *p.d++ = code_byte((unsigned)value);
            p.s += 6;
        } else if (p.s[1] == 'x' && (value = pen_hex2(&p, 2)) >= 0) {
            *p.d++ = (uint8_t)value;
            p.s += 4;
        } else if ((digits = octal(&p, true, &byte)) > 0) {
            *p.d++ = byte;
            p.s += 1 + digits;
        } else {
            *p.d++ = named_control(p.s[1]);
            p.s += 2;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* Up to six hex digits behind the backslash. A code point of more than four digits counts as
 * full-width only with leading zeros. */
static uint8_t css_code(const uint8_t *digits, size_t n)
{
    unsigned code = 0;
    for (size_t i = 0; i < n; i++) {
        code = code << 4 | (unsigned)hex_digit(digits[i]);
    }
    return n >= 4 && code <= 0xFFFF ? code_byte(code) : (uint8_t)code;
}

/* CSS 2.1 4.1.3; a backslash before a line feed and one at the end are dropped. A decoded NUL stays
 * in the value, as in version 2; libmodsecurity 3 ends it there, and what stands behind would be
 * seen by no rule. */
err_t transform_css_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find_byte(w->in, '\\');
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        if (*p.s != '\\') {
            *p.d++ = *p.s++;
            continue;
        }
        p.s++;
        size_t n = 0;
        while (n < 6 && hex_digit(pen_peek(&p, n)) >= 0) {
            n++;
        }
        if (n) {
            *p.d++ = css_code(p.s, n);
            p.s += n;
            p.s +=
                is_space(pen_peek(&p, 0)); /* one white space ends the number and belongs to it */
        } else if (pen_peek(&p, 0) == '\n') {
            p.s++;
        } else if (p.s < p.end) {
            *p.d++ = *p.s++;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* ANSI C; of an escape that is none the backslash goes (libmodsecurity 3; version 2 keeps it). */
err_t transform_escape_seq_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = slice_find_byte(w->in, '\\');
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same, w->in.len, &p));
    while (p.s < p.end) {
        int value;
        uint8_t byte;
        size_t digits;
        if (*p.s != '\\' || pen_left(&p) == 1) {
            *p.d++ = *p.s++;
        } else if ((p.s[1] | 0x20) == 'x' && (value = pen_hex2(&p, 2)) >= 0) {
            *p.d++ = (uint8_t)value;
            p.s += 4;
        } else if ((digits = octal(&p, false, &byte)) > 0) {
            *p.d++ = byte;
            p.s += 1 + digits;
        } else {
            *p.d++ = named_control(p.s[1]);
            p.s += 2;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* 0x616263 as MySQL reads it: pairs of digits; an odd last one stays. (libmodsecurity 3 loses the
 * last byte of every value here, which hides it; we do not.) */
err_t transform_sql_hex_decode(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_EX);
    if (same == SIZE_MAX) {
        return OK;
    }
    pen_t p;
    TRY(pen_on(w, same ? same - 1 : 0, w->in.len, &p));
    while (p.s < p.end) {
        int byte = -1;
        if (*p.s == '0' && (pen_peek(&p, 1) | 0x20) == 'x') {
            byte = pen_hex2(&p, 2);
        }
        if (byte < 0) {
            *p.d++ = *p.s++;
            continue;
        }
        p.s += 2;
        while ((byte = pen_hex2(&p, 0)) >= 0) {
            *p.d++ = (uint8_t)byte;
            p.s += 2;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* One UTF-8 sequence at the reader as ModSecurity takes it: lead byte and continuation bytes,
 * overlong forms and surrogates too. 0 when it is none. */
static size_t sequence(const pen_t *p, uint32_t *ret_code)
{
    uint8_t lead = *p->s;
    size_t len = lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
    uint32_t code = lead & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        int c = pen_peek(p, i);
        if (c < 0 || (c & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (uint32_t)(c & 0x3F);
    }
    *ret_code = code;
    return len;
}

static void put_code(pen_t *p, uint32_t code)
{
    int digits = code > 0xFFFFF ? 6 : code > 0xFFFF ? 5 : 4;
    *p->d++ = '%';
    *p->d++ = 'u';
    while (digits--) {
        *p->d++ = (uint8_t) "0123456789abcdef"[code >> (4 * digits) & 15];
    }
}

/* UTF-8 as %uXXXX, five or six digits above the basic plane. As in ModSecurity 2 and 3 a lead byte
 * without its continuation is dropped, as are NULs but a last one; behind an overlong form or a
 * surrogate (and before a form above U+10FFFF) its lead byte stays, so that rules see that
 * something was wrong. */
err_t transform_utf8_to_unicode(const work_t *w, slice_t *ret_out)
{
    size_t same = first_of(w->in, TRANSFORM_HIGH | TRANSFORM_NUL), most;
    if (same == SIZE_MAX) {
        return OK;
    }
    ENSURE(!__builtin_mul_overflow(w->in.len, (size_t)4, &most), ERR_MEMORY);
    pen_t p;
    TRY(pen_on(w, same, most, &p));
    while (p.s < p.end) {
        uint32_t code = 0;
        uint8_t lead = *p.s;
        if (lead < 0x80) {
            if (lead) {
                *p.d++ = lead;
            }
            p.s++;
            continue;
        }
        size_t len = sequence(&p, &code);
        if (lead < 0xC0 || lead >= 0xF5) {
            *p.d++ = lead;
        }
        if (len) {
            put_code(&p, code);
            static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
            if (code < LEAST[len] || (code >= 0xD800 && code <= 0xDFFF)) {
                *p.d++ = lead;
            }
        }
        p.s += len ? len : 1;
    }
    *ret_out = pen_slice(&p);
    return OK;
}
