/* Base64, hex, percent writing, length. */
#include "inner.h"
#include "text/b64.h"

/* Value of a base64 letter, or -1. */
static int letter(uint8_t c)
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
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Letters gathered six bits each; a byte goes out whenever eight are there. */
typedef struct bits {
    uint32_t value;
    unsigned count;
} bits_t;

static void bits_add(bits_t *b, int six, pen_t *p)
{
    b->value = b->value << 6 | (uint32_t)six;
    b->count += 6;
    if (b->count >= 8) {
        b->count -= 8;
        *p->d++ = (uint8_t)(b->value >> b->count);
    }
}

/* What MIME allows between letters: line ends, and spaces before one or at the end. */
static bool skip_fold(pen_t *p)
{
    const uint8_t *from = p->s;
    while (p->s < p->end && *p->s == ' ') {
        p->s++;
    }
    bool end = p->s == p->end || *p->s == '\n' || PEN_IS(p, "\r\n");
    if (end && p->s < p->end) {
        p->s += *p->s == '\n' ? 1 : 2;
    }
    return end || p->s == from;
}

/* Strict, as in libmodsecurity: anything that is no base64 gives the empty value (version 2 gives
 * what stands before the fault). Whole groups of four only. */
err_t transform_base64_decode(const work_t *w, slice_t *ret_out)
{
    pen_t p;
    bits_t b = {0};
    size_t letters = 0, pads = 0, bytes = 0;
    TRY(pen_on(w, 0, w->in.len, &p));
    size_t nul = slice_find_byte(w->in, 0); /* libmodsecurity reads up to it */
    p.end = nul == SIZE_MAX ? p.end : p.s + nul;
    *ret_out = SLICE_EMPTY;
    while (p.s < p.end) {
        const uint8_t *from = p.s;
        if (!skip_fold(&p)) {
            return OK;
        }
        if (p.s > from) {
            continue;
        }
        int value = *p.s == '=' ? 0 : letter(*p.s);
        pads += *p.s == '=';
        if (value < 0 || pads > 2 || (pads && *p.s != '=')) {
            return OK;
        }
        bits_add(&b, value, &p);
        p.s++;
        if (++letters % 4 == 0) {
            bytes = letters / 4 * 3 - pads;
        }
    }
    *ret_out = slice_make(p.start, bytes);
    return OK;
}

/* Forgiving, as PHP reads it: what is no letter is skipped. */
err_t transform_base64_decode_ext(const work_t *w, slice_t *ret_out)
{
    pen_t p;
    bits_t b = {0};
    size_t letters = 0;
    TRY(pen_on(w, 0, w->in.len, &p));
    for (; p.s < p.end; p.s++) {
        int value = letter(*p.s);
        if (value >= 0) {
            bits_add(&b, value, &p);
            letters++;
        } else if (*p.s == '=' && pen_peek(&p, 1) != '=' && letters % 4 == 1) {
            *ret_out = SLICE_EMPTY;
            return OK;
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_base64_encode(const work_t *w, slice_t *ret_out)
{
    buf_t out;
    ENSURE(w->in.len < SIZE_MAX / 2, ERR_MEMORY);
    TRY(arena_buf(w->arena, B64_LEN(w->in.len), &out));
    b64_put(&out, w->in);
    *ret_out = buf_slice(&out);
    return OK;
}

err_t transform_hex_encode(const work_t *w, slice_t *ret_out)
{
    buf_t out;
    ENSURE(w->in.len < SIZE_MAX / 2, ERR_MEMORY);
    TRY(arena_buf(w->arena, w->in.len * 2, &out));
    buf_hex(&out, w->in);
    *ret_out = buf_slice(&out);
    return OK;
}

/* ModSecurity's value of a character in hexDecode, which it never checks to be a digit. */
static unsigned loose_digit(uint8_t c)
{
    return c >= 'A' ? (c & 0xDFU) - 'A' + 10U : c - (unsigned)'0';
}

/* Pairs, whatever they are; an odd last byte is dropped. */
err_t transform_hex_decode(const work_t *w, slice_t *ret_out)
{
    pen_t p;
    TRY(pen_on(w, 0, w->in.len / 2, &p));
    for (; pen_left(&p) >= 2; p.s += 2) {
        *p.d++ = (uint8_t)(loose_digit(p.s[0]) * 16 + loose_digit(p.s[1]));
    }
    *ret_out = pen_slice(&p);
    return OK;
}

/* As forms are sent: letters, digits and '*' stay, a space becomes '+'. */
err_t transform_url_encode(const work_t *w, slice_t *ret_out)
{
    const uint32_t plain = TRANSFORM_UPPER | TRANSFORM_LOWER | TRANSFORM_DIGIT | TRANSFORM_STAR;
    pen_t p;
    ENSURE(w->in.len < SIZE_MAX / 3, ERR_MEMORY);
    TRY(pen_on(w, 0, w->in.len * 3, &p));
    for (; p.s < p.end; p.s++) {
        if (transform_class_of[*p.s] & plain) {
            *p.d++ = *p.s;
        } else if (*p.s == ' ') {
            *p.d++ = '+';
        } else {
            *p.d++ = '%';
            *p.d++ = (uint8_t) "0123456789abcdef"[*p.s >> 4];
            *p.d++ = (uint8_t) "0123456789abcdef"[*p.s & 15];
        }
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_length(const work_t *w, slice_t *ret_out)
{
    return arena_printf(w->arena, ret_out, "%zu", w->in.len);
}
