/* Any bytes for xss_detect: what it tells lies inside the value, the gate never closes on what is
 * found, and the same value gives the same answer wherever it lies in memory and whether or not
 * anybody asks where. */
#include "xss.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_IN = 16 * 1024 };

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
    if (found) {
        check_found(in, &f);
    } else {
        CHECK(f.at == 0 && f.len == 0 && f.fingerprint[0] == 0);
    }
    /* A byte behind the copy is another one than behind `data`; that nothing is read there, ASan
     * sees at `data`, which is exactly as long as its memory. */
    static uint8_t copy[MAX_IN + 1];
    if (size <= MAX_IN) {
        memcpy(copy + 1, data, size);
        CHECK(xss_detect(slice_make(copy + 1, size), NULL) == found);
    }
    return 0;
}
