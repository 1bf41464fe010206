/* `sekisho backup test`: is the newest backup one from which this house could be rebuilt? It is
 * unpacked to a scratch folder, looked at, and removed; the result goes into the record. */
#include "backup.h"

#include <unistd.h>

#include "backup_keys.h"
#include "backup_read.h"
#include "backup_take.h"
#include "control.h"
#include "db/db.h"
#include "shop/api_sample.h"
#include "vault/api_keyfile.h"

typedef struct test {
    house_t *h;
    path_t dir, scratch, to;
    backup_reader_keys_t keys;
    slice_t name;
    backup_manifest_t manifest;
    backup_trouble_t trouble;
    const char *step; /* in the record; the one that failed */
    vault_keyfile_counts_t counts;
    int64_t bookings;
    bool sampled;
    bool sealed; /* the master key is: keys were counted, nothing was opened */
} test_t;

static err_t integrity(path_t file)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t url;
    db_t *db = NULL;
    db_rows_t rows;
    arena_init(&a, 1024 * 1024);
    TRY(arena_printf(&a, &url, "sqlite:%s", file.text));
    TRY(db_open((const char *)url.ptr, &db));
    err_t e = db_query(db, &a, SQL("PRAGMA integrity_check(1)"), DB_NO_ARGS, &rows);
    if (!err_failed(e)) {
        bool fine = db_next(&rows) && slice_eq(db_col_text(&rows, 0), SLICE("ok"));
        e = fine ? OK : FAIL(ERR_CORRUPT);
    }
    db_close(db);
    return e;
}

static err_t databases_check(test_t *t)
{
    static const char *const FILES[][2] = {
        {"shop", "shop.db"}, {"pay", "pay.db"}, {"vault", "passwords.db"}};
    for (size_t i = 0; i < BASE_COUNT(FILES); i++) {
        path_t file = house_path(t->h, t->to, FILES[i][0], FILES[i][1], NULL);
        path_t dump = house_path(t->h, t->to, FILES[i][0], "postgres.dump", NULL);
        if (access(file.text, F_OK) != 0 && access(dump.text, F_OK) == 0) {
            continue; /* its own format, checked when it was unpacked; only a server can read it */
        }
        TRY(integrity(file));
    }
    return OK;
}

/* The youngest booking's name is opened with the saved keys, and wiped: nothing is released. */
static err_t keys_check(test_t *t)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    slice_t url;
    shop_sample_t s;
    arena_init(&a, 1024 * 1024);
    path_t db = house_path(t->h, t->to, "shop", "shop.db", NULL);
    path_t master = house_path(t->h, t->to, "secrets", "vault", NULL);
    bool opened = false;
    path_t vault = house_path(t->h, t->to, "vault", NULL);
    err_t found = FAIL(ERR_NOT_FOUND);
    if (access(db.text, F_OK) == 0) {
        TRY(arena_printf(&a, &url, "sqlite:%s", db.text));
        found = shop_sample_take((const char *)url.ptr, &a, &s, &t->bookings);
    }
    ENSURE(!err_failed(found) || err_is(found, ERR_NOT_FOUND), found.code);
    t->sampled = !err_failed(found);
    vault_keyfile_sample_t sample;
    if (t->sampled) {
        sample = (vault_keyfile_sample_t){.subject = s.subject,
                                          .row = s.row,
                                          .table = s.table,
                                          .column = s.column,
                                          .sealed = s.sealed};
    }
    err_t e = vault_keyfile_check(vault, master, t->sampled ? &sample : NULL, &t->counts, &opened);
    if (err_is(e, ERR_EXPIRED)) { /* erased since: as it should be; the keys opened all the same */
        t->sampled = false;
        e = vault_keyfile_check(vault, master, NULL, &t->counts, &opened);
    }
    TRY(e);
    t->sealed = !opened;
    ENSURE(t->counts.damaged == 0, ERR_CORRUPT);
    return OK;
}

static err_t ledger_check(test_t *t)
{
    int code = 2;
    TRY(backup_verify_ledger(t->h, house_path(t->h, t->to, "ledger", NULL), NULL, NULL, &code));
    ENSURE(code == 0, ERR_CORRUPT);
    return OK;
}

static err_t name_find(test_t *t, const char *name)
{
    slice_t *names = ARENA_ARRAY(&t->h->arena, slice_t, BACKUP_LIST_MAX / 4);
    size_t n = 0;
    ENSURE(names, ERR_MEMORY);
    if (name) {
        t->name = slice_cstr_in(name);
        return OK;
    }
    TRY(backup_list(&t->h->arena, t->dir, t->keys.seal_to, names, BACKUP_LIST_MAX / 4, &n));
    t->name = names[0];
    return OK;
}

static err_t steps(test_t *t, const char *name)
{
    t->step = "find";
    TRY(name_find(t, name));
    t->step = "unpack";
    TRY(backup_unpack(t->h, t->dir, t->name, &t->keys, t->to, &t->manifest, &t->trouble));
    t->step = "ledger";
    TRY(ledger_check(t));
    t->step = "databases";
    TRY(databases_check(t));
    t->step = "keys";
    TRY(keys_check(t));
    t->step = "";
    return OK;
}

static err_t result_record(test_t *t, err_t e)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "backup", t->name);
    ledger_fact(&facts, "result", err_failed(e) ? SLICE("failed") : SLICE("good"));
    if (err_failed(e)) {
        ledger_fact(&facts, "step", slice_cstr_in(t->step));
        ledger_fact(&facts, "error", slice_cstr_in(err_name(e.code)));
    } else {
        ledger_fact_i64(&facts, "ledger", (int64_t)t->manifest.ledger_size);
        ledger_fact_i64(&facts, "keys", (int64_t)t->counts.live);
        ledger_fact_i64(&facts, "paid", t->bookings);
        ledger_fact(&facts, "sample",
                    t->sealed    ? SLICE("master_key_sealed")
                    : t->sampled ? SLICE("opened")
                                 : SLICE("none"));
    }
    return backup_record(t->h, LEDGER_BACKUP_TESTED, &facts);
}

static void result_say(test_t *t, err_t e)
{
    uint8_t mem[1024];
    buf_t out = BUF_ON_ARRAY(mem);
    if (err_failed(e) && strcmp(t->step, "unpack") == 0) {
        backup_complain(t->h, t->name, &t->trouble);
        return;
    }
    if (err_failed(e)) {
        house_complain(t->h, strcmp(t->step, "find") == 0 ? COMMAND_MSG_BACKUP_NONE_THERE
                                                          : COMMAND_MSG_BACKUP_TEST_FAILED);
        fprintf(stderr, "  %s: %s (%s:%u, errno %d)\n", t->step, err_text(e.code),
                e.where ? e.where : "-", (unsigned)e.line, (int)e.sys);
        return;
    }
    command_msg_backup_test_good(&out, t->h->lang, t->name, (int64_t)t->manifest.ledger_size,
                                 t->bookings, (int64_t)t->counts.live);
    buf_u8(&out, '\n');
    house_print(buf_slice(&out));
}

static err_t places_find(test_t *t, const backup_ask_t *ask, command_msg_t *ret_msg)
{
    path_t key;
    slice_t last = backup_last_dir(t->h);
    *ret_msg = COMMAND_MSG_BACKUP_NO_DIR;
    ENSURE(ask->dir || last.len, ERR_NOT_FOUND);
    TRY(path_from_conf(&t->h->arena, ask->dir ? slice_cstr_in(ask->dir) : last, &t->dir));
    *ret_msg = COMMAND_MSG_BACKUP_NO_KEY;
    TRY(backup_ask_path(t->h, ask->key, &key));
    return backup_reader_keys(t->h, key, &t->keys);
}

static int test_run(test_t *t, const backup_ask_t *ask)
{
    FD_SCOPED int lock = -1;
    if (err_failed(backup_scratch(t->h, &t->scratch, &lock))) {
        house_complain(t->h, COMMAND_MSG_BACKUP_BUSY);
        return 1;
    }
    t->to = house_path(t->h, t->scratch, "test", NULL);
    err_t e = dir_ensure(t->to, 0700, (uid_t)-1, (gid_t)-1);
    t->step = "scratch";
    if (!err_failed(e)) {
        e = steps(t, ask->name);
    }
    backup_sweep(t->scratch);
    err_t recorded = result_record(t, e);
    result_say(t, e);
    if (err_failed(recorded)) {
        house_complain(t->h, COMMAND_MSG_BACKUP_NOT_RECORDED);
    }
    return err_failed(e) || err_failed(recorded) ? 1 : 0;
}

int backup_test_command(house_t *h, int argc, char **argv)
{
    static test_t t;
    backup_ask_t ask;
    control_status_t status;
    command_msg_t msg;
    t.h = h;
    if (!backup_ask_parse(argc, argv, false, &ask)) {
        house_complain(h, COMMAND_MSG_USAGE_BACKUP);
        return 2;
    }
    if (err_failed(control_status(h, &status))) {
        house_complain(h, COMMAND_MSG_BACKUP_NOT_RUNNING);
        return 1;
    }
    if (err_failed(places_find(&t, &ask, &msg))) {
        house_complain(h, msg);
        return 1;
    }
    int code = test_run(&t, &ask);
    backup_reader_keys_wipe(&t.keys);
    return code;
}
