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

/* Descriptors 0 to 2 are somebody's: what comes later can never be taken for them. */
static bool standard_open(void)
{
    int fd = 0;
    while (fd >= 0 && fd < KEEPER_FD) {
        fd = open("/dev/null", O_RDWR);
    }
    return fd >= 0 && close(fd) == 0;
}

static _Noreturn void keeper(const char *program, int fd)
{
    uint64_t number;
    int files[2];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "printer", 0, 0, 0);
    if (!standard_open() || dup2(fd, KEEPER_FD) != KEEPER_FD ||
        fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC) != 0 || close_range(KEEPER_FD + 1, ~0U, 0) != 0) {
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
        /* The room's end must not live on in here: its end is how the keeper knows the room's. */
        close(pair[0]);
        if (pair[1] < KEEPER_FD) {
            pair[1] = fcntl(pair[1], F_DUPFD, KEEPER_FD);
        }
        if (pair[1] < 0 || !dropped(uid, gid, drop)) {
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

static err_t answer_await(printer_t *p, uint64_t number, deadline_t until)
{
    for (;;) {
        answer_t a;
        TRY(fd_wait(p->fd, POLLIN, until));
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

/* The keeper's ends of two pipes, and ours. */
typedef struct pipes {
    int in[2], out[2];
} pipes_t;

static void pipes_close(pipes_t *p)
{
    fd_close(&p->in[0]);
    fd_close(&p->in[1]);
    fd_close(&p->out[0]);
    fd_close(&p->out[1]);
}

/* paperd says how long its PDF is, then the bytes; nothing at all when it failed. */
static err_t pdf_take(int fd, arena_t *a, deadline_t until, slice_t *ret_pdf)
{
    uint8_t len_mem[4];
    TRY(fd_read_by(fd, len_mem, sizeof len_mem, until));
    cursor_t c = cur_on(slice_make(len_mem, sizeof len_mem));
    uint32_t len = cur_u32(&c);
    ENSURE(len > 0 && len <= PAPER_PDF_MAX, ERR_LIMIT);
    uint8_t *mem = arena_alloc(a, len);
    ENSURE(mem, ERR_MEMORY);
    TRY(fd_read_by(fd, mem, len, until));
    *ret_pdf = slice_make(mem, len);
    return OK;
}

static err_t print(printer_t *p, pipes_t *files, slice_t paper, arena_t *a, slice_t *ret_pdf)
{
    uint64_t number = ++p->next;
    deadline_t until = deadline_in_ms(PRINTER_WAIT_MS);
    ENSURE(order_send(p->fd, number, (int[]){files->in[0], files->out[1]}), ERR_UNAVAILABLE);
    fd_close(&files->in[0]);
    fd_close(&files->out[1]);
    err_t sent = fd_write_by(files->in[1], paper, until);
    fd_close(&files->in[1]);
    err_t got = err_failed(sent) ? sent : pdf_take(files->out[0], a, until, ret_pdf);
    fd_close(&files->out[0]); /* a paperd that we do not hear out ends */
    err_t said = answer_await(p, number, until);
    return err_failed(said) ? said : got;
}

err_t printer_print(printer_t *p, slice_t paper, arena_t *a, slice_t *ret_pdf)
{
    pipes_t files = {{-1, -1}, {-1, -1}};
    slice_t pdf = SLICE_EMPTY;
    ENSURE(p->fd >= 0, ERR_UNAVAILABLE);
    ENSURE(paper.len <= PAPER_MAX, ERR_LIMIT);
    if (pipe2(files.in, O_CLOEXEC) != 0 || pipe2(files.out, O_CLOEXEC) != 0 ||
        fcntl(files.in[1], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(files.out[0], F_SETFL, O_NONBLOCK) != 0) {
        err_t e = fd_err(errno);
        pipes_close(&files);
        return e;
    }
    pthread_mutex_lock(&p->lock);
    err_t e = print(p, &files, paper, a, &pdf);
    pthread_mutex_unlock(&p->lock);
    pipes_close(&files);
    TRY(e);
    *ret_pdf = pdf;
    return OK;
}

void printer_stop(printer_t *p)
{
    fd_close(&p->fd);
}
