#include "wire.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- TLS ---- */

typedef struct tunnel {
    SSL *ssl;
    int net, inner;
} tunnel_t;

static int net_dial(const tls_ask_t *ask)
{
    struct timeval twenty = {.tv_sec = 20};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ask->port)},
                       from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    at.sin_addr.s_addr = inet_addr(ask->address ? ask->address : "127.0.0.1");
    if (ask->source) {
        from.sin_addr.s_addr = inet_addr(ask->source);
        CHECK(bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &twenty, sizeof twenty);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    if (ask->first) {
        front_say(fd, slice_cstr_in(ask->first));
    }
    return fd;
}

static bool inner_write(int fd, const uint8_t *bytes, int n)
{
    for (ssize_t sent; n > 0; n -= (int)sent, bytes += sent) {
        sent = send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
    }
    return true;
}

/* Everything that TLS has for us; false: the other side has ended. */
static bool from_net(tunnel_t *t)
{
    uint8_t mem[16384];
    int n = SSL_read(t->ssl, mem, sizeof mem);
    if (n > 0) {
        return inner_write(t->inner, mem, n);
    }
    return SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_READ;
}

static bool to_net(tunnel_t *t)
{
    uint8_t mem[16384];
    ssize_t n = recv(t->inner, mem, sizeof mem, 0);
    return n > 0 && SSL_write(t->ssl, mem, (int)n) == n;
}

static void *tunnel_run(void *tunnel_any)
{
    tunnel_t *t = tunnel_any;
    for (bool open = true; open;) {
        struct pollfd p[2] = {{.fd = t->net, .events = POLLIN}, {.fd = t->inner, .events = POLLIN}};
        if (SSL_pending(t->ssl) == 0 && poll(p, 2, 30000) <= 0) {
            break;
        }
        if (SSL_pending(t->ssl) || p[0].revents) {
            open = from_net(t);
        }
        if (open && p[1].revents) {
            open = to_net(t);
        }
    }
    SSL_free(t->ssl);
    close(t->net);
    close(t->inner);
    free(t);
    return NULL;
}

static SSL *handshake(const tls_ask_t *ask, int fd, long *ret_serial)
{
    static const unsigned char H2[] = "\x02h2", H1[] = "\x08http/1.1";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    CHECK(context && SSL_CTX_load_verify_locations(context, ask->ca_pem, NULL) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    CHECK(ssl && SSL_set1_host(ssl, ask->name) == 1 && SSL_set_fd(ssl, fd) == 1);
    SSL_CTX_free(context);
    SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY); /* a session ticket is no reason to wait for bytes */
    CHECK(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                   (void *)(uintptr_t)ask->name) == 1);
    CHECK(SSL_set_alpn_protos(ssl, ask->http2 ? H2 : H1,
                              ask->http2 ? sizeof H2 - 1 : sizeof H1 - 1) == 0);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    X509 *cert = SSL_get1_peer_certificate(ssl);
    CHECK(cert);
    *ret_serial = ASN1_INTEGER_get(X509_get_serialNumber(cert));
    X509_free(cert);
    return ssl;
}

int tls_dial(const tls_ask_t *ask, long *ret_serial)
{
    int pair[2], fd = net_dial(ask);
    struct timeval twenty = {.tv_sec = 20};
    pthread_t thread;
    SSL *ssl = handshake(ask, fd, ret_serial);
    if (!ssl) {
        close(fd);
        return -1;
    }
    tunnel_t *t = malloc(sizeof *t);
    CHECK(t && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    *t = (tunnel_t){.ssl = ssl, .net = fd, .inner = pair[1]};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &twenty, sizeof twenty);
    CHECK(pthread_create(&thread, NULL, tunnel_run, t) == 0);
    pthread_detach(thread);
    return pair[0];
}

/* ---- HTTP/2 (RFC 9113) ---- */

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, FRAME_MAX = 16384, HEAD_BYTES = 9 };

static void frame_say(h2_t *h, uint8_t type, uint8_t flags, uint32_t stream, slice_t payload)
{
    uint8_t mem[HEAD_BYTES + FRAME_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    for (int shift = 16; shift >= 0; shift -= 8) {
        buf_u8(&out, (uint8_t)(payload.len >> shift));
    }
    buf_u8(&out, type);
    buf_u8(&out, flags);
    for (int shift = 24; shift >= 0; shift -= 8) {
        buf_u8(&out, (uint8_t)(stream >> shift));
    }
    buf_put(&out, payload);
    CHECK(!out.full);
    front_say(h->fd, buf_slice(&out));
}

void h2_open(h2_t *h, int fd)
{
    *h = (h2_t){.fd = fd, .next_stream = 1};
    front_say(fd, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    frame_say(h, SETTINGS, 0, 0, SLICE_EMPTY);
}

/* RFC 7541 5.1, prefix of 7 bits, not Huffman. */
static void string_put(buf_t *out, slice_t s)
{
    if (s.len < 127) {
        buf_u8(out, (uint8_t)s.len);
    } else {
        size_t rest = s.len - 127;
        buf_u8(out, 127);
        for (; rest >= 128; rest >>= 7) {
            buf_u8(out, (uint8_t)(128 | (rest & 127)));
        }
        buf_u8(out, (uint8_t)rest);
    }
    buf_put(out, s);
}

uint32_t h2_say_head(h2_t *h, const h2_field_t *fields, size_t count, bool ends)
{
    uint8_t mem[FRAME_MAX];
    buf_t block = BUF_ON_ARRAY(mem);
    uint32_t stream = h->next_stream;
    h->next_stream += 2;
    for (size_t i = 0; i < count; i++) {
        buf_u8(&block, 0); /* literal, not indexed, new name */
        string_put(&block, slice_cstr_in(fields[i].name));
        string_put(&block, fields[i].value);
    }
    CHECK(!block.full);
    frame_say(h, HEADERS, END_HEADERS | (ends ? END_STREAM : 0), stream, buf_slice(&block));
    return stream;
}

void h2_say_data(h2_t *h, uint32_t stream, slice_t bytes, bool ends)
{
    frame_say(h, DATA, ends ? END_STREAM : 0, stream, bytes);
}

static bool hear_exactly(int fd, uint8_t *mem, size_t n)
{
    for (ssize_t got; n; n -= (size_t)got, mem += got) {
        got = recv(fd, mem, n, 0);
        if (got <= 0) {
            return false;
        }
    }
    return true;
}

/* nginx writes the status first: an index of the static table, or three digits. */
static int status_of(slice_t block)
{
    static const int INDEXED[] = {200, 204, 206, 304, 400, 404, 500};
    while (block.len && (block.ptr[0] & 0xe0) == 0x20) { /* size of the table */
        block = slice_from(block, 1);
    }
    CHECK(block.len > 0);
    if (block.ptr[0] >= 0x88 && block.ptr[0] <= 0x8e) {
        return INDEXED[block.ptr[0] - 0x88];
    }
    CHECK(block.len >= 5 && block.ptr[0] == 0x48 && block.ptr[1] == 3);
    return (block.ptr[2] - '0') * 100 + (block.ptr[3] - '0') * 10 + (block.ptr[4] - '0');
}

static uint32_t number_of(const uint8_t *at)
{
    return ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]) &
           0x7fffffff;
}

int h2_hear(h2_t *h, uint32_t stream, size_t *ret_len)
{
    uint8_t head[HEAD_BYTES], mem[FRAME_MAX];
    int status = 0;
    *ret_len = 0;
    while (hear_exactly(h->fd, head, sizeof head)) {
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        bool ours = number_of(head + 5) == stream;
        CHECK(len <= sizeof mem);
        if (!hear_exactly(h->fd, mem, len)) {
            break;
        }
        if (head[3] == SETTINGS && !(head[4] & ACK)) {
            frame_say(h, SETTINGS, ACK, 0, SLICE_EMPTY);
        } else if (head[3] == PING && !(head[4] & ACK)) {
            frame_say(h, PING, ACK, 0, slice_make(mem, len));
        } else if (head[3] == GOAWAY) {
            h->leaving = true;
            h->last_stream = number_of(mem);
            if (stream > h->last_stream) {
                return H2_UNSEEN;
            }
        } else if (head[3] == RST_STREAM && ours) {
            return H2_RESET;
        } else if (head[3] == HEADERS && ours) {
            status = status_of(slice_make(mem, len));
        } else if (head[3] == DATA && ours) {
            *ret_len += len;
        }
        if (ours && (head[3] == HEADERS || head[3] == DATA) && (head[4] & END_STREAM)) {
            return status;
        }
    }
    return H2_ENDED;
}

int h2_get(h2_t *h, const char *host, const char *path, size_t *ret_len)
{
    const h2_field_t fields[] = {{":method", SLICE("GET")},
                                 {":scheme", SLICE("https")},
                                 {":authority", slice_cstr_in(host)},
                                 {":path", slice_cstr_in(path)},
                                 {"user-agent", SLICE("Mozilla/5.0 (X11; Linux x86_64)")},
                                 {"accept", SLICE("text/html")}};
    uint32_t stream = h2_say_head(h, fields, BASE_COUNT(fields), true);
    return h2_hear(h, stream, ret_len);
}
