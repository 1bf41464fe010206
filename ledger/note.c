#include "note.h"

#include <sodium.h>

#include "text/b64.h"

enum { KEY_ED25519 = 1, SIG_BYTES = 4 + crypto_sign_BYTES, SIGS_MAX = 16 };
static const char SIG_START[] = "\u2014 "; /* em dash, space */

static bool name_fine(slice_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == '+') {
            return false;
        }
    }
    return name.len > 0 && name.len <= NOTE_NAME_MAX;
}

/* Key ID = SHA-256(name || 0x0A || type || key)[:4]. */
static void key_id(note_key_t *key)
{
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];
    static const uint8_t MIDDLE[] = {'\n', KEY_ED25519};
    slice_t name = slice_cstr_in(key->name);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, name.ptr, name.len);
    crypto_hash_sha256_update(&state, MIDDLE, sizeof MIDDLE);
    crypto_hash_sha256_update(&state, key->public_key, sizeof key->public_key);
    crypto_hash_sha256_final(&state, digest);
    memcpy(key->id, digest, sizeof key->id);
}

err_t note_key_init(slice_t name, const uint8_t seed[NOTE_SEED], note_key_t *ret_key)
{
    note_key_t key = {0};
    ENSURE(name_fine(name), ERR_CONFIG);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    memcpy(key.name, name.ptr, name.len);
    CHECK(crypto_sign_seed_keypair(key.public_key, key.secret_key, seed) == 0);
    key_id(&key);
    *ret_key = key;
    note_key_wipe(&key);
    return OK;
}

void note_key_wipe(note_key_t *key)
{
    sodium_memzero(key->secret_key, sizeof key->secret_key);
}

void note_put_vkey(buf_t *b, const note_key_t *key)
{
    uint8_t typed[33] = {KEY_ED25519};
    memcpy(typed + 1, key->public_key, sizeof key->public_key);
    buf_cstr(b, key->name);
    buf_u8(b, '+');
    buf_hex(b, slice_make(key->id, sizeof key->id));
    buf_u8(b, '+');
    b64_put(b, slice_make(typed, sizeof typed));
}

static void put_signature(buf_t *b, slice_t text, const note_key_t *key)
{
    uint8_t sig[SIG_BYTES];
    memcpy(sig, key->id, sizeof key->id);
    CHECK(crypto_sign_detached(sig + 4, NULL, text.ptr, text.len, key->secret_key) == 0);
    buf_cstr(b, SIG_START);
    buf_cstr(b, key->name);
    buf_u8(b, ' ');
    b64_put(b, slice_make(sig, sizeof sig));
    buf_u8(b, '\n');
}

void note_put_checkpoint(buf_t *b, const note_key_t *key, const checkpoint_t *cp)
{
    size_t from = b->len;
    buf_cstr(b, key->name);
    buf_u8(b, '\n');
    buf_dec_pad(b, cp->size, 1);
    buf_u8(b, '\n');
    b64_put(b, slice_make(cp->root.b, HASH_BYTES));
    buf_u8(b, '\n');
    slice_t text = slice_make(b->ptr + from, b->len - from);
    buf_u8(b, '\n');
    put_signature(b, text, key);
}

/* "\n\n" for the last time: what is before it (with one newline) is signed. */
static size_t find_split(slice_t note)
{
    for (size_t i = note.len; i >= 2; i--) {
        if (note.ptr[i - 2] == '\n' && note.ptr[i - 1] == '\n') {
            return i - 1;
        }
    }
    return 0;
}

void note_add_signature(buf_t *note, const note_key_t *key)
{
    size_t split = find_split(buf_slice(note));
    CHECK(split > 0);
    put_signature(note, slice_sub(buf_slice(note), 0, split), key);
}

/* One signature line: ours and right = *io_ours; ours and wrong = CRYPTO. */
static err_t check_line(slice_t line, slice_t text, const note_key_t *key, bool *io_ours)
{
    uint8_t mem[256];
    buf_t sig = BUF_ON_ARRAY(mem);
    slice_t name;
    ENSURE(slice_starts(line, slice_cstr_in(SIG_START)), ERR_CORRUPT);
    line = slice_from(line, sizeof SIG_START - 1);
    ENSURE(slice_split(&line, ' ', &name) && line.len != SIZE_MAX, ERR_CORRUPT);
    if (!slice_eq(name, slice_cstr_in(key->name)) || err_failed(b64_decode(line, &sig)) ||
        sig.len != SIG_BYTES || memcmp(mem, key->id, sizeof key->id)) {
        return OK;
    }
    ENSURE(!crypto_sign_verify_detached(mem + 4, text.ptr, text.len, key->public_key), ERR_CRYPTO);
    *io_ours = true;
    return OK;
}

static err_t check_signatures(slice_t sigs, slice_t text, const note_key_t *key)
{
    bool ours = false;
    slice_t line;
    ENSURE(slice_ends(sigs, SLICE("\n")), ERR_CORRUPT);
    sigs.len--;
    for (unsigned n = 0; slice_split(&sigs, '\n', &line); n++) {
        ENSURE(n < SIGS_MAX, ERR_CORRUPT);
        TRY(check_line(line, text, key, &ours));
    }
    ENSURE(ours, ERR_CORRUPT);
    return OK;
}

/* The three lines, and nothing after them. */
static err_t read_text(slice_t text, const char *name, checkpoint_t *ret_cp)
{
    checkpoint_t cp;
    slice_t origin, size, root, end;
    bool whole = slice_split(&text, '\n', &origin) && slice_split(&text, '\n', &size) &&
                 slice_split(&text, '\n', &root) && slice_split(&text, '\n', &end);
    ENSURE(whole && end.len == 0 && text.len == SIZE_MAX, ERR_CORRUPT);
    ENSURE(slice_eq(origin, slice_cstr_in(name)), ERR_CORRUPT);
    ENSURE(!err_failed(slice_parse_u64(size, UINT64_MAX >> 1, &cp.size)), ERR_CORRUPT);
    ENSURE(size.len == 1 || size.ptr[0] != '0', ERR_CORRUPT);
    buf_t out = buf_on(cp.root.b, HASH_BYTES);
    ENSURE(!err_failed(b64_decode(root, &out)) && out.len == HASH_BYTES, ERR_CORRUPT);
    *ret_cp = cp;
    return OK;
}

err_t note_read_checkpoint(slice_t note, const char *origin, checkpoint_t *ret_cp)
{
    ENSURE(note.len <= NOTE_MAX, ERR_CORRUPT);
    size_t split = find_split(note);
    ENSURE(split, ERR_CORRUPT);
    return read_text(slice_sub(note, 0, split), origin, ret_cp);
}

err_t note_open_checkpoint(slice_t note, const note_key_t *key, checkpoint_t *ret_cp)
{
    ENSURE(note.len <= NOTE_MAX, ERR_CORRUPT);
    size_t split = find_split(note);
    ENSURE(split, ERR_CORRUPT);
    slice_t text = slice_sub(note, 0, split);
    TRY(check_signatures(slice_from(note, split + 1), text, key));
    return read_text(text, key->name, ret_cp);
}
