/* Plain evidence is here only between the opening and the answer, in a job's arena that is wiped
 * with it. Keys are keys.c's. */
#include "evidence.h"

#include <pthread.h>
#include <sodium.h>

#include "base/clock.h"
#include "io/log.h"

enum {
    JOB_ARENA = 4 * WIRE_MAX_BYTES,
    MAKE_AT_ONCE = 1024,
    MAKE_A_TICK = 64,
    SHEET_KEYS = EVIDENCE_SLOTS + 1,
    RING_KEEP_DAYS = 8, /* what is older nobody may read: command/ring.c, 7 days */
    RING_MONTHS_BACK = 36
};
#define POLICY_REST_US (3600 * CLOCK_SECOND_US)
#define JUMP_US (60 * CLOCK_SECOND_US)
#define DAY_US (86400 * CLOCK_SECOND_US)

struct evidence_job {
    evidence_job_t *next;
    wire_conn_t from;
    uint16_t kind;
    arena_t arena;
    vault_evidence_order_t order;
    id128_t subject; /* of an erasure */
    vault_evidence_piece_t *pieces;
    size_t n;
    bool policy; /* nobody asked: the time of what it destroys is over */
    err_t recorded;
};

struct evidence {
    evidence_conf_t conf;
    /* the loop's own */
    uint64_t serial;
    unsigned half; /* where the sheet that holds stands */
    uint8_t ring[EVIDENCE_KEY];
    uint8_t keys[EVIDENCE_SLOTS * EVIDENCE_KEY];
    uint32_t ahead, ahead_month; /* slots of the next month that are made */
    int64_t policy_us;           /* monotonic: not before; 0 until the first tick */
    int64_t clocks_us;           /* wall less monotonic at the last tick */
    /* shared */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    evidence_job_t *waiting, *done;
    unsigned queued;
    bool stop;
    evidence_counts_t counts;
};

/* ---- keys ---- */

id128_t evidence_key_id(evidence_place_t place)
{
    uint8_t mem[64], hash[ID_BYTES];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_put(&b, SLICE("sekisho evidence 1"));
    buf_u32(&b, place.month);
    buf_u32(&b, place.slot);
    crypto_generichash(hash, sizeof hash, b.ptr, b.len, NULL, 0);
    return id_from_bytes(hash);
}

static uint32_t month_of(int64_t us)
{
    time_t at = (time_t)(us / CLOCK_SECOND_US);
    struct tm tm;
    CHECK(gmtime_r(&at, &tm));
    return (uint32_t)((tm.tm_year + 1900) * 12 + tm.tm_mon);
}

/* The last of a month is the ring's. */
static evidence_place_t place_of(uint32_t month, uint32_t i)
{
    return (evidence_place_t){month, i < EVIDENCE_SLOTS ? i : (uint32_t)EVIDENCE_RING_SLOT};
}

/* Makes those that are missing of [from, to), at most as many as one commit takes. */
static err_t keys_make_some(evidence_t *e, uint32_t month, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        keys_wrapped_t key;
        id128_t id = evidence_key_id(place_of(month, i));
        err_t found = keystore_find(e->conf.months, id, month, &key);
        if (err_is(found, ERR_NOT_FOUND)) {
            TRY(keystore_add(e->conf.months, id, month));
        }
    }
    return keystore_commit(e->conf.months);
}

static err_t keys_make_all(evidence_t *e, uint32_t month)
{
    for (uint32_t i = 0; i < SHEET_KEYS; i += MAKE_AT_ONCE) {
        uint32_t to = i + MAKE_AT_ONCE < SHEET_KEYS ? i + MAKE_AT_ONCE : SHEET_KEYS;
        TRY(keys_make_some(e, month, i, to));
    }
    return OK;
}

/* ---- the sheet ---- */

/* The half that is not in use first, on disk, then it counts by its serial. */
static err_t sheet_write(evidence_t *e, uint32_t month)
{
    uint8_t *mem = malloc(EVIDENCE_SHEET);
    ENSURE(mem, ERR_MEMORY);
    evidence_sheet_t sheet = {.serial = e->serial + 1, .month = month, .keys = e->keys};
    buf_t out = buf_on(mem, EVIDENCE_SHEET);
    memcpy(sheet.ring, e->ring, sizeof sheet.ring);
    evidence_sheet_put(&sheet, &out);
    unsigned half = 1 - e->half;
    err_t err = fd_pwrite_all(e->conf.sheet_fd, buf_slice(&out), (int64_t)half * EVIDENCE_SHEET);
    if (!err_failed(err)) {
        err = fd_datasync(e->conf.sheet_fd);
    }
    free(mem);
    TRY(err);
    e->serial++;
    e->half = half;
    return OK;
}

static err_t public_half(evidence_t *e, evidence_place_t place, uint8_t ret[EVIDENCE_KEY])
{
    keys_wrapped_t key;
    err_t err = keystore_find(e->conf.months, evidence_key_id(place), place.month, &key);
    memset(ret, 0, EVIDENCE_KEY);
    if (err_is(err, ERR_EXPIRED)) { /* destroyed: nobody seals to it any more */
        return OK;
    }
    TRY(err);
    return keys_evidence_public(e->conf.keys, &key, ret);
}

static err_t sheet_make(evidence_t *e, uint32_t month)
{
    TRY(keys_make_all(e, month));
    for (uint32_t i = 0; i < EVIDENCE_SLOTS; i++) {
        TRY(public_half(e, place_of(month, i), e->keys + (size_t)i * EVIDENCE_KEY));
    }
    TRY(public_half(e, place_of(month, EVIDENCE_SLOTS), e->ring));
    return sheet_write(e, month);
}

/* What an earlier run left there goes on being numbered. */
static void sheet_last(evidence_t *e)
{
    evidence_sheet_t last;
    uint8_t *mem = calloc(1, EVIDENCE_SHEET_FILE);
    slice_t file = slice_make(mem, EVIDENCE_SHEET_FILE);
    if (mem && !err_failed(fd_pread_all(e->conf.sheet_fd, mem, EVIDENCE_SHEET_FILE, 0)) &&
        !err_failed(evidence_sheet_read(file, &last, &e->half))) {
        e->serial = last.serial;
    }
    free(mem);
}

static void sheet_update(evidence_t *e, uint32_t month)
{
    err_t err = sheet_make(e, month);
    if (err_failed(err)) {
        log_err(LOG_ERROR, id_zero(), "vault.evidence", err);
    }
    pthread_mutex_lock(&e->lock);
    e->counts.broken = err_failed(err);
    e->counts.month = err_failed(err) ? e->counts.month : month;
    pthread_mutex_unlock(&e->lock);
}

/* The ring's key of a month that is over, and seven days more: no slot of it may be read any more. */
static bool ring_key_due(evidence_t *e, int64_t now_us, evidence_place_t *ret_place)
{
    uint32_t month = month_of(now_us - RING_KEEP_DAYS * DAY_US);
    for (uint32_t i = 1; i <= RING_MONTHS_BACK; i++) {
        keys_wrapped_t key;
        evidence_place_t place = place_of(month - i, EVIDENCE_SLOTS);
        if (!err_failed(
                keystore_find(e->conf.months, evidence_key_id(place), place.month, &key))) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

/* Not within an hour of a start or of a jump of the wall clock: a clock that is wrong for a moment
 * destroys nothing. And an hour of rest after each, also after one that a hold has stopped. */
static bool policy_rests(evidence_t *e, int64_t wall_us, int64_t mono_us)
{
    int64_t clocks_us = wall_us - mono_us, moved_us = clocks_us - e->clocks_us;
    bool jumped = e->policy_us && (moved_us > JUMP_US || moved_us < -JUMP_US);
    e->clocks_us = clocks_us;
    if (!e->policy_us || jumped) {
        e->policy_us = mono_us + POLICY_REST_US;
    }
    return mono_us < e->policy_us;
}

static bool enqueue(evidence_t *e, evidence_job_t *job);

/* As if it had been asked for, by nobody: on record first, then destroyed. */
static void policy_tick(evidence_t *e)
{
    static const wire_conn_t NOBODY = {UINT32_MAX, 0};
    int64_t wall_us = clock_wall_us(), mono_us = clock_mono_us();
    evidence_place_t place;
    if (policy_rests(e, wall_us, mono_us) || !ring_key_due(e, wall_us, &place)) {
        return;
    }
    evidence_job_t *job = calloc(1, sizeof *job);
    if (!job) {
        return;
    }
    arena_init(&job->arena, JOB_ARENA);
    job->from = NOBODY;
    job->kind = VAULT_EVIDENCE_ERASE;
    job->policy = true;
    job->order = (vault_evidence_order_t){.id = id_new(), .by = SLICE("policy")};
    job->pieces = ARENA_NEW(&job->arena, vault_evidence_piece_t);
    e->policy_us = mono_us + POLICY_REST_US;
    if (!job->pieces) {
        evidence_end(job);
        return;
    }
    job->n = 1;
    *job->pieces = (vault_evidence_piece_t){.place = place};
    if (!enqueue(e, job)) {
        evidence_end(job);
    }
}

void evidence_tick(evidence_t *e)
{
    policy_tick(e);
    int64_t now_us = clock_wall_us();
    uint32_t month = month_of(now_us), next = month_of(now_us + DAY_US);
    if (e->conf.sheet_fd < 0) {
        return;
    }
    if (month != e->counts.month || e->counts.broken) { /* the loop alone changes both */
        sheet_update(e, month);
        return;
    }
    if (next != e->ahead_month) {
        e->ahead_month = next;
        e->ahead = 0;
    }
    if (next != month && e->ahead < SHEET_KEYS) {
        uint32_t to = e->ahead + MAKE_A_TICK < SHEET_KEYS ? e->ahead + MAKE_A_TICK : SHEET_KEYS;
        if (!err_failed(
                keys_make_some(e, next, e->ahead, to))) { /* else at the month's beginning */
            e->ahead = to;
        }
    }
}

/* ---- records, in the thread ---- */

static void month_fact(buf_t *facts, evidence_place_t place)
{
    uint8_t mem[16];
    buf_t text = BUF_ON_ARRAY(mem);
    buf_dec_pad(&text, place.month / 12, 4);
    buf_u8(&text, '-');
    buf_dec_pad(&text, place.month % 12 + 1, 2);
    ledger_fact(facts, "month", buf_slice(&text));
    if (place.slot != (uint32_t)EVIDENCE_RING_SLOT) {
        ledger_fact_i64(facts, "slot", place.slot);
    }
}

static err_t record_of(evidence_job_t *job, const vault_evidence_piece_t *p, ledger_record_t *ret)
{
    buf_t facts;
    bool erases = job->kind == VAULT_EVIDENCE_ERASE;
    TRY(arena_buf(&job->arena, 4 * VAULT_EVIDENCE_WORD + 512, &facts));
    ledger_fact(&facts, "what",
                p->place.slot == (uint32_t)EVIDENCE_RING_SLOT ? SLICE("ring") : SLICE("evidence"));
    month_fact(&facts, p->place);
    ledger_fact(&facts, "by", job->order.by);
    if (job->order.ref.len) {
        ledger_fact(&facts, "ref", job->order.ref);
    }
    *ret = (ledger_record_t){.type = erases ? LEDGER_EVIDENCE_ERASED : LEDGER_EVIDENCE_OPENED,
                             .request = erases ? job->order.id : p->request,
                             .object = job->order.id,
                             .subject = job->subject,
                             .count = 1,
                             .facts = buf_slice(&facts)};
    return buf_check(&facts);
}

static err_t record_all(evidence_t *e, evidence_job_t *job)
{
    ledger_record_t *all = ARENA_ARRAY(&job->arena, ledger_record_t, job->n);
    ENSURE(all, ERR_MEMORY);
    for (size_t i = 0; i < job->n; i++) {
        TRY(record_of(job, &job->pieces[i], &all[i]));
    }
    err_t err = ledger_append(e->conf.ledger, all, job->n, NULL);
    return err_failed(err) ? FAIL_SYS(ERR_NOT_RECORDED, err.sys) : OK;
}

/* Orders to preserve stop every deletion; whether some stand is for ledgerd to say, and not knowing
 * counts as yes. */
static bool hold_stands(evidence_t *e)
{
    ledger_status_t s;
    return err_failed(ledger_status(e->conf.ledger, &s)) || s.holds > 0;
}

static void append(evidence_job_t **list, evidence_job_t *job)
{
    while (*list) {
        list = &(*list)->next;
    }
    job->next = NULL;
    *list = job;
}

static evidence_job_t *first(evidence_job_t **list)
{
    evidence_job_t *job = *list;
    *list = job ? job->next : NULL;
    return job;
}

static void *work(void *arg)
{
    evidence_t *e = arg;
    pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        evidence_job_t *job = first(&e->waiting);
        if (!job) {
            pthread_cond_wait(&e->filled, &e->lock);
            continue;
        }
        pthread_mutex_unlock(&e->lock);
        bool held = job->policy && hold_stands(e);
        job->recorded = held ? FAIL(ERR_STOPPED) : record_all(e, job);
        pthread_mutex_lock(&e->lock);
        e->counts.held += held;
        append(&e->done, job);
        pthread_mutex_unlock(&e->lock);
        e->conf.on_done(e->conf.ctx);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- jobs, in the loop ---- */

static err_t job_read(evidence_job_t *job, cursor_t *body)
{
    slice_t bytes;
    TRY(arena_copy(&job->arena, cur_rest(body), &bytes));
    cursor_t c = cur_on(bytes);
    bool erases = job->kind == VAULT_EVIDENCE_ERASE;
    job->order = vault_evidence_order_get(&c);
    if (erases) {
        cur_copy(&c, job->subject.b, ID_BYTES);
    }
    job->n = cur_u16(&c);
    ENSURE(!c.bad && job->n > 0 && job->n <= VAULT_EVIDENCE_BATCH, ERR_SYNTAX);
    job->pieces = ARENA_ARRAY(&job->arena, vault_evidence_piece_t, job->n);
    ENSURE(job->pieces, ERR_MEMORY);
    for (size_t i = 0; i < job->n; i++) {
        if (erases) {
            job->pieces[i].place.month = cur_u32(&c);
            job->pieces[i].place.slot = cur_u32(&c);
        } else {
            job->pieces[i] = vault_evidence_piece_get(&c);
        }
        ENSURE(job->pieces[i].place.month < 120000, ERR_SYNTAX); /* the year 9999 */
    }
    return cur_end(&c);
}

static bool enqueue(evidence_t *e, evidence_job_t *job)
{
    pthread_mutex_lock(&e->lock);
    bool room = e->queued < EVIDENCE_QUEUE_MAX;
    if (room) {
        e->queued++;
        append(&e->waiting, job);
        pthread_cond_signal(&e->filled);
    }
    pthread_mutex_unlock(&e->lock);
    return room;
}

err_t evidence_submit(evidence_t *e, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    evidence_job_t *job = calloc(1, sizeof *job);
    ENSURE(job, ERR_MEMORY);
    job->from = from;
    job->kind = kind;
    arena_init(&job->arena, JOB_ARENA);
    err_t err = job_read(job, body);
    if (!err_failed(err) && !enqueue(e, job)) {
        err = FAIL(ERR_TOO_MANY);
    }
    if (err_failed(err)) {
        evidence_end(job);
    }
    return err;
}

evidence_job_t *evidence_take(evidence_t *e)
{
    pthread_mutex_lock(&e->lock);
    evidence_job_t *job = first(&e->done);
    e->queued -= job != NULL;
    pthread_mutex_unlock(&e->lock);
    return job;
}

wire_conn_t evidence_asker(const evidence_job_t *job)
{
    return job->from;
}

void evidence_end(evidence_job_t *job)
{
    arena_deinit(&job->arena);
    free(job);
}

static err_t open_one(evidence_t *e, const vault_evidence_piece_t *p, buf_t *out)
{
    keys_wrapped_t key;
    TRY(keystore_find(e->conf.months, evidence_key_id(p->place), p->place.month, &key));
    return keys_evidence_open(e->conf.keys, &key, p->inner, out);
}

static err_t open_all(evidence_t *e, evidence_job_t *job, buf_t *out)
{
    wire_begin(out, VAULT_EVIDENCE_OPENED);
    buf_u16(out, (uint16_t)job->n);
    for (size_t i = 0; i < job->n; i++) {
        buf_t plain;
        TRY(arena_buf(&job->arena, job->pieces[i].inner.len + 1, &plain));
        err_t err = open_one(e, &job->pieces[i], &plain);
        buf_u16(out, err.code);
        buf_str16(out, buf_slice(&plain));
        e->counts.opened += !err_failed(err);
        e->counts.refused += err_failed(err);
    }
    return buf_check(out);
}

/* Destroyed keys leave the sheet at once. */
static err_t erase_all(evidence_t *e, evidence_job_t *job, buf_t *out)
{
    unsigned destroyed = 0;
    bool on_sheet = false;
    for (size_t i = 0; i < job->n; i++) {
        evidence_place_t place = job->pieces[i].place;
        size_t keys = 0;
        err_t err = keystore_erase(e->conf.months, evidence_key_id(place), &keys);
        if (!err_is(err, ERR_NOT_FOUND)) {
            TRY(err);
        }
        destroyed += (unsigned)keys;
        if (place.month == e->counts.month && place.slot < EVIDENCE_SLOTS) {
            memset(e->keys + (size_t)place.slot * EVIDENCE_KEY, 0, EVIDENCE_KEY);
            on_sheet = true;
        }
    }
    e->counts.destroyed += destroyed;
    if (on_sheet && e->conf.sheet_fd >= 0) {
        TRY(sheet_write(e, e->counts.month));
    }
    wire_begin(out, VAULT_EVIDENCE_ERASED);
    buf_u16(out, (uint16_t)destroyed);
    return buf_check(out);
}

err_t evidence_answer(evidence_t *e, evidence_job_t *job, slice_t *ret_message)
{
    buf_t out;
    TRY(job->recorded);
    TRY(arena_buf(&job->arena, WIRE_MAX_BYTES, &out));
    TRY(job->kind == VAULT_EVIDENCE_ERASE ? erase_all(e, job, &out) : open_all(e, job, &out));
    *ret_message = buf_slice(&out);
    return OK;
}

evidence_counts_t evidence_counts(evidence_t *e)
{
    pthread_mutex_lock(&e->lock);
    evidence_counts_t counts = e->counts;
    pthread_mutex_unlock(&e->lock);
    return counts;
}

/* ---- beginning and end ---- */

err_t evidence_new(const evidence_conf_t *conf, evidence_t **ret_evidence)
{
    evidence_t *e = calloc(1, sizeof *e);
    ENSURE(e, ERR_MEMORY);
    e->conf = *conf;
    CHECK(pthread_mutex_init(&e->lock, NULL) == 0);
    CHECK(pthread_cond_init(&e->filled, NULL) == 0);
    if (conf->sheet_fd >= 0) {
        sheet_last(e);
        sheet_update(e, month_of(clock_wall_us())); /* a failure is health's to say */
    }
    e->started = pthread_create(&e->thread, NULL, work, e) == 0;
    if (!e->started) {
        evidence_free(e);
        return FAIL(ERR_MEMORY);
    }
    *ret_evidence = e;
    return OK;
}

void evidence_free(evidence_t *e)
{
    if (!e) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_broadcast(&e->filled);
    pthread_mutex_unlock(&e->lock);
    if (e->started) {
        pthread_join(e->thread, NULL);
    }
    for (evidence_job_t *job; (job = first(&e->waiting)) || (job = first(&e->done));) {
        evidence_end(job);
    }
    pthread_cond_destroy(&e->filled);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
