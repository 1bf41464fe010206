/* The blocking client of the wire, shared by many threads. It keeps up to max_conns connections,
 * opens them when needed, says hello, and opens anew after the server restarted.
 *
 * What an error of wire_client_call means for the caller:
 *   UNAVAILABLE      surely not delivered (nobody listens, refused at hello, all connections busy)
 *   VERSION, DENIED  refused at hello; surely not delivered
 *   TIMEOUT, CLOSED  delivered perhaps; the caller must not assume either
 *   any code with wire_err_is_peers()   the other room's own answer
 * A request is sent a second time only when the first send surely reached nobody. */
#ifndef IO_WIRE_CLIENT_H
#define IO_WIRE_CLIENT_H

#include <pthread.h>

#include "base/arena.h"
#include "io/fd.h"
#include "io/wire.h"

enum { WIRE_CLIENT_CONNS = 32 };

typedef struct wire_client_conf {
    path_t path;          /* var/run/<room>.sock; must outlive the client */
    room_id_t self, peer; /* who we say we are; who must answer */
    uint16_t api_version; /* of the peer's contract */
    unsigned max_conns;   /* 1..WIRE_CLIENT_CONNS; 0 = 4 */
} wire_client_conf_t;

typedef struct wire_client {
    wire_client_conf_t conf;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct wire_client_conn {
        int fd;    /* -1 = not open */
        bool busy; /* a thread has it */
    } conns[WIRE_CLIENT_CONNS];
} wire_client_t;

/* Opens nothing yet: rooms may start in any order. */
void wire_client_init(wire_client_t *c, const wire_client_conf_t *conf);
/* No call may be in flight. Safe on a zeroed struct. */
void wire_client_deinit(wire_client_t *c);

/* Sends the request (made with wire_begin) and waits at most timeout_ms in all. ret_response is the
 * caller's memory (WIRE_MAX_BYTES or what the contract bounds; too small = the process aborts);
 * ret_body reads from it. A WIRE_ERROR answer becomes its err_t. */
err_t wire_client_call(wire_client_t *c, slice_t request, int64_t timeout_ms, buf_t *ret_response,
                       uint16_t *ret_kind, cursor_t *ret_body);
/* The same where one kind alone can be the answer; any other aborts (CHECK): the two rooms were
 * built from different contracts. */
err_t wire_client_ask(wire_client_t *c, slice_t request, int64_t timeout_ms, buf_t *ret_response,
                      uint16_t want_kind, cursor_t *ret_body);
/* At the end of every decoded answer: aborts when bytes are missing or left over. */
#define WIRE_CLIENT_END(body) CHECK(!err_failed(cur_end(body)))

err_t wire_client_health(wire_client_t *c, int64_t timeout_ms, health_t *ret_health);
err_t wire_client_metrics(wire_client_t *c, arena_t *a, int64_t timeout_ms, slice_t *ret_text);

#endif
