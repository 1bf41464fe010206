#include "signer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tiles.h"

static const char SIGNED[] = "signed", CHECKPOINT[] = "checkpoint", VKEY[] = "ledger.vkey";

static err_t sys_err(void)
{
    return FAIL_SYS(errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO, errno);
}

static slice_t note_read(const signer_t *s, int dir, const char *name, arena_t *a, err_t *ret_err)
{
    slice_t bytes = SLICE_EMPTY;
    (void)s;
    *ret_err = tiles_read(dir, name, a, NOTE_MAX, &bytes);
    return bytes;
}

/* Replaces a small file as one step. */
static err_t note_write(const signer_t *s, int dir, const char *name, slice_t bytes)
{
    static const char TMP[] = "note";
    FD_SCOPED int fd =
        openat(s->tmp_dir, TMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return sys_err();
    }
    TRY(fd_write_all(fd, bytes));
    if (fsync(fd) != 0 || renameat(s->tmp_dir, TMP, dir, name) != 0 || fsync(dir) != 0) {
        return sys_err();
    }
    return OK;
}

/* Our own last word, read back: somebody who puts an old disk under us is noticed here. */
static err_t check_last(const signer_t *s)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    checkpoint_t cp;
    err_t e;
    arena_init(&a, NOTE_MAX + 64);
    slice_t note = note_read(s, s->dir, SIGNED, &a, &e);
    if (!s->any) {
        return err_is(e, ERR_NOT_FOUND) ? OK : FAIL(ERR_CORRUPT);
    }
    TRY(e);
    TRY(note_open_checkpoint(note, &s->key, &cp));
    ENSURE(cp.size == s->last.size && hash_eq(&cp.root, &s->last.root), ERR_CORRUPT);
    return OK;
}

/* `signed` first; next: also signs, at a segment's end. */
static err_t put_signed(signer_t *s, const checkpoint_t *cp, const note_key_t *next, buf_t *note)
{
    TRY(check_last(s));
    note_put_checkpoint(note, &s->key, cp);
    if (next) {
        note_add_signature(note, next);
    }
    TRY(buf_check(note));
    if (s->any && s->last.size == cp->size) {
        ENSURE(hash_eq(&s->last.root, &cp->root), ERR_CORRUPT);
        return OK;
    }
    CHECK(!s->any || cp->size > s->last.size);
    TRY(note_write(s, s->dir, SIGNED, buf_slice(note)));
    s->last = *cp;
    s->any = true;
    return OK;
}

err_t signer_sign(signer_t *s, const checkpoint_t *cp)
{
    uint8_t mem[NOTE_MAX];
    buf_t note = BUF_ON_ARRAY(mem);
    TRY(put_signed(s, cp, NULL, &note));
    return note_write(s, s->public_dir, CHECKPOINT, buf_slice(&note));
}

/* ---- a segment's end ---- */

static err_t seal_write(const signer_t *s, uint64_t number, slice_t note)
{
    BASE_CLEANUP(tiles_drop) tiles_t t;
    char path[TILES_PATH];
    tiles_init(&t, s->public_dir, s->tmp_dir, 'n');
    tiles_path(TILES_SEAL, number, TREE_TILE, path);
    TRY(tiles_add(&t, path, note));
    return tiles_flush(&t);
}

/* The note of both keys is in `signed`: it goes where it is kept and where readers look. */
static err_t publish_end(const signer_t *s, uint64_t number, slice_t note, const note_key_t *next)
{
    uint8_t mem[EPOCH_VKEY];
    buf_t vkey = BUF_ON_ARRAY(mem);
    note_put_vkey(&vkey, next);
    buf_u8(&vkey, '\n');
    TRY(buf_check(&vkey));
    TRY(seal_write(s, number, note));
    TRY(note_write(s, s->public_dir, CHECKPOINT, note));
    return note_write(s, s->public_dir, VKEY, buf_slice(&vkey));
}

err_t signer_hand_over(signer_t *s, const checkpoint_t *cp, uint64_t number, const note_key_t *next)
{
    uint8_t mem[NOTE_MAX];
    buf_t note = BUF_ON_ARRAY(mem);
    TRY(put_signed(s, cp, next, &note));
    TRY(publish_end(s, number, buf_slice(&note), next));
    TRY(notekeys_forget(s->keys, number + 1));
    note_key_wipe(&s->key);
    s->key = *next;
    return OK;
}

err_t signer_seal(const signer_t *s, const checkpoint_t *cp, uint64_t number, const note_key_t *old,
                  const note_key_t *next)
{
    uint8_t mem[NOTE_MAX];
    buf_t note = BUF_ON_ARRAY(mem);
    note_put_checkpoint(&note, old, cp);
    note_add_signature(&note, next);
    TRY(buf_check(&note));
    return seal_write(s, number, buf_slice(&note));
}

err_t signer_finish(signer_t *s, uint64_t number)
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    err_t e;
    arena_init(&a, NOTE_MAX + 64);
    slice_t note = note_read(s, s->dir, SIGNED, &a, &e);
    TRY(e);
    TRY(publish_end(s, number, note, &s->key));
    return notekeys_forget(s->keys, number + 1);
}

/* ---- opening ---- */

static err_t fault(char out[SIGNER_FAULT], err_t e, const char *what)
{
    snprintf(out, SIGNER_FAULT, "%s", what);
    return e;
}

/* The last signed checkpoint. public/checkpoint may be one behind (a crash between the two) but
 * never ahead. The one behind a segment's end was signed by a key that is no more: its size alone
 * is of interest then. */
static err_t shown_read(const signer_t *s, slice_t seen, checkpoint_t *ret_shown)
{
    bool ended = s->keys && s->last.size % s->leaves == 0;
    err_t e = note_open_checkpoint(seen, &s->key, ret_shown);
    return err_failed(e) && ended ? note_read_checkpoint(seen, s->key.name, ret_shown) : e;
}

err_t signer_open(signer_t *s, char ret_fault[SIGNER_FAULT])
{
    BASE_CLEANUP(arena_deinit) arena_t a = {0};
    checkpoint_t shown = {0};
    err_t e, shown_e;
    arena_init(&a, 2 * (NOTE_MAX + 64));
    slice_t note = note_read(s, s->dir, SIGNED, &a, &e);
    slice_t seen = note_read(s, s->public_dir, CHECKPOINT, &a, &shown_e);
    if (err_is(e, ERR_NOT_FOUND)) {
        return err_is(shown_e, ERR_NOT_FOUND)
                   ? OK
                   : fault(ret_fault, FAIL(ERR_CORRUPT),
                           "public/checkpoint is there but `signed` is not");
    }
    if (!err_failed(e)) {
        e = note_open_checkpoint(note, &s->key, &s->last);
    }
    if (err_failed(e)) {
        return fault(ret_fault, e, "the last signed checkpoint (`signed`) cannot be verified");
    }
    s->any = true;
    if (!err_failed(shown_e)) {
        shown_e = shown_read(s, seen, &shown);
    }
    if (err_failed(shown_e) && !err_is(shown_e, ERR_NOT_FOUND)) {
        return fault(ret_fault, shown_e, "public/checkpoint cannot be verified");
    }
    if (shown.size > s->last.size) {
        return fault(ret_fault, FAIL(ERR_CORRUPT),
                     "rollback: public/checkpoint is newer than `signed`");
    }
    if (shown.size < s->last.size) {
        return note_write(s, s->public_dir, CHECKPOINT, note);
    }
    return OK;
}

void signer_wipe(signer_t *s)
{
    note_key_wipe(&s->key);
}
