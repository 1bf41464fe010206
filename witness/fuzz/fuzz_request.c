/* A witness's two requests, from the bytes to the verdict on them. The log's key is fixed and its
 * secret is not here: whatever comes, only the checkpoint that it did sign (the corpus holds it)
 * may ever count as signed, and a path may only hold where it holds. */
#include "handover.h"
#include "logs.h"
#include "request.h"
#include "wnote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNED_SIZE = 7 };
static const char LOG[] = "log.example/fuzz+b1f92baf+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

static void one_note(slice_t note)
{
    static wkey_t key;
    wcheckpoint_t cp;
    if (!key.name[0]) {
        err_ignore(wkey_parse(slice_cstr_in(LOG), WKEY_LOG, &key));
    }
    if (err_failed(wnote_parse(note, &cp))) {
        return;
    }
    CHECK(cp.text.len + 1 + cp.signatures.len == note.len);
    CHECK(err_failed(wnote_signed(&cp, &key, NULL)) || cp.size == SIGNED_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static log_proof_t proof;
    static logs_t logs;
    static const uint8_t NOTHING[MERKLE_HASH];
    char fault[LOGS_FAULT];
    slice_t in = slice_make(data, size);
    add_checkpoint_t rq;
    wkey_t key;
    if (!err_failed(add_checkpoint_parse(in, &rq))) {
        CHECK(rq.path.n <= MERKLE_PATH_MAX && rq.old_size <= INT64_MAX);
        /* Nobody can show a way between two roots of zeros: it would be a collision of SHA-256. */
        CHECK(!merkle_consistent(rq.old_size, NOTHING, rq.old_size + 1 + size, NOTHING, &rq.path) ||
              rq.old_size == 0);
        one_note(rq.note);
    }
    if (!err_failed(log_proof_parse(in, &proof))) {
        CHECK(proof.extra_len <= REQUEST_LEAF_MAX && proof.path.n <= MERKLE_PATH_MAX);
        if (!err_failed(handover_key(slice_make(proof.extra, proof.extra_len), proof.index,
                                     SLICE("log.example/fuzz"), &key))) {
            CHECK(strcmp(key.name, "log.example/fuzz") == 0);
        }
        one_note(proof.note);
    }
    one_note(in);
    err_ignore(logs_parse(in, &logs, fault));
    err_ignore(wkey_parse(in, WKEY_WITNESS, &key));
    return 0;
}
