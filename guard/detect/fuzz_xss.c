/* Any bytes for xss_detect: what it tells lies inside the value, the gate never closes on what is
 * found, and the same value gives the same answer wherever it lies in memory. */
#include "xss.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(slice_t in, const xss_found_t *found)
{
    xss_found_t f = *found;
    CHECK(f.len > 0 && f.at < in.len && f.len <= in.len - f.at);
    size_t n = 0;
    for (; f.fingerprint[n]; n++) {
        char c = f.fingerprint[n];
        CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    }
    CHECK(n > 0 && n < sizeof(f.fingerprint));
    CHECK(xss_context_name(f.context)[0]);
    CHECK(xss_possible(bytes_seen(in), in.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t in = slice_make(data, size);
    xss_found_t f = {0};
    bool found = xss_detect(in, &f);
    CHECK(xss_detect(in, NULL) == found);
    if (found) {
        check_found(in, &f);
    } else {
        CHECK(f.at == 0 && f.len == 0 && f.fingerprint[0] == 0);
    }
    uint8_t *copy = malloc(size ? size : 1);
    CHECK(copy);
    memcpy(copy, data, size);
    CHECK(xss_detect(slice_make(copy, size), NULL) == found);
    free(copy);
    return 0;
}
