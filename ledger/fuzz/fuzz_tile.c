/* Names of tiles: what parses prints to the same name. */
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t mem[64];
    uint64_t number;
    unsigned width;
    slice_t in = slice_make(data, size);
    if (!err_failed(vtile_parse(in, &number, &width))) {
        buf_t name = BUF_ON_ARRAY(mem);
        vtile_name(number, width, &name);
        CHECK(!name.full && slice_eq(buf_slice(&name), in));
    }
    return 0;
}
