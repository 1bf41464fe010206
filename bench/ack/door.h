/* The socket of a writer that is measured beside ledgerd: hello, append, acknowledgement, as
 * ledgerd's own. */
#ifndef BENCH_ACK_DOOR_H
#define BENCH_ACK_DOOR_H

#include "io/fd.h"

/* Returns when the bytes of one message are on the disk. Called by a thread a connection. */
typedef void door_append_fn(void *ctx, slice_t message);

/* Serves until the process is killed; a byte goes to ready_fd when it listens. */
err_t door_serve(path_t socket_path, int ready_fd, door_append_fn *append, void *ctx);

#endif
