/* One try in a child of its own, and what its end says. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan.h"

enum { TRY_SECONDS = 20 };

static void by_set(plan_result_t *r, const char *text)
{
    snprintf(r->by, sizeof r->by, "%s", text);
}

static void in_child(attempt_t *a, plan_seal_fn *seal, void *ctx, attempt_fn *fn)
{
    alarm(TRY_SECONDS);
    if (seal) {
        seal(ctx);
    }
    int failed = fn(a);
    a->result->allowed = failed == 0;
    if (failed && !a->result->by[0]) {
        const char *name = strerrorname_np(failed);
        by_set(a->result, name ? name : "unknown");
    }
    _exit(0);
}

void attempt(plan_t *p, plan_seal_fn *seal, void *ctx, const char *kind, const char *target,
             const char *what, attempt_fn *fn, const void *of)
{
    int status = 0;
    if (p->n_results == PLAN_RESULTS) {
        return; /* the runner counts what it expects */
    }
    plan_result_t *r = &p->results[p->n_results++];
    attempt_t a = {p, of, r};
    *r = (plan_result_t){0};
    snprintf(r->kind, sizeof r->kind, "%s", kind);
    snprintf(r->target, sizeof r->target, "%s", target);
    snprintf(r->what, sizeof r->what, "%s", what);
    pid_t child = fork();
    if (child == 0) {
        in_child(&a, seal, ctx, fn);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        r->allowed = false;
        by_set(r, "not tried");
    } else if (WIFSIGNALED(status)) {
        r->allowed = false;
        by_set(r, WTERMSIG(status) == SIGSYS ? "seccomp" : "another signal");
    }
}

/* The room that the probe saw has been killed: this is its successor. */
static void find_myself(plan_t *p)
{
    for (size_t i = 0; i < p->n_procs; i++) {
        if (p->procs[i].pid == p->own_pid) {
            p->procs[i].pid = getpid();
        }
    }
}

void plan_run(plan_t *p, plan_seal_fn *seal, void *ctx)
{
    p->n_results = 0;
    if (p->sealed) {
        find_myself(p);
    }
    attempt_files(p, seal, ctx);
    attempt_processes(p, seal, ctx);
    attempt_sockets(p, seal, ctx);
    if (p->sealed) {
        attempt_calls(p, seal, ctx);
    }
}
