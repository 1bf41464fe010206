/* A stage -> the bytes of its request. */
#include "ftw_int.h"
#include "text/url.h"

enum { HEAD_SPARE = 4096 };

static const ftw_header_t *header_find(const ftw_stage_t *s, const char *name)
{
    for (size_t i = 0; i < s->n_headers; i++) {
        if (slice_eq_nocase(s->headers[i].name, slice_cstr_in(name))) {
            return &s->headers[i];
        }
    }
    return NULL;
}

static bool is_form(slice_t type)
{
    return slice_eq_nocase(slice_trim(type), SLICE("application/x-www-form-urlencoded"));
}

/* As browsers encode forms: a space is '+'. */
static void form_put_text(buf_t *out, slice_t text)
{
    slice_t part;
    for (bool first = true; slice_split(&text, ' ', &part); first = false) {
        buf_put(out, first ? SLICE_EMPTY : SLICE("+"));
        url_put_component(out, part);
    }
}

/* Names and values encoded, '=' and '&' kept. */
static void form_put(slice_t data, buf_t *out)
{
    slice_t part, rest = data;
    for (bool first = true; slice_split(&rest, '&', &part); first = false) {
        size_t eq = slice_find_byte(part, '=');
        buf_put(out, first ? SLICE_EMPTY : SLICE("&"));
        form_put_text(out, slice_sub(part, 0, eq == SIZE_MAX ? part.len : eq));
        if (eq != SIZE_MAX) {
            buf_put(out, SLICE("="));
            form_put_text(out, slice_from(part, eq + 1));
        }
    }
}

/* Form data that decodes to itself was not encoded by the test's author. */
static err_t form_encode(slice_t data, arena_t *arena, slice_t *ret_data)
{
    slice_t decoded;
    err_t e = url_decode(arena, data, true, &decoded);
    if (err_is(e, ERR_MEMORY)) {
        return e;
    }
    if (err_failed(e) || !slice_eq(decoded, data)) {
        *ret_data = data;
        return OK;
    }
    buf_t out;
    TRY(arena_buf(arena, data.len * 3 + 1, &out));
    form_put(data, &out);
    *ret_data = buf_slice(&out);
    return buf_check(&out);
}

static err_t lines_crlf(slice_t data, arena_t *arena, slice_t *ret_data)
{
    buf_t out;
    TRY(arena_buf(arena, data.len * 2 + 1, &out));
    for (size_t i = 0; i < data.len; i++) {
        if (data.ptr[i] == '\n' && (i == 0 || data.ptr[i - 1] != '\r')) {
            buf_u8(&out, '\r');
        }
        buf_u8(&out, data.ptr[i]);
    }
    *ret_data = buf_slice(&out);
    return buf_check(&out);
}

static bool is_multipart(slice_t type)
{
    slice_t multipart = SLICE("multipart/form-data;");
    return type.len >= multipart.len &&
           slice_eq_nocase(slice_sub(type, 0, multipart.len), multipart);
}

/* The body as it goes out. YAML cannot hold the line ends of multipart data, so that they are made
 * of an exact stage, too. */
static err_t body_of(const ftw_stage_t *s, arena_t *arena, slice_t *ret_body)
{
    const ftw_header_t *type = header_find(s, "Content-Type");
    *ret_body = s->data;
    if (type && is_multipart(type->value)) {
        return lines_crlf(s->data, arena, ret_body);
    }
    if (!s->exact && (!type || is_form(type->value))) {
        return form_encode(s->data, arena, ret_body);
    }
    return OK;
}

static void header_put(buf_t *out, slice_t name, slice_t value)
{
    buf_put(out, name);
    buf_put(out, SLICE(": "));
    buf_put(out, value);
    buf_put(out, SLICE("\r\n"));
}

static bool has_body(const ftw_stage_t *s)
{
    static const char *const METHODS[] = {"POST", "PUT", "PATCH", "DELETE"};
    bool takes = s->data.len > 0;
    for (size_t i = 0; i < BASE_COUNT(METHODS); i++) {
        takes |= s->counts && slice_eq(s->method, slice_cstr_in(METHODS[i]));
    }
    return takes;
}

static void completion_put(const ftw_stage_t *s, slice_t body, buf_t *out)
{
    if (!header_find(s, "Connection")) {
        header_put(out, SLICE("Connection"), SLICE("close"));
    }
    if (s->data.len && !header_find(s, "Content-Type")) {
        header_put(out, SLICE("Content-Type"), SLICE("application/x-www-form-urlencoded"));
    }
    if (has_body(s) && !header_find(s, "Content-Length")) {
        buf_cstr(out, "Content-Length: ");
        buf_dec(out, (int64_t)body.len);
        buf_cstr(out, "\r\n");
    }
}

err_t ftw_request(const ftw_stage_t *s, arena_t *arena, slice_t *ret_bytes)
{
    slice_t body;
    buf_t out;
    if (s->raw.len) {
        *ret_bytes = s->raw;
        return OK;
    }
    TRY(body_of(s, arena, &body));
    size_t bytes = s->method.len + s->uri.len + s->version.len + body.len + HEAD_SPARE;
    for (size_t i = 0; i < s->n_headers; i++) {
        bytes += s->headers[i].name.len + s->headers[i].value.len + 4;
    }
    TRY(arena_buf(arena, bytes, &out));
    buf_put(&out, s->method);
    buf_put(&out, SLICE(" "));
    buf_put(&out, s->uri);
    if (s->version.len) {
        buf_put(&out, SLICE(" "));
        buf_put(&out, s->version);
    }
    buf_put(&out, SLICE("\r\n"));
    for (size_t i = 0; i < s->n_headers; i++) {
        header_put(&out, s->headers[i].name, s->headers[i].value);
    }
    if (!s->exact) {
        completion_put(s, body, &out);
    }
    buf_put(&out, SLICE("\r\n"));
    buf_put(&out, body);
    *ret_bytes = buf_slice(&out);
    return buf_check(&out);
}
