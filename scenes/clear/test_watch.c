/* Each way to leave bytes somewhere - deleted files, files without a name, renamed ones, mapped
 * ones, shared memory - is seen by the watch, from processes inside its namespace; what others
 * write is not taken for the house's. */
#include "base/test.h"
#include "watch.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sekisho-watch-XXXXXX";
static int outside = -1; /* a process that stays in the old namespace: asked by a byte */
static int outside_done = -1;
static watch_t w;
static bool may_watch; /* root, in a place that allows namespaces; else the tests are skipped */

/* The text never stands in one piece in this program's own file. */
static void word_make(char word[64], unsigned n)
{
    snprintf(word, 64, "needle number %s-%u-%s", "qwzk", n, "vbxj");
}

static const char *in_dir(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % BASE_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int put(const char *path, int flags, const char *word)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    CHECK(fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word));
    return fd;
}

static void kept(const char *word)
{
    close(put(in_dir("kept"), O_CREAT, word));
}

static void deleted(const char *word)
{
    close(put(in_dir("deleted"), O_CREAT, word));
    unlink(in_dir("deleted"));
}

static void deleted_while_open(const char *word)
{
    int fd = put(in_dir("spool"), O_CREAT, "");
    unlink(in_dir("spool"));
    CHECK(write(fd, word, strlen(word)) > 0);
    close(fd);
}

static void without_name(const char *word)
{
    close(put(dir, O_TMPFILE, word));
}

static void replaced(const char *word)
{
    close(put(in_dir("new"), O_CREAT, word));
    CHECK(rename(in_dir("new"), in_dir("old")) == 0);
    close(put(in_dir("newer"), O_CREAT, "something else"));
    CHECK(rename(in_dir("newer"), in_dir("old")) == 0);
}

static void mapped(const char *word)
{
    int fd = put(in_dir("mapped"), O_CREAT, "");
    CHECK(ftruncate(fd, 8192) == 0);
    char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mem != MAP_FAILED);
    close(fd);
    memcpy(mem + 5000, word, strlen(word));
    munmap(mem, 8192);
    unlink(in_dir("mapped"));
}

static void in_memory_fs(const char *word)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/sekisho-watch-%d", (int)getpid());
    close(put(path, O_CREAT, word));
    unlink(path);
}

/* Where cores are files: a process that dies with the word in its memory. */
static void core_file(const char *word)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
        char *memory = strdup(word);
        CHECK(memory && setrlimit(RLIMIT_CORE, &all) == 0 && chdir(dir) == 0);
        signal(SIGABRT, SIG_DFL);
        raise(SIGABRT);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WCOREDUMP(status));
}

static bool cores_are_files(void)
{
    char pattern[8] = "|";
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read(fd, pattern, sizeof pattern) > 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_read && pattern[0] != '|' && pattern[0] != '/';
}

/* The next four live only as long as their process: the search comes meanwhile. */
static void still_open(const char *word)
{
    int fd = put(in_dir("open"), O_CREAT, word);
    unlink(in_dir("open"));
    CHECK(fd >= 0);
}

static void memory_file(const char *word)
{
    int fd = memfd_create("letters", 0);
    CHECK(fd >= 0 && write(fd, word, strlen(word)) > 0);
}

static void shared_memory(const char *word)
{
    char *mem = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(mem != MAP_FAILED);
    memcpy(mem + 40000, word, strlen(word));
}

static void mapped_and_alive(const char *word)
{
    int fd = put(in_dir("ring"), O_CREAT, "");
    CHECK(ftruncate(fd, 8192) == 0);
    char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mem != MAP_FAILED);
    memcpy(mem + 4000, word, strlen(word));
}

/* clang-format off */
static const struct {
    const char *what;
    void (*leave)(const char *word);
    bool alive; /* the process waits until it was searched */
} WAYS[] = {
    {"a file that stays", kept, false},
    {"a deleted file", deleted, false},
    {"a file deleted while open", deleted_while_open, false},
    {"a file without a name", without_name, false},
    {"a file replaced by another", replaced, false},
    {"a mapped file", mapped, false},
    {"a file in memory", in_memory_fs, false},
    {"a core file", core_file, false},
    {"a deleted file, still open", still_open, true},
    {"memfd", memory_file, true},
    {"shared memory", shared_memory, true},
    {"a mapped file, no write call", mapped_and_alive, true},
};
/* clang-format on */

/* Before the watch opens its namespace: this child stays behind. */
static void outside_start(void)
{
    int ask[2], done[2];
    CHECK(pipe(ask) == 0 && pipe(done) == 0);
    if (fork() == 0) {
        char byte, word[64];
        close(ask[1]);
        word_make(word, 99);
        if (read(ask[0], &byte, 1) == 1) {
            close(put(in_dir("outside"), O_CREAT, word));
        }
        _exit(write(done[1], "x", 1) == 1 ? 0 : 1);
    }
    close(ask[0]);
    close(done[1]);
    outside = ask[1];
    outside_done = done[0];
}

static int setup(void **state)
{
    assert_non_null(mkdtemp(dir));
    outside_start();
    err_t e = watch_open(&w);
    may_watch = !err_failed(e);
    if (!err_is(e, ERR_DENIED)) {
        assert_ok(e);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    if (may_watch) {
        watch_close(&w);
    }
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool search_finds(unsigned n)
{
    char line[96], word[64];
    const needle_t *needles;
    size_t count;
    uint32_t fault;
    index_t *index;
    file_search_t f;
    arena_t a;
    FILE *nowhere = fopen("/dev/null", "we");
    arena_init(&a, 1024 * 1024);
    word_make(word, n);
    snprintf(line, sizeof line, "text\t%s\n", word);
    assert_ok(needles_parse(&a, slice_cstr_in(line), &needles, &count, &fault));
    assert_ok(index_new(needles, count, &index));
    assert_ok(file_search_init(&f, index, needles, count, nowhere));
    assert_ok(watch_take(&w));
    assert_ok(watch_walk(&w));
    assert_ok(watch_search(&w, &f));
    uint64_t finds = search_counts(f.search).finds;
    file_search_deinit(&f);
    index_free(index);
    arena_deinit(&a);
    fclose(nowhere);
    return finds > 0;
}

/* A child leaves the word its way; one that must live waits for our end of the pipe. */
static void each_way_is_seen(void **state)
{
    if (!may_watch) {
        skip();
    }
    for (unsigned i = 0; i < BASE_COUNT(WAYS); i++) {
        int done[2], go[2], status;
        if (WAYS[i].leave == core_file && !cores_are_files()) {
            continue;
        }
        char byte;
        assert_int_equal(pipe(done), 0);
        assert_int_equal(pipe(go), 0);
        assert_false(search_finds(i)); /* the word is nowhere before */
        pid_t pid = fork();
        if (pid == 0) {
            char word[64];
            word_make(word, i);
            close(go[1]);
            WAYS[i].leave(word);
            memset(word, 0, sizeof word);
            (void)!write(done[1], "x", 1);
            if (WAYS[i].alive) {
                (void)!read(go[0], &byte, 1);
            }
            _exit(0);
        }
        assert_int_equal(read(done[0], &byte, 1), 1);
        if (!WAYS[i].alive) {
            assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        bool found = search_finds(i);
        close(go[1]);
        if (WAYS[i].alive) {
            assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        if (!found) {
            fail_msg("%s was not found", WAYS[i].what);
        }
        close(go[0]);
        close(done[0]);
        close(done[1]);
    }
    assert_int_equal(w.lost, 0);
}

static void what_others_write_is_not_ours(void **state)
{
    char byte;
    if (!may_watch) {
        skip();
    }
    assert_int_equal(write(outside, "x", 1), 1);
    assert_int_equal(read(outside_done, &byte, 1), 1);
    assert_int_equal(access(in_dir("outside"), R_OK), 0);
    assert_false(search_finds(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_is_seen),
        cmocka_unit_test(what_others_write_is_not_ours),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
