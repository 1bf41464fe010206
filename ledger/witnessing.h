/* ledgerd's side of witnesses: hands out checkpoints with proofs, takes cosignatures and publishes
 * them as public/witnessed (FORMAT.md 4). It verifies no cosignature: lines that are not of the
 * log's own name cannot make a false checkpoint true, and who reads them knows which witnesses to
 * believe.
 *
 * A thread of its own writes the file: no record waits for it. */
#ifndef LEDGER_WITNESSING_H
#define LEDGER_WITNESSING_H

#include "io/wire_server.h"
#include "keeper.h"

typedef struct witnessing witnessing_t;

/* The keeper is open and stays the caller's. MEMORY, IO. */
err_t witnessing_new(keeper_t *keeper, witnessing_t **ret_witnessing);
void witnessing_free(witnessing_t *w); /* writes what waits; NULL is fine */

/* The three requests of api_witness.h, from the wire's thread. */
err_t witnessing_message(witnessing_t *w, wire_server_t *server, wire_conn_t from, uint16_t kind,
                         cursor_t *body);
/* Records under the newest public/witnessed written since start; 0 = none. */
uint64_t witnessing_size(witnessing_t *w);
/* OK, or why public/witnessed could not be written last time. */
err_t witnessing_trouble(witnessing_t *w);

#endif
