/* The house's only clock (law 10). In the profiles test and bench the supervisor shares one mapped
 * cell with every room (the guard included) and writes an offset into it; in any other profile
 * nothing is ever attached. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"

#define CLOCK_SECOND_US INT64_C(1000000)
#define CLOCK_DAY_US (INT64_C(86400) * CLOCK_SECOND_US)

/* The cell that a test house shares: microseconds to add to wall and monotonic time. */
typedef struct clock_cell {
    int64_t offset_us;
} clock_cell_t;

/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);
/* Microseconds of an ever-growing clock; for waits and ages within one process. */
int64_t clock_mono_us(void);
/* The same without a test house's offset: only to bound how long a thread waits in the kernel, so
 * that a clock set forward does not end every wait. */
int64_t clock_wait_us(void);
/* Attaches the cell (lives as long as the process). NULL detaches. */
void clock_attach(const clock_cell_t *cell);

#endif
