/* One lock. */
#include "ack/trivial.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "ack/door.h"
#include "io/wire.h"

enum { CONNECTIONS = 64, GROUP_BYTES = CONNECTIONS * WIRE_MAX_BYTES, FILL_BYTES = 1024 * 1024 };

typedef struct writer {
    int fd;
    size_t bytes, at; /* of the file; where the next group goes */
    pthread_mutex_t lock;
    pthread_cond_t durable;
    uint8_t *filling, *flushing;
    size_t len;
    uint64_t group, done; /* being filled; the last durable one */
    bool led;             /* a leader is at the disk */
} writer_t;

static writer_t writer = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .durable = PTHREAD_COND_INITIALIZER, .group = 1};

/* Lock held; let go of while the disk works. */
static void lead(writer_t *w)
{
    uint8_t *bytes = w->filling;
    size_t len = w->len;
    uint64_t group = w->group++;
    w->filling = w->flushing;
    w->flushing = bytes;
    w->len = 0;
    w->led = true;
    if (w->at + len > w->bytes) {
        w->at = 0;
    }
    size_t at = w->at;
    w->at += len;
    pthread_mutex_unlock(&w->lock);
    CHECK(!err_failed(fd_pwrite_all(w->fd, slice_make(bytes, len), (int64_t)at)));
    CHECK(!err_failed(fd_datasync(w->fd)));
    pthread_mutex_lock(&w->lock);
    w->led = false;
    w->done = group;
    pthread_cond_broadcast(&w->durable);
}

/* Returns when the bytes are on the disk. */
static void append(void *ctx, slice_t bytes)
{
    writer_t *w = ctx;
    pthread_mutex_lock(&w->lock);
    CHECK(w->len + bytes.len <= GROUP_BYTES);
    memcpy(w->filling + w->len, bytes.ptr, bytes.len);
    w->len += bytes.len;
    uint64_t mine = w->group;
    while (w->done < mine) {
        if (w->led) {
            pthread_cond_wait(&w->durable, &w->lock);
        } else {
            lead(w);
        }
    }
    pthread_mutex_unlock(&w->lock);
}

static err_t preallocate(path_t path, size_t bytes, int *ret_fd)
{
    static uint8_t zeros[FILL_BYTES];
    TRY(fd_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, ret_fd));
    for (size_t at = 0; at < bytes; at += FILL_BYTES) {
        TRY(fd_pwrite_all(*ret_fd, slice_make(zeros, FILL_BYTES), (int64_t)at));
    }
    ENSURE(fsync(*ret_fd) == 0, ERR_IO);
    return OK;
}

err_t trivial_serve(path_t socket_path, path_t file_path, size_t bytes, int ready_fd)
{
    writer_t *w = &writer;
    w->bytes = bytes;
    w->filling = malloc(GROUP_BYTES);
    w->flushing = malloc(GROUP_BYTES);
    ENSURE(w->filling && w->flushing && bytes >= GROUP_BYTES, ERR_MEMORY);
    TRY(preallocate(file_path, bytes, &w->fd));
    return door_serve(socket_path, ready_fd, append, w);
}
