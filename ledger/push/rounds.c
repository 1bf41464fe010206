#include "rounds.h"

#include <pthread.h>

#include "base/clock.h"
#include "io/log.h"

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30 * 1000, RECORD_RETRY_MS = 1000 };

typedef struct link {
    struct rounds *rounds;
    unsigned number; /* of the witness in the policy */
    carrier_t carrier;
    pthread_t thread;
    /* under the lock */
    uint64_t done; /* round that it has finished */
    size_t line_len;
    uint8_t line[LEDGER_COSIGNATURE_MAX]; /* of the present round; len 0 = none */
    carry_result_t last;
    char why[CARRY_WHY];
    int64_t retry_us, backoff_ms;
    uint64_t cosigned, failed, size; /* size: the last one that it cosigned for us */
    uint64_t known;                  /* what it says that it has cosigned */
    bool alarm_due;
    carry_result_t alarmed; /* fork or ahead: stands in the record; CARRY_OK: neither */
} link_t;

struct rounds {
    rounds_conf_t conf;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    uint64_t round, size; /* present one; 0 = none yet */
    bool over;            /* of the present round: late cosignatures of it are still welcome */
    int64_t begun_us, enough_us; /* monotonic; when the quorum was there last */
    bool enough;                 /* in the present or the last finished round */
    bool alarmed;                /* the quorum's alarm stands in the record */
    /* what ledgerd was given last */
    uint64_t given_size;
    size_t given_count;
    bool given_enough;
    uint64_t rounds_total, given_total;
    char trouble[CARRY_WHY]; /* with ledgerd */
    size_t count;
    link_t links[LEDGER_COSIGNERS_MAX];
};

static void wait_ms(rounds_t *r, int64_t ms) /* the lock is held */
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    int64_t ns = t.tv_nsec + ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&r->changed, &r->lock, &t);
}

/* ---- a witness's thread ---- */

static const char *result_text(carry_result_t r)
{
    static const char *const TEXTS[] = {"cosigned", "failed", "unknown", "ahead", "fork"};
    return TEXTS[r];
}

/* The lock is held. */
static void note_result(link_t *l, uint64_t round, uint64_t size, carry_result_t result,
                        slice_t line)
{
    rounds_t *r = l->rounds;
    bool news = result != l->last;
    l->done = round;
    l->last = result;
    l->known = l->carrier.known;
    memcpy(l->why, l->carrier.why, sizeof l->why);
    if (result == CARRY_OK) {
        l->why[0] = '\0';
        l->cosigned++;
        l->size = size;
        l->backoff_ms = 0;
        l->alarmed = CARRY_OK;
        if (round == r->round) {
            memcpy(l->line, line.ptr, line.len);
            l->line_len = line.len;
        }
    } else {
        l->failed++;
        l->backoff_ms = l->backoff_ms ? l->backoff_ms * 2 : BACKOFF_FIRST_MS;
        l->backoff_ms = l->backoff_ms < BACKOFF_MAX_MS ? l->backoff_ms : BACKOFF_MAX_MS;
        l->retry_us = clock_wait_us() + l->backoff_ms * 1000;
        l->alarm_due = l->alarmed != result && (result == CARRY_AHEAD || result == CARRY_FORK);
    }
    if (news) {
        log_event(result == CARRY_OK ? LOG_INFO : LOG_WARN, id_zero(), "push.witness", "%s: %s: %s",
                  l->carrier.witness->word, result_text(result), l->why);
    }
    pthread_cond_broadcast(&r->changed);
}

static void *link_thread(void *arg)
{
    link_t *l = arg;
    rounds_t *r = l->rounds;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        int64_t left_ms = (l->retry_us - clock_wait_us()) / 1000;
        bool due = r->round && (l->done != r->round || l->last != CARRY_OK);
        if (!due || (l->backoff_ms && left_ms > 0)) {
            wait_ms(r, due ? left_ms : 1000);
            continue;
        }
        uint64_t round = r->round, size = r->size;
        uint8_t mem[LEDGER_COSIGNATURE_MAX];
        buf_t line = BUF_ON_ARRAY(mem);
        pthread_mutex_unlock(&r->lock);
        carry_result_t result = carrier_bring(&l->carrier, size, &line);
        pthread_mutex_lock(&r->lock);
        note_result(l, round, size, result, buf_slice(&line));
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- records ---- */

static bool record(rounds_t *r, const char *why, const char *state, const link_t *l,
                   size_t cosigned)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "why", slice_cstr_in(why));
    ledger_fact(&facts, "state", slice_cstr_in(state));
    if (l) {
        ledger_fact(&facts, "witness", slice_cstr_in(l->carrier.witness->name));
        ledger_fact_i64(&facts, "cosigned_before", (int64_t)l->known);
    }
    ledger_fact_i64(&facts, "size", (int64_t)r->size);
    ledger_fact_i64(&facts, "cosigned", (int64_t)cosigned);
    ledger_fact_i64(&facts, "witnesses", (int64_t)r->count);
    ledger_record_t rec = {.type = LEDGER_ALARM, .facts = buf_slice(&facts)};
    pthread_mutex_unlock(&r->lock);
    err_t e = ledger_append(r->conf.recorder, &rec, 1, NULL);
    log_event(LOG_ERROR, id_zero(), "push.alarm", "%s %s%s%s", why, state, l ? " by " : "",
              l ? l->carrier.witness->word : "");
    pthread_mutex_lock(&r->lock);
    return !err_failed(e);
}

/* The lock is held; it is let go while a record is made. */
static void make_records(rounds_t *r, size_t cosigned)
{
    int64_t without_us = clock_wait_us() - r->enough_us;
    if (!r->enough && !r->alarmed && without_us > r->conf.alarm_ms * 1000) {
        r->alarmed = record(r, "witness.quorum", "begun", NULL, cosigned);
    } else if (r->enough && r->alarmed) {
        r->alarmed = !record(r, "witness.quorum", "over", NULL, cosigned);
    }
    for (size_t i = 0; i < r->count; i++) {
        link_t *l = &r->links[i];
        if (l->alarm_due) {
            carry_result_t what = l->last;
            const char *why = what == CARRY_AHEAD ? "witness.ahead" : "witness.fork";
            l->alarm_due = false;
            if (record(r, why, "begun", l, cosigned)) {
                l->alarmed = what; /* else: with its next failure */
            }
        }
    }
}

/* ---- the rounds' own thread ---- */

/* The lock is held. */
static size_t gathered(const rounds_t *r, bool by[VWITNESSES], buf_t *lines)
{
    size_t n = 0;
    memset(by, 0, VWITNESSES * sizeof by[0]);
    for (size_t i = 0; i < r->count; i++) {
        if (r->links[i].line_len) {
            by[r->links[i].number] = true;
            buf_put(lines, slice_make(r->links[i].line, r->links[i].line_len));
            n++;
        }
    }
    return n;
}

/* Enough goes before not enough, then the newer, then the more. */
static bool is_better(const rounds_t *r, uint64_t size, size_t count, bool enough)
{
    if (!count || (r->given_enough && !enough)) {
        return false;
    }
    return (enough && !r->given_enough) || size > r->given_size ||
           (size == r->given_size && count > r->given_count);
}

/* The lock is held; it is let go while ledgerd is asked. */
static void give(rounds_t *r, size_t count, bool enough, slice_t lines)
{
    uint64_t size = r->size;
    if (!is_better(r, size, count, enough)) {
        return;
    }
    pthread_mutex_unlock(&r->lock);
    err_t e = ledger_cosigned(r->conf.ledger, size, lines);
    pthread_mutex_lock(&r->lock);
    if (err_failed(e)) {
        snprintf(r->trouble, sizeof r->trouble, "cosignatures not taken: %s", err_text(e.code));
        return;
    }
    r->trouble[0] = '\0';
    r->given_size = size;
    r->given_count = count;
    r->given_enough = enough;
    r->given_total++;
}

/* Looks at what has come; returns how many cosigned the present checkpoint. */
static size_t look(rounds_t *r)
{
    uint8_t mem[LEDGER_LINES_MAX];
    buf_t lines = BUF_ON_ARRAY(mem);
    bool by[VWITNESSES];
    size_t n = gathered(r, by, &lines);
    if (vpolicy_met(r->conf.policy, by)) {
        r->enough = true;
        r->enough_us = clock_wait_us();
    }
    give(r, n, r->enough, buf_slice(&lines));
    return n;
}

static bool all_done(const rounds_t *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->links[i].done != r->round) {
            return false;
        }
    }
    return true;
}

/* A new round begins when there is something new to cosign and the present one is over: all have
 * answered, or the quorum is there, or the time of an exchange is past. */
static bool may_begin(const rounds_t *r, uint64_t newest)
{
    int64_t age_ms = (clock_wait_us() - r->begun_us) / 1000;
    bool over = !r->round || all_done(r) || r->enough || age_ms >= r->conf.timeout_ms;
    bool wanted = newest != r->size || age_ms >= r->conf.refresh_ms || (!r->enough && all_done(r));
    return newest && over && wanted && (!r->round || age_ms >= r->conf.interval_ms);
}

static void begin(rounds_t *r, uint64_t newest)
{
    r->round++;
    r->size = newest;
    r->begun_us = clock_wait_us();
    r->enough = false;
    r->rounds_total++;
    for (size_t i = 0; i < r->count; i++) {
        r->links[i].line_len = 0;
    }
    pthread_cond_broadcast(&r->changed);
}

static uint64_t newest_size(rounds_t *r) /* the lock is held; it is let go meanwhile */
{
    static ledger_checkpoint_t cp; /* this thread alone */
    pthread_mutex_unlock(&r->lock);
    err_t e = ledger_checkpoint(r->conf.ledger, 0, 0, &cp);
    pthread_mutex_lock(&r->lock);
    if (err_failed(e)) {
        snprintf(r->trouble, sizeof r->trouble, "no checkpoint: %s", err_text(e.code));
        return 0;
    }
    r->trouble[0] = '\0';
    return cp.size;
}

static void *rounds_thread(void *arg)
{
    rounds_t *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        size_t cosigned = r->round ? look(r) : 0;
        make_records(r, cosigned);
        uint64_t newest = newest_size(r);
        if (!r->stop && may_begin(r, newest)) {
            begin(r, newest);
        }
        if (!r->stop) {
            wait_ms(r, r->conf.interval_ms / 4 + 1);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- life ---- */

static err_t link_add(rounds_t *r, unsigned number)
{
    const vwitness_t *w = &r->conf.policy->witness[number];
    if (!w->url[0]) {
        return OK; /* only for those who verify */
    }
    if (r->count == LEDGER_COSIGNERS_MAX) {
        log_event(LOG_ERROR, id_zero(), "push.policy", "more than %d witnesses with an address",
                  LEDGER_COSIGNERS_MAX);
        return FAIL(ERR_CONFIG);
    }
    link_t *l = &r->links[r->count];
    l->rounds = r;
    l->number = number;
    l->carrier = (carrier_t){.witness = w,
                             .ledger = r->conf.ledger,
                             .timeout_ms = r->conf.timeout_ms,
                             .https_only = r->conf.https_only};
    err_t e = carrier_init(&l->carrier);
    if (err_failed(e)) {
        log_event(LOG_ERROR, id_zero(), "push.policy",
                  "%s: an address is https://..., unix:/path, and outside production http://...",
                  w->word);
        return e;
    }
    r->count++;
    return OK;
}

static err_t start_threads(rounds_t *r)
{
    for (size_t i = 0; i < r->count; i++) {
        int failed = pthread_create(&r->links[i].thread, NULL, link_thread, &r->links[i]);
        CHECK(!failed); /* at start: the supervisor tries again */
    }
    CHECK(pthread_create(&r->thread, NULL, rounds_thread, r) == 0);
    r->started = true;
    return OK;
}

err_t rounds_start(const rounds_conf_t *conf, rounds_t **ret_rounds)
{
    pthread_condattr_t mono;
    rounds_t *r = calloc(1, sizeof *r);
    err_t e = OK;
    ENSURE(r, ERR_MEMORY);
    r->conf = *conf;
    r->enough_us = clock_wait_us();
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &mono);
    pthread_condattr_destroy(&mono);
    for (unsigned i = 0; i < conf->policy->witness_count && !err_failed(e); i++) {
        e = link_add(r, i);
    }
    if (!err_failed(e) && r->count) {
        e = start_threads(r);
    }
    if (err_failed(e)) {
        rounds_stop(r);
        return e;
    }
    *ret_rounds = r;
    return OK;
}

void rounds_stop(rounds_t *r)
{
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->thread, NULL);
        for (size_t i = 0; i < r->count; i++) {
            pthread_join(r->links[i].thread, NULL);
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        carrier_deinit(&r->links[i].carrier);
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free(r);
}

/* ---- what is told of it ---- */

/* A policy's names may hold any letter; a label takes plain ones. */
static void label_put(buf_t *b, const char *name, const char *word, int64_t value)
{
    uint8_t mem[160];
    buf_t label = BUF_ON_ARRAY(mem);
    buf_cstr(&label, name);
    buf_cstr(&label, "{witness=\"");
    for (const char *c = word; *c; c++) {
        bool plain = *c > ' ' && *c <= '~' && *c != '"' && *c != '\\';
        buf_u8(&label, plain ? (uint8_t)*c : '_');
    }
    buf_cstr(&label, "\"}");
    buf_u8(&label, 0);
    if (!label.full) {
        metrics_put(b, (const char *)mem, value);
    }
}

void rounds_metrics(rounds_t *r, buf_t *out)
{
    pthread_mutex_lock(&r->lock);
    metrics_put(out, "sekisho_push_witnesses", (int64_t)r->count);
    metrics_put(out, "sekisho_push_rounds_total", (int64_t)r->rounds_total);
    metrics_put(out, "sekisho_push_given_total", (int64_t)r->given_total);
    metrics_put(out, "sekisho_push_cosigned_records",
                (int64_t)(r->given_enough ? r->given_size : 0));
    metrics_put(out, "sekisho_push_without_quorum_seconds",
                r->count ? (clock_wait_us() - r->enough_us) / CLOCK_SECOND_US : 0);
    metrics_put(out, "sekisho_push_alarm", r->alarmed);
    for (size_t i = 0; i < r->count; i++) {
        const link_t *l = &r->links[i];
        label_put(out, "sekisho_push_witness_up", l->carrier.witness->word,
                  l->cosigned && l->last == CARRY_OK);
        label_put(out, "sekisho_push_witness_cosigned_total", l->carrier.witness->word,
                  (int64_t)l->cosigned);
        label_put(out, "sekisho_push_witness_failed_total", l->carrier.witness->word,
                  (int64_t)l->failed);
        label_put(out, "sekisho_push_witness_records", l->carrier.witness->word, (int64_t)l->size);
    }
    pthread_mutex_unlock(&r->lock);
}

static void link_health(const link_t *l, health_t *out)
{
    health_state_t state = l->last == CARRY_OK ? HEALTH_OK : HEALTH_DEGRADED;
    char name[HEALTH_NAME];
    snprintf(name, sizeof name, "%.31s", l->carrier.witness->word);
    if (!l->cosigned && !l->failed) {
        health_add(out, HEALTH_OK, name, "not asked yet");
    } else if (l->last == CARRY_OK) {
        health_add(out, state, name, "cosigned %llu records", (unsigned long long)l->size);
    } else {
        health_add(out, state, name, "%s", l->why);
    }
}

void rounds_health(rounds_t *r, health_t *out)
{
    pthread_mutex_lock(&r->lock);
    int64_t without_s = (clock_wait_us() - r->enough_us) / CLOCK_SECOND_US;
    if (!r->count) {
        health_add(out, HEALTH_OK, "quorum",
                   "no witness is set: nobody outside can say what stood here");
    } else if (r->alarmed) {
        health_add(out, HEALTH_DOWN, "quorum", "too few witnesses cosign, for %lld s",
                   (long long)without_s);
    } else {
        health_add(out, HEALTH_OK, "quorum", "%llu records cosigned by the quorum",
                   (unsigned long long)(r->given_enough ? r->given_size : 0));
    }
    health_add(out, r->trouble[0] ? HEALTH_DEGRADED : HEALTH_OK, "ledger", "%s",
               r->trouble[0] ? r->trouble : "checkpoints are given");
    for (size_t i = 0; i < r->count; i++) {
        link_health(&r->links[i], out);
    }
    pthread_mutex_unlock(&r->lock);
}
