/* Small readers over jansson. */
#include "jsonconf.h"

err_t jsonconf_load(arena_t *a, path_t file, size_t max_bytes, json_t **ret_doc, slice_t *ret_fault)
{
    slice_t bytes;
    json_error_t why;
    TRY(file_read(a, file, max_bytes, &bytes));
    json_t *doc = json_loadb((const char *)bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &why);
    if (!doc) {
        TRY(arena_printf(a, ret_fault, "line %d: %s", why.line, why.text));
        return FAIL(ERR_SYNTAX);
    }
    *ret_doc = doc;
    return OK;
}

static err_t copy_string(arena_t *a, const json_t *s, slice_t *ret_text)
{
    ENSURE(json_is_string(s), ERR_SYNTAX);
    return arena_copy(a, slice_make(json_string_value(s), json_string_length(s)), ret_text);
}

err_t jsonconf_text(arena_t *a, const json_t *obj, const char *key, slice_t *ret_text)
{
    return copy_string(a, json_object_get(obj, key), ret_text);
}

err_t jsonconf_two(arena_t *a, const json_t *obj, const char *key, slice_t ret_two[2])
{
    const json_t *v = json_object_get(obj, key);
    if (json_is_string(v)) {
        TRY(copy_string(a, v, &ret_two[0]));
        ret_two[1] = ret_two[0];
        return OK;
    }
    TRY(jsonconf_text(a, v, "ja", &ret_two[0]));
    return jsonconf_text(a, v, "en", &ret_two[1]);
}

err_t jsonconf_two_or_empty(arena_t *a, const json_t *obj, const char *key, slice_t ret_two[2])
{
    if (!json_object_get(obj, key)) {
        ret_two[0] = ret_two[1] = SLICE_EMPTY;
        return OK;
    }
    return jsonconf_two(a, obj, key, ret_two);
}

err_t jsonconf_i64(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *ret_value)
{
    const json_t *v = json_object_get(obj, key);
    ENSURE(json_is_integer(v), ERR_SYNTAX);
    int64_t n = (int64_t)json_integer_value(v);
    ENSURE(n >= min && n <= max, ERR_RANGE);
    *ret_value = n;
    return OK;
}

int64_t jsonconf_i64_or(const json_t *obj, const char *key, int64_t fallback)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : fallback;
}
