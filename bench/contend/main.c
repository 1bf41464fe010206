/* bench-contend BUILD TREE [--rounds N] [--backend sqlite|postgresql] [--seed S] [--control SHOPD]
 *
 * 64 clients fight for 40 seats, N rounds, with kill -9 of shopd in the middle of each; exit 0 when
 * every round holds.
 * --control: with a shopd whose counter has no guard, and a table without CHECK; exit 0 when the
 * judgement sees that seats are oversold. Exit 77: skipped (no PostgreSQL here). */
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "contend/round.h"
#include "db/test_pg.h"

enum { SKIPPED = 77 };

typedef struct options {
    const char *build, *tree, *backend, *control;
    uint64_t rounds, seed;
} options_t;

static test_pg_t pg;

static int usage(void)
{
    fputs("bench-contend BUILD TREE [--rounds N] [--backend sqlite|postgresql] [--seed S] "
          "[--control SHOPD]\n",
          stderr);
    return 2;
}

static bool arguments(options_t *o, int argc, char **argv)
{
    bool good = argc >= 3 && argc % 2 == 1;
    o->build = good ? argv[1] : NULL;
    o->tree = good ? argv[2] : NULL;
    for (int i = 3; good && i + 1 < argc; i += 2) {
        slice_t value = slice_cstr_in(argv[i + 1]);
        if (strcmp(argv[i], "--rounds") == 0) {
            good = !err_failed(slice_parse_u64(value, 150, &o->rounds)) && o->rounds > 0;
        } else if (strcmp(argv[i], "--seed") == 0) {
            good = !err_failed(slice_parse_u64(value, UINT32_MAX, &o->seed)) && o->seed > 0;
        } else if (strcmp(argv[i], "--backend") == 0) {
            o->backend = argv[i + 1];
            good = slice_eq(value, SLICE("sqlite")) || slice_eq(value, SLICE("postgresql"));
        } else {
            o->control = argv[i + 1];
            good = strcmp(argv[i], "--control") == 0;
        }
    }
    return good;
}

/* Up once for users, keys and ports; then the back end is named, and the guards fall if this is the
 * control. */
static err_t house_prepare(bench_house_t *h, const options_t *o, char *url, size_t cap)
{
    char line[640];
    bench_house_sqlite(h, url, cap);
    TRY(bench_house_up(h));
    if (strcmp(o->backend, "postgresql") == 0) {
        TRY(bench_house_down(h));
        TRY(test_pg_schema(&pg, "shop", url, cap));
        snprintf(line, sizeof line, "[database]\nurl = %s\n", url);
        TRY(bench_house_ini(h, "shop", line));
        TRY(bench_house_up(h));
    }
    if (!o->control) {
        return OK;
    }
    db_t *db;
    TRY(bench_house_down(h));
    TRY(db_open(url, &db));
    err_t e = seats_unguard(db);
    db_close(db);
    TRY(e);
    return bench_house_up(h);
}

static void print_round(const options_t *o, const round_plan_t *p, const round_result_t *r)
{
    printf("round %zu %s seed %llu: %zu tries, %zu taken, %zu full, %zu unsure, %zu given back, "
           "%zu left, %zu too late, "
           "%zu clock steps, %zu kills; sold %lld of %d: %s\n",
           p->nth + 1, o->backend, (unsigned long long)p->seed, r->claims, r->taken, r->full,
           r->unsure, r->given, r->left, r->late, r->steps, r->kills,
           (long long)r->seats.confirmed_seats, ROUND_SEATS, r->faults ? "DOES NOT HOLD" : "holds");
    for (size_t i = 0; i < r->faults && i < ROUND_FAULTS; i++) {
        printf("  %s\n", r->fault[i]);
    }
    for (size_t i = 0; r->faults && i < r->tally.n; i++) {
        printf("  outcome %s: %llu\n", r->tally.outcomes[i].name,
               (unsigned long long)r->tally.outcomes[i].count);
    }
    fflush(stdout);
}

/* The departure of a round is the first that nobody booked: nth stays 0 for it, the number is for
 * people. */
static int rounds(bench_house_t *h, const options_t *o, const char *url)
{
    static round_result_t r;
    size_t bad = 0;
    uint64_t sold = 0;
    for (uint64_t i = 0; i < o->rounds; i++) {
        round_plan_t p = {.house = h,
                          .db_url = url,
                          .nth = 0,
                          .seed = o->seed + i,
                          .control = o->control != NULL,
                          .sold_before = sold};
        err_t e = round_play(&p, &r);
        if (err_failed(e)) {
            fprintf(stderr, "bench-contend: round %llu: %s (%s:%u)\n", (unsigned long long)i + 1,
                    err_text(e.code), e.where, (unsigned)e.line);
            return 1;
        }
        p.nth = i;
        print_round(o, &p, &r);
        sold += r.confirmed;
        bad += r.faults > 0;
        if (o->control && (!r.model.oversold || r.seats.confirmed_seats <= ROUND_SEATS)) {
            puts("control: without its guard nothing was oversold, or the judge did not see it");
            return 1;
        }
    }
    if (o->control) {
        puts("control: oversold, and seen by answers and tables");
        return 0;
    }
    printf("%llu rounds, %zu do not hold\n", (unsigned long long)o->rounds, bad);
    return bad ? 1 : 0;
}

static int run(const options_t *o)
{
    bench_house_t house;
    char url[600];
    int code = 1;
    err_t e = bench_house_init(&house, o->build, o->tree, "test", 0);
    if (!err_failed(e) && o->control) {
        e = bench_house_exchange(&house, "shop/shopd", o->control);
    }
    if (!err_failed(e)) {
        e = house_prepare(&house, o, url, sizeof url);
    }
    if (err_failed(e)) {
        fprintf(stderr, "bench-contend: the house: %s (%s:%u)\n", err_text(e.code), e.where,
                (unsigned)e.line);
    } else {
        code = rounds(&house, o, url);
    }
    bench_house_deinit(&house, code != 0);
    return code;
}

int main(int argc, char **argv)
{
    options_t o = {.backend = "sqlite", .rounds = 20};
    uint32_t seed = 0;
    (void)!getrandom(&seed, sizeof seed, 0);
    o.seed = seed % 1000000 + 1;
    signal(SIGPIPE, SIG_IGN);
    if (!arguments(&o, argc, argv)) {
        return usage();
    }
    if (strcmp(o.backend, "postgresql") == 0) {
        err_t e = test_pg_start(&pg);
        if (err_failed(e)) {
            fprintf(stderr, "skipped: no PostgreSQL here (%s)\n", err_name(e.code));
            return err_is(e, ERR_NOT_FOUND) ? SKIPPED : 1;
        }
    }
    int code = run(&o);
    test_pg_stop(&pg);
    return code;
}
