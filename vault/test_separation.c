/* The room's walls in a house of several users: who can read what, who can claim to be whom. Needs
 * root and the rooms' users (the command makes them at its first run); skips with a message
 * otherwise. Arguments: vaultd, ledgerd. */
#include "test_house.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/sandbox.h"
#include "vault/api.h"

static test_house_t house = {.separated = true};
static uid_t uids[ROOM_COUNT];
static gid_t gids[ROOM_COUNT];

typedef err_t in_child_t(unsigned arg);

/* The error code that fn gives when it runs as that room's user. */
static int as_room(room_id_t room, in_child_t *fn, unsigned arg)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool dropped = setgroups(0, NULL) == 0 &&
                       setresgid(gids[room], gids[room], gids[room]) == 0 &&
                       setresuid(uids[room], uids[room], uids[room]) == 0;
        _exit(dropped ? fn(arg).code : 255);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const char *const SECRETS[] = {"vault/keys", "vault/month-keys", "vault/passwords.db",
                                      "secrets/vault/master.key"};

static err_t open_in_house(const char *name, int flags)
{
    char path[128];
    FD_SCOPED int fd = -1;
    snprintf(path, sizeof path, "%s/%s", house.var, name);
    return fd_open((path_t){path}, flags, 0, &fd);
}

static err_t open_secret(unsigned i)
{
    return open_in_house(SECRETS[i], O_RDONLY);
}

static err_t open_offline(unsigned none)
{
    (void)none;
    return open_in_house("offline/investigator.key", O_RDONLY);
}

static err_t open_public(unsigned flags)
{
    return open_in_house("etc/investigator.pub", (int)flags);
}

static err_t open_memory(unsigned none)
{
    char path[64];
    FD_SCOPED int fd = -1;
    (void)none;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)house.vaultd);
    return fd_open((path_t){path}, O_RDONLY, 0, &fd);
}

static void files_are_the_vaults_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BASE_COUNT(SECRETS); i++) {
        assert_int_equal(as_room(ROOM_VAULT, open_secret, i), ERR_NONE);
        assert_int_equal(as_room(ROOM_SHOP, open_secret, i), ERR_DENIED);
        assert_int_equal(as_room(ROOM_LEDGER, open_secret, i), ERR_DENIED);
    }
    assert_int_equal(as_room(ROOM_VAULT, open_offline, 0), ERR_DENIED);
    assert_int_equal(as_room(ROOM_SHOP, open_offline, 0), ERR_DENIED);
    assert_int_equal(as_room(ROOM_SHOP, open_public, O_RDONLY), ERR_NONE);
    assert_int_equal(as_room(ROOM_VAULT, open_public, O_WRONLY), ERR_DENIED);
    assert_int_equal(as_room(ROOM_SHOP, open_memory, 0), ERR_DENIED);
    if (sandbox_built_in()) { /* not even its own user: it is not dumpable */
        assert_int_equal(as_room(ROOM_VAULT, open_memory, 0), ERR_DENIED);
    }
}

static void process_is_walled_in(void **state)
{
    (void)state;
    char path[64];
    char want[64];
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 65536);
    FD_SCOPED int fd = -1;
    uint8_t mem[8192];
    snprintf(path, sizeof path, "/proc/%d/status", (int)house.vaultd);
    GOOD(fd_open((path_t){path}, O_RDONLY, 0, &fd));
    ssize_t n = read(fd, mem, sizeof mem);
    assert_true(n > 0);
    slice_t text = slice_make(mem, (size_t)n);
    unsigned uid = uids[ROOM_VAULT];
    snprintf(want, sizeof want, "Uid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    assert_true(slice_find(text, slice_cstr_in(want)) != SIZE_MAX);
    assert_true(slice_find(text, SLICE("Groups:\t \n")) != SIZE_MAX);
    assert_true(slice_find(text, SLICE("NoNewPrivs:\t1\n")) != SIZE_MAX);
    assert_true(slice_find(text, SLICE("CapEff:\t0000000000000000\n")) != SIZE_MAX);
    if (sandbox_built_in()) {
        assert_true(slice_find(text, SLICE("Seccomp:\t2\n")) != SIZE_MAX);
    }
}

static err_t whole_way(unsigned claimed)
{
    vault_client_t *c;
    id128_t subject;
    id128_t pseudonym;
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    TRY(vault_client_new(house.vault_sock, claimed, &c));
    TRY(vault_subject_new(c, &subject, &pseudonym));
    vault_item_t item = {
        .subject = subject, .table = SLICE("t"), .column = SLICE("c"), .bytes = SLICE("plain")};
    slice_t sealed;
    slice_t plain;
    TRY(vault_seal(c, &a, &item, 1, &sealed));
    item.bytes = sealed;
    vault_context_t ctx = {.request = id_new(), .purpose = VAULT_FOR_SHOW_TO_OWNER};
    TRY(vault_reveal(c, &a, &ctx, &item, 1, &plain));
    vault_client_free(c);
    return OK;
}

static void a_room_is_who_its_user_is(void **state)
{
    (void)state;
    assert_int_equal(as_room(ROOM_SHOP, whole_way, ROOM_SHOP), ERR_NONE);
    assert_int_equal(as_room(ROOM_SHOP, whole_way, ROOM_OFFICE), ERR_DENIED);
    assert_int_equal(as_room(ROOM_SHOP, whole_way, ROOM_COMMAND), ERR_DENIED);
    assert_int_equal(as_room(ROOM_SHOP, whole_way, ROOM_TEST), ERR_DENIED);
    assert_int_not_equal(as_room(ROOM_LEDGER, whole_way, ROOM_SHOP), ERR_NONE);
}

static int up(void **state)
{
    (void)state;
    test_house_up(&house);
    house.vaultd = test_house_start(&house, house.vaultd_path, true);
    return 0;
}

static int down(void **state)
{
    (void)state;
    return test_house_down(&house);
}

int main(int argc, char **argv)
{
    enum { MESON_SKIP = 77 };
    static const room_id_t NEEDED[] = {ROOM_VAULT, ROOM_LEDGER, ROOM_SHOP};
    if (argc != 3) {
        fprintf(stderr, "usage: test_separation VAULTD LEDGERD\n");
        return 2;
    }
    for (size_t i = 0; i < BASE_COUNT(NEEDED); i++) {
        if (geteuid() != 0 || err_failed(room_ids(NEEDED[i], &uids[NEEDED[i]], &gids[NEEDED[i]]))) {
            printf("rooms not separated: needs root and the users sekisho-<room>\n");
            return MESON_SKIP;
        }
    }
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_the_vaults_own),
        cmocka_unit_test(process_is_walled_in),
        cmocka_unit_test(a_room_is_who_its_user_is),
    };
    return cmocka_run_group_tests(tests, up, down);
}
