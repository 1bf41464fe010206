/* HTTP/1.1 as a browser speaks it, over loopback: one connection, one answer at a time, every wait
 * bounded. Reaches the house through the guard (TCP) or a room's own socket with the headers that
 * the guard would set. Bench and fault tools only; it trusts nobody's lengths, so that a sick house
 * cannot make it lie. */
#ifndef BENCH_LOAD_HTTP_H
#define BENCH_LOAD_HTTP_H

#include "base/arena.h"

enum { HTTP_ANSWER_MAX = 2 * 1024 * 1024, HTTP_HEAD_MAX = 32 * 1024 };

/* Where to. Borrowed by every connection. */
typedef struct http_peer {
    const char *socket; /* path of a unix socket, or NULL: 127.0.0.1:port */
    unsigned port;      /* also in the Host line */
    const char *name;   /* "shop.localhost" */
} http_peer_t;

typedef struct http_conn {
    const http_peer_t *peer;
    uint32_t source; /* the client's address, host order (127.0.1.5); 0 = 127.0.0.1 */
    int timeout_ms;  /* of one answer */
    int fd;          /* -1 = not connected */
    bool used;       /* has answered at least once */
    uint8_t *in;     /* what was received */
    size_t len, cap;
} http_conn_t;

typedef struct http_request {
    const char *method; /* "GET", "POST" */
    slice_t target;     /* "/tours?place=kanto" */
    slice_t cookies;    /* value of the Cookie line, empty = none */
    slice_t referer;    /* origin line of a form; empty = none */
    slice_t body;       /* application/x-www-form-urlencoded, or JSON when `json` */
    bool json;
} http_request_t;

typedef struct http_answer {
    int status;
    slice_t head, body; /* of the arena; the body is inflated */
} http_answer_t;

void http_init(http_conn_t *c, const http_peer_t *peer, uint32_t source, int timeout_ms);
/* Closes the connection; it can be used again (it connects anew). */
void http_close(http_conn_t *c);
void http_deinit(http_conn_t *c);
/* One request, one answer. UNAVAILABLE: nobody listens (nothing was sent). CLOSED, TIMEOUT: no
 * whole answer came, and what the house did is unknown. SYNTAX: not HTTP. LIMIT: larger than
 * HTTP_ANSWER_MAX. A GET on a connection that the other side had closed meanwhile is asked once
 * more, as browsers do. */
err_t http_ask(http_conn_t *c, const http_request_t *r, arena_t *a, http_answer_t *ret_answer);
/* The nth line of that name, from 0; the empty slice. */
slice_t http_header(slice_t head, slice_t name, size_t nth);

/* Exposed for tests: the body's bytes of a chunked message; SYNTAX, CLOSED when it is not whole
 * yet. */
err_t http_unchunk(slice_t in, buf_t *out, size_t *ret_used);

#endif
