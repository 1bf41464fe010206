/* Notes and public keys. A fixed key signs: no mutation may ever open to another checkpoint than
 * the one that was signed (the corpus holds it). */
#include "note.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNED_SIZE = 1234 };

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
    CHECK(err_failed(note_open_checkpoint(in, &key, &cp)) || cp.size == SIGNED_SIZE);
    CHECK(err_failed(vnote_open(in, &vkey, &vcp)) || vcp.size == SIGNED_SIZE);
    err_ignore(vkey_parse(in, &parsed)); /* must not crash */
    return 0;
}
