/* Segments of 256 leaves: each key signs its own, hands over and is gone; a crash anywhere is gone
 * on from; the verifier judges each ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "tests/small.h"

static unsigned key_files(void)
{
    unsigned n = 0;
    DIR *d = opendir(secrets);
    for (struct dirent *e; (e = readdir(d));) {
        n += strncmp(e->d_name, "note", 4) == 0;
    }
    closedir(d);
    return n;
}

static void each_key_signs_its_own(void **state)
{
    open_fine();
    wait_for(sealed);
    file_copy(in_dir(dir, "public/ledger.vkey"), in_dir(tmp.path, "first.vkey"));
    for (unsigned i = 0; i < 6; i++) {
        char name[32];
        add(300);
        wait_for(sealed);
        snprintf(name, sizeof name, "cp-%u", i);
        file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, name));
        if (i % 2) {
            keeper_close(&keeper);
            open_fine();
        }
        wait_for(worked);
        assert_int_equal(key_files(), 1); /* all others are gone */
    }
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.segments, report.size / LEAVES);
    assert_true(report.segments >= 7);
    assert_int_equal(verify_with(in_dir(tmp.path, "first.vkey"), NULL), VERDICT_OK);
    for (unsigned i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "cp-%u", i);
        assert_int_equal(verify_with(NULL, in_dir(tmp.path, name)), VERDICT_OK);
        assert_int_equal(report.remembered, 1);
    }
}

/* The ledger is left at every size around a segment's end, as by a crash, and goes on. */
static void every_size_around_the_end(void **state)
{
    for (uint64_t at = 2 * LEAVES - 6; at < 2 * LEAVES + 5; at++) {
        open_fine();
        if (keeper_size(&keeper) < at) {
            grow_to(at);
        }
        at % 2 ? wait_for(sealed) : (void)0;
        keeper_abandon(&keeper);
        assert_verdict(VERDICT_OK);
    }
    open_fine();
    add(3 * LEAVES); /* several ends in one go */
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(key_files(), 1);
}

/* A group of many records goes over an end: its place is SEGMENT_END's, all else moves up. */
static void one_message_over_the_end(void **state)
{
    static ledger_record_t recs[LEDGER_BATCH_MAX];
    uint64_t first;
    open_fine();
    for (size_t i = 0; i < BASE_COUNT(recs); i++) {
        recs[i] = (ledger_record_t){.type = LEDGER_BOOKING_CREATED, .request = id_new()};
    }
    assert_false(err_failed(
        keeper_add(&keeper, ROOM_SHOP, recs, BASE_COUNT(recs), 40 * BASE_COUNT(recs), &first)));
    assert_false(err_failed(keeper_flush(&keeper)));
    assert_int_equal(first, 2);
    assert_int_equal(keeper_size(&keeper), 2 + BASE_COUNT(recs) + 1);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.segments, 1);
}

/* ---- a crash in the hand-over ---- */

/* Everything as it was right before the last segment ended is kept; then single steps are undone,
 * as a crash would have left them. */
static void crash_in_the_hand_over(void **state)
{
    static const char *const LATER[] = {"public/ledger.vkey", "public/checkpoint",
                                        "public/seal/000"};
    open_fine();
    grow_to(LEAVES - 1);
    wait_for(sealed);
    for (size_t i = 0; i < BASE_COUNT(LATER); i++) {
        char name[32];
        snprintf(name, sizeof name, "was-%zu", i);
        if (access(in_dir(dir, LATER[i]), F_OK) == 0) {
            file_copy(in_dir(dir, LATER[i]), in_dir(tmp.path, name));
        }
    }
    keeper_abandon(&keeper);
    file_copy(in_dir(secrets, "note.key"), in_dir(tmp.path, "note.key"));
    open_fine(); /* ROOM_START would be leaf 255: SEGMENT_END comes first */
    wait_for(worked);
    keeper_abandon(&keeper);
    assert_verdict(VERDICT_OK);
    assert_true(access(in_dir(secrets, "note.key"), F_OK) != 0);
    assert_int_equal(report.size, LEAVES + 2); /* and INDEX_ROOT */
}

/* `signed` says the segment's end, and nothing after it was done any more. */
static void crash_after_signed(void **state)
{
    note_key_t old, next;
    uint64_t from;
    uint8_t mem[NOTE_MAX];
    open_fine();
    grow_to(LEAVES - 1);
    wait_for(sealed);
    assert_false(err_failed(notekeys_load(&keys, 0, &old, &from)));
    file_copy(in_dir(dir, "public/checkpoint"), in_dir(tmp.path, "checkpoint"));
    file_copy(in_dir(dir, "public/ledger.vkey"), in_dir(tmp.path, "ledger.vkey"));
    file_copy(in_dir(secrets, "note.key"), in_dir(tmp.path, "note.key"));
    /* SEGMENT_END alone: its group ends exactly there */
    uint64_t seq;
    leaf_extra_t extra = {0};
    uint8_t vkey_mem[256];
    buf_t vkey = BUF_ON_ARRAY(vkey_mem);
    assert_false(err_failed(notekeys_next(&keys, 1, &next)));
    assert_false(err_failed(keeper.commit.ends.next(keeper.commit.ends.ctx, 1, &extra, &vkey)));
    commit_ends_t ends = keeper.commit.ends;
    keeper.commit.ends.next = NULL;
    uint8_t facts_mem[512];
    buf_t facts = BUF_ON_ARRAY(facts_mem);
    ledger_fact_i64(&facts, "segment", 0);
    ledger_fact(&facts, "vkey", buf_slice(&vkey));
    ledger_record_t end = {.type = LEDGER_SEGMENT_END, .facts = buf_slice(&facts)};
    assert_false(err_failed(commit_add(&keeper.commit, ROOM_LEDGER, &end, &extra, &seq)));
    assert_false(err_failed(keeper_flush(&keeper)));
    keeper.commit.ends = ends;
    int64_t until = clock_wait_us() + 20 * CLOCK_SECOND_US;
    while (!sealed()) { /* without a turn: the worker's record would come behind it */
        CHECK(clock_wait_us() < until);
        usleep(500);
    }
    keeper_abandon(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.size, LEAVES);
    /* everything behind `signed` undone */
    file_copy(in_dir(tmp.path, "checkpoint"), in_dir(dir, "public/checkpoint"));
    file_copy(in_dir(tmp.path, "ledger.vkey"), in_dir(dir, "public/ledger.vkey"));
    file_copy(in_dir(tmp.path, "note.key"), in_dir(secrets, "note.key"));
    chmod(in_dir(secrets, "note.key"), 0400);
    unlink(in_dir(dir, "public/seal/000"));
    assert_verdict(VERDICT_OK);
    open_fine();
    assert_true(access(in_dir(dir, "public/seal/000"), F_OK) == 0);
    assert_true(access(in_dir(secrets, "note.key"), F_OK) != 0);
    int fd = open(in_dir(dir, "public/ledger.vkey"), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, mem, sizeof mem);
    close(fd);
    assert_true(slice_starts(slice_make(mem, (size_t)n), buf_slice(&vkey)));
    add(10);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    note_key_wipe(&old);
    note_key_wipe(&next);
}

/* No next key can be made: what would go over the end is refused whole, nothing else is lost, and
 * it goes on when it can. */
static void no_next_key_for_now(void **state)
{
    static ledger_record_t recs[8];
    uint64_t seq, before;
    open_fine();
    grow_to(LEAVES - 3);
    for (size_t i = 0; i < BASE_COUNT(recs); i++) {
        recs[i] = (ledger_record_t){.type = LEDGER_CONSENT, .request = id_new()};
    }
    assert_int_equal(rename(secrets, in_dir(tmp.path, "away")), 0);
    before = keeper.commit.next;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(err_is(keeper_add(&keeper, ROOM_SHOP, recs, BASE_COUNT(recs), 400, &seq),
                           ERR_NOT_RECORDED));
        assert_int_equal(keeper.commit.next, before);
    }
    assert_int_equal(rename(in_dir(tmp.path, "away"), secrets), 0);
    assert_false(err_failed(keeper_add(&keeper, ROOM_SHOP, recs, BASE_COUNT(recs), 400, &seq)));
    assert_false(err_failed(keeper_flush(&keeper)));
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.segments, 1);
}

/* ---- copies and restores ---- */

static char copy[128], copy_secrets[128], scratch[128];

static err_t take(void *ctx, const char *name, path_t at)
{
    char to[512];
    bool secret = strncmp(name, "secrets/", 8) == 0;
    (void)ctx;
    if (access(at.text, F_OK) != 0) {
        return FAIL(ERR_NOT_FOUND);
    }
    snprintf(to, sizeof to, "%s/%s", secret ? copy_secrets : copy, secret ? name + 8 : name);
    for (char *slash = to + strlen(tmp.path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(to, 0700);
        *slash = '/';
    }
    file_copy(at.text, to);
    return OK;
}

static ledger_copy_facts_t copied(void)
{
    ledger_place_t place = {{dir}, {secrets}};
    ledger_copy_facts_t facts = {0};
    snprintf(copy, sizeof copy, "%s/copy", tmp.path);
    snprintf(copy_secrets, sizeof copy_secrets, "%s/copy-secrets", tmp.path);
    snprintf(scratch, sizeof scratch, "%s/scratch", tmp.path);
    mkdir(scratch, 0700);
    err_t e = ledger_copy(&place, (path_t){scratch}, 0, take, NULL, &facts);
    if (err_failed(e)) {
        fail_msg("%s:%d", e.where, e.line);
    }
    return facts;
}

/* The copy becomes the ledger; a restore is pending, as main.c goes through it. */
static void restored_open(const char *letters)
{
    static epoch_t next;
    static notekeys_t old;
    uint8_t mem[256], root[32], note[NOTE_MAX];
    buf_t text = BUF_ON_ARRAY(mem);
    uint64_t size, from;
    note_key_t first;
    ledger_restored_t restored = {.backup = "x", .backup_us = 1};
    memcpy(dir, copy, sizeof dir);
    memcpy(secrets, copy_secrets, sizeof secrets);
    memcpy(restored.epoch, letters, sizeof restored.epoch);
    ledger_restored_put(&text, &restored);
    assert_false(
        err_failed(file_replace((path_t){in_dir(dir, "restored")}, buf_slice(&text), 0600)));
    int fd = open(in_dir(dir, "signed"), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, note, sizeof note);
    close(fd);
    assert_false(err_failed(ledger_copy_checkpoint(slice_make(note, (size_t)n), &size, root)));
    assert_false(err_failed(epoch_read((path_t){dir}, &next)));
    assert_false(
        err_failed(notekeys_init(&old, (path_t){secrets}, geteuid(), ORIGIN, next.letters)));
    assert_false(err_failed(notekeys_load(&old, size / LEAVES, &next.before, &from)));
    assert_false(err_failed(notekeys_init(&keys, (path_t){secrets}, geteuid(), ORIGIN, letters)));
    assert_false(err_failed(notekeys_first(&keys, &first)));
    assert_false(err_failed(epoch_hand_over((path_t){dir}, &next.before, &first)));
    note_key_wipe(&first);
    epoch = &next;
    old_keys = &old;
    open_fine();
    old_keys = NULL;
}

/* Taken while keys hand over under it: each copy verifies and has the key that signed it. */
static void copies_have_their_key(void **state)
{
    open_fine();
    wait_for(sealed);
    for (unsigned i = 0; i < 12; i++) {
        add(100 + 13 * i);
        ledger_copy_facts_t f = copied();
        static report_t r;
        verify_ask_t ask = {.dir = copy};
        verify_run(&ask, &r);
        if (r.verdict != VERDICT_OK) {
            fail_msg("%s", r.faults[0].text);
        }
        assert_int_equal(r.size, f.size);
        notekeys_t its;
        note_key_t key;
        uint64_t from;
        assert_false(
            err_failed(notekeys_init(&its, (path_t){copy_secrets}, geteuid(), ORIGIN, "")));
        chmod(copy_secrets, 0700);
        assert_false(err_failed(notekeys_load(&its, f.size / LEAVES, &key, &from)));
        note_key_wipe(&key);
        DIR *d = opendir(scratch); /* no key stays behind */
        for (struct dirent *e; (e = readdir(d));) {
            assert_true(strncmp(e->d_name, "note", 4) != 0);
        }
        closedir(d);
        nftw(copy, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
        nftw(copy_secrets, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    keeper_close(&keeper);
}

/* The copy's checkpoint stands before a segment's end, its log behind it: on the way back the keys
 * that came along seal what they would have sealed. */
static void restored_over_an_end(void **state)
{
    gather_ms = 900;
    open_fine();
    grow_to(LEAVES - 20);
    wait_for(sealed);
    add(60); /* in the log; sealed within a second */
    ledger_copy_facts_t f = copied();
    assert_true(f.size < LEAVES && f.log_end > LEAVES);
    keeper_abandon(&keeper);
    gather_ms = 1;
    restored_open("bbbbbbbb");
    add(2 * LEAVES);
    wait_for(worked);
    assert_int_equal(key_files(), 1); /* the old epoch's are gone */
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.restores, 1);
    assert_int_equal(report.segments, report.size / LEAVES);
    assert_false(err_failed(epoch_read((path_t){dir}, epoch)));
    open_fine();
    add(1);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

/* ---- thieves ---- */

/* The key that is announced is gone, or another one: nothing more is signed. */
static void another_next_key(void **state)
{
    static const uint8_t SEED[NOTE_SEED] = {9};
    open_fine();
    grow_to(LEAVES - 1);
    wait_for(sealed);
    note_key_t next;
    assert_false(err_failed(notekeys_next(&keys, 1, &next)));
    uint64_t seq;
    ledger_record_t rec = {.type = LEDGER_CONSENT};
    assert_false(err_failed(keeper_add(&keeper, ROOM_SHOP, &rec, 1, 100, &seq)));
    unlink(in_dir(secrets, "note.1.key"));
    int fd = open(in_dir(secrets, "note.1.key"), O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
    assert_int_equal(write(fd, SEED, sizeof SEED), sizeof SEED);
    close(fd);
    assert_false(err_failed(keeper_flush(&keeper)));
    int64_t until = clock_wait_us() + 20 * CLOCK_SECOND_US;
    while (!keeper_refuses(&keeper) && clock_wait_us() < until) {
        usleep(1000);
        keeper_sealed(&keeper);
    }
    assert_non_null(keeper_refuses(&keeper));
    keeper_abandon(&keeper);
}

/* Somebody with the present key cannot say anything of a segment that ended: its seal is wanted. */
static void seals_are_wanted(void **state)
{
    const char *seal = in_dir(dir, "public/seal/001"), *aside = in_dir(tmp.path, "aside");
    uint8_t mem[NOTE_MAX], forged_mem[NOTE_MAX];
    note_key_t key;
    uint64_t from;
    checkpoint_t cp;
    open_fine();
    add(3 * LEAVES + 5);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(rename(seal, aside), 0);
    assert_verdict(VERDICT_INCOMPLETE);
    /* signed anew by the key that is still there */
    int fd = open(aside, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, mem, sizeof mem);
    close(fd);
    assert_false(err_failed(note_read_checkpoint(slice_make(mem, (size_t)n), ORIGIN, &cp)));
    assert_int_equal(cp.size, 2 * LEAVES);
    assert_false(err_failed(notekeys_load(&keys, report.size / LEAVES, &key, &from)));
    buf_t forged = BUF_ON_ARRAY(forged_mem);
    note_put_checkpoint(&forged, &key, &cp);
    fd = open(seal, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, forged.ptr, forged.len), forged.len);
    close(fd);
    assert_verdict(VERDICT_TAMPERED);
    assert_int_equal(report.faults[0].leaf, 2 * LEAVES - 1);
    /* another segment's */
    file_copy(in_dir(dir, "public/seal/000"), seal);
    assert_verdict(VERDICT_TAMPERED);
    assert_int_equal(rename(aside, seal), 0);
    for (off_t at = 0; at < file_size(seal); at++) {
        file_flip(seal, at, 1);
        assert_true(verify_with(NULL, NULL) != VERDICT_OK);
        file_flip(seal, at, 1);
    }
    assert_verdict(VERDICT_OK);
}

/* A checkpoint that a key signed beyond its own segment was made by somebody who kept the key. */
static void a_key_that_was_kept(void **state)
{
    note_key_t first;
    uint64_t from;
    uint8_t mem[NOTE_MAX];
    open_fine();
    assert_false(err_failed(notekeys_load(&keys, 0, &first, &from)));
    add(LEAVES + 50);
    wait_for(worked);
    checkpoint_t cp = sealer_state(keeper.sealer).signed_cp;
    keeper_close(&keeper);
    buf_t note = BUF_ON_ARRAY(mem);
    note_put_checkpoint(&note, &first, &cp); /* even of the true tree */
    int fd = open(in_dir(tmp.path, "late"), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, note.ptr, note.len), note.len);
    close(fd);
    assert_int_equal(verify_with(NULL, in_dir(tmp.path, "late")), VERDICT_TAMPERED);
    assert_non_null(strstr(report.faults[0].text, "ended its segment"));
    note_key_wipe(&first);
}

static void any_byte(void **state)
{
    mac_start(1);
    open_fine();
    add(LEAVES + 60);
    wait_for(worked);
    keeper_close(&keeper);
    tamper_all(67);
}

/* ---- packed bundles ---- */

static void packed_bundles_are_read(void **state)
{
    const char *packed = in_dir(dir, "public/tile/entries/000.zst");
    open_fine();
    add(2 * LEAVES + 7);
    wait_for(worked);
    keeper_close(&keeper);
    assert_true(access(packed, F_OK) == 0);
    assert_true(access(in_dir(dir, "public/tile/entries/000"), F_OK) != 0);
    assert_true(access(in_dir(dir, "public/tile/entries/002"), F_OK) != 0);
    open_fine();
    cursor_t run;
    uint64_t end;
    leaf_t leaf;
    assert_false(err_failed(entries_run(&keeper.entries, 100, &run, &end)));
    assert_false(err_failed(leaf_get(leaf_next(&run), &leaf)));
    assert_int_equal(leaf.entry.seq, 100);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    unsigned same = 0, all = 0;
    for (off_t at = 0; at < file_size(packed); at++, all++) {
        file_flip(packed, at, 0x10);
        same += verify_with(NULL, NULL) == VERDICT_OK;
        file_flip(packed, at, 0x10);
    }
    printf("%u of %u changes of a packed bundle left its leaves as they were\n", same, all);
    assert_int_equal(same, 0);
    assert_int_equal(truncate(packed, file_size(packed) - 1), 0);
    assert_true(verify_with(NULL, NULL) != VERDICT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_key_signs_its_own),   CASE(every_size_around_the_end),
        CASE(one_message_over_the_end), CASE(crash_in_the_hand_over),
        CASE(crash_after_signed),       CASE(another_next_key),
        CASE(seals_are_wanted),         CASE(a_key_that_was_kept),
        CASE(no_next_key_for_now),      CASE(copies_have_their_key),
        CASE(restored_over_an_end),     CASE(any_byte),
        CASE(packed_bundles_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
