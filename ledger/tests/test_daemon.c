/* ledgerd as a process: groups, queues, long polls, who may read; and everything that goes wrong
 * with disks and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "io/wire_client.h"
#include "tests/house.h"

static house_t house;
static report_t report;

static int setup(void **state)
{
    house_init(&house, NULL);
    return 0;
}

static int teardown(void **state)
{
    house_deinit(&house);
    return 0;
}

static void start(void)
{
    assert_true(house_start(&house));
}

static void assert_verified(void)
{
    if (house_verify(&house, &report) != VERDICT_OK) {
        fail_msg("leaf %lld: %s", (long long)report.faults[0].leaf, report.faults[0].text);
    }
}

static bool append_fails(ledger_client_t *c)
{
    return err_is(house_append(c, id_new(), NULL), ERR_NOT_RECORDED);
}

/* An order over the wire: who may give it, that it stands, that it is on record, that it is lifted.
 */
static void orders_to_preserve(void **state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t stand[4];
    ledger_status_t status;
    size_t n;
    id128_t id = id_new();
    ledger_record_t rec = {
        .type = LEDGER_HOLD, .object = id, .facts = SLICE("reason=%E8%AD%A6%E5%AF%9F")};
    house_small(&house);
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(ledger_append(c, &rec, 1, NULL)));
    assert_false(err_failed(ledger_status(c, &status)));
    assert_int_equal(status.holds, 1);
    house_kill(&house);
    start();
    assert_false(err_failed(ledger_holds(c, mem, sizeof mem, stand, 4, &n)));
    assert_int_equal(n, 1);
    assert_true(id_eq(stand[0].rec.object, id) && slice_eq(stand[0].rec.facts, rec.facts));
    rec.type = LEDGER_HOLD_RELEASED;
    assert_false(err_failed(ledger_append(c, &rec, 1, NULL)));
    assert_true(err_failed(ledger_append(c, &rec, 1, NULL))); /* there is none any more */
    assert_false(err_failed(ledger_status(c, &status)));
    assert_int_equal(status.holds, 0);
    ledger_client_t *shop = house_client(&house, ROOM_SHOP);
    rec.type = LEDGER_HOLD;
    assert_true(err_failed(ledger_append(shop, &rec, 1, NULL)));
    ledger_client_free(shop);
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
    assert_int_equal(report.holds, 0);
    assert_true(report.macs > 0);
}

static void ini(const char *text)
{
    int fd = open(in_dir(house.var, "etc/ledger.ini"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* What is for tests is refused elsewhere; so is a policy without date or reason, and a real house
 * without MACs. */
static void configurations_refused(void **state)
{
    static const struct {
        const char *profile, *text;
        bool starts;
    } CASES[] = {
        {"demo", "[log]\nsegment = 256\n", false},
        {"production", "[log]\nsegment = 256\n", false},
        {"test", "[log]\nsegment = 512\n", false},
        {"production", "[retention]\ndays = 365\n", false},
        {"demo", "[retention]\ndays = 1\n", false},
        {"demo", "[retention]\ndays = 400\npolicy = because\n", false},
        {"demo", "[retention]\ndays = 400\npolicy = 2026-11-27: \n", false},
        {"demo", "[retention]\ndays = 40000\n", false},
        {"production", "", false}, /* no start key of MACs */
        {"demo", "[retention]\ndays = 366\npolicy = 2026-11-27: it is enough\n", true},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        house.profile = CASES[i].profile;
        ini(CASES[i].text);
        if (house_start(&house) != CASES[i].starts) {
            fail_msg("%s: %s", CASES[i].profile, CASES[i].text);
        }
    }
    house_kill(&house);
}

static void set_clock(int64_t days)
{
    const int64_t cell = days * CLOCK_DAY_US;
    int fd = open(in_dir(house.var, "run/clock"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(fd, &cell, sizeof cell, 0), sizeof cell);
    close(fd);
}

/* kill -9 while segments are removed, at random points: a crash never looks like tampering, and in
 * the end all that is old is gone, on the record. */
static void killed_while_removing(void **state)
{
    enum { RECORDS = 1200, KILLS = 25 };
    static uint8_t big[LEDGER_PAYLOAD_MAX];
    house_small(&house);
    CHECK(mkdir(in_dir(house.var, "run"), 0755) == 0);
    set_clock(0);
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    for (unsigned i = 0; i < RECORDS; i++) { /* at last big ones: the log moves on */
        ledger_record_t rec = {.type = LEDGER_CONSENT,
                               .request = id_new(),
                               .payload = slice_make(big, i < RECORDS - 120 ? 1 : sizeof big)};
        for (unsigned tries = 0; err_failed(ledger_append(c, &rec, 1, NULL)); tries++) {
            assert_in_range(tries, 0, 50); /* a slow machine: not within 250 ms */
        }
    }
    house_kill(&house);
    set_clock(3);
    for (unsigned i = 0; i < KILLS; i++) {
        uint16_t pause;
        random_bytes(&pause, sizeof pause);
        start();
        usleep(200000 + pause * 8U); /* segments are looked at after 200 ms */
        house_kill(&house);
        if (house_verify(&house, &report) != VERDICT_OK) {
            fail_msg("kill %u: leaf %lld: %s", i, (long long)report.faults[0].leaf,
                     report.faults[0].text);
        }
    }
    start();
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
    assert_true(report.minimum >= 3 * 256);
    assert_int_equal(report.files_below, 0);
}

/* ---- ordinary days ---- */

static void one_fdatasync_a_group(void **state)
{
    enum { CLIENTS = 16, EACH = 60 };
    house.preload = true;
    start();
    int64_t groups = house_metric(&house, "sekisho_ledger_groups_total");
    uint64_t calls = house.shim->calls;
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (fork() == 0) {
            ledger_client_t *c = house_client(&house, ROOM_TEST);
            for (unsigned n = 0; n < EACH; n++) {
                CHECK(!err_failed(house_append(c, id_new(), NULL)));
            }
            _exit(0);
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        int status;
        assert_true(wait(&status) > 0 && status == 0);
    }
    groups = house_metric(&house, "sekisho_ledger_groups_total") - groups;
    calls = house.shim->calls - calls;
    assert_int_equal(groups, calls);
    assert_in_range(groups, 1, CLIENTS * EACH - 1); /* some rode together */
    assert_int_equal(house_metric(&house, "sekisho_ledger_records"), CLIENTS * EACH + 2);
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
    assert_int_equal(report.size, CLIENTS * EACH + 3);
}

static void reads(void **state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t entries[512];
    id128_t mine = id_new();
    uint64_t seq, from = 0, total = 0;
    size_t n;
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    for (unsigned i = 0; i < 600; i++) {
        assert_false(err_failed(house_append(c, i % 100 == 50 ? mine : id_new(), &seq)));
        assert_int_equal(seq, i + 2);
    }
    while (from < 602) {
        assert_false(err_failed(ledger_tail(c, &from, 512, 0, mem, sizeof mem, entries, 512, &n)));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(entries[i].seq, total++);
        }
    }
    assert_int_equal(total, 602);
    assert_false(err_failed(ledger_tail(c, &from, 9, 30, mem, sizeof mem, entries, 512, &n)));
    assert_int_equal(n, 0); /* nothing new in 30 ms */
    from = 0;
    assert_false(err_failed(
        ledger_find(c, LEDGER_BY_REQUEST, mine, &from, mem, sizeof mem, entries, 512, &n)));
    assert_int_equal(n, 6);
    assert_int_equal(entries[1].seq, 152);
    assert_int_equal(entries[1].room, ROOM_TEST);
    assert_int_equal(from, 0);
    from = 0; /* two at a time */
    assert_false(err_failed(
        ledger_find(c, LEDGER_BY_REQUEST, mine, &from, mem, sizeof mem, entries, 2, &n)));
    assert_int_equal(n, 2);
    assert_int_equal(from, entries[1].seq + 100);
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
}

static void long_poll(void **state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entry;
    uint64_t from = 2, seq;
    size_t n;
    start();
    pid_t writer = fork();
    if (writer == 0) {
        ledger_client_t *c = house_client(&house, ROOM_SHOP);
        usleep(50000);
        CHECK(!err_failed(house_append(c, id_new(), &seq)));
        _exit(0);
    }
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(ledger_tail(c, &from, 1, 20000, mem, sizeof mem, &entry, 1, &n)));
    assert_int_equal(n, 1);
    assert_int_equal(entry.room, ROOM_SHOP);
    assert_int_equal(from, 3);
    waitpid(writer, NULL, 0);
    ledger_client_free(c);
}

/* A room that was taken over can add records and nothing else. */
static void who_may_what(void **state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entry;
    uint64_t from = 0;
    size_t n;
    start();
    ledger_client_t *shop = house_client(&house, ROOM_SHOP);
    assert_false(err_failed(house_append(shop, id_new(), NULL)));
    assert_true(err_is(ledger_tail(shop, &from, 1, 0, mem, sizeof mem, &entry, 1, &n), ERR_DENIED));
    assert_true(
        err_is(ledger_find(shop, LEDGER_BY_OBJECT, id_new(), &from, mem, sizeof mem, &entry, 1, &n),
               ERR_DENIED));
    static const unsigned OURS[] = {LEDGER_GENESIS, LEDGER_CLOCK_JUMP, 9999};
    for (size_t i = 0; i < BASE_COUNT(OURS); i++) {
        ledger_record_t rec = {.type = (ledger_type_t)OURS[i]};
        assert_true(err_failed(ledger_append(shop, &rec, 1, NULL)));
    }
    ledger_status_t status;
    assert_false(err_failed(ledger_status(shop, &status)));
    assert_true(status.accepting);
    assert_int_equal(status.size, 3);
    ledger_client_free(shop);
}

/* Bytes that are not of the contract close the connection; the house goes on. */
static void junk(void **state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    start();
    for (unsigned i = 0; i < 300; i++) {
        int fd;
        uint8_t answer[512];
        buf_t b = BUF_ON_ARRAY(mem);
        deadline_t until = deadline_in_ms(5000);
        assert_false(err_failed(unix_connect((path_t){house.socket}, SOCK_SEQPACKET, until, &fd)));
        wire_put_hello(&b, ROOM_TEST, LEDGER_API_VERSION);
        assert_int_equal(send(fd, b.ptr, b.len, MSG_NOSIGNAL), b.len);
        buf_reset(&b);
        wire_begin(&b, (uint16_t)(LEDGER_APPEND + i % 8));
        random_bytes(mem + b.len, i);
        b.len += i;
        ssize_t sent = send(fd, b.ptr, b.len, MSG_NOSIGNAL);
        assert_int_equal(sent, b.len);
        shutdown(fd, SHUT_WR);
        while (recv(fd, answer, sizeof answer, 0) > 0 || errno == EAGAIN) {
            if (err_failed(fd_wait(fd, POLLIN, until))) {
                break;
            }
            errno = 0;
        }
        close(fd);
    }
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
}

/* A verifier beside a running ledgerd never raises a false alarm. The records are counted out, some
 * for every walk: clients that write as they can outrun a walk that grows with what they write. */
static void verify_beside_load(void **state)
{
    enum { CLIENTS = 4, TIMES = 60, A_WALK = 150 };
    pid_t clients[CLIENTS];
    atomic_int *left =
        mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(left != MAP_FAILED);
    atomic_store(left, A_WALK);
    start();
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no load behind */
            ledger_client_t *c = house_client(&house, ROOM_TEST);
            for (;;) { /* until it is killed */
                if (atomic_fetch_sub(left, 1) > 0) {
                    err_ignore(house_append(c, id_new(), NULL));
                } else {
                    atomic_fetch_add(left, 1);
                    usleep(200);
                }
            }
        }
    }
    while (file_size(in_dir(house.ledger, "public/checkpoint")) <= 0) {
        usleep(1000);
    }
    for (unsigned i = 0; i < TIMES; i++) {
        atomic_fetch_add(left, A_WALK);
        assert_verified();
        assert_true(report.live);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        kill(clients[i], SIGKILL);
        waitpid(clients[i], NULL, 0);
    }
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
    assert_false(report.live);
    munmap(left, sizeof *left);
}

/* ---- the queue of notes ---- */

static void note_some(ledger_client_t *c, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ledger_record_t rec = {.type = LEDGER_HTTP_REQUEST, .request = id_new(), .count = i + 1};
        ledger_note(c, &rec);
    }
}

typedef struct counted {
    uint64_t notes, resent;
} counted_t;

static void count_leaf(void *ctx, const vleaf_t *leaf, bool sealed)
{
    counted_t *n = ctx;
    uint8_t mem[32];
    buf_t value = BUF_ON_ARRAY(mem);
    n->notes += leaf->type == LEDGER_HTTP_REQUEST;
    if (leaf->type == LEDGER_GAP && vleaf_fact(leaf, "resent", &value)) {
        uint64_t v;
        assert_false(err_failed(slice_parse_u64(buf_slice(&value), UINT32_MAX, &v)));
        n->resent += v;
    }
}

static counted_t count_notes(void)
{
    counted_t n = {0};
    verify_ask_t ask = {.dir = house.ledger, .each = count_leaf, .ctx = &n};
    verify_run(&ask, &report);
    assert_int_equal(report.verdict, VERDICT_OK);
    return n;
}

static void notes_wait_for_ledgerd(void **state)
{
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    note_some(c, 3000); /* nobody listens yet */
    start();
    note_some(c, 500);
    ledger_client_free(c); /* waits for the queue */
    assert_int_equal(house_stop(&house), 0);
    assert_int_equal(count_notes().notes, 3500);
    assert_int_equal(report.lost, 0);
}

/* A note that ledgerd will never take does not stop those behind it. */
static void notes_refused_are_counted(void **state)
{
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    ledger_record_t bad = {.type = LEDGER_GENESIS};
    ledger_note(c, &bad);
    usleep(100000);
    note_some(c, 10);
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    assert_int_equal(count_notes().notes, 10);
    assert_int_equal(report.lost, 1);
}

static void notes_lost_are_counted(void **state)
{
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    note_some(c, 100);
    usleep(50000); /* the thread has taken those; the rest finds one buffer of 4096 */
    note_some(c, 10000);
    start();
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    uint64_t notes = count_notes().notes;
    assert_int_equal(notes + report.lost, 10100);
    assert_in_range(report.lost, 1000, 9000);
}

/* ledgerd is killed again and again: every note is there, and each that may stand twice is said. */
static void notes_survive_kills(void **state)
{
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    for (unsigned i = 0; i < 5; i++) {
        note_some(c, 500);
        usleep(3000 * i);
        house_kill(&house);
        start();
    }
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    counted_t n = count_notes();
    assert_in_range(n.notes, 2500, 2500 + n.resent);
    assert_int_equal(report.lost, 0);
}

/* ---- bad days ---- */

static void eio_ends_writing(void **state)
{
    house.preload = true;
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    house.shim->fail = EIO;
    assert_true(append_fails(c));
    house.shim->fail = 0; /* the next fdatasync would "succeed": it must never be asked */
    uint64_t calls = house.shim->calls;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(append_fails(c));
    }
    assert_int_equal(house.shim->calls, calls);
    ledger_status_t status;
    assert_false(err_failed(ledger_status(c, &status)));
    assert_false(status.accepting);
    assert_int_equal(house_stop(&house), 0);
    assert_int_equal(house.shim->calls, calls);
    start(); /* reads what is really there */
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    ledger_client_free(c);
    assert_int_equal(house_stop(&house), 0);
    assert_verified();
    assert_int_equal(report.unclean, 1);
}

static void unlinked_log_is_noticed(void **state)
{
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    assert_int_equal(unlink(in_dir(house.ledger, "log/00000000")), 0);
    assert_true(append_fails(c));
    assert_true(append_fails(c));
    ledger_client_free(c);
}

static void stopped_ledgerd_is_a_refusal(void **state)
{
    start();
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    kill(house.pid, SIGSTOP);
    assert_true(append_fails(c));
    kill(house.pid, SIGCONT);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    house_kill(&house);
    assert_true(append_fails(c));
    ledger_client_free(c);
}

static int fill_disk(const char *path)
{
    static uint8_t block[16384];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof block) > 0) {
    }
    return close(fd);
}

typedef struct expected {
    const id128_t *acked, *refused;
    size_t acked_count, refused_count, acked_found;
} expected_t;

static void expect_leaf(void *ctx, const vleaf_t *leaf, bool sealed)
{
    expected_t *e = ctx;
    id128_t id = id_zero();
    if (leaf->type != LEDGER_CONSENT) {
        return;
    }
    memcpy(id.b, leaf->value[0x10].ptr, ID_BYTES);
    for (size_t i = 0; i < e->refused_count; i++) {
        assert_false(id_eq(e->refused[i], id));
    }
    assert_true(e->acked_found < e->acked_count && id_eq(e->acked[e->acked_found], id));
    e->acked_found++;
}

/* Started where nothing can be written: up, and truthful; mended, it goes on by itself. */
static void start_on_full_disk(house_t *h, const char *filler)
{
    ledger_status_t status;
    assert_int_equal(house_stop(h), 0);
    fill_disk(filler);
    assert_int_equal(truncate(filler, file_size(filler) - 32768), 0); /* for the socket's inode */
    assert_true(house_start(h));
    ledger_client_t *c = house_client(h, ROOM_TEST);
    assert_false(err_failed(ledger_status(c, &status)));
    assert_int_equal(unlink(filler), 0);
    while (!status.accepting) {
        usleep(20000);
        assert_false(err_failed(ledger_status(c, &status)));
    }
    ledger_client_free(c);
    assert_int_equal(house_stop(h), 0);
}

/* On a file system of 6 MiB: full, refusing, up, truthful; space returns, and it goes on. Nothing
 * refused is in the record, nothing acknowledged is missing. */
static void disk_full(void **state)
{
    enum { MANY = 40000 };
    static id128_t acked[MANY], refused[MANY];
    expected_t e = {acked, refused, 0, 0, 0};
    char mount_at[] = "/tmp/sekisho-full-XXXXXX";
    ledger_status_t status;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) {
        print_message("not root: skipped\n");
        skip();
    }
    /* In a chroot "/" is no mount point (EINVAL): then the mount below may be seen outside, too,
     * until it is taken away. */
    assert_true(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL);
    assert_non_null(mkdtemp(mount_at));
    assert_int_equal(mount("none", mount_at, "tmpfs", 0, "size=6m"), 0);
    house_t small;
    house_init(&small, mount_at);
    assert_true(house_start(&small));
    ledger_client_t *c = house_client(&small, ROOM_TEST);
    const char *filler = in_dir(small.tmp.path, "filler");
    for (unsigned round = 0; round < 2; round++) {
        size_t before = e.acked_count, refusals = 0;
        fill_disk(filler);
        while (refusals < 3 && e.acked_count + e.refused_count < MANY) {
            id128_t id = id_new();
            if (err_failed(house_append(c, id, NULL))) {
                refused[e.refused_count++] = id;
                refusals++;
            } else {
                acked[e.acked_count++] = id;
            }
        }
        assert_int_equal(refusals, 3);
        assert_true(e.acked_count > before || round);
        assert_false(err_failed(ledger_status(c, &status)));
        assert_false(status.accepting);
        assert_non_null(strstr(status.reason, "space"));
        assert_int_equal(unlink(filler), 0);
        for (unsigned i = 0; i < 50 && e.acked_count < MANY; i++) { /* it sees that by itself */
            id128_t id = id_new();
            if (!err_failed(house_append(c, id, NULL))) {
                acked[e.acked_count++] = id;
                break;
            }
            refused[e.refused_count++] = id;
            usleep(100000);
        }
        assert_false(err_failed(ledger_status(c, &status)));
        assert_true(status.accepting);
    }
    ledger_client_free(c);
    start_on_full_disk(&small, filler);
    verify_ask_t ask = {.dir = small.ledger, .each = expect_leaf, .ctx = &e};
    verify_run(&ask, &report);
    assert_int_equal(report.verdict, VERDICT_OK);
    assert_int_equal(e.acked_found, e.acked_count);
    house_deinit(&small);
    umount2(mount_at, MNT_DETACH);
    rmdir(mount_at);
}

/* A second ledgerd on the same folder must not write. */
static void only_one_writer(void **state)
{
    start();
    house_t second = house;
    second.pid = 0;
    assert_false(house_start(&second));
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    assert_false(err_failed(house_append(c, id_new(), NULL)));
    ledger_client_free(c);
}

#define WITH_HOUSE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_HOUSE(orders_to_preserve),
        WITH_HOUSE(configurations_refused),
        WITH_HOUSE(killed_while_removing),
        WITH_HOUSE(one_fdatasync_a_group),
        WITH_HOUSE(reads),
        WITH_HOUSE(long_poll),
        WITH_HOUSE(who_may_what),
        WITH_HOUSE(junk),
        WITH_HOUSE(verify_beside_load),
        WITH_HOUSE(notes_wait_for_ledgerd),
        WITH_HOUSE(notes_refused_are_counted),
        WITH_HOUSE(notes_lost_are_counted),
        WITH_HOUSE(notes_survive_kills),
        WITH_HOUSE(eio_ends_writing),
        WITH_HOUSE(unlinked_log_is_noticed),
        WITH_HOUSE(stopped_ledgerd_is_a_refusal),
        WITH_HOUSE(only_one_writer),
        WITH_HOUSE(disk_full),
    };
    CHECK(argc == 3);
    house_programs(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
