/* The rite: options, folders, configuration, signals; sockets; the seal; "ready". */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/daemon.h"
#include "io/log.h"
#include "io/sandbox.h"

enum { DAEMON_ARENA = 64 * 1024, DEFAULT_FILES = 1024, DEFAULT_THREADS = 64, READY_FD_MAX = 1023 };

static int stop_eventfd = -1;
static volatile sig_atomic_t stop_flag;

const char *profile_name(profile_t profile)
{
    static const char *const NAMES[] = {"demo", "test", "bench", "production"};
    return (unsigned)profile < BASE_COUNT(NAMES) ? NAMES[profile] : "?";
}

static err_t profile_by_name(const char *name, profile_t *ret_profile)
{
    for (unsigned i = PROFILE_DEMO; i <= PROFILE_PRODUCTION; i++) {
        if (strcmp(name, profile_name((profile_t)i)) == 0) {
            *ret_profile = (profile_t)i;
            return OK;
        }
    }
    return FAIL(ERR_USAGE);
}

static err_t take_option(daemon_t *d, int option, const char *value, const char **var)
{
    uint64_t fd;
    switch (option) {
    case 'v':
        *var = value;
        return OK;
    case 'p':
        return profile_by_name(value, &d->profile);
    case 'r':
    case 's':
        ENSURE(!err_failed(slice_parse_u64(slice_cstr_in(value), READY_FD_MAX, &fd)) && fd > 2,
               ERR_USAGE);
        *(option == 'r' ? &d->ready_fd : &d->secret_fd) = (int)fd;
        return OK;
    case 'c':
        d->check = true;
        return OK;
    case 'n':
        d->separated = false;
        return OK;
    default:
        return FAIL(ERR_USAGE);
    }
}

static err_t read_options(daemon_t *d, int argc, char **argv, const char **ret_var)
{
    static const struct option OPTIONS[] = {{"var", required_argument, NULL, 'v'},
                                            {"profile", required_argument, NULL, 'p'},
                                            {"ready-fd", required_argument, NULL, 'r'},
                                            {"check", no_argument, NULL, 'c'},
                                            {"secret-fd", required_argument, NULL, 's'},
                                            {"no-separation", no_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    optind = 0; /* tests call more than once */
    opterr = 0;
    d->separated = geteuid() == 0;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        TRY(take_option(d, option, optarg, ret_var));
    }
    ENSURE(optind == argc, ERR_USAGE);
    /* Nothing that weakens the house exists in production. */
    ENSURE(d->profile != PROFILE_PRODUCTION || d->separated == (geteuid() == 0), ERR_USAGE);
    return OK;
}

static err_t find_var(daemon_t *d, const char *var)
{
    char whole[PATH_MAX];
    path_t given;
    TRY(path_from_conf(&d->arena, slice_cstr_in(var), &given));
    if (!d->check) {
        TRY(dir_ensure(given, 0755, (uid_t)-1, (gid_t)-1));
    }
    if (!realpath(given.text, whole)) {
        return fd_err(errno);
    }
    return path_from_conf(&d->arena, slice_cstr_in(whole), &d->var);
}

static err_t find_user(daemon_t *d)
{
    d->uid = geteuid();
    d->gid = getegid();
    if (!d->separated) {
        return OK;
    }
    err_t e = room_ids(d->spec->room, &d->uid, &d->gid);
    if (err_is(e, ERR_NOT_FOUND)) {
        log_event(LOG_ERROR, id_zero(), "daemon.user", "system user sekisho-%s does not exist",
                  room_name(d->spec->room));
        return FAIL(ERR_CONFIG);
    }
    TRY(e);
    ENSURE(d->uid != 0 && d->gid != 0, ERR_CONFIG);
    return OK;
}

/* var/<name>, made when we are to make things. mode 0700: the room's own. */
static err_t folder(daemon_t *d, path_t parent, const char *name, mode_t mode, path_t *ret_path)
{
    TRY(path_join(&d->arena, parent, slice_cstr_in(name), ret_path));
    if (d->check) {
        return OK;
    }
    bool own = mode == 0700;
    return dir_ensure(*ret_path, mode, own ? d->uid : (uid_t)-1, own ? d->gid : (gid_t)-1);
}

static err_t make_folders(daemon_t *d)
{
    const char *room = room_name(d->spec->room);
    path_t etc, secrets;
    slice_t ini;
    TRY(folder(d, d->var, "run", 0755, &d->run));
    TRY(folder(d, d->var, "etc", 0755, &etc));
    TRY(folder(d, d->var, "secrets", 0711, &secrets));
    TRY(folder(d, secrets, room, 0700, &d->secrets));
    TRY(folder(d, d->var, room, 0700, &d->data));
    TRY(arena_printf(&d->arena, &ini, "%s.ini", room));
    return path_join(&d->arena, etc, ini, &d->ini);
}

static err_t read_conf(daemon_t *d, void *conf)
{
    conf_fault_t fault;
    const conf_table_t *table = &d->spec->conf;
    if (!d->check) {
        TRY(conf_write_default(table, room_name(d->spec->room), d->ini));
    } else if (access(d->ini.text, F_OK) != 0 && errno == ENOENT) {
        return conf_read_text(table, "", conf, &fault); /* the first run would make it */
    }
    err_t e = conf_read_file(table, d->ini, conf, &fault);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "daemon.conf", "%s:%d: %s", d->ini.text, fault.line,
                  fault.text);
    }
    return e;
}

bool daemon_is_test(const daemon_t *d)
{
    return d->profile == PROFILE_TEST || d->profile == PROFILE_BENCH;
}

/* Law 10: the shared cell moves the clock in a test house and in no other. */
static err_t attach_clock(daemon_t *d)
{
    FD_SCOPED int fd = -1;
    path_t file;
    struct stat st;
    if (!daemon_is_test(d)) {
        return OK;
    }
    TRY(path_join(&d->arena, d->run, SLICE("clock"), &file));
    err_t e = fd_open(file, O_RDONLY, 0, &fd);
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    ENSURE(fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(clock_cell_t), ERR_CORRUPT);
    void *cell = mmap(NULL, sizeof(clock_cell_t), PROT_READ, MAP_SHARED, fd, 0);
    if (cell == MAP_FAILED) {
        return fd_err(errno);
    }
    clock_attach(cell);
    return OK;
}

static void on_stop_signal(int signal_number)
{
    int kept = errno;
    uint64_t one = 1;
    (void)signal_number;
    stop_flag = 1;
    ssize_t written = write(stop_eventfd, &one, sizeof one);
    (void)written;
    errno = kept;
}

bool daemon_stopping(void)
{
    return stop_flag != 0;
}

static err_t take_signals(daemon_t *d)
{
    if (stop_eventfd < 0) {
        stop_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    if (stop_eventfd < 0) {
        return fd_err(errno);
    }
    d->stop_fd = stop_eventfd;
    struct sigaction stop = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return fd_err(errno);
    }
    return OK;
}

err_t daemon_begin(int argc, char **argv, const daemon_spec_t *spec, void *conf,
                   daemon_t *ret_daemon)
{
    daemon_t *d = ret_daemon;
    const char *var = "var";
    *d = (daemon_t){
        .spec = spec, .ready_fd = -1, .secret_fd = -1, .stop_fd = -1, .inet = spec->inet};
    arena_init(&d->arena, DAEMON_ARENA);
    log_room(room_name(spec->room));
    TRY(read_options(d, argc, argv, &var));
    TRY(find_var(d, var));
    TRY(find_user(d));
    TRY(make_folders(d));
    TRY(read_conf(d, conf));
    if (d->check) {
        return OK;
    }
    TRY(attach_clock(d));
    return take_signals(d);
}

err_t daemon_listen(daemon_t *d, const char *name, int type, int *ret_fd)
{
    path_t path;
    unix_owner_t owner = {(uid_t)-1, (gid_t)-1, d->separated ? 0666 : 0600};
    TRY(path_join(&d->arena, d->run, slice_cstr_in(name), &path));
    if (d->separated && type == SOCK_STREAM) { /* HTTP: nginx alone may knock */
        TRY(room_ids(ROOM_GUARD, &owner.uid, &owner.gid));
        owner.mode = 0600;
    }
    return unix_listen(path, type, &owner, ret_fd);
}

static err_t set_limit(int which, rlim_t value)
{
    struct rlimit limit = {value, value};
    return setrlimit((__rlimit_resource_t)which, &limit) == 0 ? OK : fd_err(errno);
}

static err_t become_user(const daemon_t *d)
{
    if (setgroups(0, NULL) != 0 || setresgid(d->gid, d->gid, d->gid) != 0 ||
        setresuid(d->uid, d->uid, d->uid) != 0) {
        return fd_err(errno);
    }
    /* There must be no way back. */
    CHECK(setresuid((uid_t)-1, 0, (uid_t)-1) != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) != 0);
    return OK;
}

err_t daemon_seal(daemon_t *d)
{
    const daemon_spec_t *spec = d->spec;
    if (chdir(d->data.text) != 0) {
        return fd_err(errno);
    }
    umask(077);
    TRY(set_limit(RLIMIT_CORE, 0));
    TRY(set_limit(RLIMIT_NOFILE, spec->max_files ? spec->max_files : DEFAULT_FILES));
    if (d->separated) { /* the limit counts a user's threads: it is ours alone only then */
        TRY(set_limit(RLIMIT_NPROC, spec->max_threads ? spec->max_threads : DEFAULT_THREADS));
        TRY(become_user(d));
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fd_err(errno);
    }
    if (!sandbox_built_in()) { /* sanitizers look into their own process */
        return OK;
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return fd_err(errno);
    }
    sandbox_t box = {spec->syscalls, d->inet, d->profile != PROFILE_PRODUCTION};
    return sandbox_enter(&box);
}

err_t daemon_ready(daemon_t *d)
{
    log_event(LOG_INFO, id_zero(), "daemon.ready", "profile %s, %s", profile_name(d->profile),
              d->separated ? "own user" : "rooms not separated");
    if (d->ready_fd < 0) {
        return OK;
    }
    err_t e = fd_write_all(d->ready_fd, SLICE("1"));
    fd_close(&d->ready_fd);
    return e;
}

err_t daemon_socket_of(daemon_t *d, room_id_t room, path_t *ret_path)
{
    slice_t name;
    TRY(arena_printf(&d->arena, &name, "%s.sock", room_name(room)));
    return path_join(&d->arena, d->run, name, ret_path);
}

err_t daemon_sqlite_url(daemon_t *d, const char *name, const char **ret_url)
{
    path_t file;
    slice_t url;
    TRY(path_join(&d->arena, d->data, slice_cstr_in(name), &file));
    TRY(arena_printf(&d->arena, &url, "sqlite:%s", file.text));
    *ret_url = (const char *)url.ptr;
    return OK;
}

room_set_t daemon_callers(const daemon_t *d)
{
    return room_callers(d->spec->room) | (daemon_is_test(d) ? ROOM_BIT(ROOM_TEST) : 0);
}

int daemon_main(int argc, char **argv, const daemon_spec_t *spec, void *conf,
                err_t (*run)(daemon_t *d))
{
    static daemon_t d;
    err_t e = daemon_begin(argc, argv, spec, conf, &d);
    if (err_is(e, ERR_USAGE)) {
        fprintf(stderr,
                "usage: %s [--var DIR] [--profile demo|test|bench|production] [--ready-fd N] "
                "[--secret-fd N] "
                "[--check] [--no-separation]\n",
                argc > 0 ? argv[0] : "daemon");
        return 2;
    }
    if (!err_failed(e) && !d.check) {
        e = run(&d);
    }
    if (err_failed(e)) {
        log_err(LOG_ERROR, id_zero(), d.check ? "daemon.check" : "daemon.failed", e);
    } else if (!d.check) {
        log_event(LOG_INFO, id_zero(), "daemon.stopped", NULL);
    }
    return err_failed(e) ? 1 : 0;
}
