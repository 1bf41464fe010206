/* The table of persistent collections: values, ends, eviction, several processes at once. */
#include "base/test.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect.h"

enum { SECOND = 1000000, BYTES = 1 << 20 };

#define IP SLICE("ip")
#define HOST SLICE("192.0.2.1")

static uint8_t *memory;
static collect_view_t view;
static engine_store_t store;
static arena_t arena;

static void lock_take(void *lock)
{
    pthread_mutex_lock(lock);
}

static void lock_give(void *lock)
{
    pthread_mutex_unlock(lock);
}

static int setup(void **state)
{
    pthread_mutexattr_t shared;
    memory = mmap(NULL, BYTES + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    pthread_mutex_t *lock = (pthread_mutex_t *)memory;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &shared);
    view = (collect_view_t){.lock_user = lock, .lock = lock_take, .unlock = lock_give};
    assert_ok(collect_init(memory + 4096, BYTES, &view.table));
    store = collect_store(&view);
    arena_init(&arena, 1 << 24);
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(&arena);
    return munmap(memory, BYTES + 4096);
}

static slice_t value_at(slice_t collection, slice_t key, const char *name, int64_t now)
{
    slice_t value = SLICE_EMPTY;
    err_t e = store.get(store.user, collection, key, slice_cstr_in(name), now, &arena, &value);
    return err_failed(e) ? SLICE("(none)") : value;
}

static void put(slice_t key, const char *name, slice_t value, int64_t now, int64_t ttl)
{
    assert_ok(store.put(store.user, IP, key, slice_cstr_in(name), value, now, ttl));
}

static int64_t add(slice_t key, const char *name, int64_t delta, int64_t now, int64_t ttl)
{
    int64_t sum = 0;
    assert_ok(store.add(store.user, IP, key, slice_cstr_in(name), delta, now, ttl, &sum));
    return sum;
}

static void values_live_until_their_end(void **state)
{
    put(HOST, "block", SLICE("1"), 0, 10 * SECOND);
    assert_slice(value_at(IP, HOST, "block", 0), SLICE("1"));
    assert_slice(value_at(IP, HOST, "block", 10 * SECOND - 1), SLICE("1"));
    assert_slice(value_at(IP, HOST, "block", 10 * SECOND), SLICE("(none)"));
    assert_slice(value_at(IP, SLICE("192.0.2.2"), "block", 0), SLICE("(none)"));
    assert_slice(value_at(SLICE("global"), HOST, "block", 0), SLICE("(none)"));
    assert_slice(value_at(IP, HOST, "bloc", 0), SLICE("(none)"));
    assert_slice(value_at(IP, HOST, "BLOCK", 0), SLICE("1"));
    put(HOST, "block", SLICE("two"), 0, 0); /* without end */
    assert_slice(value_at(IP, HOST, "block", INT64_MAX - 1), SLICE("two"));
    assert_ok(store.expire(store.user, IP, HOST, SLICE("block"), 5 * SECOND));
    assert_slice(value_at(IP, HOST, "block", 5 * SECOND - 1), SLICE("two"));
    assert_slice(value_at(IP, HOST, "block", 5 * SECOND), SLICE("(none)"));
    put(HOST, "gone", SLICE("x"), 0, SECOND);
    assert_ok(store.remove(store.user, IP, HOST, SLICE("gone")));
    assert_slice(value_at(IP, HOST, "gone", 0), SLICE("(none)"));
    assert_ok(store.remove(store.user, IP, HOST, SLICE("never")));
    assert_ok(store.expire(store.user, IP, HOST, SLICE("never"), 1));
}

static void numbers_add_up(void **state)
{
    assert_int_equal(add(HOST, "n", 1, 0, 10 * SECOND), 1);
    assert_int_equal(add(HOST, "n", 4, 9 * SECOND, 10 * SECOND), 5);
    assert_slice(value_at(IP, HOST, "n", 9 * SECOND), SLICE("5"));
    assert_slice(value_at(IP, HOST, "n", 10 * SECOND), SLICE("(none)")); /* keeps its first end */
    assert_int_equal(add(HOST, "n", -2, 10 * SECOND, 10 * SECOND), -2);
    put(HOST, "text", SLICE("abc"), 0, 0);
    assert_int_equal(add(HOST, "text", 3, 0, 0), 3);
    put(HOST, "big", SLICE("9223372036854775807"), 0, 0);
    assert_true(add(HOST, "big", 1, 0, 0) == INT64_MAX);
    put(HOST, "small", SLICE("-9223372036854775807"), 0, 0);
    assert_true(add(HOST, "small", -1, 0, 0) == -INT64_MAX);
    assert_true(add(HOST, "small", -1, 0, 0) == -INT64_MAX);
}

static void lengths_are_bounded(void **state)
{
    uint8_t mem[5000];
    int64_t sum = 0;
    memset(mem, 'k', sizeof mem);
    slice_t name = slice_make(mem, COLLECT_NAME_MAX), key = slice_make(mem, 5000);
    assert_ok(store.put(store.user, IP, HOST, name, SLICE("v"), 0, 0));
    assert_err(
        store.put(store.user, IP, HOST, slice_make(mem, COLLECT_NAME_MAX + 1), SLICE("v"), 0, 0),
        ERR_LIMIT);
    assert_err(store.add(store.user, IP, HOST, SLICE_EMPTY, 1, 0, 0, &sum), ERR_LIMIT);
    put(HOST, "long", slice_make(mem, 5000), 0, 0);
    assert_int_equal(value_at(IP, HOST, "long", 0).len, COLLECT_VALUE_MAX);
    put(key, "a", SLICE("1"), 0, 0); /* two long keys that differ at the end only */
    assert_slice(value_at(IP, key, "a", 0), SLICE("1"));
    assert_slice(value_at(IP, slice_sub(key, 0, 4999), "a", 0), SLICE("(none)"));
    put(SLICE_EMPTY, "a", SLICE_EMPTY, 0, 0);
    assert_slice(value_at(IP, SLICE_EMPTY, "a", 0), SLICE_EMPTY);
}

typedef struct seen {
    size_t n;
    int64_t sum;
} seen_t;

static err_t count_one(void *user, slice_t name, slice_t value)
{
    seen_t *seen = user;
    int64_t v;
    TRY(slice_parse_i64(value, 0, 1000000, &v));
    seen->n++;
    seen->sum += v;
    return seen->n > 100 ? FAIL(ERR_LIMIT) : OK;
}

static void each_gives_the_live_ones(void **state)
{
    seen_t seen = {0};
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(add(HOST, name, i, 0, i == 4 ? SECOND : 9 * SECOND), i);
    }
    assert_ok(store.each(store.user, IP, HOST, 2 * SECOND, &arena, &seen, count_one));
    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.sum, 6);
    put(HOST, "v0", SLICE("text"), 2 * SECOND, SECOND);
    assert_err(store.each(store.user, IP, HOST, 2 * SECOND, &arena, &seen, count_one), ERR_SYNTAX);
}

/* Far more keys than room: nothing grows, the newest are there, the count says what gave way. */
static void full_means_the_oldest_go(void **state)
{
    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        put(slice_cstr_in(key), "n", SLICE("1"), i, 0);
    }
    collect_stats_t stats = collect_stats(&view, 20000);
    assert_true(stats.slots > 3000 && stats.slots * 256 < BYTES);
    assert_true(stats.used <= stats.slots && stats.used > stats.slots / 2);
    assert_true(stats.evicted >= 20000 - stats.slots);
    assert_slice(value_at(IP, SLICE("k19999"), "n", 20000), SLICE("1"));
    assert_slice(value_at(IP, SLICE("k0"), "n", 20000), SLICE("(none)"));
    put(HOST, "keep", SLICE("1"), 20000, 0); /* one key's names cannot push out themselves alone */
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        put(HOST, name, SLICE("1"), 20001 + i, 0);
    }
    assert_slice(value_at(IP, HOST, "x39", 30000), SLICE("1"));
    assert_slice(value_at(IP, HOST, "keep", 30000), SLICE("(none)"));
}

static void a_later_process_finds_it(void **state)
{
    collect_t *again;
    put(HOST, "n", SLICE("1"), 0, 0);
    assert_ok(collect_attach(memory + 4096, BYTES, &again));
    view.table = again;
    assert_slice(value_at(IP, HOST, "n", 1), SLICE("1"));
    assert_err(collect_attach(memory + 4096, BYTES / 2, &again), ERR_CORRUPT);
    memset(memory + 4096, 0, 64);
    assert_err(collect_attach(memory + 4096, BYTES, &again), ERR_CORRUPT);
    assert_err(collect_init(memory + 4096, COLLECT_MIN_BYTES - 1, &again), ERR_LIMIT);
}

static void processes_count_together(void **state)
{
    enum { CHILDREN = 4, TIMES = 20000 };
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (int k = 0; k < TIMES; k++) {
                int64_t sum;
                if (err_failed(store.add(store.user, IP, HOST, SLICE("hits"), 1, k, 0, &sum))) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_slice(value_at(IP, HOST, "hits", 1), SLICE("80000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_live_until_their_end, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(each_gives_the_live_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(full_means_the_oldest_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_later_process_finds_it, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_count_together, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
