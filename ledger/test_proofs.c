/* Proofs out of tiles against RFC 6962 2.1.1 and 2.1.2 written down word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "proofs.h"
#include "tests/tmpdir.h"
#include "tiles.h"

enum { LEAVES = 66200 }; /* tiles of three levels */

static hash_t leaves[LEAVES];
static hasher_t hasher;
static tmpdir_t tmp;
static tiles_t tiles;
static tree_t tree;
static int public_dir, tmp_dir;

static hash_t naive_root(uint64_t from, uint64_t to)
{
    if (to - from == 1) {
        return leaves[from];
    }
    uint64_t k = 1;
    while (k * 2 < to - from) {
        k *= 2;
    }
    hash_t left = naive_root(from, from + k), right = naive_root(from + k, to);
    return hash_node(&hasher, &left, &right);
}

static void naive_subproof(uint64_t m, uint64_t from, uint64_t to, bool whole, proof_t *p)
{
    if (m == to - from) {
        if (!whole) {
            p->at[p->n++] = naive_root(from, to);
        }
        return;
    }
    uint64_t k = 1;
    while (k * 2 < to - from) {
        k *= 2;
    }
    if (m <= k) {
        naive_subproof(m, from, from + k, whole, p);
        p->at[p->n++] = naive_root(from + k, to);
    } else {
        naive_subproof(m - k, from + k, to, false, p);
        p->at[p->n++] = naive_root(from, from + k);
    }
}

static void naive_audit(uint64_t index, uint64_t from, uint64_t to, proof_t *p)
{
    if (to - from == 1) {
        return;
    }
    uint64_t k = 1;
    while (k * 2 < to - from) {
        k *= 2;
    }
    if (index < k) {
        naive_audit(index, from, from + k, p);
        p->at[p->n++] = naive_root(from + k, to);
    } else {
        naive_audit(index - k, from + k, to, p);
        p->at[p->n++] = naive_root(from, from + k);
    }
}

static err_t on_tile(void *ctx, unsigned level, uint64_t number, const hash_t hashes[TREE_TILE])
{
    char path[TILES_PATH];
    (void)ctx;
    tiles_path(level, number, TREE_TILE, path);
    return tiles_add(&tiles, path, slice_make(hashes, TREE_TILE * HASH_BYTES));
}

/* The tree grows to n; its partial tiles are written. */
static void publish(uint64_t n)
{
    char path[TILES_PATH];
    while (tree.size < n) {
        assert_false(err_failed(tree_append(&tree, &hasher, &leaves[tree.size], on_tile, NULL)));
    }
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        unsigned width = tree_edge(n, level);
        if (width) {
            tiles_path(level, n >> (8 * level) >> 8, width, path);
            assert_false(err_failed(tiles_add(
                &tiles, path, slice_make(tree.levels[level].hashes, width * HASH_BYTES))));
        }
    }
    assert_false(err_failed(tiles_flush(&tiles)));
}

static int setup(void **state)
{
    (void)state;
    tmp = tmpdir_make();
    assert_false(err_failed(hasher_init(&hasher)));
    assert_int_equal(mkdir(in_dir(tmp.path, "public"), 0700), 0);
    assert_int_equal(mkdir(in_dir(tmp.path, "tmp"), 0700), 0);
    public_dir = open(in_dir(tmp.path, "public"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tmp_dir = open(in_dir(tmp.path, "tmp"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tiles_init(&tiles, public_dir, tmp_dir, 't');
    tree_init(&tree);
    for (uint64_t i = 0; i < LEAVES; i++) {
        leaves[i] = hash_leaf(&hasher, slice_make(&i, sizeof i));
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hasher_deinit(&hasher);
    close(public_dir);
    close(tmp_dir);
    tmpdir_remove(&tmp);
    return 0;
}

static void assert_same(const proof_t *got, const proof_t *want)
{
    assert_int_equal(got->n, want->n);
    assert_memory_equal(got->at, want->at, want->n * sizeof want->at[0]);
}

static void one_consistency(uint64_t published, uint64_t old_size, uint64_t size)
{
    proof_t got, want = {0};
    assert_false(err_failed(proof_consistency(public_dir, published, old_size, size, &got)));
    if (old_size && old_size < size) {
        naive_subproof(old_size, 0, size, true, &want);
    }
    assert_same(&got, &want);
}

static void one_inclusion(uint64_t published, uint64_t index, uint64_t size)
{
    proof_t got, want = {0};
    assert_false(err_failed(proof_inclusion(public_dir, published, index, size, &got)));
    naive_audit(index, 0, size, &want);
    assert_same(&got, &want);
}

/* Of sizes at or below the published one: those below have no partial tiles of their own. */
static void small_trees(void **state)
{
    static const uint64_t PUBLISHED[] = {1, 2, 3, 7, 255, 256, 257, 300, 513, 600};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(PUBLISHED); i++) {
        uint64_t n = PUBLISHED[i];
        publish(n);
        for (uint64_t size = 1; size <= n; size += n / 40 + 1) {
            for (uint64_t old_size = 0; old_size <= size; old_size += size / 20 + 1) {
                one_consistency(n, old_size, size);
            }
            for (uint64_t index = 0; index < size; index += size / 20 + 1) {
                one_inclusion(n, index, size);
            }
        }
    }
}

static void large_tree(void **state)
{
    static const uint64_t SIZES[] = {1, 256, 4097, 65535, 65536, 65537, 66199, 66200};
    (void)state;
    publish(LEAVES);
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        for (size_t j = 0; j <= i; j++) {
            one_consistency(LEAVES, SIZES[j], SIZES[i]);
            one_inclusion(LEAVES, SIZES[j] - 1, SIZES[i]);
        }
    }
}

static void refused(void **state)
{
    proof_t p;
    (void)state;
    assert_true(err_is(proof_consistency(public_dir, LEAVES, 9, 8, &p), ERR_RANGE));
    assert_true(err_is(proof_consistency(public_dir, LEAVES, 9, LEAVES + 1, &p), ERR_RANGE));
    assert_true(err_is(proof_inclusion(public_dir, LEAVES, 8, 8, &p), ERR_RANGE));
    /* A published size whose partial tiles are gone is asked for again, never guessed. */
    assert_true(err_is(proof_inclusion(public_dir, 66100, 66000, 66100, &p), ERR_NOT_FOUND));
    assert_int_equal(truncate(in_dir(tmp.path, "public/tile/0/000"), 8191), 0);
    assert_true(err_is(proof_inclusion(public_dir, LEAVES, 3, 66000, &p), ERR_CORRUPT));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(small_trees),
        cmocka_unit_test(large_tree),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(TESTS, setup, teardown);
}
