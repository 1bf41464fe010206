#include "backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cursor.h"

enum {
    HEAD = 136,
    BLOCK = 65536,
    SYNC_EVERY = 1024 * 1024,
    CIPHER = BLOCK + crypto_secretstream_xchacha20poly1305_ABYTES,
    SEALED_KEY = crypto_box_SEALBYTES + crypto_secretstream_xchacha20poly1305_KEYBYTES,
    STREAM_HEAD = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    SHA = crypto_hash_sha256_BYTES,
    SIG = crypto_sign_BYTES,
    DIGEST = crypto_generichash_BYTES_MAX,
};
_Static_assert(HEAD == 8 + 2 + 2 + 4 + BACKUP_HOUSE + SEALED_KEY + STREAM_HEAD, "BACKUP.md");

#define MAGIC "SKBACKUP"

void backup_house_name(const uint8_t seal_to[crypto_box_PUBLICKEYBYTES], char out[BACKUP_HOUSE + 1])
{
    id128_t id;
    char letters[ID_TEXT];
    crypto_generichash(id.b, ID_BYTES, seal_to, crypto_box_PUBLICKEYBYTES, NULL, 0);
    id_encode(id, letters);
    memcpy(out, letters, BACKUP_HOUSE);
    out[BACKUP_HOUSE] = 0;
}

/* ---- writing ---- */

struct backup_out {
    arena_t arena;
    path_t dir, tmp, final;
    int fd;
    uint8_t head[HEAD];
    bool begun; /* the first chunk, which carries the header, is written */
    uint8_t plain[BLOCK], cipher[4 + CIPHER];
    size_t used, unsynced;
    crypto_secretstream_xchacha20poly1305_state stream;
    crypto_generichash_state digest; /* what is signed */
    crypto_hash_sha256_state file;   /* of the file as it lies there */
    uint8_t sign[crypto_sign_SECRETKEYBYTES];
    backup_totals_t totals;
};

/* What is written goes to the disk bit by bit: one large fsync at the end would make the record
 * wait longer than it may (law 4: 250 ms), and customers with it. */
static err_t raw_write(backup_out_t *o, slice_t bytes)
{
    crypto_hash_sha256_update(&o->file, bytes.ptr, bytes.len);
    TRY(fd_write_all(o->fd, bytes));
    o->unsynced += bytes.len;
    if (o->unsynced >= SYNC_EVERY) {
        o->unsynced = 0;
        return fd_datasync(o->fd);
    }
    return OK;
}

static err_t chunk_write(backup_out_t *o, uint8_t tag)
{
    unsigned long long len = 0;
    buf_t length = buf_on(o->cipher, 4);
    crypto_secretstream_xchacha20poly1305_push(&o->stream, o->cipher + 4, &len, o->plain, o->used,
                                               o->begun ? NULL : o->head, o->begun ? 0 : HEAD, tag);
    buf_u32(&length, (uint32_t)len);
    o->begun = true;
    o->used = 0;
    return raw_write(o, slice_make(o->cipher, 4 + (size_t)len));
}

static err_t put(backup_out_t *o, slice_t bytes)
{
    crypto_generichash_update(&o->digest, bytes.ptr, bytes.len);
    while (bytes.len) {
        if (o->used == BLOCK) {
            TRY(chunk_write(o, 0));
        }
        size_t n = BLOCK - o->used < bytes.len ? BLOCK - o->used : bytes.len;
        memcpy(o->plain + o->used, bytes.ptr, n);
        o->used += n;
        bytes = slice_from(bytes, n);
    }
    return OK;
}

static void head_make(backup_out_t *o, backup_kind_t kind, const backup_writer_keys_t *keys)
{
    char house[BACKUP_HOUSE + 1];
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES], sealed[SEALED_KEY],
        stream_head[STREAM_HEAD];
    buf_t b = buf_on(o->head, HEAD);
    crypto_secretstream_xchacha20poly1305_keygen(key);
    crypto_secretstream_xchacha20poly1305_init_push(&o->stream, stream_head, key);
    CHECK(crypto_box_seal(sealed, key, sizeof key, keys->seal_to) == 0);
    sodium_memzero(key, sizeof key);
    backup_house_name(keys->seal_to, house);
    buf_cstr(&b, MAGIC);
    buf_u16(&b, BACKUP_VERSION);
    buf_u16(&b, (uint16_t)kind);
    buf_u32(&b, 0);
    buf_put(&b, slice_make(house, BACKUP_HOUSE));
    buf_put(&b, slice_make(sealed, sizeof sealed));
    buf_put(&b, slice_make(stream_head, sizeof stream_head));
    CHECK(!b.full && b.len == HEAD);
}

static err_t out_open(backup_out_t *o, path_t dir, const char *name)
{
    slice_t tmp;
    struct stat st;
    TRY(arena_cstr(&o->arena, slice_cstr_in(dir.text), &o->dir.text));
    TRY(path_join(&o->arena, dir, slice_cstr_in(name), &o->final));
    TRY(arena_printf(&o->arena, &tmp, "%s.tmp", o->final.text));
    o->tmp.text = (const char *)tmp.ptr;
    ENSURE(stat(dir.text, &st) == 0 && S_ISDIR(st.st_mode), ERR_NOT_FOUND);
    return fd_open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &o->fd);
}

err_t backup_out_new(path_t dir, const char *name, backup_kind_t kind,
                     const backup_writer_keys_t *keys, backup_out_t **ret_out)
{
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    backup_out_t *o = calloc(1, sizeof *o);
    ENSURE(o, ERR_MEMORY);
    o->fd = -1;
    arena_init(&o->arena, 64 * 1024);
    memcpy(o->sign, keys->sign, sizeof o->sign);
    crypto_hash_sha256_init(&o->file);
    crypto_generichash_init(&o->digest, NULL, 0, DIGEST);
    head_make(o, kind, keys);
    crypto_generichash_update(&o->digest, o->head, HEAD);
    err_t e = out_open(o, dir, name);
    if (!err_failed(e)) {
        e = raw_write(o, slice_make(o->head, HEAD));
    }
    if (err_failed(e)) {
        backup_out_abort(o);
        return e;
    }
    *ret_out = o;
    return OK;
}

/* Bytes up to the last one that is not zero. Holes are skipped where the file system tells of them.
 */
static err_t stored_find(int fd, uint64_t size, uint64_t *ret_stored)
{
    static uint8_t block[BLOCK];
    off_t data = 0, hole = 0;
    uint64_t end = 0;
    while ((data = lseek(fd, hole, SEEK_DATA)) >= 0 && (hole = lseek(fd, data, SEEK_HOLE)) >= 0) {
        end = (uint64_t)hole;
    }
    end = end < size ? end : size;
    while (end) {
        size_t n = end % BLOCK ? end % BLOCK : BLOCK;
        TRY(fd_pread_all(fd, block, n, (int64_t)(end - n)));
        for (size_t i = n; i > 0; i--) {
            if (block[i - 1]) {
                *ret_stored = end - n + i;
                return OK;
            }
        }
        end -= n;
    }
    *ret_stored = 0;
    return OK;
}

static err_t entry_put(backup_out_t *o, const char *name, const char *owner, mode_t mode,
                       uint64_t size, uint64_t stored)
{
    uint8_t mem[BACKUP_PATH_MAX + BACKUP_OWNER_MAX + 64];
    buf_t b = BUF_ON_ARRAY(mem);
    ENSURE(strlen(name) <= BACKUP_PATH_MAX && strlen(owner) <= BACKUP_OWNER_MAX, ERR_LIMIT);
    buf_u8(&b, 'F');
    buf_str16(&b, slice_cstr_in(name));
    buf_str16(&b, slice_cstr_in(owner));
    buf_u16(&b, (uint16_t)(mode & 07777));
    buf_u64(&b, size);
    buf_u64(&b, stored);
    TRY(buf_check(&b));
    return put(o, buf_slice(&b));
}

err_t backup_out_file(backup_out_t *o, const char *name, const char *owner, mode_t mode, path_t at)
{
    static uint8_t block[BLOCK];
    FD_SCOPED int fd = -1;
    struct stat st;
    uint64_t stored;
    uint8_t sha[SHA];
    crypto_hash_sha256_state hash;
    TRY(fd_open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd));
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    TRY(stored_find(fd, (uint64_t)st.st_size, &stored));
    TRY(entry_put(o, name, owner, mode, (uint64_t)st.st_size, stored));
    crypto_hash_sha256_init(&hash);
    for (uint64_t done = 0; done < stored;) {
        size_t n = stored - done < sizeof block ? (size_t)(stored - done) : sizeof block;
        TRY(fd_pread_all(fd, block, n, (int64_t)done));
        crypto_hash_sha256_update(&hash, block, n);
        TRY(put(o, slice_make(block, n)));
        done += n;
    }
    crypto_hash_sha256_final(&hash, sha);
    o->totals.files++;
    o->totals.bytes += (uint64_t)st.st_size;
    return put(o, slice_make(sha, sizeof sha));
}

backup_totals_t backup_out_totals(const backup_out_t *o)
{
    return o->totals;
}

static err_t manifest_put(backup_out_t *o, slice_t manifest)
{
    uint8_t mem[8], digest[DIGEST], sig[SIG];
    buf_t b = BUF_ON_ARRAY(mem);
    ENSURE(manifest.len <= BACKUP_MANIFEST_MAX, ERR_LIMIT);
    buf_u8(&b, 'M');
    buf_u32(&b, (uint32_t)manifest.len);
    TRY(put(o, buf_slice(&b)));
    TRY(put(o, manifest));
    crypto_generichash_state now = o->digest;
    crypto_generichash_final(&now, digest, sizeof digest);
    crypto_sign_detached(sig, NULL, digest, sizeof digest, o->sign);
    TRY(put(o, SLICE("S")));
    return put(o, slice_make(sig, sizeof sig));
}

static err_t finish(backup_out_t *o, slice_t manifest)
{
    FD_SCOPED int dir = -1;
    TRY(manifest_put(o, manifest));
    TRY(chunk_write(o, crypto_secretstream_xchacha20poly1305_TAG_FINAL));
    if (fsync(o->fd) != 0) {
        return fd_err(errno);
    }
    TRY(fd_open(o->dir, O_RDONLY | O_DIRECTORY, 0, &dir));
    if (rename(o->tmp.text, o->final.text) != 0 || fsync(dir) != 0) {
        return fd_err(errno);
    }
    return OK;
}

err_t backup_out_finish(backup_out_t *o, slice_t manifest, uint8_t ret_sha256[32])
{
    err_t e = finish(o, manifest);
    if (!err_failed(e)) {
        crypto_hash_sha256_final(&o->file, ret_sha256);
        o->tmp.text = NULL;
    }
    backup_out_abort(o);
    return e;
}

void backup_out_abort(backup_out_t *o)
{
    if (!o) {
        return;
    }
    if (o->fd >= 0 && o->tmp.text) {
        unlink(o->tmp.text);
    }
    fd_close(&o->fd);
    arena_deinit(&o->arena);
    sodium_memzero(o, sizeof *o);
    free(o);
}

/* ---- reading ---- */

typedef struct in {
    int fd;
    uint8_t head[HEAD];
    bool begun, final;
    uint8_t plain[BLOCK], cipher[CIPHER];
    size_t have, at;
    crypto_secretstream_xchacha20poly1305_state stream;
    crypto_generichash_state digest;
    backup_fault_t fault;
} in_t;

static err_t say(in_t *in, err_t e, backup_fault_t fault)
{
    if (in->fault == BACKUP_FINE) {
        in->fault = fault;
    }
    return e;
}

static err_t cut(in_t *in)
{
    return say(in, FAIL(ERR_CORRUPT), BACKUP_CUT);
}

static err_t chunk_read(in_t *in)
{
    uint8_t length[4];
    unsigned long long len = 0;
    uint8_t tag = 0;
    if (in->final) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_ALTERED);
    }
    err_t e = fd_read_all(in->fd, length, sizeof length);
    if (err_is(e, ERR_CLOSED)) {
        return cut(in);
    }
    TRY(e);
    cursor_t c = cur_on(slice_make(length, sizeof length));
    size_t n = cur_u32(&c);
    if (n < crypto_secretstream_xchacha20poly1305_ABYTES || n > CIPHER) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_ALTERED);
    }
    e = fd_read_all(in->fd, in->cipher, n);
    if (err_is(e, ERR_CLOSED)) {
        return cut(in);
    }
    TRY(e);
    if (crypto_secretstream_xchacha20poly1305_pull(&in->stream, in->plain, &len, &tag, in->cipher,
                                                   n, in->begun ? NULL : in->head,
                                                   in->begun ? 0 : HEAD) != 0) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_ALTERED);
    }
    in->begun = true;
    in->final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    in->have = (size_t)len;
    in->at = 0;
    return OK;
}

/* Up to max bytes that stand ready, at least one. */
static err_t some(in_t *in, size_t max, slice_t *ret_bytes)
{
    while (in->at == in->have) {
        TRY(chunk_read(in));
    }
    size_t n = in->have - in->at < max ? in->have - in->at : max;
    *ret_bytes = slice_make(in->plain + in->at, n);
    in->at += n;
    return OK;
}

static err_t get(in_t *in, void *out, size_t len, bool is_signed)
{
    uint8_t *to = out;
    while (len) {
        slice_t part;
        TRY(some(in, len, &part));
        memcpy(to, part.ptr, part.len);
        if (is_signed) {
            crypto_generichash_update(&in->digest, part.ptr, part.len);
        }
        to += part.len;
        len -= part.len;
    }
    return OK;
}

static err_t head_read(in_t *in, backup_kind_t kind, const backup_reader_keys_t *keys)
{
    char house[BACKUP_HOUSE + 1];
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    err_t e = fd_read_all(in->fd, in->head, HEAD);
    if (err_is(e, ERR_CLOSED)) {
        return cut(in);
    }
    TRY(e);
    cursor_t c = cur_on(slice_make(in->head, HEAD));
    if (!slice_eq(cur_bytes(&c, 8), SLICE(MAGIC))) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_NONE);
    }
    if (cur_u16(&c) != BACKUP_VERSION) {
        return say(in, FAIL(ERR_VERSION), BACKUP_LATER);
    }
    if (cur_u16(&c) != kind || cur_u32(&c) != 0) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_NONE);
    }
    backup_house_name(keys->seal_to, house);
    if (!slice_eq(cur_bytes(&c, BACKUP_HOUSE), slice_make(house, BACKUP_HOUSE))) {
        return say(in, FAIL(ERR_CRYPTO), BACKUP_OTHER_KEY);
    }
    slice_t sealed = cur_bytes(&c, SEALED_KEY);
    slice_t stream_head = cur_bytes(&c, STREAM_HEAD);
    if (crypto_box_seal_open(key, sealed.ptr, sealed.len, keys->seal_to, keys->open) != 0) {
        return say(in, FAIL(ERR_CRYPTO), BACKUP_OTHER_KEY);
    }
    int bad = crypto_secretstream_xchacha20poly1305_init_pull(&in->stream, stream_head.ptr, key);
    sodium_memzero(key, sizeof key);
    ENSURE(bad == 0, ERR_CORRUPT);
    return OK;
}

static err_t text_get(in_t *in, char *out, size_t max)
{
    uint8_t length[2];
    TRY(get(in, length, sizeof length, true));
    size_t n = (size_t)length[0] | (size_t)length[1] << 8;
    ENSURE(n > 0 && n <= max, ERR_CORRUPT);
    TRY(get(in, out, n, true));
    out[n] = 0;
    ENSURE(strlen(out) == n, ERR_CORRUPT);
    return OK;
}

/* Relative, inside, no dots. */
static bool name_is_plain(const char *name)
{
    slice_t rest = slice_cstr_in(name), part;
    while (slice_split(&rest, '/', &part)) {
        if (!part.len || slice_eq(part, SLICE(".")) || slice_eq(part, SLICE(".."))) {
            return false;
        }
    }
    return true;
}

static err_t entry_get(in_t *in, backup_entry_t *ret)
{
    uint8_t mem[2 + 8 + 8];
    backup_entry_t e = {0};
    TRY(text_get(in, e.name, BACKUP_PATH_MAX));
    TRY(text_get(in, e.owner, BACKUP_OWNER_MAX));
    TRY(get(in, mem, sizeof mem, true));
    cursor_t c = cur_on(slice_make(mem, sizeof mem));
    e.mode = cur_u16(&c);
    e.size = cur_u64(&c);
    e.stored = cur_u64(&c);
    ENSURE(name_is_plain(e.name) && (e.mode & ~07777U) == 0, ERR_CORRUPT);
    ENSURE(e.stored <= e.size && e.size <= INT64_MAX, ERR_CORRUPT);
    *ret = e;
    return OK;
}

static err_t body_get(in_t *in, const backup_entry_t *entry, int fd)
{
    uint8_t sha[SHA], want[SHA];
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    for (uint64_t left = entry->stored; left;) {
        slice_t part;
        TRY(some(in, left < BLOCK ? (size_t)left : BLOCK, &part));
        crypto_hash_sha256_update(&hash, part.ptr, part.len);
        crypto_generichash_update(&in->digest, part.ptr, part.len);
        TRY(fd_write_all(fd, part));
        left -= part.len;
    }
    crypto_hash_sha256_final(&hash, sha);
    TRY(get(in, want, sizeof want, true));
    if (memcmp(sha, want, sizeof sha) != 0) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_ALTERED);
    }
    return ftruncate(fd, (off_t)entry->size) == 0 ? OK : fd_err(errno);
}

static err_t file_get(in_t *in, const backup_sink_t *sink)
{
    backup_entry_t entry;
    int fd = -1;
    TRY(entry_get(in, &entry));
    TRY(sink->begin(sink->ctx, &entry, &fd));
    err_t e = body_get(in, &entry, fd);
    if (err_failed(e)) {
        fd_close(&fd);
        return e;
    }
    return sink->end(sink->ctx, &entry, fd);
}

static err_t manifest_get(in_t *in, const backup_reader_keys_t *keys, arena_t *a,
                          slice_t *ret_manifest)
{
    uint8_t length[4], digest[DIGEST], sig[1 + SIG], after;
    TRY(get(in, length, sizeof length, true));
    cursor_t c = cur_on(slice_make(length, sizeof length));
    size_t n = cur_u32(&c);
    ENSURE(n <= BACKUP_MANIFEST_MAX, ERR_CORRUPT);
    uint8_t *mem = arena_alloc(a, n + 1);
    ENSURE(mem, ERR_MEMORY);
    TRY(get(in, mem, n, true));
    crypto_generichash_final(&in->digest, digest, sizeof digest);
    TRY(get(in, sig, sizeof sig, false));
    if (sig[0] != 'S' ||
        crypto_sign_verify_detached(sig + 1, digest, sizeof digest, keys->signer) != 0) {
        return say(in, FAIL(ERR_CRYPTO), BACKUP_NOT_OURS);
    }
    bool end = in->final && in->at == in->have && read(in->fd, &after, 1) == 0;
    if (!end) {
        return say(in, FAIL(ERR_CORRUPT), BACKUP_ALTERED);
    }
    *ret_manifest = slice_make(mem, n);
    return OK;
}

static err_t entries_get(in_t *in, const backup_reader_keys_t *keys, const backup_sink_t *sink,
                         arena_t *a, slice_t *ret_manifest)
{
    for (;;) {
        uint8_t what;
        TRY(get(in, &what, 1, true));
        if (what == 'M') {
            return manifest_get(in, keys, a, ret_manifest);
        }
        ENSURE(what == 'F', ERR_CORRUPT);
        TRY(file_get(in, sink));
    }
}

err_t backup_read(path_t file, backup_kind_t kind, const backup_reader_keys_t *keys,
                  const backup_sink_t *sink, arena_t *a, slice_t *ret_manifest,
                  backup_fault_t *ret_fault)
{
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    in_t *in = calloc(1, sizeof *in);
    ENSURE(in, ERR_MEMORY);
    in->fd = -1;
    err_t e = fd_open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &in->fd);
    if (!err_failed(e)) {
        e = head_read(in, kind, keys);
    }
    if (!err_failed(e)) {
        crypto_generichash_init(&in->digest, NULL, 0, DIGEST);
        crypto_generichash_update(&in->digest, in->head, HEAD);
        e = entries_get(in, keys, sink, a, ret_manifest);
    }
    if (err_failed(e)) {
        bool ours = err_is(e, ERR_CORRUPT) || err_is(e, ERR_CRYPTO);
        err_ignore(say(in, e, ours ? BACKUP_ALTERED : BACKUP_UNREADABLE));
    }
    *ret_fault = in->fault;
    fd_close(&in->fd);
    sodium_memzero(in, sizeof *in);
    free(in);
    return e;
}
