#include "proofs.h"

#include "tiles.h"

enum { CACHED = 16, TILE_BYTES = TREE_TILE * HASH_BYTES };

/* One proof in the making; a few tiles are kept, for its hashes lie close together. */
typedef struct maker {
    int public_dir;
    uint64_t published;
    hasher_t hasher;
    proof_t *proof;
    unsigned next;
    struct cached_tile {
        bool there;
        unsigned level;
        uint64_t number;
        hash_t hashes[TREE_TILE];
    } cache[CACHED];
} maker_t;

static err_t tile_read(maker_t *m, struct cached_tile *into, unsigned level, uint64_t number)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    slice_t bytes;
    uint64_t hashes = m->published >> (8 * level);
    ENSURE(hashes / TREE_TILE >= number, ERR_RANGE);
    unsigned width = hashes / TREE_TILE > number ? TREE_TILE : tree_edge(m->published, level);
    arena_init(&a, TILE_BYTES + 64);
    tiles_path(level, number, width, path);
    TRY(tiles_read(m->public_dir, path, &a, TILE_BYTES, &bytes));
    ENSURE(bytes.len == width * (size_t)HASH_BYTES, ERR_CORRUPT);
    into->there = false;
    memset(into->hashes, 0, sizeof into->hashes);
    memcpy(into->hashes, bytes.ptr, bytes.len);
    into->level = level;
    into->number = number;
    into->there = true;
    return OK;
}

static err_t tile_get(maker_t *m, unsigned level, uint64_t number, const hash_t **ret_hashes)
{
    for (unsigned i = 0; i < CACHED; i++) {
        const struct cached_tile *c = &m->cache[i];
        if (c->there && c->level == level && c->number == number) {
            *ret_hashes = c->hashes;
            return OK;
        }
    }
    struct cached_tile *c = &m->cache[m->next++ % CACHED];
    TRY(tile_read(m, c, level, number));
    *ret_hashes = c->hashes;
    return OK;
}

/* Root of 2^height leaves from leaf `from` on, which is a multiple of that. */
static err_t perfect(maker_t *m, uint64_t from, unsigned height, hash_t *ret_root)
{
    hash_t part[TREE_TILE / 2 + 1];
    const hash_t *tile;
    unsigned level = height / 8, count = 1U << height % 8;
    uint64_t first = from >> (8 * level);
    ENSURE(first + count <= m->published >> (8 * level), ERR_RANGE);
    TRY(tile_get(m, level, first / TREE_TILE, &tile));
    memcpy(part, tile + first % TREE_TILE, count * sizeof part[0]);
    for (; count > 1; count /= 2) {
        for (unsigned i = 0; i < count / 2; i++) {
            part[i] = hash_node(&m->hasher, &part[2 * i], &part[2 * i + 1]);
        }
    }
    *ret_root = part[0];
    return OK;
}

/* Height of the largest power of two below n (n at least 2). */
static unsigned split_height(uint64_t n)
{
    return 63U - (unsigned)__builtin_clzll(n - 1);
}

/* Root of leaves from..to-1: from left to right perfect trees of falling height. */
static err_t range_root(maker_t *m, uint64_t from, uint64_t to, hash_t *ret_root)
{
    hash_t parts[64], root;
    unsigned n = 0;
    while (from < to) {
        uint64_t count = to - from;
        unsigned height = 63U - (unsigned)__builtin_clzll(count);
        TRY(perfect(m, from, height, &parts[n++]));
        from += UINT64_C(1) << height;
    }
    root = parts[--n];
    while (n) {
        root = hash_node(&m->hasher, &parts[--n], &root);
    }
    *ret_root = root;
    return OK;
}

static err_t add_root(maker_t *m, uint64_t from, uint64_t to)
{
    ENSURE(m->proof->n < PROOF_MAX, ERR_LIMIT);
    TRY(range_root(m, from, to, &m->proof->at[m->proof->n]));
    m->proof->n++;
    return OK;
}

/* The walk down stands in [from, to); what it passes on the other side is the proof, from the leaf
 * up: so it is gathered on the way back. goal: an index, or with `whole` an old size. */
static err_t subproof(maker_t *m, uint64_t old_size, uint64_t from, uint64_t to, bool whole)
{
    uint64_t n = to - from;
    if (old_size == n) {
        return whole ? OK : add_root(m, from, to);
    }
    uint64_t k = UINT64_C(1) << split_height(n);
    if (old_size <= k) {
        TRY(subproof(m, old_size, from, from + k, whole));
        return add_root(m, from + k, to);
    }
    TRY(subproof(m, old_size - k, from + k, to, false));
    return add_root(m, from, from + k);
}

static err_t audit(maker_t *m, uint64_t index, uint64_t from, uint64_t to)
{
    if (to - from == 1) {
        return OK;
    }
    uint64_t k = UINT64_C(1) << split_height(to - from);
    if (index < k) {
        TRY(audit(m, index, from, from + k));
        return add_root(m, from + k, to);
    }
    TRY(audit(m, index - k, from + k, to));
    return add_root(m, from, from + k);
}

static err_t maker_new(int public_dir, uint64_t published, proof_t *proof, maker_t **ret_maker)
{
    maker_t *m = calloc(1, sizeof *m);
    ENSURE(m, ERR_MEMORY);
    m->public_dir = public_dir;
    m->published = published;
    m->proof = proof;
    err_t e = hasher_init(&m->hasher);
    if (err_failed(e)) {
        free(m);
        return e;
    }
    *ret_maker = m;
    return OK;
}

static void maker_free(maker_t *m)
{
    hasher_deinit(&m->hasher);
    free(m);
}

err_t proof_consistency(int public_dir, uint64_t published, uint64_t old_size, uint64_t size,
                        proof_t *ret_proof)
{
    proof_t proof = {0};
    maker_t *m;
    ENSURE(old_size <= size && size <= published, ERR_RANGE);
    if (old_size && old_size < size) {
        TRY(maker_new(public_dir, published, &proof, &m));
        err_t e = subproof(m, old_size, 0, size, true);
        maker_free(m);
        TRY(e);
    }
    *ret_proof = proof;
    return OK;
}

err_t proof_inclusion(int public_dir, uint64_t published, uint64_t index, uint64_t size,
                      proof_t *ret_proof)
{
    proof_t proof = {0};
    maker_t *m;
    ENSURE(index < size && size <= published, ERR_RANGE);
    TRY(maker_new(public_dir, published, &proof, &m));
    err_t e = audit(m, index, 0, size);
    maker_free(m);
    TRY(e);
    *ret_proof = proof;
    return OK;
}
