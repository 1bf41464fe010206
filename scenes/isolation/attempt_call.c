/* System calls that no room needs once it stands: programs, processes, the net, the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"

/* What stands in place of the result of a call that does not come back when it works. */
static void works_unless_it_returns(attempt_t *a)
{
    a->result->allowed = true;
    snprintf(a->result->by, sizeof a->result->by, "ran");
}

static int returned(attempt_t *a)
{
    a->result->by[0] = 0;
    return errno;
}

static int of(long result)
{
    return result >= 0 ? 0 : errno;
}

static int do_execve(attempt_t *a)
{
    static char name[] = "/bin/true";
    char *argv[] = {name, NULL}, *envp[] = {NULL};
    works_unless_it_returns(a);
    execve(name, argv, envp);
    return returned(a);
}

static int do_execveat(attempt_t *a)
{
    static char name[] = "/bin/true";
    char *argv[] = {name, NULL}, *envp[] = {NULL};
    works_unless_it_returns(a);
    syscall(SYS_execveat, AT_FDCWD, name, argv, envp, 0);
    return returned(a);
}

static int do_fork(attempt_t *a)
{
    long child = syscall(SYS_fork);
    if (child == 0) {
        _exit(0);
    }
    return of(child);
}

static int do_vfork(attempt_t *a)
{
    long child = syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        _exit(0);
    }
    return of(child);
}

static int do_clone3(attempt_t *a)
{
    uint64_t args[8] = {[4] = SIGCHLD};
    long child = syscall(SYS_clone3, args, sizeof args);
    if (child == 0) {
        _exit(0);
    }
    return of(child);
}

static int do_inet(attempt_t *a)
{
    return of(socket(AF_INET, SOCK_STREAM, 0));
}

static int do_inet6(attempt_t *a)
{
    return of(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int do_netlink(attempt_t *a)
{
    return of(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int do_raw(attempt_t *a)
{
    return of(socket(AF_INET, SOCK_RAW, 1));
}

static int do_packet(attempt_t *a)
{
    return of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int do_vsock(attempt_t *a)
{
    return of(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int do_alg(attempt_t *a)
{
    return of(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int do_listen(attempt_t *a)
{
    return of(listen(socket(AF_UNIX, SOCK_STREAM, 0), 1));
}

static int do_exec_memory(attempt_t *a)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int do_make_executable(attempt_t *a)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

/* Adding a permission that is there already would show nothing: more than there is now. */
static int do_raise_limit(attempt_t *a)
{
    struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
    return of(setrlimit(RLIMIT_CORE, &core));
}

static int do_core(attempt_t *a)
{
    struct rlimit core;
    if (getrlimit(RLIMIT_CORE, &core) != 0) {
        return errno;
    }
    return core.rlim_cur ? 0 : EPERM;
}

static int do_dumpable(attempt_t *a)
{
    return of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int do_mknod(attempt_t *a)
{
    return of(mknod("isolation-probe-device", S_IFBLK | 0600, 0));
}

static int do_setuid_bit(attempt_t *a)
{
    struct stat st;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* a file of ours, in no folder */
    return fd < 0 || fstat(fd, &st) != 0 ? errno : of(fchown(fd, 0, 0));
}

/* Called with these arguments by number; those that would do harm as root are malformed. */
typedef struct call {
    const char *name;
    long number, arg[4];
} call_t;

#define CALL(name, ...)                                                                            \
    {                                                                                              \
#name, SYS_##name,                                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
static const call_t CALLS[] = {
    CALL(ptrace, PTRACE_TRACEME),
    CALL(mount, 0, 0, 0, 0),
    CALL(umount2, 0, 0),
    CALL(pivot_root, 0, 0),
    CALL(chroot, 0),
    CALL(open_tree, -1, 0, 0),
    CALL(move_mount, -1, 0, -1, 0),
    CALL(fsopen, 0, 0),
    CALL(init_module, 0, 0, 0),
    CALL(finit_module, -1, 0, 0),
    CALL(delete_module, 0, 0),
    CALL(kexec_load, 0, 0, 0, 0),
    CALL(io_uring_setup, 1, 0),
    CALL(userfaultfd, 0),
    CALL(bpf, BPF_MAP_CREATE, 0, 0),
    CALL(perf_event_open, 0, 0, -1, -1),
    CALL(keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1),
    CALL(add_key, 0, 0, 0, 0),
    CALL(request_key, 0, 0, 0, 0),
    CALL(unshare, CLONE_NEWUSER),
    CALL(setns, -1, 0),
    CALL(setuid, 0),
    CALL(setgid, 0),
    CALL(setresuid, 0, 0, 0),
    CALL(setgroups, 0, 0),
    CALL(setfsuid, 0),
    CALL(capset, 0, 0),
    CALL(personality, 0x0040000 /* no address randomization */),
    CALL(reboot, 0, 0, 0),
    CALL(swapon, 0, 0),
    CALL(sethostname, 0, 0),
    CALL(settimeofday, 0, 0),
    CALL(clock_settime, 0, 0),
    CALL(adjtimex, 0),
    CALL(syslog, 3, 0, 0),
    CALL(acct, 0),
    CALL(quotactl, 0, 0, 0, 0),
    CALL(iopl, 3),
    CALL(ioperm, 0, 1, 1),
    CALL(modify_ldt, 0, 0, 0),
    CALL(fanotify_init, 0, 0),
    CALL(open_by_handle_at, -1, 0, 0),
    CALL(memfd_create, 0, 0),
    CALL(pidfd_open, 1, 0),
    CALL(kcmp, 1, 1, 0, 0),
    CALL(move_pages, 1, 0, 0, 0),
    CALL(process_madvise, -1, 0, 0, 0),
    CALL(seccomp, 0, 0, 0),
    CALL(shmget, 0, 4096, 0600),
    CALL(msgget, 0, 0600),
    CALL(mq_open, 0, 0, 0, 0),
    CALL(kill, 1, 0),
    CALL(tkill, 1, 0),
    CALL(setpgid, 0, 0),
    CALL(setsid, 0),
    CALL(setpriority, 0, 0, 0),
    CALL(sched_setaffinity, 0, 0, 0),
    CALL(vhangup, 0),
    CALL(lookup_dcookie, 0, 0, 0),
    CALL(mlockall, 0),
    CALL(remap_file_pages, 0, 0, 0, 0),
};

static int do_call(attempt_t *a)
{
    const call_t *c = a->of;
    long result = syscall(c->number, c->arg[0], c->arg[1], c->arg[2], c->arg[3], 0);
    return result >= 0 ? 0 : errno;
}

void attempt_calls(plan_t *p, plan_seal_fn *seal, void *ctx)
{
    static const struct {
        const char *what;
        attempt_fn *fn;
    } TRIES[] = {
        {"execve", do_execve},
        {"execveat", do_execveat},
        {"fork", do_fork},
        {"vfork", do_vfork},
        {"clone3", do_clone3},
        {"inet socket", do_inet},
        {"inet6 socket", do_inet6},
        {"netlink socket", do_netlink},
        {"raw socket", do_raw},
        {"packet socket", do_packet},
        {"vsock socket", do_vsock},
        {"alg socket", do_alg},
        {"listen", do_listen},
        {"executable memory", do_exec_memory},
        {"mprotect exec", do_make_executable},
        {"setrlimit", do_raise_limit},
        {"core dump", do_core},
        {"set dumpable", do_dumpable},
        {"mknod", do_mknod},
        {"fchown root", do_setuid_bit},
    };
    for (size_t i = 0; i < sizeof TRIES / sizeof TRIES[0]; i++) {
        attempt(p, seal, ctx, "call", "kernel", TRIES[i].what, TRIES[i].fn, NULL);
    }
    for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0]; i++) {
        attempt(p, seal, ctx, "call", "kernel", CALLS[i].name, do_call, &CALLS[i]);
    }
}
