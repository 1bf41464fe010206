/* sekisho - the one command. A thin front on the rooms' api.h; it holds no secret longer than one
 * order takes. */
#include "backup.h"
#include "brake.h"
#include "erase.h"
#include "evidence.h"
#include "handover.h"
#include "house.h"
#include "investigate.h"
#include "ledger.h"
#include "ring.h"
#include "run.h"
#include "setup.h"
#include "status.h"
#include "supervise.h"
#include "trace.h"
#include "vault.h"

typedef struct verb {
    const char *name;
    int (*run)(house_t *h, int argc, char **argv);
} verb_t;

/* The engine's second front: its rules need no running house. */
static int guard_command(house_t *h, int argc, char **argv)
{
    if (argc < 1 || argc > RUN_BECOME_MAX) {
        house_complain(h, COMMAND_MSG_USAGE_GUARD);
        return 2;
    }
    if (strcmp(argv[0], "ring") == 0) { /* of this house, and opened by its vault */
        return ring_command(h, argc - 1, argv + 1);
    }
    return run_become(house_path(h, h->build, "guard", "tool", "sekisho-guard", NULL).text, argc,
                      argv, NULL);
}

static int help_command(house_t *h, int argc, char **argv)
{
    uint8_t mem[8192];
    buf_t out = BUF_ON_ARRAY(mem);
    tpl_help(&out, h->lang, &(struct tpl_help_args){.port = h->port});
    house_print(buf_slice(&out));
    return 0;
}

static const verb_t VERBS[] = {
    {"up", supervise_up},
    {"down", supervise_down},
    {"status", status_command},
    {"trace", trace_command},
    {"brake", brake_command},
    {"ledger", ledger_command},
    {"backup", backup_command},
    {"restore", restore_command},
    {"clock", supervise_clock},
    {"signal", supervise_kill},
    {"users", setup_users},
    {"guard", guard_command},
    {"leak", investigate_leak},
    {"who-saw", investigate_who_saw},
    {"timeline", investigate_timeline},
    {"erase", erase_command},
    {"hold", hold_command},
    {"vault", vault_command},
    {"evidence", evidence_command},
    {"handover", handover_command},
    {"help", help_command},
};

static int run(house_t *h, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < BASE_COUNT(VERBS); i++) {
        if (strcmp(argv[1], VERBS[i].name) == 0) {
            return VERBS[i].run(h, argc - 2, argv + 2);
        }
    }
    help_command(h, 0, NULL);
    return argc > 1 && strcmp(argv[1], "--help") != 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    house_t house;
    err_t e = house_open(&house, &argc, argv);
    if (err_failed(e)) {
        fprintf(stderr, "sekisho: %s\n", err_text(e.code));
        return 2;
    }
    int code = run(&house, argc, argv);
    house_close(&house);
    return code;
}
