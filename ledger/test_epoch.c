/* Copies of a ledger that is being written, and the epoch that a restored copy begins. The verifier
 * judges each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "keeper.h"
#include "ledger/api_copy.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

static tmpdir_t tmp;
static note_key_t old_key, new_key;
static keeper_t keeper;
static char fault[KEEPER_FAULT];
static char live[128], copy[128], scratch[128];
static const uint8_t OLD_SEED[NOTE_SEED] = {7}, NEW_SEED[NOTE_SEED] = {8};

static int setup(void **state)
{
    tmp = tmpdir_make();
    snprintf(live, sizeof live, "%s/live", tmp.path);
    snprintf(copy, sizeof copy, "%s/copy", tmp.path);
    snprintf(scratch, sizeof scratch, "%s/scratch", tmp.path);
    bool made = mkdir(live, 0700) == 0 && mkdir(scratch, 0700) == 0;
    err_t e = note_key_init(SLICE("sekisho.local/test"), OLD_SEED, &old_key);
    err_t f = note_key_init(SLICE("sekisho.local/test/r-bbbbbbbb"), NEW_SEED, &new_key);
    return made && !err_failed(e) && !err_failed(f) ? 0 : -1;
}

static int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

static void open_at(const char *dir, const note_key_t *key, epoch_t *epoch, err_code_t want)
{
    keeper_conf_t conf = {.dir = {dir},
                          .key = key,
                          .profile = "test",
                          .piece_bytes = WAL_PIECE_MIN,
                          .gather_ms = 1,
                          .epoch = epoch};
    err_t e = keeper_open(&keeper, &conf, fault);
    if (e.code != want) {
        fail_msg("%s:%d %s", e.where, e.line, fault);
    }
}

static void add(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq;
        ledger_record_t rec = {.type = LEDGER_BOOKING_CREATED, .facts = SLICE("a=b")};
        err_t e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        if (err_is(e, ERR_LIMIT)) {
            assert_false(err_failed(keeper_flush(&keeper)));
            e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        }
        assert_false(err_failed(e));
    }
    assert_false(err_failed(keeper_flush(&keeper)));
}

static void wait_sealed(void)
{
    int64_t until = clock_wait_us() + 20 * CLOCK_SECOND_US;
    while (sealer_state(keeper.sealer).signed_cp.size < keeper_size(&keeper)) {
        CHECK(clock_wait_us() < until);
        usleep(1000);
    }
    keeper_sealed(&keeper);
}

/* ---- copying ---- */

static err_t take(void *ctx, const char *name, path_t at)
{
    char to[256];
    snprintf(to, sizeof to, "%s/%s", (const char *)ctx, name);
    for (char *slash = to + strlen(tmp.path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(to, 0700);
        *slash = '/';
    }
    if (access(at.text, F_OK) != 0) {
        return FAIL(ERR_NOT_FOUND);
    }
    file_copy(at.text, to);
    return OK;
}

static ledger_copy_facts_t copied(const char *to, uint64_t at_least)
{
    ledger_copy_facts_t facts;
    err_t e = ledger_copy(&(ledger_place_t){.ledger = {live}}, (path_t){scratch}, at_least, take,
                          (void *)(uintptr_t)to, &facts);
    if (err_failed(e)) {
        fail_msg("%s:%d", e.where, e.line);
    }
    return facts;
}

static report_t verified(const char *dir, const char *key_file, const char *checkpoint,
                         verdict_t want)
{
    static report_t report;
    verify_ask_t ask = {.dir = dir, .key_file = key_file};
    if (checkpoint) {
        ask.remembered[ask.remembered_count++] = checkpoint;
    }
    verify_run(&ask, &report);
    if (report.verdict != want) {
        fail_msg("verdict %d: leaf %lld: %s", (int)report.verdict, (long long)report.faults[0].leaf,
                 report.faults[0].text);
    }
    return report;
}

static void copies(void **state)
{
    static const unsigned SIZES[] = {1, 200, 56, 300, 2000, 1};
    open_at(live, &old_key, NULL, ERR_NONE);
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        char to[160];
        snprintf(to, sizeof to, "%s%zu", copy, i);
        add(SIZES[i]);
        wait_sealed();
        char seen[192], of_copy[224];
        snprintf(seen, sizeof seen, "%s/public/witnessed", live);
        snprintf(of_copy, sizeof of_copy, "%s/public/witnessed", to);
        if (i == 2) { /* as if witnesses had seen this much, and no more later */
            char checkpoint[192];
            snprintf(checkpoint, sizeof checkpoint, "%s/public/checkpoint", live);
            file_copy(checkpoint, seen);
        }
        ledger_copy_facts_t f = copied(to, keeper_size(&keeper));
        assert_int_equal(f.size, keeper_size(&keeper));
        assert_int_equal(access(of_copy, F_OK) == 0, i >= 2);
        report_t r = verified(to, NULL, i >= 2 ? of_copy : NULL, VERDICT_OK);
        assert_int_equal(r.size, f.size);
        assert_memory_equal(r.root, f.root, 32);
    }
    ledger_copy_facts_t f;
    assert_int_equal(ledger_copy(&(ledger_place_t){.ledger = {live}}, (path_t){scratch},
                                 keeper_size(&keeper) + 1, take, copy, &f)
                         .code,
                     ERR_UNAVAILABLE);
    keeper_abandon(&keeper);
}

typedef struct copier {
    unsigned copies;
    bool stop;
    err_t e;
} copier_t;

static void *copy_on(void *ctx)
{
    copier_t *c = ctx;
    while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE) && !err_failed(c->e)) {
        char to[160];
        ledger_copy_facts_t f;
        snprintf(to, sizeof to, "%s-%u", copy, c->copies);
        c->e = ledger_copy(&(ledger_place_t){.ledger = {live}}, (path_t){scratch}, 0, take, to, &f);
        c->copies += !err_failed(c->e);
    }
    return NULL;
}

/* Pieces come and go, partial tiles are removed, frames are half written: each copy holds. */
static void copies_beside_a_writer(void **state)
{
    copier_t c = {.e = OK};
    pthread_t thread;
    open_at(live, &old_key, NULL, ERR_NONE);
    add(10);
    wait_sealed();
    assert_int_equal(pthread_create(&thread, NULL, copy_on, &c), 0);
    for (unsigned i = 0; i < 400; i++) {
        add(1 + i * 37 % 90);
        if (i % 3 == 0) {
            keeper_sealed(&keeper);
        }
    }
    __atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    keeper_close(&keeper);
    if (err_failed(c.e)) {
        fail_msg("%s:%d", c.e.where, c.e.line);
    }
    assert_true(c.copies > 0);
    for (unsigned i = 0; i < c.copies; i += 1 + c.copies / 40) {
        char to[160];
        snprintf(to, sizeof to, "%s-%u", copy, i);
        verified(to, NULL, in_dir(to, "public/checkpoint"), VERDICT_OK);
        verified(live, NULL, in_dir(to, "public/checkpoint"), VERDICT_OK); /* a prefix of it */
    }
}

/* ---- epochs ---- */

static void restored_write(uint64_t known)
{
    uint8_t mem[256];
    buf_t text = BUF_ON_ARRAY(mem);
    ledger_restored_t r = {
        .epoch = "bbbbbbbb", .backup = "x.skb", .backup_us = 5, .known_size = known};
    ledger_restored_put(&text, &r);
    assert_false(
        err_failed(file_replace((path_t){in_dir(copy, "restored")}, buf_slice(&text), 0600)));
}

/* As main.c does it. before: the key that hands over. */
static void epoch_begins(epoch_t *epoch, const uint8_t before[NOTE_SEED])
{
    assert_false(err_failed(epoch_read((path_t){copy}, epoch)));
    assert_true(epoch->pending);
    assert_false(err_failed(note_key_init(SLICE("sekisho.local/test"), before, &epoch->before)));
    assert_false(err_failed(epoch_hand_over((path_t){copy}, &old_key, &new_key)));
}

static void keep_elsewhere(const char *what, const char *as)
{
    file_copy(what, in_dir(tmp.path, as));
}

/* A copy is made; the house goes on and signs more; then all but the copy is lost. */
static ledger_copy_facts_t lost_after(unsigned more)
{
    open_at(live, &old_key, NULL, ERR_NONE);
    add(300);
    wait_sealed();
    ledger_copy_facts_t f = copied(copy, keeper_size(&keeper));
    keep_elsewhere(in_dir(live, "public/checkpoint"), "early");
    keep_elsewhere(in_dir(live, "public/ledger.vkey"), "old.vkey");
    add(more);
    wait_sealed();
    keep_elsewhere(in_dir(live, "public/checkpoint"), "late");
    keeper_abandon(&keeper);
    return f;
}

static void a_new_epoch(void **state)
{
    epoch_t epoch;
    ledger_copy_facts_t f = lost_after(50);
    restored_write(f.size + 50);
    epoch_begins(&epoch, OLD_SEED);
    open_at(copy, &new_key, &epoch, ERR_NONE);
    assert_false(epoch.pending);
    add(100); /* past the size of the late checkpoint, with other leaves */
    wait_sealed();
    keeper_close(&keeper);
    report_t r = verified(copy, NULL, in_dir(tmp.path, "early"), VERDICT_OK);
    assert_int_equal(r.restores, 1);
    assert_int_equal(r.lost, 50);
    verified(copy, in_dir(tmp.path, "old.vkey"), NULL, VERDICT_OK);
    r = verified(copy, NULL, in_dir(tmp.path, "late"), VERDICT_INCOMPLETE);
    assert_non_null(strstr(r.faults[0].text, "lost in a restore"));
    /* once more, as at every later start */
    assert_false(err_failed(epoch_read((path_t){copy}, &epoch)));
    assert_false(epoch.pending);
    assert_string_equal(epoch.letters, "bbbbbbbb");
    open_at(copy, &new_key, &epoch, ERR_NONE);
    keeper_close(&keeper);
    verified(copy, NULL, NULL, VERDICT_OK);
    /* without its epoch the key is a stranger's; with another number the record is not the one */
    open_at(copy, &new_key, NULL, ERR_CONFIG);
    epoch.seq--;
    open_at(copy, &new_key, &epoch, ERR_CONFIG);
}

/* Who takes the folder but not the old key cannot make the hand-over. */
static void a_forged_hand_over(void **state)
{
    static const uint8_t THIEF[NOTE_SEED] = {9};
    epoch_t epoch;
    ledger_copy_facts_t f = lost_after(5);
    restored_write(0);
    epoch_begins(&epoch, THIEF);
    open_at(copy, &new_key, &epoch, ERR_NONE);
    add(1);
    wait_sealed();
    keeper_close(&keeper);
    report_t r = verified(copy, NULL, NULL, VERDICT_TAMPERED);
    assert_int_equal(r.faults[0].leaf, f.size + 1); /* behind ROOM_START */
    assert_non_null(strstr(r.faults[0].text, "did not hand over"));
}

/* The same key under the same name signs no second tree: a copy without its restore is refused
 * where it can be known, and named where it is checked. */
static void without_an_epoch(void **state)
{
    (void)lost_after(50);
    open_at(copy, &old_key, NULL,
            ERR_NONE); /* alone it looks well: that is why a restore says so */
    add(100);
    wait_sealed();
    keeper_close(&keeper);
    verified(copy, NULL, in_dir(tmp.path, "late"), VERDICT_TAMPERED);
}

/* A crash anywhere in the hand-over: it is gone through again. */
static void twice(void **state)
{
    epoch_t epoch;
    (void)lost_after(5);
    restored_write(0);
    epoch_begins(&epoch, OLD_SEED);
    epoch_begins(&epoch, OLD_SEED);
    open_at(copy, &new_key, &epoch, ERR_NONE);
    keeper_abandon(&keeper);
    unlink(in_dir(copy, "epoch")); /* the record is there, the note of it is not */
    restored_write(0);
    epoch_begins(&epoch, OLD_SEED);
    open_at(copy, &new_key, &epoch, ERR_NONE);
    wait_sealed();
    keeper_close(&keeper);
    report_t r = verified(copy, NULL, NULL, VERDICT_OK);
    assert_int_equal(r.restores, 1);
}

static void restored_texts(void **state)
{
    static const char *const BAD[] = {
        "",
        "sekisho restored v2\nbbbbbbbb\nx\n1\n0\n",
        "sekisho restored v1\nbbbb\nx\n1\n0\n",
        "sekisho restored v1\nbbbb+bbb\nx\n1\n0\n",
        "sekisho restored v1\nbbbbbbbb\n\n1\n0\n",
        "sekisho restored v1\nbbbbbbbb\nx\n-1\n0\n",
        "sekisho restored v1\nbbbbbbbb\nx\n1\n",
        "sekisho restored v1\nbbbbbbbb\nx\n1\n99999999999999999999\n",
    };
    ledger_restored_t r;
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        assert_true(err_failed(ledger_restored_get(slice_cstr_in(BAD[i]), &r)));
    }
    assert_false(
        err_failed(ledger_restored_get(SLICE("sekisho restored v1\nbbbbbbbb\nx\n1\n7\n"), &r)));
    assert_int_equal(r.known_size, 7);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(copies),           CASE(copies_beside_a_writer),
        CASE(a_new_epoch),      CASE(a_forged_hand_over),
        CASE(without_an_epoch), CASE(twice),
        CASE(restored_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
