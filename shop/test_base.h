/* For the shop's tests: a database of its own on either back end, a small catalogue, a writer, and
 * a record that counts and can be told to refuse. */
#ifndef SHOP_TEST_BASE_H
#define SHOP_TEST_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "hold.h"
#include "payment.h"

#define GOOD(expr)                                                                                 \
    do {                                                                                           \
        err_t good_err = (expr);                                                                   \
        if (err_failed(good_err)) {                                                                \
            fail_msg("%s: %s (%s:%u)", #expr, err_name(good_err.code), good_err.where,             \
                     good_err.line);                                                               \
        }                                                                                          \
    } while (0)
#define BAD(code_, expr)                                                                           \
    do {                                                                                           \
        err_t bad_err = (expr);                                                                    \
        if (!err_is(bad_err, ERR_##code_)) {                                                       \
            fail_msg("%s: %s, not %s", #expr, err_name(bad_err.code), #code_);                     \
        }                                                                                          \
    } while (0)

enum { TEST_TYPES = 128 };
#define TEST_NOW (INT64_C(1800000000) * 1000000)
#define TEST_DECIDE (TEST_NOW + 46 * CLOCK_DAY_US)

typedef struct test_shop {
    char url[320];
    db_t *db; /* for looking and for fixtures */
    writer_t *writer;
    record_way_t way;
    arena_t arena;
    id128_t tour;
    /* the counting record */
    pthread_mutex_t lock;
    int64_t records[TEST_TYPES]; /* by type */
    bool refuse;                 /* durable records are refused */
} test_shop_t;

/* Runs the cases once on SQLite and once on PostgreSQL (skipped with a message when it is not
 * installed). Each case gets a fresh test_shop_t as its state. */
int test_both(const char *name, const struct CMUnitTest *cases, size_t n);

id128_t test_departure(test_shop_t *s, int64_t cap, int64_t taken, int64_t flags);
/* Undecided until TEST_DECIDE; its minimum is 10. */
id128_t test_departure_undecided(test_shop_t *s, int64_t cap, int64_t taken);
hold_request_t test_request(id128_t departure, int64_t adults, int64_t now_us);
/* A booking READY with a (pretended) representative, seats held. */
id128_t test_booking(test_shop_t *s, id128_t departure, int64_t adults, int64_t now_us);
/* The same, consent given: AWAITING_PAYMENT. */
id128_t test_awaiting(test_shop_t *s, id128_t departure, int64_t adults, int64_t now_us);
pay_event_t test_event(test_shop_t *s, uint64_t seq, id128_t booking, id128_t attempt,
                       pay_state_t state);
booking_t test_load(test_shop_t *s, id128_t booking);
int64_t test_i64(test_shop_t *s, sql_t sql, db_args_t args);
/* taken and held of a departure; also asks that the holds' rows say the same. */
void test_seats(test_shop_t *s, id128_t departure, int64_t *ret_taken, int64_t *ret_held);
void test_writer_restart(test_shop_t *s);

#endif
