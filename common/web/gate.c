/* Accepting connections. The server library would close whatever comes above its limit; here it
 * waits in the kernel's queue until a place is free, so that a rush means waiting, not a broken
 * page. Knows no server library: what to do with a connection is a callback. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/priv.h"

enum { RETRY_US = 20000 }; /* out of descriptors: others must close some first */

void web_gate_opened(web_gate_t *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open++;
    pthread_mutex_unlock(&gate->lock);
}

void web_gate_closed(web_gate_t *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open--;
    pthread_cond_signal(&gate->free_place);
    pthread_mutex_unlock(&gate->lock);
}

/* False: the house is closing. */
static bool wait_for_place(web_gate_t *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->open >= gate->max && !gate->is_stopping) {
        pthread_cond_wait(&gate->free_place, &gate->lock);
    }
    bool go_on = !gate->is_stopping;
    pthread_mutex_unlock(&gate->lock);
    return go_on;
}

static void *gate_run(void *arg)
{
    web_gate_t *gate = arg;
    struct pollfd fds[2] = {{.fd = gate->listen_fd, .events = POLLIN},
                            {.fd = gate->stop_fd, .events = POLLIN}};
    while (wait_for_place(gate)) {
        int n = poll(fds, 2, -1);
        if (n < 0 && errno != EINTR) {
            usleep(RETRY_US);
        }
        if (n <= 0 || fds[1].revents || !fds[0].revents) {
            continue;
        }
        struct sockaddr_storage from = {0};
        socklen_t from_len = sizeof from;
        int fd = accept4(gate->listen_fd, (struct sockaddr *)&from, &from_len,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            gate->on_connection(gate->user, fd, (struct sockaddr *)&from, from_len);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            usleep(RETRY_US);
        }
    }
    return NULL;
}

err_t web_gate_start(web_gate_t *gate)
{
    gate->stop_fd = eventfd(0, EFD_CLOEXEC);
    ENSURE(gate->stop_fd >= 0, ERR_IO);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->free_place, NULL);
    if (pthread_create(&gate->thread, NULL, gate_run, gate)) {
        close(gate->stop_fd);
        return FAIL(ERR_IO);
    }
    return OK;
}

void web_gate_stop(web_gate_t *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_stopping = true;
    pthread_cond_signal(&gate->free_place);
    pthread_mutex_unlock(&gate->lock);
    uint64_t one = 1;
    CHECK(write(gate->stop_fd, &one, sizeof one) == (ssize_t)sizeof one);
    pthread_join(gate->thread, NULL);
    close(gate->listen_fd); /* whoever still waits in the queue hears it at once */
    close(gate->stop_fd);
}
