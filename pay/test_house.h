/* For tests: a folder of its own with the real ledgerd, payd and paysim, a brake board, keys, a
 * clock that can be set, and a relay in nginx's place (TCP to payd's HTTP socket). */
#ifndef PAY_TEST_HOUSE_H
#define PAY_TEST_HOUSE_H

#include "base/test.h"

#include <pthread.h>
#include <sys/types.h>

#include "api.h"
#include "base/clock.h"
#include "brake/api_writer.h"
#include "io/fd.h"
#include "ledger/api.h"

enum { HOUSE_WAIT_MS = 30000 };

typedef struct test_house {
    const char *payd_path, *paysim_path, *ledgerd_path;
    const char *hash_charset; /* of SBPS; NULL: shift_jis */
    char var[40];
    pid_t payd, paysim, ledgerd; /* 0 = not running */
    bool separated;              /* each room its own user (root only) */
    unsigned psp_port, hook_port;
    clock_cell_t *cell;
    brake_signing_key_t keys[3]; /* two people, a machine */
    uint8_t pub[32], secret[32]; /* the investigator's */
    ledger_client_t *ledger;
    pay_client_t *pay;
    int relay_fd;
    pthread_t relay;
    bool relay_off;   /* atomic: connections are closed at once */
    char *relay_keep; /* atomic: the next request is put here (4096 bytes), NUL at its end, and not
                         answered; then it is NULL again */
} test_house_t;

/* Folder, keys, board, clock; starts ledgerd. */
void test_house_up(test_house_t *h);
/* Starts paysim and payd, makes the client. */
void test_house_pay_up(test_house_t *h);
int test_house_down(test_house_t *h);
pid_t test_house_start(const test_house_t *h, const char *program);
/* Signals and waits; 0 when it ended in order. */
int test_house_end(pid_t *pid, int signal_number);
void test_house_payd_again(test_house_t *h, int signal_number);

void test_house_step(test_house_t *h, int64_t seconds);
void test_house_brake(test_house_t *h, bool open);

/* The provider: a control call; the customer's browser on a page (status of the answer); a
 * counter. */
void test_psp_control(test_house_t *h, const char *json);
int test_psp_visit(test_house_t *h, slice_t page_url);
/* The provider's page for what pay_create answered (SBPS: through our own page and its button);
 * 303, or the status that stood in the way. */
int test_psp_page(test_house_t *h, slice_t url, char ret_path[PAY_URL_MAX + 1]);
int64_t test_psp_count(test_house_t *h, const char *name);
/* One HTTP request to a local TCP port; the whole answer, NUL at the end, free(). */
char *test_http(unsigned port, const char *method, const char *path, const char *headers,
                slice_t body);

/* Records about an object, of one type, whose facts hold this text (NULL = any). */
size_t test_records(test_house_t *h, id128_t object, ledger_type_t type, const char *facts);
/* The sum of `count` over all records of a type. */
uint64_t test_record_counts(test_house_t *h, ledger_type_t type);

#define WAIT_UNTIL(cond)                                                                           \
    do {                                                                                           \
        int64_t until_ = clock_wait_us() + (int64_t)HOUSE_WAIT_MS * 1000;                          \
        while (!(cond)) {                                                                          \
            if (clock_wait_us() > until_) {                                                        \
                fail_msg("waited in vain: %s (line %d)", #cond, __LINE__);                         \
            }                                                                                      \
            usleep(20000);                                                                         \
        }                                                                                          \
    } while (0)

#endif
