#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"

enum { DEADLINE_MAX_MS = 3600 * 1000 };

err_t fd_err(int errno_value)
{
    static const struct {
        int sys;
        err_code_t code;
    } MAP[] = {
        {ENOENT, ERR_NOT_FOUND},  {EEXIST, ERR_EXISTS},    {EACCES, ERR_DENIED},
        {EPERM, ERR_DENIED},      {ELOOP, ERR_DENIED},     {EROFS, ERR_DENIED},
        {ENOSPC, ERR_DISK_FULL},  {EDQUOT, ERR_DISK_FULL}, {EPIPE, ERR_CLOSED},
        {ECONNRESET, ERR_CLOSED}, {EMFILE, ERR_LIMIT},     {ENFILE, ERR_LIMIT},
    };
    for (size_t i = 0; i < BASE_COUNT(MAP); i++) {
        if (MAP[i].sys == errno_value) {
            return FAIL_SYS(MAP[i].code, errno_value);
        }
    }
    return FAIL_SYS(ERR_IO, errno_value);
}

err_t path_from_conf(arena_t *a, slice_t text, path_t *ret_path)
{
    ENSURE(text.len > 0, ERR_USAGE);
    ENSURE(text.len <= PATH_MAX_BYTES, ERR_LIMIT);
    return arena_cstr(a, text, &ret_path->text);
}

err_t path_join(arena_t *a, path_t dir, slice_t leaf, path_t *ret_path)
{
    slice_t whole;
    ENSURE(leaf.len > 0 && !slice_eq(leaf, SLICE(".")) && !slice_eq(leaf, SLICE("..")), ERR_USAGE);
    ENSURE(slice_find_byte(leaf, '/') == SIZE_MAX && slice_find_byte(leaf, 0) == SIZE_MAX,
           ERR_USAGE);
    ENSURE(strlen(dir.text) + leaf.len < PATH_MAX_BYTES, ERR_LIMIT);
    TRY(arena_printf(a, &whole, "%s/%.*s", dir.text, SLICE_FMT(leaf)));
    ret_path->text = (const char *)whole.ptr;
    return OK;
}

deadline_t deadline_in_ms(int64_t ms)
{
    int64_t bounded = ms < 0 ? 0 : ms > DEADLINE_MAX_MS ? DEADLINE_MAX_MS : ms;
    return (deadline_t){clock_wait_us() + bounded * 1000};
}

int deadline_left_ms(deadline_t d)
{
    int64_t left_ms = (d.at_us - clock_wait_us() + 999) / 1000;
    return left_ms < 0 ? 0 : left_ms > DEADLINE_MAX_MS ? DEADLINE_MAX_MS : (int)left_ms;
}

void fd_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd); /* Linux frees the descriptor even when it says EINTR */
        *fd = -1;
    }
}

err_t fd_open(path_t path, int flags, mode_t mode, int *ret_fd)
{
    int fd;
    do {
        fd = open(path.text, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return fd_err(errno);
    }
    *ret_fd = fd;
    return OK;
}

err_t fd_wait(int fd, short events, deadline_t until)
{
    for (;;) {
        struct pollfd p = {fd, events, 0};
        int n = poll(&p, 1, deadline_left_ms(until));
        if (n > 0) {
            return OK;
        }
        ENSURE(n != 0, ERR_TIMEOUT);
        if (errno != EINTR) {
            return fd_err(errno);
        }
    }
}

err_t fd_write_all(int fd, slice_t bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fd_err(n < 0 ? errno : EIO);
        }
        bytes = slice_from(bytes, (size_t)n);
    }
    return OK;
}

err_t fd_pwrite_all(int fd, slice_t bytes, int64_t offset)
{
    while (bytes.len) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fd_err(n < 0 ? errno : EIO);
        }
        bytes = slice_from(bytes, (size_t)n);
        offset += n;
    }
    return OK;
}

err_t fd_read_all(int fd, void *out, size_t len)
{
    uint8_t *at = out;
    while (len) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fd_err(errno);
        }
        ENSURE(n != 0, ERR_CLOSED);
        at += n;
        len -= (size_t)n;
    }
    return OK;
}

err_t fd_pread_all(int fd, void *out, size_t len, int64_t offset)
{
    uint8_t *at = out;
    while (len) {
        ssize_t n = pread(fd, at, len, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fd_err(errno);
        }
        ENSURE(n != 0, ERR_CLOSED);
        at += n;
        len -= (size_t)n;
        offset += n;
    }
    return OK;
}

err_t fd_write_by(int fd, slice_t bytes, deadline_t until)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n >= 0) {
            bytes = slice_from(bytes, (size_t)n);
        } else if (errno == EAGAIN) {
            TRY(fd_wait(fd, POLLOUT, until));
        } else if (errno != EINTR) {
            return fd_err(errno);
        }
    }
    return OK;
}

err_t fd_read_by(int fd, void *out, size_t len, deadline_t until)
{
    uint8_t *at = out;
    while (len) {
        ssize_t n = read(fd, at, len);
        ENSURE(n != 0, ERR_CLOSED);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            TRY(fd_wait(fd, POLLIN, until));
        } else if (errno != EINTR) {
            return fd_err(errno);
        }
    }
    return OK;
}

err_t fd_datasync(int fd)
{
    while (fdatasync(fd) != 0) {
        if (errno != EINTR) {
            return fd_err(errno);
        }
    }
    return OK;
}
