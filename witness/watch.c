#include "watch.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "handover.h"
#include "io/log.h"
#include "memory.h"
#include "request.h"

enum { EVIDENCE_MAX = 32, STEP_ARENA = 256 * 1024 };

typedef struct watched {
    wkey_t configured;
    pthread_mutex_t lock; /* for what follows */
    bool damaged;         /* the file is not what we wrote: nothing is signed */
    bool unstored;        /* the last try to store failed */
    unsigned evidence;    /* files kept since start */
    memory_t memory;
} watched_t;

struct watch {
    path_t dir, logs_dir, evidence_dir;
    arena_t arena; /* of the paths */
    wsigner_t signer;
    size_t n;
    atomic_uint_fast64_t signed_total, refused_total, forks_total, unproven_total, unstored_total;
    watched_t at[];
};

/* ---- answers ---- */

static void answer(watch_answer_t *a, int status, const char *text)
{
    buf_t b = BUF_ON_ARRAY(a->body);
    buf_cstr(&b, text);
    a->status = status;
    a->is_size = false;
    a->len = b.len;
}

static void answer_size(watch_answer_t *a, uint64_t size)
{
    buf_t b = BUF_ON_ARRAY(a->body);
    buf_dec_pad(&b, size, 1);
    buf_u8(&b, '\n');
    a->status = 409;
    a->is_size = true;
    a->len = b.len;
}

static watched_t *log_of(watch_t *w, slice_t origin)
{
    for (size_t i = 0; i < w->n; i++) {
        if (slice_eq(origin, slice_cstr_in(w->at[i].configured.name))) {
            return &w->at[i];
        }
    }
    return NULL;
}

/* ---- what is kept of a log that contradicts itself ---- */

/* A note that the log signed and that was refused. Beside our own memory, one of the same size
 * proves what the log did; one whose proof did not hold may only have had a careless messenger. */
static void keep_evidence(watch_t *w, watched_t *log, const wcheckpoint_t *cp, slice_t note)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    char name[MEMORY_NAME];
    slice_t file;
    path_t path;
    arena_init(&a, STEP_ARENA);
    if (log->evidence >= EVIDENCE_MAX) {
        return;
    }
    memory_name(log->configured.name, name);
    if (!err_failed(arena_printf(&a, &file, "%.16s-%llu-%02x%02x%02x%02x", name,
                                 (unsigned long long)cp->size, cp->root[0], cp->root[1],
                                 cp->root[2], cp->root[3])) &&
        !err_failed(path_join(&a, w->evidence_dir, file, &path)) &&
        !err_failed(file_create(path, note, 0600, (uid_t)-1, (gid_t)-1))) {
        log->evidence++;
    }
}

/* ---- signing ---- */

/* The new memory: on the disk first, then in ours, then the answer. */
static err_t remember(watch_t *w, watched_t *log, const wcheckpoint_t *cp, slice_t line)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    arena_init(&a, STEP_ARENA);
    memory_t *m = ARENA_NEW(&a, memory_t);
    ENSURE(m, ERR_MEMORY);
    buf_t note = BUF_ON_ARRAY(m->note);
    m->from = log->memory.from;
    m->key = log->memory.key;
    m->any = true;
    m->size = cp->size;
    memcpy(m->root, cp->root, sizeof m->root);
    buf_put(&note, cp->text);
    buf_u8(&note, '\n');
    wnote_put_lines(&note, cp, &log->memory.key);
    buf_put(&note, line);
    TRY(buf_check(&note));
    m->note_len = note.len;
    TRY(memory_store(w->logs_dir, m, &a));
    log->memory = *m;
    return OK;
}

static void not_stored(watch_t *w, watched_t *log, err_t e, watch_answer_t *ret)
{
    if (!log->unstored) {
        log_err(LOG_ERROR, id_zero(), "witness.unstored", e);
    }
    log->unstored = true;
    atomic_fetch_add(&w->unstored_total, 1);
    answer(ret, 503, "nothing was signed: it could not be stored\n");
}

static void sign(watch_t *w, watched_t *log, const wcheckpoint_t *cp, watch_answer_t *ret)
{
    uint8_t mem[WNOTE_COSIGNATURE_MAX];
    buf_t line = BUF_ON_ARRAY(mem), out = BUF_ON_ARRAY(ret->body);
    wsigner_cosign(&w->signer, cp->text, (uint64_t)(clock_wall_us() / CLOCK_SECOND_US), &line);
    CHECK(!line.full);
    bool news = !log->memory.any || cp->size != log->memory.size;
    err_t e = news ? remember(w, log, cp, buf_slice(&line)) : OK;
    if (err_is(e, ERR_LIMIT)) {
        answer(ret, 400, "the checkpoint's text is too long for this witness\n");
        return;
    }
    if (err_failed(e)) {
        not_stored(w, log, e, ret);
        return;
    }
    log->unstored = false;
    atomic_fetch_add(&w->signed_total, 1);
    buf_put(&out, buf_slice(&line));
    CHECK(!out.full);
    ret->status = 200;
    ret->is_size = false;
    ret->len = out.len;
}

/* The order of checks is tlog-witness's. The lock is held. */
static void judge(watch_t *w, watched_t *log, const add_checkpoint_t *rq, const wcheckpoint_t *cp,
                  watch_answer_t *ret)
{
    const memory_t *m = &log->memory;
    uint8_t empty[MERKLE_HASH];
    if (err_failed(wnote_signed(cp, &m->key, NULL))) {
        answer(ret, 403, "no valid signature by a key that is trusted for this origin\n");
    } else if (rq->old_size > cp->size) {
        answer(ret, 400, "the old size is above the checkpoint's\n");
    } else if (rq->old_size != m->size) {
        answer_size(ret, m->size);
    } else if (m->any && cp->size == m->size && memcmp(cp->root, m->root, sizeof m->root) != 0) {
        log_event(LOG_ERROR, id_zero(), "witness.fork", "%s signed two roots for %llu records",
                  log->configured.name, (unsigned long long)cp->size);
        atomic_fetch_add(&w->forks_total, 1);
        keep_evidence(w, log, cp, rq->note);
        answer(ret, 409, "another root was cosigned for this size\n");
    } else if (!merkle_consistent(m->size, m->root, cp->size, cp->root, &rq->path)) {
        atomic_fetch_add(&w->unproven_total, 1);
        keep_evidence(w, log, cp, rq->note);
        answer(ret, 422, "the consistency proof does not hold\n");
    } else if (cp->size == 0 && (merkle_empty(empty), memcmp(cp->root, empty, sizeof empty))) {
        answer(ret, 422, "this is not the root of an empty tree\n");
    } else {
        sign(w, log, cp, ret);
    }
}

void watch_add_checkpoint(watch_t *w, slice_t body, watch_answer_t *ret)
{
    add_checkpoint_t rq;
    wcheckpoint_t cp;
    if (err_failed(add_checkpoint_parse(body, &rq)) || err_failed(wnote_parse(rq.note, &cp))) {
        answer(ret, 400, "not an add-checkpoint request (c2sp.org/tlog-witness)\n");
        atomic_fetch_add(&w->refused_total, 1);
        return;
    }
    watched_t *log = log_of(w, cp.origin);
    if (!log) {
        answer(ret, 404, "this origin is not known here\n");
        atomic_fetch_add(&w->refused_total, 1);
        return;
    }
    pthread_mutex_lock(&log->lock);
    if (log->damaged) {
        answer(ret, 503, "what was remembered of this log is damaged: a person must look\n");
    } else {
        judge(w, log, &rq, &cp, ret);
    }
    pthread_mutex_unlock(&log->lock);
    if (ret->status != 200) {
        atomic_fetch_add(&w->refused_total, 1);
    }
}

/* ---- the next key ---- */

/* The key goes over only at the very checkpoint that we cosigned last, so that it never goes over
 * in another history than ours; and the record that names it is proved to stand at its end. */
static void take_key(watch_t *w, watched_t *log, const log_proof_t *proof, const wcheckpoint_t *cp,
                     watch_answer_t *ret)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    memory_t *m = &log->memory;
    uint8_t leaf[MERKLE_HASH];
    slice_t record = slice_make(proof->extra, proof->extra_len);
    wkey_t next, before;
    arena_init(&a, STEP_ARENA);
    merkle_leaf(record, leaf);
    if (err_failed(handover_key(record, proof->index, cp->origin, &next))) {
        answer(ret, 400, "the record names no next key\n");
    } else if (wkey_eq(&next, &m->key)) {
        answer(ret, 200, "this key is trusted already\n");
    } else if (err_failed(wnote_signed(cp, &m->key, NULL)) ||
               err_failed(wnote_signed(cp, &next, NULL))) {
        answer(ret, 403, "both keys must have signed the checkpoint\n");
    } else if (!m->any || m->size != cp->size) {
        answer_size(ret, m->size);
    } else if (memcmp(m->root, cp->root, sizeof m->root) != 0) {
        answer(ret, 409, "another root was cosigned for this size\n");
    } else if (proof->index != cp->size - 1 ||
               !merkle_included(proof->index, leaf, cp->size, cp->root, &proof->path)) {
        answer(ret, 422, "the record is not the checkpoint's last\n");
    } else {
        before = m->key;
        m->key = next;
        err_t e = memory_store(w->logs_dir, m, &a);
        if (err_failed(e)) {
            m->key = before;
            not_stored(w, log, e, ret);
            return;
        }
        log->unstored = false;
        log_event(LOG_INFO, id_zero(), "witness.next_key", "%s hands over at %llu records",
                  log->configured.name, (unsigned long long)cp->size);
        answer(ret, 200, "this key is trusted from now on\n");
    }
}

void watch_add_key(watch_t *w, slice_t body, watch_answer_t *ret)
{
    log_proof_t *proof = calloc(1, sizeof *proof);
    wcheckpoint_t cp;
    CHECK(proof);
    watched_t *log = NULL;
    if (err_failed(log_proof_parse(body, proof)) || err_failed(wnote_parse(proof->note, &cp))) {
        answer(ret, 400, "not a proof of a record that names a key (c2sp.org/tlog-proof)\n");
    } else if (!(log = log_of(w, cp.origin))) {
        answer(ret, 404, "this origin is not known here\n");
    } else {
        pthread_mutex_lock(&log->lock);
        if (log->damaged) {
            answer(ret, 503, "what was remembered of this log is damaged: a person must look\n");
        } else {
            take_key(w, log, proof, &cp, ret);
        }
        pthread_mutex_unlock(&log->lock);
    }
    if (ret->status != 200) {
        atomic_fetch_add(&w->refused_total, 1);
    }
    free(proof);
}

err_t watch_latest(watch_t *w, slice_t name, arena_t *a, slice_t *ret_note)
{
    for (size_t i = 0; i < w->n; i++) {
        watched_t *log = &w->at[i];
        char own[MEMORY_NAME];
        memory_name(log->configured.name, own);
        if (!slice_eq(name, slice_cstr_in(own))) {
            continue;
        }
        pthread_mutex_lock(&log->lock);
        err_t e = log->memory.any
                      ? arena_copy(a, slice_make(log->memory.note, log->memory.note_len), ret_note)
                      : FAIL(ERR_NOT_FOUND);
        pthread_mutex_unlock(&log->lock);
        return e;
    }
    return FAIL(ERR_NOT_FOUND);
}

void watch_put_vkey(const watch_t *w, buf_t *b)
{
    wkey_put(b, &w->signer.pub);
    buf_u8(b, '\n');
}

/* ---- life ---- */

static err_t load_log(watch_t *w, watched_t *log, const wkey_t *configured)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    arena_init(&a, STEP_ARENA);
    log->configured = *configured;
    err_t e = memory_load(w->logs_dir, configured->name, &w->signer.pub, &a, &log->memory);
    if (err_is(e, ERR_CORRUPT)) {
        log->damaged = true;
        log_event(LOG_ERROR, id_zero(), "witness.damaged",
                  "what was remembered of %s is damaged; nothing is signed for it",
                  configured->name);
        return OK;
    }
    if (err_is(e, ERR_NOT_FOUND)) {
        log->memory.from = log->memory.key = *configured;
        return OK;
    }
    TRY(e);
    if (!wkey_eq(&log->memory.from, configured)) { /* a person gave it another key */
        log->memory.from = log->memory.key = *configured;
    }
    return OK;
}

static err_t open_dirs(watch_t *w, path_t dir)
{
    uid_t nobody = (uid_t)-1;
    w->dir = dir;
    TRY(path_join(&w->arena, dir, SLICE("logs"), &w->logs_dir));
    TRY(path_join(&w->arena, dir, SLICE("evidence"), &w->evidence_dir));
    TRY(dir_ensure(w->logs_dir, 0700, nobody, (gid_t)-1));
    return dir_ensure(w->evidence_dir, 0700, nobody, (gid_t)-1);
}

err_t watch_new(path_t dir, const wsigner_t *signer, const logs_t *logs, watch_t **ret_watch)
{
    watch_t *w = calloc(1, sizeof *w + logs->n * sizeof(watched_t));
    ENSURE(w, ERR_MEMORY);
    arena_init(&w->arena, 4 * (PATH_MAX_BYTES + 64));
    w->signer = *signer;
    err_t e = open_dirs(w, dir);
    for (size_t i = 0; i < logs->n && !err_failed(e); i++) {
        pthread_mutex_init(&w->at[i].lock, NULL);
        w->n = i + 1;
        e = load_log(w, &w->at[i], &logs->keys[i]);
    }
    if (err_failed(e)) {
        watch_free(w);
        return e;
    }
    *ret_watch = w;
    return OK;
}

void watch_free(watch_t *w)
{
    if (w) {
        for (size_t i = 0; i < w->n; i++) {
            pthread_mutex_destroy(&w->at[i].lock);
        }
        wsigner_wipe(&w->signer);
        arena_deinit(&w->arena);
        free(w);
    }
}

/* ---- what is told of it ---- */

void watch_metrics(watch_t *w, buf_t *out)
{
    metrics_put(out, "sekisho_witness_logs", (int64_t)w->n);
    metrics_put(out, "sekisho_witness_signed_total", (int64_t)atomic_load(&w->signed_total));
    metrics_put(out, "sekisho_witness_refused_total", (int64_t)atomic_load(&w->refused_total));
    metrics_put(out, "sekisho_witness_forks_total", (int64_t)atomic_load(&w->forks_total));
    metrics_put(out, "sekisho_witness_unproven_total", (int64_t)atomic_load(&w->unproven_total));
    metrics_put(out, "sekisho_witness_unstored_total", (int64_t)atomic_load(&w->unstored_total));
}

void watch_health(watch_t *w, health_t *out)
{
    uint64_t forks = atomic_load(&w->forks_total);
    size_t damaged = 0, unstored = 0;
    for (size_t i = 0; i < w->n; i++) {
        pthread_mutex_lock(&w->at[i].lock);
        damaged += w->at[i].damaged;
        unstored += w->at[i].unstored;
        pthread_mutex_unlock(&w->at[i].lock);
    }
    health_add(out,
               damaged    ? HEALTH_DOWN
               : unstored ? HEALTH_DEGRADED
                          : HEALTH_OK,
               "memory", "%zu logs watched, %zu damaged, %zu could not be stored", w->n, damaged,
               unstored);
    health_add(out, forks ? HEALTH_DEGRADED : HEALTH_OK, "logs",
               forks ? "%llu times a log signed two roots for one size: see evidence/"
                     : "%llu times a log signed two roots for one size",
               (unsigned long long)forks);
}
