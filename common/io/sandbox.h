/* The seccomp filter of a room: a list of the system calls it may make; anything else kills the
 * process. No execve, no ptrace, no new processes (threads only), no memory made executable,
 * sockets of AF_UNIX alone unless the room may use the net. */
#ifndef IO_SANDBOX_H
#define IO_SANDBOX_H

#include "base/err.h"

typedef struct sandbox {
    const char *const *syscalls; /* beyond the common list; NULL-terminated or NULL */
    bool inet;                   /* AF_INET, AF_INET6, AF_NETLINK (resolver), bind */
    bool report;                 /* not in production: name the call on stderr before dying */
} sandbox_t;

/* For good, for this thread and those it makes later: call it before the first thread. CONFIG for a
 * name that is no system call; IO. Nothing is done in builds without seccomp. */
err_t sandbox_enter(const sandbox_t *box);
/* False in sanitizer and valgrind builds. */
bool sandbox_built_in(void);

#endif
