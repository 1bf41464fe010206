/* Processes, folders, ports. */
#include "house/house.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"

enum { PORT_FIRST = 13000, PORT_LAST = 19000, PORT_STEP = 50 };

/* What the supervisor starts (command/house.c), for a folder of links. */
static const char *const PROGRAMS[] = {"ledger/ledgerd",
                                       "vault/vaultd",
                                       "pay/paysim/paysim",
                                       "pay/payd",
                                       "shop/mailsim/mailsim",
                                       "shop/shopd",
                                       "guard/nginx/ngx_http_sekisho_module.so"};

static bool port_is_free(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_free = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return is_free;
}

/* The house's three ports: shop, provider, mail. Begins at a place of this process, so that two
 * tests seldom meet. */
static unsigned port_find(void)
{
    unsigned steps = (PORT_LAST - PORT_FIRST) / PORT_STEP, first = (unsigned)getpid() % steps;
    for (unsigned i = 0; i < steps; i++) {
        unsigned port = PORT_FIRST + (first + i) % steps * PORT_STEP;
        if (port_is_free(port) && port_is_free(port + 10) && port_is_free(port + 20)) {
            return port;
        }
    }
    return 0;
}

static err_t keep_text(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    ENSURE(len > 0 && len < cap && text[0] == '/', ERR_USAGE);
    memcpy(out, text, len + 1);
    return OK;
}

/* A folder that the rooms' users may pass through. */
static err_t folder_make(char *out, size_t cap)
{
    snprintf(out, cap, "/tmp/sekisho-house-XXXXXX");
    ENSURE(mkdtemp(out) && chmod(out, 0755) == 0, ERR_IO);
    return OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)remove(path);
    return 0;
}

static void folder_remove(char *path)
{
    if (path[0]) {
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        path[0] = 0;
    }
}

/* Waits for a word from the bench; when it dies without one, ends its house. */
static void guard(bench_house_t *h, int heard)
{
    char word;
    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (read(heard, &word, 1) != 1) {
        (void)bench_house_run(h, NULL, (const char *const[]){"down", NULL});
        folder_remove(h->var);
        folder_remove(h->links);
    }
    _exit(0);
}

static err_t guardian_start(bench_house_t *h)
{
    int ends[2];
    ENSURE(pipe2(ends, O_CLOEXEC) == 0, ERR_IO);
    h->guardian_pid = fork();
    ENSURE(h->guardian_pid >= 0, ERR_IO);
    if (h->guardian_pid == 0) {
        close(ends[1]);
        guard(h, ends[0]);
    }
    close(ends[0]);
    h->guardian = ends[1];
    return OK;
}

static void guardian_stop(bench_house_t *h)
{
    if (h->guardian_pid > 0) {
        (void)!write(h->guardian, "q", 1);
        close(h->guardian);
        waitpid(h->guardian_pid, NULL, 0);
        h->guardian_pid = 0;
    }
}

err_t bench_house_init(bench_house_t *h, const char *build, const char *tree, const char *profile,
                       unsigned port)
{
    *h = (bench_house_t){.profile = profile, .port = port ? port : port_find()};
    ENSURE(h->port, ERR_UNAVAILABLE);
    TRY(keep_text(h->build, sizeof h->build, build));
    TRY(keep_text(h->tree, sizeof h->tree, tree));
    TRY(folder_make(h->var, sizeof h->var));
    return guardian_start(h);
}

void bench_house_deinit(bench_house_t *h, bool keep)
{
    if (h->up && err_failed(bench_house_down(h))) {
        fprintf(stderr, "the house in %s does not go down\n", h->var);
        keep = true;
    }
    if (keep && h->var[0]) {
        fprintf(stderr, "kept: %s\n", h->var);
    } else {
        folder_remove(h->var);
    }
    folder_remove(h->links);
    guardian_stop(h);
}

/* Makes the folders of "a/b/c" below dir. */
static err_t folders_of(const char *dir, const char *name)
{
    char path[BENCH_PATH * 2];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%s/%.*s", dir, (int)(slash - name), name);
        ENSURE(mkdir(path, 0755) == 0 || errno == EEXIST, ERR_IO);
    }
    return OK;
}

static err_t link_make(const char *dir, const char *name, const char *target)
{
    char path[BENCH_PATH * 2];
    TRY(folders_of(dir, name));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    ENSURE(symlink(target, path) == 0, ERR_IO);
    return OK;
}

/* sekisho finds its build folder by its own real place, so it alone is a copy. */
static err_t copy_make(const char *dir, const char *name, const char *source)
{
    char path[BENCH_PATH * 2], mem[65536];
    ssize_t n;
    TRY(folders_of(dir, name));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int in = open(source, O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    bool good = in >= 0 && out >= 0;
    while (good && (n = read(in, mem, sizeof mem)) != 0) {
        good = n > 0 && write(out, mem, (size_t)n) == n;
    }
    close(in);
    close(out);
    ENSURE(good, ERR_IO);
    return OK;
}

err_t bench_house_exchange(bench_house_t *h, const char *name, const char *program)
{
    char target[BENCH_PATH * 2];
    TRY(folder_make(h->links, sizeof h->links));
    for (size_t i = 0; i < BASE_COUNT(PROGRAMS); i++) {
        snprintf(target, sizeof target, "%s/%s", h->build, PROGRAMS[i]);
        TRY(link_make(h->links, PROGRAMS[i], strcmp(PROGRAMS[i], name) == 0 ? program : target));
    }
    snprintf(target, sizeof target, "%s/command/sekisho", h->build);
    TRY(copy_make(h->links, "command/sekisho", target));
    TRY(keep_text(h->build, sizeof h->build, h->links));
    guardian_stop(h); /* it must know the links */
    return guardian_start(h);
}

/* ---- running the command ---- */

static void child_run(const bench_house_t *h, int out, const char *const *args)
{
    char port[16], program[BENCH_PATH + 32];
    const char *argv[16] = {program};
    snprintf(program, sizeof program, "%s/command/sekisho", h->build);
    snprintf(port, sizeof port, "%u", h->port);
    setenv("SEKISHO_VAR", h->var, 1);
    setenv("SEKISHO_TREE", h->tree, 1);
    setenv("SEKISHO_PORT", port, 1);
    setenv("LANG", "en_US.UTF-8", 1);
    for (size_t i = 0; args[i] && i + 2 < BASE_COUNT(argv); i++) {
        argv[i + 1] = args[i];
    }
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void output_read(int fd, char *ret_out)
{
    char mem[4096];
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, mem, sizeof mem)) > 0 || (n < 0 && errno == EINTR)) {
        size_t fits = n > 0 ? (size_t)n : 0;
        fits = fits > BENCH_OUTPUT - 1 - len ? BENCH_OUTPUT - 1 - len : fits;
        if (ret_out) {
            memcpy(ret_out + len, mem, fits);
        }
        len += fits;
    }
    if (ret_out) {
        ret_out[len] = 0;
    }
}

int bench_house_run(const bench_house_t *h, char *ret_out, const char *const *args)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        child_run(h, ends[1], args);
    }
    close(ends[1]);
    output_read(ends[0], ret_out);
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

err_t bench_house_up(bench_house_t *h)
{
    const char *const args[] = {"up", "--detach", "--profile", h->profile, NULL};
    ENSURE(bench_house_run(h, NULL, args) == 0, ERR_UNAVAILABLE);
    h->up = true;
    return OK;
}

err_t bench_house_down(bench_house_t *h)
{
    h->up = false;
    ENSURE(bench_house_run(h, NULL, (const char *const[]){"down", NULL}) == 0, ERR_IO);
    return OK;
}

err_t bench_house_signal(const bench_house_t *h, const char *process, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    ENSURE(bench_house_run(h, NULL, (const char *const[]){"signal", process, text, NULL}) == 0,
           ERR_NOT_FOUND);
    return OK;
}

err_t bench_house_clock(const bench_house_t *h, int64_t add_s)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)add_s);
    ENSURE(bench_house_run(h, NULL, (const char *const[]){"clock", text, NULL}) == 0, ERR_DENIED);
    return OK;
}

err_t bench_house_ini(const bench_house_t *h, const char *room, const char *lines)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "%s/etc/%s.ini", h->var, room);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines);
    close(fd);
    ENSURE(good, ERR_IO);
    return OK;
}

void bench_house_sqlite(const bench_house_t *h, char *ret_url, size_t cap)
{
    snprintf(ret_url, cap, "sqlite:%s/shop/shop.db", h->var);
}
