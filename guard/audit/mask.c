#include "mask.h"

#include <string.h>

#include "text/card.h"
#include "text/form.h"
#include "text/json.h"
#include "text/multipart.h"
#include "text/utf8.h"

enum { PARTS_MAX = 1000, DEPTH_MAX = JSON_MAX_DEPTH };

static bool is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* A whole word of the name: words end at signs and where a capital begins ("loginPin"). */
static bool word_is_secret(slice_t word)
{
    static const char *const WORDS[] = {"pass", "pw",  "pin",  "code", "otp", "totp", "cvv", "cvc",
                                        "key",  "sid", "auth", "jwt",  "mfa", "csrf", "xsrf"};
    for (size_t i = 0; i < BASE_COUNT(WORDS); i++) {
        if (slice_eq_nocase(word, slice_cstr_in(WORDS[i]))) {
            return true;
        }
    }
    return false;
}

static bool has_nocase(slice_t s, slice_t part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (slice_eq_nocase(slice_sub(s, i, part.len), part)) {
            return true;
        }
    }
    return false;
}

bool mask_is_secret(slice_t name)
{
    static const char *const PARTS[] = {
        "passw",
        "passphrase",
        "passcode",
        "pwd",
        "secret",
        "token",
        "credential",
        "session",
        "authori",
        "apikey",
        "signature",
        "\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89",
        "\xe6\x9a\x97\xe8\xa8\xbc"};
    for (size_t i = 0; i < BASE_COUNT(PARTS); i++) {
        if (has_nocase(name, slice_cstr_in(PARTS[i]))) {
            return true;
        }
    }
    size_t from = 0;
    for (size_t i = 0; i <= name.len; i++) {
        bool ends = i == name.len || !is_word_byte(name.ptr[i]);
        bool capital = !ends && i > from && name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' &&
                       name.ptr[i - 1] >= 'a' && name.ptr[i - 1] <= 'z';
        if ((ends || capital) && word_is_secret(slice_sub(name, from, i - from))) {
            return true;
        }
        from = ends ? i + 1 : capital ? i : from;
    }
    return false;
}

void mask_length(slice_t value, buf_t *out)
{
    buf_u8(out, '[');
    buf_dec(out, (int64_t)value.len);
    buf_cstr(out, " bytes]");
}

void mask_value(arena_t *scratch, slice_t name, slice_t value, buf_t *out)
{
    if (value.len && mask_is_secret(name)) {
        mask_length(value, out);
    } else {
        card_cut_encoded(scratch, value, out);
    }
}

static void cookies(arena_t *scratch, slice_t value, buf_t *out)
{
    slice_t crumb;
    for (bool first = true; slice_split(&value, ';', &crumb); first = false) {
        size_t eq = slice_find_byte(crumb, '=');
        buf_cstr(out, first ? "" : ";");
        card_cut_encoded(scratch, slice_sub(crumb, 0, eq), out);
        if (eq != SIZE_MAX) {
            buf_u8(out, '=');
            mask_length(slice_from(crumb, eq + 1), out);
        }
    }
}

void mask_header(arena_t *scratch, slice_t name, slice_t value, buf_t *out)
{
    if (slice_eq_nocase(name, SLICE("cookie"))) {
        cookies(scratch, value, out);
    } else if (slice_eq_nocase(name, SLICE("set-cookie"))) {
        size_t end = slice_find_byte(value, ';'); /* attributes are no secret */
        cookies(scratch, slice_sub(value, 0, end), out);
        buf_put(out, end == SIZE_MAX ? SLICE_EMPTY : slice_from(value, end));
    } else if (slice_eq_nocase(name, SLICE("referer")) ||
               slice_eq_nocase(name, SLICE("location"))) {
        mask_target(scratch, value, out);
    } else {
        mask_value(scratch, name, value, out);
    }
}

static void fields(arena_t *scratch, slice_t bytes, buf_t *out)
{
    form_cursor_t c = form_on(bytes, SIZE_MAX, FORM_LENIENT);
    for (bool first = true; form_more(&c); first = false) {
        slice_t name, value;
        if (err_failed(form_next(&c, scratch, &name, &value))) {
            mask_length(bytes, out);
            return;
        }
        buf_cstr(out, first ? "" : "&");
        card_cut_encoded(scratch, c.raw_name, out);
        if (c.raw_value.len) {
            buf_u8(out, '=');
            mask_value(scratch, name, c.raw_value, out);
        }
    }
}

void mask_target(arena_t *scratch, slice_t target, buf_t *out)
{
    size_t mark = slice_find_byte(target, '?');
    card_cut_encoded(scratch, slice_sub(target, 0, mark), out);
    if (mark == SIZE_MAX) {
        return;
    }
    slice_t query = slice_from(target, mark + 1);
    size_t space = slice_find_byte(query, ' '); /* of a request line: the protocol stays apart */
    buf_u8(out, '?');
    fields(scratch, slice_sub(query, 0, space), out);
    if (space != SIZE_MAX) {
        card_cut_encoded(scratch, slice_from(query, space), out);
    }
}

/* ---- JSON ---- */

typedef struct json_copy {
    arena_t *scratch;
    buf_t *out;
    unsigned depth, secret_depth; /* secret_depth: containers from here on are secret, 0 = none */
    bool is_secret;               /* the member whose value comes next */
    bool needs_comma;
    slice_t name;
} json_copy_t;

static void json_scalar(json_copy_t *c, json_token_t t)
{
    uint8_t *mem = arena_alloc(c->scratch, t.text.len + 64);
    if (!mem) {
        c->out->full = true;
        return;
    }
    buf_t text = buf_on(mem, t.text.len + 64);
    bool secret = c->is_secret || c->secret_depth;
    if (t.kind == JSON_TRUE || t.kind == JSON_FALSE || t.kind == JSON_NULL) {
        buf_cstr(c->out, t.kind == JSON_TRUE ? "true" : t.kind == JSON_FALSE ? "false" : "null");
        return;
    }
    if (secret) {
        mask_length(t.text, &text);
    } else {
        card_cut_encoded(c->scratch, t.text, &text);
    }
    if (t.kind == JSON_NUMBER && slice_eq(buf_slice(&text), t.text)) {
        buf_put(c->out, t.text);
    } else {
        json_put_string(c->out, buf_slice(&text));
    }
}

static void json_key(json_copy_t *c, slice_t name)
{
    uint8_t *mem = arena_alloc(c->scratch, name.len + 64);
    if (!mem) {
        c->out->full = true;
        return;
    }
    buf_t text = buf_on(mem, name.len + 64);
    card_cut_encoded(c->scratch, name, &text);
    json_put_string(c->out, buf_slice(&text));
    buf_u8(c->out, ':');
    c->is_secret = mask_is_secret(name);
    c->needs_comma = false;
}

static void json_one(json_copy_t *c, json_token_t t)
{
    bool closes = t.kind == JSON_OBJECT_END || t.kind == JSON_ARRAY_END;
    buf_cstr(c->out, c->needs_comma && !closes ? "," : "");
    c->needs_comma = true;
    if (t.kind == JSON_KEY) {
        json_key(c, t.text);
        return;
    }
    if (closes) {
        c->secret_depth = c->secret_depth == c->depth ? 0 : c->secret_depth;
        c->depth--;
        buf_u8(c->out, t.kind == JSON_OBJECT_END ? '}' : ']');
    } else if (t.kind == JSON_OBJECT_BEGIN || t.kind == JSON_ARRAY_BEGIN) {
        c->depth++;
        c->secret_depth = c->secret_depth ? c->secret_depth : c->is_secret ? c->depth : 0;
        buf_u8(c->out, t.kind == JSON_OBJECT_BEGIN ? '{' : '[');
        c->needs_comma = false;
    } else {
        json_scalar(c, t);
    }
    c->is_secret = false;
}

static bool json_body(arena_t *scratch, slice_t body, buf_t *out)
{
    json_reader_t r = json_on(body, DEPTH_MAX);
    json_copy_t c = {.scratch = scratch, .out = out};
    for (;;) {
        json_token_t t;
        if (err_failed(json_next(&r, scratch, &t))) {
            return false;
        }
        if (t.kind == JSON_END) {
            return true;
        }
        json_one(&c, t);
    }
}

/* ---- multipart ---- */

static bool multipart_body(arena_t *scratch, slice_t type, slice_t body, buf_t *out)
{
    slice_t boundary;
    multipart_t m;
    multipart_part_t part;
    if (err_failed(multipart_boundary(type, &boundary)) ||
        err_failed(multipart_open(body, boundary, PARTS_MAX, &m))) {
        return false;
    }
    while (multipart_more(&m)) {
        if (err_failed(multipart_next(&m, &part))) {
            return false;
        }
        buf_cstr(out, "--");
        buf_put(out, boundary);
        buf_cstr(out, "\r\n");
        card_cut_encoded(scratch, slice_trim(part.headers), out);
        buf_cstr(out, "\r\n\r\n");
        if (part.has_filename) {
            mask_length(part.value, out);
        } else {
            mask_value(scratch, part.name, part.value, out);
        }
        buf_cstr(out, "\r\n");
    }
    buf_cstr(out, "--");
    buf_put(out, boundary);
    buf_cstr(out, "--\r\n");
    return true;
}

static bool is_type(slice_t type, slice_t want)
{
    slice_t bare = slice_trim(slice_sub(type, 0, slice_find_byte(type, ';')));
    return slice_eq_nocase(bare, want);
}

void mask_body(arena_t *scratch, slice_t content_type, slice_t body, buf_t *out)
{
    size_t before = out->len;
    bool whole = true;
    if (is_type(content_type, SLICE("application/x-www-form-urlencoded"))) {
        fields(scratch, body, out);
    } else if (has_nocase(slice_sub(content_type, 0, 64), SLICE("json"))) {
        whole = json_body(scratch, body, out);
    } else if (is_type(content_type, SLICE("multipart/form-data"))) {
        whole = multipart_body(scratch, content_type, body, out);
    } else if (slice_starts(content_type, SLICE("text/")) && utf8_is_text(body, true)) {
        card_cut_encoded(scratch, body, out);
    } else {
        whole = body.len == 0;
    }
    if (!whole) { /* not taken apart: nothing of it stays */
        out->len = before;
        mask_length(body, out);
    }
}
