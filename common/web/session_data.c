/* The few keys and values that a session keeps, as bytes in its row. */
#include "base/cursor.h"
#include "web/session_priv.h"

static bool next_pair(cursor_t *c, slice_t *ret_key, slice_t *ret_value)
{
    if (!c->left) {
        return false;
    }
    *ret_key = cur_bytes(c, cur_u8(c));
    *ret_value = cur_str16(c);
    return !c->bad;
}

slice_t session_data_get(slice_t data, slice_t key)
{
    cursor_t c = cur_on(data);
    slice_t k, v;
    while (next_pair(&c, &k, &v)) {
        if (slice_eq(k, key)) {
            return v;
        }
    }
    return SLICE_EMPTY;
}

static const session_change_t *last_change(const session_change_t *changes, size_t n, slice_t key)
{
    for (size_t i = n; i > 0; i--) {
        if (slice_eq(changes[i - 1].key, key)) {
            return &changes[i - 1];
        }
    }
    return NULL;
}

static void put_pair(buf_t *out, slice_t key, slice_t value)
{
    buf_u8(out, (uint8_t)key.len);
    buf_put(out, key);
    buf_str16(out, value);
}

err_t session_data_apply(slice_t data, const session_change_t *changes, size_t n, buf_t *out)
{
    cursor_t c = cur_on(data);
    slice_t k, v;
    while (next_pair(&c, &k, &v)) {
        if (!last_change(changes, n, k)) {
            put_pair(out, k, v);
        }
    }
    ENSURE(!c.bad && !c.left, ERR_CORRUPT);
    for (size_t i = 0; i < n; i++) {
        if (last_change(changes, n, changes[i].key) == &changes[i] && !changes[i].is_unset) {
            put_pair(out, changes[i].key, changes[i].value);
        }
    }
    return buf_check(out);
}
