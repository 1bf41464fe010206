/* Any bytes as a multipart body: the first line is the Content-Type, the rest the body. Parts that
 * were read are written anew and must read the same. */
#include "base/arena.h"
#include "text/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PARTS = 16 };

static err_t read_all(slice_t body, slice_t boundary, multipart_part_t *parts, size_t *ret_count)
{
    multipart_t m;
    size_t n = 0;
    TRY(multipart_open(body, boundary, MAX_PARTS, &m));
    while (multipart_more(&m)) {
        TRY(multipart_next(&m, &parts[n]));
        n++;
    }
    *ret_count = n;
    return OK;
}

static void write_part(buf_t *b, slice_t boundary, const multipart_part_t *p)
{
    buf_cstr(b, "--");
    buf_put(b, boundary);
    buf_cstr(b, "\r\nContent-Disposition: form-data; name=\"");
    buf_put(b, p->name);
    if (p->has_filename) {
        buf_cstr(b, "\"; filename=\"");
        buf_put(b, p->filename);
    }
    buf_cstr(b, "\"\r\n");
    if (p->content_type.len) {
        buf_cstr(b, "Content-Type: ");
        buf_put(b, p->content_type);
        buf_cstr(b, "\r\n");
    }
    buf_cstr(b, "\r\n");
    buf_put(b, p->value);
    buf_cstr(b, "\r\n");
}

static void check_written(const multipart_part_t *parts, size_t count, slice_t boundary,
                          size_t size)
{
    static multipart_part_t again[MAX_PARTS];
    size_t n;
    arena_t a;
    buf_t b;
    arena_init(&a, 1 << 22);
    CHECK(!err_failed(arena_buf(&a, size + 256 * (count + 1), &b)));
    for (size_t i = 0; i < count; i++) {
        write_part(&b, boundary, &parts[i]);
    }
    buf_cstr(&b, "--");
    buf_put(&b, boundary);
    buf_cstr(&b, "--\r\n");
    CHECK(!b.full && !err_failed(read_all(buf_slice(&b), boundary, again, &n)) && n == count);
    for (size_t i = 0; i < n; i++) {
        CHECK(slice_eq(parts[i].name, again[i].name) && slice_eq(parts[i].value, again[i].value));
        CHECK(parts[i].has_filename == again[i].has_filename);
        CHECK(slice_eq(parts[i].filename, again[i].filename));
        CHECK(slice_eq(parts[i].content_type, again[i].content_type));
    }
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static multipart_part_t parts[MAX_PARTS];
    slice_t in = slice_make(data, size < 65536 ? size : 65536), boundary;
    size_t line = slice_find_byte(in, '\n'), count;
    slice_t body = line == SIZE_MAX ? SLICE_EMPTY : slice_from(in, line + 1);
    if (err_failed(multipart_boundary(slice_sub(in, 0, line), &boundary))) {
        return 0;
    }
    if (!err_failed(read_all(body, boundary, parts, &count))) {
        check_written(parts, count, boundary, in.len);
    }
    return 0;
}
