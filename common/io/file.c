/* Small files read and replaced as a whole, and folders with an owner. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "io/fd.h"

enum { TMP_LETTERS = 8 };

typedef struct path_buf {
    char text[PATH_MAX_BYTES + 1];
} path_buf_t;

err_t file_read(arena_t *a, path_t path, size_t max_bytes, slice_t *ret_bytes)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    TRY(fd_open(path, O_RDONLY | O_NONBLOCK, 0, &fd));
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    ENSURE(S_ISREG(st.st_mode), ERR_DENIED);
    ENSURE(st.st_size >= 0 && (uint64_t)st.st_size <= max_bytes, ERR_LIMIT);
    size_t len = (size_t)st.st_size;
    uint8_t *at = arena_alloc(a, len + 1); /* one NUL more: for text parsers of libc */
    ENSURE(at, ERR_MEMORY);
    TRY(fd_read_all(fd, at, len));
    *ret_bytes = slice_make(at, len);
    return OK;
}

static err_t folder_of(path_t path, path_buf_t *out)
{
    const char *slash = strrchr(path.text, '/');
    size_t len = !slash ? 1 : slash == path.text ? 1 : (size_t)(slash - path.text);
    ENSURE(len <= PATH_MAX_BYTES, ERR_LIMIT);
    memcpy(out->text, slash ? path.text : ".", len);
    out->text[len] = 0;
    return OK;
}

static err_t folder_sync(path_t path)
{
    path_buf_t folder;
    FD_SCOPED int fd = -1;
    TRY(folder_of(path, &folder));
    TRY(fd_open((path_t){folder.text}, O_RDONLY | O_DIRECTORY, 0, &fd));
    return fsync(fd) == 0 ? OK : fd_err(errno);
}

static err_t tmp_name(path_t path, path_buf_t *out)
{
    char letters[TMP_LETTERS + 1] = {0};
    random_letters(letters, TMP_LETTERS);
    int n = snprintf(out->text, sizeof out->text, "%s.%s.tmp", path.text, letters);
    ENSURE(n > 0 && (size_t)n < sizeof out->text, ERR_LIMIT);
    return OK;
}

/* Contents, owner and mode on disk before the file gets its name. */
static err_t tmp_fill(path_t tmp, slice_t bytes, mode_t mode, uid_t uid, gid_t gid)
{
    FD_SCOPED int fd = -1;
    TRY(fd_open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd));
    TRY(fd_write_all(fd, bytes));
    bool owned = (uid == (uid_t)-1 && gid == (gid_t)-1) || fchown(fd, uid, gid) == 0;
    if (!owned || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        return fd_err(errno);
    }
    return OK;
}

err_t file_replace(path_t path, slice_t bytes, mode_t mode)
{
    path_buf_t tmp;
    TRY(tmp_name(path, &tmp));
    err_t e = tmp_fill((path_t){tmp.text}, bytes, mode, (uid_t)-1, (gid_t)-1);
    if (!err_failed(e) && rename(tmp.text, path.text) != 0) {
        e = fd_err(errno);
    }
    if (err_failed(e)) {
        unlink(tmp.text);
        return e;
    }
    return folder_sync(path);
}

err_t file_create(path_t path, slice_t bytes, mode_t mode, uid_t uid, gid_t gid)
{
    path_buf_t tmp;
    TRY(tmp_name(path, &tmp));
    err_t e = tmp_fill((path_t){tmp.text}, bytes, mode, uid, gid);
    if (!err_failed(e) && link(tmp.text, path.text) != 0) {
        e = fd_err(errno);
    }
    unlink(tmp.text);
    TRY(e);
    return folder_sync(path);
}

err_t dir_ensure(path_t path, mode_t mode, uid_t uid, gid_t gid)
{
    FD_SCOPED int fd = -1;
    struct stat st;
    if (mkdir(path.text, mode) != 0 && errno != EEXIST) {
        return fd_err(errno);
    }
    err_t e = fd_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd);
    ENSURE(!err_failed(e) || (e.sys != ENOTDIR && e.sys != ELOOP), ERR_DENIED);
    TRY(e);
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    bool same_owner =
        (uid == (uid_t)-1 || uid == st.st_uid) && (gid == (gid_t)-1 || gid == st.st_gid);
    if (!same_owner && fchown(fd, uid, gid) != 0) {
        return fd_err(errno);
    }
    if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0) {
        return fd_err(errno);
    }
    return OK;
}
