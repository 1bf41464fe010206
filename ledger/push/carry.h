/* One witness: a checkpoint is carried there with its proof, and a cosignature back (C2SP
 * tlog-witness). Every wait is bounded. Where the witness knows an older key of the ledger, it is
 * shown the hand-overs since. */
#ifndef LEDGER_PUSH_CARRY_H
#define LEDGER_PUSH_CARRY_H

#include "ledger/api_witness.h"
#include "verify/cosign.h"

enum { CARRY_WHY = 120 };

typedef enum carry_result {
    CARRY_OK,
    CARRY_FAILED,  /* not reached, or not now: tried again */
    CARRY_UNKNOWN, /* 403, 404: the witness does not know this log or key: a person must tell it */
    CARRY_AHEAD,   /* it has cosigned more than this ledger holds: records are gone */
    CARRY_FORK,    /* it has cosigned another history: 409 for the root, or 422 */
} carry_result_t;

typedef struct carrier {
    const vwitness_t *witness;
    wire_client_t *ledger; /* borrowed; shared */
    int64_t timeout_ms;    /* of one exchange */
    bool https_only;
    void *curl;      /* kept: one connection is used again */
    uint64_t known;  /* size that it cosigned last, as far as we know */
    uint64_t probed; /* segments looked back so far for a key that it knows */
    bool other_key;  /* it refused the key (403), not the log */
    char why[CARRY_WHY];
    struct ledger_handover *handover; /* memory for one */
} carrier_t;

/* CONFIG: an address that is none. MEMORY. */
err_t carrier_init(carrier_t *c);
void carrier_deinit(carrier_t *c);
/* Brings the checkpoint of this size (as ledger_checkpoint gives it). CARRY_OK: *ret_line is the
 * cosignature, verified. Else c->why says why. */
carry_result_t carrier_bring(carrier_t *c, uint64_t size, buf_t *ret_line);

#endif
