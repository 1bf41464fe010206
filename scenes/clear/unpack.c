#include "unpack.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/cursor.h"

enum {
    FIRST_ROOM = 64 * 1024,
    STEP_MAX = 64 * 1024 * 1024, /* zlib counts in unsigned int */
    ZSTD_WINDOW_LOG = 27,
    ZIP_HEAD = 30,
    ZIP_DEFLATED = 8,
};

struct unpacker {
    z_stream z;
    ZSTD_DStream *zstd;
};

const char *unpack_kind_name(unpack_kind_t kind)
{
    static const char *const NAMES[] = {"", "gzip", "zlib", "zip", "deflate", "zstd"};
    return NAMES[kind];
}

err_t unpacker_new(unpacker_t **ret_unpacker)
{
    unpacker_t *u = calloc(1, sizeof *u);
    ENSURE(u, ERR_MEMORY);
    u->zstd = ZSTD_createDStream();
    if (!u->zstd || inflateInit2(&u->z, MAX_WBITS) != Z_OK) {
        ZSTD_freeDStream(u->zstd);
        free(u);
        return FAIL(ERR_MEMORY);
    }
    *ret_unpacker = u;
    return OK;
}

void unpacker_free(unpacker_t *u)
{
    if (u) {
        inflateEnd(&u->z);
        ZSTD_freeDStream(u->zstd);
        free(u);
    }
}

void unpacked_free(unpacked_t *out)
{
    free(out->ptr);
    *out = (unpacked_t){0};
}

unpack_kind_t unpack_begins(slice_t bytes)
{
    const uint8_t *p = bytes.ptr;
    if (bytes.len >= 4 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8 && (p[3] & 0xe0) == 0) {
        return UNPACK_GZIP;
    }
    if (bytes.len >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0) {
        return UNPACK_ZSTD;
    }
    if (bytes.len >= ZIP_HEAD && memcmp(p, "PK\3\4", 4) == 0) {
        return UNPACK_ZIP;
    }
    /* RFC 1950 2.2: deflate, a window up to 32 KiB, the two bytes a multiple of 31, no dictionary.
     */
    bool zlib = bytes.len >= 2 && (p[0] & 0x0f) == 8 && p[0] <= 0x78 && !(p[1] & 0x20) &&
                (p[0] * 256U + p[1]) % 31 == 0;
    return zlib ? UNPACK_ZLIB : UNPACK_NONE;
}

static err_t room_make(unpacked_t *out, size_t max_bytes)
{
    if (out->len < out->room) {
        return OK;
    }
    size_t room = out->room ? 2 * out->room : FIRST_ROOM;
    room = room > max_bytes ? max_bytes : room;
    uint8_t *more = realloc(out->ptr, room);
    ENSURE(more, ERR_MEMORY);
    out->ptr = more;
    out->room = room;
    return OK;
}

static uInt step(size_t bytes)
{
    return bytes > STEP_MAX ? (uInt)STEP_MAX : (uInt)bytes;
}

static err_t inflate_all(unpacker_t *u, int window_bits, slice_t bytes, size_t max_bytes,
                         unpacked_t *out)
{
    z_stream *z = &u->z;
    ENSURE(inflateReset2(z, window_bits) == Z_OK, ERR_MEMORY);
    union { /* zlib's next_in is not const without ZLIB_CONST and changes nothing */
        const uint8_t *ro;
        uint8_t *rw;
    } in = {.ro = bytes.ptr};
    int code = Z_OK;
    while (code == Z_OK) {
        if (out->len == max_bytes) {
            out->cut = true;
            break;
        }
        TRY(room_make(out, max_bytes));
        z->next_in = in.rw + out->taken;
        z->avail_in = step(bytes.len - out->taken);
        z->next_out = out->ptr + out->len;
        z->avail_out = step(out->room - out->len);
        code = inflate(z, Z_NO_FLUSH); /* Z_BUF_ERROR: nothing is left to read */
        ENSURE(code != Z_MEM_ERROR, ERR_MEMORY);
        out->taken = (size_t)(z->next_in - in.ro);
        out->len = (size_t)(z->next_out - out->ptr);
    }
    out->whole = code == Z_STREAM_END;
    return OK;
}

static err_t zstd_all(unpacker_t *u, slice_t bytes, size_t max_bytes, unpacked_t *out)
{
    ZSTD_inBuffer in = {bytes.ptr, bytes.len, 0};
    ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    for (;;) {
        if (out->len == max_bytes) {
            out->cut = true;
            break;
        }
        TRY(room_make(out, max_bytes));
        ZSTD_outBuffer to = {out->ptr, out->room, out->len};
        size_t in_before = in.pos;
        size_t left = ZSTD_decompressStream(u->zstd, &to, &in);
        bool idle = in.pos == in_before && to.pos == out->len;
        out->len = to.pos;
        if (ZSTD_isError(left)) {
            ZSTD_ErrorCode code = ZSTD_getErrorCode(left);
            ENSURE(code != ZSTD_error_memory_allocation, ERR_MEMORY);
            out->unread = code == ZSTD_error_dictionary_wrong ||
                          code == ZSTD_error_frameParameter_windowTooLarge;
            break;
        }
        out->whole = left == 0;
        if (left == 0 || idle) {
            break;
        }
    }
    out->taken = in.pos;
    return OK;
}

/* A member's local header (APPNOTE 4.3.7): fixed part, name, extra field, bytes. */
static err_t zip_all(unpacker_t *u, slice_t bytes, size_t max_bytes, unpacked_t *out)
{
    cursor_t c = cur_on(bytes);
    cur_bytes(&c, 8);
    uint16_t method = cur_u16(&c);
    cur_bytes(&c, 16);
    size_t name = cur_u16(&c), extra = cur_u16(&c);
    cur_bytes(&c, name + extra);
    if (c.bad || method != ZIP_DEFLATED) { /* stored: lies in the view as it is */
        return OK;
    }
    slice_t body = cur_rest(&c);
    TRY(inflate_all(u, -MAX_WBITS, body, max_bytes, out));
    out->taken += bytes.len - body.len;
    return OK;
}

err_t unpack(unpacker_t *u, unpack_kind_t kind, slice_t bytes, size_t max_bytes, unpacked_t *io_out)
{
    io_out->len = io_out->taken = 0;
    io_out->whole = io_out->cut = io_out->unread = false;
    if (max_bytes == 0) {
        io_out->cut = true;
        return OK;
    }
    switch (kind) {
    case UNPACK_GZIP:
        return inflate_all(u, MAX_WBITS + 16, bytes, max_bytes, io_out);
    case UNPACK_ZLIB:
        return inflate_all(u, MAX_WBITS, bytes, max_bytes, io_out);
    case UNPACK_DEFLATE:
        return inflate_all(u, -MAX_WBITS, bytes, max_bytes, io_out);
    case UNPACK_ZIP:
        return zip_all(u, bytes, max_bytes, io_out);
    case UNPACK_ZSTD:
        return zstd_all(u, bytes, max_bytes, io_out);
    case UNPACK_NONE:
        break;
    }
    return OK;
}
