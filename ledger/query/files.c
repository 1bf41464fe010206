#include "files.h"

#include <fcntl.h>
#include <unistd.h>

enum { PATH_BYTES = 128 };

static void path_make(const char *folder, uint64_t number, unsigned width, const char *ending,
                      char out[PATH_BYTES])
{
    buf_t b = buf_on(out, PATH_BYTES - 1);
    buf_cstr(&b, "tile/");
    buf_cstr(&b, folder);
    buf_u8(&b, '/');
    vtile_name(number, width, &b);
    buf_cstr(&b, ending);
    CHECK(!b.full);
    out[b.len] = '\0';
}

err_t files_tile(int public_dir, unsigned level, uint64_t number, unsigned width,
                 slice_t *ret_bytes)
{
    const char folder[2] = {(char)('0' + level), '\0'};
    char path[PATH_BYTES];
    slice_t bytes;
    path_make(folder, number, width, "", path);
    TRY(vfile_read(public_dir, path, FILES_TILE, &bytes));
    if (bytes.len != width * 32UL) {
        vfile_free(&bytes);
        return FAIL(ERR_CORRUPT);
    }
    *ret_bytes = bytes;
    return OK;
}

/* Most are packed. One that is being packed just now is missed in one form and then in the other;
 * after that it is packed. */
err_t files_full(int public_dir, uint64_t number, slice_t *ret_file, bool *ret_packed)
{
    err_t e = FAIL(ERR_NOT_FOUND);
    for (unsigned tries = 0; tries < 3 && err_is(e, ERR_NOT_FOUND); tries++) {
        char path[PATH_BYTES];
        bool is_packed = tries != 1;
        path_make("entries", number, VTILE, is_packed ? ".zst" : "", path);
        e = vfile_read(public_dir, path, FILES_BUNDLE_MAX, ret_file);
        *ret_packed = is_packed;
    }
    return e;
}

err_t files_bundle(int public_dir, uint64_t number, unsigned width, slice_t *ret_bytes)
{
    char path[PATH_BYTES];
    slice_t file;
    bool is_packed;
    if (width < VTILE) {
        path_make("entries", number, width, "", path);
        return vfile_read(public_dir, path, FILES_BUNDLE_MAX, ret_bytes);
    }
    TRY(files_full(public_dir, number, &file, &is_packed));
    if (!is_packed) {
        *ret_bytes = file;
        return OK;
    }
    err_t e = vfile_unpack(file, FILES_BUNDLE_MAX, ret_bytes);
    vfile_free(&file);
    return e;
}

static bool soon(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
        close(fd);
    }
    return fd >= 0;
}

void files_full_soon(int public_dir, uint64_t number)
{
    char path[PATH_BYTES];
    path_make("entries", number, VTILE, ".zst", path);
    if (!soon(public_dir, path)) {
        path_make("entries", number, VTILE, "", path);
        (void)soon(public_dir, path);
    }
}

void files_tile_soon(int public_dir, unsigned level, uint64_t number)
{
    const char folder[2] = {(char)('0' + level), '\0'};
    char path[PATH_BYTES];
    path_make(folder, number, VTILE, "", path);
    (void)soon(public_dir, path);
}

err_t files_split(slice_t bundle, unsigned width, slice_t ret_leaves[VTILE])
{
    cursor_t c = cur_on(bundle);
    for (unsigned i = 0; i < width; i++) {
        ret_leaves[i] = cur_bytes(&c, cur_u16be(&c));
    }
    return cur_end(&c);
}

void files_fold(const uint8_t *hashes, unsigned n, uint8_t ret_root[32])
{
    uint8_t work[VTILE][32];
    memcpy(work, hashes, (size_t)n * 32);
    for (; n > 1; n /= 2) {
        for (unsigned i = 0; i < n / 2; i++) {
            vtree_node_hash(work[2 * i], work[2 * i + 1], work[i]);
        }
    }
    memcpy(ret_root, work[0], 32);
}
