/* The order of the steps is what makes rooms that are copied one after the other fit together
 * (docs/decisions/005-backup.md): shop, pay, vault's log-ins, board, ledger, keys. */
#include "backup_take.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup_keys.h"
#include "backup_pg.h"
#include "base/clock.h"
#include "brake/api.h"
#include "control.h"
#include "db/db.h"
#include "ledger/api.h"
#include "text/time.h"
#include "vault/api_keyfile.h"

enum {
    ROOMS_MAX = 24,
    MASTERS_MAX = 4,
    STAGE_TRIES = 50,
    SEALING_WAIT_US = 10000000,
    SEALING_REST_US = 100000
};

typedef struct room_total {
    char name[32];
    backup_totals_t totals;
} room_total_t;

typedef struct take {
    house_t *h;
    path_t dir, scratch;
    backup_writer_keys_t keys;
    backup_out_t *out;
    backup_each_fn *each; /* instead of out */
    void *each_ctx;
    backup_made_t made;
    room_total_t rooms[ROOMS_MAX];
    size_t n_rooms;
    vault_keyfile_counts_t key_counts;
    char masters[MASTERS_MAX][32]; /* names in secrets/vault */
    size_t n_masters;
    int64_t keys_us;
    control_status_t status;
    uid_t ledger_owner;
} take_t;

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
static err_t owner_name(const take_t *t, const struct stat *st, char out[BACKUP_OWNER_MAX + 1])
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
static err_t file_add(take_t *t, const char *name, const struct stat *like, path_t at)
{
    char owner[BACKUP_OWNER_MAX + 1];
    if (t->each) {
        return t->each(t->each_ctx, name, like, at);
    }
    backup_totals_t before = backup_out_totals(t->out);
    TRY(owner_name(t, like, owner));
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
        e = file_add(t, name, like, copy);
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

static err_t folder_add(take_t *t, const char *folder);

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
        return folder_add(t, text);
    }
    if (!S_ISREG(st.st_mode)) {
        return OK;
    }
    err_t e = ends(leaf, ".db") ? sqlite_add(t, text, &st, at) : file_add(t, text, &st, at);
    return err_is(e, ERR_NOT_FOUND) && access(at.text, F_OK) != 0 ? OK : e;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* In the order of names, so that two backups of the same house read alike. */
static err_t folder_add(take_t *t, const char *folder)
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

/* ---- the steps ---- */

/* The shop first: whatever it relies upon in another room was durable there before, and that room
 * is copied later. */
static err_t rooms_add(take_t *t)
{
    static const room_id_t ORDER[] = {ROOM_SHOP, ROOM_OFFICE, ROOM_INSPECT,
                                      ROOM_PAY,  ROOM_VAULT,  ROOM_GUARD};
    for (size_t i = 0; i < BASE_COUNT(ORDER); i++) {
        const char *room = room_name(ORDER[i]);
        slice_t url = backup_postgres_url(t->h, t->h->var, room);
        if (url.len) {
            path_t dump = house_path(t->h, t->scratch, "postgres.dump", NULL);
            TRY(backup_pg_dump(t->h, url, dump));
            slice_t name;
            struct stat st;
            ENSURE(stat(dump.text, &st) == 0, ERR_IO);
            TRY(arena_printf(&t->h->arena, &name, "%s/postgres.dump", room));
            TRY(file_add(t, (const char *)name.ptr, &st, dump));
            unlink(dump.text);
        }
        TRY(folder_add(t, room));
    }
    return OK;
}

/* After those who have seen it: a board may be younger than what its readers remember, not older.
 * The lock keeps orders out for the moment. */
static err_t board_add(take_t *t)
{
    FD_SCOPED int lock = -1;
    brake_reader_t *reader;
    path_t dir = house_path(t->h, t->h->var, "brake", NULL);
    TRY(fd_open(dir, O_RDONLY | O_DIRECTORY, 0, &lock));
    ENSURE(flock(lock, LOCK_SH) == 0, ERR_IO);
    TRY(folder_add(t, "brake"));
    TRY(brake_reader_new(dir.text, NULL, &reader));
    t->made.generation = brake_now(reader).generation;
    brake_reader_free(reader);
    return OK;
}

static err_t ledger_file(void *ctx, const char *name, path_t at)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    take_t *t = ctx;
    slice_t whole;
    struct stat st;
    arena_init(&a, 16 * 1024);
    slice_t file = slice_cstr_in(name), secret = SLICE("secrets/");
    TRY(slice_starts(file, secret)
            ? arena_printf(&a, &whole, "secrets/ledger/%s", name + secret.len)
            : arena_printf(&a, &whole, "ledger/%s", name));
    if (lstat(at.text, &st) != 0) {
        return fd_err(errno);
    }
    st.st_uid = t->ledger_owner; /* scratch is root's */
    return file_add(t, (const char *)whole.ptr, &st, at);
}

/* Whatever a room's rows rest on is on record already; a checkpoint that covers it is signed within
 * a second. */
static err_t ledger_add(take_t *t)
{
    ledger_client_t *client;
    ledger_status_t now;
    path_t from = house_path(t->h, t->h->var, "ledger", NULL);
    path_t scratch = house_path(t->h, t->scratch, "ledger", NULL);
    ledger_place_t place = {from, house_path(t->h, t->h->var, "secrets", "ledger", NULL)};
    struct stat st;
    ENSURE(stat(from.text, &st) == 0, ERR_IO);
    t->ledger_owner = st.st_uid;
    TRY(dir_ensure(scratch, 0700, (uid_t)-1, (gid_t)-1));
    TRY(ledger_client_new(house_path(t->h, t->h->var, "run", "ledger.sock", NULL).text,
                          ROOM_COMMAND, &client));
    err_t e = ledger_status(client, &now);
    ledger_client_free(client);
    TRY(e);
    int64_t until_us = clock_wait_us() + SEALING_WAIT_US;
    do {
        e = ledger_copy(&place, scratch, now.size, ledger_file, t, &t->made.ledger);
        if (!err_is(e, ERR_UNAVAILABLE)) {
            break;
        }
        usleep(SEALING_REST_US);
    } while (clock_wait_us() < until_us);
    backup_sweep(scratch);
    return e;
}

/* ---- manifests ---- */

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
    uint8_t mem[128];
    buf_t b = BUF_ON_ARRAY(mem);
    buf_hex(&b, slice_make(bytes, len));
    return json_stringn((const char *)b.ptr, b.len);
}

static json_t *rooms_json(const take_t *t)
{
    json_t *all = json_object();
    for (size_t i = 0; i < t->n_rooms; i++) {
        json_object_set_new(all, t->rooms[i].name,
                            json_pack("{s:I, s:I}", "files", (json_int_t)t->rooms[i].totals.files,
                                      "bytes", (json_int_t)t->rooms[i].totals.bytes));
    }
    return all;
}

static json_t *keys_json(const take_t *t)
{
    return json_pack("{s:I, s:I, s:I}", "made_us", (json_int_t)t->keys_us, "live",
                     (json_int_t)t->key_counts.live, "erased", (json_int_t)t->key_counts.erased);
}

static json_t *house_json(const take_t *t, backup_totals_t totals)
{
    const ledger_copy_facts_t *l = &t->made.ledger;
    return json_pack("{s:i, s:s, s:s, s:I, s:s, s:i, s:o, s:I, s:I, s:{s:I, s:o, s:I}, s:I, s:o}",
                     "version", BACKUP_VERSION, "id", t->made.name, "kind", "house", "made_us",
                     (json_int_t)t->made.made_us, "profile", profile_name(t->status.profile),
                     "port", (int)t->status.port, "rooms", rooms_json(t), "files",
                     (json_int_t)totals.files, "bytes", (json_int_t)totals.bytes, "ledger", "size",
                     (json_int_t)l->size, "root", hex_json(l->root, sizeof l->root), "log_end",
                     (json_int_t)l->log_end, "brake_generation", (json_int_t)t->made.generation,
                     "keys", keys_json(t));
}

/* Takes the document over. */
static err_t out_close(backup_out_t *out, json_t *manifest, uint8_t ret_sha256[32])
{
    char *text = manifest ? json_dumps(manifest, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(manifest);
    if (!text) {
        backup_out_abort(out);
        return FAIL(ERR_MEMORY);
    }
    err_t e = backup_out_finish(out, slice_cstr_in(text), ret_sha256);
    free(text);
    return e;
}

/* ---- the key files ---- */

void backup_keys_file(const uint8_t seal_to[crypto_box_PUBLICKEYBYTES], char out[64])
{
    char house[BACKUP_HOUSE + 1];
    backup_house_name(seal_to, house);
    snprintf(out, 64, "sekisho-%s.keys", house);
}

/* What the replaced file held is not to be found in freed blocks either (as far as a file system
 * overwrites in place; it is sealed to the offline key in any case). */
static void old_keys_wipe(int fd)
{
    static const uint8_t ZEROS[65536];
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return;
    }
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof ZEROS) {
        off_t left = st.st_size - at;
        size_t n = left < (off_t)sizeof ZEROS ? (size_t)left : sizeof ZEROS;
        if (err_failed(fd_pwrite_all(fd, slice_make(ZEROS, n), at))) {
            return;
        }
    }
    fdatasync(fd);
}

static int by_name(const void *a, const void *b)
{
    const char *x = a, *y = b;
    return strcmp(x, y);
}

/* Which files the master key has now. */
static err_t masters_list(take_t *t, char (*ret_names)[32], size_t *ret_n)
{
    size_t n = 0;
    DIR *d = opendir(house_path(t->h, t->h->var, "secrets", "vault", NULL).text);
    if (!d) {
        return fd_err(errno);
    }
    memset(ret_names, 0, MASTERS_MAX * sizeof *ret_names);
    for (struct dirent *row; n < MASTERS_MAX && (row = readdir(d));) {
        if (vault_keyfile_is_master(row->d_name) && strlen(row->d_name) < sizeof *ret_names) {
            snprintf(ret_names[n++], sizeof *ret_names, "%s", row->d_name);
        }
    }
    closedir(d);
    qsort(ret_names, n, sizeof *ret_names, by_name);
    *ret_n = n;
    return OK;
}

static err_t key_files_copy(take_t *t)
{
    static const char *const NAMES[] = {"keys", "month-keys"};
    path_t vault = house_path(t->h, t->h->var, "vault", NULL);
    t->keys_us = clock_wall_us();
    t->key_counts = (vault_keyfile_counts_t){0};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        vault_keyfile_counts_t n;
        unlink(house_path(t->h, t->scratch, NAMES[i], NULL).text);
        TRY(vault_keyfile_copy(house_path(t->h, vault, NAMES[i], NULL),
                               house_path(t->h, t->scratch, NAMES[i], NULL), &n));
        t->key_counts.live += n.live;
        t->key_counts.erased += n.erased;
        t->key_counts.damaged += n.damaged;
    }
    t->made.keys_live = t->key_counts.live;
    t->made.keys_erased = t->key_counts.erased;
    return OK;
}

/* Key files and master keys that belong together: taken again when a master key came or went
 * meanwhile. */
static err_t key_files_stage(take_t *t)
{
    char after[MASTERS_MAX][32];
    size_t n;
    for (unsigned i = 0; i < STAGE_TRIES; i++) {
        TRY(masters_list(t, t->masters, &t->n_masters));
        TRY(key_files_copy(t));
        TRY(masters_list(t, after, &n));
        if (n == t->n_masters && memcmp(after, t->masters, sizeof after) == 0) {
            return OK;
        }
    }
    return FAIL(ERR_CONFLICT);
}

/* Where they lie: they are written once. */
static err_t masters_put(take_t *t, backup_out_t *out)
{
    for (size_t i = 0; i < t->n_masters; i++) {
        struct stat st;
        slice_t name;
        char owner[BACKUP_OWNER_MAX + 1];
        path_t at = house_path(t->h, t->h->var, "secrets", "vault", t->masters[i], NULL);
        ENSURE(stat(at.text, &st) == 0, ERR_CONFLICT);
        TRY(owner_name(t, &st, owner));
        TRY(arena_printf(&t->h->arena, &name, "secrets/vault/%s", t->masters[i]));
        TRY(backup_out_file(out, (const char *)name.ptr, owner, st.st_mode & 07777, at));
    }
    return OK;
}

static err_t key_files_put(take_t *t, backup_out_t *out)
{
    static const char *const NAMES[] = {"keys", "month-keys"};
    for (size_t i = 0; i < BASE_COUNT(NAMES); i++) {
        struct stat st;
        slice_t name;
        char owner[BACKUP_OWNER_MAX + 1];
        ENSURE(stat(house_path(t->h, t->h->var, "vault", NAMES[i], NULL).text, &st) == 0, ERR_IO);
        TRY(owner_name(t, &st, owner));
        TRY(arena_printf(&t->h->arena, &name, "vault/%s", NAMES[i]));
        TRY(backup_out_file(out, (const char *)name.ptr, owner, st.st_mode & 07777,
                            house_path(t->h, t->scratch, NAMES[i], NULL)));
    }
    return OK;
}

/* Before the backup that needs it has its name. */
static err_t key_backup(take_t *t)
{
    FD_SCOPED int old = -1;
    backup_out_t *out = NULL;
    char name[64];
    uint8_t sha256[32];
    backup_keys_file(t->keys.seal_to, name);
    err_t found = fd_open(house_path(t->h, t->dir, name, NULL), O_WRONLY | O_NOFOLLOW, 0, &old);
    ENSURE(!err_failed(found) || err_is(found, ERR_NOT_FOUND), found.code);
    TRY(backup_out_new(t->dir, name, BACKUP_OF_KEYS, &t->keys, &out));
    err_t e = key_files_put(t, out);
    if (!err_failed(e)) {
        e = masters_put(t, out);
    }
    if (err_failed(e)) {
        backup_out_abort(out);
        return e;
    }
    TRY(out_close(out,
                  json_pack("{s:i, s:s, s:I, s:o}", "version", BACKUP_VERSION, "kind", "keys",
                            "made_us", (json_int_t)t->keys_us, "keys", keys_json(t)),
                  sha256));
    old_keys_wipe(old);
    return OK;
}

/* ---- all of it ---- */

slice_t backup_postgres_url(house_t *h, path_t var, const char *room)
{
    slice_t name, text, line;
    bool in_database = false;
    if (err_failed(arena_printf(&h->arena, &name, "%s.ini", room)) ||
        err_failed(file_read(&h->arena, house_path(h, var, "etc", (const char *)name.ptr, NULL),
                             64 * 1024, &text))) {
        return SLICE_EMPTY;
    }
    while (slice_split(&text, '\n', &line)) {
        line = slice_trim(line);
        slice_t rest = line, key;
        if (slice_starts(line, SLICE("["))) {
            in_database = slice_eq(line, SLICE("[database]"));
        } else if (in_database && slice_split(&rest, '=', &key) &&
                   slice_eq(slice_trim(key), SLICE("url")) && rest.len != SIZE_MAX) {
            slice_t url = slice_trim(rest);
            return slice_starts(url, SLICE("postgres")) ? url : SLICE_EMPTY;
        }
    }
    return SLICE_EMPTY;
}

static err_t steps(take_t *t)
{
    TRY(rooms_add(t));
    TRY(board_add(t));
    TRY(ledger_add(t));
    TRY(folder_add(t, "etc"));
    TRY(folder_add(t, "secrets"));
    TRY(key_files_stage(t));
    return key_backup(t);
}

static err_t take_run(take_t *t)
{
    TRY(control_status(t->h, &t->status));
    TRY(backup_writer_keys(t->h, &t->keys));
    TRY(backup_out_new(t->dir, t->made.name, BACKUP_OF_HOUSE, &t->keys, &t->out));
    err_t e = steps(t);
    if (err_failed(e)) {
        backup_out_abort(t->out);
        return e;
    }
    t->made.totals = backup_out_totals(t->out);
    return out_close(t->out, house_json(t, t->made.totals), t->made.sha256);
}

/* sekisho-<house>-20261127T031500.123456Z-<letters>.skb: names sort by time. */
static err_t name_make(take_t *t)
{
    uint8_t mem[40];
    buf_t when = BUF_ON_ARRAY(mem);
    char letters[9] = {0}, house[BACKUP_HOUSE + 1], stamp[16] = {0};
    backup_writer_keys_t keys;
    TRY(backup_writer_keys(t->h, &keys));
    backup_house_name(keys.seal_to, house);
    backup_writer_keys_wipe(&keys);
    t->made.made_us = clock_wall_us();
    time_put_rfc3339(&when, t->made.made_us);
    ENSURE(when.len >= 20 && when.ptr[4] == '-', ERR_RANGE);
    size_t n = 0;
    for (size_t i = 0; i < 19; i++) { /* without '-' and ':' */
        if (when.ptr[i] != '-' && when.ptr[i] != ':') {
            stamp[n++] = (char)when.ptr[i];
        }
    }
    random_letters(letters, 8);
    snprintf(t->made.name, sizeof t->made.name, "sekisho-%s-%s.%06dZ-%s.skb", house, stamp,
             (int)(t->made.made_us % CLOCK_SECOND_US), letters);
    return OK;
}

err_t backup_take(house_t *h, path_t dir, path_t scratch, backup_made_t *ret_made)
{
    take_t *t = calloc(1, sizeof *t);
    ENSURE(t, ERR_MEMORY);
    t->h = h;
    t->dir = dir;
    t->scratch = scratch;
    err_t e = name_make(t);
    if (!err_failed(e)) {
        e = take_run(t);
    }
    backup_writer_keys_wipe(&t->keys);
    if (!err_failed(e)) {
        *ret_made = t->made;
    }
    backup_sweep(scratch);
    free(t);
    return e;
}

static err_t keys_replace(take_t *t)
{
    char name[64];
    TRY(backup_writer_keys(t->h, &t->keys));
    backup_keys_file(t->keys.seal_to, name);
    ENSURE(access(house_path(t->h, t->dir, name, NULL).text, F_OK) == 0, ERR_NOT_FOUND);
    TRY(key_files_stage(t));
    return key_backup(t);
}

err_t backup_keys_replace(house_t *h, path_t dir)
{
    FD_SCOPED int lock = -1;
    path_t scratch;
    TRY(backup_scratch(h, &scratch, &lock));
    take_t *t = calloc(1, sizeof *t);
    ENSURE(t, ERR_MEMORY);
    t->h = h;
    t->dir = dir;
    t->scratch = scratch;
    err_t e = keys_replace(t);
    backup_writer_keys_wipe(&t->keys);
    backup_sweep(scratch);
    free(t);
    return e;
}

err_t backup_walk(house_t *h, path_t scratch, backup_each_fn *each, void *ctx,
                  ledger_copy_facts_t *ret_ledger, uint64_t *ret_generation)
{
    take_t *t = calloc(1, sizeof *t);
    ENSURE(t, ERR_MEMORY);
    t->h = h;
    t->scratch = scratch;
    t->each = each;
    t->each_ctx = ctx;
    err_t e = rooms_add(t);
    e = err_failed(e) ? e : board_add(t);
    e = err_failed(e) ? e : ledger_add(t);
    e = err_failed(e) ? e : folder_add(t, "etc");
    *ret_ledger = t->made.ledger;
    *ret_generation = t->made.generation;
    backup_sweep(scratch);
    free(t);
    return e;
}
