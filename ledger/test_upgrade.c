/* argv[1]: a ledger that a program without segments, MACs and retention wrote. It verifies, opens
 * and goes on, and from then on has all of them. Segments of the true size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/small.h"

enum { OLD_RECORDS = 300, OLD_PIECE = 16 * 1024 * 1024 };

static const char *fixture;
static char copy_to[256];

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    char to[512];
    snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(fixture) + strlen("/public"));
    type == FTW_D ? (void)mkdir(to, 0700) : file_copy(path, to);
    return 0;
}

static int setup_old(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    char from[512];
    segment_leaves = SEGMENT_LEAVES;
    piece_bytes = OLD_PIECE;
    if (setup(state) != 0 || mkdir(in_dir(dir, "log"), 0700) != 0) {
        return -1;
    }
    snprintf(copy_to, sizeof copy_to, "%s/public", dir);
    snprintf(from, sizeof from, "%s/public", fixture);
    nftw(from, copy_one, 16, FTW_PHYS);
    snprintf(from, sizeof from, "%s/signed", fixture);
    file_copy(from, in_dir(dir, "signed"));
    snprintf(from, sizeof from, "%s/log", fixture);
    file_copy(from, in_dir(dir, "log/00000000"));
    err_t e =
        secrets_store_in((path_t){secrets}, "note.key", geteuid(), (gid_t)-1, SEED, sizeof SEED);
    return truncate(in_dir(dir, "log/00000000"), OLD_PIECE) == 0 && !err_failed(e) ? 0 : -1;
}

static void it_verifies(void **state)
{
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.size, OLD_RECORDS);
    assert_int_equal(report.segments + report.mac_chains, 0);
}

/* As a tool opens it, without keys to come: nothing changes but that it goes on. */
static void it_goes_on_as_it_was(void **state)
{
    open_fine();
    assert_int_equal(keeper_size(&keeper), OLD_RECORDS + 1);
    add(500);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.mac_chains, 0);
    open_fine();
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

static void it_goes_on_with_all_that_is_new(void **state)
{
    file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, "old"));
    file_copy(in_dir(dir, "public/ledger.vkey"), in_dir(tmp.path, "old.vkey"));
    mac_start(1);
    open_fine();
    add(SEGMENT_LEAVES - 1000);
    grow_to(SEGMENT_LEAVES + 100);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.segments, 1);
    assert_int_equal(report.macs, report.size - OLD_RECORDS);
    assert_int_equal(verify_with(in_dir(tmp.path, "old.vkey"), in_dir(tmp.path, "old")),
                     VERDICT_OK);
    assert_true(access(in_dir(secrets, "note.key"), F_OK) != 0); /* its time is over */
    assert_true(access(in_dir(dir, "public/tile/entries/000.zst"), F_OK) == 0);
    assert_true(access(in_dir(dir, "public/tile/entries/255.zst"), F_OK) == 0);
    open_fine();
    add(10);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

#undef CASE
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup_old, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(it_verifies),
        CASE(it_goes_on_as_it_was),
        CASE(it_goes_on_with_all_that_is_new),
    };
    CHECK(argc == 2);
    fixture = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
