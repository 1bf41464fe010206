#include "crc32c.h"

#include <pthread.h>

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1U ? c >> 1 ^ 0x82f63b78U : c >> 1;
        }
        table[i] = c;
    }
}

uint32_t crc32c_table(uint32_t crc, slice_t bytes)
{
    pthread_once(&table_once, table_fill);
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc = table[(crc ^ bytes.ptr[i]) & 255U] ^ crc >> 8;
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc, slice_t bytes)
{
    uint64_t c = ~crc;
    const uint8_t *at = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        c = __builtin_ia32_crc32di(c, word);
    }
    for (; left; left--, at++) {
        c = __builtin_ia32_crc32qi((uint32_t)c, *at);
    }
    return ~(uint32_t)c;
}

uint32_t crc32c(uint32_t crc, slice_t bytes)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse(crc, bytes) : crc32c_table(crc, bytes);
}
#else
uint32_t crc32c(uint32_t crc, slice_t bytes)
{
    return crc32c_table(crc, bytes);
}
#endif
