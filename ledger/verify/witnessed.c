#include "witnessed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LLU(v) ((unsigned long long)(v))

/* ---- policy ---- */

static bool policy_file(const char *file, vpolicy_t *ret_policy)
{
    char fault[VPOLICY_FAULT] = "it cannot be read";
    slice_t text;
    err_t e = vfile_read(AT_FDCWD, file, VPOLICY_FILE, &text);
    if (!err_failed(e)) {
        e = vpolicy_parse(text, ret_policy, fault);
        vfile_free(&text);
    }
    if (err_failed(e)) {
        fprintf(stderr, "ledger-verify: %s: %s\n", file, fault);
    }
    return !err_failed(e);
}

static bool is_key_alone(const vpolicy_t *p)
{
    return p->witness_count == 1 && !p->group_count && !p->log_count && p->quorum == 0;
}

/* Keys given one by one become a group of all. */
static bool add_key(vpolicy_t *all, const vpolicy_t *one, const char *file)
{
    struct vgroup *g = &all->group[0];
    bool twice = false;
    for (size_t i = 0; i < all->witness_count; i++) {
        twice = twice || memcmp(all->witness[i].key, one->witness[0].key, 32) == 0;
    }
    if (twice || !is_key_alone(one) || all->witness_count == VWITNESSES) {
        fprintf(stderr, "ledger-verify: %s: one policy, or keys of different witnesses\n", file);
        return false;
    }
    all->witness[all->witness_count++] = one->witness[0];
    all->group_count = 1;
    all->quorum = VWITNESSES;
    g->need = g->count = all->witness_count;
    for (unsigned i = 0; i < g->count; i++) {
        g->member[i] = i;
    }
    return true;
}

static bool policy_load(vwitnessed_t *w)
{
    static vpolicy_t one;
    for (size_t i = 0; i < w->file_count; i++) {
        if (!policy_file(w->files[i], i ? &one : &w->policy)) {
            return false;
        }
        if (i && !((w->policy.group_count == 1 && i > 1) || is_key_alone(&w->policy))) {
            fprintf(stderr, "ledger-verify: a policy stands alone\n");
            return false;
        }
        if (i && !add_key(&w->policy, &one, w->files[i])) {
            return false;
        }
    }
    if (w->need > w->policy.witness_count) {
        fprintf(stderr, "ledger-verify: --need is above the number of witnesses\n");
        return false;
    }
    return true;
}

/* ---- public/witnessed ---- */

/* A running ledgerd replaces the file: what is checked against the tree and what is judged must be
 * the same bytes, and older than the checkpoint that verify_run will see. */
static void take_copy(vwitnessed_t *w, verify_ask_t *ask)
{
    slice_t note;
    int dir = open(ask->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err_t e = dir < 0 ? FAIL(ERR_IO) : vfile_read(dir, "public/witnessed", VNOTE_MAX, &note);
    if (err_is(e, ERR_NOT_FOUND)) {
        e = vfile_read(dir, "witnessed", VNOTE_MAX, &note);
    }
    if (dir >= 0) {
        close(dir);
    }
    if (err_failed(e)) {
        return;
    }
    w->copy = memfd_create("witnessed", MFD_CLOEXEC);
    bool copied = w->copy >= 0 && write(w->copy, note.ptr, note.len) == (ssize_t)note.len;
    vfile_free(&note);
    if (copied && ask->remembered_count < REMEMBERED_MAX) {
        snprintf(w->path, sizeof w->path, "/proc/self/fd/%d", w->copy);
        ask->remembered[ask->remembered_count++] = w->path;
    }
}

bool vwitnessed_begin(vwitnessed_t *w, verify_ask_t *ask)
{
    if (!w->file_count) {
        if (w->need) {
            fputs("ledger-verify: --need goes with --witness\n", stderr);
        }
        return w->need == 0;
    }
    if (!policy_load(w)) {
        return false;
    }
    if (ask->dir) {
        take_copy(w, ask);
    }
    return true;
}

static void judge_note(vwitnessed_t *w, slice_t note, report_t *r)
{
    vcosigned_t c;
    if (err_failed(vcosigned_judge(note, &w->policy, w->need, &c))) {
        return; /* verify_run has said what is wrong with it */
    }
    if (c.false_count) {
        report_fault(r, VERDICT_TAMPERED, NO_LEAF,
                     "a cosignature under the checkpoint of %llu records is false", LLU(c.size));
    }
    bool better = !w->any || (c.enough && !w->best.enough) ||
                  (c.enough == w->best.enough && c.size > w->best.size);
    w->best = better ? c : w->best;
    w->any = true;
}

void vwitnessed_end(vwitnessed_t *w, const verify_ask_t *ask, report_t *r)
{
    if (!w->file_count) {
        return;
    }
    for (size_t i = 0; i < ask->remembered_count; i++) {
        slice_t note;
        if (!err_failed(vfile_read(AT_FDCWD, ask->remembered[i], VNOTE_MAX, &note))) {
            judge_note(w, note, r);
            vfile_free(&note);
        }
    }
    if (w->path[0]) {
        r->remembered -= r->remembered > 0; /* ours lay in the ledger's own folder */
        close(w->copy);
    }
    if (!w->best.enough) {
        report_fault(r, VERDICT_INCOMPLETE, NO_LEAF,
                     w->any ? "not cosigned as asked: %zu of %zu witnesses"
                            : "no cosigned checkpoint is here: %zu of %zu witnesses",
                     w->best.count, w->policy.witness_count);
    }
}

void vwitnessed_print(const vwitnessed_t *w, bool json)
{
    char at[32] = "";
    time_t t = (time_t)w->best.time_s;
    struct tm tm;
    if (!w->file_count) {
        return;
    }
    if (w->best.count && gmtime_r(&t, &tm)) {
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    if (json) {
        printf("\"witnessed\":{\"records\":%llu,\"cosigned_by\":%zu,\"of\":%zu,\"enough\":%s,"
               "\"at\":\"%s\"},",
               LLU(w->best.size), w->best.count, w->policy.witness_count,
               w->best.enough ? "true" : "false", at);
    } else if (w->any) {
        printf("the first %llu records were cosigned by %zu of %zu witnesses, last at %s\n",
               LLU(w->best.size), w->best.count, w->policy.witness_count, at[0] ? at : "-");
        if (w->best.enough) {
            puts("  what was cut off or added after that time these witnesses cannot tell");
        }
    }
}

/* ---- bundles ---- */

int vtlog_print(const char *dir, const char *seq_text)
{
    uint64_t seq;
    static uint8_t mem[VTLOG_MAX];
    buf_t out = BUF_ON_ARRAY(mem);
    if (err_failed(slice_parse_u64(slice_cstr_in(seq_text), INT64_MAX, &seq))) {
        fputs("ledger-verify: --prove takes a record's number\n", stderr);
        return VERDICT_INCOMPLETE;
    }
    err_t e = vtlog_make(dir, seq, &out);
    if (err_failed(e)) {
        fprintf(stderr, "ledger-verify: no proof: %s\n",
                err_is(e, ERR_NOT_FOUND) ? "this record is not under a checkpoint (yet)"
                                         : err_text(e.code));
        return VERDICT_INCOMPLETE;
    }
    fwrite(out.ptr, 1, out.len, stdout);
    return fflush(stdout) == 0 ? VERDICT_OK : VERDICT_INCOMPLETE;
}

/* By the key that was given, or one of the policy's logs. */
static err_t check_by_keys(slice_t text, const vkey_t *key, const vpolicy_t *p, uint8_t *mem,
                           vtlog_t *ret_proof)
{
    err_t e = key->text[0] ? vtlog_check(text, key, mem, ret_proof) : FAIL(ERR_SYNTAX);
    for (size_t i = 0; err_is(e, ERR_SYNTAX) && i < p->log_count; i++) {
        e = vtlog_check(text, &p->log[i], mem, ret_proof);
    }
    return e;
}

static verdict_t check_bundle(slice_t text, const vkey_t *key, vwitnessed_t *w, bool json)
{
    static uint8_t mem[VLEAF_MAX];
    static report_t r;
    uint8_t line_mem[16 * 1024];
    buf_t line = BUF_ON_ARRAY(line_mem);
    vtlog_t proof;
    vleaf_t leaf;
    err_t e = check_by_keys(text, key, &w->policy, mem, &proof);
    if (err_failed(e)) {
        puts(err_is(e, ERR_CRYPTO) ? "TAMPERED: the proof does not hold"
                                   : "INCOMPLETE: no proof of a record under this key");
        return err_is(e, ERR_CRYPTO) ? VERDICT_TAMPERED : VERDICT_INCOMPLETE;
    }
    if (w->file_count) {
        judge_note(w, proof.note, &r);
    }
    if (!err_failed(vleaf_parse(proof.leaf, &leaf))) {
        vleaf_print(&leaf, true, json, &line);
        fwrite(line.ptr, 1, line.len, stdout);
    } else {
        printf("record %llu holds; its leaf is of another format than this program's\n",
               LLU(proof.index));
    }
    if (!json) {
        printf("record %llu stands in the tree of %llu records\n", LLU(proof.index),
               LLU(proof.cp.size));
        vwitnessed_print(w, false);
    }
    if (r.verdict != VERDICT_OK) {
        puts("TAMPERED: a cosignature is false");
        return r.verdict;
    }
    if (w->file_count && !w->best.enough) {
        puts("INCOMPLETE: not cosigned as asked");
        return VERDICT_INCOMPLETE;
    }
    puts(json ? "{\"verdict\":\"ok\"}" : "OK");
    return VERDICT_OK;
}

int vtlog_verify(const char *file, const char *key_file, vwitnessed_t *w, bool json)
{
    static vkey_t key;
    verify_ask_t nothing = {0};
    slice_t text;
    bool key_fine = true;
    if (!vwitnessed_begin(w, &nothing)) {
        return VERDICT_INCOMPLETE;
    }
    if (key_file) {
        key_fine = !err_failed(vkey_read(AT_FDCWD, key_file, &key));
    }
    if (!key_fine || (!key_file && !w->policy.log_count)) {
        fputs("ledger-verify: --proof needs --key with the log's key, or a policy that names it\n",
              stderr);
        return VERDICT_INCOMPLETE;
    }
    if (err_failed(vfile_read(AT_FDCWD, file, VTLOG_MAX, &text))) {
        fprintf(stderr, "ledger-verify: %s cannot be read\n", file);
        return VERDICT_INCOMPLETE;
    }
    verdict_t v = check_bundle(text, &key, w, json);
    vfile_free(&text);
    return fflush(stdout) == 0 ? (int)v : VERDICT_INCOMPLETE;
}
