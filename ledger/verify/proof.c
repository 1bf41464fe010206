#include "proof.h"

typedef struct walk {
    const vproof_leaf_t *leaf;
    size_t left;
    cursor_t hashes;
} walk_t;

/* The greatest power of two below n. */
static uint64_t half(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k) {
        k *= 2;
    }
    return k;
}

/* The subtree over leaves first..first+n-1. */
static void subtree(walk_t *w, uint64_t first, uint64_t n, uint8_t ret_hash[32])
{
    uint8_t left[32], right[32];
    if (!w->left || w->leaf->index - first >= n) {
        cur_copy(&w->hashes, ret_hash, 32);
    } else if (n == 1) {
        memcpy(ret_hash, w->leaf->hash, 32);
        w->leaf++;
        w->left--;
    } else {
        uint64_t k = half(n);
        subtree(w, first, k, left);
        subtree(w, first + k, n - k, right);
        vtree_node_hash(left, right, ret_hash);
    }
}

err_t vproof_root(uint64_t size, const vproof_leaf_t *leaves, size_t count, slice_t hashes,
                  uint8_t ret_root[32])
{
    walk_t w = {leaves, count, cur_on(hashes)};
    ENSURE(size > 0 && size <= INT64_MAX && hashes.len % 32 == 0, ERR_SYNTAX);
    for (size_t i = 0; i < count; i++) {
        ENSURE(leaves[i].index < size && (!i || leaves[i].index > leaves[i - 1].index), ERR_SYNTAX);
    }
    subtree(&w, 0, size, ret_root);
    ENSURE(!w.left, ERR_SYNTAX);
    return cur_end(&w.hashes);
}

bool vproof_path(uint64_t index, uint64_t size, const uint8_t leaf_hash[32], slice_t path,
                 const uint8_t root[32])
{
    uint8_t hash[32];
    uint64_t at = index, last = size - 1;
    memcpy(hash, leaf_hash, sizeof hash);
    for (size_t i = 0; i + 32 <= path.len; i += 32) {
        const uint8_t *beside = path.ptr + i;
        if (last == 0) {
            return false;
        }
        if (at % 2 || at == last) {
            vtree_node_hash(beside, hash, hash);
            while (at % 2 == 0 && at) {
                at /= 2;
                last /= 2;
            }
        } else {
            vtree_node_hash(hash, beside, hash);
        }
        at /= 2;
        last /= 2;
    }
    return last == 0 && memcmp(hash, root, sizeof hash) == 0;
}
