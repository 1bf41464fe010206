/* For tests: raw HTTP/1.1 over a unix socket, as a hostile client would write it. */
#ifndef WEB_TEST_HTTP_H
#define WEB_TEST_HTTP_H

#include "base/slice.h"

typedef struct http_answer {
    int status; /* 0: closed without an answer */
    char *text; /* all bytes, NUL at the end; http_free */
    size_t len;
    slice_t head, body;
} http_answer_t;

/* A listening socket at path (made anew). */
int http_listen(const char *path);
int http_connect(const char *path);
void http_send(int fd, slice_t bytes); /* a peer that has closed is no error */
/* Reads to the end of the connection. */
http_answer_t http_read(int fd);
/* One request as written, connection closed after. */
http_answer_t http_raw(const char *path, slice_t bytes);
/* "METHOD target" with Host, Connection: close, extra header lines ("A: b\r\n") and a body. */
http_answer_t http_ask(const char *path, const char *method, const char *target, const char *extra,
                       slice_t body);
/* A header's value; the empty slice. nth from 0. */
slice_t http_header(const http_answer_t *a, const char *name, size_t nth);
bool http_has(const http_answer_t *a, const char *text_in_body);
void http_free(http_answer_t *a);

#endif
