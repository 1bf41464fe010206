/* Orders to payd that must not be lost: written in the transaction that decides on them, carried
 * out by a thread until payd has taken them. */
#ifndef SHOP_PAY_ORDER_H
#define SHOP_PAY_ORDER_H

#include "pay/api.h"
#include "writer.h"

typedef struct pay_order_row {
    id128_t id; /* 0 when queued: made here */
    pay_order_kind_t kind;
    id128_t attempt, booking, request;
    int64_t amount, tries;
    slice_t reason; /* ASCII code */
} pay_order_row_t;

/* For jobs. amount of a refund: what is to go back in all; an order of that kind for that attempt
 * that exists already and is of as much or more is left as it is. */
err_t pay_order_queue(db_t *db, const pay_order_row_t *order, int64_t now_us);
/* Carries out what is due, at most a handful; *ret_done = orders finished. */
err_t pay_orders_work(db_t *db, writer_t *w, pay_client_t *pay, arena_t *a, int64_t now_us,
                      size_t *ret_done);

#endif
