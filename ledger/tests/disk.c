#include "tests/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"

enum { NAMES_MAX = 4096, SECTOR = 512 };

typedef struct image { /* a file's bytes */
    uint8_t *bytes;
    size_t len, cap;
} image_t;

typedef struct file {
    struct file *next; /* all of them, for the end */
    uint64_t ino;
    image_t now, safe;
} file_t;

typedef struct name {
    char path[TRACE_PATH]; /* below root; "" = free */
    file_t *file;          /* NULL: a folder */
} name_t;

typedef struct names {
    name_t list[NAMES_MAX];
    size_t count;
} names_t;

struct disk {
    char root[TRACE_PATH];
    file_t *files;
    names_t now, safe;
    file_t *torn; /* the last write, until anything is flushed */
    image_t before;
};

/* ---- bytes ---- */

static void image_room(image_t *i, size_t len)
{
    if (len > i->cap) {
        size_t cap = i->cap ? i->cap : 4096;
        while (cap < len) {
            cap *= 2;
        }
        i->bytes = realloc(i->bytes, cap);
        CHECK(i->bytes);
        i->cap = cap;
    }
}

static void image_size(image_t *i, size_t len)
{
    image_room(i, len);
    if (len > i->len) {
        memset(i->bytes + i->len, 0, len - i->len);
    }
    i->len = len;
}

static void image_write(image_t *i, size_t at, const uint8_t *bytes, size_t len)
{
    if (at + len > i->len) {
        image_size(i, at + len);
    }
    if (len) {
        memcpy(i->bytes + at, bytes, len);
    }
}

static void image_copy(image_t *to, const image_t *from)
{
    to->len = 0;
    image_write(to, 0, from->bytes, from->len);
}

/* ---- names ---- */

static name_t *name_find(names_t *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->list[i].path, path) == 0) {
            return &n->list[i];
        }
    }
    return NULL;
}

static name_t *name_put(names_t *n, const char *path, file_t *file)
{
    name_t *at = name_find(n, path);
    at = at ? at : name_find(n, "");
    if (!at) {
        CHECK(n->count < NAMES_MAX);
        at = &n->list[n->count++];
    }
    snprintf(at->path, sizeof at->path, "%s", path);
    at->file = file;
    return at;
}

static file_t *file_new(disk_t *d, uint64_t ino)
{
    file_t *f = calloc(1, sizeof *f);
    CHECK(f);
    f->ino = ino;
    f->next = d->files;
    d->files = f;
    return f;
}

/* The newest that has the number: numbers are given again. */
static file_t *file_of(disk_t *d, uint64_t ino)
{
    file_t *f = d->files;
    while (f && f->ino != ino) {
        f = f->next;
    }
    return f;
}

/* ---- beginning ---- */

static disk_t *loading;

static int load_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *below = path + strlen(loading->root);
    if (type == FTW_D && *below) {
        name_put(&loading->now, below, NULL);
    }
    if (type == FTW_F && S_ISREG(st->st_mode)) {
        file_t *f = file_new(loading, (uint64_t)st->st_ino);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        image_size(&f->now, (size_t)st->st_size);
        CHECK(fd >= 0 && read(fd, f->now.bytes, f->now.len) == (ssize_t)f->now.len);
        close(fd);
        image_copy(&f->safe, &f->now);
        name_put(&loading->now, below, f);
    }
    return 0;
}

disk_t *disk_new(const char *root)
{
    disk_t *d = calloc(1, sizeof *d);
    CHECK(d);
    snprintf(d->root, sizeof d->root, "%s", root);
    loading = d;
    CHECK(nftw(root, load_one, 16, FTW_PHYS) == 0);
    d->safe = d->now;
    return d;
}

void disk_free(disk_t *d)
{
    for (file_t *f = d->files, *next; f; f = next) {
        next = f->next;
        free(f->now.bytes);
        free(f->safe.bytes);
        free(f);
    }
    free(d->before.bytes);
    free(d);
}

/* ---- playing ---- */

/* False: not below root. */
static bool path_in(const disk_t *d, const uint8_t *bytes, size_t len, char out[TRACE_PATH])
{
    size_t root = strlen(d->root);
    if (len <= root || memcmp(bytes, d->root, root) != 0 || bytes[root] != '/') {
        return false;
    }
    CHECK(len - root < TRACE_PATH);
    memcpy(out, bytes + root, len - root);
    out[len - root] = '\0';
    return true;
}

static void create(disk_t *d, const trace_op_t *op, const char *path)
{
    name_t *there = name_find(&d->now, path);
    if (!there || !there->file || there->file->ino != op->ino) {
        there = name_put(&d->now, path, file_new(d, op->ino));
    }
    if (op->at) {
        there->file->now.len = 0;
    }
}

static void write_op(disk_t *d, const trace_op_t *op, const uint8_t *bytes)
{
    file_t *f = file_of(d, op->ino);
    if (f) {
        d->torn = f;
        image_copy(&d->before, &f->now);
        image_write(&f->now, (size_t)op->at, bytes, op->len);
        size_t half = op->len / 2 / SECTOR * SECTOR; /* what of it was written */
        image_write(&d->before, (size_t)op->at, bytes, half);
    }
}

static void move(disk_t *d, const char *from, const char *to)
{
    name_t *old = name_find(&d->now, from);
    CHECK(old && old->file);
    name_put(&d->now, to, old->file);
    old = name_find(&d->now, from);
    old->path[0] = '\0';
    old->file = NULL;
}

static void safe(file_t *f)
{
    if (f) {
        image_copy(&f->safe, &f->now);
    }
}

/* An fsync writes the journal: all names so far are safe with it. */
static void synced(disk_t *d, const trace_op_t *op)
{
    if (op->kind == TRACE_SYNC_ALL) {
        for (file_t *f = d->files; f; f = f->next) {
            safe(f);
        }
    } else {
        safe(file_of(d, op->ino));
    }
    if (op->kind != TRACE_DATA) {
        d->safe = d->now;
    }
    d->torn = NULL;
}

static void names_op(disk_t *d, const trace_op_t *op, const uint8_t *bytes)
{
    char path[TRACE_PATH], path2[TRACE_PATH] = "";
    name_t *n;
    if (!path_in(d, bytes, op->path_len, path) ||
        (op->path2_len && !path_in(d, bytes + op->path_len, op->path2_len, path2))) {
        return;
    }
    switch ((trace_kind_t)op->kind) {
    case TRACE_CREATE:
        create(d, op, path);
        break;
    case TRACE_RENAME:
        move(d, path, path2);
        break;
    case TRACE_LINK:
        n = name_find(&d->now, path);
        CHECK(n && n->file);
        name_put(&d->now, path2, n->file);
        break;
    case TRACE_UNLINK:
        n = name_find(&d->now, path);
        if (n) { /* a socket is no file of ours */
            n->path[0] = '\0';
            n->file = NULL;
        }
        break;
    case TRACE_MKDIR:
        name_put(&d->now, path, NULL);
        break;
    case TRACE_WRITE:
    case TRACE_SIZE:
    case TRACE_DATA:
    case TRACE_SYNC:
    case TRACE_SYNC_ALL:
    case TRACE_ACK:
        CHECK(false);
    }
}

void disk_play(disk_t *d, const trace_op_t *op)
{
    const uint8_t *bytes = (const uint8_t *)(op + 1);
    file_t *f;
    switch ((trace_kind_t)op->kind) {
    case TRACE_WRITE:
        write_op(d, op, bytes);
        return;
    case TRACE_SIZE:
        f = file_of(d, op->ino);
        if (f) {
            image_size(&f->now, (size_t)op->at);
        }
        return;
    case TRACE_DATA:
    case TRACE_SYNC:
    case TRACE_SYNC_ALL:
        synced(d, op);
        return;
    case TRACE_ACK:
        return;
    case TRACE_CREATE:
    case TRACE_RENAME:
    case TRACE_LINK:
    case TRACE_UNLINK:
    case TRACE_MKDIR:
        names_op(d, op, bytes);
        return;
    }
    CHECK(false);
}

/* ---- leaving ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const name_t *)a)->path, ((const name_t *)b)->path);
}

static mode_t mode_of(const char *path)
{
    return strncmp(path, "/secrets/", 9) == 0 ? 0700 : 0750;
}

static const image_t *image_of(const disk_t *d, disk_left_t left, const file_t *f)
{
    return left == DISK_SYNCED                 ? &f->safe
           : left == DISK_TORN && d->torn == f ? &d->before
                                               : &f->now;
}

void disk_leave(const disk_t *d, disk_left_t left, const char *to)
{
    names_t *n = malloc(sizeof *n);
    CHECK(n);
    *n = left == DISK_SYNCED ? d->safe : d->now;
    qsort(n->list, n->count, sizeof n->list[0], by_path); /* folders before what is in them */
    for (size_t i = 0; i < n->count; i++) {
        char path[2 * TRACE_PATH];
        const name_t *at = &n->list[i];
        snprintf(path, sizeof path, "%s%s", to, at->path);
        if (!at->path[0]) {
            continue;
        }
        if (!at->file) {
            CHECK(mkdir(path, mode_of(at->path)) == 0);
            continue;
        }
        const image_t *image = image_of(d, left, at->file);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_of(at->path) & 0640);
        CHECK(fd >= 0 && write(fd, image->bytes, image->len) == (ssize_t)image->len);
        close(fd);
    }
    free(n);
}
