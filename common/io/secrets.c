#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "io/secrets.h"

enum { SECRETS_BYTES_MAX = 4096, SECRETS_ARENA = 16 * 1024 };

static err_t owner_check(int fd, uid_t owner, size_t len)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    ENSURE(S_ISREG(st.st_mode) && st.st_uid == owner && (st.st_mode & 077) == 0, ERR_DENIED);
    ENSURE((uint64_t)st.st_size == len, ERR_CORRUPT);
    return OK;
}

static err_t load_at(path_t file, uid_t owner, void *ret_bytes, size_t len)
{
    FD_SCOPED int fd = -1;
    uint8_t bytes[SECRETS_BYTES_MAX];
    CHECK(len <= sizeof bytes);
    TRY(fd_open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd));
    TRY(owner_check(fd, owner, len));
    err_t e = fd_read_all(fd, bytes, len);
    if (!err_failed(e)) {
        memcpy(ret_bytes, bytes, len);
    }
    explicit_bzero(bytes, sizeof bytes);
    return e;
}

err_t secrets_load_from(path_t dir, const char *name, uid_t owner, void *ret_bytes, size_t len)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    path_t file;
    arena_init(&a, SECRETS_ARENA);
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    return load_at(file, owner, ret_bytes, len);
}

err_t secrets_store_in(path_t dir, const char *name, uid_t owner, gid_t group, const void *bytes,
                       size_t len)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    path_t file;
    arena_init(&a, SECRETS_ARENA);
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    bool ours = owner == geteuid();
    return file_create(file, slice_make(bytes, len), 0400, ours ? (uid_t)-1 : owner,
                       ours ? (gid_t)-1 : group);
}

err_t secrets_load(const daemon_t *d, const char *name, void *ret_bytes, size_t len)
{
    return secrets_load_from(d->secrets, name, d->uid, ret_bytes, len);
}

err_t secrets_store(const daemon_t *d, const char *name, const void *bytes, size_t len)
{
    return secrets_store_in(d->secrets, name, d->uid, d->gid, bytes, len);
}

err_t secrets_load_or_create(const daemon_t *d, const char *name, void *ret_bytes, size_t len)
{
    uint8_t fresh[SECRETS_BYTES_MAX];
    err_t e = secrets_load(d, name, ret_bytes, len);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    CHECK(len <= sizeof fresh);
    random_bytes(fresh, len);
    e = secrets_store(d, name, fresh, len);
    explicit_bzero(fresh, sizeof fresh);
    if (err_failed(e) && !err_is(e, ERR_EXISTS)) {
        return e;
    }
    return secrets_load(d, name, ret_bytes, len); /* what is on the disk is the truth */
}
