/* What works now, asked of each needed room: the truth of the health page, of the wire's HEALTH and
 * of the metrics. One look is kept for a second, so that asking often costs nothing. */
#ifndef SHOP_HEALTH_H
#define SHOP_HEALTH_H

#include "shop.h"

typedef enum health_part {
    PART_DATABASE,
    PART_LEDGER,
    PART_VAULT,
    PART_PAY,
    PART_MAIL,
    PART_COUNT
} health_part_t;

typedef struct shop_health {
    bool ok[PART_COUNT];
    shop_msg_t why[PART_COUNT];   /* SHOP_MSG_NONE when ok */
    const char *name[PART_COUNT]; /* room, ASCII */
    bool bookings, payments, personal, all;
    int64_t checked_us;
} shop_health_t;

shop_health_t health_look(shop_t *shop);
/* For the wire's HEALTH. */
void health_rows(shop_t *shop, health_t *out);

#endif
