/* arena_t: memory of one request (or one configuration), freed as a whole, with a hard cap in
 * bytes. Returns NULL past the cap; never aborts. Allocations are zeroed and aligned to 16. Not
 * thread-safe: one owner. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/buf.h"

typedef struct arena_chunk arena_chunk_t;

typedef struct arena {
    arena_chunk_t *chunks;
    size_t used, max_bytes;
    size_t map_bytes; /* not 0: memory is mapped, so much at a time, and goes back to the system as
                         a whole */
    int64_t fail_after; /* tests: the Nth allocation from now fails; -1 = never */
} arena_t;

void arena_init(arena_t *a, size_t max_bytes);
/* Wipes and frees all. Safe to call twice. */
void arena_deinit(arena_t *a);
/* Wipes, keeps nothing; the arena can be used again. */
void arena_reset(arena_t *a);

/* Is this address in its memory? */
bool arena_has(const arena_t *a, const void *at);

void *arena_alloc(arena_t *a, size_t bytes) BASE_NODISCARD;
/* count * size with overflow refused. */
void *arena_array(arena_t *a, size_t count, size_t size) BASE_NODISCARD;
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_array((a), (count), sizeof(type)))

err_t arena_copy(arena_t *a, slice_t s, slice_t *ret_copy);
/* NUL-terminated copy for libc and SQLite; ENCODING when s holds a NUL. */
err_t arena_cstr(arena_t *a, slice_t s, const char **ret_text);
err_t arena_buf(arena_t *a, size_t cap, buf_t *ret_buf);
/* Formatted text. */
err_t arena_printf(arena_t *a, slice_t *ret_text, const char *fmt, ...) BASE_PRINTF(3, 4);

#endif
