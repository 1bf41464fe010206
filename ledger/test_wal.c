/* The log: what was written comes back; what a crash tears is dropped; what was committed and is
 * damaged is never passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/tmpdir.h"
#include "wal.h"

enum { PIECE = WAL_PIECE_MIN, BODY = 300 };

typedef struct seen {
    uint64_t groups, next_seq;
    uint8_t sum; /* of all body bytes */
} seen_t;

static tmpdir_t tmp;
static path_t dir;

static int setup(void **state)
{
    tmp = tmpdir_make();
    dir = (path_t){tmp.path};
    return 0;
}

static int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

static err_t on_frame(void *ctx, const frame_t *f)
{
    seen_t *seen = ctx;
    seen->groups++;
    seen->next_seq = f->first_seq + f->count;
    for (size_t i = 0; i < f->body.len; i++) {
        seen->sum = (uint8_t)(seen->sum + f->body.ptr[i]);
    }
    return OK;
}

static err_t reopen(wal_t **ret_wal, seen_t *seen, wal_report_t *report)
{
    *seen = (seen_t){0};
    return wal_open(dir, PIECE, on_frame, seen, report, ret_wal);
}

static wal_t *open_fine(seen_t *seen, wal_report_t *report)
{
    wal_t *wal;
    err_t e = reopen(&wal, seen, report);
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, report->fault);
    }
    return wal;
}

static err_t write_group(wal_t *wal, uint64_t seq, size_t body)
{
    static uint8_t mem[FRAME_HEAD + PIECE / 4];
    memset(mem + FRAME_HEAD, (int)seq, body);
    return wal_write(wal, mem, body, seq, 2);
}

static void write_groups(wal_t *wal, uint64_t from, unsigned count, size_t body)
{
    for (unsigned i = 0; i < count; i++) {
        assert_false(err_failed(write_group(wal, from + 2 * i, body)));
    }
}

static void comes_back(void **state)
{
    seen_t seen;
    wal_report_t report;
    wal_t *wal = open_fine(&seen, &report);
    assert_int_equal(report.next_seq, 0);
    write_groups(wal, 0, 10, BODY);
    assert_int_equal(wal_counts(wal).syncs, 10);
    wal_close(wal);
    wal = open_fine(&seen, &report);
    assert_int_equal(seen.groups, 10);
    assert_int_equal(report.next_seq, 20);
    assert_int_equal(report.groups, 10);
    assert_int_equal(report.torn_bytes, 0);
    write_groups(wal, 20, 1, BODY);
    wal_close(wal);
}

static void many_pieces(void **state)
{
    seen_t seen;
    wal_report_t report;
    wal_t *wal = open_fine(&seen, &report);
    write_groups(wal, 0, 40, wal_body_max(wal)); /* 4 fit a piece, less the heads */
    assert_true(wal_counts(wal).pieces >= 10);
    wal_close(wal);
    wal = open_fine(&seen, &report);
    assert_int_equal(seen.groups, 40);
    wal_retire(wal, 60); /* all pieces below record 60 */
    size_t left = wal_counts(wal).pieces;
    assert_in_range(left, 2, 6);
    wal_retire(wal, UINT64_MAX); /* one with a frame stays */
    assert_int_equal(wal_counts(wal).pieces, 1);
    wal_close(wal);
    wal = open_fine(&seen, &report);
    assert_int_equal(report.next_seq, 80);
    assert_true(report.first_seq > 0);
    wal_close(wal);
}

/* Every byte of three groups flipped: in the last group it is dropped like a torn one (nobody can
 * tell), anywhere before it the log is refused and says where. */
static void every_flip(void **state)
{
    seen_t seen;
    wal_report_t report;
    const off_t group = FRAME_HEAD + 10;
    const char *piece = in_dir(tmp.path, "00000000");
    wal_t *wal = open_fine(&seen, &report);
    write_groups(wal, 0, 3, 10);
    wal_close(wal);
    const char *kept = in_dir(tmp.path, "kept");
    file_copy(piece, kept);
    for (off_t at = 0; at < 3 * group; at++) {
        file_flip(piece, at, 0x40);
        err_t e = reopen(&wal, &seen, &report);
        if (at < 2 * group) {
            assert_true(err_is(e, ERR_CORRUPT));
            assert_non_null(strstr(report.fault, "log piece 00000000"));
            file_flip(piece, at, 0x40);
            continue;
        }
        assert_false(err_failed(e));
        assert_int_equal(seen.groups, 2);
        assert_true(report.torn_bytes > 0);
        wal_close(wal);
        file_copy(kept, piece); /* the torn frame was wiped */
    }
}

/* An unfinished group of any length is dropped; the next one takes its place. */
static void every_tear(void **state)
{
    seen_t seen;
    wal_report_t report;
    static const uint8_t ZEROS[256];
    const off_t group = FRAME_HEAD + 10;
    const char *piece = in_dir(tmp.path, "00000000"), *kept = in_dir(tmp.path, "kept");
    wal_t *wal = open_fine(&seen, &report);
    write_groups(wal, 0, 2, 10);
    wal_close(wal);
    file_copy(piece, kept);
    for (off_t len = 0; len < group; len++) {
        int fd = open(piece, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, ZEROS, (size_t)(group - len), group + len), group - len);
        close(fd);
        wal = open_fine(&seen, &report);
        assert_int_equal(seen.groups, 1);
        assert_int_equal(report.next_seq, 2);
        assert_true(len == 0 ? report.torn_bytes == 0 : report.torn_bytes > 0);
        write_groups(wal, 2, 1, 5);
        wal_close(wal);
        wal = open_fine(&seen, &report);
        assert_int_equal(seen.groups, 2);
        assert_int_equal(report.torn_bytes, 0);
        wal_close(wal);
        file_copy(kept, piece);
    }
}

static void missing_pieces(void **state)
{
    seen_t seen;
    wal_report_t report;
    wal_t *wal = open_fine(&seen, &report);
    write_groups(wal, 0, 14, wal_body_max(wal) - 100);
    wal_close(wal);
    assert_int_equal(rename(in_dir(tmp.path, "00000001"), in_dir(tmp.path, "x")), 0);
    assert_true(err_is(reopen(&wal, &seen, &report), ERR_CORRUPT));
    assert_non_null(strstr(report.fault, "missing"));
    assert_int_equal(rename(in_dir(tmp.path, "x"), in_dir(tmp.path, "00000001")), 0);
    /* cut short */
    assert_int_equal(truncate(in_dir(tmp.path, "00000002"), PIECE - 1), 0);
    assert_true(err_is(reopen(&wal, &seen, &report), ERR_CORRUPT));
    assert_int_equal(truncate(in_dir(tmp.path, "00000002"), PIECE), 0);
    wal_close(open_fine(&seen, &report));
    /* the end of a piece torn, though another follows */
    assert_int_equal(truncate(in_dir(tmp.path, "00000001"), PIECE / 2), 0);
    assert_int_equal(truncate(in_dir(tmp.path, "00000001"), PIECE), 0);
    assert_true(err_is(reopen(&wal, &seen, &report), ERR_CORRUPT));
}

/* A client that puts a frame of its own making into a payload cannot stop the next start, should
 * that very group be torn. */
static void planted_frame(void **state)
{
    static uint8_t mem[FRAME_HEAD + 256];
    seen_t seen;
    wal_report_t report;
    wal_t *wal = open_fine(&seen, &report);
    write_groups(wal, 0, 1, 10);
    frame_t planted = {.group = 77, .first_seq = 9, .count = 1};
    planted.body = slice_make(mem + FRAME_HEAD + 40 + FRAME_HEAD, 20);
    frame_seal(mem + FRAME_HEAD + 40, &planted);
    assert_false(err_failed(wal_write(wal, mem, 200, 2, 1)));
    wal_close(wal);
    file_flip(in_dir(tmp.path, "00000000"), FRAME_HEAD + 10 + 4, 1);
    wal = open_fine(&seen, &report);
    assert_int_equal(seen.groups, 1);
    assert_true(report.torn_bytes > 0);
    wal_close(wal);
}

static void live_file_gone(void **state)
{
    seen_t seen;
    wal_report_t report;
    for (unsigned how = 0; how < 4; how++) {
        wal_t *wal = open_fine(&seen, &report);
        const char *piece = in_dir(tmp.path, "00000000"), *aside = in_dir(tmp.path, "aside");
        write_groups(wal, report.next_seq, 1, BODY);
        assert_int_equal(rename(piece, aside), 0);
        if (how == 1) {
            file_copy(aside, piece); /* another file under the name */
        } else if (how == 2) {
            assert_int_equal(link(aside, piece), 0); /* the same file, but it has a second name */
        } else if (how == 3) {
            assert_int_equal(rename(aside, piece), 0);
            assert_int_equal(truncate(piece, PIECE / 2), 0);
        }
        assert_true(err_is(write_group(wal, report.next_seq + 2, BODY), ERR_CORRUPT));
        assert_true(wal_dead(wal));
        unlink(how == 3 ? aside : piece);
        if (how == 3) {
            assert_int_equal(truncate(piece, PIECE), 0);
        } else {
            assert_int_equal(rename(aside, piece), 0);
        }
        assert_true(err_is(write_group(wal, report.next_seq + 2, BODY), ERR_IO)); /* for good */
        wal_close(wal);
    }
}

#define WITH_DIR(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(comes_back),     WITH_DIR(many_pieces),    WITH_DIR(every_flip),
        WITH_DIR(every_tear),     WITH_DIR(missing_pieces), WITH_DIR(planted_frame),
        WITH_DIR(live_file_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
