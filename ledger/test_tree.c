/* The growing tree against RFC 6962 2.1 written down word for word, for every size 0..600; and the
 * verifier's own tree against the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "tiles.h"
#include "tree.h"
#include "verify/verify.h"

enum { SIZES = 600 };

static void naive_leaf(slice_t leaf, uint8_t out[32])
{
    uint8_t in[64] = {0};
    memcpy(in + 1, leaf.ptr, leaf.len);
    crypto_hash_sha256(out, in, leaf.len + 1);
}

/* MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n. */
static void naive_root(size_t from, size_t n, uint8_t out[32])
{
    uint8_t in[65] = {1};
    if (n == 0) {
        crypto_hash_sha256(out, in, 0);
        return;
    }
    if (n == 1) {
        char text[16];
        int len = snprintf(text, sizeof text, "leaf %zu", from);
        naive_leaf(slice_make(text, (size_t)len), out);
        return;
    }
    size_t k = 1;
    while (k * 2 < n) {
        k *= 2;
    }
    naive_root(from, k, in + 1);
    naive_root(from + k, n - k, in + 33);
    crypto_hash_sha256(out, in, sizeof in);
}

typedef struct seen {
    unsigned level;
    uint64_t number;
    hash_t hashes[TREE_TILE];
    unsigned count;
} seen_t;

static err_t on_tile(void *ctx, unsigned level, uint64_t number, const hash_t hashes[TREE_TILE])
{
    seen_t *seen = ctx;
    seen->level = level;
    seen->number = number;
    memcpy(seen->hashes, hashes, sizeof seen->hashes);
    seen->count++;
    return OK;
}

static void on_vtile(void *ctx, unsigned level, uint64_t number, const uint8_t *hashes,
                     unsigned width)
{
    const seen_t *seen = ctx; /* the writer gave the same tile before */
    assert_int_equal(level, seen->level);
    assert_int_equal(number, seen->number);
    assert_int_equal(width, TREE_TILE);
    assert_memory_equal(hashes, seen->hashes, sizeof seen->hashes);
}

static void all_sizes(void **state)
{
    static tree_t tree;
    static vtree_t other;
    static seen_t seen;
    hasher_t h;
    assert_false(err_failed(hasher_init(&h)));
    tree_init(&tree);
    for (size_t n = 0; n <= SIZES; n++) {
        uint8_t want[32], root2[32];
        char text[16];
        naive_root(0, n, want);
        hash_t root = tree_root(&tree, &h);
        assert_memory_equal(root.b, want, sizeof want);
        vtree_root(&other, root2);
        assert_memory_equal(root2, want, sizeof want);
        int len = snprintf(text, sizeof text, "leaf %zu", n);
        hash_t leaf = hash_leaf(&h, slice_make(text, (size_t)len));
        assert_false(err_failed(tree_append(&tree, &h, &leaf, on_tile, &seen)));
        vtree_push(&other, leaf.b, on_vtile, &seen);
        assert_int_equal(tree_edge(tree.size, 0), tree.levels[0].width);
    }
    assert_int_equal(seen.count, SIZES / TREE_TILE);
    hasher_deinit(&h);
}

static void paths(void **state)
{
    static const struct {
        unsigned level;
        uint64_t number;
        unsigned width;
        const char *want;
    } CASES[] = {
        {0, 0, 256, "tile/0/000"},
        {0, 7, 1, "tile/0/007.p/1"},
        {3, 999, 255, "tile/3/999.p/255"},
        {1, 1000, 256, "tile/1/x001/000"},
        {TILES_ENTRIES, 1234067, 256, "tile/entries/x001/x234/067"},
        {TILES_ENTRIES, 1234067, 8, "tile/entries/x001/x234/067.p/8"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        char path[TILES_PATH];
        uint8_t mem[TILES_PATH];
        uint64_t number;
        unsigned width;
        buf_t name = BUF_ON_ARRAY(mem);
        tiles_path(CASES[i].level, CASES[i].number, CASES[i].width, path);
        assert_string_equal(path, CASES[i].want);
        vtile_name(CASES[i].number, CASES[i].width, &name); /* the verifier's own */
        slice_t tail = slice_cstr_in(path);
        tail = slice_from(tail, tail.len - name.len);
        assert_true(slice_eq(tail, buf_slice(&name)));
        assert_false(err_failed(vtile_parse(tail, &number, &width)));
        assert_true(number == CASES[i].number && width == CASES[i].width);
    }
}

static void bad_names(void **state)
{
    static const char *const NAMES[] = {
        "",        "0",         "00",        "0000",     "x000/000", "x001000", "x001/",
        "000.p/",  "000.p/0",   "000.p/256", "000.p/01", "000.q/1",  "00a",     "000.p/1/2",
        "x01/000", "x001/x000", "-01",       "000.p/-1", "t0"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        uint64_t number;
        unsigned width;
        if (!err_failed(vtile_parse(slice_cstr_in(NAMES[i]), &number, &width))) {
            fail_msg("%s", NAMES[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(paths),
        cmocka_unit_test(bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
