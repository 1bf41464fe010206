/* vaultd-unsealed serves the profile test and no other; what it keeps and what vaultd keeps are
 * strange to each other; nothing of it is in vaultd. Arguments: vaultd, vaultd-unsealed, ledgerd.
 * This program is linked like vaultd-unsealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "envelope.h"
#include "test_house.h"

static test_house_t house;
static const char *vaultd, *unsealed;
static char said[64]; /* what the last program said on stderr */

/* Exit code of the program in a profile, or -1 when it said that it is ready (it is ended then). */
static int start_in(const char *program, const char *profile)
{
    int ends[2], status;
    char byte = 0, fd[16];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        snprintf(fd, sizeof fd, "%d", ends[1]);
        close(ends[0]);
        int out = open(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dup2(out, STDERR_FILENO);
        dup2(out, STDOUT_FILENO); /* left behind by a test that was killed it must hold no pipe */
        execl(program, program, "--var", house.var, "--profile", profile, "--ready-fd", fd,
              strcmp(profile, "production") == 0 && geteuid() == 0 ? (char *)NULL
                                                                   : "--no-separation",
              (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    bool ready = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
    if (ready) {
        kill(pid, SIGTERM);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return ready ? -1 : WEXITSTATUS(status);
}

static size_t times_in_file(const char *path, slice_t what)
{
    struct stat st;
    size_t times = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *mem = malloc((size_t)st.st_size);
    assert_true(mem && read(fd, mem, (size_t)st.st_size) == st.st_size);
    close(fd);
    slice_t rest = slice_make(mem, (size_t)st.st_size);
    for (size_t at; (at = slice_find(rest, what)) != SIZE_MAX; times++) {
        rest = slice_from(rest, at + what.len);
    }
    free(mem);
    return times;
}

static void only_the_profile_test(void **state)
{
    static const char *const OTHERS[] = {"demo", "bench", "production"};
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(OTHERS); i++) {
        assert_int_equal(start_in(unsealed, OTHERS[i]), 1);
        assert_true(times_in_file(said, SLICE("nothing is sealed by this program")) ==
                    1); /* for no other reason */
    }
    char keys[128];
    snprintf(keys, sizeof keys, "%s/vault/keys", house.var);
    assert_int_equal(access(keys, F_OK), -1); /* it did not come so far as to make anything */
    assert_int_equal(start_in(unsealed, "test"), -1);
    assert_int_equal(start_in(vaultd, "demo"), -1); /* the same words are fine for the real one */
}

/* The mark is a constant of envelope_clear.c: where it is not, that file is not. */
static void no_part_of_it_in_vaultd(void **state)
{
    (void)state;
    assert_true(times_in_file(unsealed, SLICE("vault: nothing is sealed")) > 0);
    assert_int_equal(times_in_file(vaultd, SLICE("vault: nothing is sealed")), 0);
    assert_true(times_in_file(vaultd, SLICE("sekisho sealed 1")) > 0);
    assert_int_equal(times_in_file(unsealed, SLICE("sekisho sealed 1")), 0);
}

static const envelope_place_t PLACE = {.kind = ENVELOPE_FIELD,
                                       .epoch = 1,
                                       .table = {(const uint8_t *)"t", 1},
                                       .column = {(const uint8_t *)"c", 1}};

static void clear_values_read_back(void **state)
{
    static const secret_t KEY;
    uint8_t mem[256], plain_mem[64];
    buf_t out = BUF_ON_ARRAY(mem), plain = BUF_ON_ARRAY(plain_mem);
    envelope_head_t head;
    (void)state;
    assert_false(envelope_seals());
    GOOD(envelope_seal(&KEY, &PLACE, SLICE("霧島 楓香"), &out));
    assert_int_equal(out.len, ENVELOPE_OVERHEAD + strlen("霧島 楓香"));
    assert_true(slice_find(buf_slice(&out), SLICE("霧島 楓香")) != SIZE_MAX);
    GOOD(envelope_head_read(buf_slice(&out), &head));
    GOOD(envelope_open(&KEY, &PLACE, buf_slice(&out), &plain));
    assert_true(slice_eq(buf_slice(&plain), SLICE("霧島 楓香")));
}

/* Version 1 is the real one; test_envelope.c holds the other half. */
static void sealed_values_are_strange(void **state)
{
    static const secret_t KEY;
    uint8_t mem[128] = {1, 1, 0, 0, 1}, plain_mem[64];
    buf_t plain = BUF_ON_ARRAY(plain_mem);
    envelope_head_t head;
    (void)state;
    assert_true(err_is(envelope_head_read(slice_make(mem, 100), &head), ERR_CRYPTO));
    assert_true(err_is(envelope_open(&KEY, &PLACE, slice_make(mem, 100), &plain), ERR_CRYPTO));
    mem[0] = 0xee;
    GOOD(envelope_open(&KEY, &PLACE, slice_make(mem, 100), &plain));
}

static int house_up(void **state)
{
    (void)state;
    test_house_up(&house);
    snprintf(said, sizeof said, "%s/said", house.var);
    return 0;
}

static int house_down(void **state)
{
    (void)state;
    return test_house_down(&house);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: test_unsealed VAULTD VAULTD-UNSEALED LEDGERD\n");
        return 2;
    }
    vaultd = argv[1];
    unsealed = argv[2];
    house.ledgerd_path = argv[3];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_profile_test),
        cmocka_unit_test(no_part_of_it_in_vaultd),
        cmocka_unit_test(clear_values_read_back),
        cmocka_unit_test(sealed_values_are_strange),
    };
    return cmocka_run_group_tests(tests, house_up, house_down);
}
