/* What every unit test of common's lower floors includes first: cmocka with the headers it wants,
 * and a few comparisons of the house's own types. For tests only. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

/* The call must succeed (fail with this code). */
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (err_failed(e_)) {                                                                      \
            fail_msg("%s: %s (%s:%d)", #expr, err_name(e_.code), e_.where, e_.line);               \
        }                                                                                          \
    } while (0)

#define assert_err(expr, code_)                                                                    \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (!err_is(e_, (code_))) {                                                                \
            fail_msg("%s: %s, wanted %s", #expr, err_name(e_.code), err_name(code_));              \
        }                                                                                          \
    } while (0)

#define assert_slice(got, want)                                                                    \
    do {                                                                                           \
        slice_t got_ = (got), want_ = (want);                                                      \
        if (!slice_eq(got_, want_)) {                                                              \
            fail_msg("got \"%.*s\", wanted \"%.*s\"", SLICE_FMT(got_), SLICE_FMT(want_));          \
        }                                                                                          \
    } while (0)

/* A small repeatable generator (xorshift64*): properties are tried on the same values every time.
 */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

#endif
