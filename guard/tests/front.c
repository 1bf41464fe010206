#include "front.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/api.h"

static const char *module_so, *ledgerd_program, *rules_dir, *NGINX = "/usr/sbin/nginx";

static const char CRS_SETUP[] = "/etc/modsecurity/crs/crs-setup.conf",
                  CRS_RULES[] = "/usr/share/modsecurity-crs/rules";

bool front_programs(int argc, char **argv)
{
    CHECK(argc == 4);
    module_so = argv[1];
    ledgerd_program = argv[2];
    rules_dir = argv[3];
    signal(SIGPIPE, SIG_IGN);
    if (access(NGINX, X_OK) != 0) {
        fprintf(stderr, "skipped: %s is not here\n", NGINX);
        return false;
    }
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
    fprintf(stderr, "skipped: nginx cannot load a module with clang's sanitizer in it\n");
    return false;
#endif
#endif
    return true;
}

static void sub_dir(const front_t *f, const char *name, mode_t mode)
{
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    CHECK(mkdir(path, mode) == 0);
}

static void write_file(const char *path, slice_t text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
    close(fd);
}

unsigned front_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
          getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void print_conf(front_t *f, const char *log_level, front_rules_t rules)
{
    static uint8_t mem[64 * 1024], changed[64 * 1024];
    char run[FRONT_PATH + 16], prefix[FRONT_PATH + 16], statics[FRONT_PATH + 16],
        secrets[FRONT_PATH + 32];
    buf_t text = BUF_ON_ARRAY(mem), out = BUF_ON_ARRAY(changed);
    snprintf(run, sizeof run, "%s/run", f->dir);
    snprintf(prefix, sizeof prefix, "%s/guard", f->dir);
    snprintf(statics, sizeof statics, "%s/static", f->dir);
    snprintf(secrets, sizeof secrets, "%s/secrets/guard", f->dir);
    assert_ok(
        guard_conf_print(&text, &(guard_conf_t){.module_so = module_so,
                                                .prefix = prefix,
                                                .run_dir = run,
                                                .static_dir = statics,
                                                .secrets_dir = secrets,
                                                .user = geteuid() == 0 ? "root" : NULL,
                                                .port = f->port,
                                                .has_mail = true,
                                                .card_check = true,
                                                .rules_dir = rules ? rules_dir : NULL,
                                                .crs_setup = rules == FRONT_CRS ? CRS_SETUP : NULL,
                                                .crs_rules = rules == FRONT_CRS ? CRS_RULES : NULL,
                                                .worker_processes = f->workers}));
    slice_t all = buf_slice(&text), level = SLICE("error_log stderr warn;");
    size_t at = slice_find(all, level);
    assert_int_not_equal(at, SIZE_MAX);
    buf_put(&out, slice_sub(all, 0, at));
    buf_cstr(&out, "error_log stderr ");
    buf_cstr(&out, log_level ? log_level : "warn");
    buf_cstr(&out, ";");
    buf_put(&out, slice_from(all, at + level.len));
    write_file(f->conf, buf_slice(&out));
}

bool front_has_crs(void)
{
    return access(CRS_SETUP, R_OK) == 0 && access(CRS_RULES, R_OK) == 0;
}

void front_init(front_t *f, unsigned workers, const char *log_level)
{
    front_init_rules(f, workers, log_level, FRONT_NO_RULES);
}

void front_init_rules(front_t *f, unsigned workers, const char *log_level, front_rules_t rules)
{
    *f = (front_t){.workers = workers, .port = front_free_port()};
    snprintf(f->dir, sizeof f->dir, "/tmp/sekisho-guard-XXXXXX");
    CHECK(mkdtemp(f->dir) && chmod(f->dir, 0755) == 0);
    sub_dir(f, "run", 0755);
    sub_dir(f, "etc", 0755);
    sub_dir(f, "guard", 0700);
    sub_dir(f, "static", 0755);
    sub_dir(f, "secrets", 0755);
    sub_dir(f, "secrets/guard", 0700);
    char path[FRONT_PATH + 32];
    snprintf(path, sizeof path, "%s/static/a.css", f->dir);
    write_file(path, SLICE("body { color: black }\n"));
    snprintf(path, sizeof path, "%s/etc/ledger.ini", f->dir);
    write_file(path, SLICE("[log]\norigin = sekisho.local/test\npiece_mib = 4\nseal_ms = 20\n"));
    snprintf(f->log, sizeof f->log, "%.100s/nginx.log", f->dir);
    snprintf(f->conf, sizeof f->conf, "%.100s/guard/nginx.conf", f->dir);
    snprintf(f->ledger_sock, sizeof f->ledger_sock, "%.100s/run/ledger.sock", f->dir);
    print_conf(f, log_level, rules);
}

void front_conf(front_t *f, const char *http)
{
    static uint8_t mem[256 * 1024];
    buf_t text = BUF_ON_ARRAY(mem);
    const char *const before[] = {"load_module \"", module_so, "\";\npid \"", f->dir,
                                  "/run/nginx.pid\";\ndaemon off;\nerror_log stderr info;\n"
                                  "worker_shutdown_timeout 10s;\n"
                                  "events { worker_connections 512; }\n"};
    for (size_t i = 0; i < BASE_COUNT(before); i++) {
        buf_cstr(&text, before[i]);
    }
    buf_cstr(&text, geteuid() == 0 ? "user root;\n" : "");
    buf_cstr(&text, "worker_processes ");
    buf_dec(&text, f->workers);
    buf_cstr(&text, ";\nhttp {\n    client_body_temp_path body.tmp; proxy_temp_path proxy.tmp; "
                    "fastcgi_temp_path fastcgi.tmp;\n    uwsgi_temp_path uwsgi.tmp; "
                    "scgi_temp_path scgi.tmp;\n");
    buf_cstr(&text, http);
    buf_cstr(&text, "\n}\n");
    assert_ok(buf_check(&text));
    write_file(f->conf, buf_slice(&text));
}

void front_conf_whole(front_t *f, slice_t text)
{
    write_file(f->conf, text);
}

const char *front_rules_dir(void)
{
    return rules_dir;
}

const char *front_module(void)
{
    return module_so;
}

void front_reload(front_t *f)
{
    pid_t before[8], now[8];
    size_t n = front_workers(f, before, 8);
    CHECK(n > 0 && kill(f->nginx, SIGHUP) == 0);
    for (int i = 0; i < 12000; i++) { /* two minutes: the machine may be busy */
        size_t old = 0, count = front_workers(f, now, 8);
        for (size_t a = 0; a < count; a++) {
            for (size_t b = 0; b < n; b++) {
                old += now[a] == before[b];
            }
        }
        if (count == f->workers && old == 0) {
            return;
        }
        usleep(10000);
    }
    fail_msg("nginx does not reload");
}

int front_run(const char *const *argv, char *ret_out, size_t cap)
{
    int fds[2], status;
    size_t len = 0;
    union { /* execvp takes char *const[] but changes nothing */
        const char *const *ro;
        char *const *rw;
    } args = {.ro = argv};
    CHECK(pipe(fds) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        execvp(argv[0], args.rw);
        _exit(127);
    }
    close(fds[1]);
    for (ssize_t n; len + 1 < cap && (n = read(fds[0], ret_out + len, cap - 1 - len)) > 0;) {
        len += (size_t)n;
    }
    ret_out[len] = 0;
    close(fds[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void front_rooms(front_t *f)
{
    char path[FRONT_PATH];
    snprintf(path, sizeof path, "%.100s/run/shop.http.sock", f->dir);
    room_start(&f->shop, path);
    snprintf(path, sizeof path, "%.100s/run/pay.http.sock", f->dir);
    room_start(&f->pay, path);
    f->has_rooms = true;
}

/* A sanitized module needs its runtime in nginx, which has none: the test's own is loaded first. */
static void preload_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
    char line[1024];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (path && strstr(path, "libasan.so")) {
            path[strcspn(path, "\n")] = 0;
            setenv("LD_PRELOAD", path, 1);
            setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
            break;
        }
    }
    if (maps) {
        fclose(maps);
    }
#endif
}

static pid_t nginx_run(const front_t *f, const char *option)
{
    char prefix[FRONT_PATH + 16];
    snprintf(prefix, sizeof prefix, "%s/guard", f->dir);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int log = open(f->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        dup2(log, STDERR_FILENO);
        dup2(log, STDOUT_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a failed test leaves nothing behind */
        preload_sanitizer();
        execl(NGINX, NGINX, "-p", prefix, "-c", f->conf, "-e", "stderr", option, (char *)NULL);
        _exit(127);
    }
    return pid;
}

int front_nginx_try(front_t *f)
{
    int status;
    pid_t pid = nginx_run(f, "-t");
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void front_nginx(front_t *f)
{
    f->nginx = nginx_run(f, NULL);
    for (int i = 0; i < 1000; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int rc = connect(fd, (struct sockaddr *)&at, sizeof at);
        close(fd);
        pid_t pids[8];
        if (rc == 0 && front_workers(f, pids, 8) == f->workers) {
            return;
        }
        usleep(10000);
    }
    size_t len;
    fail_msg("nginx does not start: %s", front_file(f->log, &len));
}

void front_nginx_stop(front_t *f, int signal)
{
    int status;
    if (f->nginx > 0) {
        CHECK(kill(f->nginx, signal) == 0 && waitpid(f->nginx, &status, 0) == f->nginx);
        f->nginx = 0;
    }
}

void front_ledgerd(front_t *f)
{
    int fds[2];
    char byte, ready[16];
    CHECK(pipe(fds) == 0);
    f->ledgerd = fork();
    CHECK(f->ledgerd >= 0);
    if (f->ledgerd == 0) {
        close(fds[0]);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(ready, sizeof ready, "%d", fds[1]);
        execl(ledgerd_program, ledgerd_program, "--var", f->dir, "--profile", "test",
              "--no-separation", "--ready-fd", ready, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    CHECK(read(fds[0], &byte, 1) == 1);
    close(fds[0]);
    if (!f->client) {
        assert_ok(ledger_client_new(f->ledger_sock, ROOM_TEST, &f->client));
    }
}

void front_ledgerd_kill(front_t *f)
{
    if (f->ledgerd > 0) {
        kill(f->ledgerd, SIGCONT);
        kill(f->ledgerd, SIGKILL);
        CHECK(waitpid(f->ledgerd, NULL, 0) == f->ledgerd);
        f->ledgerd = 0;
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void front_deinit(front_t *f)
{
    front_nginx_stop(f, SIGTERM);
    if (f->client) {
        ledger_client_free(f->client);
    }
    front_ledgerd_kill(f);
    if (f->has_rooms) {
        room_stop(&f->shop);
        room_stop(&f->pay);
    }

    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

size_t front_workers(const front_t *f, pid_t *ret_pids, size_t cap)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", f->nginx, f->nginx);
    FILE *in = fopen(path, "re");
    int pid;
    while (in && n < cap && fscanf(in, "%d", &pid) == 1) {
        ret_pids[n++] = pid;
    }
    if (in) {
        fclose(in);
    }
    return n;
}

size_t front_open_files(pid_t pid)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    while (dir && readdir(dir)) {
        n++;
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

uint8_t *front_file(const char *path, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *mem = malloc((size_t)st.st_size + 1);
    CHECK(mem);
    ssize_t n = read(fd, mem, (size_t)st.st_size);
    CHECK(n >= 0);
    mem[n] = 0;
    close(fd);
    *ret_len = (size_t)n;
    return mem;
}

bool front_file_has(const char *path, const char *text)
{
    size_t len;
    uint8_t *mem = front_file(path, &len);
    bool has = slice_find(slice_make(mem, len), slice_cstr_in(text)) != SIZE_MAX;
    free(mem);
    return has;
}

static const char *searched;
static bool found;

static int search_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (S_ISREG(st->st_mode) && st->st_size && front_file_has(path, searched)) {
        fprintf(stderr, "found \"%s\" in %s\n", searched, path);
        found = true;
    }
    return 0;
}

bool front_tree_has(const char *dir, const char *text)
{
    searched = text;
    found = false;
    CHECK(nftw(dir, search_one, 16, FTW_PHYS) == 0);
    return found;
}

/* ---- the record ---- */

size_t front_tail(front_t *f, front_entry_fn *fn, void *user)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entries[256];
    size_t n;
    assert_ok(ledger_tail(f->client, &f->tail, BASE_COUNT(entries), 200, mem, sizeof mem, entries,
                          BASE_COUNT(entries), &n));
    for (size_t i = 0; i < n; i++) {
        fn(user, &entries[i]);
    }
    return n;
}

void front_recorded(front_t *f, id128_t request, ledger_type_t type, char *ret_facts, size_t cap)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    ledger_entry_t entries[16];
    for (int tries = 0; tries < 2000; tries++) {
        uint64_t from = 0;
        size_t n;
        assert_ok(ledger_find(f->client, LEDGER_BY_REQUEST, request, &from, mem, sizeof mem,
                              entries, BASE_COUNT(entries), &n));
        for (size_t i = 0; i < n; i++) {
            if (entries[i].rec.type == type) {
                assert_int_equal(entries[i].room, ROOM_GUARD);
                snprintf(ret_facts, cap, "%.*s", SLICE_FMT(entries[i].rec.facts));
                return;
            }
        }
        usleep(5000);
    }
    fail_msg("no record of type %s", ledger_type_name(type));
}
