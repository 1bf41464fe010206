/* Files, sockets, log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/log.h"

static char dir_text[] = "/tmp/sekisho-fd-XXXXXX";
static path_t dir = {dir_text};
static arena_t arena;

#define must(expr)                                                                                 \
    do {                                                                                           \
        err_t e_ = (expr);                                                                         \
        if (err_failed(e_)) {                                                                      \
            fail_msg("%s: %s at %s:%d errno %d", #expr, err_name(e_.code), e_.where, e_.line,      \
                     e_.sys);                                                                      \
        }                                                                                          \
    } while (0)
#define must_fail(expr, want) assert_string_equal(err_name((expr).code), err_name(want))

static const unix_owner_t OURS = {(uid_t)-1, (gid_t)-1, 0600};

static path_t in_dir(const char *leaf)
{
    path_t p;
    must(path_join(&arena, dir, slice_cstr_in(leaf), &p));
    return p;
}

/* Names in a folder: nothing temporary may stay behind. */
static int entries(path_t at)
{
    int count = 0;
    DIR *d = opendir(at.text);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        count += e->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

static void test_path_join(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", ".", "..", "a/b", "/a", "../a"};
    path_t p;
    for (size_t i = 0; i < BASE_COUNT(BAD); i++) {
        must_fail(path_join(&arena, dir, slice_cstr_in(BAD[i]), &p), ERR_USAGE);
    }
    must_fail(path_join(&arena, dir, SLICE("a\0b"), &p), ERR_USAGE);
    must(path_join(&arena, PATH("/x"), SLICE("..a"), &p));
    assert_string_equal(p.text, "/x/..a");
    must_fail(path_from_conf(&arena, SLICE(""), &p), ERR_USAGE);
    must_fail(path_from_conf(&arena, SLICE("a\0b"), &p), ERR_ENCODING);
}

static void test_file_replace(void **state)
{
    (void)state;
    slice_t bytes;
    struct stat st;
    path_t file = in_dir("a");
    must_fail(file_read(&arena, file, 100, &bytes), ERR_NOT_FOUND);
    must(file_replace(file, SLICE("first"), 0640));
    must(file_replace(file, SLICE("second\0half"), 0400));
    must(file_read(&arena, file, 100, &bytes));
    assert_true(slice_eq(bytes, SLICE("second\0half")));
    assert_int_equal(stat(file.text, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    must_fail(file_read(&arena, file, bytes.len - 1, &bytes), ERR_LIMIT);
    must_fail(file_create(file, SLICE("third"), 0600, (uid_t)-1, (gid_t)-1), ERR_EXISTS);
    must_fail(file_read(&arena, dir, 100, &bytes), ERR_DENIED);
    must_fail(file_replace(PATH("/nonexistent/a"), SLICE("x"), 0600), ERR_NOT_FOUND);
    assert_int_equal(entries(dir), 1);
}

static void test_full_disk_keeps_the_old(void **state)
{
    (void)state;
    path_t small = in_dir("small");
    must(dir_ensure(small, 0755, (uid_t)-1, (gid_t)-1));
    if (mount("tmpfs", small.text, "tmpfs", 0, "size=64k") != 0) {
        print_message("needs root, skipped\n");
        skip();
    }
    static uint8_t big[256 * 1024];
    slice_t bytes;
    path_t file;
    must(path_join(&arena, small, SLICE("f"), &file));
    must(file_replace(file, SLICE("kept"), 0600));
    must_fail(file_replace(file, slice_make(big, sizeof big), 0600), ERR_DISK_FULL);
    must(file_read(&arena, file, 100, &bytes));
    assert_true(slice_eq(bytes, SLICE("kept")));
    must(file_replace(file, SLICE("and again"), 0600)); /* the temporary file is gone */
    umount2(small.text, MNT_DETACH);
}

static void test_dir_ensure(void **state)
{
    (void)state;
    struct stat st;
    path_t d = in_dir("d"), l = in_dir("l"), f = in_dir("f");
    must(dir_ensure(d, 0700, (uid_t)-1, (gid_t)-1));
    must(dir_ensure(d, 0755, geteuid() == 0 ? 65534 : (uid_t)-1, (gid_t)-1));
    assert_int_equal(stat(d.text, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
    assert_int_equal(symlink(d.text, l.text), 0);
    must_fail(dir_ensure(l, 0755, (uid_t)-1, (gid_t)-1), ERR_DENIED);
    must(file_replace(f, SLICE("x"), 0600));
    must_fail(dir_ensure(f, 0755, (uid_t)-1, (gid_t)-1), ERR_DENIED);
}

static void test_deadlines(void **state)
{
    (void)state;
    int pair[2];
    uint8_t byte;
    static uint8_t big[1 << 20];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    must_fail(fd_read_by(pair[0], &byte, 1, deadline_in_ms(5)), ERR_TIMEOUT);
    must_fail(fd_write_by(pair[0], slice_make(big, sizeof big), deadline_in_ms(5)), ERR_TIMEOUT);
    must(fd_read_by(pair[1], &byte, 1, deadline_in_ms(1000)));
    fd_close(&pair[1]);
    must_fail(fd_write_by(pair[0], SLICE("x"), deadline_in_ms(1000)), ERR_CLOSED);
    fd_close(&pair[0]);
    fd_close(&pair[0]);
    assert_int_equal(deadline_left_ms(deadline_in_ms(-5)), 0);
    assert_true(deadline_left_ms(deadline_in_ms(INT64_MAX)) > 0);
}

static void check_listen(path_t path, int type)
{
    FD_SCOPED int listener = -1;
    FD_SCOPED int client = -1;
    int second = -1;
    struct stat st;
    must_fail(unix_connect(path, type, deadline_in_ms(100), &client), ERR_UNAVAILABLE);
    must(unix_listen(path, type, &OURS, &listener));
    assert_int_equal(stat(path.text, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    must(unix_connect(path, type, deadline_in_ms(100), &client));
    must_fail(unix_listen(path, type, &OURS, &second), ERR_EXISTS);
    fd_close(&listener);
    fd_close(&client);
    must_fail(unix_connect(path, type, deadline_in_ms(100), &client), ERR_UNAVAILABLE);
    must(unix_listen(path, type, &OURS, &listener)); /* the dead file is cleared away */
}

static void test_listen(void **state)
{
    (void)state;
    int fd;
    path_t deep = dir;
    check_listen(in_dir("s.sock"), SOCK_SEQPACKET);
    check_listen(in_dir("t.sock"), SOCK_STREAM);
    for (int i = 0; i < 3; i++) { /* longer than sun_path */
        must(path_join(&arena, deep, SLICE("a-folder-with-a-name-of-fifty-characters-or-close"),
                       &deep));
        must(dir_ensure(deep, 0700, (uid_t)-1, (gid_t)-1));
    }
    must(path_join(&arena, deep, SLICE("deep.sock"), &deep));
    check_listen(deep, SOCK_SEQPACKET);
    must(file_replace(in_dir("plain"), SLICE("x"), 0600));
    must_fail(unix_listen(in_dir("plain"), SOCK_STREAM, &OURS, &fd), ERR_EXISTS);
}

static void test_log_line(void **state)
{
    (void)state;
    uint8_t mem[LOG_LINE_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    log_room("shop");
    log_format(&out, LOG_WARN, id_zero(), "a.b", SLICE("x\"y\\z\n\x1b[31m\x7f \xff \xe9\x96\xa2"));
    assert_true(slice_starts(buf_slice(&out), SLICE("{\"id\":\"-\",\"time\":\"20")));
    assert_true(slice_ends(buf_slice(&out),
                           SLICE("\"level\":\"warn\",\"room\":\"shop\",\"event\":\"a.b\",\"text\":"
                                 "\"x\\\"y\\\\z\\u000a\\u001b[31m\\u007f \xef\xbf\xbd "
                                 "\xe9\x96\xa2\"}\n")));
    buf_reset(&out);
    id128_t id = id_new();
    char letters[ID_TEXT];
    id_encode(id, letters);
    log_format(&out, LOG_INFO, id, "a", SLICE_EMPTY);
    assert_true(slice_eq(slice_sub(buf_slice(&out), 7, ID_TEXT), slice_make(letters, ID_TEXT)));
}

/* The longest and worst text still gives one whole line. */
static void test_log_cut(void **state)
{
    (void)state;
    int pipe_fds[2], kept = dup(STDERR_FILENO);
    static char text[4000];
    uint8_t got[8192];
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    memset(text, 1, sizeof text - 1);
    dup2(pipe_fds[1], STDERR_FILENO);
    log_event(LOG_ERROR, id_zero(), "long", "%s", text);
    log_event(LOG_DEBUG, id_zero(), "dropped", NULL);
    log_err(LOG_ERROR, id_zero(), "why", FAIL_SYS(ERR_LIMIT, 5));
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t n = read(pipe_fds[0], got, sizeof got);
    slice_t rest = slice_make(got, (size_t)n), line;
    int lines = 0;
    while (slice_split(&rest, '\n', &line) && line.len) {
        assert_true(line.len < LOG_LINE_MAX);
        assert_true(slice_starts(line, SLICE("{")) && slice_ends(line, SLICE("\"}")));
        lines++;
    }
    assert_int_equal(lines, 2);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_path_join),
        cmocka_unit_test(test_file_replace),
        cmocka_unit_test(test_full_disk_keeps_the_old),
        cmocka_unit_test(test_dir_ensure),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_log_line),
        cmocka_unit_test(test_log_cut),
    };
    signal(SIGPIPE, SIG_IGN); /* as daemon_begin does */
    if (!mkdtemp(dir_text)) {
        return 1;
    }
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    nftw(dir_text, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_deinit(&arena);
    return failed;
}
