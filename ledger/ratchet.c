#include "ratchet.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "io/secrets.h"
#include "notekeys.h"

enum { SLOT = 512, SLOTS = 2, HELD = 0x40, SUM = 32, ARENA = 16 * 1024 };
static const char STATE[] = "mac", START[] = "mac.start";
static const uint8_t MAGIC[] = {'S', 'K', 'M', 0xf1, 0, 0, 0, 0};

/* ---- keys ---- */

static void step(ratchet_t *r)
{
    uint8_t next[RATCHET_KEY];
    CHECK(crypto_generichash(next, sizeof next, (const uint8_t *)"next", 4, r->key,
                             sizeof r->key) == 0);
    memcpy(r->key, next, sizeof next);
    sodium_memzero(next, sizeof next);
    r->number++;
}

void ratchet_mac(ratchet_t *r, slice_t leaf, uint8_t ret_mac[32])
{
    CHECK(r->on && crypto_generichash(ret_mac, 32, leaf.ptr, leaf.len, r->key, sizeof r->key) == 0);
    step(r);
}

void ratchet_advance(ratchet_t *r, uint64_t number)
{
    CHECK(number >= r->number);
    while (r->number < number) {
        step(r);
    }
}

void ratchet_wipe(ratchet_t *r)
{
    sodium_memzero(r, sizeof *r);
}

void ratchet_start_put(buf_t *b, const uint8_t key[RATCHET_KEY])
{
    uint8_t in[64], start[32];
    buf_t text = BUF_ON_ARRAY(in);
    buf_cstr(&text, "sekisho ledger mac start v1");
    buf_put(&text, slice_make(key, RATCHET_KEY));
    CHECK(crypto_generichash(start, sizeof start, text.ptr, text.len, NULL, 0) == 0);
    sodium_memzero(in, sizeof in);
    buf_hex(b, slice_make(start, sizeof start));
}

/* ---- the state on the disk ---- */

static void slot_put(uint8_t slot[SLOT], uint64_t generation, const ratchet_t *r)
{
    buf_t b = buf_on(slot, SLOT);
    memset(slot, 0, SLOT);
    buf_put(&b, slice_make(MAGIC, sizeof MAGIC));
    buf_u64be(&b, generation);
    buf_u64be(&b, r->first);
    buf_u64be(&b, r->number);
    buf_put(&b, slice_make(r->key, sizeof r->key));
    CHECK(b.len == HELD);
    CHECK(crypto_generichash(slot + HELD, SUM, slot, HELD, NULL, 0) == 0);
}

static bool slot_get(const uint8_t slot[SLOT], uint64_t *ret_generation, ratchet_t *ret)
{
    uint8_t sum[SUM];
    ratchet_t r = {.on = true};
    cursor_t c = cur_on(slice_make(slot, HELD));
    CHECK(crypto_generichash(sum, sizeof sum, slot, HELD, NULL, 0) == 0);
    if (memcmp(sum, slot + HELD, sizeof sum) != 0 ||
        memcmp(cur_bytes(&c, sizeof MAGIC).ptr, MAGIC, sizeof MAGIC) != 0) {
        return false;
    }
    *ret_generation = cur_u64be(&c);
    r.first = cur_u64be(&c);
    r.number = cur_u64be(&c);
    cur_copy(&c, r.key, sizeof r.key);
    *ret = r;
    ratchet_wipe(&r);
    return true;
}

err_t ratchet_save(ratchet_file_t *f, const ratchet_t *r)
{
    static const uint8_t ZEROS[SLOT];
    uint8_t slot[SLOT];
    uint64_t generation = f->generation + 1;
    slot_put(slot, generation, r);
    err_t e = fd_pwrite_all(f->fd, slice_make(slot, sizeof slot), (int64_t)(generation % 2) * SLOT);
    sodium_memzero(slot, sizeof slot);
    TRY(e);
    TRY(fd_datasync(f->fd));
    f->generation = generation;
    TRY(fd_pwrite_all(f->fd, slice_make(ZEROS, SLOT), (int64_t)((generation + 1) % 2) * SLOT));
    return fd_datasync(f->fd);
}

/* A crash may have left both slots: the newer one counts. */
static err_t state_read(ratchet_file_t *f, ratchet_t *ret)
{
    uint8_t mem[SLOTS * SLOT];
    bool any = false;
    TRY(fd_pread_all(f->fd, mem, sizeof mem, 0));
    for (size_t i = 0; i < SLOTS; i++) {
        ratchet_t r;
        uint64_t generation;
        if (slot_get(mem + i * SLOT, &generation, &r) && (!any || generation > f->generation)) {
            *ret = r;
            f->generation = generation;
            any = true;
        }
        ratchet_wipe(&r);
    }
    sodium_memzero(mem, sizeof mem);
    ENSURE(any, ERR_CORRUPT);
    return OK;
}

/* From the start key that root has put down. */
static err_t state_begin(path_t secrets, uid_t owner, path_t file)
{
    SECRET_SCOPED secret_t start;
    uint8_t mem[SLOTS * SLOT] = {0};
    ratchet_t r = {.on = true, .first = RATCHET_NONE};
    TRY(secrets_load_from(secrets, START, owner, start.b, sizeof start.b));
    memcpy(r.key, start.b, sizeof r.key);
    slot_put(mem, 0, &r);
    err_t e = file_create(file, slice_make(mem, sizeof mem), 0600, (uid_t)-1, (gid_t)-1);
    ratchet_wipe(&r);
    sodium_memzero(mem, sizeof mem);
    return e;
}

static err_t state_open(path_t file, uid_t owner, int *ret_fd)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    TRY(fd_open(file, O_RDWR | O_NOFOLLOW, 0, &fd));
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    ENSURE(st.st_uid == owner && (st.st_mode & 077) == 0, ERR_DENIED);
    ENSURE(st.st_size == SLOTS * SLOT, ERR_CORRUPT);
    *ret_fd = fd_take(&fd);
    return OK;
}

err_t ratchet_open(path_t secrets, uid_t owner, ratchet_file_t *ret_file, ratchet_t *ret)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    ratchet_file_t f = {.fd = -1};
    path_t file;
    arena_init(&a, ARENA);
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    TRY(path_join(&a, secrets, slice_cstr_in(STATE), &file));
    *ret = (ratchet_t){0};
    *ret_file = f;
    err_t e = state_open(file, owner, &f.fd);
    if (err_is(e, ERR_NOT_FOUND)) {
        e = state_begin(secrets, owner, file);
        if (err_is(e, ERR_NOT_FOUND)) {
            return OK;
        }
        TRY(e);
        e = state_open(file, owner, &f.fd);
    }
    TRY(e);
    e = state_read(&f, ret);
    if (!err_failed(e)) {
        e = notekeys_destroy(secrets, START); /* the state has it */
    }
    if (err_failed(e)) {
        ratchet_wipe(ret);
        ratchet_close(&f);
        return e;
    }
    *ret_file = f;
    return OK;
}

void ratchet_close(ratchet_file_t *f)
{
    fd_close(&f->fd);
}
