/* Session tokens and CSRF tokens: how they are made and judged. Pure: no store, no clock. All
 * comparisons of secrets take the same time whatever they hold. */
#include <sodium.h>

#include "web/session_priv.h"

void session_hash(slice_t token, uint8_t ret_hash[SESSION_HASH])
{
    crypto_hash_sha256(ret_hash, token.ptr, token.len);
}

/* First half of HMAC-SHA-256 over a purpose, the site and the text. */
static id128_t mac(const secret_t *key, uint8_t purpose, uint8_t site, slice_t text)
{
    crypto_auth_hmacsha256_state state;
    uint8_t head[2] = {purpose, site}, out[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_init(&state, key->b, sizeof key->b);
    crypto_auth_hmacsha256_update(&state, head, sizeof head);
    crypto_auth_hmacsha256_update(&state, text.ptr, text.len);
    crypto_auth_hmacsha256_final(&state, out);
    id128_t id = id_from_bytes(out);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(out, sizeof out);
    return id;
}

enum { MAC_TOKEN = 1, MAC_CSRF = 2, ANON_RANDOM = 32, ANON_TIME = 16 };
enum { ANON_SIGNED = ANON_RANDOM + ANON_TIME };

static const char LETTERS[] = ID_ALPHABET;

void session_anon_make(const secret_t *key, uint8_t site, int64_t now_us,
                       char ret_token[SESSION_ANON_TOKEN])
{
    random_letters(ret_token, ANON_RANDOM);
    uint64_t minutes = (uint64_t)(now_us / 60000000);
    for (size_t i = 0; i < ANON_TIME; i++) {
        ret_token[ANON_RANDOM + i] = LETTERS[(minutes >> (4 * i)) & 15];
    }
    id_encode(mac(key, MAC_TOKEN, site, slice_make(ret_token, ANON_SIGNED)),
              ret_token + ANON_SIGNED);
}

static bool minutes_of(slice_t text, int64_t *ret_minutes)
{
    uint64_t minutes = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] ? strchr(LETTERS, text.ptr[i]) : NULL;
        if (!at) {
            return false;
        }
        minutes |= (uint64_t)(at - LETTERS) << (4 * i);
    }
    *ret_minutes = (int64_t)minutes;
    return minutes < INT64_MAX;
}

bool session_anon_ok(const secret_t *key, uint8_t site, int64_t now_us, int32_t max_age_s,
                     slice_t token)
{
    int64_t minutes;
    id128_t have;
    if (token.len != SESSION_ANON_TOKEN ||
        err_failed(id_decode(slice_from(token, ANON_SIGNED), &have)) ||
        !minutes_of(slice_sub(token, ANON_RANDOM, ANON_TIME), &minutes)) {
        return false;
    }
    id128_t want = mac(key, MAC_TOKEN, site, slice_sub(token, 0, ANON_SIGNED));
    int64_t now_minutes = now_us / 60000000;
    return sodium_memcmp(want.b, have.b, sizeof want.b) == 0 && minutes <= now_minutes + 1 &&
           now_minutes - minutes <= max_age_s / 60;
}

id128_t session_anon_csrf(const secret_t *key, slice_t token)
{
    return mac(key, MAC_CSRF, 0, token);
}

void session_csrf_mask(id128_t secret, char ret_token[WEB_CSRF_LETTERS])
{
    id128_t pad;
    random_bytes(pad.b, sizeof pad.b);
    for (size_t i = 0; i < sizeof pad.b; i++) {
        secret.b[i] ^= pad.b[i];
    }
    id_encode(pad, ret_token);
    id_encode(secret, ret_token + ID_TEXT);
}

bool session_csrf_ok(id128_t secret, slice_t token)
{
    id128_t pad, masked;
    if (token.len != WEB_CSRF_LETTERS ||
        err_failed(id_decode(slice_sub(token, 0, ID_TEXT), &pad)) ||
        err_failed(id_decode(slice_from(token, ID_TEXT), &masked))) {
        return false;
    }
    for (size_t i = 0; i < sizeof pad.b; i++) {
        masked.b[i] ^= pad.b[i];
    }
    return sodium_memcmp(masked.b, secret.b, sizeof secret.b) == 0;
}
