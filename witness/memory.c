#include "memory.h"

#include <sodium.h>

static const char MAGIC[] = "sekisho witness state v1\n";

enum { SUM_LINE = 7 + 64 + 1 }; /* "sha256 <hex>\n" */

void memory_name(const char *origin, char ret_name[MEMORY_NAME])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    slice_t text = slice_cstr_in(origin);
    crypto_hash_sha256(digest, text.ptr, text.len);
    sodium_bin2hex(ret_name, MEMORY_NAME, digest, sizeof digest);
}

static void put_sum(buf_t *b, slice_t bytes)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, bytes.ptr, bytes.len);
    buf_cstr(b, "sha256 ");
    buf_hex(b, slice_make(digest, sizeof digest));
    buf_u8(b, '\n');
}

static bool take(slice_t *rest, slice_t prefix, slice_t *ret_line)
{
    size_t end = slice_find_byte(*rest, '\n');
    if (end == SIZE_MAX || !slice_starts(*rest, prefix)) {
        return false;
    }
    *ret_line = slice_sub(*rest, prefix.len, end - prefix.len);
    *rest = slice_from(*rest, end + 1);
    return true;
}

static err_t sum_check(slice_t *io_bytes)
{
    uint8_t mem[SUM_LINE];
    buf_t sum = BUF_ON_ARRAY(mem);
    ENSURE(io_bytes->len > SUM_LINE, ERR_CORRUPT);
    slice_t body = slice_sub(*io_bytes, 0, io_bytes->len - SUM_LINE);
    put_sum(&sum, body);
    ENSURE(slice_eq(buf_slice(&sum), slice_from(*io_bytes, body.len)), ERR_CORRUPT);
    *io_bytes = body;
    return OK;
}

static err_t memory_parse(slice_t bytes, const char *origin, const wkey_t *own, memory_t *m)
{
    slice_t line;
    wcheckpoint_t cp;
    TRY(sum_check(&bytes));
    ENSURE(slice_starts(bytes, slice_cstr_in(MAGIC)), ERR_CORRUPT);
    bytes = slice_from(bytes, sizeof MAGIC - 1);
    ENSURE(take(&bytes, SLICE("from "), &line), ERR_CORRUPT);
    ENSURE(!err_failed(wkey_parse(line, WKEY_LOG, &m->from)), ERR_CORRUPT);
    ENSURE(take(&bytes, SLICE("key "), &line), ERR_CORRUPT);
    ENSURE(!err_failed(wkey_parse(line, WKEY_LOG, &m->key)), ERR_CORRUPT);
    ENSURE(take(&bytes, SLICE(""), &line) && !line.len, ERR_CORRUPT);
    ENSURE(bytes.len <= sizeof m->note, ERR_CORRUPT);
    ENSURE(!err_failed(wnote_parse(bytes, &cp)), ERR_CORRUPT);
    ENSURE(slice_eq(cp.origin, slice_cstr_in(origin)), ERR_CORRUPT);
    ENSURE(!err_failed(wnote_signed(&cp, own, NULL)), ERR_CORRUPT);
    memcpy(m->note, bytes.ptr, bytes.len);
    m->note_len = bytes.len;
    m->size = cp.size;
    memcpy(m->root, cp.root, sizeof m->root);
    m->any = true;
    return OK;
}

err_t memory_load(path_t dir, const char *origin, const wkey_t *own, arena_t *a,
                  memory_t *ret_memory)
{
    char name[MEMORY_NAME];
    path_t path;
    slice_t bytes;
    memory_name(origin, name);
    TRY(path_join(a, dir, slice_cstr_in(name), &path));
    err_t e = file_read(a, path, MEMORY_FILE_MAX, &bytes);
    ENSURE(!err_is(e, ERR_LIMIT), ERR_CORRUPT);
    TRY(e);
    memory_t *m = ARENA_NEW(a, memory_t);
    ENSURE(m, ERR_MEMORY);
    TRY(memory_parse(bytes, origin, own, m));
    *ret_memory = *m;
    return OK;
}

err_t memory_store(path_t dir, const memory_t *m, arena_t *a)
{
    char name[MEMORY_NAME];
    path_t path;
    buf_t b;
    memory_name(m->from.name, name);
    TRY(path_join(a, dir, slice_cstr_in(name), &path));
    TRY(arena_buf(a, MEMORY_FILE_MAX, &b));
    buf_cstr(&b, MAGIC);
    buf_cstr(&b, "from ");
    wkey_put(&b, &m->from);
    buf_cstr(&b, "\nkey ");
    wkey_put(&b, &m->key);
    buf_cstr(&b, "\n\n");
    buf_put(&b, slice_make(m->note, m->note_len));
    put_sum(&b, buf_slice(&b));
    TRY(buf_check(&b));
    return file_replace(path, buf_slice(&b), 0600);
}
