#include "bundle.h"

#include <unistd.h>
#include <zstd.h>

enum {
    BATCH = 32,
    LEVEL = 6,
    PARTS = 16,
    PART = TREE_TILE / PARTS, /* leaves */
    TAIL_HEAD = 8,
    TAIL = TAIL_HEAD + PARTS * (4 + HASH_BYTES) + HASH_BYTES
};

static void packed_path(uint64_t number, char out[TILES_PATH])
{
    tiles_path(TILES_ENTRIES, number, TREE_TILE, out);
    size_t len = strlen(out);
    CHECK(len + sizeof ".zst" <= TILES_PATH);
    memcpy(out + len, ".zst", sizeof ".zst");
}

/* ---- unpacking ---- */

/* What all frames together hold; of the skippable one at the end that is nothing. */
static err_t unpacked_len(slice_t packed, size_t *ret_len)
{
    size_t sum = 0;
    while (packed.len) {
        unsigned long long len = ZSTD_getFrameContentSize(packed.ptr, packed.len);
        size_t frame = ZSTD_findFrameCompressedSize(packed.ptr, packed.len);
        ENSURE(len != ZSTD_CONTENTSIZE_ERROR && len != ZSTD_CONTENTSIZE_UNKNOWN, ERR_CORRUPT);
        ENSURE(!ZSTD_isError(frame) && len <= BUNDLE_MAX - sum, ERR_CORRUPT);
        sum += (size_t)len;
        packed = slice_from(packed, frame);
    }
    *ret_len = sum;
    return OK;
}

static err_t unpack(slice_t packed, arena_t *a, slice_t *ret_bytes)
{
    size_t len;
    TRY(unpacked_len(packed, &len));
    uint8_t *mem = arena_alloc(a, len ? len : 1);
    ENSURE(mem, ERR_MEMORY);
    size_t got = ZSTD_decompress(mem, len, packed.ptr, packed.len);
    ENSURE(!ZSTD_isError(got) && got == len, ERR_CORRUPT);
    *ret_bytes = slice_make(mem, got);
    return OK;
}

err_t bundle_read(int public_dir, uint64_t number, unsigned width, arena_t *a, slice_t *ret_bytes)
{
    char path[TILES_PATH];
    slice_t packed;
    tiles_path(TILES_ENTRIES, number, width, path);
    err_t e = tiles_read(public_dir, path, a, BUNDLE_MAX, ret_bytes);
    if (!err_is(e, ERR_NOT_FOUND) || width < TREE_TILE) {
        return e;
    }
    packed_path(number, path);
    TRY(tiles_read(public_dir, path, a, BUNDLE_MAX, &packed));
    return unpack(packed, a, ret_bytes);
}

err_t bundle_where(int public_dir, uint64_t number, char ret_path[TILES_PATH])
{
    char plain[TILES_PATH], packed[TILES_PATH];
    tiles_path(TILES_ENTRIES, number, TREE_TILE, plain);
    packed_path(number, packed);
    bool is_plain = faccessat(public_dir, plain, F_OK, 0) == 0;
    ENSURE(is_plain || faccessat(public_dir, packed, F_OK, 0) == 0, ERR_NOT_FOUND);
    memcpy(ret_path, is_plain ? plain : packed, TILES_PATH);
    return OK;
}

/* ---- packing ---- */

typedef struct packer {
    ZSTD_CCtx *ctx;
    hasher_t hasher;
    int public_dir;
    tiles_t tiles;
    uint64_t waiting[BATCH]; /* bundles in tiles */
    size_t count;
} packer_t;

/* The next PART framed leaves: their bytes, and the root of them (RFC 6962 2.1). */
static err_t next_part(packer_t *p, cursor_t *c, slice_t *ret_bytes, hash_t *ret_root)
{
    hash_t hashes[PART];
    slice_t rest = slice_make(c->ptr, c->left);
    for (unsigned i = 0; i < PART; i++) {
        hashes[i] = hash_leaf(&p->hasher, cur_bytes(c, cur_u16be(c)));
    }
    ENSURE(!c->bad, ERR_CORRUPT);
    for (unsigned n = PART; n > 1; n /= 2) {
        for (unsigned i = 0; i < n / 2; i++) {
            hashes[i] = hash_node(&p->hasher, &hashes[2 * i], &hashes[2 * i + 1]);
        }
    }
    *ret_bytes = slice_sub(rest, 0, rest.len - c->left);
    *ret_root = hashes[0];
    return OK;
}

/* Frames of PART leaves each; behind them a skippable frame (RFC 8878 3.1.2, `zstd -d` passes over
 * it) that lets a reader prove one part without the others, and gives the file one form. */
static err_t pack_bytes(packer_t *p, slice_t plain, uint8_t *mem, size_t cap, size_t *ret_len)
{
    uint8_t tail_mem[TAIL];
    buf_t tail = BUF_ON_ARRAY(tail_mem);
    hash_t roots[PARTS];
    cursor_t c = cur_on(plain);
    size_t at = 0;
    buf_put(&tail, SLICE("\x50\x2a\x4d\x18"));
    buf_u32(&tail, TAIL - TAIL_HEAD); /* little-endian, as zstd's own numbers */
    for (unsigned i = 0; i < PARTS; i++) {
        slice_t part;
        TRY(next_part(p, &c, &part, &roots[i]));
        size_t len = ZSTD_compressCCtx(p->ctx, mem + at, cap - at, part.ptr, part.len, LEVEL);
        ENSURE(!ZSTD_isError(len), ERR_MEMORY);
        at += len;
        buf_u32be(&tail, (uint32_t)at);
    }
    ENSURE(c.left == 0 && cap - at >= TAIL, ERR_CORRUPT);
    for (unsigned i = 0; i < PARTS; i++) {
        buf_put(&tail, slice_make(roots[i].b, HASH_BYTES));
    }
    memcpy(mem + at, tail.ptr, tail.len);
    hash_t hash = hash_bytes(&p->hasher, slice_make(mem, at + tail.len));
    memcpy(mem + at + tail.len, hash.b, HASH_BYTES);
    *ret_len = at + TAIL;
    return OK;
}

/* NOT_FOUND: packed already. */
static err_t pack_one(packer_t *p, uint64_t number)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    slice_t plain;
    size_t len;
    arena_init(&a, BUNDLE_ARENA);
    tiles_path(TILES_ENTRIES, number, TREE_TILE, path);
    TRY(tiles_read(p->public_dir, path, &a, BUNDLE_MAX, &plain));
    size_t cap = plain.len + plain.len / 128 + PARTS * 1024 + TAIL; /* compressBound of each part */
    uint8_t *mem = arena_alloc(&a, cap);
    ENSURE(mem, ERR_MEMORY);
    TRY(pack_bytes(p, plain, mem, cap, &len));
    packed_path(number, path);
    TRY(tiles_add(&p->tiles, path, slice_make(mem, len)));
    p->waiting[p->count++] = number;
    return OK;
}

static err_t pack_flush(packer_t *p)
{
    char path[TILES_PATH];
    TRY(tiles_flush(&p->tiles));
    for (size_t i = 0; i < p->count; i++) {
        tiles_path(TILES_ENTRIES, p->waiting[i], TREE_TILE, path);
        unlinkat(p->public_dir, path, 0);
    }
    p->count = 0;
    return OK;
}

static err_t pack_all(packer_t *p, uint64_t first, uint64_t end, const bool *stop)
{
    for (uint64_t n = first; n < end; n++) {
        ENSURE(!__atomic_load_n(stop, __ATOMIC_ACQUIRE), ERR_CLOSED);
        err_t e = pack_one(p, n);
        ENSURE(!err_failed(e) || err_is(e, ERR_NOT_FOUND), e.code);
        if (p->count == BATCH || (p->count && n + 1 == end)) {
            TRY(pack_flush(p));
        }
    }
    return p->count ? pack_flush(p) : OK;
}

err_t bundle_pack(int public_dir, int tmp_dir, uint64_t first, uint64_t end, const bool *stop)
{
    packer_t p = {.ctx = ZSTD_createCCtx(), .public_dir = public_dir};
    err_t e = p.ctx ? hasher_init(&p.hasher) : FAIL(ERR_MEMORY);
    if (!err_failed(e)) {
        tiles_init(&p.tiles, public_dir, tmp_dir, 'z');
        e = pack_all(&p, first, end, stop);
        tiles_drop(&p.tiles);
        hasher_deinit(&p.hasher);
    }
    ZSTD_freeCCtx(p.ctx);
    return e;
}
