/* Descriptors, small files and unix sockets, with EINTR, short counts and deadlines dealt with.
 * Every open is O_CLOEXEC; every wait has an end. */
#ifndef IO_FD_H
#define IO_FD_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"

/* A file system path that was made from a literal, from configuration or by path_join; request
 * text cannot become one by accident. NUL-terminated; the text belongs to an arena or is a literal.
 */
typedef struct path {
    const char *text;
} path_t;

#define PATH(lit) ((path_t){"" lit ""})
enum { PATH_MAX_BYTES = 4095 };

/* From configuration or the command line: not empty, no NUL, at most PATH_MAX_BYTES. ENCODING,
 * LIMIT, MEMORY. */
err_t path_from_conf(arena_t *a, slice_t text, path_t *ret_path);
/* dir/leaf. The leaf is one name: empty, ".", "..", a '/' or a NUL inside give USAGE. */
err_t path_join(arena_t *a, path_t dir, slice_t leaf, path_t *ret_path);

/* An instant of the real monotonic clock (a test house's offset does not move it: it bounds how
 * long a thread is stuck, nothing else). */
typedef struct deadline {
    int64_t at_us;
} deadline_t;

deadline_t deadline_in_ms(int64_t ms);
/* What is left for poll(2), 0 when it is past; rounded up, at most one hour. */
int deadline_left_ms(deadline_t d);

/* FD_SCOPED int fd = -1; is closed at the end of its scope. */
#define FD_SCOPED BASE_CLEANUP(fd_close)
/* Closes and sets -1. Nothing on -1. Close errors are of no use after fsync; they are dropped. */
void fd_close(int *fd);
/* The descriptor, the caller's copy set to -1: hands ownership out of a scope. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* The err_t of an errno: NOT_FOUND, EXISTS, DENIED, DISK_FULL, CLOSED, LIMIT (no descriptors),
 * else IO. */
err_t fd_err(int errno_value);
/* Opens with O_CLOEXEC (and mode for O_CREAT). NOT_FOUND, EXISTS, DENIED, DISK_FULL, else IO. */
err_t fd_open(path_t path, int flags, mode_t mode, int *ret_fd);
/* Waits for poll events on one descriptor. TIMEOUT, IO. */
err_t fd_wait(int fd, short events, deadline_t until);
/* All bytes to a file or blocking descriptor. DISK_FULL, CLOSED (EPIPE), IO. */
err_t fd_write_all(int fd, slice_t bytes);
err_t fd_pwrite_all(int fd, slice_t bytes, int64_t offset);
/* Exactly len bytes; CLOSED when the file ends before. */
err_t fd_read_all(int fd, void *out, size_t len);
err_t fd_pread_all(int fd, void *out, size_t len, int64_t offset);
/* The same on a non-blocking descriptor, by a deadline. TIMEOUT, CLOSED (SIGPIPE must be ignored, as
 * daemon_begin does), IO. */
err_t fd_write_by(int fd, slice_t bytes, deadline_t until);
err_t fd_read_by(int fd, void *out, size_t len, deadline_t until);
/* fdatasync / fsync with EINTR. IO, DISK_FULL. */
err_t fd_datasync(int fd);

/* The whole file into the arena. LIMIT when above max_bytes; NOT_FOUND, DENIED, IO. */
err_t file_read(arena_t *a, path_t path, size_t max_bytes, slice_t *ret_bytes);
/* Replaces the file as one step that survives a power cut: temporary file beside it, fsync,
 * rename, fsync of the folder. The old contents stay when anything fails. */
err_t file_replace(path_t path, slice_t bytes, mode_t mode);
/* The same for a file that must not exist yet (EXISTS), with an owner ((uid_t)-1 = leave). */
err_t file_create(path_t path, slice_t bytes, mode_t mode, uid_t uid, gid_t gid);
/* Makes the folder when it is missing; then owner and mode are set to what is said. A symbolic link
 * or a non-folder in its place is DENIED. (uid_t)-1 leaves the owner. */
err_t dir_ensure(path_t path, mode_t mode, uid_t uid, gid_t gid);

/* Unix sockets. type = SOCK_SEQPACKET or SOCK_STREAM; non-blocking, CLOEXEC. */
typedef struct unix_owner {
    uid_t uid;   /* (uid_t)-1 = leave */
    gid_t gid;   /* (gid_t)-1 = leave */
    mode_t mode; /* 0600, 0660 or 0666: connecting needs the write bit */
} unix_owner_t;

/* A dead socket file is removed first; EXISTS when someone answers there. */
err_t unix_listen(path_t path, int type, const unix_owner_t *owner, int *ret_fd);
/* A TCP listener on 127.0.0.1 (paysim and the like; rooms behind the guard use unix sockets). */
err_t tcp_listen_local(uint16_t port, int *ret_fd);
/* UNAVAILABLE when nobody listens (or the backlog stays full until the deadline). */
err_t unix_connect(path_t path, int type, deadline_t until, int *ret_fd);

#endif
