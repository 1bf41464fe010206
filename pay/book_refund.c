/* Refunds that were ordered. */
#include "book_int.h"

err_t book_refund_due(book_t *b, id128_t attempt, id128_t request, int64_t amount_minor,
                      slice_t reason)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    attempt_t t;
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    arena_init(&a, BOOK_ARENA);
    BOOK_WRITING(b);
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(b->conf.pool, BOOK_LEASE_MS, &lease));
    TRY(book_attempt_in(lease.db, &a, attempt, &t));
    ENSURE(amount_minor > 0, ERR_RANGE);
    if (t.view.state == PAY_REFUNDED || t.refund_due_minor >= amount_minor) {
        return OK; /* ordered before */
    }
    ENSURE(t.view.state == PAY_CAPTURED, ERR_CONFLICT);
    ENSURE(amount_minor <= t.captured_minor, ERR_RANGE);
    ledger_fact(&facts, "step", SLICE("ordered"));
    ledger_fact_i64(&facts, "amount", amount_minor);
    ledger_fact(&facts, "reason", slice_sub(reason, 0, PAY_TEXT_MAX));
    TRY(buf_check(&facts));
    TRY(ledger_append(b->conf.ledger,
                      &(ledger_record_t){.type = LEDGER_PAY_REFUND,
                                         .request = request,
                                         .object = attempt,
                                         .parent = t.view.booking,
                                         .facts = buf_slice(&facts)},
                      1, NULL));
    return db_run(
        lease.db,
        SQL("UPDATE attempt SET refund_due_minor = ?2, refund_request = ?3, looks = 0, "
            "look_at_us = ?4 WHERE id = ?1"),
        DB_ARGS(db_id(&attempt), db_i64(amount_minor), db_id(&request), db_i64(clock_wall_us())),
        NULL);
}
