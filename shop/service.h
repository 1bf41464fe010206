/* The shop's door on the wire (api.h): finding a booking by its number, health, metrics. */
#ifndef SHOP_SERVICE_H
#define SHOP_SERVICE_H

#include "io/wire_server.h"
#include "shop.h"

/* Its ctx is the shop_t wrapped by service_init. */
typedef struct service {
    shop_t *shop;
    wire_server_t *wire; /* set before it runs */
} service_t;

extern const wire_events_t SERVICE_EVENTS;

#endif
