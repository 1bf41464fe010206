/* LD_PRELOAD, profile test only (SEKISHO_TEST_PRELOAD): calls on files fail as the board says.
 * Which file a descriptor is, is asked of /proc/self/fd: the library keeps no table that could be
 * wrong. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

#define SHIM_EXPORT __attribute__((visibility("default")))

static shim_board_t *board;

/* ISO C has no way from an object's address to a function's. */
static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define REAL(name, type)                                                                           \
    ({                                                                                             \
        static _Atomic(void *) found_##name;                                                       \
        void *at_##name = atomic_load(&found_##name);                                              \
        if (!at_##name) {                                                                          \
            at_##name = real(#name);                                                               \
            atomic_store(&found_##name, at_##name);                                                \
        }                                                                                          \
        union {                                                                                    \
            void *object;                                                                          \
            type *function;                                                                        \
        } as_##name = {.object = at_##name};                                                       \
        as_##name.function;                                                                        \
    })

/* While the process is still root: the file is root's. */
__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("SEKISHO_TEST_SHARED");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    struct stat st;
    bool whole = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof *board;
    void *at =
        !whole ? MAP_FAILED : mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    board = at == MAP_FAILED ? NULL : at;
    if (fd >= 0) {
        close(fd);
    }
}

/* The errno that this call is to give, 0 for none. */
static int judged(const char *path, uint32_t call)
{
    uint32_t n = atomic_load(&board->n);
    for (uint32_t i = 0; i < n && i < SHIM_RULES; i++) {
        shim_rule_t *r = &board->rules[i];
        if (!(r->calls & call) || fnmatch(r->pattern, path, 0) != 0) {
            continue;
        }
        uint64_t nth = atomic_fetch_add(&r->seen, 1);
        if (nth >= r->skip && (r->times == 0 || nth < r->skip + r->times)) {
            atomic_fetch_add(&r->failed, 1);
            return r->error;
        }
    }
    return 0;
}

static int fault_at(int fd, uint32_t call)
{
    char link[40], path[PATH_MAX];
    if (!board || atomic_load(&board->n) == 0) {
        return 0;
    }
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (len <= 0) {
        return 0;
    }
    path[len] = 0;
    return judged(path, call);
}

/* Which file is mapped at an address, from our own maps. */
static int fault_of_map(const void *at)
{
    char line[PATH_MAX + 128];
    int fault = 0;
    if (!board || atomic_load(&board->n) == 0) {
        return 0;
    }
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        char *end;
        uintptr_t from = strtoul(line, &end, 16), to = strtoul(end + 1, NULL, 16);
        char *path = strchr(line, '/');
        if (path && (uintptr_t)at >= from && (uintptr_t)at < to) {
            path[strcspn(path, "\n")] = 0;
            fault = judged(path, SHIM_SYNC);
            break;
        }
    }
    if (maps) {
        fclose(maps);
    }
    return fault;
}

#define FAIL_IF(fd, call)                                                                          \
    do {                                                                                           \
        int fault_ = fault_at((fd), (call));                                                       \
        if (fault_) {                                                                              \
            errno = fault_;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

typedef ssize_t write_fn(int, const void *, size_t);
SHIM_EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(write, write_fn)(fd, bytes, len);
}

typedef ssize_t writev_fn(int, const struct iovec *, int);
SHIM_EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(writev, writev_fn)(fd, parts, n);
}

typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
#undef pwrite
#undef pwrite64
SHIM_EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(pwrite, pwrite_fn)(fd, bytes, len, at);
}

SHIM_EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(pwrite64, pwrite_fn)(fd, bytes, len, at);
}

typedef ssize_t pwritev_fn(int, const struct iovec *, int, off_t);
SHIM_EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(pwritev, pwritev_fn)(fd, parts, n, at);
}

SHIM_EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t at)
{
    FAIL_IF(fd, SHIM_WRITE);
    return REAL(pwritev64, pwritev_fn)(fd, parts, n, at);
}

typedef int one_fn(int);
SHIM_EXPORT int fsync(int fd)
{
    FAIL_IF(fd, SHIM_SYNC);
    return REAL(fsync, one_fn)(fd);
}

SHIM_EXPORT int fdatasync(int fd)
{
    FAIL_IF(fd, SHIM_SYNC);
    return REAL(fdatasync, one_fn)(fd);
}

typedef int msync_fn(void *, size_t, int);
SHIM_EXPORT int msync(void *at, size_t len, int flags)
{
    int fault = fault_of_map(at);
    if (fault) {
        errno = fault;
        return -1;
    }
    return REAL(msync, msync_fn)(at, len, flags);
}

typedef int size_fn(int, off_t);
SHIM_EXPORT int ftruncate(int fd, off_t len)
{
    FAIL_IF(fd, SHIM_ALLOCATE);
    return REAL(ftruncate, size_fn)(fd, len);
}

SHIM_EXPORT int ftruncate64(int fd, off64_t len)
{
    FAIL_IF(fd, SHIM_ALLOCATE);
    return REAL(ftruncate64, size_fn)(fd, len);
}

typedef int fallocate_fn(int, int, off_t, off_t);
SHIM_EXPORT int fallocate(int fd, int mode, off_t at, off_t len)
{
    FAIL_IF(fd, SHIM_ALLOCATE);
    return REAL(fallocate, fallocate_fn)(fd, mode, at, len);
}

SHIM_EXPORT int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    FAIL_IF(fd, SHIM_ALLOCATE);
    return REAL(fallocate64, fallocate_fn)(fd, mode, at, len);
}

typedef int posix_fallocate_fn(int, off_t, off_t);
SHIM_EXPORT int posix_fallocate(int fd, off_t at, off_t len)
{
    int fault = fault_at(fd, SHIM_ALLOCATE); /* gives the errno as its result */
    return fault ? fault : REAL(posix_fallocate, posix_fallocate_fn)(fd, at, len);
}

SHIM_EXPORT int posix_fallocate64(int fd, off64_t at, off64_t len)
{
    int fault = fault_at(fd, SHIM_ALLOCATE);
    return fault ? fault : REAL(posix_fallocate64, posix_fallocate_fn)(fd, at, len);
}
