/* Records under trouble: ledgerd absent, standing still, killed, refusing; the ring full; nginx
 * reloaded, stopped, a worker killed. Nothing acknowledged is lost, and what is lost is told. */
#include "front.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEEN_MAX = 40000, WINDOW = 32, RING_SLOTS = 4096 };

/* What the record holds: ids of requests, and how often something else was said. */
typedef struct tally {
    id128_t seen[SEEN_MAX];
    size_t requests, unique;
    uint64_t gap, gap_died, alarms, starts, stops;
} tally_t;

static tally_t tally;

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

static void count_entry(void *user, const ledger_entry_t *e)
{
    tally_t *t = user;
    slice_t facts = e->rec.facts;
    if (e->rec.type == LEDGER_HTTP_REQUEST) {
        assert_true(t->requests < SEEN_MAX);
        t->seen[t->requests++] = e->rec.request;
    } else if (e->rec.type == LEDGER_GAP && e->room == ROOM_GUARD) {
        bool died = slice_find(facts, SLICE("died")) != SIZE_MAX;
        *(died ? &t->gap_died : &t->gap) += e->rec.count;
    } else if (e->rec.type == LEDGER_ALARM) {
        t->alarms++;
    } else if (e->room == ROOM_GUARD) {
        t->starts += e->rec.type == LEDGER_ROOM_START;
        t->stops += e->rec.type == LEDGER_ROOM_STOP;
    }
}

static void count_unique(tally_t *t)
{
    qsort(t->seen, t->requests, sizeof t->seen[0], by_id);
    t->unique = t->requests > 0;
    for (size_t i = 1; i < t->requests; i++) {
        t->unique += memcmp(&t->seen[i], &t->seen[i - 1], ID_BYTES) != 0;
    }
}

/* Reads the record until it tells of `want` requests, recorded or lost; at most 20 s. */
static void settle(front_t *f, size_t want)
{
    for (int i = 0; i < 100; i++) {
        front_tail(f, count_entry, &tally);
        count_unique(&tally);
        if (tally.unique + tally.gap >= want) {
            break;
        }
    }
    while (front_tail(f, count_entry, &tally) > 0) {
    }
    count_unique(&tally);
    if (tally.unique + tally.gap != want) {
        fail_msg("%zu recorded (%zu with doubles), %llu in gaps, want %zu", tally.unique,
                 tally.requests, (unsigned long long)tally.gap, want);
    }
}

/* n requests that the guard answers itself, on one connection, WINDOW at a time. A connection that
 * the other side ends between two answers (reload) goes on with a new one. Returns how many were
 * answered. */
static size_t load_telling(const front_t *f, size_t n, size_t *progress)
{
    static const char REQUEST[] = "GET /load HTTP/1.1\r\nHost: other.example\r\n\r\n";
    size_t answered = 0;
    int fd = front_dial(f);
    while (answered < n) {
        size_t window = n - answered < WINDOW ? n - answered : WINDOW, heard = 0;
        for (size_t i = 0; i < window; i++) {
            front_say(fd, slice_make(REQUEST, sizeof REQUEST - 1));
        }
        for (; heard < window; heard++) {
            answer_t a = front_hear(fd, false);
            int status = a.status;
            answer_free(&a);
            if (status == 0) {
                break;
            }
            assert_int_equal(status, 421);
        }
        answered += heard;
        if (progress) {
            __atomic_fetch_add(progress, heard, __ATOMIC_RELAXED);
        }
        if (heard < window) {
            close(fd);
            fd = front_dial(f);
        }
    }
    close(fd);
    return answered;
}

static size_t load(const front_t *f, size_t n)
{
    return load_telling(f, n, NULL);
}

typedef struct loader {
    const front_t *f;
    size_t n, answered; /* answered grows while it runs */
    pthread_t thread;
} loader_t;

static void *loader_run(void *arg)
{
    loader_t *l = arg;
    load_telling(l->f, l->n, &l->answered);
    return NULL;
}

static loader_t *loader_start(const front_t *f, size_t n)
{
    loader_t *l = calloc(1, sizeof *l);
    CHECK(l);
    *l = (loader_t){.f = f, .n = n};
    CHECK(pthread_create(&l->thread, NULL, loader_run, l) == 0);
    return l;
}

/* Waits until both together have had so many answers. */
static void loaders_wait(const loader_t *a, const loader_t *b, size_t answered)
{
    while (__atomic_load_n(&a->answered, __ATOMIC_RELAXED) +
               __atomic_load_n(&b->answered, __ATOMIC_RELAXED) <
           answered) {
        usleep(1000);
    }
}

static size_t loader_join(loader_t *l)
{
    pthread_join(l->thread, NULL);
    size_t answered = l->answered;
    free(l);
    return answered;
}

static void begin(front_t *f, unsigned workers)
{
    tally = (tally_t){0};
    front_init(f, workers, NULL);
}

static void absent_at_start(void **state)
{
    front_t f;
    begin(&f, 1);
    front_nginx(&f);
    load(&f, 300);
    front_ledgerd(&f);
    settle(&f, 300);
    assert_int_equal(tally.requests, 300);
    assert_int_equal(tally.gap, 0);
    assert_int_equal(tally.starts, 1);
    front_deinit(&f);
}

/* ledgerd stands still: requests go on, the ring fills, the rest is counted and told. */
static void standing_still(void **state)
{
    enum { N = RING_SLOTS + 1500 };
    front_t f;
    begin(&f, 1);
    front_ledgerd(&f);
    front_nginx(&f);
    load(&f, 100);
    settle(&f, 100);
    kill(f.ledgerd, SIGSTOP);
    assert_int_equal(load(&f, N), N);
    kill(f.ledgerd, SIGCONT);
    settle(&f, 100 + N);
    assert_true(tally.gap >= 1500);
    assert_int_equal(tally.requests, tally.unique); /* nothing was sent twice */
    load(&f, 50);
    settle(&f, 150 + N);
    front_deinit(&f);
}

/* Killed and started again while requests come in. All of them fit into one worker's ring, so that
 * however slowly ledgerd comes back nothing may be lost: a full ring is `standing_still`. */
static void killed_under_load(void **state)
{
    enum { N = RING_SLOTS / 2 - 48 };
    front_t f;
    begin(&f, 2);
    front_ledgerd(&f);
    front_nginx(&f);
    loader_t *one = loader_start(&f, N), *two = loader_start(&f, N);
    for (size_t i = 1; i <= 3; i++) {
        loaders_wait(one, two, i * N / 2);
        front_ledgerd_kill(&f);
        usleep(100000);
        front_ledgerd(&f);
    }
    size_t answered = loader_join(one) + loader_join(two);
    settle(&f, answered);
    assert_int_equal(tally.gap, 0);
    front_deinit(&f);
}

/* Stopped in order right after the last answer: all is handed over. */
static void stopped_in_order(void **state)
{
    front_t f;
    begin(&f, 2);
    front_ledgerd(&f);
    front_nginx(&f);
    size_t answered = load(&f, 1000);
    front_nginx_stop(&f, SIGQUIT);
    settle(&f, answered);
    assert_int_equal(tally.gap, 0);
    assert_int_equal(tally.starts, 1);
    assert_int_equal(tally.stops, 1);
    assert_false(front_file_has(f.log, "left in connection"));
    assert_false(front_file_has(f.log, "handed over"));
    front_deinit(&f);
}

/* Stopped without a ledger: what is lost stands in the log. */
static void stopped_without_ledger(void **state)
{
    front_t f;
    begin(&f, 1);
    front_nginx(&f);
    load(&f, 10);
    front_nginx_stop(&f, SIGTERM);
    assert_true(front_file_has(f.log, "sekisho: 12 records could not be handed over"));
    front_deinit(&f);
}

static void reload(front_t *f)
{
    pid_t old[8], now[8];
    size_t n = front_workers(f, old, 8), gone = 0;
    kill(f->nginx, SIGHUP);
    for (int i = 0; i < 1000 && gone < n; i++) {
        usleep(10000);
        size_t m = front_workers(f, now, 8);
        gone = n;
        for (size_t k = 0; k < m * n; k++) {
            gone -= now[k / n] == old[k % n];
        }
        gone = m >= f->workers ? gone : 0;
    }
    assert_int_equal(gone, n);
}

/* A new configuration under load: old workers hand over and leave, new ones go on. */
static void reloaded_under_load(void **state)
{
    front_t f;
    begin(&f, 2);
    front_ledgerd(&f);
    front_nginx(&f);
    loader_t *one = loader_start(&f, 3000), *two = loader_start(&f, 3000);
    for (int i = 0; i < 3; i++) {
        usleep(100000);
        reload(&f);
    }
    size_t answered = loader_join(one) + loader_join(two);
    front_nginx_stop(&f, SIGQUIT);
    /* a request of ours that was cut off may be recorded without having been answered */
    for (int i = 0; i < 100 && tally.unique < answered; i++) {
        front_tail(&f, count_entry, &tally);
        count_unique(&tally);
    }
    assert_true(tally.unique >= answered);
    assert_int_equal(tally.gap, 0);
    assert_int_equal(tally.gap_died, 0);
    assert_int_equal(tally.alarms, 0);
    assert_false(front_file_has(f.log, "left in connection"));
    front_deinit(&f);
}

/* A reload while the ledger is away: the old worker cannot hand over; a later one tells how much.
 */
static void reloaded_without_ledger(void **state)
{
    front_t f;
    begin(&f, 1);
    front_nginx(&f);
    load(&f, 40);
    reload(&f);
    front_ledgerd(&f);
    load(&f, 5);
    settle(&f, 40 + 2 + 5); /* with the old worker's ROOM_START and ROOM_STOP */
    assert_int_equal(tally.gap, 42);
    assert_int_equal(tally.unique, 5);
    front_deinit(&f);
}

/* A worker is killed: its finished records go out by its successor, and the request that it was
 * about to answer is counted. */
static void a_worker_is_killed(void **state)
{
    uint8_t mem[512];
    pid_t pids[8];
    front_t f;
    begin(&f, 1);
    front_rooms(&f);
    front_ledgerd(&f);
    front_nginx(&f);
    kill(f.ledgerd, SIGSTOP);
    size_t answered = load(&f, 500);
    int fd = front_dial(&f);
    buf_t out = BUF_ON_ARRAY(mem);
    front_request(&out, &f, "GET", "/slow", "", SLICE_EMPTY);
    front_say(fd, buf_slice(&out));
    for (int i = 0; i < 500 && room_waiting(&f.shop) == 0; i++) {
        usleep(5000);
    }
    assert_int_equal(room_waiting(&f.shop), 1);
    assert_int_equal(front_workers(&f, pids, 8), 1);
    kill(pids[0], SIGKILL);
    kill(f.ledgerd, SIGCONT);
    assert_true(front_closed(fd));
    close(fd);
    load(&f, 10);
    settle(&f, answered + 10);
    assert_int_equal(tally.gap, 0);
    assert_int_equal(tally.gap_died, 1);
    assert_int_equal(tally.alarms, 1);
    front_deinit(&f);
}

/* The master is killed outright: its workers hand over and leave, and another can take the port. */
static void the_master_is_killed(void **state)
{
    pid_t pids[8];
    front_t f;
    begin(&f, 2);
    front_ledgerd(&f);
    front_nginx(&f);
    size_t n = front_workers(&f, pids, 8), answered = load(&f, 100);
    front_nginx_stop(&f, SIGKILL);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 1000 && kill(pids[i], 0) == 0; k++) {
            usleep(10000);
        }
        assert_int_equal(kill(pids[i], 0), -1);
    }
    settle(&f, answered);
    assert_int_equal(tally.gap, 0);
    front_nginx(&f);
    load(&f, 10);
    settle(&f, answered + 10);
    front_deinit(&f);
}

/* ---- a ledger that refuses (its disk is full) ---- */

typedef struct refuser {
    int listen_fd;
    unsigned refuse; /* so many messages */
    size_t refused, records, sessions;
    bool stop;
    id128_t first_refused, first_taken; /* requests of the first records */
    pthread_t thread;
} refuser_t;

static void refuser_message(refuser_t *r, int fd, slice_t message)
{
    uint8_t mem[256];
    uint16_t kind, n;
    cursor_t body;
    buf_t out = BUF_ON_ARRAY(mem);
    assert_ok(wire_open(message, &kind, &body));
    if (kind == WIRE_HELLO) {
        wire_put_hello_ok(&out, ROOM_LEDGER, LEDGER_API_VERSION);
    } else {
        (void)cur_u8(&body);
        n = cur_u16(&body);
        ledger_record_t rec = {0};
        for (uint16_t i = 0; i < n; i++) {
            rec = ledger_record_get(&body);
            id128_t *first = r->refused < r->refuse ? &r->first_refused : &r->first_taken;
            if (id_is_zero(*first)) {
                *first = rec.request;
            }
        }
        assert_ok(cur_end(&body));
        if (r->refused < r->refuse) {
            r->refused++;
            wire_put_error(&out, FAIL(ERR_NOT_RECORDED), "no space");
        } else {
            wire_begin(&out, LEDGER_ACK);
            buf_u64(&out, 0);
            buf_u16(&out, n);
            __atomic_fetch_add(&r->records, n, __ATOMIC_RELAXED);
        }
    }
    (void)!send(fd, out.ptr, out.len, MSG_NOSIGNAL);
}

static void *refuser_run(void *arg)
{
    static uint8_t mem[WIRE_MAX_BYTES];
    refuser_t *r = arg;
    while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
        struct pollfd p = {.fd = r->listen_fd, .events = POLLIN};
        int fd = poll(&p, 1, 20) == 1 ? accept(r->listen_fd, NULL, NULL) : -1;
        r->sessions += fd >= 0;
        while (fd >= 0) {
            ssize_t n = recv(fd, mem, sizeof mem, 0);
            if (n <= 0) {
                break;
            }
            refuser_message(r, fd, slice_make(mem, (size_t)n));
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return NULL;
}

static void refused_and_tried_again(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    refuser_t r = {.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .refuse = 2};
    front_t f;
    begin(&f, 1);
    snprintf(at.sun_path, sizeof at.sun_path, "%.100s", f.ledger_sock);
    assert_true(bind(r.listen_fd, (struct sockaddr *)&at, sizeof at) == 0);
    assert_true(listen(r.listen_fd, 8) == 0);
    assert_true(pthread_create(&r.thread, NULL, refuser_run, &r) == 0);
    front_nginx(&f);
    load(&f, 200);
    for (int i = 0; i < 1000 && __atomic_load_n(&r.records, __ATOMIC_RELAXED) < 201; i++) {
        usleep(10000);
    }
    front_nginx_stop(&f, SIGQUIT);
    __atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
    pthread_join(r.thread, NULL);
    close(r.listen_fd);
    front_deinit(&f);
    assert_int_equal(r.refused, 2);
    assert_int_equal(r.records, 202); /* ROOM_START, 200 requests, ROOM_STOP, each once */
    assert_true(r.sessions >= 3);
    assert_true(id_eq(r.first_refused, r.first_taken)); /* the same records, in order */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_at_start),         cmocka_unit_test(standing_still),
        cmocka_unit_test(killed_under_load),       cmocka_unit_test(stopped_in_order),
        cmocka_unit_test(stopped_without_ledger),  cmocka_unit_test(reloaded_under_load),
        cmocka_unit_test(reloaded_without_ledger), cmocka_unit_test(a_worker_is_killed),
        cmocka_unit_test(the_master_is_killed),    cmocka_unit_test(refused_and_tried_again),
    };
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
