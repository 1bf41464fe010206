#include "minimum.h"

#include "tiles.h"

enum { TEXT = 32, ARENA = 16 * 1024 };
static const char NAME[] = "minimum-index";

err_t minimum_read(int public_dir, uint64_t *ret_minimum)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    slice_t text;
    arena_init(&a, ARENA);
    err_t e = tiles_read(public_dir, NAME, &a, TEXT, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        *ret_minimum = 0;
        return OK;
    }
    TRY(e);
    ENSURE(text.len > 1 && text.ptr[text.len - 1] == '\n', ERR_CORRUPT);
    e = slice_parse_u64(slice_sub(text, 0, text.len - 1), INT64_MAX, ret_minimum);
    return err_failed(e) ? FAIL(ERR_CORRUPT) : OK;
}

err_t minimum_write(path_t public_path, uint64_t minimum)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint8_t mem[TEXT];
    buf_t text = BUF_ON_ARRAY(mem);
    path_t file;
    arena_init(&a, ARENA);
    TRY(path_join(&a, public_path, slice_cstr_in(NAME), &file));
    buf_dec(&text, (int64_t)minimum);
    buf_u8(&text, '\n');
    return file_replace(file, buf_slice(&text), 0640);
}
