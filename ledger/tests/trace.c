/* LD_PRELOAD for test_replay: does what was asked and writes it down. LEDGER_TRACE names the file
 * that both sides map. Order here is the order in which things were done. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

enum { FDS = 1024, ACK_KIND = 17, ACK_BYTES = 14 };
#define EXPORT __attribute__((visibility("default")))

static trace_t *trace;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char opened[FDS][TRACE_PATH]; /* path of each descriptor */

static struct {
    int (*openat64)(int, const char *, int, ...);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*pwrite64)(int, const void *, size_t, off_t);
    int (*ftruncate64)(int, off_t);
    int (*renameat)(int, const char *, int, const char *);
    int (*link)(const char *, const char *);
    int (*unlinkat)(int, const char *, int);
    int (*mkdirat)(int, const char *, mode_t);
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*syncfs)(int);
    int (*close)(int);
    ssize_t (*send)(int, const void *, size_t, int);
} real;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("LEDGER_TRACE");
#define REAL(name) *(void **)&real.name = dlsym(RTLD_NEXT, #name)
    REAL(openat64), REAL(write), REAL(pwrite64), REAL(ftruncate64), REAL(renameat), REAL(link),
        REAL(unlinkat), REAL(mkdirat), REAL(fsync), REAL(fdatasync), REAL(syncfs), REAL(close),
        REAL(send);
    int fd = path ? real.openat64(AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *mem =
        fd < 0 ? MAP_FAILED : mmap(NULL, TRACE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    trace = mem == MAP_FAILED ? NULL : mem;
}

/* ---- writing down; lock held ---- */

static void note(trace_kind_t kind, uint64_t ino, uint64_t at, const char *path, const char *path2,
                 const void *bytes, size_t len)
{
    size_t n = path ? strlen(path) : 0, n2 = path2 ? strlen(path2) : 0;
    trace_op_t op = {.kind = kind,
                     .len = (uint32_t)(n + n2 + len),
                     .ino = ino,
                     .at = at,
                     .path_len = (uint32_t)n,
                     .path2_len = (uint32_t)n2};
    if (!trace || trace->full) {
        return;
    }
    if (trace->used + trace_step(&op) > TRACE_BYTES - sizeof *trace) {
        trace->full = 1;
        return;
    }
    uint8_t *to = trace->ops + trace->used;
    memcpy(to, &op, sizeof op);
    to += sizeof op;
    if (n) {
        memcpy(to, path, n);
    }
    if (n2) {
        memcpy(to + n, path2, n2);
    }
    if (len) {
        memcpy(to + n + n2, bytes, len);
    }
    __atomic_store_n(&trace->used, trace->used + trace_step(&op), __ATOMIC_RELEASE);
}

static void whole_path(int dir, const char *path, char out[TRACE_PATH])
{
    if (path[0] == '/') {
        snprintf(out, TRACE_PATH, "%s", path);
    } else if (dir >= 0 && dir < FDS && opened[dir][0]) {
        snprintf(out, TRACE_PATH, "%.*s/%s", 120, opened[dir], path);
    } else {
        snprintf(out, TRACE_PATH, "?/%s", path);
    }
}

static uint64_t ino_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static int is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- what ledgerd calls ---- */

int trace_openat(int dir, const char *path, int flags, ...) __asm__("openat64");
EXPORT int trace_openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    pthread_mutex_lock(&lock);
    int fd = real.openat64(dir, path, flags, mode), sys = errno;
    if (fd >= 0 && fd < FDS) {
        char whole[TRACE_PATH];
        whole_path(dir, path, whole);
        memcpy(opened[fd], whole, sizeof whole);
        if (flags & (O_CREAT | O_TRUNC)) {
            note(TRACE_CREATE, ino_of(fd), (flags & O_TRUNC) != 0, whole, NULL, NULL, 0);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return fd;
}

int trace_open(const char *path, int flags, ...) __asm__("open64");
EXPORT int trace_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return trace_openat(AT_FDCWD, path, flags, mode);
}

EXPORT int close(int fd)
{
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS) {
        opened[fd][0] = '\0';
    }
    int result = real.close(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t trace_pwrite(int fd, const void *bytes, size_t len, off_t at) __asm__("pwrite64");
EXPORT ssize_t trace_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    pthread_mutex_lock(&lock);
    ssize_t n = real.pwrite64(fd, bytes, len, at);
    int sys = errno;
    if (n > 0) {
        note(TRACE_WRITE, ino_of(fd), (uint64_t)at, NULL, NULL, bytes, (size_t)n);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return n;
}

/* A signal handler writes too, but to no file. */
EXPORT ssize_t write(int fd, const void *bytes, size_t len)
{
    if (!is_file(fd)) {
        return real.write(fd, bytes, len);
    }
    pthread_mutex_lock(&lock);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = real.write(fd, bytes, len);
    int sys = errno;
    if (n > 0 && at >= 0) {
        note(TRACE_WRITE, ino_of(fd), (uint64_t)at, NULL, NULL, bytes, (size_t)n);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return n;
}

int trace_ftruncate(int fd, off_t len) __asm__("ftruncate64");
EXPORT int trace_ftruncate(int fd, off_t len)
{
    pthread_mutex_lock(&lock);
    int result = real.ftruncate64(fd, len);
    if (result == 0) {
        note(TRACE_SIZE, ino_of(fd), (uint64_t)len, NULL, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

EXPORT int renameat(int dir, const char *from, int dir2, const char *to)
{
    char a[TRACE_PATH], b[TRACE_PATH];
    pthread_mutex_lock(&lock);
    whole_path(dir, from, a);
    whole_path(dir2, to, b);
    int result = real.renameat(dir, from, dir2, to), sys = errno;
    if (result == 0) {
        note(TRACE_RENAME, 0, 0, a, b, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return result;
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int link(const char *from, const char *to)
{
    pthread_mutex_lock(&lock);
    int result = real.link(from, to), sys = errno;
    if (result == 0) {
        note(TRACE_LINK, 0, 0, from, to, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return result;
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    char whole[TRACE_PATH];
    pthread_mutex_lock(&lock);
    whole_path(dir, path, whole);
    int result = real.unlinkat(dir, path, flags), sys = errno;
    if (result == 0) {
        note(TRACE_UNLINK, 0, 0, whole, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return result;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int mkdirat(int dir, const char *path, mode_t mode)
{
    char whole[TRACE_PATH];
    pthread_mutex_lock(&lock);
    whole_path(dir, path, whole);
    int result = real.mkdirat(dir, path, mode), sys = errno;
    if (result == 0) {
        note(TRACE_MKDIR, 0, 0, whole, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = sys;
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* Others go on meanwhile; what was written to this file before it is safe when it returns. */
static int flushed(int result, trace_kind_t kind, int fd)
{
    int sys = errno;
    if (result == 0) {
        pthread_mutex_lock(&lock);
        note(kind, ino_of(fd), 0, NULL, NULL, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    errno = sys;
    return result;
}

EXPORT int fsync(int fd)
{
    return flushed(real.fsync(fd), TRACE_SYNC, fd);
}

EXPORT int fdatasync(int fd)
{
    return flushed(real.fdatasync(fd), TRACE_DATA, fd);
}

EXPORT int syncfs(int fd)
{
    return flushed(real.syncfs(fd), TRACE_SYNC_ALL, fd);
}

/* An acknowledgement (ledger/api.h): u16 version, u16 kind, u64 first seq, u16 n; little-endian. It
 * is written down before it is sent: then it counts. */
EXPORT ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    const uint8_t *b = bytes;
    uint64_t seq = 0;
    if (len == ACK_BYTES && b[2] == ACK_KIND && b[3] == 0) {
        for (unsigned i = 0; i < 8; i++) {
            seq |= (uint64_t)b[4 + i] << (8 * i);
        }
        pthread_mutex_lock(&lock);
        note(TRACE_ACK, (uint64_t)(b[12] | b[13] << 8), seq, NULL, NULL, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return real.send(fd, bytes, len, flags);
}
