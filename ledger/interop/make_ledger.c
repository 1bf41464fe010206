/* make-ledger [--small] DIR SIZE...: grows a ledger in DIR to each SIZE and keeps a copy of its
 * public folder as DIR/at-SIZE. For the interop test and for measuring. It has note keys that hand
 * over, MACs (DIR/mac.key is their start key), packed segments; --small: of 256 leaves.
 *
 * make-ledger [--small] DIR --pruned SIZE: grows to SIZE, lets days pass and more records come, so
 * that what is old is removed; DIR/at-pruned.
 *
 * make-ledger DIR --every MAX: the same for each size from 0 to MAX; and from the largest one
 * DIR/bad-*, each with one thing wrong, which nobody may accept. A keeper begins with three
 * records: smaller sizes are made by what stands below it, the tree, the note and the sealer. */
#include "base/clock.h"
#include "io/secrets.h"
#include "keeper.h"
#include "leaf.h"
#include "tests/tmpdir.h"
#include "tree.h"

enum { FIRST_LEAF_MAX = 65536 };

static const uint8_t SEED[NOTE_SEED] = {7}, OTHER_SEED[NOTE_SEED] = {8};
static note_key_t key; /* the first one */
static notekeys_t keys;
static uint64_t leaves; /* of a segment */
static clock_cell_t cell;

static void add_one(keeper_t *k, bool big)
{
    static uint8_t payload[LEDGER_PAYLOAD_MAX];
    uint64_t seq;
    uint8_t len;
    random_bytes(&len, 1);
    random_bytes(payload, 256);
    ledger_record_t rec = {.type = LEDGER_HTTP_REQUEST,
                           .request = id_new(),
                           .actor = id_new(),
                           .count = len,
                           .facts = SLICE("route=tour&status=200&ms=12"),
                           .payload = slice_make(payload, big ? sizeof payload : len)};
    size_t bytes = rec.payload.len + 256;
    err_t e = keeper_add(k, ROOM_GUARD, &rec, 1, bytes, &seq);
    if (err_is(e, ERR_LIMIT)) {
        CHECK(!err_failed(keeper_flush(k)));
        e = keeper_add(k, ROOM_GUARD, &rec, 1, bytes, &seq);
    }
    CHECK(!err_failed(e));
}

/* Right behind a segment's end: the worker's record comes in, so that the sizes asked for are met
 * exactly. */
static void let_work(keeper_t *k, int64_t until_us)
{
    while (worker_state(k->worker).done < k->commit.next / leaves) {
        CHECK(clock_wait_us() < until_us);
        if (keeper_waiting(k)) {
            CHECK(!err_failed(keeper_flush(k)));
        }
        usleep(1000);
        keeper_sealed(k);
    }
}

static void grow(keeper_t *k, uint64_t size)
{
    int64_t until_us = clock_wait_us() + 300 * CLOCK_SECOND_US;
    while (k->commit.next < size) {
        add_one(k, false);
        if (k->commit.next > 1 && k->commit.next % leaves == 1 && k->commit.next < size) {
            let_work(k, until_us);
        }
        if (entries_unsealed(&k->entries) > KEEPER_UNSEALED_MAX / 2) {
            usleep(1000);
            keeper_sealed(k);
        }
    }
    if (keeper_waiting(k)) {
        CHECK(!err_failed(keeper_flush(k)));
    }
    while (sealer_state(k->sealer).signed_cp.size < keeper_size(k)) {
        CHECK(clock_wait_us() < until_us);
        usleep(1000);
    }
    keeper_sealed(k);
    worker_state_t w;
    const ledger_record_t *rec;
    const leaf_extra_t *extra;
    do { /* ended segments are packed: a copy shall not see them half. Before its record is made
            nothing is packed. */
        CHECK(clock_wait_us() < until_us);
        usleep(200);
        w = worker_state(k->worker);
        CHECK(!err_failed(w.trouble));
    } while (w.done < w.ended && !worker_box(k->worker, &rec, &extra) && !keeper_waiting(k));
}

static const char *in_dir_as(const char *dir, const char *what, uint64_t number)
{
    char name[64];
    snprintf(name, sizeof name, "%s%llu", what, (unsigned long long)number);
    return in_dir(dir, name);
}

/* nftw has no context: what it needs stands here. */
static struct {
    size_t from_len;
    char to[256];
    bool share; /* links: files of a ledger are replaced, never changed */
} copying;

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *to = in_dir(copying.to, path + copying.from_len);
    (void)ftw;
    if (type == FTW_D) {
        CHECK(mkdir(to, 0755) == 0);
    } else if (copying.share) {
        CHECK(link(path, to) == 0);
    } else {
        file_copy(path, to);
    }
    return 0;
}

static void keep_copy(const char *from, const char *to, bool share)
{
    copying.from_len = strlen(from);
    copying.share = share;
    CHECK((size_t)snprintf(copying.to, sizeof copying.to, "%s", to) < sizeof copying.to);
    CHECK(nftw(from, copy_one, 16, FTW_PHYS) == 0);
}

static void file_put(const char *path, slice_t bytes)
{
    unlink(path); /* it may be shared */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len && close(fd) == 0);
}

static void checkpoint_put(const char *dir, const note_key_t *signer, const checkpoint_t *cp)
{
    uint8_t mem[NOTE_MAX];
    buf_t note = BUF_ON_ARRAY(mem);
    note_put_checkpoint(&note, signer, cp);
    CHECK(!note.full);
    file_put(in_dir(dir, "checkpoint"), buf_slice(&note));
}

static void vkey_put(const char *dir)
{
    uint8_t mem[256];
    buf_t text = BUF_ON_ARRAY(mem);
    note_put_vkey(&text, &key);
    buf_u8(&text, '\n');
    file_put(in_dir(dir, "ledger.vkey"), buf_slice(&text));
}

static void make_empty(const char *dir)
{
    hasher_t hasher;
    tree_t tree;
    tree_init(&tree);
    CHECK(mkdir(dir, 0755) == 0 && !err_failed(hasher_init(&hasher)));
    checkpoint_put(dir, &key, &(checkpoint_t){0, tree_root(&tree, &hasher)});
    vkey_put(dir);
    hasher_deinit(&hasher);
}

/* The first records of the grown ledger alone, through the sealer. */
static void make_few(const char *from, const char *dir, uint32_t count)
{
    static uint8_t mem[FIRST_LEAF_MAX];
    char fault[SEALER_FAULT];
    sealer_t *sealer;
    sealer_conf_t conf = {.dir = {dir}, .key = &key, .gather_ms = 1};
    int fd = open(in_dir(from, "tile/entries/000.p/3"), O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, mem, sizeof mem);
    CHECK(fd >= 0 && len > 0 && close(fd) == 0);
    cursor_t c = cur_on(slice_make(mem, (size_t)len));
    for (uint32_t i = 0; i < count; i++) {
        (void)leaf_next(&c);
    }
    slice_t first = slice_make(mem, (size_t)len - c.left); /* with their lengths before them */
    CHECK(mkdir(dir, 0755) == 0 && mkdir(in_dir(dir, "public"), 0755) == 0 &&
          mkdir(in_dir(dir, "tmp"), 0755) == 0);
    CHECK(!err_failed(sealer_open(&conf, fault, &sealer)) && !err_failed(sealer_start(sealer)));
    group_t *group = group_new(0, count, first);
    CHECK(group != NULL);
    sealer_push(sealer, group);
    while (sealer_state(sealer).signed_cp.size != count) {
        usleep(1000);
    }
    sealer_stop(sealer);
    free(group);
    char pub[300];
    snprintf(pub, sizeof pub, "%s/public", dir);
    vkey_put(pub);
}

/* Files are named as they are when nothing is packed yet. */
static const char *bundle_in(const char *dir)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/tile/entries/000.zst", dir);
    if (access(path, F_OK) != 0) {
        path[strlen(path) - strlen(".zst")] = '\0';
    }
    return path;
}

/* Each differs from a good one in one thing; all but the last are signed by the right key. */
static void make_bad(const char *dir, const char *good, const checkpoint_t *cp)
{
    static const char *const NAMES[] = {"bad-root", "bad-size", "bad-leaf",
                                        "bad-tile", "bad-note", "bad-key"};
    note_key_t now;
    uint64_t segment;
    static char bad[BASE_COUNT(NAMES)][256], tile[300], note[300];
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        snprintf(bad[i], sizeof bad[i], "%s/%s", dir, NAMES[i]);
        keep_copy(good, bad[i], false);
    }
    snprintf(tile, sizeof tile, "%s/tile/0/000", bad[3]);
    snprintf(note, sizeof note, "%s/checkpoint", bad[4]);
    CHECK(!err_failed(notekeys_load(&keys, cp->size / leaves, &now, &segment)));
    checkpoint_t wrong = *cp;
    wrong.root.b[31] ^= 1;
    checkpoint_put(bad[0], &now, &wrong);
    wrong = *cp;
    wrong.size--;
    checkpoint_put(bad[1], &now, &wrong);
    file_flip(bundle_in(bad[2]), 100, 1);
    file_flip(tile, 100, 1);
    file_flip(note, file_size(in_dir(good, "checkpoint")) - 10, 1);
    note_key_t other;
    CHECK(!err_failed(note_key_init(SLICE("sekisho.local/test"), OTHER_SEED, &other)));
    checkpoint_put(bad[5], &other, cp);
}

static void every_size(keeper_t *k, const char *dir, uint64_t max)
{
    char public_dir[256], good[256]; /* in_dir's own do not last */
    snprintf(public_dir, sizeof public_dir, "%s/public", dir);
    for (uint64_t size = keeper_size(k); size <= max; size++) {
        grow(k, size);
        snprintf(good, sizeof good, "%s/at-%llu", dir, (unsigned long long)size);
        keep_copy(public_dir, good, true);
    }
    char path[256];
    snprintf(path, sizeof path, "%s/at-0", dir);
    make_empty(path);
    for (uint32_t count = 1; count < 3; count++) {
        char few[300];
        snprintf(path, sizeof path, "%s/few-%u", dir, count);
        snprintf(few, sizeof few, "%s/at-3", dir);
        make_few(few, path, count);
        snprintf(few, sizeof few, "%s/public", path);
        keep_copy(few, in_dir_as(dir, "at-", count), true);
    }
    checkpoint_t cp = sealer_state(k->sealer).signed_cp;
    make_bad(dir, good, &cp);
}

/* The log moves on by big records; then the worker removes what is two days old. */
static void prune(keeper_t *k, const char *dir, uint64_t size)
{
    int64_t until_us = clock_wait_us() + 60 * CLOCK_SECOND_US;
    uint64_t old = size / leaves * leaves;
    char public_dir[256], to[256];
    grow(k, size);
    cell.offset_us += 2 * CLOCK_DAY_US;
    while (wal_first_seq(k->wal) < old) {
        add_one(k, true);
        if (keeper_waiting(k)) {
            CHECK(!err_failed(keeper_flush(k)));
        }
        grow(k, keeper_size(k));
        CHECK(clock_wait_us() < until_us);
    }
    while (keeper_minimum(k) < old) {
        usleep(1000);
        keeper_sealed(k);
        if (keeper_waiting(k)) {
            CHECK(!err_failed(keeper_flush(k)));
        }
        CHECK(clock_wait_us() < until_us);
    }
    k->retain.holds = &(holds_t){.count = 1}; /* it shall rest while it is copied */
    usleep(100000);
    grow(k, keeper_size(k));
    snprintf(public_dir, sizeof public_dir, "%s/public", dir);
    snprintf(to, sizeof to, "%s/at-pruned", dir);
    keep_copy(public_dir, to, false);
}

/* Secrets as a house has them, but known: the first note key is the one that the bad ones are
 * signed with. */
static path_t make_secrets(const char *dir)
{
    static char secrets[256];
    static const uint8_t START[RATCHET_KEY] = {9};
    uint8_t mem[128];
    buf_t line = BUF_ON_ARRAY(mem);
    snprintf(secrets, sizeof secrets, "%s/secrets", dir);
    CHECK(mkdir(secrets, 0700) == 0);
    path_t at = {secrets};
    CHECK(!err_failed(secrets_store_in(at, "note.key", geteuid(), (gid_t)-1, SEED, sizeof SEED)));
    CHECK(
        !err_failed(secrets_store_in(at, "mac.start", geteuid(), (gid_t)-1, START, sizeof START)));
    buf_cstr(&line, "ledger-mac ");
    buf_hex(&line, slice_make(START, sizeof START));
    buf_u8(&line, '\n');
    file_put(in_dir(dir, "mac.key"), buf_slice(&line));
    return at;
}

static uint64_t number_of(const char *text)
{
    uint64_t number;
    CHECK(!err_failed(slice_parse_u64(slice_cstr_in(text), UINT32_MAX, &number)));
    return number;
}

int main(int argc, char **argv)
{
    static keeper_t keeper;
    static ratchet_t mac;
    static ratchet_file_t mac_file;
    char fault[KEEPER_FAULT];
    bool small = argc > 1 && strcmp(argv[1], "--small") == 0;
    argc -= small;
    argv += small;
    CHECK(argc > 2);
    bool pruned = strcmp(argv[2], "--pruned") == 0;
    clock_attach(&cell);
    path_t secrets = make_secrets(argv[1]);
    leaves = small ? SEGMENT_LEAVES_SMALL : SEGMENT_LEAVES;
    CHECK(!err_failed(notekeys_init(&keys, secrets, geteuid(), "sekisho.local/test", "")) &&
          !err_failed(notekeys_first(&keys, &key)) &&
          !err_failed(ratchet_open(secrets, geteuid(), &mac_file, &mac)));
    keeper_conf_t conf = {.dir = {argv[1]},
                          .key = &key,
                          .keys = &keys,
                          .mac = &mac,
                          .mac_file = &mac_file,
                          .segment_leaves = leaves,
                          .profile = "test",
                          .piece_bytes = pruned ? WAL_PIECE_MIN : 16 * 1024 * 1024,
                          .keep_days = pruned ? 1 : 0,
                          .policy = "2026-11-27: test",
                          .retain_poll_ms = 10,
                          .gather_ms = 1};
    CHECK(!err_failed(keeper_open(&keeper, &conf, fault)));
    if (strcmp(argv[2], "--every") == 0) {
        CHECK(argc == 4);
        every_size(&keeper, argv[1], number_of(argv[3]));
    }
    if (pruned) {
        CHECK(argc == 4);
        prune(&keeper, argv[1], number_of(argv[3]));
    }
    for (int i = 2; i < argc && argv[2][0] != '-'; i++) {
        uint64_t size = number_of(argv[i]);
        grow(&keeper, size);
        keep_copy(in_dir(argv[1], "public"), in_dir_as(argv[1], "at-", size), false);
    }
    keeper_abandon(&keeper);
    return 0;
}
