/* A packed bundle: zstd frames, then a skippable frame that says where each ends, what its leaves'
 * root is, and the hash of all that. Bundles packed before that have one frame and a hash of it. */
#include <zstd.h>

#include "verify.h"

enum { HEAD = 8, HASH = 32, TAIL = HEAD + VPARTS * (4 + HASH) + HASH, OLD_TAIL = HEAD + HASH };
/* skippable frames (RFC 8878 3.1.2) of TAIL - 8 and of 32 bytes */
static const uint8_t TAIL_HEAD[HEAD] = {
    0x50, 0x2a, 0x4d, 0x18, (TAIL - HEAD) & 0xff, (TAIL - HEAD) >> 8};
static const uint8_t OLD_HEAD[HEAD] = {0x50, 0x2a, 0x4d, 0x18, HASH};

static _Thread_local ZSTD_DCtx *unpacker;

void vpacked_thread_end(void)
{
    ZSTD_freeDCtx(unpacker);
    unpacker = NULL;
}

static bool ends_with(slice_t file, const uint8_t head[HEAD], size_t tail)
{
    return file.len > tail && memcmp(file.ptr + file.len - tail, head, HEAD) == 0;
}

err_t vpacked_open(slice_t file, vpacked_t *ret_packed)
{
    bool parts = ends_with(file, TAIL_HEAD, TAIL);
    ENSURE(parts || ends_with(file, OLD_HEAD, OLD_TAIL), ERR_CORRUPT);
    slice_t frames = slice_sub(file, 0, file.len - (parts ? TAIL : OLD_TAIL));
    vpacked_t p = {.parts = parts ? VPARTS : 1, .frame = {frames}, .hashed = frames};
    p.hash = file.ptr + file.len - HASH;
    if (parts) {
        cursor_t c = cur_on(slice_sub(file, frames.len + HEAD, TAIL - HEAD - HASH));
        uint32_t from = 0;
        for (unsigned i = 0; i < VPARTS; i++) {
            uint32_t end = cur_u32be(&c);
            ENSURE(end > from && end <= frames.len, ERR_CORRUPT);
            p.frame[i] = slice_sub(frames, from, end - from);
            from = end;
        }
        ENSURE(from == frames.len, ERR_CORRUPT);
        p.roots = cur_bytes(&c, VPARTS * HASH).ptr;
        p.hashed = slice_sub(file, 0, file.len - HASH);
    }
    *ret_packed = p;
    return OK;
}

/* The size that a frame claims is a claim: nothing longer than max_bytes is made room for. */
err_t vpacked_length(const vpacked_t *p, unsigned from, unsigned to, size_t max_bytes,
                     size_t *ret_len)
{
    size_t sum = 0;
    for (unsigned i = from; i < to; i++) {
        unsigned long long claim = ZSTD_getFrameContentSize(p->frame[i].ptr, p->frame[i].len);
        ENSURE(claim != ZSTD_CONTENTSIZE_ERROR && claim != ZSTD_CONTENTSIZE_UNKNOWN, ERR_CORRUPT);
        ENSURE(claim <= max_bytes - sum, ERR_LIMIT);
        sum += (size_t)claim;
    }
    *ret_len = sum;
    return OK;
}

err_t vpacked_part(const vpacked_t *p, unsigned part, uint8_t *mem, size_t len)
{
    slice_t frame = p->frame[part];
    unpacker = unpacker ? unpacker : ZSTD_createDCtx();
    ENSURE(unpacker, ERR_MEMORY);
    ENSURE(ZSTD_findFrameCompressedSize(frame.ptr, frame.len) == frame.len, ERR_CORRUPT);
    ENSURE(ZSTD_decompressDCtx(unpacker, mem, len, frame.ptr, frame.len) == len, ERR_CORRUPT);
    return OK;
}

/* Exactly so many leaves and no byte more: a part that ends elsewhere is another form of the same.
 */
static bool holds_a_part(slice_t bytes)
{
    cursor_t c = cur_on(bytes);
    for (unsigned i = 0; i < VPART; i++) {
        (void)cur_bytes(&c, cur_u16be(&c));
    }
    return !err_failed(cur_end(&c));
}

static err_t unpack_into(const vpacked_t *p, uint8_t *mem, size_t len)
{
    size_t at = 0, part;
    for (unsigned i = 0; i < p->parts; i++) {
        TRY(vpacked_length(p, i, i + 1, len - at, &part));
        TRY(vpacked_part(p, i, mem + at, part));
        ENSURE(!p->roots || holds_a_part(slice_make(mem + at, part)), ERR_CORRUPT);
        at += part;
    }
    return OK;
}

err_t vpacked_all(slice_t file, size_t max_bytes, uint8_t ret_roots[VPARTS][32], bool *ret_any,
                  slice_t *ret_bytes)
{
    vpacked_t p;
    uint8_t sha256[HASH];
    size_t len;
    TRY(vpacked_open(file, &p));
    vtree_bytes_hash(p.hashed, sha256);
    ENSURE(memcmp(p.hash, sha256, sizeof sha256) == 0, ERR_CORRUPT);
    TRY(vpacked_length(&p, 0, p.parts, max_bytes, &len));
    uint8_t *mem = malloc(len + 1);
    ENSURE(mem, ERR_MEMORY);
    err_t e = unpack_into(&p, mem, len);
    if (err_failed(e)) {
        free(mem);
        return e;
    }
    if (ret_roots && p.roots) {
        memcpy(ret_roots, p.roots, VPARTS * HASH);
    }
    *ret_any = p.roots != NULL;
    *ret_bytes = slice_make(mem, len);
    return OK;
}

err_t vfile_unpack(slice_t file, size_t max_bytes, slice_t *ret_bytes)
{
    bool any;
    return vpacked_all(file, max_bytes, NULL, &any, ret_bytes);
}
