#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify.h"

err_t vfile_read_seen(int fd, size_t seen, size_t max_bytes, slice_t *ret_bytes)
{
    struct stat st;
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    ENSURE((uint64_t)st.st_size <= max_bytes, ERR_LIMIT);
    size_t len = (size_t)st.st_size, done = 0;
    uint8_t *mem = malloc(len + 1);
    ENSURE(mem, ERR_MEMORY);
    seen = seen < len ? seen : len;
    memset(mem + seen, 0, len - seen);
    while (done < seen) {
        ssize_t n = pread(fd, mem + done, seen - done, (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            free(mem);
            return FAIL_SYS(ERR_IO, n < 0 ? errno : 0);
        }
        done += (size_t)n;
    }
    *ret_bytes = slice_make(mem, len);
    return OK;
}

err_t vfile_read_fd(int fd, size_t max_bytes, slice_t *ret_bytes)
{
    return vfile_read_seen(fd, SIZE_MAX, max_bytes, ret_bytes);
}

err_t vfile_read(int dir, const char *path, size_t max_bytes, slice_t *ret_bytes)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return FAIL_SYS(errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, errno);
    }
    err_t e = vfile_read_fd(fd, max_bytes, ret_bytes);
    close(fd);
    return e;
}

void vfile_free(slice_t *bytes)
{
    union {
        const uint8_t *in;
        void *out;
    } p = {bytes->ptr};
    free(p.out);
    *bytes = SLICE_EMPTY;
}
