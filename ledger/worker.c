#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"

enum { ARENA = 16 * 1024, RETRY_MS = 1000, IDLE_MS = 600000, MARK_MAX = 64 };
static const char MARK[] = "segments";

typedef enum box { BOX_EMPTY, BOX_WAITS, BOX_ADDED, BOX_DURABLE, BOX_SIGNED, BOX_REFUSED } box_t;

struct worker {
    worker_conf_t conf;
    int dir, public_dir, tmp_dir;
    pthread_t thread;
    bool stop;        /* atomic */
    int64_t since_us; /* monotonic: of the start */
    bool sweep_due;   /* the thread's own; the rest is under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    worker_state_t state;
    box_t box;
    const ledger_record_t *rec; /* of the worker's stack, while it waits */
    leaf_extra_t extra;
    uint64_t seq;
};

/* ---- how far the work is done ---- */

static err_t mark_path(worker_t *w, arena_t *a, path_t *ret_path)
{
    return path_join(a, w->conf.dir, slice_cstr_in(MARK), ret_path);
}

/* "done <n>\n"; a ledger that an earlier program wrote has none. */
static err_t mark_read(worker_t *w, uint64_t *ret_done)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    path_t path;
    slice_t text, word;
    arena_init(&a, ARENA);
    TRY(mark_path(w, &a, &path));
    err_t e = file_read(&a, path, MARK_MAX, &text);
    if (err_is(e, ERR_NOT_FOUND)) {
        *ret_done = 0;
        return OK;
    }
    TRY(e);
    text = slice_trim(text);
    ENSURE(slice_split(&text, ' ', &word) && slice_eq(word, SLICE("done")), ERR_CORRUPT);
    return slice_parse_u64(text, INT64_MAX, ret_done);
}

static err_t mark_write(worker_t *w, uint64_t done)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    uint8_t mem[MARK_MAX];
    buf_t text = BUF_ON_ARRAY(mem);
    path_t path;
    arena_init(&a, ARENA);
    TRY(mark_path(w, &a, &path));
    buf_cstr(&text, "done ");
    buf_dec(&text, (int64_t)done);
    buf_u8(&text, '\n');
    return file_replace(path, buf_slice(&text), 0640);
}

/* ---- the thread ---- */

static bool stopping(const worker_t *w)
{
    return __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);
}

/* With the lock held. */
static void nap(worker_t *w, int64_t ms)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    int64_t ns = t.tv_nsec + (ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&w->changed, &w->lock, &t);
}

static segment_t segment_of(worker_t *w, uint64_t number)
{
    return (segment_t){.number = number,
                       .first = number * w->conf.leaves,
                       .end = (number + 1) * w->conf.leaves,
                       .dir = w->conf.dir,
                       .public_dir = w->public_dir,
                       .tmp_dir = w->tmp_dir,
                       .worker = w,
                       .stop = &w->stop};
}

static err_t one_segment(worker_t *w, uint64_t number)
{
    segment_t seg = segment_of(w, number);
    TRY(segment_done(&seg));
    return mark_write(w, number + 1);
}

static uint64_t lowest_left(const worker_t *w)
{
    return __atomic_load_n(w->conf.retain->minimum, __ATOMIC_ACQUIRE) / w->conf.leaves;
}

/* What a crash or an order to preserve left of the segment removed last. */
static err_t sweep(worker_t *w)
{
    if (!w->sweep_due || holds_any(w->conf.retain->holds)) {
        return OK;
    }
    segment_t seg = segment_of(w, lowest_left(w) - 1);
    TRY(retain_sweep(w->conf.retain, &seg));
    w->sweep_due = false;
    return OK;
}

/* *ret_more: one went, the next may be old enough as well. */
static err_t retain(worker_t *w, uint64_t done, bool *ret_more)
{
    bool due = false;
    uint64_t number = lowest_left(w);
    segment_t seg = segment_of(w, number);
    *ret_more = false;
    TRY(sweep(w));
    if (number >= done) {
        return OK;
    }
    TRY(retain_due(w->conf.retain, &seg, w->since_us, &due));
    err_t e = due ? retain_remove(w->conf.retain, &seg, ret_more) : OK;
    w->sweep_due = w->sweep_due || *ret_more; /* done twice where it was done whole */
    return e;
}

static bool given_up(const worker_t *w)
{
    return err_failed(w->state.trouble) && !err_is(w->state.trouble, ERR_DISK_FULL);
}

/* One piece of work, without the lock. CLOSED: the end. */
static err_t one_step(worker_t *w, const worker_state_t *at, bool *ret_idle)
{
    bool more = false;
    if (at->done < at->ended) {
        *ret_idle = false;
        return one_segment(w, at->done);
    }
    err_t e = w->conf.retain ? retain(w, at->done, &more) : OK;
    *ret_idle = !more;
    return err_is(e, ERR_STOPPED) ? OK : e;
}

static void *worker_thread(void *arg)
{
    worker_t *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!stopping(w)) {
        bool idle = true, work = w->state.done < w->state.ended;
        worker_state_t at = w->state;
        if (given_up(w)) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        err_t e = one_step(w, &at, &idle);
        pthread_mutex_lock(&w->lock);
        if (err_is(e, ERR_CLOSED)) {
            break;
        }
        w->state.trouble = e;
        w->state.done += work && !err_failed(e);
        w->state.removed += !work && !idle && !err_failed(e);
        bool nothing = idle && w->state.done >= w->state.ended;
        if (!stopping(w) && (nothing || err_failed(e))) {
            nap(w, err_failed(e) ? RETRY_MS : w->conf.retain ? w->conf.retain_poll_ms : IDLE_MS);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void worker_ended(worker_t *w, uint64_t ended)
{
    pthread_mutex_lock(&w->lock);
    if (ended > w->state.ended) {
        w->state.ended = ended;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

worker_state_t worker_state(worker_t *w)
{
    pthread_mutex_lock(&w->lock);
    worker_state_t state = w->state;
    pthread_mutex_unlock(&w->lock);
    return state;
}

/* ---- the box ---- */

err_t worker_record(worker_t *w, const ledger_record_t *rec, const leaf_extra_t *extra,
                    uint64_t *ret_seq)
{
    pthread_mutex_lock(&w->lock);
    CHECK(w->box == BOX_EMPTY);
    w->box = BOX_WAITS;
    w->rec = rec;
    w->extra = extra ? *extra : (leaf_extra_t){0};
    pthread_mutex_unlock(&w->lock);
    if (w->conf.wake) {
        w->conf.wake(w->conf.ctx);
    }
    pthread_mutex_lock(&w->lock);
    while (w->box != BOX_SIGNED && w->box != BOX_REFUSED && !stopping(w)) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    bool done = w->box == BOX_SIGNED, refused = w->box == BOX_REFUSED;
    uint64_t seq = w->seq;
    w->box = BOX_EMPTY;
    w->rec = NULL;
    pthread_mutex_unlock(&w->lock);
    ENSURE(!refused, ERR_STOPPED);
    ENSURE(done, ERR_CLOSED);
    if (ret_seq) {
        *ret_seq = seq;
    }
    return OK;
}

bool worker_box(worker_t *w, const ledger_record_t **ret_rec, const leaf_extra_t **ret_extra)
{
    pthread_mutex_lock(&w->lock);
    bool waits = w->box == BOX_WAITS && !stopping(w);
    if (waits) { /* the worker does not move before its record is signed */
        *ret_rec = w->rec;
        *ret_extra = &w->extra;
    }
    pthread_mutex_unlock(&w->lock);
    return waits;
}

static void box_move(worker_t *w, box_t from, box_t to)
{
    pthread_mutex_lock(&w->lock);
    if (w->box == from) {
        w->box = to;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

void worker_box_added(worker_t *w, uint64_t seq)
{
    w->seq = seq; /* read by the worker only after the box has moved on under the lock */
    box_move(w, BOX_WAITS, BOX_ADDED);
}

void worker_box_flushed(worker_t *w, bool durable)
{
    box_move(w, BOX_ADDED, durable ? BOX_DURABLE : BOX_WAITS);
}

void worker_box_refuse(worker_t *w)
{
    box_move(w, BOX_WAITS, BOX_REFUSED);
}

void worker_box_signed(worker_t *w, uint64_t size)
{
    if (size > w->seq) {
        box_move(w, BOX_DURABLE, BOX_SIGNED);
    }
}

/* ---- begin and end ---- */

static err_t dirs_open(worker_t *w)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    TRY(fd_open(w->conf.dir, FLAGS, 0, &w->dir));
    w->public_dir = openat(w->dir, "public", FLAGS);
    w->tmp_dir = openat(w->dir, "tmp", FLAGS);
    ENSURE(w->public_dir >= 0 && w->tmp_dir >= 0, ERR_IO);
    return OK;
}

static void worker_free(worker_t *w)
{
    fd_close(&w->dir);
    fd_close(&w->public_dir);
    fd_close(&w->tmp_dir);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

static err_t worker_begin(worker_t *w)
{
    TRY(dirs_open(w));
    TRY(mark_read(w, &w->state.done));
    w->since_us = clock_mono_us();
    w->sweep_due = w->conf.retain && lowest_left(w) > 0;
    int failed = pthread_create(&w->thread, NULL, worker_thread, w);
    return failed ? FAIL_SYS(ERR_MEMORY, failed) : OK;
}

err_t worker_start(const worker_conf_t *conf, uint64_t ended, worker_t **ret_worker)
{
    pthread_condattr_t mono;
    worker_t *w = calloc(1, sizeof *w);
    ENSURE(w, ERR_MEMORY);
    w->conf = *conf;
    w->dir = w->public_dir = w->tmp_dir = -1;
    w->state.ended = ended;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &mono);
    pthread_condattr_destroy(&mono);
    err_t e = worker_begin(w);
    if (err_failed(e)) {
        worker_free(w);
        return e;
    }
    *ret_worker = w;
    return OK;
}

void worker_stop(worker_t *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    __atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    worker_free(w);
}
