/* Notes and public keys. A fixed key signs: no mutation may ever open to another checkpoint than
 * the one that was signed (the corpus holds it). Behind an 'S' stands a text that the key signs
 * here, so that what comes behind the signature is reached: both readers then see the same. */
#include "note.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNED_SIZE = 1234 };

static void signed_here(slice_t text, const note_key_t *key, const vkey_t *vkey)
{
    static uint8_t mem[4096];
    buf_t note = BUF_ON_ARRAY(mem);
    checkpoint_t cp;
    vcheckpoint_t vcp;
    if (text.len > sizeof mem / 2 || slice_find(text, SLICE("\n\n")) == SIZE_MAX) {
        return;
    }
    buf_put(&note, text);
    note_add_signature(&note, key);
    CHECK(!note.full);
    bool one = !err_failed(note_open_checkpoint(buf_slice(&note), key, &cp));
    bool two = !err_failed(vnote_open(buf_slice(&note), vkey, &vcp));
    if (one && two) {
        CHECK(cp.size == vcp.size && memcmp(cp.root.b, vcp.root, sizeof cp.root.b) == 0);
    }
    one = !err_failed(note_read_checkpoint(text, key->name, &cp));
    two = !err_failed(vnote_text(text, &vcp));
    if (one && two) {
        CHECK(cp.size == vcp.size && memcmp(cp.root.b, vcp.root, sizeof cp.root.b) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t SEED[NOTE_SEED] = {1, 2, 3};
    static note_key_t key;
    static vkey_t vkey;
    slice_t in = slice_make(data, size);
    checkpoint_t cp;
    vcheckpoint_t vcp;
    vkey_t parsed;
    if (!key.name[0]) {
        uint8_t mem[256];
        buf_t b = BUF_ON_ARRAY(mem);
        CHECK(!err_failed(note_key_init(SLICE("sekisho.local/test"), SEED, &key)));
        note_put_vkey(&b, &key);
        CHECK(!err_failed(vkey_parse(buf_slice(&b), &vkey)));
    }
    if (slice_starts(in, SLICE("S"))) {
        signed_here(slice_from(in, 1), &key, &vkey);
        return 0;
    }
    CHECK(err_failed(note_open_checkpoint(in, &key, &cp)) || cp.size == SIGNED_SIZE);
    CHECK(err_failed(vnote_open(in, &vkey, &vcp)) || vcp.size == SIGNED_SIZE);
    err_ignore(vkey_parse(in, &parsed)); /* must not crash */
    return 0;
}
