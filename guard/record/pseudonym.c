#include "guard/api_pseudonym.h"

#include <sodium.h>

id128_t guard_pseudonym_of(const uint8_t key[GUARD_PSEUDONYM_KEY_BYTES], const char *kind,
                           slice_t value)
{
    uint8_t out[ID_BYTES];
    crypto_generichash_state s;
    if (value.len == 0) {
        return id_zero();
    }
    crypto_generichash_init(&s, key, GUARD_PSEUDONYM_KEY_BYTES, sizeof out);
    crypto_generichash_update(&s, (const uint8_t *)kind, strlen(kind) + 1);
    crypto_generichash_update(&s, value.ptr, value.len);
    crypto_generichash_final(&s, out, sizeof out);
    return id_from_bytes(out);
}
