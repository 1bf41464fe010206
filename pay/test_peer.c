#include "test_peer.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

test_peer_t test_peer;

static size_t body_at(const char *seen)
{
    const char *end = strstr(seen, "\r\n\r\n");
    return end ? (size_t)(end - seen) + 4 : 0;
}

static bool whole(const char *seen, size_t len)
{
    const char *said = strcasestr(seen, "content-length: ");
    size_t at = body_at(seen);
    return at && len >= at + (said ? strtoul(said + 16, NULL, 10) : 0);
}

static void *run(void *arg)
{
    test_peer_t *p = &test_peer;
    int fd = accept(p->fd, NULL, NULL);
    size_t len = 0;
    memset(p->seen, 0, sizeof p->seen);
    while (fd >= 0 && !whole(p->seen, len)) {
        ssize_t n = read(fd, p->seen + len, sizeof p->seen - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    const char *at = p->answer ? p->answer : "";
    for (size_t left = strlen(at); left;) {
        ssize_t n = send(fd, at, left, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        at += n;
        left -= (size_t)n;
    }
    close(fd);
    return NULL;
}

void test_peer_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    test_peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(test_peer.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(test_peer.fd, 4), 0);
    assert_int_equal(getsockname(test_peer.fd, (struct sockaddr *)&at, &len), 0);
    snprintf(test_peer.base, sizeof test_peer.base, "http://127.0.0.1:%u", ntohs(at.sin_port));
}

void test_peer_close(void)
{
    close(test_peer.fd);
}

void test_peer_says(const char *answer)
{
    test_peer.answer = answer;
    assert_int_equal(pthread_create(&test_peer.thread, NULL, run, NULL), 0);
}

void test_peer_done(void)
{
    pthread_join(test_peer.thread, NULL);
}
