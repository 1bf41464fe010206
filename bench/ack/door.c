/* A thread a connection. */
#include "ack/door.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/wire.h"
#include "ledger/api.h"

static struct {
    door_append_fn *append;
    void *ctx;
} door;

/* False: the asker has gone. */
static bool answer(int fd, slice_t message)
{
    uint8_t mem[64];
    buf_t out = BUF_ON_ARRAY(mem);
    uint16_t kind;
    cursor_t body;
    CHECK(!err_failed(wire_open(message, &kind, &body)));
    if (kind == WIRE_HELLO) {
        wire_put_hello_ok(&out, ROOM_LEDGER, LEDGER_API_VERSION);
    } else {
        CHECK(kind == LEDGER_APPEND);
        (void)cur_u8(&body);
        uint16_t n = cur_u16(&body);
        door.append(door.ctx, message);
        wire_begin(&out, LEDGER_ACK);
        buf_u64(&out, 0);
        buf_u16(&out, n);
    }
    return send(fd, out.ptr, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
}

static void *connection(void *arg)
{
    int fd = (int)(intptr_t)arg;
    uint8_t *in = malloc(WIRE_MAX_BYTES);
    ssize_t n;
    CHECK(in);
    while ((n = recv(fd, in, WIRE_MAX_BYTES, 0)) > 0 && answer(fd, slice_make(in, (size_t)n))) {
    }
    free(in);
    close(fd);
    return NULL;
}

err_t door_serve(path_t socket_path, int ready_fd, door_append_fn *append, void *ctx)
{
    unix_owner_t owner = {.uid = (uid_t)-1, .gid = (gid_t)-1, .mode = 0600};
    int listener = -1;
    door.append = append;
    door.ctx = ctx;
    TRY(unix_listen(socket_path, SOCK_SEQPACKET, &owner, &listener));
    TRY(fd_write_all(ready_fd, SLICE("r")));
    for (;;) {
        pthread_t thread;
        struct pollfd wait = {.fd = listener, .events = POLLIN};
        poll(&wait, 1, -1);
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && pthread_create(&thread, NULL, connection, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
}
