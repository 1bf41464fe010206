/* The reader on a folder of its own. */
#include "base/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static char dir[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    assert_true(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

static err_t gather(void *user, slice_t path)
{
    buf_t *b = user;
    buf_put(b, slice_from(path, strlen(dir) + 1));
    buf_u8(b, ' ');
    return OK;
}

static err_t refuse(void *user, slice_t path)
{
    (*(int *)user)++;
    return FAIL(ERR_CONFLICT);
}

static void names_come_in_byte_order(void **state)
{
    static const struct {
        const char *pattern, *want;
    } ROWS[] = {{"*.conf", "A.conf B.conf Z.conf a.conf \xe3\x81\x82.conf "},
                {"[AB].conf", "A.conf B.conf "},
                {"a.conf", "a.conf "},
                {"none*", ""},
                {"", ""}};
    engine_reader_t r = files_reader();
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        char pattern[128], mem[256];
        buf_t out = BUF_ON_ARRAY(mem);
        snprintf(pattern, sizeof pattern, "%s/%s", dir, ROWS[i].pattern);
        if (*ROWS[i].pattern) {
            assert_ok(r.glob(r.user, slice_cstr_in(pattern), &out, gather));
        }
        assert_slice(buf_slice(&out), slice_cstr_in(ROWS[i].want));
    }
    int calls = 0;
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%s/*.conf", dir);
    assert_err(r.glob(r.user, slice_cstr_in(pattern), &calls, refuse), ERR_CONFLICT);
    assert_int_equal(calls, 1);
    assert_err(r.glob(r.user, SLICE_EMPTY, &calls, refuse), ERR_USAGE);
    assert_err(r.glob(r.user, SLICE("a\0b"), &calls, refuse), ERR_ENCODING);
}

static void files_are_read_whole(void **state)
{
    arena_t a;
    slice_t bytes;
    char path[128];
    engine_reader_t r = files_reader();
    arena_init(&a, 1 << 20);
    snprintf(path, sizeof path, "%s/A.conf", dir);
    assert_ok(r.read(r.user, slice_cstr_in(path), &a, &bytes));
    assert_slice(bytes, SLICE("SecRuleEngine On\n"));
    snprintf(path, sizeof path, "%s/missing", dir);
    assert_err(r.read(r.user, slice_cstr_in(path), &a, &bytes), ERR_NOT_FOUND);
    assert_true(err_failed(r.read(r.user, slice_cstr_in(dir), &a, &bytes)));
    arena_deinit(&a);
}

static int setup(void **state)
{
    static const char *const NAMES[] = {"Z.conf", "a.conf", "B.conf", "A.conf",
                                        "\xe3\x81\x82.conf"};
    snprintf(dir, sizeof dir, "/tmp/sekisho-files-XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        put(NAMES[i], "SecRuleEngine On\n");
    }
    return 0;
}

static err_t remove_one(void *user, slice_t path)
{
    char text[128];
    snprintf(text, sizeof text, "%.*s", SLICE_FMT(path));
    return unlink(text) == 0 ? OK : FAIL(ERR_IO);
}

static int teardown(void **state)
{
    char pattern[128];
    engine_reader_t r = files_reader();
    snprintf(pattern, sizeof pattern, "%s/*", dir);
    assert_ok(r.glob(r.user, slice_cstr_in(pattern), NULL, remove_one));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_come_in_byte_order),
                                       cmocka_unit_test(files_are_read_whole)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
