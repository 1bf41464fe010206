/* guard-shoot PORT SHAPE COUNT SEED [STATUS] - COUNT requests of a shape on one connection to
 * 127.0.0.1:PORT, one after the other. Every answer must have the status (200 when none is named);
 * else it ends with 1. Prints how many requests and bytes were sent, and the wall time. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shapes.h"

enum { ANSWER_BYTES = 256 * 1024, WAIT_MS = 120000 };

static uint8_t request_mem[SHAPE_BYTES], answer_mem[ANSWER_BYTES + 1];

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        perror("guard-shoot: connect");
        return -1;
    }
    return fd;
}

static bool send_all(int fd, slice_t bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        bytes = slice_from(bytes, (size_t)n);
    }
    return true;
}

/* Head and body of one answer (Content-Length only: that is what our origin sends). Returns the
 * status, 0 when none came; *ret_ends says that the other side will close. */
static unsigned answer_read(int fd, bool *ret_ends)
{
    size_t len = 0, body = 0;
    char *text = (char *)answer_mem, *end = NULL;
    while (!end) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (len == ANSWER_BYTES || poll(&p, 1, WAIT_MS) != 1) {
            return 0;
        }
        ssize_t n = recv(fd, answer_mem + len, ANSWER_BYTES - len, 0);
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
        text[len] = 0;
        end = strstr(text, "\r\n\r\n");
    }
    *end = 0;
    const char *length = strcasestr(text, "\r\ncontent-length:");
    *ret_ends = strcasestr(text, "\r\nconnection: close") != NULL;
    uint64_t said = 0;
    if (length) {
        slice_t line = slice_cstr_in(length + 17);
        size_t stop = slice_find_byte(line, '\r');
        line = slice_trim(slice_sub(line, 0, stop == SIZE_MAX ? line.len : stop));
        if (err_failed(slice_parse_u64(line, ANSWER_BYTES, &said))) {
            return 0;
        }
    }
    for (body = len - (size_t)(end + 4 - text); body < said;) {
        ssize_t n = recv(fd, answer_mem, ANSWER_BYTES, 0);
        if (n <= 0) {
            return 0;
        }
        body += (size_t)n;
    }
    return len > 12 ? (unsigned)((text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0')
                    : 0;
}

typedef struct plan {
    uint16_t port;
    shape_t shape;
    uint64_t count, seed, status;
} plan_t;

static bool plan_read(int argc, char **argv, plan_t *p)
{
    uint64_t port = 0;
    p->status = 200;
    bool fits = argc >= 5 && argc <= 6 &&
                !err_failed(slice_parse_u64(slice_cstr_in(argv[1]), UINT16_MAX, &port)) &&
                shape_find(argv[2], &p->shape) &&
                !err_failed(slice_parse_u64(slice_cstr_in(argv[3]), 10000000, &p->count)) &&
                !err_failed(slice_parse_u64(slice_cstr_in(argv[4]), UINT64_MAX, &p->seed)) &&
                p->seed > 0;
    p->port = (uint16_t)port;
    return fits &&
           (argc < 6 || !err_failed(slice_parse_u64(slice_cstr_in(argv[5]), 999, &p->status)));
}

int main(int argc, char **argv)
{
    plan_t p;
    uint64_t bytes = 0;
    struct timespec begin, end;
    if (!plan_read(argc, argv, &p)) {
        fputs("usage: guard-shoot PORT SHAPE COUNT SEED [STATUS]\n", stderr);
        return 2;
    }
    int fd = dial(p.port);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t i = 0; fd >= 0 && i < p.count; i++) {
        buf_t out = BUF_ON_ARRAY(request_mem);
        bool ends = false;
        shape_put(p.shape, &p.seed, &out);
        unsigned status = send_all(fd, buf_slice(&out)) ? answer_read(fd, &ends) : 0;
        if (status != p.status) {
            fprintf(stderr, "guard-shoot: request %llu was answered %u\n%.*s\n",
                    (unsigned long long)i, status, (int)(out.len < 600 ? out.len : 600),
                    (const char *)out.ptr);
            return 1;
        }
        bytes += out.len;
        if (ends && i + 1 < p.count) { /* an answer of its own closes the connection */
            close(fd);
            fd = dial(p.port);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (fd < 0) {
        return 1;
    }
    close(fd);
    printf("%llu requests, %llu bytes, %.3f s\n", (unsigned long long)p.count,
           (unsigned long long)bytes,
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return 0;
}
