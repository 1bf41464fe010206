#include "facts.h"

#include "base/id.h"

static bool is_number(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

/* A plain lower-case name with at most two digits; *io_digits: how many more there may be. */
static bool is_name(slice_t s, size_t *io_digits)
{
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'z') && c != '-' && c != '_' && c != '.') {
            return false;
        }
        digits += digit;
    }
    if (s.len > FACTS_SEGMENT_MAX || digits > 2 || digits > *io_digits) {
        return false;
    }
    *io_digits -= digits;
    return true;
}

static slice_t part_mark(slice_t s, bool may_keep, size_t *io_digits)
{
    id128_t id;
    if (!err_failed(id_decode(s, &id))) {
        return SLICE(":id");
    }
    if (is_number(s)) {
        return SLICE(":n");
    }
    return s.len == 0 || (may_keep && is_name(s, io_digits)) ? s : SLICE(":x");
}

void facts_path_put(buf_t *out, slice_t path, size_t parts)
{
    slice_t part;
    size_t written = 0, digits = FACTS_DIGITS_MAX;
    for (size_t i = 0; slice_split(&path, '/', &part); i++) {
        slice_t mark =
            part_mark(part, i <= parts, &digits); /* part 0 stands before the first '/' */
        if (written + mark.len + 1 > FACTS_PATH_MAX) {
            buf_put(out, SLICE("/..."));
            return;
        }
        if (i > 0) {
            buf_u8(out, '/');
        }
        buf_put(out, mark);
        written += mark.len + 1;
    }
}

/* Statuses of paths that no room has recognised: a person or a scanner typed them. */
static bool is_stranger(unsigned status)
{
    return status == 400 || status == 404 || status == 405 || status == 414 || status == 421;
}

/* Methods come from the client: a name of ours or "other". */
static slice_t method_known(slice_t method)
{
    static const char *const KNOWN[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < BASE_COUNT(KNOWN); i++) {
        if (slice_eq(method, slice_cstr_in(KNOWN[i]))) {
            return method;
        }
    }
    return SLICE("other");
}

static void number(buf_t *out, const char *key, int64_t value)
{
    buf_cstr(out, key);
    buf_dec(out, value);
}

static void hash(buf_t *out, const char *key, uint64_t value)
{
    uint8_t bytes[8];
    buf_t b = BUF_ON_ARRAY(bytes);
    if (value) {
        buf_u64be(&b, value);
        buf_cstr(out, key);
        buf_hex(out, buf_slice(&b));
    }
}

void facts_request_put(buf_t *out, const request_facts_t *f)
{
    buf_cstr(out, "m=");
    buf_put(out, method_known(f->method));
    buf_cstr(out, "&h=");
    buf_put(out, f->host);
    buf_cstr(out, "&p=");
    facts_path_put(out, f->path, f->note.len || is_stranger(f->status) ? 1 : SIZE_MAX);
    buf_cstr(out, f->has_query ? "&q=1" : "");
    number(out, "&s=", f->status);
    number(out, "&ms=", f->took_ms);
    number(out, "&in=", f->bytes_in);
    number(out, "&out=", f->bytes_out);
    if (f->note.len) {
        buf_cstr(out, "&why=");
        buf_put(out, f->note);
    }
    hash(out, "&ua=", f->agent);
    hash(out, "&ses=", f->session);
    hash(out, "&set=", f->session_set);
}

/* ---- rules ---- */

void facts_rules_begin(buf_t *out, const char *verdict, int64_t score)
{
    buf_cstr(out, "v=");
    buf_cstr(out, verdict);
    if (score >= 0) {
        number(out, "&score=", score);
    }
    buf_cstr(out, "&rules=");
}

static bool is_letters(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        if (!fits) {
            return false;
        }
    }
    return s.len > 0 && s.len <= FACTS_SEGMENT_MAX;
}

static void variable_put(buf_t *out, slice_t variable)
{
    size_t colon = slice_find_byte(variable, ':');
    slice_t name = slice_sub(variable, 0, colon);
    buf_put(out, is_letters(name) ? name : SLICE("x"));
    if (colon != SIZE_MAX) {
        slice_t selector = slice_from(variable, colon + 1);
        buf_u8(out, '.');
        buf_put(out, is_letters(selector) ? selector : SLICE("x"));
    }
}

void facts_rule_put(buf_t *out, uint32_t id, slice_t variable, size_t value_bytes, int severity)
{
    uint8_t mem[128];
    buf_t one = BUF_ON_ARRAY(mem);
    size_t n = 0;
    for (size_t i = 0; i < out->len; i++) {
        n += out->ptr[i] == ',';
    }
    bool first = out->len && out->ptr[out->len - 1] == '=';
    buf_cstr(&one, first ? "" : ",");
    buf_dec(&one, id);
    buf_u8(&one, ':');
    variable_put(&one, variable);
    buf_u8(&one, ':');
    buf_dec(&one, (int64_t)value_bytes);
    buf_u8(&one, ':');
    if (severity >= 0) {
        buf_dec(&one, severity);
    } else {
        buf_u8(&one, '-');
    }
    if (!first && n + 1 >= FACTS_RULES_MAX) {
        return;
    }
    if (!one.full && one.len <= out->cap - out->len) {
        buf_put(out, buf_slice(&one));
    }
}
