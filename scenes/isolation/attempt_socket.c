/* The doors of other rooms: who is let in at the wire (file mode, credentials, hello), who at HTTP,
 * and whether the record can be read. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/wire.h"
#include "ledger/api.h"
#include "plan.h"

enum { ANSWER_MS = 5000 };

static int say(attempt_t *a, const char *by)
{
    snprintf(a->result->by, sizeof a->result->by, "%s", by);
    return EACCES;
}

static int connect_to(const struct plan_socket *s, int type, int *ret_fd)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    size_t len = strlen(s->path);
    if (len >= sizeof at.sun_path) {
        close(fd);
        return ENAMETOOLONG;
    }
    memcpy(at.sun_path, s->path, len);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        int failed = errno;
        close(fd);
        return failed;
    }
    *ret_fd = fd;
    return 0;
}

/* Bytes of the answer; 0 when the door was shut without a word, -1 when nothing came in time. */
static ssize_t answer_read(int fd, uint8_t *mem, size_t len)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, ANSWER_MS) != 1) {
        return -1;
    }
    ssize_t n = recv(fd, mem, len, 0);
    return n < 0 ? 0 : n;
}

static int hello(attempt_t *a, int fd, const struct plan_socket *s, room_id_t as)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    buf_t out = BUF_ON_ARRAY(mem);
    wire_put_hello(&out, as, 1); /* every room's contract is version 1 so far */
    if (send(fd, out.ptr, out.len, MSG_NOSIGNAL) < 0) {
        return say(a, "credentials"); /* shut before we spoke */
    }
    ssize_t n = answer_read(fd, mem, sizeof mem);
    if (n == 0) {
        return say(a, "credentials");
    }
    if (n < 0) {
        return say(a, "no answer");
    }
    err_t e = wire_check_hello_ok(slice_make(mem, (size_t)n), s->room, 1);
    return !err_failed(e) ? 0 : say(a, err_is(e, ERR_DENIED) ? "hello" : err_text(e.code));
}

static int knock(attempt_t *a, room_id_t as)
{
    const struct plan_socket *s = a->of;
    int fd, failed = connect_to(s, SOCK_SEQPACKET, &fd);
    return failed ? failed : hello(a, fd, s, as);
}

static int as_itself(attempt_t *a)
{
    return knock(a, a->plan->self);
}

/* Every other name there is. */
static int as_another(attempt_t *a)
{
    int failed = EACCES;
    for (room_id_t as = ROOM_NONE; as < ROOM_COUNT; as++) {
        if (as != a->plan->self && (failed = knock(a, as)) == 0) {
            snprintf(a->result->by, sizeof a->result->by, "as %s", room_name(as));
            return 0;
        }
    }
    return failed;
}

static int http(attempt_t *a)
{
    static const char ASK[] = "GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n";
    uint8_t mem[4096];
    int fd, failed = connect_to(a->of, SOCK_STREAM, &fd);
    if (failed) {
        return failed;
    }
    if (send(fd, ASK, sizeof ASK - 1, MSG_NOSIGNAL) < 0) {
        return errno;
    }
    return answer_read(fd, mem, sizeof mem) > 0 ? 0 : say(a, "no answer");
}

/* A room may add to the record; reading it is another right. */
static int read_record(attempt_t *a)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    const struct plan_socket *s = a->of;
    buf_t out = BUF_ON_ARRAY(mem);
    uint16_t kind;
    cursor_t body;
    int fd, failed = connect_to(s, SOCK_SEQPACKET, &fd);
    if (failed || (failed = hello(a, fd, s, a->plan->self))) {
        return failed;
    }
    wire_begin(&out, LEDGER_TAIL);
    buf_u64(&out, 0);
    buf_u32(&out, 1);
    buf_u32(&out, 0);
    if (send(fd, out.ptr, out.len, MSG_NOSIGNAL) < 0) {
        return errno;
    }
    ssize_t n = answer_read(fd, mem, sizeof mem);
    if (n <= 0 || err_failed(wire_open(slice_make(mem, (size_t)n), &kind, &body))) {
        return say(a, "no answer");
    }
    return kind == LEDGER_ENTRIES ? 0 : say(a, "role");
}

void attempt_sockets(plan_t *p, plan_seal_fn *seal, void *ctx)
{
    for (size_t i = 0; i < p->n_sockets; i++) {
        const struct plan_socket *s = &p->sockets[i];
        if (p->sealed && s->room == p->self) {
            continue; /* nobody answers there: it is this very process */
        }
        if (s->kind == SOCKET_HTTP) {
            attempt(p, seal, ctx, "socket", s->name, "http", http, s);
            continue;
        }
        attempt(p, seal, ctx, "socket", s->name, "wire", as_itself, s);
        attempt(p, seal, ctx, "socket", s->name, "wire as another", as_another, s);
        if (s->room == ROOM_LEDGER) {
            attempt(p, seal, ctx, "socket", s->name, "tail", read_record, s);
        }
    }
}
