/* The steps: copies of the rooms in the order that makes them fit together (backup_walk), logs,
 * programs, the machine; the verifier's word on the copied ledger; custody, hashes, signature; the
 * sheet; the record. A bundle has its name only when it is whole. */
#include "handover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backup.h"
#include "backup_take.h"
#include "base/clock.h"
#include "control.h"
#include "evidence.h"
#include "handover_bundle.h"
#include "run.h"
#include "text/time.h"

enum { NICE = 10, SHEET_MAX = 64 * 1024, STAMP = 16 };

typedef struct handover {
    house_t *h;
    const char *where, *by, *ref;
    path_t dir, scratch; /* of the bundle, while it is made */
    char name[96];
    bundle_t bundle;
    control_status_t status;
    struct utsname host;
    int64_t begun_us, ended_us;
    ledger_copy_facts_t ledger;
    uint64_t generation;
    int verify_code;
    uint8_t public_half[32], secret[64], sums[32];
} handover_t;

/* ---- copies ---- */

static err_t house_file(void *ctx, const char *name, const struct stat *like, path_t at)
{
    handover_t *o = ctx;
    char to[BACKUP_PATH_MAX + 16];
    bool of_ledger = slice_starts(slice_cstr_in(name), SLICE("ledger/"));
    if (bundle_is_secret(name)) {
        return OK;
    }
    int n = snprintf(to, sizeof to, "%s%s", of_ledger ? "" : "data/", name);
    ENSURE(n > 0 && (size_t)n < sizeof to, ERR_LIMIT);
    return bundle_copy(&o->bundle, to, at);
}

static err_t logs_copy(handover_t *o)
{
    path_t logs = house_path(o->h, o->h->var, "log", NULL);
    DIR *d = opendir(logs.text);
    err_t e = d ? OK : fd_err(errno);
    for (struct dirent *row; d && !err_failed(e) && (row = readdir(d));) {
        char to[NAME_MAX + 16];
        struct stat st;
        if (row->d_name[0] == '.') {
            continue;
        }
        path_t at = house_path(o->h, logs, row->d_name, NULL);
        if (lstat(at.text, &st) == 0 && S_ISREG(st.st_mode)) {
            snprintf(to, sizeof to, "logs/%s", row->d_name);
            e = bundle_copy(&o->bundle, to, at);
            e = err_is(e, ERR_NOT_FOUND) ? OK : e; /* rotated away at this moment */
        }
    }
    if (d) {
        closedir(d);
    }
    return e;
}

/* As it runs, whatever lies in its place on the disk by now. */
static err_t running_copy(handover_t *o, const char *name, int pid)
{
    char to[64];
    slice_t exe;
    snprintf(to, sizeof to, "binaries/%s", name);
    TRY(arena_printf(&o->h->arena, &exe, "/proc/%d/exe", pid));
    err_t e = bundle_copy(&o->bundle, to, (path_t){(const char *)exe.ptr});
    return err_is(e, ERR_NOT_FOUND) ? OK : e; /* it ended */
}

static err_t programs_copy(handover_t *o)
{
    house_t *h = o->h;
    for (size_t i = 0; i < o->status.n; i++) {
        if (o->status.rows[i].pid > 0) {
            TRY(running_copy(o, o->status.rows[i].name, o->status.rows[i].pid));
        }
    }
    TRY(running_copy(o, "sekisho", getpid()));
    TRY(bundle_copy(&o->bundle, "binaries/ledger-verify",
                    house_path(h, h->build, "ledger", "verify", "ledger-verify", NULL)));
    return bundle_copy(
        &o->bundle, "binaries/ngx_http_sekisho_module.so",
        house_path(h, h->build, "guard", "nginx", "ngx_http_sekisho_module.so", NULL));
}

static err_t system_copy(handover_t *o)
{
    const struct {
        const char *name;
        path_t at;
    } ROWS[] = {
        {"system/os-release", {"/etc/os-release"}},
        {"system/version", {"/proc/version"}},
        {"system/boot_id", {"/proc/sys/kernel/random/boot_id"}},
        {"system/packages", {"/var/lib/dpkg/status"}},
        {"system/nginx.conf", house_path(o->h, o->h->var, "run", "nginx.conf", NULL)},
    };
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        err_t e = bundle_copy(&o->bundle, ROWS[i].name, ROWS[i].at);
        if (!err_is(e, ERR_NOT_FOUND)) {
            TRY(e);
        }
    }
    return OK;
}

/* ---- what is said about it ---- */

static err_t verifier_run(handover_t *o, const char *name, bool json)
{
    FD_SCOPED int fd = -1;
    const char *args[5];
    size_t n = 0;
    path_t out = house_path(o->h, o->dir, name, NULL);
    args[n++] = house_path(o->h, o->h->build, "ledger", "verify", "ledger-verify", NULL).text;
    if (json) {
        args[n++] = "--json";
    }
    args[n++] = house_path(o->h, o->dir, "ledger", NULL).text;
    args[n] = NULL;
    TRY(fd_open(out, O_WRONLY | O_CREAT | O_EXCL, 0400, &fd));
    TRY(run_program(args, NULL, fd, &o->verify_code));
    TRY(fd_datasync(fd));
    return bundle_list(&o->bundle, name);
}

static void time_text(int64_t us, char out[48])
{
    buf_t b = buf_on(out, 47);
    time_put_rfc3339(&b, us);
    out[b.len] = 0;
}

static void hex_text(const uint8_t bytes[32], char out[65])
{
    sodium_bin2hex(out, 65, bytes, 32);
}

static err_t custody_put(handover_t *o)
{
    char begun[48], ended[48], root[65];
    time_text(o->begun_us, begun);
    time_text(o->ended_us, ended);
    hex_text(o->ledger.root, root);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:s, s:I, "
        "s:i, s:[s,s,s,s]}",
        "bundle", o->name, "made_by", o->by, "reference", o->ref, "begun", begun, "ended", ended,
        "host", o->host.nodename, "system", o->host.release, "machine", o->host.machine, "tool",
        "sekisho handover", "version", SEKISHO_VERSION, "profile", profile_name(o->status.profile),
        "rooms_separated", (int)o->status.separated, "files", (json_int_t)o->bundle.files, "bytes",
        (json_int_t)o->bundle.bytes, "ledger_records", (json_int_t)o->ledger.size, "ledger_root",
        root, "brake_generation", (json_int_t)o->generation, "ledger_verify_exit", o->verify_code,
        "not_included", "secrets and offline keys", "key files of the vault", "password hashes",
        "database passwords in the configuration");
    char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
    json_decref(doc);
    ENSURE(text, ERR_MEMORY);
    err_t e = bundle_text(&o->bundle, "custody.json", slice_cstr_in(text));
    free(text);
    return e;
}

static err_t sheet_put(handover_t *o)
{
    static uint8_t mem[SHEET_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    char begun[48], ended[48], root[65], sums[65], key[65], files[64], records[32], host[260];
    time_text(o->begun_us, begun);
    time_text(o->ended_us, ended);
    hex_text(o->ledger.root, root);
    hex_text(o->sums, sums);
    hex_text(o->public_half, key);
    snprintf(files, sizeof files, "%llu / %llu", (unsigned long long)o->bundle.files,
             (unsigned long long)o->bundle.bytes);
    snprintf(records, sizeof records, "%llu", (unsigned long long)o->ledger.size);
    snprintf(host, sizeof host, "%s (%s %s)", o->host.nodename, o->host.release, o->host.machine);
    const struct tpl_handover_args args = {.bundle = slice_cstr_in(o->name),
                                           .begun = slice_cstr_in(begun),
                                           .ended = slice_cstr_in(ended),
                                           .host = slice_cstr_in(host),
                                           .by = slice_cstr_in(o->by),
                                           .ref = slice_cstr_in(o->ref),
                                           .tool = SLICE("sekisho handover " SEKISHO_VERSION),
                                           .profile =
                                               slice_cstr_in(profile_name(o->status.profile)),
                                           .files = slice_cstr_in(files),
                                           .records = slice_cstr_in(records),
                                           .root = slice_cstr_in(root),
                                           .verified = o->verify_code == 0,
                                           .sums = slice_cstr_in(sums),
                                           .key = slice_cstr_in(key)};
    tpl_handover(&out, I18N_JA, &args);
    buf_cstr(&out, "\n\f\n");
    tpl_handover(&out, I18N_EN, &args);
    TRY(buf_check(&out));
    return file_create(house_path(o->h, o->dir, "sheet.txt", NULL), buf_slice(&out), 0400,
                       (uid_t)-1, (gid_t)-1);
}

/* ---- all of it ---- */

static err_t copies_make(handover_t *o)
{
    TRY(backup_walk(o->h, o->scratch, house_file, o, &o->ledger, &o->generation));
    TRY(logs_copy(o));
    TRY(programs_copy(o));
    return system_copy(o);
}

static err_t papers_make(handover_t *o)
{
    uint8_t mem[256];
    buf_t pem = BUF_ON_ARRAY(mem);
    TRY(verifier_run(o, "ledger-verify.json", true));
    TRY(verifier_run(o, "ledger-verify.txt", false));
    TRY(bundle_key(o->h, o->public_half, o->secret));
    bundle_pem_put(o->public_half, &pem);
    TRY(bundle_text(&o->bundle, "handover.pub.pem", buf_slice(&pem)));
    o->ended_us = clock_wall_us();
    TRY(custody_put(o));
    TRY(bundle_sign(&o->bundle, o->secret, o->sums));
    return sheet_put(o);
}

/* Outside of the house, whose loss must not take it along; absolute. */
static err_t place_find(handover_t *o, path_t *ret_parent)
{
    char whole[PATH_MAX], var[PATH_MAX];
    if (mkdir(o->where, 0700) != 0 && errno != EEXIST) {
        return fd_err(errno);
    }
    ENSURE(realpath(o->where, whole) && realpath(o->h->var.text, var), ERR_NOT_FOUND);
    size_t n = strlen(var);
    ENSURE(strncmp(whole, var, n) != 0 || (whole[n] != '/' && whole[n] != 0), ERR_DENIED);
    return path_from_conf(&o->h->arena, slice_cstr_in(whole), ret_parent);
}

static void name_make(handover_t *o)
{
    char when[48], stamp[STAMP] = {0};
    size_t n = 0;
    time_text(o->begun_us, when);
    for (size_t i = 0; when[i] && n + 1 < STAMP; i++) { /* 20261127T101500, whatever the fraction */
        if (when[i] != '-' && when[i] != ':' && when[i] != '.' && when[i] != 'Z') {
            stamp[n++] = when[i];
        }
    }
    char letters[9] = {0};
    random_letters(letters, 8);
    snprintf(o->name, sizeof o->name, "handover-%sZ-%s", stamp, letters);
}

static err_t made_record(handover_t *o)
{
    uint8_t mem[LEDGER_TEXT_MAX];
    char sums[65];
    buf_t facts = BUF_ON_ARRAY(mem);
    hex_text(o->sums, sums);
    ledger_fact(&facts, "bundle", slice_cstr_in(o->name));
    ledger_fact(&facts, "sha256", slice_cstr_in(sums));
    ledger_fact_i64(&facts, "files", (int64_t)o->bundle.files);
    ledger_fact_i64(&facts, "ledger", (int64_t)o->ledger.size);
    ledger_fact(&facts, "by", slice_cstr_in(o->by));
    if (o->ref[0]) {
        ledger_fact(&facts, "ref", slice_cstr_in(o->ref));
    }
    return backup_record(o->h, LEDGER_HANDOVER_MADE, &facts);
}

static err_t make(handover_t *o, path_t *ret_final)
{
    FD_SCOPED int lock = -1;
    path_t parent;
    slice_t unfinished;
    TRY(place_find(o, &parent));
    TRY(control_status(o->h, &o->status));
    TRY(backup_scratch(o->h, &o->scratch, &lock));
    name_make(o);
    TRY(arena_printf(&o->h->arena, &unfinished, "%s/%s.tmp", parent.text, o->name));
    o->dir = (path_t){(const char *)unfinished.ptr};
    *ret_final = house_path(o->h, parent, o->name, NULL);
    TRY(dir_ensure(o->dir, 0700, (uid_t)-1, (gid_t)-1));
    err_t e = bundle_begin(o->h, o->dir, &o->bundle);
    e = err_failed(e) ? e : copies_make(o);
    e = err_failed(e) ? e : papers_make(o);
    bundle_end(&o->bundle);
    if (!err_failed(e) && rename(o->dir.text, ret_final->text) != 0) {
        e = fd_err(errno);
    }
    if (err_failed(e)) {
        backup_sweep(o->dir);
        rmdir(o->dir.text);
    }
    return e;
}

static int failed_say(const house_t *h, err_t e)
{
    house_complain(h, err_is(e, ERR_DISK_FULL)     ? COMMAND_MSG_BACKUP_DISK_FULL
                      : err_is(e, ERR_CONFLICT)    ? COMMAND_MSG_BACKUP_BUSY
                      : err_is(e, ERR_DENIED)      ? COMMAND_MSG_BACKUP_DIR_DENIED
                      : err_is(e, ERR_UNAVAILABLE) ? COMMAND_MSG_BACKUP_NOT_RUNNING
                                                   : COMMAND_MSG_HANDOVER_FAILED);
    fprintf(stderr, "  %s (%s:%u, errno %d)\n", err_text(e.code), e.where ? e.where : "-",
            (unsigned)e.line, (int)e.sys);
    return 1;
}

static bool ask_parse(handover_t *o, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char **slot = strcmp(argv[i], "--by") == 0    ? &o->by
                            : strcmp(argv[i], "--ref") == 0 ? &o->ref
                                                            : NULL;
        if (!slot && argv[i][0] != '-' && argv[i][0] && !o->where) {
            o->where = argv[i];
        } else if (slot && i + 1 < argc && vault_evidence_word_ok(slice_cstr_in(argv[i + 1]))) {
            *slot = argv[++i];
        } else {
            return false;
        }
    }
    return o->where != NULL;
}

int handover_command(house_t *h, int argc, char **argv)
{
    handover_t o = {.h = h, .ref = ""};
    uint8_t mem[PATH_MAX + 512];
    buf_t out = BUF_ON_ARRAY(mem);
    path_t final;
    if (!ask_parse(&o, argc, argv)) {
        house_complain(h, COMMAND_MSG_USAGE_HANDOVER);
        return 2;
    }
    slice_t by = evidence_by(o.by);
    CHECK(!err_failed(arena_cstr(&h->arena, by, &o.by)));
    uname(&o.host);
    o.begun_us = clock_wall_us();
    setpriority(PRIO_PROCESS, 0, NICE); /* customers first */
    err_t e = make(&o, &final);
    sodium_memzero(o.secret, sizeof o.secret);
    if (err_failed(e)) {
        return failed_say(h, e);
    }
    command_msg_handover_made(&out, h->lang, slice_cstr_in(final.text), (int64_t)o.bundle.files,
                              (int64_t)(o.bundle.bytes >> 10), (int64_t)o.ledger.size);
    buf_u8(&out, '\n');
    house_print(buf_slice(&out));
    if (err_failed(made_record(&o))) {
        house_complain(h, COMMAND_MSG_HANDOVER_NOT_RECORDED);
        return 1;
    }
    if (o.verify_code != 0) {
        house_complain(h, COMMAND_MSG_HANDOVER_LEDGER_BAD);
    }
    return o.verify_code != 0;
}
