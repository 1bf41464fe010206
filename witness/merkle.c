#include "merkle.h"

#include <sodium.h>

void merkle_leaf(slice_t leaf, uint8_t ret_hash[MERKLE_HASH])
{
    static const uint8_t LEAF = 0;
    crypto_hash_sha256_state s;
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, &LEAF, 1);
    crypto_hash_sha256_update(&s, leaf.ptr, leaf.len);
    crypto_hash_sha256_final(&s, ret_hash);
}

void merkle_empty(uint8_t ret_root[MERKLE_HASH])
{
    crypto_hash_sha256(ret_root, NULL, 0);
}

/* ret may be left or right. */
static void node(const uint8_t *left, const uint8_t *right, uint8_t ret[MERKLE_HASH])
{
    uint8_t in[1 + 2 * MERKLE_HASH] = {1};
    memcpy(in + 1, left, MERKLE_HASH);
    memcpy(in + 1 + MERKLE_HASH, right, MERKLE_HASH);
    crypto_hash_sha256(ret, in, sizeof in);
}

/* Where the walk up the tree stands: a node's number and the last node's number on its level. */
typedef struct climb {
    uint64_t at, last;
} climb_t;

static bool is_right(const climb_t *c)
{
    return (c->at & 1) || c->at == c->last;
}

static void up(climb_t *c)
{
    c->at >>= 1;
    c->last >>= 1;
}

/* A node at the right edge has no sibling on some levels: those are passed. */
static void up_edge(climb_t *c)
{
    while (!(c->at & 1) && c->at) {
        up(c);
    }
}

bool merkle_consistent(uint64_t old_size, const uint8_t old_root[MERKLE_HASH], uint64_t new_size,
                       const uint8_t new_root[MERKLE_HASH], const merkle_path_t *path)
{
    uint8_t old_hash[MERKLE_HASH], new_hash[MERKLE_HASH];
    unsigned i = 0;
    if (old_size > new_size) {
        return false;
    }
    if (old_size == 0 || old_size == new_size) {
        return path->n == 0 && (old_size == 0 || memcmp(old_root, new_root, MERKLE_HASH) == 0);
    }
    climb_t c = {old_size - 1, new_size - 1};
    while (c.at & 1) {
        up(&c);
    }
    if (c.at == 0) { /* the old tree is perfect: its root is where the path begins */
        memcpy(old_hash, old_root, MERKLE_HASH);
    } else if (path->n == 0) {
        return false;
    } else {
        memcpy(old_hash, path->at[i++], MERKLE_HASH);
    }
    memcpy(new_hash, old_hash, MERKLE_HASH);
    for (; i < path->n; i++) {
        if (c.last == 0) {
            return false;
        }
        if (is_right(&c)) {
            node(path->at[i], old_hash, old_hash);
            node(path->at[i], new_hash, new_hash);
            up_edge(&c);
        } else {
            node(new_hash, path->at[i], new_hash);
        }
        up(&c);
    }
    return c.last == 0 && memcmp(old_hash, old_root, MERKLE_HASH) == 0 &&
           memcmp(new_hash, new_root, MERKLE_HASH) == 0;
}

bool merkle_included(uint64_t index, const uint8_t leaf[MERKLE_HASH], uint64_t size,
                     const uint8_t root[MERKLE_HASH], const merkle_path_t *path)
{
    uint8_t hash[MERKLE_HASH];
    if (index >= size) {
        return false;
    }
    climb_t c = {index, size - 1};
    memcpy(hash, leaf, MERKLE_HASH);
    for (unsigned i = 0; i < path->n; i++) {
        if (c.last == 0) {
            return false;
        }
        if (is_right(&c)) {
            node(path->at[i], hash, hash);
            up_edge(&c);
        } else {
            node(hash, path->at[i], hash);
        }
        up(&c);
    }
    return c.last == 0 && memcmp(hash, root, MERKLE_HASH) == 0;
}
