#include "held.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_ROOM = 256 };

static held_file_t *room_new(size_t room)
{
    held_file_t *files = calloc(room, sizeof *files);
    for (size_t i = 0; files && i < room; i++) {
        files[i].fd = -1;
    }
    return files;
}

err_t held_init(held_t *h)
{
    *h = (held_t){.room = FIRST_ROOM};
    h->files = room_new(h->room);
    ENSURE(h->files, ERR_MEMORY);
    return OK;
}

void held_deinit(held_t *h)
{
    for (size_t i = 0; i < h->room; i++) {
        if (h->files[i].fd >= 0) {
            close(h->files[i].fd);
            free(h->files[i].name);
        }
    }
    free(h->files);
    *h = (held_t){0};
}

/* Its place, or the free one where it would go. */
static held_file_t *find(held_file_t *files, size_t room, dev_t device, ino_t inode)
{
    size_t at = ((size_t)device * 31 + (size_t)inode) * 2654435761U % room;
    while (files[at].fd >= 0 && (files[at].device != device || files[at].inode != inode)) {
        at = (at + 1) % room;
    }
    return &files[at];
}

bool held_has(const held_t *h, dev_t device, ino_t inode)
{
    return find(h->files, h->room, device, inode)->fd >= 0;
}

static err_t grow(held_t *h)
{
    size_t room = 2 * h->room;
    held_file_t *files = room_new(room);
    ENSURE(files, ERR_MEMORY);
    for (size_t i = 0; i < h->room; i++) {
        if (h->files[i].fd >= 0) {
            *find(files, room, h->files[i].device, h->files[i].inode) = h->files[i];
        }
    }
    free(h->files);
    h->files = files;
    h->room = room;
    return OK;
}

static char *name_of(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return strdup(path);
}

static err_t keep(held_t *h, int fd, const struct stat *st)
{
    if (2 * h->count >= h->room) {
        TRY(grow(h));
    }
    char *name = name_of(fd);
    ENSURE(name, ERR_MEMORY);
    *find(h->files, h->room, st->st_dev, st->st_ino) =
        (held_file_t){st->st_dev, st->st_ino, fd, name};
    h->count++;
    return OK;
}

err_t held_add(held_t *h, int fd, bool *ret_new)
{
    struct stat st;
    *ret_new = false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || held_has(h, st.st_dev, st.st_ino)) {
        close(fd);
        return OK;
    }
    err_t e = keep(h, fd, &st);
    if (err_failed(e)) {
        close(fd);
        return e;
    }
    *ret_new = true;
    return OK;
}
