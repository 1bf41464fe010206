/* One epoll loop: accept, hello, requests to the room's callbacks, answers out. Nothing in here
 * trusts a byte of a peer; whoever does not keep to the wire is closed. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wire_server.h"

enum {
    EVENTS = 64,
    BURST = 32, /* messages of one connection in one turn: nobody starves the others */
    WATCHES = 16,
    HOUSEKEEPING_MS = 100,
    CONNS_DEFAULT = 256,
    CONNS_PER_ROOM_DEFAULT = 64,
    PENDING_DEFAULT = 64,
    QUEUE_DEFAULT = 1024 * 1024,
    HELLO_MS_DEFAULT = 1000
};

/* epoll's data: (generation << 32) | slot for connections, these for the rest. */
#define TAG_LISTEN UINT64_C(0xffffffff00000000)
#define TAG_WAKE UINT64_C(0xffffffff00000001)
#define TAG_STOP UINT64_C(0xffffffff00000002)
#define TAG_WATCH UINT64_C(0xffffffff00000100)

typedef struct out {
    struct out *next;
    size_t len;
    uint8_t bytes[];
} out_t;

typedef struct conn {
    int fd; /* -1 = free slot */
    uint32_t generation;
    uint32_t epoll_events; /* as registered */
    room_id_t room;        /* ROOM_NONE before the hello */
    uid_t uid;
    pid_t pid;        /* of who connected, by the kernel */
    unsigned pending; /* requests not yet answered */
    int64_t opened_us;
    out_t *first, **last; /* unsent answers */
    size_t queued;        /* bytes in them */
} conn_t;

typedef struct watch {
    int fd; /* -1 = free */
    wire_fd_fn *fn;
    void *ctx;
} watch_t;

struct wire_server {
    wire_server_conf_t conf;
    int epoll, listener, wake;
    uid_t uids[ROOM_COUNT]; /* who may claim to be the room; (uid_t)-1 = nobody */
    conn_t *conns;
    watch_t watches[WATCHES];
    unsigned open, waiting_hello; /* counts of connections */
    unsigned per_room[ROOM_COUNT];
    uint64_t pending, unsent; /* over all connections: requests, messages */
    uint64_t total_messages, total_refused, total_closed_slow;
    bool drained_due, stop_asked, draining, listener_paused;
    int64_t next_tick_us, next_house_us;
    uint8_t in[WIRE_MAX_BYTES];
};

static bool stop_requested(wire_server_t *s)
{
    return __atomic_load_n(&s->stop_asked, __ATOMIC_ACQUIRE);
}

/* ------------------------------------------------------------------ connections */

static conn_t *conn_of(const wire_server_t *s, wire_conn_t ref)
{
    if (ref.slot >= s->conf.max_conns) {
        return NULL;
    }
    conn_t *c = &s->conns[ref.slot];
    return c->fd >= 0 && c->generation == ref.generation ? c : NULL;
}

static wire_conn_t ref_of(const wire_server_t *s, const conn_t *c)
{
    return (wire_conn_t){(uint32_t)(c - s->conns), c->generation};
}

static uint64_t tag_of(const wire_server_t *s, const conn_t *c)
{
    return (uint64_t)c->generation << 32 | (uint64_t)(c - s->conns);
}

static err_t epoll_set(wire_server_t *s, int op, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event ev = {.events = events, .data.u64 = tag};
    return epoll_ctl(s->epoll, op, fd, &ev) == 0 ? OK : fd_err(errno);
}

/* Answers may be personal data in clear. */
static void out_free(out_t *o)
{
    explicit_bzero(o->bytes, o->len);
    free(o);
}

static void conn_close(wire_server_t *s, conn_t *c)
{
    wire_conn_t ref = ref_of(s, c);
    bool known = c->room != ROOM_NONE;
    for (out_t *o = c->first, *next; o; o = next) {
        next = o->next;
        out_free(o);
        s->unsent--;
    }
    s->pending -= c->pending;
    s->open--;
    if (known) {
        s->per_room[c->room]--;
    } else {
        s->waiting_hello--;
    }
    fd_close(&c->fd); /* leaves the epoll with it */
    /* The next use of the slot is another connection; the top value belongs to the tags above. */
    *c = (conn_t){.fd = -1, .generation = (c->generation + 1) & INT32_MAX};
    if (known && s->conf.events->on_closed) {
        s->conf.events->on_closed(s->conf.ctx, ref);
    }
}

/* What epoll should say of this connection: readable unless it owes too much or we are leaving,
 * writable while answers wait. */
static void conn_update(wire_server_t *s, conn_t *c)
{
    bool reading = !s->draining && c->pending < s->conf.max_pending;
    uint32_t want = (reading ? EPOLLIN : 0U) | (c->first ? EPOLLOUT : 0U);
    if (want == c->epoll_events) {
        return;
    }
    c->epoll_events = want;
    if (err_failed(epoll_set(s, EPOLL_CTL_MOD, c->fd, want, tag_of(s, c)))) {
        conn_close(s, c);
    }
}

/* ------------------------------------------------------------------ answers */

typedef enum sent { SENT, SENT_LATER, SENT_NEVER } sent_t;

static sent_t try_send(int fd, slice_t message)
{
    for (;;) {
        if (send(fd, message.ptr, message.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return SENT;
        }
        if (errno == EAGAIN) {
            return SENT_LATER;
        }
        if (errno != EINTR) {
            return SENT_NEVER;
        }
    }
}

static bool enqueue(wire_server_t *s, conn_t *c, slice_t message)
{
    if (message.len > s->conf.max_queue_bytes - c->queued) {
        s->total_closed_slow++;
        return false;
    }
    out_t *o = malloc(sizeof *o + message.len);
    if (!o) {
        return false;
    }
    o->next = NULL;
    o->len = message.len;
    memcpy(o->bytes, message.ptr, message.len);
    *c->last = o;
    c->last = &o->next;
    c->queued += message.len;
    s->unsent++;
    return true;
}

static void conn_send(wire_server_t *s, conn_t *c, slice_t message)
{
    sent_t sent = c->first ? SENT_LATER : try_send(c->fd, message);
    if (sent == SENT_NEVER || (sent == SENT_LATER && !enqueue(s, c, message))) {
        conn_close(s, c);
        return;
    }
    conn_update(s, c);
}

static void conn_flush(wire_server_t *s, conn_t *c)
{
    while (c->first) {
        out_t *o = c->first;
        sent_t sent = try_send(c->fd, slice_make(o->bytes, o->len));
        if (sent == SENT_NEVER) {
            conn_close(s, c);
            return;
        }
        if (sent == SENT_LATER) {
            return;
        }
        c->first = o->next;
        c->queued -= o->len;
        s->unsent--;
        out_free(o);
    }
    c->last = &c->first;
    conn_update(s, c);
}

static void settle(wire_server_t *s, conn_t *c)
{
    CHECK(c->pending > 0); /* a request has one answer */
    c->pending--;
    s->pending--;
}

void wire_reply(wire_server_t *s, wire_conn_t to, slice_t message)
{
    CHECK(message.len >= WIRE_HEAD_BYTES && message.len <= WIRE_MAX_BYTES);
    conn_t *c = conn_of(s, to);
    if (c) {
        settle(s, c);
        conn_send(s, c, message);
    }
}

void wire_reply_error(wire_server_t *s, wire_conn_t to, err_t e, const char *text)
{
    uint8_t bytes[WIRE_TEXT_MAX + 16];
    buf_t out = BUF_ON_ARRAY(bytes);
    CHECK(err_failed(e));
    wire_put_error(&out, e, text);
    wire_reply(s, to, buf_slice(&out));
}

void wire_reply_done(wire_server_t *s, wire_conn_t to)
{
    uint8_t bytes[WIRE_HEAD_BYTES];
    buf_t out = BUF_ON_ARRAY(bytes);
    wire_begin(&out, WIRE_DONE);
    wire_reply(s, to, buf_slice(&out));
}

void wire_no_reply(wire_server_t *s, wire_conn_t from)
{
    conn_t *c = conn_of(s, from);
    if (c) {
        settle(s, c);
        conn_update(s, c);
    }
}

void wire_close(wire_server_t *s, wire_conn_t conn)
{
    conn_t *c = conn_of(s, conn);
    if (c) {
        conn_close(s, c);
    }
}

room_id_t wire_peer(const wire_server_t *s, wire_conn_t conn)
{
    const conn_t *c = conn_of(s, conn);
    return c ? c->room : ROOM_NONE;
}

bool wire_alive(const wire_server_t *s, wire_conn_t conn)
{
    return conn_of(s, conn) != NULL;
}

pid_t wire_peer_process(const wire_server_t *s, wire_conn_t conn)
{
    const conn_t *c = conn_of(s, conn);
    return c ? c->pid : 0;
}

bool wire_peer_alone(const wire_server_t *s, wire_conn_t conn)
{
    const conn_t *c = conn_of(s, conn);
    for (unsigned i = 0; c && i < s->conf.max_conns; i++) {
        const conn_t *other = &s->conns[i];
        if (other->fd >= 0 && other->room == c->room && other->pid != c->pid) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ hello */

static err_t judge_hello(wire_server_t *s, const conn_t *c, slice_t message, room_id_t *ret_room)
{
    uint16_t kind, api_version;
    cursor_t body;
    room_id_t room;
    TRY(wire_open(message, &kind, &body));
    ENSURE(kind == WIRE_HELLO, ERR_SYNTAX);
    TRY(wire_get_hello(&body, &room, &api_version));
    ENSURE(s->conf.callers & ROOM_BIT(room), ERR_DENIED);
    ENSURE(s->uids[room] == c->uid, ERR_DENIED);
    ENSURE(api_version == s->conf.api_version, ERR_VERSION);
    ENSURE(s->per_room[room] < s->conf.max_conns_per_room, ERR_TOO_MANY);
    *ret_room = room;
    return OK;
}

static void on_hello(wire_server_t *s, conn_t *c, slice_t message)
{
    uint8_t bytes[WIRE_TEXT_MAX + 16];
    buf_t out = BUF_ON_ARRAY(bytes);
    err_t e = judge_hello(s, c, message, &c->room);
    if (err_failed(e)) {
        s->total_refused++;
        wire_put_error(&out, e, NULL);
        (void)try_send(c->fd, buf_slice(&out)); /* it is closed next, whether it hears or not */
        conn_close(s, c);
        return;
    }
    s->waiting_hello--;
    s->per_room[c->room]++;
    wire_put_hello_ok(&out, s->conf.self, s->conf.api_version);
    conn_send(s, c, buf_slice(&out));
}

/* ------------------------------------------------------------------ requests */

static void answer_metrics(wire_server_t *s, wire_conn_t from)
{
    static uint8_t bytes[WIRE_MAX_BYTES]; /* the loop has one thread */
    buf_t out = BUF_ON_ARRAY(bytes);
    wire_begin(&out, WIRE_METRICS_OK);
    metrics_put(&out, "sekisho_wire_connections", s->open);
    metrics_put(&out, "sekisho_wire_messages_total", (int64_t)s->total_messages);
    metrics_put(&out, "sekisho_wire_refused_total", (int64_t)s->total_refused);
    metrics_put(&out, "sekisho_wire_slow_readers_closed_total", (int64_t)s->total_closed_slow);
    metrics_put(&out, "sekisho_wire_pending", (int64_t)s->pending);
    if (s->conf.events->on_metrics) {
        s->conf.events->on_metrics(s->conf.ctx, &out);
    }
    if (out.full) {
        wire_reply_error(s, from, FAIL(ERR_LIMIT), NULL);
        return;
    }
    wire_reply(s, from, buf_slice(&out));
}

static void answer_health(wire_server_t *s, wire_conn_t from)
{
    uint8_t bytes[16 + HEALTH_ROWS * (HEALTH_NAME + HEALTH_TEXT + 8)];
    buf_t out = BUF_ON_ARRAY(bytes);
    health_t health = {0};
    if (s->conf.events->on_health) {
        s->conf.events->on_health(s->conf.ctx, &health);
    }
    wire_put_health(&out, &health);
    wire_reply(s, from, buf_slice(&out));
}

/* The wire's own kinds. */
static err_t on_common(wire_server_t *s, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    TRY(cur_end(body));
    if (kind == WIRE_METRICS) {
        answer_metrics(s, from);
    } else if (kind == WIRE_HEALTH) {
        answer_health(s, from);
    } else {
        return FAIL(ERR_SYNTAX);
    }
    return OK;
}

static err_t dispatch(wire_server_t *s, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    if (kind < WIRE_KIND_ROOM) {
        return on_common(s, from, kind, body);
    }
    s->drained_due = true;
    err_t e = s->conf.events->on_message(s->conf.ctx, from, kind, body);
    ENSURE(err_failed(e) || (!body->bad && body->left == 0), ERR_SYNTAX);
    return e;
}

static void on_request(wire_server_t *s, conn_t *c, slice_t message)
{
    uint16_t kind;
    cursor_t body;
    wire_conn_t from = ref_of(s, c);
    if (err_failed(wire_open(message, &kind, &body))) {
        conn_close(s, c);
        return;
    }
    s->total_messages++;
    c->pending++;
    s->pending++;
    err_t e = dispatch(s, from, kind, &body);
    if (!err_failed(e) || !conn_of(s, from)) {
        return;
    }
    if (err_is(e, ERR_SYNTAX) || body.bad) {
        conn_close(s, c);
    } else {
        wire_reply_error(s, from, e, NULL);
    }
}

/* One message; false when there is nothing more to read now. */
static bool read_one(wire_server_t *s, conn_t *c)
{
    ssize_t n = recv(c->fd, s->in, sizeof s->in, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n < 0 && errno == EAGAIN) {
        return false;
    }
    if (n <= 0 || (size_t)n > sizeof s->in) { /* gone, broken, or a frame above the cap */
        conn_close(s, c);
        return false;
    }
    slice_t message = slice_make(s->in, (size_t)n);
    if (c->room == ROOM_NONE) {
        on_hello(s, c, message);
    } else {
        on_request(s, c, message);
    }
    explicit_bzero(s->in, message.len); /* passwords and names pass here */
    return true;
}

static void conn_read(wire_server_t *s, conn_t *c)
{
    wire_conn_t ref = ref_of(s, c);
    for (int i = 0; i < BURST; i++) {
        if (s->draining || c->pending >= s->conf.max_pending || !read_one(s, c) ||
            !conn_of(s, ref)) {
            break;
        }
    }
    if (conn_of(s, ref)) {
        conn_update(s, c);
    }
}

static void on_conn_event(wire_server_t *s, wire_conn_t ref, uint32_t events)
{
    conn_t *c = conn_of(s, ref);
    if (c && (events & EPOLLOUT)) {
        conn_flush(s, c);
        c = conn_of(s, ref);
    }
    if (c && (events & EPOLLIN)) {
        conn_read(s, c);
        c = conn_of(s, ref);
    }
    /* Gone, and what it had sent is read (or will not be): its answers have no reader. */
    if (c && (events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN)) {
        conn_close(s, c);
    }
}

/* ------------------------------------------------------------------ accept */

static bool uid_is_known(const wire_server_t *s, uid_t uid)
{
    for (unsigned i = ROOM_NONE + 1; i < ROOM_COUNT; i++) {
        if ((s->conf.callers & ROOM_BIT(i)) && s->uids[i] == uid) {
            return true;
        }
    }
    return false;
}

static conn_t *free_slot(wire_server_t *s)
{
    for (unsigned i = 0; i < s->conf.max_conns; i++) {
        if (s->conns[i].fd < 0) {
            return &s->conns[i];
        }
    }
    return NULL;
}

static void admit(wire_server_t *s, int accepted)
{
    FD_SCOPED int fd = accepted;
    struct ucred peer;
    socklen_t len = sizeof peer;
    conn_t *c = free_slot(s);
    if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        !uid_is_known(s, peer.uid) ||
        err_failed(epoll_set(s, EPOLL_CTL_ADD, fd, EPOLLIN, tag_of(s, c)))) {
        s->total_refused++;
        return;
    }
    *c = (conn_t){.fd = fd_take(&fd),
                  .generation = c->generation,
                  .epoll_events = EPOLLIN,
                  .uid = peer.uid,
                  .pid = peer.pid,
                  .opened_us = clock_wait_us()};
    c->last = &c->first;
    s->open++;
    s->waiting_hello++;
}

static void on_listener(wire_server_t *s)
{
    for (int i = 0; i < BURST; i++) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            admit(s, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            /* No descriptor left: look again at the next housekeeping instead of spinning. */
            s->listener_paused = true;
            err_ignore(epoll_set(s, EPOLL_CTL_MOD, s->listener, 0, TAG_LISTEN));
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ------------------------------------------------------------------ the loop */

static void close_silent(wire_server_t *s, int64_t now_us)
{
    for (unsigned i = 0; s->waiting_hello && i < s->conf.max_conns; i++) {
        conn_t *c = &s->conns[i];
        if (c->fd >= 0 && c->room == ROOM_NONE && now_us - c->opened_us > s->conf.hello_ms * 1000) {
            s->total_refused++;
            conn_close(s, c);
        }
    }
}

static void housekeeping(wire_server_t *s)
{
    int64_t now_us = clock_wait_us();
    if (now_us >= s->next_house_us) {
        s->next_house_us = now_us + HOUSEKEEPING_MS * 1000;
        close_silent(s, now_us);
        if (s->listener_paused && s->listener >= 0) {
            s->listener_paused = false;
            err_ignore(epoll_set(s, EPOLL_CTL_MOD, s->listener, EPOLLIN, TAG_LISTEN));
        }
    }
    if (s->conf.tick_ms && now_us >= s->next_tick_us) {
        s->next_tick_us = now_us + s->conf.tick_ms * 1000;
        if (s->conf.events->on_tick) {
            s->conf.events->on_tick(s->conf.ctx);
        }
    }
}

static void on_woken(wire_server_t *s)
{
    uint64_t count;
    ssize_t n = read(s->wake, &count, sizeof count);
    (void)n; /* EAGAIN: somebody read it before us */
    if (s->conf.events->on_wake) {
        s->conf.events->on_wake(s->conf.ctx);
    }
}

static void on_watch(wire_server_t *s, uint64_t index, uint32_t events)
{
    watch_t *w = &s->watches[index];
    if (w->fd >= 0) {
        w->fn(w->ctx, w->fd, events);
    }
}

static void on_event(wire_server_t *s, uint64_t tag, uint32_t events)
{
    if (tag == TAG_LISTEN) {
        on_listener(s);
    } else if (tag == TAG_WAKE) {
        on_woken(s);
    } else if (tag == TAG_STOP) {
        __atomic_store_n(&s->stop_asked, true, __ATOMIC_RELEASE);
    } else if (tag >= TAG_WATCH) {
        on_watch(s, tag - TAG_WATCH, events);
    } else {
        on_conn_event(s, (wire_conn_t){(uint32_t)tag, (uint32_t)(tag >> 32)}, events);
    }
}

static int turn_wait_ms(const wire_server_t *s, int64_t wait_ms)
{
    int64_t now_us = clock_wait_us();
    int64_t until_us = now_us + wait_ms * 1000;
    bool house = s->waiting_hello || s->listener_paused;
    if (s->conf.tick_ms && s->next_tick_us < until_us) {
        until_us = s->next_tick_us;
    }
    if (house && s->next_house_us < until_us) {
        until_us = s->next_house_us;
    }
    return until_us <= now_us ? 0 : (int)((until_us - now_us + 999) / 1000);
}

err_t wire_server_turn(wire_server_t *s, int64_t wait_ms)
{
    struct epoll_event ready[EVENTS];
    int n = epoll_wait(s->epoll, ready, EVENTS, turn_wait_ms(s, wait_ms));
    if (n < 0 && errno != EINTR) {
        return fd_err(errno);
    }
    for (int i = 0; i < n; i++) {
        on_event(s, ready[i].data.u64, ready[i].events);
    }
    if (s->drained_due) {
        s->drained_due = false;
        if (s->conf.events->on_drained) {
            s->conf.events->on_drained(s->conf.ctx);
        }
    }
    housekeeping(s);
    return OK;
}

/* From here on nothing new is taken or read. What stays unread in a connection shows its sender
 * "not delivered" when we close, so it may safely ask again. */
static void begin_drain(wire_server_t *s)
{
    s->draining = true;
    fd_close(&s->listener);
    for (unsigned i = 0; i < s->conf.max_conns; i++) {
        conn_t *c = &s->conns[i];
        if (c->fd >= 0 && c->room == ROOM_NONE) {
            conn_close(s, c);
        } else if (c->fd >= 0) {
            conn_update(s, c);
        }
    }
    if (s->conf.events->on_stop) {
        s->conf.events->on_stop(s->conf.ctx);
    }
}

static err_t drain(wire_server_t *s, int64_t drain_ms)
{
    deadline_t until = deadline_in_ms(drain_ms);
    begin_drain(s);
    while ((s->pending || s->unsent) && deadline_left_ms(until) > 0) {
        TRY(wire_server_turn(s, deadline_left_ms(until)));
    }
    for (unsigned i = 0; i < s->conf.max_conns; i++) {
        if (s->conns[i].fd >= 0) {
            conn_close(s, &s->conns[i]);
        }
    }
    return OK;
}

err_t wire_server_run(wire_server_t *s, int stop_fd, int64_t drain_ms)
{
    enum { IDLE_MS = 60 * 1000 };
    if (stop_fd >= 0) {
        TRY(epoll_set(s, EPOLL_CTL_ADD, stop_fd, EPOLLIN | EPOLLONESHOT, TAG_STOP));
    }
    while (!stop_requested(s)) {
        TRY(wire_server_turn(s, IDLE_MS));
    }
    return drain(s, drain_ms);
}

void wire_server_wake(wire_server_t *s)
{
    uint64_t one = 1;
    ssize_t n = write(s->wake, &one, sizeof one); /* EAGAIN: it is awake already */
    (void)n;
}

void wire_server_stop(wire_server_t *s)
{
    __atomic_store_n(&s->stop_asked, true, __ATOMIC_RELEASE);
    wire_server_wake(s);
}

/* ------------------------------------------------------------------ further descriptors */

err_t wire_server_watch(wire_server_t *s, int fd, uint32_t events, wire_fd_fn *fn, void *ctx)
{
    for (unsigned i = 0; i < WATCHES; i++) {
        if (s->watches[i].fd < 0) {
            TRY(epoll_set(s, EPOLL_CTL_ADD, fd, events, TAG_WATCH + i));
            s->watches[i] = (watch_t){fd, fn, ctx};
            return OK;
        }
    }
    return FAIL(ERR_LIMIT);
}

void wire_server_unwatch(wire_server_t *s, int fd)
{
    for (unsigned i = 0; i < WATCHES; i++) {
        if (s->watches[i].fd == fd) {
            err_ignore(epoll_set(s, EPOLL_CTL_DEL, fd, 0, 0)); /* closed already: nothing to do */
            s->watches[i].fd = -1;
        }
    }
}

/* ------------------------------------------------------------------ life */

/* In a separated house each room has its uid, the command and the tests are root's; else all share
 * ours. A user that does not exist can call nobody. */
static void learn_uids(wire_server_t *s)
{
    for (unsigned i = ROOM_NONE; i < ROOM_COUNT; i++) {
        gid_t gid;
        s->uids[i] = (uid_t)-1;
        if (!s->conf.separated) {
            s->uids[i] = geteuid();
        } else if (i == ROOM_TEST) {
            s->uids[i] = 0;
        } else if (err_failed(room_ids((room_id_t)i, &s->uids[i], &gid))) {
            s->uids[i] = (uid_t)-1;
        }
    }
}

static void fill_defaults(wire_server_conf_t *c)
{
    c->callers = c->callers ? c->callers : room_callers(c->self);
    c->max_conns = c->max_conns ? c->max_conns : CONNS_DEFAULT;
    c->max_conns_per_room = c->max_conns_per_room ? c->max_conns_per_room : CONNS_PER_ROOM_DEFAULT;
    c->max_pending = c->max_pending ? c->max_pending : PENDING_DEFAULT;
    c->max_queue_bytes = c->max_queue_bytes ? c->max_queue_bytes : QUEUE_DEFAULT;
    c->hello_ms = c->hello_ms ? c->hello_ms : HELLO_MS_DEFAULT;
}

static err_t server_start(wire_server_t *s)
{
    s->conns = calloc(s->conf.max_conns, sizeof *s->conns);
    ENSURE(s->conns, ERR_MEMORY);
    for (unsigned i = 0; i < s->conf.max_conns; i++) {
        s->conns[i].fd = -1;
    }
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->wake < 0) {
        return fd_err(errno);
    }
    TRY(epoll_set(s, EPOLL_CTL_ADD, s->listener, EPOLLIN, TAG_LISTEN));
    return epoll_set(s, EPOLL_CTL_ADD, s->wake, EPOLLIN, TAG_WAKE);
}

err_t wire_server_new(const wire_server_conf_t *conf, int listen_fd, wire_server_t **ret_server)
{
    CHECK(conf->events && conf->events->on_message);
    wire_server_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->conf = *conf;
    fill_defaults(&s->conf);
    s->epoll = s->wake = -1;
    s->listener = listen_fd;
    for (unsigned i = 0; i < WATCHES; i++) {
        s->watches[i].fd = -1;
    }
    learn_uids(s);
    s->next_tick_us = clock_wait_us() + s->conf.tick_ms * 1000;
    err_t e = server_start(s);
    if (err_failed(e)) {
        wire_server_free(s);
        return e;
    }
    *ret_server = s;
    return OK;
}

void wire_server_free(wire_server_t *s)
{
    if (!s) {
        return;
    }
    for (unsigned i = 0; s->conns && i < s->conf.max_conns; i++) {
        if (s->conns[i].fd >= 0) {
            conn_close(s, &s->conns[i]);
        }
    }
    fd_close(&s->listener);
    fd_close(&s->wake);
    fd_close(&s->epoll);
    free(s->conns);
    free(s);
}
