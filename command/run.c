#include "run.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const PLAIN[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};

typedef union text_list { /* posix_spawn takes char *const[] but changes nothing */
    const char *const *ro;
    char *const *rw;
} text_list_t;

err_t run_program(const char *const args[], const char *const environment[], int out_fd,
                  int *ret_code)
{
    text_list_t argv = {.ro = args}, env = {.ro = environment ? environment : PLAIN};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    ENSURE(posix_spawn_file_actions_init(&actions) == 0, ERR_MEMORY);
    if (out_fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    }
    fflush(stdout);
    int failed = posix_spawn(&child, args[0], &actions, NULL, argv.rw, env.rw);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        return FAIL_SYS(failed == ENOENT ? ERR_NOT_FOUND : ERR_IO, failed);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return FAIL_SYS(ERR_IO, errno);
        }
    }
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return OK;
}

int run_become(const char *program, int argc, char **argv, const char *last)
{
    const char *args[RUN_BECOME_MAX + 3];
    size_t n = 0;
    args[n++] = program;
    for (int i = 0; i < argc && i < RUN_BECOME_MAX; i++) {
        args[n++] = argv[i];
    }
    args[n++] = last;
    args[n] = NULL;
    union { /* execv takes char *const[] but changes nothing */
        const char **ro;
        char **rw;
    } list = {.ro = args};
    fflush(stdout);
    execv(args[0], list.rw);
    fprintf(stderr, "sekisho: %s\n", strerror(errno));
    return 1;
}
