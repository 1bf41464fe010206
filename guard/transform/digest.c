/* MD5 (RFC 1321) and SHA-1 (FIPS 180-4) for t:md5 and t:sha1: names of values in rules, never
 * security. Written here because the libraries that have them allocate. */
#include "inner.h"

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

typedef void block_fn(uint32_t *state, const uint8_t *block);

static uint32_t load_le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t load_be(const uint8_t *p)
{
    return __builtin_bswap32(load_le(p));
}

/* RFC 1321 3.4: floor(2^32 * abs(sin(i + 1))). */
static const uint32_t MD5_SINE[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
static const uint8_t MD5_TURN[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void md5_block(uint32_t *h, const uint8_t *block)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16;
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (d & b) | (~d & c)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        static const uint8_t STEP[4] = {1, 5, 3, 7}, FROM[4] = {0, 1, 5, 0};
        uint32_t word = load_le(block + 4 * ((FROM[round] + STEP[round] * i) % 16));
        uint32_t turned = rotate(a + f + MD5_SINE[i] + word, MD5_TURN[round][i % 4]);
        a = d;
        d = c;
        c = b;
        b += turned;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

/* One round (FIPS 180-4, 6.1.2); the five words change places by being named in turn. */
#define SHA1_ROUND(f, add, a, b, c, d, e, i)                                                       \
    do {                                                                                           \
        e += rotate(a, 5) + (f) + (add) + w[i];                                                    \
        b = rotate(b, 30);                                                                         \
    } while (0)
#define SHA1_FIVE(F, add, i)                                                                       \
    do {                                                                                           \
        SHA1_ROUND(F(b, c, d), add, a, b, c, d, e, i);                                             \
        SHA1_ROUND(F(a, b, c), add, e, a, b, c, d, (i) + 1);                                       \
        SHA1_ROUND(F(e, a, b), add, d, e, a, b, c, (i) + 2);                                       \
        SHA1_ROUND(F(d, e, a), add, c, d, e, a, b, (i) + 3);                                       \
        SHA1_ROUND(F(c, d, e), add, b, c, d, e, a, (i) + 4);                                       \
    } while (0)
#define SHA1_CH(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define SHA1_PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define SHA1_MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

static void sha1_block(uint32_t *h, const uint8_t *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = load_be(block + 4 * i);
    }
    for (unsigned i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (unsigned i = 0; i < 20; i += 5) {
        SHA1_FIVE(SHA1_CH, 0x5a827999U, i);
    }
    for (unsigned i = 20; i < 40; i += 5) {
        SHA1_FIVE(SHA1_PARITY, 0x6ed9eba1U, i);
    }
    for (unsigned i = 40; i < 60; i += 5) {
        SHA1_FIVE(SHA1_MAJ, 0x8f1bbcdcU, i);
    }
    for (unsigned i = 60; i < 80; i += 5) {
        SHA1_FIVE(SHA1_PARITY, 0xca62c1d6U, i);
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* Merkle-Damgard: whole blocks, then 0x80, zeros and the length in bits. */
static void digest(slice_t in, block_fn *fn, uint32_t *state, bool big)
{
    uint8_t tail[128] = {0};
    size_t whole = in.len / 64 * 64, rest = in.len - whole, blocks = rest < 56 ? 1 : 2;
    for (size_t at = 0; at < whole; at += 64) {
        fn(state, in.ptr + at);
    }
    if (rest) {
        memcpy(tail, in.ptr + whole, rest);
    }
    tail[rest] = 0x80;
    uint64_t bits = (uint64_t)in.len * 8;
    for (unsigned i = 0; i < 8; i++) {
        tail[blocks * 64 - 8 + i] = (uint8_t)(bits >> (big ? 56 - 8 * i : 8 * i));
    }
    for (size_t i = 0; i < blocks; i++) {
        fn(state, tail + 64 * i);
    }
}

static err_t words_out(const work_t *w, const uint32_t *state, size_t words, bool big,
                       slice_t *ret_out)
{
    pen_t p;
    TRY(pen_on(w, 0, words * 4, &p));
    for (size_t i = 0; i < words * 4; i++) {
        *p.d++ = (uint8_t)(state[i / 4] >> (big ? 24 - 8 * (i % 4) : 8 * (i % 4)));
    }
    *ret_out = pen_slice(&p);
    return OK;
}

err_t transform_md5(const work_t *w, slice_t *ret_out)
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    digest(w->in, md5_block, state, false);
    return words_out(w, state, 4, false, ret_out);
}

err_t transform_sha1(const work_t *w, slice_t *ret_out)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    digest(w->in, sha1_block, state, true);
    return words_out(w, state, 5, true, ret_out);
}
