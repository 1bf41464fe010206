#include "base/buf.h"

err_t buf_check(const buf_t *b)
{
    ENSURE(!b->full, ERR_LIMIT);
    return OK;
}

void buf_reset(buf_t *b)
{
    b->len = 0;
    b->full = false;
}

uint8_t *buf_room(buf_t *b, size_t len)
{
    if (b->full || len > b->cap - b->len) {
        b->full = true;
        return NULL;
    }
    uint8_t *at = b->ptr + b->len;
    b->len += len;
    return at;
}

void buf_put(buf_t *b, slice_t bytes)
{
    if (bytes.len == 0) {
        return;
    }
    uint8_t *at = buf_room(b, bytes.len);
    if (at) {
        memcpy(at, bytes.ptr, bytes.len);
    }
}

static void put_le(buf_t *b, uint64_t v, size_t bytes)
{
    uint8_t *at = buf_room(b, bytes);
    for (size_t i = 0; at && i < bytes; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

static void put_be(buf_t *b, uint64_t v, size_t bytes)
{
    uint8_t *at = buf_room(b, bytes);
    for (size_t i = 0; at && i < bytes; i++) {
        at[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    }
}

void buf_u8(buf_t *b, uint8_t v)
{
    if (b->full || b->len >= b->cap) {
        b->full = true;
    } else {
        b->ptr[b->len++] = v;
    }
}

void buf_u16(buf_t *b, uint16_t v)
{
    put_le(b, v, 2);
}

void buf_u32(buf_t *b, uint32_t v)
{
    put_le(b, v, 4);
}

void buf_u64(buf_t *b, uint64_t v)
{
    put_le(b, v, 8);
}

void buf_i64(buf_t *b, int64_t v)
{
    put_le(b, (uint64_t)v, 8);
}

void buf_u16be(buf_t *b, uint16_t v)
{
    put_be(b, v, 2);
}

void buf_u32be(buf_t *b, uint32_t v)
{
    put_be(b, v, 4);
}

void buf_u64be(buf_t *b, uint64_t v)
{
    put_be(b, v, 8);
}

void buf_str16(buf_t *b, slice_t bytes)
{
    if (bytes.len > UINT16_MAX) {
        b->full = true;
        return;
    }
    buf_u16(b, (uint16_t)bytes.len);
    buf_put(b, bytes);
}

void buf_str32(buf_t *b, slice_t bytes)
{
    if (bytes.len > UINT32_MAX) {
        b->full = true;
        return;
    }
    buf_u32(b, (uint32_t)bytes.len);
    buf_put(b, bytes);
}

void buf_cstr(buf_t *b, const char *text)
{
    buf_put(b, slice_cstr_in(text));
}

void buf_dec_pad(buf_t *b, uint64_t v, unsigned digits)
{
    uint8_t text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v && at);
    while (at && sizeof text - at < digits) {
        text[--at] = '0';
    }
    buf_put(b, slice_make(text + at, sizeof text - at));
}

void buf_dec(buf_t *b, int64_t v)
{
    if (v < 0) {
        buf_u8(b, '-');
        buf_dec_pad(b, (uint64_t) - (v + 1) + 1, 1);
        return;
    }
    buf_dec_pad(b, (uint64_t)v, 1);
}

void buf_hex(buf_t *b, slice_t bytes)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        buf_u8(b, (uint8_t)DIGITS[bytes.ptr[i] >> 4]);
        buf_u8(b, (uint8_t)DIGITS[bytes.ptr[i] & 15]);
    }
}
