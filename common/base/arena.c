#include "base/arena.h"

#include <stdarg.h>
#include <sys/mman.h>

enum { ARENA_ALIGN = 16, ARENA_CHUNK = 16 * 1024, ARENA_PIECE = 1024 };

struct arena_chunk {
    arena_chunk_t *next;
    size_t cap, used;
    size_t mapped; /* bytes; 0: of the allocator */
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

void arena_init(arena_t *a, size_t max_bytes)
{
    *a = (arena_t){.max_bytes = max_bytes, .fail_after = -1};
}

/* In pieces, as arena_alloc zeroes: short ones are written by vector stores, long ones by a string
 * instruction, which is slower to start and no faster for a request's few kilobytes. */
static void wipe(uint8_t *bytes, size_t len)
{
    while (len) {
        size_t piece = len < ARENA_PIECE ? len : (size_t)ARENA_PIECE;
        explicit_bzero(bytes, piece);
        bytes += piece;
        len -= piece;
    }
}

void arena_reset(arena_t *a)
{
    for (arena_chunk_t *c = a->chunks, *next; c; c = next) {
        next = c->next;
        wipe(c->bytes, c->used);
        if (c->mapped) {
            munmap(c, c->mapped);
        } else {
            free(c);
        }
    }
    a->chunks = NULL;
    a->used = 0;
}

void arena_deinit(arena_t *a)
{
    arena_reset(a);
}

static arena_chunk_t *chunk_new(size_t cap)
{
    size_t total;
    if (__builtin_add_overflow(cap, sizeof(arena_chunk_t), &total)) {
        return NULL;
    }
    arena_chunk_t *c = malloc(total);
    if (c) {
        c->used = 0;
        c->cap = cap;
        c->mapped = 0;
    }
    return c;
}

static arena_chunk_t *chunk_map(size_t cap)
{
    size_t total;
    if (__builtin_add_overflow(cap, sizeof(arena_chunk_t), &total)) {
        return NULL;
    }
    arena_chunk_t *c =
        mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED) {
        return NULL;
    }
    c->cap = cap;
    c->mapped = total;
    return c;
}

/* Not zeroed: for what is overwritten at once. */
static void *take(arena_t *a, size_t bytes)
{
    size_t want;
    if (__builtin_add_overflow(bytes, (size_t)ARENA_ALIGN - 1, &want)) {
        return NULL;
    }
    want &= ~((size_t)ARENA_ALIGN - 1);
    if (a->fail_after == 0 || want > a->max_bytes - a->used) {
        return NULL;
    }
    if (a->fail_after > 0) {
        a->fail_after--;
    }
    arena_chunk_t *c = a->chunks;
    if (!c || want > c->cap - c->used) {
        c = a->map_bytes ? chunk_map(want > a->map_bytes ? want : a->map_bytes)
                         : chunk_new(want > ARENA_CHUNK ? want : (size_t)ARENA_CHUNK);
        if (!c) {
            return NULL;
        }
        c->next = a->chunks;
        a->chunks = c;
    }
    uint8_t *at = c->bytes + c->used;
    c->used += want;
    a->used += want;
    return at;
}

bool arena_has(const arena_t *a, const void *at)
{
    const uint8_t *byte = at;
    for (const arena_chunk_t *c = a->chunks; c; c = c->next) {
        if (byte >= c->bytes && byte < c->bytes + c->used) {
            return true;
        }
    }
    return false;
}

void *arena_alloc(arena_t *a, size_t bytes)
{
    uint8_t *at = take(a, bytes);
    for (size_t done = 0; at && done < bytes; done += ARENA_PIECE) {
        memset(at + done, 0, bytes - done < ARENA_PIECE ? bytes - done : (size_t)ARENA_PIECE);
    }
    return at;
}

void *arena_array(arena_t *a, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(a, total);
}

err_t arena_copy(arena_t *a, slice_t s, slice_t *ret_copy)
{
    uint8_t *at = take(a, s.len ? s.len : 1);
    ENSURE(at, ERR_MEMORY);
    if (s.len) {
        memcpy(at, s.ptr, s.len);
    }
    *ret_copy = slice_make(at, s.len);
    return OK;
}

err_t arena_cstr(arena_t *a, slice_t s, const char **ret_text)
{
    ENSURE(slice_find_byte(s, 0) == SIZE_MAX, ERR_ENCODING);
    ENSURE(s.len < SIZE_MAX, ERR_LIMIT);
    char *at = take(a, s.len + 1);
    ENSURE(at, ERR_MEMORY);
    if (s.len) {
        memcpy(at, s.ptr, s.len);
    }
    at[s.len] = 0;
    *ret_text = at;
    return OK;
}

err_t arena_buf(arena_t *a, size_t cap, buf_t *ret_buf)
{
    void *mem = take(a, cap ? cap : 1);
    ENSURE(mem, ERR_MEMORY);
    *ret_buf = buf_on(mem, cap);
    return OK;
}

err_t arena_printf(arena_t *a, slice_t *ret_text, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *at = len < 0 ? NULL : take(a, (size_t)len + 1);
    if (at) {
        vsnprintf(at, (size_t)len + 1, fmt, again);
        *ret_text = slice_make(at, (size_t)len);
    }
    va_end(again);
    ENSURE(at, ERR_MEMORY);
    return OK;
}
