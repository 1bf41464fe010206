/* sekisho-load: many customers at once on a running house; exact counts of every outcome,
 * percentiles of every step.
 *
 *   sekisho-load --port N --walk hold|booking|search [--clients 64] [--count N] [--seconds S]
 *                [--departure ID] [--tour SLUG] [--place CODE] [--city CODE] [--scenario NAME]
 * [--prepared] [--keep] [--var DIR]
 * [--full-ok]
 *                [--kill PID]
 *
 * hold:    a fresh visitor opens the departure's page and sends its form (--prepared: all forms are
 * fetched before the clock starts, each by a visitor of its own; they are sent within it) booking:
 * home, search, tour, departure, hold, travellers, consent, provider, until the page says
 * "confirmed" search:  a fresh visitor searches from the home page and opens a tour
 * --var:   straight at the shop's socket in DIR/run; else through the guard
 * --kill:  SIGKILL to that process at the end of --seconds, with requests under way (they are named
 * apart)
 * --keep:  visitors of one client share its connection
 *
 * Ends after --count walks or --seconds, whichever comes first; no answer is waited for longer than
 * 30 s. Exit 0: every answer was one that the walk leads to; 1: not so (the lines `outcome` name
 * them); 2: wrong usage. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/page.h"
#include "load/shopper.h"

enum {
    CLIENTS_MAX = 512,
    COUNT_MAX = 10000000,
    ANSWER_MS = 30000,
    SEARCHES = 8,
    SETTLE_MS = 30000,
    POLL_US = 50000
};

typedef struct plan {
    load_house_t house;
    uint64_t port, clients, count, seconds;
    const char *walk, *departure, *tour, *place, *city, *scenario, *var;
    bool prepared, keep, full_ok;
    _Atomic uint64_t given;       /* walks begun */
    _Atomic uint64_t visitors;    /* addresses given out */
    _Atomic uint64_t forms, sent; /* prepared; of them sent */
    uint64_t kill_pid; /* killed when the time is over, with requests under way; 0 = nobody */
    _Atomic bool killed;
    int64_t until_us;
    pthread_barrier_t gate;
} plan_t;

typedef struct client {
    plan_t *plan;
    pthread_t thread;
    shopper_t shopper;
    shopper_form_t *forms;
    size_t n_forms;
    uint64_t begun, done;
    tally_times_t walks;
} client_t;

typedef err_t walk_fn(client_t *c);

static slice_t text_of(const char *text)
{
    return text ? slice_cstr_in(text) : SLICE_EMPTY;
}

/* 127.16.0.1 and on: each visitor is another one for the shop's throttle, too. */
static void visitor_new(client_t *c)
{
    uint64_t n = atomic_fetch_add(&c->plan->visitors, 1);
    shopper_from(&c->shopper, UINT32_C(0x7f100001) + (uint32_t)(n % UINT32_C(0x00e00000)));
    shopper_fresh(&c->shopper);
}

/* ---- walks ---- */

static err_t walk_hold(client_t *c)
{
    TRY(shopper_departure_open(&c->shopper, text_of(c->plan->departure)));
    return shopper_hold(&c->shopper, 1, 0);
}

static err_t walk_prepared(client_t *c)
{
    atomic_fetch_add(&c->plan->sent, 1);
    return shopper_hold_send(&c->shopper, &c->forms[--c->n_forms]);
}

/* Searches of one visitor: by place and city as the page's form offers them, each another. */
static err_t walk_search(client_t *c)
{
    shopper_t *s = &c->shopper;
    slice_t places[64], cities[64];
    size_t n_places = 0, n_cities = 0;
    uint64_t walk = c->begun * 7919 + (uint64_t)(uintptr_t)c / sizeof *c;
    TRY(shopper_home(s));
    for (uint64_t i = 0; i < SEARCHES; i++) {
        arena_t *a = &s->arenas[s->now];
        TRY(page_options(a, s->page.body, SLICE("place"), places, BASE_COUNT(places), &n_places));
        TRY(page_options(a, s->page.body, SLICE("city"), cities, BASE_COUNT(cities), &n_cities));
        ENSURE(n_places && n_cities, ERR_NOT_FOUND);
        TRY(shopper_search(s, places[(walk + i) % n_places],
                           cities[(walk / 7 + i * 3) % n_cities]));
    }
    return OK;
}

/* What the provider says comes to the shop on its own way; the page shows it soon. */
static err_t settled(shopper_t *s, const char *want)
{
    int64_t until_us = clock_wait_us() + SETTLE_MS * INT64_C(1000);
    char state[SHOPPER_STATE] = "";
    while (clock_wait_us() < until_us) {
        TRY(shopper_state(s, state));
        if (strcmp(state, want) == 0) {
            tally_count(&s->tally, SLICE("settled"), 1);
            return OK;
        }
        usleep(POLL_US);
    }
    char name[TALLY_NAME];
    snprintf(name, sizeof name, "unsettled %s", state);
    tally_count(&s->tally, slice_cstr_in(name), 1);
    return FAIL(ERR_TIMEOUT);
}

static err_t walk_booking(client_t *c)
{
    shopper_t *s = &c->shopper;
    TRY(shopper_home(s));
    TRY(shopper_search(s, text_of(c->plan->place), text_of(c->plan->city)));
    TRY(shopper_tour(s, text_of(c->plan->tour)));
    TRY(shopper_departure(s, text_of(c->plan->departure), SIZE_MAX));
    TRY(shopper_hold(s, 2, 0));
    TRY(shopper_travellers(s, 2, 0));
    TRY(shopper_consent(s));
    TRY(shopper_pay(s, text_of(c->plan->scenario)));
    tally_time(&c->walks, s->walk_us);
    return strcmp(c->plan->scenario, "success") == 0 ? settled(s, "confirmed") : OK;
}

static const struct {
    const char *name;
    walk_fn *fn;
} WALKS[] = {{"hold", walk_hold}, {"booking", walk_booking}, {"search", walk_search}};

static walk_fn *walk_of(const plan_t *p)
{
    if (p->prepared) {
        return walk_prepared;
    }
    for (size_t i = 0; i < BASE_COUNT(WALKS); i++) {
        if (strcmp(p->walk, WALKS[i].name) == 0) {
            return WALKS[i].fn;
        }
    }
    return NULL;
}

/* ---- a client ---- */

/* Its share of all forms, each of a fresh visitor. */
static void prepare(client_t *c)
{
    plan_t *p = c->plan;
    while (p->prepared && atomic_fetch_add(&p->given, 1) < p->count) {
        visitor_new(c);
        c->forms = reallocarray(c->forms, c->n_forms + 1, sizeof *c->forms);
        CHECK(c->forms);
        err_t e = shopper_departure_open(&c->shopper, text_of(p->departure));
        if (!err_failed(e)) {
            e = shopper_hold_form(&c->shopper, 1, 0, &c->forms[c->n_forms]);
        }
        c->n_forms += !err_failed(e);
        atomic_fetch_add(&p->forms, !err_failed(e));
    }
}

static bool more(client_t *c)
{
    plan_t *p = c->plan;
    if (clock_wait_us() >= p->until_us) {
        return false;
    }
    return p->prepared ? c->n_forms > 0 : atomic_fetch_add(&p->given, 1) < p->count;
}

static void *client_run(void *arg)
{
    client_t *c = arg;
    walk_fn *walk = walk_of(c->plan);
    prepare(c);
    pthread_barrier_wait(&c->plan->gate); /* ready */
    pthread_barrier_wait(&c->plan->gate); /* the clock has started */
    while (more(c)) {
        tally_t before = c->shopper.tally;
        visitor_new(c);
        c->begun++;
        err_t e = walk(c);
        c->done += !err_failed(e);
        if (err_failed(e) &&
            atomic_load(&c->plan->killed)) { /* its end is the kill's, not the house's */
            c->shopper.tally = before;
            tally_count(&c->shopper.tally, SLICE("cut short by the kill"), 1);
            break;
        }
        if (err_is(e, ERR_UNAVAILABLE)) {
            usleep(POLL_US); /* a house that is down is not hammered */
        }
    }
    return NULL;
}

/* ---- the report ---- */

static bool outcome_fits(const plan_t *p, const char *name)
{
    slice_t s = slice_cstr_in(name);
    return slice_ends(s, SLICE(" 200")) || slice_ends(s, SLICE(" 303")) ||
           slice_eq(s, SLICE("settled")) || slice_eq(s, SLICE("cut short by the kill")) ||
           (p->full_ok && slice_eq(s, SLICE("hold 409")));
}

static void times_print(const char *name, tally_times_t *t)
{
    if (t->n) {
        printf("time %s n %zu p50 %.2f p95 %.2f p99 %.2f max %.2f ms\n", name, t->n,
               tally_percentile_ms(t, 0.5), tally_percentile_ms(t, 0.95),
               tally_percentile_ms(t, 0.99), tally_percentile_ms(t, 1));
    }
}

static int report(plan_t *p, client_t *all, double seconds)
{
    static tally_t tally;
    tally_times_t steps[LOAD_STEPS] = {0}, walks = {0};
    uint64_t begun = 0, done = 0, odd = 0, answers = 0;
    for (size_t i = 0; i < p->clients; i++) {
        begun += all[i].begun;
        done += all[i].done;
        tally_join(&tally, &all[i].shopper.tally);
        tally_times_join(&walks, &all[i].walks);
        for (size_t k = 0; k < LOAD_STEPS; k++) {
            tally_times_join(&steps[k], &all[i].shopper.times[k]);
        }
    }
    printf("walks %llu\ndone %llu\nseconds %.3f\nper_s %.1f\n", (unsigned long long)begun,
           (unsigned long long)done, seconds, (double)done / seconds);
    for (size_t i = 0; i < tally.n; i++) {
        bool fits = outcome_fits(p, tally.outcomes[i].name);
        odd += fits ? 0 : tally.outcomes[i].count;
        printf("outcome %s: %llu%s\n", tally.outcomes[i].name,
               (unsigned long long)tally.outcomes[i].count, fits ? "" : " (unexpected)");
    }
    for (size_t k = 0; k < LOAD_STEPS; k++) {
        answers += steps[k].n;
        times_print(load_step_name((load_step_t)k), &steps[k]);
        tally_times_free(&steps[k]);
    }
    times_print("walk", &walks);
    tally_times_free(&walks);
    printf("answers_per_s %.1f\nunexpected %llu\n", (double)answers / seconds,
           (unsigned long long)odd);
    return odd ? 1 : 0;
}

/* Not at a moment of rest: clients ask until it happens, so it comes before the last forms are
 * sent. Returns the measured seconds. */
static double kill_at_end(plan_t *p, int64_t from_us)
{
    int64_t end_us = p->until_us;
    p->until_us += CLOCK_SECOND_US;
    while (clock_wait_us() < end_us &&
           (!p->prepared || atomic_load(&p->sent) + p->clients < atomic_load(&p->forms))) {
        usleep(1000);
    }
    atomic_store(&p->killed, true);
    if (kill((pid_t)p->kill_pid, SIGKILL) != 0) {
        perror("sekisho-load: kill");
    }
    return (double)(clock_wait_us() - from_us) / 1e6;
}

static int run(plan_t *p)
{
    static client_t all[CLIENTS_MAX];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 * 1024);
    pthread_barrier_init(&p->gate, NULL, (unsigned)p->clients + 1);
    for (size_t i = 0; i < p->clients; i++) {
        all[i].plan = p;
        shopper_init(&all[i].shopper, &p->house, 0, p->keep);
        CHECK(pthread_create(&all[i].thread, &attr, client_run, &all[i]) == 0);
    }
    pthread_barrier_wait(&p->gate);
    atomic_store(&p->given, p->prepared ? UINT64_MAX / 2 : 0);
    int64_t from_us = clock_wait_us();
    p->until_us = from_us + (int64_t)p->seconds * CLOCK_SECOND_US;
    pthread_barrier_wait(&p->gate);
    double seconds = p->kill_pid ? kill_at_end(p, from_us) : 0;
    for (size_t i = 0; i < p->clients; i++) {
        pthread_join(all[i].thread, NULL);
    }
    int code = report(p, all, seconds > 0 ? seconds : (double)(clock_wait_us() - from_us) / 1e6);
    for (size_t i = 0; i < p->clients; i++) {
        shopper_deinit(&all[i].shopper);
        tally_times_free(&all[i].walks);
        free(all[i].forms);
    }
    return code;
}

/* ---- usage ---- */

static int usage(void)
{
    fputs("sekisho-load --port N --walk hold|booking|search [--clients 64] [--count N] [--seconds "
          "S]\n"
          "             [--departure ID] [--tour SLUG] [--place CODE] [--city CODE] [--scenario "
          "NAME] [--prepared] [--keep] "
          "[--var DIR]\n"
          "             [--full-ok] [--kill PID]\n",
          stderr);
    return 2;
}

typedef struct option {
    const char *name;
    const char **text; /* one of these three */
    uint64_t *number;
    bool *flag;
    uint64_t max;
} option_t;

static bool option_take(const option_t *o, const char *value)
{
    if (o->text) {
        *o->text = value;
        return value != NULL;
    }
    return value && !err_failed(slice_parse_u64(slice_cstr_in(value), o->max, o->number)) &&
           *o->number > 0;
}

static bool arguments(plan_t *p, int argc, char **argv)
{
    const option_t options[] = {
        {.name = "--port", .number = &p->port, .max = 65000},
        {.name = "--walk", .text = &p->walk},
        {.name = "--clients", .number = &p->clients, .max = CLIENTS_MAX},
        {.name = "--count", .number = &p->count, .max = COUNT_MAX},
        {.name = "--seconds", .number = &p->seconds, .max = 86400},
        {.name = "--kill", .number = &p->kill_pid, .max = INT32_MAX},
        {.name = "--departure", .text = &p->departure},
        {.name = "--tour", .text = &p->tour},
        {.name = "--place", .text = &p->place},
        {.name = "--city", .text = &p->city},
        {.name = "--scenario", .text = &p->scenario},
        {.name = "--var", .text = &p->var},
        {.name = "--prepared", .flag = &p->prepared},
        {.name = "--keep", .flag = &p->keep},
        {.name = "--full-ok", .flag = &p->full_ok},
    };
    for (int i = 1; i < argc; i++) {
        const option_t *o = NULL;
        for (size_t k = 0; k < BASE_COUNT(options); k++) {
            o = strcmp(argv[i], options[k].name) == 0 ? &options[k] : o;
        }
        if (o && o->flag) {
            *o->flag = true;
        } else if (!o || !option_take(o, i + 1 < argc ? argv[++i] : NULL)) {
            return false;
        }
    }
    bool needs_departure = p->walk && strcmp(p->walk, "hold") == 0;
    return p->port && p->walk && walk_of(p) && (!needs_departure || p->departure) &&
           (!p->prepared || (needs_departure && p->count <= 1000000));
}

int main(int argc, char **argv)
{
    static plan_t plan;
    plan.clients = 64;
    plan.count = COUNT_MAX;
    plan.seconds = 10;
    plan.scenario = "success";
    if (!arguments(&plan, argc, argv) ||
        err_failed(load_house_init(&plan.house, (unsigned)plan.port, plan.var, ANSWER_MS))) {
        return usage();
    }
    return run(&plan);
}
