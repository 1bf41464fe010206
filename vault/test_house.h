/* For tests: a folder of its own with a real ledgerd and, if wanted, a real vaultd. */
#ifndef VAULT_TEST_HOUSE_H
#define VAULT_TEST_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

#include "ledger/api.h"

enum { HOUSE_WAIT_MS = 20000 };

typedef struct test_house {
    const char *vaultd_path, *ledgerd_path;
    char var[40], vault_sock[64], ledger_sock[64];
    pid_t vaultd, ledgerd; /* 0 = not running */
    bool separated;        /* each room its own user; needs root and the users */
    ledger_client_t *ledger;
} test_house_t;

/* Makes the folder, starts ledgerd. */
void test_house_up(test_house_t *h);
/* Ends both, removes the folder. */
int test_house_down(test_house_t *h);
/* Starts a program of the house and waits for its "ready" (or for its end, when that is expected).
 */
pid_t test_house_start(const test_house_t *h, const char *program, bool expect_ready);
/* Signals and waits. */
void test_house_end(pid_t *pid, int signal_number);

#define GOOD(expr)                                                                                 \
    do {                                                                                           \
        err_t good_err = (expr);                                                                   \
        if (err_failed(good_err)) {                                                                \
            fail_msg("%s: %s", #expr, err_name(good_err.code));                                    \
        }                                                                                          \
    } while (0)

#endif
