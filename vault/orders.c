/* Holds no key: erasing is keystore.c's. */
#include "orders.h"

#include <pthread.h>

#include "base/clock.h"
#include "io/log.h"

enum { JOB_ARENA = 192 * 1024, RETRY_S = 1, RETRY_MAX_S = 60 };
#define HONEY_YOUNG_US (3600 * CLOCK_SECOND_US)

struct orders_job {
    orders_job_t *next;
    wire_conn_t from;
    uint16_t kind;
    arena_t arena;
    vault_order_t order;
    uint32_t epoch; /* VAULT_ROTATE, VAULT_DISCARD */
    slice_t key;    /* in the arena, which is wiped */
    err_t result;
    buf_t answer;
};

struct orders {
    orders_conf_t conf;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t filled;
    orders_job_t *waiting, *done;
    unsigned queued;
    orders_counts_t counts;
    bool stop;
    id128_t intent;   /* request of the erasure whose intent this process has put on record last */
    unsigned retry_s; /* the thread's own */
};

/* Records. */

static err_t record(orders_t *o, ledger_type_t type, const vault_order_t *order, id128_t pseudonym,
                    buf_t *facts)
{
    ledger_fact(facts, "asked", order->asked);
    ledger_fact(facts, "by", order->by);
    if (order->ref.len) {
        ledger_fact(facts, "ref", order->ref);
    }
    TRY(buf_check(facts));
    ledger_record_t rec = {.type = type,
                           .request = order->request,
                           .subject = pseudonym,
                           .count = 1,
                           .facts = buf_slice(facts)};
    err_t e = ledger_append(o->conf.ledger, &rec, 1, NULL);
    return err_failed(e) ? FAIL_SYS(ERR_NOT_RECORDED, e.sys) : OK;
}

static err_t record_erased(orders_t *o, const register_erasure_t *e, const char *step, bool again)
{
    uint8_t mem[LEDGER_TEXT_MAX], hex_mem[2 * ID_BYTES];
    buf_t facts = BUF_ON_ARRAY(mem);
    buf_t hex = BUF_ON_ARRAY(hex_mem);
    id128_t file = keystore_name(o->conf.subjects);
    buf_hex(&hex, id_slice(&file));
    ledger_fact(&facts, "step", slice_cstr_in(step));
    ledger_fact_i64(&facts, "slot", e->slot);
    ledger_fact(&facts, "file", buf_slice(&hex));
    if (e->keys) {
        ledger_fact_i64(&facts, "keys", e->keys);
    }
    if (again) {
        ledger_fact_i64(&facts, "again", 1);
    }
    return record(o, LEDGER_ERASED, &e->order, e->pseudonym, &facts);
}

/* A refusal holds with or without its record; that it has none is logged. */
static void record_refused(orders_t *o, const orders_job_t *job, id128_t pseudonym, slice_t hold)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "reason", SLICE("legal_hold"));
    if (hold.len) {
        ledger_fact(&facts, "hold", hold);
    }
    err_t e = record(o, LEDGER_ERASE_REFUSED, &job->order, pseudonym, &facts);
    if (err_failed(e)) {
        log_err(LOG_ERROR, job->order.request, "vault.erase", e);
    }
    pthread_mutex_lock(&o->lock);
    o->counts.refused++;
    pthread_mutex_unlock(&o->lock);
}

/* Erasing. */

/* Keys of a person in one file; none is no failure: there may be no month's, or an earlier try got
 * so far. */
static err_t erase_in(keystore_t *ks, id128_t subject, uint32_t *io_keys)
{
    size_t n = 0;
    err_t e = keystore_erase(ks, subject, &n);
    *io_keys += (uint32_t)n;
    return err_is(e, ERR_NOT_FOUND) ? OK : e;
}

static err_t destroy(orders_t *o, register_erasure_t *e)
{
    TRY(erase_in(o->conf.months, e->order.subject, &e->keys));
    TRY(erase_in(o->conf.subjects, e->order.subject, &e->keys));
    TRY(passwords_forget(o->conf.passwords, e->order.subject));
    reveal_barrier(o->conf.reveal);
    return register_erasure_keys(o->conf.book, e->order.subject, e->keys);
}

static err_t finish(orders_t *o, const register_erasure_t *e, bool again)
{
    TRY(record_erased(o, e, "done", again));
    TRY(register_erasure_end(o->conf.book, e->order.subject));
    pthread_mutex_lock(&o->lock);
    o->counts.erased++;
    pthread_mutex_unlock(&o->lock);
    return OK;
}

static void unfinished_set(orders_t *o, bool unfinished)
{
    pthread_mutex_lock(&o->lock);
    o->counts.unfinished = unfinished;
    pthread_mutex_unlock(&o->lock);
}

/* From the register, by what a crash or a silent ledger left there. Each step may be done twice. */
static err_t resume(orders_t *o, const register_erasure_t *begun)
{
    register_erasure_t e = *begun;
    if (!id_eq(o->intent, e.order.request)) {
        TRY(record_erased(o, &e, "intent", true));
        o->intent = e.order.request;
    }
    TRY(destroy(o, &e));
    return finish(o, &e, true);
}

static void resume_all(orders_t *o)
{
    err_t e;
    do {
        BASE_CLEANUP(arena_deinit) arena_t a;
        register_erasure_t begun;
        arena_init(&a, 16 * 1024);
        e = register_erasure_next(o->conf.book, &a, &begun);
        if (!err_failed(e)) {
            e = resume(o, &begun);
        }
    } while (!err_failed(e));
    bool all = err_is(e, ERR_NOT_FOUND);
    unfinished_set(o, !all);
    o->retry_s = all ? RETRY_S : o->retry_s < RETRY_MAX_S ? 2 * o->retry_s : RETRY_MAX_S;
    if (!all) {
        log_err(LOG_WARN, id_zero(), "vault.erase_later", e);
    }
}

static err_t person(orders_t *o, id128_t subject, uint32_t *ret_slot, id128_t *ret_pseudonym)
{
    keys_wrapped_t key;
    TRY(keystore_find(o->conf.subjects, subject, 0, &key));
    TRY(keys_pseudonym(o->conf.keys, &key, ret_pseudonym));
    *ret_slot = key.at.slot;
    return OK;
}

static err_t refused_by_hold(orders_t *o, orders_job_t *job, id128_t pseudonym)
{
    vault_hold_t hold;
    err_t e = register_hold_find(o->conf.book, &job->arena, job->order.subject, &hold);
    if (err_is(e, ERR_NOT_FOUND)) {
        return OK;
    }
    TRY(e);
    record_refused(o, job, pseudonym, hold.ref);
    return FAIL(ERR_STOPPED);
}

static err_t on_erase(orders_t *o, orders_job_t *job)
{
    register_erasure_t e = {.order = job->order};
    TRY(person(o, job->order.subject, &e.slot, &e.pseudonym));
    TRY(refused_by_hold(o, job, e.pseudonym));
    TRY(register_erasure_begin(o->conf.book, &e));
    err_t recorded = record_erased(o, &e, "intent", false);
    if (err_failed(recorded)) {
        TRY(register_erasure_end(o->conf.book, job->order.subject));
        return recorded;
    }
    o->intent = job->order.request;
    err_t done = destroy(o, &e);
    /* The key may be gone with no outcome on record yet: that follows as soon as it can. */
    if (err_failed(done) || err_failed(finish(o, &e, false))) {
        unfinished_set(o, true);
    }
    TRY(done);
    wire_begin(&job->answer, VAULT_ERASED);
    buf_put(&job->answer, id_slice(&e.pseudonym));
    buf_u32(&job->answer, e.keys);
    return OK;
}

/* Legal holds. */

static err_t record_hold(orders_t *o, const orders_job_t *job, id128_t pseudonym, const char *step)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", slice_cstr_in(step));
    return record(o, LEDGER_LEGAL_HOLD, &job->order, pseudonym, &facts);
}

/* The hold stands before its record does: the other way round a crash would leave a record of a
 * hold that holds nothing. */
static err_t on_hold_add(orders_t *o, orders_job_t *job)
{
    uint32_t slot;
    id128_t pseudonym;
    TRY(person(o, job->order.subject, &slot, &pseudonym));
    ENSURE(!register_erasure_stands(o->conf.book, job->order.subject), ERR_CONFLICT);
    TRY(register_hold_add(o->conf.book, &job->order));
    err_t e = record_hold(o, job, pseudonym, "set");
    if (err_failed(e)) {
        TRY(register_hold_release(o->conf.book, job->order.subject));
        return e;
    }
    wire_begin(&job->answer, WIRE_DONE);
    return OK;
}

/* Recorded before it is released. */
static err_t on_hold_release(orders_t *o, orders_job_t *job)
{
    uint32_t slot;
    id128_t pseudonym;
    vault_hold_t hold;
    TRY(register_hold_find(o->conf.book, &job->arena, job->order.subject, &hold));
    TRY(person(o, job->order.subject, &slot, &pseudonym));
    TRY(record_hold(o, job, pseudonym, "released"));
    TRY(register_hold_release(o->conf.book, job->order.subject));
    wire_begin(&job->answer, WIRE_DONE);
    return OK;
}

static err_t on_holds(orders_t *o, orders_job_t *job)
{
    vault_hold_t *holds = ARENA_ARRAY(&job->arena, vault_hold_t, VAULT_HOLDS_MAX);
    size_t n = 0;
    ENSURE(holds, ERR_MEMORY);
    TRY(register_holds(o->conf.book, &job->arena, holds, VAULT_HOLDS_MAX, &n));
    wire_begin(&job->answer, VAULT_HOLD_LIST);
    buf_u16(&job->answer, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_put(&job->answer, id_slice(&holds[i].subject));
        buf_i64(&job->answer, holds[i].since_us);
        buf_str16(&job->answer, holds[i].by);
        buf_str16(&job->answer, holds[i].ref);
    }
    return OK;
}

/* Honey: no record, so that the record does not tell who they are. */

static err_t honey_mark(orders_t *o, id128_t subject)
{
    keys_wrapped_t key;
    TRY(keystore_find(o->conf.subjects, subject, 0, &key));
    int64_t age_us = clock_wall_us() - key.created_us;
    ENSURE(age_us >= 0 && age_us < HONEY_YOUNG_US, ERR_EXPIRED);
    ENSURE(register_honey_count(o->conf.book) < o->conf.honey, ERR_LIMIT);
    return register_honey_add(o->conf.book, subject);
}

/* The same answer for one that is marked already, and when there are enough: who asks learns
 * nothing. */
static err_t on_honey(orders_t *o, orders_job_t *job)
{
    err_t e = honey_mark(o, job->order.subject);
    if (!err_is(e, ERR_EXISTS) && !err_is(e, ERR_LIMIT)) {
        TRY(e);
    }
    wire_begin(&job->answer, WIRE_DONE);
    return OK;
}

static err_t on_honey_wanted(orders_t *o, orders_job_t *job)
{
    size_t n = register_honey_count(o->conf.book);
    wire_begin(&job->answer, VAULT_HONEY_IS);
    buf_u8(&job->answer, n >= o->conf.honey ? VAULT_WANTED_NONE
                         : n                ? VAULT_WANTED_MORE
                                            : VAULT_WANTED_FIRST);
    return OK;
}

/* The master key. */

static err_t on_master(orders_t *o, orders_job_t *job)
{
    rotate_state_t s = rotate_state(o->conf.rotate);
    wire_begin(&job->answer, VAULT_MASTER_IS);
    buf_u32(&job->answer, s.newest);
    buf_u32(&job->answer, s.oldest);
    buf_u64(&job->answer, s.slots);
    buf_u16(&job->answer, s.trouble);
    buf_u16(&job->answer, (uint16_t)register_honey_count(o->conf.book));
    return OK;
}

static err_t on_rotate(orders_t *o, orders_job_t *job)
{
    keys_master_t master = {.epoch = job->epoch};
    memcpy(master.key.b, job->key.ptr, SECRET_BYTES);
    TRY(rotate_begin(o->conf.rotate, &master));
    wire_begin(&job->answer, WIRE_DONE);
    return OK;
}

static err_t on_discard(orders_t *o, orders_job_t *job)
{
    TRY(rotate_discard(o->conf.rotate, job->epoch));
    wire_begin(&job->answer, WIRE_DONE);
    return OK;
}

/* The thread. */

static err_t serve(orders_t *o, orders_job_t *job)
{
    TRY(arena_buf(&job->arena, WIRE_MAX_BYTES, &job->answer));
    switch (job->kind) {
    case VAULT_ERASE:
        TRY(on_erase(o, job));
        break;
    case VAULT_HOLD_ADD:
        TRY(on_hold_add(o, job));
        break;
    case VAULT_HOLD_RELEASE:
        TRY(on_hold_release(o, job));
        break;
    case VAULT_HOLDS:
        TRY(on_holds(o, job));
        break;
    case VAULT_HONEY:
        TRY(on_honey(o, job));
        break;
    case VAULT_HONEY_WANTED:
        TRY(on_honey_wanted(o, job));
        break;
    case VAULT_MASTER:
        TRY(on_master(o, job));
        break;
    case VAULT_ROTATE:
        TRY(on_rotate(o, job));
        break;
    case VAULT_DISCARD:
        TRY(on_discard(o, job));
        break;
    default:
        return FAIL(ERR_SYNTAX);
    }
    return buf_check(&job->answer);
}

static void append(orders_job_t **list, orders_job_t *job)
{
    while (*list) {
        list = &(*list)->next;
    }
    job->next = NULL;
    *list = job;
}

static void rest(orders_t *o)
{
    struct timespec until;
    if (!o->counts.unfinished) {
        pthread_cond_wait(&o->filled, &o->lock);
        return;
    }
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += (time_t)o->retry_s;
    pthread_cond_timedwait(&o->filled, &o->lock, &until);
}

static void turn(orders_t *o)
{
    orders_job_t *job = o->waiting;
    o->waiting = job ? job->next : NULL;
    pthread_mutex_unlock(&o->lock);
    if (job) {
        job->result = serve(o, job);
    } else {
        resume_all(o);
    }
    pthread_mutex_lock(&o->lock);
    if (job) {
        append(&o->done, job);
        o->queued--;
        o->conf.on_done(o->conf.ctx);
    }
}

static void *work(void *arg)
{
    orders_t *o = arg;
    resume_all(o); /* before any new order: a hold must not meet half an erasure */
    pthread_mutex_lock(&o->lock);
    while (!o->stop) {
        if (!o->waiting) {
            rest(o);
        }
        if (!o->stop && (o->waiting || o->counts.unfinished)) {
            turn(o);
        }
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

err_t orders_new(const orders_conf_t *conf, orders_t **ret_orders)
{
    pthread_condattr_t mono;
    orders_t *o = calloc(1, sizeof *o);
    ENSURE(o, ERR_MEMORY);
    o->conf = *conf;
    o->retry_s = RETRY_S;
    CHECK(pthread_mutex_init(&o->lock, NULL) == 0);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    CHECK(pthread_cond_init(&o->filled, &mono) == 0);
    pthread_condattr_destroy(&mono);
    o->started = pthread_create(&o->thread, NULL, work, o) == 0;
    if (!o->started) {
        orders_free(o);
        return FAIL(ERR_MEMORY);
    }
    *ret_orders = o;
    return OK;
}

static void drop_all(orders_job_t *job)
{
    while (job) {
        orders_job_t *next = job->next;
        orders_end(job);
        job = next;
    }
}

void orders_free(orders_t *o)
{
    if (!o) {
        return;
    }
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_broadcast(&o->filled);
    pthread_mutex_unlock(&o->lock);
    if (o->started) {
        pthread_join(o->thread, NULL);
    }
    drop_all(o->waiting);
    drop_all(o->done);
    pthread_cond_destroy(&o->filled);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

/* The loop's side. */

static err_t job_decode(orders_job_t *job, slice_t bytes)
{
    slice_t copy;
    TRY(arena_copy(&job->arena, bytes, &copy));
    cursor_t body = cur_on(copy);
    switch (job->kind) {
    case VAULT_HONEY:
        return decode_subject(&body, &job->order.subject);
    case VAULT_ROTATE:
        return decode_rotate(&body, &job->epoch, &job->key);
    case VAULT_DISCARD:
        return decode_epoch(&body, &job->epoch);
    case VAULT_HOLDS:
    case VAULT_HONEY_WANTED:
    case VAULT_MASTER:
        return decode_nothing(&body);
    default:
        return decode_order(&body, &job->order);
    }
}

err_t orders_submit(orders_t *o, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    orders_job_t *job = calloc(1, sizeof *job);
    ENSURE(job, ERR_MEMORY);
    arena_init(&job->arena, JOB_ARENA);
    job->from = from;
    job->kind = kind;
    err_t e = job_decode(job, cur_rest(body));
    pthread_mutex_lock(&o->lock);
    if (!err_failed(e) && o->queued == ORDERS_QUEUE_MAX) {
        e = FAIL(ERR_TOO_MANY);
    }
    if (!err_failed(e)) {
        o->queued++;
        append(&o->waiting, job);
        pthread_cond_signal(&o->filled);
    }
    pthread_mutex_unlock(&o->lock);
    if (err_failed(e)) {
        orders_end(job);
    }
    return e;
}

orders_job_t *orders_take(orders_t *o)
{
    pthread_mutex_lock(&o->lock);
    orders_job_t *job = o->done;
    o->done = job ? job->next : NULL;
    pthread_mutex_unlock(&o->lock);
    return job;
}

wire_conn_t orders_asker(const orders_job_t *job)
{
    return job->from;
}

err_t orders_answer(const orders_job_t *job, slice_t *ret_message)
{
    TRY(job->result);
    *ret_message = buf_slice(&job->answer);
    return OK;
}

void orders_end(orders_job_t *job)
{
    arena_deinit(&job->arena);
    free(job);
}

orders_counts_t orders_counts(orders_t *o)
{
    pthread_mutex_lock(&o->lock);
    orders_counts_t counts = o->counts;
    pthread_mutex_unlock(&o->lock);
    return counts;
}
