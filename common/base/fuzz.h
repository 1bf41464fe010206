/* For fuzzers alone: what else goes wrong while an input is read. From the bytes alone, so that an
 * input of a corpus meets the same fault at every replay. */
#ifndef BASE_FUZZ_H
#define BASE_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* For arena_t.fail_after and for visitors: with one input in eight the Nth call fails, N below
 * `most` and small as often as large; with the others none does (-1). */
static inline int64_t fuzz_fail_after(const uint8_t *data, size_t size, uint32_t most)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) { /* FNV-1a */
        h = (h ^ data[i]) * 0x100000001b3;
    }
    h ^= h >> 32;
    return h % 8 ? -1 : (int64_t)((h >> 3) % ((h >> 16) % most + 1));
}

#endif
