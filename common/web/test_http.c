#include "test_http.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    CHECK(len < sizeof a.sun_path);
    memcpy(a.sun_path, path, len);
    return a;
}

int http_listen(const char *path)
{
    struct sockaddr_un a = address(path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 256));
    return fd;
}

int http_connect(const char *path)
{
    struct sockaddr_un a = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a));
    struct timeval patience = {.tv_sec = 20};
    CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    return fd;
}

void http_send(int fd, slice_t bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        bytes = slice_from(bytes, (size_t)n);
    }
}

http_answer_t http_read(int fd)
{
    http_answer_t a = {.text = malloc(1)};
    size_t cap = 0;
    for (;;) {
        if (a.len + 1 >= cap) {
            cap = cap ? cap * 2 : 65536;
            a.text = realloc(a.text, cap);
            CHECK(a.text);
        }
        ssize_t n = recv(fd, a.text + a.len, cap - a.len - 1, 0);
        if (n <= 0) {
            break;
        }
        a.len += (size_t)n;
    }
    a.text[a.len] = 0;
    slice_t all = slice_make(a.text, a.len);
    size_t end = slice_find(all, SLICE("\r\n\r\n"));
    a.head = slice_sub(all, 0, end == SIZE_MAX ? all.len : end + 2);
    a.body = end == SIZE_MAX ? SLICE_EMPTY : slice_from(all, end + 4);
    uint64_t status = 0;
    if (slice_starts(all, SLICE("HTTP/1.1 ")) || slice_starts(all, SLICE("HTTP/1.0 "))) {
        err_ignore(slice_parse_u64(slice_sub(all, 9, 3), 999, &status));
    }
    a.status = (int)status;
    return a;
}

http_answer_t http_raw(const char *path, slice_t bytes)
{
    int fd = http_connect(path);
    http_send(fd, bytes);
    http_answer_t a = http_read(fd);
    close(fd);
    return a;
}

http_answer_t http_ask(const char *path, const char *method, const char *target, const char *extra,
                       slice_t body)
{
    char *head = NULL;
    char length[64] = "";
    if (body.ptr) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", body.len);
    }
    CHECK(asprintf(&head,
                   "%s %s HTTP/1.1\r\nHost: shop.localhost:8080\r\nConnection: close\r\n%s%s\r\n",
                   method, target, length, extra ? extra : "") > 0);
    int fd = http_connect(path);
    http_send(fd, slice_cstr_in(head));
    http_send(fd, body);
    free(head);
    http_answer_t a = http_read(fd);
    close(fd);
    return a;
}

slice_t http_header(const http_answer_t *a, const char *name, size_t nth)
{
    slice_t rest = a->head, line;
    while (slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find_byte(line, ':');
        if (colon != SIZE_MAX && slice_eq_nocase(slice_sub(line, 0, colon), slice_cstr_in(name)) &&
            !nth--) {
            return slice_trim(slice_from(line, colon + 1));
        }
    }
    return SLICE_EMPTY;
}

bool http_has(const http_answer_t *a, const char *text_in_body)
{
    return slice_find(a->body, slice_cstr_in(text_in_body)) != SIZE_MAX;
}

void http_free(http_answer_t *a)
{
    free(a->text);
    *a = (http_answer_t){0};
}
