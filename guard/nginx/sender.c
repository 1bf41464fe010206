/* The records' way to ledgerd: one connection a worker; a batch goes out when there are many or
 * after 100 ms; several batches may be under way; what was sent stays in the ring until ledgerd has
 * acknowledged it. When the ring is full the newest are counted, and a GAP record says how many
 * (law 4). Everything here is non-blocking but the last try at the worker's end.
 *
 * There is no time limit on an acknowledgement: nothing waits for it, and asking again would store
 * records twice. While ledgerd stands still the ring fills, and then counts. */
#include "ring.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SENDER_FLUSH_MS = 100,
    SENDER_RETRY_MS = 1000,
    SENDER_MANY = 64, /* flush at once */
    SENDER_PIPE = 8,  /* batches under way */
    SENDER_STATIC_MS = 60000,
    SENDER_LAST_MS = 500,
};

typedef enum link_state { LINK_DOWN, LINK_HELLO, LINK_UP } link_state_t;

typedef struct batch {
    size_t records;   /* of the ring's oldest; 0: evidence */
    uint64_t kept_to; /* evidence up to here */
} batch_t;

typedef struct sender {
    ngx_log_t *log;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    ngx_connection_t *c;
    link_state_t link;
    ngx_msec_t retry_at;
    ngx_event_t flush_timer, static_timer;
    ring_t *ring;               /* NULL: no record is kept (no ledger configured) */
    batch_t batch[SENDER_PIPE]; /* each message under way, oldest first */
    size_t batches;
    size_t sent;        /* of the ring's oldest: under way */
    uint64_t kept_sent; /* evidence up to here is under way */
    bool stopping;
} sender_t;

static sender_t sender;

static size_t unsent(void)
{
    return guard_ring_count(sender.ring) - sender.sent;
}

static bool kept_waits(void)
{
    return sender.ring->kept.next != sender.kept_sent;
}

/* Anything that ledgerd has not acknowledged. */
static bool is_pending(void)
{
    return guard_ring_count(sender.ring) || sender.ring->kept.first != sender.ring->kept.next;
}

static void link_drop(void)
{
    if (sender.c) {
        ngx_close_connection(sender.c);
    }
    sender.c = NULL;
    sender.link = LINK_DOWN;
    sender.batches = 0;
    sender.sent = 0; /* will be sent again: ledgerd may hold some twice, never none */
    sender.kept_sent = sender.ring ? sender.ring->kept.first : 0;
    sender.retry_at = ngx_current_msec + SENDER_RETRY_MS;
}

/* Puts the oldest unsent records into one APPEND message; returns how many. */
static size_t batch_put(buf_t *out)
{
    size_t n = 0, max = unsent();
    wire_begin(out, LEDGER_APPEND);
    buf_u8(out, 0);
    uint8_t *at = buf_room(out, 2);
    while (n < max && n < LEDGER_BATCH_MAX) {
        const ring_slot_t *slot = guard_ring_at(sender.ring, sender.sent + n);
        if (slot->len > out->cap - out->len) {
            break;
        }
        buf_put(out, slice_make(slot->bytes, slot->len));
        n++;
    }
    at[0] = (uint8_t)(n & 0xff);
    at[1] = (uint8_t)(n >> 8);
    return n;
}

/* The same with evidence; returns the place behind it. */
static uint64_t kept_batch_put(buf_t *out)
{
    size_t n = 0;
    uint64_t at = sender.kept_sent, behind;
    wire_begin(out, LEDGER_APPEND);
    buf_u8(out, 0);
    uint8_t *count = buf_room(out, 2);
    for (; n < LEDGER_BATCH_MAX; n++) {
        slice_t one = guard_kept_at(&sender.ring->kept, at, &behind);
        if (one.len == 0 || one.len > out->cap - out->len) {
            break;
        }
        buf_put(out, one);
        at = behind;
    }
    count[0] = (uint8_t)(n & 0xff);
    count[1] = (uint8_t)(n >> 8);
    return at;
}

/* False when nothing more can go out now. Evidence goes when no record waits. */
static bool batch_send(void)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    if (sender.link != LINK_UP || sender.batches == SENDER_PIPE ||
        (unsent() == 0 && !kept_waits())) {
        return false;
    }
    buf_t out = BUF_ON_ARRAY(mem);
    batch_t batch = {.kept_to = sender.kept_sent};
    if (unsent()) {
        batch.records = batch_put(&out);
    } else {
        batch.kept_to = kept_batch_put(&out);
    }
    ssize_t sent = send(sender.c->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)out.len) {
        sender.batch[sender.batches++] = batch;
        sender.sent += batch.records;
        sender.kept_sent = batch.kept_to;
        return true;
    }
    if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
        link_drop();
    }
    return false;
}

static void flush(void)
{
    while (batch_send()) {
    }
}

static void timer_start(ngx_event_t *ev, ngx_msec_t ms)
{
    if (!ev->timer_set && !sender.stopping) {
        ngx_add_timer(ev, ms);
    }
}

/* What was lost before this record stands before it. */
static void gap_put(uint32_t count, const char *why)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "why", slice_cstr_in(why));
    if (!guard_ring_put(
            sender.ring,
            &(ledger_record_t){.type = LEDGER_GAP, .count = count, .facts = buf_slice(&facts)})) {
        sender.ring->lost += count;
    }
}

/* The requests themselves are on record; what was not kept is their bytes. */
static void kept_gaps_note(void)
{
    static const char *const WHY[KEPT_LOSSES] = {"evidence without keys", "evidence over its share",
                                                 "evidence over its address's share",
                                                 "evidence queue full", "evidence not made"};
    for (size_t i = 0; i < KEPT_LOSSES; i++) {
        uint32_t lost = sender.ring->kept.lost[i];
        if (lost && guard_ring_count(sender.ring) < RING_SLOTS) {
            sender.ring->kept.lost[i] = 0;
            gap_put(lost, WHY[i]);
        }
    }
}

static void gaps_note(void)
{
    uint32_t lost = sender.ring->lost, orphans = guard_ring_orphans();
    if (lost && guard_ring_count(sender.ring) < RING_SLOTS) {
        sender.ring->lost = 0;
        gap_put(lost, "guard ring full");
    }
    if (orphans) {
        gap_put(orphans, "guard worker left");
    }
    kept_gaps_note();
}

static void acknowledged(void)
{
    batch_t batch = sender.batch[0];
    memmove(sender.batch, sender.batch + 1, --sender.batches * sizeof sender.batch[0]);
    if (batch.records) {
        guard_ring_drop(sender.ring, batch.records);
        sender.sent -= batch.records;
    } else {
        ngx_memory_barrier();
        sender.ring->kept.first = batch.kept_to;
    }
    gaps_note();
}

/* One message of ledgerd: the hello's answer, an acknowledgement, or an error. */
static void answer_take(slice_t message)
{
    uint16_t kind;
    cursor_t body;
    if (sender.link == LINK_HELLO) {
        if (err_failed(wire_check_hello_ok(message, ROOM_LEDGER, LEDGER_API_VERSION))) {
            link_drop();
            return;
        }
        sender.link = LINK_UP;
        return;
    }
    if (err_failed(wire_open(message, &kind, &body)) || kind != LEDGER_ACK || sender.batches == 0) {
        link_drop(); /* refused (disk full, say): keep all, try again later */
        return;
    }
    acknowledged();
}

static void on_readable(ngx_event_t *ev)
{
    uint8_t mem[1024];
    bool was_up = sender.link == LINK_UP;
    while (sender.c) {
        ssize_t n = recv(sender.c->fd, mem, sizeof mem, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n <= 0) {
            link_drop();
            break;
        }
        answer_take(slice_make(mem, (size_t)n));
    }
    if (!was_up || unsent() >= SENDER_MANY || sender.stopping) {
        flush();
    }
    if (is_pending()) {
        timer_start(&sender.flush_timer, SENDER_FLUSH_MS);
    }
}

static void on_writable(ngx_event_t *ev)
{
    flush();
}

static int socket_connect(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, sender.path, sizeof at.sun_path);
    union {
        const struct sockaddr_un *un;
        const struct sockaddr *any;
    } to = {.un = &at};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, to.any, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool hello_send(int fd)
{
    uint8_t mem[64];
    buf_t hello = BUF_ON_ARRAY(mem);
    wire_put_hello(&hello, ROOM_GUARD, LEDGER_API_VERSION);
    return send(fd, hello.ptr, hello.len, MSG_NOSIGNAL) == (ssize_t)hello.len;
}

static void link_open(void)
{
    int fd = socket_connect();
    sender.retry_at = ngx_current_msec + SENDER_RETRY_MS;
    if (fd < 0) {
        return;
    }
    if (!hello_send(fd)) {
        close(fd);
        return;
    }
    sender.c = ngx_get_connection(fd, sender.log);
    if (!sender.c) {
        close(fd);
        return;
    }
    sender.c->log = sender.log;
    sender.c->read->log = sender.c->write->log = sender.log;
    sender.c->read->handler = on_readable;
    sender.c->write->handler = on_writable;
    sender.link = LINK_HELLO;
    if (ngx_add_event(sender.c->read, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        link_drop();
    }
}

static void on_flush(ngx_event_t *ev)
{
    if (sender.link == LINK_DOWN && (ngx_msec_int_t)(ngx_current_msec - sender.retry_at) >= 0) {
        link_open();
    }
    gaps_note();
    flush();
    if (is_pending()) {
        timer_start(ev, SENDER_FLUSH_MS);
    }
}

static void static_note(void)
{
    uint32_t served = sender.ring->static_served;
    if (served) {
        sender.ring->static_served = 0;
        guard_sender_add(&(ledger_record_t){.type = LEDGER_HTTP_STATIC, .count = served});
    }
}

static void on_static_minute(ngx_event_t *ev)
{
    static_note();
}

static void timer_init(ngx_event_t *ev, ngx_event_handler_pt handler)
{
    *ev = (ngx_event_t){.handler = handler, .data = &sender, .log = sender.log};
    ev->cancelable = 1; /* does not keep a leaving worker alive */
}

/* The worker whose place this one takes was killed or crashed. Its finished records are still in
 * the ring; the requests it was about to answer have none. */
static void death_note(void)
{
    uint32_t open = sender.ring->open;
    sender.ring->open = 0;
    if (open) {
        gap_put(open, "guard worker died");
    }
    guard_sender_add(&(ledger_record_t){
        .type = LEDGER_ALARM, .count = open, .facts = SLICE("what=guard%20worker%20died")});
}

ngx_int_t guard_sender_start(ngx_cycle_t *cycle, ngx_str_t *path)
{
    bool died = false;
    ngx_memzero(&sender, sizeof sender);
    if (path->len >= sizeof sender.path) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "sekisho_ledger: path too long");
        return NGX_ERROR;
    }
    memcpy(sender.path, path->data, path->len);
    sender.log = cycle->log;
    sender.retry_at = ngx_current_msec;
    timer_init(&sender.flush_timer, on_flush);
    timer_init(&sender.static_timer, on_static_minute);
    sender.ring = guard_ring_attach(&died);
    if (!sender.ring) {
        return NGX_ERROR;
    }
    if (died) {
        death_note();
    } else if (ngx_worker == 0) {
        guard_sender_add(&(ledger_record_t){.type = LEDGER_ROOM_START});
    }
    sender.kept_sent = sender.ring->kept.first;
    if (sender.ring->static_served) {
        timer_start(&sender.static_timer, SENDER_STATIC_MS);
    }
    return NGX_OK;
}

void guard_sender_add(const ledger_record_t *record)
{
    if (!sender.ring) {
        return;
    }
    gaps_note();
    if (!guard_ring_put(sender.ring, record)) {
        sender.ring->lost++;
    }
    if (unsent() >= SENDER_MANY) {
        flush();
    }
    timer_start(&sender.flush_timer, SENDER_FLUSH_MS);
}

kept_queue_t *guard_sender_kept(void)
{
    return sender.ring ? &sender.ring->kept : NULL;
}

void guard_sender_keep(const ledger_record_t *record)
{
    if (!guard_kept_put(&sender.ring->kept, record)) {
        sender.ring->kept.lost[KEPT_QUEUE_FULL]++;
    }
    timer_start(&sender.flush_timer, SENDER_FLUSH_MS);
}

void guard_sender_count_static(void)
{
    if (sender.ring) {
        sender.ring->static_served++;
        timer_start(&sender.static_timer, SENDER_STATIC_MS);
    }
}

void guard_sender_opened(void)
{
    if (sender.ring) {
        sender.ring->open++;
    }
}

void guard_sender_closed(void)
{
    if (sender.ring && sender.ring->open) {
        sender.ring->open--;
    }
}

/* Waits for one message, at most the rest of the worker's last half second. */
static bool wait_answer(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ngx_time_update();
    int64_t left = until_ms - (int64_t)ngx_current_msec;
    return left > 0 && poll(&p, 1, (int)left) == 1;
}

static void hand_over(void)
{
    ngx_time_update();
    int64_t until_ms = (int64_t)ngx_current_msec + SENDER_LAST_MS;
    if (sender.link == LINK_DOWN) {
        link_open();
    }
    while (sender.c && is_pending()) {
        flush();
        if (!sender.c || !wait_answer(sender.c->fd, until_ms)) {
            break;
        }
        on_readable(sender.c->read);
    }
}

void guard_sender_stop(void)
{
    if (!sender.ring || sender.stopping) {
        return;
    }
    static_note();
    if (ngx_worker == 0) {
        guard_sender_add(&(ledger_record_t){.type = LEDGER_ROOM_STOP});
    }
    sender.stopping = true;
    hand_over();
    size_t left = guard_ring_count(sender.ring) + sender.ring->lost;
    if (sender.ring->kept.first != sender.ring->kept.next) {
        ngx_log_error(NGX_LOG_ERR, sender.log, 0, "sekisho: evidence could not be handed over");
    }
    if (left) {
        ngx_log_error(NGX_LOG_ERR, sender.log, 0, "sekisho: %uz records could not be handed over",
                      left);
    }
    link_drop();
    guard_ring_detach(sender.ring);
    sender.ring = NULL;
}
