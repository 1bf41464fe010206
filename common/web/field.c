/* Checks of single form values, one function a kind. What is entered stays in value.text even when
 * it is refused, so that nobody types it twice. */
#include "web/field.h"

#include "text/fold.h"
#include "text/time.h"
#include "text/utf8.h"
#include "web_text.h"

enum {
    DEFAULT_TEXT = 200,
    DEFAULT_MULTILINE = 4000,
    PHONE_MIN = 9,
    PHONE_MAX = 15, /* E.164 */
    POSTCODE_DIGITS = 7,
};

slice_t web_problem_text(i18n_lang_t lang, web_problem_t problem)
{
    static const web_msg_t TEXTS[WEB_PROBLEM_COUNT] = {
        [WEB_PROBLEM_NONE] = WEB_MSG_NONE,
        [WEB_PROBLEM_MISSING] = WEB_MSG_PROBLEM_MISSING,
        [WEB_PROBLEM_TOO_SHORT] = WEB_MSG_PROBLEM_TOO_SHORT,
        [WEB_PROBLEM_TOO_LONG] = WEB_MSG_PROBLEM_TOO_LONG,
        [WEB_PROBLEM_TEXT] = WEB_MSG_PROBLEM_TEXT,
        [WEB_PROBLEM_KANA] = WEB_MSG_PROBLEM_KANA,
        [WEB_PROBLEM_ROMAN] = WEB_MSG_PROBLEM_ROMAN,
        [WEB_PROBLEM_EMAIL] = WEB_MSG_PROBLEM_EMAIL,
        [WEB_PROBLEM_PHONE] = WEB_MSG_PROBLEM_PHONE,
        [WEB_PROBLEM_POSTCODE] = WEB_MSG_PROBLEM_POSTCODE,
        [WEB_PROBLEM_DATE] = WEB_MSG_PROBLEM_DATE,
        [WEB_PROBLEM_NUMBER] = WEB_MSG_PROBLEM_NUMBER,
        [WEB_PROBLEM_RANGE] = WEB_MSG_PROBLEM_RANGE,
        [WEB_PROBLEM_CHOICE] = WEB_MSG_PROBLEM_CHOICE,
        [WEB_PROBLEM_TICK] = WEB_MSG_PROBLEM_TICK,
        [WEB_PROBLEM_ID] = WEB_MSG_PROBLEM_ID,
        [WEB_PROBLEM_REPEATED] = WEB_MSG_PROBLEM_REPEATED,
        [WEB_PROBLEM_OTHER] = WEB_MSG_PROBLEM_OTHER,
    };
    return i18n_text(&web_catalog, lang, TEXTS[problem < WEB_PROBLEM_COUNT ? problem : 0]);
}

static bool is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xa0 || c == 0x3000 ||
           (c >= 0x2000 && c <= 0x200a);
}

/* Without spaces of any script at both ends. */
static slice_t trim(slice_t s)
{
    slice_t rest = s, last = s;
    while (rest.len && is_space(utf8_take(&rest))) {
        s = rest;
    }
    size_t end = 0;
    for (rest = s; rest.len;) {
        if (!is_space(utf8_take(&rest))) {
            end = s.len - rest.len;
        }
    }
    last = slice_sub(s, 0, end);
    return last;
}

/* Hyphens of all the keyboards: - ‐ ‑ ‒ – — ― − － ー */
static bool is_dash(uint32_t c)
{
    return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xff0d || c == 0x30fc;
}

static web_problem_t length_problem(const web_field_t *f, slice_t text, size_t max_default)
{
    size_t n = utf8_count(text), max = f->max > 0 ? (size_t)f->max : max_default;
    if (n > max) {
        return WEB_PROBLEM_TOO_LONG;
    }
    return f->min > 0 && n < (size_t)f->min ? WEB_PROBLEM_TOO_SHORT : WEB_PROBLEM_NONE;
}

static err_t read_text(const web_field_t *f, arena_t *a, web_value_t *v)
{
    v->problem =
        utf8_is_text(v->text, false) ? length_problem(f, v->text, DEFAULT_TEXT) : WEB_PROBLEM_TEXT;
    return OK;
}

static err_t read_multiline(const web_field_t *f, arena_t *a, web_value_t *v)
{
    buf_t out;
    TRY(arena_buf(a, v->text.len + 1, &out));
    for (size_t i = 0; i < v->text.len; i++) {
        bool pair = v->text.ptr[i] == '\r' && i + 1 < v->text.len && v->text.ptr[i + 1] == '\n';
        if (!pair) {
            buf_u8(&out, v->text.ptr[i] == '\r' ? '\n' : v->text.ptr[i]);
        }
    }
    v->text = buf_slice(&out);
    v->problem = utf8_is_text(v->text, true) ? length_problem(f, v->text, DEFAULT_MULTILINE)
                                             : WEB_PROBLEM_TEXT;
    return OK;
}

static err_t read_kana(const web_field_t *f, arena_t *a, web_value_t *v)
{
    slice_t folded;
    buf_t out;
    bool fits = true;
    TRY(text_width_fold(a, v->text, &folded));
    TRY(arena_buf(a, folded.len * 3 + 1, &out));
    for (slice_t rest = folded; rest.len;) {
        uint32_t c = utf8_take(&rest);
        c = c >= 0x3041 && c <= 0x3096 ? c + 0x60 : is_dash(c) ? 0x30fc : c;
        fits = fits && ((c >= 0x30a1 && c <= 0x30fc) || c == ' ');
        buf_utf8(&out, c);
    }
    TRY(buf_check(&out));
    if (fits) {
        v->text = buf_slice(&out);
    }
    v->problem = fits ? length_problem(f, v->text, DEFAULT_TEXT) : WEB_PROBLEM_KANA;
    return OK;
}

static err_t read_roman(const web_field_t *f, arena_t *a, web_value_t *v)
{
    slice_t folded;
    buf_t out;
    bool fits = true;
    TRY(text_width_fold(a, v->text, &folded));
    TRY(arena_buf(a, folded.len + 1, &out));
    for (size_t i = 0; i < folded.len; i++) {
        uint8_t c = folded.ptr[i];
        c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
        fits = fits && ((c >= 'A' && c <= 'Z') || c == ' ' || c == '-' || c == '\'');
        buf_u8(&out, c);
    }
    if (fits) {
        v->text = buf_slice(&out);
    }
    v->problem = fits ? length_problem(f, v->text, DEFAULT_TEXT) : WEB_PROBLEM_ROMAN;
    return OK;
}

/* The part before '@' keeps its case: RFC 5321 2.4. */
static err_t read_email(const web_field_t *f, arena_t *a, web_value_t *v)
{
    slice_t wide, folded;
    buf_t out;
    TRY(text_width_fold(a, v->text, &wide));
    TRY(text_email_fold(a, v->text, &folded));
    if (!text_email_ok(folded)) {
        v->problem = WEB_PROBLEM_EMAIL;
        return OK;
    }
    wide = trim(wide);
    size_t at = slice_find_byte(wide, '@');
    TRY(arena_buf(a, wide.len + 1, &out));
    for (size_t i = 0; i < wide.len; i++) {
        uint8_t c = wide.ptr[i];
        buf_u8(&out, i > at && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    v->text = buf_slice(&out);
    return OK;
}

/* Digits (and a leading plus) of a number written with any hyphens, spaces and brackets. */
static err_t digits_of(arena_t *a, slice_t in, bool plus, buf_t *out, bool *ret_fits)
{
    slice_t folded;
    TRY(text_width_fold(a, in, &folded));
    TRY(arena_buf(a, folded.len + 1, out));
    *ret_fits = true;
    for (slice_t rest = folded; rest.len;) {
        uint32_t c = utf8_take(&rest);
        if ((c >= '0' && c <= '9') || (c == '+' && plus && !out->len)) {
            buf_u8(out, (uint8_t)c);
        } else if (!is_dash(c) && c != ' ' && c != '(' && c != ')' && c != '.' && c != 0x3012) {
            *ret_fits = false;
        }
    }
    return OK;
}

static err_t read_phone(const web_field_t *f, arena_t *a, web_value_t *v)
{
    buf_t out;
    bool fits;
    TRY(digits_of(a, v->text, true, &out, &fits));
    size_t digits = out.len - (out.len && out.ptr[0] == '+');
    if (!fits || digits < PHONE_MIN || digits > PHONE_MAX) {
        v->problem = WEB_PROBLEM_PHONE;
        return OK;
    }
    v->text = buf_slice(&out);
    return OK;
}

static err_t read_postcode(const web_field_t *f, arena_t *a, web_value_t *v)
{
    buf_t out;
    bool fits;
    TRY(digits_of(a, v->text, false, &out, &fits));
    if (!fits || out.len != POSTCODE_DIGITS) {
        v->problem = WEB_PROBLEM_POSTCODE;
        return OK;
    }
    v->text = buf_slice(&out);
    return OK;
}

/* Year, month, day of "2026-05-03", "2026/5/3", "2026年5月3日". */
static bool date_parts(slice_t s, int32_t parts[3])
{
    size_t n = 0, digits = 0;
    bool open = false;
    while (s.len) {
        uint32_t c = utf8_take(&s);
        if (c >= '0' && c <= '9') {
            if (!open && n == 3) {
                return false;
            }
            parts[n] = open ? parts[n] * 10 + (int32_t)(c - '0') : (int32_t)(c - '0');
            digits = open ? digits + 1 : 1;
            open = true;
            if (digits > (n ? 2u : 4u)) {
                return false;
            }
            continue;
        }
        bool between = is_dash(c) || c == '/' || c == '.' || c == 0x5e74 || c == 0x6708;
        bool end = c == 0x65e5 && n == 2 && !s.len; /* 日 */
        if (!open || (!between && !end) || (n == 0 && digits != 4)) {
            return false;
        }
        n++;
        open = false;
    }
    return open ? n == 2 : n == 3;
}

static err_t read_date(const web_field_t *f, arena_t *a, web_value_t *v)
{
    slice_t folded;
    int32_t p[3] = {0};
    date_t day;
    buf_t out;
    TRY(text_width_fold(a, v->text, &folded));
    v->problem = WEB_PROBLEM_DATE;
    if (!date_parts(folded, p) ||
        err_failed(date_from_ymd((date_ymd_t){p[0], (uint8_t)p[1], (uint8_t)p[2]}, &day))) {
        return OK;
    }
    TRY(arena_buf(a, 16, &out));
    date_put(&out, day);
    v->text = buf_slice(&out);
    v->number = day;
    bool any = !f->min && !f->max;
    v->problem = any || (day >= f->min && day <= f->max) ? WEB_PROBLEM_NONE : WEB_PROBLEM_RANGE;
    return OK;
}

static err_t read_int(const web_field_t *f, arena_t *a, web_value_t *v)
{
    slice_t folded;
    int64_t number = 0;
    TRY(text_width_fold(a, v->text, &folded));
    err_t e = slice_parse_i64(folded, f->min, f->max, &number);
    v->problem = err_is(e, ERR_RANGE) ? WEB_PROBLEM_RANGE
                 : err_failed(e)      ? WEB_PROBLEM_NUMBER
                                      : WEB_PROBLEM_NONE;
    v->number = number;
    v->text = err_failed(e) ? v->text : folded;
    return OK;
}

static err_t read_choice(const web_field_t *f, arena_t *a, web_value_t *v)
{
    v->problem = WEB_PROBLEM_CHOICE;
    for (size_t i = 0; i < f->n_choices; i++) {
        if (slice_eq(v->text, slice_cstr_in(f->choices[i]))) {
            v->number = (int64_t)i;
            v->problem = WEB_PROBLEM_NONE;
        }
    }
    return OK;
}

static err_t read_checkbox(const web_field_t *f, arena_t *a, web_value_t *v)
{
    v->number = 1;
    return OK;
}

static err_t read_id(const web_field_t *f, arena_t *a, web_value_t *v)
{
    v->problem = err_failed(id_decode(v->text, &v->id)) ? WEB_PROBLEM_ID : WEB_PROBLEM_NONE;
    return OK;
}

typedef err_t read_fn(const web_field_t *f, arena_t *a, web_value_t *v);

static read_fn *const READERS[] = {
    [WEB_KIND_TEXT] = read_text,
    [WEB_KIND_MULTILINE] = read_multiline,
    [WEB_KIND_KANA] = read_kana,
    [WEB_KIND_ROMAN] = read_roman,
    [WEB_KIND_EMAIL] = read_email,
    [WEB_KIND_PHONE] = read_phone,
    [WEB_KIND_POSTCODE] = read_postcode,
    [WEB_KIND_DATE] = read_date,
    [WEB_KIND_INT] = read_int,
    [WEB_KIND_CHOICE] = read_choice,
    [WEB_KIND_CHECKBOX] = read_checkbox,
    [WEB_KIND_PASSWORD] = read_text,
    [WEB_KIND_ID] = read_id,
};

/* The one pair of that name; *ret_n counts them all. */
static slice_t find(web_pairs_t pairs, slice_t prefix, const char *name, size_t *ret_n)
{
    slice_t value = SLICE_EMPTY, tail = slice_cstr_in(name);
    *ret_n = 0;
    for (size_t i = 0; i < pairs.n; i++) {
        slice_t have = pairs.at[i].name;
        if (slice_starts(have, prefix) && slice_eq(slice_from(have, prefix.len), tail)) {
            value = *ret_n ? value : pairs.at[i].value;
            ++*ret_n;
        }
    }
    return value;
}

static err_t read_one(const web_field_t *f, web_pairs_t pairs, arena_t *a, slice_t prefix,
                      web_value_t *v)
{
    size_t n;
    slice_t raw = find(pairs, prefix, f->name, &n);
    *v = (web_value_t){.text = f->kind == WEB_KIND_PASSWORD ? raw : trim(raw)};
    v->present = f->kind == WEB_KIND_CHECKBOX ? n > 0 : v->text.len > 0;
    if (n > 1) {
        v->problem = WEB_PROBLEM_REPEATED;
        return OK;
    }
    if (!v->present) {
        bool tick = f->kind == WEB_KIND_CHECKBOX;
        v->problem = !f->required ? WEB_PROBLEM_NONE
                     : tick       ? WEB_PROBLEM_TICK
                                  : WEB_PROBLEM_MISSING;
        return OK;
    }
    if (!utf8_valid(v->text)) {
        v->problem = WEB_PROBLEM_TEXT;
        return OK;
    }
    return READERS[f->kind](f, a, v);
}

err_t web_fields_read_pairs(const web_field_t *fields, size_t n, web_pairs_t pairs, arena_t *arena,
                            slice_t prefix, web_value_t *ret_values, bool *ret_ok)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        TRY(read_one(&fields[i], pairs, arena, prefix, &ret_values[i]));
        ok = ok && ret_values[i].problem == WEB_PROBLEM_NONE;
    }
    *ret_ok = ok;
    return OK;
}

err_t web_fields_read(const web_field_t *fields, size_t n, web_req_t *req, slice_t prefix,
                      web_value_t *ret_values, bool *ret_ok)
{
    return web_fields_read_pairs(fields, n, req->form, req->arena, prefix, ret_values, ret_ok);
}

void web_values_forget(const web_field_t *fields, size_t n, web_value_t *values)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].kind == WEB_KIND_PASSWORD) {
            values[i].text = SLICE_EMPTY;
        }
    }
}
