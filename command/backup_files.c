/* Rooms' files as they go into a backup: databases as snapshots, all else as it lies there. */
#include "backup_taking.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include "db/db.h"

/* ---- scratch ---- */

static int sweep_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    if (at->level > 0) {
        err_ignore(remove(path) == 0 ? OK : FAIL_SYS(ERR_IO, errno)); /* the next sweep */
    }
    return 0;
}

void backup_sweep(path_t dir)
{
    nftw(dir.text, sweep_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

err_t backup_scratch(house_t *h, path_t *ret_dir, int *ret_lock)
{
    path_t dir = house_path(h, h->var, "backup", NULL);
    FD_SCOPED int lock = -1;
    TRY(dir_ensure(dir, 0700, (uid_t)-1, (gid_t)-1));
    TRY(fd_open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &lock));
    ENSURE(flock(lock, LOCK_EX | LOCK_NB) == 0, ERR_CONFLICT);
    backup_sweep(dir);
    *ret_dir = dir;
    *ret_lock = fd_take(&lock);
    return OK;
}

/* ---- files ---- */

static room_total_t *total_of(take_t *t, const char *name)
{
    slice_t rest = slice_cstr_in(name), room;
    slice_split(&rest, '/', &room);
    for (size_t i = 0; i < t->n_rooms; i++) {
        if (slice_eq(room, slice_cstr_in(t->rooms[i].name))) {
            return &t->rooms[i];
        }
    }
    CHECK(t->n_rooms < ROOMS_MAX);
    room_total_t *r = &t->rooms[t->n_rooms++];
    snprintf(r->name, sizeof r->name, "%.*s", SLICE_FMT(room));
    return r;
}

/* Whose the file is in the house, by name: numbers differ between machines. */
err_t taking_owner(const take_t *t, const struct stat *st, char out[BACKUP_OWNER_MAX + 1])
{
    struct passwd row, *found = NULL;
    char text[4096];
    snprintf(out, BACKUP_OWNER_MAX + 1, "root");
    if (!t->h->separated || st->st_uid == 0) {
        return OK;
    }
    ENSURE(getpwuid_r(st->st_uid, &row, text, sizeof text, &found) == 0 && found, ERR_NOT_FOUND);
    ENSURE(strlen(row.pw_name) <= BACKUP_OWNER_MAX, ERR_LIMIT);
    snprintf(out, BACKUP_OWNER_MAX + 1, "%s", row.pw_name);
    return OK;
}

/* name: in the house. like: whose owner and mode it has; at: where its bytes are. */
err_t taking_file(take_t *t, const char *name, const struct stat *like, path_t at)
{
    char owner[BACKUP_OWNER_MAX + 1];
    if (t->each) {
        return t->each(t->each_ctx, name, like, at);
    }
    backup_totals_t before = backup_out_totals(t->out);
    TRY(taking_owner(t, like, owner));
    TRY(backup_out_file(t->out, name, owner, like->st_mode & 07777, at));
    backup_totals_t after = backup_out_totals(t->out);
    room_total_t *r = total_of(t, name);
    r->totals.files += after.files - before.files;
    r->totals.bytes += after.bytes - before.bytes;
    return OK;
}

static bool ends(const char *name, const char *with)
{
    return slice_ends(slice_cstr_in(name), slice_cstr_in(with));
}

/* A snapshot: one read transaction, which keeps nobody from writing. */
static err_t sqlite_add(take_t *t, const char *name, const struct stat *like, path_t at)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t url;
    db_t *db = NULL;
    path_t copy;
    arena_init(&a, 64 * 1024);
    TRY(path_join(&a, t->scratch, SLICE("snapshot.db"), &copy));
    TRY(arena_printf(&a, &url, "sqlite:%s", at.text));
    TRY(db_open((const char *)url.ptr, &db));
    err_t e = db_run(db, SQL("VACUUM INTO ?1"), DB_ARGS(db_text(slice_cstr_in(copy.text))), NULL);
    db_close(db);
    if (!err_failed(e)) {
        e = taking_file(t, name, like, copy);
    }
    unlink(copy.text);
    return e;
}

/* Beside a database lies what only its own process reads; unfinished files have no name yet. */
static bool is_passing(const char *name)
{
    static const char *const ENDS[] = {"-wal", "-shm", "-journal", ".tmp", ".sock", ".pid"};
    for (size_t i = 0; i < BASE_COUNT(ENDS); i++) {
        if (ends(name, ENDS[i])) {
            return true;
        }
    }
    return name[0] == '.';
}

/* Recent requests for tuning, sealed: of no use elsewhere, and of no age. */
static bool is_ring(const char *name)
{
    return strcmp(name, "guard/ring") == 0;
}

/* The key files go into a file of their own, and with them the master key, which changes when they
 * are wrapped anew: an older one opens none of them. The budget counts what was seen lately, which
 * is not what a restored house has to go by. */
static bool is_left_out(const char *name)
{
    slice_t master = SLICE("secrets/vault/");
    if (slice_starts(slice_cstr_in(name), master)) {
        return vault_keyfile_is_master(name + master.len);
    }
    return strcmp(name, "vault/keys") == 0 || strcmp(name, "vault/month-keys") == 0 ||
           strcmp(name, "vault/budget") == 0;
}

/* Keys for one segment or one record, gone soon: those that the ledger's copy needs come with it;
 * the state of its MACs is of no use after a restore, and no backup shall hold it. */
static bool is_ledger_secret(const char *name)
{
    return slice_starts(slice_cstr_in(name), SLICE("secrets/ledger/"));
}

static err_t entry_add(take_t *t, const char *folder, const char *leaf)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t name, whole;
    struct stat st;
    arena_init(&a, 32 * 1024);
    TRY(arena_printf(&a, &name, "%s/%s", folder, leaf));
    TRY(arena_printf(&a, &whole, "%s/%s", t->h->var.text, (const char *)name.ptr));
    path_t at = {(const char *)whole.ptr};
    const char *text = (const char *)name.ptr;
    if (is_passing(leaf) || is_left_out(text) || is_ledger_secret(text) || is_ring(text) ||
        lstat(at.text, &st) != 0) {
        return OK; /* lstat: gone meanwhile */
    }
    if (S_ISDIR(st.st_mode)) {
        return taking_folder(t, text);
    }
    if (!S_ISREG(st.st_mode)) {
        return OK;
    }
    err_t e = ends(leaf, ".db") ? sqlite_add(t, text, &st, at) : taking_file(t, text, &st, at);
    return err_is(e, ERR_NOT_FOUND) && access(at.text, F_OK) != 0 ? OK : e;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* In the order of names, so that two backups of the same house read alike. */
err_t taking_folder(take_t *t, const char *folder)
{
    enum { NAMES_MAX = 1024 };
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t whole;
    size_t n = 0;
    arena_init(&a, 1024 * 1024);
    const char **names = ARENA_ARRAY(&a, const char *, NAMES_MAX);
    TRY(arena_printf(&a, &whole, "%s/%s", t->h->var.text, folder));
    DIR *d = opendir((const char *)whole.ptr);
    if (!d) {
        return errno == ENOENT ? OK : fd_err(errno);
    }
    err_t e = names ? OK : FAIL(ERR_MEMORY);
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        if (strcmp(row->d_name, ".") != 0 && strcmp(row->d_name, "..") != 0) {
            e = n < NAMES_MAX ? arena_cstr(&a, slice_cstr_in(row->d_name), &names[n])
                              : FAIL(ERR_LIMIT);
            n++;
        }
    }
    closedir(d);
    TRY(e);
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++) {
        TRY(entry_add(t, folder, names[i]));
    }
    return OK;
}
