/* Listening and connecting: unix sockets of any path length, and the one local TCP listener. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/fd.h"

enum { LISTEN_BACKLOG = 256, PROBE_MS = 200 };

typedef struct unix_addr {
    struct sockaddr_un sa;
    int folder; /* -1, or the folder that sa goes through: sun_path is shorter than paths are */
} unix_addr_t;

static void addr_end(unix_addr_t *addr)
{
    fd_close(&addr->folder);
}

#define ADDR_SCOPED BASE_CLEANUP(addr_end)

static err_t addr_of(path_t path, unix_addr_t *out)
{
    size_t len = strlen(path.text);
    out->sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    out->folder = -1;
    if (len < sizeof out->sa.sun_path) {
        memcpy(out->sa.sun_path, path.text, len);
        return OK;
    }
    const char *slash = strrchr(path.text, '/');
    ENSURE(slash && len <= PATH_MAX_BYTES, ERR_LIMIT);
    char folder[PATH_MAX_BYTES + 1] = {0};
    memcpy(folder, path.text, (size_t)(slash - path.text));
    TRY(fd_open((path_t){folder}, O_PATH | O_DIRECTORY, 0, &out->folder));
    int n = snprintf(out->sa.sun_path, sizeof out->sa.sun_path, "/proc/self/fd/%d%s", out->folder,
                     slash);
    ENSURE(n > 0 && (size_t)n < sizeof out->sa.sun_path, ERR_LIMIT);
    return OK;
}

static err_t socket_new(int domain, int type, int *ret_fd)
{
    int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fd_err(errno);
    }
    *ret_fd = fd;
    return OK;
}

static bool nobody_there(int errno_value)
{
    return errno_value == ENOENT || errno_value == ECONNREFUSED;
}

/* A full backlog answers EAGAIN at once and cannot be polled for. */
static err_t connect_by(int fd, const unix_addr_t *addr, deadline_t until)
{
    for (;;) {
        if (connect(fd, (const struct sockaddr *)&addr->sa, sizeof addr->sa) == 0) {
            return OK;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN || deadline_left_ms(until) == 0) {
            return nobody_there(errno) || errno == EAGAIN ? FAIL_SYS(ERR_UNAVAILABLE, errno)
                                                          : fd_err(errno);
        }
        poll(NULL, 0, 2);
    }
}

err_t unix_connect(path_t path, int type, deadline_t until, int *ret_fd)
{
    ADDR_SCOPED unix_addr_t addr = {.folder = -1};
    FD_SCOPED int fd = -1;
    err_t e = addr_of(path, &addr);
    ENSURE(!err_is(e, ERR_NOT_FOUND), ERR_UNAVAILABLE);
    TRY(e);
    TRY(socket_new(AF_UNIX, type, &fd));
    TRY(connect_by(fd, &addr, until));
    *ret_fd = fd_take(&fd);
    return OK;
}

/* Removes a socket file that nobody listens at any more. */
static err_t clear_stale(path_t path, int type)
{
    struct stat st;
    if (lstat(path.text, &st) != 0) {
        return errno == ENOENT ? OK : fd_err(errno);
    }
    ENSURE(S_ISSOCK(st.st_mode), ERR_EXISTS);
    FD_SCOPED int probe = -1;
    err_t e = unix_connect(path, type, deadline_in_ms(PROBE_MS), &probe);
    ENSURE(err_failed(e) && e.sys == ECONNREFUSED, ERR_EXISTS);
    return unlink(path.text) == 0 || errno == ENOENT ? OK : fd_err(errno);
}

err_t unix_listen(path_t path, int type, const unix_owner_t *owner, int *ret_fd)
{
    ADDR_SCOPED unix_addr_t addr = {.folder = -1};
    FD_SCOPED int fd = -1;
    TRY(clear_stale(path, type));
    TRY(addr_of(path, &addr));
    TRY(socket_new(AF_UNIX, type, &fd));
    if (bind(fd, (const struct sockaddr *)&addr.sa, sizeof addr.sa) != 0) {
        return fd_err(errno);
    }
    /* Nobody can connect before listen(), so the mode is right from the first moment. */
    bool leave = owner->uid == (uid_t)-1 && owner->gid == (gid_t)-1;
    if ((!leave && lchown(path.text, owner->uid, owner->gid) != 0) ||
        chmod(path.text, owner->mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        return fd_err(errno);
    }
    *ret_fd = fd_take(&fd);
    return OK;
}

err_t tcp_listen_local(uint16_t port, int *ret_fd)
{
    FD_SCOPED int fd = -1;
    int yes = 1;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    TRY(socket_new(AF_INET, SOCK_STREAM, &fd));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        return errno == EADDRINUSE ? FAIL_SYS(ERR_EXISTS, errno) : fd_err(errno);
    }
    *ret_fd = fd_take(&fd);
    return OK;
}
