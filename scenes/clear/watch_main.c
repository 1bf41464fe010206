/* clear-watch - the watch as a process of the scenes'. It opens a mount namespace of its own and
 * says {"ready":true, "pid":N}; a house is started inside (nsenter -t N -m). Then on stdin, a line
 * each:
 *
 *   search FILE    everything written so far, and memory that is shared now, for the needles of
 * FILE: finds, one JSON line each; then the sum, as clear-search prints it
 *
 * End of input ends it. Exit: 0 then; 3 when this machine does not let it watch (no root, no
 * namespaces); 1 for all else. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "watch.h"

enum { EXIT_NOT_HERE = 3, NEEDLES_ARENA = 256 * 1024 * 1024, LINE_BYTES = 8192 };

static err_t search_with(watch_t *w, const index_t *index, const needle_t *needles, size_t count)
{
    file_search_t f;
    TRY(file_search_init(&f, index, needles, count, stdout));
    err_t e = watch_take(w);
    e = err_failed(e) ? e : watch_walk(w);
    e = err_failed(e) ? e : watch_search(w, &f);
    f.unreadable += w->lost;
    if (!err_failed(e)) {
        (void)file_search_sum(&f, index, needles, count);
    }
    file_search_deinit(&f);
    return e;
}

static err_t search_file(watch_t *w, const char *path)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, NEEDLES_ARENA);
    const needle_t *needles;
    size_t count;
    index_t *index;
    TRY(needles_load(&a, path, &needles, &count));
    TRY(index_new(needles, count, &index));
    err_t e = search_with(w, index, needles, count);
    index_free(index);
    return e;
}

static err_t obey(watch_t *w, char *line)
{
    static const char SEARCH[] = "search ";
    ENSURE(strncmp(line, SEARCH, sizeof SEARCH - 1) == 0, ERR_SYNTAX);
    return search_file(w, line + sizeof SEARCH - 1);
}

/* Whole lines of stdin; false at its end. */
static err_t input_take(watch_t *w, bool *ret_more)
{
    static char line[LINE_BYTES];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, line + len, sizeof line - 1 - len);
    *ret_more = n > 0 || (n < 0 && errno == EINTR);
    if (n <= 0) {
        return OK;
    }
    len += (size_t)n;
    line[len] = 0;
    for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
        TRY(obey(w, line));
        len -= (size_t)(end + 1 - line);
        memmove(line, end + 1, len + 1);
    }
    ENSURE(len + 1 < sizeof line, ERR_LIMIT);
    return OK;
}

static err_t serve(watch_t *w)
{
    printf("{\"ready\":true,\"pid\":%d}\n", (int)getpid());
    fflush(stdout);
    for (bool more = true; more;) {
        struct pollfd fds[] = {{.fd = w->notify_fd, .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(fds, BASE_COUNT(fds), -1) < 0 && errno != EINTR) {
            return FAIL_SYS(ERR_IO, errno);
        }
        if (fds[0].revents) {
            TRY(watch_take(w));
        }
        if (fds[1].revents) {
            TRY(input_take(w, &more));
        }
    }
    return OK;
}

int main(void)
{
    watch_t w;
    err_t e = watch_open(&w);
    e = err_failed(e) ? e : serve(&w);
    if (err_failed(e)) {
        fprintf(stderr, "clear-watch: %s (%s:%u)%s%s\n", err_text(e.code), e.where, e.line,
                e.sys ? ": " : "", e.sys ? strerror(e.sys) : "");
        return err_is(e, ERR_DENIED) ? EXIT_NOT_HERE : 1;
    }
    watch_close(&w);
    return 0;
}
