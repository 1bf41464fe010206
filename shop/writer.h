/* The one writer of the shop's database (ground rule "holds"): a thread that takes up to 64 waiting
 * jobs, gives each a savepoint, makes their durable records durable, commits once and only then
 * answers. The same code on both back ends. Sessions' rows pass here too.
 *
 * A job that fails leaves nothing behind. When the record refuses (NOT_RECORDED), jobs that needed
 * it fail and the others are done again without them. */
#ifndef SHOP_WRITER_H
#define SHOP_WRITER_H

#include "db/db.h"
#include "record.h"

enum { WRITER_BATCH = 64, WRITER_QUEUE_MS = 5000 };

typedef struct job job_t;
/* Runs in the writer's thread, perhaps twice (see above): it must set what it gives back anew each
 * time and touch nothing but db, ctx and job->records. */
typedef err_t job_fn(job_t *job, db_t *db);

struct job {
    job_fn *fn;
    void *ctx;
    record_set_t records; /* emptied before each run of fn */
    arena_t *arena;       /* the caller's, for reads inside the job; reset never */
    /* the writer's own */
    err_t result;
    bool done, taken, runs;
    struct job *next;
};

typedef struct writer writer_t;

/* Opens its own connection. way must outlive the writer. */
err_t writer_start(const char *db_url, const record_way_t *way, writer_t **ret_writer);
/* Finishes what is queued, then stops. NULL is fine. */
void writer_stop(writer_t *w);

/* Runs fn inside the next batch and waits for its commit. TIMEOUT when it was not even begun within
 * WRITER_QUEUE_MS (then surely not done). */
err_t writer_run(writer_t *w, arena_t *arena, job_fn *fn, void *ctx);

typedef struct writer_counts {
    int64_t jobs, batches, refused; /* refused: jobs not done for lack of a record */
    int64_t waiting;
} writer_counts_t;
writer_counts_t writer_counts(writer_t *w);

#endif
