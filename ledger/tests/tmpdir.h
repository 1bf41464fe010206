/* A temporary folder for a test, removed with all in it; files changed in place. Test code only. */
#ifndef LEDGER_TESTS_TMPDIR_H
#define LEDGER_TESTS_TMPDIR_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/slice.h"

typedef struct tmpdir {
    char path[64];
} tmpdir_t;

/* In memory where that can be: a slow disk must not decide what a test finds. */
static inline tmpdir_t tmpdir_make(void)
{
    tmpdir_t d = {"/dev/shm/sekisho-ledger-XXXXXX"};
    if (access("/dev/shm", W_OK) != 0 || getenv("LEDGER_TEST_ON_DISK")) {
        d = (tmpdir_t){"/tmp/sekisho-ledger-XXXXXX"};
    }
    CHECK(mkdtemp(d.path) != NULL);
    return d;
}

static inline int tmpdir_rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tmpdir_remove(const tmpdir_t *d)
{
    nftw(d->path, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* dir/name, in one of 16 static buffers. */
static inline const char *in_dir(const char *dir, const char *name)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];
    int len = snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    CHECK(len > 0 && (size_t)len < sizeof paths[0]);
    return path;
}

static inline void file_flip(const char *path, off_t at, uint8_t mask)
{
    uint8_t byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= mask;
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static inline void file_copy(const char *from, const char *to)
{
    static uint8_t mem[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;
    CHECK(in >= 0 && out >= 0);
    while ((n = read(in, mem, sizeof mem)) > 0) {
        CHECK(write(out, mem, (size_t)n) == n);
    }
    CHECK(n == 0 && close(in) == 0 && close(out) == 0);
}

static inline off_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

#endif
