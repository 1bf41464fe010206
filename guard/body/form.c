/* name=value pairs: urlencoded forms and queries, cookies. */
#include "text/form.h"
#include "inner.h"

static err_t fields(parse_t *p, slice_t bytes)
{
    form_cursor_t c = form_on(bytes, SIZE_MAX, FORM_LENIENT);
    c.separator = p->limits.separator;
    while (form_more(&c)) {
        slice_t name, value;
        TRY(form_next(&c, p->arena, &name, &value));
        if (c.odd & FORM_ODD_PERCENT) {
            TRY(parse_flag(p, BODY_BIT_URLENCODED_ERROR));
        }
        TRY(parse_arg(p, name, value));
    }
    return OK;
}

err_t body_urlencoded(slice_t bytes, const body_limits_t *limits, const body_visitor_t *visitor,
                      arena_t *arena, body_result_t *ret_result)
{
    parse_t p = parse_on(limits, visitor, arena);
    return parse_end(&p, fields(&p, bytes), ret_result);
}

static err_t cookies(parse_t *p, slice_t header)
{
    slice_t rest = header, part;
    while (slice_split(&rest, ';', &part)) {
        while (part.len && (part.ptr[0] == ' ' || (part.ptr[0] >= '\t' && part.ptr[0] <= '\r'))) {
            part = slice_from(part, 1);
        }
        if (part.len) {
            size_t equals = slice_find_byte(part, '=');
            slice_t value = equals == SIZE_MAX ? SLICE_EMPTY : slice_from(part, equals + 1);
            TRY(parse_arg(p, slice_sub(part, 0, equals), value));
        }
    }
    return OK;
}

err_t body_cookies(slice_t header, const body_limits_t *limits, const body_visitor_t *visitor,
                   arena_t *arena, body_result_t *ret_result)
{
    parse_t p = parse_on(limits, visitor, arena);
    return parse_end(&p, cookies(&p, header), ret_result);
}
