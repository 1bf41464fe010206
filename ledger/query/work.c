#include "work.h"

#include <pthread.h>

#include "verify/verify.h"

enum {
    THREADS = 8, /* more than processors: with a cold cache most of the time is the disk's */
    FEW = 16,    /* things for which threads are not worth it */
};

typedef struct pool {
    work_fn *fn;
    void *ctx;
    size_t count;
    size_t next; /* atomic */
} pool_t;

err_t scratch_room(scratch_t *s, size_t len)
{
    if (s->cap < len) {
        free(s->mem);
        s->cap = 0;
        s->mem = malloc(len);
        ENSURE(s->mem, ERR_MEMORY);
        s->cap = len;
    }
    return OK;
}

static void do_some(pool_t *p)
{
    scratch_t scratch = {0};
    for (size_t i; (i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->count;) {
        p->fn(p->ctx, i, &scratch);
    }
    free(scratch.mem);
}

static void *thread(void *arg)
{
    do_some(arg);
    vtree_thread_end();
    vpacked_thread_end();
    return NULL;
}

/* A thread that cannot be had is no failure: the others do its part. */
void work_run(size_t count, work_fn *fn, void *ctx)
{
    pool_t p = {.fn = fn, .ctx = ctx, .count = count};
    pthread_t threads[THREADS];
    size_t running = 0;
    while (count >= FEW && running < THREADS &&
           pthread_create(&threads[running], NULL, thread, &p) == 0) {
        running++;
    }
    do_some(&p);
    while (running) {
        pthread_join(threads[--running], NULL);
    }
}
