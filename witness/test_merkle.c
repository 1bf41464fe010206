#include "base/test.h"

#include "test_tree.h"

enum { MAX = 70 };
static test_tree_t tree;

/* All pairs of sizes; then each proof with one thing wrong. */
static void consistency(void **state)
{
    (void)state;
    test_grow(&tree, MAX, 0);
    for (uint64_t n = 0; n <= MAX; n++) {
        for (uint64_t m = 0; m <= n; m++) {
            uint8_t old_root[32], root[32], other[32];
            test_root(&tree, 0, m, old_root);
            test_root(&tree, 0, n, root);
            merkle_path_t p = test_consistency(&tree, m, n), bad;
            assert_true(merkle_consistent(m, old_root, n, root, &p));
            assert_false(n > m && merkle_consistent(n, root, m, old_root, &p));
            memcpy(other, root, 32);
            other[31] ^= 1;
            assert_int_equal(merkle_consistent(m, old_root, n, other, &p), m == 0);
            memcpy(other, old_root, 32);
            other[0] ^= 0x80;
            assert_int_equal(merkle_consistent(m, other, n, root, &p), m == 0);
            bad = p;
            bad.n++; /* a hash too many (of zeros) */
            memset(bad.at[p.n], 0, 32);
            assert_false(merkle_consistent(m, old_root, n, root, &bad));
            for (unsigned i = 0; i < p.n; i++) {
                bad = p;
                bad.at[i][i] ^= 4;
                assert_false(merkle_consistent(m, old_root, n, root, &bad));
            }
            if (p.n) {
                bad = p;
                bad.n--;
                assert_false(merkle_consistent(m, old_root, n, root, &bad));
            }
        }
    }
}

static void inclusion(void **state)
{
    (void)state;
    test_grow(&tree, MAX, 0);
    for (uint64_t n = 1; n <= MAX; n++) {
        uint8_t root[32];
        test_root(&tree, 0, n, root);
        for (uint64_t i = 0; i < n; i++) {
            merkle_path_t p = {0}, bad;
            test_audit(&tree, i, 0, n, &p);
            assert_true(merkle_included(i, tree.leaf[i], n, root, &p));
            assert_false(merkle_included(i, tree.leaf[(i + 1) % MAX], n, root, &p));
            assert_false(merkle_included(n, tree.leaf[i], n, root, &p));
            for (uint64_t j = 0; j < n; j++) {
                assert_int_equal(merkle_included(j, tree.leaf[i], n, root, &p), j == i);
            }
            bad = p;
            bad.n++;
            memset(bad.at[p.n], 0, 32);
            assert_false(merkle_included(i, tree.leaf[i], n, root, &bad));
            if (p.n) {
                bad = p;
                bad.at[p.n - 1][5] ^= 1;
                assert_false(merkle_included(i, tree.leaf[i], n, root, &bad));
                bad = p;
                bad.n--;
                assert_false(merkle_included(i, tree.leaf[i], n, root, &bad));
            }
        }
    }
}

/* Sizes near 2^63: the walk ends, nothing overflows. */
static void far_sizes(void **state)
{
    (void)state;
    merkle_path_t p = {.n = MERKLE_PATH_MAX};
    uint8_t root[32] = {1};
    assert_false(merkle_consistent(INT64_MAX - 1, root, INT64_MAX, root, &p));
    assert_false(merkle_consistent(1, root, INT64_MAX, root, &p));
    assert_false(merkle_included(INT64_MAX - 1, root, INT64_MAX, root, &p));
    assert_false(merkle_included(0, root, INT64_MAX, root, &p));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(consistency),
        cmocka_unit_test(inclusion),
        cmocka_unit_test(far_sizes),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
