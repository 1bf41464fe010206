/* A new master key under a vault at work: with the real vaultd, ledgerd and vault-master.
 * Arguments: the three programs. */
#include "test_house.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/fd.h"
#include "io/wire_client.h"
#include "keystore.h"
#include "vault/api.h"

enum { PEOPLE = 1500, READERS = 3, KILLS = 30 };

static test_house_t house;
static const char *tool;
static vault_client_t *shop, *command;
static struct person {
    id128_t id, pseudonym;
    uint8_t sealed[128];
    size_t len;
    bool erased;
} people[PEOPLE];

static void vaultd_up(void)
{
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
}

static struct person person_make(arena_t *a)
{
    struct person p = {0};
    slice_t sealed;
    GOOD(vault_subject_new(shop, &p.id, &p.pseudonym));
    vault_item_t item = {.subject = p.id,
                         .table = SLICE("traveller"),
                         .column = SLICE("name"),
                         .row = p.id,
                         .bytes = id_slice(&p.id)};
    GOOD(vault_seal(shop, a, &item, 1, &sealed));
    memcpy(p.sealed, sealed.ptr, sealed.len);
    p.len = sealed.len;
    return p;
}

static err_t open_one(const struct person *p)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t plain;
    arena_init(&a, 1 << 20);
    vault_context_t ctx = {.request = id_new(), .purpose = VAULT_FOR_SHOW_TO_OWNER};
    vault_item_t item = {.subject = p->id,
                         .table = SLICE("traveller"),
                         .column = SLICE("name"),
                         .row = p->id,
                         .bytes = slice_make(p->sealed, p->len)};
    TRY(vault_reveal(shop, &a, &ctx, &item, 1, &plain));
    assert_true(slice_eq(plain, id_slice(&p->id)));
    return OK;
}

static int house_up(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 16 << 20);
    test_house_up(&house);
    vaultd_up();
    GOOD(vault_client_new(house.vault_sock, ROOM_TEST, &shop));
    GOOD(vault_client_new(house.vault_sock, ROOM_COMMAND, &command));
    for (size_t i = 0; i < PEOPLE; i++) {
        people[i] = person_make(&a);
    }
    return 0;
}

static int house_down(void **state)
{
    (void)state;
    vault_client_free(shop);
    vault_client_free(command);
    return test_house_down(&house);
}

static pid_t tool_start(const char *verb)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(tool, tool, verb, "--var", house.var, "--profile", "test", "--no-separation",
              (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int tool_end(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static uint32_t settled(void)
{
    deadline_t until = deadline_in_ms(HOUSE_WAIT_MS);
    vault_master_t now = {0};
    do {
        GOOD(vault_master(command, &now));
        assert_int_equal(now.trouble, 0);
        usleep(5000);
    } while (now.newest != now.oldest && deadline_left_ms(until) > 0);
    assert_int_equal(now.newest, now.oldest);
    return now.newest;
}

/* Names and bytes of the master keys' files. */
static size_t masters(char names[4][32], uint8_t keys[4][32])
{
    char dir[80];
    size_t n = 0;
    snprintf(dir, sizeof dir, "%s/secrets/vault", house.var);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *row; (row = readdir(d));) {
        if (strncmp(row->d_name, "master", 6) == 0 && n < 4) {
            char path[400];
            snprintf(path, sizeof path, "%s/%s", dir, row->d_name);
            FD_SCOPED int fd = open(path, O_RDONLY | O_CLOEXEC);
            snprintf(names[n], 32, "%.31s", row->d_name);
            n += fd >= 0 && read(fd, keys[n], 32) == 32;
        }
    }
    closedir(d);
    return n;
}

static bool in_vault_files(const uint8_t *bytes, size_t len)
{
    static const char *const NAMES[] = {"vault/keys", "vault/month-keys", "vault/register.db",
                                        "vault/passwords.db"};
    bool found = false;
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        BASE_CLEANUP(arena_deinit) arena_t a;
        char path[128];
        slice_t all;
        arena_init(&a, 32 << 20);
        snprintf(path, sizeof path, "%s/%s", house.var, NAMES[i]);
        GOOD(file_read(&a, (path_t){path}, 16 << 20, &all));
        found = found || memmem(all.ptr, all.len, bytes, len);
    }
    return found;
}

static void everybody_opens(void)
{
    for (size_t i = 0; i < PEOPLE; i += 7) {
        id128_t pseudonym;
        err_t e = open_one(&people[i]);
        assert_int_equal(e.code, people[i].erased ? ERR_NOT_FOUND : ERR_NONE);
        if (!people[i].erased) {
            GOOD(vault_pseudonym(shop, people[i].id, &pseudonym));
            assert_true(id_eq(pseudonym, people[i].pseudonym));
        }
    }
}

static atomic_bool stop;
static atomic_size_t opened;

static void *read_on(void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    while (!atomic_load(&stop)) {
        err_t e = open_one(&people[i % PEOPLE]);
        i += 11;
        if (err_failed(e)) {
            return (void *)(uintptr_t)e.code;
        }
        atomic_fetch_add(&opened, 1);
    }
    return NULL;
}

static void under_load(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    pthread_t threads[READERS];
    char names[4][32];
    uint8_t old[4][32], fresh[4][32], blind_before[16], blind_after[16], wrapped[KEYS_WRAPPED];
    arena_init(&a, 16 << 20);
    GOOD(vault_blind(shop, VAULT_BLIND_EMAIL, SLICE("hanako@example.jp"), blind_before));
    assert_int_equal(masters(names, old), 1);
    assert_string_equal(names[0], "master.key");
    char path[80];
    snprintf(path, sizeof path, "%s/vault/keys", house.var);
    FD_SCOPED int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, wrapped, sizeof wrapped, KEYSTORE_HEADER + 48), sizeof wrapped);
    assert_true(in_vault_files(wrapped, sizeof wrapped));
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, (void *)(uintptr_t)(i * 100)),
                         0);
    }
    pid_t pid = tool_start("rotate");
    struct person made[60];
    for (size_t i = 0; i < BASE_COUNT(made); i++) {
        made[i] = person_make(&a); /* while slots are wrapped anew */
    }
    assert_int_equal(tool_end(pid), 0);
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        void *code;
        pthread_join(threads[i], &code);
        assert_int_equal((uintptr_t)code, 0);
    }
    assert_true(atomic_load(&opened) > 0);
    assert_int_equal(settled(), 2);
    assert_int_equal(masters(names, fresh), 1);
    assert_string_equal(names[0], "master-2.key");
    assert_memory_not_equal(old[0], fresh[0], 32);
    for (size_t at = 0; at < KEYS_WRAPPED; at += 26) {
        assert_false(in_vault_files(wrapped + at, 26)); /* the old wrapping is gone */
    }
    for (int round = 0; round < 2; round++) {
        everybody_opens();
        for (size_t i = 0; i < BASE_COUNT(made); i++) {
            GOOD(open_one(&made[i]));
        }
        GOOD(vault_blind(shop, VAULT_BLIND_EMAIL, SLICE("hanako@example.jp"), blind_after));
        assert_memory_equal(blind_before, blind_after, 16); /* customers are still found */
        test_house_end(&house.vaultd, SIGKILL);
        vaultd_up();
    }
}

static void *erase_some(void *arg)
{
    size_t *at = arg;
    id128_t pseudonym;
    uint32_t keys;
    vault_order_t order = {.request = id_new(),
                           .subject = people[*at].id,
                           .asked = SLICE("customer"),
                           .by = SLICE("root")};
    err_ignore(vault_erase(command, &order, &pseudonym, &keys));
    return NULL;
}

/* Killed anywhere, vaultd or the tool or both, while somebody is erased: old or new, never neither.
 */
static void killed_anywhere(void **state)
{
    (void)state;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 32 << 20);
    uint32_t before = settled(), epoch = before;
    for (unsigned i = 0; i < KILLS; i++) {
        pthread_t thread;
        char names[4][32];
        uint8_t keys[4][32];
        size_t victim = 3 + 7 * (i * 5 % 200);
        pid_t pid = tool_start("rotate");
        assert_int_equal(pthread_create(&thread, NULL, erase_some, &victim), 0);
        usleep(2000 + i * 1500);
        if (i % 3) {
            kill(house.vaultd, SIGKILL);
        }
        if (i % 3 != 1) {
            kill(pid, SIGKILL);
        }
        pthread_join(thread, NULL);
        if (i % 3) {
            test_house_end(&house.vaultd, SIGKILL);
            vaultd_up();
        }
        tool_end(pid);
        uint32_t now = settled();
        assert_true(now == epoch || now == epoch + 1);
        epoch = now;
        assert_in_range(masters(names, keys), 1, 2); /* two: a file that no vaultd heard of yet */
        people[victim].erased = err_is(open_one(&people[victim]), ERR_NOT_FOUND);
        if (i % 5 == 0) {
            everybody_opens();
        }
    }
    /* what a killed tool left does not stand in the way */
    assert_int_equal(tool_end(tool_start("rotate")), 0);
    everybody_opens();
    print_message("master keys %u to %u\n", (unsigned)before, (unsigned)settled());
    char names[4][32];
    uint8_t keys[4][32];
    assert_int_equal(masters(names, keys), 1);
}

static void refused(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    uint32_t epoch = settled();
    assert_true(err_is(vault_rotate(shop, epoch + 1, key), ERR_DENIED));
    assert_true(err_is(vault_rotate(command, epoch, key), ERR_RANGE));
    assert_true(err_is(vault_rotate(command, epoch + 2, key), ERR_RANGE));
    test_house_end(&house.ledgerd, SIGKILL);
    assert_true(err_is(vault_rotate(command, epoch + 1, key), ERR_NOT_RECORDED));
    assert_int_not_equal(tool_end(tool_start("rotate")), 0);
    char names[4][32];
    uint8_t keys[4][32];
    assert_int_equal(masters(names, keys), 1); /* nothing is left of it */
    house.ledgerd = test_house_start(&house, house.ledgerd_path, true);
    assert_int_equal(settled(), epoch);
    assert_int_equal(tool_end(tool_start("state")), 0);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 4);
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    tool = argv[3];
    const struct CMUnitTest tests[] = {cmocka_unit_test(under_load), cmocka_unit_test(refused),
                                       cmocka_unit_test(killed_anywhere)};
    return cmocka_run_group_tests(tests, house_up, house_down);
}
