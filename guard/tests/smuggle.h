/* Requests that two readers may read in two ways, and a strict reader of what an origin got. Test
 * code only. */
#ifndef GUARD_TESTS_SMUGGLE_H
#define GUARD_TESTS_SMUGGLE_H

#include "front.h"

enum { SMUGGLE_ANY = -1, SMUGGLE_HEARD_MAX = 256 * 1024 };

typedef struct smuggle_case {
    const char *name;
    slice_t sent;
    int status;   /* of the first answer; ANY: whatever nginx makes of it */
    int requests; /* that reach the origin; ANY: none or one. A hidden one asks for /evil, the next
                     one for /end */
} smuggle_case_t;

extern const smuggle_case_t SMUGGLE_CASES[];
extern const size_t SMUGGLE_COUNT;

/* Says it, hears the first answer (0: none); a last request on the same connection ends it, and
 * would be lost or doubled if somebody were out of step. Returns the first answer's status. */
int smuggle_say(const front_t *f, const smuggle_case_t *c);

/* ---- a strict reading (RFC 9112) ---- */

/* The number of requests in what was heard, those for /end among them; fails the test when it can
 * be read in two ways. */
size_t smuggle_requests_read(const char *name, slice_t heard, size_t *ret_ends);
/* One header line; counts what decides the length. NULL or what is wrong with it. */
const char *smuggle_field_check(slice_t line, unsigned *hosts, unsigned *lengths, uint64_t *body);
/* Cuts a line that ends with CRLF; false when there is none, or a control sign in it. */
bool smuggle_line_take(slice_t *rest, slice_t *ret_line);

#endif
