/* house-killer VAR PORT SEED KILLS PAUSE_MS ROOM... - kills rooms at random moments and waits until
 * the house is healthy again.
 *
 * Each ROOM is killed KILLS times with SIGKILL, all in random order, each after a random pause of
 * up to PAUSE_MS. ROOM is a process of `sekisho status`, or "worker": one of nginx's workers. A
 * line a kill: {"room","pid","pause_ms","healthy_ms"}; then a line a room:
 * {"killed","kills","p50_ms", "max_ms"}. Exit 0; 1 when the house was not healthy again within
 * BOUND_MS (the line says why); 2 for wrong usage. The order follows from SEED; moments do not,
 * they are the machine's. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "house.h"

enum { ROOMS_MAX = 8, KILLS_MAX = 2000, WORKERS_MAX = 64, BOUND_MS = 60000, POLL_US = 10000 };

typedef struct victim {
    const char *name;
    uint64_t left;
    uint32_t took_ms[KILLS_MAX];
    size_t n;
} victim_t;

typedef struct killer {
    fault_house_t house;
    victim_t victims[ROOMS_MAX];
    size_t n;
    uint64_t random, pause_ms;
} killer_t;

/* xorshift64*: the same order for the same seed on every machine. */
static uint64_t roll(killer_t *k, uint64_t below)
{
    k->random ^= k->random >> 12;
    k->random ^= k->random << 25;
    k->random ^= k->random >> 27;
    return ((k->random * UINT64_C(2685821657736338717)) >> 16) % below;
}

static victim_t *choose(killer_t *k)
{
    uint64_t left = 0;
    for (size_t i = 0; i < k->n; i++) {
        left += k->victims[i].left;
    }
    uint64_t nth = left ? roll(k, left) : 0;
    for (size_t i = 0; left && i < k->n; i++) {
        if (nth < k->victims[i].left) {
            return &k->victims[i];
        }
        nth -= k->victims[i].left;
    }
    return NULL;
}

static bool is_worker(const victim_t *v)
{
    return strcmp(v->name, "worker") == 0;
}

/* Who is killed now; 0 while it does not stand. */
static pid_t target(killer_t *k, const victim_t *v)
{
    control_status_t status;
    if (err_failed(fault_status(&k->house, &status))) {
        return 0;
    }
    const control_row_t *row = fault_row(&status, is_worker(v) ? "guard" : v->name);
    if (!row || row->state != PROCESS_READY || row->pid <= 1) {
        return 0;
    }
    pid_t workers[WORKERS_MAX];
    size_t n = is_worker(v) ? fault_children(row->pid, workers, WORKERS_MAX) : 0;
    return is_worker(v) ? (n ? workers[roll(k, n)] : 0) : row->pid;
}

/* The number may live on for a moment as a zombie; its successor has another. */
static bool gone(killer_t *k, const victim_t *v, pid_t pid)
{
    control_status_t status;
    if (is_worker(v)) {
        return kill(pid, 0) != 0 && errno == ESRCH;
    }
    const control_row_t *row =
        err_failed(fault_status(&k->house, &status)) ? NULL : fault_row(&status, v->name);
    return row && row->pid != pid;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void pause_random(uint64_t ms)
{
    usleep((useconds_t)(ms * 1000));
}

/* Milliseconds from the kill until all is well; BOUND_MS when it never was. */
static int64_t kill_once(killer_t *k, victim_t *v, pid_t pid, char why[FAULT_WHY])
{
    int64_t from_us = clock_wait_us(), took_ms = 0;
    snprintf(why, FAULT_WHY, "the process stands still");
    if (kill(pid, SIGKILL) != 0) {
        return -1;
    }
    while (took_ms < BOUND_MS) {
        bool well = gone(k, v, pid) && fault_healthy(&k->house, why);
        took_ms = (clock_wait_us() - from_us) / 1000;
        if (well) {
            return took_ms;
        }
        usleep(POLL_US);
    }
    return BOUND_MS;
}

static bool kill_all(killer_t *k)
{
    char why[FAULT_WHY];
    for (victim_t *v; (v = choose(k));) {
        uint64_t pause = roll(k, k->pause_ms + 1);
        pause_random(pause);
        pid_t pid = target(k, v);
        int64_t took_ms = pid ? kill_once(k, v, pid, why) : -1;
        if (took_ms < 0) {
            continue; /* it ended by itself in between: another moment */
        }
        printf("{\"room\":\"%s\",\"pid\":%d,\"pause_ms\":%llu,\"healthy_ms\":%lld}\n", v->name,
               (int)pid, (unsigned long long)pause, (long long)took_ms);
        fflush(stdout);
        v->left--;
        v->took_ms[v->n++] = (uint32_t)took_ms;
        if (took_ms >= BOUND_MS) {
            printf("{\"never_healthy\":\"%s\",\"why\":\"%s\"}\n", v->name, why);
            return false;
        }
    }
    return true;
}

static void report(killer_t *k)
{
    for (size_t i = 0; i < k->n; i++) {
        victim_t *v = &k->victims[i];
        qsort(v->took_ms, v->n, sizeof v->took_ms[0], compare);
        printf("{\"killed\":\"%s\",\"kills\":%zu,\"p50_ms\":%u,\"max_ms\":%u}\n", v->name, v->n,
               v->n ? v->took_ms[v->n / 2] : 0, v->n ? v->took_ms[v->n - 1] : 0);
    }
}

static bool arguments(killer_t *k, int argc, char **argv)
{
    uint64_t port, kills;
    if (argc < 7 || argc - 6 > ROOMS_MAX ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[2]), 65000, &port)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[3]), UINT64_MAX, &k->random)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[4]), KILLS_MAX, &kills)) ||
        err_failed(slice_parse_u64(slice_cstr_in(argv[5]), 60000, &k->pause_ms))) {
        return false;
    }
    k->random |= 1;
    for (int i = 6; i < argc; i++) {
        k->victims[k->n++] = (victim_t){.name = argv[i], .left = kills};
    }
    return !err_failed(fault_house_open(&k->house, argv[1], (unsigned)port));
}

int main(int argc, char **argv)
{
    static killer_t k;
    char why[FAULT_WHY];
    signal(SIGPIPE, SIG_IGN);
    if (!arguments(&k, argc, argv)) {
        fputs("usage: house-killer VAR PORT SEED KILLS PAUSE_MS ROOM...\n", stderr);
        return 2;
    }
    for (int64_t until = clock_wait_us() + BOUND_MS * 1000; !fault_healthy(&k.house, why);) {
        if (clock_wait_us() > until) {
            printf("{\"never_healthy\":\"start\",\"why\":\"%s\"}\n", why);
            return 1;
        }
        usleep(POLL_US);
    }
    bool well = kill_all(&k);
    report(&k);
    fault_house_close(&k.house);
    return well ? 0 : 1;
}
