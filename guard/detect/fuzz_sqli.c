/* Any bytes for sqli_detect: what it tells lies inside the value, the gate never closes on what is
 * found, and the same value gives the same answer wherever it lies in memory. */
#include "sqli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(slice_t in, const sqli_found_t *found)
{
    sqli_found_t f = *found;
    CHECK(f.len > 0 && f.at < in.len && f.len <= in.len - f.at);
    size_t n = 0;
    for (; f.fingerprint[n]; n++) {
        char c = f.fingerprint[n];
        CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    }
    CHECK(n > 0 && n < sizeof(f.fingerprint));
    CHECK(sqli_context_name(f.context)[0]);
    CHECK(f.dialects && (f.dialects & ~(uint32_t)SQLI_ALL) == 0);
    CHECK(sqli_possible(bytes_seen(in), in.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size);
    sqli_found_t f = {0};
    bool found = sqli_detect(in, &f);
    CHECK(sqli_detect(in, NULL) == found);
    if (found) {
        check_found(in, &f);
    } else {
        CHECK(f.at == 0 && f.len == 0 && f.fingerprint[0] == 0);
    }
    uint8_t *copy = malloc(size ? size : 1);
    CHECK(copy);
    memcpy(copy, data, size);
    CHECK(sqli_detect(slice_make(copy, size), NULL) == found);
    free(copy);
    return 0;
}
