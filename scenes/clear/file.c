#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/json.h"

enum { NAME_MAX_BYTES = 4096, NEEDLES_MAX = 16 * 1024 * 1024, WALK_FDS = 32 };
/* Larger files are mapped instead of read; they must rest while they are searched. */
#define READ_MAX ((off_t)1024 * 1024 * 1024)

/* ---- telling ---- */

static void put_string(FILE *out, const char *text)
{
    uint8_t mem[6 * NAME_MAX_BYTES + 2];
    buf_t b = BUF_ON_ARRAY(mem);
    json_put_string(&b, slice_cstr_in(text));
    fwrite(b.ptr, 1, b.len, out);
}

static void on_find(void *ctx, const search_find_t *find)
{
    file_search_t *f = ctx;
    const pattern_t *p = find->pattern;
    f->found[p->needle->line] = 1;
    if (f->told++ >= FINDS_TOLD_MAX) {
        return;
    }
    fputs("{\"file\":", f->out);
    put_string(f->out, f->name);
    fprintf(f->out, ",\"at\":%llu,\"in\":\"%s\",\"charset\":\"%s\",\"coding\":",
            (unsigned long long)find->at, find->place, form_charset_name(p->charset));
    put_string(f->out, form_coding_name(p->coding));
    fprintf(f->out, ",\"kind\":\"%s\",\"needle\":%u}\n", needle_kind_name(p->needle->kind),
            p->needle->line);
}

err_t file_search_init(file_search_t *f, const index_t *index, const needle_t *needles,
                       size_t count, FILE *out)
{
    *f = (file_search_t){.out = out, .lines = 1};
    for (size_t i = 0; i < count; i++) {
        f->lines = needles[i].line + 1 > f->lines ? needles[i].line + 1 : f->lines;
    }
    f->found = calloc(f->lines, 1);
    ENSURE(f->found, ERR_MEMORY);
    err_t e = search_new(index, on_find, f, &f->search);
    if (err_failed(e)) {
        free(f->found);
    }
    return e;
}

void file_search_deinit(file_search_t *f)
{
    search_free(f->search);
    free(f->found);
}

bool file_search_sum(const file_search_t *f, const index_t *index, const needle_t *needles,
                     size_t count)
{
    search_counts_t c = search_counts(f->search);
    const char *gap = "";
    size_t hidden = 0;
    for (size_t i = 0; i < count; i++) {
        hidden += !index_has(index, &needles[i]);
    }
    fprintf(f->out,
            "{\"searched\":true,\"files\":%llu,\"bytes\":%llu,\"streams\":%llu,\"unpacked\":%llu,"
            "\"needles\":%zu,\"too_short\":%zu,\"forms\":%zu,\"finds\":%llu,\"limits\":%llu,"
            "\"unreadable\":%llu,\"found\":[",
            (unsigned long long)f->files, (unsigned long long)c.bytes,
            (unsigned long long)c.streams, (unsigned long long)c.unpacked, count, hidden,
            index_forms(index), (unsigned long long)c.finds, (unsigned long long)c.limits,
            (unsigned long long)f->unreadable);
    for (size_t i = 0; i < f->lines; i++) {
        if (f->found[i]) {
            fprintf(f->out, "%s%zu", gap, i);
            gap = ",";
        }
    }
    fputs("]}\n", f->out);
    fflush(f->out);
    return c.finds == 0 && c.limits == 0 && f->unreadable == 0;
}

/* ---- reading ---- */

static void unreadable(file_search_t *f, const char *name, int sys)
{
    f->unreadable++;
    fputs("{\"unreadable\":", f->out);
    put_string(f->out, name);
    fprintf(f->out, ",\"why\":\"%s\"}\n", strerror(sys));
}

err_t file_search_bytes(file_search_t *f, const char *name, slice_t bytes)
{
    f->name = name;
    f->told = 0;
    f->files++;
    return search_bytes(f->search, bytes);
}

/* Reads what is there now; a file that shrinks meanwhile is shorter, that is all. */
static ssize_t read_all(int fd, uint8_t *mem, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = pread(fd, mem + len, size - len, (off_t)len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

err_t file_search_fd(file_search_t *f, const char *name, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        unreadable(f, name, errno);
        return OK;
    }
    if (st.st_size == 0) {
        return file_search_bytes(f, name, SLICE_EMPTY);
    }
    size_t size = (size_t)st.st_size;
    bool map = st.st_size > READ_MAX;
    void *mem = map ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ENSURE(mem != MAP_FAILED, ERR_MEMORY);
    ssize_t len = map ? (ssize_t)size : read_all(fd, mem, size);
    err_t e = OK;
    if (len < 0) {
        unreadable(f, name, errno);
    } else {
        e = file_search_bytes(f, name, slice_make(mem, (size_t)len));
    }
    munmap(mem, size);
    return e;
}

/* nftw has no context: what it needs stands here. */
static struct {
    file_search_t *f;
    err_t e;
} walk;

static int walk_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_NS || type == FTW_DNR) {
        unreadable(walk.f, path, EACCES);
    }
    if (type != FTW_F || !S_ISREG(st->st_mode)) {
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        unreadable(walk.f, path, errno);
        return 0;
    }
    walk.e = file_search_fd(walk.f, path, fd);
    close(fd);
    return err_failed(walk.e);
}

err_t file_search_path(file_search_t *f, const char *path)
{
    walk.f = f;
    walk.e = OK;
    if (nftw(path, walk_one, WALK_FDS, FTW_PHYS) < 0) {
        unreadable(f, path, errno);
    }
    return walk.e;
}

err_t needles_load(arena_t *a, const char *path, const needle_t **ret_needles, size_t *ret_count)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *mem = NULL;
    ssize_t len = -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= NEEDLES_MAX) {
        mem = arena_alloc(a, (size_t)st.st_size + 1);
        len = mem ? read_all(fd, mem, (size_t)st.st_size) : -1;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (len < 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return FAIL(ERR_IO);
    }
    uint32_t line = 0;
    err_t e = needles_parse(a, slice_make(mem, (size_t)len), ret_needles, ret_count, &line);
    if (err_failed(e)) {
        fprintf(stderr, "%s:%u: %s\n", path, line, err_text(e.code));
    }
    return e;
}
