#include "base/cursor.h"

slice_t cur_bytes(cursor_t *c, size_t len)
{
    if (c->bad || len > c->left) {
        c->bad = true;
        return SLICE_EMPTY;
    }
    slice_t s = slice_make(c->ptr, len);
    if (len) {
        c->ptr += len;
        c->left -= len;
    }
    return s;
}

void cur_copy(cursor_t *c, void *out, size_t len)
{
    slice_t s = cur_bytes(c, len);
    if (s.len == len && len) {
        memcpy(out, s.ptr, len);
    } else if (len) {
        memset(out, 0, len);
    }
}

static uint64_t get_le(cursor_t *c, size_t bytes)
{
    slice_t s = cur_bytes(c, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        v |= (uint64_t)s.ptr[i] << (8 * i);
    }
    return v;
}

static uint64_t get_be(cursor_t *c, size_t bytes)
{
    slice_t s = cur_bytes(c, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        v = v << 8 | s.ptr[i];
    }
    return v;
}

uint8_t cur_u8(cursor_t *c)
{
    return (uint8_t)get_le(c, 1);
}

uint16_t cur_u16(cursor_t *c)
{
    return (uint16_t)get_le(c, 2);
}

uint32_t cur_u32(cursor_t *c)
{
    return (uint32_t)get_le(c, 4);
}

uint64_t cur_u64(cursor_t *c)
{
    return get_le(c, 8);
}

int64_t cur_i64(cursor_t *c)
{
    return (int64_t)get_le(c, 8);
}

uint16_t cur_u16be(cursor_t *c)
{
    return (uint16_t)get_be(c, 2);
}

uint32_t cur_u32be(cursor_t *c)
{
    return (uint32_t)get_be(c, 4);
}

uint64_t cur_u64be(cursor_t *c)
{
    return get_be(c, 8);
}

slice_t cur_str16(cursor_t *c)
{
    return cur_bytes(c, cur_u16(c));
}

slice_t cur_str32(cursor_t *c)
{
    return cur_bytes(c, cur_u32(c));
}

slice_t cur_rest(cursor_t *c)
{
    return cur_bytes(c, c->left);
}

bool cur_bool(cursor_t *c)
{
    uint8_t v = cur_u8(c);
    if (v > 1) {
        c->bad = true;
    }
    return v == 1;
}

err_t cur_end(const cursor_t *c)
{
    ENSURE(!c->bad && c->left == 0, ERR_SYNTAX);
    return OK;
}
