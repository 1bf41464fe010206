#include "envelope.h"

#include <sodium.h>

enum {
    LABEL_BYTES = 16,
    AAD_MAX = ENVELOPE_HEAD + 4 * 2 + 2 * ID_BYTES + 2 * ENVELOPE_NAME_MAX,
    BOUND_MAX = LABEL_BYTES + ENVELOPE_NONCE + AAD_MAX,
};

static const char LABEL[LABEL_BYTES] = {'s', 'e', 'k', 'i', 's', 'h', 'o', ' ',
                                        's', 'e', 'a', 'l', 'e', 'd', ' ', '1'};

_Static_assert(ENVELOPE_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(ENVELOPE_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(SECRET_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

/* What one BLAKE2b-512 gives for (data key, nonce, place): the public half proves which key and
 * place it was, the secret half encrypts. */
typedef struct derived {
    uint8_t commit[ENVELOPE_COMMIT];
    uint8_t key[SECRET_BYTES];
} derived_t;

_Static_assert(sizeof(derived_t) == crypto_generichash_blake2b_BYTES_MAX,
               "both halves from one hash");

static void derived_wipe(derived_t *d)
{
    sodium_memzero(d, sizeof *d);
}

bool envelope_seals(void)
{
    return true;
}

static bool name_ok(slice_t name)
{
    return name.len > 0 && name.len <= ENVELOPE_NAME_MAX;
}

static void head_put(buf_t *b, const envelope_place_t *place)
{
    buf_u8(b, ENVELOPE_VERSION);
    buf_u8(b, (uint8_t)place->kind);
    buf_u16(b, 0);
    buf_u32(b, place->epoch);
}

/* Head, then subject, table, column, row, each with its length before it: no two places give the
 * same bytes. */
static void aad_put(buf_t *b, const envelope_place_t *place)
{
    head_put(b, place);
    buf_str16(b, id_slice(&place->subject));
    buf_str16(b, place->table);
    buf_str16(b, place->column);
    buf_str16(b, id_slice(&place->row));
}

static void derive(const secret_t *key, slice_t nonce, slice_t aad, derived_t *out)
{
    uint8_t mem[BOUND_MAX];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_put(&b, slice_make(LABEL, sizeof LABEL));
    buf_put(&b, nonce);
    buf_put(&b, aad);
    CHECK(!b.full);
    CHECK(crypto_generichash_blake2b((uint8_t *)out, sizeof *out, b.ptr, b.len, key->b,
                                     sizeof key->b) == 0);
}

err_t envelope_seal_with(const secret_t *key, const envelope_place_t *place,
                         const uint8_t nonce[ENVELOPE_NONCE], slice_t plain, buf_t *out)
{
    ENSURE(name_ok(place->table) && name_ok(place->column), ERR_RANGE);
    uint8_t aad_mem[AAD_MAX];
    buf_t aad = BUF_ON_ARRAY(aad_mem);
    aad_put(&aad, place);
    TRY(buf_check(&aad));
    BASE_CLEANUP(derived_wipe) derived_t d;
    derive(key, slice_make(nonce, ENVELOPE_NONCE), buf_slice(&aad), &d);

    uint8_t *at = buf_room(out, ENVELOPE_OVERHEAD + plain.len);
    ENSURE(at, ERR_LIMIT);
    buf_t b = buf_on(at, ENVELOPE_OVERHEAD);
    head_put(&b, place);
    buf_put(&b, slice_make(nonce, ENVELOPE_NONCE));
    buf_put(&b, slice_make(d.commit, sizeof d.commit));
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + b.len, NULL, plain.ptr, plain.len, aad.ptr,
                                               aad.len, NULL, nonce, d.key);
    return OK;
}

err_t envelope_seal(const secret_t *key, const envelope_place_t *place, slice_t plain, buf_t *out)
{
    uint8_t nonce[ENVELOPE_NONCE];
    random_bytes(nonce, sizeof nonce);
    return envelope_seal_with(key, place, nonce, plain, out);
}

err_t envelope_head_read(slice_t sealed, envelope_head_t *ret_head)
{
    ENSURE(sealed.len >= ENVELOPE_OVERHEAD, ERR_CRYPTO);
    cursor_t c = cur_on(sealed);
    uint8_t version = cur_u8(&c);
    envelope_head_t head = {.kind = cur_u8(&c)};
    uint16_t zero = cur_u16(&c);
    head.epoch = cur_u32(&c);
    ENSURE(version == ENVELOPE_VERSION && zero == 0, ERR_CRYPTO);
    ENSURE(head.kind == ENVELOPE_FIELD || head.kind == ENVELOPE_PAYLOAD, ERR_CRYPTO);
    *ret_head = head;
    return OK;
}

err_t envelope_open(const secret_t *key, const envelope_place_t *place, slice_t sealed, buf_t *out)
{
    ENSURE(name_ok(place->table) && name_ok(place->column), ERR_RANGE);
    ENSURE(sealed.len >= ENVELOPE_OVERHEAD, ERR_CRYPTO);
    uint8_t aad_mem[AAD_MAX];
    buf_t aad = BUF_ON_ARRAY(aad_mem);
    aad_put(&aad, place);
    TRY(buf_check(&aad));
    cursor_t c = cur_on(sealed);
    slice_t head = cur_bytes(&c, ENVELOPE_HEAD);
    ENSURE(slice_eq(head, slice_make(aad.ptr, ENVELOPE_HEAD)), ERR_CRYPTO);
    slice_t nonce = cur_bytes(&c, ENVELOPE_NONCE);
    slice_t commit = cur_bytes(&c, ENVELOPE_COMMIT);
    slice_t body = cur_rest(&c);

    BASE_CLEANUP(derived_wipe) derived_t d;
    derive(key, nonce, buf_slice(&aad), &d);
    ENSURE(sodium_memcmp(d.commit, commit.ptr, sizeof d.commit) == 0, ERR_CRYPTO);
    size_t before = out->len;
    uint8_t *at = buf_room(out, body.len - ENVELOPE_TAG);
    ENSURE(at, ERR_LIMIT);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, body.ptr, body.len, aad.ptr,
                                                   aad.len, nonce.ptr, d.key) != 0) {
        out->len = before;
        return FAIL(ERR_CRYPTO);
    }
    return OK;
}
