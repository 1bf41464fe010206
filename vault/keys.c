/* THIS FILE HOLDS THE KEYS.
 *
 * The master key's children live in one guarded allocation (locked, no core, read-only but for the
 * moment when a master key comes or goes, guard pages around). Data keys and salts exist in clear
 * only on the stack of the functions below, for the time of one operation, and are wiped before
 * they return. No function here returns a key, formats one, logs, or stores one unwrapped; no other
 * file of the vault includes a key's bytes. A stolen key file is useless without the master key; a
 * stolen database is useless without both. Who can read this process's memory has all keys: that is
 * why it has no network socket, no core, a user of its own and a short list of system calls. */
#include "keys.h"

#include <sodium.h>

#include "io/evidence.h"

enum {
    SUB_CHECK = 1,
    SUB_WRAP_BLIND = 2,
    SUB_BLIND = 16, /* + kind */
    SUB_WRAP = 256, /* + epoch */
    BLIND_KINDS = 3,
    SLOT_AAD = 16 + 1 + 4 * 4 + ID_BYTES,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    LINE_MAX_BYTES = 128,
};

static const char KDF_CONTEXT[crypto_kdf_CONTEXTBYTES] = {'s', 'e', 'k', 'v', 'a', 'u', 'l', 't'};

#define SECRET_LABEL SLICE("x25519-secret ")

/* What is made of one master key. epoch 0: none. */
typedef struct master {
    uint32_t epoch;
    uint8_t check[KEYS_CHECK];
    secret_t wrap, wrap_blind;
} master_t;

typedef struct blinds {
    secret_t key[BLIND_KINDS];
} blinds_t;

struct keys {
    master_t masters[KEYS_MASTERS];
    blinds_t blind; /* of the first master key; they stay when it goes */
};

/* What a slot holds, in clear. */
typedef struct pair {
    secret_t data, salt;
} pair_t;

static void pair_wipe(pair_t *p)
{
    sodium_memzero(p, sizeof *p);
}

#define PAIR_SCOPED BASE_CLEANUP(pair_wipe)

static void master_of(const keys_master_t *from, master_t *ret)
{
    uint8_t check[SECRET_BYTES];
    crypto_kdf_derive_from_key(check, sizeof check, SUB_CHECK, KDF_CONTEXT, from->key.b);
    memcpy(ret->check, check, sizeof ret->check);
    sodium_memzero(check, sizeof check);
    crypto_kdf_derive_from_key(ret->wrap.b, SECRET_BYTES, SUB_WRAP + from->epoch, KDF_CONTEXT,
                               from->key.b);
    crypto_kdf_derive_from_key(ret->wrap_blind.b, SECRET_BYTES, SUB_WRAP_BLIND, KDF_CONTEXT,
                               from->key.b);
    __atomic_store_n(&ret->epoch, from->epoch, __ATOMIC_RELEASE);
}

static void blind_make(const secret_t *first, blinds_t *ret)
{
    for (unsigned i = 0; i < BLIND_KINDS; i++) {
        crypto_kdf_derive_from_key(ret->key[i].b, SECRET_BYTES, SUB_BLIND + 1 + i, KDF_CONTEXT,
                                   first->b);
    }
}

_Static_assert(sizeof(blinds_t) == BLIND_KINDS * SECRET_BYTES, "no padding");
_Static_assert(KEYS_BLIND_WRAPPED == NONCE + sizeof(blinds_t) + 16, "nonce, keys, tag");

static void blind_aad(uint32_t epoch, buf_t *b)
{
    buf_put(b, SLICE("sekisho blind 1 "));
    buf_u32(b, epoch);
    CHECK(!b->full);
}

static err_t blind_open(const master_t *m, const keys_header_t *h, blinds_t *ret)
{
    uint8_t mem[32];
    buf_t aad = BUF_ON_ARRAY(mem);
    blind_aad(h->epoch, &aad);
    ENSURE(crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)ret, NULL, NULL, h->blind + NONCE,
                                                      KEYS_BLIND_WRAPPED - NONCE, aad.ptr, aad.len,
                                                      h->blind, m->wrap_blind.b) == 0,
           ERR_CRYPTO);
    return OK;
}

static err_t ring_fill(keys_t *k, const keys_master_t *masters, size_t n, const keys_header_t *h)
{
    size_t of_header = 0;
    ENSURE(n >= 1 && n <= KEYS_MASTERS, ERR_USAGE);
    for (size_t i = 0; i < n; i++) {
        master_of(&masters[i], &k->masters[i]);
    }
    while (h && of_header < n &&
           sodium_memcmp(k->masters[of_header].check, h->check, KEYS_CHECK) != 0) {
        of_header++;
    }
    ENSURE(of_header < n && (!h || masters[of_header].epoch == h->epoch), ERR_CRYPTO);
    if (h && h->epoch > KEYS_EPOCH) {
        return blind_open(&k->masters[of_header], h, &k->blind);
    }
    ENSURE(masters[of_header].epoch == KEYS_EPOCH, ERR_CRYPTO);
    blind_make(&masters[of_header].key, &k->blind);
    return OK;
}

static err_t ring_new(const keys_master_t *masters, size_t n, const keys_header_t *header,
                      keys_t **ret_keys)
{
    CHECK(sodium_init() >= 0);
    keys_t *k = sodium_malloc(sizeof *k);
    ENSURE(k, ERR_MEMORY);
    memset(k, 0, sizeof *k);
    err_t e = ring_fill(k, masters, n, header);
    if (err_failed(e)) {
        sodium_free(k);
        return e;
    }
    CHECK(sodium_mprotect_readonly(k) == 0);
    *ret_keys = k;
    return OK;
}

err_t keys_open_ring(keys_master_t *masters, size_t n, const keys_header_t *header,
                     keys_t **ret_keys)
{
    err_t e = ring_new(masters, n, header, ret_keys);
    sodium_memzero(masters, n * sizeof *masters);
    return e;
}

err_t keys_new(secret_t *master, keys_t **ret_keys)
{
    keys_master_t one = {.epoch = KEYS_EPOCH, .key = *master};
    secret_wipe(master);
    return keys_open_ring(&one, 1, NULL, ret_keys);
}

void keys_free(keys_t *k)
{
    sodium_free(k);
}

static uint32_t epoch_at(const keys_t *k, size_t i)
{
    return __atomic_load_n(&k->masters[i].epoch, __ATOMIC_ACQUIRE);
}

static const master_t *master_find(const keys_t *k, uint32_t epoch)
{
    for (size_t i = 0; i < KEYS_MASTERS; i++) {
        if (epoch && epoch_at(k, i) == epoch) {
            return &k->masters[i];
        }
    }
    return NULL;
}

uint32_t keys_newest(const keys_t *k)
{
    uint32_t a = epoch_at(k, 0), b = epoch_at(k, 1);
    return a > b ? a : b;
}

uint32_t keys_oldest(const keys_t *k)
{
    uint32_t a = epoch_at(k, 0), b = epoch_at(k, 1);
    return a && (!b || a < b) ? a : b;
}

err_t keys_add(keys_t *k, keys_master_t *master)
{
    size_t place = epoch_at(k, 0) ? 1 : 0;
    err_t e = OK;
    if (epoch_at(k, place)) {
        e = FAIL(ERR_EXISTS);
    } else if (master->epoch != keys_newest(k) + 1) {
        e = FAIL(ERR_RANGE);
    } else {
        CHECK(sodium_mprotect_readwrite(k) == 0);
        master_of(master, &k->masters[place]);
        CHECK(sodium_mprotect_readonly(k) == 0);
    }
    sodium_memzero(master, sizeof *master);
    return e;
}

void keys_drop(keys_t *k, uint32_t epoch)
{
    CHECK(sodium_mprotect_readwrite(k) == 0);
    for (size_t i = 0; i < KEYS_MASTERS; i++) {
        if (k->masters[i].epoch == epoch) {
            __atomic_store_n(&k->masters[i].epoch, 0, __ATOMIC_RELEASE);
            sodium_memzero(&k->masters[i], sizeof k->masters[i]);
        }
    }
    CHECK(sodium_mprotect_readonly(k) == 0);
}

bool keys_check_known(const keys_t *k, const uint8_t check[KEYS_CHECK], uint32_t *ret_epoch)
{
    for (size_t i = 0; i < KEYS_MASTERS; i++) {
        uint32_t epoch = epoch_at(k, i);
        if (epoch && sodium_memcmp(k->masters[i].check, check, KEYS_CHECK) == 0) {
            if (ret_epoch) {
                *ret_epoch = epoch;
            }
            return true;
        }
    }
    return false;
}

void keys_header(const keys_t *k, uint32_t epoch, keys_header_t *ret_header)
{
    const master_t *m = master_find(k, epoch);
    CHECK(m);
    keys_header_t h = {.epoch = epoch};
    memcpy(h.check, m->check, sizeof h.check);
    if (epoch > KEYS_EPOCH) {
        uint8_t mem[32];
        buf_t aad = BUF_ON_ARRAY(mem);
        blind_aad(epoch, &aad);
        random_bytes(h.blind, NONCE);
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            h.blind + NONCE, NULL, (const uint8_t *)&k->blind, sizeof k->blind, aad.ptr, aad.len,
            NULL, h.blind, m->wrap_blind.b);
    }
    *ret_header = h;
}

static void slot_aad(const keys_slot_t *at, buf_t *b)
{
    buf_put(b, SLICE("sekisho slot  1 "));
    buf_u8(b, (uint8_t)at->file);
    buf_u32(b, at->slot);
    buf_u32(b, at->epoch);
    buf_u32(b, at->generation);
    buf_u32(b, at->month);
    buf_put(b, id_slice(&at->subject));
    CHECK(!b->full);
}

static void wrap(const keys_t *k, const pair_t *pair, keys_wrapped_t *w)
{
    w->at.epoch = keys_newest(k);
    random_bytes(w->bytes, NONCE);
    uint8_t mem[SLOT_AAD];
    buf_t aad = BUF_ON_ARRAY(mem);
    slot_aad(&w->at, &aad);
    crypto_aead_xchacha20poly1305_ietf_encrypt(w->bytes + NONCE, NULL, (const uint8_t *)pair,
                                               sizeof *pair, aad.ptr, aad.len, NULL, w->bytes,
                                               master_find(k, w->at.epoch)->wrap.b);
}

void keys_make(const keys_t *k, keys_wrapped_t *w)
{
    PAIR_SCOPED pair_t pair;
    random_bytes(&pair, sizeof pair);
    wrap(k, &pair, w);
}

static err_t unwrap(const keys_t *k, const keys_wrapped_t *w, pair_t *out)
{
    const master_t *m = master_find(k, w->at.epoch);
    ENSURE(m, ERR_CRYPTO);
    uint8_t mem[SLOT_AAD];
    buf_t aad = BUF_ON_ARRAY(mem);
    slot_aad(&w->at, &aad);
    ENSURE(crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out, NULL, NULL, w->bytes + NONCE,
                                                      KEYS_WRAPPED - NONCE, aad.ptr, aad.len,
                                                      w->bytes, m->wrap.b) == 0,
           ERR_CRYPTO);
    return OK;
}

err_t keys_rewrap(const keys_t *k, keys_wrapped_t *io_key)
{
    PAIR_SCOPED pair_t pair;
    TRY(unwrap(k, io_key, &pair));
    wrap(k, &pair, io_key);
    return OK;
}

err_t keys_pseudonym(const keys_t *k, const keys_wrapped_t *w, id128_t *ret_pseudonym)
{
    PAIR_SCOPED pair_t pair;
    TRY(unwrap(k, w, &pair));
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256(mac, w->at.subject.b, ID_BYTES, pair.salt.b);
    *ret_pseudonym = id_from_bytes(mac);
    return OK;
}

static void place_of_slot(const keys_slot_t *at, envelope_place_t *place)
{
    CHECK(id_eq(at->subject, place->subject));
    bool of_month = at->file == KEYS_OF_MONTH;
    place->kind = of_month ? ENVELOPE_PAYLOAD : ENVELOPE_FIELD;
    place->epoch = of_month ? at->month : at->generation;
}

err_t keys_seal(const keys_t *k, const keys_wrapped_t *w, envelope_place_t place, slice_t plain,
                buf_t *out)
{
    place_of_slot(&w->at, &place);
    PAIR_SCOPED pair_t pair;
    TRY(unwrap(k, w, &pair));
    return envelope_seal(&pair.data, &place, plain, out);
}

err_t keys_open(const keys_t *k, const keys_wrapped_t *w, envelope_place_t place, slice_t sealed,
                buf_t *out)
{
    place_of_slot(&w->at, &place);
    PAIR_SCOPED pair_t pair;
    TRY(unwrap(k, w, &pair));
    return envelope_open(&pair.data, &place, sealed, out);
}

void keys_blind(const keys_t *k, unsigned kind, slice_t folded, uint8_t ret_index[KEYS_BLIND])
{
    CHECK(kind >= 1 && kind <= BLIND_KINDS);
    crypto_generichash_blake2b(ret_index, KEYS_BLIND, folded.ptr, folded.len,
                               k->blind.key[kind - 1].b, SECRET_BYTES);
}

/* The pair is made anew from the slot each time, and gone with it. */
static err_t evidence_pair(const keys_t *k, const keys_wrapped_t *w,
                           uint8_t ret_public[SECRET_BYTES], secret_t *ret_secret)
{
    PAIR_SCOPED pair_t pair;
    TRY(unwrap(k, w, &pair));
    CHECK(crypto_box_seed_keypair(ret_public, ret_secret->b, pair.data.b) == 0);
    return OK;
}

err_t keys_evidence_public(const keys_t *k, const keys_wrapped_t *w,
                           uint8_t ret_public[SECRET_BYTES])
{
    SECRET_SCOPED secret_t secret;
    return evidence_pair(k, w, ret_public, &secret);
}

err_t keys_evidence_open(const keys_t *k, const keys_wrapped_t *w, slice_t inner, buf_t *out)
{
    SECRET_SCOPED secret_t secret;
    uint8_t public_half[SECRET_BYTES];
    TRY(evidence_pair(k, w, public_half, &secret));
    return evidence_inner_open(secret.b, inner, out);
}

static err_t key_line(path_t path, slice_t label, const uint8_t key[32], mode_t mode)
{
    uint8_t mem[LINE_MAX_BYTES];
    buf_t line = BUF_ON_ARRAY(mem);
    buf_put(&line, label);
    buf_hex(&line, slice_make(key, 32));
    buf_u8(&line, '\n');
    err_t e = file_create(path, buf_slice(&line), mode, (uid_t)-1, (gid_t)-1);
    sodium_memzero(mem, sizeof mem);
    return e;
}

/* A private half that was made before its public half could be written. */
static err_t secret_line(arena_t *a, path_t path, secret_t *ret)
{
    slice_t text;
    TRY(file_read(a, path, LINE_MAX_BYTES, &text));
    text = slice_trim(text);
    slice_t label = SECRET_LABEL;
    ENSURE(slice_starts(text, label), ERR_CORRUPT);
    slice_t hex = slice_from(text, label.len);
    size_t len = 0;
    ENSURE(sodium_hex2bin(ret->b, sizeof ret->b, (const char *)hex.ptr, hex.len, NULL, &len,
                          NULL) == 0,
           ERR_CORRUPT);
    ENSURE(len == sizeof ret->b && hex.len == 2 * len, ERR_CORRUPT);
    return OK;
}

err_t keys_investigator(arena_t *a, path_t etc_dir, path_t offline_dir)
{
    CHECK(sodium_init() >= 0);
    path_t pub;
    path_t key;
    TRY(path_join(a, etc_dir, SLICE("investigator.pub"), &pub));
    TRY(path_join(a, offline_dir, SLICE("investigator.key"), &key));
    struct stat st;
    if (stat(pub.text, &st) == 0) {
        return OK;
    }
    SECRET_SCOPED secret_t secret;
    uint8_t public_half[crypto_box_PUBLICKEYBYTES];
    err_t e = secret_line(a, key, &secret);
    if (err_is(e, ERR_NOT_FOUND)) {
        /* The private half first: a public half alone would seal evidence for nobody. */
        crypto_box_keypair(public_half, secret.b);
        TRY(dir_ensure(offline_dir, 0700, (uid_t)-1, (gid_t)-1));
        TRY(key_line(key, SECRET_LABEL, secret.b, 0400));
    } else {
        TRY(e);
        crypto_scalarmult_base(public_half, secret.b);
    }
    return key_line(pub, SLICE("x25519 "), public_half, 0444);
}
