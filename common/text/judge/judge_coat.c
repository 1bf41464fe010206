/* The encodings that a form value can still wear when the form itself has been decoded. */
#include "judge.h"

#include "text/b64.h"

static bool unreserved(uint8_t c) /* RFC 3986 2.3 */
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           slice_find_byte(SLICE("-._~"), c) != SIZE_MAX;
}

static void hex_put(uint32_t value, unsigned digits, bool upper, buf_t *out)
{
    const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    while (digits--) {
        buf_u8(out, (uint8_t)(digits < 8 ? letters[value >> (4 * digits) & 15] : '0'));
    }
}

/* plus: a space becomes '+', as in application/x-www-form-urlencoded. */
static void percent(rng_t *r, slice_t in, bool all, buf_t *out)
{
    bool upper = rng_percent(r, 70), plus = !all && rng_percent(r, 50);
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c == ' ' && plus) {
            buf_u8(out, '+');
        } else if (all || !unreserved(c)) {
            buf_u8(out, '%');
            hex_put(c, 2, upper, out);
        } else {
            buf_u8(out, c);
        }
    }
}

static void html(rng_t *r, slice_t in, bool hex, buf_t *out)
{
    bool all = rng_percent(r, 50), upper = rng_percent(r, 30);
    unsigned pad = rng_percent(r, 20) ? 4 : 0; /* leading zeros are allowed */
    for (slice_t s = in; s.len;) {
        uint32_t code = utf8_next(&s);
        if (!all && code < 0x80 && (code < '0' || code > '9') && code != '&' && code != '<') {
            buf_u8(out, (uint8_t)code);
            continue;
        }
        buf_cstr(out, hex ? upper ? "&#X" : "&#x" : "&#");
        if (hex) {
            unsigned digits = code > 0xffff ? 5 : code > 0xff ? 4 : 2;
            hex_put(code, digits + pad, upper, out);
        } else {
            buf_dec_pad(out, code, pad);
        }
        buf_u8(out, ';');
    }
}

static void json_unit(uint32_t unit, bool upper, buf_t *out)
{
    buf_cstr(out, "\\u");
    hex_put(unit, 4, upper, out);
}

static void json(rng_t *r, slice_t in, buf_t *out) /* RFC 8259 7 */
{
    bool all = rng_percent(r, 50), upper = rng_percent(r, 30);
    for (slice_t s = in; s.len;) {
        uint32_t code = utf8_next(&s);
        if (code > 0xffff) {
            json_unit(0xd800 + ((code - 0x10000) >> 10), upper, out);
            json_unit(0xdc00 + ((code - 0x10000) & 0x3ff), upper, out);
        } else if (all || code >= 0x80 || (code >= '0' && code <= '9')) {
            json_unit(code, upper, out);
        } else if (code == '\n' || code == '\r' || code == '\t') {
            buf_cstr(out, code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t");
        } else if (code == '"' || code == '\\') {
            buf_u8(out, '\\');
            buf_u8(out, (uint8_t)code);
        } else {
            buf_u8(out, (uint8_t)code);
        }
    }
}

static void base64(rng_t *r, slice_t in, buf_t *out)
{
    unsigned way = rng_below(r, 4);
    if (way == 0) {
        b64url_put(out, in);
        return;
    }
    b64_put(out, in);
    while (way == 1 && out->len && out->ptr[out->len - 1] == '=') { /* padding left out */
        out->len--;
    }
}

static void coat_none(rng_t *r, slice_t in, buf_t *out)
{
    buf_put(out, in);
}
static void coat_percent(rng_t *r, slice_t in, buf_t *out)
{
    percent(r, in, false, out);
}
static void coat_percent_all(rng_t *r, slice_t in, buf_t *out)
{
    percent(r, in, true, out);
}
static void coat_html_dec(rng_t *r, slice_t in, buf_t *out)
{
    html(r, in, false, out);
}
static void coat_html_hex(rng_t *r, slice_t in, buf_t *out)
{
    html(r, in, true, out);
}

typedef void coat_fn(rng_t *r, slice_t in, buf_t *out);

static void twice(rng_t *r, slice_t in, coat_fn *inner, coat_fn *outer, buf_t *out)
{
    static uint8_t memory[JUDGE_VALUE_MAX];
    buf_t mid = BUF_ON_ARRAY(memory);
    inner(r, in, &mid);
    CHECK(!mid.full);
    outer(r, buf_slice(&mid), out);
}
static void coat_percent_twice(rng_t *r, slice_t in, buf_t *out)
{
    coat_fn *inner = rng_percent(r, 50) ? coat_percent_all : coat_percent;
    coat_fn *outer = rng_percent(r, 30) ? coat_percent_all : coat_percent;
    twice(r, in, inner, outer, out);
}
static void coat_two(rng_t *r, slice_t in, buf_t *out)
{
    static coat_fn *const LAYERS[] = {
        coat_percent, coat_percent_all, coat_html_dec, coat_html_hex, json, base64};
    unsigned inner = rng_below(r, BASE_COUNT(LAYERS)), outer = rng_below(r, BASE_COUNT(LAYERS));
    twice(r, in, LAYERS[inner], LAYERS[outer], out);
}

static const kind_t COAT_ROWS[] = {
    {"none", 58, .coat = coat_none},
    {"percent", 6, .coat = coat_percent},
    {"percent, every byte", 5, .coat = coat_percent_all},
    {"percent twice", 6, .coat = coat_percent_twice},
    {"HTML decimal", 5, .coat = coat_html_dec},
    {"HTML hexadecimal", 5, .coat = coat_html_hex},
    {"JSON \\u", 6, .coat = json},
    {"base64 of the value", 6, .coat = base64},
    {"two of these", 3, .coat = coat_two},
};

const kinds_t COATS = KINDS("encoding", COAT_ROWS);
