/* `sekisho restore`: a house from a backup. Everything is unpacked, verified and made fit beside
 * the place where it will live; then one rename puts it there. Nothing that stood there before is
 * deleted. What must not come back with a backup: an older order of the brake, a shorter ledger
 * under the same name, an erased customer's key, a payment that nobody asked the provider about
 * (docs/decisions/005-backup.md). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "backup.h"
#include "backup_keys.h"
#include "backup_pg.h"
#include "backup_read.h"
#include "backup_take.h"
#include "base/clock.h"
#include "brake/api_writer.h"
#include "control.h"
#include "io/secrets.h"
#include "setup.h"
#include "vault/api_keyfile.h"

enum { CHECKPOINT_MAX = 4096 };

typedef struct restore {
    house_t *h;
    backup_ask_t ask;
    path_t dir, old, to; /* old: var as it is; to: where the new one grows */
    bool old_there, old_full;
    backup_reader_keys_t keys;
    slice_t name;
    backup_manifest_t manifest;
    uint64_t known_generation; /* of the board, by all that is left */
    uint64_t known_records;    /* a checkpoint of so many was signed */
    uint64_t restored_records;
    bool ledger_survived, board_closed;
    uint64_t erased, erased_by_record;
    backup_ledger_facts_t of_backup, of_survivor; /* what the records say */
} restore_t;

static path_t in(restore_t *r, path_t base, const char *a, const char *b)
{
    return house_path(r->h, base, a, b, NULL);
}

static bool is_there(path_t p)
{
    return access(p.text, F_OK) == 0;
}

/* ---- the place ---- */

/* Anything but the safe's folder, which a person may have put back first. */
static bool is_full(path_t dir)
{
    DIR *d = opendir(dir.text);
    bool full = false;
    for (struct dirent *row; d && !full && (row = readdir(d));) {
        full = strcmp(row->d_name, ".") != 0 && strcmp(row->d_name, "..") != 0 &&
               strcmp(row->d_name, "offline") != 0;
    }
    if (d) {
        closedir(d);
    }
    return full;
}

static err_t place_find(restore_t *r)
{
    char whole[PATH_MAX];
    struct stat st;
    slice_t text;
    r->old = r->h->var;
    if (realpath(r->old.text, whole)) {
        TRY(path_from_conf(&r->h->arena, slice_cstr_in(whole), &r->old));
    }
    r->old_there = stat(r->old.text, &st) == 0;
    ENSURE(!r->old_there || S_ISDIR(st.st_mode), ERR_DENIED);
    r->old_full = r->old_there && is_full(r->old);
    TRY(arena_printf(&r->h->arena, &text, "%s.restoring", r->old.text));
    r->to.text = (const char *)text.ptr;
    return OK;
}

static err_t place_begin(restore_t *r)
{
    TRY(dir_ensure(r->to, 0700, (uid_t)-1, (gid_t)-1));
    backup_sweep(r->to); /* what a killed restore left */
    return OK;
}

/* ---- which backup ---- */

static err_t unpack_one(restore_t *r, slice_t name, backup_trouble_t *ret_trouble)
{
    TRY(place_begin(r));
    r->name = name;
    return backup_unpack(r->h, r->dir, name, &r->keys, r->to, &r->manifest, ret_trouble);
}

/* The newest whole one: each that is not is named, with the reason, before the next is tried. A key
 * that does not fit, or a full disk, is no reason to take an older one. */
static err_t unpack_newest(restore_t *r)
{
    slice_t *names = ARENA_ARRAY(&r->h->arena, slice_t, BACKUP_LIST_MAX / 4);
    backup_trouble_t t = {0};
    size_t n = 0;
    ENSURE(names, ERR_MEMORY);
    err_t e = backup_list(&r->h->arena, r->dir, r->keys.seal_to, names, BACKUP_LIST_MAX / 4, &n);
    if (err_failed(e)) {
        house_complain(r->h, COMMAND_MSG_BACKUP_NONE_THERE);
        return e;
    }
    e = FAIL(ERR_NOT_FOUND);
    for (size_t i = 0; i < n && err_failed(e); i++) {
        e = unpack_one(r, names[i], &t);
        if (err_failed(e)) {
            backup_complain(r->h, names[i], &t);
        }
        bool damaged = err_is(e, ERR_CORRUPT) || t.fault == BACKUP_NOT_OURS;
        if (err_failed(e) && (!damaged || t.of_keys)) {
            return e;
        }
    }
    return e;
}

static err_t unpack(restore_t *r)
{
    backup_trouble_t t = {0};
    if (!r->ask.name) {
        return unpack_newest(r);
    }
    err_t e = unpack_one(r, slice_cstr_in(r->ask.name), &t);
    if (err_failed(e)) {
        backup_complain(r->h, r->name, &t);
    }
    return e;
}

/* ---- the ledger ---- */

static err_t copied_file(restore_t *r, path_t from, path_t to)
{
    static uint8_t block[65536];
    FD_SCOPED int in_fd = -1;
    FD_SCOPED int out = -1;
    struct stat st;
    TRY(fd_open(from, O_RDONLY | O_NOFOLLOW, 0, &in_fd));
    ENSURE(fstat(in_fd, &st) == 0 && S_ISREG(st.st_mode), ERR_IO);
    unlink(to.text);
    TRY(fd_open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &out));
    for (off_t at = 0; at < st.st_size;) {
        off_t left = st.st_size - at;
        size_t n = left < (off_t)sizeof block ? (size_t)left : sizeof block;
        TRY(fd_pread_all(in_fd, block, n, at));
        TRY(fd_write_all(out, slice_make(block, n)));
        at += (off_t)n;
    }
    bool owned = !r->h->separated || fchown(out, st.st_uid, st.st_gid) == 0;
    return owned && fchmod(out, st.st_mode & 07777) == 0 ? OK : fd_err(errno);
}

/* The folders on the way to a file of the ledger that survived, the ledger's own. */
static err_t ledger_parents(restore_t *r, const char *name, arena_t *a, path_t *ret_file)
{
    slice_t rest = slice_cstr_in(name), part;
    struct stat st;
    path_t at = *ret_file;
    ENSURE(stat(at.text, &st) == 0, ERR_IO);
    while (slice_split(&rest, '/', &part)) {
        TRY(path_join(a, at, part, &at));
        bool last = rest.len == SIZE_MAX || !rest.ptr;
        if (!last && mkdir(at.text, 0700) == 0 && r->h->separated &&
            lchown(at.text, st.st_uid, st.st_gid) != 0) {
            return fd_err(errno);
        }
        if (last) {
            break;
        }
    }
    *ret_file = at;
    return OK;
}

static err_t survivor_file(void *ctx, const char *name, path_t from)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    restore_t *r = ctx;
    slice_t text;
    arena_init(&a, 64 * 1024);
    slice_t secret = SLICE("secrets/"); /* all note keys go along: the last of them hands over */
    bool is_secret = slice_starts(slice_cstr_in(name), secret);
    TRY(arena_printf(&a, &text, is_secret ? "%s/secrets/ledger" : "%s/ledger", r->to.text));
    name += is_secret ? secret.len : 0;
    path_t file = {(const char *)text.ptr};
    path_t folder = file;
    struct stat st;
    TRY(ledger_parents(r, name, &a, &file));
    TRY(copied_file(r, from, file));
    ENSURE(stat(folder.text, &st) == 0, ERR_IO); /* what came by way of scratch is root's */
    bool owned = !r->h->separated || lchown(file.text, st.st_uid, st.st_gid) == 0;
    return owned ? OK : fd_err(errno);
}

static err_t checkpoint_size(restore_t *r, path_t file, uint64_t *ret_size)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t note;
    uint8_t root[32];
    arena_init(&a, 2 * CHECKPOINT_MAX);
    TRY(file_read(&a, file, CHECKPOINT_MAX, &note));
    return ledger_copy_checkpoint(note, ret_size, root);
}

/* The ledger that is still there is the truth when it verifies and goes on from the backup's. */
static err_t survivor_take(restore_t *r)
{
    ledger_copy_facts_t facts;
    int code = 2;
    path_t old = in(r, r->old, "ledger", NULL), ours = in(r, r->to, "ledger", NULL);
    path_t aside = in(r, r->to, "ledger.of-backup", NULL), scratch = in(r, r->to, ".edge", NULL);
    path_t seen = in(r, ours, "public", "checkpoint");
    if (!is_there(in(r, old, "signed", NULL))) {
        return OK;
    }
    TRY(backup_verify_ledger(r->h, old, seen.text, &r->of_survivor, &code));
    r->known_generation = r->of_survivor.generation; /* also from one that no longer verifies */
    if (code != 0) {
        house_complain(r->h, COMMAND_MSG_RESTORE_SURVIVOR_BAD);
        r->of_survivor = (backup_ledger_facts_t){0};
        return OK;
    }
    struct stat st;
    ENSURE(stat(ours.text, &st) == 0 && rename(ours.text, aside.text) == 0, ERR_IO);
    TRY(dir_ensure(ours, 0700, r->h->separated ? st.st_uid : (uid_t)-1,
                   r->h->separated ? st.st_gid : (gid_t)-1));
    TRY(dir_ensure(scratch, 0700, (uid_t)-1, (gid_t)-1));
    ledger_place_t place = {old, in(r, r->old, "secrets", "ledger")};
    TRY(ledger_copy(&place, scratch, 0, survivor_file, r, &facts));
    backup_sweep(scratch);
    rmdir(scratch.text);
    backup_sweep(aside);
    rmdir(aside.text);
    r->restored_records = facts.log_end;
    r->ledger_survived = true;
    return OK;
}

/* Checkpoints kept elsewhere: a shorter one must fit; a longer one says how much is lost. */
static err_t checkpoints_look(restore_t *r)
{
    for (size_t i = 0; i < r->ask.n_checkpoints; i++) {
        path_t file;
        uint64_t size;
        int code = 2;
        TRY(path_from_conf(&r->h->arena, slice_cstr_in(r->ask.checkpoints[i]), &file));
        err_t e = checkpoint_size(r, file, &size);
        if (err_failed(e)) {
            house_complain(r->h, COMMAND_MSG_RESTORE_CHECKPOINT_BAD);
            return e;
        }
        r->known_records = size > r->known_records ? size : r->known_records;
        if (size > r->restored_records) {
            continue;
        }
        TRY(backup_verify_ledger(r->h, in(r, r->to, "ledger", NULL), file.text, NULL, &code));
        if (code != 0) {
            house_complain(r->h, COMMAND_MSG_RESTORE_CHECKPOINT_DIFFERS);
            return FAIL(ERR_CORRUPT);
        }
    }
    return OK;
}

/* Also from a house whose ledger no longer verifies: how long it was. */
static void old_checkpoints_see(restore_t *r)
{
    path_t files[] = {in(r, r->old, "ledger", "signed"),
                      house_path(r->h, r->old, "ledger", "public", "checkpoint", NULL)};
    for (size_t i = 0; i < BASE_COUNT(files) && r->old_full; i++) {
        uint64_t size;
        if (!err_failed(checkpoint_size(r, files[i], &size)) && size > r->known_records) {
            r->known_records = size;
        }
    }
}

static err_t owned_file(restore_t *r, path_t file, path_t like, slice_t text)
{
    struct stat st;
    ENSURE(stat(like.text, &st) == 0, ERR_IO);
    return file_create(file, text, 0600, r->h->separated ? st.st_uid : (uid_t)-1,
                       r->h->separated ? st.st_gid : (gid_t)-1);
}

/* ledgerd leaves the old origin and key behind at its first start. */
static err_t epoch_order(restore_t *r)
{
    uint8_t mem[512];
    buf_t text = BUF_ON_ARRAY(mem);
    path_t folder = in(r, r->to, "ledger", NULL);
    ledger_restored_t note = {.backup_us = r->manifest.made_us, .known_size = r->known_records};
    random_letters(note.epoch, sizeof note.epoch - 1);
    /* "sekisho-<house>-<time>-<letters>.skb": time and letters are enough */
    slice_t id = slice_cstr_in(r->manifest.id);
    size_t skip = sizeof "sekisho-" - 1 + BACKUP_HOUSE + 1;
    snprintf(note.backup, sizeof note.backup, "%.*s", SLICE_FMT(slice_sub(id, skip, 40)));
    ledger_restored_put(&text, &note);
    TRY(buf_check(&text));
    return owned_file(r, house_path(r->h, folder, "restored", NULL), folder, buf_slice(&text));
}

static err_t ledger_ready(restore_t *r)
{
    int code = 2;
    path_t ours = in(r, r->to, "ledger", NULL);
    TRY(backup_verify_ledger(r->h, ours, NULL, &r->of_backup, &code));
    if (code != 0) {
        house_complain(r->h, COMMAND_MSG_RESTORE_LEDGER_BAD);
        return FAIL(ERR_CORRUPT);
    }
    r->restored_records = r->manifest.ledger_end;
    if (r->old_full) {
        TRY(survivor_take(r));
    }
    if (r->of_backup.generation > r->known_generation) {
        r->known_generation = r->of_backup.generation;
    }
    old_checkpoints_see(r);
    TRY(checkpoints_look(r));
    return epoch_order(r);
}

/* ---- the brake ---- */

/* A board that is still there, of the same people and younger, is the later order. */
static err_t survivor_board(restore_t *r)
{
    slice_t theirs, ours;
    brake_reader_t *reader;
    path_t old = in(r, r->old, "brake", NULL), now = in(r, r->to, "brake", NULL);
    bool same = !err_failed(file_read(&r->h->arena, in(r, old, "enrolled", NULL), 4096, &theirs)) &&
                !err_failed(file_read(&r->h->arena, in(r, now, "enrolled", NULL), 4096, &ours)) &&
                slice_eq(theirs, ours);
    if (!same) {
        return OK;
    }
    TRY(brake_reader_new(old.text, NULL, &reader));
    brake_state_t s = brake_now(reader);
    brake_reader_free(reader);
    if (s.trouble != BRAKE_FINE || s.generation <= r->manifest.generation) {
        return OK;
    }
    r->known_generation = s.generation > r->known_generation ? s.generation : r->known_generation;
    return copied_file(r, in(r, old, "board", NULL), in(r, now, "board", NULL));
}

/* Orders given after the copy are unknown unless the record survived. So payments are closed by the
 * machine's key, above everything known; two people open them. */
static err_t brake_ready(restore_t *r)
{
    brake_reader_t *reader;
    brake_signing_key_t key;
    uint64_t generation = 0;
    path_t board = in(r, r->to, "brake", NULL);
    if (r->old_full) {
        TRY(survivor_board(r));
    }
    TRY(brake_reader_new(board.text, NULL, &reader));
    brake_state_t s = brake_now(reader);
    brake_reader_free(reader);
    ENSURE(s.trouble == BRAKE_FINE, ERR_CORRUPT);
    if (r->ledger_survived && s.generation >= r->known_generation) {
        return OK;
    }
    TRY(secrets_load_from(in(r, r->to, "secrets", "command"), SETUP_MACHINE_KEY, geteuid(), key.b,
                          sizeof key.b));
    /* older than the record says: all that is closed without a board that can be believed */
    uint32_t levers = 1U << BRAKE_PAYMENTS;
    if (s.generation < r->known_generation) {
        levers |= 1U << BRAKE_WAF_RELAXED | 1U << BRAKE_OUTBOUND_MAIL;
    }
    err_t e = brake_close_above(board.text, levers, &key, "restored from a backup",
                                r->known_generation, &generation);
    brake_key_wipe(&key);
    r->board_closed = !err_failed(e);
    return e;
}

/* ---- pay, vault, databases ---- */

/* payd keeps payments closed until the provider was asked about everything (pay/README.md). */
static err_t pay_order(restore_t *r)
{
    uint8_t mem[64];
    buf_t text = BUF_ON_ARRAY(mem);
    path_t folder = in(r, r->to, "pay", NULL);
    buf_dec(&text, r->manifest.made_us);
    buf_u8(&text, ' ');
    buf_dec(&text, clock_wall_us());
    buf_u8(&text, '\n');
    TRY(dir_ensure(folder, 0700, (uid_t)-1, (gid_t)-1));
    return owned_file(r, house_path(r->h, folder, "restored", NULL), in(r, r->to, "secrets", "pay"),
                      buf_slice(&text));
}

static err_t erasures_take(restore_t *r)
{
    static const char *const NAMES[] = {"keys", "month-keys"};
    for (size_t i = 0; i < BASE_COUNT(NAMES) && r->old_full; i++) {
        uint64_t n = 0;
        path_t survivor = in(r, r->old, "vault", NAMES[i]);
        if (!is_there(survivor)) {
            continue;
        }
        err_t e = vault_keyfile_take_erasures(in(r, r->to, "vault", NAMES[i]), survivor, &n);
        r->erased += n;
        if (err_failed(e)) { /* another house's, or damaged: it tells nothing */
            house_complain(r->h, COMMAND_MSG_RESTORE_ERASURES_UNKNOWN);
        }
    }
    return OK;
}

/* A legal hold that was set after the backup still wins over an erasure. */
static void holds_take(restore_t *r)
{
    uint64_t n = 0;
    path_t survivor = in(r, r->old, "vault", "register.db");
    if (r->old_full && is_there(survivor) &&
        err_failed(vault_holds_take(in(r, r->to, "vault", "register.db"), survivor, &n))) {
        house_complain(r->h, COMMAND_MSG_RESTORE_HOLDS_UNKNOWN);
    }
}

/* What the records say was erased is erased, whatever key file was restored. */
static err_t erasures_of_record(restore_t *r, const backup_ledger_facts_t *facts)
{
    for (size_t i = 0; i < facts->n_erased; i++) {
        const struct backup_erased *e = &facts->erased[i];
        uint64_t n = 0;
        err_t got = vault_keyfile_erase_slots(in(r, r->to, "vault", "keys"),
                                              in(r, r->to, "vault", "month-keys"), e->file,
                                              &e->slot, 1, &n);
        if (!err_is(got, ERR_CONFLICT)) { /* another file's: nothing that is here */
            TRY(got);
        }
        r->erased_by_record += n;
    }
    return OK;
}

static err_t databases_fill(restore_t *r)
{
    static const char *const ROOMS[] = {"shop", "pay"};
    for (size_t i = 0; i < BASE_COUNT(ROOMS); i++) {
        path_t dump = in(r, r->to, ROOMS[i], "postgres.dump");
        slice_t url = backup_postgres_url(r->h, r->to, ROOMS[i]);
        if (!is_there(dump)) {
            continue;
        }
        ENSURE(url.len, ERR_CONFIG);
        err_t e = backup_pg_restore(r->h, url, dump);
        if (err_failed(e)) {
            house_complain(r->h, COMMAND_MSG_RESTORE_POSTGRES);
            return e;
        }
        unlink(dump.text);
    }
    return OK;
}

/* The safe's folder is in no backup: what lies here stays here. */
static err_t offline_keep(restore_t *r)
{
    path_t from = in(r, r->old, "offline", NULL), to = in(r, r->to, "offline", NULL);
    DIR *d = opendir(from.text);
    if (!d) {
        return OK;
    }
    err_t e = dir_ensure(to, 0700, (uid_t)-1, (gid_t)-1);
    for (struct dirent *row; !err_failed(e) && (row = readdir(d));) {
        struct stat st;
        bool plain =
            fstatat(dirfd(d), row->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
        if (plain) {
            e = copied_file(r, house_path(r->h, from, row->d_name, NULL),
                            house_path(r->h, to, row->d_name, NULL));
        }
    }
    closedir(d);
    return e;
}

/* ---- the rename ---- */

static err_t parent_sync(restore_t *r)
{
    FD_SCOPED int fd = -1;
    slice_t text;
    const char *slash = strrchr(r->old.text, '/');
    ENSURE(slash, ERR_USAGE);
    TRY(arena_printf(&r->h->arena, &text, "%.*s/.", (int)(slash - r->old.text), r->old.text));
    TRY(fd_open((path_t){(const char *)text.ptr}, O_RDONLY | O_DIRECTORY, 0, &fd));
    return fsync(fd) == 0 ? OK : fd_err(errno);
}

/* A folder that holds only offline/ (copied already) goes aside like a full one. */
static err_t old_aside(restore_t *r)
{
    slice_t text;
    if (!r->old_there || rmdir(r->old.text) == 0) {
        return OK;
    }
    TRY(arena_printf(&r->h->arena, &text, "%s.before-%lld", r->old.text,
                     (long long)(clock_wall_us() / CLOCK_SECOND_US)));
    if (rename(r->old.text, (const char *)text.ptr) != 0) {
        return fd_err(errno);
    }
    if (r->old_full) {
        uint8_t mem[PATH_MAX + 256];
        buf_t out = BUF_ON_ARRAY(mem);
        command_msg_restore_aside(&out, r->h->lang, text);
        buf_u8(&out, '\n');
        house_print(buf_slice(&out));
    }
    return OK;
}

static err_t put_in_place(restore_t *r)
{
    FD_SCOPED int fd = -1;
    TRY(fd_open(r->to, O_RDONLY | O_DIRECTORY, 0, &fd));
    if (fchmod(fd, 0755) != 0 || syncfs(fd) != 0) {
        return fd_err(errno);
    }
    TRY(old_aside(r));
    if (rename(r->to.text, r->old.text) != 0) {
        return fd_err(errno);
    }
    return parent_sync(r);
}

/* ---- all of it ---- */

static err_t make_fit(restore_t *r)
{
    TRY(ledger_ready(r));
    TRY(brake_ready(r));
    TRY(pay_order(r));
    TRY(erasures_take(r));
    holds_take(r);
    TRY(erasures_of_record(r, &r->of_backup));
    TRY(erasures_of_record(r, &r->of_survivor));
    TRY(offline_keep(r));
    TRY(databases_fill(r));
    return put_in_place(r);
}

static void done_say(restore_t *r)
{
    uint8_t mem[2048];
    buf_t out = BUF_ON_ARRAY(mem);
    command_msg_restore_done(&out, r->h->lang, r->name, (int64_t)r->restored_records);
    buf_u8(&out, '\n');
    if (r->known_records > r->restored_records) {
        command_msg_restore_shorter(&out, r->h->lang, (int64_t)r->known_records,
                                    (int64_t)(r->known_records - r->restored_records));
        buf_u8(&out, '\n');
    }
    if (r->erased) {
        command_msg_restore_erased(&out, r->h->lang, (int64_t)r->erased);
        buf_u8(&out, '\n');
    }
    if (r->erased_by_record) {
        command_msg_restore_erased_by_record(&out, r->h->lang, (int64_t)r->erased_by_record);
        buf_u8(&out, '\n');
    }
    house_print(buf_slice(&out));
    if (r->board_closed) {
        house_say(r->h, COMMAND_MSG_RESTORE_BRAKE_CLOSED);
    }
    house_say(r->h, COMMAND_MSG_RESTORE_NEXT);
}

static int restore_run(restore_t *r)
{
    err_t e = setup_users_make(r->h);
    if (!err_failed(e)) {
        e = unpack(r);
    }
    if (err_failed(e)) { /* said already, but for the place itself */
        backup_sweep(r->to);
        rmdir(r->to.text);
        house_complain(r->h, COMMAND_MSG_RESTORE_NOTHING_CHANGED);
        return 1;
    }
    e = make_fit(r);
    if (err_failed(e)) {
        house_complain(r->h, err_is(e, ERR_DISK_FULL) ? COMMAND_MSG_BACKUP_DISK_FULL
                                                      : COMMAND_MSG_RESTORE_FAILED);
        fprintf(stderr, "  %s (%s:%u, errno %d)\n", err_text(e.code), e.where ? e.where : "-",
                (unsigned)e.line, (int)e.sys);
        backup_sweep(r->to);
        rmdir(r->to.text);
        return 1;
    }
    done_say(r);
    return 0;
}

static bool may_begin(restore_t *r)
{
    control_status_t status;
    path_t key;
    command_msg_t msg = COMMAND_MSG_RESTORE_FAILED;
    if (!err_failed(control_status(r->h, &status))) {
        house_complain(r->h, COMMAND_MSG_RESTORE_RUNNING);
        return false;
    }
    bool good = !err_failed(place_find(r));
    if (good && r->old_full && !r->ask.force) {
        msg = COMMAND_MSG_RESTORE_NOT_EMPTY;
        good = false;
    }
    if (good && (err_failed(backup_ask_path(r->h, r->ask.key, &key)) ||
                 err_failed(backup_reader_keys(r->h, key, &r->keys)))) {
        msg = COMMAND_MSG_BACKUP_NO_KEY;
        good = false;
    }
    if (good && err_failed(path_from_conf(&r->h->arena, slice_cstr_in(r->ask.dir), &r->dir))) {
        good = false;
    }
    if (!good) {
        house_complain(r->h, msg);
    }
    return good;
}

int restore_command(house_t *h, int argc, char **argv)
{
    static restore_t r;
    r.h = h;
    if (!backup_ask_parse(argc, argv, true, &r.ask) || !r.ask.dir) {
        house_complain(h, COMMAND_MSG_USAGE_RESTORE);
        return 2;
    }
    int code = may_begin(&r) ? restore_run(&r) : 1;
    backup_reader_keys_wipe(&r.keys);
    return code;
}
