#include "test_house.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fd.h"

pid_t test_house_start(const test_house_t *h, const char *program, bool expect_ready)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char fd[16];
        snprintf(fd, sizeof fd, "%d", ends[1]);
        close(ends[0]);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO); /* left behind by a test that was killed it must hold no pipe */
        execl(program, program, "--var", h->var, "--profile", "test", "--ready-fd", fd,
              h->separated ? (char *)NULL : "--no-separation", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char byte = 0;
    GOOD(fd_wait(ends[0], POLLIN, deadline_in_ms(HOUSE_WAIT_MS)));
    ssize_t got = read(ends[0], &byte, 1);
    close(ends[0]);
    assert_int_equal(got, expect_ready);
    return pid;
}

void test_house_end(pid_t *pid, int signal_number)
{
    int status;
    if (*pid > 0) {
        kill(*pid, signal_number);
        assert_int_equal(waitpid(*pid, &status, 0), *pid);
        *pid = 0;
    }
}

void test_house_up(test_house_t *h)
{
    memcpy(h->var, "/tmp/vault-house-XXXXXX", 24);
    assert_non_null(mkdtemp(h->var));
    assert_int_equal(chmod(h->var, 0755), 0);
    snprintf(h->vault_sock, sizeof h->vault_sock, "%s/run/vault.sock", h->var);
    snprintf(h->ledger_sock, sizeof h->ledger_sock, "%s/run/ledger.sock", h->var);
    h->ledgerd = test_house_start(h, h->ledgerd_path, true);
    GOOD(ledger_client_new(h->ledger_sock, ROOM_TEST, &h->ledger));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int test_house_down(test_house_t *h)
{
    test_house_end(&h->vaultd, SIGTERM);
    ledger_client_free(h->ledger);
    test_house_end(&h->ledgerd, SIGTERM);
    return nftw(h->var, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
