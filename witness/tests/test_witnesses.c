/* A ledgerd, its ledger-push and three witnesses, all as processes: one hangs, one dies again and
 * again, a ledger is put back to yesterday, two ledgers have one key, a witness forgets, a disk is
 * full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "io/wire_client.h"
#include "ledger/api_witness.h"
#include "tests/house.h"
#include "wnote.h"

enum { WITNESSES = 3, PATIENCE_MS = 20000 };

static const char *witnessd, *ledger_push, *ledger_verify;
static house_t house;

typedef struct other {
    tmpdir_t tmp;
    char var[112];
    pid_t pid;
} other_t;
static other_t witnesses[WITNESSES];
static pid_t push_pid;
static char policy[160];

/* ---- processes ---- */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static size_t read_text(const char *path, char *mem, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, mem, cap - 1);
    if (fd >= 0) {
        close(fd);
    }
    mem[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static pid_t run(const char *program, const char *var)
{
    int fds[2];
    char ready[16], byte;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        snprintf(ready, sizeof ready, "%d", fds[1]);
        if (!getenv("LEDGER_TEST_LOUD")) {
            int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
            dup2(null, STDERR_FILENO);
            dup2(null, STDOUT_FILENO);
        }
        execl(program, program, "--var", var, "--profile", "test", "--no-separation", "--ready-fd",
              ready, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    bool up = read(fds[0], &byte, 1) == 1;
    close(fds[0]);
    if (!up) {
        waitpid(pid, NULL, 0);
    }
    return up ? pid : 0;
}

static void kill_one(pid_t *pid)
{
    if (*pid) {
        kill(*pid, SIGCONT);
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        *pid = 0;
    }
}

static void witness_start(other_t *w)
{
    w->pid = run(witnessd, w->var);
    assert_true(w->pid != 0);
}

/* where: NULL = a folder of its own. */
static void witness_init(other_t *w, unsigned number, const char *where)
{
    char text[512], vkey[256];
    if (where) {
        snprintf(w->tmp.path, sizeof w->tmp.path, "%s/w", where);
        assert_int_equal(mkdir(w->tmp.path, 0755), 0);
    } else {
        w->tmp = tmpdir_make();
    }
    snprintf(w->var, sizeof w->var, "%s/var", w->tmp.path);
    assert_int_equal(mkdir(w->var, 0755), 0);
    assert_int_equal(mkdir(in_dir(w->var, "etc"), 0755), 0);
    snprintf(text, sizeof text, "[witness]\nname = witness.example/w%u\n", number);
    write_text(in_dir(w->var, "etc/witness.ini"), text);
    read_text(in_dir(house.ledger, "public/ledger.vkey"), vkey, sizeof vkey);
    snprintf(text, sizeof text, "# the test's\nlog %s", vkey);
    write_text(in_dir(w->var, "etc/witness.logs"), text);
    witness_start(w);
}

static void push_start(void)
{
    char text[2048];
    size_t len = 0;
    for (unsigned i = 0; i < WITNESSES; i++) {
        char vkey[256];
        size_t n = read_text(in_dir(witnesses[i].var, "witness/witness.vkey"), vkey, sizeof vkey);
        assert_true(n > 1);
        vkey[n - 1] = '\0';
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "witness w%u %s unix:%s/run/witness.http.sock\n", i, vkey,
                                witnesses[i].var);
    }
    snprintf(text + len, sizeof text - len, "group two 2 w0 w1 w2\nquorum two\n");
    write_text(policy, text);
    write_text(in_dir(house.var, "etc/push.ini"),
               "[witness]\ninterval_ms = 40\ntimeout_ms = 500\nalarm_s = 1\nrefresh_s = 3600\n");
    push_pid = run(ledger_push, house.var);
    assert_true(push_pid != 0);
}

static int setup_with(const char *ini)
{
    house_init(&house, NULL);
    if (ini) {
        write_text(in_dir(house.var, "etc/ledger.ini"), ini);
    }
    snprintf(policy, sizeof policy, "%s/etc/push.policy", house.var);
    assert_true(house_start(&house));
    /* The key's file is there with the first checkpoint. */
    for (unsigned i = 0; i < 500 && access(in_dir(house.ledger, "public/ledger.vkey"), F_OK); i++) {
        usleep(10000);
    }
    for (unsigned i = 0; i < WITNESSES; i++) {
        witness_init(&witnesses[i], i, NULL);
    }
    push_start();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(NULL);
}

static int setup_segments(void **state)
{
    (void)state;
    return setup_with(
        "[log]\norigin = sekisho.local/test\npiece_mib = 1\nseal_ms = 20\nsegment = 256\n");
}

static int teardown(void **state)
{
    (void)state;
    kill_one(&push_pid);
    for (unsigned i = 0; i < WITNESSES; i++) {
        kill_one(&witnesses[i].pid);
        tmpdir_remove(&witnesses[i].tmp);
    }
    house_deinit(&house);
    return 0;
}

/* ---- looking ---- */

static int64_t metric(const char *var, room_id_t room, const char *name)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char sock[160];
    wire_client_t wire;
    slice_t text = SLICE_EMPTY, line, key;
    int64_t value = -1;
    arena_init(&a, 4 * WIRE_MAX_BYTES);
    snprintf(sock, sizeof sock, "%s/run/%s.sock", var, room_name(room));
    wire_client_init(&wire, &(wire_client_conf_t){
                                .path = {sock}, .self = ROOM_TEST, .peer = room, .api_version = 1});
    err_ignore(wire_client_metrics(&wire, &a, 5000, &text)); /* -1 says it */
    while (slice_split(&text, '\n', &line)) {
        if (slice_split(&line, ' ', &key) && slice_eq(key, slice_cstr_in(name))) {
            assert_false(err_failed(slice_parse_i64(line, INT64_MIN, INT64_MAX, &value)));
        }
    }
    wire_client_deinit(&wire);
    return value;
}

static int64_t push_metric(const char *name)
{
    return metric(house.var, ROOM_PUSH, name);
}

/* Records under public/witnessed; 0 = no such file. */
static uint64_t witnessed(unsigned *ret_lines)
{
    static char mem[16384];
    wcheckpoint_t cp;
    size_t n = read_text(in_dir(house.ledger, "public/witnessed"), mem, sizeof mem);
    if (!n) {
        return 0;
    }
    assert_false(err_failed(wnote_parse(slice_make(mem, n), &cp)));
    if (ret_lines) {
        *ret_lines = 0;
        for (size_t i = 0; i < cp.signatures.len; i++) {
            *ret_lines += cp.signatures.ptr[i] == '\n';
        }
    }
    return cp.size;
}

#define WAIT_FOR(cond)                                                                             \
    do {                                                                                           \
        deadline_t until_ = deadline_in_ms(PATIENCE_MS);                                           \
        while (!(cond)) {                                                                          \
            if (deadline_left_ms(until_) == 0) {                                                   \
                fail_msg("waited for: %s", #cond);                                                 \
            }                                                                                      \
            usleep(10000);                                                                         \
        }                                                                                          \
    } while (0)

static uint64_t append_some(unsigned n)
{
    uint64_t seq = 0;
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    for (unsigned i = 0; i < n; i++) {
        assert_false(err_failed(house_append(c, id_new(), &seq)));
    }
    ledger_client_free(c);
    return seq;
}

static uint64_t records(void)
{
    return (uint64_t)house_metric(&house, "sekisho_ledger_records");
}

/* Alarms with this reason and state that stand in the record. */
static unsigned alarms(const char *why, const char *alarm_state)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    static ledger_entry_t entries[512];
    uint64_t from = 0;
    unsigned count = 0;
    size_t n;
    char head[80];
    snprintf(head, sizeof head, "why=%s&state=%s&", why, alarm_state);
    ledger_client_t *c = house_client(&house, ROOM_TEST);
    do {
        assert_false(err_failed(ledger_tail(c, &from, 512, 0, mem, sizeof mem, entries, 512, &n)));
        for (size_t i = 0; i < n; i++) {
            count += entries[i].rec.type == LEDGER_ALARM && entries[i].room == ROOM_PUSH &&
                     slice_starts(entries[i].rec.facts, slice_cstr_in(head));
        }
    } while (n);
    ledger_client_free(c);
    return count;
}

/* The program's exit code; up to six arguments. */
static int verify(const char *a, const char *b, const char *c, const char *d, const char *e,
                  const char *f)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        int out = open(in_dir(house.tmp.path, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        if (!getenv("LEDGER_TEST_LOUD")) {
            dup2(out, STDERR_FILENO);
        }
        execl(ledger_verify, ledger_verify, a, b, c, d, e, f, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void copy_tree(const char *from, const char *to)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        execl("/bin/cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

/* ---- tests ---- */

static void cosigned(void **state)
{
    unsigned lines;
    (void)state;
    append_some(20);
    WAIT_FOR(witnessed(&lines) == records() && lines == 1 + WITNESSES);
    assert_int_equal(verify("--witness", policy, house.ledger, NULL, NULL, NULL), 0);
    assert_int_equal(verify("--witness", policy, "--need", "3", house.ledger, NULL), 0);
    assert_int_equal(verify("--witness", policy, "--need", "4", house.ledger, NULL), 2);
    assert_int_equal(verify("--need", "1", house.ledger, NULL, NULL, NULL), 2);
    assert_int_equal(verify("--witness", in_dir(witnesses[1].var, "witness/witness.vkey"),
                            house.ledger, NULL, NULL, NULL),
                     0);
    /* A proof of one record alone, checked without the ledger. */
    char mem[8192], proof[160], key[160];
    snprintf(proof, sizeof proof, "%s/7.tlog-proof", house.tmp.path);
    snprintf(key, sizeof key, "%s/public/ledger.vkey", house.ledger);
    assert_int_equal(verify("--prove", "7", house.ledger, NULL, NULL, NULL), 0);
    size_t len = read_text(in_dir(house.tmp.path, "out"), mem, sizeof mem);
    write_text(proof, mem);
    assert_int_equal(verify("--proof", proof, "--key", key, "--witness", policy), 0);
    assert_int_equal(verify("--proof", proof, "--witness", policy, NULL, NULL), 2); /* whose log? */
    char *index = strstr(mem, "index 7");
    assert_non_null(index);
    index[6] = '8';
    write_text(proof, mem);
    assert_int_equal(verify("--proof", proof, "--key", key, NULL, NULL), 1);
    index[6] = '7';
    mem[len - 20] = mem[len - 20] == 'A' ? 'B' : 'A'; /* inside the last cosignature */
    write_text(proof, mem);
    assert_int_equal(verify("--proof", proof, "--key", key, NULL, NULL), 0); /* nobody asked */
    assert_int_equal(verify("--proof", proof, "--key", key, "--witness", policy), 1);
    assert_int_equal(verify("--prove", "99999", house.ledger, NULL, NULL, NULL), 2);
    /* Nothing new: nothing is brought. */
    int64_t rounds = push_metric("sekisho_push_rounds_total");
    usleep(300000);
    assert_int_equal(push_metric("sekisho_push_rounds_total"), rounds);
}

/* A record never waits for a witness; the quorum goes on with the other two. */
static void one_hangs(void **state)
{
    (void)state;
    append_some(3);
    WAIT_FOR(witnessed(NULL) == records());
    kill(witnesses[0].pid, SIGSTOP);
    for (unsigned i = 0; i < 5; i++) {
        append_some(3); /* each within the 250 ms of a durable record, or it would fail */
        WAIT_FOR(witnessed(NULL) == records());
    }
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 0);
    assert_int_equal(push_metric("sekisho_push_witness_up{witness=\"w1\"}"), 1);
    assert_int_equal(push_metric("sekisho_push_alarm"), 0);
    assert_int_equal(verify("--witness", policy, house.ledger, NULL, NULL, NULL), 0);
    kill(witnesses[0].pid, SIGCONT);
    append_some(1);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 1);
    assert_int_equal(alarms("witness.quorum", "begun"), 0);
}

/* kill -9 at any moment: what it said before still binds it afterwards. */
static void one_dies_again_and_again(void **state)
{
    uint64_t last = 0;
    (void)state;
    for (unsigned i = 0; i < 15; i++) {
        append_some(2);
        usleep(1000 * (i * 7 % 60));
        kill_one(&witnesses[2].pid);
        append_some(2);
        uint64_t now = witnessed(NULL);
        assert_true(now >= last);
        last = now;
        witness_start(&witnesses[2]);
    }
    WAIT_FOR(witnessed(NULL) == records());
    append_some(1);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w2\"}") == 1);
    for (unsigned i = 0; i < WITNESSES; i++) {
        assert_int_equal(metric(witnesses[i].var, ROOM_WITNESS, "sekisho_witness_forks_total"), 0);
    }
    assert_int_equal(verify("--witness", policy, house.ledger, NULL, NULL, NULL), 0);
}

/* Too few for too long: a record says so, and when it is over. */
static void too_few(void **state)
{
    (void)state;
    append_some(3);
    WAIT_FOR(witnessed(NULL) == records());
    kill(witnesses[0].pid, SIGSTOP);
    kill_one(&witnesses[1].pid);
    append_some(3);
    WAIT_FOR(alarms("witness.quorum", "begun") == 1);
    assert_int_equal(push_metric("sekisho_push_alarm"), 1);
    append_some(3);
    usleep(200000);
    assert_int_equal(verify("--witness", policy, house.ledger, NULL, NULL, NULL),
                     0);                                    /* as of then */
    assert_int_equal(alarms("witness.quorum", "begun"), 1); /* once */
    kill(witnesses[0].pid, SIGCONT);
    WAIT_FOR(alarms("witness.quorum", "over") == 1);
    WAIT_FOR(witnessed(NULL) >= records() - 1);
}

/* A whole old snapshot put back: nothing inside can tell; the witnesses can. And from there on, two
 * ledgers with one key. */
static void put_back(void **state)
{
    char aside[160], secrets[160];
    (void)state;
    snprintf(aside, sizeof aside, "%s/aside", house.tmp.path);
    append_some(30);
    WAIT_FOR(witnessed(NULL) == records());
    house_kill(&house); /* as a machine's snapshot would be: no orderly stop in it */
    copy_tree(house.ledger, aside);
    snprintf(secrets, sizeof secrets, "%s/secrets", house.var);
    copy_tree(secrets, in_dir(house.tmp.path, "secrets.aside"));
    assert_true(house_start(&house));
    append_some(40);
    WAIT_FOR(witnessed(NULL) == records());
    uint64_t told = witnessed(NULL);
    house_kill(&house);
    kill_one(&push_pid);

    nftw(house.ledger, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
    copy_tree(aside, house.ledger);
    nftw(secrets, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
    copy_tree(in_dir(house.tmp.path, "secrets.aside"), secrets);
    assert_true(house_start(&house));
    push_start();
    append_some(1);
    WAIT_FOR(alarms("witness.ahead", "begun") == WITNESSES);
    uint64_t common = witnessed(NULL);
    assert_true(common < told);

    append_some((unsigned)(told - records()) + 20); /* past what they saw: another history */
    WAIT_FOR(push_metric("sekisho_push_witness_failed_total{witness=\"w1\"}") >= 3);
    WAIT_FOR(metric(witnesses[1].var, ROOM_WITNESS, "sekisho_witness_unproven_total") > 0);
    assert_int_equal(witnessed(NULL), common); /* nobody cosigned any of it */
    WAIT_FOR(alarms("witness.fork", "begun") == WITNESSES);
    WAIT_FOR(alarms("witness.quorum", "begun") == 1);
}

/* A witness whose memory is torn signs no more; the others are enough. */
static void torn_memory(void **state)
{
    char path[512] = "";
    (void)state;
    append_some(3);
    WAIT_FOR(witnessed(NULL) == records());
    kill_one(&witnesses[1].pid);
    DIR *d = opendir(in_dir(witnesses[1].var, "witness/logs"));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/witness/logs/%s", witnesses[1].var, e->d_name);
        }
    }
    closedir(d);
    assert_int_equal(truncate(path, file_size(path) / 2), 0);
    witness_start(&witnesses[1]);
    append_some(3);
    WAIT_FOR(witnessed(NULL) == records());
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w1\"}") == 0);
    assert_int_equal(metric(witnesses[1].var, ROOM_WITNESS, "sekisho_witness_signed_total"), 0);
    assert_int_equal(verify("--witness", policy, "--need", "2", house.ledger, NULL), 0);
}

/* On a disk without space nothing is signed; with space it goes on. */
static void disk_full(void **state)
{
    static uint8_t block[4096];
    char mount_at[] = "/tmp/sekisho-witness-full-XXXXXX", filler[128];
    (void)state;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) {
        print_message("not root: skipped\n");
        skip();
    }
    assert_true(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL);
    assert_non_null(mkdtemp(mount_at));
    assert_int_equal(mount("none", mount_at, "tmpfs", 0, "size=256k"), 0);
    kill_one(&push_pid);
    kill_one(&witnesses[0].pid);
    tmpdir_remove(&witnesses[0].tmp);
    witness_init(&witnesses[0], 0, mount_at);
    push_start();
    append_some(3);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 1);
    snprintf(filler, sizeof filler, "%s/filler", mount_at);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof block) > 0) {
    }
    close(fd);
    append_some(3);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 0);
    WAIT_FOR(witnessed(NULL) == records());
    assert_true(metric(witnesses[0].var, ROOM_WITNESS, "sekisho_witness_unstored_total") > 0);
    assert_int_equal(unlink(filler), 0);
    append_some(3);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 1);
    kill_one(&witnesses[0].pid);
    assert_int_equal(umount2(mount_at, MNT_DETACH), 0);
    rmdir(mount_at);
}

/* The ledger gives each segment a key of its own: witnesses are led from one to the next, also
 * those that were away for some of them, and one that knows only the first key and has seen
 * nothing. */
static void keys_handed_over(void **state)
{
    char vkey[2][256];
    (void)state;
    append_some(10);
    WAIT_FOR(witnessed(NULL) == records());
    read_text(in_dir(house.ledger, "public/ledger.vkey"), vkey[0], sizeof vkey[0]);
    append_some(300);
    WAIT_FOR(witnessed(NULL) == records());
    read_text(in_dir(house.ledger, "public/ledger.vkey"), vkey[1], sizeof vkey[1]);
    assert_string_not_equal(vkey[0], vkey[1]);
    kill_one(&witnesses[1].pid);
    append_some(900);
    WAIT_FOR(witnessed(NULL) == records());
    witness_start(&witnesses[1]); /* away for three keys */
    kill_one(&witnesses[0].pid);
    nftw(in_dir(witnesses[0].var, "witness/logs"), tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(in_dir(witnesses[0].var, "witness/logs"), 0700), 0);
    witness_start(&witnesses[0]); /* the first key, and nothing seen */
    append_some(5);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w1\"}") == 1);
    WAIT_FOR(push_metric("sekisho_push_witness_up{witness=\"w0\"}") == 1);
    unsigned lines;
    append_some(1);
    WAIT_FOR(witnessed(&lines) == records() && lines >= 1 + WITNESSES);
    assert_int_equal(verify("--witness", policy, "--need", "3", house.ledger, NULL), 0);
    /* A record of a packed segment proves under the newest key. */
    char mem[16384], proof[160], key[160];
    snprintf(proof, sizeof proof, "%s/9.tlog-proof", house.tmp.path);
    snprintf(key, sizeof key, "%s/public/ledger.vkey", house.ledger);
    WAIT_FOR(access(in_dir(house.ledger, "public/tile/entries/000.zst"), F_OK) == 0);
    assert_int_equal(verify("--prove", "9", house.ledger, NULL, NULL, NULL), 0);
    read_text(in_dir(house.tmp.path, "out"), mem, sizeof mem);
    write_text(proof, mem);
    assert_int_equal(verify("--proof", proof, "--key", key, "--witness", policy), 0);
    assert_int_equal(alarms("witness.fork", "begun") + alarms("witness.ahead", "begun"), 0);
}

/* One exchange on a witness's own socket; the whole answer, NUL-terminated. */
static const char *http(const other_t *w, const char *head, slice_t body)
{
    static char answer[8192];
    char sock[160], length[64];
    size_t got = 0;
    ssize_t n;
    int fd;
    snprintf(sock, sizeof sock, "%s/run/witness.http.sock", w->var);
    deadline_t until = deadline_in_ms(PATIENCE_MS);
    assert_false(err_failed(unix_connect((path_t){sock}, SOCK_STREAM, until, &fd)));
    int len = snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", body.len);
    slice_t parts[] = {slice_cstr_in(head), SLICE(" HTTP/1.1\r\nHost: w\r\nConnection: close\r\n"),
                       slice_make(length, (size_t)len), body};
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        err_ignore(fd_write_by(fd, parts[i], until)); /* it may have answered by now */
    }
    while (got + 1 < sizeof answer && !err_failed(fd_wait(fd, POLLIN, until)) &&
           (n = read(fd, answer + got, sizeof answer - 1 - got)) > 0) {
        got += (size_t)n;
    }
    answer[got] = '\0';
    close(fd);
    return answer;
}

static bool is_status(const char *answer, const char *status)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0;
}

static void http_door(void **state)
{
    static uint8_t much[200 * 1024];
    char body[LEDGER_NOTE_MAX + 64], note[LEDGER_NOTE_MAX], path[128], origin_hash[65];
    const other_t *w = &witnesses[0];
    (void)state;
    append_some(3);
    WAIT_FOR(witnessed(NULL) == records());
    WAIT_FOR(push_metric("sekisho_push_witness_records{witness=\"w0\"}") == (int64_t)records());
    kill_one(&push_pid);
    read_text(in_dir(house.ledger, "public/checkpoint"), note, sizeof note);
    int len = snprintf(body, sizeof body, "old 0\n\n%s", note);
    const char *a = http(w, "POST /add-checkpoint", slice_make(body, (size_t)len));
    assert_true(is_status(a, "409"));
    assert_non_null(strcasestr(a, "content-type: text/x.tlog.size\r\n"));
    char want[64];
    snprintf(want, sizeof want, "\r\n\r\n%llu\n", (unsigned long long)records());
    assert_string_equal(strstr(a, "\r\n\r\n"), want);
    len = snprintf(body, sizeof body, "old %llu\n\n%s", (unsigned long long)records(), note);
    a = http(w, "POST /add-checkpoint", slice_make(body, (size_t)len));
    assert_true(is_status(a, "200"));
    assert_non_null(strstr(a, "\r\n\r\n\u2014 witness.example/w0 "));
    assert_true(is_status(http(w, "POST /add-checkpoint", SLICE("x")), "400"));
    assert_true(is_status(http(w, "POST /add-key", SLICE("x")), "400"));
    assert_true(is_status(http(w, "GET /add-checkpoint", SLICE_EMPTY), "405"));
    assert_true(is_status(http(w, "POST /add-checkpoint", slice_make(much, sizeof much)), "413"));
    assert_true(is_status(http(w, "GET /nothing", SLICE_EMPTY), "404"));
    crypto_hash_sha256_state s;
    uint8_t digest[32];
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const uint8_t *)"sekisho.local/test", 18);
    crypto_hash_sha256_final(&s, digest);
    sodium_bin2hex(origin_hash, sizeof origin_hash, digest, sizeof digest);
    snprintf(path, sizeof path, "GET /%s/checkpoint", origin_hash);
    a = http(w, path, SLICE_EMPTY);
    assert_true(is_status(a, "200"));
    assert_non_null(strstr(a, "\r\n\r\nsekisho.local/test\n"));
    assert_true(is_status(http(w, "GET /00/checkpoint", SLICE_EMPTY), "404"));
}

/* What ledger-push may ask ledgerd, and what nobody may give it. */
static void who_may_what(void **state)
{
    static ledger_checkpoint_t cp;
    static const char *const BAD[] = {"", "\n", "x\n", "\u2014 w AAAA\n",
                                      "\u2014 sekisho.local/test "
                                      "3xwKNQAAAABkGFDLnosF849GAXWtQdmEkcOr3kZyjR3SEoJ9+"
                                      "XHcX2GA2wLXulx6TULiSiz481YPPFhev6NjwWfW1jtv"
                                      "BqOkUvjrAw==\n"};
    (void)state;
    kill_one(&push_pid);
    append_some(3);
    for (unsigned i = 0; i < 2; i++) {
        wire_client_t wire;
        wire_client_init(&wire, &(wire_client_conf_t){.path = {house.socket},
                                                      .self = i ? ROOM_SHOP : ROOM_PUSH,
                                                      .peer = ROOM_LEDGER,
                                                      .api_version = LEDGER_API_VERSION});
        err_t e = ledger_checkpoint(&wire, 0, 0, &cp);
        assert_true(i ? err_is(e, ERR_DENIED) : !err_failed(e));
        if (!i) {
            assert_true(err_is(ledger_checkpoint(&wire, cp.size + 1, 0, &cp), ERR_RANGE));
            assert_true(err_is(ledger_checkpoint(&wire, 0, cp.size + 1, &cp), ERR_CONFLICT));
            assert_true(err_is(ledger_segment_end(&wire, 0, 0, &cp), ERR_NOT_FOUND));
            for (size_t n = 0; n < BASE_COUNT(BAD); n++) {
                err_t bad = ledger_cosigned(&wire, cp.size, slice_cstr_in(BAD[n]));
                assert_true(err_is(bad, ERR_RANGE));
            }
            assert_true(err_is(ledger_cosigned(&wire, cp.size + 1, SLICE("x\n")), ERR_CONFLICT));
        }
        wire_client_deinit(&wire);
    }
}

#define EACH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest TESTS[] = {
        EACH(cosigned),
        EACH(one_hangs),
        EACH(one_dies_again_and_again),
        EACH(too_few),
        EACH(put_back),
        EACH(torn_memory),
        EACH(http_door),
        EACH(who_may_what),
        EACH(disk_full),
        cmocka_unit_test_setup_teardown(keys_handed_over, setup_segments, teardown),
    };
    CHECK(argc == 5);
    signal(SIGPIPE, SIG_IGN);
    house_programs(argv[1], "");
    witnessd = argv[2];
    ledger_push = argv[3];
    ledger_verify = argv[4];
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
