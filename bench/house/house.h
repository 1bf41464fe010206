/* A whole house of its own for a bench or a test: a fresh folder, free ports, driven by the built
 * `sekisho` as any operator would. One a process at a time is enough for everyone; several work. */
#ifndef BENCH_HOUSE_HOUSE_H
#define BENCH_HOUSE_HOUSE_H

#include <sys/types.h>

#include "base/err.h"

enum { BENCH_PATH = 256, BENCH_OUTPUT = 64 * 1024 };

typedef struct bench_house {
    char var[64];           /* /tmp/sekisho-house-XXXXXX */
    char build[BENCH_PATH]; /* whose command/sekisho is run */
    char tree[BENCH_PATH];  /* SEKISHO_TREE */
    char links[64];         /* folder of links when a program was exchanged, else empty */
    const char *profile;    /* "test", "bench" */
    unsigned port;          /* 0 = not chosen yet */
    bool up;
    int guardian; /* pipe to the process that cleans up if this one is killed */
    pid_t guardian_pid;
} bench_house_t;

/* build: the build folder, tree: the sources; both absolute. port 0: free ones are looked for. IO.
 */
err_t bench_house_init(bench_house_t *h, const char *build, const char *tree, const char *profile,
                       unsigned port);
/* Stops it if need be and removes all it kept, unless keep. */
void bench_house_deinit(bench_house_t *h, bool keep);
/* Another program in the place of one of the build's ("shop/shopd"), for negative controls. Before
 * the first start. */
err_t bench_house_exchange(bench_house_t *h, const char *name, const char *program);

/* `sekisho ARGS...` (NULL-terminated) in the house's environment: exit code, or -1; ret_out (may be
 * NULL) gets its output, cut at BENCH_OUTPUT - 1 bytes. */
int bench_house_run(const bench_house_t *h, char *ret_out, const char *const *args);
/* up --detach; UNAVAILABLE when it does not come up (what it says goes to stderr). */
err_t bench_house_up(bench_house_t *h);
err_t bench_house_down(bench_house_t *h);
err_t bench_house_signal(const bench_house_t *h, const char *process, int number);
err_t bench_house_clock(const bench_house_t *h, int64_t add_s);
/* Appends to var/etc/<room>.ini while the house is down. */
err_t bench_house_ini(const bench_house_t *h, const char *room, const char *lines);
/* sqlite:VAR/shop/shop.db */
void bench_house_sqlite(const bench_house_t *h, char *ret_url, size_t cap);

#endif
