#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "guard/api.h"
#include "io/log.h"

enum {
    READY_FD = 3,
    SECRET_FD = 4,
    OUT_OF_THE_WAY = 10,
    ARGS_MAX = 14,
    ENVIRONMENT_MAX = 8,
    START_ARENA_BYTES = 128 * 1024,
    LEFTOVER_WAIT_US = 3000000,
    CONNECT_MS = 1000,
};

/* What one start needs, in memory of its own: a house starts its processes without end. */
typedef struct start {
    house_t house; /* ours, with an arena that ends with the start */
    const char *args[ARGS_MAX];
    const char *environment[ENVIRONMENT_MAX];
} start_t;

static void start_end(start_t *s)
{
    arena_deinit(&s->house.arena);
}

void process_state_set(process_t *p, process_state_t state)
{
    p->state = state;
    p->since_us = clock_wall_us();
}

/* Debian's modsecurity-crs. Without it the house's own rules stand alone, and status says so. */
static const char CRS_SETUP[] = "/etc/modsecurity/crs/crs-setup.conf",
                  CRS_RULES[] = "/usr/share/modsecurity-crs/rules";

static bool crs_is_here(void)
{
    return access(CRS_SETUP, R_OK) == 0 && access(CRS_RULES, R_OK | X_OK) == 0;
}

bool process_guard_has_crs(house_t *h)
{
    slice_t text;
    path_t conf = house_path(h, h->var, "run", "nginx.conf", NULL);
    return !err_failed(file_read(&h->arena, conf, 64 * 1024, &text)) &&
           slice_find(text, slice_cstr_in(CRS_RULES)) != SIZE_MAX;
}

/* nginx.conf is printed anew at each start: it is derived, never edited. */
static err_t nginx_conf_write(house_t *h, const process_row_t *row, path_t *ret_conf)
{
    buf_t text;
    const char *tree = h->tree.text;
    TRY(path_join(&h->arena, house_path(h, h->var, "run", NULL), SLICE("nginx.conf"), ret_conf));
    slice_t module, statics, rules;
    TRY(arena_printf(&h->arena, &module, "%s/%s", h->build.text, row->program));
    TRY(arena_printf(&h->arena, &statics, "%s/shop/static", tree));
    TRY(arena_printf(&h->arena, &rules, "%s/guard/rules", tree));
    bool test = h->profile == PROFILE_TEST || h->profile == PROFILE_BENCH;
    const char *no_card_check = getenv("SEKISHO_TEST_NO_CARD_CHECK");
    guard_conf_t conf = {
        .module_so = (const char *)module.ptr,
        .prefix = house_path(h, h->var, "guard", NULL).text,
        .run_dir = house_path(h, h->var, "run", NULL).text,
        .static_dir = (const char *)statics.ptr,
        .secrets_dir = house_path(h, h->var, "secrets", "guard", NULL).text,
        .etc_dir = house_path(h, h->var, "etc", NULL).text,
        .user = h->separated ? room_user(ROOM_GUARD) : NULL,
        .clock_cell = test ? house_path(h, h->var, "run", "clock", NULL).text : NULL,
        .port = h->port,
        .has_mail = h->profile != PROFILE_PRODUCTION,
        .card_check = !(test && no_card_check),
        .profile = profile_name(h->profile),
        .rules_dir = (const char *)rules.ptr,
        .crs_setup = crs_is_here() ? CRS_SETUP : NULL,
        .crs_rules = crs_is_here() ? CRS_RULES : NULL,
    };
    TRY(arena_buf(&h->arena, 32 * 1024, &text));
    TRY(guard_conf_print(&text, &conf));
    TRY(buf_check(&text));
    return file_replace(*ret_conf, buf_slice(&text), 0644);
}

/* The negative control of the search for clear text: a test house may have a vault that seals
 * nothing. No other profile looks at the variable, and that program refuses every other profile by
 * itself. */
static const char *program_of(const house_t *h, const process_row_t *row)
{
    bool unsealed =
        row->room == ROOM_VAULT && h->profile == PROFILE_TEST && getenv("SEKISHO_TEST_UNSEALED");
    return unsealed ? "vault/tests/vaultd-unsealed" : row->program;
}

/* Typed for this process (command/README.md, "What the vault is opened with"). */
static bool has_secret(const house_t *h, const process_row_t *row)
{
    return row->room == ROOM_VAULT && h->vault_secret && h->vault_secret->len;
}

static err_t arguments(house_t *h, const process_row_t *row, const char *args[ARGS_MAX])
{
    size_t n = 0;
    if (row->kind == PROCESS_NGINX) {
        path_t conf;
        TRY(nginx_conf_write(h, row, &conf));
        const char *const nginx[] = {"/usr/sbin/nginx",
                                     "-p",
                                     house_path(h, h->var, "guard", NULL).text,
                                     "-c",
                                     conf.text,
                                     "-e",
                                     "stderr"};
        for (; n < BASE_COUNT(nginx); n++) {
            args[n] = nginx[n];
        }
        args[n] = NULL;
        return OK;
    }
    slice_t program, port;
    TRY(arena_printf(&h->arena, &program, "%s/%s", h->build.text, program_of(h, row)));
    TRY(arena_printf(&h->arena, &port, "%u", h->port));
    args[n++] = (const char *)program.ptr;
    args[n++] = "--var";
    args[n++] = h->var.text;
    args[n++] = "--profile";
    args[n++] = profile_name(h->profile);
    args[n++] = "--ready-fd";
    args[n++] = "3";
    if (!h->separated) {
        args[n++] = "--no-separation";
    }
    if (has_secret(h, row)) {
        args[n++] = "--secret-fd";
        args[n++] = "4";
    }
    args[n] = NULL;
    return OK;
}

/* Clean, but for the fault tools of scenes/: a library that is loaded first, and the file through
 * which it is governed. A house of any other profile than test cannot be given one. The vault
 * learns where systemd put its credential (and a test's token, where it lies). */
static err_t environment(start_t *s, const process_row_t *row)
{
    size_t n = 0;
    static const char *const OF_VAULT[] = {"CREDENTIALS_DIRECTORY", "SOFTHSM2_CONF"};
    slice_t preload, shared;
    const char *library = getenv("SEKISHO_TEST_PRELOAD"), *file = getenv("SEKISHO_TEST_SHARED");
    s->environment[n++] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    s->environment[n++] = "LANG=C.UTF-8";
    if (s->house.profile == PROFILE_TEST && library && file) {
        TRY(arena_printf(&s->house.arena, &preload, "LD_PRELOAD=%s", library));
        TRY(arena_printf(&s->house.arena, &shared, "SEKISHO_TEST_SHARED=%s", file));
        s->environment[n++] = (const char *)preload.ptr;
        s->environment[n++] = (const char *)shared.ptr;
    }
    for (size_t i = 0; row->room == ROOM_VAULT && i < BASE_COUNT(OF_VAULT); i++) {
        const char *value = getenv(OF_VAULT[i]);
        slice_t text;
        bool test_only = i > 0;
        if (value && (!test_only || s->house.profile == PROFILE_TEST)) {
            TRY(arena_printf(&s->house.arena, &text, "%s=%s", OF_VAULT[i], value));
            s->environment[n++] = (const char *)text.ptr;
        }
    }
    s->environment[n] = NULL;
    return OK;
}

/* In the child: only stdio and the ready pipe go on; signals, environment and dumps are clean. */
__attribute__((noreturn)) static void child_run(start_t *s, int log_end, int ready_end,
                                                int secret_end)
{
    union { /* execve takes char *const[] but changes nothing */
        const char **ro;
        char **rw;
    } argv = {.ro = s->args}, envp = {.ro = s->environment};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nowhere = open("/dev/null", O_RDWR);
    /* out of the way first */
    ready_end = fcntl(ready_end, F_DUPFD, OUT_OF_THE_WAY);
    log_end = fcntl(log_end, F_DUPFD, OUT_OF_THE_WAY);
    secret_end = secret_end >= 0 ? fcntl(secret_end, F_DUPFD, OUT_OF_THE_WAY) : -1;
    dup2(nowhere, STDIN_FILENO);
    dup2(log_end, STDOUT_FILENO);
    dup2(log_end, STDERR_FILENO);
    dup2(ready_end, READY_FD);
    if (secret_end >= 0) {
        dup2(secret_end, SECRET_FD);
    }
    close_range(secret_end >= 0 ? SECRET_FD + 1 : READY_FD + 1, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execve(argv.ro[0], argv.rw, envp.rw);
    _exit(127);
}

/* Two pipes from the child: its log, its "ready". */
static err_t pipes_make(int log_pipe[2], int ready_pipe[2])
{
    if (pipe2(log_pipe, O_CLOEXEC) != 0) {
        return FAIL_SYS(ERR_IO, errno);
    }
    if (pipe2(ready_pipe, O_CLOEXEC) != 0) {
        close(log_pipe[0]);
        close(log_pipe[1]);
        return FAIL_SYS(ERR_IO, errno);
    }
    return OK;
}

/* A pipe that holds the line already: nobody has to write it later. */
static err_t secret_pipe(const house_t *h, const process_row_t *row, int *ret_fd)
{
    int ends[2];
    if (!has_secret(h, row)) {
        return OK;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return FAIL_SYS(ERR_IO, errno);
    }
    err_t e = fd_write_all(ends[1], slice_make(h->vault_secret->b, h->vault_secret->len));
    close(ends[1]);
    *ret_fd = ends[0];
    return e;
}

err_t process_start(house_t *h, process_t *p)
{
    BASE_CLEANUP(start_end) start_t s = {.house = *h};
    int log_pipe[2], ready_pipe[2];
    FD_SCOPED int secret = -1;
    arena_init(&s.house.arena, START_ARENA_BYTES);
    TRY(arguments(&s.house, p->row, s.args));
    TRY(environment(&s, p->row));
    TRY(secret_pipe(h, p->row, &secret));
    TRY(pipes_make(log_pipe, ready_pipe));
    pid_t child = fork();
    if (child == 0) {
        child_run(&s, log_pipe[1], ready_pipe[1], secret);
    }
    close(log_pipe[1]);
    close(ready_pipe[1]);
    if (child < 0) {
        close(log_pipe[0]);
        close(ready_pipe[0]);
        return FAIL_SYS(ERR_IO, errno);
    }
    fcntl(log_pipe[0], F_SETFL, O_NONBLOCK);
    fcntl(ready_pipe[0], F_SETFL, O_NONBLOCK);
    p->pid = child;
    p->log_fd = log_pipe[0];
    p->ready_fd = ready_pipe[0];
    p->started_us = clock_mono_us();
    process_state_set(p, PROCESS_STARTING);
    return OK;
}

void process_ended(process_t *p)
{
    int64_t now_us = clock_mono_us();
    bool steady = p->state == PROCESS_READY && now_us - p->started_us > PROCESS_STEADY_US;
    if (steady || p->backoff_ms == 0) {
        p->backoff_ms = PROCESS_BACKOFF_MIN_MS;
    } else {
        p->backoff_ms *= 2;
        p->backoff_ms =
            p->backoff_ms > PROCESS_BACKOFF_MAX_MS ? PROCESS_BACKOFF_MAX_MS : p->backoff_ms;
    }
    p->pid = 0;
    p->restarts++;
    p->start_at_us = now_us + p->backoff_ms * 1000;
    process_state_set(p, PROCESS_WAITING);
}

/* A file that every front has, of which no record is made but a count a minute. */
static bool front_answers(int fd, deadline_t until)
{
    static const char ASK[] = "HEAD /static/shop.css HTTP/1.0\r\nHost: shop.localhost\r\n\r\n";
    char first;
    return send(fd, ASK, sizeof ASK - 1, MSG_NOSIGNAL) == (ssize_t)sizeof ASK - 1 &&
           !err_failed(fd_wait(fd, POLLIN, until)) && recv(fd, &first, 1, 0) == 1;
}

bool process_port_answers(unsigned port, int64_t wait_ms)
{
    FD_SCOPED int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    deadline_t until = deadline_in_ms(wait_ms ? wait_ms : CONNECT_MS);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    union {
        const struct sockaddr_in *in;
        const struct sockaddr *any;
    } to = {.in = &at};
    if (fd < 0 || (connect(fd, to.any, sizeof at) != 0 &&
                   (errno != EINPROGRESS || err_failed(fd_wait(fd, POLLOUT, until))))) {
        return false;
    }
    int failed = 0;
    socklen_t len = sizeof failed;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 && !failed &&
           (!wait_ms || front_answers(fd, until));
}

/* nginx writes its pid file after it has bound its ports: until then another program may answer there. */
static bool pid_file_names(house_t *h, pid_t pid)
{
    arena_t a;
    path_t run, path;
    slice_t text, line;
    uint64_t named = 0;
    arena_init(&a, 16 * 1024);
    bool is = !err_failed(path_join(&a, h->var, SLICE("run"), &run)) &&
              !err_failed(path_join(&a, run, SLICE("nginx.pid"), &path)) &&
              !err_failed(file_read(&a, path, 64, &text)) && slice_split(&text, '\n', &line) &&
              !err_failed(slice_parse_u64(line, INT32_MAX, &named)) && (pid_t)named == pid;
    arena_deinit(&a);
    return is;
}

bool process_nginx_listens(house_t *h, pid_t pid)
{
    return pid_file_names(h, pid) && process_port_answers(h->port, 0);
}

/* ---- what a killed supervisor left behind ---- */

/* Its arguments name our data folder (nginx's master shows them in its title). */
static bool names_our_folder(house_t *h, pid_t pid)
{
    char path[64];
    uint8_t args[4096];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FD_SCOPED int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, args, sizeof args) : 0;
    return n > 0 && slice_find(slice_make(args, (size_t)n), slice_cstr_in(h->var.text)) != SIZE_MAX;
}

/* Ours only if it still runs one of our programs on our data: a number may have been given to a
 * stranger, or to another house of the same build. */
static bool is_ours(house_t *h, pid_t pid)
{
    char link[64], exe[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(link, exe, sizeof exe - 1);
    if (n <= 0) {
        return false;
    }
    slice_t program = slice_make(exe, (size_t)n);
    bool known = slice_starts(program, slice_cstr_in(h->build.text)) ||
                 slice_eq(program, SLICE("/usr/sbin/nginx"));
    return known && names_our_folder(h, pid);
}

static void kill_all(house_t *h, const pid_t *pids, size_t n, int signal_number)
{
    for (size_t i = 0; i < n; i++) {
        if (is_ours(h, pids[i])) {
            kill(pids[i], signal_number);
        }
    }
}

static bool any_alive(house_t *h, const pid_t *pids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_ours(h, pids[i])) {
            return true;
        }
    }
    return false;
}

void process_reap_leftovers(house_t *h)
{
    slice_t text, line;
    pid_t pids[CONTROL_PROCESSES];
    size_t n = 0;
    if (err_failed(file_read(&h->arena, house_path(h, h->var, "run", "pids", NULL), 4096, &text))) {
        return;
    }
    while (n < BASE_COUNT(pids) && slice_split(&text, '\n', &line)) {
        uint64_t pid;
        if (!err_failed(slice_parse_u64(line, INT32_MAX, &pid)) && pid > 1) {
            pids[n++] = (pid_t)pid;
        }
    }
    kill_all(h, pids, n, SIGTERM);
    for (int waited = 0; waited < LEFTOVER_WAIT_US && any_alive(h, pids, n); waited += 50000) {
        usleep(50000);
    }
    kill_all(h, pids, n, SIGKILL);
}

void process_write_pids(house_t *h, const process_t *all, size_t n)
{
    uint8_t mem[1024];
    buf_t text = BUF_ON_ARRAY(mem);
    arena_t a;
    path_t run, path;
    for (size_t i = 0; i < n; i++) {
        if (all[i].pid) {
            buf_dec(&text, all[i].pid);
            buf_u8(&text, '\n');
        }
    }
    arena_init(&a, 16 * 1024);
    if (!err_failed(path_join(&a, h->var, SLICE("run"), &run)) &&
        !err_failed(path_join(&a, run, SLICE("pids"), &path))) {
        err_t e = file_replace(path, buf_slice(&text), 0644);
        if (err_failed(e)) {
            log_err(LOG_WARN, id_zero(), "supervisor.pids", e);
        }
    }
    arena_deinit(&a);
}
