/* Looking for card numbers through the encodings that a form value can have. Each round decodes one
 * layer of every kind at once into scratch memory; what cannot be decoded stays as it is. */
#include "text/b64.h"
#include "text/card_parts.h"
#include "text/hex.h"
#include "text/utf8.h"

typedef struct name_row {
    const char *name;
    uint32_t cp;
} name_row_t;

/* HTML names of signs that stand between digits, or that hide another layer. */
static const name_row_t NAMES[] = {
    {"nbsp", ' '},   {"amp", '&'},
    {"lt", '<'},     {"gt", '>'},
    {"quot", '"'},   {"apos", '\''},
    {"num", '#'},    {"semi", ';'},
    {"hyphen", '-'}, {"dash", '-'},
    {"ndash", '-'},  {"mdash", '-'},
    {"minus", '-'},  {"horbar", '-'},
    {"period", '.'}, {"comma", ','},
    {"sol", '/'},    {"bsol", '\\'},
    {"lowbar", '_'}, {"middot", '.'},
    {"bull", '.'},   {"ensp", ' '},
    {"emsp", ' '},   {"thinsp", ' '},
    {"hairsp", ' '}, {"numsp", ' '},
    {"puncsp", ' '}, {"shy", 0xAD},
    {"zwj", 0x200D}, {"zwnj", 0x200C},
    {"Tab", '\t'},   {"NewLine", '\n'},
    {"percnt", '%'}, {"ZeroWidthSpace", 0x200B},
    {"colon", ':'},  {"lpar", '('},
    {"rpar", ')'},   {"NoBreak", 0x2060},
    {"plus", '+'},
};

static bool put_point(buf_t *out, uint32_t cp)
{
    if (cp > 0x10FFFF) {
        return false;
    }
    buf_utf8(out, cp);
    return true;
}

/* Number in `base` at the start of s: digits read, 0 when there are none or too many. */
static size_t number(slice_t s, unsigned base, size_t max_digits, uint32_t *ret_value)
{
    uint32_t v = 0;
    size_t n = 0;
    for (; n < s.len; n++) {
        int d = hex_value(s.ptr[n]);
        if (d < 0 || (unsigned)d >= base) {
            break;
        }
        if (n == max_digits) {
            return 0;
        }
        v = v * base + (unsigned)d;
    }
    *ret_value = v;
    return n;
}

/* Exactly n hex digits. */
static bool hex_fixed(slice_t s, size_t n, uint32_t *ret_value)
{
    slice_t digits = slice_sub(s, 0, n);
    return digits.len == n && number(digits, 16, n, ret_value) == n;
}

/* A code unit that "prefix" and 4 hex digits stand for at s, joined with a second one when the two
 * are a UTF-16 pair. Returns the bytes used, or 0. */
static size_t take_unit(slice_t s, size_t prefix, buf_t *out)
{
    uint32_t v, low;
    size_t one = prefix + 4;
    if (!hex_fixed(slice_from(s, prefix), 4, &v)) {
        return 0;
    }
    slice_t next = slice_from(s, one);
    bool pair = v >= 0xD800 && v <= 0xDBFF && slice_starts(next, slice_sub(s, 0, prefix)) &&
                hex_fixed(slice_from(next, prefix), 4, &low) && low >= 0xDC00 && low <= 0xDFFF;
    if (pair) {
        v = 0x10000 + ((v - 0xD800) << 10 | (low - 0xDC00));
    }
    if (!pair && v >= 0xD800 && v <= 0xDFFF) { /* its other half may be in another layer */
        return 0;
    }
    return put_point(out, v) ? (pair ? 2 * one : one) : 0;
}

/* Each takes s at its sign, writes what it stands for, and returns the bytes used, or 0. */
static size_t take_percent(slice_t s, buf_t *out)
{
    if (s.len > 1 && (s.ptr[1] | 0x20) == 'u') {
        return take_unit(s, 2, out);
    }
    int byte = hex_pair(slice_from(s, 1));
    if (byte < 0) {
        return 0;
    }
    buf_u8(out, (uint8_t)byte);
    return 3;
}

static size_t take_reference(slice_t s, buf_t *out)
{
    uint32_t v;
    size_t n;
    slice_t rest = slice_from(s, 1);
    if (rest.len && rest.ptr[0] == '#') {
        bool hex = rest.len > 1 && (rest.ptr[1] | 0x20) == 'x';
        size_t lead = hex ? 3 : 2; /* from the '&' */
        n = number(slice_from(s, lead), hex ? 16 : 10, 9, &v);
        bool split = n && n + lead < s.len && (s.ptr[n + lead] == '\\' || s.ptr[n + lead] == '%');
        if (n == 0 || split || !put_point(out, v)) { /* split: other escapes hide its end */
            return 0;
        }
        n += lead;
        return n + (n < s.len && s.ptr[n] == ';');
    }
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        slice_t name = slice_cstr_in(NAMES[i].name);
        if (slice_starts(rest, name) && rest.len > name.len && rest.ptr[name.len] == ';') {
            buf_utf8(out, NAMES[i].cp);
            return name.len + 2;
        }
    }
    return 0;
}

static size_t take_backslash(slice_t s, buf_t *out)
{
    uint32_t v;
    size_t n;
    switch (s.len > 1 ? s.ptr[1] : 0) {
    case 'u':
    case 'U':
        if (s.len > 2 && s.ptr[2] == '{') {
            n = number(slice_from(s, 3), 16, 6, &v);
            bool closed = n && n + 3 < s.len && s.ptr[n + 3] == '}';
            return closed && put_point(out, v) ? n + 4 : 0;
        }
        return take_unit(s, 2, out);
    case 'x':
        return hex_fixed(slice_from(s, 2), 2, &v) && put_point(out, v) ? 4 : 0;
    case 'n':
    case 'r':
    case 't':
        buf_u8(out, ' ');
        return 2;
    case '\\':
    case '/':
    case '"':
        buf_u8(out, s.ptr[1]);
        return 2;
    default:
        return 0;
    }
}

static size_t take_escape(slice_t s, buf_t *out)
{
    switch (s.ptr[0]) {
    case '%':
        return take_percent(s, out);
    case '&':
        return take_reference(s, out);
    case '\\':
        return take_backslash(s, out);
    default:
        return 0;
    }
}

/* Whether the value looks like a form's: percent signs for bytes, and no blank left as it is. */
static bool is_form(slice_t in)
{
    bool percent = false;
    for (size_t i = 0; i < in.len && in.ptr[i] != ' '; i++) {
        percent |= in.ptr[i] == '%' && hex_pair(slice_from(in, i + 1)) >= 0;
    }
    return percent && slice_find_byte(in, ' ') == SIZE_MAX;
}

/* One layer off. No escape is shorter than what it stands for. A '+' is a blank in a form;
 * elsewhere behind a digit or another such blank only: "+81..." keeps its sign. */
static bool peel(slice_t in, buf_t *out)
{
    bool changed = false, form = is_form(in);
    size_t blank = SIZE_MAX; /* past the last blank that was a '+' */
    for (size_t i = 0; i < in.len;) {
        uint8_t last = out->len ? out->ptr[out->len - 1] : 0;
        bool inside = (last >= '0' && last <= '9') || out->len == blank ||
                      (last == '-' && out->len == blank + 1);
        size_t used = in.ptr[i] == '+' && (form || inside);
        if (used) {
            buf_u8(out, ' ');
            blank = out->len;
        } else {
            used = take_escape(slice_from(in, i), out);
        }
        if (used == 0) {
            buf_u8(out, in.ptr[i]);
        }
        changed |= used > 0;
        i += used ? used : 1;
    }
    return changed;
}

/* Base64 (either alphabet, padding and line ends or not), hex among it. */
static bool is_wrapped(slice_t in)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && !(c && strchr("+/-_=\r\n \t", c))) {
            return false;
        }
    }
    return in.len >= B64_LEN(CARD_MIN_DIGITS) - 2;
}

/* Decodes a whole value; letters is room for it without its blanks. */
static bool unwrap(slice_t in, buf_t *letters, buf_t *out)
{
    bool hex = true;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c == '\r' || c == '\n' || c == ' ' || c == '\t') {
            continue;
        }
        c = c == '+' ? '-' : c == '/' ? '_' : c;
        hex &= hex_value(c) >= 0;
        buf_u8(letters, c);
    }
    slice_t text = buf_slice(letters);
    if (hex && text.len >= 2U * CARD_MIN_DIGITS && !err_failed(hex_decode(text, out)) &&
        utf8_valid(buf_slice(out))) {
        return true;
    }
    for (size_t k = 0; k < 2 && text.len && text.ptr[text.len - 1] == '='; k++) {
        text.len--;
    }
    buf_reset(out);
    return !err_failed(b64url_decode(text, out));
}

static bool has_escape(slice_t in)
{
    static const char SIGNS[] = "%&\\+";
    for (size_t i = 0; i < sizeof SIGNS - 1; i++) {
        if (slice_find_byte(in, (uint8_t)SIGNS[i]) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static err_t look(arena_t *scratch, slice_t in, unsigned layers, card_hit_t *ret_hit)
{
    buf_t out, letters;
    ENSURE(!card_scan(in, ret_hit), ERR_CARD_DATA);
    if (layers == 0 || in.len < CARD_MIN_DIGITS) {
        return OK;
    }
    if (is_wrapped(in)) {
        TRY(arena_buf(scratch, in.len, &out));
        TRY(arena_buf(scratch, in.len, &letters));
        if (unwrap(in, &letters, &out)) {
            TRY(look(scratch, buf_slice(&out), layers - 1, ret_hit));
        }
    }
    if (!has_escape(in)) {
        return OK;
    }
    TRY(arena_buf(scratch, in.len, &out));
    return peel(in, &out) ? look(scratch, buf_slice(&out), layers - 1, ret_hit) : OK;
}

err_t card_scan_encoded(arena_t *scratch, slice_t value, card_hit_t *ret_hit)
{
    card_hit_t hit;
    return look(scratch, value, CARD_MAX_LAYERS, ret_hit ? ret_hit : &hit);
}

void card_cut_encoded(arena_t *scratch, slice_t value, buf_t *out)
{
    size_t before = out->len;
    card_cut(value, out);
    slice_t cut = slice_from(buf_slice(out), before);
    if (!out->full && err_failed(card_scan_encoded(scratch, cut, NULL))) {
        out->len = before;
        buf_put(out, SLICE("[card number removed]"));
    }
}
