/* The four writers that are measured by turns, as processes on one disk. */
#ifndef BENCH_ACK_WRITERS_H
#define BENCH_ACK_WRITERS_H

#include "ledger/api.h"

typedef enum side { LEDGERD, TRIVIAL, SQLITE, POSTGRES, SIDES } side_t;

extern const char *const WRITERS_NAMES[SIDES];

/* Makes a folder below `where` (a real disk) and starts them in it. False, said on stderr, when one
 * does not start. Without PostgreSQL on the machine the others run: writers_there tells. */
bool writers_start(const char *where, const char *ledgerd);
bool writers_there(side_t side);
void writers_stop(void);

/* A connection of this process to one of them; for its whole life. */
void writers_connect(side_t side);
/* One record of about 300 bytes, durable when it returns. */
err_t writers_append(side_t side, slice_t payload);

/* ledgerd has nothing left to do in the background: all is under a signed checkpoint, ended
 * segments are packed and indexed. False after a while. Both: records and segments that were left
 * when it was asked. */
bool writers_settled(uint64_t *ret_unsigned, uint64_t *ret_segments);

#endif
