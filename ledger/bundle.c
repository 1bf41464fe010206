#include "bundle.h"

#include <unistd.h>
#include <zstd.h>

enum { BATCH = 32, LEVEL = 6, TAIL = 8 + HASH_BYTES };
/* A skippable frame (RFC 8878 3.1.2) of 32 bytes: `zstd -d` passes over it. */
static const uint8_t TAIL_HEAD[] = {0x50, 0x2a, 0x4d, 0x18, HASH_BYTES, 0, 0, 0};

static void packed_path(uint64_t number, char out[TILES_PATH])
{
    tiles_path(TILES_ENTRIES, number, TREE_TILE, out);
    size_t len = strlen(out);
    CHECK(len + sizeof ".zst" <= TILES_PATH);
    memcpy(out + len, ".zst", sizeof ".zst");
}

/* A packed bundle has one form: its last bytes say what the frame before them is, bit for bit. */
static err_t put_tail(uint8_t *at, slice_t frame)
{
    hasher_t h;
    TRY(hasher_init(&h));
    hash_t hash = hash_bytes(&h, frame);
    hasher_deinit(&h);
    memcpy(at, TAIL_HEAD, sizeof TAIL_HEAD);
    memcpy(at + sizeof TAIL_HEAD, hash.b, HASH_BYTES);
    return OK;
}

/* The frame says how long its content is (the writer always does); a longer one is refused. */
static err_t unpack(slice_t packed, arena_t *a, slice_t *ret_bytes)
{
    unsigned long long len = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    ENSURE(len != ZSTD_CONTENTSIZE_ERROR && len != ZSTD_CONTENTSIZE_UNKNOWN && len <= BUNDLE_MAX,
           ERR_CORRUPT);
    uint8_t *mem = arena_alloc(a, len ? (size_t)len : 1);
    ENSURE(mem, ERR_MEMORY);
    size_t got = ZSTD_decompress(mem, (size_t)len, packed.ptr, packed.len);
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

typedef struct packer {
    ZSTD_CCtx *ctx;
    int public_dir;
    tiles_t tiles;
    uint64_t waiting[BATCH]; /* bundles in tiles */
    size_t count;
} packer_t;

/* NOT_FOUND: packed already. */
static err_t pack_one(packer_t *p, uint64_t number)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    slice_t plain;
    arena_init(&a, BUNDLE_ARENA);
    tiles_path(TILES_ENTRIES, number, TREE_TILE, path);
    TRY(tiles_read(p->public_dir, path, &a, BUNDLE_MAX, &plain));
    size_t cap = ZSTD_compressBound(plain.len);
    uint8_t *mem = arena_alloc(&a, cap + TAIL);
    ENSURE(mem, ERR_MEMORY);
    size_t len = ZSTD_compressCCtx(p->ctx, mem, cap, plain.ptr, plain.len, LEVEL);
    ENSURE(!ZSTD_isError(len), ERR_MEMORY);
    TRY(put_tail(mem + len, slice_make(mem, len)));
    packed_path(number, path);
    TRY(tiles_add(&p->tiles, path, slice_make(mem, len + TAIL)));
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
    ENSURE(p.ctx, ERR_MEMORY);
    tiles_init(&p.tiles, public_dir, tmp_dir, 'z');
    err_t e = pack_all(&p, first, end, stop);
    tiles_drop(&p.tiles);
    ZSTD_freeCCtx(p.ctx);
    return e;
}
