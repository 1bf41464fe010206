/* A small SMTP server (RFC 5321) that accepts everything for anybody, on 127.0.0.1, into the box.
 * One thread a connection. */
#ifndef MAILSIM_SMTP_H
#define MAILSIM_SMTP_H

#include "box.h"

typedef struct smtp {
    int listen_fd;
    box_t *box;
} smtp_t;

/* Accepts until the descriptor is shut down. */
void *smtp_thread(void *smtp);

#endif
