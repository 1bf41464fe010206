#include "contend/round.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/page.h"

enum {
    ANSWER_MS = 20000,
    ROUND_S = 150, /* bounds, not speeds */
    REST_S = 60,   /* for orders to payd after the last seat was sold */
    LOOK_US = 100 * 1000,
    STUCK_US = 3000 * 1000, /* no seat moved for so long: what lapses must be waited for */
    STEP_S = 46 * 60,       /* longer than a hold */
    LATE_S = 45 * 60,       /* a "delayed" notification comes with such a step */
    STEPS_MAX = 64,
};

typedef struct stage {
    const round_plan_t *plan;
    round_result_t *r;
    load_house_t load;
    contest_t contest;
    buyer_t buyers[ROUND_BUYERS];
    db_t *db;
    model_step_t steps[STEPS_MAX];
    uint64_t kill_after; /* answers */
    bool stepped;        /* the one in the middle */
    size_t finished;
} stage_t;

static void fault(round_result_t *r, const char *fmt, ...) BASE_PRINTF(2, 3);
static void fault(round_result_t *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (r->faults < ROUND_FAULTS) {
        vsnprintf(r->fault[r->faults], ROUND_TEXT, fmt, args);
    }
    va_end(args);
    r->faults++;
}

/* ---- the provider ---- */

static err_t provider_ask(const load_house_t *load, const char *method, const char *target,
                          const char *body, arena_t *a, http_answer_t *ret_answer)
{
    http_conn_t c;
    http_init(&c, &load->psp, 0, ANSWER_MS);
    http_request_t r = {.method = method,
                        .target = slice_cstr_in(target),
                        .body = slice_cstr_in(body),
                        .json = true};
    err_t e = http_ask(&c, &r, a, ret_answer);
    http_deinit(&c);
    TRY(e);
    ENSURE(ret_answer->status < 300, ERR_UPSTREAM);
    return OK;
}

static err_t provider_delay(const load_house_t *load, arena_t *a)
{
    http_answer_t answer;
    char body[40];
    snprintf(body, sizeof body, "{\"delay_s\": %d}", LATE_S);
    return provider_ask(load, "POST", "/control", body, a, &answer);
}

/* Payments that the provider keeps: captured and not given back. */
static err_t provider_kept(const load_house_t *load, arena_t *a, int64_t *ret_kept)
{
    http_answer_t answer;
    uint64_t captured, refunded;
    TRY(provider_ask(load, "GET", "/control/state", "", a, &answer));
    TRY(slice_parse_u64(page_word_after(answer.body, SLICE("\"captured\":")), INT64_MAX,
                        &captured));
    TRY(slice_parse_u64(page_word_after(answer.body, SLICE("\"refunded\":")), INT64_MAX,
                        &refunded));
    *ret_kept = (int64_t)captured - (int64_t)refunded;
    return OK;
}

/* ---- the fight ---- */

static void clock_step(stage_t *s)
{
    if (s->r->steps < STEPS_MAX) {
        model_step_t *step = &s->steps[s->r->steps++];
        step->from_us = clock_wait_us();
        if (err_failed(bench_house_clock(s->plan->house, STEP_S))) {
            fault(s->r, "the clock cannot be set");
        }
        step->to_us = clock_wait_us();
    }
}

static void kill_shop(stage_t *s)
{
    s->kill_after = UINT64_MAX;
    if (err_failed(bench_house_signal(s->plan->house, "shop", SIGKILL))) {
        fault(s->r, "shopd cannot be killed");
    } else {
        s->r->kills++;
    }
}

static bool all_gone(stage_t *s)
{
    for (; s->finished < ROUND_BUYERS; s->finished++) {
        if (pthread_tryjoin_np(s->buyers[s->finished].thread, NULL) != 0) {
            return false;
        }
    }
    return true;
}

/* Watches, kills, moves the clock, and tells the buyers when nothing is left. */
static err_t direct(stage_t *s)
{
    contest_t *c = &s->contest;
    int64_t since_us = clock_wait_us();
    seats_count_t before = {0};
    while (!all_gone(s)) {
        seats_count_t n;
        usleep(LOOK_US / 10);
        if (atomic_load(&c->answered) >= s->kill_after) {
            kill_shop(s);
        }
        if (s->plan->control) {
            continue;
        }
        TRY(seats_count(s->db, c->departure, &n));
        bool moved = n.confirmed_seats != before.confirmed_seats || n.taken != before.taken ||
                     n.hold_seats[3] != before.hold_seats[3];
        int64_t sold = n.confirmed_seats;
        since_us = moved ? clock_wait_us() : since_us;
        before = n;
        atomic_store(&c->sold_out, sold >= n.cap);
        bool middle = !s->stepped && sold >= n.cap / 3;
        if (sold < n.cap && (middle || clock_wait_us() - since_us > STUCK_US)) {
            s->stepped = s->stepped || middle;
            clock_step(s);
            since_us = clock_wait_us();
        }
        usleep(LOOK_US);
    }
    return OK;
}

static err_t fight(stage_t *s)
{
    contest_t *c = &s->contest;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 * 1024);
    pthread_barrier_init(&c->gate, NULL, ROUND_BUYERS);
    c->until_us = clock_wait_us() + ROUND_S * CLOCK_SECOND_US;
    for (size_t i = 0; i < ROUND_BUYERS; i++) {
        buyer_t *b = &s->buyers[i];
        b->contest = c;
        b->dice = (s->plan->seed * 1000003 + i) | 1;
        shopper_init(&b->shopper, &s->load, 0, false);
        CHECK(pthread_create(&b->thread, &attr, buyer_run, b) == 0);
    }
    err_t e = direct(s);
    for (; s->finished < ROUND_BUYERS;
         s->finished++) { /* after an error: they end by their own bound */
        pthread_join(s->buyers[s->finished].thread, NULL);
    }
    pthread_barrier_destroy(&c->gate);
    return e;
}

/* ---- judgement ---- */

static void judge_answers(stage_t *s)
{
    round_result_t *r = s->r;
    contest_t *c = &s->contest;
    model_t m = {
        .cap = ROUND_SEATS, .claims = c->claims, .n = c->n, .steps = s->steps, .n_steps = r->steps};
    model_judge(&m, &r->model);
    r->claims = c->n;
    for (size_t i = 0; i < c->n; i++) {
        r->taken += c->claims[i].answer == MODEL_TAKEN;
        r->full += c->claims[i].answer == MODEL_FULL;
        r->unsure += c->claims[i].answer == MODEL_UNSURE;
    }
    size_t wrong = r->model.oversold + r->model.false_full + r->model.broken;
    if (wrong) {
        fault(r, "answers: %zu oversold, %zu falsely full, %zu broken; first: %s",
              r->model.oversold, r->model.false_full, r->model.broken, r->model.first);
    }
    for (size_t i = 0; i < ROUND_BUYERS; i++) {
        tally_join(&r->tally, &s->buyers[i].shopper.tally);
        r->given += s->buyers[i].given;
        r->left += s->buyers[i].left;
        r->late += s->buyers[i].late;
    }
    /* what an answer may never be, kill or no kill */
    static const char *const NEVER[] = {" 400", " 403", " 404", " 422", " 429", " 500", " 507"};
    for (size_t i = 0; i < r->tally.n; i++) {
        for (size_t k = 0; k < BASE_COUNT(NEVER); k++) {
            if (slice_ends(slice_cstr_in(r->tally.outcomes[i].name), slice_cstr_in(NEVER[k]))) {
                fault(r, "answer: %s, %llu times", r->tally.outcomes[i].name,
                      (unsigned long long)r->tally.outcomes[i].count);
            }
        }
    }
}

static const model_claim_t *claim_of(const contest_t *c, const id128_t *booking)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->claims[i].answer == MODEL_TAKEN && id_eq(c->claims[i].booking, *booking)) {
            return &c->claims[i];
        }
    }
    return NULL;
}

/* Every answered booking exists, as it was answered; nobody has one that nobody was given. */
static err_t judge_bookings(stage_t *s, arena_t *a)
{
    seats_booking_t *rows;
    size_t n, known = 0;
    TRY(seats_bookings(s->db, a, s->contest.departure, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        const model_claim_t *c = claim_of(&s->contest, &rows[i].id);
        bool confirmed = rows[i].state == 4;
        s->r->confirmed += confirmed;
        known += c != NULL;
        if (c && (c->seats != rows[i].seats || (c->confirmed_us && !confirmed))) {
            fault(s->r, "a booking is not as it was answered: %lld seats, state %lld",
                  (long long)rows[i].seats, (long long)rows[i].state);
        }
        if (!c && confirmed) {
            fault(s->r, "a booking is paid that nobody was given");
        }
    }
    if (known != s->r->taken) {
        fault(s->r, "%zu bookings were answered, %zu of them exist", s->r->taken, known);
    }
    if (n - known > s->r->unsure) {
        fault(s->r, "%zu bookings that nobody asked for", n - known - s->r->unsure);
    }
    return OK;
}

static void judge_seats(round_result_t *r)
{
    const seats_count_t *n = &r->seats;
    if (n->cap != ROUND_SEATS || n->confirmed_seats != ROUND_SEATS) {
        fault(r, "%lld seats of %d are sold", (long long)n->confirmed_seats, ROUND_SEATS);
    }
    if (n->taken != n->hold_seats[1] + n->hold_seats[2] || n->held != n->hold_seats[1] ||
        n->taken > n->cap) {
        fault(r, "the counter says %lld taken, %lld held; the holds say %lld held, %lld taken",
              (long long)n->taken, (long long)n->held, (long long)n->hold_seats[1],
              (long long)n->hold_seats[2]);
    }
    if (n->confirmed_without_seat || n->seated_unconfirmed) {
        fault(r, "%lld paid without a seat, %lld seats without a payment",
              (long long)n->confirmed_without_seat, (long long)n->seated_unconfirmed);
    }
    if (n->captured_without_seat || n->orders_open || n->orders_given_up) {
        fault(r, "%lld captured without seat or refund, %lld orders open, %lld refunds given up",
              (long long)n->captured_without_seat, (long long)n->orders_open,
              (long long)n->orders_given_up);
    }
}

/* Orders to payd are carried out soon; the provider then keeps exactly what was sold. */
static err_t judge_rest(stage_t *s, arena_t *a)
{
    int64_t until_us = clock_wait_us() + REST_S * CLOCK_SECOND_US, kept = 0, want = 0;
    do {
        usleep(LOOK_US);
        arena_reset(a);
        s->r->confirmed = 0;
        TRY(seats_count(s->db, s->contest.departure, &s->r->seats));
        TRY(provider_kept(&s->load, a, &kept));
        want = (int64_t)s->plan->sold_before + s->r->seats.bookings[4];
    } while ((s->r->seats.orders_open || kept != want) && !s->plan->control &&
             clock_wait_us() < until_us);
    judge_seats(s->r);
    if (kept != want) {
        fault(s->r, "the provider keeps %lld payments, %lld bookings are paid", (long long)kept,
              (long long)want);
    }
    return judge_bookings(s, a);
}

static err_t play(stage_t *s)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    arena_init(&a, 32 * 1024 * 1024);
    TRY(load_house_init(&s->load, s->plan->house->port, NULL, ANSWER_MS));
    TRY(provider_delay(&s->load, &a));
    TRY(seats_prepare(s->db, s->plan->nth, ROUND_SEATS, s->contest.departure));
    TRY(fight(s));
    judge_answers(s);
    return judge_rest(s, &a);
}

err_t round_play(const round_plan_t *plan, round_result_t *ret_result)
{
    stage_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    *ret_result = (round_result_t){0};
    s->plan = plan;
    s->r = ret_result;
    s->contest.house = &s->load;
    s->contest.only_pay = plan->control;
    s->contest.claims = calloc(BUYER_CLAIMS_MAX, sizeof *s->contest.claims);
    s->kill_after = plan->control ? UINT64_MAX : 5 + plan->seed % 25;
    pthread_mutex_init(&s->contest.lock, NULL);
    err_t e = s->contest.claims ? db_open(plan->db_url, &s->db) : FAIL(ERR_MEMORY);
    if (!err_failed(e)) {
        e = play(s);
    }
    for (size_t i = 0; i < ROUND_BUYERS; i++) {
        if (s->buyers[i].contest) {
            shopper_deinit(&s->buyers[i].shopper);
        }
    }
    db_close(s->db);
    pthread_mutex_destroy(&s->contest.lock);
    free(s->contest.claims);
    free(s);
    return e;
}
