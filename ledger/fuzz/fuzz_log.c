/* A piece of the log: both readers take the same first frame; the verifier walks to the end. Behind
 * an 'R' stands a piece whose frames get their true checksums here, so that what comes behind the
 * checksum is reached. */
#include "crc32c.h"
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

enum { PIECE_MAX = 16 * 1024, LEN_AT = 8, PREV_AT = 32, CRC_AT = FRAME_HEAD - 4 };

static void put_u32(uint8_t *at, uint32_t value)
{
    buf_t b = buf_on(at, 4);
    buf_u32be(&b, value);
}

/* The chain too, unless its last bit says otherwise: a wrong one must be seen as well. */
static slice_t repaired(slice_t in)
{
    static uint8_t mem[PIECE_MAX];
    size_t len = in.len < PIECE_MAX ? in.len : (size_t)PIECE_MAX;
    uint32_t crc = 0;
    memset(mem, 0, sizeof mem);
    if (len) {
        memcpy(mem, in.ptr, len);
    }
    for (size_t at = 0; len - at >= FRAME_HEAD;) {
        cursor_t c = cur_on(slice_make(mem + at + LEN_AT, 4));
        size_t body = cur_u32be(&c);
        if (body > len - at - FRAME_HEAD) {
            break;
        }
        if (!(mem[at + PREV_AT] & 0x80)) {
            put_u32(mem + at + PREV_AT, crc);
        }
        crc = crc32c(crc32c(0, slice_make(mem + at, CRC_AT)),
                     slice_make(mem + at + FRAME_HEAD, body));
        put_u32(mem + at + CRC_AT, crc);
        at += FRAME_HEAD + body;
    }
    return slice_make(mem, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static report_t report;
    vlog_chain_t chain = {0};
    slice_t in = slice_make(data, size);
    in = slice_starts(in, SLICE("R")) ? repaired(slice_from(in, 1)) : in;
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
