/* The backup file: what is written is read; anything else is refused before it is trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backup_file.h"

enum { FILES_MAX = 16, BIG = 200000 };

typedef struct seen {
    size_t n;
    backup_entry_t entries[FILES_MAX];
    slice_t bytes[FILES_MAX];
    char path[128];
} seen_t;

static char dir[64];
static arena_t arena;
static backup_writer_keys_t writer;
static backup_reader_keys_t reader;
static seen_t seen;

static path_t at(const char *name)
{
    slice_t text;
    assert_false(err_failed(arena_printf(&arena, &text, "%s/%s", dir, name)));
    return (path_t){(const char *)text.ptr};
}

static path_t file_with(const char *name, slice_t bytes)
{
    path_t p = at(name);
    unlink(p.text);
    assert_false(err_failed(file_create(p, bytes, 0640, (uid_t)-1, (gid_t)-1)));
    return p;
}

static err_t sink_begin(void *ctx, const backup_entry_t *entry, int *ret_fd)
{
    seen_t *s = ctx;
    assert_true(s->n < FILES_MAX);
    s->entries[s->n] = *entry;
    snprintf(s->path, sizeof s->path, "%s/unpacked", dir);
    unlink(s->path);
    return fd_open((path_t){s->path}, O_RDWR | O_CREAT | O_EXCL, 0600, ret_fd);
}

static err_t sink_end(void *ctx, const backup_entry_t *entry, int fd)
{
    seen_t *s = ctx;
    fd_close(&fd);
    return file_read(&arena, (path_t){s->path}, 8 * 1024 * 1024, &s->bytes[s->n++]);
}

static err_t read_back(path_t file, const backup_reader_keys_t *keys, slice_t *ret_manifest,
                       backup_fault_t *ret_fault)
{
    backup_sink_t sink = {sink_begin, sink_end, &seen};
    seen.n = 0;
    return backup_read(file, BACKUP_OF_HOUSE, keys, &sink, &arena, ret_manifest, ret_fault);
}

static uint8_t big[BIG];

/* A backup with an empty, a small, a large and a preallocated file. */
static path_t made(const char *name, const backup_writer_keys_t *keys)
{
    backup_out_t *out = NULL;
    uint8_t sha[32];
    path_t holes = file_with("holes", SLICE("head"));
    assert_int_equal(truncate(holes.text, 3 * 1024 * 1024), 0);
    unlink(at(name).text);
    assert_false(err_failed(backup_out_new((path_t){dir}, name, BACKUP_OF_HOUSE, keys, &out)));
    assert_false(err_failed(
        backup_out_file(out, "etc/empty", "root", 0644, file_with("empty", SLICE_EMPTY))));
    assert_false(err_failed(backup_out_file(out, "shop/旅行.db", "sekisho-shop", 0600,
                                            file_with("small", SLICE("関所")))));
    assert_false(err_failed(backup_out_file(out, "shop/big", "sekisho-shop", 0600,
                                            file_with("big", slice_make(big, sizeof big)))));
    assert_false(
        err_failed(backup_out_file(out, "ledger/log/00000000", "sekisho-ledger", 0600, holes)));
    assert_int_equal(backup_out_totals(out).files, 4);
    assert_false(err_failed(backup_out_finish(out, SLICE("{\"id\":\"x\"}"), sha)));
    return at(name);
}

static void test_round_trip(void **state)
{
    slice_t manifest;
    backup_fault_t fault;
    path_t file = made("a.skb", &writer);
    struct stat st;
    assert_false(err_failed(read_back(file, &reader, &manifest, &fault)));
    assert_int_equal(fault, BACKUP_FINE);
    assert_true(slice_eq(manifest, SLICE("{\"id\":\"x\"}")));
    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.bytes[0].len, 0);
    assert_string_equal(seen.entries[1].name, "shop/旅行.db");
    assert_true(slice_eq(seen.bytes[1], SLICE("関所")));
    assert_true(slice_eq(seen.bytes[2], slice_make(big, sizeof big)));
    assert_string_equal(seen.entries[3].owner, "sekisho-ledger");
    assert_int_equal(seen.entries[3].stored, 4);
    assert_int_equal(seen.bytes[3].len, 3 * 1024 * 1024);
    assert_int_equal(stat(file.text, &st), 0);
    assert_true(st.st_size < BIG + 4096); /* zeros at the end are not stored */
    assert_int_equal(access(at("a.skb.tmp").text, F_OK), -1);
}

/* Every byte counts: header, lengths, chunks, tags. */
static void test_altered(void **state)
{
    slice_t whole, manifest;
    backup_fault_t fault;
    path_t file = made("b.skb", &writer);
    assert_false(err_failed(file_read(&arena, file, 1024 * 1024, &whole)));
    uint8_t *bytes = arena_alloc(&arena, whole.len);
    assert_non_null(bytes);
    for (size_t i = 0; i < whole.len; i += i < 400 || i + 400 > whole.len ? 1 : 997) {
        memcpy(bytes, whole.ptr, whole.len);
        bytes[i] ^= 0x20;
        path_t bad = file_with("bad.skb", slice_make(bytes, whole.len));
        err_t e = read_back(bad, &reader, &manifest, &fault);
        assert_true(err_failed(e));
        assert_true(fault != BACKUP_FINE && fault != BACKUP_UNREADABLE);
    }
}

static void test_cut(void **state)
{
    slice_t whole, manifest;
    backup_fault_t fault;
    path_t file = made("c.skb", &writer);
    assert_false(err_failed(file_read(&arena, file, 1024 * 1024, &whole)));
    for (size_t len = 0; len < whole.len; len += len < 300 || len + 300 > whole.len ? 1 : 1009) {
        path_t bad = file_with("bad.skb", slice_sub(whole, 0, len));
        assert_int_equal(read_back(bad, &reader, &manifest, &fault).code, ERR_CORRUPT);
        assert_int_equal(fault, BACKUP_CUT);
    }
}

/* The public half alone makes a file that opens; the signature tells that it is not the house's. */
static void test_whose(void **state)
{
    slice_t manifest;
    backup_fault_t fault;
    uint8_t pk[crypto_sign_PUBLICKEYBYTES];
    backup_writer_keys_t forger = writer;
    backup_reader_keys_t other = reader;
    crypto_sign_keypair(pk, forger.sign);
    path_t forged = made("d.skb", &forger);
    assert_int_equal(read_back(forged, &reader, &manifest, &fault).code, ERR_CRYPTO);
    assert_int_equal(fault, BACKUP_NOT_OURS);
    crypto_box_keypair(other.seal_to, other.open);
    path_t ours = made("e.skb", &writer);
    assert_int_equal(read_back(ours, &other, &manifest, &fault).code, ERR_CRYPTO);
    assert_int_equal(fault, BACKUP_OTHER_KEY);
    memcpy(other.seal_to, reader.seal_to,
           sizeof other.seal_to); /* the name fits, the key does not */
    assert_int_equal(read_back(ours, &other, &manifest, &fault).code, ERR_CRYPTO);
    assert_int_equal(fault, BACKUP_OTHER_KEY);
    assert_int_equal(seen.n, 0);
}

/* Even a signed path leaves the folder for nobody. */
static void test_paths(void **state)
{
    static const char *const BAD[] = {"../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/"};
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        backup_out_t *out = NULL;
        uint8_t sha[32];
        slice_t manifest;
        backup_fault_t fault;
        unlink(at("f.skb").text);
        assert_false(
            err_failed(backup_out_new((path_t){dir}, "f.skb", BACKUP_OF_HOUSE, &writer, &out)));
        assert_false(
            err_failed(backup_out_file(out, BAD[i], "root", 0600, file_with("small", SLICE("x")))));
        assert_false(err_failed(backup_out_finish(out, SLICE("{}"), sha)));
        assert_int_equal(read_back(at("f.skb"), &reader, &manifest, &fault).code, ERR_CORRUPT);
        assert_int_equal(seen.n, 0);
    }
}

/* The disk ends in the middle: an error, and no file under either name. */
static void test_full(void **state)
{
    struct rlimit old, small = {64 * 1024, 64 * 1024};
    backup_out_t *out = NULL;
    path_t source = file_with("big", slice_make(big, sizeof big));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = old.rlim_max;
    assert_false(
        err_failed(backup_out_new((path_t){dir}, "g.skb", BACKUP_OF_HOUSE, &writer, &out)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    err_t e = backup_out_file(out, "shop/big", "root", 0600, source);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(err_failed(e));
    backup_out_abort(out);
    assert_int_equal(access(at("g.skb").text, F_OK), -1);
    assert_int_equal(access(at("g.skb.tmp").text, F_OK), -1);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *base)
{
    return remove(path);
}

static int up(void **state)
{
    arena_init(&arena, 256 * 1024 * 1024);
    snprintf(dir, sizeof dir, "/tmp/backup-file-XXXXXX");
    assert_true(sodium_init() >= 0);
    random_bytes(big, sizeof big);
    crypto_box_keypair(reader.seal_to, reader.open);
    memcpy(writer.seal_to, reader.seal_to, sizeof writer.seal_to);
    crypto_sign_keypair(reader.signer, writer.sign);
    return mkdtemp(dir) ? 0 : -1;
}

static int down(void **state)
{
    arena_deinit(&arena);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int case_down(void **state)
{
    arena_reset(&arena);
    return 0;
}

#define CASE(test) cmocka_unit_test_teardown(test, case_down)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_round_trip), CASE(test_altered), CASE(test_cut),
                                       CASE(test_whose),      CASE(test_paths),   CASE(test_full)};
    return cmocka_run_group_tests(tests, up, down);
}
