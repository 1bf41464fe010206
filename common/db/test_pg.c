#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/test_pg.h"

#define PG_BIN "/usr/lib/postgresql/15/bin/"
enum { START_WAIT_US = 20 * 1000 * 1000, POLL_US = 20 * 1000 };

/* The server refuses to run as root. */
static void become_postgres(void)
{
    if (geteuid() != 0) {
        return;
    }
    const struct passwd *user = getpwnam("postgres");
    if (!user || setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid)) {
        _exit(127);
    }
}

static pid_t spawn(const char *dir, const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    become_postgres();
    prctl(PR_SET_PDEATHSIG, SIGINT); /* a test that is killed leaves no server behind */
    if (chdir(dir) != 0) {
        _exit(127);
    }
    int log = open("out.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static err_t run(const char *dir, const char *const *argv)
{
    int status;
    pid_t pid = spawn(dir, argv);
    ENSURE(pid > 0 && waitpid(pid, &status, 0) == pid, ERR_IO);
    ENSURE(WIFEXITED(status) && WEXITSTATUS(status) == 0, ERR_IO);
    return OK;
}

static err_t make_dir(const char *where, test_pg_t *pg)
{
    int n = snprintf(pg->dir, sizeof pg->dir, "%s/sekisho-pg-XXXXXX", where ? where : "/tmp");
    bool made = n > 0 && (size_t)n < sizeof pg->dir && mkdtemp(pg->dir);
    if (!made) {
        pg->dir[0] = '\0'; /* nothing to remove */
        return FAIL(n > 0 && (size_t)n < sizeof pg->dir ? ERR_IO : ERR_LIMIT);
    }
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    ENSURE(chmod(pg->dir, 0755) == 0, ERR_IO); /* sealed rooms come to the socket as other users */
    ENSURE(!user || chown(pg->dir, user->pw_uid, user->pw_gid) == 0, ERR_IO);
    return OK;
}

static err_t wait_ready(test_pg_t *pg)
{
    int64_t until_us = clock_wait_us() + START_WAIT_US;
    while (clock_wait_us() < until_us) {
        db_t *db;
        int status;
        if (!err_failed(db_open(pg->url, &db))) {
            db_close(db);
            return OK;
        }
        ENSURE(waitpid(pg->postmaster, &status, WNOHANG) == 0, ERR_IO);
        usleep(POLL_US);
    }
    return FAIL(ERR_TIMEOUT);
}

static err_t start(const char *where, bool durable, test_pg_t *ret_pg)
{
    static const char *const INITDB[] = {PG_BIN "initdb", "-D",         "data",      "-U",
                                         "postgres",      "-A",         "trust",     "-E",
                                         "UTF8",          "--locale=C", "--no-sync", NULL};
    test_pg_t *pg = ret_pg;
    *pg = (test_pg_t){0};
    ENSURE(access(PG_BIN "initdb", X_OK) == 0, ERR_NOT_FOUND);
    TRY(make_dir(where, pg));
    err_t e = run(pg->dir, INITDB);
    if (!err_failed(e)) {
        const char *const server[] = {PG_BIN "postgres",
                                      "-D",
                                      "data",
                                      "-k",
                                      pg->dir,
                                      "-c",
                                      "listen_addresses=",
                                      "-c",
                                      durable ? "fsync=on" : "fsync=off",
                                      "-c",
                                      "max_connections=100",
                                      "-c",
                                      durable ? "shared_buffers=128MB" : "shared_buffers=16MB",
                                      NULL};
        pg->postmaster = spawn(pg->dir, server);
        snprintf(pg->url, sizeof pg->url, "postgresql:///postgres?host=%s&user=postgres", pg->dir);
        e = pg->postmaster > 0 ? wait_ready(pg) : FAIL(ERR_IO);
    }
    if (err_failed(e)) {
        test_pg_stop(pg);
    }
    return e;
}

err_t test_pg_start(test_pg_t *ret_pg)
{
    return start(NULL, false, ret_pg);
}

err_t test_pg_start_durable(const char *where, test_pg_t *ret_pg)
{
    return start(where, true, ret_pg);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void test_pg_stop(test_pg_t *pg)
{
    if (pg->postmaster > 0) {
        int status;
        kill(pg->postmaster, SIGINT); /* fast shutdown */
        waitpid(pg->postmaster, &status, 0);
    }
    if (pg->dir[0]) {
        nftw(pg->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    *pg = (test_pg_t){0};
}

err_t test_pg_schema(const test_pg_t *pg, const char *name, char *ret_url, size_t url_cap)
{
    char sql[128];
    db_t *db;
    for (const char *at = name; *at; at++) {
        ENSURE((*at >= 'a' && *at <= 'z') || *at == '_', ERR_USAGE);
    }
    int n = snprintf(sql, sizeof sql, "CREATE SCHEMA %s", name);
    ENSURE(n > 0 && (size_t)n < sizeof sql, ERR_LIMIT);
    TRY(db_open(pg->url, &db));
    /* The one place that makes SQL at run time: a test's schema, its letters checked above. */
    err_t e = db_run(db, (sql_t){sql}, DB_NO_ARGS, NULL);
    db_close(db);
    TRY(e);
    n = snprintf(ret_url, url_cap, "%s&options=-csearch_path%%3D%s", pg->url, name);
    ENSURE(n > 0 && (size_t)n < url_cap, ERR_LIMIT);
    return OK;
}
