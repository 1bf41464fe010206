#include "handover_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "io/secrets.h"
#include "text/b64.h"

enum { BLOCK = 64 * 1024, INI_MAX = 256 * 1024 };

static const char SIGN_KEY[] = "handover_sign";

bool bundle_is_secret(const char *name)
{
    static const char *const BEGIN[] = {"secrets/",    "offline/",         "backup/",
                                        "vault/keys",  "vault/month-keys", "vault/passwords.db",
                                        "vault/master"};
    for (size_t i = 0; i < BASE_COUNT(BEGIN); i++) {
        if (slice_starts(slice_cstr_in(name), slice_cstr_in(BEGIN[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- files ---- */

static err_t folders_make(bundle_t *b, arena_t *a, const char *name)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        slice_t at;
        TRY(arena_printf(a, &at, "%s/%.*s", b->dir.text, (int)(slash - name), name));
        if (mkdir((const char *)at.ptr, 0700) != 0 && errno != EEXIST) {
            return fd_err(errno);
        }
    }
    return OK;
}

static err_t file_make(bundle_t *b, const char *name, int *ret_fd)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t at;
    arena_init(&a, 64 * 1024);
    for (const char *c = name; *c; c++) { /* a line of SHA256SUMS */
        ENSURE((unsigned char)*c >= 0x20 && *c != '\\', ERR_ENCODING);
    }
    TRY(folders_make(b, &a, name));
    TRY(arena_printf(&a, &at, "%s/%s", b->dir.text, name));
    return fd_open((path_t){(const char *)at.ptr}, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0400,
                   ret_fd);
}

static err_t line_put(bundle_t *b, const char *name, const uint8_t sum[32])
{
    uint8_t mem[64];
    buf_t hex = BUF_ON_ARRAY(mem);
    buf_hex(&hex, slice_make(sum, 32));
    ENSURE(fprintf(b->sums, "%.*s  %s\n", SLICE_FMT(buf_slice(&hex)), name) > 0, ERR_DISK_FULL);
    return OK;
}

/* Blocks of zeros stay holes: a log is mostly that. */
static err_t block_put(int fd, const uint8_t *block, size_t n)
{
    if (sodium_is_zero(block, n)) {
        return lseek(fd, (off_t)n, SEEK_CUR) < 0 ? fd_err(errno) : OK;
    }
    return fd_write_all(fd, slice_make(block, n));
}

static err_t copy_run(bundle_t *b, int from, int to, uint8_t ret_sum[32])
{
    static uint8_t block[BLOCK];
    crypto_hash_sha256_state sha;
    uint64_t size = 0;
    crypto_hash_sha256_init(&sha);
    for (ssize_t n; (n = read(from, block, sizeof block)) != 0;) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fd_err(errno);
        }
        crypto_hash_sha256_update(&sha, block, (size_t)n);
        TRY(block_put(to, block, (size_t)n));
        size += (uint64_t)n;
    }
    if (ftruncate(to, (off_t)size) != 0) {
        return fd_err(errno);
    }
    crypto_hash_sha256_final(&sha, ret_sum);
    b->files++;
    b->bytes += size;
    return OK;
}

/* postgresql://user:PASSWORD@host/... and password=... */
static void redact_put(slice_t text, buf_t *out)
{
    slice_t line;
    while (slice_split(&text, '\n', &line)) {
        size_t at = slice_find(line, SLICE("://")), host = slice_find_byte(line, '@');
        size_t word = slice_find(line, SLICE("password="));
        size_t colon = at == SIZE_MAX ? SIZE_MAX : slice_find_byte(slice_from(line, at + 3), ':');
        if (word != SIZE_MAX) {
            buf_put(out, slice_sub(line, 0, word));
            buf_cstr(out, "password=[removed]");
        } else if (colon != SIZE_MAX && host != SIZE_MAX && at + 3 + colon < host) {
            buf_put(out, slice_sub(line, 0, at + 3 + colon));
            buf_cstr(out, ":[removed]");
            buf_put(out, slice_from(line, host));
        } else {
            buf_put(out, line);
        }
        buf_u8(out, '\n');
    }
}

static err_t ini_copy(bundle_t *b, const char *name, path_t from)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t text;
    buf_t out;
    arena_init(&a, 4 * INI_MAX);
    TRY(file_read(&a, from, INI_MAX, &text));
    TRY(arena_buf(&a, 2 * text.len + BLOCK, &out));
    redact_put(slice_ends(text, SLICE("\n")) ? slice_sub(text, 0, text.len - 1) : text, &out);
    TRY(buf_check(&out));
    return bundle_text(b, name, buf_slice(&out));
}

err_t bundle_copy(bundle_t *b, const char *name, path_t from)
{
    FD_SCOPED int in = -1, out = -1;
    uint8_t sum[32];
    if (slice_ends(slice_cstr_in(name), SLICE(".ini"))) {
        return ini_copy(b, name, from);
    }
    TRY(fd_open(from, O_RDONLY, 0, &in));
    TRY(file_make(b, name, &out));
    TRY(copy_run(b, in, out, sum));
    TRY(fd_datasync(out));
    return line_put(b, name, sum);
}

err_t bundle_text(bundle_t *b, const char *name, slice_t text)
{
    FD_SCOPED int out = -1;
    uint8_t sum[32];
    TRY(file_make(b, name, &out));
    TRY(fd_write_all(out, text));
    TRY(fd_datasync(out));
    crypto_hash_sha256(sum, text.ptr, text.len);
    b->files++;
    b->bytes += text.len;
    return line_put(b, name, sum);
}

static err_t sum_of(path_t file, uint8_t ret_sum[32], uint64_t *ret_size)
{
    static uint8_t block[BLOCK];
    FD_SCOPED int in = -1;
    crypto_hash_sha256_state sha;
    crypto_hash_sha256_init(&sha);
    TRY(fd_open(file, O_RDONLY | O_NOFOLLOW, 0, &in));
    *ret_size = 0;
    for (ssize_t n; (n = read(in, block, sizeof block)) != 0;) {
        ENSURE(n > 0 || errno == EINTR, ERR_IO);
        crypto_hash_sha256_update(&sha, block, n > 0 ? (size_t)n : 0);
        *ret_size += n > 0 ? (uint64_t)n : 0;
    }
    crypto_hash_sha256_final(&sha, ret_sum);
    return OK;
}

err_t bundle_list(bundle_t *b, const char *name)
{
    uint8_t sum[32];
    uint64_t size;
    TRY(sum_of(house_path(b->h, b->dir, name, NULL), sum, &size));
    b->files++;
    b->bytes += size;
    return line_put(b, name, sum);
}

/* ---- beginning, key, end ---- */

err_t bundle_begin(house_t *h, path_t dir, bundle_t *ret_bundle)
{
    bundle_t b = {.h = h, .dir = dir};
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    b.sums = fopen(house_path(h, dir, "SHA256SUMS", NULL).text, "wxe");
    if (!b.sums) {
        return fd_err(errno);
    }
    *ret_bundle = b;
    return OK;
}

void bundle_end(bundle_t *b)
{
    if (b->sums) {
        fclose(b->sums);
        b->sums = NULL;
    }
}

err_t bundle_key(house_t *h, uint8_t ret_public[32], uint8_t ret_secret[64])
{
    uint8_t mem[128];
    buf_t line = BUF_ON_ARRAY(mem);
    path_t dir = house_path(h, h->var, "secrets", "command", NULL);
    path_t pub = house_path(h, h->var, "etc", "handover.pub", NULL);
    err_t e = secrets_load_from(dir, SIGN_KEY, geteuid(), ret_secret, 64);
    if (err_is(e, ERR_NOT_FOUND)) {
        crypto_sign_keypair(ret_public, ret_secret);
        e = secrets_store_in(dir, SIGN_KEY, (uid_t)-1, (gid_t)-1, ret_secret, 64);
    }
    TRY(e);
    CHECK(crypto_sign_ed25519_sk_to_pk(ret_public, ret_secret) == 0);
    buf_cstr(&line, "ed25519 ");
    buf_hex(&line, slice_make(ret_public, 32));
    buf_u8(&line, '\n');
    return file_replace(pub, buf_slice(&line), 0444);
}

err_t bundle_sign(bundle_t *b, const uint8_t secret[64], uint8_t ret_sums[32])
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t text;
    uint8_t sig[crypto_sign_BYTES];
    path_t sums = house_path(b->h, b->dir, "SHA256SUMS", NULL);
    bool whole = fflush(b->sums) == 0 && fsync(fileno(b->sums)) == 0;
    bundle_end(b);
    ENSURE(whole, ERR_DISK_FULL);
    arena_init(&a, 256 * 1024 * 1024);
    TRY(file_read(&a, sums, 128 * 1024 * 1024, &text));
    crypto_hash_sha256(ret_sums, text.ptr, text.len);
    crypto_sign_detached(sig, NULL, text.ptr, text.len, secret);
    return file_create(house_path(b->h, b->dir, "SHA256SUMS.sig", NULL),
                       slice_make(sig, sizeof sig), 0400, (uid_t)-1, (gid_t)-1);
}

/* RFC 8410: the fixed head of an Ed25519 key, then its 32 bytes. */
void bundle_pem_put(const uint8_t public_half[32], buf_t *out)
{
    static const uint8_t HEAD[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t der[sizeof HEAD + 32];
    char text[sodium_base64_ENCODED_LEN(sizeof der, sodium_base64_VARIANT_ORIGINAL)];
    memcpy(der, HEAD, sizeof HEAD);
    memcpy(der + sizeof HEAD, public_half, 32);
    sodium_bin2base64(text, sizeof text, der, sizeof der, sodium_base64_VARIANT_ORIGINAL);
    buf_cstr(out, "-----BEGIN PUBLIC KEY-----\n");
    buf_cstr(out, text);
    buf_cstr(out, "\n-----END PUBLIC KEY-----\n");
}
