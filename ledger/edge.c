#include "edge.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

enum { TILE_BYTES = TREE_TILE * HASH_BYTES };

bool edge_path(unsigned level, uint64_t size, char path[TILES_PATH])
{
    unsigned base = level == TILES_ENTRIES ? 0 : level;
    unsigned width = tree_edge(size, base);
    if (width) {
        tiles_path(level, size >> (8 * base) >> 8, width, path);
    }
    return width > 0;
}

static err_t read_level(int public_dir, unsigned level, tree_t *tree)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char path[TILES_PATH];
    slice_t bytes;
    unsigned width = tree_edge(tree->size, level);
    if (!edge_path(level, tree->size, path)) {
        return OK;
    }
    arena_init(&a, TILE_BYTES + 64);
    TRY(tiles_read(public_dir, path, &a, TILE_BYTES, &bytes));
    ENSURE(bytes.len == width * HASH_BYTES, ERR_CORRUPT);
    memcpy(tree->levels[level].hashes, bytes.ptr, bytes.len);
    tree->levels[level].width = width;
    return OK;
}

err_t edge_tree(int public_dir, uint64_t size, tree_t *ret_tree)
{
    tree_init(ret_tree);
    ret_tree->size = size;
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        TRY(read_level(public_dir, i, ret_tree));
    }
    return OK;
}

err_t edge_bundle(int public_dir, const tree_t *tree, hasher_t *h, edge_leaf_fn *each, void *ctx)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    slice_t bytes;
    unsigned width = tree_edge(tree->size, 0);
    if (!width) {
        return OK;
    }
    arena_init(&a, BUNDLE_ARENA);
    TRY(bundle_read(public_dir, tree->size / TREE_TILE, width, &a, &bytes));
    cursor_t c = cur_on(bytes);
    for (unsigned i = 0; i < width; i++) {
        slice_t leaf = leaf_next(&c);
        hash_t hash = hash_leaf(h, leaf);
        ENSURE(!c.bad && hash_eq(&hash, &tree->levels[0].hashes[i]), ERR_CORRUPT);
        TRY(each(ctx, leaf));
    }
    return cur_end(&c);
}

void edge_empty(int dir, const char *path, const char *keep)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] != '.' && strcmp(e->d_name, keep) != 0) {
            unlinkat(fd, e->d_name, 0);
        }
    }
    closedir(d);
}

static void sweep_level(int public_dir, unsigned level, uint64_t size)
{
    char path[TILES_PATH], keep[8];
    unsigned base = level == TILES_ENTRIES ? 0 : level;
    uint64_t edge = size >> (8 * base) >> 8;
    for (uint64_t number = edge ? edge - 1 : 0; number <= edge; number++) {
        unsigned width = number == edge ? tree_edge(size, base) : 0;
        tiles_path(level, number, 1, path);
        path[strlen(path) - 2] = '\0'; /* the folder "<N>.p" */
        snprintf(keep, sizeof keep, "%u", width);
        edge_empty(public_dir, path, keep);
        unlinkat(public_dir, path, AT_REMOVEDIR); /* only when it is empty */
    }
}

void edge_sweep(int public_dir, uint64_t size)
{
    for (unsigned i = 0; i < TREE_LEVELS; i++) {
        sweep_level(public_dir, i, size);
    }
    sweep_level(public_dir, TILES_ENTRIES, size);
}
