/* Rows of `booking`. */
#include "booking.h"
#include "pay/api.h"
#include "pay_order.h"

#define COLUMNS                                                                                    \
    "id, departure, code, state, lang, adults, children, adult_price, child_price, total, "        \
    "subject, "                                                                                    \
    "pseudonym, account, hold_expires_us, paid_attempt, created_us, request"

static err_t from_row(const db_rows_t *r, booking_t *ret_booking)
{
    booking_t b = {.id = db_col_id(r, 0), .departure = db_col_id(r, 1)};
    slice_t code = db_col_text(r, 2);
    ENSURE(code.len == SHOP_CODE_LETTERS, ERR_CORRUPT);
    memcpy(b.code, code.ptr, SHOP_CODE_LETTERS);
    TRY(booking_state_of(db_col_i64(r, 3), &b.state));
    b.lang = db_col_i64(r, 4);
    b.adults = db_col_i64(r, 5);
    b.children = db_col_i64(r, 6);
    b.adult_price = db_col_i64(r, 7);
    b.child_price = db_col_i64(r, 8);
    b.total = db_col_i64(r, 9);
    b.subject = db_col_id(r, 10);
    b.pseudonym = db_col_id(r, 11);
    b.account = db_col_id(r, 12);
    b.hold_expires_us = db_col_i64(r, 13);
    b.paid_attempt = db_col_id(r, 14);
    b.created_us = db_col_i64(r, 15);
    b.request = db_col_id(r, 16);
    *ret_booking = b;
    return OK;
}

err_t booking_load(db_t *db, arena_t *a, id128_t id, booking_t *ret_booking)
{
    db_rows_t row;
    TRY(db_query_one(db, a, SQL("SELECT " COLUMNS " FROM booking WHERE id = ?1"),
                     DB_ARGS(db_id(&id)), &row));
    return from_row(&row, ret_booking);
}

static char upper(uint8_t c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

err_t booking_code_parse(slice_t number, char ret_code[SHOP_CODE_LETTERS])
{
    char letters[SHOP_CODE_LETTERS + 3];
    size_t n = 0;
    for (size_t i = 0; i < number.len; i++) {
        char c = upper(number.ptr[i]);
        if (c == ' ' || c == '-') {
            continue;
        }
        ENSURE(c >= 'A' && c <= 'Z' && n < sizeof letters, ERR_SYNTAX);
        letters[n++] = c;
    }
    if (n == sizeof letters) {
        ENSURE(memcmp(letters, "SKS", 3) == 0, ERR_SYNTAX);
        memmove(letters, letters + 3, SHOP_CODE_LETTERS);
        n = SHOP_CODE_LETTERS;
    }
    ENSURE(n == SHOP_CODE_LETTERS, ERR_SYNTAX);
    memcpy(ret_code, letters, SHOP_CODE_LETTERS);
    return OK;
}

err_t booking_by_number(db_t *db, arena_t *a, slice_t number, booking_t *ret_booking)
{
    char code[SHOP_CODE_LETTERS];
    TRY(booking_code_parse(number, code));
    db_rows_t row;
    TRY(db_query_one(db, a, SQL("SELECT " COLUMNS " FROM booking WHERE code = ?1"),
                     DB_ARGS(db_text(slice_make(code, sizeof code))), &row));
    return from_row(&row, ret_booking);
}

void booking_number_put(buf_t *b, const char code[SHOP_CODE_LETTERS])
{
    buf_cstr(b, "SKS-");
    buf_put(b, slice_make(code, SHOP_CODE_LETTERS / 2));
    buf_cstr(b, "-");
    buf_put(b, slice_make(code + SHOP_CODE_LETTERS / 2, SHOP_CODE_LETTERS / 2));
}

err_t booking_number(arena_t *a, const booking_t *b, slice_t *ret_number)
{
    buf_t text;
    TRY(arena_buf(a, SHOP_CODE_TEXT, &text));
    booking_number_put(&text, b->code);
    TRY(buf_check(&text));
    *ret_number = buf_slice(&text);
    return OK;
}

err_t booking_take_step(db_t *db, booking_t *booking, booking_step_t step, int64_t now_us)
{
    booking_state_t to;
    TRY(booking_step(booking->state, step, &to));
    int64_t changes = 0;
    TRY(db_run(db,
               SQL("UPDATE booking SET state = ?3, changed_us = ?4 WHERE id = ?1 AND state = ?2"),
               DB_ARGS(db_id(&booking->id), db_i64(booking->state), db_i64(to), db_i64(now_us)),
               &changes));
    ENSURE(changes == 1, ERR_CONFLICT);
    booking->state = to;
    return OK;
}

err_t booking_cancel_attempts(db_t *db, arena_t *a, const booking_t *booking, id128_t but,
                              id128_t request, int64_t now_us)
{
    db_rows_t rows;
    TRY(db_query(
        db, a, SQL("SELECT id FROM attempt WHERE booking = ?1 AND id <> ?2 AND state IN (1, 2, 9)"),
        DB_ARGS(db_id(&booking->id), db_id(&but)), &rows));
    while (db_next(&rows)) {
        pay_order_row_t order = {.kind = PAY_ORDER_CANCEL,
                                 .attempt = db_col_id(&rows, 0),
                                 .booking = booking->id,
                                 .reason = SLICE("booking_closed"),
                                 .request = request};
        TRY(pay_order_queue(db, &order, now_us));
    }
    return OK;
}
