/* The MAC ratchet (FORMAT.md 7): BLAKE2b-256, one key a leaf. */
#include <sodium.h>

#include "verify.h"

void vmac_next(uint8_t io_key[VMAC_KEY])
{
    uint8_t next[VMAC_KEY];
    CHECK(crypto_generichash(next, sizeof next, (const uint8_t *)"next", 4, io_key, VMAC_KEY) == 0);
    memcpy(io_key, next, VMAC_KEY);
}

bool vmac_holds(const vleaf_t *leaf, const uint8_t key[VMAC_KEY])
{
    uint8_t mac[32];
    slice_t in = leaf->before_mac, said = leaf->value[VLEAF_MAC];
    CHECK(crypto_generichash(mac, sizeof mac, in.ptr, in.len, key, VMAC_KEY) == 0);
    return said.len == 8 + sizeof mac && memcmp(said.ptr + 8, mac, sizeof mac) == 0;
}

bool vmac_is_start(const vleaf_t *leaf, const uint8_t key[VMAC_KEY])
{
    uint8_t in[64], start[32], hex_mem[2 * sizeof start], said_mem[2 * sizeof start];
    buf_t text = BUF_ON_ARRAY(in), hex = BUF_ON_ARRAY(hex_mem), said = BUF_ON_ARRAY(said_mem);
    buf_cstr(&text, "sekisho ledger mac start v1");
    buf_put(&text, slice_make(key, VMAC_KEY));
    CHECK(crypto_generichash(start, sizeof start, text.ptr, text.len, NULL, 0) == 0);
    buf_hex(&hex, slice_make(start, sizeof start));
    return vleaf_fact(leaf, "start", &said) && slice_eq(buf_slice(&hex), buf_slice(&said));
}

err_t vmac_parse(slice_t text, uint8_t ret_key[VMAC_KEY])
{
    size_t got = 0;
    if (slice_ends(text, SLICE("\n"))) {
        text.len--;
    }
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    ENSURE(slice_starts(text, SLICE("ledger-mac ")), ERR_SYNTAX);
    text = slice_from(text, strlen("ledger-mac "));
    ENSURE(text.len == 2 * VMAC_KEY &&
               sodium_hex2bin(ret_key, VMAC_KEY, (const char *)text.ptr, text.len, NULL, &got,
                              NULL) == 0 &&
               got == VMAC_KEY,
           ERR_SYNTAX);
    return OK;
}
