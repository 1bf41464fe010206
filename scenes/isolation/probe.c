/* isolation-probe VAR TREE SHARED ROOM user|sealed [LOOSEN] - what a thief in ROOM could do to the
 * house that runs in VAR. Needs root.
 *
 * user:   a program of its own under the room's user, without groups, without a filter.
 * sealed: in the room's own process, after its rite. The house was started with the preload and
 *         SHARED (SEKISHO_TEST_PRELOAD, SEKISHO_TEST_SHARED); the room is killed, and the tries are
 *         made by its successor.
 * LOOSEN, for controls: "dumpable" (user: a process of the room's user that can be debugged stands
 *         in as a further victim), "wire" (user: payd's door is replaced by one that lets all in),
 * or the name of a system call (sealed) that is let through. A JSON line a try:
 * {"kind","target","what","allowed","by"}. Exit 0 when all were made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "faults/house.h"
#include "io/wire_server.h"
#include "plan.h"

enum { SEALED_WAIT_US = 60000000, POLL_US = 20000, DEPTH_MAX = 6 };

static int die(const char *what)
{
    fprintf(stderr, "isolation-probe: %s: %s\n", what, strerror(errno));
    return 1;
}

/* ---- what there is to take ---- */

static void file_add(plan_t *p, const char *path, const char *area, bool folder)
{
    CHECK(p->n_files < PLAN_FILES && strlen(path) < PLAN_PATH);
    plan_file_t *f = &p->files[p->n_files++];
    snprintf(f->path, sizeof f->path, "%s", path);
    snprintf(f->area, sizeof f->area, "%s", area);
    f->folder = folder;
}

static void walk(plan_t *p, const char *dir, const char *area, int depth)
{
    DIR *d = opendir(dir);
    CHECK(d && depth < DEPTH_MAX);
    file_add(p, dir, area, true);
    for (struct dirent *row; (row = readdir(d));) {
        char path[PATH_MAX];
        struct stat st;
        if (strcmp(row->d_name, ".") == 0 || strcmp(row->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", dir, row->d_name);
        if (lstat(path, &st) != 0) {
            continue; /* gone meanwhile */
        }
        if (S_ISDIR(st.st_mode)) {
            walk(p, path, area, depth + 1);
        } else if (S_ISREG(st.st_mode)) {
            bool sheet = strcmp(area, "etc") == 0 && strcmp(row->d_name, "evidence-keys") == 0;
            file_add(p, path, sheet ? "sheet" : area, false);
        }
    }
    closedir(d);
}

/* nginx's master works in its prefix, which is root's and everybody's to look at ("front"); what is
 * in it is the guard's. */
static void front_walk(plan_t *p, const char *prefix)
{
    DIR *d = opendir(prefix);
    CHECK(d);
    file_add(p, prefix, "front", true);
    for (struct dirent *row; (row = readdir(d));) {
        char path[PATH_MAX + 256];
        snprintf(path, sizeof path, "%s/%s", prefix, row->d_name);
        struct stat st;
        if (row->d_name[0] == '.' || lstat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            walk(p, path, "guard", 0);
        } else {
            file_add(p, path, "ring",
                     false); /* the tuning ring: mapped by the master, nobody's to open */
        }
    }
    closedir(d);
}

/* var/<name> is the area <name>; var/secrets/<room> is "<room> keys"; var itself "var". */
static void var_walk(plan_t *p, const char *var)
{
    DIR *d = opendir(var);
    CHECK(d);
    file_add(p, var, "var", true);
    for (struct dirent *row; (row = readdir(d));) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", var, row->d_name);
        if (row->d_name[0] == '.' || strcmp(row->d_name, "secrets") == 0) {
            continue;
        }
        if (strcmp(row->d_name, "guard") == 0) {
            front_walk(p, path);
        } else {
            walk(p, path, row->d_name, 0);
        }
    }
    closedir(d);
    char secrets[PATH_MAX];
    snprintf(secrets, sizeof secrets, "%s/secrets", var);
    CHECK((d = opendir(secrets)));
    file_add(p, secrets, "keys", true);
    for (struct dirent *row; (row = readdir(d));) {
        char path[PATH_MAX + 256], area[PLAN_WORD];
        if (row->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", secrets, row->d_name);
            snprintf(area, sizeof area, "%.16s keys", row->d_name);
            walk(p, path, area, 0);
        }
    }
    closedir(d);
}

static void tree_take(plan_t *p, const char *tree)
{
    static const struct {
        const char *name;
        bool folder;
    } PROGRAMS[] = {
        {"sekisho", false},
        {"build/command", true},
        {"build/command/sekisho", false},
        {"build/ledger/ledgerd", false},
        {"build/vault/vaultd", false},
        {"build/pay/payd", false},
        {"build/shop/shopd", false},
        {"build/guard/nginx", true},
        {"build/guard/nginx/ngx_http_sekisho_module.so", false},
        {"shop/static", true},
        {"shop/static/shop.css", false},
    };
    for (size_t i = 0; i < BASE_COUNT(PROGRAMS); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", tree, PROGRAMS[i].name);
        file_add(p, path, "tree", PROGRAMS[i].folder);
    }
}

static void proc_add(plan_t *p, const char *name, pid_t pid)
{
    CHECK(p->n_procs < PLAN_PROCS);
    struct plan_proc *proc = &p->procs[p->n_procs++];
    snprintf(proc->name, sizeof proc->name, "%s", name);
    proc->pid = pid;
}

static pid_t parent_of(pid_t child)
{
    char path[64], text[256] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *f = fopen(path, "re");
    CHECK(f && fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    return (pid_t)strtol(strrchr(text, ')') + 4, NULL, 10);
}

/* Everybody of this house, the supervisor and nginx's workers too. */
static err_t procs_take(plan_t *p, fault_house_t *h)
{
    control_status_t status;
    pid_t children[8];
    TRY(fault_status(h, &status));
    for (size_t i = 0; i < status.n; i++) {
        const control_row_t *row = &status.rows[i];
        bool own = room_by_name(slice_cstr_in(row->name)) == p->self;
        if (own) {
            p->own_pid = row->pid;
        }
        proc_add(p, row->name, row->pid);
        if (strcmp(row->name, "guard") == 0 && fault_children(row->pid, children, 8)) {
            proc_add(p, "worker", children[0]);
            p->own_pid = own ? children[0] : p->own_pid; /* the master is root's */
        }
    }
    proc_add(p, "supervisor", parent_of(status.rows[0].pid));
    return OK;
}

static void sockets_take(plan_t *p, const char *var)
{
    static const struct {
        const char *file, *name;
        room_id_t room;
        socket_kind_t kind;
    } ALL[] = {
        {"ledger.sock", "ledger", ROOM_LEDGER, SOCKET_WIRE},
        {"vault.sock", "vault", ROOM_VAULT, SOCKET_WIRE},
        {"pay.sock", "pay", ROOM_PAY, SOCKET_WIRE},
        {"shop.sock", "shop", ROOM_SHOP, SOCKET_WIRE},
        {"control.sock", "supervisor", ROOM_COMMAND, SOCKET_WIRE},
        {"shop.http.sock", "shop", ROOM_SHOP, SOCKET_HTTP},
        {"pay.http.sock", "pay", ROOM_PAY, SOCKET_HTTP},
        {"mailsim.http.sock", "mailsim", ROOM_MAILSIM, SOCKET_HTTP},
    };
    for (size_t i = 0; i < BASE_COUNT(ALL); i++) {
        struct plan_socket *s = &p->sockets[p->n_sockets++];
        *s = (struct plan_socket){.room = ALL[i].room, .kind = ALL[i].kind};
        snprintf(s->name, sizeof s->name, "%s", ALL[i].name);
        snprintf(s->path, sizeof s->path, "%s/run/%s", var, ALL[i].file);
    }
}

/* ---- controls ---- */

static void become(room_id_t room)
{
    uid_t uid;
    gid_t gid;
    CHECK(!err_failed(room_ids(room, &uid, &gid)) && setgroups(0, NULL) == 0 &&
          setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
}

/* A process under the room's own user that its user may debug: as a room would be that forgot to
 * say otherwise. */
static pid_t victim_start(plan_t *p)
{
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        become(p->self);
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
        CHECK(write(ready[1], "1", 1) == 1);
        for (;;) {
            pause();
        }
    }
    CHECK(child > 0 && read(ready[0], &byte, 1) == 1);
    proc_add(p, "loose", child);
    return child;
}

static err_t take_all(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    return FAIL(ERR_SYNTAX);
}

/* A door like payd's that knows no law. */
static pid_t door_start(plan_t *p, const char *var)
{
    static const wire_events_t EVENTS = {.on_message = take_all};
    static char path[PLAN_PATH];
    unix_owner_t owner = {(uid_t)-1, (gid_t)-1, 0666};
    int fd = -1;
    snprintf(path, sizeof path, "%s/run/loose.sock", var);
    CHECK(!err_failed(unix_listen((path_t){path}, SOCK_SEQPACKET, &owner, &fd)));
    for (size_t i = 0; i < p->n_sockets; i++) {
        if (p->sockets[i].room == ROOM_PAY && p->sockets[i].kind == SOCKET_WIRE) {
            snprintf(p->sockets[i].path, PLAN_PATH, "%s", path);
        }
    }
    pid_t child = fork();
    if (child == 0) {
        wire_server_t *server;
        wire_server_conf_t conf = {.self = ROOM_PAY,
                                   .api_version = 1,
                                   .callers = ~(room_set_t)0,
                                   .separated = true,
                                   .events = &EVENTS};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        CHECK(!err_failed(wire_server_new(&conf, fd, &server)));
        err_ignore(wire_server_run(server, -1, 0));
        _exit(0);
    }
    close(fd);
    return child;
}

static void child_end(pid_t child)
{
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
}

/* ---- the two ways ---- */

static int run_as_user(plan_t *p)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        become(p->self);
        plan_run(p, NULL, NULL);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : die("the tries");
}

static int run_in_the_room(plan_t *p)
{
    atomic_store(&p->state, PLAN_ARMED);
    if (p->own_pid <= 1 || kill(p->own_pid, SIGKILL) != 0) {
        return die("the room does not stand");
    }
    for (int64_t until = clock_wait_us() + SEALED_WAIT_US; atomic_load(&p->state) != PLAN_DONE;) {
        if (clock_wait_us() > until) {
            atomic_store(&p->state, PLAN_IDLE);
            return die("the room made no tries (is the preload there?)");
        }
        usleep(POLL_US);
    }
    return 0;
}

static void print(const plan_t *p)
{
    for (size_t i = 0; i < p->n_results; i++) {
        const plan_result_t *r = &p->results[i];
        printf("{\"kind\":\"%s\",\"target\":\"%s\",\"what\":\"%s\",\"allowed\":%s,\"by\":\"%s\"}\n",
               r->kind, r->target, r->what, r->allowed ? "true" : "false", r->by);
    }
}

static plan_t *plan_map(const char *shared)
{
    int fd = open(shared, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(plan_t)) != 0) {
        return NULL;
    }
    void *at = mmap(NULL, sizeof(plan_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

int main(int argc, char **argv)
{
    fault_house_t house;
    pid_t helper = 0;
    if (argc == 2) { /* only the file, before the house starts */
        return plan_map(argv[1]) ? 0 : die(argv[1]);
    }
    if (argc < 6 || argc > 7) {
        fputs("usage: isolation-probe VAR TREE SHARED ROOM user|sealed [LOOSEN]\n", stderr);
        return 2;
    }
    plan_t *p = plan_map(argv[3]);
    const char *loosen = argc == 7 ? argv[6] : "";
    if (!p || err_failed(fault_house_open(&house, argv[1], 1024))) {
        return die(argv[3]);
    }
    memset(p, 0, sizeof *p);
    p->self = room_by_name(slice_cstr_in(argv[4]));
    p->sealed = strcmp(argv[5], "sealed") == 0;
    var_walk(p, argv[1]);
    tree_take(p, argv[2]);
    sockets_take(p, argv[1]);
    if (p->self == ROOM_NONE || err_failed(procs_take(p, &house))) {
        return die("no such room, or no house");
    }
    if (strcmp(loosen, "dumpable") == 0) {
        helper = victim_start(p);
    } else if (strcmp(loosen, "wire") == 0) {
        helper = door_start(p, argv[1]);
    } else {
        snprintf(p->loosen, sizeof p->loosen, "%s", loosen);
    }
    int result = p->sealed ? run_in_the_room(p) : run_as_user(p);
    child_end(helper);
    print(p);
    fault_house_close(&house);
    return result;
}
