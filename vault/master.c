/* THIS FILE HOLDS THE MASTER KEY, and what opens it, between the disk and the ring (keys.c): on the
 * stack, wiped before a function returns. */
#include "master.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

enum {
    VERSION = 1,
    HEAD = 72, /* what is authenticated */
    SALT = 16,
    NONCE = 24,
    TAG = 16,
    TOKEN_IV = 12,
    ARENA = 32 * 1024,
    MEMORY_MAX_KIB = 4 * 1024 * 1024,
    PASSES_MAX = 64,
    EPOCH_MAX = 1000000,
};

static const uint8_t MAGIC[8] = {'S', 'e', 'k', 'i', 'M', 's', 't', 'r'};

typedef struct sealed {
    uint8_t magic[8];
    uint32_t version, kind, epoch, passes, memory_kib, zero;
    uint8_t salt[SALT];
    uint8_t nonce[NONCE];
    uint8_t body[SECRET_BYTES + TAG];
    uint8_t rest[MASTER_SEALED - HEAD - SECRET_BYTES - TAG];
} sealed_t;

_Static_assert(sizeof(sealed_t) == MASTER_SEALED && offsetof(sealed_t, body) == HEAD, "FORMAT.md");

static err_t say(master_why_t *why, err_t e, const char *text)
{
    snprintf(why->text, sizeof why->text, "%s", text);
    return e;
}

/* What seals it: by kind. */

static err_t key_of_passphrase(const master_source_t *s, const sealed_t *f, secret_t *ret,
                               master_why_t *why)
{
    if (s->typed->len == 0) {
        return say(why, FAIL(ERR_NOT_FOUND),
                   "a passphrase is needed: sekisho up asks for it, or --vault-secret-fd gives it");
    }
    if (f->passes < 1 || f->passes > PASSES_MAX || f->memory_kib < 8 ||
        f->memory_kib > MEMORY_MAX_KIB) {
        return say(why, FAIL(ERR_CORRUPT), "the file of the master key is damaged");
    }
    if (crypto_pwhash(ret->b, sizeof ret->b, (const char *)s->typed->b, s->typed->len, f->salt,
                      f->passes, (size_t)f->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return say(why, FAIL(ERR_MEMORY), "no memory for Argon2id");
    }
    return OK;
}

static err_t key_of_credential(const master_source_t *s, const sealed_t *f, secret_t *ret,
                               master_why_t *why)
{
    BASE_CLEANUP(arena_deinit) arena_t a; /* wiped at its end */
    path_t dir, file;
    slice_t secret;
    arena_init(&a, ARENA);
    if (!s->credentials) {
        return say(why, FAIL(ERR_NOT_FOUND),
                   "CREDENTIALS_DIRECTORY is not set: LoadCredential=" MASTER_CREDENTIAL_NAME
                   " in the unit that starts sekisho");
    }
    TRY(path_from_conf(&a, slice_cstr_in(s->credentials), &dir));
    TRY(path_join(&a, dir, SLICE(MASTER_CREDENTIAL_NAME), &file));
    if (err_failed(file_read(&a, file, MASTER_SECRET_MAX, &secret))) {
        return say(why, FAIL(ERR_NOT_FOUND),
                   "the credential " MASTER_CREDENTIAL_NAME " cannot be read");
    }
    if (secret.len < MASTER_CREDENTIAL_MIN) {
        return say(why, FAIL(ERR_CORRUPT),
                   "the credential " MASTER_CREDENTIAL_NAME " is shorter than 32 bytes");
    }
    crypto_generichash_state state;
    crypto_generichash_init(&state, f->salt, sizeof f->salt, sizeof ret->b);
    crypto_generichash_update(&state, (const uint8_t *)"sekisho master 1", 16);
    crypto_generichash_update(&state, secret.ptr, secret.len);
    crypto_generichash_final(&state, ret->b, sizeof ret->b);
    sodium_memzero(&state, sizeof state);
    return OK;
}

static err_t key_of(const master_source_t *s, const sealed_t *f, secret_t *ret, master_why_t *why)
{
    return f->kind == MASTER_PASSPHRASE ? key_of_passphrase(s, f, ret, why)
                                        : key_of_credential(s, f, ret, why);
}

static slice_t head_of(const sealed_t *f)
{
    return slice_make(f, HEAD);
}

/* Opening. */

static err_t open_by_key(const master_source_t *s, const sealed_t *f, secret_t *ret,
                         master_why_t *why)
{
    SECRET_SCOPED secret_t key;
    TRY(key_of(s, f, &key, why));
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret->b, NULL, NULL, f->body, sizeof f->body,
                                                   (const uint8_t *)f, HEAD, f->nonce,
                                                   key.b) != 0) {
        return say(why, FAIL(ERR_AUTH),
                   f->kind == MASTER_PASSPHRASE
                       ? "the passphrase does not open the master key (or its file is damaged)"
                       : "the credential does not open the master key (or its file is damaged)");
    }
    return OK;
}

err_t master_open(const master_source_t *s, slice_t file, uint32_t epoch, secret_t *ret_key,
                  master_why_t *ret_why)
{
    sealed_t f;
    if (file.len == SECRET_BYTES) {
        memcpy(ret_key->b, file.ptr, SECRET_BYTES);
        return OK;
    }
    if (file.len != sizeof f || memcmp(file.ptr, MAGIC, sizeof MAGIC) != 0) {
        return say(ret_why, FAIL(ERR_CORRUPT), "the file of the master key is no such file");
    }
    memcpy(&f, file.ptr, sizeof f);
    if (f.version != VERSION || f.kind < MASTER_PASSPHRASE || f.kind > MASTER_TOKEN) {
        return say(ret_why, FAIL(ERR_VERSION), "the master key was sealed by a later program");
    }
    if (f.epoch != epoch) {
        return say(ret_why, FAIL(ERR_CORRUPT), "the file of the master key has another one's name");
    }
    return f.kind == MASTER_TOKEN
               ? master_token_crypt(&s->token, s->typed, false, slice_make(f.nonce, TOKEN_IV),
                                    head_of(&f), slice_make(f.body, sizeof f.body), ret_key->b,
                                    ret_why)
               : open_by_key(s, &f, ret_key, ret_why);
}

bool master_is_typed(slice_t file)
{
    sealed_t f;
    if (file.len != sizeof f || memcmp(file.ptr, MAGIC, sizeof MAGIC) != 0) {
        return false;
    }
    memcpy(&f, file.ptr, sizeof f);
    return f.kind == MASTER_PASSPHRASE || f.kind == MASTER_TOKEN;
}

/* Sealing. */

static err_t seal_into(const master_source_t *s, const secret_t *key, sealed_t *f,
                       master_why_t *why)
{
    SECRET_SCOPED secret_t by;
    if (s->kind == MASTER_TOKEN) {
        return master_token_crypt(&s->token, s->typed, true, slice_make(f->nonce, TOKEN_IV),
                                  head_of(f), slice_make(key->b, SECRET_BYTES), f->body, why);
    }
    TRY(key_of(s, f, &by, why));
    crypto_aead_xchacha20poly1305_ietf_encrypt(f->body, NULL, key->b, SECRET_BYTES,
                                               (const uint8_t *)f, HEAD, NULL, f->nonce, by.b);
    return OK;
}

err_t master_seal(const master_source_t *s, uint32_t epoch, const secret_t *key, buf_t *out,
                  master_why_t *ret_why)
{
    if (s->kind == MASTER_FILE) {
        buf_put(out, slice_make(key->b, SECRET_BYTES));
        return buf_check(out);
    }
    sealed_t f = {.version = VERSION, .kind = s->kind, .epoch = epoch};
    memcpy(f.magic, MAGIC, sizeof f.magic);
    if (s->kind == MASTER_PASSPHRASE) {
        f.passes = s->passes;
        f.memory_kib = s->memory_kib;
    }
    random_bytes(f.salt, sizeof f.salt);
    random_bytes(f.nonce, sizeof f.nonce);
    TRY(seal_into(s, key, &f, ret_why));
    buf_put(out, slice_make(&f, sizeof f));
    return buf_check(out);
}

/* Files. "master.key" is the first; "master-N.key" each later one. */

static void name_of(uint32_t epoch, char out[32])
{
    if (epoch == KEYS_EPOCH) {
        snprintf(out, 32, "master.key");
    } else {
        snprintf(out, 32, "master-%u.key", (unsigned)epoch);
    }
}

static bool epoch_of(const char *name, uint32_t *ret_epoch)
{
    slice_t s = slice_cstr_in(name);
    uint64_t epoch = KEYS_EPOCH;
    bool first = slice_eq(s, SLICE("master.key"));
    if (!first &&
        (!slice_starts(s, SLICE("master-")) || !slice_ends(s, SLICE(".key")) || s.len < 12 ||
         err_failed(slice_parse_u64(slice_sub(s, 7, s.len - 11), EPOCH_MAX, &epoch)))) {
        return false;
    }
    *ret_epoch = (uint32_t)epoch;
    return first || epoch > KEYS_EPOCH;
}

static err_t file_load(arena_t *a, path_t file, uid_t owner, slice_t *ret, master_why_t *why)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    TRY(fd_open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd));
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != owner || (st.st_mode & 077) != 0) {
        return say(why, FAIL(ERR_DENIED),
                   "the file of the master key is not the vault's alone (owner, mode 0400)");
    }
    if (st.st_size != SECRET_BYTES && st.st_size != MASTER_SEALED) {
        return say(why, FAIL(ERR_CORRUPT), "the file of the master key has a wrong length");
    }
    uint8_t *at = ARENA_ARRAY(a, uint8_t, (size_t)st.st_size);
    ENSURE(at, ERR_MEMORY);
    TRY(fd_read_all(fd, at, (size_t)st.st_size));
    *ret = slice_make(at, (size_t)st.st_size);
    return OK;
}

static err_t one_load(path_t dir, uid_t owner, const master_source_t *s, uint32_t epoch,
                      keys_master_t *ret, master_why_t *why)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    char name[32];
    path_t file;
    slice_t bytes;
    arena_init(&a, ARENA);
    name_of(epoch, name);
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    TRY(file_load(&a, file, owner, &bytes, why));
    ret->epoch = epoch;
    return master_open(s, bytes, epoch, &ret->key, why);
}

static err_t epochs_find(path_t dir, uint32_t out[KEYS_MASTERS], size_t *ret_n, master_why_t *why)
{
    size_t n = 0;
    uint32_t epoch;
    DIR *d = opendir(dir.text);
    if (!d) {
        return fd_err(errno);
    }
    for (struct dirent *row; (row = readdir(d));) {
        if (!epoch_of(row->d_name, &epoch)) {
            continue;
        }
        if (n < KEYS_MASTERS) {
            out[n] = epoch;
        }
        n++;
    }
    closedir(d);
    if (n > KEYS_MASTERS || (n == 2 && out[0] + 1 != out[1] && out[1] + 1 != out[0])) {
        return say(why, FAIL(ERR_CONFLICT), "master keys lie there that do not follow each other");
    }
    if (n == 2 && out[0] > out[1]) {
        uint32_t first = out[1];
        out[1] = out[0];
        out[0] = first;
    }
    *ret_n = n;
    return OK;
}

static err_t dir_sync(path_t dir)
{
    FD_SCOPED int fd = -1;
    TRY(fd_open(dir, O_RDONLY | O_DIRECTORY, 0, &fd));
    return fsync(fd) == 0 ? OK : fd_err(errno);
}

err_t master_load(path_t dir, uid_t owner, const master_source_t *s,
                  keys_master_t ret_masters[KEYS_MASTERS], size_t *ret_n, master_why_t *ret_why)
{
    uint32_t epochs[KEYS_MASTERS];
    size_t n = 0;
    CHECK(sodium_init() >= 0);
    TRY(epochs_find(dir, epochs, &n, ret_why));
    ENSURE(n, ERR_NOT_FOUND);
    if (n > 1) {
        TRY(dir_sync(dir)); /* no slot may be wrapped by a key whose file a power cut could take */
    }
    for (size_t i = 0; i < n; i++) {
        err_t e = one_load(dir, owner, s, epochs[i], &ret_masters[i], ret_why);
        if (err_failed(e)) {
            sodium_memzero(ret_masters, KEYS_MASTERS * sizeof *ret_masters);
            /* what would open it is not there; the file itself is */
            return err_is(e, ERR_NOT_FOUND) ? FAIL(ERR_UNAVAILABLE) : e;
        }
    }
    *ret_n = n;
    return OK;
}

static err_t stored_same(path_t dir, uid_t owner, const master_source_t *s,
                         const keys_master_t *master, master_why_t *why)
{
    keys_master_t again = {0};
    err_t e = one_load(dir, owner, s, master->epoch, &again, why);
    bool same = sodium_memcmp(again.key.b, master->key.b, SECRET_BYTES) == 0;
    sodium_memzero(&again, sizeof again);
    TRY(e);
    ENSURE(same, ERR_CRYPTO);
    return OK;
}

err_t master_store(path_t dir, uid_t owner, gid_t group, const master_source_t *s,
                   const keys_master_t *master, master_why_t *ret_why)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    uint8_t mem[MASTER_SEALED];
    buf_t bytes = BUF_ON_ARRAY(mem);
    char name[32];
    path_t file;
    bool ours = owner == geteuid();
    CHECK(sodium_init() >= 0);
    arena_init(&a, ARENA);
    name_of(master->epoch, name);
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    TRY(master_seal(s, master->epoch, &master->key, &bytes, ret_why));
    err_t e = file_create(file, buf_slice(&bytes), 0400, ours ? (uid_t)-1 : owner,
                          ours ? (gid_t)-1 : group);
    sodium_memzero(mem, sizeof mem);
    TRY(e);
    e = stored_same(dir, owner, s, master, ret_why);
    if (err_failed(e)) {
        err_ignore(master_destroy(dir, master->epoch)); /* nobody uses it yet */
    }
    return e;
}

static err_t file_destroy(path_t file)
{
    static const uint8_t ZEROS[MASTER_SEALED];
    FD_SCOPED int fd = -1;
    struct stat st;
    if (lstat(file.text, &st) != 0) {
        return errno == ENOENT ? OK : fd_err(errno);
    }
    ENSURE(S_ISREG(st.st_mode) && st.st_size <= MASTER_SEALED, ERR_DENIED);
    if (chmod(file.text, 0600) != 0) {
        return fd_err(errno);
    }
    TRY(fd_open(file, O_WRONLY | O_NOFOLLOW, 0, &fd));
    TRY(fd_pwrite_all(fd, slice_make(ZEROS, (size_t)st.st_size), 0));
    TRY(fd_datasync(fd));
    return unlink(file.text) == 0 ? OK : fd_err(errno);
}

err_t master_destroy(path_t dir, uint32_t epoch)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    char name[32];
    path_t file;
    arena_init(&a, ARENA);
    name_of(epoch, name);
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    TRY(file_destroy(file));
    return dir_sync(dir);
}

err_t master_sweep(path_t dir)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    path_t file;
    arena_init(&a, ARENA);
    DIR *d = opendir(dir.text);
    if (!d) {
        return fd_err(errno);
    }
    err_t e = OK;
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        slice_t name = slice_cstr_in(row->d_name);
        if (slice_starts(name, SLICE("master")) && slice_ends(name, SLICE(".tmp"))) {
            e = path_join(&a, dir, name, &file);
            e = err_failed(e) ? e : file_destroy(file);
        }
    }
    closedir(d);
    TRY(e);
    return dir_sync(dir);
}
