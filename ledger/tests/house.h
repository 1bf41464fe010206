/* A real ledgerd in a temporary folder, for tests. */
#ifndef LEDGER_TESTS_HOUSE_H
#define LEDGER_TESTS_HOUSE_H

#include <sys/types.h>

#include "ledger/api.h"
#include "tests/shim.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

typedef struct house {
    tmpdir_t tmp;
    char var[80], ledger[96], socket[96], shim_file[96];
    char mac_key[96]; /* of house_small, for the verifier; "" = none */
    shim_t *shim;
    bool preload;
    const char *profile; /* NULL = test */
    pid_t pid;           /* 0 = not running */
} house_t;

/* argv[1] of a test: the ledgerd to start; argv[2]: the shim. */
void house_programs(const char *ledgerd, const char *shim);

/* The folder only. where: a parent folder that exists, or NULL for a new one in /tmp. */
void house_init(house_t *h, const char *where);
/* Before the first start: a start key for MACs, as `sekisho up` makes one; / and segments of 256
 * leaves, a day's retention. */
void house_macs(house_t *h);
void house_small(house_t *h);
void house_deinit(house_t *h);
/* False when it refused to start. */
bool house_start(house_t *h);
void house_kill(house_t *h);
int house_stop(house_t *h); /* SIGTERM; its exit code */

ledger_client_t *house_client(const house_t *h, unsigned room);
/* One durable record about this id. */
err_t house_append(ledger_client_t *c, id128_t request, uint64_t *ret_seq);
/* A value of ledgerd's metrics; -1 when there is no such line. */
int64_t house_metric(const house_t *h, const char *name);
verdict_t house_verify(const house_t *h, report_t *ret_report);

#endif
