/* For the adapters' tests: a real TCP peer that answers one request with what the case wants. */
#ifndef PAY_TEST_PEER_H
#define PAY_TEST_PEER_H

#include "base/test.h"

#include <pthread.h>

typedef struct test_peer {
    int fd;
    const char *answer; /* whole HTTP answer; NULL: closes without one */
    char seen[8192];    /* the request */
    char base[64];      /* "http://127.0.0.1:PORT" */
    pthread_t thread;
} test_peer_t;

extern test_peer_t test_peer;

void test_peer_open(void);
void test_peer_close(void);
/* Takes one connection and says this; then test_peer_done. */
void test_peer_says(const char *answer);
void test_peer_done(void);

#define TEST_HTTP(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

#endif
