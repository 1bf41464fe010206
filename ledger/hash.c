#include <openssl/evp.h>

#include "hash.h"

err_t hasher_init(hasher_t *h)
{
    *h = (hasher_t){EVP_MD_CTX_new(), EVP_MD_fetch(NULL, "SHA256", NULL)};
    if (!h->ctx || !h->md) {
        hasher_deinit(h);
        return FAIL(ERR_CRYPTO);
    }
    return OK;
}

void hasher_deinit(hasher_t *h)
{
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
    *h = (hasher_t){0};
}

static hash_t hash_parts(hasher_t *h, const slice_t *parts, size_t count)
{
    hash_t out;
    CHECK(EVP_DigestInit_ex2(h->ctx, h->md, NULL) == 1);
    for (size_t i = 0; i < count; i++) {
        CHECK(EVP_DigestUpdate(h->ctx, parts[i].ptr, parts[i].len) == 1);
    }
    CHECK(EVP_DigestFinal_ex(h->ctx, out.b, NULL) == 1);
    return out;
}

hash_t hash_bytes(hasher_t *h, slice_t bytes)
{
    return hash_parts(h, &bytes, 1);
}

hash_t hash_leaf(hasher_t *h, slice_t leaf)
{
    const slice_t parts[] = {SLICE("\x00"), leaf};
    return hash_parts(h, parts, BASE_COUNT(parts));
}

hash_t hash_node(hasher_t *h, const hash_t *left, const hash_t *right)
{
    uint8_t in[1 + 2 * HASH_BYTES] = {1};
    memcpy(in + 1, left->b, HASH_BYTES);
    memcpy(in + 1 + HASH_BYTES, right->b, HASH_BYTES);
    return hash_bytes(h, slice_make(in, sizeof in));
}

bool hash_eq(const hash_t *a, const hash_t *b)
{
    return memcmp(a->b, b->b, HASH_BYTES) == 0;
}
