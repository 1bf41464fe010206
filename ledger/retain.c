#include "retain.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge.h"
#include "index/write.h"
#include "minimum.h"

enum { KEPT_MAX = 64 * 1024 * 1024, FACTS_MAX = LEDGER_TEXT_MAX, PATH_ARENA = 16 * 1024 };
enum { TILE_BYTES = TREE_TILE * HASH_BYTES, HEIGHT_MAX = 16 };

/* ---- is it time? ---- */

static err_t last_leaf(const segment_t *seg, leaf_t *ret_leaf, arena_t *a)
{
    slice_t bytes;
    TRY(bundle_read(seg->public_dir, seg->end / TREE_TILE - 1, TREE_TILE, a, &bytes));
    cursor_t c = cur_on(bytes);
    for (unsigned i = 1; i < TREE_TILE; i++) {
        (void)leaf_next(&c);
    }
    TRY(leaf_get(leaf_next(&c), ret_leaf));
    return cur_end(&c);
}

/* A clock that has just begun, or just jumped, says nothing about years. */
static bool calm(const retain_conf_t *conf, int64_t since_us)
{
    int64_t jump_us = __atomic_load_n(conf->jump_us, __ATOMIC_ACQUIRE);
    int64_t last_us = jump_us > since_us ? jump_us : since_us;
    return clock_mono_us() - last_us >= conf->calm_us;
}

err_t retain_due(const retain_conf_t *conf, const segment_t *seg, int64_t since_us, bool *ret_due)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    leaf_t leaf;
    *ret_due = false;
    if (!conf->keep_us || holds_any(conf->holds) || !calm(conf, since_us) ||
        __atomic_load_n(conf->log_first, __ATOMIC_ACQUIRE) < seg->end) {
        return OK;
    }
    arena_init(&a, BUNDLE_ARENA);
    TRY(last_leaf(seg, &leaf, &a));
    *ret_due = clock_wall_us() - leaf.entry.time_us > conf->keep_us;
    return OK;
}

/* ---- what is kept ---- */

/* All hashes of the segment's subtree, level by level from the leaves up. */
typedef struct keeping {
    const segment_t *seg;
    unsigned height;
    hash_t *level[HEIGHT_MAX + 1];
    buf_t out;
} keeping_t;

static void keeping_free(keeping_t *k)
{
    for (unsigned i = 0; i <= k->height; i++) {
        free(k->level[i]);
    }
    free(k->out.ptr);
}

static err_t leaf_hashes(keeping_t *k)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    for (uint64_t n = k->seg->first / TREE_TILE; n < k->seg->end / TREE_TILE; n++) {
        char path[TILES_PATH];
        slice_t bytes;
        arena_init(&a, TILE_BYTES + 64);
        tiles_path(0, n, TREE_TILE, path);
        TRY(tiles_read(k->seg->public_dir, path, &a, TILE_BYTES, &bytes));
        ENSURE(bytes.len == TILE_BYTES, ERR_CORRUPT);
        memcpy(k->level[0] + (n * TREE_TILE - k->seg->first), bytes.ptr, bytes.len);
        arena_deinit(&a);
    }
    return OK;
}

static err_t all_hashes(keeping_t *k)
{
    hasher_t h;
    uint64_t leaves = k->seg->end - k->seg->first;
    while (UINT64_C(1) << k->height < leaves) {
        k->height++;
    }
    CHECK(k->height <= HEIGHT_MAX && UINT64_C(1) << k->height == leaves);
    for (unsigned i = 0; i <= k->height; i++) {
        k->level[i] = calloc(leaves >> i, sizeof(hash_t));
        ENSURE(k->level[i], ERR_MEMORY);
    }
    TRY(leaf_hashes(k));
    TRY(hasher_init(&h));
    for (unsigned i = 1; i <= k->height; i++) {
        for (uint64_t n = 0; n < leaves >> i; n++) {
            k->level[i][n] = hash_node(&h, &k->level[i - 1][2 * n], &k->level[i - 1][2 * n + 1]);
        }
    }
    hasher_deinit(&h);
    return OK;
}

static bool is_kept(const leaf_t *leaf)
{
    switch ((unsigned)leaf->entry.rec.type) {
    case LEDGER_GENESIS:
    case LEDGER_RESTORED:
    case LEDGER_SEGMENT_END:
    case LEDGER_RATCHET:
    case LEDGER_PRUNED:
    case LEDGER_INDEX_ROOT:
        return leaf->entry.room == ROOM_LEDGER;
    case LEDGER_HOLD:
    case LEDGER_HOLD_RELEASED:
        return true;
    default:
        return false;
    }
}

static err_t keep_leaf(void *ctx, slice_t bytes, const leaf_t *leaf)
{
    keeping_t *k = ctx;
    uint64_t index = leaf->entry.seq - k->seg->first;
    if (!is_kept(leaf)) {
        return OK;
    }
    size_t need = k->out.len + 2 + bytes.len + k->height * HASH_BYTES;
    if (need > k->out.cap) {
        size_t cap = k->out.cap ? 2 * k->out.cap : 65536;
        cap = cap < need ? need : cap;
        ENSURE(cap <= KEPT_MAX, ERR_LIMIT);
        uint8_t *mem = realloc(k->out.ptr, cap);
        ENSURE(mem, ERR_MEMORY);
        k->out.ptr = mem;
        k->out.cap = cap;
    }
    buf_u16be(&k->out, (uint16_t)bytes.len);
    buf_put(&k->out, bytes);
    for (unsigned i = 0; i < k->height; i++) {
        buf_put(&k->out, slice_make(k->level[i][index >> i ^ 1].b, HASH_BYTES));
    }
    return buf_check(&k->out);
}

static err_t put_file(const segment_t *seg, const char *path, slice_t bytes)
{
    BASE_CLEANUP(tiles_drop) tiles_t t;
    tiles_init(&t, seg->public_dir, seg->tmp_dir, 'k');
    TRY(tiles_add(&t, path, bytes));
    return tiles_flush(&t);
}

static err_t keep(const segment_t *seg)
{
    BASE_CLEANUP(keeping_free) keeping_t k = {.seg = seg};
    char path[TILES_PATH];
    TRY(all_hashes(&k));
    TRY(segment_walk(seg, keep_leaf, &k));
    tiles_path(TILES_KEPT, seg->number, TREE_TILE, path);
    return put_file(seg, path, buf_slice(&k.out));
}

err_t retain_kept(int public_dir, uint64_t leaves, uint64_t seq, arena_t *a, leaf_t *ret_leaf)
{
    char path[TILES_PATH];
    slice_t bytes;
    size_t proof = (leaves == SEGMENT_LEAVES ? 16 : 8) * HASH_BYTES;
    tiles_path(TILES_KEPT, seq / leaves, TREE_TILE, path);
    TRY(tiles_read(public_dir, path, a, KEPT_MAX, &bytes));
    for (cursor_t c = cur_on(bytes); c.left && !c.bad;) {
        TRY(leaf_get(leaf_next(&c), ret_leaf));
        (void)cur_bytes(&c, proof);
        if (ret_leaf->entry.seq == seq) {
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

/* ---- removing ---- */

static err_t put_record(const retain_conf_t *conf, const segment_t *seg)
{
    uint8_t mem[FACTS_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    uint64_t count = seg->end - seg->first;
    ledger_fact_i64(&facts, "first", (int64_t)seg->first);
    ledger_fact_i64(&facts, "end", (int64_t)seg->end);
    ledger_fact_i64(&facts, "days", conf->days);
    ledger_fact(&facts, "policy", slice_cstr_in(conf->policy));
    TRY(buf_check(&facts));
    ledger_record_t rec = {
        .type = LEDGER_PRUNED, .count = (uint32_t)count, .facts = buf_slice(&facts)};
    return segment_record(seg, &rec, NULL, NULL);
}

static err_t remove_file(const segment_t *seg, const char *path)
{
    return unlinkat(seg->public_dir, path, 0) == 0 || errno == ENOENT ? OK
                                                                      : FAIL_SYS(ERR_IO, errno);
}

/* Partial ones that a crash left there. */
static void remove_partials(const segment_t *seg, unsigned level, uint64_t number)
{
    char path[TILES_PATH];
    tiles_path(level, number, 1, path);
    path[strlen(path) - 2] = '\0'; /* the folder "<N>.p" */
    edge_empty(seg->public_dir, path, "");
    unlinkat(seg->public_dir, path, AT_REMOVEDIR);
}

err_t retain_sweep(const retain_conf_t *conf, const segment_t *seg)
{
    char path[TILES_PATH];
    for (uint64_t n = seg->first / TREE_TILE; n < seg->end / TREE_TILE; n++) {
        ENSURE(!holds_any(conf->holds), ERR_STOPPED);
        tiles_path(TILES_ENTRIES, n, TREE_TILE, path);
        TRY(remove_file(seg, path));
        memcpy(path + strlen(path), ".zst", sizeof ".zst");
        TRY(remove_file(seg, path));
        tiles_path(0, n, TREE_TILE, path);
        TRY(remove_file(seg, path));
        remove_partials(seg, TILES_ENTRIES, n);
        remove_partials(seg, 0, n);
    }
    if (seg->end - seg->first == SEGMENT_LEAVES) {
        tiles_path(1, seg->number, TREE_TILE, path);
        TRY(remove_file(seg, path));
        remove_partials(seg, 1, seg->number);
    }
    return index_remove(seg); /* it told of what the records said */
}

static err_t set_minimum(const retain_conf_t *conf, const segment_t *seg)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    path_t pub;
    arena_init(&a, PATH_ARENA);
    TRY(path_join(&a, seg->dir, SLICE("public"), &pub));
    TRY(minimum_write(pub, seg->end));
    __atomic_store_n(conf->minimum, seg->end, __ATOMIC_RELEASE); /* readers go round from here on */
    return OK;
}

err_t retain_remove(const retain_conf_t *conf, const segment_t *seg, bool *ret_gone)
{
    *ret_gone = false;
    TRY(put_record(conf, seg));
    TRY(keep(seg));
    if (holds_any(conf->holds)) {
        return OK;
    }
    TRY(segment_gone(seg));
    TRY(set_minimum(conf, seg));
    *ret_gone = true;
    err_t e = retain_sweep(conf, seg);
    return err_is(e, ERR_STOPPED) ? OK : e;
}
