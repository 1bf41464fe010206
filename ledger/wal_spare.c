#include "wal_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 1024 * 1024, RETRY_MS = 300, FIRST_WAIT_MS = 30000, TAKE_WAIT_MS = 200 };
static const char SPARE[] = "spare", SPARE_TMP[] = "spare.tmp";
static uint8_t zeros[CHUNK];

static struct timespec real_in_ms(int64_t ms)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    int64_t ns = t.tv_nsec + (ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

static err_t sys_err(int sys)
{
    return FAIL_SYS(sys == ENOSPC || sys == EDQUOT ? ERR_DISK_FULL : ERR_IO, sys);
}

static err_t fill(int fd, size_t bytes)
{
    for (size_t done = 0; done < bytes; done += CHUNK) {
        size_t n = bytes - done < CHUNK ? bytes - done : CHUNK;
        TRY(fd_pwrite_all(fd, slice_make(zeros, n), (int64_t)done));
    }
    while (fsync(fd) != 0) {
        if (errno != EINTR) {
            return sys_err(errno);
        }
    }
    return OK;
}

static err_t make_spare(wal_spare_t *s)
{
    FD_SCOPED int fd = openat(s->dir, SPARE_TMP, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return sys_err(errno);
    }
    err_t e = fill(fd, s->piece_bytes);
    if (err_failed(e)) {
        unlinkat(s->dir, SPARE_TMP, 0); /* gives the space back at once */
        return e;
    }
    if (renameat(s->dir, SPARE_TMP, s->dir, SPARE) != 0) {
        return sys_err(errno);
    }
    return OK;
}

static bool left_over_is_fine(const wal_spare_t *s)
{
    struct stat st;
    FD_SCOPED int fd = openat(s->dir, SPARE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || (size_t)st.st_size != s->piece_bytes) {
        return false;
    }
    uint8_t *mem = malloc(CHUNK);
    bool zero = mem != NULL;
    for (size_t done = 0; zero && done < s->piece_bytes; done += CHUNK) {
        size_t n = s->piece_bytes - done < CHUNK ? s->piece_bytes - done : CHUNK;
        zero = !err_failed(fd_pread_all(fd, mem, n, (int64_t)done)) && !memcmp(mem, zeros, n);
    }
    free(mem);
    return zero;
}

static void *spare_thread(void *arg)
{
    wal_spare_t *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        if (s->ready || !s->wanted) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        err_t e = make_spare(s);
        pthread_mutex_lock(&s->lock);
        s->trouble = e;
        s->ready = !err_failed(e);
        pthread_cond_broadcast(&s->changed);
        if (err_failed(e) && !s->stop) {
            struct timespec until = real_in_ms(RETRY_MS);
            pthread_cond_timedwait(&s->changed, &s->lock, &until);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

err_t wal_spare_start(wal_spare_t *s, int dir, size_t piece_bytes)
{
    pthread_condattr_t mono;
    *s = (wal_spare_t){.dir = dir, .piece_bytes = piece_bytes};
    s->ready = left_over_is_fine(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &mono);
    pthread_condattr_destroy(&mono);
    int failed = pthread_create(&s->thread, NULL, spare_thread, s);
    if (failed) {
        return FAIL_SYS(ERR_MEMORY, failed);
    }
    s->started = true;
    return OK;
}

void wal_spare_stop(wal_spare_t *s)
{
    if (!s->started) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    s->started = false;
}

void wal_spare_want(wal_spare_t *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->wanted) {
        s->wanted = true;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

/* With the lock held: waits for a spare in the making, longer for the very first piece; not at all
 * while the disk is known to be full (the thread goes on trying by itself). */
static void wait_ready(wal_spare_t *s)
{
    struct timespec until = real_in_ms(s->wanted ? TAKE_WAIT_MS : FIRST_WAIT_MS);
    s->wanted = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->ready && !err_failed(s->trouble)) {
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
}

err_t wal_spare_take(wal_spare_t *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    if (!s->ready) {
        wait_ready(s);
    }
    err_t e = s->ready ? OK : err_is(s->trouble, ERR_IO) ? s->trouble : FAIL(ERR_DISK_FULL);
    if (!err_failed(e) && renameat(s->dir, SPARE, s->dir, name) != 0) {
        e = sys_err(errno);
    }
    if (!err_failed(e)) {
        s->ready = false;
        s->wanted = false;
    }
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    return fsync(s->dir) == 0 ? OK : FAIL_SYS(ERR_IO, errno);
}

void wal_spare_state(wal_spare_t *s, bool *ret_ready, bool *ret_full)
{
    pthread_mutex_lock(&s->lock);
    *ret_ready = s->ready;
    *ret_full = err_is(s->trouble, ERR_DISK_FULL);
    pthread_mutex_unlock(&s->lock);
}
