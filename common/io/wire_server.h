/* The server side of the wire: one thread, one epoll loop. Handlers never block long; work that
 * must be grouped (one fsync for many) is collected in on_message and answered in on_drained; work
 * of other threads comes back through wire_server_wake and on_wake.
 *
 * Peer: SO_PEERCRED's uid and the room claimed in HELLO. In a separated house the uid must be that
 * room's user (the command: uid 0); otherwise our own uid. Then the room must be allowed. */
#ifndef IO_WIRE_SERVER_H
#define IO_WIRE_SERVER_H

#include "io/fd.h"
#include "io/wire.h"

typedef struct wire_server wire_server_t;

/* Names a connection; a reply to one that is gone is dropped (the generation tells). */
typedef struct wire_conn {
    uint32_t slot, generation;
} wire_conn_t;

typedef struct wire_events {
    /* One request. body borrows the receive buffer: valid during the call only. Return
     *   OK      the answer was given with wire_reply, or will be, or wire_no_reply was called;
     *           bytes left in body close the connection;
     *   SYNTAX  (or body->bad) closes the connection: these bytes are not of the contract;
     *   other   becomes a WIRE_ERROR answer. */
    err_t (*on_message)(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body);
    /* After all messages that were ready have been handed over: commit, then answer. May be NULL,
     * as may all that follow. */
    void (*on_drained)(void *ctx);
    void (*on_closed)(void *ctx, wire_conn_t conn);
    void (*on_wake)(void *ctx); /* after wire_server_wake, in the loop's thread */
    void (*on_tick)(void *ctx); /* every tick_ms of real time */
    /* The stop was asked for: no new connection is taken; answers still due are awaited. */
    void (*on_stop)(void *ctx);
    void (*on_metrics)(void *ctx, buf_t *out);
    void (*on_health)(void *ctx, health_t *out);
} wire_events_t;

typedef struct wire_server_conf {
    room_id_t self;
    uint16_t api_version;
    room_set_t callers;          /* 0 = room_callers(self) */
    bool separated;              /* rooms have users of their own (daemon_t.separated) */
    unsigned max_conns;          /* 0 = 256 */
    unsigned max_conns_per_room; /* 0 = 64 */
    unsigned max_pending;   /* unanswered requests a connection; then its reading pauses; 0=64 */
    size_t max_queue_bytes; /* unsent answers a connection; then it is closed; 0 = 1 MiB */
    int64_t hello_ms;       /* a connection without hello is closed; 0 = 1000 */
    int64_t tick_ms;        /* 0 = no tick */
    const wire_events_t *events; /* must outlive the server */
    void *ctx;
} wire_server_conf_t;

/* Takes over the listening descriptor (unix_listen, SOCK_SEQPACKET). MEMORY, IO. */
err_t wire_server_new(const wire_server_conf_t *conf, int listen_fd, wire_server_t **ret_server);
void wire_server_free(wire_server_t *s); /* NULL is fine */

/* Runs until stop_fd becomes readable (daemon_t.stop_fd; -1 = only wire_server_stop), then drains
 * for at most drain_ms. */
err_t wire_server_run(wire_server_t *s, int stop_fd, int64_t drain_ms);
/* One turn of the loop, waiting at most wait_ms; for tests and for loops that have a master. */
err_t wire_server_turn(wire_server_t *s, int64_t wait_ms);

/* From the loop's thread (any callback). The answer is copied or sent at once. */
void wire_reply(wire_server_t *s, wire_conn_t to, slice_t message);
void wire_reply_error(wire_server_t *s, wire_conn_t to, err_t e, const char *text);
void wire_reply_done(wire_server_t *s, wire_conn_t to); /* WIRE_DONE */
void wire_no_reply(wire_server_t *s, wire_conn_t from); /* this request gets no answer */
void wire_close(wire_server_t *s, wire_conn_t conn);
room_id_t wire_peer(const wire_server_t *s, wire_conn_t conn); /* ROOM_NONE when gone */
bool wire_alive(const wire_server_t *s, wire_conn_t conn);
/* The process that connected (SO_PEERCRED): what the kernel says, not the peer. 0 when gone. */
pid_t wire_peer_process(const wire_server_t *s, wire_conn_t conn);
/* No other process holds a connection as the same room. */
bool wire_peer_alone(const wire_server_t *s, wire_conn_t conn);

/* From any thread. */
void wire_server_wake(wire_server_t *s);
void wire_server_stop(wire_server_t *s);

/* A further descriptor in the loop; events = EPOLLIN | EPOLLOUT, level-triggered. LIMIT above 16.
 */
typedef void wire_fd_fn(void *ctx, int fd, uint32_t events);
err_t wire_server_watch(wire_server_t *s, int fd, uint32_t events, wire_fd_fn *fn, void *ctx);
void wire_server_unwatch(wire_server_t *s, int fd);

#endif
