/* A piece of the log: both readers take the same first frame; the verifier walks to the end. */
#include "frame.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_leaf(void *ctx, uint64_t seq, slice_t leaf)
{
    uint64_t *count = ctx;
    vleaf_t out;
    (void)seq;
    err_ignore(vleaf_parse(leaf, &out)); /* either way; it must not crash */
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static report_t report;
    vlog_chain_t chain = {0};
    slice_t in = slice_make(data, size);
    frame_t frame;
    uint64_t leaves = 0;
    report = (report_t){0};
    bool first = !err_failed(frame_get(in, &frame));
    vlog_piece(in, "00000000", &chain, &report, on_leaf, &leaves);
    CHECK(!chain.any || first);
    CHECK(chain.any || !first || report.verdict != VERDICT_OK);
    CHECK(!chain.any || leaves >= frame.count);
    return 0;
}
