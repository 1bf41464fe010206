/* The browser's side of the tests: bytes out, one answer in. */
#include "front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int front_dial(const front_t *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    struct timeval ten = {.tv_sec = 10};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    if (f->from) {
        struct sockaddr_in own = {.sin_family = AF_INET};
        CHECK(inet_pton(AF_INET, f->from, &own.sin_addr) == 1 &&
              bind(fd, (struct sockaddr *)&own, sizeof own) == 0);
    }
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &ten, sizeof ten);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &ten, sizeof ten);
    return fd;
}

/* What the other side no longer wants to hear is no fault here. */
void front_say(int fd, slice_t bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        bytes = slice_from(bytes, (size_t)n);
    }
}

void front_say_slowly(int fd, slice_t bytes, size_t step)
{
    while (bytes.len) {
        front_say(fd, slice_sub(bytes, 0, step));
        bytes = slice_from(bytes, step);
        usleep(step < 16 ? 300 : 2000);
    }
}

static ssize_t get(int fd, void *mem, size_t len)
{
    ssize_t n;
    do {
        n = recv(fd, mem, len, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* The head, byte by byte: nothing of a following answer is taken. */
static bool hear_head(int fd, answer_t *a)
{
    size_t len = 0;
    while (len + 1 < sizeof a->head && get(fd, a->head + len, 1) == 1) {
        len++;
        if (len >= 4 && memcmp(a->head + len - 4, "\r\n\r\n", 4) == 0) {
            a->head[len] = 0;
            return true;
        }
    }
    a->head[len] = 0;
    return false;
}

static void hear_exactly(int fd, answer_t *a, size_t more)
{
    a->body = realloc(a->body, a->body_len + more + 1);
    CHECK(a->body);
    while (more) {
        ssize_t n = get(fd, a->body + a->body_len, more);
        if (n <= 0) {
            break;
        }
        a->body_len += (size_t)n;
        more -= (size_t)n;
    }
    a->body[a->body_len] = 0;
}

static void hear_chunks(int fd, answer_t *a)
{
    size_t size;
    do {
        char line[32];
        size_t len = 0;
        while (len + 1 < sizeof line && get(fd, line + len, 1) == 1 && line[len] != '\n') {
            len++;
        }
        line[len] = 0;
        size = strtoul(line, NULL, 16);
        hear_exactly(fd, a, size);
        char crlf[2];
        if (get(fd, crlf, 1) != 1 || get(fd, crlf + 1, 1) != 1) {
            return;
        }
    } while (size);
}

answer_t front_hear(int fd, bool is_head)
{
    answer_t a = {0};
    do { /* "100 Continue" is no answer yet */
        if (!hear_head(fd, &a)) {
            hear_exactly(fd, &a, 0);
            return a;
        }
        a.status = (int)strtol(a.head + 9, NULL, 10);
    } while (a.status == 100);
    const char *length = answer_header(&a, "content-length");
    if (is_head || a.status == 204 || a.status == 304) {
        hear_exactly(fd, &a, 0);
    } else if (*length) {
        hear_exactly(fd, &a, strtoul(length, NULL, 10));
    } else if (strcmp(answer_header(&a, "transfer-encoding"), "chunked") == 0) {
        hear_chunks(fd, &a);
    } else {
        hear_exactly(fd, &a, 1024 * 1024);
    }
    return a;
}

void answer_free(answer_t *a)
{
    free(a->body);
    a->body = NULL;
}

const char *answer_header(const answer_t *a, const char *name)
{
    static char mem[8][1024];
    static unsigned next;
    slice_t head = slice_cstr_in(a->head), line;
    while (slice_split(&head, '\n', &line)) {
        size_t colon = slice_find_byte(line, ':');
        if (colon != SIZE_MAX && slice_eq_nocase(slice_sub(line, 0, colon), slice_cstr_in(name))) {
            slice_t value = slice_trim(slice_from(line, colon + 1));
            char *out = mem[next++ % 8];
            snprintf(out, sizeof mem[0], "%.*s", SLICE_FMT(value));
            return out;
        }
    }
    return "";
}

bool answer_has(const answer_t *a, const char *text)
{
    return slice_find(slice_make(a->body, a->body_len), slice_cstr_in(text)) != SIZE_MAX;
}

id128_t answer_id(const answer_t *a)
{
    slice_t body = slice_make(a->body, a->body_len);
    id128_t id;
    for (size_t at = 0; at + ID_TEXT <= body.len; at++) {
        if (!err_failed(id_decode(slice_sub(body, at, ID_TEXT), &id))) {
            return id;
        }
    }
    fail_msg("no id on the page: %d %.*s", a->status, SLICE_FMT(body));
    return id_zero();
}

bool front_closed(int fd)
{
    uint8_t byte;
    ssize_t n = get(fd, &byte, 1);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

void front_request(buf_t *out, const front_t *f, const char *method, const char *target,
                   const char *head, slice_t body)
{
    buf_cstr(out, method);
    buf_u8(out, ' ');
    buf_cstr(out, target);
    buf_cstr(out, " HTTP/1.1\r\nHost: shop.localhost:");
    buf_dec(out, f->port);
    buf_cstr(out, "\r\n");
    buf_cstr(out, head);
    if (body.len) {
        buf_cstr(out, "Content-Length: ");
        buf_dec(out, (int64_t)body.len);
        buf_cstr(out, "\r\n");
    }
    buf_cstr(out, "\r\n");
    buf_put(out, body);
}

answer_t front_ask(const front_t *f, const char *method, const char *target, const char *head,
                   slice_t body)
{
    size_t cap = body.len + strlen(head) + strlen(target) + 1024;
    uint8_t *mem = malloc(cap);
    CHECK(mem);
    buf_t out = buf_on(mem, cap);
    front_request(&out, f, method, target, head, body);
    CHECK(!out.full);
    int fd = front_dial(f);
    front_say(fd, buf_slice(&out));
    answer_t a = front_hear(fd, strcmp(method, "HEAD") == 0);
    close(fd);
    free(mem);
    return a;
}
