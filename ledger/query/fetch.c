#include "fetch.h"

#include <pthread.h>

#include "files.h"

enum {
    THREADS = 4, /* more than processors: most of the time is the disk's */
    CHUNK = 256, /* bundles held at a time */
    FEW = 16,    /* bundles for which threads are not worth it */
    DENSE =
        VTILE / 4 /* records of a bundle from which on hashing all of it costs less than a tile */
};

typedef struct job {
    uint64_t number;      /* of the bundle; a full one */
    uint8_t want[32];     /* its root */
    const uint64_t *seqs; /* asked for in it */
    size_t count;
    slice_t bytes;
    slice_t leaves[VTILE];
    err_t e;
} job_t;

typedef struct pool {
    int public_dir;
    job_t *jobs;
    size_t count;
    size_t next; /* atomic */
} pool_t;

/* All leaves give the root. */
static err_t prove_all(const job_t *j)
{
    uint8_t hashes[VTILE][32], root[32];
    for (unsigned i = 0; i < VTILE; i++) {
        vtree_leaf_hash(j->leaves[i], hashes[i]);
    }
    files_fold(hashes[0], VTILE, root);
    ENSURE(memcmp(root, j->want, sizeof root) == 0, ERR_CORRUPT);
    return OK;
}

/* The tile gives the root, and the leaves asked for are those of the tile. */
static err_t prove_some(const pool_t *p, const job_t *j)
{
    uint8_t root[32], hash[32];
    slice_t tile;
    TRY(files_tile(p->public_dir, 0, j->number, VTILE, &tile));
    files_fold(tile.ptr, VTILE, root);
    bool fine = memcmp(root, j->want, sizeof root) == 0;
    for (size_t i = 0; i < j->count && fine; i++) {
        unsigned at = (unsigned)(j->seqs[i] % VTILE);
        vtree_leaf_hash(j->leaves[at], hash);
        fine = memcmp(hash, tile.ptr + 32 * at, sizeof hash) == 0;
    }
    vfile_free(&tile);
    ENSURE(fine, ERR_CORRUPT);
    return OK;
}

static err_t job_do(const pool_t *p, job_t *j)
{
    TRY(files_bundle(p->public_dir, j->number, VTILE, &j->bytes));
    ENSURE(!err_failed(files_split(j->bytes, VTILE, j->leaves)), ERR_CORRUPT);
    return j->count >= DENSE ? prove_all(j) : prove_some(p, j);
}

static void *work(void *arg)
{
    pool_t *p = arg;
    for (size_t i; (i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->count;) {
        p->jobs[i].e = job_do(p, &p->jobs[i]);
    }
    vtree_thread_end();
    return NULL;
}

/* A thread that cannot be had is no failure: the others do its part. */
static void pool_run(pool_t *p)
{
    pthread_t threads[THREADS];
    bool runs[THREADS] = {false};
    for (size_t i = 0; i < THREADS && p->count >= FEW; i++) {
        runs[i] = pthread_create(&threads[i], NULL, work, p) == 0;
    }
    for (size_t i; (i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->count;) {
        p->jobs[i].e = job_do(p, &p->jobs[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        if (runs[i]) {
            pthread_join(threads[i], NULL);
        }
    }
}

static err_t job_take(query_t *q, const job_t *j)
{
    if (err_failed(j->e)) {
        return store_fault(
            q, j->e, "the bundle of records %llu.. %s", (unsigned long long)(j->number * VTILE),
            err_is(j->e, ERR_CORRUPT) ? "does not lead to the signed root" : "cannot be read");
    }
    for (size_t i = 0; i < j->count; i++) {
        TRY(store_keep(q, j->seqs[i], j->leaves[j->seqs[i] % VTILE]));
    }
    return OK;
}

/* Jobs from *io_at on, as many as are held at a time. What is known already, or stands in the
 * unfinished bundle, needs none. */
static err_t jobs_make(query_t *q, const uint64_t *seqs, size_t count, size_t *io_at, pool_t *p)
{
    p->count = p->next = 0;
    while (*io_at < count && p->count < CHUNK) {
        uint64_t number = seqs[*io_at] / VTILE;
        size_t end = *io_at;
        bool known = true;
        for (; end < count && seqs[end] / VTILE == number; end++) {
            known = known && store_known(q, seqs[end]);
        }
        if (!known && number < q->cp.size / VTILE) {
            job_t *j = &p->jobs[p->count++];
            *j = (job_t){.number = number, .seqs = seqs + *io_at, .count = end - *io_at};
            TRY(store_hash(q, 1, number, j->want));
        }
        *io_at = end;
    }
    return OK;
}

static err_t chunk(query_t *q, const uint64_t *seqs, size_t count, size_t *io_at, pool_t *p)
{
    err_t e = jobs_make(q, seqs, count, io_at, p);
    if (!err_failed(e)) {
        pool_run(p);
    }
    for (size_t i = 0; i < p->count; i++) {
        e = err_failed(e) ? e : job_take(q, &p->jobs[i]);
        vfile_free(&p->jobs[i].bytes);
    }
    return e;
}

err_t fetch_records(query_t *q, const uint64_t *seqs, size_t count)
{
    pool_t p = {.public_dir = q->public_dir, .jobs = malloc(CHUNK * sizeof(job_t))};
    err_t e = p.jobs ? OK : FAIL(ERR_MEMORY);
    for (size_t at = 0; at < count && !err_failed(e);) {
        e = chunk(q, seqs, count, &at, &p);
    }
    free(p.jobs);
    return e;
}
