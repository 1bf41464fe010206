/* The wire alive: a server and clients, and peers that do not keep to it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/wire_client.h"
#include "io/wire_server.h"

enum {
    API = 3,
    ECHO = 16,  /* answers the body */
    LATER = 17, /* answered in on_drained */
    WOKEN = 18, /* answered in on_wake, by another thread's word */
    FAILS = 19, /* error CONFLICT */
    NOTE = 20,  /* no answer */
    NEVER = 21, /* the answer never comes */
    BULK = 22,  /* answers many bytes */
    ANSWER = 30,
    CALL_MS = 5000
};

#define must(expr)                                                                                 \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (err_failed(e_)) {                                                                      \
            fail_msg("%s: %s at %s:%d errno %d", #expr, err_name(e_.code), e_.where, e_.line,      \
                     e_.sys);                                                                      \
        }                                                                                          \
    } while (0)
#define must_fail(expr, want) assert_string_equal(err_name((expr).code), err_name(want))

static char dir[] = "/tmp/sekisho-wire-XXXXXX";
static char path_text[64];
static path_t sock_path = {path_text};

/* ------------------------------------------------------------------ a room */

enum { WAITING = 256 };

typedef struct room {
    wire_server_t *server;
    pthread_t thread;
    wire_conn_t later[WAITING], woken[WAITING];
    unsigned later_count, woken_count;
    int closed, drained, notes, ticks, stopped, watched, handled; /* atomics */
    int hold; /* 1 = answers of LATER wait for the stop */
    int pipe[2];
} room_t;

static void answer(room_t *r, wire_conn_t to, slice_t body)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    buf_t out = BUF_ON_ARRAY(mem);
    wire_begin(&out, ANSWER);
    buf_put(&out, body);
    assert_false(out.full);
    wire_reply(r->server, to, buf_slice(&out));
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    room_t *r = ctx;
    static uint8_t bulk[32 * 1024];
    __atomic_add_fetch(&r->handled, 1, __ATOMIC_SEQ_CST);
    switch (kind) {
    case ECHO:
        answer(r, from, cur_rest(body));
        return OK;
    case LATER:
        TRY(cur_end(body));
        r->later[r->later_count++ % WAITING] = from;
        return OK;
    case WOKEN:
        r->woken[r->woken_count++ % WAITING] = from;
        return cur_end(body);
    case FAILS:
        TRY(cur_end(body));
        return FAIL(ERR_CONFLICT);
    case NOTE:
        __atomic_add_fetch(&r->notes, 1, __ATOMIC_SEQ_CST);
        wire_no_reply(r->server, from);
        return OK; /* a body that is not read closes the connection */
    case NEVER:
        return cur_end(body);
    case BULK:
        answer(r, from, slice_make(bulk, sizeof bulk));
        return cur_end(body);
    default:
        return FAIL(ERR_SYNTAX);
    }
}

static void on_drained(void *ctx)
{
    room_t *r = ctx;
    __atomic_add_fetch(&r->drained, 1, __ATOMIC_SEQ_CST);
    int hold = __atomic_load_n(&r->hold, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; !hold && i < r->later_count; i++) {
        answer(r, r->later[i], SLICE("later"));
    }
    r->later_count = hold ? r->later_count : 0;
}

static void on_stop(void *ctx)
{
    room_t *r = ctx;
    __atomic_store_n(&r->hold, 0, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&r->stopped, 1, __ATOMIC_SEQ_CST);
    on_drained(ctx);
}

static void on_wake(void *ctx)
{
    room_t *r = ctx;
    for (unsigned i = 0; i < r->woken_count; i++) {
        answer(r, r->woken[i], SLICE("woken"));
    }
    r->woken_count = 0;
}

static void on_closed(void *ctx, wire_conn_t conn)
{
    room_t *r = ctx;
    assert_false(wire_alive(r->server, conn));
    __atomic_add_fetch(&r->closed, 1, __ATOMIC_SEQ_CST);
}

static void on_tick(void *ctx)
{
    __atomic_add_fetch(&((room_t *)ctx)->ticks, 1, __ATOMIC_SEQ_CST);
}

static void on_watched(void *ctx, int fd, uint32_t events)
{
    room_t *r = ctx;
    uint8_t byte;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(fd, &byte, 1), 1);
    __atomic_add_fetch(&r->watched, 1, __ATOMIC_SEQ_CST);
}

static void on_metrics(void *ctx, buf_t *out)
{
    metrics_put(out, "test_notes_total{kind=\"x\"}", ((room_t *)ctx)->notes);
}

static void on_health(void *ctx, health_t *out)
{
    (void)ctx;
    health_add(out, HEALTH_OK, "disk", "%d MiB free", 12);
    health_add(out, HEALTH_DEGRADED, "ledger", "answers slowly");
}

static const wire_events_t EVENTS = {on_message, on_drained, on_closed,  on_wake,
                                     on_tick,    on_stop,    on_metrics, on_health};

static void *serve(void *arg)
{
    room_t *r = arg;
    err_t e = wire_server_run(r->server, -1, 2000);
    return err_failed(e) ? r : NULL;
}

static void room_start_as(room_t *r, wire_server_conf_t conf)
{
    static const unix_owner_t OWNER = {(uid_t)-1, (gid_t)-1, 0666};
    int fd;
    conf.self = ROOM_VAULT;
    conf.api_version = API;
    conf.events = &EVENTS;
    conf.ctx = r;
    *r = (room_t){.pipe = {-1, -1}};
    must(unix_listen(sock_path, SOCK_SEQPACKET, &OWNER, &fd));
    must(wire_server_new(&conf, fd, &r->server));
    assert_int_equal(pipe2(r->pipe, 0), 0);
    must(wire_server_watch(r->server, r->pipe[0], EPOLLIN, on_watched, r));
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

static void room_start(room_t *r)
{
    room_start_as(r, (wire_server_conf_t){.tick_ms = 5});
}

static void room_stop(room_t *r)
{
    void *failed;
    wire_server_stop(r->server);
    pthread_join(r->thread, &failed);
    assert_null(failed);
    wire_server_free(r->server);
    close(r->pipe[0]);
    close(r->pipe[1]);
}

static wire_client_t client_as(room_id_t self, uint16_t api_version, unsigned conns)
{
    wire_client_t c;
    wire_client_init(&c, &(wire_client_conf_t){sock_path, self, ROOM_VAULT, api_version, conns});
    return c;
}

static err_t call(wire_client_t *c, uint16_t kind, slice_t body, int64_t timeout_ms, slice_t want)
{
    uint8_t out_mem[256], in_mem[WIRE_MAX_BYTES];
    buf_t out = BUF_ON_ARRAY(out_mem), in = BUF_ON_ARRAY(in_mem);
    cursor_t answer_body;
    wire_begin(&out, kind);
    buf_put(&out, body);
    TRY(wire_client_ask(c, buf_slice(&out), timeout_ms, &in, ANSWER, &answer_body));
    ENSURE(slice_eq(cur_rest(&answer_body), want), ERR_CORRUPT);
    WIRE_CLIENT_END(&answer_body);
    return OK;
}

static void wait_for(const int *count, int at_least)
{
    for (int i = 0; i < 5000 && __atomic_load_n(count, __ATOMIC_SEQ_CST) < at_least; i++) {
        usleep(1000);
    }
    assert_true(__atomic_load_n(count, __ATOMIC_SEQ_CST) >= at_least);
}

/* ------------------------------------------------------------------ calls */

static void test_calls(void **state)
{
    (void)state;
    room_t r;
    health_t h;
    arena_t a;
    slice_t text;
    wire_client_t c = client_as(ROOM_SHOP, API, 2);
    must_fail(call(&c, ECHO, SLICE("x"), 50, SLICE("x")), ERR_UNAVAILABLE);
    room_start(&r);
    must(call(&c, ECHO, SLICE("hello"), CALL_MS, SLICE("hello")));
    must(call(&c, ECHO, SLICE(""), CALL_MS, SLICE("")));
    must(call(&c, LATER, SLICE(""), CALL_MS, SLICE("later")));
    err_t e = call(&c, FAILS, SLICE(""), CALL_MS, SLICE(""));
    must_fail(e, ERR_CONFLICT);
    assert_true(wire_err_is_peers(e));
    must(wire_client_health(&c, CALL_MS, &h));
    assert_int_equal(h.state, HEALTH_DEGRADED);
    assert_int_equal(h.count, 2);
    assert_string_equal(h.rows[0].text, "12 MiB free");
    arena_init(&a, 1 << 20);
    must(wire_client_metrics(&c, &a, CALL_MS, &text));
    assert_true(slice_find(text, SLICE("\ntest_notes_total{kind=\"x\"} 0\n")) != SIZE_MAX);
    arena_deinit(&a);
    wait_for(&r.ticks, 2);
    assert_int_equal(write(r.pipe[1], "x", 1), 1);
    wait_for(&r.watched, 1);
    wire_server_unwatch(r.server, r.pipe[0]);
    wire_client_deinit(&c);
    wire_client_deinit(&c);
    wait_for(&r.closed, 1);
    room_stop(&r);
}

static void *waker(void *arg)
{
    room_t *r = arg;
    wait_for(&r->handled, 1);
    wire_server_wake(r->server);
    return NULL;
}

static void test_wake_from_a_thread(void **state)
{
    (void)state;
    room_t r;
    pthread_t thread;
    wire_client_t c = client_as(ROOM_SHOP, API, 1);
    room_start(&r);
    assert_int_equal(pthread_create(&thread, NULL, waker, &r), 0);
    must(call(&c, WOKEN, SLICE(""), CALL_MS, SLICE("woken")));
    pthread_join(thread, NULL);
    wire_client_deinit(&c);
    room_stop(&r);
}

enum { THREADS = 32, ROUNDS = 100 };

static void *many_calls(void *arg)
{
    wire_client_t *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%lx %d", (unsigned long)pthread_self(), i);
        slice_t body = slice_make(text, (size_t)n);
        if (err_failed(call(c, ECHO, body, CALL_MS, body)) ||
            err_failed(call(c, LATER, SLICE(""), CALL_MS, SLICE("later")))) {
            return c;
        }
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    room_t r;
    pthread_t threads[THREADS];
    wire_client_t c = client_as(ROOM_SHOP, API, 8);
    room_start(&r);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many_calls, &c), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(r.handled, THREADS * ROUNDS * 2);
    wire_client_deinit(&c);
    room_stop(&r);
}

/* What one turn finds ready is handed over before on_drained: a group commit sees a group. */
static void test_groups(void **state)
{
    (void)state;
    static const unix_owner_t OWNER = {(uid_t)-1, (gid_t)-1, 0666};
    room_t r = {.pipe = {-1, -1}};
    int listener, fds[5];
    uint8_t mem[64];
    buf_t hello = BUF_ON_ARRAY(mem);
    wire_server_conf_t conf = {
        .self = ROOM_VAULT, .api_version = API, .events = &EVENTS, .ctx = &r};
    must(unix_listen(sock_path, SOCK_SEQPACKET, &OWNER, &listener));
    must(wire_server_new(&conf, listener, &r.server));
    wire_put_hello(&hello, ROOM_SHOP, API);
    for (int i = 0; i < 5; i++) {
        must(unix_connect(sock_path, SOCK_SEQPACKET, deadline_in_ms(CALL_MS), &fds[i]));
        assert_int_equal(send(fds[i], mem, hello.len, 0), (ssize_t)hello.len);
    }
    must(wire_server_turn(r.server, 100)); /* accepts */
    must(wire_server_turn(r.server, 100)); /* hellos */
    assert_int_equal(r.drained, 0);
    for (int i = 0; i < 5; i++) {
        uint8_t request[] = {1, 0, LATER, 0};
        assert_int_equal(send(fds[i], request, 4, 0), 4);
        assert_int_equal(send(fds[i], request, 4, 0), 4); /* two in a row: pipelined */
    }
    must(wire_server_turn(r.server, 100));
    assert_int_equal(r.handled, 10);
    assert_int_equal(r.drained, 1);
    for (int i = 0; i < 5; i++) {
        uint8_t got[64];
        assert_int_equal(recv(fds[i], got, sizeof got, 0), 8); /* HELLO_OK */
        assert_int_equal(recv(fds[i], got, sizeof got, 0), 4 + 5);
        assert_int_equal(recv(fds[i], got, sizeof got, 0), 4 + 5);
        close(fds[i]);
    }
    wire_server_free(r.server);
}

/* ------------------------------------------------------------------ failures */

static void test_timeout_and_late_answer(void **state)
{
    (void)state;
    room_t r;
    wire_client_t c = client_as(ROOM_SHOP, API, 1);
    room_start(&r);
    must_fail(call(&c, NEVER, SLICE(""), 200, SLICE("")), ERR_TIMEOUT);
    wait_for(&r.closed, 1);
    must_fail(call(&c, WOKEN, SLICE(""), 200, SLICE("")), ERR_TIMEOUT);
    wait_for(&r.closed, 2);
    must(call(&c, ECHO, SLICE("in the same slot"), CALL_MS, SLICE("in the same slot")));
    wire_server_wake(r.server); /* answers a connection that is gone: dropped */
    must(call(&c, ECHO, SLICE("mine"), CALL_MS, SLICE("mine")));
    wire_client_deinit(&c);
    room_stop(&r);
}

static void *hold_one(void *arg)
{
    err_ignore(call(arg, NEVER, SLICE(""), 800, SLICE("")));
    return NULL;
}

static void test_all_busy(void **state)
{
    (void)state;
    room_t r;
    pthread_t thread;
    wire_client_t c = client_as(ROOM_SHOP, API, 1);
    room_start(&r);
    assert_int_equal(pthread_create(&thread, NULL, hold_one, &c), 0);
    wait_for(&r.handled, 1);
    must_fail(call(&c, ECHO, SLICE("x"), 20, SLICE("x")), ERR_UNAVAILABLE);
    pthread_join(thread, NULL);
    assert_int_equal(r.handled, 1); /* surely not delivered */
    wire_client_deinit(&c);
    room_stop(&r);
}

static void test_restart(void **state)
{
    (void)state;
    room_t r;
    wire_client_t c = client_as(ROOM_SHOP, API, 2);
    for (int i = 0; i < 3; i++) {
        room_start(&r);
        must(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
        room_stop(&r);
        must_fail(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")), ERR_UNAVAILABLE);
    }
    wire_client_deinit(&c);
}

/* A server of a few lines that dies at a chosen moment. */
enum { DIES_UNREAD, DIES_AFTER_READ };

typedef struct mortal {
    int listener, how, served;
} mortal_t;

static void *mortal_run(void *arg)
{
    mortal_t *m = arg;
    for (int round = 0; round < 2; round++) {
        uint8_t mem[128];
        buf_t out = BUF_ON_ARRAY(mem);
        struct pollfd p = {m->listener, POLLIN, 0};
        if (poll(&p, 1, m->how == DIES_UNREAD ? CALL_MS : 300) != 1) {
            return NULL;
        }
        int fd = accept(m->listener, NULL, NULL);
        assert_true(recv(fd, mem, sizeof mem, 0) > 0);
        wire_put_hello_ok(&out, ROOM_VAULT, API);
        assert_true(send(fd, mem, out.len, 0) > 0);
        p = (struct pollfd){fd, POLLIN, 0};
        poll(&p, 1, 2000); /* the request is there */
        if (m->how == DIES_AFTER_READ || round == 1) {
            assert_true(recv(fd, mem, sizeof mem, 0) > 0);
            m->served++;
        }
        if (round == 1) {
            static const uint8_t DONE[] = {1, 0, ANSWER, 0};
            assert_true(send(fd, DONE, sizeof DONE, 0) > 0);
            usleep(50 * 1000);
        }
        close(fd);
    }
    return NULL;
}

static void check_mortal(int how, err_code_t want, int want_served)
{
    static const unix_owner_t OWNER = {(uid_t)-1, (gid_t)-1, 0666};
    mortal_t m = {.how = how};
    pthread_t thread;
    wire_client_t c = client_as(ROOM_SHOP, API, 1);
    must(unix_listen(sock_path, SOCK_SEQPACKET, &OWNER, &m.listener));
    assert_int_equal(pthread_create(&thread, NULL, mortal_run, &m), 0);
    err_t e = call(&c, NOTE, SLICE("pay"), CALL_MS, SLICE(""));
    assert_string_equal(err_name(e.code), err_name(want));
    pthread_join(thread, NULL);
    assert_int_equal(m.served, want_served);
    close(m.listener);
    wire_client_deinit(&c);
}

/* Read by the other side and then silence: never sent again. Not read: sent again, once. */
static void test_never_sent_twice(void **state)
{
    (void)state;
    check_mortal(DIES_AFTER_READ, ERR_CLOSED, 1);
    check_mortal(DIES_UNREAD, ERR_NONE, 1);
}

static void test_refused_at_hello(void **state)
{
    (void)state;
    room_t r;
    room_start(&r);
    const struct {
        room_id_t self;
        uint16_t api;
        err_code_t want;
    } CASES[] = {
        {ROOM_SHOP, API, ERR_NONE},    {ROOM_SHOP, API + 1, ERR_VERSION},
        {ROOM_GUARD, API, ERR_DENIED}, {ROOM_TEST, API, ERR_DENIED},
        {ROOM_VAULT, API, ERR_DENIED}, {ROOM_COMMAND, API, ERR_NONE},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        wire_client_t c = client_as(CASES[i].self, CASES[i].api, 1);
        err_t e = call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x"));
        assert_string_equal(err_name(e.code), err_name(CASES[i].want));
        wire_client_deinit(&c);
    }
    /* We expect another room here than the one that answers. */
    wire_client_t wrong;
    wire_client_init(&wrong, &(wire_client_conf_t){sock_path, ROOM_SHOP, ROOM_PAY, API, 1});
    must_fail(call(&wrong, ECHO, SLICE("x"), CALL_MS, SLICE("x")), ERR_VERSION);
    wire_client_deinit(&wrong);
    room_stop(&r);
}

/* In a separated house root is the command and nobody else. */
static void test_wrong_uid(void **state)
{
    (void)state;
    room_t r;
    if (geteuid() != 0) {
        print_message("needs root, skipped\n");
        skip();
    }
    room_start_as(&r, (wire_server_conf_t){.separated = true, .hello_ms = 60 * 1000});
    wire_client_t shop = client_as(ROOM_SHOP, API, 1), command = client_as(ROOM_COMMAND, API, 1);
    must_fail(call(&shop, ECHO, SLICE("x"), CALL_MS, SLICE("x")), ERR_DENIED);
    must(call(&command, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
    wire_client_deinit(&shop);
    wire_client_deinit(&command);
    pid_t pid = fork();
    if (pid == 0) { /* a stranger is closed before a word is said */
        int fd;
        uint8_t byte;
        bool closed =
            setresuid(65534, 65534, 65534) == 0 &&
            !err_failed(unix_connect(sock_path, SOCK_SEQPACKET, deadline_in_ms(CALL_MS), &fd)) &&
            err_is(fd_read_by(fd, &byte, 1, deadline_in_ms(CALL_MS)), ERR_CLOSED);
        _exit(closed ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    room_stop(&r);
}

static int raw_connect(bool hello)
{
    int fd;
    uint8_t mem[64];
    buf_t out = BUF_ON_ARRAY(mem);
    must(unix_connect(sock_path, SOCK_SEQPACKET, deadline_in_ms(CALL_MS), &fd));
    if (hello) {
        struct pollfd p = {fd, POLLIN, 0};
        wire_put_hello(&out, ROOM_SHOP, API);
        assert_true(send(fd, mem, out.len, 0) > 0);
        assert_int_equal(poll(&p, 1, CALL_MS), 1);
        assert_int_equal(recv(fd, mem, sizeof mem, 0), 8);
        assert_int_equal(mem[2], WIRE_HELLO_OK);
    }
    return fd;
}

/* True when the server closes the line; what it may say before is passed over. */
static bool is_closed(int fd)
{
    uint8_t mem[512];
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, CALL_MS) != 1) {
            return false;
        }
        ssize_t n = recv(fd, mem, sizeof mem, 0);
        if (n <= 0) {
            close(fd);
            return true;
        }
    }
}

static void test_bad_peers(void **state)
{
    (void)state;
    static uint8_t giant[WIRE_MAX_BYTES + 1] = {1, 0, ECHO, 0};
    static const struct {
        bool hello;
        size_t len;
        const char *bytes;
    } CASES[] = {
        {false, 3, "\1\0\1"},               /* not even a head */
        {false, 6, "\1\0\1\0\2\0"},         /* half a hello */
        {false, 9, "\1\0\1\0\2\0\3\0x"},    /* left-over byte */
        {false, 8, "\2\0\1\0\2\0\3\0"},     /* another wire version */
        {false, 8, "\1\0\20\0\2\0\3\0"},    /* a request without hello */
        {false, 8, "\1\0\1\0\0\0\3\0"},     /* room none */
        {false, 8, "\1\0\1\0\2\0\4\0"},     /* another api version */
        {false, 8, "\1\0\1\0\377\377\3\0"}, /* room unknown */
        {true, 8, "\1\0\1\0\2\0\3\0"},      /* hello twice */
        {true, 4, "\2\0\20\0"},             /* another wire version */
        {true, 2, "\1\0"},                  /* half a head */
        {true, 5, "\1\0\21\0x"},            /* LATER with a body */
        {true, 5, "\1\0\24\0x"},            /* NOTE leaves its body unread */
        {true, 4, "\1\0\77\0"},             /* no such kind */
        {true, 4, "\1\0\3\0"},              /* an error from a client */
        {true, 5, "\1\0\4\0x"},             /* METRICS with a body */
    };
    room_t r;
    room_start(&r);
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        int fd = raw_connect(CASES[i].hello);
        assert_int_equal(send(fd, CASES[i].bytes, CASES[i].len, 0), (ssize_t)CASES[i].len);
        if (!is_closed(fd)) {
            fail_msg("case %zu was not closed", i);
        }
    }
    int fd = raw_connect(true);
    assert_int_equal(send(fd, giant, sizeof giant, 0), (ssize_t)sizeof giant);
    assert_true(is_closed(fd));
    fd = raw_connect(true);
    assert_int_equal(send(fd, giant, sizeof giant - 1, 0), (ssize_t)sizeof giant - 1); /* the cap */
    struct pollfd p = {fd, POLLIN, 0};
    assert_int_equal(poll(&p, 1, CALL_MS), 1);
    assert_int_equal(recv(fd, giant, sizeof giant, 0), WIRE_MAX_BYTES);
    close(fd);
    wire_client_t c = client_as(ROOM_SHOP, API, 1); /* and the house goes on */
    must(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
    wire_client_deinit(&c);
    room_stop(&r);
}

static void test_silent_peer(void **state)
{
    (void)state;
    room_t r;
    room_start_as(&r, (wire_server_conf_t){.hello_ms = 50});
    assert_true(is_closed(raw_connect(false)));
    room_stop(&r);
}

static void test_limits(void **state)
{
    (void)state;
    room_t r;
    room_start_as(&r, (wire_server_conf_t){.max_conns = 4, .max_conns_per_room = 2});
    int one = raw_connect(true), two = raw_connect(true);
    wire_client_t c = client_as(ROOM_SHOP, API, 1), d = client_as(ROOM_COMMAND, API, 1);
    must_fail(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")), ERR_TOO_MANY);
    must(call(&d, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
    close(one);
    wait_for(&r.closed, 1);
    must(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
    int three = raw_connect(false); /* the fourth: none is left */
    int four;
    must(unix_connect(sock_path, SOCK_SEQPACKET, deadline_in_ms(CALL_MS), &four));
    assert_true(is_closed(four));
    close(two);
    close(three);
    wire_client_deinit(&c);
    wire_client_deinit(&d);
    room_stop(&r);
}

/* Asks for much and reads nothing. */
static void test_slow_reader(void **state)
{
    (void)state;
    room_t r;
    room_start_as(&r, (wire_server_conf_t){.max_queue_bytes = 128 * 1024, .max_pending = 1000});
    int fd = raw_connect(true);
    uint8_t request[] = {1, 0, BULK, 0};
    for (int i = 0; i < 200; i++) {
        if (send(fd, request, sizeof request, MSG_NOSIGNAL) < 0) {
            break;
        }
        usleep(1000);
    }
    wait_for(&r.closed, 1);
    close(fd);
    room_stop(&r);
}

/* A reader that comes back gets all that was queued for it. */
static void test_queue_drains(void **state)
{
    (void)state;
    room_t r;
    uint8_t request[] = {1, 0, BULK, 0};
    static uint8_t got[WIRE_MAX_BYTES];
    room_start_as(&r, (wire_server_conf_t){.max_queue_bytes = 4 * 1024 * 1024});
    int fd = raw_connect(true);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(send(fd, request, sizeof request, 0), 4);
    }
    wait_for(&r.handled, 50);
    for (int i = 0; i < 50; i++) {
        struct pollfd p = {fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, CALL_MS), 1);
        assert_int_equal(recv(fd, got, sizeof got, 0), 32 * 1024 + 4);
    }
    close(fd);
    room_stop(&r);
}

static void test_pending_is_bounded(void **state)
{
    (void)state;
    room_t r;
    uint8_t request[] = {1, 0, WOKEN, 0}, got[64];
    room_start_as(&r, (wire_server_conf_t){.max_pending = 4});
    int fd = raw_connect(true), answers = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send(fd, request, sizeof request, 0), 4);
    }
    wait_for(&r.handled, 4);
    usleep(30 * 1000);
    assert_int_equal(r.handled, 4); /* the rest waits in the socket */
    while (answers < 10) {
        struct pollfd p = {fd, POLLIN, 0};
        wire_server_wake(r.server);
        if (poll(&p, 1, 10) == 1) {
            assert_true(recv(fd, got, sizeof got, 0) > 0);
            answers++;
        }
    }
    close(fd);
    room_stop(&r);
}

static void *call_later(void *arg)
{
    return err_failed(call(arg, LATER, SLICE(""), CALL_MS, SLICE("later"))) ? arg : NULL;
}

/* A request that was taken is answered before the room goes. */
static void test_stop_drains(void **state)
{
    (void)state;
    room_t r;
    pthread_t thread;
    void *failed;
    wire_client_t c = client_as(ROOM_SHOP, API, 1);
    room_start(&r);
    must(call(&c, ECHO, SLICE("x"), CALL_MS, SLICE("x")));
    __atomic_store_n(&r.hold, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_create(&thread, NULL, call_later, &c), 0);
    wait_for(&r.handled, 2);
    room_stop(&r);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(r.stopped, 1);
    wire_client_deinit(&c);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_wake_from_a_thread),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_timeout_and_late_answer),
        cmocka_unit_test(test_all_busy),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_never_sent_twice),
        cmocka_unit_test(test_refused_at_hello),
        cmocka_unit_test(test_wrong_uid),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_queue_drains),
        cmocka_unit_test(test_pending_is_bounded),
        cmocka_unit_test(test_stop_drains),
    };
    if (!mkdtemp(dir) || chmod(dir, 0755) != 0) {
        return 1;
    }
    snprintf(path_text, sizeof path_text, "%s/vault.sock", dir);
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    unlink(path_text);
    rmdir(dir);
    return failed;
}
