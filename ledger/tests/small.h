/* A ledger with segments of 256 leaves and secrets of its own, opened as main.c does it and driven
 * as serve.c does it. For unit tests, after cmocka.h. */
#ifndef LEDGER_TESTS_SMALL_H
#define LEDGER_TESTS_SMALL_H

#include "base/clock.h"
#include "io/secrets.h"
#include "keeper.h"
#include "tests/tmpdir.h"
#include "verify/verify.h"

static const char ORIGIN[] = "sekisho.local/test";
enum { LEAVES = SEGMENT_LEAVES_SMALL };

static tmpdir_t tmp;
static char dir[128], secrets[128];
static notekeys_t keys;
static keeper_t keeper;
static ratchet_file_t mac_file;
static epoch_t *epoch; /* NULL: the first one */
static char fault[KEEPER_FAULT];
static report_t report;
static const char *mac_keys[VMAC_KEYS]; /* for the verifier */
static size_t mac_key_count;
static int64_t keep_days, calm_us; /* retention; 0 = for ever */
static uint64_t segment_leaves = LEAVES;
static size_t piece_bytes = WAL_PIECE_MIN;
static int64_t gather_ms = 1;
static const notekeys_t *old_keys; /* of the epoch before, while a restore is pending */

static inline int setup(void **state)
{
    tmp = tmpdir_make();
    epoch = NULL;
    old_keys = NULL;
    gather_ms = 1;
    mac_key_count = 0;
    snprintf(dir, sizeof dir, "%s/ledger", tmp.path);
    snprintf(secrets, sizeof secrets, "%s/secrets", tmp.path);
    bool made = mkdir(dir, 0700) == 0 && mkdir(secrets, 0700) == 0;
    err_t e = notekeys_init(&keys, (path_t){secrets}, geteuid(), ORIGIN, "");
    return made && !err_failed(e) ? 0 : -1;
}

static inline int teardown(void **state)
{
    tmpdir_remove(&tmp);
    return 0;
}

/* As main.c does it. */
static inline err_t try_open(void)
{
    note_key_t key;
    ratchet_t mac;
    uint64_t size = 0, segment = 0;
    uint8_t mem[NOTE_MAX], root[32];
    int fd = open(in_dir(dir, "signed"), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, mem, sizeof mem);
        close(fd);
        TRY(ledger_copy_checkpoint(slice_make(mem, (size_t)n), &size, root));
        TRY(notekeys_load(&keys, size / segment_leaves, &key, &segment));
    } else {
        TRY(notekeys_first(&keys, &key));
    }
    keeper_conf_t conf = {.dir = {dir},
                          .key = &key,
                          .keys = &keys,
                          .old_keys = old_keys,
                          .key_segment = segment,
                          .segment_leaves = segment_leaves,
                          .mac = &mac,
                          .mac_file = &mac_file,
                          .epoch = epoch,
                          .keep_days = keep_days,
                          .policy = "2026-11-27: test",
                          .calm_us = calm_us,
                          .retain_poll_ms = 5,
                          .profile = "test",
                          .piece_bytes = piece_bytes,
                          .gather_ms = gather_ms};
    err_t e = ratchet_open((path_t){secrets}, geteuid(), &mac_file, &mac);
    if (!err_failed(e)) {
        e = keeper_open(&keeper, &conf, fault);
    }
    note_key_wipe(&key);
    ratchet_wipe(&mac);
    return e;
}

static inline void open_fine(void)
{
    err_t e = try_open();
    if (err_failed(e)) {
        fail_msg("%s:%d %s", e.where, e.line, fault);
    }
}

/* As serve.c does it: what the worker puts into the box goes on record. */
static inline void turn(void)
{
    keeper_sealed(&keeper);
    if (keeper_waiting(&keeper)) {
        assert_false(err_failed(keeper_flush(&keeper)));
    }
}

static inline bool sealed(void)
{
    return sealer_state(keeper.sealer).signed_cp.size == keeper_size(&keeper);
}

static inline bool worked(void)
{
    worker_state_t w = worker_state(keeper.worker);
    return sealed() && w.done == w.ended;
}

static inline void wait_for(bool (*what)(void))
{
    int64_t until = clock_wait_us() + 20 * CLOCK_SECOND_US;
    do {
        usleep(500);
        turn();
        CHECK(clock_wait_us() < until);
    } while (!what());
}

static inline void add(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq;
        ledger_record_t rec = {
            .type = LEDGER_BOOKING_CREATED, .request = id_new(), .facts = SLICE("a=b")};
        err_t e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        if (err_is(e, ERR_LIMIT)) {
            assert_false(err_failed(keeper_flush(&keeper)));
            e = keeper_add(&keeper, ROOM_SHOP, &rec, 1, 200, &seq);
        }
        assert_false(err_failed(e));
    }
    if (keeper_waiting(&keeper)) {
        assert_false(err_failed(keeper_flush(&keeper)));
    }
}

/* Records until the ledger holds so many; the last ones each in a group of their own. */
static inline void grow_to(uint64_t size)
{
    while (keeper_size(&keeper) < size) {
        uint64_t left = size - keeper_size(&keeper);
        add(left > 20 ? (unsigned)left / 2 : 1);
    }
    assert_in_range(keeper_size(&keeper), size, size + 1); /* a segment may have ended there */
}

static inline verdict_t verify_with(const char *key_file, const char *remembered)
{
    verify_ask_t ask = {.dir = dir, .key_file = key_file};
    if (remembered) {
        ask.remembered[ask.remembered_count++] = remembered;
    }
    memcpy(ask.mac_key_files, mac_keys, sizeof mac_keys);
    ask.mac_key_count = mac_key_count;
    verify_run(&ask, &report);
    return report.verdict;
}

static inline void assert_verdict(verdict_t want)
{
    if (verify_with(NULL, NULL) != want) {
        fail_msg("verdict %d: leaf %lld: %s", (int)report.verdict, (long long)report.faults[0].leaf,
                 report.faults[0].text);
    }
}

/* nftw has no context: what it needs stands here. */
static struct {
    off_t step;
    unsigned long changes;
} tampering;

static inline int tamper_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    static const char *const WEIGHTLESS[] = {"/holds", "/segments", "/lock"};
    const char *name = path + strlen(dir);
    char file[512];
    for (size_t i = 0; i < BASE_COUNT(WEIGHTLESS); i++) {
        if (strcmp(name, WEIGHTLESS[i]) == 0) {
            return 0;
        }
    }
    snprintf(file, sizeof file, "%s", path);
    /* of the log only its first frames: behind what was written there are zeros */
    off_t end = strncmp(name, "/log/", 5) == 0 ? 2000 : st->st_size;
    for (off_t at = 0; type == FTW_F && at < end && at < st->st_size; at += tampering.step) {
        file_flip(file, at, 4);
        if (verify_with(NULL, NULL) == VERDICT_OK) {
            fail_msg("%s byte %lld was changed and not noticed", file, (long long)at);
        }
        file_flip(file, at, 4);
        tampering.changes++;
    }
    return 0;
}

/* Every step-th byte of all files that have weight. */
static inline void tamper_all(off_t step)
{
    tampering.step = step;
    tampering.changes = 0;
    assert_verdict(VERDICT_OK);
    assert_int_equal(nftw(dir, tamper_file, 16, FTW_PHYS), 0);
    assert_verdict(VERDICT_OK);
    printf("%lu changes of single bytes noticed\n", tampering.changes);
}

/* As `sekisho up` does it: a start key for ledgerd, and the same for who verifies. */
static inline void mac_start(uint8_t fill)
{
    uint8_t key[RATCHET_KEY], hex_mem[2 * RATCHET_KEY + 32];
    buf_t line = BUF_ON_ARRAY(hex_mem);
    char name[32];
    memset(key, fill, sizeof key);
    assert_false(err_failed(
        secrets_store_in((path_t){secrets}, "mac.start", geteuid(), (gid_t)-1, key, sizeof key)));
    buf_cstr(&line, "ledger-mac ");
    buf_hex(&line, slice_make(key, sizeof key));
    buf_u8(&line, '\n');
    snprintf(name, sizeof name, "mac-%u.key", fill);
    static char files[VMAC_KEYS][256];
    snprintf(files[mac_key_count], sizeof files[0], "%s/%s", tmp.path, name);
    mac_keys[mac_key_count] = files[mac_key_count];
    int fd = open(mac_keys[mac_key_count++], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0400);
    assert_int_equal(write(fd, line.ptr, line.len), line.len);
    close(fd);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
