/* The writer's thread and queue. A job lives on its caller's stack; the caller does not leave
 * before the job is done or taken back from the queue. */
#include <errno.h>
#include <pthread.h>

#include "db/db_pool.h"
#include "writer.h"

struct writer {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    job_t *first, **last;
    bool stopping;
    pthread_t thread;
    db_pool_t *pool; /* of one connection: a lost one is opened again */
    db_t *db;        /* during a batch */
    const record_way_t *way;
    writer_counts_t counts;
};

typedef struct batch {
    job_t *at[WRITER_BATCH];
    size_t n;
} batch_t;

/* Waits for work; empty when stopping and nothing is left. */
static batch_t take_batch(writer_t *w)
{
    batch_t b = {.n = 0};
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping) {
        pthread_cond_wait(&w->work, &w->lock);
    }
    while (w->first && b.n < WRITER_BATCH) {
        job_t *job = w->first;
        w->first = job->next;
        if (!w->first) {
            w->last = &w->first;
        }
        job->taken = true;
        b.at[b.n++] = job;
        w->counts.waiting--;
    }
    pthread_mutex_unlock(&w->lock);
    return b;
}

/* One job inside its savepoint. False: the transaction itself is broken. */
static bool run_one(writer_t *w, job_t *job)
{
    record_set_init(&job->records);
    err_t e = db_savepoint(w->db, 1);
    if (err_failed(e)) {
        job->result = e;
        return false;
    }
    job->result = job->fn(job, w->db);
    e = err_failed(job->result) ? db_savepoint_undo(w->db, 1) : db_savepoint_keep(w->db, 1);
    if (err_failed(e)) {
        job->result = e;
        return false;
    }
    return true;
}

/* Durable records of all jobs that went well, in as few appends as fit one message. */
static err_t append_records(writer_t *w, batch_t *b)
{
    ledger_record_t recs[WRITER_BATCH];
    size_t n = 0, bytes = 0;
    uint64_t seq = 0;
    for (size_t i = 0; i < b->n; i++) {
        record_set_t *set = &b->at[i]->records;
        for (size_t k = 0; b->at[i]->runs && !err_failed(b->at[i]->result) && k < set->n; k++) {
            if (!ledger_type_durable(set->at[k].type)) {
                continue;
            }
            size_t need = 160 + set->at[k].facts.len + set->at[k].payload.len;
            if (n == WRITER_BATCH || bytes + need > WIRE_MAX_BYTES - 64) {
                TRY(w->way->append(w->way->ctx, recs, n, &seq));
                n = 0, bytes = 0;
            }
            recs[n++] = set->at[k];
            bytes += need;
        }
    }
    return n ? w->way->append(w->way->ctx, recs, n, &seq) : OK;
}

static void fail_all(batch_t *b, err_t e)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->at[i]->runs && !err_failed(b->at[i]->result)) {
            b->at[i]->result = e;
        }
    }
}

/* One transaction over the jobs marked `runs`. */
static err_t transaction(writer_t *w, batch_t *b, bool *ret_record_failed)
{
    *ret_record_failed = false;
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(w->pool, DB_WAIT_MS, &lease));
    w->db = lease.db;
    DB_TX_SCOPED db_tx_t tx = {0};
    TRY(db_begin(w->db, &tx));
    for (size_t i = 0; i < b->n; i++) {
        if (b->at[i]->runs && !run_one(w, b->at[i])) {
            return b->at[i]->result;
        }
    }
    err_t e = append_records(w, b);
    if (err_failed(e)) {
        *ret_record_failed = true;
        return e;
    }
    return db_commit(&tx);
}

/* Jobs that needed the record are given up, the others are run again. */
static void without_record(writer_t *w, batch_t *b, err_t why)
{
    bool left = false, again = false;
    for (size_t i = 0; i < b->n; i++) {
        job_t *job = b->at[i];
        if (!err_failed(job->result) && record_set_durable(&job->records)) {
            job->result = why;
            job->runs = false;
            w->counts.refused++;
        }
        left = left || job->runs;
    }
    if (!left) {
        return;
    }
    err_t e = transaction(w, b, &again);
    if (err_failed(e)) {
        fail_all(b, e);
    }
}

static void run_batch(writer_t *w, batch_t *b)
{
    bool record_failed = false;
    for (size_t i = 0; i < b->n; i++) {
        b->at[i]->runs = true;
        b->at[i]->result = OK;
    }
    err_t e = transaction(w, b, &record_failed);
    if (record_failed) {
        without_record(w, b, e);
    } else if (err_failed(e)) {
        fail_all(b, e);
    }
    for (size_t i = 0; i < b->n; i++) {
        if (!err_failed(b->at[i]->result)) {
            record_set_note_rest(w->way, &b->at[i]->records);
        }
    }
}

static void *writer_main(void *arg)
{
    writer_t *w = arg;
    for (;;) {
        batch_t b = take_batch(w);
        if (b.n == 0) {
            return NULL;
        }
        run_batch(w, &b);
        pthread_mutex_lock(&w->lock);
        w->counts.batches++;
        w->counts.jobs += (int64_t)b.n;
        for (size_t i = 0; i < b.n; i++) {
            b.at[i]->done = true;
        }
        pthread_cond_broadcast(&w->done);
        pthread_mutex_unlock(&w->lock);
    }
}

err_t writer_start(const char *db_url, const record_way_t *way, writer_t **ret_writer)
{
    writer_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->done, &attr);
    pthread_condattr_destroy(&attr);
    w->last = &w->first;
    w->way = way;
    err_t e = db_pool_open(db_url, 1, &w->pool);
    if (!err_failed(e) && pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        e = FAIL(ERR_MEMORY);
    }
    if (err_failed(e)) {
        db_pool_close(w->pool);
        free(w);
        return e;
    }
    *ret_writer = w;
    return OK;
}

void writer_stop(writer_t *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    db_pool_close(w->pool);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void take_back(writer_t *w, job_t *job)
{
    for (job_t **p = &w->first; *p; p = &(*p)->next) {
        if (*p == job) {
            *p = job->next;
            w->counts.waiting--;
            if (!*p) {
                w->last = p;
            }
            return;
        }
    }
}

static struct timespec queue_end(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += WRITER_QUEUE_MS / 1000;
    return t;
}

err_t writer_run(writer_t *w, arena_t *arena, job_fn *fn, void *ctx)
{
    job_t job = {.fn = fn, .ctx = ctx, .arena = arena};
    struct timespec until = queue_end();
    pthread_mutex_lock(&w->lock);
    if (w->stopping) {
        pthread_mutex_unlock(&w->lock);
        return FAIL(ERR_CLOSED);
    }
    *w->last = &job;
    w->last = &job.next;
    w->counts.waiting++;
    pthread_cond_signal(&w->work);
    while (!job.done) {
        if (job.taken) {
            pthread_cond_wait(&w->done, &w->lock); /* bounded by the database's own waits */
        } else if (pthread_cond_timedwait(&w->done, &w->lock, &until) == ETIMEDOUT && !job.taken) {
            take_back(w, &job);
            job.result = FAIL(ERR_TIMEOUT);
            break;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return job.result;
}

writer_counts_t writer_counts(writer_t *w)
{
    pthread_mutex_lock(&w->lock);
    writer_counts_t c = w->counts;
    pthread_mutex_unlock(&w->lock);
    return c;
}
