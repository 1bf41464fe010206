/* The verb `backup`, and what its relatives share. */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backup_keys.h"
#include "backup_take.h"
#include "base/clock.h"
#include "control.h"

enum { NICE = 10, DIRS_MAX = 16 };

err_t backup_record(house_t *h, ledger_type_t type, const buf_t *facts)
{
    ledger_client_t *ledger;
    TRY(buf_check(facts));
    TRY(ledger_client_new(house_path(h, h->var, "run", "ledger.sock", NULL).text, ROOM_COMMAND,
                          &ledger));
    id128_t id = id_new();
    err_t e = ledger_append(
        ledger,
        &(ledger_record_t){.type = type, .request = id, .object = id, .facts = buf_slice(facts)}, 1,
        NULL);
    ledger_client_free(ledger);
    return e;
}

static path_t last_dir_file(house_t *h)
{
    return house_path(h, h->var, "etc", "backup.dir", NULL);
}

/* All of them, a line each, the last one first. */
static slice_t backup_dirs(house_t *h)
{
    slice_t text;
    if (err_failed(file_read(&h->arena, last_dir_file(h), DIRS_MAX * (PATH_MAX + 1), &text))) {
        return SLICE_EMPTY;
    }
    return text;
}

slice_t backup_last_dir(house_t *h)
{
    slice_t dirs = backup_dirs(h), first = SLICE_EMPTY;
    slice_split(&dirs, '\n', &first);
    return slice_trim(first);
}

/* An erasure must find the key file in each of them (erase.c). */
static err_t dir_remember(house_t *h, path_t dir)
{
    slice_t dirs = backup_dirs(h), line;
    buf_t text;
    TRY(arena_buf(&h->arena, (DIRS_MAX + 1) * (PATH_MAX + 1), &text));
    buf_cstr(&text, dir.text);
    buf_u8(&text, '\n');
    for (size_t n = 1; n < DIRS_MAX && slice_split(&dirs, '\n', &line);) {
        if (line.len && !slice_eq(line, slice_cstr_in(dir.text))) {
            buf_put(&text, line);
            buf_u8(&text, '\n');
            n++;
        }
    }
    TRY(buf_check(&text));
    return file_replace(last_dir_file(h), buf_slice(&text), 0644);
}

bool backup_ask_parse(int argc, char **argv, bool is_restore, backup_ask_t *ret_ask)
{
    backup_ask_t ask = {0};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        bool has_value = i + 1 < argc;
        if (strcmp(word, "--key") == 0 && has_value && !ask.key) {
            ask.key = argv[++i];
        } else if (is_restore && strcmp(word, "--checkpoint") == 0 && has_value &&
                   ask.n_checkpoints < BASE_COUNT(ask.checkpoints)) {
            ask.checkpoints[ask.n_checkpoints++] = argv[++i];
        } else if (is_restore && strcmp(word, "--force") == 0) {
            ask.force = true;
        } else if (word[0] != '-' && !ask.dir) {
            ask.dir = word;
        } else if (word[0] != '-' && !ask.name) {
            ask.name = word;
        } else {
            return false;
        }
    }
    *ret_ask = ask;
    return true;
}

err_t backup_ask_path(house_t *h, const char *text, path_t *ret_path)
{
    if (!text) {
        *ret_path = house_path(h, h->var, "offline", "backup.key", NULL);
        return OK;
    }
    return path_from_conf(&h->arena, slice_cstr_in(text), ret_path);
}

void backup_keys_everywhere(house_t *h, backup_copies_t *ret_copies)
{
    slice_t dirs = backup_dirs(h), line;
    *ret_copies = (backup_copies_t){0};
    while (slice_split(&dirs, '\n', &line)) {
        path_t dir;
        line = slice_trim(line);
        if (!line.len) {
            continue;
        }
        err_t e = path_from_conf(&h->arena, line, &dir);
        if (!err_failed(e)) {
            e = backup_keys_replace(h, dir);
        }
        ret_copies->replaced += !err_failed(e);
        ret_copies->missed += err_failed(e);
        if (err_failed(e)) {
            house_complain(h, COMMAND_MSG_ERASE_COPY_MISSED);
            fprintf(stderr, "  %.*s: %s\n", SLICE_FMT(line), err_text(e.code));
        }
    }
}

/* ---- making one ---- */

/* The folder, made when only its last part is missing; absolute. DENIED: inside the house, which is
 * lost with it. */
static err_t dir_open(house_t *h, const char *text, path_t *ret_dir)
{
    char whole[PATH_MAX], var[PATH_MAX];
    if (mkdir(text, 0700) != 0 && errno != EEXIST) {
        return fd_err(errno);
    }
    ENSURE(realpath(text, whole) && realpath(h->var.text, var), ERR_NOT_FOUND);
    size_t n = strlen(var);
    ENSURE(strncmp(whole, var, n) != 0 || (whole[n] != '/' && whole[n] != 0), ERR_DENIED);
    return path_from_conf(&h->arena, slice_cstr_in(whole), ret_dir);
}

/* What a killed backup left there: it has no name yet, so nobody takes it for one. */
static void unfinished_remove(house_t *h, path_t dir)
{
    backup_writer_keys_t keys;
    char house[BACKUP_HOUSE + 1], begin[64];
    if (err_failed(backup_writer_keys(h, &keys))) {
        return;
    }
    backup_house_name(keys.seal_to, house);
    backup_writer_keys_wipe(&keys);
    snprintf(begin, sizeof begin, "sekisho-%s", house);
    DIR *d = opendir(dir.text);
    for (struct dirent *row; d && (row = readdir(d));) {
        slice_t name = slice_cstr_in(row->d_name);
        if (slice_starts(name, slice_cstr_in(begin)) && slice_ends(name, SLICE(".tmp"))) {
            unlinkat(dirfd(d), row->d_name, 0);
        }
    }
    if (d) {
        closedir(d);
    }
}

static err_t made_record(house_t *h, const backup_made_t *m)
{
    uint8_t mem[LEDGER_TEXT_MAX], hex_mem[64];
    buf_t facts = BUF_ON_ARRAY(mem), hex = BUF_ON_ARRAY(hex_mem);
    buf_hex(&hex, slice_make(m->sha256, sizeof m->sha256));
    ledger_fact(&facts, "backup", slice_cstr_in(m->name));
    ledger_fact(&facts, "sha256", buf_slice(&hex));
    ledger_fact_i64(&facts, "files", (int64_t)m->totals.files);
    ledger_fact_i64(&facts, "bytes", (int64_t)m->totals.bytes);
    ledger_fact_i64(&facts, "ledger", (int64_t)m->ledger.size);
    ledger_fact_i64(&facts, "generation", (int64_t)m->generation);
    ledger_fact_i64(&facts, "keys", (int64_t)m->keys_live);
    return backup_record(h, LEDGER_BACKUP_MADE, &facts);
}

static int made_say(house_t *h, const backup_made_t *m, int64_t took_us)
{
    uint8_t mem[1024];
    buf_t out = BUF_ON_ARRAY(mem);
    command_msg_backup_made(&out, h->lang, slice_cstr_in(m->name), (int64_t)m->totals.files,
                            (int64_t)(m->totals.bytes >> 10), (int64_t)m->ledger.size,
                            took_us / 1000);
    buf_u8(&out, '\n');
    house_print(buf_slice(&out));
    if (err_failed(made_record(h, m))) {
        house_complain(h, COMMAND_MSG_BACKUP_NOT_RECORDED);
        return 1;
    }
    return 0;
}

static int failed_say(const house_t *h, err_t e)
{
    command_msg_t msg = err_is(e, ERR_DISK_FULL)   ? COMMAND_MSG_BACKUP_DISK_FULL
                        : err_is(e, ERR_CONFLICT)  ? COMMAND_MSG_BACKUP_BUSY
                        : err_is(e, ERR_DENIED)    ? COMMAND_MSG_BACKUP_DIR_DENIED
                        : err_is(e, ERR_NOT_FOUND) ? COMMAND_MSG_BACKUP_DIR_MISSING
                                                   : COMMAND_MSG_BACKUP_FAILED;
    house_complain(h, msg);
    fprintf(stderr, "  %s (%s:%u, errno %d)\n", err_text(e.code), e.where ? e.where : "-",
            (unsigned)e.line, (int)e.sys);
    return 1;
}

static err_t make(house_t *h, const char *text, backup_made_t *ret_made)
{
    FD_SCOPED int lock = -1;
    path_t dir, scratch;
    TRY(dir_open(h, text, &dir));
    TRY(backup_scratch(h, &scratch, &lock));
    unfinished_remove(h, dir);
    TRY(backup_take(h, dir, scratch, ret_made));
    return dir_remember(h, dir);
}

int backup_command(house_t *h, int argc, char **argv)
{
    control_status_t status;
    backup_made_t made;
    if (argc >= 1 && strcmp(argv[0], "test") == 0) {
        return backup_test_command(h, argc - 1, argv + 1);
    }
    if (argc != 1 || argv[0][0] == '-' || !argv[0][0]) {
        house_complain(h, COMMAND_MSG_USAGE_BACKUP);
        return 2;
    }
    if (err_failed(control_status(h, &status))) {
        house_complain(h, COMMAND_MSG_BACKUP_NOT_RUNNING);
        return 1;
    }
    setpriority(PRIO_PROCESS, 0, NICE); /* customers first */
    int64_t began_us = clock_wait_us();
    err_t e = make(h, argv[0], &made);
    return err_failed(e) ? failed_say(h, e) : made_say(h, &made, clock_wait_us() - began_us);
}
