/* bench-vault VAULTD LEDGERD [ROUNDS [SECONDS]] - sealed fields opened a second by a real vaultd,
 * in batches of 100 (a page of ten people, ten fields each), every batch with its durable intents
 * at a real ledgerd. Counted against vaultd's own processor time, so that what else works on the
 * machine (ledgerd, the askers) neither helps nor harms. Every answer is compared with what was
 * sealed. Prints `bar` lines; exit 1 when anything was refused or differs. */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "vault/api.h"

enum {
    ASKERS = 4,
    PEOPLE = 10,
    FIELDS = 10,
    BATCH = PEOPLE * FIELDS,
    PAGES = 50,
    ROUNDS = 5,
    SECONDS = 3
};

typedef struct page {
    vault_item_t items[BATCH];
    uint8_t plain[BATCH][24];
    uint8_t sealed[BATCH][24 + VAULT_OVERHEAD_MAX];
} page_t;

static char dir[] = "/tmp/sekisho-bench-XXXXXX";
static page_t pages[PAGES];
static const char *const COLUMNS[FIELDS] = {"name", "kana",  "email", "phone",   "postcode",
                                            "city", "birth", "sex",   "address", "note"};
static vault_client_t *vault;
static atomic_bool stop;
static atomic_ullong fields, refused;

static pid_t start(const char *program)
{
    int ends[2];
    char byte, var[64], ready[16];
    CHECK(pipe(ends) == 0);
    snprintf(var, sizeof var, "%s/var", dir);
    snprintf(ready, sizeof ready, "%d", ends[1]);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(nowhere, STDERR_FILENO);
        execl(program, program, "--var", var, "--profile", "bench", "--no-separation", "--ready-fd",
              ready, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    bool good = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    return good ? pid : -1;
}

static bool page_make(page_t *p, arena_t *a)
{
    slice_t sealed[BATCH];
    for (size_t person = 0; person < PEOPLE; person++) {
        id128_t subject, pseudonym, row = id_new();
        if (err_failed(vault_subject_new(vault, &subject, &pseudonym))) {
            return false;
        }
        for (size_t f = 0; f < FIELDS; f++) {
            size_t i = person * FIELDS + f;
            random_letters((char *)p->plain[i], sizeof p->plain[i]);
            p->items[i] = (vault_item_t){.subject = subject,
                                         .table = SLICE("traveller"),
                                         .column = slice_cstr_in(COLUMNS[f]),
                                         .row = row,
                                         .bytes = slice_make(p->plain[i], sizeof p->plain[i])};
        }
    }
    if (err_failed(vault_seal(vault, a, p->items, BATCH, sealed))) {
        return false;
    }
    for (size_t i = 0; i < BATCH; i++) {
        memcpy(p->sealed[i], sealed[i].ptr, sealed[i].len);
        p->items[i].bytes = slice_make(p->sealed[i], sealed[i].len);
    }
    return true;
}

static void ask(const page_t *p, arena_t *a)
{
    slice_t plain[BATCH];
    vault_context_t ctx = {.request = id_new(), .purpose = VAULT_FOR_DESK};
    bool good = !err_failed(vault_reveal(vault, a, &ctx, p->items, BATCH, plain));
    for (size_t i = 0; good && i < BATCH; i++) {
        good = slice_eq(plain[i], slice_make(p->plain[i], sizeof p->plain[i]));
    }
    atomic_fetch_add(good ? &fields : &refused, BATCH);
}

static void *asker(void *arg)
{
    size_t at = (size_t)(uintptr_t)arg * 7;
    while (!atomic_load(&stop)) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        arena_init(&a, 1 << 20);
        ask(&pages[at++ % PAGES], &a);
    }
    return NULL;
}

/* Processor time of the process, seconds. */
static double cpu_s(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FD_SCOPED int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[n > 0 ? n : 0] = 0;
    const char *rest = strrchr(text, ')');
    CHECK(rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                         &system_time) == 2);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *x, const void *y)
{
    const double *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static void measure(pid_t vaultd, unsigned seconds, double *ret_core, double *ret_wall)
{
    pthread_t threads[ASKERS];
    atomic_store(&stop, false);
    atomic_store(&fields, 0);
    double cpu = cpu_s(vaultd);
    int64_t began_us = clock_wait_us();
    for (size_t i = 0; i < ASKERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, asker, (void *)(uintptr_t)i) == 0);
    }
    usleep(seconds * 1000000);
    atomic_store(&stop, true);
    for (size_t i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    double wall = (double)(clock_wait_us() - began_us) / 1e6;
    *ret_core = (double)atomic_load(&fields) / (cpu_s(vaultd) - cpu);
    *ret_wall = (double)atomic_load(&fields) / wall;
}

static int bench(pid_t vaultd, unsigned rounds, unsigned seconds)
{
    double core[64], wall[64];
    for (size_t i = 0; i < PAGES; i++) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        arena_init(&a, 1 << 20);
        if (!page_make(&pages[i], &a)) {
            fprintf(stderr, "bench-vault: sealing failed\n");
            return 1;
        }
    }
    measure(vaultd, 1, &core[0], &wall[0]); /* warm */
    for (unsigned i = 0; i < rounds; i++) {
        measure(vaultd, seconds, &core[i], &wall[i]);
    }
    qsort(core, rounds, sizeof *core, by_value);
    qsort(wall, rounds, sizeof *wall, by_value);
    printf("bar vault.reveal.per_s_core %.0f fields/s of vaultd's processor time\n",
           core[rounds / 2]);
    printf("bar vault.reveal.per_s %.0f fields/s\n", wall[rounds / 2]);
    if (atomic_load(&refused)) {
        printf("note %llu fields were refused or differ\n",
               (unsigned long long)atomic_load(&refused));
    }
    return atomic_load(&refused) ? 1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    return remove(path);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : ROUNDS;
    unsigned seconds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : SECONDS;
    char path[64];
    if (argc < 3 || rounds < 1 || rounds > 64 || seconds < 1) {
        fprintf(stderr, "usage: bench-vault VAULTD LEDGERD [ROUNDS [SECONDS]]\n");
        return 2;
    }
    CHECK(mkdtemp(dir));
    pid_t ledgerd = start(argv[2]);
    pid_t vaultd = ledgerd > 0 ? start(argv[1]) : -1;
    snprintf(path, sizeof path, "%s/var/run/vault.sock", dir);
    int code = 1;
    if (vaultd > 0 && !err_failed(vault_client_new(path, ROOM_TEST, &vault))) {
        code = bench(vaultd, rounds, seconds);
        vault_client_free(vault);
    }
    const pid_t all[] = {vaultd, ledgerd};
    for (size_t i = 0; i < BASE_COUNT(all); i++) {
        if (all[i] > 0) {
            kill(all[i], SIGTERM);
            waitpid(all[i], NULL, 0);
        }
    }
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
