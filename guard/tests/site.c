#include "site.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONF_MAX = 32 * 1024, OPTIONS_MAX = 16 };

bool site_here(void)
{
    char out[64];
    const char *const argv[] = {"python3", "-c", "import sqlite3, ssl", NULL};
    if (front_run(argv, out, sizeof out) == 0) {
        return true;
    }
    fprintf(stderr, "skipped: python3 is not here\n");
    return false;
}

static void run(const site_t *s, const front_t *f, const char *const *options, int out)
{
    char script[2 * FRONT_PATH];
    const char *argv[OPTIONS_MAX] = {"python3", script, "--log", s->log};
    size_t n = 4;
    union { /* execvp takes char *const[] but changes nothing */
        const char *const *ro;
        char *const *rw;
    } args = {.ro = argv};
    snprintf(script, sizeof script, "%s/../tests/weak-site.py", front_rules_dir());
    while (*options && n + 1 < OPTIONS_MAX) {
        argv[n++] = *options++;
    }
    dup2(out, STDOUT_FILENO);
    int err = open(f->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(err, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], args.rw);
    _exit(127);
}

void site_start(site_t *s, const front_t *f, const char *name, const char *const *options)
{
    int fds[2];
    char port[16] = "";
    size_t len = 0;
    *s = (site_t){0};
    snprintf(s->log, sizeof s->log, "%.100s/%s.log", f->dir, name);
    CHECK(pipe(fds) == 0);
    s->pid = fork();
    CHECK(s->pid >= 0);
    if (s->pid == 0) {
        close(fds[0]);
        run(s, f, options, fds[1]);
    }
    close(fds[1]);
    while (len + 1 < sizeof port && read(fds[0], port + len, 1) == 1 && port[len] != '\n') {
        len++;
    }
    close(fds[0]);
    s->port = (unsigned)strtoul(port, NULL, 10);
    CHECK(s->port > 0);
}

void site_stop(site_t *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        CHECK(waitpid(s->pid, NULL, 0) == s->pid);
        s->pid = 0;
    }
}

size_t site_requests(const site_t *s)
{
    size_t len, n = 0;
    uint8_t *mem = front_file(s->log, &len);
    slice_t rest = slice_make(mem, len), line;
    while (slice_split(&rest, '\n', &line)) {
        n += line.len > 0 && line.ptr[0] != '!';
    }
    free(mem);
    return n;
}

bool site_log_has(const site_t *s, const char *text)
{
    return front_file_has(s->log, text);
}

/* ---- the document's example ---- */

/* The block between ```nginx and ``` that begins with load_module. */
static slice_t example_of(slice_t doc)
{
    size_t at = slice_find(doc, SLICE("```nginx\nload_module"));
    CHECK(at != SIZE_MAX);
    doc = slice_from(doc, at + strlen("```nginx\n"));
    return slice_sub(doc, 0, slice_find(doc, SLICE("\n```")));
}

static void change(buf_t *io_text, const site_change_t *c)
{
    static uint8_t mem[CONF_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    slice_t rest = buf_slice(io_text), from = slice_cstr_in(c->from);
    size_t at, found = 0;
    while ((at = slice_find(rest, from)) != SIZE_MAX) {
        buf_put(&out, slice_sub(rest, 0, at));
        buf_cstr(&out, c->to);
        rest = slice_from(rest, at + from.len);
        found++;
    }
    buf_put(&out, rest);
    if (found == 0) {
        fail_msg("the document's example has no: %s", c->from);
    }
    CHECK(!out.full);
    buf_reset(io_text);
    buf_put(io_text, buf_slice(&out));
}

void site_conf(front_t *f, const site_change_t *changes, size_t count)
{
    static uint8_t mem[CONF_MAX];
    char path[2 * FRONT_PATH];
    size_t len;
    buf_t text = BUF_ON_ARRAY(mem);
    snprintf(path, sizeof path, "%s/../../docs/guard-any-site.md", front_rules_dir());
    uint8_t *doc = front_file(path, &len);
    buf_put(&text, example_of(slice_make(doc, len)));
    free(doc);
    for (size_t i = 0; i < count; i++) {
        change(&text, &changes[i]);
    }
    buf_cstr(&text, "\n");
    front_conf_whole(f, buf_slice(&text));
}
