/* The order of the steps is what makes rooms that are copied one after the other fit together
 * (docs/decisions/005-backup.md): shop, pay, vault's log-ins, board, ledger, keys. */
#include "backup_taking.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup_pg.h"
#include "base/clock.h"
#include "brake/api.h"
#include "ledger/api.h"
#include "text/time.h"

enum { SEALING_WAIT_US = 10000000, SEALING_REST_US = 100000 };

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
            TRY(taking_file(t, (const char *)name.ptr, &st, dump));
            unlink(dump.text);
        }
        TRY(taking_folder(t, room));
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
    TRY(taking_folder(t, "brake"));
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
    return taking_file(t, (const char *)whole.ptr, &st, at);
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
                     "keys", taking_keys_json(t));
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
    TRY(taking_folder(t, "etc"));
    TRY(taking_folder(t, "secrets"));
    TRY(taking_keys_stage(t));
    return taking_keys_file(t);
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
    return taking_close(t->out, house_json(t, t->made.totals), t->made.sha256);
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
    TRY(taking_keys_stage(t));
    return taking_keys_file(t);
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
    e = err_failed(e) ? e : taking_folder(t, "etc");
    *ret_ledger = t->made.ledger;
    *ret_generation = t->made.generation;
    backup_sweep(scratch);
    free(t);
    return e;
}
