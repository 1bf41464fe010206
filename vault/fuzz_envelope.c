/* Any bytes as a sealed value: nothing opens but what was sealed; what is sealed opens. First byte:
 * which. */
#include "envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t mem[4096];
    static uint8_t out_mem[4096];
    if (size < 1 || size > 2048) {
        return 0;
    }
    secret_t key = {{1, 2, 3}};
    envelope_place_t place = {
        .kind = ENVELOPE_FIELD, .epoch = 1, .table = SLICE("t"), .column = SLICE("c")};
    slice_t bytes = slice_make(data + 1, size - 1);
    buf_t sealed = BUF_ON_ARRAY(mem);
    buf_t out = BUF_ON_ARRAY(out_mem);
    envelope_head_t head;
    if (data[0] & 1U) {
        CHECK(!err_failed(envelope_seal(&key, &place, bytes, &sealed)));
        CHECK(!err_failed(envelope_head_read(buf_slice(&sealed), &head)));
        CHECK(!err_failed(envelope_open(&key, &place, buf_slice(&sealed), &out)));
        CHECK(slice_eq(buf_slice(&out), bytes));
        return 0;
    }
    err_ignore(envelope_head_read(bytes, &head)); /* any verdict is fine */
    CHECK(err_is(envelope_open(&key, &place, bytes, &out), ERR_CRYPTO) && out.len == 0);
    return 0;
}
