/* payd's socket: requests of the shop and the command. The loop's thread only queues; worker
 * threads do what may block; waiting for events is a list of waiters that every new event wakes. */
#ifndef PAY_SERVICE_H
#define PAY_SERVICE_H

#include "cashier.h"
#include "io/wire_server.h"

typedef struct service service_t;

err_t service_new(cashier_t *cashier, service_t **ret_service);
extern const wire_events_t SERVICE_EVENTS; /* ctx = service_t * */
/* Starts the workers; the server must outlive service_stop. */
err_t service_attach(service_t *s, wire_server_t *server);
/* A new event is in the book. Any thread. */
void service_on_event(void *service);
void service_stop(service_t *s);
void service_free(service_t *s);

#endif
