#include "base/clock.h"

static const clock_cell_t *shared_cell;

void clock_attach(const clock_cell_t *cell)
{
    shared_cell = cell;
}

static int64_t read_kernel(clockid_t which)
{
    struct timespec t;
    CHECK(clock_gettime(which, &t) == 0);
    return (int64_t)t.tv_sec * CLOCK_SECOND_US + t.tv_nsec / 1000;
}

static int64_t read_clock(clockid_t which)
{
    int64_t offset = shared_cell ? __atomic_load_n(&shared_cell->offset_us, __ATOMIC_RELAXED) : 0;
    return read_kernel(which) + offset;
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wait_us(void)
{
    return read_kernel(CLOCK_MONOTONIC);
}
