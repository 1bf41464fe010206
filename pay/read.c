#include "read.h"

#include <sodium.h>

#include "text/json.h"

bool read_word(const read_word_t *words, size_t n, slice_t text, pay_fact_t *ret_fact)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(text, slice_cstr_in(words[i].text))) {
            *ret_fact = words[i].fact;
            return true;
        }
    }
    return false;
}

/* A field that may be missing or null (then empty); of another kind, or there twice, it is an
 * error. */
err_t read_text(slice_t json, arena_t *a, slice_t path, slice_t *ret_text)
{
    json_token_t t;
    err_t e = json_get(json, a, path, &t);
    *ret_text = SLICE_EMPTY;
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    ENSURE(t.kind == JSON_STRING || t.kind == JSON_NULL, ERR_SYNTAX);
    *ret_text = t.text;
    return OK;
}

err_t read_sum(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum)
{
    json_token_t t;
    err_t e = json_get(json, a, path, &t);
    *ret_sum = 0;
    if (err_is(e, ERR_NOT_FOUND) || (!err_failed(e) && t.kind == JSON_NULL)) {
        return OK;
    }
    TRY(e);
    ENSURE(t.kind == JSON_NUMBER, ERR_SYNTAX);
    return slice_parse_i64(t.text, 0, SUM_MAX_MINOR, ret_sum);
}

/* The provider's own names and ours: letters, digits, '_', '-', '.'. */
bool read_is_plain(slice_t text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || c == '.';
        if (!plain) {
            return false;
        }
    }
    return text.len <= max;
}

err_t read_id(slice_t json, arena_t *a, slice_t path, slice_t *ret_id)
{
    TRY(read_text(json, a, path, ret_id));
    ENSURE(read_is_plain(*ret_id, ADAPTER_REF_MAX), ERR_SYNTAX);
    return OK;
}

/* Ours, when it is there at all and reads like an id of ours: it is a help, never a proof. */
err_t read_booking(slice_t json, arena_t *a, slice_t path, slice_t *ret_booking)
{
    id128_t id;
    slice_t text;
    *ret_booking = SLICE_EMPTY;
    err_t e = read_text(json, a, path, &text);
    if (err_is(e, ERR_SYNTAX)) {
        return OK;
    }
    TRY(e);
    if (!err_failed(id_decode(text, &id))) {
        *ret_booking = text;
    }
    return OK;
}

err_t read_id_needed(slice_t json, arena_t *a, slice_t path, slice_t *ret_id)
{
    TRY(read_id(json, a, path, ret_id));
    ENSURE(ret_id->len > 0, ERR_SYNTAX);
    return OK;
}

err_t read_sum_needed(slice_t json, arena_t *a, slice_t path, int64_t *ret_sum)
{
    int64_t sum;
    TRY(json_get_i64(json, a, path, &sum));
    ENSURE(sum >= 0 && sum <= SUM_MAX_MINOR, ERR_RANGE);
    *ret_sum = sum;
    return OK;
}

err_t read_currency(slice_t json, arena_t *a, slice_t path, char out[3])
{
    slice_t text;
    TRY(json_get_string(json, a, path, &text));
    ENSURE(text.len == 3 && read_is_plain(text, 3), ERR_SYNTAX);
    memcpy(out, text.ptr, 3);
    return OK;
}

/* The page stands on the provider's configured origin, whatever the answer says: our customers are
 * sent nowhere else. */
bool read_url_is_own(const char *page_origin, slice_t url)
{
    slice_t origin = slice_cstr_in(page_origin);
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7F || url.ptr[i] == '\\') {
            return false;
        }
    }
    return url.len <= PAY_URL_MAX && slice_starts(url, origin) &&
           slice_starts(slice_from(url, origin.len), SLICE("/"));
}

bool read_is_signed(const adapter_key_t *key, slice_t signature, slice_t first, slice_t second)
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES], hex[2 * crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state h;
    buf_t text = BUF_ON_ARRAY(hex);
    crypto_auth_hmacsha256_init(&h, key->b, key->len);
    crypto_auth_hmacsha256_update(&h, first.ptr, first.len);
    crypto_auth_hmacsha256_update(&h, second.ptr, second.len);
    crypto_auth_hmacsha256_final(&h, mac);
    buf_hex(&text, slice_make(mac, sizeof mac));
    return key->len && slice_eq_ct(buf_slice(&text), signature);
}
