#include "epoch.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "ledger/api.h"
#include "text/b64.h"

enum { ARENA = 32 * 1024, FILE_MAX = 4096 };
static const mode_t PUBLIC_MODE = 0640;

/* "<letters> <seq>\n" */
static err_t epoch_parse(slice_t text, epoch_t *e)
{
    slice_t letters;
    text = slice_trim(text);
    ENSURE(slice_split(&text, ' ', &letters) && letters.len == sizeof e->letters - 1, ERR_SYNTAX);
    memcpy(e->letters, letters.ptr, letters.len);
    return slice_parse_u64(text, INT64_MAX, &e->seq);
}

err_t epoch_read(path_t dir, epoch_t *ret_epoch)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    epoch_t e = {0};
    path_t file;
    slice_t text;
    arena_init(&a, ARENA);
    TRY(path_join(&a, dir, SLICE("epoch"), &file));
    err_t found = file_read(&a, file, FILE_MAX, &text);
    if (!err_is(found, ERR_NOT_FOUND)) {
        TRY(found);
        TRY(epoch_parse(text, &e));
    }
    TRY(path_join(&a, dir, SLICE("restored"), &file));
    found = file_read(&a, file, FILE_MAX, &text);
    if (!err_is(found, ERR_NOT_FOUND)) {
        TRY(found);
        TRY(ledger_restored_get(text, &e.restored));
        /* the same letters: the epoch stands, only the file was not removed any more */
        e.pending = strcmp(e.restored.epoch, e.letters) != 0;
    }
    *ret_epoch = e;
    return OK;
}

void epoch_seed_name(const char *letters, char out[EPOCH_SEED_NAME])
{
    snprintf(out, EPOCH_SEED_NAME, "note%s%s.key", letters[0] ? "." : "", letters);
}

err_t epoch_origin(const char *origin, const char *letters, buf_t *out)
{
    buf_cstr(out, origin);
    if (letters[0]) {
        buf_cstr(out, "/r-");
        buf_cstr(out, letters);
    }
    return buf_check(out);
}

/* ---- handing over ---- */

/* Earlier public keys, a line each: where verifiers find the keys of checkpoints kept elsewhere.
 * They are hints; the records prove them. */
static err_t old_key_keep(arena_t *a, path_t pub, slice_t vkey)
{
    path_t file;
    slice_t text = SLICE_EMPTY, line;
    buf_t out;
    TRY(path_join(a, pub, SLICE("epochs"), &file));
    err_t e = file_read(a, file, FILE_MAX, &text);
    ENSURE(!err_failed(e) || err_is(e, ERR_NOT_FOUND), e.code);
    TRY(arena_buf(a, text.len + vkey.len + 2, &out));
    buf_put(&out, text);
    for (slice_t rest = text; slice_split(&rest, '\n', &line);) {
        if (slice_eq(line, vkey)) {
            return OK;
        }
    }
    buf_put(&out, vkey);
    buf_u8(&out, '\n');
    TRY(buf_check(&out));
    return file_replace(file, buf_slice(&out), PUBLIC_MODE);
}

static err_t new_key_publish(arena_t *a, path_t pub, const note_key_t *now)
{
    uint8_t mem[EPOCH_VKEY];
    buf_t vkey = BUF_ON_ARRAY(mem);
    path_t file;
    note_put_vkey(&vkey, now);
    buf_u8(&vkey, '\n');
    TRY(buf_check(&vkey));
    TRY(path_join(a, pub, SLICE("ledger.vkey"), &file));
    return file_replace(file, buf_slice(&vkey), PUBLIC_MODE);
}

err_t epoch_hand_over(path_t dir, const note_key_t *before, const note_key_t *now)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    path_t pub, file;
    slice_t note;
    checkpoint_t cp;
    uint8_t mem[EPOCH_VKEY], note_mem[NOTE_MAX];
    buf_t vkey = BUF_ON_ARRAY(mem), fresh = BUF_ON_ARRAY(note_mem);
    arena_init(&a, ARENA);
    TRY(path_join(&a, dir, SLICE("public"), &pub));
    TRY(path_join(&a, dir, SLICE("signed"), &file));
    TRY(file_read(&a, file, NOTE_MAX, &note));
    if (err_failed(note_open_checkpoint(note, now, &cp))) { /* else: done before a crash */
        TRY(note_open_checkpoint(note, before, &cp));
    }
    note_put_vkey(&vkey, before);
    note_put_checkpoint(&fresh, now, &cp);
    TRY(buf_check(&fresh));
    TRY(buf_check(&vkey));
    TRY(old_key_keep(&a, pub, buf_slice(&vkey)));
    TRY(file_replace(file, buf_slice(&fresh), PUBLIC_MODE));
    TRY(path_join(&a, pub, SLICE("checkpoint"), &file));
    TRY(file_replace(file, buf_slice(&fresh), PUBLIC_MODE));
    return new_key_publish(&a, pub, now);
}

void epoch_facts(const epoch_t *e, const note_key_t *now, uint64_t records, buf_t *facts)
{
    uint8_t mem[3][EPOCH_VKEY], text_mem[3 * EPOCH_VKEY], sig[crypto_sign_BYTES];
    buf_t before = BUF_ON_ARRAY(mem[0]), vkey = BUF_ON_ARRAY(mem[1]), sig64 = BUF_ON_ARRAY(mem[2]);
    buf_t text = BUF_ON_ARRAY(text_mem);
    note_put_vkey(&before, &e->before);
    note_put_vkey(&vkey, now);
    buf_cstr(&text, "sekisho ledger epoch v1\n");
    buf_put(&text, buf_slice(&before));
    buf_u8(&text, '\n');
    buf_put(&text, buf_slice(&vkey));
    buf_u8(&text, '\n');
    buf_dec(&text, (int64_t)records);
    buf_u8(&text, '\n');
    CHECK(!text.full && !before.full && !vkey.full);
    crypto_sign_detached(sig, NULL, text.ptr, text.len, e->before.secret_key);
    b64url_put(&sig64, slice_make(sig, sizeof sig));
    ledger_fact(facts, "backup", slice_cstr_in(e->restored.backup));
    ledger_fact_i64(facts, "backup_us", e->restored.backup_us);
    ledger_fact_i64(facts, "records", (int64_t)records);
    ledger_fact_i64(facts, "known", (int64_t)e->restored.known_size);
    ledger_fact(facts, "before", buf_slice(&before));
    ledger_fact(facts, "vkey", buf_slice(&vkey));
    ledger_fact(facts, "sig", buf_slice(&sig64));
}

err_t epoch_done(path_t dir, epoch_t *e, uint64_t seq)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    uint8_t mem[64];
    buf_t text = BUF_ON_ARRAY(mem);
    path_t file;
    arena_init(&a, ARENA);
    buf_cstr(&text, e->restored.epoch);
    buf_u8(&text, ' ');
    buf_dec(&text, (int64_t)seq);
    buf_u8(&text, '\n');
    TRY(path_join(&a, dir, SLICE("epoch"), &file));
    TRY(file_replace(file, buf_slice(&text), 0600));
    TRY(path_join(&a, dir, SLICE("restored"), &file));
    unlink(file.text); /* a crash before this: epoch_read sees that it is done */
    memcpy(e->letters, e->restored.epoch, sizeof e->letters);
    e->seq = seq;
    e->pending = false;
    note_key_wipe(&e->before);
    return OK;
}

/* ---- `restored` ---- */

void ledger_restored_put(buf_t *b, const ledger_restored_t *r)
{
    buf_cstr(b, "sekisho restored v1\n");
    buf_cstr(b, r->epoch);
    buf_u8(b, '\n');
    buf_cstr(b, r->backup);
    buf_u8(b, '\n');
    buf_dec(b, r->backup_us);
    buf_u8(b, '\n');
    buf_dec(b, (int64_t)r->known_size);
    buf_u8(b, '\n');
}

static err_t word(slice_t *text, char *out, size_t cap)
{
    slice_t line;
    ENSURE(slice_split(text, '\n', &line) && line.len > 0 && line.len < cap, ERR_SYNTAX);
    for (size_t i = 0; i < line.len; i++) {
        ENSURE(line.ptr[i] > ' ' && line.ptr[i] < 0x7f && line.ptr[i] != '+', ERR_SYNTAX);
    }
    memcpy(out, line.ptr, line.len);
    out[line.len] = 0;
    return OK;
}

err_t ledger_restored_get(slice_t text, ledger_restored_t *ret_restored)
{
    ledger_restored_t r = {0};
    slice_t line;
    ENSURE(slice_split(&text, '\n', &line) && slice_eq(line, SLICE("sekisho restored v1")),
           ERR_SYNTAX);
    TRY(word(&text, r.epoch, sizeof r.epoch));
    ENSURE(strlen(r.epoch) == 8, ERR_SYNTAX);
    TRY(word(&text, r.backup, sizeof r.backup));
    ENSURE(slice_split(&text, '\n', &line), ERR_SYNTAX);
    TRY(slice_parse_i64(line, 0, INT64_MAX, &r.backup_us));
    ENSURE(slice_split(&text, '\n', &line), ERR_SYNTAX);
    TRY(slice_parse_u64(line, INT64_MAX, &r.known_size));
    *ret_restored = r;
    return OK;
}
