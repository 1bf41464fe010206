/* Records of a test's own making, put into a keeper as serve.c does it. For unit tests, after
 * cmocka.h. */
#ifndef LEDGER_TESTS_RECORDS_H
#define LEDGER_TESTS_RECORDS_H

#include "keeper.h"

/* An id for each number, never zero. */
static inline id128_t id_of(uint64_t n)
{
    id128_t id = id_zero();
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}

static inline void record_add(keeper_t *keeper, room_id_t room, const ledger_record_t *rec)
{
    uint64_t seq;
    err_t e = keeper_add(keeper, room, rec, 1, 300, &seq);
    if (err_is(e, ERR_LIMIT)) { /* the group is full */
        assert_false(err_failed(keeper_flush(keeper)));
        e = keeper_add(keeper, room, rec, 1, 300, &seq);
    }
    assert_false(err_failed(e));
}

#endif
