/* The rite, in forked children: who we are after the seal and what kills us then. As root a
 * throw-away system user stands for the room; without root the separated cases are skipped. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/daemon.h"
#include "io/log.h"
#include "io/sandbox.h"
#include "io/secrets.h"
#include "io/wire_client.h"
#include "io/wire_server.h"

typedef struct sample {
    int64_t seats;
} sample_t;

static const conf_field_t FIELDS[] = {
    CONF_INT_ROW(sample_t, seats, "room", "seats", 1, 9, "5", "seats"),
};
static const daemon_spec_t SPEC = {.room = ROOM_WITNESS, .conf = {FIELDS, BASE_COUNT(FIELDS)}};

static char top[] = "/tmp/sekisho-daemon-XXXXXX";
static char var[64];
static int houses;
static bool made_user, have_user;
static daemon_t d; /* the house of the present case */

#define must(expr)                                                                                 \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (err_failed(e_)) {                                                                      \
            fail_msg("%s: %s at %s:%d errno %d", #expr, err_name(e_.code), e_.where, e_.line,      \
                     e_.sys);                                                                      \
        }                                                                                          \
    } while (0)
#define must_fail(expr, want) assert_string_equal(err_name((expr).code), err_name(want))

/* In a child, where a failed assertion of cmocka has nowhere to go. */
#define NEED(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s, errno %d\n", __FILE_NAME__, __LINE__, #cond, errno);       \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)
#define NEED_OK(expr) NEED(!err_failed(expr))

static int fresh_house(void **state)
{
    (void)state;
    snprintf(var, sizeof var, "%s/var%d", top, houses++);
    return 0;
}

static err_t begin(const daemon_spec_t *spec, const char *profile, const char *third)
{
    static sample_t conf;
    arena_deinit(&d.arena);
    const char *argv[] = {"d", "--var", var, "--profile", profile, third, NULL};
    return daemon_begin(third ? 6 : 5, (char **)(uintptr_t)argv, spec, &conf, &d);
}

static const char *separation(void)
{
    return have_user ? NULL : "--no-separation";
}

static int wait_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void quiet(void)
{
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    close(null);
}

/* ------------------------------------------------------------------ options and configuration */

static int main_with(const char *const *args)
{
    static sample_t conf;
    const char *argv[12] = {"roomd"};
    int argc = 1;
    for (; args[argc - 1]; argc++) {
        argv[argc] = args[argc - 1];
    }
    pid_t pid = fork();
    if (pid == 0) {
        quiet();
        _exit(daemon_main(argc, (char **)(uintptr_t)argv, &SPEC, &conf, daemon_ready));
    }
    int status = wait_status(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put_file(const char *leaf, const char *text)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s", var, leaf);
    must(file_replace((path_t){file}, slice_cstr_in(text), 0644));
}

static bool exists(const char *leaf)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s", var, leaf);
    return access(file, F_OK) == 0;
}

static void test_exit_codes(void **state)
{
    (void)state;
    const struct {
        const char *args[6];
        int want;
    } CASES[] = {
        {{"--var", var, "--no-separation"}, 0},
        {{"--var", var, "--no-separation", "--check"}, 0},
        {{"--var"}, 2},
        {{"--profile", "prod", "--var", var}, 2},
        {{"--ready-fd", "2", "--var", var}, 2},
        {{"--ready-fd", "x", "--var", var}, 2},
        {{"--unknown"}, 2},
        {{"--var", var, "extra"}, 2},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        if (main_with(CASES[i].args) != CASES[i].want) {
            fail_msg("case %zu", i);
        }
    }
    const char *const CHECK_IT[] = {"--check", "--var", var, "--no-separation", NULL};
    const char *const RUN_IT[] = {"--var", var, "--no-separation", NULL};
    put_file("etc/witness.ini", "[room]\nseats = 10\n");
    assert_int_equal(main_with(CHECK_IT), 1);
    assert_int_equal(main_with(RUN_IT), 1);
    put_file("etc/witness.ini", "[room]\nseat = 1\n");
    assert_int_equal(main_with(CHECK_IT), 1);
    put_file("etc/witness.ini", "[room]\nseats = 2\n");
    assert_int_equal(main_with(CHECK_IT), 0);
    if (geteuid() == 0) { /* production has no switch to weaken it */
        const char *const WEAK[] = {"--var",     var,          "--no-separation",
                                    "--profile", "production", NULL};
        assert_int_equal(main_with(WEAK), 2);
    }
}

static void test_check_makes_nothing(void **state)
{
    (void)state;
    const char *const ARGS[] = {"--check", "--var", var, "--no-separation", NULL};
    assert_int_equal(mkdir(var, 0755), 0);
    assert_int_equal(main_with(ARGS), 0);
    assert_false(exists("etc") || exists("run") || exists("witness"));
}

static mode_t mode_of(path_t p, uid_t *ret_uid)
{
    struct stat st;
    assert_int_equal(stat(p.text, &st), 0);
    *ret_uid = st.st_uid;
    return st.st_mode & 07777;
}

static void test_folders(void **state)
{
    (void)state;
    uid_t uid;
    path_t vault;
    must(begin(&SPEC, "demo", separation()));
    assert_int_equal(d.separated, have_user);
    assert_int_equal(mode_of(d.data, &uid), 0700);
    assert_int_equal(uid, d.uid);
    assert_int_equal(mode_of(d.secrets, &uid), 0700);
    assert_int_equal(uid, d.uid);
    assert_int_equal(mode_of(d.run, &uid), 0755);
    assert_int_equal(uid, geteuid());
    assert_int_equal(mode_of(d.ini, &uid), 0644);
    assert_true(d.var.text[0] == '/');
    must(daemon_socket_of(&d, ROOM_VAULT, &vault));
    assert_non_null(strstr(vault.text, "/run/vault.sock"));
    assert_false(daemon_callers(&d) & ROOM_BIT(ROOM_TEST));
    must(begin(&SPEC, "test", separation()));
    assert_true(daemon_callers(&d) & ROOM_BIT(ROOM_TEST));
    if (geteuid() == 0) { /* a room whose user does not exist does not start */
        daemon_spec_t nobody = SPEC;
        nobody.room = ROOM_TEST;
        must_fail(begin(&nobody, "demo", NULL), ERR_CONFIG);
    }
}

/* ------------------------------------------------------------------ the clock */

static void test_clock_cell(void **state)
{
    (void)state;
    clock_cell_t cell = {.offset_us = 90 * CLOCK_DAY_US};
    char file[128];
    struct timespec now;
    must(begin(&SPEC, "demo", separation()));
    snprintf(file, sizeof file, "%s/run/clock", var);
    must(file_replace((path_t){file}, slice_make(&cell, sizeof cell), 0644));
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t soon_us = (int64_t)now.tv_sec * CLOCK_SECOND_US + CLOCK_DAY_US;
    static const char *const REAL[] = {"demo", "production"};
    for (size_t i = 0; i < BASE_COUNT(REAL); i++) {
        err_t e = begin(&SPEC, REAL[i], have_user || i == 0 ? separation() : NULL);
        assert_true(!err_failed(e) || (i == 1 && !have_user));
        assert_true(clock_wall_us() < soon_us);
    }
    must(begin(&SPEC, "test", separation()));
    assert_true(clock_wall_us() > soon_us);
    assert_true(clock_wait_us() < clock_mono_us());
    clock_attach(NULL);
    put_file("run/clock", "x");
    must_fail(begin(&SPEC, "bench", separation()), ERR_CORRUPT);
}

/* ------------------------------------------------------------------ secrets */

static void test_secrets(void **state)
{
    (void)state;
    uint8_t a[32], b[32], other[64];
    char file[128], link_name[128];
    must(begin(&SPEC, "demo", separation()));
    must_fail(secrets_load(&d, "seal.key", a, sizeof a), ERR_NOT_FOUND);
    must(secrets_load_or_create(&d, "seal.key", a, sizeof a));
    must(secrets_load_or_create(&d, "seal.key", b, sizeof b));
    assert_memory_equal(a, b, sizeof a);
    must_fail(secrets_load(&d, "seal.key", other, sizeof other), ERR_CORRUPT);
    must_fail(secrets_store(&d, "seal.key", other, sizeof other), ERR_EXISTS);
    must_fail(secrets_load(&d, "../x", a, sizeof a), ERR_USAGE);
    snprintf(file, sizeof file, "%s/seal.key", d.secrets.text);
    snprintf(link_name, sizeof link_name, "%s/link", d.secrets.text);
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_uid, d.uid);
    assert_int_equal(symlink(file, link_name), 0);
    must_fail(secrets_load(&d, "link", a, sizeof a), ERR_DENIED);
    assert_int_equal(chmod(file, 0440), 0);
    must_fail(secrets_load(&d, "seal.key", a, sizeof a), ERR_DENIED);
    assert_int_equal(chmod(file, 0400), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 65534, 65534), 0);
        must_fail(secrets_load_or_create(&d, "seal.key", a, sizeof a), ERR_DENIED);
    }
}

/* ------------------------------------------------------------------ after the seal */

static void *thread_main(void *arg)
{
    return arg;
}

static void need_room_user(void)
{
    uid_t r, e, s;
    struct rlimit core;
    NEED(getresuid(&r, &e, &s) == 0 && r == d.uid && e == d.uid && s == d.uid);
    NEED(getgroups(0, NULL) == 0);
    NEED(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
    NEED(access("/etc/shadow", R_OK) != 0);
    NEED(open("../etc/new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
    NEED(open("../run/new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
    NEED(open("../other/file", O_RDONLY) < 0 && errno == EACCES);
}

static void need_work_is_possible(void)
{
    pthread_t thread;
    uint8_t secret[32], again[32];
    NEED_OK(file_replace(PATH("own"), SLICE("x"), 0600)); /* we stand in var/<room> */
    NEED_OK(secrets_load(&d, "k", secret, sizeof secret));
    NEED_OK(secrets_load_or_create(&d, "later", again, sizeof again));
    NEED(pthread_create(&thread, NULL, thread_main, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    NEED(socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0);
    NEED(getpwnam("root") != NULL);
    log_event(LOG_INFO, id_zero(), "x", "y");
    if (sandbox_built_in()) {
        NEED(prctl(PR_GET_DUMPABLE) == 0);
        NEED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
             MAP_FAILED);
    }
}

static void test_sealed(void **state)
{
    (void)state;
    int pipe_fds[2];
    uint8_t byte;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(mkdir(var, 0755), 0);
    char other[128];
    snprintf(other, sizeof other, "%s/other", var);
    assert_int_equal(mkdir(other, 0700), 0);
    pid_t pid = fork();
    if (pid == 0) {
        uint8_t secret[32];
        int fd;
        gid_t surplus = 4;
        NEED(!have_user || setgroups(1, &surplus) == 0);
        NEED_OK(begin(&SPEC, "demo", separation()));
        quiet();
        d.ready_fd = pipe_fds[1];
        NEED_OK(daemon_listen(&d, "witness.sock", SOCK_SEQPACKET, &fd));
        NEED_OK(secrets_load_or_create(&d, "k", secret, sizeof secret));
        NEED_OK(daemon_seal(&d));
        if (have_user) {
            need_room_user();
        }
        need_work_is_possible();
        NEED_OK(daemon_ready(&d));
        _exit(42);
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    int status = wait_status(pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    close(pipe_fds[0]);
}

static void do_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
}
static void do_fork(void)
{
    if (fork() == 0) {
        _exit(0);
    }
}
static void do_vfork(void)
{
    syscall(SYS_vfork);
}
static void do_ptrace(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static void do_inet(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}
static void do_packet(void)
{
    socket(AF_PACKET, SOCK_RAW, 0);
}
static void do_netlink(void)
{
    socket(AF_NETLINK, SOCK_RAW, 0);
}
static void do_mount(void)
{
    mount("none", "/tmp", "tmpfs", 0, NULL);
}
static void do_setuid(void)
{
    syscall(SYS_setuid, 0);
}
static void do_kill(void)
{
    kill(getppid(), 0);
}
static void do_chroot(void)
{
    syscall(SYS_chroot, "/");
}
static void do_read_other(void)
{
    syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}
static void do_io_uring(void)
{
    syscall(SYS_io_uring_setup, 1, NULL);
}
static void do_bpf(void)
{
    syscall(SYS_bpf, 0, NULL, 0);
}
static void do_getpriority(void)
{
    getpriority(PRIO_PROCESS, 0);
}
static void do_raise_limit(void)
{
    struct rlimit l = {0, 0};
    setrlimit(RLIMIT_NOFILE, &l);
}
static void do_nothing(void)
{
}

/* How a child ends that was sealed with this spec and then did that. */
static int sealed_status(const daemon_spec_t *spec, const char *profile, void (*act)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        quiet();
        NEED_OK(begin(spec, profile, separation()));
        NEED_OK(daemon_seal(&d));
        act();
        _exit(42);
    }
    return wait_status(pid);
}

static void test_violations_kill(void **state)
{
    (void)state;
    if (!sandbox_built_in()) {
        print_message("built without seccomp, skipped\n");
        skip();
    }
    static void (*const ACTS[])(void) = {
        do_exec,     do_fork,  do_vfork,       do_ptrace,      do_inet,   do_packet,
        do_netlink,  do_mount, do_setuid,      do_kill,        do_chroot, do_read_other,
        do_io_uring, do_bpf,   do_getpriority, do_raise_limit,
    };
    const char *profiles[] = {"demo", have_user ? "production" : "test"};
    for (size_t p = 0; p < BASE_COUNT(profiles); p++) {
        int status = sealed_status(&SPEC, profiles[p], do_nothing);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
        for (size_t i = 0; i < BASE_COUNT(ACTS); i++) {
            status = sealed_status(&SPEC, profiles[p], ACTS[i]);
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
                fail_msg("%s, act %zu: status %x", profiles[p], i, (unsigned)status);
            }
        }
    }
}

static void test_what_a_spec_allows(void **state)
{
    (void)state;
    static const char *const MORE[] = {"getpriority", NULL};
    static const char *const WRONG[] = {"no_such_call", NULL};
    daemon_spec_t spec = SPEC;
    spec.inet = true;
    spec.syscalls = MORE;
    int status = sealed_status(&spec, "demo", do_inet);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    status = sealed_status(&spec, "demo", do_getpriority);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    if (!sandbox_built_in()) {
        return;
    }
    status = sealed_status(&spec, "demo", do_packet);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    spec.syscalls = WRONG;
    status = sealed_status(&spec, "demo", do_nothing);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* ------------------------------------------------------------------ a whole room */

static err_t answer_pid(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    wire_server_t **server = ctx;
    uint8_t mem[64];
    buf_t out = BUF_ON_ARRAY(mem);
    TRY(cur_end(body));
    wire_begin(&out, (uint16_t)(kind + 1));
    buf_u32(&out, (uint32_t)getuid());
    wire_reply(*server, from, buf_slice(&out));
    return OK;
}

static err_t room_run(daemon_t *own)
{
    static wire_server_t *server;
    static const wire_events_t EVENTS = {.on_message = answer_pid};
    int fd;
    TRY(daemon_listen(own, "witness.sock", SOCK_SEQPACKET, &fd));
    TRY(daemon_seal(own));
    wire_server_conf_t conf = {.self = ROOM_WITNESS,
                               .api_version = 1,
                               .callers = daemon_callers(own),
                               .separated = own->separated,
                               .events = &EVENTS,
                               .ctx = &server};
    TRY(wire_server_new(&conf, fd, &server));
    TRY(daemon_ready(own));
    TRY(wire_server_run(server, own->stop_fd, DAEMON_DRAIN_MS));
    wire_server_free(server);
    return daemon_stopping() ? OK : FAIL(ERR_STOPPED);
}

static pid_t start_room(int ready)
{
    pid_t pid = fork();
    if (pid == 0) {
        static sample_t conf;
        char fd_text[16];
        snprintf(fd_text, sizeof fd_text, "%d", ready);
        const char *argv[] = {"d",          "--var", var,          "--profile", "test",
                              "--ready-fd", fd_text, separation(), NULL};
        quiet();
        _exit(daemon_main(have_user ? 7 : 8, (char **)(uintptr_t)argv, &SPEC, &conf, room_run));
    }
    return pid;
}

static void test_whole_room(void **state)
{
    (void)state;
    int pipe_fds[2];
    uint8_t byte, out_mem[16], in_mem[64];
    char sock[128];
    cursor_t body;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = start_room(pipe_fds[1]);
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    close(pipe_fds[0]);
    snprintf(sock, sizeof sock, "%s/run/witness.sock", var);
    wire_client_t c;
    wire_client_init(&c, &(wire_client_conf_t){(path_t){sock}, ROOM_TEST, ROOM_WITNESS, 1, 1});
    buf_t out = BUF_ON_ARRAY(out_mem), in = BUF_ON_ARRAY(in_mem);
    wire_begin(&out, 20);
    must(wire_client_ask(&c, buf_slice(&out), 5000, &in, 21, &body));
    uint32_t uid = cur_u32(&body);
    WIRE_CLIENT_END(&body);
    const struct passwd *user = getpwnam("sekisho-witness");
    assert_int_equal(uid, have_user && user ? user->pw_uid : geteuid());
    assert_int_equal(kill(pid, SIGTERM), 0);
    int status = wait_status(pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wire_client_deinit(&c);
}

static int run_tool(const char *tool, const char *a, const char *b)
{
    pid_t pid = fork();
    if (pid == 0) {
        quiet();
        execl(tool, tool, a, b, (char *)NULL);
        _exit(127);
    }
    int status;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

#define CASE(fn) cmocka_unit_test_setup(fn, fresh_house)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        CASE(test_exit_codes),      CASE(test_check_makes_nothing),
        CASE(test_folders),         CASE(test_clock_cell),
        CASE(test_secrets),         CASE(test_sealed),
        CASE(test_violations_kill), CASE(test_what_a_spec_allows),
        CASE(test_whole_room),
    };
    if (!mkdtemp(top) || chmod(top, 0755) != 0) {
        return 1;
    }
    if (geteuid() == 0 && !getpwnam("sekisho-witness")) {
        made_user = run_tool("/usr/sbin/useradd", "--system", "sekisho-witness") == 0;
    }
    have_user = geteuid() == 0 && getpwnam("sekisho-witness");
    if (!have_user) {
        print_message("no user of its own for the room: separated cases are skipped\n");
    }
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    arena_deinit(&d.arena);
    if (made_user) {
        run_tool("/usr/sbin/userdel", "sekisho-witness", NULL);
    }
    nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
