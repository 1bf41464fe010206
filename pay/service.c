#include "service.h"

#include <pthread.h>

#include "base/clock.h"
#include "io/log.h"

enum {
    LANE_QUICK, /* our own book only */
    LANE_SLOW,  /* the provider is asked meanwhile: must not keep the others waiting */
    LANES,
    WORKERS = 16, /* of one lane, at most */
    JOBS = 128,   /* of one lane: queued, running and answered */
    JOB_BYTES = 1024,
    ANSWER_BYTES = PAY_URL_MAX + 512,
    WAITERS = 16,
    JOB_ARENA = 4 * 1024 * 1024,
    EVENTS_WAIT_MAX_MS = 60000,
};

typedef struct job {
    wire_conn_t from;
    room_id_t peer;
    uint16_t kind, len;
    uint8_t bytes[JOB_BYTES];
} job_t;

typedef struct answer {
    wire_conn_t to;
    err_t err;
    size_t len;
    uint8_t bytes[ANSWER_BYTES];
} answer_t;

typedef struct waiter {
    bool used;
    wire_conn_t from;
    uint64_t after_seq;
    uint32_t max;
    int64_t until_us; /* real monotonic time */
} waiter_t;

typedef struct lane {
    service_t *service;
    pthread_mutex_t lock;
    pthread_cond_t work;
    job_t jobs[JOBS]; /* ring */
    size_t job_head, job_count;
    answer_t answers[JOBS]; /* ring */
    size_t answer_head, answer_count;
    size_t running;
    bool stop;
    pthread_t workers[WORKERS];
    size_t started;
} lane_t;

struct service {
    cashier_t *cashier;
    wire_server_t *server;
    lane_t lanes[LANES];
    waiter_t waiters[WAITERS]; /* loop's thread only */
};

/* ---- what each kind does; in a worker ---- */

static err_t do_create(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t attempt;
    slice_t url;
    pay_order_t order = pay_order_get(body);
    TRY(cur_end(body));
    TRY(cashier_create(s->cashier, a, &order, &attempt, &url));
    wire_begin(out, PAY_CREATED_OK);
    buf_put(out, id_slice(&attempt));
    buf_str16(out, url);
    return OK;
}

static err_t view_answer(service_t *s, arena_t *a, id128_t id, buf_t *out)
{
    attempt_t t;
    TRY(book_get(s->cashier->book, a, id, &t));
    wire_begin(out, PAY_ATTEMPT_IS);
    pay_attempt_view_put(out, &t.view);
    return OK;
}

static err_t do_look(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t id;
    cur_copy(body, id.b, ID_BYTES);
    TRY(cur_end(body));
    return view_answer(s, a, id, out);
}

static err_t do_look_token(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t id;
    slice_t token = cur_str16(body);
    TRY(cur_end(body));
    TRY(cashier_token_read(s->cashier, token, &id));
    return view_answer(s, a, id, out);
}

static err_t do_refund(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t request, attempt;
    cur_copy(body, request.b, ID_BYTES);
    cur_copy(body, attempt.b, ID_BYTES);
    int64_t amount_minor = cur_i64(body);
    slice_t reason = cur_str16(body);
    TRY(cur_end(body));
    TRY(book_refund_due(s->cashier->book, attempt, request, amount_minor, reason));
    wire_begin(out, PAY_DONE);
    return OK;
}

static err_t do_cancel(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t request, attempt;
    cur_copy(body, request.b, ID_BYTES);
    cur_copy(body, attempt.b, ID_BYTES);
    cur_str16(body);
    TRY(cur_end(body));
    TRY(cashier_cancel_order(s->cashier, a, attempt, request));
    wire_begin(out, PAY_DONE);
    return OK;
}

static bool ledger_is_down(const service_t *s)
{
    return __atomic_load_n(&s->cashier->ledger_down, __ATOMIC_RELAXED);
}

static bool book_is_down(const service_t *s)
{
    return __atomic_load_n(&s->cashier->book_down, __ATOMIC_RELAXED);
}

static err_t do_open(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    TRY(cur_end(body));
    const char *why = cashier_closed_why(s->cashier, false);
    if (!why[0] && ledger_is_down(s)) {
        why = "ledger";
    }
    if (!why[0] && book_is_down(s)) {
        why = "database";
    }
    wire_begin(out, PAY_OPEN_IS);
    buf_u8(out, !why[0]);
    buf_str16(out, slice_cstr_in(why));
    return OK;
}

static err_t do_doubts(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    pay_doubt_t list[PAY_DOUBTS_MAX];
    size_t n;
    TRY(cur_end(body));
    TRY(book_doubts(s->cashier->book, list, BASE_COUNT(list), &n));
    wire_begin(out, PAY_DOUBT_LIST);
    buf_u16(out, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        pay_doubt_put(out, &list[i]);
    }
    return OK;
}

static err_t do_settle(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t request, attempt;
    cur_copy(body, request.b, ID_BYTES);
    cur_copy(body, attempt.b, ID_BYTES);
    uint64_t notice = cur_u64(body);
    uint8_t verdict = cur_u8(body);
    slice_t reason = cur_str16(body);
    TRY(cur_end(body));
    TRY(book_settle(s->cashier->book, request, attempt, notice, (pay_verdict_t)verdict, reason));
    wire_begin(out, PAY_DONE);
    return OK;
}

static err_t do_forget(service_t *s, arena_t *a, cursor_t *body, buf_t *out)
{
    id128_t booking;
    cur_copy(body, booking.b, ID_BYTES);
    TRY(cur_end(body));
    TRY(book_notices_forget(s->cashier->book, booking));
    wire_begin(out, PAY_DONE);
    return OK;
}

typedef struct kind_row {
    uint16_t kind;
    unsigned lane;
    bool command_only;
    err_t (*run)(service_t *s, arena_t *a, cursor_t *body, buf_t *out);
} kind_row_t;

static const kind_row_t KINDS[] = {
    {PAY_CREATE, LANE_SLOW, false, do_create},
    {PAY_LOOK, LANE_QUICK, false, do_look},
    {PAY_LOOK_TOKEN, LANE_QUICK, false, do_look_token},
    {PAY_REFUND_ORDER, LANE_QUICK, false, do_refund},
    {PAY_CANCEL_ORDER, LANE_SLOW, false, do_cancel},
    {PAY_OPEN, LANE_QUICK, false, do_open},
    {PAY_DOUBTS, LANE_QUICK, true, do_doubts},
    {PAY_SETTLE, LANE_QUICK, true, do_settle},
    {PAY_FORGET, LANE_QUICK, true, do_forget},
};

static const size_t LANE_WORKERS[LANES] = {[LANE_QUICK] = 3, [LANE_SLOW] = WORKERS};

static const kind_row_t *kind_find(uint16_t kind)
{
    for (size_t i = 0; i < BASE_COUNT(KINDS); i++) {
        if (KINDS[i].kind == kind) {
            return &KINDS[i];
        }
    }
    return NULL;
}

static err_t job_run(service_t *s, const job_t *job, buf_t *out)
{
    const kind_row_t *row = kind_find(job->kind);
    BASE_CLEANUP(arena_deinit) arena_t a;
    cursor_t body = cur_on(slice_make(job->bytes, job->len));
    arena_init(&a, JOB_ARENA);
    ENSURE(row, ERR_SYNTAX);
    ENSURE(!row->command_only || job->peer == ROOM_COMMAND || job->peer == ROOM_TEST, ERR_DENIED);
    TRY(row->run(s, &a, &body, out));
    return buf_check(out);
}

static void *worker(void *ctx)
{
    lane_t *l = ctx;
    answer_t answer;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->job_count && !l->stop) {
            pthread_cond_wait(&l->work, &l->lock);
        }
        if (!l->job_count) {
            break;
        }
        job_t job = l->jobs[l->job_head];
        l->job_head = (l->job_head + 1) % JOBS;
        l->job_count--;
        l->running++;
        pthread_mutex_unlock(&l->lock);
        buf_t out = BUF_ON_ARRAY(answer.bytes);
        answer.err = job_run(l->service, &job, &out);
        answer.to = job.from;
        answer.len = out.len;
        pthread_mutex_lock(&l->lock);
        l->running--;
        /* jobs + running + answers never exceed JOBS: job_queue checks before it queues */
        l->answers[(l->answer_head + l->answer_count++) % JOBS] = answer;
        wire_server_wake(l->service->server);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- loop's thread ---- */

static err_t job_queue(service_t *s, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    const kind_row_t *row = kind_find(kind);
    slice_t bytes = cur_rest(body);
    ENSURE(row && bytes.len <= JOB_BYTES, ERR_SYNTAX);
    lane_t *l = &s->lanes[row->lane];
    room_id_t peer = wire_peer(s->server, from);
    err_t e = OK;
    pthread_mutex_lock(&l->lock);
    if (l->job_count + l->running + l->answer_count >= JOBS) {
        e = FAIL(ERR_TOO_MANY);
    } else {
        job_t *job = &l->jobs[(l->job_head + l->job_count++) % JOBS];
        job->from = from;
        job->peer = peer;
        job->kind = kind;
        job->len = (uint16_t)bytes.len;
        if (bytes.len) {
            memcpy(job->bytes, bytes.ptr, bytes.len);
        }
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}

/* True when there was something to say (or the wait is over): then the answer is sent. */
static bool events_try(service_t *s, const waiter_t *w, bool last)
{
    pay_event_t events[PAY_EVENTS_MAX];
    uint8_t mem[PAY_EVENTS_MAX * 96 + 64];
    buf_t out = BUF_ON_ARRAY(mem);
    size_t n = 0;
    err_t e = book_events(s->cashier->book, w->after_seq, events, w->max, &n);
    if (err_failed(e)) {
        wire_reply_error(s->server, w->from, e, NULL);
        return true;
    }
    if (n == 0 && !last) {
        return false;
    }
    wire_begin(&out, PAY_EVENT_LIST);
    buf_u16(&out, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        pay_event_put(&out, &events[i]);
    }
    wire_reply(s->server, w->from, buf_slice(&out));
    return true;
}

static int64_t real_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * CLOCK_SECOND_US + t.tv_nsec / 1000;
}

static err_t events_wait(service_t *s, wire_conn_t from, cursor_t *body)
{
    waiter_t w = {.used = true, .from = from, .after_seq = cur_u64(body), .max = cur_u32(body)};
    uint32_t wait_ms = cur_u32(body);
    TRY(cur_end(body));
    ENSURE(w.max > 0 && w.max <= PAY_EVENTS_MAX && wait_ms <= EVENTS_WAIT_MAX_MS, ERR_RANGE);
    w.until_us = real_us() + (int64_t)wait_ms * 1000;
    if (events_try(s, &w, wait_ms == 0)) {
        return OK;
    }
    for (size_t i = 0; i < WAITERS; i++) {
        if (!s->waiters[i].used) {
            s->waiters[i] = w;
            return OK;
        }
    }
    return FAIL(ERR_TOO_MANY);
}

static void waiters_serve(service_t *s, bool stopping)
{
    int64_t now_us = real_us();
    for (size_t i = 0; i < WAITERS; i++) {
        waiter_t *w = &s->waiters[i];
        if (w->used && (!wire_alive(s->server, w->from) ||
                        events_try(s, w, stopping || now_us >= w->until_us))) {
            w->used = false;
        }
    }
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    service_t *s = ctx;
    return kind == PAY_EVENTS ? events_wait(s, from, body) : job_queue(s, from, kind, body);
}

static bool answer_take(lane_t *l, answer_t *ret_answer)
{
    pthread_mutex_lock(&l->lock);
    bool any = l->answer_count > 0;
    if (any) {
        *ret_answer = l->answers[l->answer_head];
        l->answer_head = (l->answer_head + 1) % JOBS;
        l->answer_count--;
    }
    pthread_mutex_unlock(&l->lock);
    return any;
}

/* A request of which bytes are missing or left over is not of the contract. */
static void answer_send(service_t *s, const answer_t *answer)
{
    if (err_is(answer->err, ERR_SYNTAX)) {
        wire_close(s->server, answer->to);
    } else if (err_failed(answer->err)) {
        wire_reply_error(s->server, answer->to, answer->err, NULL);
    } else {
        wire_reply(s->server, answer->to, slice_make(answer->bytes, answer->len));
    }
}

static void on_wake(void *ctx)
{
    service_t *s = ctx;
    answer_t answer;
    for (size_t i = 0; i < LANES; i++) {
        while (answer_take(&s->lanes[i], &answer)) {
            answer_send(s, &answer);
        }
    }
    waiters_serve(s, false);
}

static void on_tick(void *ctx)
{
    waiters_serve(ctx, false);
}

static void on_stop(void *ctx)
{
    waiters_serve(ctx, true);
}

static void on_health(void *ctx, health_t *out)
{
    service_t *s = ctx;
    book_counts_t n = {0};
    err_t e = book_counts(s->cashier->book, &n);
    bool down = ledger_is_down(s);
    const char *why = cashier_closed_why(s->cashier, false);
    bool locked = book_is_down(s);
    health_add(out, err_failed(e) || locked ? HEALTH_DOWN : HEALTH_OK, "database", "%s",
               err_failed(e) ? err_text(e.code)
               : locked      ? "the book cannot be written"
                             : "ok");
    health_add(out, n.quarantined + n.doubts ? HEALTH_DEGRADED : HEALTH_OK, "quarantine",
               "%lld notifications and %lld payments wait for a person", (long long)n.quarantined,
               (long long)n.doubts);
    health_add(out, down ? HEALTH_DOWN : HEALTH_OK, "ledger", "%s",
               down ? "payments are refused: the record does not answer" : "ok");
    health_add(out, strcmp(why, "board") == 0 ? HEALTH_DOWN : HEALTH_OK, "brake", "%s",
               why[0] ? "new payments are closed" : "open");
}

static void on_metrics(void *ctx, buf_t *out)
{
    service_t *s = ctx;
    book_counts_t n;
    if (!err_failed(book_counts(s->cashier->book, &n))) {
        metrics_put(out, "sekisho_pay_attempts_open", n.open);
        metrics_put(out, "sekisho_pay_attempts_in_doubt", n.doubts);
        metrics_put(out, "sekisho_pay_notices_quarantined", n.quarantined);
        metrics_put(out, "sekisho_pay_notices_waiting", n.waiting);
    }
}

const wire_events_t SERVICE_EVENTS = {.on_message = on_message,
                                      .on_wake = on_wake,
                                      .on_tick = on_tick,
                                      .on_stop = on_stop,
                                      .on_health = on_health,
                                      .on_metrics = on_metrics};

err_t service_new(cashier_t *cashier, service_t **ret_service)
{
    service_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->cashier = cashier;
    for (size_t i = 0; i < LANES; i++) {
        s->lanes[i].service = s;
        pthread_mutex_init(&s->lanes[i].lock, NULL);
        pthread_cond_init(&s->lanes[i].work, NULL);
    }
    *ret_service = s;
    return OK;
}

err_t service_attach(service_t *s, wire_server_t *server)
{
    s->server = server;
    for (size_t i = 0; i < LANES; i++) {
        for (lane_t *l = &s->lanes[i]; l->started < LANE_WORKERS[i]; l->started++) {
            ENSURE(pthread_create(&l->workers[l->started], NULL, worker, l) == 0, ERR_MEMORY);
        }
    }
    return OK;
}

void service_on_event(void *service)
{
    service_t *s = service;
    if (s->server) {
        wire_server_wake(s->server);
    }
}

void service_stop(service_t *s)
{
    for (size_t i = 0; i < LANES; i++) {
        lane_t *l = &s->lanes[i];
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_broadcast(&l->work);
        pthread_mutex_unlock(&l->lock);
        for (size_t k = 0; k < l->started; k++) {
            pthread_join(l->workers[k], NULL);
        }
        l->started = 0;
    }
}

void service_free(service_t *s)
{
    if (s) {
        for (size_t i = 0; i < LANES; i++) {
            pthread_cond_destroy(&s->lanes[i].work);
            pthread_mutex_destroy(&s->lanes[i].lock);
        }
        free(s);
    }
}
