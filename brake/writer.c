/* The writer: one order at a time (a lock file), written into the older slot, durable before it
 * returns. */
#include "api_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "board.h"

enum { PATH_CAP = 512 };

typedef struct board_file {
    int dir, fd;
    board_enrolled_t enrolled;
    board_slot_t slot[2];
    size_t newest;
} board_file_t;

void brake_key_make(brake_signing_key_t *ret_key)
{
    uint8_t pub[BRAKE_PUBLIC_KEY_BYTES];
    crypto_sign_keypair(pub, ret_key->b);
}

void brake_key_wipe(brake_signing_key_t *key)
{
    explicit_bzero(key->b, sizeof key->b);
}

static err_t signer_index(const board_enrolled_t *all, const brake_signing_key_t *key,
                          uint8_t *ret_index)
{
    for (size_t i = 0; i < all->n; i++) {
        if (memcmp(all->signer[i].key, key->b + 32, BOARD_KEY_BYTES) == 0) {
            *ret_index = (uint8_t)i;
            return OK;
        }
    }
    return FAIL(ERR_DENIED);
}

static err_t reason_set(char out[BRAKE_REASON_MAX + 1], const char *reason)
{
    size_t len = strlen(reason);
    ENSURE(len > 0 && len <= BRAKE_REASON_MAX, ERR_RANGE);
    memset(out, 0, BRAKE_REASON_MAX + 1);
    memcpy(out, reason, len);
    return OK;
}

static err_t opening_sign(board_opening_t *o, const board_enrolled_t *all,
                          const brake_signing_key_t keys[2])
{
    uint8_t mem[512];
    buf_t text = BUF_ON_ARRAY(mem);
    board_opening_text(&text, o);
    TRY(buf_check(&text));
    for (size_t i = 0; i < 2; i++) {
        TRY(signer_index(all, &keys[i], &o->signer[i]));
        ENSURE(all->signer[o->signer[i]].role == BOARD_PERSON, ERR_DENIED);
        crypto_sign_detached(o->sig[i], NULL, text.ptr, text.len, keys[i].b);
    }
    ENSURE(o->signer[0] != o->signer[1], ERR_DENIED);
    return OK;
}

static err_t slot_sign(board_slot_t *s, const board_enrolled_t *all, const brake_signing_key_t *key)
{
    uint8_t mem[BOARD_SLOT_BYTES];
    buf_t text = BUF_ON_ARRAY(mem);
    TRY(signer_index(all, key, &s->signer));
    board_slot_text(&text, s);
    TRY(buf_check(&text));
    crypto_sign_detached(s->sig, NULL, text.ptr, text.len, key->b);
    return OK;
}

static err_t slot_store(int fd, size_t which, const board_slot_t *slot)
{
    uint8_t bytes[BOARD_SLOT_BYTES];
    TRY(board_slot_encode(slot, bytes));
    ssize_t n = pwrite(fd, bytes, sizeof bytes, (off_t)(which * BOARD_SLOT_BYTES));
    if (n != (ssize_t)sizeof bytes) {
        return FAIL_SYS(ERR_IO, errno);
    }
    if (fdatasync(fd) != 0) {
        return FAIL_SYS(ERR_IO, errno);
    }
    return OK;
}

static void file_close(board_file_t *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    if (f->dir >= 0) {
        close(f->dir); /* drops the lock */
    }
}

static err_t enrolled_read(int dir, board_enrolled_t *ret_enrolled)
{
    char mem[4096];
    int fd = openat(dir, "enrolled", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(fd >= 0, ERR_NOT_FOUND);
    ssize_t n = read(fd, mem, sizeof mem);
    close(fd);
    ENSURE(n > 0 && n < (ssize_t)sizeof mem, ERR_CORRUPT);
    return board_enrolled_parse(slice_make(mem, (size_t)n), ret_enrolled);
}

/* Only a slot that verifies may be built upon; a damaged one is written over first. */
static err_t slots_load(board_file_t *f)
{
    bool good[2] = {false, false};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[BOARD_SLOT_BYTES];
        ENSURE(pread(f->fd, bytes, sizeof bytes, (off_t)(i * BOARD_SLOT_BYTES)) ==
                   (ssize_t)sizeof bytes,
               ERR_CORRUPT);
        f->slot[i] = (board_slot_t){0};
        good[i] = !err_failed(board_slot_decode(bytes, &f->slot[i])) && f->slot[i].generation > 0 &&
                  !err_failed(board_slot_verify(&f->slot[i], &f->enrolled));
    }
    ENSURE(good[0] || good[1], ERR_CORRUPT);
    f->newest = !good[0] || (good[1] && f->slot[1].generation > f->slot[0].generation);
    return OK;
}

static err_t file_open(const char *board_dir, board_file_t *ret_file)
{
    board_file_t f = {.dir = open(board_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fd = -1};
    if (f.dir < 0) {
        return FAIL_SYS(ERR_NOT_FOUND, errno);
    }
    err_t e = OK;
    if (flock(f.dir, LOCK_EX) != 0) {
        e = FAIL_SYS(ERR_IO, errno);
    }
    if (!err_failed(e)) {
        f.fd = openat(f.dir, "board", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        e = f.fd < 0 ? FAIL_SYS(ERR_NOT_FOUND, errno) : enrolled_read(f.dir, &f.enrolled);
    }
    if (!err_failed(e)) {
        e = slots_load(&f);
    }
    if (err_failed(e)) {
        file_close(&f);
        return e;
    }
    *ret_file = f;
    return OK;
}

/* Next generation. A reader treats an unverifiable slot as damage with whatever number it shows, so
 * go above both. */
static uint64_t next_generation(const board_file_t *f)
{
    uint64_t a = f->slot[0].generation, b = f->slot[1].generation;
    return (a > b ? a : b) + 1;
}

err_t brake_close(const char *board_dir, uint32_t levers, const brake_signing_key_t *key,
                  const char *reason, uint64_t *ret_generation)
{
    return brake_close_above(board_dir, levers, key, reason, 0, ret_generation);
}

err_t brake_close_above(const char *board_dir, uint32_t levers, const brake_signing_key_t *key,
                        const char *reason, uint64_t above, uint64_t *ret_generation)
{
    BASE_CLEANUP(file_close) board_file_t f = {.dir = -1, .fd = -1};
    TRY(file_open(board_dir, &f));
    board_slot_t next = f.slot[f.newest];
    next.generation = next_generation(&f);
    if (next.generation <= above) {
        ENSURE(above < UINT64_MAX, ERR_RANGE);
        next.generation = above + 1;
    }
    next.closed |= levers;
    next.ordered_us = clock_wall_us();
    TRY(reason_set(next.reason, reason));
    TRY(slot_sign(&next, &f.enrolled, key));
    TRY(slot_store(f.fd, 1 - f.newest, &next));
    *ret_generation = next.generation;
    return OK;
}

err_t brake_may_open(const char *board_dir, const brake_signing_key_t keys[2])
{
    BASE_CLEANUP(file_close) board_file_t f = {.dir = -1, .fd = -1};
    board_opening_t trial = {0};
    TRY(file_open(board_dir, &f));
    TRY(opening_sign(&trial, &f.enrolled, keys));
    return OK;
}

err_t brake_open(const char *board_dir, uint32_t levers, const brake_signing_key_t keys[2],
                 const char *reason, uint64_t *ret_generation)
{
    BASE_CLEANUP(file_close) board_file_t f = {.dir = -1, .fd = -1};
    TRY(file_open(board_dir, &f));
    board_slot_t next = f.slot[f.newest];
    uint32_t open = (next.opening.open & ~next.closed) | levers;
    next.generation = next_generation(&f);
    next.closed = 0;
    next.ordered_us = clock_wall_us();
    TRY(reason_set(next.reason, reason));
    next.opening.generation = next.generation;
    next.opening.open = open;
    next.opening.ordered_us = next.ordered_us;
    TRY(reason_set(next.opening.reason, reason));
    TRY(opening_sign(&next.opening, &f.enrolled, keys));
    TRY(slot_sign(&next, &f.enrolled, &keys[0]));
    TRY(slot_store(f.fd, 1 - f.newest, &next));
    *ret_generation = next.generation;
    return OK;
}

static err_t enrolled_store(int dir, const board_enrolled_t *all)
{
    uint8_t mem[4096];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_cstr(&text,
             "# Who may sign orders: role, name, Ed25519 public key. A machine may only close.\n");
    board_enrolled_put(&text, all);
    TRY(buf_check(&text));
    int fd = openat(dir, "enrolled", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return FAIL_SYS(errno == EEXIST ? ERR_EXISTS : ERR_IO, errno);
    }
    bool done = write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    close(fd);
    ENSURE(done, ERR_IO);
    return OK;
}

static err_t enrolled_make(const brake_enrolment_t *who, size_t n, board_enrolled_t *ret_enrolled)
{
    board_enrolled_t all = {.n = n};
    ENSURE(n <= BOARD_ENROLLED_MAX, ERR_LIMIT);
    for (size_t i = 0; i < n; i++) {
        board_signer_t *s = &all.signer[i];
        int len = snprintf(s->name, sizeof s->name, "%s", who[i].name);
        ENSURE(len > 0 && len <= BOARD_NAME_MAX && !strchr(who[i].name, ' '), ERR_RANGE);
        s->role = who[i].person ? BOARD_PERSON : BOARD_MACHINE;
        memcpy(s->key, who[i].key, BOARD_KEY_BYTES);
    }
    *ret_enrolled = all;
    return OK;
}

err_t brake_board_create(const char *board_dir, const brake_enrolment_t *who, size_t n,
                         const brake_signing_key_t keys[2], const char *reason)
{
    BASE_CLEANUP(file_close) board_file_t f = {.dir = -1, .fd = -1};
    ENSURE(sodium_init() >= 0, ERR_CRYPTO);
    f.dir = open(board_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ENSURE(f.dir >= 0, ERR_NOT_FOUND);
    ENSURE(faccessat(f.dir, "board", F_OK, 0) != 0, ERR_EXISTS);
    TRY(enrolled_make(who, n, &f.enrolled));
    board_slot_t first = {.generation = 1, .ordered_us = clock_wall_us()};
    TRY(reason_set(first.reason, reason));
    first.opening = (board_opening_t){
        .generation = 1, .open = (1U << BRAKE_LEVER_COUNT) - 1, .ordered_us = first.ordered_us};
    TRY(reason_set(first.opening.reason, reason));
    TRY(opening_sign(&first.opening, &f.enrolled, keys));
    TRY(slot_sign(&first, &f.enrolled, &keys[0]));
    TRY(enrolled_store(f.dir, &f.enrolled));
    f.fd = openat(f.dir, "board.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ENSURE(f.fd >= 0 && posix_fallocate(f.fd, 0, BOARD_FILE_BYTES) == 0, ERR_IO);
    TRY(slot_store(f.fd, 0, &first));
    ENSURE(fsync(f.fd) == 0 && renameat(f.dir, "board.new", f.dir, "board") == 0 &&
               fsync(f.dir) == 0,
           ERR_IO);
    return OK;
}
