#include "tree.h"

void tree_init(tree_t *t)
{
    t->size = 0;
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        t->levels[i].width = 0;
    }
}

/* Root of 2^k hashes; the memory is used up. */
static hash_t perfect_root(hasher_t *h, hash_t *hashes, unsigned count)
{
    for (; count > 1; count /= 2) {
        for (unsigned i = 0; i < count / 2; i++) {
            hashes[i] = hash_node(h, &hashes[2 * i], &hashes[2 * i + 1]);
        }
    }
    return hashes[0];
}

err_t tree_append(tree_t *t, hasher_t *h, const hash_t *leaf, tree_tile_fn *full, void *ctx)
{
    hash_t up = *leaf;
    ENSURE(t->size < UINT64_MAX >> 1, ERR_LIMIT);
    t->size++;
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        tree_level_t *at = &t->levels[level];
        at->hashes[at->width++] = up;
        if (at->width < TREE_TILE) {
            break;
        }
        TRY(full(ctx, level, (t->size >> (8 * (level + 1))) - 1, at->hashes));
        up = perfect_root(h, at->hashes, TREE_TILE);
        at->width = 0;
    }
    return OK;
}

/* Folds the perfect subtrees of one level into the root, from the right: in a width of 0b101 the
 * last hash is one subtree, the four before it another. */
static void fold_level(const tree_level_t *level, hasher_t *h, hash_t *io_root, bool *io_any)
{
    unsigned end = level->width;
    for (unsigned block = 1; block < TREE_TILE; block *= 2) {
        if (!(level->width & block)) {
            continue;
        }
        hash_t part[TREE_TILE / 2];
        end -= block;
        memcpy(part, &level->hashes[end], block * sizeof part[0]);
        hash_t left = perfect_root(h, part, block);
        *io_root = *io_any ? hash_node(h, &left, io_root) : left;
        *io_any = true;
    }
}

hash_t tree_root(const tree_t *t, hasher_t *h)
{
    hash_t root = {{0}};
    bool any = false;
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        fold_level(&t->levels[i], h, &root, &any);
    }
    return any ? root : hash_bytes(h, SLICE_EMPTY);
}
