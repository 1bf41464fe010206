/* RFC 6962 2.1 as a stack: perfect subtrees of falling height; two of one height become one. A
 * subtree of height 8k is an entry of the tile of level k. */
#include <openssl/evp.h>

#include "verify.h"

/* One set a thread; libcrypto's objects are looked up once. */
static _Thread_local EVP_MD_CTX *hash_ctx;
static _Thread_local EVP_MD *hash_md;

static void sha256(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t out[32])
{
    if (!hash_ctx) {
        hash_ctx = EVP_MD_CTX_new();
        hash_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    CHECK(hash_ctx && hash_md && EVP_DigestInit_ex2(hash_ctx, hash_md, NULL) == 1 &&
          EVP_DigestUpdate(hash_ctx, a, a_len) == 1 && EVP_DigestUpdate(hash_ctx, b, b_len) == 1 &&
          EVP_DigestFinal_ex(hash_ctx, out, NULL) == 1);
}

void vtree_thread_end(void)
{
    EVP_MD_CTX_free(hash_ctx);
    EVP_MD_free(hash_md);
    hash_ctx = NULL;
    hash_md = NULL;
}

void vtree_leaf_hash(slice_t leaf, uint8_t ret_hash[32])
{
    static const uint8_t LEAF = 0;
    sha256(&LEAF, 1, leaf.ptr, leaf.len, ret_hash);
}

void vtree_bytes_hash(slice_t bytes, uint8_t ret_hash[32])
{
    sha256(NULL, 0, bytes.ptr, bytes.len, ret_hash);
}

void vtree_node_hash(const uint8_t left[32], const uint8_t right[32], uint8_t ret_hash[32])
{
    uint8_t in[65] = {1};
    memcpy(in + 1, left, 32);
    memcpy(in + 33, right, 32);
    sha256(in, sizeof in, in, 0, ret_hash);
}

static void into_tile(vtree_t *t, unsigned height, const uint8_t hash[32], vtile_fn *full,
                      void *ctx)
{
    unsigned level = height / 8;
    if (height == VPART_HEIGHT) {
        memcpy(t->part, hash, sizeof t->part);
    }
    if (height % 8 || level >= VTILE_LEVELS) {
        return;
    }
    memcpy(t->tile[level][t->width[level]++], hash, 32);
    if (t->width[level] == VTILE) {
        full(ctx, level, (t->size >> height >> 8) - 1, t->tile[level][0], VTILE);
        t->width[level] = 0;
    }
}

void vtree_push_subtree(vtree_t *t, unsigned height, const uint8_t root[32], vtile_fn *full,
                        void *ctx)
{
    uint8_t hash[32];
    memcpy(hash, root, sizeof hash);
    t->size += UINT64_C(1) << height;
    into_tile(t, height, hash, full, ctx);
    while (t->depth && t->height[t->depth - 1] == height) {
        vtree_node_hash(t->stack[--t->depth], hash, hash);
        into_tile(t, ++height, hash, full, ctx);
    }
    memcpy(t->stack[t->depth], hash, sizeof hash);
    t->height[t->depth++] = height;
}

void vtree_push(vtree_t *t, const uint8_t leaf_hash[32], vtile_fn *full, void *ctx)
{
    vtree_push_subtree(t, 0, leaf_hash, full, ctx);
}

void vtree_edge(const vtree_t *t, vtile_fn *edge, void *ctx)
{
    for (unsigned level = 0; level < VTILE_LEVELS; level++) {
        if (t->width[level]) {
            edge(ctx, level, t->size >> (8 * level) >> 8, t->tile[level][0], t->width[level]);
        }
    }
}

void vtree_root(const vtree_t *t, uint8_t ret_root[32])
{
    static const uint8_t NOTHING;
    if (t->depth == 0) {
        sha256(&NOTHING, 0, &NOTHING, 0, ret_root);
        return;
    }
    memcpy(ret_root, t->stack[t->depth - 1], 32);
    for (unsigned i = t->depth - 1; i > 0; i--) {
        vtree_node_hash(t->stack[i - 1], ret_root, ret_root);
    }
}

void vtile_name(uint64_t number, unsigned width, buf_t *out)
{
    if (number >= 1000) {
        uint64_t high = number / 1000, unit = 1;
        while (high / unit >= 1000) {
            unit *= 1000;
        }
        for (; unit; unit /= 1000) {
            buf_u8(out, 'x');
            buf_dec_pad(out, high / unit % 1000, 3);
            buf_u8(out, '/');
        }
    }
    buf_dec_pad(out, number % 1000, 3);
    if (width != VTILE) {
        buf_cstr(out, ".p/");
        buf_dec_pad(out, width, 1);
    }
}

static bool three_digits(slice_t s, uint64_t *ret_value)
{
    return s.len == 3 && !err_failed(slice_parse_u64(s, 999, ret_value));
}

err_t vtile_parse(slice_t name, uint64_t *ret_number, unsigned *ret_width)
{
    uint64_t sum = 0, part, width = VTILE;
    slice_t element;
    for (unsigned n = 0; slice_starts(name, SLICE("x")); n++) {
        ENSURE(n < 5 && slice_split(&name, '/', &element) && name.len != SIZE_MAX, ERR_SYNTAX);
        ENSURE(three_digits(slice_from(element, 1), &part) && (n || part), ERR_SYNTAX);
        sum = sum * 1000 + part;
    }
    ENSURE(three_digits(slice_sub(name, 0, 3), &part), ERR_SYNTAX);
    name = slice_from(name, 3);
    if (name.len) {
        slice_t digits = slice_from(name, 3);
        ENSURE(slice_starts(name, SLICE(".p/")), ERR_SYNTAX);
        ENSURE(!err_failed(slice_parse_u64(digits, VTILE - 1, &width)), ERR_SYNTAX);
        ENSURE(width > 0 && digits.ptr[0] != '0', ERR_SYNTAX);
    }
    *ret_number = sum * 1000 + part;
    *ret_width = (unsigned)width;
    return OK;
}
