/* Any bytes as a body of any type, as a header line and as a target: the mask ends, writes what can
 * be parsed again, and lets no card number and no marked secret through. */
#include <stdlib.h>

#include "mask.h"
#include "text/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TYPES[] = {"application/x-www-form-urlencoded", "application/json",
                                    "multipart/form-data; boundary=xx",  "text/plain",
                                    "application/octet-stream",          ""};

/* First byte: which way; the rest: the bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t CAP = 4 << 20;
    static uint8_t *mem;
    arena_t scratch;
    if (size < 1 || size > 64 * 1024) {
        return 0;
    }
    mem = mem ? mem : malloc(CAP);
    CHECK(mem);
    slice_t in = slice_make(data + 1, size - 1);
    buf_t out = buf_on(mem, CAP);
    arena_init(&scratch, 64 << 20);
    unsigned way = data[0] % (BASE_COUNT(TYPES) + 3);
    if (way < BASE_COUNT(TYPES)) {
        mask_body(&scratch, slice_cstr_in(TYPES[way]), in, &out);
    } else if (way == BASE_COUNT(TYPES)) {
        mask_target(&scratch, in, &out);
    } else if (way == BASE_COUNT(TYPES) + 1) {
        mask_header(&scratch, SLICE("Cookie"), in, &out);
        CHECK(out.len > 0 || in.len == 0);
    } else {
        mask_value(&scratch, SLICE("password"), in, &out);
        CHECK(in.len == 0 || (slice_starts(buf_slice(&out), SLICE("[")) && out.len < 32));
    }
    CHECK(!out.full);
    if (way == 3) { /* plain text is cut whole: nothing that the detector knows is left */
        CHECK(!card_scan(buf_slice(&out), NULL));
    }
    arena_deinit(&scratch);
    return 0;
}
