/* Another process's environment, memory and descriptors; its life. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan.h"

static pid_t pid_of(const attempt_t *a)
{
    return ((const struct plan_proc *)a->of)->pid;
}

static int proc_open(attempt_t *a, const char *name, int flags)
{
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid_of(a), name);
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    /* the check of environ and maps is made at open or at the first read, as the kernel pleases */
    bool reads = strcmp(name, "mem") != 0 && (flags & O_DIRECTORY) == 0;
    ssize_t n = reads ? read(fd, &byte, 1) : 1;
    int failed = n < 0 ? errno : n == 0 ? EACCES : 0;
    close(fd);
    return failed;
}

static int read_environ(attempt_t *a)
{
    return proc_open(a, "environ", O_RDONLY);
}

static int read_mem(attempt_t *a)
{
    return proc_open(a, "mem", O_RDONLY);
}

static int write_mem(attempt_t *a)
{
    return proc_open(a, "mem", O_RDWR);
}

static int read_maps(attempt_t *a)
{
    return proc_open(a, "maps", O_RDONLY);
}

static int list_fds(attempt_t *a)
{
    return proc_open(a, "fd", O_RDONLY | O_DIRECTORY);
}

static int enter_root(attempt_t *a)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid_of(a));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    close(fd);
    return 0;
}

static int ptrace_seize(attempt_t *a)
{
    if (ptrace(PTRACE_SEIZE, pid_of(a), NULL, NULL) != 0) {
        return errno;
    }
    ptrace(PTRACE_DETACH, pid_of(a), NULL, NULL);
    return 0;
}

static int vm_readv(attempt_t *a)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)0x400000, 1};
    ssize_t n = process_vm_readv(pid_of(a), &here, 1, &there, 1, 0);
    return n == 1 || errno == EFAULT ? 0 : errno; /* no such address: it was let in */
}

static int vm_writev(attempt_t *a)
{
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)8, 1}; /* where nothing is */
    ssize_t n = process_vm_writev(pid_of(a), &here, 1, &there, 1, 0);
    return n >= 0 || errno == EFAULT ? 0 : errno;
}

static int signal_it(attempt_t *a)
{
    return kill(pid_of(a), 0) == 0 ? 0 : errno;
}

/* Takes a copy of one of its descriptors. */
static int take_fd(attempt_t *a)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid_of(a), 0);
    if (pidfd < 0) {
        return errno;
    }
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, 2, 0);
    return fd >= 0 ? 0 : errno;
}

void attempt_processes(plan_t *p, plan_seal_fn *seal, void *ctx)
{
    static const struct {
        const char *what;
        attempt_fn *fn;
    } TRIES[] = {
        {"environ", read_environ}, {"mem", read_mem},      {"mem write", write_mem},
        {"maps", read_maps},       {"fd", list_fds},       {"root", enter_root},
        {"ptrace", ptrace_seize},  {"vm_readv", vm_readv}, {"vm_writev", vm_writev},
        {"pidfd_getfd", take_fd},  {"kill", signal_it},
    };
    for (size_t i = 0; i < p->n_procs; i++) {
        const struct plan_proc *proc = &p->procs[i];
        for (size_t k = 0; k < sizeof TRIES / sizeof TRIES[0]; k++) {
            attempt(p, seal, ctx, "process", proc->name, TRIES[k].what, TRIES[k].fn, proc);
        }
    }
}
