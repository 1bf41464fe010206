/* One verification from begin to end: key, checkpoints and edge are taken hold of; the walk; the
 * log behind it; then what was remembered elsewhere is judged. */
#include "scan.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 20, REST_US = 5000 };

void report_fault(report_t *r, verdict_t kind, int64_t leaf, const char *fmt, ...)
{
    va_list args;
    if (r->verdict != VERDICT_TAMPERED) {
        r->verdict = kind;
    }
    if (r->fault_count++ >= FAULTS_KEPT) {
        return;
    }
    fault_t *f = &r->faults[r->fault_count - 1];
    f->kind = kind;
    f->leaf = leaf;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}

/* ---- judging ---- */

/* What a key signed beyond the records that the next epoch took over was lost in a restore, and
 * says nothing about the tree that grew there instead. Beyond its segment a key signs nothing. */
static void judge_prefix(scan_t *s, const prefix_t *p)
{
    vcheckpoint_t cp;
    const vlink_t *link = p->note.ptr ? vrecords_signer(&s->records, p->note, &cp) : NULL;
    if (p->note.ptr && !link) {
        report_fault(s->r, s->tree.size == s->cp.size ? VERDICT_TAMPERED : VERDICT_INCOMPLETE,
                     NO_LEAF, "%s: no checkpoint of this log, or its signature is false", p->name);
    } else if (link && p->cp.size > link->end && link->restored) {
        report_fault(s->r, VERDICT_INCOMPLETE, (int64_t)link->end,
                     "lost in a restore: a checkpoint of %llu records was signed, %llu were "
                     "restored",
                     (unsigned long long)p->cp.size, (unsigned long long)link->end);
    } else if (link && p->cp.size > link->end) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)link->end,
                     "a key signed %llu records and ended its segment at %llu",
                     (unsigned long long)p->cp.size, (unsigned long long)link->end);
    } else if (p->cp.size > s->cp.size) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)s->cp.size,
                     "cut: a checkpoint of %llu records was signed, %llu are here",
                     (unsigned long long)p->cp.size, (unsigned long long)s->cp.size);
    } else if (p->differs) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF,
                     "the first %llu records are not those of a checkpoint signed earlier",
                     (unsigned long long)p->cp.size);
    } else if (!p->met && p->cp.size < s->minimum) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF,
                     "%s: its %llu records are among those removed, and end in the middle of a "
                     "segment: they cannot be compared",
                     p->name, (unsigned long long)p->cp.size);
    }
}

static bool key_named(const scan_t *s, const vkey_t *key)
{
    for (size_t i = 0; i < s->records.link_count; i++) {
        if (strcmp(s->records.links[i].key.text, key->text) == 0) {
            return true;
        }
    }
    return false;
}

/* The records must lead to the key that signs now, and from the one that was given. Right at a
 * segment's end the old key's public half may still lie there. */
static void judge_keys(scan_t *s)
{
    const vlink_t *links = s->records.links;
    size_t n = s->sealed_links;
    if (!n) {
        return; /* no record, or one that was found false */
    }
    bool present = strcmp(links[n - 1].key.text, s->key.text) == 0;
    bool before =
        n > 1 && links[n - 2].end == s->cp.size && strcmp(links[n - 2].key.text, s->key.text) == 0;
    if (!present && !before) {
        report_fault(s->r, VERDICT_TAMPERED, 0,
                     n == 1 ? "the first record does not name this key"
                            : "the records do not hand over to this key");
    }
    if (s->given.text[0] && !key_named(s, &s->given)) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF,
                     "the key that was given never signed this ledger");
    }
}

/* Where a bundle is missing, what stood in it cannot be held against the rest. */
static bool walked_whole(const scan_t *s)
{
    return s->tree.size == s->cp.size;
}

static void judge(scan_t *s)
{
    if (walked_whole(s)) {
        judge_keys(s);
        vrecords_end(&s->records);
    }
    if (walked_whole(s) && s->minimum > s->records.removed) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF,
                     "records below %llu are removed, and no record says so",
                     (unsigned long long)s->minimum);
    }
    for (size_t i = 0; i < s->prefix_count; i++) {
        judge_prefix(s, &s->prefix[i]);
        vfile_free(&s->prefix[i].note);
    }
}

/* ---- the log ---- */

static void log_leaf(void *ctx, uint64_t seq, slice_t leaf)
{
    scan_t *s = ctx;
    if (seq < s->cp.size) {
        walk_compare(s, seq, leaf);
    } else {
        s->r->unsealed++;
        vrecords_leaf(&s->records, seq, leaf, false);
    }
}

static void open_log(scan_t *s)
{
    int dir = s->root_dir < 0 ? -1 : openat(s->root_dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        s->log.live = s->r->live;
        vlog_open(dir, &s->log);
        close(dir);
    } else if (s->root_dir >= 0) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "the log is missing");
    }
    s->r->with_log = dir >= 0;
}

static void check_log(scan_t *s)
{
    uint64_t first, end;
    if (!s->r->with_log) {
        return;
    }
    vlog_check(&s->log, s->r, log_leaf, s, &first, &end);
    vfile_free(&s->tile);
    if (end < s->cp.size) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)end,
                     "the log ends before the last sealed record");
    } else if (end && first > s->cp.size) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)s->cp.size,
                     "records between the tree and the log are missing");
    }
}

/* ---- keys and checkpoints ---- */

/* The key that lies here must have signed; one kept elsewhere may be an earlier one: then the
 * records must lead from it to this one. */
static bool read_keys(scan_t *s)
{
    bool own = !err_failed(vkey_read(s->public_dir, "ledger.vkey", &s->key));
    s->r->key_given = s->ask->key_file != NULL;
    bool given = s->r->key_given && !err_failed(vkey_read(AT_FDCWD, s->ask->key_file, &s->given));
    if (given && !own) {
        s->key = s->given;
    }
    return s->r->key_given ? given : own;
}

static err_t read_own(scan_t *s, int dir, const char *name, prefix_t *ret)
{
    slice_t note;
    TRY(vfile_read(dir, name, VNOTE_MAX, &note));
    *ret = (prefix_t){.name = name};
    err_t e = vnote_open(note, &s->key, &ret->cp);
    vfile_free(&note);
    return e;
}

/* The larger of public/checkpoint and `signed` is what must hold; a crash between the two writes
 * leaves the public one behind. *ret_name: the note that cannot be taken. */
static err_t read_checkpoints(scan_t *s, const char **ret_name)
{
    prefix_t seen, signed_cp;
    s->prefix_count = 0;
    *ret_name = "checkpoint";
    TRY(read_own(s, s->public_dir, "checkpoint", &seen));
    s->cp = seen.cp;
    if (s->root_dir >= 0) {
        *ret_name = "signed";
        TRY(read_own(s, s->root_dir, "signed", &signed_cp));
        bool newer = signed_cp.cp.size > s->cp.size;
        s->prefix[s->prefix_count++] = newer ? seen : signed_cp;
        s->cp = newer ? signed_cp.cp : s->cp;
    }
    return OK;
}

static void complain(scan_t *s, const char *name, err_t e)
{
    if (!err_is(e, ERR_CRYPTO) && !err_is(e, ERR_SYNTAX)) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "%s cannot be read", name);
    } else {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF, "%s: %s", name,
                     err_is(e, ERR_CRYPTO) ? "the signature is false"
                                           : "no checkpoint of this log, signed with this key");
    }
}

/* Who signed them is known when all keys are: at the end. */
static void read_remembered(scan_t *s)
{
    for (size_t i = 0; i < s->ask->remembered_count; i++) {
        prefix_t *p = &s->prefix[s->prefix_count];
        *p = (prefix_t){.name = s->ask->remembered[i]};
        err_t e = vfile_read(AT_FDCWD, p->name, VNOTE_MAX, &p->note);
        if (!err_failed(e)) {
            e = vnote_text(p->note, &p->cp);
        }
        if (err_failed(e)) {
            vfile_free(&p->note);
            complain(s, p->name, e);
            continue;
        }
        s->r->remembered++;
        s->prefix_count++;
    }
}

static void read_mac_keys(scan_t *s)
{
    vrecords_t *v = &s->records;
    v->mac_keys = s->mac_keys;
    for (size_t i = 0; i < s->ask->mac_key_count; i++) {
        slice_t text = SLICE_EMPTY;
        if (err_failed(vfile_read(AT_FDCWD, s->ask->mac_key_files[i], 256, &text)) ||
            err_failed(vmac_parse(text, s->mac_keys[v->mac_key_count]))) {
            report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "%s is no key of MACs",
                         s->ask->mac_key_files[i]);
        } else {
            v->mac_key_count++;
        }
        vfile_free(&text);
    }
}

/* ---- opening ---- */

static bool open_dirs(scan_t *s)
{
    static const int FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int dir = open(s->ask->dir, FLAGS);
    s->public_dir = dir < 0 ? -1 : openat(dir, "public", FLAGS);
    if (s->public_dir >= 0) {
        s->root_dir = dir;
    } else {
        s->public_dir = dir;
    }
    if (dir < 0) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "the folder cannot be opened");
    }
    return dir >= 0;
}

/* Does a ledgerd hold the folder's lock? */
static bool is_live(int root_dir)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = root_dir < 0 ? -1 : openat(root_dir, "lock", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool live = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0) {
        close(fd);
    }
    return live;
}

/* Key, checkpoint, edge and log are taken hold of first and together; the long walk may then take
 * its time beside a running ledgerd, which replaces one after the other. */
static bool take_hold(scan_t *s)
{
    const char *name = NULL;
    err_t e = OK;
    bool keys = false, held = false;
    s->r->live = is_live(s->root_dir);
    for (unsigned tries = 0; tries < (s->r->live ? TRIES : 1) && !held; tries++) {
        if (tries) {
            usleep(REST_US);
        }
        keys = read_keys(s);
        e = keys ? read_checkpoints(s, &name) : OK;
        held = keys && !err_failed(e) && walk_hold_edge(s);
    }
    if (!keys) {
        report_fault(s->r, VERDICT_INCOMPLETE, NO_LEAF, "the public key cannot be read");
    } else if (err_failed(e)) {
        complain(s, name, e);
    }
    if (!keys || err_failed(e)) {
        return false;
    }
    /* What of the edge is missing in a still ledger is named by the walk. */
    if (err_failed(vremoved_minimum(s->public_dir, &s->minimum))) {
        report_fault(s->r, VERDICT_TAMPERED, NO_LEAF, "minimum-index is malformed");
    }
    read_remembered(s);
    read_mac_keys(s);
    open_log(s);
    return true;
}

/* Every record goes by here on its way to whoever asked. */
static void on_record(void *ctx, const vleaf_t *leaf, bool sealed)
{
    scan_t *s = ctx;
    if (sealed && err_failed(vindex_note(&s->indexes, leaf))) {
        report_fault(s->r, VERDICT_TAMPERED, (int64_t)leaf->seq,
                     "an INDEX_ROOT record that makes no sense");
    }
    if (s->ask->each) {
        s->ask->each(s->ask->ctx, leaf, sealed);
    }
}

static void run(scan_t *s)
{
    if (!open_dirs(s) || !take_hold(s)) {
        return;
    }
    s->r->size = s->cp.size;
    memcpy(s->r->root, s->cp.root, sizeof s->r->root);
    walk_tree(s);
    s->sealed_links = s->records.link_count;
    walk_files(s);
    walk_indexes(s);
    check_log(s);
    judge(s);
}

void verify_run(const verify_ask_t *ask, report_t *ret_report)
{
    scan_t *s = calloc(1, sizeof *s);
    CHECK(s && ask->remembered_count <= REMEMBERED_MAX && ask->mac_key_count <= VMAC_KEYS);
    *ret_report = (report_t){0};
    s->ask = ask;
    s->r = ret_report;
    s->root_dir = s->public_dir = -1;
    vrecords_init(&s->records, ret_report);
    s->records.each = on_record;
    s->records.ctx = s;
    run(s);
    walk_release_edge(s);
    vrecords_free(&s->records);
    vindex_notes_free(&s->indexes);
    if (s->root_dir >= 0) {
        close(s->root_dir);
    }
    if (s->public_dir >= 0) {
        close(s->public_dir);
    }
    free(s);
}
