/* Copies of the key file beside a running vault, and erasures carried into a restored one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <unistd.h>

#include "slot.h"
#include "vault/api_keyfile.h"

enum { PEOPLE = 3000 };

static keys_t *ring;
static uint8_t master_bytes[SECRET_BYTES];
static char dir[64];
static arena_t arena;
static unsigned serial;

static path_t at(const char *name)
{
    slice_t text;
    assert_false(err_failed(arena_printf(&arena, &text, "%s/%s", dir, name)));
    return (path_t){(const char *)text.ptr};
}

static path_t fresh(void)
{
    char name[32];
    snprintf(name, sizeof name, "file%u", serial++);
    return at(name);
}

static keystore_t *store_at(path_t path, keys_file_t file)
{
    keystore_t *ks = NULL;
    keystore_conf_t conf = {.path = path, .file = file, .keys = ring, .chunk_slots = 16};
    assert_false(err_failed(keystore_open(&conf, &ks)));
    return ks;
}

static id128_t person(keystore_t *ks)
{
    id128_t id = id_new();
    assert_false(err_failed(keystore_add(ks, id, 0)));
    assert_false(err_failed(keystore_commit(ks)));
    return id;
}

static err_code_t find(keystore_t *ks, id128_t id)
{
    keys_wrapped_t key;
    err_t e = keystore_find(ks, id, 0, &key);
    return (err_code_t)e.code;
}

static void patch_state(path_t path, uint64_t slot, uint64_t state)
{
    FD_SCOPED int fd = -1;
    assert_false(err_failed(fd_open(path, O_RDWR, 0, &fd)));
    assert_false(err_failed(fd_pwrite_all(fd, slice_make(&state, sizeof state),
                                          KEYSTORE_HEADER + (int64_t)slot * KEYSTORE_SLOT)));
}

/* What is half done counts as not made, or as erased; what is damaged goes along and is counted. */
static void test_states(void **state)
{
    path_t file = fresh(), copy = fresh();
    keystore_t *ks = store_at(file, KEYS_OF_SUBJECT);
    id128_t live = person(ks), writing = person(ks), erasing = person(ks), damaged = person(ks);
    vault_keyfile_counts_t n;
    keystore_close(ks);
    patch_state(file, 1, STATE_WRITING);
    patch_state(file, 2, STATE_ERASING);
    patch_state(file, 3, STATE_LIVE ^ 1);
    assert_false(err_failed(vault_keyfile_copy(file, copy, &n)));
    assert_int_equal(n.live, 1);
    assert_int_equal(n.erased, 1);
    assert_int_equal(n.damaged, 1);
    ks = store_at(copy, KEYS_OF_SUBJECT);
    assert_int_equal(find(ks, live), ERR_NONE);
    assert_int_equal(find(ks, writing), ERR_NOT_FOUND);
    assert_int_equal(find(ks, erasing), ERR_EXPIRED);
    assert_int_equal(find(ks, damaged), ERR_NOT_FOUND);
    keystore_close(ks);
    vault_keyfile_counts_t again;
    assert_int_equal(vault_keyfile_copy(file, copy, &again).code, ERR_EXISTS);
}

typedef struct writer {
    keystore_t *ks;
    bool done;
} writer_t;

static id128_t people[PEOPLE];
static size_t n_people; /* atomic: those that were acknowledged */

static void *write_on(void *ctx)
{
    writer_t *w = ctx;
    size_t n;
    for (size_t i = 0; i < PEOPLE; i++) {
        people[i] = person(w->ks);
        __atomic_store_n(&n_people, i + 1, __ATOMIC_RELEASE);
        if (i % 7 == 6 && err_failed(keystore_erase(w->ks, people[i - 3], &n))) {
            break;
        }
    }
    __atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Whatever was acknowledged before a copy began is in it, live or erased; never a half one. */
static void test_beside_a_writer(void **state)
{
    path_t file = at("beside-a-writer");
    writer_t w = {.ks = store_at(file, KEYS_OF_SUBJECT)};
    pthread_t thread;
    unsigned copies = 0;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
    while (!__atomic_load_n(&w.done, __ATOMIC_ACQUIRE)) {
        path_t copy = fresh();
        vault_keyfile_counts_t n;
        size_t before = __atomic_load_n(&n_people, __ATOMIC_ACQUIRE);
        assert_false(err_failed(vault_keyfile_copy(file, copy, &n)));
        assert_int_equal(n.damaged, 0);
        assert_true(n.live + n.erased >= before);
        keystore_t *ks = store_at(copy, KEYS_OF_SUBJECT);
        assert_int_equal(keystore_state(ks).damaged, 0);
        for (size_t i = 0; i < before; i += 1 + before / 50) {
            err_code_t code = find(ks, people[i]);
            assert_true(code == ERR_NONE || code == ERR_EXPIRED);
        }
        keystore_close(ks);
        unlink(copy.text);
        arena_reset(&arena);
        file = at("beside-a-writer"); /* the arena was emptied */
        copies++;
    }
    pthread_join(thread, NULL);
    keystore_close(w.ks);
    assert_true(copies > 0);
}

static void test_erasures(void **state)
{
    path_t file = fresh(), backup = fresh(), other = fresh();
    vault_keyfile_counts_t n;
    uint64_t erased = 0;
    size_t count;
    keystore_t *ks = store_at(file, KEYS_OF_SUBJECT);
    id128_t stays = person(ks), goes = person(ks);
    assert_false(err_failed(vault_keyfile_copy(file, backup, &n)));
    assert_false(err_failed(keystore_erase(ks, goes, &count)));
    id128_t later = person(ks);
    keystore_close(ks);
    assert_false(err_failed(vault_keyfile_take_erasures(backup, file, &erased)));
    assert_int_equal(erased, 1);
    ks = store_at(backup, KEYS_OF_SUBJECT);
    assert_int_equal(find(ks, stays), ERR_NONE);
    assert_int_equal(find(ks, goes), ERR_EXPIRED);
    assert_int_equal(find(ks, later), ERR_NOT_FOUND);
    keystore_close(ks);
    assert_false(err_failed(vault_keyfile_take_erasures(backup, file, &erased)));
    assert_int_equal(erased, 0); /* twice is once */
    keystore_close(store_at(other, KEYS_OF_SUBJECT));
    assert_int_equal(vault_keyfile_take_erasures(backup, other, &erased).code, ERR_CONFLICT);
}

/* What the record names is destroyed, with all months of that person; nothing else is touched. */
static void test_erasures_of_record(void **state)
{
    path_t subjects = fresh(), months = fresh();
    uint64_t erased = 0;
    keystore_t *ks = store_at(subjects, KEYS_OF_SUBJECT), *ms = store_at(months, KEYS_OF_MONTH);
    id128_t goes = person(ks), stays = person(ks), name = keystore_name(ks);
    for (uint32_t month = 1; month < 4; month++) {
        assert_false(err_failed(keystore_add(ms, month == 2 ? stays : goes, month)));
    }
    assert_false(err_failed(keystore_commit(ms)));
    keystore_close(ks);
    keystore_close(ms);
    const uint32_t slots[] = {0, 7000000};
    assert_int_equal(vault_keyfile_erase_slots(subjects, months, id_new(), slots, 2, &erased).code,
                     ERR_CONFLICT);
    assert_false(err_failed(vault_keyfile_erase_slots(subjects, months, name, slots, 2, &erased)));
    assert_int_equal(erased, 3);
    assert_false(err_failed(vault_keyfile_erase_slots(subjects, months, name, slots, 2, &erased)));
    assert_int_equal(erased, 0);
    ks = store_at(subjects, KEYS_OF_SUBJECT);
    ms = store_at(months, KEYS_OF_MONTH);
    assert_int_equal(find(ks, goes), ERR_EXPIRED);
    assert_int_equal(find(ks, stays), ERR_NONE);
    assert_int_equal(keystore_state(ms).live, 1);
    assert_int_equal(keystore_state(ms).erased, 2);
    keystore_close(ks);
    keystore_close(ms);
}

static void master_write(path_t file, const uint8_t key[SECRET_BYTES])
{
    unlink(file.text);
    assert_false(
        err_failed(file_create(file, slice_make(key, SECRET_BYTES), 0400, (uid_t)-1, (gid_t)-1)));
}

static void test_check(void **state)
{
    uint8_t mem[256], wrong[SECRET_BYTES] = {1};
    buf_t sealed = BUF_ON_ARRAY(mem);
    path_t master = at("master.key");
    vault_keyfile_counts_t n;
    keys_wrapped_t key;
    bool opened = false;
    keystore_t *ks = store_at(at("keys"), KEYS_OF_SUBJECT);
    id128_t who = person(ks), row = id_new();
    envelope_place_t place = {
        .subject = who, .table = SLICE("representative"), .column = SLICE("name"), .row = row};
    assert_false(err_failed(keystore_find(ks, who, 0, &key)));
    assert_false(err_failed(keys_seal(ring, &key, place, SLICE("関所 花子"), &sealed)));
    keystore_close(ks);
    keystore_close(store_at(at("month-keys"), KEYS_OF_MONTH));
    master_write(master, master_bytes);
    vault_keyfile_sample_t s = {.subject = who,
                                .row = row,
                                .table = SLICE("representative"),
                                .column = SLICE("name"),
                                .sealed = buf_slice(&sealed)};
    path_t here = {dir};
    assert_false(err_failed(vault_keyfile_check(here, here, &s, &n, &opened)));
    assert_int_equal(n.live, 1);
    assert_true(opened);
    s.column = SLICE("kana"); /* another place */
    assert_int_equal(vault_keyfile_check(here, here, &s, &n, &opened).code, ERR_CRYPTO);
    s.column = SLICE("name");
    s.subject = id_new();
    assert_int_equal(vault_keyfile_check(here, here, &s, &n, &opened).code, ERR_NOT_FOUND);
    master_write(master, wrong);
    assert_int_equal(vault_keyfile_check(here, here, NULL, &n, &opened).code, ERR_CRYPTO);
    unlink(at("month-keys").text);
    assert_int_equal(vault_keyfile_check(here, here, NULL, &n, &opened).code, ERR_CRYPTO);
    master_write(master, master_bytes);
    assert_int_equal(vault_keyfile_check(here, here, NULL, &n, &opened).code, ERR_NOT_FOUND);
}

static void test_no_key_file(void **state)
{
    vault_keyfile_counts_t n;
    uint8_t page[KEYSTORE_HEADER] = {0};
    path_t file = fresh();
    assert_int_equal(vault_keyfile_copy(file, fresh(), &n).code, ERR_NOT_FOUND);
    assert_false(err_failed(file_create(file, slice_make(page, 100), 0600, (uid_t)-1, (gid_t)-1)));
    assert_int_equal(vault_keyfile_copy(file, fresh(), &n).code, ERR_CORRUPT);
    unlink(file.text);
    assert_false(
        err_failed(file_create(file, slice_make(page, sizeof page), 0600, (uid_t)-1, (gid_t)-1)));
    assert_int_equal(vault_keyfile_copy(file, fresh(), &n).code, ERR_CORRUPT);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *base)
{
    return remove(path);
}

static int up(void **state)
{
    secret_t master;
    arena_init(&arena, 4 * 1024 * 1024);
    snprintf(dir, sizeof dir, "/tmp/keyfile-XXXXXX");
    random_bytes(master_bytes, sizeof master_bytes);
    memcpy(master.b, master_bytes, SECRET_BYTES);
    return mkdtemp(dir) && !err_failed(keys_new(&master, &ring)) ? 0 : -1;
}

static int down(void **state)
{
    keys_free(ring);
    arena_deinit(&arena);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),      cmocka_unit_test(test_beside_a_writer),
        cmocka_unit_test(test_erasures),    cmocka_unit_test(test_check),
        cmocka_unit_test(test_no_key_file), cmocka_unit_test(test_erasures_of_record),
    };
    return cmocka_run_group_tests(tests, up, down);
}
