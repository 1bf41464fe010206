/* How nginx starts with the module: its key, its limits, and what makes it refuse. */
#include "front.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void key_path(const front_t *f, char *ret_path, size_t cap)
{
    snprintf(ret_path, cap, "%.100s/secrets/guard/pseudonym.key", f->dir);
}

static void key_write(const front_t *f, size_t len, mode_t mode)
{
    char path[FRONT_PATH];
    static const uint8_t KEY[64];
    key_path(f, path, sizeof path);
    unlink(path);
    FILE *out = fopen(path, "we");
    assert_true(out && fwrite(KEY, 1, len, out) == len && fclose(out) == 0);
    assert_true(chmod(path, mode) == 0);
}

/* The first start makes a key of its own that nobody else can read; the second takes the same. */
static void the_key_is_made_once(void **state)
{
    char path[FRONT_PATH];
    struct stat st, again;
    front_t f;
    size_t len, len2;
    front_init(&f, 1, NULL);
    front_nginx(&f);
    key_path(&f, path, sizeof path);
    assert_true(stat(path, &st) == 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_uid, geteuid());
    uint8_t *key = front_file(path, &len);
    front_nginx_stop(&f, SIGQUIT);
    front_nginx(&f);
    uint8_t *key2 = front_file(path, &len2);
    assert_true(stat(path, &again) == 0 && again.st_ino == st.st_ino);
    assert_int_equal(len, len2);
    assert_memory_equal(key, key2, len);
    free(key);
    free(key2);
    front_deinit(&f);
}

/* A damaged or readable key is not replaced in silence: all pseudonyms would change. */
static void a_bad_key_stops_the_start(void **state)
{
    static const struct {
        size_t len;
        mode_t mode;
        bool starts;
    } ROWS[] = {{32, 0400, true}, {31, 0400, false}, {33, 0400, false},
                {0, 0400, false}, {32, 0440, false}, {32, 0644, false}};
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        front_t f;
        char path[FRONT_PATH];
        struct stat st;
        front_init(&f, 1, NULL);
        key_write(&f, ROWS[i].len, ROWS[i].mode);
        assert_int_equal(front_nginx_try(&f) == 0, ROWS[i].starts);
        assert_int_equal(front_file_has(f.log, "the guard's key"), !ROWS[i].starts);
        key_path(&f, path, sizeof path);
        assert_true(stat(path, &st) == 0);
        assert_int_equal(st.st_size, ROWS[i].len);
        front_deinit(&f);
    }
}

/* No core of a worker: it would hold forms and the key. */
static void workers_leave_no_core(void **state)
{
    char path[64];
    pid_t pids[8];
    size_t len;
    front_t f;
    front_init(&f, 1, NULL);
    front_nginx(&f);
    assert_int_equal(front_workers(&f, pids, 8), 1);
    snprintf(path, sizeof path, "/proc/%d/limits", pids[0]);
    FILE *in = fopen(path, "re");
    char text[4096];
    assert_non_null(in);
    len = fread(text, 1, sizeof text - 1, in);
    text[len] = 0;
    fclose(in);
    char *line = strstr(text, "Max core file size");
    assert_non_null(line);
    assert_int_equal(strtoul(line + strlen("Max core file size"), NULL, 10), 0);
    front_deinit(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_key_is_made_once),
                                       cmocka_unit_test(a_bad_key_stops_the_start),
                                       cmocka_unit_test(workers_leave_no_core)};
    if (!front_programs(argc, argv)) {
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
