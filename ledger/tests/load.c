/* ledger-load LEDGERD SHIM CLIENTS SECONDS - starts a ledgerd of its own, lets client processes
 * append durable records of about 300 bytes one after the other, prints acknowledgements a second
 * and how long one took. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/house.h"

enum { BUCKETS = 100000, BUCKET_US = 10 };

typedef struct shared {
    uint64_t acks, failures;
    int64_t seal_max_us, seal_sum_us; /* from a durable record to a checkpoint over it */
    uint64_t seals;
    uint32_t took[BUCKETS]; /* how many took bucket * 10 us */
} shared_t;

static void client_run(const house_t *h, shared_t *s, int64_t until_us)
{
    ledger_client_t *c = house_client(h, ROOM_TEST);
    uint8_t payload[150];
    random_bytes(payload, sizeof payload);
    while (clock_wait_us() < until_us) {
        ledger_record_t rec = {.type = LEDGER_REVEAL_INTENT,
                               .request = id_new(),
                               .object = id_new(),
                               .actor = id_new(),
                               .count = 4,
                               .facts = SLICE("purpose=desk&route=booking"),
                               .payload = slice_make(payload, sizeof payload)};
        int64_t from = clock_wait_us();
        bool failed = err_failed(ledger_append(c, &rec, 1, NULL));
        size_t bucket = (size_t)((clock_wait_us() - from) / BUCKET_US);
        __atomic_add_fetch(failed ? &s->failures : &s->acks, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&s->took[bucket < BUCKETS ? bucket : BUCKETS - 1], 1, __ATOMIC_RELAXED);
    }
    _exit(0);
}

/* One question after the other: what is durable now, when is it under a checkpoint? */
static void watch_run(const house_t *h, shared_t *s, int64_t until_us)
{
    ledger_client_t *c = house_client(h, ROOM_TEST);
    ledger_status_t now;
    while (clock_wait_us() < until_us && !err_failed(ledger_status(c, &now))) {
        int64_t from_us = clock_wait_us(), took_us;
        uint64_t size = now.size;
        while (now.checkpoint_size < size && !err_failed(ledger_status(c, &now))) {
            usleep(2000);
        }
        took_us = clock_wait_us() - from_us;
        s->seal_max_us = took_us > s->seal_max_us ? took_us : s->seal_max_us;
        s->seal_sum_us += took_us;
        s->seals++;
    }
    _exit(0);
}

static double percentile_ms(const shared_t *s, double part)
{
    uint64_t all = s->acks + s->failures, seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += s->took[i];
        if ((double)seen >= part * (double)all) {
            return (double)((i + 1) * BUCKET_US) / 1000.0;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static report_t report;
    house_t house;
    uint64_t clients, seconds;
    CHECK(argc == 5 && !err_failed(slice_parse_u64(slice_cstr_in(argv[3]), 1000, &clients)) &&
          !err_failed(slice_parse_u64(slice_cstr_in(argv[4]), 1000, &seconds)));
    house_programs(argv[1], argv[2]);
    setenv("LEDGER_TEST_ON_DISK", "1", 1);
    house_init(&house, NULL);
    house_macs(&house);
    CHECK(truncate(in_dir(house.var, "etc/ledger.ini"), 0) == 0); /* the defaults */
    CHECK(house_start(&house));
    shared_t *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    int64_t until_us = clock_wait_us() + (int64_t)seconds * CLOCK_SECOND_US;
    for (uint64_t i = 0; i < clients; i++) {
        if (fork() == 0) {
            client_run(&house, s, until_us);
        }
    }
    if (fork() == 0) {
        watch_run(&house, s, until_us);
    }
    while (wait(NULL) > 0 || errno == EINTR) { /* ledgerd is waited for elsewhere */
        if (clients-- == 0) {
            break;
        }
    }
    printf("sealed_ms %.0f on average, %.0f at most\n",
           (double)s->seal_sum_us / 1000.0 / (double)(s->seals ? s->seals : 1),
           (double)s->seal_max_us / 1000.0);
    printf("acks_per_s %.0f  p50_ms %.2f  p99_ms %.2f  refused %llu  records_per_group %.1f  "
           "checkpoints %lld  unsealed_bytes %lld\n",
           (double)s->acks / (double)seconds, percentile_ms(s, 0.5), percentile_ms(s, 0.99),
           (unsigned long long)s->failures,
           (double)s->acks / (double)house_metric(&house, "sekisho_ledger_groups_total"),
           (long long)house_metric(&house, "sekisho_ledger_checkpoints_total"),
           (long long)house_metric(&house, "sekisho_ledger_unsealed_bytes"));
    CHECK(house_stop(&house) == 0);
    int64_t from = clock_wait_us();
    verdict_t verdict = house_verify(&house, &report);
    printf("verified %llu records in %lld ms: %d\n", (unsigned long long)report.size,
           (long long)((clock_wait_us() - from) / 1000), (int)verdict);
    house_deinit(&house);
    return (int)verdict;
}
