/* paperd - one paper on standard input, its PDF (u32 length, bytes) on standard output, and the
 * end. Started anew for each paper by a room's printer (printer.c), so that pango, cairo and the
 * fonts are in no room's memory, and nothing of one customer's paper is there for the next. It
 * opens fonts for reading and nothing else: no socket, no program, no file is made. Exit: 0, or the
 * number of the error. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/fd.h"
#include "io/sandbox.h"
#include "paper/draw.h"

enum { SECONDS = 20, MEMORY = 1 << 30 };

static err_t keep(void *ctx, slice_t bytes)
{
    buf_t *pdf = ctx;
    buf_put(pdf, bytes);
    return buf_check(pdf);
}

static err_t take(arena_t *a, slice_t *ret_paper)
{
    uint8_t *mem = arena_alloc(a, PAPER_MAX + 1);
    size_t len = 0;
    ENSURE(mem, ERR_MEMORY);
    for (ssize_t n = 1; n > 0 && len <= PAPER_MAX;) {
        n = read(STDIN_FILENO, mem + len, PAPER_MAX + 1 - len);
        if (n < 0) {
            return fd_err(errno);
        }
        len += (size_t)n;
    }
    *ret_paper = slice_make(mem, len);
    return OK;
}

static err_t shut(void)
{
    static const char *const CALLS[] = {"prctl", "prlimit64", "arch_prctl", "set_tid_address",
                                        NULL};
    const struct rlimit cpu = {SECONDS, SECONDS}, memory = {MEMORY, MEMORY}, none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0) {
        return fd_err(errno);
    }
    if (sandbox_built_in() &&
        setrlimit(RLIMIT_AS, &memory) != 0) { /* the sanitizers' memory is boundless */
        return fd_err(errno);
    }
    return sandbox_enter(&(sandbox_t){.syscalls = CALLS});
}

static err_t run(arena_t *a)
{
    slice_t paper;
    buf_t pdf, len;
    uint8_t len_mem[4];
    TRY(shut());
    TRY(take(a, &paper));
    TRY(arena_buf(a, PAPER_PDF_MAX, &pdf));
    TRY(draw_paper(paper, (draw_sink_t){.write = keep, .ctx = &pdf}));
    len = BUF_ON_ARRAY(len_mem);
    buf_u32(&len, (uint32_t)pdf.len);
    TRY(fd_write_all(STDOUT_FILENO, buf_slice(&len)));
    return fd_write_all(STDOUT_FILENO, buf_slice(&pdf));
}

int main(void)
{
    arena_t a;
    arena_init(&a, PAPER_MAX + PAPER_PDF_MAX + 65536);
    err_t e = run(&a);
    arena_deinit(&a);
    _exit((int)e.code); /* the libraries keep their caches of fonts to the end */
}
