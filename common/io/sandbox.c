#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/sandbox.h"

bool sandbox_built_in(void)
{
#ifdef SEKISHO_NO_SECCOMP
    return false;
#else
    return true;
#endif
}

#ifdef SEKISHO_NO_SECCOMP
err_t sandbox_enter(const sandbox_t *box)
{
    (void)box;
    return OK;
}
#else
/* What any room needs: files it already may reach, its sockets, memory, threads, time. */
/* clang-format off */
static const char *const COMMON[] = {
    /* files */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
    "open", "openat", "close", "close_range", "fstat", "newfstatat", "stat", "lstat", "statx", "fstatfs", "statfs",
    "access", "faccessat", "faccessat2", "lseek", "ftruncate", "fallocate", "fadvise64", "fsync", "fdatasync",
    "sync_file_range", "fcntl", "flock", "unlink", "unlinkat", "link", "linkat", "rename", "renameat", "renameat2",
    "mkdir", "mkdirat", "rmdir", "getdents64", "readlink", "readlinkat", "getcwd", "umask", "chmod", "fchmod",
    "fchmodat", "fchown", "utimensat", "dup", "dup2", "dup3", "pipe", "pipe2", "sendfile", "copy_file_range",
    /* sockets that exist or are made by socket(), see below */
    "connect", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "recvfrom",
    "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
    /* waiting */
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4",
    "nanosleep", "clock_nanosleep", "restart_syscall",
    /* memory (mmap and mprotect: see below) */
    "munmap", "mremap", "madvise", "msync", "brk", "mlock", "munlock", "mincore",
    /* threads and signals (clone: see below) */
    "futex", "set_robust_list", "get_robust_list", "rseq", "exit", "exit_group", "sched_yield", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
    "rt_sigsuspend", "rt_sigpending", "sigaltstack", "tgkill", "membarrier", "getcpu",
    /* facts */
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrandom", "uname", "sysinfo", "getrusage",
    "getrlimit",
};
/* clang-format on */

static void filter_end(scmp_filter_ctx *filter)
{
    if (*filter) {
        seccomp_release(*filter);
    }
}

static err_t from_libseccomp(int result)
{
    return result == 0 ? OK : FAIL_SYS(ERR_IO, -result);
}

static err_t allow(scmp_filter_ctx f, const char *name)
{
    int nr = seccomp_syscall_resolve_name(name);
    ENSURE(nr != __NR_SCMP_ERROR, ERR_CONFIG);
    if (nr < 0) { /* known, but not on this architecture */
        return OK;
    }
    int result = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
    return result == -EEXIST ? OK : from_libseccomp(result);
}

static err_t allow_list(scmp_filter_ctx f, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && names[i]; i++) {
        TRY(allow(f, names[i]));
    }
    return OK;
}

static err_t allow_if(scmp_filter_ctx f, int nr, struct scmp_arg_cmp cmp)
{
    return from_libseccomp(seccomp_rule_add_array(f, SCMP_ACT_ALLOW, nr, 1, &cmp));
}

static err_t refuse_if(scmp_filter_ctx f, int nr, int errno_value, struct scmp_arg_cmp cmp)
{
    uint32_t action = SCMP_ACT_ERRNO((uint32_t)errno_value);
    return from_libseccomp(seccomp_rule_add_array(f, action, nr, 1, &cmp));
}

static err_t allow_sockets(scmp_filter_ctx f, bool inet)
{
    static const int FAMILIES[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    for (size_t i = 0; i < (inet ? BASE_COUNT(FAMILIES) : 1); i++) {
        TRY(allow_if(f, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)FAMILIES[i])));
    }
    TRY(allow_if(f, SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX)));
    return inet ? allow(f, "bind") : OK;
}

/* Executable memory is refused politely: a library that would load another one goes on without. */
static err_t allow_memory(scmp_filter_ctx f)
{
    static const int CALLS[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < BASE_COUNT(CALLS); i++) {
        TRY(allow_if(f, CALLS[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
        TRY(refuse_if(f, CALLS[i], EACCES, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)));
    }
    return OK;
}

static err_t allow_threads(scmp_filter_ctx f)
{
    /* clone3 hides its flags in memory; glibc falls back to clone, whose flags can be looked at. */
    TRY(from_libseccomp(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)));
    return allow_if(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

/* Calls that are harmless in one form only. */
static err_t allow_forms(scmp_filter_ctx f)
{
    static const int PRCTLS[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE};
    static const unsigned IOCTLS[] = {FIONBIO, FIONREAD, TCGETS};
    for (size_t i = 0; i < BASE_COUNT(PRCTLS); i++) {
        TRY(allow_if(f, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)PRCTLS[i])));
    }
    for (size_t i = 0; i < BASE_COUNT(IOCTLS); i++) {
        TRY(allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, IOCTLS[i])));
    }
    /* prlimit64: looking at a limit, never setting one. */
    return allow_if(f, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
}

/* Says which call it was, then dies of SIGSYS as it would have without the report. */
static void on_violation(int signal_number, siginfo_t *info, void *context)
{
    uint8_t line[200];
    buf_t out = BUF_ON_ARRAY(line);
    buf_cstr(
        &out,
        "{\"id\":\"-\",\"level\":\"error\",\"event\":\"sandbox.killed\",\"text\":\"system call ");
    buf_dec(&out, info->si_syscall);
    buf_cstr(&out, " is not in this room's list\"}\n");
    ssize_t written = write(STDERR_FILENO, out.ptr, out.len);
    (void)written;
    (void)context;
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* blocked until the handler returns */
}

static err_t report_violations(void)
{
    struct sigaction act = {.sa_sigaction = on_violation, .sa_flags = SA_SIGINFO};
    return sigaction(SIGSYS, &act, NULL) == 0 ? OK : FAIL_SYS(ERR_IO, errno);
}

err_t sandbox_enter(const sandbox_t *box)
{
    uint32_t otherwise = box->report ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS;
    scmp_filter_ctx f BASE_CLEANUP(filter_end) = seccomp_init(otherwise);
    ENSURE(f, ERR_MEMORY);
    if (box->report) {
        TRY(report_violations());
    }
    TRY(allow_list(f, COMMON, BASE_COUNT(COMMON)));
    TRY(allow_list(f, box->syscalls, box->syscalls ? SIZE_MAX : 0));
    TRY(allow_sockets(f, box->inet));
    TRY(allow_memory(f));
    TRY(allow_threads(f));
    TRY(allow_forms(f));
    TRY(from_libseccomp(seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 1)));
    TRY(from_libseccomp(seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2)));
    return from_libseccomp(seccomp_load(f));
}
#endif
