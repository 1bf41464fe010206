/* bench-ledger LEDGERD DIR [ROUNDS [SECONDS]] - durable acknowledgements a second of ledgerd (tree,
 * signature, MACs, index: all on), of the trivial writer (trivial.h), of SQLite and of PostgreSQL:
 * the same records of about 300 bytes from the same 32 processes, by turns, on the same disk (DIR).
 * The first three behind the same kind of socket, PostgreSQL as its clients use it: a connection a
 * process, a transaction a record. Prints `bar` lines.
 *
 * Exit 1: ledgerd refused something. 3: void: the trivial writer is not twice as fast as
 * PostgreSQL, so the machine or the disk is not what such writers are limited by. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ack/writers.h"
#include "base/clock.h"

enum {
    CLIENTS = 32,
    ROUNDS = 6,
    SECONDS = 4,
    NOBODY = SIDES,
    STOP,
    ROUNDS_MAX = 100,
    BUCKETS = 100000,
    BUCKET_US = 10,
    VOID = 3
};
static const double VOID_RATIO = 2;

typedef struct shared {
    _Atomic int turn; /* side_t, NOBODY, STOP */
    _Atomic int busy; /* clients that are waiting for an answer */
    _Atomic uint64_t acks[SIDES], refused[SIDES];
    _Atomic uint32_t took[SIDES][BUCKETS]; /* how many took so many times 10 us */
} shared_t;

typedef struct totals {
    double rate[SIDES][ROUNDS_MAX];
    size_t rounds;
    uint64_t unsigned_max, segments_max; /* left to do after a turn of ledgerd */
} totals_t;

/* ---- clients ---- */

static void append(shared_t *s, int side, slice_t payload)
{
    int64_t from = clock_wait_us();
    bool refused = err_failed(writers_append((side_t)side, payload));
    size_t bucket = (size_t)((clock_wait_us() - from) / BUCKET_US);
    atomic_fetch_add(refused ? &s->refused[side] : &s->acks[side], 1);
    atomic_fetch_add(&s->took[side][bucket < BUCKETS ? bucket : BUCKETS - 1], 1);
}

static void client(shared_t *s)
{
    uint8_t payload[150];
    random_bytes(payload, sizeof payload);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < SIDES; i++) {
        if (writers_there((side_t)i)) {
            writers_connect((side_t)i);
        }
    }
    for (;;) {
        int turn = atomic_load(&s->turn);
        if (turn == STOP) {
            _exit(0);
        }
        if (turn == NOBODY) {
            usleep(500);
            continue;
        }
        atomic_fetch_add(&s->busy, 1);
        if (atomic_load(&s->turn) == turn) {
            append(s, turn, slice_make(payload, sizeof payload));
        }
        atomic_fetch_sub(&s->busy, 1);
    }
}

/* ---- turns ---- */

static double turn_take(shared_t *s, side_t side, uint64_t seconds)
{
    int64_t from = clock_wait_us();
    atomic_store(&s->turn, (int)side);
    usleep((useconds_t)(seconds * 1000000));
    atomic_store(&s->turn, NOBODY);
    while (atomic_load(&s->busy) > 0) {
        usleep(100);
    }
    return (double)(clock_wait_us() - from) / 1e6;
}

/* What ledgerd does in the background for the records of its turn is done in it or before the
 * next begins: it neither helps nor harms the others. */
static bool rounds_run(shared_t *s, uint64_t rounds, uint64_t seconds, totals_t *ret)
{
    uint64_t records = 0, segments = 0;
    for (int i = 0; i < SIDES; i++) { /* warm: connections, the first pieces of the log */
        if (writers_there((side_t)i)) {
            (void)turn_take(s, (side_t)i, 1);
            atomic_store(&s->acks[i], 0);
            memset(s->took[i], 0, sizeof s->took[i]);
        }
    }
    for (uint64_t r = 0; r < rounds * SIDES; r++) {
        side_t side = (side_t)((r + r / SIDES) % SIDES); /* who begins changes, too */
        if (!writers_there(side)) {
            continue;
        }
        if (!writers_settled(&records, &segments)) {
            return false;
        }
        uint64_t before = atomic_load(&s->acks[side]);
        double took = turn_take(s, side, seconds);
        ret->rate[side][r / SIDES] = (double)(atomic_load(&s->acks[side]) - before) / took;
        if (side == LEDGERD && writers_settled(&records, &segments)) {
            ret->unsigned_max = records > ret->unsigned_max ? records : ret->unsigned_max;
            ret->segments_max = segments > ret->segments_max ? segments : ret->segments_max;
        }
    }
    ret->rounds = rounds;
    return true;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(const double *values, size_t n)
{
    double v[ROUNDS_MAX];
    memcpy(v, values, n * sizeof *v);
    qsort(v, n, sizeof *v, by_value);
    return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

/* Of the rounds' own ratios: what else the machine did in a round it did to both. */
static double ratio(const totals_t *t, side_t side, side_t to)
{
    double each[ROUNDS_MAX];
    for (size_t i = 0; i < t->rounds; i++) {
        each[i] = t->rate[side][i] / t->rate[to][i];
    }
    return median(each, t->rounds);
}

static double percentile_ms(shared_t *s, side_t side, double part)
{
    uint64_t all = 0, seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        all += s->took[side][i];
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += s->took[side][i];
        if ((double)seen >= part * (double)all) {
            return (double)((i + 1) * BUCKET_US) / 1000.0;
        }
    }
    return -1;
}

static void print_side(shared_t *s, const totals_t *t, side_t side)
{
    printf("note ledger.ack32.%s: median %.0f acks/s, p50 %.2f ms, p99 %.2f ms, refused %llu; in "
           "each round",
           WRITERS_NAMES[side], median(t->rate[side], t->rounds), percentile_ms(s, side, 0.5),
           percentile_ms(s, side, 0.99), (unsigned long long)atomic_load(&s->refused[side]));
    for (size_t i = 0; i < t->rounds; i++) {
        printf(" %.0f", t->rate[side][i]);
    }
    puts("");
}

static int figures(shared_t *s, const totals_t *t)
{
    bool pg = writers_there(POSTGRES);
    for (int i = 0; i < SIDES; i++) {
        if (writers_there((side_t)i)) {
            print_side(s, t, (side_t)i);
        } else {
            printf("note %s is not on this machine\n", WRITERS_NAMES[i]);
        }
    }
    printf("note ledger: left to do after a turn at most: %llu records without checkpoint, %llu "
           "segments to pack and index\n",
           (unsigned long long)t->unsigned_max, (unsigned long long)t->segments_max);
    if (pg && ratio(t, TRIVIAL, POSTGRES) < VOID_RATIO) {
        printf("note VOID: the trivial writer reaches %.2f times PostgreSQL, not %.0f: no figure "
               "of this run counts\n",
               ratio(t, TRIVIAL, POSTGRES), VOID_RATIO);
        return VOID;
    }
    printf("bar ledger.ack32.per_s %.0f acks/s\nbar ledger.ack32.trivial_per_s %.0f acks/s\n",
           median(t->rate[LEDGERD], t->rounds), median(t->rate[TRIVIAL], t->rounds));
    printf("bar ledger.ack32.ratio_trivial %.3f ratio\n", ratio(t, LEDGERD, TRIVIAL));
    printf("bar ledger.ack32.ratio_sqlite %.2f ratio\n", ratio(t, LEDGERD, SQLITE));
    if (pg) {
        printf("bar ledger.ack32.ratio_pg %.2f ratio\n", ratio(t, LEDGERD, POSTGRES));
        printf("note the trivial writer reaches %.2f times PostgreSQL (2 is the least)\n",
               ratio(t, TRIVIAL, POSTGRES));
    }
    printf("bar ledger.ack.p99_ms %.2f ms\n", percentile_ms(s, LEDGERD, 0.99));
    return atomic_load(&s->refused[LEDGERD]) ? 1 : 0;
}

static int measure(shared_t *s, uint64_t rounds, uint64_t seconds)
{
    pid_t clients[CLIENTS];
    static totals_t totals;
    fflush(stdout);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        CHECK(clients[i] >= 0);
        if (clients[i] == 0) {
            client(s);
        }
    }
    bool done = rounds_run(s, rounds, seconds, &totals);
    atomic_store(&s->turn, STOP);
    for (int i = 0; i < CLIENTS; i++) {
        waitpid(clients[i], NULL, 0);
    }
    if (!done) {
        fputs("bench-ledger: ledgerd does not finish its tree and its index\n", stderr);
    }
    return done ? figures(s, &totals) : 1;
}

int main(int argc, char **argv)
{
    uint64_t rounds = ROUNDS, seconds = SECONDS;
    if (argc < 3 || argc > 5 ||
        (argc > 3 && err_failed(slice_parse_u64(slice_cstr_in(argv[3]), ROUNDS_MAX, &rounds))) ||
        (argc > 4 && err_failed(slice_parse_u64(slice_cstr_in(argv[4]), 60, &seconds))) ||
        !rounds || !seconds) {
        fputs("bench-ledger LEDGERD DIR [ROUNDS [SECONDS]]\n", stderr);
        return 2;
    }
    shared_t *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    atomic_store(&s->turn, NOBODY);
    int code = writers_start(argv[2], argv[1]) ? measure(s, rounds, seconds) : 1;
    writers_stop();
    return code;
}
