/* ledgerd's wire: requests of other rooms to the keeper. All messages that were ready together make
 * one group; its acknowledgements go out after the fdatasync. Must never hold: formats, files. */
#ifndef LEDGER_SERVE_H
#define LEDGER_SERVE_H

#include "io/wire_server.h"
#include "keeper.h"

enum { SERVE_LAZY_MS = 40 }; /* a group without a durable record waits this long for company */

typedef struct serve serve_t;

/* The keeper is open and stays the caller's. MEMORY, IO. */
err_t serve_new(keeper_t *keeper, serve_t **ret_serve);
void serve_free(serve_t *s); /* NULL is fine */

/* For wire_server_conf_t: events with ctx = the serve_t. */
extern const wire_events_t SERVE_EVENTS;
enum { SERVE_TICK_MS = 100 };

/* Ties both together; before wire_server_run. */
err_t serve_attach(serve_t *s, wire_server_t *server);
/* For keeper_conf_t.on_sealed, from any thread. ctx: a serve_t **, whose serve_t may be NULL yet.
 */
void serve_on_sealed(void *ctx);

#endif
