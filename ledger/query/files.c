#include "files.h"

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

err_t files_bundle(int public_dir, uint64_t number, unsigned width, slice_t *ret_bytes)
{
    char path[PATH_BYTES];
    slice_t packed;
    path_make("entries", number, width, "", path);
    err_t e = vfile_read(public_dir, path, FILES_BUNDLE_MAX, ret_bytes);
    if (!err_is(e, ERR_NOT_FOUND) || width < VTILE) {
        return e;
    }
    path_make("entries", number, width, ".zst", path);
    TRY(vfile_read(public_dir, path, FILES_BUNDLE_MAX, &packed));
    e = vfile_unpack(packed, FILES_BUNDLE_MAX, ret_bytes);
    vfile_free(&packed);
    return e;
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
