/* Guest access. */
#include "guest.h"

enum { CLIENT_TIMES = 10 };

static err_t bounded(throttle_t *tries, const guest_query_t *q)
{
    char code[SHOP_CODE_LETTERS];
    if (q->client.len > 0) {
        TRY(throttle_try(tries, q->client, CLIENT_TIMES, q->now_us));
    }
    if (err_failed(booking_code_parse(q->number, code))) {
        return OK; /* no number: nothing to guard but the address */
    }
    return throttle_try(tries, slice_make(code, sizeof code), 1, q->now_us);
}

err_t guest_find(db_t *db, vault_client_t *vault, throttle_t *tries, const record_way_t *way,
                 arena_t *a, const guest_query_t *q, booking_t *ret_booking)
{
    uint8_t blind[VAULT_BLIND_BYTES];
    booking_t b;
    int64_t same = 0;
    record_set_t set;
    TRY(bounded(tries, q));
    TRY(vault_blind(vault, VAULT_BLIND_EMAIL, q->email, blind)); /* always: one time for all */
    err_t e = booking_by_number(db, a, q->number, &b);
    if (err_is(e, ERR_SYNTAX) || err_is(e, ERR_NOT_FOUND)) {
        return FAIL(ERR_NOT_FOUND);
    }
    TRY(e);
    TRY(db_query_i64(
        db, SQL("SELECT COUNT(*) FROM representative WHERE booking = ?1 AND email_index = ?2"),
        DB_ARGS(db_id(&b.id), db_blob(slice_make(blind, sizeof blind))), &same));
    ENSURE(same == 1, ERR_NOT_FOUND);
    record_set_init(&set);
    ledger_record_t *rec = record_add(&set, LEDGER_GUEST_ACCESS, q->request, b.id);
    rec->subject = b.pseudonym;
    TRY(record_set_write(way, &set, NULL));
    *ret_booking = b;
    return OK;
}
