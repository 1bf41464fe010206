/* Sockets with time-outs, and just as much of HTTP/1.1 (RFC 9112) as nginx and the rooms speak. */
#include "load/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/id.h"

enum { IN_FIRST = 64 * 1024, REQUEST_HEAD_MAX = 8 * 1024 };

void http_init(http_conn_t *c, const http_peer_t *peer, uint32_t source, int timeout_ms)
{
    *c = (http_conn_t){.peer = peer, .source = source, .timeout_ms = timeout_ms, .fd = -1};
}

void http_close(http_conn_t *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    c->used = false;
    c->len = 0;
}

void http_deinit(http_conn_t *c)
{
    http_close(c);
    free(c->in);
    c->in = NULL;
    c->cap = 0;
}

/* ---- connecting ---- */

static int dial_unix(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(at.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int dial_tcp(unsigned port, uint32_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    from.sin_addr.s_addr = htonl(source ? source : INADDR_LOOPBACK);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static err_t dial(http_conn_t *c)
{
    struct timeval wait = {.tv_sec = c->timeout_ms / 1000,
                           .tv_usec = (c->timeout_ms % 1000) * 1000};
    if (c->fd >= 0) {
        return OK;
    }
    c->fd = c->peer->socket ? dial_unix(c->peer->socket) : dial_tcp(c->peer->port, c->source);
    if (c->fd < 0) {
        return FAIL_SYS(ERR_UNAVAILABLE, errno);
    }
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    c->used = false;
    c->len = 0;
    return OK;
}

/* ---- asking ---- */

static void line(buf_t *b, const char *name, slice_t value)
{
    buf_cstr(b, name);
    buf_put(b, value);
    buf_cstr(b, "\r\n");
}

/* What the guard adds on its way to a room (guard/conf). */
static void guard_lines(buf_t *b, uint32_t source)
{
    buf_cstr(b, "X-Sekisho-Id: ");
    buf_id(b, id_new());
    buf_cstr(b, "\r\nX-Sekisho-Client: ");
    uint32_t at = source ? source : INADDR_LOOPBACK;
    for (int shift = 24; shift >= 0; shift -= 8) {
        buf_dec(b, at >> shift & 255);
        buf_cstr(b, shift ? "." : "\r\n");
    }
}

static void request_put(buf_t *b, const http_conn_t *c, const http_request_t *r)
{
    buf_cstr(b, r->method);
    buf_u8(b, ' ');
    buf_put(b, r->target);
    buf_cstr(b, " HTTP/1.1\r\nHost: ");
    buf_cstr(b, c->peer->name);
    buf_u8(b, ':');
    buf_dec(b, c->peer->port);
    buf_cstr(b, "\r\nUser-Agent: Mozilla/5.0 (sekisho-load)\r\nAccept: text/html\r\n"
                "Accept-Language: ja\r\n");
    if (c->peer->socket) {
        guard_lines(b, c->source);
    } else {
        buf_cstr(b, "Accept-Encoding: gzip\r\n");
    }
    if (r->cookies.len) {
        line(b, "Cookie: ", r->cookies);
    }
    if (r->referer.len) {
        line(b, "Origin: ", r->referer);
        buf_cstr(b, "Sec-Fetch-Site: same-origin\r\n");
    }
    if (strcmp(r->method, "POST") == 0) {
        buf_cstr(b, r->json ? "Content-Type: application/json\r\n"
                            : "Content-Type: application/x-www-form-urlencoded\r\n");
        buf_cstr(b, "Content-Length: ");
        buf_dec(b, (int64_t)r->body.len);
        buf_cstr(b, "\r\n");
    }
    buf_cstr(b, "\r\n");
    buf_put(b, r->body);
}

static err_t err_of_socket(void)
{
    return FAIL_SYS(errno == EAGAIN || errno == EWOULDBLOCK ? ERR_TIMEOUT : ERR_CLOSED, errno);
}

static err_t say(http_conn_t *c, slice_t bytes)
{
    while (bytes.len) {
        ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_of_socket();
        }
        bytes = slice_from(bytes, (size_t)n);
    }
    return OK;
}

/* ---- hearing ---- */

static err_t hear_more(http_conn_t *c, int64_t until_us)
{
    if (c->len == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : IN_FIRST;
        ENSURE(cap <= HTTP_ANSWER_MAX, ERR_LIMIT);
        uint8_t *in = realloc(c->in, cap);
        ENSURE(in, ERR_MEMORY);
        c->in = in;
        c->cap = cap;
    }
    for (;;) {
        ENSURE(clock_wait_us() < until_us, ERR_TIMEOUT);
        ssize_t n = recv(c->fd, c->in + c->len, c->cap - c->len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n == 0) {
            return FAIL(ERR_CLOSED);
        }
        if (n < 0) {
            return err_of_socket();
        }
        c->len += (size_t)n;
        return OK;
    }
}

slice_t http_header(slice_t head, slice_t name, size_t nth)
{
    slice_t text;
    while (slice_split(&head, '\n', &text)) {
        size_t colon = slice_find_byte(text, ':');
        if (colon != SIZE_MAX && slice_eq_nocase(slice_sub(text, 0, colon), name) && !nth--) {
            return slice_trim(slice_from(text, colon + 1));
        }
    }
    return SLICE_EMPTY;
}

static err_t hear_head(http_conn_t *c, int64_t until_us, size_t *ret_len)
{
    size_t looked = 0;
    for (;;) {
        slice_t all = slice_make(c->in, c->len);
        size_t at = slice_find(slice_from(all, looked), SLICE("\r\n\r\n"));
        if (at != SIZE_MAX) {
            *ret_len = looked + at + 4;
            return OK;
        }
        ENSURE(c->len <= HTTP_HEAD_MAX, ERR_LIMIT);
        looked = c->len > 3 ? c->len - 3 : 0;
        TRY(hear_more(c, until_us));
    }
}

static err_t status_of(slice_t head, int *ret_status)
{
    uint64_t status = 0;
    ENSURE(slice_starts(head, SLICE("HTTP/1.1 ")), ERR_SYNTAX);
    TRY(slice_parse_u64(slice_sub(head, 9, 3), 599, &status));
    ENSURE(status >= 100, ERR_SYNTAX);
    *ret_status = (int)status;
    return OK;
}

static err_t chunk_size(slice_t text, size_t *ret_size)
{
    size_t size = 0;
    text = slice_trim(slice_sub(text, 0, slice_find_byte(text, ';')));
    ENSURE(text.len > 0 && text.len <= 8, ERR_SYNTAX);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i] | 0x20;
        ENSURE((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'), ERR_SYNTAX);
        size = size * 16 + (c <= '9' ? c - (size_t)'0' : c - (size_t)'a' + 10);
    }
    *ret_size = size;
    return OK;
}

err_t http_unchunk(slice_t in, buf_t *out, size_t *ret_used)
{
    size_t at = 0, size = 0;
    do {
        slice_t rest = slice_from(in, at);
        size_t end = slice_find(rest, SLICE("\r\n"));
        ENSURE(end != SIZE_MAX, ERR_CLOSED);
        TRY(chunk_size(slice_sub(rest, 0, end), &size));
        ENSURE(size <= HTTP_ANSWER_MAX, ERR_LIMIT);
        ENSURE(rest.len >= end + 2 + size + 2, ERR_CLOSED);
        slice_t bytes = slice_sub(rest, end + 2, size);
        ENSURE(slice_starts(slice_from(rest, end + 2 + size), SLICE("\r\n")), ERR_SYNTAX);
        buf_put(out, bytes);
        at += end + 2 + size + 2;
    } while (size);
    *ret_used = at;
    return buf_check(out);
}

/* A chunked body; what is there is read from its beginning each time, which is cheap at a page's
 * size. */
static err_t hear_chunked(http_conn_t *c, size_t head_len, int64_t until_us, arena_t *a,
                          slice_t *ret_body, size_t *ret_used)
{
    for (;;) {
        buf_t out;
        slice_t in = slice_from(slice_make(c->in, c->len), head_len);
        /* the last chunk and the end of its line: nothing to try before */
        if (slice_ends(in, SLICE("0\r\n\r\n"))) {
            TRY(arena_buf(a, in.len, &out));
            err_t e = http_unchunk(in, &out, ret_used);
            if (!err_is(e, ERR_CLOSED)) {
                *ret_body = buf_slice(&out);
                return e;
            }
        }
        TRY(hear_more(c, until_us));
    }
}

static err_t inflate_body(slice_t in, arena_t *a, slice_t *ret_body)
{
    for (size_t cap = in.len * 8 + 4096; cap <= HTTP_ANSWER_MAX; cap *= 2) {
        buf_t out;
        z_stream z = {.next_in = (Bytef *)(uintptr_t)in.ptr, .avail_in = (uInt)in.len};
        TRY(arena_buf(a, cap, &out));
        ENSURE(inflateInit2(&z, 15 + 16) == Z_OK, ERR_MEMORY);
        z.next_out = out.ptr;
        z.avail_out = (uInt)cap;
        int got = inflate(&z, Z_FINISH);
        inflateEnd(&z);
        if (got == Z_STREAM_END) {
            ENSURE(z.avail_in == 0, ERR_SYNTAX);
            *ret_body = slice_make(out.ptr, z.total_out);
            return OK;
        }
        ENSURE(got == Z_BUF_ERROR || got == Z_OK, ERR_SYNTAX);
    }
    return FAIL(ERR_LIMIT);
}

static err_t hear_body(http_conn_t *c, size_t head_len, int64_t until_us, arena_t *a,
                       http_answer_t *answer)
{
    size_t used = 0;
    slice_t length = http_header(answer->head, SLICE("content-length"), 0);
    if (answer->status == 204 || answer->status == 304) {
        used = 0;
    } else if (length.len) {
        uint64_t n;
        TRY(slice_parse_u64(length, HTTP_ANSWER_MAX, &n));
        while (c->len < head_len + n) {
            TRY(hear_more(c, until_us));
        }
        TRY(arena_copy(a, slice_sub(slice_make(c->in, c->len), head_len, n), &answer->body));
        used = n;
    } else {
        ENSURE(slice_eq_nocase(http_header(answer->head, SLICE("transfer-encoding"), 0),
                               SLICE("chunked")),
               ERR_SYNTAX);
        TRY(hear_chunked(c, head_len, until_us, a, &answer->body, &used));
    }
    ENSURE(c->len == head_len + used, ERR_SYNTAX); /* nobody asked for more */
    if (slice_eq_nocase(http_header(answer->head, SLICE("content-encoding"), 0), SLICE("gzip"))) {
        return inflate_body(answer->body, a, &answer->body);
    }
    return OK;
}

static err_t hear(http_conn_t *c, arena_t *a, http_answer_t *ret_answer)
{
    int64_t until_us = clock_wait_us() + (int64_t)c->timeout_ms * 1000;
    size_t head_len;
    http_answer_t answer = {0};
    c->len = 0;
    TRY(hear_head(c, until_us, &head_len));
    TRY(arena_copy(a, slice_make(c->in, head_len - 2), &answer.head));
    TRY(status_of(answer.head, &answer.status));
    TRY(hear_body(c, head_len, until_us, a, &answer));
    *ret_answer = answer;
    return OK;
}

static err_t ask_once(http_conn_t *c, slice_t bytes, arena_t *a, http_answer_t *ret_answer)
{
    TRY(dial(c));
    TRY(say(c, bytes));
    return hear(c, a, ret_answer);
}

err_t http_ask(http_conn_t *c, const http_request_t *r, arena_t *a, http_answer_t *ret_answer)
{
    buf_t out;
    TRY(arena_buf(a, REQUEST_HEAD_MAX + r->target.len + r->cookies.len + r->body.len, &out));
    request_put(&out, c, r);
    TRY(buf_check(&out));
    bool reused = c->fd >= 0 && c->used;
    err_t e = ask_once(c, buf_slice(&out), a, ret_answer);
    if (err_is(e, ERR_CLOSED) && reused && c->len == 0 && strcmp(r->method, "GET") == 0) {
        http_close(c);
        e = ask_once(c, buf_slice(&out), a, ret_answer);
    }
    if (err_failed(e)) {
        http_close(c);
        return e;
    }
    c->used = true;
    if (slice_eq_nocase(http_header(ret_answer->head, SLICE("connection"), 0), SLICE("close"))) {
        http_close(c);
    }
    return OK;
}
