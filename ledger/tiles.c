#include "tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { DIRS_MAX = 512, FEW_FILES = 8, FILE_MODE = 0640, DIR_MODE = 0750 };

static err_t sys_err(int sys)
{
    return FAIL_SYS(sys == ENOSPC || sys == EDQUOT ? ERR_DISK_FULL : ERR_IO, sys);
}

/* ---- paths ---- */

void tiles_path(unsigned level, uint64_t number, unsigned width, char out[TILES_PATH])
{
    buf_t b = buf_on(out, TILES_PATH - 1);
    uint64_t unit = 1;
    if (level == TILES_SEAL || level == TILES_KEPT) {
        buf_cstr(&b, level == TILES_SEAL ? "seal" : "kept");
    } else if (level == TILES_ENTRIES) {
        buf_cstr(&b, "tile/entries");
    } else {
        buf_cstr(&b, "tile/");
        buf_dec(&b, level);
    }
    while (number / unit >= 1000) {
        unit *= 1000;
    }
    for (; unit; unit /= 1000) {
        buf_cstr(&b, unit > 1 ? "/x" : "/");
        buf_dec_pad(&b, number / unit % 1000, 3);
    }
    if (width < TREE_TILE) {
        buf_cstr(&b, ".p/");
        buf_dec(&b, width);
    }
    CHECK(!b.full);
    out[b.len] = '\0';
}

/* ---- the waiting files ---- */

void tiles_init(tiles_t *t, int public_dir, int tmp_dir, char letter)
{
    *t = (tiles_t){.public_dir = public_dir, .tmp_dir = tmp_dir, .letter = letter};
    t->last = &t->first;
}

void tiles_drop(tiles_t *t)
{
    for (tiles_file_t *f = t->first, *next; f; f = next) {
        next = f->next;
        free(f);
    }
    tiles_init(t, t->public_dir, t->tmp_dir, t->letter);
}

err_t tiles_add(tiles_t *t, const char *path, slice_t bytes)
{
    slice_t name = slice_cstr_in(path);
    tiles_file_t *f = malloc(sizeof *f + bytes.len);
    ENSURE(f, ERR_MEMORY);
    CHECK(name.len < TILES_PATH);
    *f = (tiles_file_t){.len = bytes.len};
    memcpy(f->path, name.ptr, name.len);
    memcpy(f->bytes, bytes.ptr, bytes.len);
    *t->last = f;
    t->last = &f->next;
    t->count++;
    t->bytes += bytes.len;
    return OK;
}

/* ---- writing ---- */

typedef struct flush {
    tiles_t *tiles;
    char dirs[DIRS_MAX][TILES_PATH]; /* folders to sync */
    size_t dir_count;
} flush_t;

static void tmp_name(const tiles_t *t, size_t i, char out[32])
{
    snprintf(out, 32, "%c%zu", t->letter, i);
}

static err_t write_tmp(const tiles_t *t, size_t i, const tiles_file_t *f)
{
    char name[32];
    tmp_name(t, i, name);
    FD_SCOPED int fd =
        openat(t->tmp_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return sys_err(errno);
    }
    TRY(fd_write_all(fd, slice_make(f->bytes, f->len)));
    return OK;
}

static err_t sync_tmp(const tiles_t *t, size_t i)
{
    char name[32];
    tmp_name(t, i, name);
    FD_SCOPED int fd = openat(t->tmp_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) != 0) {
        return sys_err(errno);
    }
    return OK;
}

/* One syncfs beats hundreds of fsyncs by ten to one on ext4. It says of any write error on the file
 * system since tmp_dir was opened: more than we ask, never less (Linux 5.8 and later). */
static err_t sync_all_tmp(const tiles_t *t)
{
    if (t->count > FEW_FILES) {
        return syncfs(t->tmp_dir) == 0 ? OK : sys_err(errno);
    }
    for (size_t i = 0; i < t->count; i++) {
        TRY(sync_tmp(t, i));
    }
    return OK;
}

static void remember_dir(flush_t *fl, const char *path, size_t len)
{
    for (size_t i = 0; i < fl->dir_count; i++) {
        if (strlen(fl->dirs[i]) == len && memcmp(fl->dirs[i], path, len) == 0) {
            return;
        }
    }
    CHECK(fl->dir_count < DIRS_MAX);
    memcpy(fl->dirs[fl->dir_count], path, len);
    fl->dirs[fl->dir_count++][len] = '\0';
}

/* Makes the folders on the way; remembers the file's own, and the parents of new ones. */
static err_t make_dirs(flush_t *fl, const char *path)
{
    size_t parent = 0;
    for (size_t i = 0; path[i]; i++) {
        char dir[TILES_PATH];
        if (path[i] != '/') {
            continue;
        }
        memcpy(dir, path, i);
        dir[i] = '\0';
        if (mkdirat(fl->tiles->public_dir, dir, DIR_MODE) == 0) {
            remember_dir(fl, dir, parent); /* parent 0 = the public folder itself */
        } else if (errno != EEXIST) {
            return sys_err(errno);
        }
        parent = i;
    }
    remember_dir(fl, path, parent);
    return OK;
}

static err_t sync_dirs(flush_t *fl)
{
    for (size_t i = 0; i < fl->dir_count; i++) {
        const char *path = fl->dirs[i][0] ? fl->dirs[i] : ".";
        FD_SCOPED int fd =
            openat(fl->tiles->public_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fsync(fd) != 0) {
            return sys_err(errno);
        }
    }
    fl->dir_count = 0;
    return OK;
}

static err_t put_in_place(flush_t *fl)
{
    size_t i = 0;
    for (tiles_file_t *f = fl->tiles->first; f; f = f->next, i++) {
        char name[32];
        tmp_name(fl->tiles, i, name);
        if (fl->dir_count + 8 > DIRS_MAX) {
            TRY(sync_dirs(fl));
        }
        TRY(make_dirs(fl, f->path));
        if (renameat(fl->tiles->tmp_dir, name, fl->tiles->public_dir, f->path) != 0) {
            return sys_err(errno);
        }
    }
    return sync_dirs(fl);
}

static err_t flush_all(flush_t *fl)
{
    tiles_t *t = fl->tiles;
    size_t i = 0;
    for (tiles_file_t *f = t->first; f; f = f->next) {
        TRY(write_tmp(t, i++, f));
    }
    TRY(sync_all_tmp(t));
    return put_in_place(fl);
}

err_t tiles_flush(tiles_t *t)
{
    flush_t *fl = calloc(1, sizeof *fl);
    ENSURE(fl, ERR_MEMORY);
    fl->tiles = t;
    err_t e = flush_all(fl);
    free(fl);
    if (err_failed(e)) {
        for (size_t i = 0; i < t->count; i++) { /* gives the space back */
            char name[32];
            tmp_name(t, i, name);
            unlinkat(t->tmp_dir, name, 0);
        }
        return e;
    }
    tiles_drop(t);
    return OK;
}

void tiles_remove(const tiles_t *t, const char *path)
{
    char dir[TILES_PATH];
    slice_t name = slice_cstr_in(path);
    if (unlinkat(t->public_dir, path, 0) != 0) {
        return;
    }
    size_t cut = name.len;
    while (cut && path[cut] != '/') {
        cut--;
    }
    memcpy(dir, path, cut);
    dir[cut] = '\0';
    unlinkat(t->public_dir, dir, AT_REMOVEDIR); /* refused while something is in it: as it should */
}

err_t tiles_read(int public_dir, const char *path, arena_t *a, size_t max_bytes, slice_t *ret_bytes)
{
    struct stat st;
    FD_SCOPED int fd = openat(public_dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return FAIL_SYS(errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, errno);
    }
    ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    ENSURE((uint64_t)st.st_size <= max_bytes, ERR_LIMIT);
    size_t len = (size_t)st.st_size;
    uint8_t *mem = arena_alloc(a, len ? len : 1);
    ENSURE(mem, ERR_MEMORY);
    TRY(fd_read_all(fd, mem, len));
    *ret_bytes = slice_make(mem, len);
    return OK;
}
