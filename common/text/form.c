#include "text/form.h"

#include "text/hex.h"
#include "text/url.h"
#include "text/utf8.h"

form_cursor_t form_on(slice_t bytes, size_t max_fields, form_mode_t mode)
{
    return (form_cursor_t){.rest = bytes, .max_fields = max_fields, .mode = mode, .separator = '&'};
}

bool form_more(form_cursor_t *c)
{
    while (c->rest.len && c->rest.ptr[0] == c->separator) {
        c->rest = slice_from(c->rest, 1);
    }
    return c->rest.len > 0;
}

/* ASCII without NUL, '%' and '+': the same decoded, and never odd. */
static bool is_plain(slice_t raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.ptr[i];
        if (c == '%' || c == '+' || c == 0 || c >= 0x80) {
            return false;
        }
    }
    return true;
}

static err_t decode(form_cursor_t *c, arena_t *a, slice_t raw, slice_t *ret_out)
{
    buf_t out;
    if (c->mode == FORM_LENIENT && is_plain(raw)) {
        *ret_out = raw;
        return OK;
    }
    TRY(arena_buf(a, raw.len, &out));
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.ptr[i] == '+' ? ' ' : raw.ptr[i];
        if (byte == '%') {
            int coded = hex_pair(slice_from(raw, i + 1));
            if (coded >= 0) {
                byte = (uint8_t)coded;
                i += 2;
            } else {
                ENSURE(c->mode == FORM_LENIENT, ERR_SYNTAX);
                c->odd |= FORM_ODD_PERCENT;
            }
        }
        buf_u8(&out, byte);
    }
    slice_t text = buf_slice(&out);
    unsigned odd = 0;
    odd |= slice_find_byte(text, 0) != SIZE_MAX ? FORM_ODD_NUL : 0U;
    odd |= utf8_valid(text) ? 0U : FORM_ODD_UTF8;
    ENSURE(odd == 0 || c->mode == FORM_LENIENT, ERR_ENCODING);
    c->odd |= odd;
    *ret_out = text;
    return OK;
}

static err_t field(form_cursor_t *c, arena_t *a, slice_t *ret_name, slice_t *ret_value)
{
    slice_t part, name, value;
    ENSURE(c->rest.len > 0, ERR_NOT_FOUND);
    ENSURE(c->fields < c->max_fields, ERR_LIMIT);
    c->fields++;
    size_t end = slice_find_byte(c->rest, c->separator);
    part = slice_sub(c->rest, 0, end);
    c->rest = end == SIZE_MAX ? SLICE_EMPTY : slice_from(c->rest, end + 1);
    size_t eq = slice_find_byte(part, '=');
    c->raw_name = slice_sub(part, 0, eq);
    c->raw_value = eq == SIZE_MAX ? SLICE_EMPTY : slice_from(part, eq + 1);
    TRY(decode(c, a, c->raw_name, &name));
    TRY(decode(c, a, c->raw_value, &value));
    *ret_name = name;
    *ret_value = value;
    return OK;
}

err_t form_next(form_cursor_t *c, arena_t *a, slice_t *ret_name, slice_t *ret_value)
{
    err_t e = form_more(c) ? field(c, a, ret_name, ret_value) : FAIL(ERR_NOT_FOUND);
    if (err_failed(e)) {
        c->rest = SLICE_EMPTY;
    }
    return e;
}

err_t form_get(slice_t bytes, arena_t *a, slice_t name, slice_t *ret_value)
{
    form_cursor_t c = form_on(bytes, SIZE_MAX, FORM_STRICT);
    slice_t found = SLICE_EMPTY, n, v;
    bool seen = false;
    while (form_more(&c)) {
        TRY(form_next(&c, a, &n, &v));
        if (slice_eq(n, name)) {
            ENSURE(!seen, ERR_CONFLICT);
            seen = true;
            found = v;
        }
    }
    ENSURE(seen, ERR_NOT_FOUND);
    *ret_value = found;
    return OK;
}

void form_put(buf_t *b, slice_t name, slice_t value)
{
    if (b->len) {
        buf_u8(b, '&');
    }
    url_put_component(b, name);
    buf_u8(b, '=');
    url_put_component(b, value);
}
