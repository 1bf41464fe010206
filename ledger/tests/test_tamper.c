/* Every byte of a small ledger's files changed: ledger-verify never says OK, and names the record
 * where one was hit. Then cuts, swaps, old copies. With --every-change: every byte to every other
 * value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "keeper.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

enum { SMALL = 9, LARGE = 530 };

static tmpdir_t tmp;
static note_key_t key;
static report_t report;

static void make_ledger(unsigned records)
{
    static const uint8_t SEED[NOTE_SEED] = {7};
    static keeper_t keeper;
    char fault[KEEPER_FAULT];
    CHECK(!err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)));
    keeper_conf_t conf = {.dir = {tmp.path},
                          .key = &key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1};
    CHECK(!err_failed(keeper_open(&keeper, &conf, fault)));
    for (unsigned i = 2; i + 1 < records; i++) {
        uint64_t seq;
        ledger_record_t rec = {.type = LEDGER_LOGIN_OK, .request = id_new(), .facts = SLICE("a=b")};
        CHECK(!err_failed(keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq)));
        if (i % 16 == 0 || i + 2 == records || records < 64) {
            CHECK(!err_failed(keeper_flush(&keeper)));
        }
        while (i % 96 == 0 && sealer_state(keeper.sealer).signed_cp.size <= i) {
            usleep(1000);
        }
    }
    keeper_close(&keeper);
}

static int setup_small(void **state)
{
    tmp = tmpdir_make();
    make_ledger(SMALL);
    return 0;
}

static int setup_large(void **state)
{
    tmp = tmpdir_make();
    make_ledger(LARGE);
    return 0;
}

static int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

static verdict_t verify(const char *remembered)
{
    verify_ask_t ask = {.dir = tmp.path};
    if (remembered) {
        ask.remembered[ask.remembered_count++] = remembered;
    }
    verify_run(&ask, &report);
    return report.verdict;
}

static void assert_ok(void)
{
    if (verify(NULL) != VERDICT_OK) {
        fail_msg("leaf %lld: %s", (long long)report.faults[0].leaf, report.faults[0].text);
    }
}

static void byte_set(int fd, off_t at, uint8_t value)
{
    if (pwrite(fd, &value, 1, at) != 1) {
        fail_msg("byte %lld cannot be written", (long long)at);
    }
}

/* Which changes of how many bytes. */
typedef struct tampering {
    off_t step, from, to;   /* bytes from, from + step, ...; to = -1: the file's end */
    unsigned values;        /* other values tried a byte, 255 = all there are */
    unsigned part, parts;   /* every parts-th byte from part on: for several processes */
    unsigned long *changes; /* counted here */
} tampering_t;

static void byte_tamper(const char *path, int fd, off_t at, const tampering_t *t)
{
    uint8_t was;
    assert_int_equal(pread(fd, &was, 1, at), 1);
    for (unsigned i = 1; i <= t->values; i++) {
        /* All of them, or some that differ from byte to byte. */
        uint8_t mask = t->values == 255 ? (uint8_t)i : (uint8_t)(1U << ((at + 3 * i) % 8));
        byte_set(fd, at, (uint8_t)(was ^ mask));
        if (verify(NULL) == VERDICT_OK) {
            fail_msg("%s byte %lld from %02x to %02x and not noticed", path, (long long)at, was,
                     was ^ mask);
        }
        ++*t->changes;
    }
    byte_set(fd, at, was);
}

static void file_tamper(const char *path, const tampering_t *t)
{
    off_t to = t->to >= 0 ? t->to : file_size(path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = t->from + (off_t)t->part * t->step; at < to; at += t->step * t->parts) {
        byte_tamper(path, fd, at, t);
    }
    close(fd);
}

static off_t used_bytes(const char *path)
{
    static uint8_t mem[WAL_PIECE_MIN];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, mem, sizeof mem), sizeof mem);
    close(fd);
    off_t used = sizeof mem;
    while (used && !mem[used - 1]) {
        used--;
    }
    return used;
}

/* nftw has no context: what it needs stands here. */
static tampering_t tree_tampering;
static unsigned tree_files;

static int tamper_tree_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    tampering_t t = tree_tampering;
    (void)ftw;
    if (type != FTW_F || st->st_size == 0) {
        return 0;
    }
    tree_files++;
    if (strstr(path, "/log/")) { /* what was written; the zeros behind it are a case of their own */
        t.to = used_bytes(path);
    }
    file_tamper(path, &t);
    return 0;
}

static void tree_tamper(const char *dir, tampering_t t)
{
    tree_tampering = t;
    tree_files = 0;
    assert_int_equal(nftw(dir, tamper_tree_file, 16, FTW_PHYS), 0);
}

/* All files that the ledger has, whatever their names: the checkpoint, its copy, the key, tiles,
 * bundle, log. */
static void every_byte_small(void **state)
{
    unsigned long changes = 0, zeros = 0;
    const char *piece = in_dir(tmp.path, "log/00000000");
    assert_ok();
    assert_int_equal(report.size, SMALL);
    tree_tamper(tmp.path,
                (tampering_t){.step = 1, .to = -1, .values = 2, .parts = 1, .changes = &changes});
    assert_int_equal(tree_files, 6);
    file_tamper(piece, &(tampering_t){.step = 4093,
                                      .from = used_bytes(piece),
                                      .to = -1,
                                      .values = 1,
                                      .parts = 1,
                                      .changes = &zeros});
    printf("%lu changes of single bytes and %lu of the zeros behind the log noticed\n", changes,
           zeros);
    assert_ok();
}

/* For the suite `long`: every byte to every other value, and every zero behind the log, in two
 * processes. */
enum { PROCESSES = 2 };

static void every_change_part(unsigned part, unsigned long changes[2])
{
    const char *piece = in_dir(tmp.path, "log/00000000");
    assert_ok();
    tree_tamper(tmp.path, (tampering_t){.step = 1,
                                        .to = -1,
                                        .values = 255,
                                        .part = part,
                                        .parts = PROCESSES,
                                        .changes = &changes[0]});
    file_tamper(piece, &(tampering_t){.step = 1,
                                      .from = used_bytes(piece),
                                      .to = -1,
                                      .values = 1,
                                      .part = part,
                                      .parts = PROCESSES,
                                      .changes = &changes[1]});
    assert_ok();
}

static void every_change_small(void **state)
{
    unsigned long changes[2] = {0};
    pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) { /* a ledger of its own; the parts cover each byte's place once */
        tmp = tmpdir_make();
        make_ledger(SMALL);
        every_change_part(1, changes);
        tmpdir_remove(&tmp);
        _exit(0); /* a failed assertion ends in exit 1 by cmocka's abort */
    }
    every_change_part(0, changes);
    int status;
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    printf("%lu changes of single bytes and %lu of zeros noticed in this half\n", changes[0],
           changes[1]);
}

static void many_bytes_large(void **state)
{
    assert_ok();
    unsigned long changes = 0;
    tree_tamper(in_dir(tmp.path, "public"),
                (tampering_t){.step = 509, .to = -1, .values = 1, .parts = 1, .changes = &changes});
    assert_ok();
}

/* The record that was hit is the one that is named first. */
static void the_record_is_named(void **state)
{
    static uint8_t mem[65536];
    const char *bundle = in_dir(tmp.path, "public/tile/entries/001");
    int fd = open(bundle, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, mem, sizeof mem);
    close(fd);
    cursor_t c = cur_on(slice_make(mem, (size_t)len));
    for (unsigned i = 0; i < 256; i++) {
        off_t at = len - (off_t)c.left;
        off_t end = at + 2 + (off_t)cur_bytes(&c, cur_u16be(&c)).len;
        for (at += i % 64; at < end; at += 97) {
            file_flip(bundle, at, 1);
            assert_int_equal(verify(NULL), VERDICT_TAMPERED);
            assert_int_equal(report.faults[0].leaf, 256 + i);
            file_flip(bundle, at, 1);
        }
    }
}

static void cuts(void **state)
{
    static const char *const FILES[] = {"public/checkpoint",     "public/tile/entries/001",
                                        "public/tile/0/000",     "public/tile/entries/002.p/18",
                                        "public/tile/1/000.p/2", "signed",
                                        "log/00000000"};
    const char *aside = in_dir(tmp.path, "aside");
    for (size_t i = 0; i < BASE_COUNT(FILES); i++) {
        const char *file = in_dir(tmp.path, FILES[i]);
        /* Of the log's piece only what was written: behind it are zeros, which say nothing. */
        off_t size = i + 1 < BASE_COUNT(FILES) ? file_size(file) : used_bytes(file);
        assert_int_equal(rename(file, aside), 0); /* gone */
        assert_int_not_equal(verify(NULL), VERDICT_OK);
        for (off_t len = 0; len < size; len += size / 7 + 1) { /* cut */
            file_copy(aside, file);
            assert_int_equal(truncate(file, len), 0);
            assert_int_not_equal(verify(NULL), VERDICT_OK);
        }
        assert_int_equal(rename(aside, file), 0);
    }
    assert_ok();
}

/* The log cut behind each of its groups, with and without the last piece of the tree: 0 accepted.
 */
static void every_group_cut(void **state)
{
    static uint8_t was[WAL_PIECE_MIN];
    static const uint8_t ZEROS[WAL_PIECE_MIN];
    const char *path = in_dir(tmp.path, "log/00000000");
    size_t used = (size_t)used_bytes(path);
    unsigned cuts_made = 0;
    char log[256];
    snprintf(log, sizeof log, "%s", path);
    int fd = open(log, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, was, sizeof was, 0), sizeof was);
    for (size_t at = 0; at < used; at++) {
        if (memcmp(was + at, "SKL\xf1", 4) != 0) {
            continue;
        }
        assert_int_equal(pwrite(fd, ZEROS, used - at, (off_t)at), used - at);
        assert_int_equal(verify(NULL), VERDICT_TAMPERED);
        assert_int_equal(pwrite(fd, was + at, used - at, (off_t)at), used - at);
        cuts_made++;
    }
    close(fd);
    printf("%u cuts of the log noticed\n", cuts_made);
    assert_true(cuts_made > 30);
    assert_ok();
}

/* A ledger rolled back as a whole, all its files agreeing: only somebody who remembers can tell. */
static void whole_rollback(void **state)
{
    const char *remembered = in_dir(tmp.path, "remembered");
    assert_ok();
    file_copy(in_dir(tmp.path, "public/checkpoint"), remembered);
    tmpdir_t newer = tmp;
    tmp = tmpdir_make(); /* the same key, the same log, but shorter */
    make_ledger(LARGE - 20);
    assert_ok();
    assert_int_equal(verify(in_dir(newer.path, "remembered")), VERDICT_TAMPERED);
    assert_non_null(strstr(report.faults[0].text, "cut"));
    make_ledger(LARGE); /* grown beyond it again: another past */
    assert_ok();
    assert_true(report.size >= LARGE);
    assert_int_equal(verify(in_dir(newer.path, "remembered")), VERDICT_TAMPERED);
    assert_non_null(strstr(report.faults[0].text, "signed earlier"));
    tmpdir_remove(&tmp);
    tmp = newer;
    assert_int_equal(verify(in_dir(newer.path, "remembered")), VERDICT_OK);
    assert_int_equal(report.remembered, 1);
}

/* Two bundles swapped; the tree left as it was. */
static void swapped(void **state)
{
    const char *a = in_dir(tmp.path, "public/tile/entries/000");
    const char *b = in_dir(tmp.path, "public/tile/entries/001");
    const char *aside = in_dir(tmp.path, "aside");
    assert_int_equal(rename(a, aside), 0);
    assert_int_equal(rename(b, a), 0);
    assert_int_equal(rename(aside, b), 0);
    assert_int_equal(verify(NULL), VERDICT_TAMPERED);
    assert_int_equal(report.faults[0].leaf, 0);
}

/* A thief without the key makes bundles, tiles and log agree, and cannot sign. */
static void other_key(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {99};
    uint8_t mem[NOTE_MAX];
    note_key_t thief;
    checkpoint_t cp;
    assert_ok();
    cp.size = report.size;
    memcpy(cp.root.b, report.root, sizeof report.root);
    assert_false(err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &thief)));
    buf_t note = BUF_ON_ARRAY(mem);
    note_put_checkpoint(&note, &thief, &cp);
    int fd = open(in_dir(tmp.path, "public/checkpoint"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, note.ptr, note.len), note.len);
    close(fd);
    assert_int_equal(verify(NULL), VERDICT_TAMPERED);
}

static void no_leaf(void *ctx, uint64_t seq, slice_t leaf)
{
}

/* A log in motion, stopped at its worst moment: the last frame came after the piece was seen, the
 * one before it is not read yet. Beside a writer that is no fault; in a still log it is damage. */
static void hole_in_motion(void **state)
{
    static uint8_t was[WAL_PIECE_MIN];
    static const uint8_t ZEROS[WAL_PIECE_MIN];
    static vlog_t log;
    const char *path = in_dir(tmp.path, "log/00000000");
    size_t used = (size_t)used_bytes(path), last = used, before, end = used;
    int dir = open(in_dir(tmp.path, "log"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t first, next;
    assert_int_equal(pread(fd, was, sizeof was, 0), sizeof was);
    while (memcmp(was + --last, "SKL\xf1", 4) != 0) {
    }
    for (before = last; memcmp(was + --before, "SKL\xf1", 4) != 0;) {
    }
    for (unsigned live = 0; live < 2; live++) {
        assert_int_equal(pwrite(fd, ZEROS, end - before, (off_t)before), end - before);
        log = (vlog_t){.live = live};
        vlog_open(dir, &log);
        assert_int_equal(pwrite(fd, was + last, end - last, (off_t)last), end - last);
        report = (report_t){0};
        vlog_check(&log, &report, no_leaf, NULL, &first, &next);
        assert_int_equal(report.verdict, live ? VERDICT_OK : VERDICT_TAMPERED);
        assert_true(next >= 3); /* those before are still read */
    }
    assert_int_equal(pwrite(fd, was, sizeof was, 0), sizeof was);
    close(fd);
    close(dir);
    assert_ok();
}

#define WITH_SMALL(fn) cmocka_unit_test_setup_teardown(fn, setup_small, teardown)
#define WITH_LARGE(fn) cmocka_unit_test_setup_teardown(fn, setup_large, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest every_change[] = {WITH_SMALL(every_change_small)};
    const struct CMUnitTest tests[] = {
        WITH_SMALL(every_byte_small),
        WITH_LARGE(many_bytes_large),
        WITH_LARGE(the_record_is_named),
        WITH_LARGE(cuts),
        WITH_LARGE(every_group_cut),
        WITH_LARGE(whole_rollback),
        WITH_LARGE(swapped),
        WITH_SMALL(other_key),
        WITH_SMALL(hole_in_motion),
    };
    return argc > 1 && strcmp(argv[1], "--every-change") == 0
               ? cmocka_run_group_tests(every_change, NULL, NULL)
               : cmocka_run_group_tests(tests, NULL, NULL);
}
