/* Reading and writing what lies on the disk: every file that the probe saw as root, area by area.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan.h"

/* One refusal of them all stands for the area unless one file gave way; files that went away
 * meanwhile (a database's -wal) say nothing. */
typedef struct tally {
    int refused;
    bool gone;
} tally_t;

static bool gave_way(tally_t *t, attempt_t *a, int failed, const char *path)
{
    if (failed == 0) {
        const char *name = strrchr(path, '/');
        snprintf(a->result->by, sizeof a->result->by, "%.40s", name ? name + 1 : path);
        return true;
    }
    if (failed == ENOENT) {
        t->gone = true;
    } else {
        t->refused = failed;
    }
    return false;
}

static int outcome(const tally_t *t)
{
    return t->refused ? t->refused : t->gone ? ENOENT : ENODATA; /* the last two: it was blind */
}

static int open_try(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno;
    }
    close(fd);
    return 0;
}

static int read_area(attempt_t *a)
{
    tally_t t = {0};
    for (size_t i = 0; i < a->plan->n_files; i++) {
        const plan_file_t *f = &a->plan->files[i];
        int flags = f->folder ? O_RDONLY | O_DIRECTORY : O_RDONLY;
        if (strcmp(f->area, a->of) == 0 && gave_way(&t, a, open_try(f->path, flags), f->path)) {
            return 0;
        }
    }
    return outcome(&t);
}

/* A new name in the folder; gone again at once. */
static int create_try(const char *folder)
{
    char path[PLAN_PATH + 24];
    snprintf(path, sizeof path, "%s/.isolation-probe", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    close(fd);
    unlink(path);
    return 0;
}

static int write_area(attempt_t *a)
{
    tally_t t = {0};
    for (size_t i = 0; i < a->plan->n_files; i++) {
        const plan_file_t *f = &a->plan->files[i];
        if (strcmp(f->area, a->of) != 0) {
            continue;
        }
        int failed = f->folder ? create_try(f->path) : open_try(f->path, O_WRONLY);
        if (gave_way(&t, a, failed, f->path)) {
            return 0;
        }
    }
    return outcome(&t);
}

/* Taking a file for oneself: a mode that lets all in. Sets what is there already, so that a success
 * changes nothing. */
static int chmod_area(attempt_t *a)
{
    tally_t t = {0};
    for (size_t i = 0; i < a->plan->n_files; i++) {
        const plan_file_t *f = &a->plan->files[i];
        struct stat st;
        if (strcmp(f->area, a->of) != 0) {
            continue;
        }
        int failed = lstat(f->path, &st) != 0                  ? errno
                     : chmod(f->path, st.st_mode & 07777) != 0 ? errno
                                                               : 0;
        if (gave_way(&t, a, failed, f->path)) {
            return 0;
        }
    }
    return outcome(&t);
}

static bool seen_before(const plan_t *p, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(p->files[k].area, p->files[i].area) == 0) {
            return true;
        }
    }
    return false;
}

void attempt_files(plan_t *p, plan_seal_fn *seal, void *ctx)
{
    for (size_t i = 0; i < p->n_files; i++) {
        const char *area = p->files[i].area;
        if (seen_before(p, i)) {
            continue;
        }
        if (strcmp(area, "tree") != 0) { /* the programs are everybody's to read */
            attempt(p, seal, ctx, "read", area, "open", read_area, area);
        }
        attempt(p, seal, ctx, "write", area, "open", write_area, area);
        attempt(p, seal, ctx, "write", area, "chmod", chmod_area, area);
    }
}
