/* The key file: what was acknowledged survives kill -9 and power cuts at any flush, what was erased
 * is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keystore.h"

enum { FILE_MAX = 1 << 20, PEOPLE_MAX = 4096 };

static keys_t *ring;
static char dir[32];
static char path_text[64];

/* The power cut: what the disk holds is only what was flushed, plus any of the other changed
 * sectors. Linked with
 * --wrap=msync and --wrap=fdatasync; armed by one test. */
static struct cut {
    bool armed;
    int fail_next; /* msync fails with EIO when it reaches 0 */
    int fd;
    uint8_t disk[FILE_MAX], now[FILE_MAX];
    size_t disk_len;
    void (*check)(void);
} cut = {.fail_next = -1};

static size_t flushes;

int __real_msync(void *mem, size_t len, int flags);
int __wrap_msync(void *mem, size_t len, int flags);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static size_t read_whole(int fd, uint8_t *mem)
{
    ssize_t n = pread(fd, mem, FILE_MAX, 0);
    assert_true(n >= 0 && n < FILE_MAX);
    return (size_t)n;
}

/* msync names memory, not a file offset: what changed on the 4096-byte page whose bytes are now
 * those at mem. */
static void page_reaches_disk(const void *mem)
{
    for (size_t at = 0; at + 4096 <= cut.disk_len; at += 4096) {
        if (memcmp(cut.now + at, mem, 4096) == 0 && memcmp(cut.disk + at, mem, 4096) != 0) {
            memcpy(cut.disk + at, mem, 4096);
            return;
        }
    }
}

int __wrap_msync(void *mem, size_t len, int flags)
{
    if (cut.fail_next >= 0 && cut.fail_next-- == 0) {
        errno = EIO;
        return -1;
    }
    flushes++;
    if (cut.armed) {
        assert_int_equal(len, 4096);
        read_whole(cut.fd, cut.now);
        cut.check();
        page_reaches_disk(mem);
    }
    return __real_msync(mem, len, flags);
}

int __wrap_fdatasync(int fd)
{
    int result = __real_fdatasync(fd);
    if (cut.armed) {
        cut.disk_len = read_whole(cut.fd, cut.disk);
    }
    return result;
}

static keystore_t *reopen_at(const char *path)
{
    keystore_t *ks = NULL;
    keystore_conf_t conf = {
        .path = {path}, .file = KEYS_OF_SUBJECT, .keys = ring, .chunk_slots = 16};
    err_t e = keystore_open(&conf, &ks);
    if (err_failed(e)) {
        fail_msg("open: %s line %u sys %d", err_name(e.code), e.line, e.sys);
    }
    return ks;
}

static keystore_t *reopen(void)
{
    return reopen_at(path_text);
}

static id128_t someone(void)
{
    id128_t id;
    random_bytes(id.b, sizeof id.b);
    return id;
}

static id128_t add_one(keystore_t *ks, uint32_t month)
{
    id128_t id = someone();
    assert_false(err_failed(keystore_add(ks, id, month)));
    assert_false(err_failed(keystore_commit(ks)));
    return id;
}

static int setup(void **state)
{
    (void)state;
    /* In memory where possible: the disk's own speed proves nothing here, lost flushes are
     * simulated. */
    snprintf(dir, sizeof dir, "%s/vault-store-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(path_text, sizeof path_text, "%s/keys", dir);
    secret_t master;
    random_bytes(master.b, sizeof master.b);
    return err_failed(keys_new(&master, &ring));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    cut.armed = false;
    cut.fail_next = -1;
    keys_free(ring);
    /* Also what a kill before the first file's rename left beside it. */
    return nftw(dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

static void made_found_and_kept(void **state)
{
    (void)state;
    enum { N = 100 };
    keystore_t *ks = reopen();
    id128_t ids[N];
    id128_t pseudonyms[N];
    keys_wrapped_t w;
    for (size_t i = 0; i < N; i++) {
        ids[i] = someone();
        assert_false(err_failed(keystore_add(ks, ids[i], (uint32_t)(i % 3))));
        assert_true(err_is(keystore_add(ks, ids[i], (uint32_t)(i % 3)), ERR_EXISTS));
        assert_true(err_is(keystore_find(ks, ids[i], (uint32_t)(i % 3), &w), ERR_NOT_FOUND));
        if (i % 7 == 6 || i == N - 1) {
            assert_false(err_failed(keystore_commit(ks)));
        }
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++) {
            id128_t p;
            assert_false(err_failed(keystore_find(ks, ids[i], (uint32_t)(i % 3), &w)));
            assert_false(err_failed(keys_pseudonym(ring, &w, &p)));
            assert_true(round == 0 || id_eq(p, pseudonyms[i]));
            pseudonyms[i] = p;
            assert_true(err_is(keystore_find(ks, ids[i], 3, &w), ERR_NOT_FOUND));
        }
        assert_int_equal(keystore_state(ks).live, N);
        assert_int_equal(keystore_state(ks).slots, 112);
        keystore_close(ks);
        ks = reopen();
    }
    assert_true(err_is(keystore_add(ks, ids[0], 0), ERR_EXISTS));
    keystore_close(ks);
}

static size_t file_bytes(uint8_t *mem)
{
    int fd = open(path_text, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t n = read_whole(fd, mem);
    close(fd);
    return n;
}

static bool any_part_in_file(const uint8_t *key)
{
    static uint8_t mem[FILE_MAX];
    slice_t file = slice_make(mem, file_bytes(mem));
    for (size_t at = 0; at + 8 <= KEYS_WRAPPED; at++) {
        if (slice_find(file, slice_make(key + at, 8)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static void erased_leaves_nothing(void **state)
{
    (void)state;
    keystore_t *ks = reopen();
    id128_t other = add_one(ks, 0);
    id128_t id = someone();
    keys_wrapped_t w[3];
    for (uint32_t month = 0; month < 3; month++) {
        assert_false(err_failed(keystore_add(ks, id, month)));
    }
    assert_false(err_failed(keystore_commit(ks)));
    for (uint32_t month = 0; month < 3; month++) {
        assert_false(err_failed(keystore_find(ks, id, month, &w[month])));
        assert_true(any_part_in_file(w[month].bytes));
    }
    size_t count = 0;
    assert_false(err_failed(keystore_erase(ks, id, &count)));
    assert_int_equal(count, 3);
    assert_true(err_is(keystore_erase(ks, id, &count), ERR_NOT_FOUND));
    assert_true(err_is(keystore_erase(ks, someone(), &count), ERR_NOT_FOUND));
    for (int round = 0; round < 2; round++) {
        for (uint32_t month = 0; month < 3; month++) {
            keys_wrapped_t none;
            assert_false(any_part_in_file(w[month].bytes));
            assert_true(err_is(keystore_find(ks, id, month, &none), ERR_EXPIRED));
            assert_true(err_is(keystore_add(ks, id, month), ERR_EXISTS)); /* never made anew */
        }
        keys_wrapped_t others;
        assert_false(err_failed(keystore_find(ks, other, 0, &others)));
        assert_int_equal(keystore_state(ks).live, 1);
        assert_int_equal(keystore_state(ks).erased, 3);
        keystore_close(ks);
        ks = reopen();
    }
    keystore_close(ks);
}

/* Places in the file, as FORMAT.md says. */
static void poke(size_t slot, size_t at, const void *bytes, size_t len)
{
    int fd = open(path_text, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    off_t offset = (off_t)(KEYSTORE_HEADER + slot * KEYSTORE_SLOT + at);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    close(fd);
}

static void what_a_crash_leaves(void **state)
{
    (void)state;
    keystore_t *ks = reopen();
    id128_t ids[4];
    keys_wrapped_t w[4];
    for (size_t i = 0; i < 4; i++) {
        ids[i] = add_one(ks, 0);
        assert_false(err_failed(keystore_find(ks, ids[i], 0, &w[i])));
    }
    keystore_close(ks);
    poke(0, 0, "writing.", 8); /* not acknowledged: rolled back */
    poke(1, 0, "erasing!", 8); /* acknowledged perhaps: finished */
    poke(2, 60, "????", 4);    /* live, but its bytes are not what was written */
    ks = reopen();
    keys_wrapped_t found;
    assert_true(err_is(keystore_find(ks, ids[0], 0, &found), ERR_NOT_FOUND));
    assert_true(err_is(keystore_find(ks, ids[1], 0, &found), ERR_EXPIRED));
    assert_true(err_is(keystore_find(ks, ids[2], 0, &found), ERR_NOT_FOUND));
    assert_false(err_failed(keystore_find(ks, ids[3], 0, &found)));
    assert_false(any_part_in_file(w[0].bytes));
    assert_false(any_part_in_file(w[1].bytes));
    keystore_state_t s = keystore_state(ks);
    assert_int_equal(s.rolled_back, 1);
    assert_int_equal(s.erased, 1);
    assert_int_equal(s.damaged, 1);
    assert_int_equal(s.live, 1);
    add_one(ks, 0); /* goes to slot 0; the damaged one is not overwritten */
    assert_true(any_part_in_file(w[2].bytes + 64));
    keystore_close(ks);
}

static void other_master_other_file_second_owner(void **state)
{
    (void)state;
    keystore_t *ks = reopen();
    keystore_t *none = NULL;
    keystore_conf_t conf = {.path = {path_text}, .file = KEYS_OF_SUBJECT, .keys = ring};
    assert_true(err_is(keystore_open(&conf, &none), ERR_CONFLICT));
    keystore_close(ks);
    conf.file = KEYS_OF_MONTH;
    assert_true(err_is(keystore_open(&conf, &none), ERR_CORRUPT));
    conf.file = KEYS_OF_SUBJECT;
    secret_t master;
    random_bytes(master.b, sizeof master.b);
    keys_t *other = NULL;
    assert_false(err_failed(keys_new(&master, &other)));
    conf.keys = other;
    assert_true(err_is(keystore_open(&conf, &none), ERR_CRYPTO));
    keys_free(other);
    int fd = open(path_text, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 12), 1);
    close(fd);
    conf.keys = ring;
    assert_true(err_is(keystore_open(&conf, &none), ERR_CORRUPT));
    assert_null(none);
}

/* A growth cut short, or a restored copy that lost its tail: what is there stays. */
static void short_tail_keeps_what_is_there(void **state)
{
    (void)state;
    keystore_t *ks = reopen();
    id128_t ids[20];
    for (size_t i = 0; i < BASE_COUNT(ids); i++) {
        ids[i] = add_one(ks, 0);
    }
    keystore_close(ks);
    assert_int_equal(truncate(path_text, KEYSTORE_HEADER + 18 * KEYSTORE_SLOT), 0);
    ks = reopen();
    keys_wrapped_t w;
    for (size_t i = 0; i < BASE_COUNT(ids); i++) {
        err_t e = keystore_find(ks, ids[i], 0, &w);
        assert_int_equal(e.code, i < 18 ? ERR_NONE : ERR_NOT_FOUND);
    }
    assert_int_equal(keystore_state(ks).slots, 32);
    keystore_close(ks);
}

static void failed_flush_stops_creation(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        keystore_t *ks = reopen();
        id128_t before = add_one(ks, 0);
        id128_t id = someone();
        keys_wrapped_t w;
        assert_false(err_failed(keystore_add(ks, id, 0)));
        cut.fail_next = which;
        assert_true(err_is(keystore_commit(ks), ERR_IO));
        assert_true(keystore_state(ks).broken);
        assert_true(err_is(keystore_find(ks, id, 0, &w), ERR_NOT_FOUND));
        assert_true(err_is(keystore_add(ks, someone(), 0), ERR_UNAVAILABLE));
        size_t count;
        assert_true(err_is(keystore_erase(ks, before, &count), ERR_UNAVAILABLE));
        assert_false(err_failed(keystore_find(ks, before, 0, &w))); /* reading goes on */
        keystore_close(ks);
        ks = reopen();
        assert_false(err_failed(keystore_find(ks, before, 0, &w)));
        add_one(ks, 0);
        keystore_close(ks);
    }
}

/* What the world was told. */
typedef struct person {
    id128_t id, pseudonym;
    enum { MADE = 1, ERASE_BEGUN, ERASE_DONE } told;
} person_t;

static person_t people[PEOPLE_MAX];
static size_t people_count;

static void holds_what_was_told(keystore_t *ks)
{
    for (size_t i = 0; i < people_count; i++) {
        keys_wrapped_t w;
        id128_t pseudonym;
        err_t e = keystore_find(ks, people[i].id, 0, &w);
        if (people[i].told == ERASE_DONE) {
            assert_true(err_is(e, ERR_EXPIRED));
            continue;
        }
        if (people[i].told == ERASE_BEGUN && err_is(e, ERR_EXPIRED)) {
            continue;
        }
        assert_false(err_failed(e));
        assert_false(err_failed(keys_pseudonym(ring, &w, &pseudonym)));
        assert_true(id_eq(pseudonym, people[i].pseudonym));
    }
    assert_int_equal(keystore_state(ks).damaged, 0);
}

static void check_cut(void)
{
    static uint8_t image[FILE_MAX];
    char other[80];
    snprintf(other, sizeof other, "%s.cut", path_text);
    cut.armed = false;
    for (int variant = 0; variant < 4; variant++) {
        uint8_t take[FILE_MAX / 512 / 8];
        random_bytes(take, sizeof take);
        memset(take, variant == 0 ? 0 : 0xff, variant < 2 ? sizeof take : 0);
        memcpy(image, cut.disk, cut.disk_len);
        for (size_t s = 0; s < cut.disk_len / 512; s++) {
            if (((unsigned)take[s / 8] >> (s % 8)) & 1U) {
                memcpy(image + s * 512, cut.now + s * 512, 512);
            }
        }
        int fd = open(other, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, image, cut.disk_len), cut.disk_len);
        close(fd);
        keystore_t *ks = reopen_at(other);
        holds_what_was_told(ks);
        keystore_close(ks);
    }
    unlink(other);
    cut.armed = true;
}

static void add_people(keystore_t *ks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        people[people_count + i].id = someone();
        assert_false(err_failed(keystore_add(ks, people[people_count + i].id, 0)));
    }
    assert_false(err_failed(keystore_commit(ks)));
    for (size_t i = 0; i < n; i++) {
        person_t *p = &people[people_count];
        keys_wrapped_t w;
        assert_false(err_failed(keystore_find(ks, p->id, 0, &w)));
        assert_false(err_failed(keys_pseudonym(ring, &w, &p->pseudonym)));
        p->told = MADE;
        people_count++;
    }
}

static void power_cut_at_every_flush(void **state)
{
    (void)state;
    people_count = 0;
    keystore_t *ks = reopen();
    cut.fd = open(path_text, O_RDONLY | O_CLOEXEC);
    cut.disk_len = read_whole(cut.fd, cut.disk);
    cut.check = check_cut;
    cut.armed = true;
    for (size_t round = 0; round < 40; round++) {
        add_people(ks, 1 + round % 5);
        if (round % 3 == 2) {
            size_t count;
            person_t *p = &people[round];
            p->told = ERASE_BEGUN;
            assert_false(err_failed(keystore_erase(ks, p->id, &count)));
            p->told = ERASE_DONE;
        }
    }
    cut.armed = false;
    close(cut.fd);
    keystore_close(ks);
}

/* A new master key at any flush: what the disk holds opens with the two, and at the end with the
 * new one alone. */
static void power_cut_while_wrapped_anew(void **state)
{
    (void)state;
    people_count = 0;
    keystore_t *ks = reopen();
    keys_master_t next = {.epoch = 2};
    random_bytes(next.key.b, sizeof next.key.b);
    add_people(ks, 40);
    cut.fd = open(path_text, O_RDONLY | O_CLOEXEC);
    cut.disk_len = read_whole(cut.fd, cut.disk);
    cut.check = check_cut;
    assert_false(err_failed(keys_add(ring, &next)));
    size_t flushes_before = flushes;
    cut.armed = true;
    bool left = true;
    for (size_t round = 0; left; round++) {
        bool end = false;
        for (uint32_t from = 0; !end;) {
            assert_false(err_failed(keystore_rewrap(ks, &from, &left, &end)));
        }
        if (round == 0) {
            add_people(ks, 3); /* under the new one from the first */
            size_t count;
            people[7].told = ERASE_BEGUN;
            assert_false(err_failed(keystore_erase(ks, people[7].id, &count)));
            people[7].told = ERASE_DONE;
        }
    }
    assert_false(err_failed(keystore_rewrapped(ks)));
    cut.armed = false;
    assert_true(flushes - flushes_before > 15);
    close(cut.fd);
    holds_what_was_told(ks);
    keystore_close(ks);
    keys_drop(ring, 1);
    ks = reopen();
    holds_what_was_told(ks);
    add_people(ks, 2);
    keystore_close(ks);
}

/* Words and bytes of FORMAT.md, as a kill leaves them in the page cache. */
static void half_wrapped_slots_are_finished(void **state)
{
    (void)state;
    people_count = 0;
    keystore_t *ks = reopen();
    add_people(ks, 3);
    keys_master_t next = {.epoch = 2};
    random_bytes(next.key.b, sizeof next.key.b);
    keys_wrapped_t w[3];
    for (size_t i = 0; i < 3; i++) {
        assert_false(err_failed(keystore_find(ks, people[i].id, 0, &w[i])));
    }
    keystore_close(ks);
    assert_false(err_failed(keys_add(ring, &next)));
    for (size_t i = 0; i < 3; i++) {
        assert_false(err_failed(keys_rewrap(ring, &w[i])));
        poke(i, 152, w[i].bytes, i == 0 ? 50 : KEYS_WRAPPED); /* 0: half of the second */
    }
    poke(1, 0, "rewrap !", 8);
    poke(2, 0, "rewrap !", 8);
    poke(2, 48, w[2].bytes, 60); /* and half of it over the first */
    ks = reopen();
    holds_what_was_told(ks);
    keys_wrapped_t now;
    for (size_t i = 0; i < 3; i++) {
        assert_false(err_failed(keystore_find(ks, people[i].id, 0, &now)));
        assert_int_equal(now.at.epoch, i ? 2 : 1);
    }
    assert_false(any_part_in_file(w[0].bytes));
    keystore_close(ks);
}

/* The child works until it is killed; each fact goes to the pipe after it was acknowledged (an
 * erasure also before). */
static void child_works(int out, size_t begin)
{
    keystore_t *ks = reopen();
    size_t next_erase = begin;
    while (people_count < PEOPLE_MAX - 16) {
        size_t first = people_count;
        add_people(ks, 1 + people_count % 6);
        for (size_t i = first; i < people_count; i++) {
            if (write(out, &people[i], sizeof people[i]) < 0) {
                _exit(1);
            }
        }
        if (people_count % 2) {
            person_t *p = &people[next_erase++];
            size_t count;
            p->told = ERASE_BEGUN;
            (void)!write(out, p, sizeof *p);
            assert_false(err_failed(keystore_erase(ks, p->id, &count)));
            p->told = ERASE_DONE;
            (void)!write(out, p, sizeof *p);
        }
    }
    _exit(0);
}

static void take_told(int in)
{
    person_t told;
    while (read(in, &told, sizeof told) == sizeof told) {
        size_t i = 0;
        while (i < people_count && !id_eq(people[i].id, told.id)) {
            i++;
        }
        people_count += i == people_count;
        people[i] = told;
    }
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    people_count = 0;
    for (unsigned round = 0; round < 24; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            child_works(ends[1], people_count);
        }
        close(ends[1]);
        if (round % 3) { /* while it works; else perhaps while it still opens the file */
            struct pollfd told = {.fd = ends[0], .events = POLLIN};
            poll(&told, 1, 10000);
        }
        uint8_t wait_ms;
        random_bytes(&wait_ms, 1);
        usleep((useconds_t)wait_ms * 60);
        kill(child, SIGKILL);
        take_told(ends[0]);
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        keystore_t *ks = reopen();
        holds_what_was_told(ks);
        keystore_close(ks);
    }
    assert_true(people_count > 10);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(made_found_and_kept),
        CASE(erased_leaves_nothing),
        CASE(what_a_crash_leaves),
        CASE(other_master_other_file_second_owner),
        CASE(short_tail_keeps_what_is_there),
        CASE(failed_flush_stops_creation),
        CASE(power_cut_at_every_flush),
        CASE(power_cut_while_wrapped_anew),
        CASE(half_wrapped_slots_are_finished),
        CASE(killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
