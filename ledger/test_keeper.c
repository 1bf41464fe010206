/* The whole ledger without its socket: begin, go on, find, refuse what does not fit; and after each
 * the verifier's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

static tmpdir_t tmp;
static note_key_t key;
static keeper_t keeper;
static char fault[KEEPER_FAULT];

static int setup(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    tmp = tmpdir_make();
    return err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)) ? -1 : 0;
}

static int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

static err_t try_open(const char *profile)
{
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = profile,
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1};
    return keeper_open(&keeper, &conf, fault);
}

static void open_fine(void)
{
    err_t e = try_open("test");
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, fault);
    }
}

static void wait_sealed(void)
{
    int64_t until = clock_wait_us() + 10 * CLOCK_SECOND_US;
    while (sealer_state(keeper.sealer).signed_cp.size < keeper_size(&keeper)) {
        CHECK(clock_wait_us() < until);
        usleep(1000);
    }
    keeper_sealed(&keeper);
}

static id128_t id_of(uint64_t n)
{
    id128_t id = id_zero();
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}

static void add_records(uint64_t from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq;
        ledger_record_t rec = {.type = LEDGER_BOOKING_CREATED,
                               .request = id_of(from + i),
                               .object = id_of((from + i) / 10),
                               .subject = id_of(1000000 + (from + i) % 7),
                               .facts = SLICE("a=b")};
        err_t e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        if (err_is(e, ERR_LIMIT)) {
            assert_false(err_failed(keeper_flush(&keeper)));
            e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        }
        assert_false(err_failed(e));
    }
    assert_false(err_failed(keeper_flush(&keeper)));
}

static report_t verified(verdict_t want)
{
    static report_t report;
    verify_ask_t ask = {.dir = tmp.path};
    verify_run(&ask, &report);
    if (report.verdict != want) {
        fail_msg("verdict %d: leaf %lld: %s", (int)report.verdict, (long long)report.faults[0].leaf,
                 report.faults[0].text);
    }
    return report;
}

static void lives(void **state)
{
    open_fine();
    add_records(0, 3);
    assert_int_equal(keeper_size(&keeper), 5); /* GENESIS, ROOM_START, three */
    keeper_close(&keeper);
    report_t r = verified(VERDICT_OK);
    assert_int_equal(r.size, 6);
    assert_int_equal(r.unclean, 0);
    for (unsigned i = 0; i < 12; i++) { /* over the edges of bundles and tiles */
        open_fine();
        add_records(100 * i, 50 + i * 23);
        i % 3 ? keeper_close(&keeper) : keeper_abandon(&keeper);
        r = verified(VERDICT_OK);
        assert_int_equal(r.unexplained, 0);
    }
    assert_int_equal(r.starts, 13);
    assert_int_equal(r.unclean, 4);
}

typedef struct found {
    unsigned count;
    uint64_t last;
    ledger_find_t which;
    id128_t id;
} found_t;

static bool on_entry(void *ctx, const ledger_entry_t *e)
{
    found_t *f = ctx;
    if (!id_is_zero(f->id) && !finder_match(f->which, f->id, &e->rec)) {
        return true;
    }
    assert_true(f->count == 0 || e->seq > f->last);
    f->last = e->seq;
    f->count++;
    return true;
}

static unsigned find(ledger_find_t which, id128_t id)
{
    found_t f = {.which = which, .id = id};
    uint64_t seq = 0;
    while (seq < keeper_size(&keeper)) {
        const id128_t *filter = id_is_zero(id) ? NULL : &id;
        assert_false(err_failed(keeper_walk(&keeper, seq, filter, 5, on_entry, &f, &seq)));
    }
    return f.count;
}

static void finds(void **state)
{
    open_fine();
    add_records(0, 3000);
    for (unsigned pass = 0; pass < 4; pass++) {
        assert_int_equal(find(LEDGER_BY_REQUEST, id_of(1234)), 1);
        assert_int_equal(find(LEDGER_BY_REQUEST, id_of(99999)), 0);
        assert_int_equal(find(LEDGER_BY_OBJECT, id_of(77)), 10);
        assert_int_equal(find(LEDGER_BY_SUBJECT, id_of(1000003)), 429);
        assert_int_equal(find(LEDGER_BY_SUBJECT, id_of(77)), 0);
        assert_int_equal(find(LEDGER_BY_REQUEST, id_zero()), keeper_size(&keeper)); /* all */
        if (pass == 1) { /* from the disk, with no filters; then with those the search made */
            keeper_close(&keeper);
            open_fine();
        }
        wait_sealed();
    }
    keeper_close(&keeper);
}

static void many_pieces_retire(void **state)
{
    open_fine();
    for (unsigned i = 0; i < 10; i++) {
        add_records(0, 3000);
        wait_sealed();
    }
    assert_true(wal_counts(keeper.wal).pieces <= 3);
    keeper_close(&keeper);
    report_t r = verified(VERDICT_OK);
    assert_int_equal(r.size, 30000 + 3);
    open_fine();
    assert_int_equal(find(LEDGER_BY_REQUEST, id_of(2999)), 10);
    keeper_close(&keeper);
}

static void rollback_is_refused(void **state)
{
    const char *piece = in_dir(tmp.path, "log/00000000"), *old = in_dir(tmp.path, "old");
    open_fine();
    add_records(0, 10);
    keeper_close(&keeper);
    file_copy(piece, old);
    open_fine();
    add_records(0, 10);
    keeper_close(&keeper);
    file_copy(old, piece); /* the log of yesterday, the signatures of today */
    assert_true(err_is(try_open("test"), ERR_CORRUPT));
    assert_non_null(strstr(fault, "rollback"));
    verified(VERDICT_TAMPERED);
}

static void older_note_is_refused(void **state)
{
    const char *note = in_dir(tmp.path, "signed"), *old = in_dir(tmp.path, "old");
    open_fine();
    keeper_close(&keeper);
    file_copy(note, old);
    open_fine();
    keeper_close(&keeper);
    file_copy(old, note); /* public/checkpoint is newer now */
    assert_true(err_is(try_open("test"), ERR_CORRUPT));
    assert_non_null(strstr(fault, "rollback"));
    unlink(note);
    assert_true(err_is(try_open("test"), ERR_CORRUPT));
}

static void one_writer(void **state)
{
    static keeper_t second;
    char why[KEEPER_FAULT];
    open_fine();
    assert_true(err_is(keeper_open(&second, &keeper.conf, why), ERR_CONFLICT));
    keeper_close(&keeper);
    verified(VERDICT_OK);
}

/* Somebody changes `signed` under a running ledger: nothing more is signed or accepted. */
static void note_changed_while_running(void **state)
{
    const char *note = in_dir(tmp.path, "signed");
    open_fine();
    add_records(0, 5);
    wait_sealed();
    file_flip(note, 30, 1);
    add_records(5, 5);
    int64_t until = clock_wait_us() + 10 * CLOCK_SECOND_US;
    while (!keeper_refuses(&keeper) && clock_wait_us() < until) {
        usleep(1000);
        keeper_sealed(&keeper);
    }
    assert_non_null(keeper_refuses(&keeper));
    keeper_close(&keeper);
}

static void other_house_is_refused(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {8};
    open_fine();
    keeper_close(&keeper);
    assert_true(err_is(try_open("production"), ERR_CONFIG));
    assert_non_null(strstr(fault, "another profile"));
    assert_false(err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)));
    assert_true(err_is(try_open("test"), ERR_CONFIG));
}

static void tree_that_lies_is_refused(void **state)
{
    static const char *const FILES[] = {"public/tile/0/000.p/6", "public/tile/entries/000.p/6",
                                        "public/checkpoint", "signed"};
    open_fine();
    add_records(0, 3);
    keeper_close(&keeper);
    for (size_t i = 0; i < BASE_COUNT(FILES); i++) {
        const char *file = in_dir(tmp.path, FILES[i]);
        for (off_t at = 0; at < file_size(file); at += 7) {
            file_flip(file, at, 0x10);
            assert_true(err_failed(try_open("test")));
            file_flip(file, at, 0x10);
        }
    }
    open_fine();
    keeper_close(&keeper);
}

static void clock_jumps_are_recorded(void **state)
{
    open_fine();
    add_records(0, 1);
    keeper.commit.clock.offset_us -= 3 * CLOCK_SECOND_US; /* as if the wall clock stepped */
    keeper.commit.durable_clock = keeper.commit.clock;
    add_records(1, 1);
    assert_int_equal(keeper_size(&keeper), 5);
    keeper.commit.clock.mono_us += 1000 * CLOCK_SECOND_US; /* as if it went back */
    keeper.commit.durable_clock = keeper.commit.clock;
    add_records(2, 1);
    assert_int_equal(keeper_size(&keeper), 7);
    keeper_close(&keeper);
    assert_int_equal(verified(VERDICT_OK).jumps, 2);
}

#define WITH_DIR(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(lives),
        WITH_DIR(finds),
        WITH_DIR(many_pieces_retire),
        WITH_DIR(rollback_is_refused),
        WITH_DIR(older_note_is_refused),
        WITH_DIR(one_writer),
        WITH_DIR(note_changed_while_running),
        WITH_DIR(other_house_is_refused),
        WITH_DIR(tree_that_lies_is_refused),
        WITH_DIR(clock_jumps_are_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
