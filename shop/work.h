/* The shop's own threads beside the web server and the writer: payment events, orders to payd,
 * ended holds, letters, housekeeping. Each is a loop that outlives any failure of another room. */
#ifndef SHOP_WORK_H
#define SHOP_WORK_H

#include "shop.h"

typedef struct work work_t;

err_t work_start(shop_t *shop, work_t **ret_work);
/* Lets each loop finish its turn. NULL is fine. */
void work_stop(work_t *work);

/* One turn of each, for tests; they log what fails and say nothing else. */
void work_events_turn(shop_t *shop, uint32_t wait_ms);
void work_orders_turn(shop_t *shop);
void work_decisions_turn(shop_t *shop);
void work_holds_turn(shop_t *shop);
void work_letters_turn(shop_t *shop);

#endif
