/* bench-ledger LEDGERD [ROUNDS [SECONDS]] - durable acknowledgements a second of ledgerd and of the
 * trivial writer (trivial.h): the same records of about 300 bytes, over the same kind of socket,
 * from the same 32 processes, by turns, on the same disk. Prints `bar` lines; exit 1 when anything
 * was refused. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ack/trivial.h"
#include "base/clock.h"
#include "ledger/api.h"

enum { CLIENTS = 32, ROUNDS = 8, SECONDS = 2, SETTLE_MS = 20000, TRIVIAL_BYTES = 64 * 1024 * 1024 };
typedef enum side { LEDGERD, TRIVIAL, SIDES, NOBODY = SIDES, STOP } side_t;

typedef struct shared {
    _Atomic int turn; /* side_t */
    _Atomic int busy; /* clients that are waiting for an answer */
    _Atomic uint64_t acks[SIDES], refused[SIDES];
} shared_t;

static char dir[] = "/tmp/sekisho-bench-XXXXXX";
static char sockets[SIDES][64];
static pid_t servers[SIDES];

static void say(char *out, size_t cap, const char *tail)
{
    int n = snprintf(out, cap, "%s/%s", dir, tail);
    CHECK(n > 0 && (size_t)n < cap);
}

/* ---- the two writers ---- */

static void run_ledgerd(const char *program, int ready_fd)
{
    char var[64], ready[16];
    say(var, sizeof var, "var");
    snprintf(ready, sizeof ready, "%d", ready_fd);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    execl(program, program, "--var", var, "--profile", "bench", "--no-separation", "--ready-fd",
          ready, (char *)NULL);
    _exit(127);
}

static void run_trivial(int ready_fd)
{
    char file[64];
    say(file, sizeof file, "trivial.log");
    err_t e = trivial_serve((path_t){sockets[TRIVIAL]}, (path_t){file}, TRIVIAL_BYTES, ready_fd);
    fprintf(stderr, "bench-ledger: trivial writer: %s\n", err_text(e.code));
    _exit(1);
}

static bool start(side_t side, const char *program)
{
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    servers[side] = fork();
    CHECK(servers[side] >= 0);
    if (servers[side] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        if (side == LEDGERD) {
            run_ledgerd(program, ends[1]);
        }
        run_trivial(ends[1]);
    }
    close(ends[1]);
    bool ready = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    return ready;
}

/* ---- clients ---- */

static void append(ledger_client_t *c, shared_t *s, int side, slice_t payload)
{
    ledger_record_t rec = {.type = LEDGER_REVEAL_INTENT,
                           .request = id_new(),
                           .object = id_new(),
                           .actor = id_new(),
                           .count = 4,
                           .facts = SLICE("purpose=desk&route=booking"),
                           .payload = payload};
    bool refused = err_failed(ledger_append(c, &rec, 1, NULL));
    atomic_fetch_add(refused ? &s->refused[side] : &s->acks[side], 1);
}

static void client(shared_t *s)
{
    ledger_client_t *clients[SIDES];
    uint8_t payload[150];
    random_bytes(payload, sizeof payload);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < SIDES; i++) {
        CHECK(!err_failed(ledger_client_new(sockets[i], ROOM_TEST, &clients[i])));
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
            append(clients[turn], s, turn, slice_make(payload, sizeof payload));
        }
        atomic_fetch_sub(&s->busy, 1);
    }
}

/* ---- turns ---- */

/* The tree and the checkpoint of what ledgerd took in its turn are made in its turn or before the
 * other's begins. */
static bool settled(ledger_client_t *c, uint64_t *ret_lag)
{
    deadline_t until = deadline_in_ms(SETTLE_MS);
    ledger_status_t st = {0};
    *ret_lag = UINT64_MAX;
    while (deadline_left_ms(until) > 0) {
        if (!err_failed(ledger_status(c, &st))) {
            *ret_lag = *ret_lag == UINT64_MAX ? st.size - st.checkpoint_size : *ret_lag;
            if (st.size == st.checkpoint_size) {
                return true;
            }
        }
        usleep(20000);
    }
    return false;
}

static double turn_take(shared_t *s, side_t side, uint64_t seconds)
{
    int64_t from = clock_wait_us();
    atomic_store(&s->turn, side);
    usleep((useconds_t)(seconds * 1000000));
    atomic_store(&s->turn, NOBODY);
    while (atomic_load(&s->busy) > 0) {
        usleep(100);
    }
    return (double)(clock_wait_us() - from) / 1e6;
}

static int measure(shared_t *s, uint64_t rounds, uint64_t seconds)
{
    double took[SIDES] = {0};
    uint64_t lag = 0, lag_max = 0;
    ledger_client_t *c;
    CHECK(!err_failed(ledger_client_new(sockets[LEDGERD], ROOM_COMMAND, &c)));
    for (int i = 0; i < SIDES; i++) { /* warm: connections, the first pieces of the log */
        (void)turn_take(s, (side_t)i, 1);
        atomic_store(&s->acks[i], 0);
    }
    for (uint64_t r = 0; r < rounds * SIDES; r++) {
        side_t side = (side_t)((r + r / SIDES) % SIDES); /* who begins changes, too */
        CHECK(settled(c, &lag));
        lag_max = r > 0 && lag > lag_max ? lag : lag_max;
        took[side] += turn_take(s, side, seconds);
    }
    double rate[SIDES];
    uint64_t refused = 0;
    for (int i = 0; i < SIDES; i++) {
        rate[i] = (double)atomic_load(&s->acks[i]) / took[i];
        refused += atomic_load(&s->refused[i]);
    }
    printf("bar ledger.ack32.per_s %.0f acks/s\nbar ledger.ack32.trivial_per_s %.0f acks/s\n"
           "bar ledger.ack32.ratio_trivial %.3f ratio\n",
           rate[LEDGERD], rate[TRIVIAL], rate[LEDGERD] / rate[TRIVIAL]);
    printf("note ledger: refused %llu, not yet in a checkpoint after a turn at most %llu\n",
           (unsigned long long)refused, (unsigned long long)lag_max);
    return refused ? 1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    return remove(path);
}

int main(int argc, char **argv)
{
    uint64_t rounds = ROUNDS, seconds = SECONDS;
    char path[64];
    if (argc < 2 || argc > 4 ||
        (argc > 2 && err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 1000, &rounds))) ||
        (argc > 3 && err_failed(slice_parse_u64(slice_cstr_in(argv[3]), 60, &seconds))) ||
        !rounds || !seconds) {
        fputs("bench-ledger LEDGERD [ROUNDS [SECONDS]]\n", stderr);
        return 2;
    }
    CHECK(mkdtemp(dir));
    say(path, sizeof path, "var");
    CHECK(mkdir(path, 0755) == 0);
    say(sockets[LEDGERD], sizeof sockets[0], "var/run/ledger.sock");
    say(sockets[TRIVIAL], sizeof sockets[0], "trivial.sock");
    shared_t *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    atomic_store(&s->turn, NOBODY);
    int code = 1;
    if (start(LEDGERD, argv[1]) && start(TRIVIAL, NULL)) {
        pid_t clients[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = fork();
            CHECK(clients[i] >= 0);
            if (clients[i] == 0) {
                client(s);
            }
        }
        code = measure(s, rounds, seconds);
        atomic_store(&s->turn, STOP);
        for (int i = 0; i < CLIENTS; i++) {
            waitpid(clients[i], NULL, 0);
        }
    } else {
        fputs("bench-ledger: a writer did not start\n", stderr);
    }
    for (int i = 0; i < SIDES; i++) {
        if (servers[i] > 0) {
            kill(servers[i], SIGKILL);
            waitpid(servers[i], NULL, 0);
        }
    }
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
