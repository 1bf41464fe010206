/* Holds plain values from the opening to the end of the answer, in arenas that are wiped. */
#include "reveal.h"

#include <pthread.h>

#include "intent.h"
#include "roles.h"

enum {
    JOB_ARENA = 384 * 1024, /* the message, its decoded form, the answer */
    SINK_ARENA = 384 * 1024,
    SINK_BYTES = WIRE_MAX_BYTES - 4096, /* of records in one append */
    RECORD_BYTES = 128,                 /* of a record beside its facts, at most */
};

struct reveal_job {
    reveal_job_t *next;
    wire_conn_t from;
    arena_t arena;
    intent_t it;
    err_t result;
    buf_t answer;
};

typedef struct job_list {
    reveal_job_t *first, **last;
} job_list_t;

struct reveal {
    reveal_conf_t conf;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t filled, turned;
    uint64_t turns; /* odd while jobs are being served */
    job_list_t waiting, done;
    reveal_counts_t counts;
    bool stop;
};

static void list_clear(job_list_t *list)
{
    *list = (job_list_t){.first = NULL};
    list->last = &list->first;
}

static void list_add(job_list_t *list, reveal_job_t *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static void job_free(reveal_job_t *job)
{
    arena_deinit(&job->arena);
    explicit_bzero(job, sizeof *job);
    free(job);
}

/* Who is concerned. */

static err_t find_person(reveal_t *r, id128_t subject, intent_person_t *ret_person)
{
    intent_person_t person = {0};
    err_t e = keystore_find(r->conf.subjects, subject, 0, &person.key);
    ENSURE(!err_is(e, ERR_EXPIRED), ERR_NOT_FOUND); /* erased */
    TRY(e);
    TRY(keys_pseudonym(r->conf.keys, &person.key, &person.pseudonym));
    *ret_person = person;
    return OK;
}

static err_t person_of_item(reveal_t *r, intent_t *it, size_t item)
{
    id128_t subject = it->items.items[item].subject;
    size_t person = 0;
    while (person < it->people_count && !id_eq(it->people[person].key.at.subject, subject)) {
        person++;
    }
    if (person == it->people_count) {
        TRY(find_person(r, subject, &it->people[person]));
        it->people_count++;
    }
    it->people[person].fields++;
    it->whose[item] = (uint8_t)person;
    return OK;
}

_Static_assert(VAULT_BATCH_MAX <= UINT8_MAX + 1, "whose[]");

static err_t people_find(reveal_t *r, reveal_job_t *job)
{
    intent_t *it = &job->it;
    it->people = ARENA_ARRAY(&job->arena, intent_person_t, it->items.n);
    it->whose = ARENA_ARRAY(&job->arena, uint8_t, it->items.n);
    ENSURE(it->people && it->whose, ERR_MEMORY);
    err_t e = OK;
    for (size_t i = 0; i < it->items.n; i++) { /* all of them: one may be honey */
        err_t found = person_of_item(r, it, i);
        e = err_failed(e) ? e : found;
    }
    return e;
}

static err_t no_honey(reveal_t *r, intent_t *it)
{
    for (size_t i = 0; i < it->people_count && !it->honey; i++) {
        it->honey = register_is_honey(r->conf.book, it->people[i].key.at.subject);
        it->honey_person = i;
    }
    it->alarm = it->honey;
    ENSURE(!it->honey, ERR_NOT_FOUND); /* to a thief as if there were nobody */
    return OK;
}

static err_t within_budget(reveal_t *r, reveal_job_t *job)
{
    intent_t *it = &job->it;
    budget_hit_t hit = {0};
    id128_t *subjects = ARENA_ARRAY(&job->arena, id128_t, it->people_count);
    ENSURE(subjects, ERR_MEMORY);
    for (size_t i = 0; i < it->people_count; i++) {
        subjects[i] = it->people[i].key.at.subject;
    }
    err_t e = budget_take(r->conf.budget,
                          &(budget_ask_t){.room = it->room,
                                          .purpose = it->context.purpose,
                                          .actor = it->context.actor,
                                          .subjects = subjects,
                                          .n = it->people_count},
                          &hit);
    if (err_is(e, ERR_BUDGET)) {
        it->budget = hit.which;
        it->budget_limit = hit.limit;
        it->alarm = hit.alarm;
    }
    return e;
}

static err_t identify(reveal_t *r, reveal_job_t *job)
{
    err_t found = people_find(r, job);
    TRY(no_honey(r, &job->it));
    TRY(found);
    return within_budget(r, job);
}

/* Making the intents durable: as few appends as the records of all jobs need, mostly one. */

typedef struct appender {
    reveal_t *r;
    arena_t arena;
    ledger_record_t records[LEDGER_BATCH_MAX];
    size_t count, bytes;
    uint64_t made, appends;
} appender_t;

static err_t appender_flush(appender_t *a)
{
    if (a->count == 0) {
        return OK;
    }
    TRY(ledger_append(a->r->conf.ledger, a->records, a->count, NULL));
    a->made += a->count;
    a->appends++;
    a->count = 0;
    a->bytes = 0;
    arena_reset(&a->arena);
    return OK;
}

static err_t appender_put(void *ctx, const ledger_record_t *record)
{
    appender_t *a = ctx;
    size_t bytes = RECORD_BYTES + record->facts.len;
    if (a->count == LEDGER_BATCH_MAX || a->bytes + bytes > SINK_BYTES) {
        TRY(appender_flush(a));
    }
    ledger_record_t *copy = &a->records[a->count];
    *copy = *record;
    TRY(arena_copy(&a->arena, record->facts, &copy->facts));
    a->count++;
    a->bytes += bytes;
    return OK;
}

static err_t put_all(appender_t *a, const job_list_t *jobs)
{
    for (const reveal_job_t *job = jobs->first; job; job = job->next) {
        if (!err_failed(job->result)) {
            TRY(intent_records(&job->it, (intent_sink_t){appender_put, a}));
        } else if (job->it.alarm) {
            TRY(intent_alarm(&job->it, (intent_sink_t){appender_put, a}));
        }
    }
    return appender_flush(a);
}

static err_t make_durable(reveal_t *r, const job_list_t *jobs)
{
    appender_t a = {.r = r};
    arena_init(&a.arena, SINK_ARENA);
    err_t e = put_all(&a, jobs);
    arena_deinit(&a.arena);
    pthread_mutex_lock(&r->lock);
    r->counts.intents += a.made;
    r->counts.appends += a.appends;
    if (err_failed(e) || a.made) {
        r->counts.unrecorded = err_failed(e);
    }
    pthread_mutex_unlock(&r->lock);
    return err_failed(e) ? FAIL_SYS(ERR_NOT_RECORDED, e.sys) : OK;
}

/* Opening. */

static err_t open_item(reveal_t *r, reveal_job_t *job, size_t i)
{
    const vault_item_t *item = &job->it.items.items[i];
    intent_person_t *person = &job->it.people[job->it.whose[i]];
    ENSURE(item->bytes.len >= ENVELOPE_OVERHEAD, ERR_CRYPTO);
    size_t len = item->bytes.len - ENVELOPE_OVERHEAD;
    buf_u16(&job->answer, (uint16_t)len);
    envelope_place_t place = {
        .subject = item->subject, .table = item->table, .column = item->column, .row = item->row};
    TRY(keys_open(r->conf.keys, &person->key, place, item->bytes, &job->answer));
    person->bytes += (uint32_t)len;
    return OK;
}

static err_t open_all(reveal_t *r, reveal_job_t *job)
{
    size_t bytes = WIRE_HEAD_BYTES + 2;
    for (size_t i = 0; i < job->it.items.n; i++) {
        bytes += 2 + job->it.items.items[i].bytes.len;
    }
    TRY(arena_buf(&job->arena, bytes, &job->answer));
    wire_begin(&job->answer, VAULT_REVEALED);
    buf_u16(&job->answer, (uint16_t)job->it.items.n);
    for (size_t i = 0; i < job->it.items.n; i++) {
        TRY(open_item(r, job, i));
    }
    return buf_check(&job->answer);
}

/* The thread. */

static void finish(reveal_t *r, job_list_t *jobs, unsigned count)
{
    if (!jobs->first) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    *r->done.last = jobs->first;
    r->done.last = jobs->last;
    r->counts.queued -= count;
    pthread_mutex_unlock(&r->lock);
    r->conf.on_done(r->conf.ctx);
}

static unsigned take_waiting(reveal_t *r, job_list_t *ret_jobs)
{
    *ret_jobs = r->waiting;
    if (!ret_jobs->first) {
        ret_jobs->last = &ret_jobs->first;
    }
    list_clear(&r->waiting);
    unsigned count = 0;
    for (const reveal_job_t *job = ret_jobs->first; job; job = job->next) {
        count++;
    }
    return count;
}

/* While the ledger let us wait for nothing, others came: they get the same answer now instead of a
 * wait of their own, so that nobody waits longer than one bound. */
static void refuse_waiting(reveal_t *r, err_t why)
{
    job_list_t jobs;
    pthread_mutex_lock(&r->lock);
    unsigned count = take_waiting(r, &jobs);
    pthread_mutex_unlock(&r->lock);
    for (reveal_job_t *job = jobs.first; job; job = job->next) {
        job->result = why;
    }
    finish(r, &jobs, count);
}

static void serve(reveal_t *r, job_list_t *jobs, unsigned count)
{
    for (reveal_job_t *job = jobs->first; job; job = job->next) {
        job->result = identify(r, job);
    }
    err_t durable = make_durable(r, jobs);
    for (reveal_job_t *job = jobs->first; job; job = job->next) {
        job->it.alarm = job->it.alarm && err_failed(durable);
        if (!err_failed(job->result)) {
            job->result = durable;
        }
        if (!err_failed(job->result)) {
            job->result = open_all(r, job);
        }
    }
    finish(r, jobs, count);
    if (err_failed(durable)) {
        refuse_waiting(r, durable);
    }
}

static void *work(void *arg)
{
    reveal_t *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (!r->waiting.first) {
            pthread_cond_wait(&r->filled, &r->lock);
            continue;
        }
        job_list_t jobs;
        unsigned count = take_waiting(r, &jobs);
        r->turns++;
        pthread_mutex_unlock(&r->lock);
        serve(r, &jobs, count);
        pthread_mutex_lock(&r->lock);
        r->turns++;
        pthread_cond_broadcast(&r->turned);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

err_t reveal_new(const reveal_conf_t *conf, reveal_t **ret_reveal)
{
    reveal_t *r = calloc(1, sizeof *r);
    ENSURE(r, ERR_MEMORY);
    r->conf = *conf;
    list_clear(&r->waiting);
    list_clear(&r->done);
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    CHECK(pthread_cond_init(&r->filled, NULL) == 0);
    CHECK(pthread_cond_init(&r->turned, NULL) == 0);
    r->started = pthread_create(&r->thread, NULL, work, r) == 0;
    if (!r->started) {
        reveal_free(r);
        return FAIL(ERR_MEMORY);
    }
    *ret_reveal = r;
    return OK;
}

static void drop_all(job_list_t *list)
{
    for (reveal_job_t *job = list->first; job;) {
        reveal_job_t *next = job->next;
        job_free(job);
        job = next;
    }
    list_clear(list);
}

void reveal_free(reveal_t *r)
{
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->filled);
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
    drop_all(&r->waiting);
    drop_all(&r->done);
    pthread_cond_destroy(&r->filled);
    pthread_cond_destroy(&r->turned);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* The loop's side. */

static err_t note_put(void *ctx, const ledger_record_t *record)
{
    reveal_t *r = ctx;
    ledger_note(r->conf.ledger, record);
    return OK;
}

static void note_refused(reveal_t *r, const intent_t *it, err_t why)
{
    pthread_mutex_lock(&r->lock);
    r->counts.refusals++;
    r->counts.over_budget += it->budget != NULL;
    r->counts.honey += it->honey;
    pthread_mutex_unlock(&r->lock);
    if (it->alarm) { /* not with the group it belonged to: queued, as the refusal is */
        err_ignore(intent_alarm(it, (intent_sink_t){note_put, r}));
    }
    err_ignore(intent_refused(it, why, (intent_sink_t){note_put, r})); /* note_put never fails */
}

void reveal_note_denied(reveal_t *r, reveal_asker_t asker, cursor_t body, err_t why)
{
    intent_t it = {.id = id_new(),
                   .room = asker.room,
                   .process = asker.process,
                   .context = vault_context_get(&body)};
    it.items.n = cur_u16(&body);
    note_refused(r, &it, why);
}

static err_t job_decode(reveal_job_t *job, slice_t bytes)
{
    slice_t copy;
    TRY(arena_copy(&job->arena, bytes, &copy));
    cursor_t body = cur_on(copy);
    return decode_reveal(&job->arena, &body, &job->it.context, &job->it.items);
}

static bool enqueue(reveal_t *r, reveal_job_t *job)
{
    pthread_mutex_lock(&r->lock);
    bool room = r->counts.queued < REVEAL_QUEUE_MAX;
    if (room) {
        r->counts.queued++;
        list_add(&r->waiting, job);
        pthread_cond_signal(&r->filled);
    }
    pthread_mutex_unlock(&r->lock);
    return room;
}

err_t reveal_submit(reveal_t *r, reveal_asker_t asker, cursor_t *body)
{
    reveal_job_t *job = calloc(1, sizeof *job);
    ENSURE(job, ERR_MEMORY);
    arena_init(&job->arena, JOB_ARENA);
    job->from = asker.conn;
    job->it.id = id_new();
    job->it.room = asker.room;
    job->it.process = asker.process;
    err_t e = job_decode(job, cur_rest(body));
    if (!err_failed(e)) {
        e = roles_purpose(asker.room, job->it.context.purpose);
        if (!err_failed(e) && !enqueue(r, job)) {
            e = FAIL(ERR_TOO_MANY);
        }
        if (err_failed(e)) {
            note_refused(r, &job->it, e);
        }
    }
    if (err_failed(e)) {
        job_free(job);
    }
    return e;
}

reveal_job_t *reveal_take(reveal_t *r)
{
    pthread_mutex_lock(&r->lock);
    reveal_job_t *job = r->done.first;
    if (job) {
        r->done.first = job->next;
        if (!r->done.first) {
            r->done.last = &r->done.first;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return job;
}

wire_conn_t reveal_to(const reveal_job_t *job)
{
    return job->from;
}

err_t reveal_answer(const reveal_job_t *job, slice_t *ret_message)
{
    TRY(job->result);
    *ret_message = buf_slice(&job->answer);
    return OK;
}

void reveal_end(reveal_t *r, reveal_job_t *job, bool delivered)
{
    if (err_failed(job->result)) {
        note_refused(r, &job->it, job->result);
    } else {
        pthread_mutex_lock(&r->lock);
        r->counts.reveals++;
        r->counts.fields += job->it.items.n;
        pthread_mutex_unlock(&r->lock);
        err_ignore(intent_outcomes(&job->it, delivered, (intent_sink_t){note_put, r}));
    }
    job_free(job);
}

void reveal_barrier(reveal_t *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t turn = r->turns;
    while (turn % 2 && r->turns == turn) {
        pthread_cond_wait(&r->turned, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

reveal_counts_t reveal_counts(reveal_t *r)
{
    pthread_mutex_lock(&r->lock);
    reveal_counts_t counts = r->counts;
    pthread_mutex_unlock(&r->lock);
    return counts;
}
