/* Questions to a ledger's files against the plain truth: every record kept beside it and searched
 * one by one. Segments of 256, so that borders, scanned parts and the tail all come up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper.h"
#include "ledger/api_query.h"
#include "tests/tmpdir.h"

enum { SEGMENT = 256, RECORDS_MAX = 20000 };

static tmpdir_t tmp;
static note_key_t key;
static keeper_t keeper;
static char fault[QUERY_FAULT];
static ledger_record_t truth[RECORDS_MAX]; /* by seq */
static int64_t times[RECORDS_MAX];
static uint64_t truth_count;

static int setup(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    tmp = tmpdir_make();
    memset(truth, 0, sizeof truth);
    truth_count = 0;
    return err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)) ? -1 : 0;
}

static int teardown(void **state)
{
    clock_attach(NULL);
    tmpdir_remove(&tmp);
    return 0;
}

static id128_t id_of(uint64_t n)
{
    id128_t id = id_zero();
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}

static void open_it(uint32_t leaves)
{
    char why[KEEPER_FAULT];
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1,
                          .segment_leaves = leaves};
    err_t e = keeper_open(&keeper, &conf, why);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, why);
    }
}

static void add(const ledger_record_t *rec)
{
    uint64_t seq;
    err_t e = keeper_add(&keeper, ROOM_SHOP, rec, 1, 200, &seq);
    if (err_is(e, ERR_LIMIT)) {
        assert_false(err_failed(keeper_flush(&keeper)));
        e = keeper_add(&keeper, ROOM_SHOP, rec, 1, 200, &seq);
    }
    assert_false(err_failed(e));
    assert_true(seq < RECORDS_MAX);
    truth[seq] = *rec;
    truth_count = seq + 1;
}

static void flush(void)
{
    if (keeper_waiting(&keeper)) {
        assert_false(err_failed(keeper_flush(&keeper)));
    }
}

/* Until so many segments are done and all is signed. */
static void settle(uint64_t segments)
{
    int64_t until = clock_wait_us() + 60 * CLOCK_SECOND_US;
    flush();
    for (;;) {
        keeper_sealed(&keeper);
        flush();
        if (worker_state(keeper.worker).done >= segments &&
            sealer_state(keeper.sealer).signed_cp.size == keeper_size(&keeper)) {
            return;
        }
        CHECK(clock_wait_us() < until);
        usleep(1000);
    }
}

static const ledger_type_t TYPES[] = {LEDGER_HTTP_REQUEST, LEDGER_REVEAL_INTENT,
                                      LEDGER_REVEAL_OUTCOME, LEDGER_ALARM};

static void add_random(uint64_t *state, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t v = *state >> 20;
        ledger_record_t rec = {.type = TYPES[v % 4],
                               .request = v % 5 ? id_of(1000 + v % 300) : id_zero(),
                               .object = v % 3 ? id_of(2000 + v % 40) : id_zero(),
                               .parent = v % 7 == 0 ? id_of(2000 + v % 40) : id_of(2000 + v % 11),
                               .subject = v % 2 ? id_of(3000 + v % 17) : id_zero(),
                               .actor = id_of(4000 + v % 5),
                               .address = v % 11 ? id_of(5000 + v % 90) : id_zero(),
                               .facts = SLICE("a=b")};
        add(&rec);
    }
}

static query_t *ask_open(void)
{
    query_t *q;
    err_t e = query_open(tmp.path, NULL, fault, &q);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, fault);
    }
    return q;
}

static bool same(id128_t asked, id128_t is)
{
    return id_is_zero(asked) || id_eq(asked, is);
}

static bool fits(const query_ask_t *a, uint64_t seq)
{
    const ledger_record_t *r = &truth[seq];
    return times[seq] >= a->from_us && times[seq] < a->to_us && (!a->type || a->type == r->type) &&
           same(a->request, r->request) &&
           (same(a->object, r->object) || id_eq(a->object, r->parent)) &&
           same(a->subject, r->subject) && same(a->actor, r->actor) && same(a->address, r->address);
}

/* Times and ledgerd's own records, from the answer to "everything". */
static void learn_truth(query_t *q)
{
    const query_record_t **list;
    size_t n;
    assert_false(err_failed(query_find(q, &(query_ask_t){QUERY_ALWAYS}, &list, &n)));
    assert_int_equal(n, query_scope(q).size);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(list[i]->seq, i);
        times[i] = list[i]->time_us;
        if (list[i]->room == ROOM_SHOP) {
            assert_int_equal(list[i]->type, truth[i].type);
            assert_true(id_eq(list[i]->subject, truth[i].subject));
        } else {
            truth[i] = (ledger_record_t){.type = (ledger_type_t)list[i]->type};
        }
    }
}

static size_t must_agree(query_t *q, const query_ask_t *ask)
{
    const query_record_t **list;
    size_t n, k = 0;
    err_t e = query_find(q, ask, &list, &n);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, query_fault(q));
    }
    for (uint64_t seq = 0; seq < query_scope(q).size; seq++) {
        if (fits(ask, seq)) {
            assert_true(k < n);
            assert_int_equal(list[k]->seq, seq);
            k++;
        }
    }
    assert_int_equal(k, n);
    return n;
}

static void ask_many(query_t *q)
{
    uint64_t state = 99;
    size_t found = 0;
    int64_t first = times[0], last = times[query_scope(q).size - 1] + 1;
    for (unsigned i = 0; i < 300; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t v = state >> 20;
        query_ask_t ask = {
            .from_us = v % 2 ? INT64_MIN : first + (int64_t)(v % 97) * (last - first) / 97,
            .to_us = v % 3 ? INT64_MAX : first + (int64_t)(v % 89) * (last - first) / 89,
            .type = v % 4 ? 0 : TYPES[v / 16 % 4],
            .request = v % 5 == 1 ? id_of(1000 + v / 64 % 305) : id_zero(),
            .object = v % 5 == 2 ? id_of(2000 + v / 64 % 45) : id_zero(),
            .subject = v % 6 == 3 ? id_of(3000 + v / 64 % 19) : id_zero(),
            .actor = v % 7 < 3 ? id_of(4000 + v / 64 % 6) : id_zero(),
            .address = v % 8 == 5 ? id_of(5000 + v / 64 % 95) : id_zero()};
        found += must_agree(q, &ask);
    }
    assert_true(found > 1000);
}

/* The same, each by a query that has looked at nothing yet: what it reads are parts of bundles. */
static void ask_anew(void)
{
    uint64_t state = 17;
    for (unsigned i = 0; i < 30; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t v = state >> 20;
        query_ask_t ask = {.from_us = v % 2 ? INT64_MIN : times[v % 1000],
                           .to_us = v % 3 ? INT64_MAX : times[1000 + v % 1000],
                           .subject = v % 6 == 3 ? id_of(3000 + v / 64 % 19) : id_zero(),
                           .actor = v % 7 < 3 ? id_of(4000 + v / 64 % 6) : id_zero(),
                           .address = v % 8 > 3 ? id_of(5000 + v / 64 % 95) : id_zero()};
        query_t *q = ask_open();
        must_agree(q, &ask);
        query_close(q);
    }
}

/* Time passes from record to record; and goes back once. */
static clock_cell_t cell;

static void test_against_the_truth(void **state)
{
    uint64_t seed = 5;
    clock_attach(&cell);
    cell.offset_us = 0;
    open_it(SEGMENT);
    for (unsigned i = 0; i < 40; i++) {
        add_random(&seed, 67);
        flush();
        cell.offset_us += i == 20 ? -40 * CLOCK_SECOND_US : 3 * CLOCK_SECOND_US;
    }
    settle(keeper_size(&keeper) / SEGMENT);
    query_t *q = ask_open();
    query_scope_t scope = query_scope(q);
    assert_true(scope.segments >= 10 && scope.tail < 2 * SEGMENT && scope.rebuilt == 0);
    learn_truth(q);
    ask_many(q);
    query_close(q);
    /* the same beside a running ledger and after its end */
    keeper_close(&keeper);
    q = ask_open();
    learn_truth(q);
    ask_many(q);
    query_close(q);
    ask_anew();
}

static void test_small(void **state)
{
    static const unsigned COUNTS[] = {0, 1, 253, 254, 255, 256, 257, 510, 512};
    for (size_t i = 0; i < BASE_COUNT(COUNTS); i++) {
        uint64_t seed = i;
        setup(state);
        open_it(SEGMENT);
        add_random(&seed, COUNTS[i]);
        settle(0);
        keeper_abandon(&keeper);
        query_t *q = ask_open();
        learn_truth(q);
        must_agree(q, &(query_ask_t){QUERY_ALWAYS, .actor = id_of(4001)});
        must_agree(q, &(query_ask_t){QUERY_ALWAYS, .subject = id_of(3001)});
        must_agree(q, &(query_ask_t){QUERY_ALWAYS, .subject = id_of(77)});
        must_agree(q, &(query_ask_t){QUERY_ALWAYS, .type = LEDGER_GENESIS});
        must_agree(q, &(query_ask_t){.from_us = 5, .to_us = 5});
        must_agree(q, &(query_ask_t){.from_us = INT64_MAX, .to_us = INT64_MIN});
        query_close(q);
        teardown(state);
    }
}

/* One customer whom 10,000 records name, over all segments and at every border. */
static void test_huge_subject(void **state)
{
    open_it(SEGMENT);
    for (unsigned i = 0; i < 10000; i++) {
        add(&(ledger_record_t){.type = LEDGER_ALARM, .subject = id_of(1), .facts = SLICE("a=b")});
        if (i % 97 == 0) {
            add(&(ledger_record_t){.type = LEDGER_ALARM, .subject = id_of(2)});
        }
    }
    settle(keeper_size(&keeper) / SEGMENT);
    keeper_close(&keeper);
    query_t *q = ask_open();
    learn_truth(q);
    assert_int_equal(must_agree(q, &(query_ask_t){QUERY_ALWAYS, .subject = id_of(1)}), 10000);
    assert_int_equal(must_agree(q, &(query_ask_t){QUERY_ALWAYS, .subject = id_of(2)}), 104);
    query_close(q);
}

/* Index files missing, cut, swapped, with each byte flipped: the answer stays the same. */
static void test_hostile_files(void **state)
{
    uint64_t seed = 8;
    query_ask_t ask = {QUERY_ALWAYS, .subject = id_of(3003)};
    open_it(SEGMENT);
    add_random(&seed, 3 * SEGMENT);
    settle(3);
    keeper_close(&keeper);
    query_t *q = ask_open();
    learn_truth(q);
    assert_int_equal(query_scope(q).rebuilt, 0);
    query_close(q);
    const char *path = in_dir(tmp.path, "index/00000001");
    char other[256], mine[256];
    snprintf(mine, sizeof mine, "%s", path);
    snprintf(other, sizeof other, "%s", in_dir(tmp.path, "index/00000000"));
    off_t size = file_size(mine);
    for (off_t at = 0; at < size; at += 11) {
        file_flip(mine, at, 0x40);
        q = ask_open();
        must_agree(q, &ask);
        query_close(q);
        file_flip(mine, at, 0x40);
    }
    assert_int_equal(rename(mine, in_dir(tmp.path, "index/away")), 0);
    file_copy(other, mine);
    q = ask_open();
    must_agree(q, &ask);
    assert_int_equal(query_scope(q).rebuilt, 1);
    query_close(q);
    for (off_t cut = 0; cut < size; cut += size / 7) {
        file_copy(in_dir(tmp.path, "index/away"), mine);
        assert_int_equal(truncate(mine, cut), 0);
        q = ask_open();
        must_agree(q, &ask);
        query_close(q);
    }
    assert_int_equal(unlink(mine), 0);
    q = ask_open();
    must_agree(q, &ask);
    query_close(q);
}

static int flips_accepted, flips;

/* A flipped byte anywhere under public/: the question fails, or its answer is as it was. */
static int flip_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (type != FTW_F || !strstr(path, "/public/")) {
        return 0;
    }
    for (off_t at = 0; at < st->st_size; at += 1 + st->st_size / 23) {
        query_t *q;
        file_flip(path, at, 0x04);
        flips++;
        if (!err_failed(query_open(tmp.path, NULL, fault, &q))) {
            const query_record_t **list;
            size_t n, k = 0;
            query_ask_t ask = {QUERY_ALWAYS, .actor = id_of(4002)};
            if (!err_failed(query_find(q, &ask, &list, &n))) {
                for (uint64_t seq = 0; seq < query_scope(q).size; seq++) {
                    k += fits(&ask, seq) && k < n && list[k]->seq == seq;
                }
                flips_accepted += k != n || n == 0;
            }
            query_close(q);
        }
        file_flip(path, at, 0x04);
    }
    return 0;
}

static void test_flips(void **state)
{
    uint64_t seed = 3;
    open_it(SEGMENT);
    add_random(&seed, 2 * SEGMENT + 30);
    settle(2);
    keeper_close(&keeper);
    query_t *q = ask_open();
    learn_truth(q);
    query_close(q);
    flips = flips_accepted = 0;
    assert_int_equal(nftw(tmp.path, flip_one, 16, FTW_PHYS), 0);
    assert_true(flips > 100);
    assert_int_equal(flips_accepted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_the_truth, setup, teardown),
        cmocka_unit_test(test_small),
        cmocka_unit_test_setup_teardown(test_huge_subject, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flips, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
