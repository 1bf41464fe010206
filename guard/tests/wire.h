/* A client's side of TLS and HTTP/2, as little of it as tests need, on plain descriptors: what
 * speaks HTTP/1 over a socket speaks it over a tunnel as well. Test code only. */
#ifndef GUARD_TESTS_WIRE_H
#define GUARD_TESTS_WIRE_H

#include "front.h"

/* ---- TLS ---- */

typedef struct tls_ask {
    unsigned port;
    const char *name;    /* asked for, and must be the certificate's */
    const char *ca_pem;  /* the authority that is trusted */
    const char *address; /* NULL: 127.0.0.1 */
    const char *source;  /* the client's own address; NULL: any */
    const char *first;   /* sent in the clear before the handshake (a PROXY line); NULL: nothing */
    bool http2;
} tls_ask_t;

/* Connects and shakes hands; a descriptor whose bytes travel encrypted, to be closed by the caller.
 * Below 0: no handshake. *ret_serial: of the certificate that was shown. */
int tls_dial(const tls_ask_t *ask, long *ret_serial);

/* ---- HTTP/2 ---- */

typedef struct h2 {
    int fd;
    uint32_t next_stream; /* 1, 3, 5 ... */
    bool leaving;         /* GOAWAY was heard */
    uint32_t last_stream; /* of it: what is above was not looked at */
} h2_t;

typedef struct h2_field {
    const char *name;
    slice_t value;
} h2_field_t;

enum { H2_ENDED = 0, H2_RESET = -1, H2_UNSEEN = -2 };

/* Sends the preface. fd: plain (prior knowledge) or a tunnel. */
void h2_open(h2_t *h, int fd);
/* One request, header fields as they are given; its stream's number. ends: no body follows. */
uint32_t h2_say_head(h2_t *h, const h2_field_t *fields, size_t count, bool ends);
void h2_say_data(h2_t *h, uint32_t stream, slice_t bytes, bool ends);
/* Waits for the end of this stream: its status, or H2_ENDED (connection closed before), H2_RESET,
 * H2_UNSEEN (refused by GOAWAY: may be asked again). *ret_len: bytes of the body. */
int h2_hear(h2_t *h, uint32_t stream, size_t *ret_len);
/* GET of a path from a host; as h2_hear. */
int h2_get(h2_t *h, const char *host, const char *path, size_t *ret_len);

#endif
