#include "backup_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backup_take.h"
#include "run.h"
#include "text/b64.h"
#include "text/json.h"
#include "vault/api_keyfile.h"

/* ---- the folder ---- */

static int newest_first(const void *a, const void *b)
{
    const slice_t *x = a, *y = b;
    /* after "sekisho-<house>-": the time */
    return slice_cmp(*y, *x);
}

err_t backup_list(arena_t *a, path_t dir, const uint8_t seal_to[crypto_box_PUBLICKEYBYTES],
                  slice_t *ret_names, size_t cap, size_t *ret_n)
{
    char house[BACKUP_HOUSE + 1], begin[64];
    size_t n = 0;
    backup_house_name(seal_to, house);
    snprintf(begin, sizeof begin, "sekisho-%s-", house);
    DIR *d = opendir(dir.text);
    if (!d) {
        return fd_err(errno);
    }
    err_t e = OK;
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        slice_t name = slice_cstr_in(row->d_name);
        if (slice_starts(name, slice_cstr_in(begin)) && slice_ends(name, SLICE(".skb")) &&
            name.len < BACKUP_NAME) {
            e = n < cap ? arena_copy(a, name, &ret_names[n]) : FAIL(ERR_LIMIT);
            n++;
        }
    }
    closedir(d);
    TRY(e);
    ENSURE(n > 0, ERR_NOT_FOUND);
    qsort(ret_names, n, sizeof *ret_names, newest_first);
    *ret_n = n;
    return OK;
}

/* ---- unpacking ---- */

typedef struct unpack {
    house_t *h;
    path_t to;
    uint64_t files, bytes;
    bool masters_swept;
} unpack_t;

static err_t owner_find(const unpack_t *u, const char *owner, uid_t *ret_uid, gid_t *ret_gid)
{
    struct passwd row, *found = NULL;
    char text[4096];
    *ret_uid = (uid_t)-1;
    *ret_gid = (gid_t)-1;
    if (!u->h->separated) {
        return OK;
    }
    ENSURE(getpwnam_r(owner, &row, text, sizeof text, &found) == 0 && found, ERR_NOT_FOUND);
    *ret_uid = row.pw_uid;
    *ret_gid = row.pw_gid;
    return OK;
}

/* The folders on the way. Those that only hold rooms' folders are root's; setup.c sets the modes of
 * the house's own ones at each start. */
static err_t parents_make(const unpack_t *u, arena_t *a, const char *name, uid_t uid, gid_t gid)
{
    static const char *const SHARED[] = {"etc", "secrets", "brake"};
    slice_t rest = slice_cstr_in(name), part;
    path_t at = u->to;
    for (unsigned depth = 0; slice_split(&rest, '/', &part) && rest.len != SIZE_MAX && rest.ptr;
         depth++) {
        bool shared = false;
        for (size_t i = 0; depth == 0 && i < BASE_COUNT(SHARED); i++) {
            shared = shared || slice_eq(part, slice_cstr_in(SHARED[i]));
        }
        TRY(path_join(a, at, part, &at));
        if (mkdir(at.text, shared ? 0755 : 0700) != 0) {
            if (errno != EEXIST) {
                return fd_err(errno);
            }
            continue;
        }
        if (!shared && uid != (uid_t)-1 && lchown(at.text, uid, gid) != 0) {
            return fd_err(errno);
        }
    }
    return OK;
}

static err_t entry_begin(void *ctx, const backup_entry_t *entry, int *ret_fd)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    unpack_t *u = ctx;
    slice_t whole;
    uid_t uid;
    gid_t gid;
    arena_init(&a, 64 * 1024);
    TRY(owner_find(u, entry->owner, &uid, &gid));
    TRY(parents_make(u, &a, entry->name, uid, gid));
    TRY(arena_printf(&a, &whole, "%s/%s", u->to.text, entry->name));
    return fd_open((path_t){(const char *)whole.ptr}, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                   0600, ret_fd);
}

static err_t entry_end(void *ctx, const backup_entry_t *entry, int fd)
{
    unpack_t *u = ctx;
    uid_t uid;
    gid_t gid;
    err_t e = owner_find(u, entry->owner, &uid, &gid);
    if (!err_failed(e) && uid != (uid_t)-1 && fchown(fd, uid, gid) != 0) {
        e = fd_err(errno);
    }
    if (!err_failed(e) && fchmod(fd, entry->mode) != 0) {
        e = fd_err(errno);
    }
    u->files++;
    u->bytes += entry->size;
    fd_close(&fd);
    return e;
}

static err_t number(slice_t json, arena_t *a, slice_t path, uint64_t *ret)
{
    int64_t v;
    TRY(json_get_i64(json, a, path, &v));
    ENSURE(v >= 0, ERR_RANGE);
    *ret = (uint64_t)v;
    return OK;
}

static err_t manifest_read(slice_t json, arena_t *a, backup_manifest_t *ret)
{
    backup_manifest_t m = {0};
    slice_t id;
    TRY(json_get_string(json, a, SLICE("id"), &id));
    ENSURE(id.len > 0 && id.len < sizeof m.id, ERR_RANGE);
    memcpy(m.id, id.ptr, id.len);
    TRY(json_get_i64(json, a, SLICE("made_us"), &m.made_us));
    TRY(number(json, a, SLICE("files"), &m.files));
    TRY(number(json, a, SLICE("bytes"), &m.bytes));
    TRY(number(json, a, SLICE("ledger.size"), &m.ledger_size));
    TRY(number(json, a, SLICE("ledger.log_end"), &m.ledger_end));
    TRY(number(json, a, SLICE("brake_generation"), &m.generation));
    TRY(json_get_i64(json, a, SLICE("keys.made_us"), &m.keys_us));
    TRY(number(json, a, SLICE("keys.live"), &m.keys_live));
    TRY(number(json, a, SLICE("keys.erased"), &m.keys_erased));
    *ret = m;
    return OK;
}

static err_t house_unpack(unpack_t *u, path_t dir, slice_t name, const backup_reader_keys_t *keys,
                          backup_manifest_t *ret_manifest, backup_trouble_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    backup_sink_t sink = {entry_begin, entry_end, u};
    slice_t json;
    path_t file;
    arena_init(&a, 1024 * 1024);
    TRY(path_join(&a, dir, name, &file));
    TRY(backup_read(file, BACKUP_OF_HOUSE, keys, &sink, &a, &json, &t->fault));
    t->fault = BACKUP_ALTERED; /* signed, and yet not as it should be */
    ENSURE(!err_failed(manifest_read(json, &a, ret_manifest)), ERR_CORRUPT);
    ENSURE(ret_manifest->files == u->files && ret_manifest->bytes == u->bytes, ERR_CORRUPT);
    ENSURE(slice_eq(name, slice_cstr_in(ret_manifest->id)), ERR_CORRUPT); /* renamed */
    t->fault = BACKUP_FINE;
    return OK;
}

/* The key file brings its own master keys: what an older backup says of them is over. */
static err_t keys_entry_begin(void *ctx, const backup_entry_t *entry, int *ret_fd)
{
    unpack_t *u = ctx;
    slice_t folder = SLICE("secrets/vault/");
    if (!u->masters_swept && slice_starts(slice_cstr_in(entry->name), folder)) {
        path_t dir = house_path(u->h, u->to, "secrets", "vault", NULL);
        DIR *d = opendir(dir.text);
        for (struct dirent *row; d && (row = readdir(d));) {
            if (vault_keyfile_is_master(row->d_name)) {
                unlinkat(dirfd(d), row->d_name, 0);
            }
        }
        if (d) {
            closedir(d);
        }
        u->masters_swept = true;
    }
    return entry_begin(ctx, entry, ret_fd);
}

/* Keys are only ever added or erased: as young as the backup, and no fewer slots. */
static err_t keys_unpack(unpack_t *u, path_t dir, const backup_reader_keys_t *keys,
                         const backup_manifest_t *m, backup_trouble_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    backup_sink_t sink = {keys_entry_begin, entry_end, u};
    char name[64];
    slice_t json;
    int64_t made_us = 0;
    uint64_t live = 0, erased = 0;
    path_t file;
    arena_init(&a, 256 * 1024);
    backup_keys_file(keys->seal_to, name);
    t->of_keys = true;
    TRY(path_join(&a, dir, slice_cstr_in(name), &file));
    TRY(backup_read(file, BACKUP_OF_KEYS, keys, &sink, &a, &json, &t->fault));
    TRY(json_get_i64(json, &a, SLICE("made_us"), &made_us));
    TRY(number(json, &a, SLICE("keys.live"), &live));
    TRY(number(json, &a, SLICE("keys.erased"), &erased));
    t->keys_older = made_us < m->keys_us || live + erased < m->keys_live + m->keys_erased;
    ENSURE(!t->keys_older, ERR_CONFLICT);
    t->of_keys = false;
    return OK;
}

err_t backup_unpack(house_t *h, path_t dir, slice_t name, const backup_reader_keys_t *keys,
                    path_t to, backup_manifest_t *ret_manifest, backup_trouble_t *ret_trouble)
{
    unpack_t u = {.h = h, .to = to};
    *ret_trouble = (backup_trouble_t){0};
    err_t e = house_unpack(&u, dir, name, keys, ret_manifest, ret_trouble);
    if (!err_failed(e)) {
        e = keys_unpack(&u, dir, keys, ret_manifest, ret_trouble);
    }
    ret_trouble->err = e;
    return e;
}

/* ---- ledger-verify ---- */

/* The value behind "key=" in a record's facts; the empty slice. */
static slice_t fact_find(slice_t line, slice_t key)
{
    size_t at = slice_find(line, key), n = 0;
    if (at == SIZE_MAX) {
        return SLICE_EMPTY;
    }
    slice_t rest = slice_from(line, at + key.len);
    while (n < rest.len && rest.ptr[n] != '&' && rest.ptr[n] != '"') {
        n++;
    }
    return slice_sub(rest, 0, n);
}

static bool is_of(slice_t line, slice_t type)
{
    return slice_find(line, type) != SIZE_MAX;
}

static void generation_see(slice_t line, uint64_t *io_generation)
{
    bool about = is_of(line, SLICE("\"BRAKE_SEEN\"")) || is_of(line, SLICE("\"BRAKE_ORDER\"")) ||
                 is_of(line, SLICE("\"BRAKE_BROKEN\""));
    uint64_t value;
    if (about &&
        !err_failed(slice_parse_u64(fact_find(line, SLICE("generation=")), INT64_MAX, &value)) &&
        value > *io_generation) {
        *io_generation = value;
    }
}

/* An intent is enough: an erasure that is on record is one that happens. */
static err_t erasure_see(arena_t *a, slice_t line, backup_ledger_facts_t *io, size_t *io_cap)
{
    uint64_t slot;
    uint8_t name[ID_BYTES];
    buf_t b = BUF_ON_ARRAY(name);
    if (!is_of(line, SLICE("\"ERASED\"")) || !is_of(line, SLICE("step=intent")) ||
        err_failed(slice_parse_u64(fact_find(line, SLICE("slot=")), UINT32_MAX, &slot)) ||
        err_failed(hex_decode(fact_find(line, SLICE("file=")), &b)) || b.len != sizeof name) {
        return OK;
    }
    if (io->n_erased == *io_cap) {
        size_t cap = *io_cap ? 2 * *io_cap : 64;
        struct backup_erased *more = ARENA_ARRAY(a, struct backup_erased, cap);
        ENSURE(more, ERR_MEMORY);
        if (io->n_erased) {
            memcpy(more, io->erased, io->n_erased * sizeof *more);
        }
        io->erased = more;
        *io_cap = cap;
    }
    io->erased[io->n_erased++] =
        (struct backup_erased){.file = id_from_bytes(name), .slot = (uint32_t)slot};
    return OK;
}

static err_t dump_read(arena_t *a, FILE *in, backup_ledger_facts_t *ret_facts)
{
    char *line = NULL;
    size_t cap = 0, erased_cap = 0;
    ssize_t n;
    err_t e = OK;
    while (!err_failed(e) && (n = getline(&line, &cap, in)) > 0) {
        generation_see(slice_make(line, (size_t)n), &ret_facts->generation);
        e = erasure_see(a, slice_make(line, (size_t)n), ret_facts, &erased_cap);
    }
    free(line);
    return e;
}

err_t backup_verify_ledger(house_t *h, path_t ledger, const char *checkpoint,
                           backup_ledger_facts_t *ret_facts, int *ret_code)
{
    const char *args[10];
    size_t n = 0;
    backup_ledger_facts_t facts = {0};
    FILE *out = tmpfile(); /* unlinked: records hold pseudonyms only, and it ends with us */
    ENSURE(out, ERR_IO);
    args[n++] = house_path(h, h->build, "ledger", "verify", "ledger-verify", NULL).text;
    if (checkpoint) {
        args[n++] = "--checkpoint";
        args[n++] = checkpoint;
    }
    args[n++] = "--json";
    args[n++] = "--dump";
    args[n++] = ledger.text;
    args[n] = NULL;
    err_t e = run_program(args, NULL, fileno(out), ret_code);
    if (!err_failed(e)) {
        rewind(out);
        e = dump_read(&h->arena, out, &facts);
    }
    fclose(out);
    TRY(e);
    if (ret_facts) {
        *ret_facts = facts;
    }
    return OK;
}

/* ---- words ---- */

static command_msg_t fault_msg(const backup_trouble_t *t)
{
    static const command_msg_t MSG[] = {
        [BACKUP_FINE] = COMMAND_MSG_BACKUP_FAULT_UNREADABLE,
        [BACKUP_CUT] = COMMAND_MSG_BACKUP_FAULT_CUT,
        [BACKUP_ALTERED] = COMMAND_MSG_BACKUP_FAULT_ALTERED,
        [BACKUP_NONE] = COMMAND_MSG_BACKUP_FAULT_NONE,
        [BACKUP_LATER] = COMMAND_MSG_BACKUP_FAULT_LATER,
        [BACKUP_OTHER_KEY] = COMMAND_MSG_BACKUP_FAULT_OTHER_KEY,
        [BACKUP_NOT_OURS] = COMMAND_MSG_BACKUP_FAULT_NOT_OURS,
        [BACKUP_UNREADABLE] = COMMAND_MSG_BACKUP_FAULT_UNREADABLE,
    };
    if (t->keys_older) {
        return COMMAND_MSG_BACKUP_FAULT_KEYS_OLDER;
    }
    return err_is(t->err, ERR_DISK_FULL) ? COMMAND_MSG_BACKUP_DISK_FULL : MSG[t->fault];
}

void backup_complain(const house_t *h, slice_t name, const backup_trouble_t *t)
{
    slice_t why = i18n_text(&command_catalog, h->lang, fault_msg(t));
    fprintf(stderr, "sekisho: %.*s%s: %.*s\n", SLICE_FMT(name), t->of_keys ? " (.keys)" : "",
            SLICE_FMT(why));
    if (t->fault == BACKUP_UNREADABLE || t->fault == BACKUP_FINE) {
        fprintf(stderr, "  %s (%s:%u, errno %d)\n", err_text(t->err.code),
                t->err.where ? t->err.where : "-", (unsigned)t->err.line, (int)t->err.sys);
    }
}
