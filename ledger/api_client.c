/* The blocking client of ledgerd and its queue for records that need not be durable at once.
 *
 * The queue is two buffers: notes go into one while the thread sends the other. What ledgerd did
 * not acknowledge is sent again (a GAP record with count 0 and "resent=n" stands before it); what
 * found both buffers full is counted and becomes a GAP record at that place. Must never hold:
 * personal data (records have none), files. */
#include <pthread.h>

#include "base/clock.h"
#include "io/wire_client.h"
#include "ledger/api.h"

enum {
    QUEUE_RECORDS = 4096, /* in each of the two buffers */
    QUEUE_BYTES = 2 * 1024 * 1024,
    QUEUE_GATHER_MS = 5, /* a lone note waits this long for company */
    QUEUE_RETRY_MS = 100,
    QUEUE_ANSWER_MS = 2000, /* a note is never urgent */
    CLIENT_DRAIN_MS = 5000,
    CLIENT_CONNS = 16,
    CLIENT_PATH_MAX = 108,
    ASK_WAIT_MS = 2000, /* tail, find, status beyond the wait the caller asked for */
    ANSWER_HEAD = 64,
    MESSAGE_HEAD = 16, /* wire head, durable flag, count; with room to spare */
};

/* Encoded records, each after its u32 length. */
typedef struct queue_buf {
    buf_t bytes;
    unsigned count;
    uint32_t lost; /* notes that came after the last one here and were dropped */
} queue_buf_t;

struct ledger_client {
    wire_client_t wire;
    char path[CLIENT_PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, drained;
    queue_buf_t bufs[2];
    queue_buf_t *filling; /* under the lock; the other one is the thread's */
    bool sending, stop;   /* under the lock */
    bool give_up;         /* under the lock: stop even with notes unsent */
    uint8_t *message;     /* the thread's, WIRE_MAX_BYTES */
};

/* ---- sending ---- */

static err_t append_message(ledger_client_t *c, slice_t message, int64_t wait_ms, size_t n,
                            uint64_t *ret_first_seq)
{
    uint8_t mem[ANSWER_HEAD + WIRE_TEXT_MAX];
    buf_t answer = BUF_ON_ARRAY(mem);
    cursor_t body;
    TRY(wire_client_ask(&c->wire, message, wait_ms, &answer, LEDGER_ACK, &body));
    uint64_t first = cur_u64(&body);
    uint16_t count = cur_u16(&body);
    WIRE_CLIENT_END(&body);
    CHECK(count == n);
    *ret_first_seq = first;
    return OK;
}

err_t ledger_append(ledger_client_t *c, const ledger_record_t *recs, size_t n,
                    uint64_t *ret_first_seq)
{
    BASE_CLEANUP(arena_deinit) arena_t arena = {0};
    arena_init(&arena, WIRE_MAX_BYTES + ANSWER_HEAD);
    buf_t message;
    uint64_t first;
    TRY(arena_buf(&arena, WIRE_MAX_BYTES, &message));
    wire_begin(&message, LEDGER_APPEND);
    ledger_append_put(&message, true, recs, n);
    TRY(buf_check(&message));
    err_t e = append_message(c, buf_slice(&message), LEDGER_WAIT_MS, n, &first);
    if (err_failed(e)) {
        return FAIL_SYS(ERR_NOT_RECORDED, e.sys);
    }
    if (ret_first_seq) {
        *ret_first_seq = first;
    }
    return OK;
}

/* ---- the queue's thread ---- */

/* Waits for the condition or ms of real time; the lock is held. */
static void cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(cond, lock, &until);
}

static err_t send_gap(ledger_client_t *c, uint32_t lost, const char *why, int64_t value)
{
    uint8_t facts_mem[64];
    buf_t facts = BUF_ON_ARRAY(facts_mem);
    uint64_t seq;
    ledger_fact_i64(&facts, why, value);
    ledger_record_t gap = {.type = LEDGER_GAP, .count = lost, .facts = buf_slice(&facts)};
    buf_t message = buf_on(c->message, WIRE_MAX_BYTES);
    wire_begin(&message, LEDGER_APPEND);
    ledger_append_put(&message, true, &gap, 1);
    TRY(buf_check(&message));
    return append_message(c, buf_slice(&message), QUEUE_ANSWER_MS, 1, &seq);
}

/* As many records as fit one message. Returns how many, and moves *io_rest past them. */
static unsigned fill_message(buf_t *message, cursor_t *io_rest)
{
    size_t count_at = WIRE_HEAD_BYTES + 1;
    unsigned n = 0;
    wire_begin(message, LEDGER_APPEND);
    buf_u8(message, 0);
    buf_u16(message, 0);
    while (io_rest->left && n < LEDGER_BATCH_MAX) {
        cursor_t peek = *io_rest;
        slice_t record = cur_str32(&peek);
        CHECK(!peek.bad);
        if (record.len > message->cap - message->len) {
            break;
        }
        buf_put(message, record);
        *io_rest = peek;
        n++;
    }
    message->ptr[count_at] = (uint8_t)n;
    message->ptr[count_at + 1] = (uint8_t)(n >> 8);
    return n;
}

/* Nothing else can be done about a refused message: pause, unless the client is being freed. */
static bool pause_before_retry(ledger_client_t *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->give_up) {
        cond_wait_ms(&c->filled, &c->lock, QUEUE_RETRY_MS);
    }
    bool go_on = !c->give_up;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

static bool perhaps_delivered(err_t e)
{
    return !wire_err_is_peers(e) && (err_is(e, ERR_TIMEOUT) || err_is(e, ERR_CLOSED));
}

/* ledgerd will never take these records, however often they are sent: a type it does not know, a
 * room that may not. */
static bool never_accepted(err_t e)
{
    return wire_err_is_peers(e) && (err_is(e, ERR_DENIED) || err_is(e, ERR_SYNTAX) ||
                                    err_is(e, ERR_LIMIT) || err_is(e, ERR_RANGE));
}

/* One message of notes until it is acknowledged (or can never be: then it counts as lost); false
 * when the client gives up. */
static bool send_batch(ledger_client_t *c, cursor_t *io_rest, uint32_t *io_lost)
{
    unsigned resent = 0;
    for (;;) {
        cursor_t rest = *io_rest;
        err_t e = resent ? send_gap(c, 0, "resent", resent) : OK;
        buf_t message = buf_on(c->message, WIRE_MAX_BYTES);
        unsigned n = fill_message(&message, &rest);
        uint64_t seq;
        if (!err_failed(e)) {
            resent = 0;
            e = append_message(c, buf_slice(&message), QUEUE_ANSWER_MS, n, &seq);
        }
        if (!err_failed(e) || never_accepted(e)) {
            *io_lost += err_failed(e) ? n : 0;
            *io_rest = rest;
            return true;
        }
        if (perhaps_delivered(e)) {
            resent = n;
        }
        if (!pause_before_retry(c)) {
            return false;
        }
    }
}

static bool send_queue(ledger_client_t *c, queue_buf_t *q)
{
    cursor_t rest = cur_on(buf_slice(&q->bytes));
    while (rest.left) {
        if (!send_batch(c, &rest, &q->lost)) {
            return false;
        }
    }
    while (q->lost && err_failed(send_gap(c, q->lost, "lost", q->lost))) {
        if (!pause_before_retry(c)) {
            return false;
        }
    }
    return true;
}

static void *queue_thread(void *arg)
{
    ledger_client_t *c = arg;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->filling->count && !c->filling->lost && !c->stop) {
            pthread_cond_wait(&c->filled, &c->lock);
        }
        if (!c->filling->count && !c->filling->lost) {
            break;
        }
        if (!c->stop && c->filling->count < LEDGER_BATCH_MAX) {
            cond_wait_ms(&c->filled, &c->lock, QUEUE_GATHER_MS);
        }
        queue_buf_t *mine = c->filling;
        c->filling = mine == &c->bufs[0] ? &c->bufs[1] : &c->bufs[0];
        c->sending = true;
        pthread_mutex_unlock(&c->lock);
        bool sent = send_queue(c, mine);
        buf_reset(&mine->bytes);
        pthread_mutex_lock(&c->lock);
        mine->count = 0;
        mine->lost = 0;
        c->sending = false;
        pthread_cond_broadcast(&c->drained);
        if (!sent) {
            break;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Facts above the bound are cut at a whole part and say so; a note is never dropped for its size.
 */
static slice_t facts_cut(slice_t facts, uint8_t mem[LEDGER_TEXT_MAX])
{
    static const char MARK[] = "cut=1";
    size_t end = LEDGER_TEXT_MAX - sizeof MARK;
    while (end && facts.ptr[end - 1] != '&') {
        end--;
    }
    buf_t cut = buf_on(mem, LEDGER_TEXT_MAX);
    buf_put(&cut, slice_sub(facts, 0, end));
    buf_cstr(&cut, MARK);
    return buf_slice(&cut);
}

void ledger_note(ledger_client_t *c, const ledger_record_t *rec)
{
    uint8_t facts_mem[LEDGER_TEXT_MAX];
    ledger_record_t copy = *rec;
    if (copy.facts.len > LEDGER_TEXT_MAX) {
        copy.facts = facts_cut(copy.facts, facts_mem);
    }
    pthread_mutex_lock(&c->lock);
    queue_buf_t *q = c->filling;
    size_t before = q->bytes.len;
    uint8_t *length = q->lost || q->count == QUEUE_RECORDS ? NULL : buf_room(&q->bytes, 4);
    if (length) {
        ledger_record_put(&q->bytes, &copy);
    }
    if (!length || q->bytes.full) {
        q->bytes.len = before;
        q->bytes.full = false;
        q->lost += q->lost < UINT32_MAX;
    } else {
        buf_t at = buf_on(length, 4);
        buf_u32(&at, (uint32_t)(q->bytes.len - before - 4));
        q->count++;
    }
    pthread_cond_signal(&c->filled);
    pthread_mutex_unlock(&c->lock);
}

/* ---- life ---- */

static err_t client_start(ledger_client_t *c, const char *path, unsigned self_room)
{
    pthread_condattr_t mono;
    slice_t text = slice_cstr_in(path);
    ENSURE(text.len && text.len < sizeof c->path, ERR_LIMIT);
    memcpy(c->path, text.ptr, text.len);
    c->message = malloc(WIRE_MAX_BYTES);
    for (size_t i = 0; i < BASE_COUNT(c->bufs); i++) {
        uint8_t *mem = malloc(QUEUE_BYTES);
        c->bufs[i].bytes = buf_on(mem, mem ? QUEUE_BYTES : 0);
    }
    ENSURE(c->message && c->bufs[0].bytes.ptr && c->bufs[1].bytes.ptr, ERR_MEMORY);
    c->filling = &c->bufs[0];
    wire_client_init(&c->wire, &(wire_client_conf_t){.path = {c->path},
                                                     .self = (room_id_t)self_room,
                                                     .peer = ROOM_LEDGER,
                                                     .api_version = LEDGER_API_VERSION,
                                                     .max_conns = CLIENT_CONNS});
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&c->filled, &mono);
    pthread_cond_init(&c->drained, &mono);
    pthread_condattr_destroy(&mono);
    int failed = pthread_create(&c->thread, NULL, queue_thread, c);
    if (failed) {
        wire_client_deinit(&c->wire);
        return FAIL_SYS(ERR_MEMORY, failed);
    }
    return OK;
}

static void client_release(ledger_client_t *c)
{
    for (size_t i = 0; i < BASE_COUNT(c->bufs); i++) {
        free(c->bufs[i].bytes.ptr);
    }
    free(c->message);
    free(c);
}

err_t ledger_client_new(const char *path, unsigned self_room, ledger_client_t **ret_client)
{
    ledger_client_t *c = calloc(1, sizeof *c);
    ENSURE(c, ERR_MEMORY);
    err_t e = client_start(c, path, self_room);
    if (err_failed(e)) {
        client_release(c);
        return e;
    }
    *ret_client = c;
    return OK;
}

static bool queue_empty(const ledger_client_t *c)
{
    return !c->sending && !c->filling->count && !c->filling->lost;
}

void ledger_client_free(ledger_client_t *c)
{
    if (!c) {
        return;
    }
    deadline_t until = deadline_in_ms(CLIENT_DRAIN_MS);
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->filled);
    while (!queue_empty(c) && deadline_left_ms(until) > 0) {
        cond_wait_ms(&c->drained, &c->lock, deadline_left_ms(until));
    }
    c->give_up = true;
    pthread_cond_broadcast(&c->filled);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    wire_client_deinit(&c->wire);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->filled);
    pthread_cond_destroy(&c->drained);
    client_release(c);
}

/* ---- questions ---- */

static err_t ask_entries(ledger_client_t *c, slice_t request, int64_t wait, buf_t *answer,
                         size_t cap, uint64_t *ret_next, ledger_entry_t *ret_entries, size_t *ret_n)
{
    cursor_t body;
    TRY(wire_client_ask(&c->wire, request, wait, answer, LEDGER_ENTRIES, &body));
    uint64_t next = cur_u64(&body);
    size_t n = cur_u16(&body);
    for (size_t i = 0; i < n && !body.bad; i++) {
        ledger_entry_t e = ledger_entry_get(&body);
        if (i < cap) {
            ret_entries[i] = e;
        } else if (i == cap) {
            next = e.seq; /* the caller has no room: it asks again from here */
        }
    }
    WIRE_CLIENT_END(&body);
    *ret_next = next;
    *ret_n = n < cap ? n : cap;
    return OK;
}

err_t ledger_tail(ledger_client_t *c, uint64_t *io_from, uint32_t max, uint32_t wait, uint8_t *mem,
                  size_t mem_len, ledger_entry_t *ret_entries, size_t cap, size_t *ret_n)
{
    uint8_t head[MESSAGE_HEAD + 16];
    buf_t request = BUF_ON_ARRAY(head), answer = buf_on(mem, mem_len);
    wire_begin(&request, LEDGER_TAIL);
    buf_u64(&request, *io_from);
    buf_u32(&request, max < cap ? max : (uint32_t)cap);
    buf_u32(&request, wait);
    return ask_entries(c, buf_slice(&request), (int64_t)wait + ASK_WAIT_MS, &answer, cap, io_from,
                       ret_entries, ret_n);
}

/* ledgerd looks at a bounded number of bundles for one message, so an answer may be empty and not
 * the end. */
err_t ledger_find(ledger_client_t *c, ledger_find_t which, id128_t id, uint64_t *io_from,
                  uint8_t *mem, size_t mem_len, ledger_entry_t *ret_entries, size_t cap,
                  size_t *ret_n)
{
    uint64_t from = *io_from;
    do {
        uint8_t head[MESSAGE_HEAD + 32];
        buf_t request = BUF_ON_ARRAY(head), answer = buf_on(mem, mem_len);
        wire_begin(&request, LEDGER_FIND);
        buf_u8(&request, (uint8_t)which);
        buf_put(&request, id_slice(&id));
        buf_u64(&request, from);
        TRY(ask_entries(c, buf_slice(&request), ASK_WAIT_MS, &answer, cap, &from, ret_entries,
                        ret_n));
    } while (from && *ret_n == 0);
    *io_from = from;
    return OK;
}

err_t ledger_status(ledger_client_t *c, ledger_status_t *ret_status)
{
    uint8_t head[MESSAGE_HEAD], mem[512];
    buf_t request = BUF_ON_ARRAY(head), answer = BUF_ON_ARRAY(mem);
    cursor_t body;
    wire_begin(&request, LEDGER_STATUS);
    TRY(wire_client_ask(&c->wire, buf_slice(&request), ASK_WAIT_MS, &answer, LEDGER_STATUS_OK,
                        &body));
    ledger_status_t status = ledger_status_get(&body);
    WIRE_CLIENT_END(&body);
    *ret_status = status;
    return OK;
}

err_t ledger_holds(ledger_client_t *c, uint8_t *mem, size_t mem_len, ledger_entry_t *ret_entries,
                   size_t cap, size_t *ret_n)
{
    uint8_t head[MESSAGE_HEAD];
    buf_t request = BUF_ON_ARRAY(head), answer = buf_on(mem, mem_len);
    uint64_t next;
    wire_begin(&request, LEDGER_HOLDS);
    return ask_entries(c, buf_slice(&request), ASK_WAIT_MS, &answer, cap, &next, ret_entries,
                       ret_n);
}
