#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/wire_client.h"

enum { CONNS_DEFAULT = 4, HELLO_BYTES = 512 };

/* What one attempt came to. */
typedef enum outcome {
    SENT_AND_ANSWERED,
    NOT_DELIVERED, /* surely: the request may be sent again */
    UNKNOWN
} outcome_t;

void wire_client_init(wire_client_t *c, const wire_client_conf_t *conf)
{
    pthread_condattr_t attr;
    *c = (wire_client_t){.conf = *conf};
    if (c->conf.max_conns == 0) {
        c->conf.max_conns = CONNS_DEFAULT;
    }
    CHECK(c->conf.max_conns <= WIRE_CLIENT_CONNS);
    for (unsigned i = 0; i < WIRE_CLIENT_CONNS; i++) {
        c->conns[i].fd = -1;
    }
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&c->freed, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

void wire_client_deinit(wire_client_t *c)
{
    if (c->conf.max_conns == 0) {
        return;
    }
    for (unsigned i = 0; i < c->conf.max_conns; i++) {
        CHECK(!c->conns[i].busy);
        fd_close(&c->conns[i].fd);
    }
    pthread_cond_destroy(&c->freed);
    pthread_mutex_destroy(&c->lock);
    *c = (wire_client_t){0};
}

/* An idle connection, an open one first; NULL when all are busy. */
static struct wire_client_conn *pick_idle(wire_client_t *c)
{
    struct wire_client_conn *best = NULL;
    for (unsigned i = 0; i < c->conf.max_conns; i++) {
        struct wire_client_conn *conn = &c->conns[i];
        if (!conn->busy && (!best || (best->fd < 0 && conn->fd >= 0))) {
            best = conn;
        }
    }
    return best;
}

static err_t conn_take(wire_client_t *c, deadline_t until, struct wire_client_conn **ret_conn)
{
    struct timespec at = {.tv_sec = (time_t)(until.at_us / CLOCK_SECOND_US),
                          .tv_nsec = (long)(until.at_us % CLOCK_SECOND_US) * 1000};
    int waited = 0;
    pthread_mutex_lock(&c->lock);
    struct wire_client_conn *conn = pick_idle(c);
    while (!conn && waited == 0) {
        waited = pthread_cond_timedwait(&c->freed, &c->lock, &at);
        conn = pick_idle(c);
    }
    if (conn) {
        conn->busy = true;
    }
    pthread_mutex_unlock(&c->lock);
    ENSURE(conn, ERR_UNAVAILABLE);
    *ret_conn = conn;
    return OK;
}

static void conn_give(wire_client_t *c, struct wire_client_conn *conn)
{
    pthread_mutex_lock(&c->lock);
    conn->busy = false;
    pthread_cond_signal(&c->freed);
    pthread_mutex_unlock(&c->lock);
}

static err_t send_message(int fd, slice_t message, deadline_t until)
{
    for (;;) {
        ssize_t n = send(fd, message.ptr, message.len, MSG_NOSIGNAL);
        if (n >= 0) { /* SEQPACKET: whole or not at all */
            return OK;
        }
        if (errno == EAGAIN) {
            TRY(fd_wait(fd, POLLOUT, until));
        } else if (errno != EINTR) {
            return fd_err(errno);
        }
    }
}

static err_t recv_message(int fd, buf_t *in, deadline_t until)
{
    for (;;) {
        ssize_t n = recv(fd, in->ptr, in->cap, MSG_TRUNC);
        ENSURE(n != 0, ERR_CLOSED);
        if (n > 0) {
            CHECK((size_t)n <= in->cap); /* the contract said how long an answer can be */
            in->len = (size_t)n;
            return OK;
        }
        if (errno == EAGAIN) {
            TRY(fd_wait(fd, POLLIN, until));
        } else if (errno != EINTR) {
            return fd_err(errno);
        }
    }
}

static err_t say_hello(const wire_client_conf_t *conf, int fd, deadline_t until)
{
    uint8_t out_bytes[HELLO_BYTES], in_bytes[HELLO_BYTES];
    buf_t out = BUF_ON_ARRAY(out_bytes), in = BUF_ON_ARRAY(in_bytes);
    wire_put_hello(&out, conf->self, conf->api_version);
    TRY(send_message(fd, buf_slice(&out), until));
    TRY(recv_message(fd, &in, until));
    err_t e = wire_check_hello_ok(buf_slice(&in), conf->peer, conf->api_version);
    ENSURE(!err_failed(e) || wire_err_is_peers(e), ERR_VERSION);
    return e;
}

/* Nothing was asked yet, so whatever fails here means "not delivered". */
static err_t conn_open(const wire_client_conf_t *conf, struct wire_client_conn *conn,
                       deadline_t until)
{
    err_t e = unix_connect(conf->path, SOCK_SEQPACKET, until, &conn->fd);
    if (!err_failed(e)) {
        e = say_hello(conf, conn->fd, until);
    }
    if (!err_failed(e)) {
        return OK;
    }
    fd_close(&conn->fd);
    bool refused = wire_err_is_peers(e) || err_is(e, ERR_VERSION) || err_is(e, ERR_DENIED);
    return refused ? e : FAIL_SYS(ERR_UNAVAILABLE, e.sys);
}

/* The other side has closed it, or left something that nobody asked for. */
static bool conn_is_stale(int fd)
{
    uint8_t byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || errno != EAGAIN;
}

static bool nobody_read_it(err_t e)
{
    return e.sys == EPIPE || e.sys == ECONNRESET || e.sys == ENOTCONN || e.sys == ECONNREFUSED;
}

/* ECONNRESET on a unix socket says that the other side closed with bytes it had not read; with one
 * request at a time on a connection those bytes are ours. A plain end of file says nothing. */
static outcome_t exchange(int fd, slice_t request, deadline_t until, buf_t *in, err_t *ret_err)
{
    *ret_err = send_message(fd, request, until);
    if (err_failed(*ret_err)) {
        return NOT_DELIVERED;
    }
    *ret_err = recv_message(fd, in, until);
    if (!err_failed(*ret_err)) {
        return SENT_AND_ANSWERED;
    }
    return nobody_read_it(*ret_err) ? NOT_DELIVERED : UNKNOWN;
}

static err_t unknown_fate(err_t e)
{
    return err_is(e, ERR_TIMEOUT) ? e : FAIL_SYS(ERR_CLOSED, e.sys);
}

static err_t call_on(const wire_client_conf_t *conf, struct wire_client_conn *conn, slice_t request,
                     deadline_t until, buf_t *in)
{
    err_t e = OK;
    if (conn->fd >= 0 && conn_is_stale(conn->fd)) {
        fd_close(&conn->fd);
    }
    for (int attempt = 0; attempt < 2; attempt++) {
        if (conn->fd < 0) {
            TRY(conn_open(conf, conn, until));
        }
        outcome_t outcome = exchange(conn->fd, request, until, in, &e);
        if (outcome == SENT_AND_ANSWERED) {
            return OK;
        }
        fd_close(&conn->fd); /* an answer that comes late must not meet the next request */
        if (outcome == UNKNOWN) {
            return unknown_fate(e);
        }
        ENSURE(e.sys != EMSGSIZE, ERR_LIMIT);
        if (!nobody_read_it(e)) {
            break;
        }
    }
    return FAIL_SYS(ERR_UNAVAILABLE, e.sys);
}

err_t wire_client_call(wire_client_t *c, slice_t request, int64_t timeout_ms, buf_t *ret_response,
                       uint16_t *ret_kind, cursor_t *ret_body)
{
    struct wire_client_conn *conn;
    deadline_t until = deadline_in_ms(timeout_ms);
    buf_t in = buf_on(ret_response->ptr, ret_response->cap);
    uint16_t kind;
    cursor_t body;
    CHECK(request.len >= WIRE_HEAD_BYTES && request.len <= WIRE_MAX_BYTES);
    TRY(conn_take(c, until, &conn));
    err_t e = call_on(&c->conf, conn, request, until, &in);
    conn_give(c, conn);
    TRY(e);
    CHECK(!err_failed(wire_open(buf_slice(&in), &kind, &body)));
    if (kind == WIRE_ERROR) {
        e = wire_get_error(&body, NULL);
        CHECK(wire_err_is_peers(e));
        return e;
    }
    *ret_response = in;
    *ret_kind = kind;
    *ret_body = body;
    return OK;
}

err_t wire_client_ask(wire_client_t *c, slice_t request, int64_t timeout_ms, buf_t *ret_response,
                      uint16_t want_kind, cursor_t *ret_body)
{
    uint16_t kind;
    TRY(wire_client_call(c, request, timeout_ms, ret_response, &kind, ret_body));
    CHECK(kind == want_kind);
    return OK;
}

static err_t ask_plain(wire_client_t *c, int64_t timeout_ms, buf_t *in, uint16_t kind,
                       cursor_t *ret_body)
{
    uint8_t bytes[WIRE_HEAD_BYTES];
    buf_t out = BUF_ON_ARRAY(bytes);
    wire_begin(&out, kind);
    return wire_client_ask(c, buf_slice(&out), timeout_ms, in, (uint16_t)(kind + 1), ret_body);
}

err_t wire_client_health(wire_client_t *c, int64_t timeout_ms, health_t *ret_health)
{
    enum { HEALTH_BYTES = 16 + HEALTH_ROWS * (HEALTH_NAME + HEALTH_TEXT + 8) };
    uint8_t bytes[HEALTH_BYTES];
    buf_t in = BUF_ON_ARRAY(bytes);
    cursor_t body;
    TRY(ask_plain(c, timeout_ms, &in, WIRE_HEALTH, &body));
    CHECK(!err_failed(wire_get_health(&body, ret_health)));
    return OK;
}

err_t wire_client_metrics(wire_client_t *c, arena_t *a, int64_t timeout_ms, slice_t *ret_text)
{
    buf_t in;
    cursor_t body;
    TRY(arena_buf(a, WIRE_MAX_BYTES, &in));
    TRY(ask_plain(c, timeout_ms, &in, WIRE_METRICS, &body));
    *ret_text = cur_rest(&body);
    return OK;
}
