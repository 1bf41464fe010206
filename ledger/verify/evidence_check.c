/* Evidence from a file, against keys that somebody kept. */
#include <fcntl.h>

#include "evidence.h"

enum { KEY_MAX = 4096 };

static void verdict(vevidence_report_t *r, verdict_t kind, const char *text)
{
    if (r->verdict == VERDICT_OK) {
        r->verdict = kind;
        snprintf(r->text, sizeof r->text, "%s", text);
    }
}

static void key_check(const vevidence_t *e, const char *file, vevidence_report_t *r)
{
    vkey_t key;
    err_t failure = vkey_read(AT_FDCWD, file, &key);
    if (err_failed(failure)) {
        verdict(r, VERDICT_INCOMPLETE, "the key given cannot be read");
        return;
    }
    failure = vevidence_key(e, &key);
    if (err_is(failure, ERR_NOT_FOUND)) {
        verdict(r, VERDICT_TAMPERED,
                "the key given did not sign this, and nothing shown leads from it to the one that "
                "did");
    } else if (err_failed(failure)) {
        verdict(r, VERDICT_TAMPERED, "a step from the key given to the one that signed is false");
    }
}

static void hex_of(const uint8_t bytes[32], char out[65])
{
    buf_t b = buf_on(out, 64);
    buf_hex(&b, slice_make(bytes, 32));
    out[64] = '\0';
}

/* "ed25519 <64 hex digits>" */
static bool signer_fits(const char *file, const char *signer)
{
    slice_t text;
    if (err_failed(vfile_read(AT_FDCWD, file, KEY_MAX, &text))) {
        return false;
    }
    slice_t line = slice_trim(text);
    bool fits = slice_starts(line, SLICE("ed25519 ")) &&
                slice_eq(slice_from(line, strlen("ed25519 ")), slice_cstr_in(signer));
    vfile_free(&text);
    return fits;
}

static void count(const vevidence_t *e, vevidence_report_t *r)
{
    r->records = e->shown_count;
    r->asks = e->ask_count;
    r->size = e->cp.size;
    r->first = e->first;
    snprintf(r->key, sizeof r->key, "%s", e->key.text);
    for (size_t i = 0; i < e->answer_count; i++) {
        r->certain += e->answer[i].class_ == 0;
        r->possible += e->answer[i].class_ == 1;
        r->inferable += e->answer[i].class_ == 2;
    }
}

static verdict_t kind_of(err_t e)
{
    return err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_VERSION) || err_is(e, ERR_MEMORY)
               ? VERDICT_INCOMPLETE
               : VERDICT_TAMPERED;
}

static void check(slice_t bytes, const char *key_file, const char *signer_file,
                  vevidence_report_t *r)
{
    vevidence_t e;
    const char *what = "";
    err_t failure = vevidence_open(bytes, &e, &what);
    hex_of(e.signer, r->signer);
    if (!err_failed(failure)) {
        failure = vevidence_complete(&e, &what);
    }
    if (!err_failed(failure)) {
        failure = vevidence_judge(&e, &what);
    }
    if (err_failed(failure)) {
        verdict(r, kind_of(failure), what);
    } else {
        count(&e, r);
        r->key_given = key_file != NULL;
        r->signer_given = signer_file != NULL;
        if (key_file) {
            key_check(&e, key_file, r);
        }
        if (signer_file && !signer_fits(signer_file, r->signer)) {
            verdict(r, VERDICT_TAMPERED, "somebody else than the given signer gave this answer");
        }
    }
    vevidence_free(&e);
}

void vevidence_check(const char *file, const char *key_file, const char *signer_file,
                     vevidence_report_t *ret_report)
{
    slice_t bytes;
    *ret_report = (vevidence_report_t){0};
    if (err_failed(vfile_read(AT_FDCWD, file, EVIDENCE_MAX, &bytes))) {
        verdict(ret_report, VERDICT_INCOMPLETE, "the evidence cannot be read");
        return;
    }
    check(bytes, key_file, signer_file, ret_report);
    vfile_free(&bytes);
}
