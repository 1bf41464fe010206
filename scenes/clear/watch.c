#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_BYTES = 64 * 1024, LINE_MAX_BYTES = 8192 };

#define WRITES (FAN_MODIFY | FAN_CLOSE_WRITE)

/* File systems of the kernel's own, on which nothing is kept. */
static const char *const KERNELS[] = {
    "proc",    "sysfs",    "devpts",      "devtmpfs",  "cgroup",     "cgroup2", "mqueue",
    "debugfs", "tracefs",  "securityfs",  "configfs",  "pstore",     "bpf",     "autofs",
    "fusectl", "efivarfs", "binfmt_misc", "hugetlbfs", "rpc_pipefs", "nsfs"};

static bool is_kernels(const char *type)
{
    for (size_t i = 0; i < BASE_COUNT(KERNELS); i++) {
        if (strcmp(type, KERNELS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "36 35 98:0 /root /mount/point rw,noatime ... - ext4 /dev/sda rw" (proc(5)); spaces in it are
 * \040. */
static bool mount_line(char *line, char **ret_point, char **ret_type)
{
    char *dash = strstr(line, " - "), *rest = line, *word = NULL;
    if (!dash) {
        return false;
    }
    for (int i = 0; i < 5; i++) {
        word = strsep(&rest, " ");
    }
    char *type = dash + 3;
    *ret_type = strsep(&type, " ");
    *ret_point = word;
    return word && *ret_type;
}

static void octal_undo(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
            *to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    *to = 0;
}

static err_t mounts_mark(int notify_fd)
{
    static char line[LINE_MAX_BYTES];
    FILE *in = fopen("/proc/self/mountinfo", "re");
    ENSURE(in, ERR_IO);
    err_t e = OK;
    while (!err_failed(e) && fgets(line, sizeof line, in)) {
        char *point, *type;
        if (!mount_line(line, &point, &type) || is_kernels(type)) {
            continue;
        }
        octal_undo(point);
        /* A mount hidden below another cannot be reached, and not be written either. */
        if (fanotify_mark(notify_fd, FAN_MARK_ADD | FAN_MARK_MOUNT, WRITES, AT_FDCWD, point) != 0 &&
            errno != ENOENT && errno != EACCES) {
            fprintf(stderr, "clear-watch: %s: %s\n", point, strerror(errno));
            e = FAIL_SYS(ERR_IO, errno);
        }
    }
    fclose(in);
    return e;
}

err_t watch_open(watch_t *w)
{
    struct rlimit files;
    *w = (watch_t){.notify_fd = -1};
    ENSURE(geteuid() == 0, ERR_DENIED);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    ENSURE(unshare(CLONE_NEWNS) == 0, ERR_DENIED);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        /* EINVAL: / is no mount point, we are in a chroot and do not see all mounts there are */
        return FAIL_SYS(errno == EINVAL ? ERR_DENIED : ERR_IO, errno);
    }
    TRY(held_init(&w->held));
    w->notify_fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
                                     FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
                                 O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_LARGEFILE);
    if (w->notify_fd < 0) {
        return FAIL_SYS(errno == EPERM || errno == ENOSYS ? ERR_DENIED : ERR_IO, errno);
    }
    return mounts_mark(w->notify_fd);
}

void watch_close(watch_t *w)
{
    if (w->notify_fd >= 0) {
        close(w->notify_fd);
    }
    held_deinit(&w->held);
}

/* A file that is held needs no more events: what is in it is read when it is searched. */
static err_t event_take(watch_t *w, const struct fanotify_event_metadata *event)
{
    bool is_new;
    if (event->fd < 0) {
        w->lost++;
        return OK;
    }
    TRY(held_add(&w->held, event->fd, &is_new));
    if (is_new) {
        (void)fanotify_mark(w->notify_fd,
                            FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY,
                            WRITES, event->fd, NULL);
    }
    return OK;
}

err_t watch_take(watch_t *w)
{
    static union {
        uint8_t bytes[EVENTS_BYTES];
        struct fanotify_event_metadata first;
    } events;
    for (;;) {
        ssize_t len = read(w->notify_fd, events.bytes, sizeof events.bytes);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno == EAGAIN) {
            return OK;
        }
        if (len < 0) {
            w->lost++; /* EMFILE, ENOENT: this one event is gone */
            return errno == EMFILE || errno == ENFILE ? FAIL_SYS(ERR_LIMIT, errno) : OK;
        }
        struct fanotify_event_metadata event;
        for (size_t at = 0; at + sizeof event <= (size_t)len; at += event.event_len) {
            memcpy(&event, events.bytes + at, sizeof event);
            CHECK(event.vers == FANOTIFY_METADATA_VERSION && event.event_len >= sizeof event);
            TRY(event_take(w, &event));
        }
    }
}

/* ---- the walk ---- */

typedef struct process {
    watch_t *watch;
    int proc_fd; /* /proc/PID */
} process_t;

/* What cannot be opened though it is there would be searched by nobody. */
static err_t hold_at(watch_t *w, int dir_fd, const char *name)
{
    bool is_new;
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        w->lost +=
            errno != ENOENT && errno != ESRCH; /* gone meanwhile: its last close was an event */
        return OK;
    }
    return held_add(&w->held, fd, &is_new);
}

/* Open for writing: the flags in /proc/PID/fdinfo/N are octal. */
static bool fd_writes(int info_dir, const char *name)
{
    char text[256];
    int fd = openat(info_dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = 0;
    const char *flags = strstr(text, "flags:");
    return flags && (strtoul(flags + 6, NULL, 8) & O_ACCMODE) != O_RDONLY;
}

static err_t descriptors_walk(process_t *p)
{
    int dir_fd = openat(p->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int info_fd = openat(p->proc_fd, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = dir_fd >= 0 ? fdopendir(dir_fd) : NULL;
    err_t e = OK;
    for (struct dirent *entry; dir && info_fd >= 0 && !err_failed(e) && (entry = readdir(dir));) {
        struct stat st;
        if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode) && fd_writes(info_fd, entry->d_name)) {
            e = hold_at(p->watch, dirfd(dir), entry->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    } else if (dir_fd >= 0) {
        close(dir_fd);
    }
    if (info_fd >= 0) {
        close(info_fd);
    }
    return e;
}

/* "7f..-7f.. rw-s 00000000 00:01 1234  /dev/zero (deleted)": what is shared has a file behind it,
 * be it one of the kernel's own, and map_files opens it. */
static err_t mapping_walk(process_t *p, int files_fd, const char *line)
{
    unsigned long from, to;
    char rights[8], range[64];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[3] != 's') {
        return OK;
    }
    snprintf(range, sizeof range, "%lx-%lx", from, to);
    return hold_at(p->watch, files_fd, range);
}

static err_t mappings_walk(process_t *p)
{
    static char line[LINE_MAX_BYTES];
    int files_fd = openat(p->proc_fd, "map_files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(p->proc_fd, "maps", O_RDONLY | O_CLOEXEC);
    FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
    err_t e = OK;
    while (in && files_fd >= 0 && !err_failed(e) && fgets(line, sizeof line, in)) {
        e = mapping_walk(p, files_fd, line);
    }
    if (in) {
        fclose(in);
    } else if (fd >= 0) {
        close(fd);
    }
    if (files_fd >= 0) {
        close(files_fd);
    }
    return e;
}

static bool same_namespace(int proc_fd)
{
    struct stat own, other;
    return stat("/proc/self/ns/mnt", &own) == 0 && fstatat(proc_fd, "ns/mnt", &other, 0) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static err_t process_walk(watch_t *w, int all_fd, const char *pid)
{
    process_t p = {.watch = w};
    p.proc_fd = openat(all_fd, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p.proc_fd < 0) {
        return OK;
    }
    err_t e = OK;
    if (same_namespace(p.proc_fd)) {
        e = descriptors_walk(&p);
        e = err_failed(e) ? e : mappings_walk(&p);
    }
    close(p.proc_fd);
    return e;
}

err_t watch_walk(watch_t *w)
{
    DIR *dir = opendir("/proc");
    ENSURE(dir, ERR_IO);
    err_t e = OK;
    for (struct dirent *entry; !err_failed(e) && (entry = readdir(dir));) {
        bool number = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
        if (number && strtol(entry->d_name, NULL, 10) != getpid()) {
            e = process_walk(w, dirfd(dir), entry->d_name);
        }
    }
    closedir(dir);
    return e;
}

err_t watch_search(watch_t *w, file_search_t *f)
{
    for (size_t i = 0; i < w->held.room; i++) {
        if (w->held.files[i].fd >= 0) {
            TRY(file_search_fd(f, w->held.files[i].name, w->held.files[i].fd));
        }
    }
    return OK;
}
