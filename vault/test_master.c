/* The master key at rest: each way of keeping it opens with what belongs to it, with nothing else,
 * and says why not; then a vaultd that is started with each, and one that goes from one to the
 * next. Arguments: vaultd, ledgerd, vault-master, the module of a token that is locked. */
#include "test_house.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fd.h"
#include "master.h"
#include "vault/api.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static test_house_t house;
static const char *tool, *locked_module;
static char dir[32];
static master_secret_t typed;
static master_why_t why;

static void type(const char *text)
{
    typed.len = strlen(text);
    memcpy(typed.b, text, typed.len);
}

static master_source_t source_of(master_kind_t kind)
{
    return (master_source_t){
        .kind = kind,
        .typed = &typed,
        .credentials = dir,
        .token = {.module = SOFTHSM, .label = "sekisho", .key = "sekisho-vault", .uid = (uid_t)-1},
        .passes = 1,
        .memory_kib = 64};
}

static void file_put(const char *name, const void *bytes, size_t len, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    GOOD(file_create((path_t){path}, slice_make(bytes, len), mode, (uid_t)-1, (gid_t)-1));
}

static int setup(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/vault-master-XXXXXX", 25);
    typed.len = 0;
    why.text[0] = 0;
    return mkdtemp(dir) && sodium_init() >= 0 ? 0 : -1;
}

static int shell_run(const char *line)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof line, "rm -r %s", dir);
    return shell_run(line);
}

static err_t again(const master_source_t *s, slice_t file, uint32_t epoch, const secret_t *want)
{
    secret_t got = {{0}};
    TRY(master_open(s, file, epoch, &got, &why));
    assert_memory_equal(got.b, want->b, sizeof got.b);
    return OK;
}

/* No bit of a sealed file may change. */
static void damaged_nowhere(const master_source_t *s, slice_t file, uint32_t epoch)
{
    uint8_t bad[MASTER_SEALED];
    secret_t got;
    for (size_t i = 0; i < 120; i++) {
        memcpy(bad, file.ptr, file.len);
        bad[i] ^= (uint8_t)(1U << (i % 8));
        assert_true(err_failed(master_open(s, slice_make(bad, file.len), epoch, &got, &why)));
    }
}

static void by_passphrase_and_credential(void **state)
{
    (void)state;
    static const char CREDENTIAL[] = "0123456789abcdef0123456789abcdef!";
    secret_t key;
    random_bytes(key.b, sizeof key.b);
    file_put(MASTER_CREDENTIAL_NAME, CREDENTIAL, sizeof CREDENTIAL, 0400);
    type("関所の通行手形 77");
    for (master_kind_t kind = MASTER_FILE; kind <= MASTER_CREDENTIAL; kind++) {
        uint8_t mem[MASTER_SEALED];
        buf_t file = BUF_ON_ARRAY(mem);
        master_source_t s = source_of(kind);
        GOOD(master_seal(&s, 7, &key, &file, &why));
        assert_int_equal(file.len, kind == MASTER_FILE ? SECRET_BYTES : MASTER_SEALED);
        GOOD(again(&s, buf_slice(&file), 7, &key));
        assert_int_equal(master_is_typed(buf_slice(&file)), kind == MASTER_PASSPHRASE);
        if (kind != MASTER_FILE) {
            assert_null(memmem(mem, sizeof mem, key.b, 8));
            assert_true(err_is(again(&s, buf_slice(&file), 8, &key), ERR_CORRUPT));
            damaged_nowhere(&s, buf_slice(&file), 7);
        }
    }
}

static void what_is_missing_or_wrong_is_said(void **state)
{
    (void)state;
    secret_t key = {{1}};
    uint8_t mem[MASTER_SEALED];
    buf_t file = BUF_ON_ARRAY(mem);
    master_source_t s = source_of(MASTER_PASSPHRASE);
    type("right");
    GOOD(master_seal(&s, 1, &key, &file, &why));
    type("wrong");
    assert_true(err_is(again(&s, buf_slice(&file), 1, &key), ERR_AUTH));
    assert_non_null(strstr(why.text, "passphrase does not open"));
    typed.len = 0;
    assert_true(err_is(again(&s, buf_slice(&file), 1, &key), ERR_NOT_FOUND));
    assert_non_null(strstr(why.text, "--vault-secret-fd"));

    s = source_of(MASTER_CREDENTIAL);
    buf_reset(&file);
    assert_true(err_is(master_seal(&s, 1, &key, &file, &why), ERR_NOT_FOUND));
    assert_non_null(strstr(why.text, "cannot be read"));
    file_put(MASTER_CREDENTIAL_NAME, "short", 5, 0400);
    assert_true(err_is(master_seal(&s, 1, &key, &file, &why), ERR_CORRUPT));
    s.credentials = NULL;
    assert_true(err_is(master_seal(&s, 1, &key, &file, &why), ERR_NOT_FOUND));
    assert_non_null(strstr(why.text, "LoadCredential"));
}

static void files_of_the_folder(void **state)
{
    (void)state;
    keys_master_t got[KEYS_MASTERS], one = {.epoch = 1, .key = {{1}}};
    size_t n = 0;
    master_source_t s = source_of(MASTER_FILE);
    path_t here = {dir};
    assert_true(err_is(master_load(here, geteuid(), &s, got, &n, &why), ERR_NOT_FOUND));
    GOOD(master_store(here, geteuid(), getegid(), &s, &one, &why));
    assert_true(err_is(master_store(here, geteuid(), getegid(), &s, &one, &why), ERR_EXISTS));
    one.epoch = 2;
    one.key.b[0] = 2;
    GOOD(master_store(here, geteuid(), getegid(), &s, &one, &why));
    GOOD(master_load(here, geteuid(), &s, got, &n, &why));
    assert_int_equal(n, 2);
    assert_true(got[0].epoch == 1 && got[1].epoch == 2 && got[1].key.b[0] == 2);
    file_put("master-2.key.abc.tmp", "half", 4, 0400);
    GOOD(master_sweep(here));
    GOOD(master_destroy(here, 1));
    GOOD(master_destroy(here, 1));
    GOOD(master_load(here, geteuid(), &s, got, &n, &why));
    assert_int_equal(n, 1);
    file_put("master-9.key", one.key.b, 32, 0400); /* 2 and 9: not a change of keys */
    assert_true(err_is(master_load(here, geteuid(), &s, got, &n, &why), ERR_CONFLICT));
    GOOD(master_destroy(here, 9));
    file_put("master-2.key", one.key.b, 32, 0444);
    assert_true(err_is(master_load(here, geteuid(), &s, got, &n, &why), ERR_DENIED));
    file_put("master-2.key", one.key.b, 31, 0400);
    assert_true(err_is(master_load(here, geteuid(), &s, got, &n, &why), ERR_CORRUPT));
}

/* The token. */

static void shell(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (shell_run(line) != 0) {
        fail_msg("%s", line);
    }
}

static bool token_make(void)
{
    char conf[160];
    if (access(SOFTHSM, R_OK) != 0 || access("/usr/bin/softhsm2-util", X_OK) != 0) {
        return false;
    }
    snprintf(conf, sizeof conf, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n",
             dir);
    file_put("softhsm2.conf", conf, strlen(conf), 0444);
    shell("mkdir %s/tokens", dir);
    snprintf(conf, sizeof conf, "%s/softhsm2.conf", dir);
    setenv("SOFTHSM2_CONF", conf, 1);
    /* text: softhsm2-util ends a key at its first zero byte */
    shell("head -c 24 /dev/urandom | base64 -w0 > %s/aes", dir);
    shell("softhsm2-util --init-token --free --label sekisho --so-pin 87654321 --pin 1234-5678 "
          ">/dev/null");
    shell("softhsm2-util --import %s/aes --aes --token sekisho --label sekisho-vault --id 01 "
          "--pin 1234-5678 >/dev/null",
          dir);
    return true;
}

static void by_token(void **state)
{
    (void)state;
    secret_t key;
    uint8_t mem[MASTER_SEALED];
    buf_t file = BUF_ON_ARRAY(mem);
    master_source_t s = source_of(MASTER_TOKEN);
    random_bytes(key.b, sizeof key.b);
    if (!token_make()) {
        print_message("softhsm2 is not installed\n");
        skip();
    }
    type("1234-5678");
    err_t sealed = master_seal(&s, 3, &key, &file, &why);
    if (err_failed(sealed)) {
        fail_msg("%s", why.text);
    }
    GOOD(again(&s, buf_slice(&file), 3, &key));
    assert_true(master_is_typed(buf_slice(&file)));
    mem[80] ^= 1;
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_CRYPTO));
    mem[80] ^= 1;
    type("9999-9999");
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_AUTH));
    assert_non_null(strstr(why.text, "PIN is wrong"));
    typed.len = 0;
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_NOT_FOUND));
    type("1234-5678");
    s.token.key = "another";
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_UNAVAILABLE));
    assert_non_null(strstr(why.text, "no key of that label"));
    s.token.label = "another";
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_UNAVAILABLE));
    assert_non_null(strstr(why.text, "no token of that label"));
    s.token.module = "/nonexistent.so";
    assert_true(err_is(again(&s, buf_slice(&file), 3, &key), ERR_UNAVAILABLE));
    assert_non_null(strstr(why.text, "cannot be loaded"));
}

static void a_locked_token_is_said_to_be(void **state)
{
    (void)state;
    secret_t key = {{1}};
    uint8_t mem[MASTER_SEALED];
    buf_t file = BUF_ON_ARRAY(mem);
    master_source_t s = source_of(MASTER_TOKEN);
    s.token.module = locked_module;
    type("1234");
    for (int at_login = 0; at_login < 2; at_login++) {
        setenv("P11_LOCKED", at_login ? "login" : "", 1);
        assert_true(err_is(master_seal(&s, 3, &key, &file, &why), ERR_AUTH));
        assert_non_null(strstr(why.text, "locked"));
    }
}

/* The whole way: from a file to a passphrase, to a credential, to a token, and back. */

static void ini_write(const char *source)
{
    char text[256], path[80];
    snprintf(text, sizeof text, "[master]\nsource = %s\nmemory_mib = 64\nmodule = %s\n", source,
             SOFTHSM);
    snprintf(path, sizeof path, "%s/etc/vault.ini", house.var);
    GOOD(file_replace((path_t){path}, slice_cstr_in(text), 0644));
}

/* line: what is typed; NULL = nothing. */
static pid_t run_with(const char *program, const char *verb, const char *line, int *ret_ready)
{
    int typed_pipe[2], ready[2];
    char ready_fd[16], secret_fd[16];
    assert_int_equal(pipe(typed_pipe), 0);
    assert_int_equal(pipe(ready), 0);
    if (line) {
        assert_int_equal(write(typed_pipe[1], line, strlen(line)), strlen(line));
    }
    close(typed_pipe[1]);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        close(ready[0]);
        dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(verb ? typed_pipe[0] : null, STDIN_FILENO);
        snprintf(ready_fd, sizeof ready_fd, "%d", ready[1]);
        snprintf(secret_fd, sizeof secret_fd, "%d", typed_pipe[0]);
        if (verb) {
            execl(program, program, verb, "--var", house.var, "--profile", "test",
                  "--no-separation", (char *)NULL);
        } else {
            execl(program, program, "--var", house.var, "--profile", "test", "--no-separation",
                  "--ready-fd", ready_fd, "--secret-fd", secret_fd, (char *)NULL);
        }
        _exit(127);
    }
    close(ready[1]);
    close(typed_pipe[0]);
    char byte;
    *ret_ready = (int)read(ready[0], &byte, 1);
    close(ready[0]);
    return pid;
}

static void vaultd_starts(const char *line, bool want)
{
    int ready, status;
    pid_t pid = run_with(house.vaultd_path, NULL, line, &ready);
    assert_int_equal(ready, want);
    if (want) {
        house.vaultd = pid;
    } else {
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
}

static void rotated_to(const char *source, const char *line, bool want)
{
    int ready, status;
    ini_write(source);
    pid_t pid = run_with(tool, "rotate", line, &ready);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WIFEXITED(status) && WEXITSTATUS(status) == 0, want);
}

static void one_way_after_the_other(void **state)
{
    (void)state;
    static const char CREDENTIAL[] = "a secret that systemd hands over, 32 bytes or more";
    BASE_CLEANUP(arena_deinit) arena_t a;
    arena_init(&a, 1 << 20);
    bool token = token_make();
    test_house_up(&house);
    vaultd_starts(NULL, true);
    vault_client_t *shop;
    id128_t person, pseudonym;
    slice_t sealed, plain;
    GOOD(vault_client_new(house.vault_sock, ROOM_TEST, &shop));
    GOOD(vault_subject_new(shop, &person, &pseudonym));
    vault_item_t item = {.subject = person,
                         .table = SLICE("traveller"),
                         .column = SLICE("name"),
                         .row = person,
                         .bytes = SLICE("関所 花子")};
    GOOD(vault_seal(shop, &a, &item, 1, &sealed));
    item.bytes = sealed;

    const struct way {
        const char *source, *line, *wrong;
        bool credential;
    } ways[] = {
        {"passphrase", "Hamanasu-no-oka 77\n", "Hamanasu-no-oka 78\n", false},
        {"credential", NULL, NULL, true},
        {"token", "1234-5678\n", "1234-5679\n", false},
        {"file", NULL, NULL, false},
    };
    rotated_to("passphrase", "short\n", false);
    rotated_to("credential", NULL, false); /* there is none yet */
    rotated_to("token", "wrong PIN\n", false);
    for (size_t i = 0; i < BASE_COUNT(ways); i++) {
        const struct way *w = &ways[i];
        if (strcmp(w->source, "token") == 0 && !token) {
            print_message("softhsm2 is not installed\n");
            continue;
        }
        if (w->credential) {
            file_put(MASTER_CREDENTIAL_NAME, CREDENTIAL, sizeof CREDENTIAL, 0400);
            setenv("CREDENTIALS_DIRECTORY", dir, 1);
        }
        rotated_to(w->source, w->line, true);
        test_house_end(&house.vaultd, i % 2 ? SIGKILL : SIGTERM);
        if (w->line) {
            vaultd_starts(NULL, false);
            vaultd_starts(w->wrong, false);
        }
        if (w->credential) {
            unsetenv("CREDENTIALS_DIRECTORY");
            vaultd_starts(NULL, false);
            setenv("CREDENTIALS_DIRECTORY", dir, 1);
        }
        vaultd_starts(w->line, true);
        vault_context_t ctx = {.request = id_new(), .purpose = VAULT_FOR_DESK};
        GOOD(vault_reveal(shop, &a, &ctx, &item, 1, &plain));
        assert_true(slice_eq(plain, SLICE("関所 花子")));
    }
    vault_client_free(shop);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(test_house_down(&house), 0);
}

/* A first run whose configuration asks for a passphrase from the beginning. */
static void first_run_with_a_passphrase(void **state)
{
    (void)state;
    test_house_up(&house);
    ini_write("passphrase");
    vaultd_starts(NULL, false);
    vaultd_starts("Hamanasu-no-oka 77\n", true);
    test_house_end(&house.vaultd, SIGTERM);
    vaultd_starts("Hamanasu-no-oka 77", true); /* without an end of line, too */
    assert_int_equal(test_house_down(&house), 0);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 5);
    house.vaultd_path = argv[1];
    house.ledgerd_path = argv[2];
    tool = argv[3];
    locked_module = argv[4];
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(by_passphrase_and_credential), CASE(what_is_missing_or_wrong_is_said),
        CASE(files_of_the_folder),          CASE(by_token),
        CASE(a_locked_token_is_said_to_be), CASE(one_way_after_the_other),
        CASE(first_run_with_a_passphrase)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
