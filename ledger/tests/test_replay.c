/* A run of ledgerd is recorded, every write and every flush; then the plug is pulled at each flush,
 * before the disk had answered: everything may have been written, the last write in half, or only
 * what earlier flushes made safe. From each of these a real ledgerd starts, and ledger-verify
 * looks: whatever was acknowledged before is there, at its number; nothing is there that was never
 * sent.
 *
 * That the plug is pulled where it hurts is checked as well: the record that the flush was for must
 * be gone sometimes, so an acknowledgement sent before its flush would be found.
 *
 * LEDGER_REPLAY_FLUSHES sets at how many flushes, evenly spread (24); 0: at every one. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/disk.h"
#include "tests/house.h"

enum { RECORDS = 600, SEQ_MAX = 4096, CLIENTS = 3, DEFAULT_FLUSHES = 24 };

static id128_t sent[SEQ_MAX];   /* what the whole run holds: the request of each record */
static bool by_client[SEQ_MAX]; /* by a client, not by ledgerd */
static uint64_t sent_end;
static bool acked[SEQ_MAX];
static uint64_t acked_count;
static uint64_t next_seq;  /* the first that is acknowledged after this flush */
static uint64_t next_lost; /* how often it was not there */

/* ---- recording ---- */

static void clients_run(const house_t *h)
{
    pid_t pids[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            ledger_client_t *c = house_client(h, ROOM_TEST);
            for (unsigned n = 0; n < RECORDS / CLIENTS; n++) {
                uint64_t seq;
                CHECK(!err_failed(house_append(c, id_new(), &seq)));
            }
            _exit(0);
        }
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
}

static void learn(void *ctx, const vleaf_t *leaf, bool sealed)
{
    CHECK(leaf->seq < SEQ_MAX);
    by_client[leaf->seq] = leaf->room == ROOM_TEST;
    if (by_client[leaf->seq]) {
        CHECK(leaf->value[0x10].len == ID_BYTES);
        sent[leaf->seq] = id_from_bytes(leaf->value[0x10].ptr);
    }
    sent_end = leaf->seq + 1;
}

static trace_t *trace_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, TRACE_BYTES) == 0);
    trace_t *t = mmap(NULL, TRACE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(t != MAP_FAILED);
    close(fd);
    return t;
}

/* The disk as it was before ledgerd came, and all that it did. */
static disk_t *record(house_t *h, trace_t **ret_trace)
{
    static report_t report;
    char path[128];
    house_init(h, NULL);
    house_small(h);
    snprintf(path, sizeof path, "%s/trace", h->tmp.path);
    *ret_trace = trace_map(path);
    CHECK(setenv("LEDGER_TRACE", path, 1) == 0);
    h->preload = true;
    disk_t *disk = disk_new(h->var);
    CHECK(house_start(h));
    clients_run(h);
    CHECK(house_stop(h) == 0);
    CHECK(unsetenv("LEDGER_TRACE") == 0);
    verify_ask_t ask = {
        .dir = h->ledger, .each = learn, .mac_key_files = {h->mac_key}, .mac_key_count = 1};
    verify_run(&ask, &report);
    CHECK(report.verdict == VERDICT_OK && sent_end > RECORDS && report.segments >= 2);
    CHECK(!(*ret_trace)->full);
    return disk;
}

/* ---- pulling the plug ---- */

typedef struct seen {
    uint64_t acked_there, phantoms;
    bool next_there;
} seen_t;

static void look(void *ctx, const vleaf_t *leaf, bool sealed)
{
    seen_t *s = ctx;
    slice_t request = leaf->value[0x10];
    bool same = leaf->seq < sent_end && by_client[leaf->seq] && request.len == ID_BYTES &&
                id_eq(id_from_bytes(request.ptr), sent[leaf->seq]);
    s->phantoms += leaf->room == ROOM_TEST && !same;
    s->acked_there += leaf->seq < SEQ_MAX && acked[leaf->seq] && same;
    s->next_there = s->next_there || (same && leaf->seq == next_seq);
}

static int complain(const report_t *r, uint64_t flush, disk_left_t left, const char *what)
{
    static const char *const LEFT[] = {"all was written", "the last write is torn",
                                       "only what was flushed"};
    printf("FAIL at flush %llu, %s: %s; leaf %lld: %s\n", (unsigned long long)flush, LEFT[left],
           what, r->fault_count ? (long long)r->faults[0].leaf : -1,
           r->fault_count ? r->faults[0].text : "");
    return 1;
}

/* The house that stands on what was left. */
static void rebuild(house_t *r, const house_t *h, const disk_t *disk, disk_left_t left)
{
    *r = (house_t){.tmp = tmpdir_make()};
    snprintf(r->var, sizeof r->var, "%s/var", r->tmp.path);
    snprintf(r->ledger, sizeof r->ledger, "%s/ledger", r->var);
    snprintf(r->socket, sizeof r->socket, "%s/run/ledger.sock", r->var);
    memcpy(r->mac_key, h->mac_key, sizeof r->mac_key);
    r->shim = MAP_FAILED;
    CHECK(mkdir(r->var, 0755) == 0);
    disk_leave(disk, left, r->var);
}

static int try_one(const house_t *h, const disk_t *disk, disk_left_t left, uint64_t flush)
{
    static report_t report;
    seen_t seen = {0};
    house_t r;
    int result = 0;
    rebuild(&r, h, disk, left);
    report = (report_t){0};
    if (access(in_dir(r.ledger, "public/checkpoint"), F_OK) == 0 &&
        house_verify(&r, &report) == VERDICT_TAMPERED) {
        result = complain(&report, flush, left, "a crash looks like tampering");
    } else if (!house_start(&r)) {
        result = complain(&report, flush, left, "ledgerd does not start");
    } else if (house_stop(&r) != 0) {
        result = complain(&report, flush, left, "ledgerd does not stop");
    } else {
        verify_ask_t ask = {.dir = r.ledger,
                            .each = look,
                            .ctx = &seen,
                            .mac_key_files = {r.mac_key},
                            .mac_key_count = 1};
        verify_run(&ask, &report);
        result = report.verdict != VERDICT_OK ? complain(&report, flush, left, "not verified")
                 : seen.phantoms              ? complain(&report, flush, left, "never sent")
                 : seen.acked_there != acked_count
                     ? complain(&report, flush, left, "acknowledged records are missing")
                     : 0;
        next_lost += left == DISK_SYNCED && next_seq < sent_end && !seen.next_there;
    }
    tmpdir_remove(&r.tmp);
    return result;
}

static bool is_flush(const trace_op_t *op)
{
    return op->kind == TRACE_DATA || op->kind == TRACE_SYNC || op->kind == TRACE_SYNC_ALL;
}

static void take_ack(const trace_op_t *op)
{
    uint64_t seq = op->at;
    for (uint64_t left = op->ino; left; seq++) { /* records of ledgerd's own may stand between */
        CHECK(seq < sent_end);
        if (by_client[seq]) {
            acked_count += !acked[seq];
            acked[seq] = true;
            left--;
        }
    }
}

static uint64_t next_ack(const trace_t *t, uint64_t at)
{
    while (at < t->used) {
        const trace_op_t *op = (const trace_op_t *)(const void *)(t->ops + at);
        if (op->kind == TRACE_ACK) {
            return op->at;
        }
        at += trace_step(op);
    }
    return UINT64_MAX;
}

static uint64_t flushes_in(const trace_t *t)
{
    uint64_t n = 0;
    for (uint64_t at = 0; at < t->used;) {
        const trace_op_t *op = (const trace_op_t *)(const void *)(t->ops + at);
        n += is_flush(op);
        at += trace_step(op);
    }
    return n;
}

int main(int argc, char **argv)
{
    house_t house;
    trace_t *trace;
    uint64_t wanted = DEFAULT_FLUSHES, flush = 0, tried = 0;
    int result = 0;
    const char *given = getenv("LEDGER_REPLAY_FLUSHES");
    CHECK(argc == 3 &&
          (!given || !err_failed(slice_parse_u64(slice_cstr_in(given), 1000000, &wanted))));
    house_programs(argv[1], argv[2]);
    disk_t *disk = record(&house, &trace);
    uint64_t all = flushes_in(trace), step = wanted && wanted < all ? all / wanted : 1;
    for (uint64_t at = 0; at < trace->used && !result;) {
        const trace_op_t *op = (const trace_op_t *)(const void *)(trace->ops + at);
        bool here = is_flush(op) && flush++ % step == 0;
        next_seq = here ? next_ack(trace, at) : 0;
        for (unsigned left = DISK_ALL; here && left <= DISK_SYNCED && !result; left++, tried++) {
            result = try_one(&house, disk, (disk_left_t)left, flush);
        }
        if (op->kind == TRACE_ACK) {
            take_ack(op);
        }
        disk_play(disk, op);
        at += trace_step(op);
    }
    printf("%llu of %llu flushes of a run of %llu records, %llu of them acknowledged: the plug "
           "pulled %llu times\n",
           (unsigned long long)((all + step - 1) / step), (unsigned long long)all,
           (unsigned long long)sent_end, (unsigned long long)acked_count,
           (unsigned long long)tried);
    CHECK(result || (acked_count == RECORDS && next_lost > 0));
    disk_free(disk);
    munmap(trace, TRACE_BYTES);
    house_deinit(&house);
    return result;
}
