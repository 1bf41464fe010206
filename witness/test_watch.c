/* The decision to sign: every status of tlog-witness, requests at the same moment, restarts,
 * damaged and missing files, forks, and the way from one key of the log to the next. */
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "test_tree.h"
#include "text/b64.h"
#include "watch.h"

/* A log of the test's own: two trees that share nothing beyond `common` leaves. */
typedef struct testlog {
    const char *name;
    uint8_t pub[32], secret[64];
    wkey_t key;
} testlog_t;

static test_tree_t tree, fork_tree;
static testlog_t the_log, next_log, stranger;
static char dir[64];
static watch_t *watch;
static wsigner_t signer;
static watch_answer_t got;

static testlog_t log_make(const char *name, uint8_t seed_byte)
{
    testlog_t l = {.name = name};
    uint8_t seed[32];
    memset(seed, seed_byte, sizeof seed);
    assert_int_equal(crypto_sign_seed_keypair(l.pub, l.secret, seed), 0);
    assert_ok(wkey_make(slice_cstr_in(name), WKEY_LOG, l.pub, &l.key));
    return l;
}

static void put_line(buf_t *b, const testlog_t *l, slice_t text)
{
    uint8_t sig[4 + 64];
    memcpy(sig, l->key.id, 4);
    crypto_sign_detached(sig + 4, NULL, text.ptr, text.len, l->secret);
    buf_cstr(b, "\u2014 ");
    buf_cstr(b, l->name);
    buf_u8(b, ' ');
    b64_put(b, slice_make(sig, sizeof sig));
    buf_u8(b, '\n');
}

static void put_note(buf_t *b, const testlog_t *l, const testlog_t *also, const test_tree_t *t,
                     uint64_t size)
{
    uint8_t root[32];
    size_t from = b->len;
    test_root(t, 0, size, root);
    buf_cstr(b, l->name);
    buf_u8(b, '\n');
    buf_dec(b, (int64_t)size);
    buf_u8(b, '\n');
    b64_put(b, slice_make(root, 32));
    buf_u8(b, '\n');
    slice_t text = slice_make(b->ptr + from, b->len - from);
    buf_u8(b, '\n');
    put_line(b, l, text);
    if (also) {
        put_line(b, also, text);
    }
}

static void put_path(buf_t *b, const merkle_path_t *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        b64_put(b, slice_make(p->at[i], 32));
        buf_u8(b, '\n');
    }
    buf_u8(b, '\n');
}

static void put_request(buf_t *b, const testlog_t *l, const test_tree_t *t, uint64_t old_size,
                        const merkle_path_t *p, uint64_t size)
{
    buf_cstr(b, "old ");
    buf_dec(b, (int64_t)old_size);
    buf_u8(b, '\n');
    put_path(b, p);
    put_note(b, l, NULL, t, size);
}

/* An honest request's status. */
static int add(const testlog_t *l, const test_tree_t *t, uint64_t old_size, uint64_t size)
{
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    merkle_path_t p = test_consistency(t, old_size, size);
    put_request(&b, l, t, old_size, &p, size);
    assert_false(b.full);
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    return got.status;
}

static void assert_knows(uint64_t size)
{
    char want[32];
    int len = snprintf(want, sizeof want, "%llu\n", (unsigned long long)size);
    assert_true(got.is_size);
    assert_int_equal(got.status, 409);
    assert_slice(slice_make(got.body, got.len), slice_make(want, (size_t)len));
}

static err_t open_watch(void)
{
    static logs_t logs;
    logs = (logs_t){.n = 1};
    logs.keys[0] = the_log.key;
    watch_free(watch);
    watch = NULL;
    return watch_new((path_t){dir}, &signer, &logs, &watch);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    uint8_t seed[32] = {9};
    (void)state;
    assert_true(sodium_init() >= 0);
    snprintf(dir, sizeof dir, "/tmp/sekisho-witness-XXXXXX");
    assert_non_null(mkdtemp(dir));
    the_log = log_make("log.example/a", 1);
    next_log = log_make("log.example/a", 2);
    stranger = log_make("log.example/b", 3);
    assert_ok(wsigner_init(SLICE("witness.example/w"), seed, &signer));
    tree.n = fork_tree.n = 0;
    test_grow(&tree, 300, 0);
    test_grow(&fork_tree, 40, 0); /* the same beginning */
    test_grow(&fork_tree, 300, 1);
    assert_ok(open_watch());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    watch_free(watch);
    watch = NULL;
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

/* ---- what tlog-witness says ---- */

static void grows(void **state)
{
    static const uint64_t SIZES[] = {0, 1, 2, 3, 40, 41, 64, 255, 256, 257, 300};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(SIZES); i++) {
        uint64_t old_size = i ? SIZES[i - 1] : 0;
        assert_int_equal(add(&the_log, &tree, old_size, SIZES[i]), 200);
        /* The answer is a line that makes the checkpoint a cosigned one. */
        uint8_t mem[2048];
        buf_t b = BUF_ON_ARRAY(mem);
        wcheckpoint_t cp;
        put_note(&b, &the_log, NULL, &tree, SIZES[i]);
        buf_put(&b, slice_make(got.body, got.len));
        assert_ok(wnote_parse(buf_slice(&b), &cp));
        assert_ok(wnote_signed(&cp, &signer.pub, NULL));
        assert_int_equal(add(&the_log, &tree, SIZES[i], SIZES[i]), 200); /* once more: the same */
        assert_ok(open_watch());                                         /* and after a restart */
    }
}

static void statuses(void **state)
{
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    merkle_path_t none = {0}, p;
    (void)state;
    assert_int_equal(add(&stranger, &tree, 0, 5), 404);
    assert_int_equal(add(&next_log, &tree, 0, 5), 403); /* the origin's name, another key */
    assert_int_equal(add(&the_log, &tree, 7, 20), 409);
    assert_knows(0);
    assert_int_equal(add(&the_log, &tree, 21, 20), 400);
    assert_int_equal(add(&the_log, &tree, 0, 20), 200);
    assert_int_equal(add(&the_log, &tree, 0, 20), 409);
    assert_knows(20);
    assert_int_equal(add(&the_log, &tree, 10, 30), 409);
    assert_knows(20);
    assert_int_equal(add(&the_log, &tree, 10, 15), 409); /* a rollback */
    assert_knows(20);
    assert_int_equal(add(&the_log, &tree, 20, 15), 400);
    put_request(&b, &the_log, &tree, 20, &none, 30); /* no proof */
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    assert_int_equal(got.status, 422);
    p = test_consistency(&tree, 20, 30);
    p.at[0][7] ^= 1;
    buf_reset(&b);
    put_request(&b, &the_log, &tree, 20, &p, 30);
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    assert_int_equal(got.status, 422);
    p = test_consistency(&tree, 20, 30); /* right hashes where none may be */
    buf_reset(&b);
    put_request(&b, &the_log, &tree, 20, &p, 20);
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    assert_int_equal(got.status, 422);
    assert_int_equal(add(&the_log, &tree, 20, 30), 200);
}

/* A proof for old size 0 must be empty. */
static void proof_from_nothing(void **state)
{
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    merkle_path_t p = test_consistency(&tree, 3, 20);
    (void)state;
    put_request(&b, &the_log, &tree, 0, &p, 20);
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    assert_int_equal(got.status, 422);
}

static void malformed(void **state)
{
    static const char *const BODIES[] = {"",
                                         "old",
                                         "old \n\n",
                                         "old 0",
                                         "old 0\n",
                                         "old 0\n\n",
                                         "old 00\n\nx",
                                         "old -1\n\nx",
                                         "old 9223372036854775808\n\nx",
                                         "OLD 0\n\nx",
                                         "old 0\r\n\r\nx",
                                         "old  0\n\nx",
                                         "0\n\nx",
                                         "old 0\nAAAA\n\nx",
                                         "old 0\nnot base64 not base64 not base64 not base64\n\nx"};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(BODIES); i++) {
        watch_add_checkpoint(watch, slice_cstr_in(BODIES[i]), &got);
        assert_int_equal(got.status, 400);
    }
    static uint8_t mem[16384]; /* 64 lines of proof are one too many */
    for (unsigned n = 63; n <= 64; n++) {
        buf_t b = BUF_ON_ARRAY(mem);
        buf_cstr(&b, "old 0\n");
        for (unsigned i = 0; i < n; i++) {
            buf_cstr(&b, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        }
        buf_u8(&b, '\n');
        put_note(&b, &the_log, NULL, &tree, 5);
        watch_add_checkpoint(watch, buf_slice(&b), &got);
        assert_int_equal(got.status, n == 63 ? 422 : 400);
    }
}

static unsigned files_in(const char *name)
{
    char path[128];
    unsigned n = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

/* ---- a log that tells two stories ---- */

static void forks(void **state)
{
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    (void)state;
    assert_int_equal(add(&the_log, &tree, 0, 40), 200); /* both trees have these */
    assert_int_equal(add(&the_log, &tree, 40, 50), 200);
    assert_int_equal(files_in("evidence"), 0);
    assert_int_equal(add(&the_log, &fork_tree, 50, 50), 409); /* the same size, another root */
    assert_false(got.is_size);
    assert_int_equal(files_in("evidence"), 1);
    assert_int_equal(add(&the_log, &fork_tree, 50, 60), 422); /* longer, but from elsewhere */
    assert_int_equal(files_in("evidence"), 2);
    merkle_path_t p = test_consistency(&fork_tree, 40, 60); /* the way from the common past */
    put_request(&b, &the_log, &fork_tree, 50, &p, 60);
    watch_add_checkpoint(watch, buf_slice(&b), &got);
    assert_int_equal(got.status, 422);
    assert_int_equal(add(&the_log, &fork_tree, 40, 60), 409);
    assert_knows(50);
    for (uint64_t i = 0; i < 100; i++) { /* bounded, however long it goes on */
        assert_int_equal(add(&the_log, &fork_tree, 50, 60 + i), 422);
    }
    assert_int_equal(files_in("evidence"), 32);
    health_t h = {0};
    watch_health(watch, &h);
    assert_int_equal(h.state, HEALTH_DEGRADED);
    assert_int_equal(add(&the_log, &tree, 50, 70), 200); /* the story that we know goes on */
}

/* ---- at the same moment ---- */

enum { THREADS = 8, TRIES = 40 };
static unsigned signed_at[301]; /* by size: which tree's root; 1 = tree, 2 = fork, 3 = both */

static void *racer(void *arg)
{
    const test_tree_t *t = arg;
    uint64_t seed = (uintptr_t)pthread_self() | 1, known = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        uint8_t mem[8192];
        buf_t b = BUF_ON_ARRAY(mem);
        watch_answer_t a;
        uint64_t size = known + test_random(&seed) % (300 - known + 1);
        merkle_path_t p = test_consistency(t, known, size);
        put_request(&b, &the_log, t, known, &p, size);
        watch_add_checkpoint(watch, buf_slice(&b), &a);
        if (a.status == 200) {
            __atomic_fetch_or(&signed_at[size], t == &tree ? 1 : 2, __ATOMIC_RELAXED);
            known = size;
        } else if (a.is_size) {
            assert_ok(slice_parse_u64(slice_make(a.body, a.len - 1), 300, &known));
        }
    }
    return NULL;
}

/* Two stories told by many mouths at once: one root a size, one story from the 40th leaf on. */
static void at_once(void **state)
{
    pthread_t threads[THREADS];
    unsigned stories = 0;
    (void)state;
    memset(signed_at, 0, sizeof signed_at);
    for (unsigned i = 0; i < THREADS; i++) {
        const test_tree_t *t = i % 2 ? &tree : &fork_tree;
        assert_int_equal(pthread_create(&threads[i], NULL, racer, (void *)(uintptr_t)t), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 41; i <= 300; i++) {
        stories |= signed_at[i];
    }
    assert_true(stories == 1 || stories == 2);
}

/* ---- kill -9: a child signs as fast as it can and tells each size that it was answered ---- */

static void child_signs(int out)
{
    uint64_t known = 0;
    CHECK(!err_failed(open_watch()));
    CHECK(add(&the_log, &tree, 299, 300) == 409); /* asks what is known */
    if (got.is_size) {
        CHECK(!err_failed(slice_parse_u64(slice_make(got.body, got.len - 1), 300, &known)));
    }
    for (; known < 300; known++) {
        CHECK(add(&the_log, &tree, known, known + 1) == 200);
        uint64_t told = known + 1;
        CHECK(write(out, &told, sizeof told) == (ssize_t)sizeof told);
    }
    pause();
}

static void kill_nine(void **state)
{
    uint64_t last = 0, seed = 7;
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        int fds[2];
        uint64_t told;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            child_signs(fds[1]);
        }
        close(fds[1]);
        usleep((useconds_t)(test_random(&seed) % 6000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(fds[0], &told, sizeof told) == (ssize_t)sizeof told) {
            assert_true(told > last); /* never again what was signed before */
            last = told;
        }
        close(fds[0]);
        assert_ok(open_watch());
        int status = add(&the_log, &tree, 299, 300);
        if (status == 409) { /* never less than what was answered */
            uint64_t known;
            assert_true(got.is_size);
            assert_ok(slice_parse_u64(slice_make(got.body, got.len - 1), 300, &known));
            assert_true(known >= last);
            last = known;
        } else {
            assert_int_equal(status, 200);
            last = 300;
        }
        if (last == 300) {
            break;
        }
    }
    assert_true(last > 0);
}

/* ---- files ---- */

static void state_path(char out[192])
{
    char name[MEMORY_NAME];
    memory_name(the_log.name, name);
    snprintf(out, 192, "%s/logs/%s", dir, name);
}

static size_t state_read(uint8_t mem[MEMORY_FILE_MAX])
{
    char path[192];
    state_path(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, mem, MEMORY_FILE_MAX);
    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void state_write(const uint8_t *mem, size_t len)
{
    char path[192];
    state_path(path);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, mem, len), len);
    close(fd);
}

/* Cut at any byte, or any byte changed: nothing is signed, and it is never "nothing seen yet". */
static void torn_state(void **state)
{
    static uint8_t whole[MEMORY_FILE_MAX], mem[MEMORY_FILE_MAX];
    (void)state;
    assert_int_equal(add(&the_log, &tree, 0, 100), 200);
    size_t len = state_read(whole);
    for (size_t cut = 0; cut < len; cut++) {
        state_write(whole, cut);
        assert_ok(open_watch());
        assert_int_equal(add(&the_log, &tree, 100, 120), 503);
        assert_int_equal(add(&the_log, &fork_tree, 0, 50), 503);
        memcpy(mem, whole, len);
        mem[cut] ^= (uint8_t)(1U << cut % 8);
        state_write(mem, len);
        assert_ok(open_watch());
        assert_int_equal(add(&the_log, &fork_tree, 0, 50), 503);
    }
    health_t h = {0};
    watch_health(watch, &h);
    assert_int_equal(h.state, HEALTH_DOWN);
    state_write(whole, len);
    assert_ok(open_watch());
    assert_int_equal(add(&the_log, &tree, 100, 120), 200);
}

/* A memory that another witness signed (or another log's under this name) is not ours. */
static void strange_state(void **state)
{
    static uint8_t whole[MEMORY_FILE_MAX];
    uint8_t seed[32] = {10};
    (void)state;
    assert_int_equal(add(&the_log, &tree, 0, 100), 200);
    size_t len = state_read(whole);
    assert_ok(wsigner_init(SLICE("witness.example/w"), seed, &signer));
    assert_ok(open_watch());
    assert_int_equal(add(&the_log, &tree, 100, 120), 503);
    state_write(whole, len);
}

/* Where nothing can be stored nothing is signed; afterwards it goes on from what it knew. */
static void no_space(void **state)
{
    static uint8_t whole[MEMORY_FILE_MAX];
    char path[192], aside[192];
    (void)state;
    assert_int_equal(add(&the_log, &tree, 0, 100), 200);
    size_t len = state_read(whole);
    snprintf(path, sizeof path, "%s/logs", dir);
    snprintf(aside, sizeof aside, "%s/aside", dir);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(add(&the_log, &tree, 100, 120), 503);
    health_t h = {0};
    watch_health(watch, &h);
    assert_int_equal(h.state, HEALTH_DEGRADED);
    assert_int_equal(add(&the_log, &tree, 120, 130), 409);
    assert_knows(100);
    assert_int_equal(rename(aside, path), 0);
    static uint8_t now[MEMORY_FILE_MAX];
    assert_int_equal(state_read(now), len);
    assert_memory_equal(now, whole, len);
    assert_int_equal(add(&the_log, &tree, 100, 120), 200);
}

static void latest(void **state)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    char name[MEMORY_NAME];
    slice_t note;
    wcheckpoint_t cp;
    (void)state;
    arena_init(&a, 65536);
    memory_name(the_log.name, name);
    assert_err(watch_latest(watch, slice_cstr_in(name), &a, &note), ERR_NOT_FOUND);
    assert_int_equal(add(&the_log, &tree, 0, 12), 200);
    assert_ok(watch_latest(watch, slice_cstr_in(name), &a, &note));
    assert_ok(wnote_parse(note, &cp));
    assert_int_equal(cp.size, 12);
    assert_ok(wnote_signed(&cp, &the_log.key, NULL));
    assert_ok(wnote_signed(&cp, &signer.pub, NULL));
    assert_err(watch_latest(watch, SLICE("../../etc/passwd"), &a, &note), ERR_NOT_FOUND);
}

/* ---- the next key ---- */

typedef struct end {
    uint64_t seq;
    uint16_t type, room;
    const testlog_t *next;
} end_t;

/* A SEGMENT_END leaf (ledger/FORMAT.md 1): seq, time, boot, mono, room, facts, next key. */
static slice_t end_leaf(buf_t *b, const end_t *e)
{
    static const uint8_t ZEROS[16];
    buf_u8(b, 1);
    buf_u8(b, 0);
    buf_u16be(b, e->type);
    buf_u8(b, 1);
    buf_u16be(b, 8);
    buf_u64be(b, e->seq);
    buf_u8(b, 2);
    buf_u16be(b, 8);
    buf_u64be(b, 1);
    buf_u8(b, 3);
    buf_u16be(b, 16);
    buf_put(b, slice_make(ZEROS, 16));
    buf_u8(b, 4);
    buf_u16be(b, 8);
    buf_u64be(b, 1);
    buf_u8(b, 5);
    buf_u16be(b, 2);
    buf_u16be(b, e->room);
    buf_u8(b, 0x20);
    buf_u16be(b, 9);
    buf_cstr(b, "segment=0");
    buf_u8(b, 0x30);
    buf_u16be(b, 36);
    buf_put(b, slice_make(e->next->key.id, 4));
    buf_put(b, slice_make(e->next->pub, 32));
    return buf_slice(b);
}

/* A bundle that proves the leaf at index of the tree of that size. */
static int hand_over(const testlog_t *by, const testlog_t *also, const test_tree_t *t, slice_t leaf,
                     uint64_t index, uint64_t size)
{
    uint8_t mem[8192];
    buf_t b = BUF_ON_ARRAY(mem);
    merkle_path_t p = {0};
    test_audit(t, index, 0, size, &p);
    buf_cstr(&b, "c2sp.org/tlog-proof@v1\nextra ");
    b64_put(&b, leaf);
    buf_cstr(&b, "\nindex ");
    buf_dec(&b, (int64_t)index);
    buf_u8(&b, '\n');
    put_path(&b, &p);
    put_note(&b, by, also, t, size);
    assert_false(b.full);
    watch_add_key(watch, buf_slice(&b), &got);
    return got.status;
}

static void next_key(void **state)
{
    enum { END = 255 };
    uint8_t mem[512], other_mem[512];
    buf_t b = BUF_ON_ARRAY(mem), other = BUF_ON_ARRAY(other_mem);
    static test_tree_t t;
    slice_t leaf = end_leaf(&b, &(end_t){END, 8, 5, &next_log});
    slice_t odd = end_leaf(&other, &(end_t){END, 8, 2, &next_log}); /* by the shop */
    (void)state;
    t = (test_tree_t){0};
    test_grow(&t, END, 0);
    merkle_leaf(leaf, t.leaf[t.n++]);
    test_grow(&t, 300, 0);
    assert_int_equal(add(&the_log, &t, 0, 200), 200);
    assert_int_equal(hand_over(&the_log, &next_log, &t, leaf, END, 256), 409); /* not there yet */
    assert_knows(200);
    assert_int_equal(add(&the_log, &t, 200, 256), 200);
    assert_int_equal(add(&next_log, &t, 256, 300), 403); /* not shown yet */
    assert_int_equal(hand_over(&the_log, NULL, &t, leaf, END, 256), 403);
    assert_int_equal(hand_over(&next_log, NULL, &t, leaf, END, 256), 403);
    assert_int_equal(hand_over(&the_log, &next_log, &t, odd, END, 256), 400);
    assert_int_equal(hand_over(&the_log, &next_log, &t, leaf, END - 1, 256), 400);
    other.len = 0;
    slice_t lie = end_leaf(&other, &(end_t){END, 8, 5, &stranger}); /* key of another name */
    assert_int_equal(hand_over(&the_log, &next_log, &t, lie, END, 256), 400);
    testlog_t thief = log_make("log.example/a", 77);
    other.len = 0;
    lie = end_leaf(&other, &(end_t){END, 8, 5, &thief}); /* not the leaf that stands there */
    assert_int_equal(hand_over(&the_log, &thief, &t, lie, END, 256), 422);
    assert_int_equal(add(&thief, &t, 256, 300), 403);

    assert_int_equal(hand_over(&the_log, &next_log, &t, leaf, END, 256), 200);
    assert_int_equal(hand_over(&the_log, &next_log, &t, leaf, END, 256), 200); /* twice: the same */
    assert_ok(open_watch());                                                   /* it is kept */
    assert_int_equal(add(&the_log, &t, 256, 299), 403); /* the old key is gone for good */
    assert_int_equal(add(&next_log, &t, 256, 299), 200);
    assert_int_equal(hand_over(&the_log, &thief, &t, leaf, END, 256), 200); /* names ours: known */
    assert_int_equal(add(&thief, &t, 299, 300), 403);
}

/* A person who writes another key into the list begins a new chain; what was seen stays seen. */
static void configured_anew(void **state)
{
    (void)state;
    assert_int_equal(add(&the_log, &tree, 0, 100), 200);
    testlog_t old = the_log;
    the_log = log_make("log.example/a", 50);
    assert_ok(open_watch());
    assert_int_equal(add(&old, &tree, 100, 120), 403);
    assert_int_equal(add(&the_log, &tree, 0, 120), 409);
    assert_knows(100);
    assert_int_equal(add(&the_log, &fork_tree, 100, 120), 422);
    assert_int_equal(add(&the_log, &tree, 100, 120), 200);
}

#define EACH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        EACH(grows),           EACH(statuses),   EACH(proof_from_nothing),
        EACH(malformed),       EACH(forks),      EACH(at_once),
        EACH(kill_nine),       EACH(torn_state), EACH(strange_state),
        EACH(no_space),        EACH(latest),     EACH(next_key),
        EACH(configured_anew),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
