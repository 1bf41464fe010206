/* Retention: what is old enough goes, on the record, and only that; an order to preserve stops it;
 * the verifier understands what is left. Segments of 256 leaves; a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/small.h"

static clock_cell_t cell;
enum { DAYS = 10 };

static int setup_clock(void **state)
{
    cell.offset_us = 0;
    clock_attach(&cell);
    keep_days = DAYS;
    calm_us = 0;
    return setup(state);
}

static int teardown_clock(void **state)
{
    clock_attach(NULL);
    keep_days = 0;
    calm_us = 0;
    return teardown(state);
}

static void days_pass(int64_t days)
{
    cell.offset_us += days * CLOCK_DAY_US;
}

static uint64_t wanted_minimum;
static bool removed(void)
{
    return sealed() && keeper_minimum(&keeper) >= wanted_minimum;
}

static void wait_removed_at_least(uint64_t minimum)
{
    wanted_minimum = minimum;
    wait_for(removed);
}

static void wait_removed(uint64_t minimum)
{
    wait_removed_at_least(minimum);
    assert_int_equal(keeper_minimum(&keeper), minimum);
}

/* Nothing goes within so many turns. */
static void assert_stays(uint64_t minimum)
{
    for (unsigned i = 0; i < 60; i++) {
        usleep(2000);
        turn();
    }
    assert_int_equal(keeper_minimum(&keeper), minimum);
}

static err_t order(ledger_type_t type, room_id_t room, id128_t id)
{
    uint64_t seq;
    ledger_record_t rec = {
        .type = type, .object = id, .facts = SLICE("reason=police%20wants%20it")};
    TRY(keeper_add(&keeper, room, &rec, 1, 200, &seq));
    return keeper_flush(&keeper);
}

/* Five segments, two of them old. The log has moved on: pieces of a megabyte. */
static void five_segments(void)
{
    open_fine();
    add(2 * LEAVES);
    wait_for(worked);
    days_pass(DAYS - 1);
    static uint8_t big[32000];
    for (unsigned i = 0; i < 3 * LEAVES; i++) { /* big ones: old pieces of the log retire */
        uint64_t seq;
        ledger_record_t rec = {.type = LEDGER_CONSENT,
                               .request = id_new(),
                               .facts = SLICE("a=b"),
                               .payload = slice_make(big, i % 4 ? 10 : sizeof big)};
        err_t e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, rec.payload.len + 300, &seq);
        if (err_is(e, ERR_LIMIT)) {
            assert_false(err_failed(keeper_flush(&keeper)));
            e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, rec.payload.len + 300, &seq);
        }
        assert_false(err_failed(e));
        if (i % 8 == 0) {
            assert_false(err_failed(keeper_flush(&keeper)));
        }
    }
    wait_for(worked);
    assert_true(wal_first_seq(keeper.wal) >= 2 * LEAVES);
}

static void the_old_go(void **state)
{
    mac_start(1);
    five_segments();
    file_copy(in_dir(dir, "public/ledger.vkey"), in_dir(tmp.path, "late.vkey"));
    assert_stays(0);
    file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, "before"));
    days_pass(2);
    wait_removed(2 * LEAVES);
    assert_stays(2 * LEAVES); /* the third is younger */
    file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, "after"));
    static const char *const GONE[] = {"public/tile/entries/000.zst", "public/tile/entries/001.zst",
                                       "public/tile/entries/000", "public/tile/0/000",
                                       "public/tile/0/001"};
    for (size_t i = 0; i < BASE_COUNT(GONE); i++) {
        assert_true(access(in_dir(dir, GONE[i]), F_OK) != 0);
    }
    assert_true(access(in_dir(dir, "public/tile/0/002"), F_OK) == 0);
    /* reading goes round it */
    cursor_t run;
    uint64_t end;
    assert_false(err_failed(entries_run(&keeper.entries, 2 * LEAVES, &run, &end)));
    keeper_close(&keeper);
    for (unsigned i = 0; i < 3; i++) {
        assert_verdict(VERDICT_OK);
        assert_int_equal(report.minimum, 2 * LEAVES);
        assert_non_null(strstr(report.policy, "2026-11-27: test"));
        assert_true(report.macs > report.size - 2 * LEAVES);
        assert_int_equal(verify_with(in_dir(tmp.path, "late.vkey"), in_dir(tmp.path, "before")),
                         VERDICT_OK);
        assert_int_equal(verify_with(NULL, in_dir(tmp.path, "after")), VERDICT_OK);
        open_fine();
        add(100);
        wait_for(sealed);
        keeper_close(&keeper);
    }
    /* everything but the last ones: GENESIS and the chain of keys are in what was kept */
    days_pass(DAYS + 1);
    open_fine();
    add(LEAVES);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

static unsigned walked;
static uint64_t walked_first;
static bool count_entry(void *ctx, const ledger_entry_t *e)
{
    walked_first = walked++ ? walked_first : e->seq;
    return true;
}

static void readers_go_round(void **state)
{
    uint64_t next = 0;
    five_segments();
    days_pass(2);
    wait_removed(2 * LEAVES);
    walked = 0;
    for (uint64_t seq = 0; seq < keeper_size(&keeper); seq = next) {
        assert_false(err_failed(keeper_walk(&keeper, seq, NULL, 3, count_entry, NULL, &next)));
    }
    assert_int_equal(walked_first, 2 * LEAVES);
    assert_int_equal(walked, keeper_size(&keeper) - 2 * LEAVES);
    id128_t id = id_new();
    assert_false(err_failed(keeper_walk(&keeper, 0, &id, 100, count_entry, NULL, &next)));
    keeper_close(&keeper);
}

static void an_order_stops_it(void **state)
{
    id128_t one = id_new(), two = id_new();
    five_segments();
    assert_true(err_is(order(LEDGER_HOLD, ROOM_SHOP, one), ERR_DENIED));
    assert_true(err_is(order(LEDGER_HOLD_RELEASED, ROOM_COMMAND, one), ERR_NOT_FOUND));
    assert_false(err_failed(order(LEDGER_HOLD, ROOM_COMMAND, one)));
    assert_false(err_failed(order(LEDGER_HOLD, ROOM_OFFICE, two)));
    days_pass(100);
    assert_stays(0);
    assert_int_equal(keeper_status(&keeper).holds, 2);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.holds, 2);
    open_fine();
    assert_false(err_failed(order(LEDGER_HOLD_RELEASED, ROOM_COMMAND, one)));
    assert_stays(0);
    keeper_abandon(&keeper); /* a crash forgets none */
    open_fine();
    assert_stays(0);
    assert_false(err_failed(order(LEDGER_HOLD_RELEASED, ROOM_OFFICE, two)));
    wait_removed_at_least(2 * LEAVES);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.holds, 0);
}

/* The order stands, and a crash came before its record. */
static void an_order_without_its_record(void **state)
{
    id128_t id = id_new();
    open_fine();
    assert_false(err_failed(holds_place(&keeper.holds, id, SLICE("reason=x"))));
    keeper_abandon(&keeper);
    open_fine();
    assert_true(holds_any(&keeper.holds));
    assert_true(keeper.holds.list[0].seq < keeper_size(&keeper));
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.holds, 1);
    file_flip(in_dir(dir, "holds"), 3, 0x40); /* what stands is not known: nothing goes on */
    assert_true(err_is(try_open(), ERR_CORRUPT));
}

static void a_clock_that_jumps_removes_nothing(void **state)
{
    calm_us = 365 * CLOCK_DAY_US;
    five_segments();
    days_pass(100); /* past the policy, not past the calm */
    assert_stays(0);
    keeper.commit.clock.offset_us -= 3 * CLOCK_SECOND_US; /* as if the wall clock stepped */
    keeper.commit.durable_clock = keeper.commit.clock;
    add(1);
    days_pass(300); /* 400 since the start, 300 since the step */
    assert_stays(0);
    days_pass(100);
    wait_removed_at_least(2 * LEAVES);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

/* ---- crashes between word and deed, and thieves ---- */

static void crashes_between(void **state)
{
    five_segments();
    file_copy(in_dir(dir, "public/tile/entries/001.zst"), in_dir(tmp.path, "bundle"));
    file_copy(in_dir(dir, "public/tile/0/001"), in_dir(tmp.path, "tile"));
    days_pass(2);
    wait_removed(2 * LEAVES);
    keeper_abandon(&keeper);
    /* the files were not removed any more */
    file_copy(in_dir(tmp.path, "bundle"), in_dir(dir, "public/tile/entries/001.zst"));
    file_copy(in_dir(tmp.path, "tile"), in_dir(dir, "public/tile/0/001"));
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.files_below, 2);
    open_fine();
    wait_for(worked);
    assert_stays(2 * LEAVES);
    assert_true(access(in_dir(dir, "public/tile/entries/001.zst"), F_OK) != 0);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.files_below, 0);
}

static void put_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void removed_without_a_word(void **state)
{
    char kept[256], minimum[256], aside[256];
    snprintf(kept, sizeof kept, "%s/public/kept/000", dir);
    snprintf(minimum, sizeof minimum, "%s/public/minimum-index", dir);
    snprintf(aside, sizeof aside, "%s/aside", tmp.path);
    five_segments();
    days_pass(2);
    wait_removed(2 * LEAVES);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(rename(kept, aside), 0);
    assert_true(verify_with(NULL, NULL) != VERDICT_OK);
    assert_int_equal(rename(aside, kept), 0);
    for (off_t at = 0; at < file_size(kept); at += 7) {
        file_flip(kept, at, 1);
        assert_true(verify_with(NULL, NULL) != VERDICT_OK);
        file_flip(kept, at, 1);
    }
    off_t whole = file_size(kept); /* cut: SEGMENT_END or GENESIS is missing */
    file_copy(kept, aside);
    for (off_t len = 0; len < whole; len += whole / 5 + 1) {
        file_copy(aside, kept);
        assert_int_equal(truncate(kept, len), 0);
        assert_true(verify_with(NULL, NULL) != VERDICT_OK);
    }
    file_copy(aside, kept);
    assert_verdict(VERDICT_OK);
    /* more than the records say */
    static const char *const BAD[] = {"768\n", "0\n",  "256\n",   "513\n",  "512",
                                      "",      "-1\n", "512\n\n", "0512\n", "99999999\n"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        put_text(minimum, BAD[i]);
        assert_true(verify_with(NULL, NULL) != VERDICT_OK);
    }
    put_text(minimum, "512\n");
    assert_verdict(VERDICT_OK);
    unlink(in_dir(dir, "public/tile/entries/002.zst"));
    assert_verdict(VERDICT_INCOMPLETE);
}

static void any_byte_of_what_is_left(void **state)
{
    five_segments();
    days_pass(2);
    wait_removed(2 * LEAVES);
    keeper_close(&keeper);
    tamper_all(401);
}

/* Somebody with the present keys makes a record of removal that nobody would have made. */
static void removed_before_its_time(void **state)
{
    static const struct {
        const char *facts;
        bool hold, fine;
    } CASES[] = {
        {"first=0&end=256&days=10&policy=2026-11-27%3A%20x", false, false}, /* it is 8.5 days old */
        {"first=0&end=256&days=9&policy=2026-11-27%3A%20x", false, true},
        {"first=0&end=256&days=9&policy=2026-11-27%3A%20x", true, false},
        {"first=256&end=512&days=9&policy=x", false, false},
        {"first=0&end=255&days=9&policy=x", false, false},
        {"first=0&end=256&policy=x", false, false},
        {"first=0&end=256&days=9", false, false},
        {"first=0&end=99840&days=9&policy=x", false, false},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        uint64_t seq;
        if (i) {
            assert_int_equal(setup_clock(state), 0);
        }
        keep_days = 0;
        open_fine();
        add(2 * LEAVES);
        wait_for(worked);
        days_pass(DAYS - 2);
        cell.offset_us += CLOCK_DAY_US / 2;
        if (CASES[i].hold) {
            assert_false(err_failed(order(LEDGER_HOLD, ROOM_COMMAND, id_new())));
        }
        ledger_record_t rec = {.type = LEDGER_PRUNED, .facts = slice_cstr_in(CASES[i].facts)};
        assert_false(err_failed(commit_add(&keeper.commit, ROOM_LEDGER, &rec, NULL, &seq)));
        assert_false(err_failed(keeper_flush(&keeper)));
        wait_for(sealed);
        keeper_close(&keeper);
        if ((verify_with(NULL, NULL) == VERDICT_OK) != CASES[i].fine) {
            fail_msg("case %zu: %s", i, report.faults[0].text);
        }
        if (i + 1 < BASE_COUNT(CASES)) {
            teardown_clock(state);
        }
    }
}

/* Checkpoints of sizes that are removed can be compared only where a segment ends. */
static void old_checkpoints(void **state)
{
    open_fine();
    grow_to(LEAVES - 1);
    add(1); /* and SEGMENT_END */
    wait_for(sealed);
    add(50);
    wait_for(sealed);
    file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, "middle"));
    keeper_close(&keeper);
    file_copy(in_dir(dir, "public/seal/000"), in_dir(tmp.path, "end"));
    five_segments();
    days_pass(DAYS);
    wait_removed_at_least(2 * LEAVES);
    keeper_close(&keeper);
    assert_int_equal(verify_with(NULL, in_dir(tmp.path, "end")), VERDICT_OK);
    assert_int_equal(verify_with(NULL, in_dir(tmp.path, "middle")), VERDICT_INCOMPLETE);
    assert_non_null(strstr(report.faults[0].text, "cannot be compared"));
}

#undef CASE
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup_clock, teardown_clock)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_old_go),
        CASE(readers_go_round),
        CASE(an_order_stops_it),
        CASE(an_order_without_its_record),
        CASE(a_clock_that_jumps_removes_nothing),
        CASE(crashes_between),
        CASE(removed_without_a_word),
        CASE(any_byte_of_what_is_left),
        CASE(removed_before_its_time),
        CASE(old_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
