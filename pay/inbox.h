/* The provider's notifications: HTTP route, check of the signature, storing, answering; and the
 * thread that applies them afterwards, in order, once. */
#ifndef PAY_INBOX_H
#define PAY_INBOX_H

#include <stdatomic.h>

#include "cashier.h"
#include "web/web.h"

enum { INBOX_MAX_BYTES = 128 * 1024 };

typedef struct inbox {
    cashier_t *cashier;
    uint8_t investigator[32]; /* public key to which the bytes are sealed */
    void (*on_stored)(void *ctx);
    void *ctx;
    _Atomic int64_t bad_us; /* of the last record of a refusal, and refusals since */
    atomic_uint bad_count;
} inbox_t;

/* Reads var/etc/investigator.pub ("x25519 <hex>"). */
err_t inbox_key_read(slice_t file, uint8_t ret_key[32]);

/* POST /pay/notify/:provider; room = inbox_t *. */
err_t inbox_handle(void *room, web_req_t *req, web_res_t *res);
extern const web_route_t INBOX_ROUTES[];
extern const size_t INBOX_ROUTE_COUNT;

/* Applies what waits; returns how many. Stops at the first failure (tried again in the next round).
 */
size_t inbox_work(inbox_t *inbox);

#endif
