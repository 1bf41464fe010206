/* The origin of CRS 4's tests: 200 without a body to everything, but POST /reflect, which answers
 * what it is asked to. */
#include <jansson.h>

#include "ftw_int.h"

static err_t text_copy(arena_t *arena, const json_t *value, slice_t *ret_text)
{
    const char *text = json_string_value(value);
    *ret_text = SLICE_EMPTY;
    return text ? arena_copy(arena, slice_make(text, json_string_length(value)), ret_text) : OK;
}

static err_t headers_take(const json_t *headers, arena_t *arena, ftw_reflection_t *a)
{
    const char *name;
    json_t *value;
    ftw_header_t *list = ARENA_ARRAY(arena, ftw_header_t, json_object_size(headers) + 1);
    ENSURE(list, ERR_MEMORY);
    union { /* jansson's iterator takes no const and changes nothing */
        const json_t *ro;
        json_t *rw;
    } object = {.ro = headers};
    json_object_foreach(object.rw, name, value)
    {
        TRY(arena_copy(arena, slice_cstr_in(name), &list[a->n_headers].name));
        TRY(text_copy(arena, value, &list[a->n_headers].value));
        a->n_headers++;
    }
    a->headers = list;
    return OK;
}

static err_t answer_take(const json_t *wish, arena_t *arena, ftw_reflection_t *a)
{
    const json_t *status = json_object_get(wish, "status");
    const json_t *encoded = json_object_get(wish, "encodedBody");
    if (json_is_integer(status) && json_integer_value(status) >= 100 &&
        json_integer_value(status) <= 599) {
        a->status = (unsigned)json_integer_value(status);
    }
    TRY(headers_take(json_object_get(wish, "headers"), arena, a));
    TRY(text_copy(arena, json_object_get(wish, "body"), &a->body));
    if (json_string_length(encoded) > 0) {
        buf_t out;
        TRY(arena_buf(arena, json_string_length(encoded) + 4, &out));
        TRY(ftw_base64(slice_make(json_string_value(encoded), json_string_length(encoded)), &out));
        a->body = buf_slice(&out);
    }
    return OK;
}

err_t ftw_reflect(slice_t method, slice_t uri, slice_t body, arena_t *arena,
                  ftw_reflection_t *ret_answer)
{
    *ret_answer = (ftw_reflection_t){.status = 200};
    if (!slice_eq(method, SLICE("POST")) || !slice_starts(uri, SLICE("/reflect"))) {
        return OK;
    }
    json_error_t where;
    json_t *wish = json_loadb((const char *)body.ptr, body.len, 0, &where);
    err_t e = OK;
    if (wish) {
        e = answer_take(wish, arena, ret_answer);
        json_decref(wish);
    }
    return e;
}
