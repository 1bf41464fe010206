/* Rounds: one checkpoint at a time to all witnesses, a thread each, so that a hung one delays
 * nobody; what they cosign goes back to ledgerd, and when too few do for too long, or one knows
 * another history, a record says so. Judges by the policy (C2SP tlog-policy). */
#ifndef LEDGER_PUSH_ROUNDS_H
#define LEDGER_PUSH_ROUNDS_H

#include "carry.h"
#include "ledger/api.h"

typedef struct rounds rounds_t;

typedef struct rounds_conf {
    const vpolicy_t *policy;   /* must outlive the rounds */
    wire_client_t *ledger;     /* for checkpoints; threads share it */
    ledger_client_t *recorder; /* for alarms */
    int64_t interval_ms;       /* between rounds at least */
    int64_t timeout_ms;        /* of one exchange with a witness */
    int64_t alarm_ms;          /* without a quorum for longer than this is an alarm */
    int64_t refresh_ms;        /* a checkpoint that does not change is brought again */
    bool https_only;
} rounds_conf_t;

/* CONFIG (log line says which): more witnesses with an address than a checkpoint takes, an address
 * that may not be. MEMORY. */
err_t rounds_start(const rounds_conf_t *conf, rounds_t **ret_rounds);
void rounds_stop(rounds_t *r); /* NULL is fine; waits for exchanges that run */

void rounds_metrics(rounds_t *r, buf_t *out);
void rounds_health(rounds_t *r, health_t *out);

#endif
