#include "wnote.h"

#include <sodium.h>

#include "text/b64.h"
#include "text/utf8.h"

enum { TIME_BYTES = 8, SIG_MAX = 4 + TIME_BYTES + crypto_sign_BYTES };
static const char DASH[] = "\xe2\x80\x94 ";

/* Not empty; no space of Unicode, no control character, no '+'. */
static bool name_fine(slice_t name)
{
    if (!name.len || name.len > WNOTE_NAME_MAX || !utf8_valid(name)) {
        return false;
    }
    while (name.len) {
        uint32_t c = utf8_take(&name);
        bool space = c <= 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
                     (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
                     c == 0x205f || c == 0x3000;
        if (space || c == '+' || (c >= 0x7f && c < 0xa0)) {
            return false;
        }
    }
    return true;
}

/* ---- keys ---- */

static void make_id(wkey_t *key)
{
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];
    const uint8_t middle[] = {'\n', (uint8_t)key->type};
    slice_t name = slice_cstr_in(key->name);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, name.ptr, name.len);
    crypto_hash_sha256_update(&state, middle, sizeof middle);
    crypto_hash_sha256_update(&state, key->key, sizeof key->key);
    crypto_hash_sha256_final(&state, digest);
    memcpy(key->id, digest, sizeof key->id);
}

err_t wkey_make(slice_t name, wkey_type_t type, const uint8_t bytes[32], wkey_t *ret_key)
{
    wkey_t key = {.type = type};
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    ENSURE(name_fine(name), ERR_CONFIG);
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.key, bytes, sizeof key.key);
    make_id(&key);
    *ret_key = key;
    return OK;
}

err_t wkey_parse(slice_t text, wkey_type_t type, wkey_t *ret_key)
{
    uint8_t typed[33], id[4];
    buf_t out = BUF_ON_ARRAY(typed), id_out = BUF_ON_ARRAY(id);
    slice_t name, hex;
    wkey_t key;
    ENSURE(slice_split(&text, '+', &name) && text.len != SIZE_MAX, ERR_SYNTAX);
    ENSURE(slice_split(&text, '+', &hex) && text.len != SIZE_MAX, ERR_SYNTAX);
    ENSURE(hex.len == 8 && !err_failed(hex_decode(hex, &id_out)), ERR_SYNTAX);
    ENSURE(!err_failed(b64_decode(text, &out)) && out.len == sizeof typed, ERR_SYNTAX);
    ENSURE(typed[0] == (uint8_t)type, ERR_SYNTAX);
    ENSURE(!err_failed(wkey_make(name, type, typed + 1, &key)), ERR_SYNTAX);
    ENSURE(memcmp(id, key.id, sizeof id) == 0, ERR_SYNTAX);
    *ret_key = key;
    return OK;
}

void wkey_put(buf_t *b, const wkey_t *key)
{
    uint8_t typed[33] = {(uint8_t)key->type};
    memcpy(typed + 1, key->key, sizeof key->key);
    buf_cstr(b, key->name);
    buf_u8(b, '+');
    buf_hex(b, slice_make(key->id, sizeof key->id));
    buf_u8(b, '+');
    b64_put(b, slice_make(typed, sizeof typed));
}

bool wkey_eq(const wkey_t *a, const wkey_t *b)
{
    return a->type == b->type && strcmp(a->name, b->name) == 0 &&
           memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* ---- notes ---- */

static bool clean_text(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 && s.ptr[i] != '\n') {
            return false;
        }
    }
    return utf8_valid(s);
}

/* Whose key it is decides how much it must decode to; that it is base64 can be said of anybody's.
 */
static bool looks_base64(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
        if (!letter && !(c == '=' && i + 2 >= s.len)) {
            return false;
        }
    }
    return s.len >= B64_LEN(5) && s.len % 4 == 0;
}

/* "<dash> name base64" */
static err_t line_parts(slice_t line, slice_t *ret_name, slice_t *ret_b64)
{
    ENSURE(slice_starts(line, slice_cstr_in(DASH)), ERR_SYNTAX);
    line = slice_from(line, sizeof DASH - 1);
    ENSURE(slice_split(&line, ' ', ret_name) && line.len != SIZE_MAX, ERR_SYNTAX);
    ENSURE(name_fine(*ret_name) && looks_base64(line), ERR_SYNTAX);
    *ret_b64 = line;
    return OK;
}

static bool next_line(slice_t *rest, slice_t *ret_line)
{
    size_t end = slice_find_byte(*rest, '\n');
    if (end == SIZE_MAX) {
        return false;
    }
    *ret_line = slice_sub(*rest, 0, end);
    *rest = slice_from(*rest, end + 1);
    return true;
}

static err_t signatures_fine(slice_t lines)
{
    slice_t line, name, b64;
    unsigned n = 0;
    ENSURE(lines.len, ERR_SYNTAX);
    while (lines.len) {
        ENSURE(next_line(&lines, &line), ERR_SYNTAX);
        TRY(line_parts(line, &name, &b64));
        ENSURE(++n <= WNOTE_SIGNATURES_MAX, ERR_LIMIT);
    }
    return OK;
}

static err_t text_parts(wcheckpoint_t *cp)
{
    slice_t rest = cp->text, size, root, extension;
    buf_t out = buf_on(cp->root, sizeof cp->root);
    ENSURE(next_line(&rest, &cp->origin) && next_line(&rest, &size) && next_line(&rest, &root),
           ERR_SYNTAX);
    ENSURE(name_fine(cp->origin), ERR_SYNTAX);
    ENSURE(!err_failed(slice_parse_u64(size, INT64_MAX, &cp->size)), ERR_SYNTAX);
    ENSURE(size.len == 1 || size.ptr[0] != '0', ERR_SYNTAX);
    ENSURE(!err_failed(b64_decode(root, &out)) && out.len == sizeof cp->root, ERR_SYNTAX);
    while (rest.len) {
        ENSURE(next_line(&rest, &extension) && extension.len, ERR_SYNTAX);
    }
    return OK;
}

err_t wnote_parse(slice_t note, wcheckpoint_t *ret_cp)
{
    wcheckpoint_t cp = {0};
    size_t split = 0;
    ENSURE(note.len <= WNOTE_MAX, ERR_LIMIT);
    ENSURE(clean_text(note), ERR_SYNTAX);
    for (size_t i = 0; i + 1 < note.len; i++) {
        if (note.ptr[i] == '\n' && note.ptr[i + 1] == '\n') {
            split = i + 1; /* the last empty line counts */
        }
    }
    ENSURE(split, ERR_SYNTAX);
    cp.text = slice_sub(note, 0, split);
    cp.signatures = slice_from(note, split + 1);
    TRY(signatures_fine(cp.signatures));
    TRY(text_parts(&cp));
    *ret_cp = cp;
    return OK;
}

/* The signed message of cosignature/v1 is two lines longer than the text. */
static bool cosignature_holds(const wkey_t *key, slice_t text, uint64_t time_s,
                              const uint8_t sig[crypto_sign_BYTES])
{
    uint8_t head_mem[64];
    buf_t head = BUF_ON_ARRAY(head_mem);
    uint8_t *message = malloc(sizeof head_mem + text.len);
    CHECK(message);
    buf_cstr(&head, "cosignature/v1\ntime ");
    buf_dec_pad(&head, time_s, 1);
    buf_u8(&head, '\n');
    memcpy(message, head.ptr, head.len);
    memcpy(message + head.len, text.ptr, text.len);
    bool holds = crypto_sign_verify_detached(sig, message, head.len + text.len, key->key) == 0;
    free(message);
    return holds;
}

/* Is the line this key's? Its bytes then go into sig. */
static bool line_of(slice_t line, const wkey_t *key, uint8_t sig[SIG_MAX])
{
    slice_t name, b64;
    buf_t out = buf_on(sig, SIG_MAX);
    size_t want = key->type == WKEY_LOG ? SIG_MAX - TIME_BYTES : SIG_MAX;
    return !err_failed(line_parts(line, &name, &b64)) && slice_eq(name, slice_cstr_in(key->name)) &&
           !err_failed(b64_decode(b64, &out)) && out.len == want &&
           memcmp(sig, key->id, sizeof key->id) == 0;
}

static uint64_t time_of(const uint8_t sig[SIG_MAX])
{
    uint64_t t = 0;
    for (size_t i = 0; i < TIME_BYTES; i++) {
        t = t << 8 | sig[4 + i];
    }
    return t;
}

err_t wnote_signed(const wcheckpoint_t *cp, const wkey_t *key, uint64_t *ret_time_s)
{
    slice_t rest = cp->signatures, line;
    bool found = false;
    while (next_line(&rest, &line)) {
        uint8_t sig[SIG_MAX];
        if (!line_of(line, key, sig)) {
            continue;
        }
        uint64_t time_s = time_of(sig);
        bool holds =
            key->type == WKEY_LOG
                ? crypto_sign_verify_detached(sig + 4, cp->text.ptr, cp->text.len, key->key) == 0
                : time_s <= INT64_MAX &&
                      cosignature_holds(key, cp->text, time_s, sig + 4 + TIME_BYTES);
        ENSURE(holds, ERR_CRYPTO);
        if (ret_time_s && key->type == WKEY_WITNESS) {
            *ret_time_s = time_s;
        }
        found = true;
    }
    ENSURE(found, ERR_NOT_FOUND);
    return OK;
}

void wnote_put_lines(buf_t *b, const wcheckpoint_t *cp, const wkey_t *key)
{
    slice_t rest = cp->signatures, line;
    while (next_line(&rest, &line)) {
        uint8_t sig[SIG_MAX];
        if (line_of(line, key, sig)) {
            buf_put(b, line);
            buf_u8(b, '\n');
            return; /* one is enough; further ones say the same */
        }
    }
}

/* ---- the witness's own word ---- */

err_t wsigner_init(slice_t name, const uint8_t seed[32], wsigner_t *ret_signer)
{
    wsigner_t s;
    uint8_t pub[32];
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    CHECK(crypto_sign_seed_keypair(pub, s.secret, seed) == 0);
    err_t e = wkey_make(name, WKEY_WITNESS, pub, &s.pub);
    if (!err_failed(e)) {
        *ret_signer = s;
    }
    wsigner_wipe(&s);
    return e;
}

void wsigner_wipe(wsigner_t *s)
{
    sodium_memzero(s->secret, sizeof s->secret);
}

void wsigner_cosign(const wsigner_t *s, slice_t text, uint64_t time_s, buf_t *out)
{
    uint8_t sig[SIG_MAX];
    uint8_t *mem = malloc(64 + text.len);
    CHECK(mem);
    buf_t message = buf_on(mem, 64 + text.len), head = buf_on(sig, sizeof sig);
    buf_cstr(&message, "cosignature/v1\ntime ");
    buf_dec_pad(&message, time_s, 1);
    buf_u8(&message, '\n');
    buf_put(&message, text);
    CHECK(!message.full);
    buf_put(&head, slice_make(s->pub.id, sizeof s->pub.id));
    buf_u64be(&head, time_s);
    CHECK(crypto_sign_detached(sig + head.len, NULL, message.ptr, message.len, s->secret) == 0);
    free(mem);
    buf_cstr(out, DASH);
    buf_cstr(out, s->pub.name);
    buf_u8(out, ' ');
    b64_put(out, slice_make(sig, sizeof sig));
    buf_u8(out, '\n');
}
