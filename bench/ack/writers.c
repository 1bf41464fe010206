#include "ack/writers.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ack/rows.h"
#include "ack/trivial.h"
#include "base/clock.h"
#include "db/test_pg.h"
#include "io/secrets.h"
#include "io/wire_client.h"

enum { SETTLE_MS = 60000, TRIVIAL_BYTES = 64 * 1024 * 1024, MESSAGE = 1024, MAC_KEY = 32 };

const char *const WRITERS_NAMES[SIDES] = {"ledgerd", "trivial", "sqlite", "pg"};

static char dir[64];
static char sockets[POSTGRES][80];
static pid_t servers[POSTGRES];
static test_pg_t pg;
static ledger_client_t *clients[POSTGRES];
static db_t *db;

static void say(char *out, size_t cap, const char *tail)
{
    int n = snprintf(out, cap, "%s/%s", dir, tail);
    CHECK(n > 0 && (size_t)n < cap);
}

/* ---- starting ---- */

/* As `sekisho up` does it: ledgerd shall make its MACs, too. */
static void mac_start(void)
{
    uint8_t key[MAC_KEY];
    char path[80];
    say(path, sizeof path, "var");
    CHECK(mkdir(path, 0755) == 0);
    say(path, sizeof path, "var/secrets");
    CHECK(mkdir(path, 0711) == 0);
    say(path, sizeof path, "var/secrets/ledger");
    CHECK(mkdir(path, 0700) == 0);
    random_bytes(key, sizeof key);
    CHECK(!err_failed(
        secrets_store_in((path_t){path}, "mac.start", geteuid(), (gid_t)-1, key, sizeof key)));
}

static void run_ledgerd(const char *program, int ready_fd)
{
    char var[80], ready[16];
    say(var, sizeof var, "var");
    snprintf(ready, sizeof ready, "%d", ready_fd);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    execl(program, program, "--var", var, "--profile", "bench", "--no-separation", "--ready-fd",
          ready, (char *)NULL);
    _exit(127);
}

static void run_writer(side_t side, int ready_fd)
{
    char file[80];
    say(file, sizeof file, side == TRIVIAL ? "trivial.log" : "sqlite.db");
    path_t socket = {sockets[side]}, at = {file};
    err_t e = side == TRIVIAL ? trivial_serve(socket, at, TRIVIAL_BYTES, ready_fd)
                              : rows_serve_sqlite(socket, at, ready_fd);
    fprintf(stderr, "bench-ledger: %s: %s\n", WRITERS_NAMES[side], err_text(e.code));
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
        run_writer(side, ends[1]);
    }
    close(ends[1]);
    bool ready = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    if (!ready) {
        fprintf(stderr, "bench-ledger: %s did not start\n", WRITERS_NAMES[side]);
    }
    return ready;
}

static bool start_pg(void)
{
    db_t *to;
    err_t e = test_pg_start_durable(dir, &pg);
    if (err_is(e, ERR_NOT_FOUND)) {
        return true;
    }
    if (!err_failed(e)) {
        e = db_open(pg.url, &to);
    }
    if (!err_failed(e)) {
        e = rows_create(to);
        db_close(to);
    }
    if (err_failed(e)) {
        fprintf(stderr, "bench-ledger: PostgreSQL: %s\n", err_text(e.code));
    }
    return !err_failed(e);
}

bool writers_start(const char *where, const char *ledgerd)
{
    int n = snprintf(dir, sizeof dir, "%s/ack-XXXXXX", where);
    CHECK(n > 0 && (size_t)n < sizeof dir && mkdtemp(dir));
    CHECK(chmod(dir, 0755) == 0); /* PostgreSQL is another user */
    mac_start();
    say(sockets[LEDGERD], sizeof sockets[0], "var/run/ledger.sock");
    say(sockets[TRIVIAL], sizeof sockets[0], "trivial.sock");
    say(sockets[SQLITE], sizeof sockets[0], "sqlite.sock");
    return start(LEDGERD, ledgerd) && start(TRIVIAL, NULL) && start(SQLITE, NULL) && start_pg();
}

bool writers_there(side_t side)
{
    return side != POSTGRES || pg.postmaster > 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    return remove(path);
}

void writers_stop(void)
{
    for (int i = 0; i < POSTGRES; i++) {
        if (servers[i] > 0) {
            kill(servers[i], SIGKILL);
            waitpid(servers[i], NULL, 0);
        }
    }
    test_pg_stop(&pg);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- asking ---- */

void writers_connect(side_t side)
{
    err_t e = side == POSTGRES ? db_open(pg.url, &db)
                               : ledger_client_new(sockets[side], ROOM_TEST, &clients[side]);
    CHECK(!err_failed(e));
}

err_t writers_append(side_t side, slice_t payload)
{
    ledger_record_t rec = {.type = LEDGER_REVEAL_INTENT,
                           .request = id_new(),
                           .object = id_new(),
                           .actor = id_new(),
                           .count = 4,
                           .facts = SLICE("purpose=desk&route=booking"),
                           .payload = payload};
    uint8_t mem[MESSAGE];
    buf_t message = BUF_ON_ARRAY(mem);
    if (side != POSTGRES) {
        return ledger_append(clients[side], &rec, 1, NULL);
    }
    ledger_append_put(&message, true, &rec, 1); /* the bytes that the others get */
    TRY(buf_check(&message));
    return rows_append(db, buf_slice(&message));
}

/* ---- ledgerd's background ---- */

static err_t metric(slice_t text, const char *name, uint64_t *ret_value)
{
    slice_t line, key;
    while (slice_split(&text, '\n', &line)) {
        if (slice_split(&line, ' ', &key) && slice_eq(key, slice_cstr_in(name))) {
            return slice_parse_u64(line, UINT64_MAX, ret_value);
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

static err_t left_now(wire_client_t *wire, uint64_t *ret_unsigned, uint64_t *ret_segments)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint64_t all, sealed, ended, packed;
    slice_t text;
    arena_init(&a, 4 * WIRE_MAX_BYTES);
    TRY(wire_client_metrics(wire, &a, 5000, &text));
    TRY(metric(text, "sekisho_ledger_records", &all));
    TRY(metric(text, "sekisho_ledger_sealed_records", &sealed));
    TRY(metric(text, "sekisho_ledger_segments_ended", &ended));
    TRY(metric(text, "sekisho_ledger_segments_packed", &packed));
    *ret_unsigned = all - sealed;
    *ret_segments = ended - packed;
    return OK;
}

bool writers_settled(uint64_t *ret_unsigned, uint64_t *ret_segments)
{
    deadline_t until = deadline_in_ms(SETTLE_MS);
    wire_client_t wire;
    bool asked = false, done = false;
    uint64_t records, segments;
    wire_client_init(&wire, &(wire_client_conf_t){.path = {sockets[LEDGERD]},
                                                  .self = ROOM_TEST,
                                                  .peer = ROOM_LEDGER,
                                                  .api_version = LEDGER_API_VERSION});
    while (!done && deadline_left_ms(until) > 0) {
        if (!err_failed(left_now(&wire, &records, &segments))) {
            if (!asked) {
                *ret_unsigned = records;
                *ret_segments = segments;
            }
            asked = true;
            done = records == 0 && segments == 0;
        }
        if (!done) {
            usleep(20000);
        }
    }
    wire_client_deinit(&wire);
    return done;
}
