/* The chain of MAC keys: state on the disk, crashes, rollbacks, a thief with the note key; the
 * verifier recomputes each MAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/small.h"
#include "tree.h"

static void every_record_has_one(void **state)
{
    mac_start(1);
    for (unsigned i = 0; i < 8; i++) {
        open_fine();
        add(100 + i);
        i % 3 ? wait_for(worked) : (void)0;
        i % 2 ? keeper_close(&keeper) : keeper_abandon(&keeper);
        assert_verdict(VERDICT_OK);
        assert_int_equal(report.mac_chains, 1);
        /* all but GENESIS, with those that are not sealed yet */
        assert_int_equal(report.macs, report.size + report.unsealed - 1);
    }
    assert_true(access(in_dir(secrets, "mac.start"), F_OK) != 0);
    mac_key_count = 0; /* counted only */
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.macs, 0);
    mac_start(2); /* a key that never began anything here */
    assert_verdict(VERDICT_TAMPERED);
}

/* What lies on the disk is a key for leaves to come: no key of a record is found in any file. */
static void old_keys_are_gone(void **state)
{
    uint8_t mem[1024];
    ratchet_t r = {.on = true};
    mac_start(3);
    open_fine();
    add(50);
    wait_for(sealed);
    int fd = open(in_dir(secrets, "mac"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, mem, sizeof mem), sizeof mem);
    close(fd);
    memset(r.key, 3, sizeof r.key);
    for (uint64_t i = 0; i + 1 < keeper_size(&keeper); i++) {
        assert_true(slice_find(slice_make(mem, sizeof mem), slice_make(r.key, sizeof r.key)) ==
                    SIZE_MAX);
        ratchet_advance(&r, i + 1);
    }
    assert_true(slice_find(slice_make(mem, sizeof mem), slice_make(r.key, sizeof r.key)) !=
                SIZE_MAX);
    keeper_close(&keeper);
}

/* The begin of a chain, cut at each step. */
static void crash_at_the_begin(void **state)
{
    mac_start(4);
    open_fine();
    keeper_abandon(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.mac_chains, 1);
    /* the state as it was before it knew where RATCHET stands */
    uint8_t start[RATCHET_KEY];
    memset(start, 4, sizeof start);
    unlink(in_dir(secrets, "mac"));
    assert_false(err_failed(secrets_store_in((path_t){secrets}, "mac.start", geteuid(), (gid_t)-1,
                                             start, sizeof start)));
    open_fine();
    add(5);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_int_equal(report.mac_chains, 1);
    assert_int_equal(report.macs, report.size - 1);
    /* the start key was not destroyed any more */
    assert_false(err_failed(secrets_store_in((path_t){secrets}, "mac.start", geteuid(), (gid_t)-1,
                                             start, sizeof start)));
    open_fine();
    assert_true(access(in_dir(secrets, "mac.start"), F_OK) != 0);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
}

/* Each slot torn by turns: the other one goes on, or nothing does. */
static void a_torn_state(void **state)
{
    char file[256]; /* in_dir's own do not last */
    snprintf(file, sizeof file, "%s/mac", secrets);
    mac_start(5);
    open_fine();
    add(5);
    wait_for(sealed);
    keeper_close(&keeper);
    for (off_t at = 0; at < 96; at += 5) {
        for (off_t slot = 0; slot < 2; slot++) {
            file_flip(file, 512 * slot + at, 1);
        }
        assert_true(err_failed(try_open()));
        for (off_t slot = 0; slot < 2; slot++) {
            file_flip(file, 512 * slot + at, 1);
        }
    }
    open_fine();
    keeper_close(&keeper);
    unlink(file);
    assert_true(err_is(try_open(), ERR_CORRUPT));
    assert_non_null(strstr(fault, "state of their chain is gone"));
    mac_start(6); /* nor can a new chain begin where one was */
    assert_true(err_is(try_open(), ERR_CORRUPT));
}

static int copy_to_len;
static char copy_to[128];

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *to = in_dir(copy_to, path + copy_to_len);
    type == FTW_D ? (void)mkdir(to, 0700) : file_copy(path, to);
    return 0;
}

static void folder_copy(const char *from, const char *to)
{
    copy_to_len = (int)strlen(from);
    snprintf(copy_to, sizeof copy_to, "%s", to);
    assert_int_equal(nftw(from, copy_one, 16, FTW_PHYS), 0);
}

static void folder_remove(const char *path)
{
    nftw(path, tmpdir_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The whole folder of yesterday, all its files agreeing: the second place knows better. */
static void rollback_of_the_folder(void **state)
{
    mac_start(7);
    open_fine();
    add(20);
    wait_for(sealed);
    keeper_close(&keeper);
    folder_copy(dir, in_dir(tmp.path, "yesterday"));
    open_fine();
    add(20);
    wait_for(sealed);
    keeper_close(&keeper);
    folder_remove(dir);
    folder_copy(in_dir(tmp.path, "yesterday"), dir);
    assert_verdict(VERDICT_OK); /* to the verifier it is whole: that is the limit */
    assert_true(err_is(try_open(), ERR_CORRUPT));
    assert_non_null(strstr(fault, "rollback: the chain of MACs"));
}

/* A thief has the present note key and all files, and writes the segment anew - with MACs that look
 * right but for the keys, which are gone. */
static void a_thief_with_the_note_key(void **state)
{
    note_key_t stolen;
    uint64_t from;
    mac_start(8);
    open_fine();
    add(60);
    wait_for(sealed);
    assert_false(err_failed(notekeys_load(&keys, 0, &stolen, &from)));
    uint64_t size = keeper_size(&keeper);
    ratchet_t now = keeper.commit.durable_ratchet;
    keeper_abandon(&keeper);
    hasher_t hasher;
    tree_t tree;
    uint8_t mem[NOTE_MAX];
    static uint8_t bundle[65536];
    int fd = open(in_dir(dir, "public/tile/entries/000.p/63"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(size, 63);
    ssize_t len = read(fd, bundle, sizeof bundle);
    close(fd);
    /* one fact changed in the middle, its MAC made with the stolen key; tiles, checkpoint and log
     * agree with it */
    cursor_t c = cur_on(slice_make(bundle, (size_t)len));
    assert_false(err_failed(hasher_init(&hasher)));
    tree_init(&tree);
    static uint8_t hashes[256 * 32];
    for (uint64_t i = 0; i < size; i++) {
        slice_t one = leaf_next(&c);
        uint8_t *at = bundle + (one.ptr - bundle);
        if (i == 30) {
            ratchet_t with = now;
            at[20] ^= 1; /* a time */
            ratchet_mac(&with, slice_sub(one, 0, one.len - LEAF_MAC_BYTES), at + one.len - 32);
        }
        hash_t h = hash_leaf(&hasher, one);
        memcpy(hashes + 32 * i, h.b, 32);
        assert_false(err_failed(tree_append(&tree, &hasher, &h, NULL, NULL)));
    }
    checkpoint_t cp = {size, tree_root(&tree, &hasher)};
    buf_t note = BUF_ON_ARRAY(mem);
    note_put_checkpoint(&note, &stolen, &cp);
    static const char *const NOTES[] = {"signed", "public/checkpoint"};
    for (size_t i = 0; i < 2; i++) {
        fd = open(in_dir(dir, NOTES[i]), O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, note.ptr, note.len), note.len);
        close(fd);
    }
    fd = open(in_dir(dir, "public/tile/entries/000.p/63"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, bundle, (size_t)len), len);
    close(fd);
    fd = open(in_dir(dir, "public/tile/0/000.p/63"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, hashes, 32 * size), 32 * size);
    close(fd);
    /* and public/ alone, as he would hand it out */
    static report_t r;
    static char public_dir[256];
    snprintf(public_dir, sizeof public_dir, "%s/public", dir);
    verify_ask_t ask = {.dir = public_dir};
    size_t known = mac_key_count;
    verify_run(&ask, &r);
    assert_int_equal(r.verdict, VERDICT_OK); /* without the offline key his work passes */
    ask.mac_key_files[0] = mac_keys[known - 1];
    ask.mac_key_count = 1;
    verify_run(&ask, &r);
    assert_int_equal(r.verdict, VERDICT_TAMPERED);
    assert_int_equal(r.faults[0].leaf, 30);
    assert_non_null(strstr(r.faults[0].text, "MAC does not hold"));
    hasher_deinit(&hasher);
}

/* A ledger without MACs goes on with them; a restored one begins a second chain. */
static void begun_later_and_anew(void **state)
{
    static epoch_t next;
    uint64_t from;
    open_fine();
    add(LEAVES + 10);
    wait_for(worked);
    keeper_close(&keeper);
    mac_start(9);
    for (unsigned i = 0; i < 2; i++) { /* the second time right before a segment's end */
        open_fine();
        i ? grow_to(4 * LEAVES - 1) : add(10);
        wait_for(sealed);
        keeper_abandon(&keeper);
        assert_verdict(VERDICT_OK);
        assert_int_equal(report.mac_chains, i + 1);
        /* restored from a backup: no state of MACs, a new epoch */
        char letters[] = "bbbbbbbb";
        letters[7] = (char)('b' + i);
        uint8_t text_mem[256];
        buf_t text = BUF_ON_ARRAY(text_mem);
        ledger_restored_t restored = {.backup = "x", .backup_us = 1};
        memcpy(restored.epoch, letters, sizeof restored.epoch);
        ledger_restored_put(&text, &restored);
        assert_false(
            err_failed(file_replace((path_t){in_dir(dir, "restored")}, buf_slice(&text), 0600)));
        unlink(in_dir(secrets, "mac"));
        mac_start((uint8_t)(10 + i));
        uint64_t size = report.size;
        assert_false(err_failed(epoch_read((path_t){dir}, &next)));
        assert_false(err_failed(notekeys_load(&keys, size / LEAVES, &next.before, &from)));
        assert_false(
            err_failed(notekeys_init(&keys, (path_t){secrets}, geteuid(), ORIGIN, letters)));
        note_key_t first;
        assert_false(err_failed(notekeys_first(&keys, &first)));
        assert_false(err_failed(epoch_hand_over((path_t){dir}, &next.before, &first)));
        epoch = &next;
        open_fine();
        add(3);
        wait_for(sealed);
        keeper_close(&keeper);
        assert_false(err_failed(epoch_read((path_t){dir}, &next)));
        assert_verdict(VERDICT_OK);
        assert_int_equal(report.mac_chains, i + 2);
        assert_int_equal(report.restores, i + 1);
    }
    open_fine();
    add(2 * LEAVES);
    wait_for(worked);
    keeper_close(&keeper);
    assert_verdict(VERDICT_OK);
    assert_true(report.segments >= 5);
}

/* Leaves taken out, doubled, or begun anew in the middle: the numbers tell without any key. */
static void numbers_alone(void **state)
{
    static vrecords_t v;
    static report_t r;
    static uint8_t mem[8][512];
    static slice_t leaf[8];
    ratchet_t chain = {.on = true};
    for (uint64_t i = 0; i < 8; i++) {
        buf_t b = BUF_ON_ARRAY(mem[i]);
        leaf_t l = {.boot = id_new(),
                    .entry = {i, 5, ROOM_LEDGER, {.type = i ? LEDGER_ROOM_STOP : LEDGER_RATCHET}}};
        uint8_t mac[32];
        leaf_put(&b, &l);
        ratchet_mac(&chain, buf_slice(&b), mac);
        leaf_put_mac(&b, i, mac);
        leaf[i] = buf_slice(&b);
    }
    static const struct {
        int order[8];
        bool fine;
    } CASES[] = {{{0, 1, 2, 3, 4, -1}, true},
                 {{0, 1, 3, -1}, false},
                 {{0, 1, 1, -1}, false},
                 {{0, 2, 1, -1}, false},
                 {{1, -1}, false}};
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        r = (report_t){0};
        vrecords_init(&v, &r);
        for (uint64_t n = 0; CASES[i].order[n] >= 0; n++) {
            vrecords_leaf(&v, 1 + n, leaf[CASES[i].order[n]], true);
        }
        bool numbers = true;
        for (size_t n = 0; n < r.fault_count; n++) {
            numbers = numbers && strstr(r.faults[n].text, "it is number");
        }
        assert_int_equal(numbers, CASES[i].fine);
        vrecords_free(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_record_has_one), CASE(old_keys_are_gone),      CASE(crash_at_the_begin),
        CASE(a_torn_state),         CASE(rollback_of_the_folder), CASE(a_thief_with_the_note_key),
        CASE(begun_later_and_anew), CASE(numbers_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
