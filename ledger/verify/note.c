/* C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0. */
#include <sodium.h>

#include "verify.h"

enum { TYPE_ED25519 = 1, SIGNATURES_MAX = 64 };

/* Strict base64 of exactly len bytes. libsodium 1.0.18 takes some bytes above 0x7f for letters. */
static bool unbase64(slice_t text, uint8_t *out, size_t len)
{
    size_t got = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] > 0x7f) {
            return false;
        }
    }
    return sodium_base642bin(out, len, (const char *)text.ptr, text.len, NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == len && text.len == (len + 2) / 3 * 4;
}

static bool unhex4(slice_t text, uint8_t out[4])
{
    size_t got = 0;
    return text.len == 8 &&
           sodium_hex2bin(out, 4, (const char *)text.ptr, text.len, NULL, &got, NULL) == 0 &&
           got == 4;
}

static bool good_name(slice_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || name.ptr[i] == '+') {
            return false;
        }
    }
    return name.len > 0 && name.len < VKEY_NAME;
}

static void make_id(const vkey_t *key, uint8_t id[4])
{
    uint8_t in[VKEY_NAME + 2 + 32], digest[crypto_hash_sha256_BYTES];
    buf_t b = BUF_ON_ARRAY(in);
    buf_cstr(&b, key->name);
    buf_u8(&b, '\n');
    buf_u8(&b, TYPE_ED25519);
    buf_put(&b, slice_make(key->key, sizeof key->key));
    crypto_hash_sha256(digest, b.ptr, b.len);
    memcpy(id, digest, 4);
}

/* name+hex id+base64(type, key) */
err_t vkey_parse(slice_t text, vkey_t *ret_key)
{
    vkey_t key = {0};
    uint8_t typed[33], id[4];
    slice_t name, hex;
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    if (slice_ends(text, SLICE("\n"))) {
        text.len--;
    }
    ENSURE(text.len > 0 && text.len < sizeof key.text, ERR_SYNTAX);
    memcpy(key.text, text.ptr, text.len);
    ENSURE(slice_split(&text, '+', &name) && text.len != SIZE_MAX && good_name(name), ERR_SYNTAX);
    ENSURE(slice_split(&text, '+', &hex) && text.len != SIZE_MAX && unhex4(hex, key.id),
           ERR_SYNTAX);
    ENSURE(unbase64(text, typed, sizeof typed) && typed[0] == TYPE_ED25519, ERR_SYNTAX);
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.key, typed + 1, sizeof key.key);
    make_id(&key, id);
    ENSURE(memcmp(id, key.id, sizeof id) == 0, ERR_SYNTAX);
    *ret_key = key;
    return OK;
}

/* No control characters but newline; UTF-8 beyond ASCII stands only in the dashes. */
static bool clean_text(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 && s.ptr[i] != '\n') {
            return false;
        }
    }
    return true;
}

/* One signature line. Ours: *io_ours is set, or CRYPTO. */
static err_t one_signature(slice_t line, slice_t text, const vkey_t *key, bool *io_ours)
{
    static const char DASH[] = "\xe2\x80\x94 ";
    uint8_t sig[4 + crypto_sign_BYTES];
    slice_t name;
    ENSURE(slice_starts(line, slice_cstr_in(DASH)), ERR_SYNTAX);
    line = slice_from(line, sizeof DASH - 1);
    ENSURE(slice_split(&line, ' ', &name) && line.len != SIZE_MAX && name.len && line.len,
           ERR_SYNTAX);
    bool named = slice_eq(name, slice_cstr_in(key->name));
    if (!named || !unbase64(line, sig, sizeof sig) || memcmp(sig, key->id, 4) != 0) {
        return OK; /* somebody else's, or a key type that we do not know */
    }
    ENSURE(crypto_sign_verify_detached(sig + 4, text.ptr, text.len, key->key) == 0, ERR_CRYPTO);
    *io_ours = true;
    return OK;
}

static err_t signatures(slice_t lines, slice_t text, const vkey_t *key)
{
    bool ours = false;
    slice_t line;
    ENSURE(slice_ends(lines, SLICE("\n")), ERR_SYNTAX);
    lines.len--;
    for (unsigned n = 0; slice_split(&lines, '\n', &line); n++) {
        ENSURE(n < SIGNATURES_MAX, ERR_SYNTAX);
        TRY(one_signature(line, text, key, &ours));
    }
    ENSURE(ours, ERR_SYNTAX);
    return OK;
}

static err_t checkpoint_text(slice_t text, slice_t name, vcheckpoint_t *ret_cp)
{
    slice_t lines[3];
    for (size_t i = 0; i < BASE_COUNT(lines); i++) {
        ENSURE(slice_split(&text, '\n', &lines[i]) && text.len != SIZE_MAX, ERR_SYNTAX);
    }
    ENSURE(text.len == 0, ERR_SYNTAX); /* extension lines: not of this version */
    ENSURE(name.len == 0 || slice_eq(lines[0], name), ERR_SYNTAX);
    ENSURE(!err_failed(slice_parse_u64(lines[1], INT64_MAX, &ret_cp->size)), ERR_SYNTAX);
    ENSURE(lines[1].len == 1 || lines[1].ptr[0] != '0', ERR_SYNTAX);
    ENSURE(unbase64(lines[2], ret_cp->root, sizeof ret_cp->root), ERR_SYNTAX);
    return OK;
}

static err_t split_note(slice_t note, size_t *ret_split)
{
    size_t split = 0;
    ENSURE(note.len <= VNOTE_MAX && clean_text(note), ERR_SYNTAX);
    for (size_t i = 0; i + 1 < note.len; i++) {
        if (note.ptr[i] == '\n' && note.ptr[i + 1] == '\n') {
            split = i + 1; /* the last empty line counts */
        }
    }
    ENSURE(split, ERR_SYNTAX);
    *ret_split = split;
    return OK;
}

err_t vnote_open(slice_t note, const vkey_t *key, vcheckpoint_t *ret_cp)
{
    vcheckpoint_t cp;
    size_t split;
    TRY(split_note(note, &split));
    slice_t text = slice_sub(note, 0, split);
    TRY(signatures(slice_from(note, split + 1), text, key));
    TRY(checkpoint_text(text, slice_cstr_in(key->name), &cp));
    *ret_cp = cp;
    return OK;
}

err_t vnote_text(slice_t note, vcheckpoint_t *ret_cp)
{
    vcheckpoint_t cp;
    size_t split;
    TRY(split_note(note, &split));
    TRY(checkpoint_text(slice_sub(note, 0, split), SLICE_EMPTY, &cp));
    *ret_cp = cp;
    return OK;
}

bool vkey_signed(const vkey_t *key, slice_t text, slice_t sig64)
{
    uint8_t sig[crypto_sign_BYTES];
    size_t got = 0;
    for (size_t i = 0; i < sig64.len; i++) {
        if (sig64.ptr[i] > 0x7f) { /* see unbase64 */
            return false;
        }
    }
    return sodium_base642bin(sig, sizeof sig, (const char *)sig64.ptr, sig64.len, NULL, &got, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == sizeof sig && crypto_sign_verify_detached(sig, text.ptr, text.len, key->key) == 0;
}
