#include "frame.h"

#include "base/cursor.h"
#include "crc32c.h"

enum { CRC_AT = FRAME_HEAD - 4, RESERVED = 16 };

void frame_seal(uint8_t *head, frame_t *frame)
{
    static const uint8_t ZEROS[RESERVED];
    buf_t b = buf_on(head, FRAME_HEAD);
    CHECK(frame->body.ptr == head + FRAME_HEAD && frame->body.len <= FRAME_BODY_MAX);
    buf_cstr(&b, FRAME_MAGIC);
    buf_u16be(&b, FRAME_VERSION);
    buf_u16be(&b, FRAME_HEAD);
    buf_u32be(&b, (uint32_t)frame->body.len);
    buf_u32be(&b, frame->count);
    buf_u64be(&b, frame->group);
    buf_u64be(&b, frame->first_seq);
    buf_u32be(&b, frame->prev_crc);
    buf_u64be(&b, frame->salt);
    buf_put(&b, slice_make(ZEROS, sizeof ZEROS));
    frame->crc = crc32c(crc32c(0, slice_make(head, CRC_AT)), frame->body);
    buf_u32be(&b, frame->crc);
    CHECK(!b.full && b.len == FRAME_HEAD);
}

static bool all_zero(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i]) {
            return false;
        }
    }
    return true;
}

err_t frame_get(slice_t bytes, frame_t *ret_frame)
{
    frame_t f;
    cursor_t c = cur_on(bytes);
    slice_t head = cur_bytes(&c, bytes.len < FRAME_HEAD ? bytes.len : FRAME_HEAD);
    ENSURE(!all_zero(head), ERR_NOT_FOUND);
    ENSURE(head.len == FRAME_HEAD, ERR_CORRUPT);
    cursor_t h = cur_on(head);
    ENSURE(slice_eq(cur_bytes(&h, 4), SLICE(FRAME_MAGIC)), ERR_CORRUPT);
    ENSURE(cur_u16be(&h) == FRAME_VERSION && cur_u16be(&h) == FRAME_HEAD, ERR_CORRUPT);
    uint32_t len = cur_u32be(&h);
    f.count = cur_u32be(&h);
    f.group = cur_u64be(&h);
    f.first_seq = cur_u64be(&h);
    f.prev_crc = cur_u32be(&h);
    f.salt = cur_u64be(&h);
    ENSURE(all_zero(cur_bytes(&h, RESERVED)), ERR_CORRUPT);
    f.crc = cur_u32be(&h);
    ENSURE(len <= FRAME_BODY_MAX && f.count > 0, ERR_CORRUPT);
    f.body = cur_bytes(&c, len);
    ENSURE(!c.bad, ERR_CORRUPT);
    ENSURE(crc32c(crc32c(0, slice_sub(head, 0, CRC_AT)), f.body) == f.crc, ERR_CORRUPT);
    *ret_frame = f;
    return OK;
}
