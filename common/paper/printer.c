/* Room and keeper talk over one SEQPACKET pair: a number and two memory files go there (the paper,
 * the PDF to be), the number and an exit code come back. Answers to a paper that nobody waits for
 * any more are passed over by their number. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "paper/printer.h"

enum { KEEPER_FD = 3, PAPERD_SECONDS = 8 };

typedef struct order {
    uint64_t number;
} order_t;
typedef struct answer {
    uint64_t number;
    uint32_t code; /* err_code */
    uint32_t zero;
} answer_t;

/* ---- messages with descriptors ---- */

typedef union control {
    struct cmsghdr head;
    uint8_t room[CMSG_SPACE(2 * sizeof(int))];
} control_t;

static bool order_send(int fd, uint64_t number, const int files[2])
{
    order_t o = {number};
    control_t c;
    struct iovec part = {&o, sizeof o};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room};
    memset(&c, 0, sizeof c);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(h), files, 2 * sizeof(int));
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof o;
}

/* False at the end of the room. */
static bool order_take(int fd, uint64_t *ret_number, int ret_files[2])
{
    order_t o;
    control_t c;
    struct iovec part = {&o, sizeof o};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room};
    ssize_t n;
    do {
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    struct cmsghdr *h = n == (ssize_t)sizeof o ? CMSG_FIRSTHDR(&m) : NULL;
    if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(2 * sizeof(int))) {
        return false;
    }
    memcpy(ret_files, CMSG_DATA(h), 2 * sizeof(int));
    *ret_number = o.number;
    return true;
}

/* ---- the keeper ---- */

static _Noreturn void paperd_become(const char *program, const int files[2])
{
    char *const arguments[] = {(char[]){"paperd"}, NULL};
    char *const environment[] = {(char[]){"LANG=C.UTF-8"}, NULL};
    alarm(PAPERD_SECONDS); /* stays over the exec: nothing of a paper runs longer */
    if (dup2(files[0], STDIN_FILENO) == STDIN_FILENO &&
        dup2(files[1], STDOUT_FILENO) == STDOUT_FILENO) {
        execve(program, arguments, environment);
    }
    _exit(ERR_UNAVAILABLE);
}

static uint32_t paperd_run(const char *program, const int files[2])
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        paperd_become(program, files);
    }
    if (pid < 0) {
        return ERR_UNAVAILABLE;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? ERR_TIMEOUT : ERR_LIMIT;
    }
    return (uint32_t)WEXITSTATUS(status);
}

static _Noreturn void keeper(const char *program, int fd)
{
    uint64_t number;
    int files[2];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "printer", 0, 0, 0);
    if (dup2(fd, KEEPER_FD) != KEEPER_FD || fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        close_range(KEEPER_FD + 1, ~0U, 0) != 0) {
        _exit(1);
    }
    while (order_take(KEEPER_FD, &number, files)) {
        answer_t a = {.number = number, .code = paperd_run(program, files)};
        close(files[0]);
        close(files[1]);
        if (send(KEEPER_FD, &a, sizeof a, MSG_NOSIGNAL) != (ssize_t)sizeof a) {
            break;
        }
    }
    _exit(0);
}

static bool dropped(uid_t uid, gid_t gid, bool drop)
{
    const struct rlimit none = {0, 0};
    return (!drop || (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
                      setresuid(uid, uid, uid) == 0)) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* ---- the room's side ---- */

/* Beside this program, as a package puts it, or where the build has it. */
static err_t find_program(char *path, size_t size)
{
    static const char *const PLACES[] = {"paperd", "../common/paper/paperd", "../paper/paperd"};
    char own[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n <= 0) {
        return fd_err(errno);
    }
    own[n] = 0;
    char *slash = strrchr(own, '/');
    ENSURE(slash, ERR_NOT_FOUND);
    slash[1] = 0;
    for (size_t i = 0; i < BASE_COUNT(PLACES); i++) {
        int len = snprintf(path, size, "%s%s", own, PLACES[i]);
        if (len > 0 && (size_t)len < size && access(path, X_OK) == 0) {
            return OK;
        }
    }
    return FAIL(ERR_NOT_FOUND);
}

err_t printer_start(printer_t *p, const char *program, uid_t uid, gid_t gid, bool drop)
{
    char found[PATH_MAX + 32];
    int pair[2];
    *p = (printer_t){.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (!program) {
        TRY(find_program(found, sizeof found));
        program = found;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return fd_err(errno);
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (!dropped(uid, gid, drop)) {
            _exit(1);
        }
        keeper(program, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return fd_err(errno);
    }
    p->fd = pair[0];
    return OK;
}

static err_t memory_file(const char *name, slice_t bytes, int *ret_fd)
{
    FD_SCOPED int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) {
        return fd_err(errno);
    }
    TRY(fd_write_all(fd, bytes));
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return fd_err(errno);
    }
    *ret_fd = fd_take(&fd);
    return OK;
}

static err_t answer_await(printer_t *p, uint64_t number)
{
    int64_t until_us = clock_mono_us() + PRINTER_WAIT_MS * 1000LL;
    for (;;) {
        int64_t left_us = until_us - clock_mono_us();
        struct pollfd wait = {.fd = p->fd, .events = POLLIN};
        ENSURE(left_us > 0, ERR_TIMEOUT);
        if (poll(&wait, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR) {
            return fd_err(errno);
        }
        answer_t a;
        ssize_t n = recv(p->fd, &a, sizeof a, MSG_DONTWAIT);
        if (n == 0) {
            return FAIL(ERR_UNAVAILABLE);
        }
        if (n == (ssize_t)sizeof a && a.number == number) {
            return a.code == ERR_NONE ? OK : FAIL(a.code);
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return fd_err(errno);
        }
    }
}

static err_t pdf_take(int fd, arena_t *a, slice_t *ret_pdf)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fd_err(errno);
    }
    ENSURE(st.st_size > 0, ERR_UNAVAILABLE);
    ENSURE(st.st_size <= PAPER_PDF_MAX, ERR_LIMIT);
    uint8_t *mem = arena_alloc(a, (size_t)st.st_size);
    ENSURE(mem, ERR_MEMORY);
    TRY(fd_pread_all(fd, mem, (size_t)st.st_size, 0));
    *ret_pdf = slice_make(mem, (size_t)st.st_size);
    return OK;
}

static err_t print(printer_t *p, const int files[2])
{
    uint64_t number = ++p->next;
    ENSURE(order_send(p->fd, number, files), ERR_UNAVAILABLE);
    return answer_await(p, number);
}

err_t printer_print(printer_t *p, slice_t paper, arena_t *a, slice_t *ret_pdf)
{
    FD_SCOPED int in = -1;
    FD_SCOPED int out = -1;
    ENSURE(p->fd >= 0, ERR_UNAVAILABLE);
    ENSURE(paper.len <= PAPER_MAX, ERR_LIMIT);
    TRY(memory_file("paper", paper, &in));
    TRY(memory_file("pdf", SLICE_EMPTY, &out));
    pthread_mutex_lock(&p->lock);
    err_t e = print(p, (int[]){in, out});
    pthread_mutex_unlock(&p->lock);
    TRY(e);
    return pdf_take(out, a, ret_pdf);
}

void printer_stop(printer_t *p)
{
    fd_close(&p->fd);
}
