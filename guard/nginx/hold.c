/* A bound on the memory of all requests of a worker together. Each request has its own bounds; a
 * thousand that are sent slowly, each just below them, would still be more than the machine has.
 * Past the bound what grows is refused (or passes unjudged, where a site fails open), small
 * requests go on: the last quarter is for judgements alone. */
#include "guard.h"

static size_t held, limit = SIZE_MAX;

void guard_hold_limit(size_t max_bytes)
{
    limit = max_bytes;
}

bool guard_hold_has_room(size_t more)
{
    size_t most = limit - limit / 4;
    return held <= most && more <= most - held;
}

bool guard_hold_is_full(void)
{
    return held > limit;
}

void guard_hold_change(size_t *io_own, size_t now)
{
    held = held - *io_own + now;
    *io_own = now;
}
