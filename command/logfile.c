#include "logfile.h"

#include <fcntl.h>
#include <unistd.h>

err_t logfile_open(logfile_t *log, path_t path)
{
    logfile_t l = {.path = path, .fd = -1};
    struct stat info;
    TRY(fd_open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640, &l.fd));
    l.bytes = fstat(l.fd, &info) == 0 ? info.st_size : 0;
    *log = l;
    return OK;
}

/* name.log -> name.log.1 -> ... -> name.log.5 -> gone. */
static void rotate(logfile_t *log)
{
    char from[PATH_MAX_BYTES + 16], to[PATH_MAX_BYTES + 16];
    for (int i = LOGFILE_KEPT; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%d", log->path.text, i);
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", log->path.text, i - 1);
        rename(from, to);
    }
    logfile_t fresh;
    if (!err_failed(logfile_open(&fresh, log->path))) {
        fd_close(&log->fd);
        *log = fresh;
    }
}

void logfile_write(logfile_t *log, slice_t bytes)
{
    if (log->bytes > LOGFILE_MAX_BYTES) {
        rotate(log);
    }
    if (!err_failed(fd_write_all(log->fd, bytes))) {
        log->bytes += (int64_t)bytes.len;
    }
}

void logfile_close(logfile_t *log)
{
    fd_close(&log->fd);
}
