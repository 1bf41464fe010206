/* What is kept of one request for an investigator, or for trying rules on it: a few lines about it,
 * then the request itself in the form that `sekisho guard explain` reads, cut by law 5. Pure.
 *
 * Card numbers are cut to 6 + 4 digits, passwords, codes, tokens and cookies to their length
 * (audit/mask.h). Then the card gate looks at what is left, as it looks at requests: where it still
 * finds a number (over several fields, say) or cannot read it, digits go, and if that does not help
 * the part goes. So what is kept passes the gate. Long requests are cut, with a mark. */
#ifndef GUARD_KEPT_H
#define GUARD_KEPT_H

#include "base/arena.h"
#include "base/id.h"

enum {
    KEPT_MAX = 16 * 1024, /* bytes of one, whole */
    KEPT_MIN = 3 * 1024,  /* the least that max_bytes may be */
    KEPT_HEADERS_MAX = 100,
    KEPT_SCRATCH_MIN = 512 * 1024,
    KEPT_SCRATCH_FACTOR = 60, /* times the request's bytes */
};

typedef struct kept_header {
    slice_t name, value;
} kept_header_t;

/* All borrowed; as sent. */
typedef struct kept_request {
    id128_t id;
    int64_t wall_us;
    slice_t client, host; /* address; the configured server */
    slice_t why, rules;   /* words of ours; "942100,942190" */
    unsigned status;
    slice_t line; /* request line */
    const kept_header_t *headers;
    size_t n_headers;
    slice_t content_type;
    slice_t body;
    size_t max_bytes; /* of what is kept; 0: KEPT_MAX */
    bool body_unread; /* there may have been one: the request was refused before */
} kept_request_t;

/* Appends it: at most KEPT_MAX bytes. LIMIT when out has less room; MEMORY when the scratch is used
 * up. */
err_t kept_put(const kept_request_t *r, arena_t *scratch, buf_t *out);
/* The request of one that was put: what stands after the lines about it. */
slice_t kept_request_of(slice_t kept);

#endif
