/* Leaves: writer and verifier take the same ones, and a leaf that is taken has one form. What is
 * printed of it is safe. */
#include "leaf.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[LEAF_MAX], text[64 * 1024];
    slice_t in = slice_make(data, size);
    leaf_t leaf;
    vleaf_t other;
    bool one = !err_failed(leaf_get(in, &leaf));
    bool two = !err_failed(vleaf_parse(in, &other));
    CHECK(one == two);
    if (!one) {
        return 0;
    }
    CHECK(leaf.entry.seq == other.seq && leaf.entry.time_us == other.time_us &&
          leaf.mono_us == other.mono_us && leaf.entry.room == other.room &&
          leaf.entry.rec.count == other.count && (unsigned)leaf.entry.rec.type == other.type);
    buf_t out = BUF_ON_ARRAY(mem);
    leaf_put(&out, &leaf);
    CHECK(!out.full && slice_eq(buf_slice(&out), in));
    for (unsigned json = 0; json < 2; json++) {
        buf_t line = BUF_ON_ARRAY(text);
        vleaf_print(&other, true, json, &line);
        CHECK(!line.full && text[line.len - 1] == '\n');
        for (size_t i = 0; i + 1 < line.len; i++) {
            CHECK(text[i] >= ' ' && text[i] < 0x7f);
        }
    }
    buf_t value = BUF_ON_ARRAY(text);
    (void)vleaf_fact(&other, "a", &value);
    return 0;
}
