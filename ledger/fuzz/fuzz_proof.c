/* Proofs of many leaves: malformed ones are refused, and one that is taken has used every hash. */
#include "verify/proof.h"

enum { LEAVES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static vproof_leaf_t leaves[LEAVES_MAX];
    cursor_t c = cur_on(slice_make(data, size));
    uint64_t n = cur_u64be(&c);
    size_t count = cur_u8(&c) % LEAVES_MAX;
    uint8_t root[32], other[32];
    for (size_t i = 0; i < count; i++) {
        leaves[i].index = cur_u64be(&c);
        leaves[i].hash[0] = cur_u8(&c);
    }
    slice_t hashes = cur_rest(&c);
    if (!err_failed(vproof_root(n, leaves, count, hashes, root))) {
        CHECK(hashes.len || count == n); /* nothing comes from nothing */
        if (hashes.len) {
            CHECK(err_failed(
                vproof_root(n, leaves, count, slice_sub(hashes, 0, hashes.len - 32), other)));
        }
    }
    return 0;
}
