#include "serve.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/log.h"
#include "witnessing.h"

enum {
    ACKS_MAX = 4096,
    WAITERS_MAX = 256,
    GROUP_SOON = 256 * 1024, /* bytes after which a group does not wait for company */
    FIND_BUNDLES = 48,       /* read for one message: some milliseconds */
    TAIL_WAIT_MAX_MS = 60 * 1000,
};

typedef struct ack {
    wire_conn_t to;
    uint64_t first;
    uint16_t n;
} ack_t;

typedef struct waiter {
    wire_conn_t to;
    uint64_t from;
    uint32_t max;
    int64_t until_us; /* clock_wait_us */
} waiter_t;

struct serve {
    keeper_t *keeper;
    witnessing_t *witnessing;
    wire_server_t *server;
    int timer; /* timerfd: the lazy group's end */
    bool timer_set;
    bool durable; /* somebody in the group waits */
    ack_t acks[ACKS_MAX];
    size_t ack_count;
    waiter_t waiters[WAITERS_MAX];
    size_t waiter_count;
    bool was_refusing; /* for one log line a change */
    uint64_t finds, tails, refused;
    ledger_record_t recs[LEDGER_BATCH_MAX];
    uint8_t out[WIRE_MAX_BYTES];
};

/* ---- groups ---- */

static void set_timer(serve_t *s, int64_t ms)
{
    struct itimerspec t = {.it_value = {ms / 1000, (ms % 1000) * 1000000}};
    CHECK(timerfd_settime(s->timer, 0, &t, NULL) == 0);
    s->timer_set = ms > 0;
}

/* One line when the ledger begins or ceases to refuse. */
static void log_change(serve_t *s)
{
    const char *why = keeper_refuses(s->keeper);
    if (why && !s->was_refusing) {
        log_event(LOG_ERROR, id_zero(), "ledger.refusing", "%s", why);
    } else if (!why && s->was_refusing) {
        log_event(LOG_INFO, id_zero(), "ledger.accepting", NULL);
    }
    s->was_refusing = why != NULL;
}

static void acknowledge(serve_t *s, const ack_t *ack)
{
    uint8_t mem[32];
    buf_t b = BUF_ON_ARRAY(mem);
    wire_begin(&b, LEDGER_ACK);
    buf_u64(&b, ack->first);
    buf_u16(&b, ack->n);
    wire_reply(s->server, ack->to, buf_slice(&b));
}

static void answer_waiters(serve_t *s);

static void flush(serve_t *s)
{
    if (s->timer_set) {
        set_timer(s, 0);
    }
    s->durable = false;
    if (!keeper_waiting(s->keeper)) {
        return;
    }
    err_t e = keeper_flush(s->keeper);
    const char *why = err_failed(e) ? keeper_refuses(s->keeper) : NULL;
    for (size_t i = 0; i < s->ack_count; i++) {
        if (err_failed(e)) {
            s->refused++;
            wire_reply_error(s->server, s->acks[i].to, e, why);
        } else {
            acknowledge(s, &s->acks[i]);
        }
    }
    s->ack_count = 0;
    log_change(s);
    if (!err_failed(e)) {
        answer_waiters(s);
    }
}

/* Types that ledgerd alone writes are nobody else's to claim. */
static bool type_allowed(unsigned type)
{
    static const unsigned OWN[] = {LEDGER_GENESIS,     LEDGER_CLOCK_JUMP, LEDGER_RESTORED,
                                   LEDGER_SEGMENT_END, LEDGER_RATCHET,    LEDGER_PRUNED,
                                   LEDGER_INDEX_ROOT};
    for (size_t i = 0; i < BASE_COUNT(OWN); i++) {
        if (type == OWN[i]) {
            return false;
        }
    }
    return strcmp(ledger_type_name(type), "UNKNOWN") != 0;
}

static err_t read_records(serve_t *s, cursor_t *body, size_t n)
{
    for (size_t i = 0; i < n && !body->bad; i++) {
        s->recs[i] = ledger_record_get(body);
        ENSURE(body->bad || type_allowed(s->recs[i].type), ERR_DENIED);
    }
    return cur_end(body);
}

static err_t on_append(serve_t *s, wire_conn_t from, cursor_t *body)
{
    size_t bytes = body->left;
    bool durable = cur_bool(body);
    uint16_t n = cur_u16(body);
    uint64_t first;
    ENSURE(!body->bad && n > 0 && n <= LEDGER_BATCH_MAX, ERR_SYNTAX);
    TRY(read_records(s, body, n));
    const char *why = keeper_refuses(s->keeper);
    if (why) {
        s->refused++;
        log_change(s);
        wire_reply_error(s->server, from, FAIL(ERR_NOT_RECORDED), why);
        return OK;
    }
    room_id_t room = wire_peer(s->server, from);
    err_t e = s->ack_count < ACKS_MAX ? keeper_add(s->keeper, room, s->recs, n, bytes, &first)
                                      : FAIL(ERR_LIMIT);
    if (err_is(e, ERR_LIMIT)) {
        flush(s);
        e = keeper_add(s->keeper, room, s->recs, n, bytes, &first);
    }
    if (err_is(e, ERR_DISK_FULL)) {
        e = FAIL_SYS(ERR_NOT_RECORDED, e.sys);
    }
    TRY(e);
    s->acks[s->ack_count++] = (ack_t){from, first, n};
    s->durable = s->durable || durable;
    return OK;
}

static void on_drained(void *ctx)
{
    serve_t *s = ctx;
    if (s->durable || (GROUP_SOON < s->keeper->commit.body.len)) {
        flush(s);
    } else if (keeper_waiting(s->keeper) && !s->timer_set) {
        set_timer(s, SERVE_LAZY_MS);
    }
}

static void on_timer(void *ctx, int fd, uint32_t events)
{
    uint64_t ticks;
    ssize_t n = read(fd, &ticks, sizeof ticks);
    (void)n; /* EAGAIN: it was set anew meanwhile */
    (void)events;
    flush(ctx);
}

/* ---- reading ---- */

/* An answer of entries that is being filled: u64 next, u16 n, entries. */
typedef struct filling {
    buf_t b;
    uint16_t n;
    uint32_t max;
    bool stopped;
    ledger_find_t which;
    const id128_t *id; /* NULL = all */
} filling_t;

enum { COUNT_AT = WIRE_HEAD_BYTES + 8 };

static filling_t filling_begin(serve_t *s, uint32_t max)
{
    filling_t f = {.b = BUF_ON_ARRAY(s->out), .max = max < UINT16_MAX ? max : UINT16_MAX};
    wire_begin(&f.b, LEDGER_ENTRIES);
    buf_u64(&f.b, 0);
    buf_u16(&f.b, 0);
    return f;
}

static bool fill_entry(void *ctx, const ledger_entry_t *entry)
{
    filling_t *f = ctx;
    if (f->id && !finder_match(f->which, *f->id, &entry->rec)) {
        return true;
    }
    size_t before = f->b.len;
    if (f->n < f->max) {
        ledger_entry_put(&f->b, entry);
    }
    if (f->n == f->max || f->b.full) {
        f->b.len = before;
        f->b.full = false;
        f->stopped = true;
        return false;
    }
    f->n++;
    return true;
}

static void filling_send(serve_t *s, filling_t *f, wire_conn_t to, uint64_t next)
{
    buf_t head = buf_on(s->out + WIRE_HEAD_BYTES, COUNT_AT + 2 - WIRE_HEAD_BYTES);
    buf_u64(&head, next);
    buf_u16(&head, f->n);
    wire_reply(s->server, to, buf_slice(&f->b));
}

static void read_failed(serve_t *s, wire_conn_t to, err_t e)
{
    log_err(LOG_ERROR, id_zero(), "ledger.read", e);
    wire_reply_error(s->server, to, e, "stored records cannot be read");
}

static void answer_tail(serve_t *s, const waiter_t *w)
{
    filling_t f = filling_begin(s, w->max);
    uint64_t next = w->from;
    err_t e = w->from < keeper_size(s->keeper)
                  ? keeper_walk(s->keeper, w->from, NULL, FIND_BUNDLES, fill_entry, &f, &next)
                  : OK;
    if (err_failed(e)) {
        read_failed(s, w->to, e);
    } else {
        filling_send(s, &f, w->to, next);
    }
}

static void answer_waiters(serve_t *s)
{
    int64_t now_us = clock_wait_us();
    size_t kept = 0, count = s->waiter_count;
    for (size_t i = 0; i < count; i++) {
        waiter_t w = s->waiters[i];
        if (!wire_alive(s->server, w.to)) {
            continue;
        }
        if (w.from < keeper_size(s->keeper) || now_us >= w.until_us) {
            answer_tail(s, &w);
        } else {
            s->waiters[kept++] = w;
        }
    }
    s->waiter_count = kept;
}

/* The record's readers: it names who did what when, so a shop or pay process that was taken over
 * must not get at it. */
static bool may_read(room_id_t room)
{
    return room == ROOM_INSPECT || room == ROOM_OFFICE || room == ROOM_COMMAND || room == ROOM_TEST;
}

static err_t on_tail(serve_t *s, wire_conn_t from, cursor_t *body)
{
    waiter_t w = {.to = from, .from = cur_u64(body)};
    w.max = cur_u32(body);
    uint32_t wait_ms = cur_u32(body);
    TRY(cur_end(body));
    ENSURE(may_read(wire_peer(s->server, from)), ERR_DENIED);
    ENSURE(w.max > 0, ERR_RANGE);
    s->tails++;
    wait_ms = wait_ms < TAIL_WAIT_MAX_MS ? wait_ms : TAIL_WAIT_MAX_MS;
    w.until_us = clock_wait_us() + (int64_t)wait_ms * 1000;
    if (w.from < keeper_size(s->keeper) || wait_ms == 0) {
        answer_tail(s, &w);
        return OK;
    }
    ENSURE(s->waiter_count < WAITERS_MAX, ERR_TOO_MANY);
    s->waiters[s->waiter_count++] = w;
    return OK;
}

static err_t on_find(serve_t *s, wire_conn_t from, cursor_t *body)
{
    id128_t id;
    uint64_t next;
    filling_t f = filling_begin(s, UINT16_MAX);
    f.which = (ledger_find_t)cur_u8(body);
    cur_copy(body, id.b, ID_BYTES);
    uint64_t seq = cur_u64(body);
    TRY(cur_end(body));
    ENSURE(may_read(wire_peer(s->server, from)), ERR_DENIED);
    ENSURE(f.which >= LEDGER_BY_REQUEST && f.which <= LEDGER_BY_SUBJECT && !id_is_zero(id),
           ERR_RANGE);
    s->finds++;
    f.id = &id;
    err_t e = keeper_walk(s->keeper, seq, &id, FIND_BUNDLES, fill_entry, &f, &next);
    if (err_failed(e)) {
        read_failed(s, from, e);
        return OK;
    }
    bool end = !f.stopped && next >= keeper_size(s->keeper);
    filling_send(s, &f, from, end ? 0 : next);
    return OK;
}

/* No more than fit one message; who gives more than some dozens of orders reads the record. */
static err_t on_holds(serve_t *s, wire_conn_t from, cursor_t *body)
{
    filling_t f = filling_begin(s, UINT16_MAX);
    const holds_t *holds = &s->keeper->holds;
    TRY(cur_end(body));
    ENSURE(may_read(wire_peer(s->server, from)), ERR_DENIED);
    for (size_t i = 0; i < holds->count; i++) {
        uint64_t next;
        f.max = (uint32_t)f.n + 1U; /* this one alone */
        err_t e = holds->list[i].seq < keeper_size(s->keeper)
                      ? keeper_walk(s->keeper, holds->list[i].seq, NULL, 1, fill_entry, &f, &next)
                      : OK;
        if (err_failed(e)) {
            read_failed(s, from, e);
            return OK;
        }
    }
    filling_send(s, &f, from, 0);
    return OK;
}

static err_t on_status(serve_t *s, wire_conn_t from, cursor_t *body)
{
    buf_t b = BUF_ON_ARRAY(s->out);
    TRY(cur_end(body));
    ledger_status_t status = keeper_status(s->keeper);
    wire_begin(&b, LEDGER_STATUS_OK);
    ledger_status_put(&b, &status);
    wire_reply(s->server, from, buf_slice(&b));
    return OK;
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    serve_t *s = ctx;
    switch (kind) {
    case LEDGER_APPEND:
        return on_append(s, from, body);
    case LEDGER_TAIL:
        return on_tail(s, from, body);
    case LEDGER_FIND:
        return on_find(s, from, body);
    case LEDGER_STATUS:
        return on_status(s, from, body);
    case LEDGER_HOLDS:
        return on_holds(s, from, body);
    default:
        return witnessing_message(s->witnessing, s->server, from, kind, body);
    }
}

/* ---- the rest of the loop ---- */

static void on_wake(void *ctx)
{
    serve_t *s = ctx;
    keeper_sealed(s->keeper);
    if (keeper_waiting(s->keeper) && !s->ack_count) {
        flush(s); /* a record of ledgerd's own, and nobody else's to share its group */
    }
    log_change(s);
}

static void on_tick(void *ctx)
{
    serve_t *s = ctx;
    on_wake(s); /* a record of the worker's may have waited for space */
    if (s->waiter_count) {
        answer_waiters(s);
    }
}

static void on_stop(void *ctx)
{
    serve_t *s = ctx;
    flush(s);
    for (size_t i = 0; i < s->waiter_count; i++) {
        answer_tail(s, &s->waiters[i]);
    }
    s->waiter_count = 0;
}

static void on_metrics(void *ctx, buf_t *out)
{
    serve_t *s = ctx;
    keeper_t *k = s->keeper;
    wal_counts_t wal = wal_counts(k->wal);
    sealer_state_t sealer = sealer_state(k->sealer);
    metrics_put(out, "sekisho_ledger_records", (int64_t)keeper_size(k));
    metrics_put(out, "sekisho_ledger_sealed_records", (int64_t)sealer.signed_cp.size);
    metrics_put(out, "sekisho_ledger_appended_total", (int64_t)k->records);
    metrics_put(out, "sekisho_ledger_groups_total", (int64_t)wal.groups);
    metrics_put(out, "sekisho_ledger_fdatasync_total", (int64_t)wal.syncs);
    metrics_put(out, "sekisho_ledger_log_bytes_total", (int64_t)wal.bytes);
    metrics_put(out, "sekisho_ledger_log_pieces", (int64_t)wal.pieces);
    metrics_put(out, "sekisho_ledger_checkpoints_total", (int64_t)sealer.checkpoints);
    metrics_put(out, "sekisho_ledger_unsealed_bytes", (int64_t)entries_unsealed(&k->entries));
    metrics_put(out, "sekisho_ledger_refused_messages_total", (int64_t)s->refused);
    metrics_put(out, "sekisho_ledger_tails_total", (int64_t)s->tails);
    metrics_put(out, "sekisho_ledger_finds_total", (int64_t)s->finds);
    worker_state_t worker = worker_state(k->worker);
    metrics_put(out, "sekisho_ledger_segments_ended", (int64_t)worker.ended);
    metrics_put(out, "sekisho_ledger_segments_packed", (int64_t)worker.done);
    metrics_put(out, "sekisho_ledger_minimum_index", (int64_t)keeper_minimum(k));
    metrics_put(out, "sekisho_ledger_holds", (int64_t)k->holds.count);
    metrics_put(out, "sekisho_ledger_accepting", keeper_refuses(k) == NULL);
    metrics_put(out, "sekisho_ledger_witnessed_records", (int64_t)witnessing_size(s->witnessing));
}

static void on_health(void *ctx, health_t *out)
{
    serve_t *s = ctx;
    const char *why = keeper_refuses(s->keeper);
    sealer_state_t sealer = sealer_state(s->keeper->sealer);
    wal_counts_t wal = wal_counts(s->keeper->wal);
    health_add(out, why ? HEALTH_DOWN : HEALTH_OK, "log", "%s",
               why ? why : "records are made durable");
    if (err_failed(sealer.trouble)) {
        health_add(out, err_is(sealer.trouble, ERR_DISK_FULL) ? HEALTH_DEGRADED : HEALTH_DOWN,
                   "tree", "no checkpoint can be written: %s", err_text(sealer.trouble.code));
    } else {
        health_add(out, HEALTH_OK, "tree", "%llu of %llu records are sealed",
                   (unsigned long long)sealer.signed_cp.size,
                   (unsigned long long)keeper_size(s->keeper));
    }
    worker_state_t worker = worker_state(s->keeper->worker);
    if (err_failed(worker.trouble)) {
        health_add(out, HEALTH_DEGRADED, "segments", "%llu of %llu are packed: %s",
                   (unsigned long long)worker.done, (unsigned long long)worker.ended,
                   err_text(worker.trouble.code));
    } else {
        health_add(out, HEALTH_OK, "segments", "%llu of %llu are packed",
                   (unsigned long long)worker.done, (unsigned long long)worker.ended);
    }
    health_add(out, wal.spare_full ? HEALTH_DEGRADED : HEALTH_OK, "disk", "%s",
               wal.spare_full ? "no space for the log's next piece"
                              : "space for the log is set aside");
    if (err_failed(witnessing_trouble(s->witnessing))) {
        health_add(out, HEALTH_DEGRADED, "witnessed", "cosignatures cannot be written: %s",
                   err_text(witnessing_trouble(s->witnessing).code));
    }
}

const wire_events_t SERVE_EVENTS = {
    .on_message = on_message,
    .on_drained = on_drained,
    .on_wake = on_wake,
    .on_tick = on_tick,
    .on_stop = on_stop,
    .on_metrics = on_metrics,
    .on_health = on_health,
};

err_t serve_new(keeper_t *keeper, serve_t **ret_serve)
{
    serve_t *s = calloc(1, sizeof *s);
    ENSURE(s, ERR_MEMORY);
    s->keeper = keeper;
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    err_t e = s->timer < 0 ? FAIL_SYS(ERR_IO, errno) : witnessing_new(keeper, &s->witnessing);
    if (err_failed(e)) {
        fd_close(&s->timer);
        free(s);
        return e;
    }
    *ret_serve = s;
    return OK;
}

void serve_free(serve_t *s)
{
    if (s) {
        witnessing_free(s->witnessing);
        fd_close(&s->timer);
        free(s);
    }
}

err_t serve_attach(serve_t *s, wire_server_t *server)
{
    s->server = server;
    return wire_server_watch(server, s->timer, EPOLLIN, on_timer, s);
}

void serve_on_sealed(void *ctx)
{
    serve_t *s = __atomic_load_n((serve_t **)ctx, __ATOMIC_ACQUIRE);
    if (s) {
        wire_server_wake(s->server);
    }
}
