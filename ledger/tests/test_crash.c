/* kill -9 at random points under load from 8 processes: what was acknowledged is there, at the
 * number that was acknowledged; nothing stands twice. Segments are short, so that keys hand over
 * and bundles are packed all the time; every MAC is recomputed. LEDGER_CRASH_ROUNDS sets how often
 * (20); after HOUSE_ROUNDS a new ledger begins, so that checking all of it each time stays quick.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/house.h"

enum { CLIENTS = 8, ACKS_MAX = 200000, SEQ_MAX = CLIENTS * ACKS_MAX, HOUSE_ROUNDS = 50 };

typedef struct journal {
    uint64_t count;
    struct {
        uint64_t seq;
        id128_t id;
    } acks[ACKS_MAX];
} journal_t;

typedef struct shared {
    bool stop;
    journal_t journals[CLIENTS];
} shared_t;

static void client_run(const house_t *h, shared_t *shared, journal_t *journal)
{
    ledger_client_t *c = house_client(h, ROOM_TEST);
    while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED) && journal->count < ACKS_MAX) {
        id128_t id = id_new();
        uint64_t seq;
        if (err_failed(house_append(c, id, &seq))) {
            usleep(1000);
            continue;
        }
        journal->acks[journal->count].seq = seq;
        journal->acks[journal->count].id = id;
        journal->count++;
    }
    _exit(0);
}

typedef struct check {
    id128_t *ids; /* by seq */
    uint64_t size;
} check_t;

static void take_leaf(void *ctx, const vleaf_t *leaf, bool sealed)
{
    check_t *check = ctx;
    CHECK(leaf->seq == check->size && leaf->seq < SEQ_MAX);
    if (leaf->value[0x10].len) {
        memcpy(check->ids[leaf->seq].b, leaf->value[0x10].ptr, ID_BYTES);
    }
    check->size++;
}

static int fail(const report_t *r, const char *what)
{
    printf("FAIL: %s; leaf %lld: %s\n", what, (long long)r->faults[0].leaf, r->faults[0].text);
    return 1;
}

typedef struct totals {
    uint64_t kills, acked, records, missing, segments;
} totals_t;

static int check_all(const house_t *h, const shared_t *shared, totals_t *io_totals)
{
    static report_t report;
    check_t check = {calloc(SEQ_MAX, sizeof(id128_t)), 0};
    verify_ask_t ask = {.dir = h->ledger,
                        .each = take_leaf,
                        .ctx = &check,
                        .mac_key_files = {h->mac_key},
                        .mac_key_count = 1};
    uint64_t acked = 0, missing = 0;
    CHECK(check.ids);
    verify_run(&ask, &report);
    if (report.verdict != VERDICT_OK) {
        return fail(&report, "not verified");
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        const journal_t *j = &shared->journals[i];
        for (uint64_t n = 0; n < j->count; n++) {
            bool there =
                j->acks[n].seq < check.size && id_eq(check.ids[j->acks[n].seq], j->acks[n].id);
            missing += !there;
        }
        acked += j->count;
    }
    io_totals->acked += acked;
    io_totals->records += check.size;
    io_totals->missing += missing;
    io_totals->segments += report.segments;
    free(check.ids);
    return missing || acked == 0 ? fail(&report, "acknowledged records are missing") : 0;
}

/* One ledger, killed so many times. */
static int one_house(uint64_t rounds, totals_t *io_totals)
{
    static report_t report;
    house_t house;
    house_init(&house, NULL);
    house_small(&house);
    shared_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        CHECK(clients[i] >= 0);
        if (clients[i] == 0) {
            client_run(&house, shared, &shared->journals[i]);
        }
    }
    int result = 0;
    for (uint64_t round = 0; round < rounds && !result; round++) {
        uint16_t pause;
        random_bytes(&pause, sizeof pause);
        CHECK(house_start(&house));
        usleep(pause * 2U); /* 0 .. 131 ms */
        house_kill(&house);
        io_totals->kills++;
        if (house_verify(&house, &report) == VERDICT_TAMPERED) { /* a crash is no tampering */
            result = fail(&report, "a crash looks like tampering");
        }
    }
    CHECK(house_start(&house));
    usleep(100000);
    __atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < CLIENTS; i++) {
        waitpid(clients[i], NULL, 0);
    }
    CHECK(house_stop(&house) == 0);
    result = result ? result : check_all(&house, shared, io_totals);
    munmap(shared, sizeof *shared);
    house_deinit(&house);
    return result;
}

int main(int argc, char **argv)
{
    uint64_t rounds = 20;
    const char *given = getenv("LEDGER_CRASH_ROUNDS");
    totals_t t = {0};
    int result = 0;
    CHECK(argc == 3 &&
          (!given || !err_failed(slice_parse_u64(slice_cstr_in(given), 1000000, &rounds))));
    house_programs(argv[1], argv[2]);
    setenv("LEDGER_TEST_ON_DISK", "1", 1);
    while (t.kills < rounds && !result) {
        uint64_t left = rounds - t.kills;
        result = one_house(left < HOUSE_ROUNDS ? left : HOUSE_ROUNDS, &t);
        printf("%llu kills: %llu acknowledged, %llu in the record, %llu missing; %llu segments\n",
               (unsigned long long)t.kills, (unsigned long long)t.acked,
               (unsigned long long)t.records, (unsigned long long)t.missing,
               (unsigned long long)t.segments);
        fflush(stdout);
    }
    return result;
}
