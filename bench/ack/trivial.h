/* What ledgerd is measured against: the least that makes the same records as durable. A
 * preallocated file, leader and followers: who comes first writes and flushes for all that have
 * come, the next leader for those that came meanwhile. It numbers nothing, hashes nothing, signs
 * nothing, finds nothing. */
#ifndef BENCH_ACK_TRIVIAL_H
#define BENCH_ACK_TRIVIAL_H

#include "io/fd.h"

/* Listens at socket_path as if it were ledgerd (hello, append, acknowledgement), with a file of
 * `bytes` zeros beside it that is overwritten in place, from its beginning again when it is full.
 * Serves until the process is killed; a byte goes to ready_fd when it listens. */
err_t trivial_serve(path_t socket_path, path_t file_path, size_t bytes, int ready_fd);

#endif
