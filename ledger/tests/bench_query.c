/* bench-query DIR RECORDS [ROUNDS] - grows a ledger of so many records in DIR (or takes the one
 * that is there), then asks it with a cold cache. Prints `bar ledger.query.<kind>.p95_ms` for each
 * kind of question, `bar ledger.query.p95_ms` for the mix, `bar ledger.space_ratio`, and of one
 * that it grew `bar ledger.recovery_ms`: from a cold start to ready for records.
 *
 * What is in it: records of an agency over 30 days (times by their own clock), 200,000 customers,
 * 300 actors, 20,000 addresses; one customer with 10,000 records. Questions, by turns: that
 * customer; one day; an actor in a day; an address in three days. Each gives records with inclusion
 * and completeness proved. Cold: before each question the page cache of the ledger's files is
 * dropped (posix_fadvise) and, where this may be done, the kernel's inodes and names as well
 * (drop_caches); the ledger is opened anew within the measured time. A note says what it takes
 * beyond that to write the whole answer down as signed evidence.
 *
 * Space: what the folder takes on the disk, log and index included, over what the senders said:
 * type, fields that are given, facts, as a leaf holds them, without what ledgerd adds. */
#include <dirent.h>
#include <sodium.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "keeper.h"
#include "ledger/api_evidence.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

enum {
    DAYS = 30,
    CUSTOMERS = 200000,
    ACTORS = 300,
    ADDRESSES = 20000,
    HEAVY = 10000,
    BATCH = 64,
    WIRE_BYTES = 400,
    SAMPLES_MAX = 1000
};

static const char SAID[] = "said-bytes"; /* beside the ledger, for a later run */

static note_key_t key;
static keeper_t keeper;
static clock_cell_t cell;
static uint64_t seed = 42, said_bytes;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static id128_t id_of(uint64_t kind, uint64_t n)
{
    id128_t id;
    uint64_t a = (n + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ kind << 56;
    uint64_t b = (n + kind) * UINT64_C(0xbf58476d1ce4e5b9) ^ a >> 31;
    memcpy(id.b, &a, sizeof a);
    memcpy(id.b + 8, &b, sizeof b);
    return id;
}

static size_t said(const ledger_record_t *rec)
{
    const id128_t *ids[] = {&rec->request, &rec->object, &rec->parent,
                            &rec->subject, &rec->actor,  &rec->address};
    size_t bytes =
        sizeof(uint16_t) + (rec->count ? 7 : 0) + (rec->facts.len ? 3 : 0) + rec->facts.len;
    for (size_t i = 0; i < BASE_COUNT(ids); i++) {
        bytes += id_is_zero(*ids[i]) ? 0 : 3 + ID_BYTES;
    }
    return bytes;
}

static void add(const ledger_record_t *rec, room_id_t room)
{
    uint64_t seq;
    said_bytes += said(rec);
    err_t e = keeper_add(&keeper, room, rec, 1, WIRE_BYTES, &seq);
    if (err_is(e, ERR_LIMIT)) {
        CHECK(!err_failed(keeper_flush(&keeper)));
        e = keeper_add(&keeper, room, rec, 1, WIRE_BYTES, &seq);
    }
    CHECK(!err_failed(e));
}

/* Every hundredth record or so is a reveal's; about 300 bytes each as they lie on the disk. */
static void add_one(uint64_t i, uint64_t records)
{
    static const ledger_type_t TYPES[] = {LEDGER_HTTP_REQUEST, LEDGER_HTTP_REQUEST,
                                          LEDGER_REVEAL_INTENT, LEDGER_REVEAL_OUTCOME};
    uint64_t r = rnd();
    bool heavy = i % (records / HEAVY + (records < HEAVY)) == 0;
    ledger_type_t type = TYPES[r % 4];
    ledger_record_t rec = {.type = type,
                           .request = id_of(1, i / 3),
                           .object = id_of(2, r % 1000000),
                           .actor = id_of(4, r / 7 % ACTORS),
                           .address = id_of(5, r / 11 % ADDRESSES),
                           .count = 1,
                           .facts =
                               SLICE("m=GET&h=shop.localhost&p=/bookings/:id&s=200&ms=12&in=812"
                                     "&out=9123&ua=3f2a9c01aa55d0e1&ses=77aa0192bc33de01")};
    rec.subject = heavy                         ? id_of(3, UINT32_MAX)
                  : type == LEDGER_HTTP_REQUEST ? id_zero()
                                                : id_of(3, r / 13 % CUSTOMERS);
    add(&rec, type == LEDGER_HTTP_REQUEST ? ROOM_GUARD : ROOM_VAULT);
}

static void turn(void)
{
    if (keeper_waiting(&keeper)) {
        CHECK(!err_failed(keeper_flush(&keeper)));
    }
    keeper_sealed(&keeper);
}

static void open_keeper(const char *dir)
{
    char fault[KEEPER_FAULT];
    err_t e = keeper_open(&keeper,
                          &(keeper_conf_t){.dir = {dir},
                                           .key = &key,
                                           .profile = "bench",
                                           .piece_bytes = 64 * 1024 * 1024,
                                           .gather_ms = 20},
                          fault);
    if (err_failed(e)) {
        fprintf(stderr, "%s\n", fault);
        exit(1);
    }
}

static void grow(const char *dir, uint64_t records)
{
    clock_attach(&cell);
    open_keeper(dir);
    int64_t began = clock_wait_us(), step = DAYS * CLOCK_DAY_US / (int64_t)(records / BATCH + 1);
    for (uint64_t i = 0; i < records; i++) {
        add_one(i, records);
        if (i % BATCH == BATCH - 1) {
            cell.offset_us += step; /* wall and monotonic clock alike */
        }
        if (i % 4096 == 0) {
            turn();
            while (entries_unsealed(&keeper.entries) > KEEPER_UNSEALED_MAX / 2) {
                usleep(1000);
                turn();
            }
        }
    }
    do {
        turn();
        usleep(1000);
    } while (sealer_state(keeper.sealer).signed_cp.size < keeper_size(&keeper) ||
             worker_state(keeper.worker).done < keeper_size(&keeper) / SEGMENT_LEAVES);
    keeper_close(&keeper);
    FILE *f = fopen(in_dir(dir, SAID), "w");
    CHECK(f && fprintf(f, "%llu\n", (unsigned long long)said_bytes) > 0 && fclose(f) == 0);
    printf("note %llu records grown in %.1f s\n", (unsigned long long)records,
           (double)(clock_wait_us() - began) / 1e6);
    fflush(stdout);
}

/* ---- cold ---- */

static uint64_t bytes_there;
static bool inodes_cold;

static int drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
        bytes_there += (uint64_t)st->st_blocks * 512;
    }
    return 0;
}

/* Names and inodes of the whole machine: root's to ask for. */
static bool drop_inodes(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    bool dropped = fd >= 0 && write(fd, "2\n", 2) == 2;
    if (fd >= 0) {
        close(fd);
    }
    return dropped;
}

static void drop_cache(const char *dir)
{
    bytes_there = 0;
    CHECK(nftw(dir, drop_one, 16, FTW_PHYS) == 0);
    inodes_cold = drop_inodes();
}

/* From nothing in memory to ready for records. */
static void recover(const char *dir)
{
    drop_cache(dir);
    int64_t from = clock_wait_us();
    open_keeper(dir);
    printf("bar ledger.recovery_ms %.0f ms\n", (double)(clock_wait_us() - from) / 1000.0);
    keeper_close(&keeper);
}

/* ---- questions ---- */

typedef struct kind {
    const char *name;
    int64_t days; /* 0: always */
    bool subject, actor, address;
    double took_ms[SAMPLES_MAX], cpu_ms[SAMPLES_MAX], proof_ms[SAMPLES_MAX];
    size_t n, records;
} kind_t;

static kind_t kinds[] = {{.name = "subject_10k", .subject = true},
                         {.name = "one_day", .days = 1},
                         {.name = "actor_day", .days = 1, .actor = true},
                         {.name = "address_3_days", .days = 3, .address = true}};

/* Of all threads: on a machine that does other things as well this says more than the clock. */
static double cpu_ms(void)
{
    struct rusage u;
    CHECK(getrusage(RUSAGE_SELF, &u) == 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* The answer as somebody else can check it: `ledger-verify --bundle`. */
static double evidence_ms(query_t *q, const query_ask_t *what)
{
    static const uint8_t SEED[crypto_sign_SEEDBYTES] = {3};
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], sign_key[crypto_sign_SECRETKEYBYTES], *bytes;
    size_t len;
    leak_ask_t question = {.from_us = what->from_us,
                           .to_us = what->to_us,
                           .subject = what->subject,
                           .actor = what->actor,
                           .address = what->address};
    CHECK(sodium_init() >= 0 && crypto_sign_seed_keypair(public_key, sign_key, SEED) == 0);
    evidence_t e = {.verb = EVIDENCE_TIMELINE,
                    .question = &question,
                    .json = SLICE("{}"),
                    .sign_key = sign_key};
    int64_t from = clock_wait_us();
    CHECK(!err_failed(query_evidence(q, &e, &bytes, &len)));
    free(bytes);
    return (double)(clock_wait_us() - from) / 1000.0;
}

static void ask(const char *dir, kind_t *k, const query_scope_t *scope)
{
    char why[QUERY_FAULT];
    query_t *q;
    const query_record_t **list;
    size_t n;
    int64_t span = scope->last_us - scope->first_us;
    query_ask_t what = {QUERY_ALWAYS};
    if (k->days) {
        int64_t window = span * k->days / DAYS;
        what.from_us = scope->first_us + (int64_t)(rnd() % (uint64_t)(span - window));
        what.to_us = what.from_us + window;
    }
    what.subject = k->subject ? id_of(3, UINT32_MAX) : id_zero();
    what.actor = k->actor ? id_of(4, rnd() % ACTORS) : id_zero();
    what.address = k->address ? id_of(5, rnd() % ADDRESSES) : id_zero();
    drop_cache(dir);
    double cpu = cpu_ms();
    int64_t from = clock_wait_us();
    if (err_failed(query_open(dir, NULL, why, &q))) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    CHECK(!err_failed(query_find(q, &what, &list, &n)));
    k->cpu_ms[k->n % SAMPLES_MAX] = cpu_ms() - cpu;
    k->took_ms[k->n % SAMPLES_MAX] = (double)(clock_wait_us() - from) / 1000.0;
    k->proof_ms[k->n++ % SAMPLES_MAX] = evidence_ms(q, &what);
    k->records += n;
    query_close(q);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double part_of(double *v, size_t n, double part)
{
    qsort(v, n, sizeof *v, by_value);
    size_t at = (size_t)((double)n * part);
    return v[at < n ? at : n - 1];
}

static void print_space(const char *dir)
{
    slice_t text;
    uint64_t bytes = 0;
    if (err_failed(vfile_read(AT_FDCWD, in_dir(dir, SAID), 32, &text))) {
        return; /* grown by an earlier program */
    }
    if (!err_failed(slice_parse_u64(slice_trim(text), UINT64_MAX, &bytes)) && bytes) {
        printf("bar ledger.space_ratio %.3f ratio\n", (double)bytes_there / (double)bytes);
    }
    vfile_free(&text);
}

int main(int argc, char **argv)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    static double all[SAMPLES_MAX * BASE_COUNT(kinds)];
    char why[QUERY_FAULT];
    uint64_t records = 0, rounds = 10;
    query_t *q;
    if (argc < 3 || err_failed(slice_parse_u64(slice_cstr_in(argv[2]), UINT32_MAX, &records)) ||
        (argc > 3 && err_failed(slice_parse_u64(slice_cstr_in(argv[3]), SAMPLES_MAX, &rounds)))) {
        fputs("usage: bench-query DIR RECORDS [ROUNDS]\n", stderr);
        return 2;
    }
    CHECK(!err_failed(note_key_init(SLICE("sekisho.local/bench"), SEED, &key)));
    if (access(in_dir(argv[1], "public/checkpoint"), F_OK) != 0) {
        grow(argv[1], records);
        recover(argv[1]);
    }
    clock_attach(NULL);
    if (err_failed(query_open(argv[1], NULL, why, &q))) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    query_scope_t scope = query_scope(q);
    query_close(q);
    size_t n = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        for (size_t k = 0; k < BASE_COUNT(kinds); k++) {
            ask(argv[1], &kinds[k], &scope);
        }
    }
    for (size_t k = 0; k < BASE_COUNT(kinds); k++) {
        kind_t *kind = &kinds[k];
        memcpy(all + n, kind->took_ms, kind->n * sizeof *all);
        n += kind->n;
        printf("note ledger.query.%s: median %.0f ms, processor %.0f ms, %zu records each; written "
               "down as evidence: %.0f ms more\n",
               kind->name, part_of(kind->took_ms, kind->n, 0.5),
               part_of(kind->cpu_ms, kind->n, 0.5), kind->records / kind->n,
               part_of(kind->proof_ms, kind->n, 0.5));
        printf("bar ledger.query.%s.p95_ms %.0f ms\n", kind->name,
               part_of(kind->took_ms, kind->n, 0.95));
    }
    printf("bar ledger.query.p95_ms %.0f ms\n", part_of(all, n, 0.95));
    printf("note on %llu records, %llu segments indexed, %.0f bytes a record on the disk; names "
           "and inodes %s\n",
           (unsigned long long)scope.size, (unsigned long long)scope.segments,
           (double)bytes_there / (double)scope.size, inodes_cold ? "cold, too" : "stayed cached");
    print_space(argv[1]);
    return 0;
}
