#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "control.h"
#include "io/log.h"
#include "io/wire_server.h"
#include "process.h"
#include "setup.h"
#include "vault/api_keyfile.h"

enum { TURN_MS = 50, START_WAIT_US = 20000000, DRAIN_US = 6000000, DOWN_WAIT_US = 20000000 };

typedef struct supervisor {
    house_t *h;
    wire_server_t *server;
    process_t all[CONTROL_PROCESSES];
    size_t n;
    int signal_fd;
    clock_cell_t *cell; /* test and bench only */
    bool stopping;
} supervisor_t;

/* ---- children's pipes ---- */

static void log_close(supervisor_t *s, process_t *p)
{
    if (p->log_fd >= 0) {
        wire_server_unwatch(s->server, p->log_fd);
        fd_close(&p->log_fd);
    }
}

static void log_drain(supervisor_t *s, process_t *p)
{
    uint8_t mem[8192];
    ssize_t n;
    while (p->log_fd >= 0 && (n = read(p->log_fd, mem, sizeof mem)) != 0) {
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return; /* EAGAIN: the rest comes later */
        }
        logfile_write(&p->log, slice_make(mem, (size_t)n));
    }
    log_close(s, p);
}

static process_t *process_of_fd(supervisor_t *s, int fd)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->all[i].log_fd == fd || s->all[i].ready_fd == fd) {
            return &s->all[i];
        }
    }
    return NULL;
}

static void on_log(void *ctx, int fd, uint32_t events)
{
    process_t *p = process_of_fd(ctx, fd);
    if (p) {
        log_drain(ctx, p);
    }
}

static void ready_close(supervisor_t *s, process_t *p)
{
    if (p->ready_fd >= 0) {
        wire_server_unwatch(s->server, p->ready_fd);
        fd_close(&p->ready_fd);
    }
}

static void on_ready(void *ctx, int fd, uint32_t events)
{
    process_t *p = process_of_fd(ctx, fd);
    uint8_t byte;
    if (p) {
        bool ready = read(fd, &byte, 1) == 1;
        ready_close(ctx, p);
        if (ready && p->state == PROCESS_STARTING) {
            process_state_set(p, PROCESS_READY);
        }
    }
}

/* ---- start and stop ---- */

static err_t start(supervisor_t *s, process_t *p)
{
    /* Workers of an nginx whose master was killed may hold the old pipe a moment longer; what they
     * still say is lost, but a pipe that nobody knows any more would ring for ever. */
    log_drain(s, p);
    log_close(s, p);
    TRY(process_start(s->h, p));
    TRY(wire_server_watch(s->server, p->log_fd, EPOLLIN, on_log, s));
    if (p->row->kind == PROCESS_NGINX) {
        fd_close(&p->ready_fd);
    } else {
        TRY(wire_server_watch(s->server, p->ready_fd, EPOLLIN, on_ready, s));
    }
    process_write_pids(s->h, s->all, s->n);
    return OK;
}

static void reap(supervisor_t *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < s->n; i++) {
            process_t *p = &s->all[i];
            if (p->pid != pid) {
                continue;
            }
            log_drain(s, p);
            ready_close(s, p);
            process_ended(p);
            if (!s->stopping) {
                log_event(LOG_WARN, id_zero(), "process.ended",
                          "%s ended (%s %d), again in %lld ms", p->row->name,
                          WIFSIGNALED(status) ? "signal" : "exit",
                          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                          (long long)p->backoff_ms);
            }
        }
    }
}

static void on_signal(void *ctx, int fd, uint32_t events)
{
    supervisor_t *s = ctx;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            s->stopping = true;
        }
    }
    reap(s);
}

/* nginx is ready when its port answers; a waiting process starts when its time has come. */
static void tend(supervisor_t *s)
{
    for (size_t i = 0; i < s->n; i++) {
        process_t *p = &s->all[i];
        if (p->state == PROCESS_STARTING && p->row->kind == PROCESS_NGINX &&
            process_port_answers(s->h->port, 0)) {
            process_state_set(p, PROCESS_READY);
        }
        if (p->state == PROCESS_WAITING && !s->stopping && clock_mono_us() >= p->start_at_us) {
            err_t e = start(s, p);
            if (err_failed(e)) {
                log_err(LOG_ERROR, id_zero(), "process.start", e);
                process_ended(p);
            }
        }
    }
}

static void turn(supervisor_t *s)
{
    err_t e = wire_server_turn(s->server, TURN_MS);
    if (err_failed(e)) {
        log_err(LOG_ERROR, id_zero(), "supervisor.turn", e);
    }
    tend(s);
}

static err_t start_all(supervisor_t *s)
{
    for (size_t i = 0; i < s->n; i++) {
        process_t *p = &s->all[i];
        TRY(start(s, p));
        int64_t until_us = clock_mono_us() + START_WAIT_US;
        while (p->state == PROCESS_STARTING && !s->stopping && clock_mono_us() < until_us) {
            turn(s);
        }
        if (p->state != PROCESS_READY) {
            slice_t name = slice_cstr_in(p->row->name);
            fprintf(
                stderr, "sekisho: %.*s %s (var/log/%.*s.log)\n", SLICE_FMT(name),
                (const char *)i18n_text(&command_catalog, s->h->lang, COMMAND_MSG_UP_NOT_READY).ptr,
                SLICE_FMT(name));
            return FAIL(ERR_UNAVAILABLE);
        }
    }
    return OK;
}

static void stop_all(supervisor_t *s)
{
    s->stopping = true;
    for (size_t i = s->n; i-- > 0;) { /* the front first, the record last */
        process_t *p = &s->all[i];
        if (!p->pid) {
            continue;
        }
        kill(p->pid, p->row->kind == PROCESS_NGINX ? SIGQUIT : SIGTERM);
        int64_t until_us = clock_mono_us() + DRAIN_US;
        while (p->pid && clock_mono_us() < until_us) {
            turn(s);
        }
        if (p->pid) {
            kill(p->pid, SIGKILL);
            log_event(LOG_WARN, id_zero(), "process.killed", "%s did not end in time",
                      p->row->name);
        }
    }
    for (int64_t until_us = clock_mono_us() + DRAIN_US; clock_mono_us() < until_us;) {
        bool left = false;
        for (size_t i = 0; i < s->n; i++) {
            left = left || s->all[i].pid;
        }
        if (!left) {
            break;
        }
        turn(s);
    }
}

/* ---- control socket ---- */

static void status_reply(supervisor_t *s, wire_conn_t from)
{
    uint8_t mem[4096];
    buf_t out = BUF_ON_ARRAY(mem);
    control_status_t status = {.profile = s->h->profile,
                               .separated = s->h->separated,
                               .port = (uint16_t)s->h->port,
                               .n = s->n};
    for (size_t i = 0; i < s->n; i++) {
        const process_t *p = &s->all[i];
        status.rows[i] = (control_row_t){
            .state = p->state, .pid = p->pid, .restarts = p->restarts, .since_us = p->since_us};
        snprintf(status.rows[i].name, sizeof status.rows[i].name, "%s", p->row->name);
    }
    control_status_put(&out, &status);
    wire_reply(s->server, from, buf_slice(&out));
}

static err_t clock_move(supervisor_t *s, wire_conn_t from, cursor_t *body)
{
    uint8_t mem[32];
    buf_t out = BUF_ON_ARRAY(mem);
    int64_t add_us = cur_i64(body);
    TRY(cur_end(body));
    ENSURE(s->cell, ERR_DENIED);
    int64_t now_us = __atomic_add_fetch(&s->cell->offset_us, add_us, __ATOMIC_SEQ_CST);
    wire_begin(&out, CONTROL_CLOCK_IS);
    buf_i64(&out, now_us);
    wire_reply(s->server, from, buf_slice(&out));
    return OK;
}

static err_t process_signal(supervisor_t *s, wire_conn_t from, cursor_t *body)
{
    int number = cur_u8(body);
    slice_t name = cur_str16(body);
    TRY(cur_end(body));
    ENSURE(s->cell, ERR_DENIED);
    for (size_t i = 0; i < s->n; i++) {
        if (slice_eq(name, slice_cstr_in(s->all[i].row->name)) && s->all[i].pid) {
            kill(s->all[i].pid, number);
            wire_reply_done(s->server, from);
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    supervisor_t *s = ctx;
    switch (kind) {
    case CONTROL_STATUS:
        status_reply(s, from);
        return OK;
    case CONTROL_STOP:
        s->stopping = true;
        wire_reply_done(s->server, from);
        return OK;
    case CONTROL_CLOCK:
        return clock_move(s, from, body);
    case CONTROL_KILL:
        return process_signal(s, from, body);
    default:
        return FAIL(ERR_SYNTAX);
    }
}

static const wire_events_t EVENTS = {.on_message = on_message};

/* ---- the house ---- */

static err_t signals_take(supervisor_t *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    ENSURE(s->signal_fd >= 0, ERR_IO);
    return wire_server_watch(s->server, s->signal_fd, EPOLLIN, on_signal, s);
}

static err_t clock_map(supervisor_t *s)
{
    if (s->h->profile != PROFILE_TEST && s->h->profile != PROFILE_BENCH) {
        return OK;
    }
    FD_SCOPED int fd = -1;
    TRY(fd_open(house_path(s->h, s->h->var, "run", "clock", NULL), O_RDWR, 0, &fd));
    void *at = mmap(NULL, sizeof(clock_cell_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ENSURE(at != MAP_FAILED, ERR_IO);
    s->cell = at;
    return OK;
}

static err_t supervisor_open(house_t *h, supervisor_t *s)
{
    *s = (supervisor_t){.h = h, .signal_fd = -1};
    int fd = -1;
    unix_owner_t owner = {.uid = (uid_t)-1, .gid = (gid_t)-1, .mode = 0600};
    TRY(unix_listen(house_path(h, h->var, "run", "control.sock", NULL), SOCK_SEQPACKET, &owner,
                    &fd));
    wire_server_conf_t conf = {.self = ROOM_COMMAND,
                               .api_version = CONTROL_VERSION,
                               .callers = ROOM_BIT(ROOM_COMMAND),
                               .separated = h->separated,
                               .events = &EVENTS,
                               .ctx = s};
    TRY(wire_server_new(&conf, fd, &s->server));
    TRY(signals_take(s));
    TRY(clock_map(s));
    for (size_t i = 0; i < HOUSE_PROCESS_COUNT; i++) {
        if (!house_runs(h, &HOUSE_PROCESSES[i])) {
            continue;
        }
        process_t *p = &s->all[s->n++];
        *p = (process_t){.row = &HOUSE_PROCESSES[i], .log_fd = -1, .ready_fd = -1};
        slice_t name;
        TRY(arena_printf(&h->arena, &name, "%s.log", p->row->name));
        TRY(logfile_open(&p->log, house_path(h, h->var, "log", (const char *)name.ptr, NULL)));
    }
    return OK;
}

static void addresses_say(const house_t *h)
{
    uint8_t mem[4096];
    buf_t out = BUF_ON_ARRAY(mem);
    tpl_addresses(&out, h->lang,
                  &(struct tpl_addresses_args){.port = h->port,
                                               .psp_port = h->port + HOUSE_PSP_OFFSET,
                                               .has_stand_ins = h->profile != PROFILE_PRODUCTION,
                                               .separated = h->separated});
    house_print(buf_slice(&out));
    fflush(stdout);
}

/* The parent of a detached house waits here until it is healthy. */
static int wait_for_child(int fd)
{
    uint8_t byte = 1;
    return read(fd, &byte, 1) == 1 ? byte : 1;
}

/* Returns -1 in the process that goes on to be the supervisor, else the exit code. tell_fd: where
 * to say "healthy". */
static int detach(int *ret_tell_fd)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return 1;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        close(pipe_fds[1]);
        return child < 0 ? 1 : wait_for_child(pipe_fds[0]);
    }
    close(pipe_fds[0]);
    setsid();
    *ret_tell_fd = pipe_fds[1];
    return -1;
}

/* Nothing of the caller's terminal stays with a detached house. */
static void let_go(house_t *h, int tell_fd)
{
    uint8_t healthy = 0;
    int log_fd = open(house_path(h, h->var, "log", "supervisor.log", NULL).text,
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    err_ignore(
        fd_write_all(tell_fd, slice_make(&healthy, 1))); /* nobody waits any more: no matter */
    close(tell_fd);
    dup2(nowhere, STDIN_FILENO);
    dup2(log_fd >= 0 ? log_fd : nowhere, STDOUT_FILENO);
    dup2(log_fd >= 0 ? log_fd : nowhere, STDERR_FILENO);
}

static int house_run(house_t *h, int tell_fd)
{
    static supervisor_t s;
    log_room("supervisor");
    err_t e = setup_house(h);
    if (!err_failed(e)) {
        e = supervisor_open(h, &s);
        if (err_is(e, ERR_EXISTS)) {
            house_complain(h, COMMAND_MSG_UP_ALREADY);
            return 1;
        }
    }
    if (!err_failed(e)) {
        process_reap_leftovers(h);
        e = start_all(&s);
    }
    if (err_failed(e)) {
        log_err(LOG_ERROR, id_zero(), "house.start", e);
        if (s.server) {
            stop_all(&s);
        }
        return 1;
    }
    addresses_say(h);
    if (tell_fd >= 0) {
        let_go(h, tell_fd);
    }
    while (!s.stopping) {
        turn(&s);
    }
    stop_all(&s);
    wire_server_free(s.server);
    unlink(house_path(h, h->var, "run", "pids", NULL).text);
    return 0;
}

/* Neither swapped nor dumped, as far as the system lets us. */
static void secret_guard(house_secret_t *secret)
{
    if (sodium_mlock(secret, sizeof *secret) != 0) {
        log_event(LOG_WARN, id_zero(), "supervisor.secret", "its memory cannot be locked");
    }
}

/* One line from a descriptor. */
static bool secret_read(int fd, house_secret_t *ret)
{
    uint8_t byte;
    ret->len = 0;
    while (ret->len < HOUSE_SECRET_MAX && read(fd, &byte, 1) == 1 && byte != '\n') {
        ret->b[ret->len++] = byte;
    }
    if (ret->len == 0) {
        return false;
    }
    ret->b[ret->len++] = '\n';
    return true;
}

/* Somebody sits there: what is typed is not shown. */
static bool secret_ask(const house_t *h, house_secret_t *ret)
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return false;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    house_print(i18n_text(&command_catalog, h->lang, COMMAND_MSG_UP_ASK_SECRET));
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool good = secret_read(STDIN_FILENO, ret);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stdout);
    return good;
}

/* False when the vault cannot start without it. */
static bool secret_take(house_t *h, int fd, house_secret_t *ret)
{
    path_t secrets = house_path(h, h->var, "secrets", "vault", NULL);
    path_t ini = house_path(h, h->var, "etc", "vault.ini", NULL);
    bool good = true;
    if (fd >= 0) {
        good = secret_read(fd, ret);
        close(fd);
    } else if (vault_keyfile_needs_secret(secrets, ini)) {
        good = secret_ask(h, ret);
    }
    h->vault_secret = ret;
    return good;
}

static bool up_parse(int argc, char **argv, bool *ret_detached, int *ret_fd)
{
    *ret_detached = false;
    *ret_fd = -1;
    for (int i = 0; i < argc; i++) {
        uint64_t fd;
        if (strcmp(argv[i], "--detach") == 0) {
            *ret_detached = true;
        } else if (strcmp(argv[i], "--vault-secret-fd") == 0 && i + 1 < argc &&
                   !err_failed(slice_parse_u64(slice_cstr_in(argv[++i]), 1023, &fd))) {
            *ret_fd = (int)fd;
        } else {
            return false;
        }
    }
    return true;
}

int supervise_up(house_t *h, int argc, char **argv)
{
    static house_secret_t secret;
    bool detached;
    int secret_fd, tell_fd = -1;
    if (!up_parse(argc, argv, &detached, &secret_fd)) {
        house_complain(h, COMMAND_MSG_USAGE_UP);
        return 2;
    }
    secret_guard(&secret);
    if (!secret_take(h, secret_fd, &secret)) {
        house_complain(h, COMMAND_MSG_UP_NEEDS_SECRET);
        return 1;
    }
    if (detached) {
        int code = detach(&tell_fd);
        if (code >= 0) {
            sodium_memzero(&secret, sizeof secret);
            return code;
        }
        secret_guard(&secret); /* locks are not inherited */
    }
    int code = house_run(h, tell_fd);
    sodium_memzero(&secret, sizeof secret);
    return code;
}

int supervise_down(house_t *h, int argc, char **argv)
{
    control_status_t status;
    if (err_failed(control_status(h, &status)) || err_failed(control_stop(h))) {
        house_complain(h, COMMAND_MSG_DOWN_NOT_RUNNING);
        return 1;
    }
    for (int64_t waited = 0; waited < DOWN_WAIT_US; waited += 50000) {
        if (err_failed(control_status(h, &status))) {
            house_say(h, COMMAND_MSG_DOWN_DONE);
            return 0;
        }
        usleep(50000);
    }
    house_complain(h, COMMAND_MSG_DOWN_SLOW);
    return 1;
}

int supervise_clock(house_t *h, int argc, char **argv)
{
    int64_t add_s, offset_us;
    if (argc != 1 ||
        err_failed(slice_parse_i64(slice_cstr_in(argv[0]), -4000000000, 4000000000, &add_s))) {
        house_complain(h, COMMAND_MSG_USAGE_CLOCK);
        return 2;
    }
    err_t e = control_clock(h, add_s * CLOCK_SECOND_US, &offset_us);
    if (err_failed(e)) {
        fprintf(stderr, "sekisho: %s\n", err_text(e.code));
        return 1;
    }
    printf("%lld\n", (long long)(offset_us / CLOCK_SECOND_US));
    return 0;
}

int supervise_kill(house_t *h, int argc, char **argv)
{
    uint64_t number;
    if (argc != 2 || err_failed(slice_parse_u64(slice_cstr_in(argv[1]), 64, &number))) {
        house_complain(h, COMMAND_MSG_USAGE_KILL);
        return 2;
    }
    err_t e = control_kill(h, argv[0], (int)number);
    if (err_failed(e)) {
        fprintf(stderr, "sekisho: %s\n", err_text(e.code));
        return 1;
    }
    return 0;
}
