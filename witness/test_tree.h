/* RFC 6962 2.1 word by word, for tests: roots and proofs by plain recursion over all leaves. */
#ifndef WITNESS_TEST_TREE_H
#define WITNESS_TEST_TREE_H

#include <sodium.h>

#include "merkle.h"

enum { TEST_LEAVES = 512 };

typedef struct test_tree {
    uint64_t n;
    uint8_t leaf[TEST_LEAVES][MERKLE_HASH];
} test_tree_t;

static inline uint64_t test_split(uint64_t n) /* the largest power of two below n */
{
    uint64_t k = 1;
    while (k * 2 < n) {
        k *= 2;
    }
    return k;
}

static inline void test_root(const test_tree_t *t, uint64_t from, uint64_t to,
                             uint8_t ret[MERKLE_HASH])
{
    if (to == from) {
        crypto_hash_sha256(ret, NULL, 0);
    } else if (to - from == 1) {
        memcpy(ret, t->leaf[from], MERKLE_HASH);
    } else {
        uint8_t in[65] = {1};
        uint64_t k = test_split(to - from);
        test_root(t, from, from + k, in + 1);
        test_root(t, from + k, to, in + 33);
        crypto_hash_sha256(ret, in, sizeof in);
    }
}

static inline void test_add(const test_tree_t *t, uint64_t from, uint64_t to, merkle_path_t *path)
{
    test_root(t, from, to, path->at[path->n++]);
}

/* SUBPROOF(m, D[from:to], whole) */
static inline void test_subproof(const test_tree_t *t, uint64_t m, uint64_t from, uint64_t to,
                                 bool whole, merkle_path_t *path)
{
    uint64_t n = to - from;
    if (m == n) {
        if (!whole) {
            test_add(t, from, to, path);
        }
        return;
    }
    uint64_t k = test_split(n);
    if (m <= k) {
        test_subproof(t, m, from, from + k, whole, path);
        test_add(t, from + k, to, path);
    } else {
        test_subproof(t, m - k, from + k, to, false, path);
        test_add(t, from, from + k, path);
    }
}

static inline merkle_path_t test_consistency(const test_tree_t *t, uint64_t old_size, uint64_t size)
{
    merkle_path_t path = {0};
    if (old_size && old_size < size) {
        test_subproof(t, old_size, 0, size, true, &path);
    }
    return path;
}

static inline void test_audit(const test_tree_t *t, uint64_t index, uint64_t from, uint64_t to,
                              merkle_path_t *path)
{
    if (to - from == 1) {
        return;
    }
    uint64_t k = test_split(to - from);
    if (index < k) {
        test_audit(t, index, from, from + k, path);
        test_add(t, from + k, to, path);
    } else {
        test_audit(t, index - k, from + k, to, path);
        test_add(t, from, from + k, path);
    }
}

/* Leaf i says its number and the salt: two trees of different salts share nothing. */
static inline void test_grow(test_tree_t *t, uint64_t to, uint64_t salt)
{
    for (; t->n < to; t->n++) {
        uint64_t words[2] = {t->n, salt};
        merkle_leaf(slice_make(words, sizeof words), t->leaf[t->n]);
    }
}

#endif
